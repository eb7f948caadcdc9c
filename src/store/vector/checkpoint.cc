// Checkpoints of the vector store: what is written when, and how it is found again.
//
//   freeze            closes every active delta; notes what each collection is at that LSN
//   write_checkpoint  per collection: closed deltas, and the segments chosen to be merged with them, become one new segment;
//                     rows dead at the horizon stay behind. Deletions in the segments that stay go to one deletes file
//   installed         the new segments take the place of what they were made from, and large ones are given graphs or lists
//
// A failed or forgotten attempt changes nothing in memory; its files are leftovers with numbers that no state names.
#include <algorithm>
#include <iterator>
#include <utility>

#include "core/assert.h"
#include "core/checksum.h"
#include "core/endian.h"
#include "core/failpoint.h"
#include "store/vector/collection_options.h"
#include "store/vector/vector_store.h"

namespace strata::store::vector {
namespace {

constexpr std::uint64_t kStateVersion = 7;
constexpr std::string_view kDeletesMagic = "STRVDEL1";
constexpr std::size_t kDeletesHead = 32;  // magic, count of entries, XXH3-64 of the entries, CRC32C of these

std::string deletes_name(std::string_view directory, std::uint64_t number) {
  std::string name = segment_name(directory, number);
  return name.replace(name.size() - 4, 4, ".del");
}

bool dead(const SourceRow& row, Lsn horizon) { return row.deleted <= horizon; }

// A segment joins a merge when it has at most so many times the rows that are merged already.
constexpr std::uint64_t kUsualShare = 2;
constexpr std::uint64_t kCompactShare =
    8;  // compacting leaves one segment, and another where that would hardly be noticed
// Rows of the past leave the segment of the present when they are at least one to so many of it.
constexpr std::size_t kPastShare = 8;

struct MergeChoice {
  std::uint64_t fresh = 0;  // new rows, which are written in any case
  bool compact = false;
  Lsn horizon = 0;  // what was deleted up to here goes
  Lsn past = 0;     // what was deleted up to here moves to segments of the past
  bool past_moves = false;
  std::uint32_t dimension = 0;  // of what is written: segments that hold more are written anew
};

// The segments to merge: those not much larger than what is merged already, smallest first, so that a row is written about log2
// of the collection's size times in its life; then down to the limit; then those mostly dead, or mostly of the past.
std::vector<std::shared_ptr<Segment>> choose_merge(std::vector<std::shared_ptr<Segment>> segments,
                                                   const MergeChoice& choice, const VectorOptions& options) {
  std::sort(segments.begin(), segments.end(), [](const auto& a, const auto& b) {
    return a->rows() != b->rows() ? a->rows() < b->rows() : a->number() < b->number();
  });
  std::vector<std::shared_ptr<Segment>> chosen;
  std::uint64_t rows = choice.fresh;
  std::size_t left = segments.size() + (choice.fresh > 0 ? 1 : 0);
  const std::uint64_t share = choice.compact ? kCompactShare : kUsualShare;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto& segment = segments[i];
    const bool begins =
        choice.compact && rows == 0 && i + 1 < segments.size() && segments[i + 1]->rows() <= share * segment->rows();
    std::uint64_t invisible = 0, moving = 0;
    for (Row row = 0; row < segment->rows(); ++row) {
      const Lsn deleted = segment->deleted(row);
      invisible += deleted <= choice.horizon ? 1 : 0;
      moving += deleted <= choice.past ? 1 : 0;
    }
    if (!choice.past_moves || moving < options.past_rows_min) moving = 0;
    const bool small = begins || (rows > 0 && segment->rows() <= share * rows);
    const bool crowded = left > options.segments_max;
    const bool mostly_dead =
        std::max(invisible, moving) * 100 > std::uint64_t{segment->rows()} * options.dead_percent_max;
    const bool wanted = segment->wants_rewrite() || segment->dimension() > choice.dimension;
    if (!small && !crowded && !mostly_dead && !wanted) continue;
    if (rows > 0 && rows + segment->rows() > options.segment_rows_max) continue;
    left -= rows > 0 ? 1 : 0;
    rows += segment->rows();
    chosen.push_back(segment);
  }
  return chosen;
}

// What its own rows were made with, and how they are searched.
CollectionOptions indexed_as_now(const Collection& collection) {
  CollectionOptions options = collection.options();
  options.index = collection.index();
  options.quantization = collection.quantization();
  return options;
}

// Those that a view at the horizon or later sees.
void encode_layouts(const std::vector<Layout>& layouts, Lsn horizon, core::Encoder& out) {
  auto first = layouts.begin();
  while (first + 1 != layouts.end() && first[1].since <= horizon) ++first;
  out.varint(static_cast<std::uint64_t>(layouts.end() - first));
  for (; first != layouts.end(); ++first) {
    out.u64(first->since);
    encode_options(first->options, out);
    out.text(first->in_rows);
  }
}

std::vector<Layout> decode_layouts(core::Decoder& in) {
  std::vector<Layout> layouts;
  for (std::size_t count = in.count(24); count > 0 && in.ok(); --count) {
    Layout& layout = layouts.emplace_back();
    layout.since = in.u64();
    layout.options = decode_options(in, OptionsForm::whole);
    layout.in_rows = in.text();
    if (layouts.size() > 1 && layout.since <= layouts[layouts.size() - 2].since) in.fail();
  }
  if (layouts.empty()) in.fail();
  return layouts;
}

bool names(const std::vector<transaction::CheckpointFile>& files, const IndexFile& index) {
  return std::any_of(files.begin(), files.end(), [&](const auto& file) { return file.name == index.file().name; });
}

}  // namespace

