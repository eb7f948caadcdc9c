// Writes the first inputs of the binary fuzz targets: a small database is filled, checkpointed and backed up, and its files
// and the sections of its records are put where the targets read them.
//
//     strata_fuzz_seeds <folder>        <folder>/<target>/<name>; e.g. build/fuzz/seeds
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "core/assert.h"
#include "core/endian.h"
#include "core/random.h"
#include "engine/manifest.h"
#include "engine/superblock.h"
#include "io/memory_file_system.h"
#include "io/posix_file_system.h"
#include "journal/recovery.h"
#include "store/vector/coding.h"
#include "store/vector/collection_options.h"
#include "store/vector/graph/graph_builder.h"
#include "store/vector/graph/graph_codes.h"
#include "store/vector/graph/graph_file.h"
#include "store/vector/lists/lists_builder.h"
#include "store/vector/lists/lists_file.h"
#include "strata/strata.h"
#include "transaction/record.h"

namespace strata {
namespace {

namespace fs = std::filesystem;

class Seeds {
 public:
  explicit Seeds(fs::path folder) : folder_(std::move(folder)) {}
  void add(const std::string& target, ByteView bytes) {
    const fs::path path = folder_ / target / ("seed-" + std::to_string(++count_[target]));
    fs::create_directories(path.parent_path());
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    STRATA_ASSERT(file.good());
  }
  /// Behind the byte by which a target chooses what to do.
  void add(const std::string& target, std::uint8_t mode, ByteView bytes) {
    Bytes input{std::byte{mode}};
    input.insert(input.end(), bytes.begin(), bytes.end());
    add(target, input);
  }

