#include "transaction/view_registry.h"

#include <algorithm>
#include <utility>

namespace strata::transaction {

ViewPin::ViewPin(ViewPin&& other) noexcept
    : registry_(std::exchange(other.registry_, nullptr)),
      entry_(other.entry_),
      lsn_(other.lsn_),
      moment_(other.moment_) {}

ViewPin& ViewPin::operator=(ViewPin&& other) noexcept {
  if (this != &other) {
    release();
    registry_ = std::exchange(other.registry_, nullptr);
    entry_ = other.entry_;
    lsn_ = other.lsn_;
    moment_ = other.moment_;
  }
  return *this;
}

ViewPin::~ViewPin() { release(); }

void ViewPin::release() {
  if (registry_ != nullptr) std::exchange(registry_, nullptr)->end(entry_);
}

ViewPin ViewRegistry::pin(Lsn lsn, const Present& present, std::int64_t deadline_us) {
  const core::MutexLock lock(mutex_);
  const Moment moment = present.moment.load(std::memory_order_acquire);
  return {this, entries_.insert(entries_.end(), {lsn, moment, deadline_us})};
}

ViewPin ViewRegistry::pin_current(const Present& present, std::int64_t deadline_us) {
  const core::MutexLock lock(mutex_);
  const Moment moment = present.moment.load(std::memory_order_acquire);
  const Lsn lsn = present.lsn.load(std::memory_order_acquire);
  return {this, entries_.insert(entries_.end(), {lsn, moment, deadline_us})};
}

Lsn ViewRegistry::oldest(Lsn otherwise, std::int64_t now_us) const {
  const core::MutexLock lock(mutex_);
  Lsn oldest = otherwise;
  for (const ViewPin::Entry& entry : entries_) {
    if (entry.deadline_us > now_us) oldest = std::min(oldest, entry.lsn);
  }
  return oldest;
}

Moment ViewRegistry::oldest_moment(Moment otherwise, std::int64_t now_us) const {
  const core::MutexLock lock(mutex_);
  Moment oldest = otherwise;
  for (const ViewPin::Entry& entry : entries_) {
    if (entry.deadline_us > now_us) oldest = std::min(oldest, entry.moment);
  }
  return oldest;
}

std::size_t ViewRegistry::size() const {
  const core::MutexLock lock(mutex_);
  return entries_.size();
}

void ViewRegistry::end(std::list<ViewPin::Entry>::iterator entry) {
  const core::MutexLock lock(mutex_);
  entries_.erase(entry);
}

}  // namespace strata::transaction
