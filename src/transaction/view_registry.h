#pragma once
/// Which past states somebody still reads. Versions that no registered view and no history window can see may go.
#include <atomic>
#include <list>
#include <thread>

#include "core/mutex.h"
#include "strata/error.h"
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

/// Who reads: the one call that is under way, or somebody who was given a handle to end when he likes.
enum class Reader : std::uint8_t { call, view, transaction };

/// One registered view; ends with the object. Threads: moved by one, destroyed by any.
class ViewPin {
 public:
  ViewPin() = default;
  ViewPin(ViewPin&& other) noexcept;
  ViewPin& operator=(ViewPin&& other) noexcept;
  ~ViewPin();
  /// False: it is of no view, because the registry is closed.
  explicit operator bool() const { return registry_ != nullptr; }
  Lsn lsn() const { return lsn_; }
  Moment moment() const { return moment_; }
  void release();

 private:
  friend class ViewRegistry;
  struct Entry {
    Lsn lsn;
    Moment moment;
    std::int64_t deadline_us;
    Reader reader;
    std::thread::id thread = std::this_thread::get_id();  // that made it
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
  /// transaction it belongs to can only roll back by then. Once closed: a pin that is false.
  ViewPin pin(Lsn lsn, const Present& present, Reader reader, std::int64_t deadline_us = kNoDeadline);
  /// Registers a view of the present, so that `oldest` cannot pass in between.
  ViewPin pin_current(const Present& present, Reader reader, std::int64_t deadline_us = kNoDeadline);
  /// From here on nothing is registered: waits for the calls that are under way, and later ones get no view.
  /// Errors  failed_precondition (views or transactions are open, it says how many; nothing changed)
  Result<void> close();
  /// Is a call of this thread under way? What it calls (a sink, a source) would wait for itself if it closed.
  bool within_a_call() const;
  /// The oldest LSN that is still read, or `otherwise` when nothing older is.
  Lsn oldest(Lsn otherwise, std::int64_t now_us) const;
  Moment oldest_moment(Moment otherwise, std::int64_t now_us) const;
  std::size_t size() const;

 private:
  friend class ViewPin;
  ViewPin insert(const ViewPin::Entry& entry) STRATA_REQUIRES(mutex_);
  void end(std::list<ViewPin::Entry>::iterator entry);
  mutable core::Mutex mutex_;
  core::Condition ended_;
  std::list<ViewPin::Entry> entries_ STRATA_GUARDED_BY(mutex_);
  bool closed_ STRATA_GUARDED_BY(mutex_) = false;
};

}  // namespace strata::transaction
