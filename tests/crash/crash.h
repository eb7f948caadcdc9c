#pragma once
/// Kills a writing process, opens what it left, and compares with what was acknowledged.
///
/// The oracle (P1, P2, P3, P5): acknowledged ⊆ recovered ⊆ attempted; every memory is whole in all stores or in none;
/// opening again changes nothing; a kill while opening changes nothing either. A parent that survives keeps the score.
#include <string>
#include <vector>

#include "crash/workload.h"

namespace strata::crash {

struct Settings {
  std::uint64_t seed = 1;
  std::uint64_t writers = 4;
  std::uint64_t kills = 20;
  double minutes = 0;       ///< 0: no limit beside kills
  std::uint64_t lives = 5;  ///< kills per directory, then a fresh one
  std::string directory;    ///< empty: one below the temporary directory, removed at the end
  bool quiet = false;
};

/// The child's work; returns only on an error.
int run_writers(const Settings& settings, const std::vector<std::uint64_t>& first_numbers);

}  // namespace strata::crash
