// Import and export on a real database: what a user gets, and what he is told.
#include <gmock/gmock.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "core/random.h"
#include "core/uuid.h"
#include "interchange/golden_fixture.h"
#include "interchange/npy_header.h"
#include "store/metadata/sqlite.h"

namespace strata {
namespace {

using interchange::golden_label;
using interchange::golden_vector;
using interchange::kGoldenRows;
using testing::ElementsAre;
using testing::HasSubstr;

class ImportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = std::filesystem::temp_directory_path() / ("strata-interchange-" + std::to_string(core::random_seed()));
    std::filesystem::create_directories(folder);
    auto opened = Engine::open((folder / "db").string());
    ASSERT_TRUE(opened) << opened.error().to_string();
    db = *std::move(opened);
  }
  void TearDown() override {
    db.reset();
    std::filesystem::remove_all(folder);
  }

  static std::string golden(const std::string& name) { return std::string(STRATA_GOLDEN) + "/" + name; }
  std::string path(const std::string& name) const { return (folder / name).string(); }
  std::string write(const std::string& name, std::string_view content) {
    std::ofstream(path(name), std::ios::binary) << content;
    return path(name);
  }
  std::string write_rows(const std::string& name, const std::vector<std::vector<float>>& rows) {
    std::string file = interchange::npy_header_text(DataType::float32, {rows.size(), rows[0].size()});
    for (const auto& row : rows) file.append(reinterpret_cast<const char*>(row.data()), row.size() * sizeof(float));
    return write(name, file);
  }
  VectorStore& vectors() { return static_cast<Stores&>(*db).vector(); }
  Result<VectorImportReport> take(VectorImportOptions options, const Progress& progress = {}) {
    return import_vectors(*db, "notes", options, progress);
  }
  VectorImportReport taken(VectorImportOptions options) {
    auto report = take(std::move(options));
    EXPECT_TRUE(report.has_value()) << (report ? "" : report.error().to_string());
    return report ? *std::move(report) : VectorImportReport{};
  }
  std::string refusal(VectorImportOptions options) {
    const auto report = take(std::move(options));
    EXPECT_FALSE(report.has_value());
    return report ? "" : report.error().to_string();
  }
  VectorExportReport given(VectorExportOptions options) {
    const auto view = db->view();
    auto report = export_vectors(**view, "notes", options);
    EXPECT_TRUE(report.has_value()) << (report ? "" : report.error().to_string());
    return report ? *std::move(report) : VectorExportReport{};
  }
  std::optional<StoredPoint> get(const std::string& id) { return *vectors().get("notes", id); }
  static std::vector<std::string> told(const std::vector<TransferRemark>& remarks) {
    std::vector<std::string> lines;
    for (const TransferRemark& remark : remarks)
      lines.push_back(std::to_string(remark.points) + " " + remark.what + " (" + remark.example + ")");
    return lines;
  }

  std::filesystem::path folder;
  std::unique_ptr<Engine> db;
};

TEST_F(ImportTest, MakesTheCollectionAsTheFileSays) {
  const VectorImportReport report = taken({.path = golden("id_map2.faiss")});
  EXPECT_EQ(report.format, "faiss IndexIDMap2 over IndexFlat");
  EXPECT_TRUE(report.created);
  EXPECT_EQ(report.read, 20U);
  EXPECT_EQ(report.upserted, 20U);
  EXPECT_THAT(told(report.remarks), ElementsAre());
  const auto info = vectors().collection("notes");
  EXPECT_EQ(info->points, 20U);
  EXPECT_EQ(info->options.dimension, 5U);
  EXPECT_EQ(info->options.metric, Metric::l2);
  for (int row = 0; row < kGoldenRows; ++row) EXPECT_EQ(get(golden_label(row))->vector, golden_vector(row));
}

