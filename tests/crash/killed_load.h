#pragma once
/// Loads of one operation after the other by several writers, killed at any moment: what memories.cc and vectors.cc share. Each says what
/// an operation is and what must be there afterwards.
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "crash/crash.h"

namespace strata::crash {

struct KilledLoad {
  std::string mode;           ///< of the child
  std::string folder;         ///< below the scratch directory, a number behind it
  std::string what;           ///< of the record
  std::uint64_t writers = 0;  ///< unless the settings say
  std::uint64_t soon_ms = 0;  ///< one in five dies before, while it opens
  std::uint64_t least_ms = 0, most_ms = 0;
  /// After each life, of which this is the number. Errors  what keeps the database from being opened or read
  std::function<Result<void>(const ChildSettings& child, std::uint64_t life, Score& score, Tally& tally)> examine;
};
/// Kills it as often as the settings say. Returns the exit code.
int run_killed_load(const Settings& settings, const KilledLoad& load);

/// In the child: a thread for each writer, which performs its operations from settings.first on and tells the parent, for ever. An error
/// is told and ends the process.
std::vector<std::thread> write_until_killed(
    const ChildSettings& settings,
    const std::function<Result<void>(std::uint64_t writer, std::uint64_t number)>& perform);

/// Two openings one after the other must find the same. Errors  as fingerprint
Result<void> expect_unchanged_by_opening(const std::string& directory, Tally& tally);

}  // namespace strata::crash
