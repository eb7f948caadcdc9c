#include "store/graph/graph_store.h"

#include <algorithm>
#include <charconv>

#include "core/assert.h"
#include "core/codec.h"
#include "core/failpoint.h"

namespace strata::store::graph {
namespace {

constexpr std::string_view kFolder = "graph";
constexpr std::uint8_t kStateVersion = 1;
constexpr std::size_t kSegmentsMax = 6;

/// "graph/segment-000000000000002a"
std::string file_name(std::uint64_t serial) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string name = std::string(kFolder) + "/segment-";
  for (int shift = 60; shift >= 0; shift -= 4) name += kDigits[serial >> shift & 15];
  return name;
}

/// What a checkpoint says about the store as a whole; the segments say the rest.
struct State {
  struct File {
    std::string name;
    std::uint64_t bytes;
    core::Hash128 hash;
  };
  Lsn lsn = 0;
  EdgeId next_edge = 1;
  std::uint64_t next_file = 1;
  Totals totals{0, 0, 0};
  std::vector<IndexDefinition> indexes;
  std::vector<File> files;  // newest first
};

Result<State> decode_state(ByteView bytes) {
  core::Decoder in(bytes);
  State state;
  if (const auto version = in.u8(); in.ok() && version > kStateVersion) {
    return Error(ErrorCode::unsupported, "the graph's checkpoint has format " + std::to_string(version) +
                                             "; this version of Strata reads up to " + std::to_string(kStateVersion));
  }
  state.lsn = in.varint();
  state.next_edge = in.varint();
  state.next_file = in.varint();
  state.totals = {in.varint(), in.varint(), in.varint()};
  for (std::size_t i = in.count(3); i > 0 && in.ok(); --i) {
    const auto label = static_cast<NameId>(in.varint());
    const auto key = static_cast<NameId>(in.varint());
    state.indexes.push_back({label, key, in.varint()});
  }
  for (std::size_t i = in.count(18); i > 0 && in.ok(); --i) {
    State::File file{std::string(in.text()), in.varint(), {}};
    file.hash.low = in.u64();
    file.hash.high = in.u64();
    state.files.push_back(std::move(file));
  }
  STRATA_TRY(in.finish("the graph's checkpoint state"));
  return state;
}

}  // namespace

void PendingCommits::enter(const Ends& ends) {
  const core::MutexLock lock(mutex_);
  for (const auto node : ends.linked) ++linked_[node];
  for (const auto node : ends.removed) ++removed_[node];
}

void PendingCommits::leave(const Ends& ends) {
  const auto lower = [](Counts& counts, std::uint64_t node) {
    const auto found = counts.find(node);
    if (found != counts.end() && --found->second == 0) counts.erase(found);
  };
  const core::MutexLock lock(mutex_);
  for (const auto node : ends.linked) lower(linked_, node);
  for (const auto node : ends.removed) lower(removed_, node);
}

Store::Store(io::FileSystem& files) : files_(files) {
  Layers empty;
  empty.deltas.push_back(std::make_shared<Delta>(Number{0}, std::size_t{0}));
  publish(std::move(empty));
}

Store::~Store() = default;

void Store::publish(Layers layers) {
  auto fresh = std::make_shared<const Layers>(std::move(layers));
  const core::MutexLock lock(layers_mutex_);
  layers_.swap(fresh);  // the old set is released after the lock
}

