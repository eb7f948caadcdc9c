#include "store/vector/graph/graph_maker.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/thread_priority.h"
#include "store/vector/graph/graph_builder.h"

namespace strata::store::vector {
namespace {

constexpr auto kAskEvery = std::chrono::milliseconds(50);  // whoever waits, whether to go on

}  // namespace

void GraphMaker::want(std::shared_ptr<Segment> segment, const IndexOptions& index, std::uint64_t written,
                      std::optional<Inheritance> inheritance) {
  const core::MutexLock lock(mutex_);
  const auto same = [&](const Wanted& wanted) { return wanted.segment == segment; };
  if (std::any_of(queue_.begin(), queue_.end(), same)) return;
  put({.segment = std::move(segment),
       .options = graph_options(index),
       .written = written,
       .inheritance = std::move(inheritance)});
}

void GraphMaker::want(std::shared_ptr<Delta> delta) {
  const core::MutexLock lock(mutex_);
  put({.delta = std::move(delta)});
}

void GraphMaker::put(Wanted wanted) {
  if (stop_.load(std::memory_order_relaxed)) return;
  queue_.push_back(std::move(wanted));
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  changed_.notify_all();
}

Result<void> GraphMaker::wait(const std::function<bool(std::uint64_t, std::uint64_t)>& progress) {
  std::uint64_t total = 0, last = 0;
  {
    const core::MutexLock lock(mutex_);
    last = done_ + queue_.size();  // checkpoints go on: what they want is not waited for
  }
  for (;;) {
    const std::uint64_t waiting = rows_waiting();
    total = std::max(total, waiting);
    if (progress && !progress(total - waiting, total)) {
      return Error(ErrorCode::cancelled, "waiting for search graphs was cancelled");
    }
    const core::MutexLock lock(mutex_);
    if (queue_.empty() || done_ >= last) break;
    changed_.wait_for(mutex_, kAskEvery);
  }
  if (auto failed = error()) return *std::move(failed);
  return {};
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

std::uint64_t GraphMaker::rows_waiting() const {
  const core::MutexLock lock(mutex_);
  std::uint64_t rows = 0;
  for (const Wanted& wanted : queue_) rows += wanted.retired() ? 0 : wanted.rows();
  return rows;
}

std::optional<Error> GraphMaker::error() const {
  const core::MutexLock lock(mutex_);
  for (const Failure& failure : failures_) {
    const auto segment = failure.segment.lock();
    if (segment && !segment->retired()) return failure.error.clone();
  }
  return std::nullopt;
}

void GraphMaker::note(const Wanted& wanted, const Result<void>& made) {
  std::erase_if(failures_, [&](const Failure& failure) {
    const auto segment = failure.segment.lock();
    return !segment || segment->retired() || segment == wanted.segment;
  });
  if (!made) failures_.push_back({wanted.segment, made.error().clone()});
}

void GraphMaker::run() {
  core::give_way();
  for (;;) {
    Wanted wanted;
    {
      const core::MutexLock lock(mutex_);
      while (queue_.empty() && !stop_.load(std::memory_order_relaxed)) changed_.wait(mutex_);
      if (stop_.load(std::memory_order_relaxed)) {
        queue_.clear();
        changed_.notify_all();
        return;
      }
      Wanted& first =
          queue_
              .front();  // it stays there, for who asks what is waited for; a mapping of millions of rows is not copied
      wanted = {first.segment, first.options, first.written, std::exchange(first.inheritance, std::nullopt),
                first.delta};
    }
    const Result<void> made = make(wanted);
    const core::MutexLock lock(mutex_);
    note(wanted, made);
    queue_.pop_front();
    ++done_;
    changed_.notify_all();
  }
}

Result<void> GraphMaker::make(const Wanted& wanted) {
  if (wanted.retired()) return {};
  if (wanted.segment) return make_of_segment(wanted);
  make_of_delta(wanted.delta);
  return {};
}

void GraphMaker::make_of_delta(const std::shared_ptr<Delta>& delta) {
  const auto stop = [&] { return stop_.load(std::memory_order_relaxed) || delta->retired(); };
  const PartGraph before = delta->graph();
  auto graph = grow_graph(*delta, stop);
  if (stop()) return;
  if (graph) rows_linked_ += graph->view.rows - (before.view == nullptr ? 0 : before.view->rows);
  delta->attach(std::move(graph));
  if (delta->claim_graph(rows_min_)) want(delta);
}

Result<void> GraphMaker::make_of_segment(const Wanted& wanted) {
  Segment& segment = *wanted.segment;
  const auto stop = [&] { return stop_.load(std::memory_order_relaxed) || segment.retired(); };
  if (wanted.written != 0 && STRATA_TRY(adopt(segment, wanted.written))) return {};
  STRATA_TRY(segment.prepare());
  if (segment.of_the_past()) return {};
  const auto run = segment.codes(0);
  const SegmentDirectory& directory = segment.directory();
  if (!run || !can_be_linked(run->columns, segment.rows())) return {};
  std::optional<Origin> origin;
  if (wanted.inheritance) origin = {wanted.inheritance->graph, wanted.inheritance->rows};
  const std::optional<GraphData> graph =
      build_graph(run->columns, segment.rows(), directory.options.dimension, directory.options.metric, wanted.options,
                  stop, origin ? &*origin : nullptr);
  if (!graph) return {};
  rows_linked_ += segment.rows() - (wanted.inheritance ? wanted.inheritance->inherited : 0);
  const std::uint64_t number = next_number_();
  const transaction::CheckpointFile file =
      STRATA_TRY(write_graph(files_, graph_name(directory_, number), segment.graph_subject(), wanted.options, *graph));
  return attach(segment, STRATA_TRY(GraphFile::open(files_, number, file, segment.graph_subject())));
}

Result<bool> GraphMaker::adopt(Segment& segment, std::uint64_t number) {
  transaction::CheckpointFile file{graph_name(directory_, number), 0, {}};
  {
    const auto mapping = STRATA_TRY(files_.map(file.name));
    file.bytes = mapping->bytes().size();
    file.hash = core::xxh3_128(mapping->bytes());
  }
  auto graph = STRATA_TRY(GraphFile::open(files_, number, file, segment.graph_subject()));
  if (graph->graph() == nullptr) {
    STRATA_TRY(files_.remove(file.name));
    return false;
  }
  STRATA_TRY(attach(segment, std::move(graph)));
  return true;
}

Result<void> GraphMaker::attach(Segment& segment, std::shared_ptr<GraphFile> graph) {
  if (segment.attach(graph)) return {};
  return files_.remove(graph->file().name);
}

}  // namespace strata::store::vector