TEST_F(ImportTest, TheFormatIsWhatTheContentSays) {
  int number = 0;
  for (const char* file : {"float32.npy", "hnsw_flat.faiss", "l2.hnswlib", "scroll.json", "table.parquet"}) {
    const auto report =
        import_vectors(*db, "of-" + std::to_string(++number), {.path = golden(file), .metric = Metric::l2});
    ASSERT_TRUE(report.has_value()) << report.error().to_string();
    EXPECT_EQ(report->read, std::string_view(file) == "l2.hnswlib" ? 18U : 20U);
  }
  EXPECT_THAT(
      refusal({.path = write("text", "hello")}),
      HasSubstr("begins as none of the formats that are read: npy, faiss, hnswlib, qdrant (JSON), parquet, chroma"));
  EXPECT_THAT(refusal({.path = write("empty", "")}), HasSubstr("begins as none of the formats"));
  EXPECT_THAT(refusal({.path = path("nothing")}), HasSubstr("not_found"));
  EXPECT_THAT(refusal({.path = folder.string()}), HasSubstr("holds neither vectors.npy nor chroma.sqlite3"));
}

TEST_F(ImportTest, AMetricThatNobodySaidIsAskedFor) {
  EXPECT_THAT(refusal({.path = golden("l2.hnswlib")}),
              HasSubstr("failed_precondition: an hnswlib file does not say for which metric it was made; say it: "
                        "metric cosine, l2 or inner_product"));
  EXPECT_THAT(refusal({.path = golden("flat_l1.faiss")}), HasSubstr("faiss' metric 2"));
  ASSERT_TRUE(vectors().create_collection("notes", {.dimension = 5}));
  EXPECT_EQ(taken({.path = golden("l2.hnswlib")}).collection.metric, Metric::cosine);  // the collection's
}

TEST_F(ImportTest, AnotherMetricOrDimensionThanTheCollectionsIsRefused) {
  ASSERT_TRUE(vectors().create_collection("notes", {.dimension = 5}));
  EXPECT_THAT(
      refusal({.path = golden("flat_l2.faiss")}),
      HasSubstr("compares by cosine, the file was made for l2; to take its vectors all the same, say metric cosine"));
  EXPECT_THAT(refusal({.path = golden("flat_l2.faiss"), .metric = Metric::l2}),
              HasSubstr("compares by cosine, asked for was l2"));
  EXPECT_EQ(taken({.path = golden("flat_l2.faiss"), .metric = Metric::cosine}).upserted, 20U);
  ASSERT_TRUE(vectors().create_collection("other", {.dimension = 3}));
  const auto report = import_vectors(*db, "other", {.path = golden("float32.npy")});
  EXPECT_THAT(report.error().message(), HasSubstr("holds vectors of 3 dimensions; the file has 5"));
}

TEST_F(ImportTest, IdsAndPayloadsComeFromTheFileBeside) {
  std::string lines;
  for (int row = 0; row < kGoldenRows; ++row)
    lines += "{\"id\": \"n" + std::to_string(row) + "\", \"payload\": {\"row\": " + std::to_string(row) + "}}\n";
  EXPECT_EQ(taken({.path = golden("float32.npy"), .points = write("ids.jsonl", lines), .metric = Metric::l2}).upserted,
            20U);
  EXPECT_EQ(get("n7")->payload, (Map{{"row", 7}}));
  EXPECT_EQ(get("n7")->vector, golden_vector(7));
  EXPECT_THAT(refusal({.path = golden("float32.npy"), .points = write("short.jsonl", "\"a\"\n\"b\"\n")}),
              HasSubstr("as many ids as vectors are needed: 2 ids, 20 vectors"));
  EXPECT_THAT(refusal({.path = golden("float32.npy"), .points = write("bad.jsonl", "{\"id\": [1]}\n")}),
              HasSubstr("bad.jsonl, line 1: \"id\" is not expected, or of another kind"));
  EXPECT_THAT(refusal({.path = golden("scroll.json"), .points = path("ids.jsonl")}),
              HasSubstr("says nothing about a file of the format qdrant"));
}

TEST_F(ImportTest, LinesWithLabelsNameIntegerIdsInAnyOrder) {
  const std::string lines = "{\"label\": 103, \"id\": \"second\"}\n{\"label\": 100, \"id\": \"first\"}\n";
  const VectorImportReport report = taken({.path = golden("id_map.faiss"), .points = write("names.jsonl", lines)});
  EXPECT_EQ(report.upserted, 2U);
  EXPECT_THAT(told(report.remarks),
              ElementsAre("18 the file with the ids has none for this label: left out (label 106)"));
  EXPECT_EQ(get("first")->vector, golden_vector(0));
  EXPECT_EQ(get("second")->vector, golden_vector(1));
  EXPECT_THAT(
      refusal({.path = golden("id_map.faiss"),
               .points = write("twice.jsonl", "{\"label\": 1, \"id\": \"a\"}\n{\"label\": 1, \"id\": \"b\"}\n")}),
      HasSubstr("the label 1 is given twice"));
  EXPECT_THAT(refusal({.path = golden("id_map.faiss"),
                       .points = write("mixed.jsonl", "{\"label\": 1, \"id\": \"a\"}\n\"b\"\n")}),
              HasSubstr("line 2 has no \"label\""));
}

