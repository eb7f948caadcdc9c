#include <benchmark/benchmark.h>

#include "core/random.h"
#include "store/cache/cache_store.h"

namespace strata::store::cache {
namespace {

constexpr std::uint64_t kKeys = 1 << 20;

/// 1 Mi keys of 12 bytes, values of 100: they fit 256 MiB and do not fit 64.
struct Fixture {
  explicit Fixture(std::uint64_t bytes_max) : store(clock, CacheOptions{bytes_max}) {
    keys.reserve(kKeys);
    for (std::uint64_t i = 0; i < kKeys; ++i) keys.push_back("key:" + std::to_string(10'000'000 + i));
    database = store.direct_session(visible);
  }
  core::SystemClock clock;
  CacheParticipant store;
  std::atomic<Lsn> visible{1};
  std::unique_ptr<CacheStore> database;
  std::vector<std::string> keys;
  const std::string value = std::string(100, 'v');
};

void SetOnTheDatabase(benchmark::State& state) {
  static Fixture fixture(std::uint64_t{256} << 20);
  core::Random random(state.thread_index() + 1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(fixture.database->set(fixture.keys[random.below(kKeys)], fixture.value, state.range(0)));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(SetOnTheDatabase)->Arg(0)->Arg(3'600'000)->ThreadRange(1, 2);

void SetWhenFull(benchmark::State& state) {
  static Fixture fixture(std::uint64_t{64} << 20);
  core::Random random(1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(fixture.database->set(fixture.keys[random.below(kKeys)], fixture.value, 0));
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["bytes_each"] =
      static_cast<double>(fixture.database->stats()->bytes) / static_cast<double>(fixture.database->stats()->entries);
}
BENCHMARK(SetWhenFull);

void GetHit(benchmark::State& state) {
  static Fixture fixture(std::uint64_t{256} << 20);
  if (state.thread_index() == 0) {
    for (const std::string& key : fixture.keys) {
      if (!fixture.database->set(key, fixture.value)) state.SkipWithError("set failed");
    }
  }
  core::Random random(state.thread_index() + 1);
  for (auto _ : state) benchmark::DoNotOptimize(fixture.database->get(fixture.keys[random.below(kKeys)]));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(GetHit)->ThreadRange(1, 2);

void GetMiss(benchmark::State& state) {
  Fixture fixture(std::uint64_t{256} << 20);
  core::Random random(1);
  for (auto _ : state) benchmark::DoNotOptimize(fixture.database->get(fixture.keys[random.below(kKeys)]));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(GetMiss);

}  // namespace
}  // namespace strata::store::cache
