#pragma once
/// Gives sealed segments their graphs or lists, and large deltas their graphs, one after the other, on a thread of its own that begins with
/// the first that needs one.
///
///     want(segment) ──▶ queue ──▶ build ──▶ write `….graph`, `….lists` ──▶ attach: searches use it from then on; the next checkpoint names it
///     want(delta)   ──▶ queue ──▶ build ─────────────────────────────────▶ attach
///
/// What was merged away meanwhile gets none, and the file goes. Building that fails (a full disk) leaves the segment searched exactly;
/// the next checkpoint asks again. The thread gives way to others: whoever commits or searches comes first.
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/mutex.h"
#include "io/file_system.h"
#include "store/vector/delta.h"
#include "store/vector/graph/graph.h"
#include "store/vector/graph/inheritance.h"
#include "store/vector/segment.h"

namespace strata::store::vector {

/// Threads: any.
class GraphMaker {
 public:
  /// `rows_min` is what deltas are asked with whether they need another graph.
  GraphMaker(io::FileSystem& files, std::string directory, Row rows_min, std::function<std::uint64_t()> next_number)
      : files_(files), directory_(std::move(directory)), rows_min_(rows_min), next_number_(std::move(next_number)) {}
  ~GraphMaker() { stop(); }

  /// What is in the queue already is made as is wanted now. `written`: the number of an index file of this segment that no checkpoint names
  /// yet, to be used if it is sound; 0: there is none. `inheritance`: what a new one begins with.
  void want(std::shared_ptr<Segment> segment, const IndexOptions& index, const QuantizationOptions& quantization,
            std::uint64_t written = 0, std::optional<Inheritance> inheritance = std::nullopt) STRATA_EXCLUDES(mutex_);
  /// The caller has claimed it (Delta::claim_graph).
  void want(std::shared_ptr<Delta> delta) STRATA_EXCLUDES(mutex_);
  /// Until everything that is in the queue now has left it. `progress(rows that left it, rows there were)` is called now and then; false: no more waiting.
  /// Errors  cancelled; as error()
  Result<void> wait(const std::function<bool(std::uint64_t, std::uint64_t)>& progress) STRATA_EXCLUDES(mutex_);
  /// Gives up what is under way. Nothing is made afterwards.
  void stop() STRATA_EXCLUDES(mutex_);

  /// Of the segments and deltas in the queue that nothing has taken the place of yet.
  std::uint64_t rows_waiting() const STRATA_EXCLUDES(mutex_);
  /// Rows that were given their links since this began, each as often as that happened: not those whose links were taken over.
  std::uint64_t rows_linked() const { return rows_linked_.load(std::memory_order_relaxed); }
  /// Why a segment that is still there has no index; nothing when none failed.
  std::optional<Error> error() const STRATA_EXCLUDES(mutex_);

 private:
  /// Of a segment or of a delta.
  struct Wanted {
    std::shared_ptr<Segment> segment = nullptr;
    IndexOptions index = {};
    QuantizationOptions quantization = {};
    std::uint64_t written = 0;
    std::optional<Inheritance> inheritance = std::nullopt;
    std::shared_ptr<Delta> delta = nullptr;

    Row rows() const { return segment ? segment->rows() : delta->rows(); }
    bool retired() const { return segment ? segment->retired() : delta->retired(); }
  };
  void put(Wanted wanted) STRATA_REQUIRES(mutex_);
  void run() STRATA_EXCLUDES(mutex_);
  Result<void> make(const Wanted& wanted);
  Result<void> make_of_segment(const Wanted& wanted);
  Result<void> make_graph(const Wanted& wanted, const std::function<bool()>& stop);
  Result<void> make_lists(const Wanted& wanted, const std::function<bool()>& stop);
  /// The links of its graph, when they are as wanted, else new ones, which `room` then holds. nullptr: it was told to stop, or no finite
  /// bound covers some row.
  std::optional<GraphView> links_of(const Wanted& wanted, GraphData& room, const std::function<bool()>& stop);
  void make_of_delta(const std::shared_ptr<Delta>& delta) STRATA_EXCLUDES(mutex_);
  /// A damaged file is removed instead.
  Result<void> adopt(Segment& segment, std::uint64_t number);
  template <typename File>
  Result<void> adopt(Segment& segment, std::uint64_t number, const std::string& name);
  template <typename File>
  Result<void> attach(Segment& segment, std::shared_ptr<File> index);

  io::FileSystem& files_;
  const std::string directory_;
  const Row rows_min_;
  const std::function<std::uint64_t()> next_number_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> rows_linked_{0};

  mutable core::Mutex mutex_;
  core::Condition changed_;
  std::deque<Wanted> queue_ STRATA_GUARDED_BY(mutex_);  // the first is under way
  std::uint64_t done_ STRATA_GUARDED_BY(mutex_) = 0;    // how many have left it
  struct Failure {
    std::weak_ptr<Segment> segment;
    Error error;
  };
  void note(const Wanted& wanted, const Result<void>& made) STRATA_REQUIRES(mutex_);
  std::vector<Failure> failures_ STRATA_GUARDED_BY(mutex_);  // the last one of each segment
  std::thread thread_ STRATA_GUARDED_BY(mutex_);
};

}  // namespace strata::store::vector
