// How long the store's own steps take, without journal and sync:
//   build/release/src/store/object/store_object_bench
// With STRATA_BENCH_TEXTS naming a file of texts parted by empty lines (a Debian Packages index, say), those are stored
// instead of made-up ones; "ratio" is content to stored bytes in the pack, frames and dictionary.
#include <benchmark/benchmark.h>

#include <unistd.h>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "io/posix_file_system.h"
#include "store/object/test_database.h"

namespace strata::store::object {
namespace {

constexpr std::size_t kObjects = 60'000;
constexpr std::size_t kBytes = 2500;

std::vector<std::string> texts() {
  std::vector<std::string> all;
  core::Random random(1);
  if (const char* name = std::getenv("STRATA_BENCH_TEXTS")) {
    std::ifstream in(name, std::ios::binary);
    const std::string whole((std::istreambuf_iterator<char>(in)), {});
    for (std::size_t at = 0; at < whole.size();) {
      const std::size_t end = std::min(whole.find("\n\n", at), whole.size());
      all.push_back(whole.substr(at, end - at));
      at = end + 2;
    }
    return all;
  }
  for (std::size_t i = 0; i < kObjects; ++i) all.push_back(description(random, kBytes));
  return all;
}

/// One database with all texts in one pack, made once.
struct Filled {
  Filled() {
    root = "/tmp/strata_object_bench_" + std::to_string(getpid());
    (void)!std::system(("mkdir -p " + root).c_str());  // tidy: allow unsafe-c: a bench's own folder
    files = *io::open_posix_file_system(root);
    database = std::make_unique<TestDatabase>(*files);
    auto objects = calls(*database);
    for (const std::string& text : texts()) {
      addresses.push_back(*objects->put(as_bytes(text)));
      bytes += text.size();
    }
    STRATA_ASSERT(database->checkpoint(database->lsn()));
  }
  ~Filled() { (void)!std::system(("rm -rf " + root).c_str()); }  // tidy: allow unsafe-c: a bench's own folder
  std::string root;
  std::unique_ptr<io::FileSystem> files;
  std::unique_ptr<TestDatabase> database;
  std::vector<Address> addresses;
  std::uint64_t bytes = 0;
};
Filled& filled() {
  static Filled once;
  return once;
}

void BM_Put(benchmark::State& state) {  // SHA-256, LZ4, encode; no apply
  const auto files = io::make_memory_file_system();
  TestDatabase database(*files);
  core::Random random(1);
  std::vector<std::string> some;
  for (int i = 0; i < 512; ++i) some.push_back(description(random, kBytes));
  std::size_t at = 0;
  auto tx = std::make_unique<TestStores>(database, false);
  for (auto _ : state) {
    if (at++ % some.size() == 0) tx = std::make_unique<TestStores>(database, false);
    benchmark::DoNotOptimize((*tx)->put(as_bytes(some[at % some.size()])));
  }
}
BENCHMARK(BM_Put);

void BM_Apply(benchmark::State& state) {
  constexpr std::size_t kBatch = 20'000;
  const auto files = io::make_memory_file_system();
  std::vector<std::pair<Lsn, Bytes>> sections;
  {
    TestDatabase source(*files);
    core::Random random(1);
    for (std::size_t i = 0; i < kBatch; ++i) (void)calls(source)->put(as_bytes(description(random, kBytes)));
    sections = source.journal();
  }
  std::unique_ptr<Store> store;
  std::size_t at = 0;
  for (auto _ : state) {
    if (at % kBatch == 0) {
      state.PauseTiming();
      store = std::make_unique<Store>(*files);
      at = 0;
      state.ResumeTiming();
    }
    const auto& [lsn, section] = sections[at++];
    benchmark::DoNotOptimize(store->apply({lsn, 0}, section));
  }
}
BENCHMARK(BM_Apply);

void BM_GetFromPack(benchmark::State& state) {
  Filled& all = filled();
  auto objects = calls(*all.database);
  core::Random random(2);
  std::uint64_t bytes = 0;
  for (auto _ : state) {
    const auto content = objects->get(all.addresses[random.below(all.addresses.size())]);
    STRATA_ASSERT(content.has_value());
    bytes += content->size();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
  const auto statistics = all.database->store().statistics();
  state.counters["ratio"] = *statistics.find("ratio")->real();
  state.counters["smaller_percent"] =
      100.0 * (1.0 - static_cast<double>(*statistics.find("stored_bytes")->integer()) / static_cast<double>(all.bytes));
}
BENCHMARK(BM_GetFromPack);

void BM_Exists(benchmark::State& state) {
  Filled& all = filled();
  auto objects = calls(*all.database);
  core::Random random(2);
  for (auto _ : state) {
    benchmark::DoNotOptimize(objects->exists(all.addresses[random.below(all.addresses.size())]));
  }
}
BENCHMARK(BM_Exists);

void BM_Open(benchmark::State& state) {
  Filled& all = filled();
  for (auto _ : state) {
    Store store(*all.files);
    STRATA_ASSERT(store.open(&*all.database->last_checkpoint()));
    benchmark::DoNotOptimize(store.applied_lsn());
  }
  state.counters["objects"] = static_cast<double>(all.addresses.size());
}
BENCHMARK(BM_Open)->Unit(benchmark::kMicrosecond);

void BM_ListAPageOfAHundred(benchmark::State& state) {
  Filled& all = filled();
  auto objects = calls(*all.database);
  core::Random random(2);
  for (auto _ : state) {
    benchmark::DoNotOptimize(objects->list(all.addresses[random.below(all.addresses.size())], 100));
  }
}
BENCHMARK(BM_ListAPageOfAHundred)->Unit(benchmark::kMicrosecond);

void BM_ScanForGarbage(benchmark::State& state) {
  Filled& all = filled();
  for (auto _ : state) {
    TestStores tx(*all.database, false);
    benchmark::DoNotOptimize(tx->collect());
  }
}
BENCHMARK(BM_ScanForGarbage)->Unit(benchmark::kMillisecond);

void BM_CheckpointOfAll(benchmark::State& state) {
  const std::vector<std::string> all = texts();
  for (auto _ : state) {
    state.PauseTiming();
    const auto files = io::make_memory_file_system();
    TestDatabase database(*files);
    auto objects = calls(database);
    for (const std::string& text : all) (void)objects->put(as_bytes(text));
    state.ResumeTiming();
    STRATA_ASSERT(database.checkpoint(database.lsn()));
  }
}
BENCHMARK(BM_CheckpointOfAll)->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
}  // namespace strata::store::object