Result<void> VectorParticipant::freeze(Lsn lsn) {
  STRATA_CRASHPOINT("vector.freeze");
  std::vector<Frozen> frozen;
  for (const auto& collection : every_collection()) {
    collection->freeze();
    const auto parts = collection->unchecked_parts();
    frozen.push_back({collection, collection->latest_totals(), collection->deleted(), collection->layouts(),
                      parts->deltas, parts->segments});
  }
  core::MutexLock lock(checkpoint_mutex_);
  frozen_ = std::move(frozen);
  frozen_lsn_ = lsn;
  frozen_next_collection_ = next_collection_;
  frozen_compact_ = compact_.exchange(false, std::memory_order_relaxed);
  pending_.reset();
  return {};
}

// Rows that hold a vector and rows that do not, because it got a name before they were written, lie in segments of their own; when
// nobody can ask for it any more, all are written without it.
Result<std::optional<Replacement>> VectorParticipant::write_replacement(const Frozen& frozen, bool compact, Lsn horizon,
                                                                        Pending& pending) {
  for (const auto& segment : frozen.segments) STRATA_TRY(segment->prepare());
  const std::uint32_t dimension = frozen.collection->options().dimension;
  const bool gone = frozen.collection->rows_vector_gone() <= horizon;
  Replacement replacement;
  STRATA_TRY(merge_rows(frozen, gone ? 0 : dimension, gone, compact, horizon, pending, replacement));
  if (dimension > 0 && !gone) STRATA_TRY(merge_rows(frozen, 0, false, compact, horizon, pending, replacement));
  if (replacement.replaced.empty()) return std::optional<Replacement>();
  return std::optional(std::move(replacement));
}

