#pragma once
/// Which commit was the last one at a time. Thinned out as it grows: recent commits are all there, older ones every
/// second, fourth, … so that a view of last week is exact to some commits and the list stays bounded.
#include <vector>

#include "core/mutex.h"
#include "engine/manifest.h"

namespace strata::engine {

/// Threads: any.
class CommitClock {
 public:
  static constexpr std::size_t kPointsMax = 65'536;
  void load(std::vector<CommitTime> points);
  void add(CommitTime point);
  /// The last known commit at or before `time`; {0, 0} when there is none.
  CommitTime at_time(Timestamp time) const;
  /// The commit `lsn`, or the nearest known one before it.
  CommitTime at_lsn(Lsn lsn) const;
  std::vector<CommitTime> points() const;

 private:
  mutable core::Mutex mutex_;
  std::vector<CommitTime> points_ STRATA_GUARDED_BY(mutex_);  // ascending in both
};

}  // namespace strata::engine
