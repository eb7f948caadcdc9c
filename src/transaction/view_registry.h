#pragma once
/// Which past states somebody still reads. Versions that no registered view and no history window can see may go.
#include <atomic>
#include <list>

#include "core/mutex.h"
#include "strata/value.h"

namespace strata::transaction {

/// Counts the changes of what lives in memory alone (the cache): they have no LSN of their own. A view sees an entry when
/// both its LSN and its moment are not later than the view's.
using Moment = std::uint64_t;

/// What is visible now. Whoever publishes stores the LSN first and the moment after it; who looks loads them the other way
/// round: so a moment is never seen without the commits before it.
struct Present {
  std::atomic<Lsn> lsn{0};
  std::atomic<Moment> moment{0};
};

class ViewRegistry;

/// One registered view; ends with the object. Threads: moved by one, destroyed by any.
class ViewPin {
 public:
  ViewPin() = default;
  ViewPin(ViewPin&& other) noexcept;
  ViewPin& operator=(ViewPin&& other) noexcept;
  ~ViewPin();
  Lsn lsn() const { return lsn_; }
  Moment moment() const { return moment_; }
  void release();

 private:
  friend class ViewRegistry;
  struct Entry {
    Lsn lsn;
    Moment moment;
    std::int64_t deadline_us;
  };
  ViewPin(ViewRegistry* registry, std::list<Entry>::iterator entry)
      : registry_(registry), entry_(entry), lsn_(entry->lsn), moment_(entry->moment) {}
  ViewRegistry* registry_ = nullptr;
  std::list<Entry>::iterator entry_;
  Lsn lsn_ = 0;
  Moment moment_ = 0;
};

/// Threads: any. Outlives its pins.
class ViewRegistry {
 public:
  static constexpr std::int64_t kNoDeadline = INT64_MAX;
  /// Registers a view at `lsn`; past its deadline (monotonic microseconds) it no longer holds anything back: the
  /// transaction it belongs to can only roll back by then.
  ViewPin pin(Lsn lsn, const Present& present, std::int64_t deadline_us = kNoDeadline);
  /// Registers a view of the present, so that `oldest` cannot pass in between.
  ViewPin pin_current(const Present& present, std::int64_t deadline_us = kNoDeadline);
  /// The oldest LSN that is still read, or `otherwise` when nothing older is.
  Lsn oldest(Lsn otherwise, std::int64_t now_us) const;
  Moment oldest_moment(Moment otherwise, std::int64_t now_us) const;
  std::size_t size() const;

 private:
  friend class ViewPin;
  void end(std::list<ViewPin::Entry>::iterator entry);
  mutable core::Mutex mutex_;
  std::list<ViewPin::Entry> entries_ STRATA_GUARDED_BY(mutex_);
};

}  // namespace strata::transaction
