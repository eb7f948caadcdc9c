#include "engine/commit_clock.h"

#include <algorithm>

#include "core/assert.h"

namespace strata::engine {

void CommitClock::load(std::vector<CommitTime> points) {
  const core::MutexLock lock(mutex_);
  points_ = std::move(points);
}

void CommitClock::add(CommitTime point) {
  const core::MutexLock lock(mutex_);
  STRATA_ASSERT(points_.empty() || points_.back().lsn < point.lsn);
  points_.push_back(point);
  if (points_.size() <= kPointsMax) return;
  // Drops every second of the older half: the density halves with each doubling of age.
  std::size_t kept = 0;
  const std::size_t half = points_.size() / 2;
  for (std::size_t i = 0; i < points_.size(); ++i) {
    if (i >= half || i % 2 == 0) points_[kept++] = points_[i];
  }
  points_.resize(kept);
}

CommitTime CommitClock::at_time(Timestamp time) const {
  const core::MutexLock lock(mutex_);
  const auto after = std::upper_bound(points_.begin(), points_.end(), time,
                                      [](Timestamp t, const CommitTime& point) { return t < point.time; });
  return after == points_.begin() ? CommitTime{} : *(after - 1);
}

CommitTime CommitClock::at_lsn(Lsn lsn) const {
  const core::MutexLock lock(mutex_);
  const auto after = std::upper_bound(points_.begin(), points_.end(), lsn,
                                      [](Lsn l, const CommitTime& point) { return l < point.lsn; });
  return after == points_.begin() ? CommitTime{} : *(after - 1);
}

std::vector<CommitTime> CommitClock::points() const {
  const core::MutexLock lock(mutex_);
  return points_;
}

}  // namespace strata::engine