// Rows that only views of the past see are kept apart when they are many: whoever searches the present does not meet them, and
// when nobody can ask for them any more, their segments go as they are.
Result<void> VectorParticipant::merge_rows(const Frozen& frozen, std::uint32_t dimension, bool rows_only, bool compact,
                                           Lsn horizon, Pending& pending, Replacement& replacement) {
  const Lsn lsn = pending.lsn;
  const auto joins = [&](const Part& part) { return rows_only || part.dimension() == dimension; };
  std::vector<std::shared_ptr<Segment>> living, past;
  for (const auto& segment : frozen.segments) {
    if (joins(*segment)) (segment->of_the_past() ? past : living).push_back(segment);
  }
  MergeChoice choice{0, compact, horizon, lsn, true, dimension};
  for (const auto& delta : frozen.deltas) choice.fresh += joins(*delta) ? delta->rows() : 0;
  std::vector<SourceRow> now, before;  // rows of the present, and of the past alone
  bool replaces = false;
  const auto take = [&](const Part& part) {
    replaces = true;
    replacement.replaced.push_back(&part);
    for (Row row = 0; row < part.rows(); ++row) {
      // Applies go on beside this: what they delete is later than this checkpoint, and stays alive in it.
      const Lsn deleted = part.deleted(row);
      const SourceRow source{&part, row, deleted <= lsn ? deleted : kLive};
      if (!dead(source, horizon)) (source.deleted == kLive ? now : before).push_back(source);
    }
  };
  std::vector<Bequest> bequests;
  for (const auto& segment : choose_merge(living, choice, options_)) {
    take(*segment);
    const auto index = segment->index_file();
    if (!index || !index->sound()) continue;
    const auto graph = segment->graph_file();
    const auto lists = segment->lists_file();
    bequests.push_back({segment.get(), {graph ? graph->graph() : nullptr, lists ? lists->lists() : nullptr}, index});
  }
  for (const auto& delta : frozen.deltas) {
    if (!joins(*delta)) continue;
    take(*delta);
    const PartGraph graph = delta->graph();
    if (graph.view != nullptr) bequests.push_back({delta.get(), {graph.view}, graph.kept});
  }
  const bool apart = before.size() >= options_.past_rows_min && before.size() >= now.size() / kPastShare;
  if (!apart) now.insert(now.end(), before.begin(), before.end());
  if (!apart) before.clear();
  for (const auto& segment : choose_merge(past, {before.size(), compact, horizon, lsn, false, dimension}, options_)) {
    take(*segment);
  }
  if (!replaces) return {};
  if (!now.empty()) {
    replacement.made.push_back(STRATA_TRY(write_rows(frozen, dimension, std::move(now), pending)));
    Replacement::Made& made = replacement.made.back();
    if (wants_index(*frozen.collection, *made.segment)) {
      const bool lists = frozen.collection->index().kind == IndexKind::ivf;
      std::erase_if(bequests, [lists](const Bequest& each) { return (each.index.lists != nullptr) != lists; });
      made.inheritance = inherit(bequests, made.sources);
    }
  }
  if (!before.empty()) {
    replacement.made.push_back(STRATA_TRY(write_rows(frozen, dimension, std::move(before), pending)));
  }
  return {};
}

Result<Replacement::Made> VectorParticipant::write_rows(const Frozen& frozen, std::uint32_t dimension,
                                                        std::vector<SourceRow> sources, Pending& pending) {
  STRATA_TRY(sort_sources(sources));
  SegmentDirectory header;
  header.collection = frozen.collection->id();
  header.options = frozen.collection->options();
  header.options.dimension = dimension;
  header.rows = static_cast<std::uint32_t>(sources.size());
  header.lsn = pending.lsn;
  const std::uint64_t number = next_number();
  const std::string name = segment_name(directory_, number);
  pending.files.push_back(STRATA_TRY(write_segment(files_, name, header, sources)));
  auto segment = STRATA_TRY(Segment::open(files_, name, number));
  STRATA_TRY(segment->prepare());
  return Replacement::Made{std::move(segment), std::move(sources), std::nullopt};
}

// One file for all segments: it is small, because a segment with many deletions is written anew.
Result<void> VectorParticipant::write_deletes(const std::vector<std::shared_ptr<Segment>>& kept, Lsn lsn,
                                              Pending& pending) {
  Bytes entries;
  core::Encoder out(entries);
  std::uint64_t count = 0;
  for (const auto& segment : kept) {
    if (segment->deleted_later() == 0) continue;
    for (Row row = 0; row < segment->rows(); ++row) {
      const Lsn deleted = segment->deleted_later(row);
      if (deleted > lsn) continue;
      out.u64(segment->number());
      out.u32(row);
      out.u64(deleted);
      ++count;
    }
  }
  if (count == 0) return {};
  Bytes bytes;
  core::Encoder file(bytes);
  file.raw(kDeletesMagic.data(), kDeletesMagic.size());
  file.u64(count);
  file.u64(core::xxh3_64(ByteView(entries)));
  file.u32(core::crc32c(bytes));
  bytes.resize(kDeletesHead);
  bytes.insert(bytes.end(), entries.begin(), entries.end());

  pending.deletes_hash = core::xxh3_128(bytes);
  {
    core::MutexLock lock(checkpoint_mutex_);
    if (deletes_number_ != 0 && deletes_hash_ == pending.deletes_hash) pending.deletes_number = deletes_number_;
  }
  if (pending.deletes_number == 0) {
    pending.deletes_number = next_number();
    STRATA_TRY(io::write_file_atomically(files_, deletes_name(directory_, pending.deletes_number), bytes));
  }
  pending.files.push_back({deletes_name(directory_, pending.deletes_number), bytes.size(), pending.deletes_hash});
  return {};
}

