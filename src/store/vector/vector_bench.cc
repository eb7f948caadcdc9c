// What the vector store costs, one thread: applying a commit, searching, words, opening.
//   vectors are sums of uniforms (no clusters: the codes' bounds prune as little as they ever do)
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>

#include "io/posix_file_system.h"
#include "store/vector/mutation.h"
#include "store/vector/store_vector_fixture.h"
#include "store/vector/words.h"

namespace strata::store::vector {
namespace {

constexpr std::uint32_t kDimension = 384;

std::string id_of(std::uint64_t i) { return "memory-" + std::to_string(i * 2654435761U % 100'000'007U); }

// Words drawn like a text's: few often, many seldom.
std::string text_of(core::Random& random, std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) {
    const double u = random.real();
    text += "word" + std::to_string(static_cast<std::uint64_t>(u * u * u * 20'000)) + (random.chance(0.1) ? ". " : " ");
  }
  return text;
}

std::string make_directory() {
  std::string name = (std::filesystem::temp_directory_path() / "strata_vector_bench.XXXXXX").string();
  STRATA_ASSERT(mkdtemp(name.data()) != nullptr);
  return name;
}

struct Filled {
  std::string directory = make_directory();
  std::unique_ptr<io::FileSystem> files = *io::open_posix_file_system(directory);
  std::unique_ptr<TestDatabase> db;
  std::vector<std::vector<float>> queries;

  Filled(std::uint64_t points, bool sealed, std::size_t text_bytes = 0) {
    db = std::make_unique<TestDatabase>(*files);
    db->keep_records(false);
    core::Random random(7);
    STRATA_ASSERT(db->store().create_collection("c", {.dimension = kDimension, .words = text_bytes > 0}));
    for (std::uint64_t i = 0; i < points; ++i) {
      const std::string id = id_of(i);
      const auto x = random_vector(random, kDimension);
      const std::string text = text_bytes > 0 ? text_of(random, text_bytes) : std::string();
      const Point point{id, x, {{"lang", i % 4 == 0 ? "de" : "en"}, {"i", i}}, text};
      STRATA_ASSERT(db->store().upsert("c", {&point, 1}));
    }
    if (sealed) STRATA_ASSERT(db->checkpoint(db->lsn()));
    for (int i = 0; i < 64; ++i) queries.push_back(random_vector(random, kDimension));
    STRATA_ASSERT(db->store().search("c", queries[0], {}));  // checks the pages once
  }
  ~Filled() {
    db.reset();
    files.reset();
    std::filesystem::remove_all(directory);
  }
};

// Kept between benchmarks: filling takes longer than measuring.
Filled& filled(std::uint64_t points, bool sealed) {
  static std::map<std::pair<std::uint64_t, bool>, std::unique_ptr<Filled>> all;
  auto& slot = all[{points, sealed}];
  if (!slot) slot = std::make_unique<Filled>(points, sealed);
  return *slot;
}

void search(benchmark::State& state, const SearchOptions& options) {
  Filled& data = filled(static_cast<std::uint64_t>(state.range(0)), state.range(1) != 0);
  std::size_t i = 0;
  for (auto _ : state) {
    auto hits = data.db->store().search("c", data.queries[i++ % data.queries.size()], options);
    STRATA_ASSERT(hits && hits->size() == options.k);
    benchmark::DoNotOptimize(hits);
  }
}
void BM_search(benchmark::State& state) { search(state, {.k = 10, .with_payload = false}); }
BENCHMARK(BM_search)
    ->ArgNames({"points", "sealed"})
    ->Args({10'000, 0})
    ->Args({10'000, 1})
    ->Args({62'666, 1})
    ->Unit(benchmark::kMicrosecond);
void BM_search_k100(benchmark::State& state) { search(state, {.k = 100}); }
BENCHMARK(BM_search_k100)
    ->ArgNames({"points", "sealed"})
    ->Args({10'000, 1})
    ->Args({62'666, 1})
    ->Unit(benchmark::kMicrosecond);
void BM_search_filtered(benchmark::State& state) { search(state, {.k = 10, .filter = {{"lang", "de"}}}); }
BENCHMARK(BM_search_filtered)
    ->ArgNames({"points", "sealed"})
    ->Args({10'000, 1})
    ->Args({62'666, 1})
    ->Unit(benchmark::kMicrosecond);
void BM_search_rare_filter(benchmark::State& state) { search(state, {.k = 1, .filter = {{"i", 5'000}}}); }
BENCHMARK(BM_search_rare_filter)
    ->ArgNames({"points", "sealed"})
    ->Args({10'000, 1})
    ->Args({62'666, 1})
    ->Unit(benchmark::kMicrosecond);

void BM_get(benchmark::State& state) {
  Filled& data = filled(10'000, true);
  std::uint64_t i = 0;
  for (auto _ : state) {
    auto point = data.db->store().get("c", id_of(i++ % 10'000), false);
    STRATA_ASSERT(point && *point);
  }
}
BENCHMARK(BM_get);

// The apply of one point: what every commit waits for.
void BM_apply(benchmark::State& state) {
  const auto files = io::make_memory_file_system();
  VectorParticipant store(*files, "vector");
  STRATA_ASSERT(store.open(nullptr));
  core::Random random(7);
  const auto section = [&](const CollectionChange& change) {
    Bytes bytes;
    core::Encoder out(bytes);
    encode_mutation({change}, out);
    return bytes;
  };
  STRATA_ASSERT(store.apply({1, 0}, section({"c", false, CollectionOptions{kDimension, Metric::cosine, true}, {}})));
  const auto x = random_vector(random, kDimension);
  Bytes payload;
  core::Encoder(payload).map({{"lang", "en"}, {"year", 2026}});
  Bytes terms;
  encode_terms(terms_of(text_of(random, 2'500)), terms);
  std::vector<Bytes> sections;
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    const std::string id = id_of(i);
    sections.push_back(
        section({"c", false, {}, {{PointChange::Kind::upsert, id, std::as_bytes(std::span(x)), payload, terms}}}));
  }
  Lsn lsn = 1;
  for (auto _ : state) {
    STRATA_ASSERT(store.apply({lsn + 1, 0}, sections[lsn % sections.size()]));
    ++lsn;
  }
}
BENCHMARK(BM_apply)->Unit(benchmark::kMicrosecond)->Iterations(100'000);

void BM_terms_of_2500_bytes(benchmark::State& state) {
  core::Random random(7);
  const std::string text = text_of(random, 2'500);
  for (auto _ : state) benchmark::DoNotOptimize(terms_of(text));
}
BENCHMARK(BM_terms_of_2500_bytes)->Unit(benchmark::kMicrosecond);

void BM_search_words(benchmark::State& state) {
  static Filled data(10'000, true, 500);
  core::Random random(9);
  for (auto _ : state) {
    auto hits = data.db->store().search_words("c", text_of(random, 30), {.k = 10, .with_payload = false});
    STRATA_ASSERT(hits && !hits->empty());
  }
}
BENCHMARK(BM_search_words)->Unit(benchmark::kMicrosecond);

void BM_open(benchmark::State& state) {
  Filled& data = filled(62'666, true);
  for (auto _ : state) {
    VectorParticipant other(*data.files, "vector");
    STRATA_ASSERT(other.open(&data.db->last()));
  }
}
// With the pages that a first `get` checks: versions, offsets, one page each of ids, payloads and the id table.
void BM_open_and_get(benchmark::State& state) {
  Filled& data = filled(62'666, true);
  for (auto _ : state) {
    VectorParticipant other(*data.files, "vector");
    STRATA_ASSERT(other.open(&data.db->last()));
    TestDatabase::Session session(*data.db);
    STRATA_ASSERT(other.session(session)->get("c", id_of(7), true));
  }
}
BENCHMARK(BM_open_and_get)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_open)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace strata::store::vector
