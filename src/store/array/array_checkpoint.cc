/// The checkpoints of the array store: freeze, write_checkpoint, installed.
///
///     freeze(L)             for each dataset: how many of its segments belong to the checkpoint; all of them are sealed
///     write_checkpoint(H)   plan (compaction.h) → new parts → array/index.h5.tmp → the state for the manifest
///     installed             rename the index, swap the segments, let the old parts go
///
/// A failure in write_checkpoint removes the new parts and changes nothing else: the frozen segments are still there and the
/// next checkpoint takes them along. One that is never installed leaves its parts until another one is: nobody knows whether
/// its manifest reached the disk.
#include <algorithm>
#include <cstring>

#include "core/assert.h"
#include "core/failpoint.h"
#include "store/array/array_store.h"
#include "store/array/layout.h"

namespace strata::store::array {
namespace {

const std::string kUnfinishedIndex = std::string(kVirtualIndex) + ".tmp";

/// Segments with the index of their first row, and the row after the last.
struct Placed {
  std::shared_ptr<Segment> segment;
  std::uint64_t begin = 0, end = 0;
};

std::vector<Placed> place(std::span<const std::shared_ptr<Segment>> segments) {
  std::vector<Placed> placed;
  std::uint64_t begin = 0;
  for (const auto& segment : segments) {
    placed.push_back({segment, begin, begin + segment->rows()});
    begin = placed.back().end;
  }
  return placed;
}

bool overlaps(const Clear& clear, const Placed& rows) { return clear.begin < rows.end && rows.begin < clear.end; }

/// Gives rows of neighbouring segments, zeros where a clear has them.
class MergedRows {
 public:
  MergedRows(std::span<const Placed> segments, std::span<const Clear> clears, std::uint64_t row_bytes)
      : segments_(segments), clears_(clears), row_bytes_(row_bytes) {}

  Result<void> operator()(std::uint64_t begin, std::uint64_t count, std::span<std::byte> out) const {
    begin += segments_.front().begin;
    const std::uint64_t end = begin + count;
    const auto piece = [&](std::uint64_t first, std::uint64_t last) {
      return out.subspan((first - begin) * row_bytes_, (last - first) * row_bytes_);
    };
    for (const Placed& each : segments_) {
      const std::uint64_t first = std::max(begin, each.begin);
      const std::uint64_t last = std::min(end, each.end);
      if (first < last) STRATA_TRY(each.segment->read(first - each.begin, last - first, piece(first, last)));
    }
    for (const Clear& clear : clears_) {
      const std::uint64_t first = std::max(begin, clear.begin);
      const std::uint64_t last = std::min(end, clear.end);
      if (first >= last) continue;
      const auto zeros = piece(first, last);
      std::memset(zeros.data(), 0, zeros.size());
    }
    return {};
  }