transaction::CheckpointFile VectorParticipant::named(const std::vector<transaction::CheckpointFile>& files,
                                                     std::string_view name) {
  const auto known = std::find_if(files.begin(), files.end(), [&](const auto& file) { return file.name == name; });
  STRATA_ASSERT(known != files.end());
  return *known;
}

Result<transaction::Checkpoint> VectorParticipant::write_checkpoint(Lsn horizon) {
  std::vector<Frozen> frozen;
  std::vector<transaction::CheckpointFile> before;
  Pending pending;
  std::uint64_t next_collection = 0;
  bool compact = false;
  {
    core::MutexLock lock(checkpoint_mutex_);
    frozen = frozen_;
    before = files_of_last_;
    pending.lsn = frozen_lsn_;
    next_collection = frozen_next_collection_;
    compact = frozen_compact_;
  }
  STRATA_FAILPOINT("vector.checkpoint.begin");
  STRATA_TRY(files_.create_directory(directory_));
  horizon = std::min(horizon, pending.lsn);
  pending.horizon = horizon;

  Bytes collections;
  core::Encoder out(collections);
  std::uint64_t count = 0;
  std::vector<std::shared_ptr<Segment>> kept;
  for (const Frozen& each : frozen) {
    const Collection& collection = *each.collection;
    if (each.deleted <= horizon) {
      pending.purged.push_back(each.collection);
      continue;
    }
    std::vector<std::shared_ptr<Segment>> segments = each.segments;
    if (auto replacement = STRATA_TRY(write_replacement(each, compact, horizon, pending))) {
      std::erase_if(segments, [&](const auto& segment) {
        return std::find(replacement->replaced.begin(), replacement->replaced.end(), segment.get()) !=
               replacement->replaced.end();
      });
      kept.insert(kept.end(), segments.begin(), segments.end());
      for (const Replacement::Made& made : replacement->made) segments.push_back(made.segment);
      pending.replacements.emplace_back(each.collection, *std::move(replacement));
    } else {
      kept.insert(kept.end(), segments.begin(), segments.end());
    }
    ++count;
    out.varint(collection.id());
    out.text(collection.name());
    encode_options(indexed_as_now(collection), out);
    out.u64(collection.created());
    out.u64(each.deleted);
    encode_layouts(each.layouts, horizon, out);
    out.varint(each.totals.points);
    out.varint(each.totals.texts);
    out.varint(each.totals.words);
    out.varint(segments.size());
    for (const auto& segment : segments) {
      out.u64(segment->number());
      out.u64(segment->root());
      const auto index = segment->index_file();
      const bool named = index && !index->damaged() && is_indexed(collection);
      out.u64(named ? index->number() : 0);
      out.u64(named ? index->root() : 0);
      if (named) pending.files.push_back(index->file());
    }
  }
  for (const auto& segment : kept) {
    pending.files.push_back(named(before, segment->name()));
  }
  STRATA_TRY(write_deletes(kept, pending.lsn, pending));
  STRATA_FAILPOINT("vector.checkpoint.end");

  transaction::Checkpoint checkpoint;
  checkpoint.lsn = pending.lsn;
  core::Encoder state(checkpoint.state);
  state.varint(kStateVersion);
  state.u64(pending.lsn);
  state.u64(next_number_.load(std::memory_order_relaxed));
  state.u64(next_collection);
  state.u64(pending.deletes_number);
  state.varint(count);
  state.raw(collections.data(), collections.size());
  checkpoint.files = pending.files;
  core::MutexLock lock(checkpoint_mutex_);
  pending_ = std::move(pending);
  return checkpoint;
}

void VectorParticipant::abandoned() {
  const core::MutexLock lock(checkpoint_mutex_);
  pending_.reset();
}

