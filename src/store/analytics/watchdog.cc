#include "store/analytics/watchdog.h"

#include <chrono>
#include <utility>

namespace strata::store::analytics {
namespace {

constexpr std::chrono::milliseconds kStep(20);  // how late an interrupt may come

}  // namespace

Watchdog::~Watchdog() {
  std::thread thread;
  {
    const core::MutexLock lock(mutex_);
    stopping_ = true;
    thread = std::move(thread_);
    changed_.notify_all();
  }
  if (thread.joinable()) thread.join();
}

Watchdog::Guard::Guard(Watchdog& dog, std::int64_t timeout_ms, std::function<void()> interrupt) : dog_(dog) {
  const std::int64_t deadline = dog.clock_.monotonic_us() + timeout_ms * 1000;
  const core::MutexLock lock(dog.mutex_);
  if (!dog.thread_.joinable()) dog.thread_ = std::thread([&dog] { dog.run(); });
  if (dog.idle_) dog.changed_.notify_one();
  watched_ = dog.watched_.insert(dog.watched_.end(), {deadline, std::move(interrupt), false});
}

Watchdog::Guard::~Guard() {
  const core::MutexLock lock(dog_.mutex_);
  dog_.watched_.erase(watched_);
}

bool Watchdog::Guard::interrupted() const {
  const core::MutexLock lock(dog_.mutex_);
  return watched_->interrupted;
}

void Watchdog::interrupt_all() {
  const core::MutexLock lock(mutex_);
  for (Watched& watched : watched_) watched.interrupt();
}

void Watchdog::run() {
  mutex_.lock();
  while (!stopping_) {
    if (watched_.empty()) {
      idle_ = true;
      changed_.wait(mutex_);
      idle_ = false;
      continue;
    }
    (void)changed_.wait_for(mutex_, kStep);
    const std::int64_t now = clock_.monotonic_us();
    for (Watched& watched : watched_) {
      if (watched.deadline_us > now) continue;
      watched.interrupted = true;
      watched.interrupt();  // an atomic flag in DuckDB: no lock of ours is taken below this one
    }
  }
  mutex_.unlock();
}

}  // namespace strata::store::analytics
