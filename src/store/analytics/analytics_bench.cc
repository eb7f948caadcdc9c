// Run on a release build: ./dev bench store_analytics
#include <benchmark/benchmark.h>

#include "core/random.h"
#include "store/analytics/test_database.h"

namespace strata::store::analytics {
namespace {

const std::vector<ColumnDefinition> kColumns = {{"ts", ColumnType::timestamp},    {"agent", ColumnType::text},
                                                {"query", ColumnType::text},      {"latency_ms", ColumnType::real},
                                                {"results", ColumnType::integer}, {"hit", ColumnType::boolean}};

Row metric(std::int64_t i, core::Random& random) {
  return {i * 1'000'000,
          std::string("agent-").append(std::to_string(random.below(20))),
          std::string("q").append(std::to_string(random.below(1'000))),
          random.real() * 100,
          static_cast<std::int64_t>(random.below(50)),
          random.chance(0.5)};
}

/// `rows` metrics, one a second, in commits of 1,000.
std::unique_ptr<TestDatabase> filled(std::int64_t rows, TestDatabase::Disk disk = TestDatabase::Disk::real) {
  AnalyticsOptions options;
  options.memory_bytes = 1 << 30;
  auto db = std::make_unique<TestDatabase>(disk, options);
  core::Random random(1);
  {
    auto tx = db->begin();
    if (!tx->create_table("metric", kColumns) || !tx.commit()) std::abort();
  }
  for (std::int64_t i = 0; i < rows; i += 1'000) {
    auto tx = db->begin();
    std::vector<Row> batch;
    for (std::int64_t k = i; k < i + 1'000; ++k) batch.push_back(metric(k, random));
    if (!tx->append("metric", batch) || !tx.commit()) std::abort();
  }
  return db;
}

std::unique_ptr<TestDatabase> flushed(std::int64_t rows) {
  auto db = filled(rows);
  if (!db->store().flush()) std::abort();
  return db;
}

void ApplyOneRow(benchmark::State& state) {
  AnalyticsOptions options;
  options.queued_rows_max = UINT64_MAX;  // what the background does is another benchmark's
  options.queued_bytes_max = UINT64_MAX;
  TestDatabase db(TestDatabase::Disk::memory, options);
  core::Random random(1);
  {
    auto tx = db.begin();
    if (!tx->create_table("metric", kColumns) || !tx.commit()) std::abort();
  }
  Bytes section;
  core::Encoder out(section);
  out.u8(kSectionVersion);
  const std::vector<Row> rows(static_cast<std::size_t>(state.range(0)), metric(1, random));
  encode_append(out, "metric", kColumns, rows, 0);
  Lsn lsn = db.lsn();
  for (auto _ : state) {
    if (!db.store().apply({++lsn, 0}, section)) std::abort();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(ApplyOneRow)->Arg(1)->Arg(100)->Iterations(200'000);

void FlushIntoDuckDb(benchmark::State& state) {
  for (auto _ : state) {
    state.PauseTiming();
    auto db = filled(200'000);
    state.ResumeTiming();
    if (!db->store().flush()) std::abort();
    state.PauseTiming();
    db.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * 200'000);
}
BENCHMARK(FlushIntoDuckDb)->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond)->Iterations(3);

/// 20,000 rows of a million, by a range of time, grouped: what a dashboard asks.
void MetricRange(benchmark::State& state, bool old_view) {
  static const std::unique_ptr<TestDatabase> db = flushed(1'000'000);
  const Lsn view = old_view ? db->lsn() - 100 : db->lsn();
  auto session = db->view(view);
  core::Random random(1);
  for (auto _ : state) {
    const auto from = static_cast<std::int64_t>(random.below(850'000)) * 1'000'000;
    auto rows = session->query(
        "select agent, count(*) as c, avg(latency_ms) as a from metric where ts >= ? and ts < ? group by agent",
        {from, from + 20'000'000'000});
    if (!rows || rows->rows.size() != 20) state.SkipWithError("wrong answer");
  }
}
BENCHMARK_CAPTURE(MetricRange, latest, false)->Unit(benchmark::kMicrosecond)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK_CAPTURE(MetricRange, old_view, true)->Unit(benchmark::kMicrosecond)->MeasureProcessCPUTime()->UseRealTime();

/// The same on a table of 20,000 rows.
void SmallTable(benchmark::State& state) {
  static const std::unique_ptr<TestDatabase> db = flushed(20'000);
  auto session = db->view();
  for (auto _ : state) {
    auto rows = session->query("select avg(latency_ms) as a, max(results) as m from metric where ts >= ? and ts < ?",
                               {1'000'000, 15'000'000'000});
    if (!rows) state.SkipWithError("no answer");
  }
}
BENCHMARK(SmallTable)->Unit(benchmark::kMicrosecond)->MeasureProcessCPUTime()->UseRealTime();

void Cheapest(benchmark::State& state) {
  static const std::unique_ptr<TestDatabase> db = flushed(1'000);
  auto session = db->view();
  for (auto _ : state) benchmark::DoNotOptimize(session->query("select 1"));
}
BENCHMARK(Cheapest)->Unit(benchmark::kMicrosecond)->MeasureProcessCPUTime()->UseRealTime();

void OpenWithRows(benchmark::State& state) {
  auto db = filled(1'000'000);
  if (!db->checkpoint()) std::abort();
  for (auto _ : state) {
    db->restart();
    if (db->view()->tables()->at(0).rows != 1'000'000) std::abort();
  }
}
BENCHMARK(OpenWithRows)->Unit(benchmark::kMicrosecond)->Iterations(50);

void RebuildFromParts(benchmark::State& state) {
  auto db = filled(1'000'000);
  if (!db->checkpoint()) std::abort();
  for (auto _ : state) {
    db->close_store();
    std::filesystem::remove(db->root() + "/analytics/state.duckdb");
    std::filesystem::remove(db->root() + "/analytics/state.duckdb.wal");
    db->start();
    if (!db->view()->query("select count(*) from metric")) std::abort();
  }
  state.SetItemsProcessed(state.iterations() * 1'000'000);
  state.counters["part_bytes_each"] =
      static_cast<double>(db->statistic("bytes_on_disk") - static_cast<std::int64_t>(std::filesystem::file_size(
                                                               db->root() + "/analytics/state.duckdb"))) /
      1e6;
}
BENCHMARK(RebuildFromParts)->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond)->Iterations(2);

}  // namespace
}  // namespace strata::store::analytics
