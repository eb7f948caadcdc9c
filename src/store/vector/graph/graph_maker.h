#pragma once
/// Gives sealed segments their graphs, one after the other, on a thread of its own that begins with the first that needs one.
///
///     want(segment) ──▶ queue ──▶ build ──▶ write `….graph` ──▶ attach: searches use it from then on
///
/// A segment that was merged away meanwhile gets none, and the file goes. Building that fails (a full disk) leaves the segment
/// searched exactly; the next checkpoint asks again.
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "core/mutex.h"
#include "io/file_system.h"
#include "store/vector/graph/graph.h"
#include "store/vector/segment.h"

namespace strata::store::vector {

/// Threads: any.
class GraphMaker {
 public:
  GraphMaker(io::FileSystem& files, std::string directory, const GraphOptions& options,
             std::function<std::uint64_t()> next_number)
      : files_(files), directory_(std::move(directory)), options_(options), next_number_(std::move(next_number)) {}
  ~GraphMaker() { stop(); }

  /// Nothing happens when it is in the queue already.
  void want(std::shared_ptr<Segment> segment) STRATA_EXCLUDES(mutex_);
  /// Until the queue is empty.
  void wait() STRATA_EXCLUDES(mutex_);
  /// Gives up what is under way. Nothing is made afterwards.
  void stop() STRATA_EXCLUDES(mutex_);

  std::uint64_t made() const { return made_.load(std::memory_order_relaxed); }
  std::string last_error() const STRATA_EXCLUDES(mutex_);

 private:
  void run() STRATA_EXCLUDES(mutex_);
  Result<void> make(Segment& segment);

  io::FileSystem& files_;
  const std::string directory_;
  const GraphOptions options_;
  const std::function<std::uint64_t()> next_number_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> made_{0};

  mutable core::Mutex mutex_;
  core::Condition changed_;
  std::deque<std::shared_ptr<Segment>> queue_ STRATA_GUARDED_BY(mutex_);  // the first is under way
  std::string last_error_ STRATA_GUARDED_BY(mutex_);
  std::thread thread_ STRATA_GUARDED_BY(mutex_);
};

}  // namespace strata::store::vector
