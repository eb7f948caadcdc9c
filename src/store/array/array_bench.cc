/// What the array store costs: applying, finding, reading, checkpointing. On a disk in memory, so that it is our own cost;
/// BM_CheckpointOnDisk is the one with a real disk below.
#include <benchmark/benchmark.h>

#include <filesystem>

#include "core/random.h"
#include "io/posix_file_system.h"
#include "store/array/array_store_fixture.h"
#include "store/array/mutation.h"

namespace strata::store::array {
namespace {

constexpr std::uint64_t kFloats = 64;
constexpr std::uint64_t kRows = 60'000;

Bytes append_section(std::uint64_t i, core::Random& random) {
  std::vector<float> row(kFloats);
  for (float& value : row) value = static_cast<float>(random.real());
  Bytes section;
  encode(section, AppendRows{"a", 1, core::uuid_v7(static_cast<Timestamp>(1'700'000'000'000'000 + i)),
                             std::as_bytes(std::span(row))});
  return section;
}

struct Filled {
  explicit Filled(io::FileSystem& disk) : store(disk) {
    STRATA_ASSERT(store.open(nullptr).has_value());
    Bytes create;
    encode(create, CreateDataset{"a", float_rows(kFloats)});
    STRATA_ASSERT(store.apply({1, 0}, create).has_value());
    for (std::uint64_t i = 0; i < kRows; ++i) {
      const Timestamp time = static_cast<Timestamp>(1'700'000'000'000'000 + i * 1000);
      keys.push_back(core::uuid_v7(time));
      std::vector<float> row(kFloats);
      for (float& value : row) value = static_cast<float>(random.real());
      Bytes section;
      encode(section, AppendRows{"a", 1, keys.back(), std::as_bytes(std::span(row))});
      STRATA_ASSERT(store.apply({lsn++, 0}, section).has_value());
    }
  }
  transaction::Checkpoint checkpoint() {
    STRATA_ASSERT(store.freeze(lsn).has_value());
    auto written = store.write_checkpoint(lsn);
    STRATA_ASSERT(written.has_value());
    STRATA_ASSERT(store.installed(*written).has_value());
    return std::move(*written);
  }

  core::Random random{1};
  ArrayParticipant store;
  std::vector<std::string> keys;
  Lsn lsn = 2;
};

void BM_ApplyAppendOf64Floats(benchmark::State& state) {
  auto disk = io::make_memory_file_system();
  Filled filled(*disk);
  std::vector<Bytes> sections;
  for (std::uint64_t i = 0; i < 4096; ++i) sections.push_back(append_section(i, filled.random));
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(filled.store.apply({filled.lsn++, 0}, sections[i++ % sections.size()]));
  }
}
BENCHMARK(BM_ApplyAppendOf64Floats);

void BM_Find(benchmark::State& state) {
  auto disk = io::make_memory_file_system();
  Filled filled(*disk);
  if (state.range(0) != 0) filled.checkpoint();
  const auto dataset = filled.store.find_dataset("a", filled.lsn);
  for (auto _ : state) {
    auto found = dataset->find(filled.lsn, filled.keys[filled.random.below(kRows)]);
    if (!found.has_value() || found->size() != 1) state.SkipWithError("not found");
  }
}
BENCHMARK(BM_Find)->ArgName("from_part")->Arg(0)->Arg(1);

void BM_ReadTenRows(benchmark::State& state) {
  auto disk = io::make_memory_file_system();
  Filled filled(*disk);
  if (state.range(0) != 0) filled.checkpoint();
  const auto dataset = filled.store.find_dataset("a", filled.lsn);
  Bytes out(10 * kFloats * sizeof(float));
  for (auto _ : state) {
    const std::uint64_t begin = filled.random.below(kRows - 10);
    if (!dataset->read(filled.lsn, begin, begin + 10, out).has_value()) state.SkipWithError("not read");
  }
}
BENCHMARK(BM_ReadTenRows)->ArgName("from_part")->Arg(0)->Arg(1);

void BM_ReadAllRows(benchmark::State& state) {
  auto disk = io::make_memory_file_system();
  Filled filled(*disk);
  filled.checkpoint();
  const auto dataset = filled.store.find_dataset("a", filled.lsn);
  Bytes out(kRows * kFloats * sizeof(float));
  for (auto _ : state) {
    if (!dataset->read(filled.lsn, 0, kRows, out).has_value()) state.SkipWithError("not read");
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * out.size()));
}
BENCHMARK(BM_ReadAllRows)->Unit(benchmark::kMillisecond);

/// Also says how large 60,000 keyed rows of 64 floats (15.36 MB, and 2.16 MB of keys) are on disk.
void BM_CheckpointOnDisk(benchmark::State& state) {
  std::string root = (std::filesystem::temp_directory_path() / "strata-array-bench-XXXXXX").string();
  STRATA_ASSERT(mkdtemp(root.data()) != nullptr);
  double parts = 0, indexes = 0;
  for (auto _ : state) {
    state.PauseTiming();
    auto disk = *io::open_posix_file_system(root);
    Filled filled(*disk);
    state.ResumeTiming();
    parts = indexes = 0;
    for (const auto& file : filled.checkpoint().files) {
      (file.name.ends_with(".idx") ? indexes : parts) += static_cast<double>(file.bytes);
    }
  }
  state.counters["h5_bytes"] = parts;
  state.counters["idx_bytes"] = indexes;
  std::filesystem::remove_all(root);
}
BENCHMARK(BM_CheckpointOnDisk)->Unit(benchmark::kMillisecond)->Iterations(3);

void BM_OpenWithoutTouchingAFile(benchmark::State& state) {
  auto disk = io::make_memory_file_system();
  Filled filled(*disk);
  const auto checkpoint = filled.checkpoint();
  for (auto _ : state) {
    ArrayParticipant store(*disk);
    if (!store.open(&checkpoint).has_value()) state.SkipWithError("not opened");
  }
}
BENCHMARK(BM_OpenWithoutTouchingAFile);

}  // namespace
}  // namespace strata::store::array
