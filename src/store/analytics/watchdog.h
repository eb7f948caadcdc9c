#pragma once
/// Ends what runs for too long: one thread, asleep while nothing runs, that calls `interrupt` at a deadline.
#include <functional>
#include <list>
#include <thread>

#include "core/clock.h"
#include "core/mutex.h"

namespace strata::store::analytics {

/// Threads: any.
class Watchdog {
 public:
  explicit Watchdog(const core::Clock& clock) : clock_(clock) {}
  ~Watchdog();

  struct Watched {
    std::int64_t deadline_us;
    std::function<void()> interrupt;
    bool interrupted = false;
  };
  /// Watches until it ends. After its destructor `interrupt` is not called any more.
  class Guard {
   public:
    Guard(Watchdog& dog, std::int64_t timeout_ms, std::function<void()> interrupt);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    bool interrupted() const;

   private:
    Watchdog& dog_;
    std::list<Watched>::iterator watched_;
  };
  /// Interrupts all that runs now.
  void interrupt_all();

 private:
  void run();
  const core::Clock& clock_;
  mutable core::Mutex mutex_;
  core::Condition changed_;
  std::list<Watched> watched_ STRATA_GUARDED_BY(mutex_);
  std::thread thread_ STRATA_GUARDED_BY(mutex_);
  bool stopping_ STRATA_GUARDED_BY(mutex_) = false;
  bool idle_ STRATA_GUARDED_BY(mutex_) = false;  // the thread sleeps until it is told
};

}  // namespace strata::store::analytics
