#pragma once
/// Mutexes that clang's thread-safety analysis understands: a field marked STRATA_GUARDED_BY(mutex_) that is touched
/// without the lock does not compile (clang, -Wthread-safety).
#include <condition_variable>
#include <mutex>
#include <shared_mutex>

#if defined(__clang__)
#define STRATA_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define STRATA_THREAD_ATTRIBUTE(x)
#endif
#define STRATA_GUARDED_BY(mutex) STRATA_THREAD_ATTRIBUTE(guarded_by(mutex))
#define STRATA_PT_GUARDED_BY(mutex) STRATA_THREAD_ATTRIBUTE(pt_guarded_by(mutex))
#define STRATA_REQUIRES(...) STRATA_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define STRATA_REQUIRES_SHARED(...) STRATA_THREAD_ATTRIBUTE(requires_shared_capability(__VA_ARGS__))
#define STRATA_EXCLUDES(...) STRATA_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define STRATA_NO_THREAD_ANALYSIS STRATA_THREAD_ATTRIBUTE(no_thread_safety_analysis)

namespace strata::core {

class STRATA_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void lock() STRATA_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() STRATA_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  bool try_lock() STRATA_THREAD_ATTRIBUTE(try_acquire_capability(true)) { return mutex_.try_lock(); }

 private:
  friend class Condition;
  std::mutex mutex_;
};

class STRATA_THREAD_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) STRATA_THREAD_ATTRIBUTE(acquire_capability(mutex)) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() STRATA_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

/// Many readers or one writer.
class STRATA_THREAD_ATTRIBUTE(capability("shared_mutex")) SharedMutex {
 public:
  void lock() STRATA_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() STRATA_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  void lock_shared() STRATA_THREAD_ATTRIBUTE(acquire_shared_capability()) { mutex_.lock_shared(); }
  void unlock_shared() STRATA_THREAD_ATTRIBUTE(release_shared_capability()) { mutex_.unlock_shared(); }

 private:
  std::shared_mutex mutex_;
};

class STRATA_THREAD_ATTRIBUTE(scoped_lockable) WriterLock {
 public:
  explicit WriterLock(SharedMutex& mutex) STRATA_THREAD_ATTRIBUTE(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.lock();
  }
  ~WriterLock() STRATA_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  SharedMutex& mutex_;
};

class STRATA_THREAD_ATTRIBUTE(scoped_lockable) ReaderLock {
 public:
  explicit ReaderLock(SharedMutex& mutex) STRATA_THREAD_ATTRIBUTE(acquire_shared_capability(mutex)) : mutex_(mutex) {
    mutex_.lock_shared();
  }
  ~ReaderLock() STRATA_THREAD_ATTRIBUTE(release_generic_capability()) { mutex_.unlock_shared(); }
  ReaderLock(const ReaderLock&) = delete;
  ReaderLock& operator=(const ReaderLock&) = delete;

 private:
  SharedMutex& mutex_;
};

/// A condition variable for Mutex. Wait in a loop on the condition itself.
class Condition {
 public:
  void wait(Mutex& mutex) STRATA_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  /// False when the time ran out.
  template <typename Duration>
  bool wait_for(Mutex& mutex, Duration duration) STRATA_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool in_time = condition_.wait_for(lock, duration) == std::cv_status::no_timeout;
    lock.release();
    return in_time;
  }
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace strata::core