Result<void> Store::open(const transaction::Checkpoint* last) {
  if (last == nullptr) return {};
  const State state = STRATA_TRY(decode_state(last->state));
  const core::MutexLock lock(checkpoint_mutex_);
  Layers layers;
  for (const State::File& file : state.files) {
    auto segment = STRATA_TRY(Segment::open(files_, file.name));
    if (segment->bytes() != file.bytes) {
      return Error(ErrorCode::corruption, "the size of a graph segment is not the manifest's: " + file.name);
    }
    layers.segments.push_back(segment);
    stored_.push_back({std::move(segment), {file.name, file.bytes, file.hash}});
  }
  Number next_number = 0;
  for (auto it = layers.segments.rbegin(); it != layers.segments.rend(); ++it) {
    const Segment& segment = **it;
    if (segment.first_number() != next_number || segment.header().first_name != names_.size()) {
      return Error(ErrorCode::corruption, "graph segments do not follow one another: " + segment.name());
    }
    next_number = segment.next_number();
    DamageNote damage;
    for (std::uint32_t i = 0; i < segment.new_names(); ++i) names_.intern(segment.new_name(i, damage));
    STRATA_TRY(damage.check());
  }
  for (const IndexDefinition& index : state.indexes) {
    if (index.label >= names_.size() || index.key >= names_.size()) {
      return Error(ErrorCode::corruption, "the graph's checkpoint names an index of unknown names");
    }
  }
  layers.indexes = state.indexes;
  layers.deltas.push_back(std::make_shared<Delta>(next_number, state.indexes.size()));
  publish(std::move(layers));
  totals_ = state.totals;
  next_edge_ = state.next_edge;
  next_file_ = state.next_file;
  frozen_names_ = stored_names_ = names_.size();
  frozen_lsn_ = state.lsn;
  applied_ = state.lsn;
  durable_ = state.lsn;
  return {};
}

/// What a section means here and now; nothing has been changed yet.
struct Store::Resolved {
  static constexpr Number kUnknown = ~Number{0};
  struct Id {
    std::uint64_t hash = 0;
    Number number = kUnknown;
    bool exists = false;  // at the end of the record
    bool put = false;
  };
  std::vector<Id> ids;
  std::vector<std::optional<Reader::EdgeView>> removed_edges, changed_edges;
  std::uint64_t nodes_removed = 0, nodes_created = 0;

  static Result<Resolved> make(const Mutation& mutation, const Reader& latest) {
    Resolved out;
    out.ids.reserve(mutation.ids.size());
    for (const std::string_view text : mutation.ids) {
      Id id;
      id.hash = core::xxh3_64(text);
      if (const auto number = latest.number(text, id.hash)) {
        id.number = *number;
        id.exists = latest.exists(*number);
      }
      out.ids.push_back(id);
    }
    const auto refuse = [&](std::string_view what, std::uint32_t at) {
      return Error(ErrorCode::corruption, "graph section: " + std::string(what) + ": " + std::string(mutation.ids[at]));
    };
    for (const std::uint32_t at : mutation.removed_nodes) {
      Id& id = out.ids[at];
      if (!std::exchange(id.exists, false)) continue;
      ++out.nodes_removed;
      bool edge_stays = false;
      latest.each_link(id.number, Direction::both, TypeFilter(), [&](const Link& link, Direction) {
        edge_stays =
            edge_stays || !std::binary_search(mutation.removed_edges.begin(), mutation.removed_edges.end(), link.edge);
      });
      if (edge_stays) return refuse("an edge stays at a node that is removed", at);
    }
    for (const auto& node : mutation.put_nodes) {
      Id& id = out.ids[node.id];
      if (std::exchange(id.put, true)) return refuse("a node is put twice", node.id);
      out.nodes_created += std::exchange(id.exists, true) ? 0 : 1;
    }
    for (const auto& edge : mutation.added_edges) {
      for (const std::uint32_t end : {edge.source, edge.target}) {
        if (!out.ids[end].exists) return refuse("an added edge leads to a node that does not exist", end);
      }
      if (latest.was_added(edge.edge)) {
        return Error(ErrorCode::corruption, "graph section: an edge id is used again: " + std::to_string(edge.edge));
      }
    }
    for (const EdgeId edge : mutation.removed_edges) out.removed_edges.push_back(latest.edge(edge));
    for (const auto& edge : mutation.changed_edges) out.changed_edges.push_back(latest.edge(edge.edge));
    STRATA_TRY(latest.check());
    return out;
  }
};

