// What a row costs: buffered, applied, written to SQLite by the batch; what reads and statements cost.
//
//     build/…/store_metadata_bench --benchmark_min_time=0.5
#include <benchmark/benchmark.h>

#include "core/random.h"
#include "store/metadata/metadata_fixture.h"

namespace strata::store::metadata {
namespace {

constexpr std::string_view kAtoms =
    "create table atoms(id text not null primary key, version integer not null, modality text not null, object blob "
    "not null, "
    "created_at integer not null, source text, metadata text, lsn integer not null) without rowid";

Map atom(std::int64_t i) {
  return {{"id", "0193c0de-0000-7000-8000-" + std::to_string(100'000'000'000 + i * 7919 % 1'000'003)},
          {"version", 1},
          {"modality", "text"},
          {"object", Bytes(32)},
          {"created_at", 1'700'000'000'000'000 + i},
          {"source", "bench"},
          {"lsn", kCommitLsn}};
}

// put_row and the encoding of its section: what a memory costs before the journal.
void buffer_row(benchmark::State& state) {
  World world;
  (void)world.db()->execute(kAtoms);
  std::vector<Map> rows;
  for (int i = 0; i < 1'000; ++i) rows.push_back(atom(i));
  auto tx = world.begin();
  std::size_t i = 0;
  for (auto _ : state) {
    (void)(*tx)->put_row("atoms", rows[i]);
    if (++i == rows.size()) {
      auto& buffer = *tx->context().buffers()[static_cast<std::size_t>(StoreKind::metadata)];
      (void)buffer.prepare(tx->context());
      state.PauseTiming();
      i = 0;
      tx = world.begin();
      state.ResumeTiming();
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(buffer_row);

// One commit with one row: apply to Recent and to the archive's buffer. SQLite is not touched.
void apply_row(benchmark::State& state) {
  MetadataOptions options;
  options.queue_rows_max = 100'000'000;
  options.queue_bytes_max = std::size_t{1} << 40;
  World world(options);
  (void)world.db()->execute(kAtoms);
  std::vector<Bytes> sections;
  for (int i = 0; i < 10'000; ++i) {
    auto tx = world.begin();
    (void)(*tx)->put_row("atoms", atom(i));
    auto& buffer = *tx->context().buffers()[static_cast<std::size_t>(StoreKind::metadata)];
    (void)buffer.prepare(tx->context());
    core::Encoder out(sections.emplace_back());
    buffer.encode(out);
  }
  Lsn lsn = world.visible();
  std::size_t i = 0;
  for (auto _ : state) {
    (void)world.store().apply({++lsn, static_cast<Timestamp>(lsn)}, sections[i++ % sections.size()]);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(apply_row)->Iterations(200'000);

// The batch applier: 20,000 new rows, each a commit of its own, with history, in one SQLite transaction.
void write_batch(benchmark::State& state) {
  constexpr int kRows = 20'000;
  MetadataOptions options;
  options.queue_rows_max = 100'000'000;
  options.queue_bytes_max = std::size_t{1} << 40;
  World world(options);
  (void)world.db()->execute(kAtoms);
  std::int64_t next = 0;
  for (auto _ : state) {
    state.PauseTiming();
    for (int i = 0; i < kRows; ++i) (void)world.db()->put_row("atoms", atom(next++));
    state.ResumeTiming();
    (void)world.db()->query("select 1");  // needs the newest state: writes the queue
  }
  state.SetItemsProcessed(state.iterations() * kRows);
}
BENCHMARK(write_batch)->Unit(benchmark::kMillisecond)->Iterations(5);

void get_recent_row(benchmark::State& state) {
  World world;
  (void)world.db()->execute(kAtoms);
  for (int i = 0; i < 1'000; ++i) (void)world.db()->put_row("atoms", atom(i));
  const Map key{{"id", *atom(500).find("id")}};
  auto db = world.db();
  for (auto _ : state) benchmark::DoNotOptimize(db->get_row("atoms", key));
}
BENCHMARK(get_recent_row);

void get_stored_row(benchmark::State& state) {
  World world;
  (void)world.db()->execute(kAtoms);
  for (int i = 0; i < 10'000; ++i) (void)world.db()->put_row("atoms", atom(i));
  (void)world.db()->query("select 1");
  const Map key{{"id", *atom(500).find("id")}};
  auto db = world.db();
  for (auto _ : state) benchmark::DoNotOptimize(db->get_row("atoms", key));
}
BENCHMARK(get_stored_row);

// After a close, with all pages and the tree over them looked at.
void open_closed(benchmark::State& state) {
  World world;
  (void)world.db()->execute(kAtoms);
  for (int i = 0; i < 130'000; ++i) (void)world.db()->put_row("atoms", atom(i));
  (void)world.checkpoint();
  world.journal_.clear();
  for (auto _ : state) {
    state.PauseTiming();
    world.close();
    state.ResumeTiming();
    world.open();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(std::filesystem::file_size(world.file("state.sqlite"))) *
                          state.iterations());
}
BENCHMARK(open_closed)->Unit(benchmark::kMillisecond)->Iterations(10);

// A page is read, and its checksum compared, for nearly each row: SQLite has room for a few.
void get_cold_row(benchmark::State& state) {
  MetadataOptions options;
  options.cache_bytes = 512 << 10;
  World world(options);
  (void)world.db()->execute(kAtoms);
  for (int i = 0; i < 50'000; ++i) (void)world.db()->put_row("atoms", atom(i));
  (void)world.db()->query("select 1");
  (void)world.checkpoint();  // out of the log
  core::Random random(1);
  auto db = world.db();
  for (auto _ : state) {
    const auto i = static_cast<std::int64_t>(random.below(50'000));
    benchmark::DoNotOptimize(db->get_row("atoms", {{"id", *atom(i).find("id")}}));
  }
}
BENCHMARK(get_cold_row);

void query_by_key(benchmark::State& state) {
  World world;
  (void)world.db()->execute(kAtoms);
  for (int i = 0; i < 10'000; ++i) (void)world.db()->put_row("atoms", atom(i));
  auto db = world.db();
  const Value id = *atom(500).find("id");
  for (auto _ : state) benchmark::DoNotOptimize(db->query("select * from atoms where id = ?", {id}));
}
BENCHMARK(query_by_key);

// Commits of one statement each, up to the (pretended) journal.
void execute_and_commit(benchmark::State& state) {
  World world;
  (void)world.db()->execute(kAtoms);
  for (int i = 0; i < 1'000; ++i) (void)world.db()->put_row("atoms", atom(i));
  auto db = world.db();
  const Value id = *atom(500).find("id");
  for (auto _ : state) (void)db->execute("update atoms set version = version + 1 where id = ?", {id});
}
BENCHMARK(execute_and_commit);

// Statements of one transaction, one after another: the writer stays where it stands.
void execute_in_transaction(benchmark::State& state) {
  World world;
  (void)world.db()->execute(kAtoms);
  for (int i = 0; i < 1'000; ++i) (void)world.db()->put_row("atoms", atom(i));
  auto tx = world.begin();
  const Value id = *atom(500).find("id");
  for (auto _ : state) (void)(*tx)->execute("update atoms set version = version + 1 where id = ?", {id});
}
BENCHMARK(execute_in_transaction)->Iterations(5'000);

// A view 1,000 commits behind SQLite asks again and again: the undo is paid once.
void query_as_of(benchmark::State& state) {
  World world;
  (void)world.db()->execute(kAtoms);
  for (int i = 0; i < 2'000; ++i) (void)world.db()->put_row("atoms", atom(i));
  (void)world.db()->query("select 1");
  auto view = world.view(world.visible() - 1'000);
  for (auto _ : state) benchmark::DoNotOptimize((*view)->query("select count(*) from atoms"));
}
BENCHMARK(query_as_of);

}  // namespace
}  // namespace strata::store::metadata
