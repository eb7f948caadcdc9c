// What a commit costs above what the disk costs. Runs in the present directory, on its disk:
//
//     ninja -C build/release journal_bench && cd /some/disk && …/journal_bench
//
// `floor` is the least any durable commit can cost: 4 KiB written into a file of zeros, and one fdatasync. Compare within
// one run only; the disk of a virtual machine changes its mind from minute to minute.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <vector>

#include "core/clock.h"
#include "core/random.h"
#include "io/posix_file_system.h"
#include "journal/journal.h"

namespace strata::journal {
namespace {

using Clock = std::chrono::steady_clock;

struct Folder {
  Folder() {
    std::filesystem::create_directories(path);
    files = io::open_posix_file_system(path).value();
  }
  ~Folder() {
    files.reset();
    std::filesystem::remove_all(path);
  }
  const std::string path = "journal_bench_" + core::uuid_v7(0);
  std::unique_ptr<io::FileSystem> files;
};

const core::SystemClock kClock;

std::unique_ptr<Journal> open(io::FileSystem& files, std::uint64_t* visited = nullptr) {
  JournalOptions options;
  options.queue_wait_us_max = 600'000'000;  // a busy disk shows in the figures, not as an error
  return Journal::open(files, kClock, "journal", {}, options, 0, 0,
                       [&](const Record& record) -> Result<void> {
                         if (visited != nullptr) *visited += record.payload.size();
                         return {};
                       })
      .value();
}

void report(benchmark::State& state, std::vector<double>& us) {
  std::sort(us.begin(), us.end());
  state.counters["us_p50"] = us[us.size() / 2];
  state.counters["us_p99"] = us[us.size() * 99 / 100];
}

void floor(benchmark::State& state) {
  Folder folder;
  auto file = folder.files->open("floor", io::OpenMode::create).value();
  constexpr std::uint64_t kSize = 64 << 20;
  (void)file->zero_fill(0, kSize);
  (void)file->sync();
  const Bytes block(4096, std::byte{1});
  std::uint64_t offset = 0;
  std::vector<double> us;
  for (auto _ : state) {
    const auto begin = Clock::now();
    if (!file->write(offset, block) || !file->sync_data()) state.SkipWithError("write");
    us.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
    offset = (offset + 4096) % kSize;
  }
  report(state, us);
}
BENCHMARK(floor)->Unit(benchmark::kMicrosecond)->UseRealTime()->MinTime(1.0);

void commit_one_writer(benchmark::State& state) {
  Folder folder;
  auto journal = open(*folder.files);
  const auto size = static_cast<std::size_t>(state.range(0));
  for (int i = 0; i < 64; ++i) (void)journal->wait(journal->append(Bytes(size), 0, 0).value(), Durability::batch);
  std::vector<double> us;
  for (auto _ : state) {
    const auto begin = Clock::now();
    const Lsn lsn = journal->append(Bytes(size, std::byte{1}), 0, 0).value();
    if (!journal->wait(lsn, Durability::batch)) state.SkipWithError("commit");
    us.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
  }
  report(state, us);
}
BENCHMARK(commit_one_writer)->Arg(256)->Arg(3900)->Unit(benchmark::kMicrosecond)->UseRealTime()->MinTime(1.0);

void commit_off(benchmark::State& state) {
  Folder folder;
  auto journal = open(*folder.files);
  for (auto _ : state)
    if (!journal->wait(journal->append(Bytes(256, std::byte{1}), 0, 0).value(), Durability::off))
      state.SkipWithError("commit");
}
BENCHMARK(commit_off)->Unit(benchmark::kMicrosecond)->UseRealTime();

std::unique_ptr<Folder> shared_folder;
std::unique_ptr<Journal> shared_journal;

void commit_many_writers(benchmark::State& state) {
  for (auto _ : state)
    if (!shared_journal->wait(shared_journal->append(Bytes(4096, std::byte{1}), 0, 0).value(), Durability::batch))
      state.SkipWithError("commit");
  state.SetItemsProcessed(state.iterations());
  if (state.thread_index() == 0) {
    const JournalStats stats = shared_journal->stats();
    state.counters["records_per_sync"] =
        static_cast<double>(stats.records) / static_cast<double>(std::max<std::uint64_t>(stats.syncs, 1));
  }
}
BENCHMARK(commit_many_writers)
    ->Setup([](const benchmark::State&) {
      shared_journal.reset();
      shared_folder = std::make_unique<Folder>();
      shared_journal = open(*shared_folder->files);
    })
    ->Teardown([](const benchmark::State&) {
      shared_journal.reset();
      shared_folder.reset();
    })
    ->Threads(16)
    ->UseRealTime()
    ->MinTime(1.0);

/// Opening after a crash: 60,000 records of 4,500 bytes.
void recover_270_mb(benchmark::State& state) {
  Folder folder;
  {
    auto journal = open(*folder.files);
    for (int i = 0; i < 60'000; ++i) (void)journal->append(Bytes(4'500, static_cast<std::byte>(i)), 0, 0).value();
    (void)journal->sync();
  }
  std::uint64_t visited = 0;
  for (auto _ : state) open(*folder.files, &visited);
  state.SetBytesProcessed(static_cast<std::int64_t>(visited));
}
BENCHMARK(recover_270_mb)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(1);

}  // namespace
}  // namespace strata::journal