Result<void> Store::apply(const transaction::Commit& commit, ByteView section) {
  if (commit.lsn <= applied_lsn()) return {};
  STRATA_FAILPOINT("graph.apply.begin");
  const Mutation mutation = STRATA_TRY(decode_mutation(section));
  const Reader latest = reader(kLatest, nullptr);
  Delta& delta = *latest.layers().deltas.front();
  Resolved resolved = STRATA_TRY(Resolved::make(mutation, latest));
  if (delta.next_number() + mutation.put_nodes.size() > kNumberMax) {
    return Error(ErrorCode::resource_exhausted, "the graph has seen 4,026,531,839 node ids, the most it can number");
  }

  std::vector<NameId> names;
  names.reserve(mutation.names.size());
  for (const std::string_view name : mutation.names) names.push_back(names_.intern(name));

  const Lsn lsn = commit.lsn;
  for (std::size_t i = 0; i < mutation.removed_edges.size(); ++i) {
    const auto& edge = resolved.removed_edges[i];
    if (!edge) continue;  // another commit was first
    delta.change_edge(lsn, mutation.removed_edges[i], edge->source, edge->type, edge->target, true, {});
    --totals_.edges;
  }
  for (const std::uint32_t at : mutation.removed_nodes) {
    const auto& id = resolved.ids[at];
    if (id.number != Resolved::kUnknown && !id.exists && latest.exists(id.number)) delta.remove_node(lsn, id.number);
  }
  totals_.nodes += resolved.nodes_created - resolved.nodes_removed;
  std::vector<NameId> labels;
  for (const auto& node : mutation.put_nodes) {
    auto& id = resolved.ids[node.id];
    if (id.number == Resolved::kUnknown) id.number = delta.add_id(mutation.ids[node.id], id.hash);
    labels.clear();
    for (auto i = node.labels_begin; i < node.labels_end; ++i) labels.push_back(names[mutation.labels[i]]);
    std::sort(labels.begin(), labels.end());
    labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
    index_node(delta, id.number, labels, node.properties);
    delta.put_node(lsn, id.number, labels, node.properties);
  }
  EdgeId highest = 0;
  for (const auto& edge : mutation.added_edges) {
    delta.add_edge(lsn, edge.edge, resolved.ids[edge.source].number, names[edge.type], resolved.ids[edge.target].number,
                   edge.properties);
    highest = std::max(highest, edge.edge);
  }
  totals_.edges += mutation.added_edges.size();
  for (std::size_t i = 0; i < mutation.changed_edges.size(); ++i) {
    const auto& edge = resolved.changed_edges[i];
    if (!edge) continue;
    delta.change_edge(lsn, mutation.changed_edges[i].edge, edge->source, edge->type, edge->target, false,
                      mutation.changed_edges[i].properties);
  }
  totals_.lsn = lsn;
  delta.set_totals(totals_);
  for (const auto& index : mutation.indexes) STRATA_TRY(create_index(lsn, names[index.label], names[index.key]));

  // At recovery the counter follows the records; live it is ahead of them.
  EdgeId next = next_edge_.load(std::memory_order_relaxed);
  while (next <= highest && !next_edge_.compare_exchange_weak(next, highest + 1)) {
  }
  applied_.store(lsn, std::memory_order_release);
  STRATA_CRASHPOINT("graph.apply.end");
  return {};
}

void Store::index_node(Delta& delta, Number number, std::span<const NameId> labels, ByteView properties) {
  const auto current = layers();
  if (current->indexes.empty() || properties.empty()) return;
  std::optional<Map> map;
  for (const IndexDefinition& index : current->indexes) {
    if (index.label != kAnyName && !std::binary_search(labels.begin(), labels.end(), index.label)) continue;
    if (!map) map = decode_properties(properties);
    if (const Value* value = map->find(names_.text(index.key))) {
      delta.add_posting(index_hash(names_.text(index.label), names_.text(index.key), *value), number);
    }
  }
}