TEST_F(ImportTest, WhatCannotBeKeptIsLeftOutAndToldByKind) {
  const float nan = std::nanf(""), inf = std::numeric_limits<float>::infinity();
  const std::string rows = write_rows("rows.npy", {{1, 0}, {nan, 1}, {0, 0}, {inf, 0}, {0, 2}, {1, 1}, {3, 1}});
  std::string deep = "1";
  for (int i = 0; i < 40; ++i) deep = "{\"a\":" + deep + "}";
  const std::string ids = write("ids.jsonl", "\"a\"\n\"b\"\n\"c\"\n\"d\"\n\"" + std::string(1025, 'x') +
                                                 "\"\n\"\"\n{\"id\": \"g\", \"payload\": " + deep + "}\n");
  const VectorImportReport report = taken({.path = rows, .points = ids, .metric = Metric::cosine});
  EXPECT_EQ(report.read, 7U);
  EXPECT_EQ(report.upserted, 1U);
  EXPECT_THAT(told(report.remarks),
              ElementsAre("2 the vector holds NaN or infinity: left out (row 1)",
                          "1 a zero vector, which has no angle: left out (row 2)",
                          "1 an id of over 1,024 bytes: left out (row 4)", "1 an empty id: left out (row 5)",
                          "1 a payload that nests too deep: left out (row 6)"));
  EXPECT_EQ(vectors().collection("notes")->points, 1U);
}

TEST_F(ImportTest, PointsThatWereThereAreReplacedWhichIsToldOrPassedOver) {
  taken({.path = golden("id_map.faiss")});
  const std::string rows = write_rows("rows.npy", {{1, 1, 1, 1, 1}, {2, 2, 2, 2, 2}, {3, 3, 3, 3, 3}});
  const std::string ids = write("ids.jsonl", "\"100\"\n\"new\"\n\"new\"\n");
  EXPECT_THAT(told(taken({.path = rows, .points = ids}).remarks),
              ElementsAre("2 a point of this id was there, or came twice: replaced (100)"));
  EXPECT_EQ(get("new")->vector, std::vector<float>(5, 3));
  const VectorImportReport again = taken({.path = golden("id_map.faiss"), .resume = true});
  EXPECT_EQ(again.skipped, 20U);
  EXPECT_EQ(again.upserted, 0U);
  EXPECT_EQ(get("100")->vector, std::vector<float>(5, 1));
}

TEST_F(ImportTest, CancelledItLeavesWholeBatchesAndResumeGoesOn) {
  const auto report = take({.path = golden("id_map.faiss"), .batch = 6}, [](std::uint64_t done, std::uint64_t total) {
    EXPECT_EQ(total, 20U);
    return done < 12;
  });
  EXPECT_EQ(report.error().code(), ErrorCode::cancelled);
  EXPECT_THAT(report.error().message(), HasSubstr("12 points are in; resume goes on"));
  EXPECT_EQ(vectors().collection("notes")->points, 12U);
  const VectorImportReport rest = taken({.path = golden("id_map.faiss"), .resume = true});
  EXPECT_EQ(rest.skipped, 12U);
  EXPECT_EQ(rest.upserted, 8U);
}

TEST_F(ImportTest, ADryRunWritesNothing) {
  const Lsn before = db->visible_lsn();
  const VectorImportReport report = taken({.path = golden("id_map.faiss"), .batch = 3, .dry_run = true});
  EXPECT_TRUE(report.created);
  EXPECT_EQ(report.upserted, 20U);
  EXPECT_EQ(db->visible_lsn(), before);
  EXPECT_EQ(vectors().collection("notes").error().code(), ErrorCode::not_found);
}