 private:
  std::span<const Placed> segments_;
  std::span<const Clear> clears_;
  const std::uint64_t row_bytes_;
};

/// What h5py is shown of a dataset: the parts from the first row on, as far as they reach.
VirtualDataset virtual_dataset(const Dataset& dataset, std::span<const std::shared_ptr<Segment>> segments, Lsn lsn) {
  VirtualDataset shown{dataset.name(), dataset.options(), dataset.attributes_at(lsn), {}};
  for (const auto& segment : segments) {
    if (segment->in_memory()) break;
    const PartDescription& part = static_cast<const Part&>(*segment).description();
    const std::string name = rows_file_name(part.file.number);
    shown.parts.push_back({name.substr(name.rfind('/') + 1), part.rows});
  }
  return shown;
}

void add_files(const PartDescription& part, std::vector<transaction::CheckpointFile>& files) {
  files.push_back({rows_file_name(part.file.number), part.file.bytes, part.file.hash});
  if (part.index) files.push_back({index_file_name(part.index->number), part.index->bytes, part.index->hash});
}

}  // namespace

Result<void> ArrayParticipant::freeze(Lsn lsn) {
  STRATA_CRASHPOINT("array.freeze");
  auto frozen = std::make_unique<Frozen>();
  frozen->lsn = lsn;
  frozen->next_id = next_id_;
  for (auto& dataset : all_datasets()) {
    dataset->seal();
    const std::size_t segments = dataset->segments().size();
    frozen->datasets.emplace_back(std::move(dataset), segments);
  }
  frozen_ = std::move(frozen);
  return {};
}

Result<transaction::Checkpoint> ArrayParticipant::write_checkpoint(Lsn horizon) {
  if (!frozen_) return Error(ErrorCode::failed_precondition, "an array checkpoint was asked for without a freeze");
  STRATA_FAILPOINT("array.checkpoint.begin");
  if (written_) perhaps_named_.insert(perhaps_named_.end(), written_->fresh.begin(), written_->fresh.end());
  written_.reset();
  auto written = std::make_unique<Written>();
  written->lsn = frozen_->lsn;
  transaction::Checkpoint checkpoint;
  checkpoint.lsn = frozen_->lsn;
  if (auto done = write_into(*written, checkpoint, std::min(horizon, frozen_->lsn)); !done) {
    for (const auto& part : written->fresh) part->remove_when_unused();
    if (written->has_virtual_index) (void)files_->files().remove(kUnfinishedIndex).has_value();
    return std::move(done).error();
  }
  written_ = std::move(written);
  return checkpoint;
}

void ArrayParticipant::abandoned() { written_.reset(); }

Result<void> ArrayParticipant::write_into(Written& written, transaction::Checkpoint& checkpoint, Lsn horizon) {
  const Lsn lsn = frozen_->lsn;
  StoreState state;
  state.next_id = frozen_->next_id;
  std::vector<VirtualDataset> shown;
  for (const auto& [dataset, segments] : frozen_->datasets) {
    if (dataset->dropped() <= horizon) {
      written.gone.push_back(dataset);
      continue;
    }
    SegmentReplacement replacement = STRATA_TRY(write_segments(written, *dataset, segments, horizon));
    const bool dropped = dataset->dropped() <= lsn;
    if (!dropped) shown.push_back(virtual_dataset(*dataset, replacement.segments, lsn));

    DatasetState entry{dataset->id(),
                       dataset->name(),
                       dataset->options(),
                       dataset->created(),
                       dropped ? dataset->dropped() : 0,
                       {},
                       {},
                       {}};
    entry.attributes = without_hidden(dataset->attribute_versions(), horizon);
    std::erase_if(entry.attributes, [&](const AttributeVersion& version) { return version.lsn > lsn; });
    entry.clears = dataset->clears();
    std::erase_if(entry.clears, [&](const Clear& clear) { return clear.lsn <= horizon || clear.lsn > lsn; });
    for (const auto& segment : replacement.segments) {
      entry.parts.push_back(static_cast<const Part&>(*segment).description());
      add_files(entry.parts.back(), checkpoint.files);
    }
    state.datasets.push_back(std::move(entry));
    written.replacements.emplace_back(dataset, std::move(replacement));
  }
  state.next_number = files_->next_number();
  checkpoint.state = encode(state);
  written.state = checkpoint.state;
  if (written.state != installed_state_ && !(shown.empty() && written.gone.empty())) {
    written.has_virtual_index = true;
    STRATA_FAILPOINT("array.checkpoint.index");
    STRATA_TRY(write_virtual_index_file(shown));
  }
  STRATA_FAILPOINT("array.checkpoint.end");
  return {};
}

/// The parts that take the place of a dataset's frozen segments.
Result<SegmentReplacement> ArrayParticipant::write_segments(Written& written, Dataset& dataset, std::size_t segments,
                                                            Lsn horizon) {
  const auto all = dataset.segments();
  STRATA_ASSERT(segments <= all.size());
  const std::vector<Placed> placed = place(std::span(all).first(segments));
  SegmentReplacement replacement;
  replacement.replaced = segments;
  replacement.horizon = horizon;
  replacement.zeroed = dataset.clears();
  std::erase_if(replacement.zeroed, [&](const Clear& clear) { return clear.lsn > horizon; });

  std::vector<Piece> pieces;
  for (const Placed& each : placed) {
    const bool in_memory = each.segment->in_memory();
    const bool cleared = std::any_of(replacement.zeroed.begin(), replacement.zeroed.end(),
                                     [&](const Clear& clear) { return overlaps(clear, each); });
    const std::uint64_t bytes = (each.end - each.begin) * dataset.bytes_per_row() + each.segment->log_bytes();
    pieces.push_back({bytes, in_memory || cleared, in_memory});
  }
  for (const Group& group : plan_compaction(pieces, options_.compaction)) {
    const auto sources = std::span(placed).subspan(group.begin, group.end - group.begin);
    if (!group.write) {
      replacement.segments.push_back(sources.front().segment);
      continue;
    }
    AppendLog log;
    for (const Placed& each : sources) log.add_all(STRATA_TRY(each.segment->log()));
    const MergedRows rows(sources, replacement.zeroed, dataset.bytes_per_row());
    auto part = std::make_shared<Part>(
        files_, dataset.options(),
        STRATA_TRY(files_->write(dataset.options(), sources.back().end - sources.front().begin, &log, rows)));
    written.fresh.push_back(part);
    replacement.segments.push_back(std::move(part));
  }
  return replacement;
}

Result<void> ArrayParticipant::installed(const transaction::Checkpoint& checkpoint) {
  STRATA_ASSERT(written_ && written_->lsn == checkpoint.lsn);
  const std::unique_ptr<Written> written = std::move(written_);
  frozen_.reset();
  STRATA_FAILPOINT("array.installed");
  // First the index, so that it never names a part that is gone. If the renaming does not survive a power cut, its
  // unfinished name does, and tells recovery.
  if (written->has_virtual_index) STRATA_TRY(files_->files().rename(kUnfinishedIndex, kVirtualIndex));
  STRATA_FAILPOINT("array.installed.renamed");
  for (auto& [dataset, replacement] : written->replacements) {
    const auto before = dataset->segments();
    for (std::size_t i = 0; i < replacement.replaced; ++i) {
      const auto& after = replacement.segments;
      if (before[i]->in_memory() || std::find(after.begin(), after.end(), before[i]) != after.end()) continue;
      static_cast<Part&>(*before[i]).remove_when_unused();
    }
    dataset->replace(replacement);
  }
  for (const auto& dataset : written->gone) {
    for (const auto& segment : dataset->segments()) {
      if (!segment->in_memory()) static_cast<Part&>(*segment).remove_when_unused();
    }
    const core::WriterLock lock(catalog_mutex_);
    const auto at = catalog_.find(dataset->name());
    std::erase(at->second, dataset);
    if (at->second.empty()) catalog_.erase(at);
  }
  for (const auto& part : perhaps_named_) part->remove_when_unused();
  perhaps_named_.clear();
  installed_state_ = std::move(written->state);
  durable_.store(checkpoint.lsn, std::memory_order_release);
  return {};
}

Result<void> ArrayParticipant::write_virtual_index_file(std::span<const VirtualDataset> datasets) {
  STRATA_TRY(files_->make_directory());
  if (STRATA_TRY(files_->files().exists(kUnfinishedIndex))) STRATA_TRY(files_->files().remove(kUnfinishedIndex));
  const auto file = STRATA_TRY(files_->files().open(kUnfinishedIndex, io::OpenMode::create));
  STRATA_TRY(strata::store::array::write_virtual_index(*file, datasets));
  STRATA_TRY(file->sync());
  return files_->files().sync_directory(kDirectory);
}

Result<void> ArrayParticipant::rewrite_virtual_index() {
  std::vector<VirtualDataset> shown;
  for (const auto& dataset : datasets_at(applied_lsn())) {
    shown.push_back(virtual_dataset(*dataset, dataset->segments(), durable_.load(std::memory_order_acquire)));
  }
  STRATA_TRY(write_virtual_index_file(shown));
  return files_->files().rename(kUnfinishedIndex, kVirtualIndex);
}

}  // namespace strata::store::array
