#pragma once
/// The cases of the benchmark. Each makes its database in a fresh folder below `Settings::directory` and removes it.
#include <functional>
#include <memory>
#include <string>

#include "commit/data.h"
#include "commit/report.h"
#include "strata/engine.h"
#include "strata/memory.h"

namespace strata::bench {

struct Settings {
  std::string directory = "bench-commit.work";
  std::string program;  ///< this executable, for children
  std::size_t singles = 2'000;
  std::size_t bulk = 20'000;  ///< memories of writers16 and the batches
  std::size_t recall_size = 10'000;
  std::size_t metric_rows = 20'000;
  std::size_t small = 20'000, large = 60'000;  ///< databases whose disk use and opening are measured
  double seconds_max = 30;                     ///< of one writing case
  std::size_t threads = 16;
};

struct Database {
  std::string directory;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Memory> memory;
};

Result<Database> open_database(const std::string& directory, bool fresh);
/// Remembers data's memories [begin, end), 1,000 a commit.
Result<void> fill(Memory& memory, const Data& data, std::size_t begin, std::size_t end);

struct Context {
  const Settings& settings;
  const Data& data;
  Report& report;
};

Result<void> measure_floor(Context& context, const std::string& when);
Result<void> measure_single(Context& context);
Result<void> measure_writers(Context& context);
Result<void> measure_batches(Context& context, std::size_t batch);
Result<void> measure_reads(Context& context);   ///< get, two hops, metric range, combined recall
Result<void> measure_stores(Context& context);  ///< where do the microseconds go?
Result<void> measure_large(Context& context);   ///< disk bytes, opening clean and after SIGKILL, resident memory

/// What a child of measure_large does: fills a database and waits to be killed; or opens one and tells of it.
Result<void> child_fill(const Settings& settings, std::size_t count);
Result<void> child_open(const Settings& settings);

}  // namespace strata::bench