TEST_F(ImportTest, WordsOfAFieldAreSearched) {
  taken({.path = golden("float32.npy"),
         .points =
             [&] {
               std::string lines;
               for (int row = 0; row < kGoldenRows; ++row)
                 lines += "{\"id\": " + std::to_string(row) + ", \"payload\": {\"title\": \"word" +
                          std::to_string(row) + "\"}}\n";
               return write("ids.jsonl", lines);
             }(),
         .text_field = "title",
         .metric = Metric::l2});
  const auto hits = vectors().search_words("notes", "word7", {});
  ASSERT_EQ(hits->size(), 1U);
  EXPECT_EQ((*hits)[0].id, "7");
}

TEST_F(ImportTest, OptionsAreChecked) {
  EXPECT_THAT(refusal({.path = golden("float32.npy"), .batch = 0}), HasSubstr("a batch has 1 to 100000 points, not 0"));
  EXPECT_THAT(refusal({.path = golden("float32.npy"), .id_field = "a"}), HasSubstr("a field for the id says nothing"));
  EXPECT_THAT(refusal({.path = golden("float32.npy"), .format = VectorFormat::faiss}),
              HasSubstr("float32.npy, offset 0: these four letters"));
}

TEST_F(ImportTest, QdrantsNamedVectorsNeedAName) {
  const std::string two = write("two.json", R"({"id": 1, "vector": {"a": [1, 2], "b": [3, 4, 5]}}
{"id": 2, "vector": {"a": [5, 6]}} {"id": 3, "vector": {"a": {"indices": [1], "values": [2]}}} {"id": 4, "payload": {"x": 18446744073709551615}, "vector": [1, 1]} {"id": 5})");
  EXPECT_THAT(refusal({.path = two, .metric = Metric::l2}),
              HasSubstr("two.json, offset 0: points have several vectors: say which is to be taken, of a, b"));
  const VectorImportReport report = taken({.path = two, .vector_field = "a", .metric = Metric::l2});
  EXPECT_EQ(report.upserted, 2U);
  EXPECT_THAT(told(report.remarks),
              ElementsAre("1 further vectors of the point: left out (point 1)",
                          "1 a vector that is no list of numbers (sparse, or several): left out (point 3)",
                          HasSubstr("1 its JSON cannot be kept: left out (point 4: a number out of range"),
                          "1 no vector in the file: left out (point 5)"));
  EXPECT_EQ(get("2")->vector, (std::vector<float>{5, 6}));
}

TEST_F(ImportTest, ColumnsOfParquetAreThePayload) {
  const VectorImportReport report = taken({.path = golden("table.parquet"), .metric = Metric::l2});
  EXPECT_EQ(report.format, "parquet");
  EXPECT_EQ(report.upserted, 20U);
  EXPECT_THAT(told(report.remarks),
              ElementsAre("20 a column of the type TIMESTAMP WITH TIME ZONE became text in the payload (when)",
                          "20 a column of the type DECIMAL(4,2) became text in the payload (price)"));
  for (std::int64_t row = 0; row < kGoldenRows; ++row) {
    const auto point = get("n" + std::to_string(row));
    ASSERT_TRUE(point.has_value());
    EXPECT_EQ(point->vector, golden_vector(static_cast<int>(row)));
    Map expected{{"row", row},
                 {"when", "2026-11-30 12:00:00+00"},
                 {"price", "12.50"},
                 {"meta", Map{{"tags", Value::List{"a", "b"}}, {"score", 0.5}}}};
    if (row % 2 == 1) expected.set("lang", "en");
    EXPECT_EQ(point->payload, expected);
  }
}

TEST_F(ImportTest, ColumnsOfParquetHaveToBeSaidWhereTheyDoNotShow) {
  EXPECT_THAT(refusal({.path = golden("integers.parquet"), .metric = Metric::l2}),
              HasSubstr("there is no column \"id\" for the ids: say which; the columns are key BIGINT, x DOUBLE[]"));
  EXPECT_THAT(
      refusal({.path = golden("integers.parquet"), .id_field = "key", .vector_field = "key", .metric = Metric::l2}),
      HasSubstr("there is no column \"key\" of lists for the vectors"));
  EXPECT_EQ(taken({.path = golden("integers.parquet"), .id_field = "key", .metric = Metric::l2}).upserted, 20U);
  for (int row = 0; row < kGoldenRows; ++row) EXPECT_EQ(get(golden_label(row))->vector, golden_vector(row));
}