Result<void> Store::create_index(Lsn lsn, NameId label, NameId key) {
  Layers fresh = *layers();
  for (const IndexDefinition& index : fresh.indexes) {
    if (index.label == label && index.key == key) return {};
  }
  fresh.indexes.push_back({label, key, lsn});
  Delta& delta = *fresh.deltas.front();
  const std::string_view label_text = names_.text(label), key_text = names_.text(key);
  for (std::uint64_t i = 0; i < delta.nodes().size(); ++i) {
    const DeltaNode& node = *delta.nodes()[i];
    for (const NodeVersion* it = node.newest.load(std::memory_order_relaxed); it; it = it->older) {
      if (it->removed || (label != kAnyName && !record_has_label(it->record, label))) continue;
      const Map map = decode_properties(record_properties(it->record));
      if (const Value* value = map.find(key_text)) {
        delta.add_posting(index_hash(label_text, key_text, *value), node.number);
      }
    }
  }
  delta.set_indexes(fresh.indexes.size());
  publish(std::move(fresh));
  return {};
}

Result<void> Store::recovered(Lsn lsn) {
  applied_ = std::max(applied_.load(), lsn);
  if (!STRATA_TRY(files_.exists(kFolder))) return {};
  const core::MutexLock lock(checkpoint_mutex_);
  for (const std::string& name : STRATA_TRY(files_.list(kFolder))) {
    const std::string full = std::string(kFolder) + "/" + name;
    const bool named =
        std::any_of(stored_.begin(), stored_.end(), [&](const Stored& it) { return it.file.name == full; });
    if (!named) STRATA_TRY(files_.remove(full));
  }
  return {};
}

Result<void> Store::freeze(Lsn lsn) {
  STRATA_CRASHPOINT("graph.freeze");
  const core::MutexLock lock(checkpoint_mutex_);
  frozen_lsn_ = lsn;
  frozen_names_ = names_.size();
  frozen_next_edge_ = next_edge_.load();
  applied_ = std::max(applied_.load(), lsn);
  const auto current = layers();
  if (current->deltas.front()->empty()) return {};
  Layers fresh = *current;
  fresh.deltas.insert(fresh.deltas.begin(),
                      std::make_shared<Delta>(fresh.deltas.front()->next_number(), fresh.indexes.size()));
  publish(std::move(fresh));
  return {};
}

Result<transaction::Checkpoint> Store::write_checkpoint(Lsn horizon) {
  STRATA_FAILPOINT("graph.checkpoint.begin");
  const core::MutexLock lock(checkpoint_mutex_);
  const auto current = layers();
  auto written = std::make_unique<Written>(Written{frozen_lsn_, stored_, {}});
  written->consumed.assign(current->deltas.begin() + 1, current->deltas.end());
  if (!written->consumed.empty()) {
    // Size-tiered: a segment takes along the newer ones that together are not much smaller, so each byte is rewritten
    // about log₂(size) times; and the number of segments, which every read pays for, stays bounded.
    std::uint64_t bytes = 0;
    for (const auto& delta : written->consumed) bytes += delta->bytes();
    std::vector<Stored> merged;
    std::vector<Stored>& kept = written->segments;
    while (!kept.empty() && (kept.front().file.bytes <= 2 * bytes || kept.size() + 1 > kSegmentsMax)) {
      bytes += kept.front().file.bytes;
      merged.push_back(std::move(kept.front()));
      kept.erase(kept.begin());
    }
    Stored fresh = STRATA_TRY(write_segment(merged, written->consumed, kept.empty(), horizon, frozen_lsn_));
    kept.insert(kept.begin(), std::move(fresh));
  }
  STRATA_FAILPOINT("graph.checkpoint.end");
  transaction::Checkpoint checkpoint;
  checkpoint.lsn = frozen_lsn_;
  checkpoint.state = encode_state(frozen_lsn_, written->segments);
  for (const Stored& it : written->segments) checkpoint.files.push_back(it.file);
  written_ = std::move(written);
  return checkpoint;
}

void Store::abandoned() {
  const core::MutexLock lock(checkpoint_mutex_);
  written_.reset();
}