Result<void> VectorParticipant::installed(const transaction::Checkpoint& checkpoint) {
  std::optional<Pending> pending;
  std::vector<transaction::CheckpointFile> named_before;
  {
    core::MutexLock lock(checkpoint_mutex_);
    STRATA_ASSERT(pending_.has_value() && pending_->lsn == checkpoint.lsn);
    pending = std::move(pending_);
    pending_.reset();
    frozen_.clear();
    named_before = std::exchange(files_of_last_, pending->files);
    deletes_number_ = pending->deletes_number;
    deletes_hash_ = pending->deletes_hash;
  }
  STRATA_CRASHPOINT("vector.installed");
  std::vector<std::shared_ptr<Segment>> gone;
  for (auto& [collection, replacement] : pending->replacements) {
    const auto parts = collection->unchecked_parts();
    const auto is_replaced = [&](const auto& part) {
      return std::find(replacement.replaced.begin(), replacement.replaced.end(), part.get()) !=
             replacement.replaced.end();
    };
    std::copy_if(parts->segments.begin(), parts->segments.end(), std::back_inserter(gone), is_replaced);
    for (const auto& delta : parts->deltas) {
      if (is_replaced(delta)) delta->retire();
    }
    collection->install(replacement);
    if (collection->deleted() != kLive) continue;
    for (Replacement::Made& made : replacement.made) {
      if (!made.inheritance) continue;
      graphs_.want(made.segment, collection->index(), collection->quantization(), 0, std::move(made.inheritance));
    }
  }
  for (const auto& purged : pending->purged) {
    const auto parts = purged->unchecked_parts();
    gone.insert(gone.end(), parts->segments.begin(), parts->segments.end());
    for (const auto& delta : parts->deltas) delta->retire();
  }
  {
    core::WriterLock lock(collections_mutex_);
    for (const auto& purged : pending->purged) {
      const auto incarnations = collections_.find(purged->name());
      if (incarnations == collections_.end())
        continue;  // of a named vector: its collection forgets it, or goes with it
      std::erase(incarnations->second, purged);
      if (incarnations->second.empty()) collections_.erase(incarnations);
    }
    for (const auto& [name, incarnations] : collections_) {
      for (const auto& collection : incarnations) collection->forget_before(pending->horizon);
    }
  }
  durable_.store(checkpoint.lsn, std::memory_order_release);
  retire(gone, named_before);
  remove_replaced_indexes(named_before, pending->files);
  want_indexes();
  return {};
}

void VectorParticipant::want_indexes() {
  for (const auto& collection : every_collection()) want_indexes(*collection);
}

void VectorParticipant::want_indexes(const Collection& collection) {
  if (collection.deleted() != kLive) return;
  const IndexOptions index = collection.index();
  const QuantizationOptions quantization = collection.quantization();
  const auto parts = collection.unchecked_parts();
  for (const auto& delta : parts->deltas) {
    if (!walks(collection)) delta->detach();
  }
  for (const auto& segment : parts->segments) {
    if (!wants_index(collection, *segment)) {
      segment->detach();
      continue;
    }
    const auto file = segment->index_file();
    if (!file || file->damaged() || !file->suits(index, quantization)) graphs_.want(segment, index, quantization);
  }
}

// What cannot be removed is removed at the next start.
void VectorParticipant::retire(const std::vector<std::shared_ptr<Segment>>& segments,
                               const std::vector<transaction::CheckpointFile>& named_before) {
  for (const auto& segment : segments) {
    const auto last = segment->retire();  // first: none takes its place afterwards
    std::vector<std::shared_ptr<IndexFile>> indexes = segment->replaced_indexes();
    if (last) indexes.push_back(last);
    for (const auto& index : indexes) {
      if (!names(named_before, *index)) (void)files_.remove(index->file().name);
    }
  }
}

void VectorParticipant::remove_replaced_indexes(const std::vector<transaction::CheckpointFile>& named_before,
                                                const std::vector<transaction::CheckpointFile>& named_now) {
  for (const auto& collection : every_collection()) {
    for (const auto& segment : collection->unchecked_parts()->segments) {
      for (const auto& index : segment->replaced_indexes()) {
        if (names(named_now, *index)) continue;  // it was replaced while the checkpoint was written
        if (!names(named_before, *index)) (void)files_.remove(index->file().name);
        segment->forget_index(index->number());
      }
    }
  }
}

