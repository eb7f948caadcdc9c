#include "store/vector/graph/graph_maker.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/thread_priority.h"
#include "store/vector/graph/graph_builder.h"
#include "store/vector/graph/graph_codes.h"
#include "store/vector/lists/lists_builder.h"

namespace strata::store::vector {
namespace {

constexpr auto kAskEvery = std::chrono::milliseconds(50);  // whoever waits, whether to go on

}  // namespace

void GraphMaker::want(std::shared_ptr<Segment> segment, const IndexOptions& index,
                      const QuantizationOptions& quantization, std::uint64_t written,
                      std::optional<Inheritance> inheritance) {
  const core::MutexLock lock(mutex_);
  const auto last =
      std::find_if(queue_.rbegin(), queue_.rend(), [&](const Wanted& queued) { return queued.segment == segment; });
  if (last != queue_.rend()) {
    if (last->index == index && last->quantization == quantization) return;
    if (&*last != &queue_.front()) {  // that may be under way, and what it is made as is settled
      last->index = index;
      last->quantization = quantization;
      return;
    }
  }
  put({.segment = std::move(segment),
       .index = index,
       .quantization = quantization,
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
      return Error(ErrorCode::cancelled, "waiting for search graphs and lists was cancelled");
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
      // It stays there, for who asks what is waited for; a mapping of millions of rows is not copied.
      Wanted& first = queue_.front();
      wanted = {
          first.segment, first.index, first.quantization, first.written, std::exchange(first.inheritance, std::nullopt),
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
  if (wanted.written != 0) STRATA_TRY(adopt(segment, wanted.written));
  if (const auto file = segment.index_file(); file && file->suits(wanted.index, wanted.quantization) && file->sound()) {
    return {};
  }
  STRATA_TRY(segment.prepare());
  if (segment.of_the_past()) return {};
  return wanted.index.kind == IndexKind::ivf ? make_lists(wanted, stop) : make_graph(wanted, stop);
}

Result<void> GraphMaker::make_lists(const Wanted& wanted, const std::function<bool()>& stop) {
  Segment& segment = *wanted.segment;
  const auto run = segment.codes(0);
  if (!run || !can_be_linked(run->columns, segment.rows())) return {};
  std::optional<ListsOrigin> origin;
  if (const auto& left = wanted.inheritance;
      left && left->index.lists != nullptr && serves(*left->index.lists, segment.rows(), wanted.index.lists)) {
    origin = {left->index.lists, left->rows};
  }
  const CollectionOptions& options = segment.directory().options;
  const auto lists = build_lists(run->columns, segment.rows(), options.dimension, options.metric, wanted.index.lists,
                                 stop, origin ? &*origin : nullptr);
  if (!lists) return {};
  const std::uint64_t number = next_number_();
  const transaction::CheckpointFile file =
      STRATA_TRY(write_lists(files_, lists_name(directory_, number), segment.index_subject(), *lists));
  return attach(segment, STRATA_TRY(ListsFile::open(files_, number, file, segment.index_subject())));
}

Result<void> GraphMaker::make_graph(const Wanted& wanted, const std::function<bool()>& stop) {
  Segment& segment = *wanted.segment;
  GraphData room;
  std::optional<GraphView> graph = links_of(wanted, room, stop);
  if (!graph) return {};
  const std::optional<GraphCodes> codes = STRATA_TRY(make_codes(segment, *graph, wanted.quantization, stop));
  if (!codes) return {};
  graph->quantizer = codes->quantizer.get();
  graph->codes = codes->codes.data();
  const GraphMaking making{graph_options(wanted.index), wanted.quantization, codes->quantization,
                           codes->quantizer->code_bytes(), codes->recall};
  const std::uint64_t number = next_number_();
  const transaction::CheckpointFile file =
      STRATA_TRY(write_graph(files_, graph_name(directory_, number), segment.index_subject(), making, *graph));
  return attach(segment, STRATA_TRY(GraphFile::open(files_, number, file, segment.index_subject())));
}

std::optional<GraphView> GraphMaker::links_of(const Wanted& wanted, GraphData& room,
                                              const std::function<bool()>& stop) {
  const Segment& segment = *wanted.segment;
  const auto run = segment.codes(0);
  if (!run || !can_be_linked(run->columns, segment.rows())) return std::nullopt;
  const auto file = segment.graph_file();
  if (file && file->graph() != nullptr && file->suits(wanted.index, file->making().wanted)) return *file->graph();
  std::optional<Origin> origin;
  if (wanted.inheritance && wanted.inheritance->index.graph != nullptr) {
    origin = {wanted.inheritance->index.graph, wanted.inheritance->rows};
  }
  const CollectionOptions& options = segment.directory().options;
  auto made = build_graph(run->columns, segment.rows(), options.dimension, options.metric, graph_options(wanted.index),
                          stop, origin ? &*origin : nullptr);
  if (!made) return std::nullopt;
  rows_linked_ += segment.rows() - (origin ? wanted.inheritance->inherited : 0);
  room = *std::move(made);
  return room.view();
}

template <typename File>
Result<void> GraphMaker::adopt(Segment& segment, std::uint64_t number, const std::string& name) {
  transaction::CheckpointFile file{name, 0, {}};
  {
    const auto mapping = STRATA_TRY(files_.map(file.name));
    file.bytes = mapping->bytes().size();
    file.hash = core::xxh3_128(mapping->bytes());
  }
  auto index = STRATA_TRY(File::open(files_, number, file, segment.index_subject()));
  if (!index->sound()) return files_.remove(file.name);
  return attach(segment, std::move(index));
}

Result<void> GraphMaker::adopt(Segment& segment, std::uint64_t number) {
  const std::string lists = lists_name(directory_, number);
  if (STRATA_TRY(files_.exists(lists))) return adopt<ListsFile>(segment, number, lists);
  return adopt<GraphFile>(segment, number, graph_name(directory_, number));
}

template <typename File>
Result<void> GraphMaker::attach(Segment& segment, std::shared_ptr<File> index) {
  if (segment.attach(index)) {
    segment.measure_again();
    return {};
  }
  return files_.remove(index->file().name);
}

}  // namespace strata::store::vector
