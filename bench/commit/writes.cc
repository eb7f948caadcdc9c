// Writing whole memories, in all seven stores: one at a time, from many threads, in batches.
#include <atomic>
#include <filesystem>
#include <thread>

#include "commit/cases.h"

namespace strata::bench {
namespace {

constexpr std::size_t kFillBatch = 1'000;
constexpr std::size_t kWarm = 50;       // memories before the clock starts: tables, collection, first files
constexpr std::size_t kChunk = 20'000;  // memories made ahead of the clock at a time

}  // namespace

Result<Database> open_database(const std::string& directory, bool fresh) {
  if (fresh) std::filesystem::remove_all(directory);
  Database database;
  database.directory = directory;
  database.engine = STRATA_TRY(Engine::open(directory));
  MemoryOptions options;
  options.embedder = "none";
  database.memory = STRATA_TRY(Memory::open(*database.engine, options));
  return database;
}

Result<void> fill(Memory& memory, const Data& data, std::size_t begin, std::size_t end) {
  for (std::size_t at = begin; at < end; at += kFillBatch) {
    STRATA_TRY(memory.remember(std::span<const Atom>(data.atoms(at, std::min(end, at + kFillBatch)))));
  }
  return {};
}

Result<void> measure_single(Context& context) {
  Database database = STRATA_TRY(open_database(context.settings.directory + "/single", true));
  STRATA_TRY(fill(*database.memory, context.data, 0, kWarm));
  const std::vector<Atom> atoms = context.data.atoms(kWarm, kWarm + context.settings.singles);
  std::vector<double> times;
  const double cpu = cpu_us();
  Stopwatch whole;
  for (const Atom& atom : atoms) {
    Stopwatch watch;
    STRATA_TRY(database.memory->remember(atom));
    times.push_back(watch.us());
    if (whole.seconds() > context.settings.seconds_max) break;
  }
  const double count = static_cast<double>(times.size());
  context.report.latencies("one memory, one commit, one writer", times,
                           {{"cpu_us", (cpu_us() - cpu) / count}, {"per_s", count / whole.seconds()}});
  STRATA_TRY(database.engine->close());
  database = {};
  std::filesystem::remove_all(context.settings.directory + "/single");
  return {};
}

/// Links lead to the memories that were there before: another writer's may not be committed yet.
Result<void> measure_writers(Context& context) {
  const std::string directory = context.settings.directory + "/writers";
  Database database = STRATA_TRY(open_database(directory, true));
  const std::size_t before = std::min<std::size_t>(1'000, context.settings.bulk);
  STRATA_TRY(fill(*database.memory, context.data, 0, before));
  std::vector<Atom> atoms = context.data.atoms(before, before + context.settings.bulk);
  for (std::size_t i = 0; i < atoms.size(); ++i) {
    atoms[i].links = {{"follows", Data::id(i % before), {}}, {"about", Data::id((i * 7 + 1) % before), {}}};
  }
  std::atomic<std::size_t> next{0}, failed{0}, done{0};
  std::vector<std::vector<double>> times(context.settings.threads);
  const double cpu = cpu_us();
  Stopwatch whole;
  {
    std::vector<std::thread> writers;
    for (std::size_t writer = 0; writer < context.settings.threads; ++writer) {
      writers.emplace_back([&, writer] {
        for (std::size_t i = next++; i < atoms.size(); i = next++) {
          Stopwatch watch;
          const auto remembered = database.memory->remember(atoms[i]);
          if (remembered) {
            times[writer].push_back(watch.us());
            ++done;
          } else if (failed++ == 0) {
            std::fprintf(stderr, "%s\n", remembered.error().to_string().c_str());
          }
          if (whole.seconds() > context.settings.seconds_max) break;
        }
      });
    }
    for (std::thread& writer : writers) writer.join();
  }
  const double seconds = whole.seconds();
  const auto count = static_cast<double>(done.load());
  std::vector<double> all;
  for (const auto& own : times) all.insert(all.end(), own.begin(), own.end());
  context.report.figure(std::to_string(context.settings.threads) + " writers, one memory a commit", count / seconds,
                        "/s",
                        {{"p50_us", quantile(all, 0.5)},
                         {"p99_us", quantile(all, 0.99)},
                         {"cpu_us", (cpu_us() - cpu) / count},
                         {"failed", failed.load()}});
  STRATA_TRY(database.engine->close());
  database = {};
  std::filesystem::remove_all(directory);
  return {};
}

Result<void> measure_batches(Context& context, std::size_t batch) {
  const std::string directory = context.settings.directory + "/batch";
  Database database = STRATA_TRY(open_database(directory, true));
  STRATA_TRY(fill(*database.memory, context.data, 0, kWarm));
  double seconds = 0, cpu = 0;
  std::size_t count = 0;
  std::vector<double> times;
  while (count < context.settings.bulk && seconds < context.settings.seconds_max) {
    const std::size_t begin = kWarm + count;
    const std::vector<Atom> atoms = context.data.atoms(begin, begin + std::min(kChunk, context.settings.bulk - count));
    const double cpu_before = cpu_us();
    Stopwatch chunk;
    for (std::size_t at = 0; at < atoms.size(); at += batch) {
      Stopwatch watch;
      STRATA_TRY(database.memory->remember(std::span(atoms).subspan(at, std::min(batch, atoms.size() - at))));
      times.push_back(watch.us());
      count += std::min(batch, atoms.size() - at);
      if (seconds + chunk.seconds() > context.settings.seconds_max) break;
    }
    seconds += chunk.seconds();
    cpu += cpu_us() - cpu_before;
  }
  context.report.figure(std::to_string(batch) + " memories a commit", static_cast<double>(count) / seconds, "/s",
                        {{"commit_p50_us", quantile(times, 0.5)},
                         {"commit_p99_us", quantile(times, 0.99)},
                         {"cpu_us", cpu / static_cast<double>(count)}});
  STRATA_TRY(database.engine->close());
  database = {};
  std::filesystem::remove_all(directory);
  return {};
}

}  // namespace strata::bench