Result<void> VectorParticipant::open(const transaction::Checkpoint* last) {
  STRATA_TRY(files_.create_directory(directory_));
  if (last != nullptr) STRATA_TRY(restore(*last));
  return skip_used_numbers();
}

namespace {

// Whether `vectors` are the ones that the layouts of a collection speak of.
bool fit(const std::vector<std::shared_ptr<Collection>>& vectors, std::string_view name,
         const std::vector<Layout>& layouts, Lsn deleted) {
  const auto is_kept = [&](const NamedVector& vector, Lsn since, Lsn end) {
    return std::count_if(vectors.begin(), vectors.end(), [&](const auto& kept) {
             return kept->name() == name_of_vector(name, vector.name) && kept->visible(since) &&
                    kept->deleted() >= end && content_of(kept->options()) == content_of(options_of_vector(vector));
           }) == 1;
  };
  for (std::size_t i = 0; i < layouts.size(); ++i) {
    const Lsn end = i + 1 < layouts.size() ? layouts[i + 1].since : deleted;
    for (const NamedVector& vector : layouts[i].options.vectors) {
      if (!is_kept(vector, layouts[i].since, end)) return false;
    }
    const std::string& in_rows = layouts[i].in_rows;
    if (!in_rows.empty() && !place_of_vector(layouts[i].options, in_rows)) return false;
  }
  return std::all_of(vectors.begin(), vectors.end(), [&](const auto& kept) {
    return kept->name().starts_with(name_of_vector(name, "")) && kept->deleted() <= deleted;
  });
}

}  // namespace

Result<void> VectorParticipant::restore(const transaction::Checkpoint& last) {
  core::Decoder in(last.state);
  const std::uint64_t version = in.varint();
  if (version < 1 || version > kStateVersion) {
    return Error(version > kStateVersion ? ErrorCode::unsupported : ErrorCode::corruption,
                 "vector checkpoint: unknown version " + std::to_string(version));
  }
  const Lsn lsn = in.u64();
  const std::uint64_t next = in.u64();
  next_collection_ = in.u64();
  const std::uint64_t deletes = in.u64();
  const std::size_t count = in.count(8);
  std::map<std::string, std::vector<std::shared_ptr<Collection>>, std::less<>> collections;
  std::vector<std::shared_ptr<Collection>> vectors;  // named ones of the collection that comes next
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t id = in.varint();
    const std::string name(in.text());
    const CollectionOptions options = decode_options(in, version >= 7   ? OptionsForm::whole
                                                         : version == 6 ? OptionsForm::without_default
                                                         : version == 5 ? OptionsForm::without_vectors
                                                         : version == 4 ? OptionsForm::without_quantization
                                                                        : OptionsForm::without_element);
    const Lsn created = in.u64();
    const Lsn deleted = in.u64();
    std::vector<Layout> layouts = version >= 7 ? decode_layouts(in) : std::vector<Layout>{{created, options, {}}};
    if (!in.ok()) break;
    const bool holds_vectors = layouts.back().options.dimension > 0;
    Totals totals;
    totals.points = in.varint();
    totals.texts = in.varint();
    totals.words = in.varint();
    const bool rooted = version >= 2;
    const bool graphed = version >= 3;
    const std::size_t segment_count = in.count(graphed ? 32 : rooted ? 16 : 8);
    if (!in.ok()) break;
    std::vector<std::shared_ptr<Segment>> segments;
    for (std::size_t j = 0; j < segment_count; ++j) {
      const std::uint64_t number = in.u64();
      auto segment = STRATA_TRY(Segment::open(files_, segment_name(directory_, number), number));
      const SegmentDirectory& directory = segment->directory();
      const bool holds_none = !holds_vectors && directory.options.dimension == 0;
      if (directory.collection != id || (directory.options.dimension != options.dimension && !holds_none) ||
          directory.options.metric != options.metric || directory.options.element != options.element) {
        return Error(ErrorCode::corruption, "vector segment of another collection: " + segment->name());
      }
      if (rooted && in.u64() != segment->root()) {
        return Error(ErrorCode::corruption, "vector segment of another database: " + segment->name());
      }
      if (graphed) {
        const std::uint64_t graph = in.u64();
        const std::uint64_t root = in.u64();
        if (in.ok() && graph != 0) restore_index(segment, graph, root, last.files);
      }
      segments.push_back(std::move(segment));
    }
    const bool is_vector = keeps_vector(name);
    if (!is_vector && !fit(vectors, name, layouts, deleted)) {
      return Error(ErrorCode::corruption, "vector checkpoint: not the vectors of collection \"" + name + "\"");
    }
    std::vector<std::shared_ptr<Collection>> own;
    if (!is_vector) own.swap(vectors);
    auto collection = std::make_shared<Collection>(id, name, options, created, memory_, std::move(own));
    collection->restore_layouts(std::move(layouts));
    collection->restore(std::move(segments), totals, lsn, deleted);
    (is_vector ? vectors : collections[name]).push_back(std::move(collection));
  }
  STRATA_TRY(in.finish("vector checkpoint"));
  if (!vectors.empty()) {
    return Error(ErrorCode::corruption,
                 "vector checkpoint: a vector without its collection: \"" + vectors.back()->name() + "\"");
  }
  {
    core::WriterLock lock(collections_mutex_);
    collections_ = std::move(collections);
  }
  {
    core::MutexLock lock(checkpoint_mutex_);
    files_of_last_ = last.files;
  }
  next_number_.store(next, std::memory_order_relaxed);
  first_unnamed_ = next;
  if (deletes != 0) STRATA_TRY(load_deletes(deletes));
  applied_.store(lsn, std::memory_order_release);
  durable_.store(lsn, std::memory_order_release);
  return {};
}