TEST_F(ImportTest, AChromaDirectoryGivesWhatItsIndexAndItsQueueHold) {
  EXPECT_THAT(refusal({.path = golden("chroma")}),
              HasSubstr("holds several collections: say which is to be taken, of notes, nothing"));
  EXPECT_THAT(refusal({.path = golden("chroma"), .source_collection = "other"}),
              HasSubstr("no collection \"other\" in chroma.sqlite3; there are notes, nothing"));
  EXPECT_THAT(refusal({.path = golden("chroma"), .source_collection = "nothing"}),
              HasSubstr("the file holds no vector"));
  const VectorImportReport report =
      taken({.path = golden("chroma"), .source_collection = "notes", .text_field = "document"});
  EXPECT_EQ(report.format, "chroma");
  EXPECT_EQ(report.collection.metric, Metric::l2);
  EXPECT_EQ(report.read, 20U);
  EXPECT_EQ(report.upserted, 20U);
  EXPECT_THAT(told(report.remarks), ElementsAre());
  EXPECT_FALSE(get("n3").has_value());
  EXPECT_EQ(get("late")->vector, std::vector<float>(5, 2));
  EXPECT_TRUE(get("late")->payload.empty());
  for (std::int64_t row = 0; row < kGoldenRows; ++row) {
    if (row == 3) continue;
    const auto point = get("n" + std::to_string(row));
    ASSERT_TRUE(point.has_value()) << row;
    EXPECT_EQ(point->vector, row == 5 ? std::vector<float>(5, 1) : golden_vector(static_cast<int>(row)));
    EXPECT_EQ(point->payload, (Map{{"row", row},
                                   {"real", static_cast<double>(row) / 4},
                                   {"flag", row % 2 == 0},
                                   {"lang", row == 6 ? "de" : "en"},
                                   {"document", "doc " + std::to_string(row)}}));
  }
  EXPECT_EQ((*vectors().search_words("notes", "doc", {.k = 100})).size(), 19U);
}

