#include "store/vector/graph/graph_maker.h"

#include <algorithm>

#include "store/vector/graph/graph_builder.h"

namespace strata::store::vector {

void GraphMaker::want(std::shared_ptr<Segment> segment) {
  const core::MutexLock lock(mutex_);
  if (stop_.load(std::memory_order_relaxed)) return;
  if (std::find(queue_.begin(), queue_.end(), segment) != queue_.end()) return;
  queue_.push_back(std::move(segment));
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  changed_.notify_all();
}

void GraphMaker::wait() {
  const core::MutexLock lock(mutex_);
  while (!queue_.empty()) changed_.wait(mutex_);
}

void GraphMaker::stop() {
  std::thread thread;
  {
    const core::MutexLock lock(mutex_);
    stop_.store(true, std::memory_order_relaxed);
    thread = std::move(thread_);
    changed_.notify_all();
  }
  if (thread.joinable()) thread.join();
}

std::string GraphMaker::last_error() const {
  const core::MutexLock lock(mutex_);
  return last_error_;
}

void GraphMaker::run() {
  for (;;) {
    std::shared_ptr<Segment> segment;
    {
      const core::MutexLock lock(mutex_);
      while (queue_.empty() && !stop_.load(std::memory_order_relaxed)) changed_.wait(mutex_);
      if (stop_.load(std::memory_order_relaxed)) {
        queue_.clear();
        changed_.notify_all();
        return;
      }
      segment = queue_.front();
    }
    const Result<void> made = make(*segment);
    const core::MutexLock lock(mutex_);
    last_error_ = made ? std::string() : made.error().message();
    queue_.pop_front();
    changed_.notify_all();
  }
}

Result<void> GraphMaker::make(Segment& segment) {
  STRATA_TRY(segment.prepare());
  const auto run = segment.codes(0);
  const SegmentDirectory& directory = segment.directory();
  if (!run || !can_be_linked(run->columns, segment.rows())) return {};
  const std::optional<GraphData> graph =
      build_graph(run->columns, segment.rows(), directory.options.dimension, directory.options.metric, options_, stop_);
  if (!graph) return {};
  const std::uint64_t number = next_number_();
  const std::string name = graph_name(directory_, number);
  const transaction::CheckpointFile file =
      STRATA_TRY(write_graph(files_, name, segment.graph_subject(), options_, *graph));
  if (!segment.attach(STRATA_TRY(GraphFile::open(files_, number, file, segment.graph_subject())))) {
    return files_.remove(name);
  }
  made_.fetch_add(1, std::memory_order_relaxed);
  return {};
}

}  // namespace strata::store::vector