/// Whatever is wrong with it: without an index the segment is scanned, until it has another. The file's name tells which kind it is.
void VectorParticipant::restore_index(const std::shared_ptr<Segment>& segment, std::uint64_t number, std::uint64_t root,
                                      const std::vector<transaction::CheckpointFile>& files) {
  const auto named = [&](const std::string& name) {
    return std::find_if(files.begin(), files.end(), [&](const auto& each) { return each.name == name; });
  };
  const auto attach = [&](auto index) {
    if (index && (*index)->root() == root) (void)segment->attach(*std::move(index));
  };
  const auto graph = named(graph_name(directory_, number));
  const auto lists = named(lists_name(directory_, number));
  if (graph == files.end() && lists == files.end()) return;
  named_indexes_.insert(number);
  if (graph != files.end()) {
    attach(GraphFile::open(files_, number, *graph, segment->index_subject()));
  } else {
    attach(ListsFile::open(files_, number, *lists, segment->index_subject()));
  }
}

Result<void> VectorParticipant::load_deletes(std::uint64_t number) {
  const std::string name = deletes_name(directory_, number);
  const auto mapping = STRATA_TRY(files_.map(name));
  const ByteView bytes = mapping->bytes();
  const auto corrupt = [&](std::string_view what) {
    return Error(ErrorCode::corruption, "vector deletes: " + std::string(what) + ": " + name);
  };
  if (bytes.size() < kDeletesHead || as_text(bytes.first(8)) != kDeletesMagic) return corrupt("no head");
  if (core::crc32c(bytes.first(24)) != core::load<std::uint32_t>(bytes.data() + 24)) return corrupt("damaged head");
  const ByteView entries = bytes.subspan(kDeletesHead);
  const auto count = core::load<std::uint64_t>(bytes.data() + 8);
  if (entries.size() % 20 != 0 || entries.size() / 20 != count) return corrupt("cut short");
  if (core::xxh3_64(entries) != core::load<std::uint64_t>(bytes.data() + 16)) return corrupt("damaged entries");
  {
    core::MutexLock lock(checkpoint_mutex_);
    const auto named =
        std::find_if(files_of_last_.begin(), files_of_last_.end(), [&](const auto& file) { return file.name == name; });
    if (named != files_of_last_.end() && named->hash != core::xxh3_128(bytes)) return corrupt("of another database");
  }

  std::map<std::uint64_t, std::shared_ptr<Segment>> segments;
  for (const auto& collection : every_collection()) {
    for (const auto& segment : collection->unchecked_parts()->segments) segments[segment->number()] = segment;
  }
  core::Decoder in(entries);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t segment = in.u64();
    const Row row = in.u32();
    const Lsn lsn = in.u64();
    const auto found = segments.find(segment);
    if (found == segments.end() || row >= found->second->rows()) return corrupt("an entry for a row that is not there");
    found->second->mark_deleted(row, lsn);
  }
  core::MutexLock lock(checkpoint_mutex_);
  deletes_number_ = number;
  deletes_hash_ = core::xxh3_128(bytes);
  return {};
}