Result<Store::Stored> Store::write_segment(const std::vector<Stored>& merged,
                                           std::span<const std::shared_ptr<Delta>> deltas, bool with_oldest,
                                           Lsn horizon, Lsn lsn) {
  std::vector<std::shared_ptr<const Segment>> segments;
  for (const Stored& it : merged) segments.push_back(it.segment);
  SegmentContent content = STRATA_TRY(merge_layers(deltas, segments, with_oldest, horizon));
  content.first_name = segments.empty() ? stored_names_ : segments.back()->header().first_name;
  for (NameId id = stored_names_; id < frozen_names_; ++id) content.names.push_back(names_.text(id));
  content.first_lsn = segments.empty() ? deltas.back()->first_lsn() : segments.back()->header().first_lsn;
  content.last_lsn = lsn;
  std::vector<IndexDefinition> indexes;
  for (const IndexDefinition& it : layers()->indexes) {
    if (it.created <= lsn) indexes.push_back(it);
  }
  const Bytes bytes = STRATA_TRY(lay_out(content, indexes, names_));

  STRATA_TRY(files_.create_directory(kFolder));
  STRATA_TRY(files_.sync_directory(""));
  const std::string name = file_name(next_file_++);
  STRATA_TRY(io::write_file_atomically(files_, name, bytes));
  auto segment = STRATA_TRY(Segment::open(files_, name));
  return Stored{std::move(segment), {name, bytes.size(), core::xxh3_128(bytes)}};
}

Bytes Store::encode_state(Lsn lsn, const std::vector<Stored>& segments) const {
  // Totals at the freeze: the newest segment ends with them; without segments nothing was ever committed.
  Totals totals{0, 0, 0};
  DamageNote ignored;  // the segment was just written or is read again before it is believed
  if (!segments.empty()) {
    if (const auto row = segments.front().segment->totals(kLatest, ignored))
      totals = {row->lsn, row->nodes, row->edges};
  }
  const auto current = layers();
  Bytes state;
  core::Encoder out(state);
  out.u8(kStateVersion);
  out.varint(lsn);
  out.varint(frozen_next_edge_);
  out.varint(next_file_);
  out.varint(totals.lsn);
  out.varint(totals.nodes);
  out.varint(totals.edges);
  const auto before = [&](const IndexDefinition& it) { return it.created <= lsn; };
  out.varint(static_cast<std::uint64_t>(std::count_if(current->indexes.begin(), current->indexes.end(), before)));
  for (const IndexDefinition& it : current->indexes) {
    if (!before(it)) continue;
    out.varint(it.label);
    out.varint(it.key);
    out.varint(it.created);
  }
  out.varint(segments.size());
  for (const Stored& it : segments) {
    out.text(it.file.name);
    out.varint(it.file.bytes);
    out.u64(it.file.hash.low);
    out.u64(it.file.hash.high);
  }
  return state;
}

Result<void> Store::installed(const transaction::Checkpoint& checkpoint) {
  const core::MutexLock lock(checkpoint_mutex_);
  STRATA_ASSERT(written_ != nullptr && written_->lsn == checkpoint.lsn);
  STRATA_CRASHPOINT("graph.installed");
  const std::unique_ptr<Written> written = std::move(written_);
  Layers fresh = *layers();
  std::erase_if(fresh.deltas, [&](const auto& delta) {
    return std::find(written->consumed.begin(), written->consumed.end(), delta) != written->consumed.end();
  });
  fresh.segments.clear();
  for (const Stored& it : written->segments) fresh.segments.push_back(it.segment);
  publish(std::move(fresh));
  stored_.swap(written->segments);
  if (!written->consumed.empty()) stored_names_ = frozen_names_;
  durable_ = checkpoint.lsn;
  for (const Stored& old : written->segments) {
    const bool kept =
        std::any_of(stored_.begin(), stored_.end(), [&](const Stored& it) { return it.file.name == old.file.name; });
    // Readers keep their mappings. What cannot be removed now is removed at the next start (recovered).
    if (!kept) static_cast<void>(files_.remove(old.file.name));
  }
  return {};
}

