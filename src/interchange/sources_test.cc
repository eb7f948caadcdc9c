// Files of the real libraries (golden_fixture.h), read: every vector, every id, and what is remarked.
#include <gmock/gmock.h>

#include "interchange/faiss_source.h"
#include "interchange/golden_fixture.h"
#include "interchange/hnswlib_source.h"
#include "interchange/npy_header.h"
#include "interchange/npy_source.h"
#include "interchange/pickle_labels.h"
#include "interchange/qdrant_source.h"
#include "io/memory_file_system.h"

namespace strata::interchange {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Opener = Result<std::unique_ptr<PointSource>> (*)(io::FileSystem&, const std::string&, PointNames*);

SourceInfo read(Opener open, const std::string& name, Drained& drained, PointNames* names = nullptr) {
  const auto files = golden_files();
  auto source = open(*files, name, names);
  EXPECT_TRUE(source.has_value()) << name << ": " << (source ? "" : source.error().message());
  if (!source) return {};
  auto got = drain(**source);
  EXPECT_TRUE(got.has_value()) << name << ": " << (got ? "" : got.error().message());
  if (got) drained = std::move(*got);
  return (*source)->info();
}

Error refused(Opener open, const std::string& name) {
  const auto files = golden_files();
  auto source = open(*files, name, nullptr);
  EXPECT_FALSE(source.has_value()) << name;
  return source ? Error(ErrorCode::internal, "it was read") : std::move(source).error();
}

/// All rows, in their order, with these ids.
void expect_rows(const Drained& drained, std::string (*id)(int row), int rows = kGoldenRows) {
  ASSERT_EQ(drained.points.size(), static_cast<std::size_t>(rows));
  for (int row = 0; row < rows; ++row) {
    EXPECT_EQ(drained.points[row].id, id(row));
    EXPECT_EQ(drained.points[row].vector, golden_vector(row));
  }
}
std::string row_number(int row) { return std::to_string(row); }

TEST(Npy, RowsAreReadAsFloats) {
  Drained drained;
  const SourceInfo info = read(open_npy, "float32.npy", drained);
  EXPECT_EQ(info.format, "npy float32");
  EXPECT_EQ(info.dimension, 5U);
  EXPECT_EQ(info.points, 20U);
  EXPECT_FALSE(info.metric.has_value());
  expect_rows(drained, row_number);
  EXPECT_TRUE(drained.remarks.list().empty());
}

TEST(Npy, HalvesAreExactAndDoublesAreRoundedWhichIsTold) {
  Drained halves, doubles;
  read(open_npy, "float16.npy", halves);
  expect_rows(halves, row_number);
  EXPECT_TRUE(halves.remarks.list().empty());
  read(open_npy, "float64.npy", doubles);
  expect_rows(doubles, row_number);
  ASSERT_EQ(doubles.remarks.list().size(), 1U);
  EXPECT_EQ(doubles.remarks.list()[0].what, "a number of float64 was rounded to float32");
  EXPECT_EQ(doubles.remarks.list()[0].points, 20U);
  EXPECT_EQ(doubles.remarks.list()[0].example, "row 0");
}

TEST(Npy, FortranOrderAndOneAxisAreRefused) {
  EXPECT_THAT(refused(open_npy, "fortran.npy").message(), HasSubstr("Fortran order"));
  EXPECT_THAT(refused(open_npy, "ids_integer.npy").message(), HasSubstr("two axes"));
}

TEST(Names, AreIntegersOrTextOfAnArray) {
  const auto files = golden_files();
  const std::pair<const char*, std::string (*)(int)> cases[] = {
      {"ids_integer.npy", golden_label},
      {"ids_text.npy", [](int row) { return "n\xC3\xA4" + std::to_string(row); }},
      {"ids_bytes.npy", [](int row) { return "b" + std::to_string(row); }},
  };
  for (const auto& [file, id] : cases) {
    auto names = PointNames::open(*files, file);
    ASSERT_TRUE(names.has_value()) << names.error().message();
    Drained drained;
    read(open_npy, "float32.npy", drained, names->get());
    expect_rows(drained, id);
  }
}

TEST(Hnswlib, ElementsAreReadAndDeletedOnesTold) {
  Drained drained;
  const SourceInfo info = read(open_hnswlib, "l2.hnswlib", drained);
  EXPECT_EQ(info.format, "hnswlib");
  EXPECT_EQ(info.dimension, 5U);
  EXPECT_EQ(info.points, 20U);
  ASSERT_EQ(drained.points.size(), 18U);
  for (const IncomingPoint& point : drained.points) {
    const int row = (std::stoi(point.id) - 100) / 3;
    EXPECT_EQ(point.id, golden_label(row));
    EXPECT_EQ(point.vector, golden_vector(row));
    EXPECT_NE(row, 3);
    EXPECT_NE(row, 17);
  }
  ASSERT_EQ(drained.remarks.list().size(), 1U);
  EXPECT_EQ(drained.remarks.list()[0].what, "deleted in the index: left out");
  EXPECT_EQ(drained.remarks.list()[0].points, 2U);
  EXPECT_EQ(drained.remarks.list()[0].example, "label 109");
}

TEST(Faiss, EveryKindThatHoldsItsVectorsGivesThemBack) {
  struct Case {
    const char* file;
    const char* format;
    std::string (*id)(int);
  };
  const Case cases[] = {
      {"flat_l2.faiss", "faiss IndexFlat", row_number},
      {"flat_inner_product.faiss", "faiss IndexFlat", row_number},
      {"hnsw_flat.faiss", "faiss IndexHNSWFlat", row_number},
      {"id_map.faiss", "faiss IndexIDMap over IndexFlat", golden_label},
      {"id_map2.faiss", "faiss IndexIDMap2 over IndexFlat", golden_label},
      {"id_map_hnsw.faiss", "faiss IndexIDMap over IndexHNSWFlat", golden_label},
  };
  for (const Case& each : cases) {
    Drained drained;
    const SourceInfo info = read(open_faiss, each.file, drained);
    EXPECT_EQ(info.format, each.format);
    EXPECT_EQ(info.metric, std::string_view(each.file).starts_with("flat_inner") ? Metric::inner_product : Metric::l2);
    expect_rows(drained, each.id);
    EXPECT_TRUE(drained.remarks.list().empty());
  }
}

TEST(Faiss, InvertedListsComeListByList) {
  for (const auto& [file, rows] : {std::pair("ivf_flat.faiss", 20), std::pair("ivf_flat_sparse.faiss", 3)}) {
    Drained drained;
    EXPECT_EQ(read(open_faiss, file, drained).format, "faiss IndexIVFFlat");
    std::sort(drained.points.begin(), drained.points.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    expect_rows(drained, golden_label, rows);
  }
}

TEST(Faiss, CodesAreWhatFaissGivesBackAndThatIsTold) {
  for (const std::string code :
       {"8bit", "4bit", "8bit_uniform", "4bit_uniform", "fp16", "8bit_direct", "6bit", "bf16", "8bit_direct_signed"}) {
    Drained expected, drained;
    read(open_npy, "scalar_" + code + ".npy", expected);
    read(open_faiss, "scalar_" + code + ".faiss", drained);
    ASSERT_EQ(drained.points.size(), 20U) << code;
    for (std::size_t row = 0; row < 20; ++row) {
      for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_FLOAT_EQ(drained.points[row].vector[i], expected.points[row].vector[i]) << code << ", row " << row;
      }
    }
    ASSERT_EQ(drained.remarks.list().size(), 1U);
    EXPECT_EQ(drained.remarks.list()[0].what, "taken as faiss gives it back from its codes (QT_" + code + ")");
    EXPECT_EQ(drained.remarks.list()[0].points, 20U);
  }
  Drained drained;
  EXPECT_EQ(read(open_faiss, "hnsw_scalar.faiss", drained).format, "faiss IndexHNSWSQ");
  EXPECT_EQ(drained.points.size(), 20U);
}

TEST(Faiss, AMetricThatWeHaveNotIsSaid) {
  Drained drained;
  const SourceInfo info = read(open_faiss, "flat_l1.faiss", drained);
  EXPECT_FALSE(info.metric.has_value());
  EXPECT_EQ(info.metric_text, "the index was made for faiss' metric 2, which is none of ours");
  expect_rows(drained, row_number);
}

TEST(Faiss, AnIndexWithoutItsVectorsIsRefusedByName) {
  const Error error = refused(open_faiss, "product.faiss");
  EXPECT_EQ(error.code(), ErrorCode::unsupported);
  EXPECT_THAT(error.message(), HasSubstr("product.faiss, offset 0: IndexPQ"));
}

Result<std::unique_ptr<PointSource>> open_scroll(io::FileSystem& files, const std::string& name, PointNames*) {
  return open_qdrant(files, name, {});
}

TEST(Qdrant, AnswersOfScrollAreRead) {
  Drained drained;
  const SourceInfo info = read(open_scroll, "scroll.json", drained);
  EXPECT_EQ(info.dimension, 5U);
  expect_rows(drained, [](int row) {
    const std::string digits = std::to_string(row);
    return row % 2 == 1 ? golden_label(row)
                        : "00000000-0000-0000-0000-" + std::string(12 - digits.size(), '0') + digits;
  });
  for (std::int64_t row = 0; row < 20; ++row) EXPECT_EQ(drained.points[row].payload, (Map{{"row", row}}));
}

TEST(PickledLabels, ComeFromADictionaryOrAnObjectAndNothingElseIsFollowed) {
  const auto files = golden_files();
  for (const auto& [file, labels] : {std::pair("labels_2.pickle", 299U), std::pair("labels_4.pickle", 1'999U)}) {
    const auto read = read_pickled_labels(*InputFile::open(*files, file));
    ASSERT_TRUE(read.has_value()) << file << ": " << read.error().message();
    EXPECT_EQ(read->max_seq_id, 7);
    ASSERT_EQ(read->labels.size(), labels);
    for (const auto& [id, label] : read->labels) EXPECT_EQ(id, "n" + std::to_string(label));
  }
  // os.system("id"), for whoever would call it: here it is an object like any other.
  const std::string program = "cos\nsystem\nX\x02" + std::string(3, '\0') + "id\x85R.";
  const auto disk = io::make_memory_file_system();
  ASSERT_TRUE(io::write_file_atomically(*disk, "call", as_bytes(program)));
  const auto call = read_pickled_labels(*InputFile::open(*disk, "call"));
  ASSERT_TRUE(call.has_value()) << call.error().message();
  EXPECT_TRUE(call->labels.empty());
  ASSERT_TRUE(io::write_file_atomically(*disk, "persistent", as_bytes("Pname\n.")));
  const auto persistent = read_pickled_labels(*InputFile::open(*disk, "persistent"));
  EXPECT_EQ(persistent.error().code(), ErrorCode::unsupported);
  EXPECT_THAT(persistent.error().message(), HasSubstr("persistent, offset 0: a pickle's instruction 80"));
}

/// Every file cut at every byte: a typed error, or the points that are whole.
TEST(Sources, AFileThatEndsEarlyIsAnErrorThatNamesIt) {
  const auto files = golden_files();
  const std::pair<const char*, Opener> cases[] = {{"float32.npy", open_npy},         {"l2.hnswlib", open_hnswlib},
                                                  {"id_map_hnsw.faiss", open_faiss}, {"ivf_flat.faiss", open_faiss},
                                                  {"scalar_6bit.faiss", open_faiss}, {"scroll.json", open_scroll}};
  for (const auto& [file, open] : cases) {
    const Bytes whole = *io::read_file(*files, file, 1 << 20);
    // What hnswlib keeps behind its elements, links above the ground, is not read; JSON may end after a whole answer.
    const auto disk = io::make_memory_file_system();
    std::size_t read_whole = 0;
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const std::string name = "cut" + std::to_string(size);
      ASSERT_TRUE(io::write_file_atomically(*disk, name, ByteView(whole).first(size)));
      auto source = open(*disk, name, nullptr);
      auto drained = source ? drain(**source) : Result<Drained>(std::move(source).error());
      ASSERT_TRUE(disk->remove(name));
      if (drained) {
        ++read_whole;
        continue;
      }
      EXPECT_TRUE(drained.error().code() == ErrorCode::corruption ||
                  drained.error().code() == ErrorCode::invalid_argument)
          << drained.error().message();
    }
    const std::string_view name(file);
    const bool all_read = name.ends_with(".npy") || name.ends_with(".faiss");
    EXPECT_LE(read_whole, all_read ? 0U : name == "scroll.json" ? 4U : whole.size()) << file;
  }
}

}  // namespace
}  // namespace strata::interchange