// Memory holds what the file says, so that the next checkpoint with another deletion writes it anew.
Result<std::optional<transaction::Damage>> VectorParticipant::verify_deletes() {
  std::uint64_t number = 0;
  core::Hash128 hash;
  {
    core::MutexLock lock(checkpoint_mutex_);
    number = deletes_number_;
    hash = deletes_hash_;
  }
  if (number == 0) return std::optional<transaction::Damage>();
  const std::string name = deletes_name(directory_, number);
  auto mapping = files_.map(name);
  if (!mapping && mapping.error().code() == ErrorCode::not_found) {  // a checkpoint beside this has replaced it
    core::MutexLock lock(checkpoint_mutex_);
    if (deletes_number_ != number) return std::optional<transaction::Damage>();
  }
  const auto bytes = STRATA_TRY(std::move(mapping));
  if (core::xxh3_128(bytes->bytes()) == hash) return std::optional<transaction::Damage>();
  return std::optional<transaction::Damage>({name, 0, "damaged deletes", false});
}

namespace {

// The number in "000000000000002a.seg", or nothing.
std::optional<std::uint64_t> number_of(std::string_view name) {
  if (name.size() < 20 || name[16] != '.') return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : name.substr(0, 16)) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && !(c >= 'a' && c <= 'f')) return std::nullopt;
    number = number << 4 | static_cast<std::uint64_t>(digit ? c - '0' : c - 'a' + 10);
  }
  return number;
}

}  // namespace

// A number is never used twice while a file of that number may lie there.
Result<void> VectorParticipant::skip_used_numbers() {
  for (const std::string& name : STRATA_TRY(files_.list(directory_))) {
    if (const auto number = number_of(name); number && *number >= next_number_.load(std::memory_order_relaxed)) {
      next_number_.store(*number + 1, std::memory_order_relaxed);
    }
  }
  return {};
}

Result<void> VectorParticipant::recovered(Lsn lsn) {
  applied_.store(std::max(lsn, applied_lsn()), std::memory_order_release);
  for (const std::string& name : STRATA_TRY(files_.list(directory_))) {
    const auto number = number_of(name);
    if (!number) continue;
    const bool unfinished = name.ends_with(".tmp");
    const bool is_index = name.ends_with(".graph") || name.ends_with(".lists");
    const bool unnamed =
        first_unnamed_ != 0 && (is_index ? !named_indexes_.contains(*number) : *number >= first_unnamed_);
    if (!unfinished && (!unnamed || (is_index && want_written_index(*number, name)))) continue;
    STRATA_TRY(files_.remove(directory_ + "/" + name));
  }
  recovered_ = true;
  want_indexes();
  return {};
}

/// An index that came after the last checkpoint: kept when a segment of that checkpoint lacks just this one.
bool VectorParticipant::want_written_index(std::uint64_t number, const std::string& name) {
  const transaction::CheckpointFile file{directory_ + "/" + name, 0, {}};
  const auto is_of = [&](const Segment& segment) {
    const IndexSubject subject = segment.index_subject();
    return name.ends_with(".lists") ? ListsFile::open(files_, number, file, subject).has_value()
                                    : GraphFile::open(files_, number, file, subject).has_value();
  };
  for (const auto& collection : every_collection()) {
    for (const auto& segment : collection->unchecked_parts()->segments) {
      if (!is_indexed(*collection) || segment->index_file() || !is_of(*segment)) continue;
      graphs_.want(segment, collection->index(), collection->quantization(), number);
      return true;
    }
  }
  return false;
}

}  // namespace strata::store::vector