Result<Lsn> Store::durable_lsn() { return durable_.load(); }

Result<transaction::Summary> Store::summarize(Lsn view) {
  const Reader at = reader(view, nullptr);
  transaction::Summary summary;
  Bytes bytes;
  for (Number number = 0; number < at.next_number(); ++number) {
    const auto node = at.node(number);
    if (!node) continue;
    bytes.clear();
    core::Encoder out(bytes);
    out.u8('n');
    out.text(node->id);
    out.varint(node->labels.size());
    for (const auto& label : node->labels) out.text(label);
    out.map(node->properties);
    summary.add(core::xxh3_128(bytes));
  }
  const auto add_edge = [&](EdgeId id) {
    const auto edge = at.edge(id);
    if (!edge) return;
    bytes.clear();
    core::Encoder out(bytes);
    out.u8('e');
    out.varint(id);
    out.text(at.id(edge->source));
    out.text(at.name(edge->type));
    out.text(at.id(edge->target));
    out.map(edge->decoded());
    summary.add(core::xxh3_128(bytes));
  };
  DamageNote damage;
  for (const auto& segment : at.layers().segments) {
    segment->each_edge(damage, [&](EdgeId id, const EdgeRow&) { add_edge(id); });
  }
  for (const auto& delta : at.layers().deltas) {
    for (std::uint64_t i = 0; i < delta->edges().size(); ++i) {
      if (delta->edges()[i]->created != 0) add_edge(delta->edges()[i]->id);
    }
  }
  for (const IndexDefinition& index : at.layers().indexes) {
    if (index.created > view) continue;
    bytes.clear();
    core::Encoder out(bytes);
    out.u8('i');
    out.text(at.name(index.label));
    out.text(at.name(index.key));
    summary.add(core::xxh3_128(bytes));
  }
  STRATA_TRY(damage.check());
  STRATA_TRY(at.check());
  return summary;
}

Result<std::vector<transaction::Damage>> Store::verify() {
  std::vector<transaction::Damage> out;
  const Lsn view = applied_lsn();
  const Reader at = reader(view, nullptr);
  for (const auto& segment : at.layers().segments) {
    for (const std::uint64_t offset : segment->check_all()) {
      out.push_back({segment->name(), offset, "a block of 64 KiB does not match its checksum", false});
    }
  }
  if (!out.empty()) return out;  // nothing to be learnt from contents that are wrong anyway
  GraphCounts counted;
  for (Number number = 0; number < at.next_number(); ++number) {
    const bool exists = at.exists(number);
    counted.nodes += exists ? 1 : 0;
    at.each_link(number, Direction::out, TypeFilter(), [&](const Link& link, Direction) {
      ++counted.edges;
      if (exists && at.exists(link.neighbour)) return;
      out.push_back(
          {std::string(kFolder), 0, "edge " + std::to_string(link.edge) + " has an end that does not exist", false});
    });
  }
  const GraphCounts kept = at.counts();
  if (counted.nodes != kept.nodes || counted.edges != kept.edges) {
    out.push_back({std::string(kFolder), 0, "the counts of nodes and edges are not those of the graph", false});
  }
  STRATA_TRY(at.check());
  return out;
}

transaction::Statistics Store::statistics() {
  const Reader at = reader(applied_lsn(), nullptr);
  const GraphCounts counts = at.counts();
  std::uint64_t on_disk = 0, in_memory = 0;
  for (const auto& segment : at.layers().segments) on_disk += segment->bytes();
  for (const auto& delta : at.layers().deltas) in_memory += delta->bytes();
  return {{"items", counts.nodes + counts.edges},
          {"nodes", counts.nodes},
          {"edges", counts.edges},
          {"segments", at.layers().segments.size()},
          {"indexes", at.layers().indexes.size()},
          {"names", names_.size() - 1},
          {"bytes_on_disk", on_disk},
          {"bytes_in_memory", in_memory}};
}

Result<void> Store::close() { return {}; }

}  // namespace strata::store::graph