 private:
  fs::path folder_;
  std::map<std::string, int> count_;
};

template <typename T>
T must(Result<T> result) {
  if (!result) std::fprintf(stderr, "%s\n", result.error().to_string().c_str());
  STRATA_ASSERT(result.has_value());
  if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

void fill(Engine& db) {
  must(db.vector().create_collection("c", {2, Metric::cosine, true}));
  must(db.metadata().execute("create table t (id text primary key, size integer, weight real, raw blob)"));
  const ColumnDefinition columns[] = {{"b", ColumnType::boolean}, {"i", ColumnType::integer},
                                      {"r", ColumnType::real},    {"t", ColumnType::text},
                                      {"y", ColumnType::bytes},   {"ts", ColumnType::timestamp}};
  must(db.analytics().create_table("m", columns));
  must(db.array().create_dataset("a", {}));
  must(db.graph().create_index("Person", "name"));
  for (int i = 0; i < 4; ++i) {
    const std::string id = "n" + std::to_string(i);
    auto tx = must(db.begin());
    const float embedding[] = {1.0F, static_cast<float>(i)};
    const std::string text = "the wall over the wall " + id;
    const Point point{id, embedding, {{"lang", "en"}, {"year", 2020 + i}}, text};
    must(tx->vector().upsert("c", std::span(&point, 1)));
    must(tx->metadata().execute("insert into t values (?, ?, 0.5, x'00ff')", std::vector<Value>{id, i}));
    must(tx->graph().put_node({id, {"Person"}, {{"name", id}}}));
    if (i > 0) must(tx->graph().add_edge(id, "follows", "n0", {{"since", 2020 + i}}));
    must(tx->analytics().append("m",
                                Map{{"b", i % 2 == 0}, {"i", i}, {"r", 0.5}, {"t", id}, {"y", Bytes(2)}, {"ts", i}}));
    const float numbers[] = {1.5F, -2.0F, static_cast<float>(i)};
    const std::uint64_t shape[] = {3};
    must(tx->array().append("a", DataType::float32, shape, std::as_bytes(std::span(numbers)), id));
    must(tx->object().put(as_bytes("content " + id + std::string(100, 'x')), {id}));
    must(tx->commit());
  }
  const std::string large(70'000, 'y');
  must(db.object().put(as_bytes(large), {"large"}));
  must(db.vector().set_payload("c", "n1", {{"lang", "de"}}));
  const std::string_view removed[] = {"n2"};
  must(db.vector().remove("c", removed));
  must(db.graph().remove_node("n3", true));
  must(db.analytics().erase("m", "t", Value("n1")));
  must(db.metadata().execute("delete from t where size = 2"));
  must(db.metadata().execute("alter table t add column more text"));
  must(db.array().clear_rows("a", 0, 1));
  must(db.array().set_attribute("a", "unit", Value("m")));
  must(db.object().release("n1"));
  must(db.object().collect());
  must(db.set_tag("first"));
  must(db.set_tag("second", 5));
  must(db.remove_tag("first"));
}

Bytes read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return {as_bytes(content).begin(), as_bytes(content).end()};
}

/// As the vector segment's target reads it: the longest run of zeros is left out.
Bytes without_zeros(const Bytes& file) {
  std::size_t at = 0, longest = 0;
  for (std::size_t begin = 0, i = 0; i <= file.size(); ++i) {
    if (i < file.size() && file[i] == std::byte{0}) continue;
    if (i - begin > longest) at = begin, longest = i - begin;
    begin = i + 1;
  }
  Bytes out(8);
  core::store(out.data(), static_cast<std::uint32_t>(at));
  core::store(out.data() + 4, static_cast<std::uint32_t>(longest));
  out.insert(out.end(), file.begin(), file.begin() + static_cast<std::ptrdiff_t>(at));
  out.insert(out.end(), file.begin() + static_cast<std::ptrdiff_t>(at + longest), file.end());
  return out;
}

void add_records(Seeds& seeds, const std::string& directory) {
  static const std::map<std::uint8_t, std::string> targets = {
      {static_cast<std::uint8_t>(StoreKind::vector), "store_vector_section"},
      {static_cast<std::uint8_t>(StoreKind::object), "store_object_section"},
      {static_cast<std::uint8_t>(StoreKind::metadata), "store_metadata_section"},
      {static_cast<std::uint8_t>(StoreKind::graph), "store_graph_section"},
      {static_cast<std::uint8_t>(StoreKind::analytics), "store_analytics_section"},
      {static_cast<std::uint8_t>(StoreKind::array), "store_array_section"},
      {transaction::kEngineSection, "engine_tag_change"}};
  const auto files = must(io::open_posix_file_system(directory));
  const auto manifest = must(engine::read_manifest(*files, must(engine::read_superblock(*files)).front().manifest));
  must(journal::recover(*files, "journal", {manifest.database, manifest.timeline}, 0, 0,
                        [&](const journal::Record& record) -> Result<void> {
                          seeds.add("transaction_record", record.payload);
                          return transaction::for_each_section(
                              record.payload, [&](std::uint8_t store, ByteView section) -> Result<void> {
                                seeds.add(targets.at(store), section);
                                return {};
                              });
                        }));
}

void add_journal(Seeds& seeds, Bytes segment) {
  while (!segment.empty() && segment.back() == std::byte{0}) segment.pop_back();
  if (segment.size() <= journal::kSegmentHeaderBytes) return;
  const ByteView file(segment);
  seeds.add("journal_frame", 0, file.first(128));
  seeds.add("journal_frame", 1, file.subspan(journal::kSegmentHeaderBytes, journal::kHeaderBytes));
  seeds.add("journal_frame", 2,
            file.subspan(journal::kSegmentHeaderBytes + journal::kHeaderBytes, journal::kHeaderBytes));
  // Its target makes the headers itself: a few batches are enough.
  const ByteView batches = file.subspan(journal::kSegmentHeaderBytes);
  seeds.add("journal_recovery", 1, batches.first(std::min<std::size_t>(batches.size(), 3 * journal::kBlockBytes)));
}

void add_files(Seeds& seeds, const fs::path& directory) {
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    const std::string name = fs::relative(entry.path(), directory).string();
    const Bytes file = read(entry.path());
    if (name.starts_with("journal/")) add_journal(seeds, file);
    if (name.starts_with("MANIFEST-")) {
      seeds.add("engine_manifest", 0, file);
      seeds.add("engine_manifest", 1, ByteView(file).subspan(32, file.size() - 48));
    }
    if (name == engine::kSuperblockName) {
      Bytes slots;
      for (std::size_t at = 0; at < file.size(); at += 4096) slots.insert(slots.end(), &file[at], &file[at] + 64);
      seeds.add("engine_superblock", 0xff, slots);
    }
    if (name.ends_with(".seg") && name.starts_with("vector/"))
      seeds.add("store_vector_segment", 1, without_zeros(file));
    if (name.starts_with("object/pack/")) seeds.add("store_object_file", 1, file);
    if (name.starts_with("object/catalog/")) seeds.add("store_object_file", 3, file);
    if (name.starts_with("object/large/")) seeds.add("store_object_file", 5, file);
    if (name.starts_with("metadata/archive-")) seeds.add("store_metadata_archive", 1, file);
    if (name.starts_with("graph/")) seeds.add("store_graph_segment", 1, file);
    if (name.starts_with("analytics/part-")) {
      seeds.add("store_analytics_part_file", 0, ByteView(file).subspan(16, file.size() - 80));
    }
    if (name.starts_with("array/") && name.ends_with(".idx")) seeds.add("store_array_append_index", 1, file);
  }
}

/// The forty rows that the targets of search graphs and of lists expect; a real database has either from 10,000 rows on.
struct FortyRows {
  static constexpr store::vector::Row kRows = 40;
  static constexpr std::uint32_t kDimension = 8;
  explicit FortyRows(Metric metric) : subject{77, kRows, {metric, ElementType::f32, kDimension}} {
    const std::size_t stride = store::vector::distance::code_stride(kDimension);
    codes.resize(kRows * stride);
    core::Random random(1);
    for (store::vector::Row row = 0; row < kRows; ++row) {
      std::vector<float> x(kDimension);
      for (float& value : x) value = static_cast<float>(random.real()) - 0.5F;
      const store::vector::RowCode code = store::vector::encode_row(metric, x, codes.data() + row * stride);
      scale.push_back(code.scale);
      square.push_back(code.square);
    }
    must(files->create_directory("vector"));
  }
  store::vector::distance::CodeColumns columns() const {
    return {codes.data(), scale.data(), zero.data(), zero.data(), square.data()};
  }
  const store::vector::IndexSubject subject;
  std::vector<std::uint8_t> codes;
  std::vector<float> scale, square, zero = std::vector<float>(kRows);
  std::unique_ptr<io::FileSystem> files = io::make_memory_file_system();
};

void add_search_graph(Seeds& seeds) {
  using namespace store::vector;
  const FortyRows rows(Metric::cosine);
  const GraphOptions options{.degree = 4, .effort = 16};
  const auto graph = build_graph(rows.columns(), FortyRows::kRows, FortyRows::kDimension, Metric::cosine, options,
                                 [] { return false; });
  const auto quantizer = half_codes(FortyRows::kDimension);
  const auto halves = codes_of(*quantizer, rows.columns(), FortyRows::kRows, FortyRows::kDimension);
  const std::string name = graph_name("vector", 1);
  must(write_graph(*rows.files, name, rows.subject, {.options = options, .chosen = resolved({})},
                   graph->view(quantizer.get(), halves.data())));
  seeds.add("store_vector_graph", 1, must(io::read_file(*rows.files, name, 1 << 20)));
}

void add_lists(Seeds& seeds) {
  using namespace store::vector;
  const FortyRows rows(Metric::l2);
  const auto lists =
      build_lists(rows.columns(), FortyRows::kRows, FortyRows::kDimension, Metric::l2, 5, [] { return false; });
  const std::string name = lists_name("vector", 1);
  must(write_lists(*rows.files, name, rows.subject, *lists));
  seeds.add("store_vector_lists", 1, must(io::read_file(*rows.files, name, 1 << 20)));
}

void make(const fs::path& folder) {
  // Beside the seeds: what is left of a run that failed lies where somebody looks.
  const fs::path place = folder / "database";
  fs::remove_all(place);
  fs::create_directories(place / "backups");
  const std::string directory = (place / "db").string();
  Seeds seeds(folder);
  OpenOptions options;
  options.journal_segment_bytes = 1 << 20;
  {
    const auto db = must(Engine::open(directory, options));
    fill(*db);
  }
  add_records(seeds, directory);
  {
    const auto db = must(Engine::open(directory, options));
    must(db->checkpoint());
    const BackupReport report = must(backup(*db, (place / "backups").string()));
    seeds.add("operations_backup_list", read(fs::path(report.directory) / "BACKUP"));
    must(db->close());
  }
  const auto files = must(io::open_posix_file_system(directory));
  const auto manifest = must(engine::read_manifest(*files, must(engine::read_superblock(*files)).front().manifest));
  seeds.add("store_array_state", manifest.stores[static_cast<std::size_t>(StoreKind::array)].state);
  add_files(seeds, directory);
  add_search_graph(seeds);
  add_lists(seeds);
  fs::remove_all(place);
}

}  // namespace
}  // namespace strata

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: strata_fuzz_seeds <folder>\n");
    return 2;
  }
  strata::make(arguments[1]);
  return 0;
}
