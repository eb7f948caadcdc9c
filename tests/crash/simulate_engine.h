#pragma once
/// The whole engine on the simulated disk. What SQLite and DuckDB keep is derived and needs real paths: those files lie in a
/// folder of the machine's temporary directory, survive a cut whole or are gone, and everything else is in memory.
#include <memory>
#include <string>

#include "crash/crash.h"

namespace strata::crash {

class SimulatedEngines {
 public:
  explicit SimulatedEngines(const Settings& settings);
  ~SimulatedEngines();
  /// One seed: some lives of one database. Returns what was wrong; empty: nothing.
  std::string simulate(std::uint64_t seed, Tally& tally);

 private:
  Scratch scratch_;
};

}  // namespace strata::crash