TEST_F(ImportTest, ADamagedChromaDirectoryIsAnErrorThatSaysWhere) {
  const auto copy = [&] {
    std::filesystem::remove_all(folder / "copy");
    std::filesystem::copy(golden("chroma"), folder / "copy", std::filesystem::copy_options::recursive);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "copy")) {
      if (entry.path().filename() == "header.bin") return entry.path().parent_path();
    }
    return std::filesystem::path();
  };
  const std::pair<const char*, std::uintmax_t> cuts[] = {{"header.bin", 50},
                                                         {"data_level0.bin", 100},
                                                         {"index_metadata.pickle", 300},
                                                         {"index_metadata.pickle", 0},
                                                         {"../chroma.sqlite3", 5'000}};
  for (const auto& [file, size] : cuts) {
    const std::filesystem::path cut = copy() / file;
    std::filesystem::resize_file(cut, size);
    const auto report = take({.path = path("copy"), .source_collection = "notes"});
    ASSERT_FALSE(report.has_value()) << file;
    EXPECT_EQ(report.error().code(), ErrorCode::corruption) << report.error().to_string();
    EXPECT_THAT(report.error().message(), HasSubstr(std::filesystem::path(file).filename().string()));
  }
  EXPECT_FALSE(take({.path = write("text", "SQLite format 3")}).has_value());
}

TEST_F(ImportTest, AViewInThePlaceOfATableOfChromasIsNotRead) {
  std::filesystem::create_directories(folder / "views");
  {
    auto made = store::metadata::Connection::open(path("views/chroma.sqlite3"),
                                                  store::metadata::Connection::Role::writer, 1 << 20);
    ASSERT_TRUE(made.has_value()) << made.error().to_string();
    ASSERT_TRUE(made->run("CREATE VIEW collections AS SELECT 'x' AS id, 'x' AS name").has_value());
  }
  EXPECT_THAT(refusal({.path = path("views")}), HasSubstr("chroma.sqlite3: no table collections, which Chroma's have"));
}

TEST_F(ImportTest, ADamagedParquetFileIsAnErrorThatNamesIt) {
  std::ifstream file(golden("table.parquet"), std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  for (std::size_t size = 4; size < whole.size(); size += 97) {
    EXPECT_THAT(refusal({.path = write("cut.parquet", whole.substr(0, size)), .metric = Metric::l2}),
                HasSubstr("cut.parquet"));
  }
}

TEST_F(ImportTest, WhatIsExportedComesBackTheSame) {
  ASSERT_TRUE(vectors().create_collection("notes", {.dimension = 3}));
  const std::vector<std::string> ids{
      "a", "7", "007", "n\xC3\xA4her", "8f14e45f-ceea-467f-a8d2-0242ac120002", std::string("z\0y", 3)};
  std::vector<std::vector<float>> rows;
  std::vector<Point> points;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const float length = std::sqrt(0.01F + static_cast<float>(i * i));
    rows.push_back({0.1F / length, static_cast<float>(i) / length, 0});
  }
  for (std::size_t i = 0; i < ids.size(); ++i)
    points.push_back({ids[i], rows[i], Map{{"i", static_cast<std::int64_t>(i)}, {"text", "a\nb"}}});
  ASSERT_TRUE(vectors().upsert("notes", points));
  for (const VectorFormat format :
       {VectorFormat::npy, VectorFormat::faiss, VectorFormat::qdrant, VectorFormat::parquet}) {
    const std::string name(strata::name(format));
    const VectorExportReport report = given({.path = path(name), .format = format});
    EXPECT_EQ(report.points, ids.size());
    EXPECT_THAT(told(report.remarks), ElementsAre());
    for (const std::string& file : report.files) EXPECT_TRUE(std::filesystem::exists(file)) << file;
    const auto back = import_vectors(*db, "back-" + name, {.path = path(name), .metric = Metric::cosine});
    ASSERT_TRUE(back.has_value()) << back.error().to_string();
    EXPECT_EQ(back->upserted, ids.size());
    EXPECT_THAT(told(back->remarks), ElementsAre());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto point = *vectors().get("back-" + name, ids[i]);
      ASSERT_TRUE(point.has_value()) << name << " lost " << ids[i];
      EXPECT_EQ(point->vector, rows[i]);
      EXPECT_EQ(point->payload, points[i].payload);
    }
  }
}

TEST_F(ImportTest, IntegerIdsAreTheLabelsOfAFaissIndex) {
  taken({.path = golden("id_map.faiss")});
  given({.path = path("out.faiss"), .format = VectorFormat::faiss});
  std::filesystem::remove(path("out.faiss.points.jsonl"));
  ASSERT_TRUE(import_vectors(*db, "back", {.path = path("out.faiss")}).has_value());
  for (int row = 0; row < kGoldenRows; ++row)
    EXPECT_EQ((*vectors().get("back", golden_label(row)))->vector, golden_vector(row));
}

TEST_F(ImportTest, AnExportKeepsToTheFilterAndScalesForFaissUnderCosine) {
  ASSERT_TRUE(vectors().create_collection("notes", {.dimension = 2}));
  const std::vector<float> one{3, 4}, other{1, 0};
  const std::vector<Point> points{{"a", one, {{"lang", "en"}}}, {"b", other, {{"lang", "de"}}}};
  ASSERT_TRUE(vectors().upsert("notes", points));
  const VectorExportReport report =
      given({.path = path("out.faiss"), .format = VectorFormat::faiss, .filter = {{"lang", "en"}}});
  EXPECT_EQ(report.points, 1U);
  EXPECT_THAT(told(report.remarks),
              ElementsAre("1 scaled to length 1, since faiss has no cosine: its inner product is then the same (a)"));
  ASSERT_TRUE(import_vectors(*db, "back", {.path = path("out.faiss")}).has_value());
  EXPECT_EQ(vectors().collection("back")->options.metric, Metric::inner_product);
  EXPECT_EQ((*vectors().get("back", "a"))->vector, (std::vector<float>{0.6F, 0.8F}));
}

