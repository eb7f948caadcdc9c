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

ViewPin ViewRegistry::insert(const ViewPin::Entry& entry) {
  if (closed_) return {};
  return {this, entries_.insert(entries_.end(), entry)};
}

ViewPin ViewRegistry::pin(Lsn lsn, const Present& present, Reader reader, std::int64_t deadline_us) {
  const core::MutexLock lock(mutex_);
  const Moment moment = present.moment.load(std::memory_order_acquire);
  return insert({lsn, moment, deadline_us, reader});
}

ViewPin ViewRegistry::pin_current(const Present& present, Reader reader, std::int64_t deadline_us) {
  const core::MutexLock lock(mutex_);
  const Moment moment = present.moment.load(std::memory_order_acquire);
  const Lsn lsn = present.lsn.load(std::memory_order_acquire);
  return insert({lsn, moment, deadline_us, reader});
}

bool ViewRegistry::within_a_call() const {
  const core::MutexLock lock(mutex_);
  return std::any_of(entries_.begin(), entries_.end(),
                     [here = std::this_thread::get_id()](const ViewPin::Entry& entry) {
                       return entry.reader == Reader::call && entry.thread == here;
                     });
}

Result<void> ViewRegistry::close() {
  const core::MutexLock lock(mutex_);
  std::size_t views = 0, transactions = 0;
  for (const ViewPin::Entry& entry : entries_) {
    views += entry.reader == Reader::view;
    transactions += entry.reader == Reader::transaction;
  }
  if (views + transactions > 0) {
    const auto counted = [](std::size_t count, const char* what) {
      return count == 0 ? std::string() : std::to_string(count) + " " + what + (count == 1 ? "" : "s");
    };
    const std::string open =
        counted(views, "view") + (views > 0 && transactions > 0 ? " and " : "") + counted(transactions, "transaction");
    const bool one = views + transactions == 1;
    return Error(ErrorCode::failed_precondition,
                 open + (one ? " is open; end it, then close" : " are open; end them, then close"));
  }
  closed_ = true;
  while (!entries_.empty()) ended_.wait(mutex_);
  return {};
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
  if (closed_) ended_.notify_all();
}

}  // namespace strata::transaction