TEST_F(ImportTest, AnExportWritesTheUnnamedVectorAndTellsOfTheOthers) {
  ASSERT_TRUE(vectors().create_collection("notes", {.dimension = 2, .vectors = {{.name = "title", .dimension = 1}}}));
  const std::vector<float> x{1, 2}, title{1};
  const PointVector named[] = {{"title", title}};
  const Point points[] = {{"a", x, {}, "", named}, {"b", x}};
  ASSERT_TRUE(vectors().upsert("notes", points));
  const auto report = given({.path = path("points.json"), .format = VectorFormat::qdrant});
  EXPECT_EQ(report.points, 2U);
  EXPECT_THAT(told(report.remarks), ElementsAre("1 other vectors left out (a)"));

  ASSERT_TRUE(vectors().drop_collection("notes"));
  ASSERT_TRUE(vectors().create_collection("notes", {.vectors = {{.name = "title", .dimension = 1}}}));
  const auto view = db->view();
  const auto refused = export_vectors(**view, "notes", {.path = path("none.json"), .format = VectorFormat::qdrant});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::failed_precondition);
  EXPECT_FALSE(std::filesystem::exists(path("none.json")));
}

TEST_F(ImportTest, AnExportWritesTheVectorThatIsNamedOrMeantAndAnImportTakesItForTheDefaultOne) {
  const std::vector<float> x{1, 2}, title{1, 0, 2};
  const PointVector named[] = {{"title", title}};
  const Point points[] = {{"1", x, {}, "", named}, {"2", x}};
  ASSERT_TRUE(vectors().create_collection("notes", {.dimension = 2, .vectors = {{.name = "title", .dimension = 3}}}));
  ASSERT_TRUE(vectors().upsert("notes", points));
  for (const VectorFormat format : {VectorFormat::faiss, VectorFormat::qdrant, VectorFormat::parquet}) {
    SCOPED_TRACE(name(format));
    const std::string file = path("title." + std::string(name(format)));
    const auto report = given({.path = file, .format = format, .vector = "title"});
    EXPECT_EQ(report.points, 1U);
    const auto remarks = told(report.remarks);
    EXPECT_THAT(remarks, testing::Contains("1 other vectors left out (1)"));
    EXPECT_THAT(remarks, testing::Contains("1 lack the vector: left out (2)"));
    const std::string back = "back-" + std::string(name(format));
    ASSERT_TRUE(vectors().create_collection(
        back, {.vectors = {{.name = "a", .dimension = 3, .metric = Metric::l2}}, .default_vector = "a"}));
    const auto imported = import_vectors(*db, back, {.path = file, .metric = Metric::l2});
    ASSERT_TRUE(imported) << imported.error().to_string();
    EXPECT_EQ((*vectors().get(back, "1"))->vector.size(), 3U);
    ASSERT_TRUE(vectors().create_collection(back + "-2", {.vectors = {{.name = "a", .dimension = 3}}}));
    EXPECT_FALSE(import_vectors(*db, back + "-2", {.path = file})) << "no vector is meant";
  }
  ASSERT_TRUE(vectors().name_vector("notes", "old"));
  EXPECT_EQ(given({.path = path("old.json"), .format = VectorFormat::qdrant}).points, 2U);
  const auto view = db->view();
  const auto refused = export_vectors(**view, "notes", {.path = path("no.json"), .vector = "none"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::invalid_argument);
}

TEST_F(ImportTest, AnExportThatEndsEarlyLeavesNothing) {
  taken({.path = golden("id_map.faiss")});
  std::vector<std::string> ids;
  for (int i = 0; i < 200; ++i) ids.push_back(std::to_string(1000 + i));
  const std::vector<float> vector(5, 1);
  std::vector<Point> points;
  for (const std::string& id : ids) points.push_back({id, vector});
  ASSERT_TRUE(vectors().upsert("notes", points));
  write("out.json", "old");
  const auto view = db->view();
  const auto report = export_vectors(**view, "notes", {.path = path("out.json"), .format = VectorFormat::qdrant},
                                     [](auto, auto) { return false; });
  EXPECT_EQ(report.error().code(), ErrorCode::cancelled);
  EXPECT_EQ(std::filesystem::file_size(path("out.json")), 3U);
  EXPECT_FALSE(std::filesystem::exists(path("out.json.part")));
  const auto onto = export_vectors(**view, "notes", {.path = folder.string()});
  EXPECT_EQ(onto.error().code(), ErrorCode::already_exists);
}

}  // namespace
}  // namespace strata
