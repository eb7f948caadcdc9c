#include "store/graph/segment_writer.h"

#include <algorithm>
#include <limits>
#include <map>

#include "core/endian.h"
#include "store/graph/record.h"

namespace strata::store::graph {
namespace {

/// The file as it grows: columns one after another, each from a multiple of 64.
class Columns {
 public:
  Columns() { file_.resize(sizeof(SegmentHeader)); }

  template <typename T>
  ColumnPlace add(const std::vector<T>& items) {
    return add_bytes(items.data(), items.size() * sizeof(T), items.size());
  }
  ColumnPlace add_bytes(const void* from, std::size_t size, std::uint64_t count) {
    file_.resize((file_.size() + 63) & ~std::size_t{63});
    const ColumnPlace place{file_.size(), count};
    const auto* bytes = static_cast<const std::byte*>(from);
    file_.insert(file_.end(), bytes, bytes + size);
    return place;
  }
  /// Hashes the blocks and puts the header in front.
  Bytes finish(SegmentHeader header) && {
    header.table_offset = file_.size();
    Bytes table;
    core::Encoder hashes(table);
    for (std::size_t at = sizeof(SegmentHeader); at < file_.size(); at += kBlockBytes) {
      hashes.u64(core::xxh3_64(ByteView(file_).subspan(at, std::min<std::size_t>(kBlockBytes, file_.size() - at))));
    }
    header.table_hash = core::xxh3_64(table);
    file_.insert(file_.end(), table.begin(), table.end());
    header.file_bytes = file_.size();
    header.crc = core::crc32c({reinterpret_cast<const std::byte*>(&header), sizeof header});
    core::store(file_.data(), header);
    return std::move(file_);
  }

 private:
  Bytes file_;
};

/// Members ascending → pages and words with ranks.
struct RankedSet {
  std::vector<std::uint32_t> pages;
  std::vector<RankWord> words;

  template <typename Members, typename Key>
  RankedSet(const Members& members, Key&& key) {
    std::uint32_t rank = 0;
    for (const auto& member : members) {
      const std::uint64_t value = key(member);
      const std::uint64_t page = value >> 12;
      if (page >= pages.size()) pages.resize(page + 1);
      if (pages[page] == 0) {
        words.resize(words.size() + 64, RankWord{0, 0, 0});
        pages[page] = static_cast<std::uint32_t>(words.size() / 64);
      }
      words[(pages[page] - 1) * 64ULL + (value >> 6 & 63)].bits |= 1ULL << (value & 63);
    }
    // Pages were made in ascending order, so one pass gives every word its rank.
    for (RankWord& word : words) {
      word.rank = rank;
      rank += static_cast<std::uint32_t>(__builtin_popcountll(word.bits));
    }
  }
};

class Layout {
 public:
  Layout(const SegmentContent& content, std::span<const IndexDefinition> indexes, const Names& names)
      : content_(content), indexes_(indexes), names_(names) {}

  Bytes build() {
    header_.first_lsn = content_.first_lsn;
    header_.last_lsn = content_.last_lsn;
    header_.first_number = content_.first_number;
    header_.first_name = content_.first_name;
    write_texts();
    collect_nodes();
    write_versions();
    write_links();
    write_edges();
    write_ways_in();
    header_.totals = columns_.add(content_.totals);
    header_.blobs = columns_.add(blobs_);
    return std::move(columns_).finish(header_);
  }

 private:
  void write_texts() {
    std::vector<std::uint32_t> name_offsets{0};
    std::string name_bytes;
    for (const auto name : content_.names) {
      name_bytes += name;
      name_offsets.push_back(static_cast<std::uint32_t>(name_bytes.size()));
    }
    header_.name_offsets = columns_.add(name_offsets);
    header_.name_bytes = columns_.add_bytes(name_bytes.data(), name_bytes.size(), name_bytes.size());

    std::vector<std::uint64_t> id_offsets{0};
    std::string id_bytes;
    std::uint64_t slots_count = content_.ids.empty() ? 0 : 16;
    while (slots_count * 5 < content_.ids.size() * 8) slots_count *= 2;
    std::vector<IdSlot> slots(slots_count, IdSlot{0, 0});
    std::uint32_t entry = 0;
    for (const auto id : content_.ids) {
      id_bytes += id;
      id_offsets.push_back(id_bytes.size());
      const std::uint64_t hash = core::xxh3_64(id);
      std::uint64_t at = hash & (slots_count - 1);
      while (slots[at].entry != 0) at = (at + 1) & (slots_count - 1);
      slots[at] = {static_cast<std::uint32_t>(hash >> 32), ++entry};
    }
    header_.id_offsets = columns_.add(id_offsets);
    header_.id_bytes = columns_.add_bytes(id_bytes.data(), id_bytes.size(), id_bytes.size());
    header_.id_slots = columns_.add(slots);
  }

  /// Every node that has a version, a link or a removed edge here gets a position.
  void collect_nodes() {
    std::vector<Number>& all = nodes_;
    all.reserve(content_.versions.size() + 2 * content_.edges.size());
    for (const auto& it : content_.versions) all.push_back(it.number);
    for (const auto& it : content_.edges) all.insert(all.end(), {it.source, it.target});
    for (const auto& it : content_.changes) {
      if (it.removed) all.insert(all.end(), {it.source, it.target});
    }
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    const RankedSet set(all, [](Number number) { return number; });
    header_.node_pages = columns_.add(set.pages);
    header_.node_words = columns_.add(set.words);
    entries_.assign(all.size() + 1, NodeEntry{0, 0, 0, 0});
    if (!all.empty() && all.back() / 16 < all.size()) {
      positions_.assign(all.back() + std::size_t{1}, 0);
      for (std::uint32_t i = 0; i < all.size(); ++i) positions_[all[i]] = i;
    }
  }

  std::uint32_t position(Number number) const {
    if (!positions_.empty()) return positions_[number];
    return static_cast<std::uint32_t>(std::lower_bound(nodes_.begin(), nodes_.end(), number) - nodes_.begin());
  }

  void write_versions() {
    std::vector<VersionRow> rows;
    rows.reserve(content_.versions.size());
    for (const auto& it : content_.versions) {
      ++entries_[position(it.number) + 1].versions;
      rows.push_back({it.lsn, it.removed ? kNothing : add_blob(it.record)});
    }
    header_.versions = columns_.add(rows);
  }

  /// Counting sort by node; within a node by type, then edge id.
  std::vector<Link> links(Number SegmentContent::Edge::* here, Number SegmentContent::Edge::* there,
                          std::uint32_t NodeEntry::* begin) {
    for (const auto& edge : content_.edges) ++(entries_[position(edge.*here) + 1].*begin);
    std::vector<std::uint32_t> next(entries_.size(), 0);
    std::uint32_t total = 0;
    for (std::size_t i = 0; i < entries_.size(); ++i) next[i] = total += entries_[i].*begin;
    std::vector<Link> rows(content_.edges.size());
    for (const auto& edge : content_.edges) {
      rows[next[position(edge.*here)]++] = {edge.id, edge.*there, edge.type};
    }
    for (std::size_t i = 0, from = 0; i + 1 < next.size(); ++i) {
      std::sort(rows.begin() + static_cast<std::ptrdiff_t>(from), rows.begin() + next[i],
                [](const Link& a, const Link& b) { return std::pair(a.type, a.edge) < std::pair(b.type, b.edge); });
      from = next[i];
    }
    return rows;
  }

  void write_links() {
    using Edge = SegmentContent::Edge;
    header_.out = columns_.add(links(&Edge::source, &Edge::target, &NodeEntry::out));
    header_.in = columns_.add(links(&Edge::target, &Edge::source, &NodeEntry::in));
    std::vector<std::pair<std::uint32_t, GoneRow>> gone;
    for (const auto& it : content_.changes) {
      if (!it.removed) continue;
      gone.push_back({position(it.source), {it.id, it.lsn}});
      if (it.target != it.source) gone.push_back({position(it.target), {it.id, it.lsn}});
    }
    std::sort(gone.begin(), gone.end(), [](const auto& a, const auto& b) {
      return std::pair(a.first, a.second.edge) < std::pair(b.first, b.second.edge);
    });
    std::vector<GoneRow> rows;
    rows.reserve(gone.size());
    for (const auto& [position, row] : gone) {
      ++entries_[position + 1].gone;
      rows.push_back(row);
    }
    header_.gone = columns_.add(rows);
    for (std::size_t i = 1; i < entries_.size(); ++i) {
      entries_[i].versions += entries_[i - 1].versions;
      entries_[i].out += entries_[i - 1].out;
      entries_[i].in += entries_[i - 1].in;
      entries_[i].gone += entries_[i - 1].gone;
    }
    header_.nodes = columns_.add(entries_);
  }

  void write_edges() {
    header_.edge_base = content_.edges.empty() ? 0 : content_.edges.front().id & ~EdgeId{4095};
    header_.last_edge = content_.edges.empty() ? 0 : content_.edges.back().id;
    const RankedSet set(content_.edges, [&](const auto& edge) { return edge.id - header_.edge_base; });
    header_.edge_pages = columns_.add(set.pages);
    header_.edge_words = columns_.add(set.words);
    std::vector<EdgeRow> rows;
    rows.reserve(content_.edges.size());
    for (const auto& it : content_.edges) {
      rows.push_back(
          {it.created, it.properties.empty() ? kNothing : add_blob(it.properties), it.source, it.target, it.type, 0});
    }
    header_.edges = columns_.add(rows);
    std::vector<ChangeRow> changes;
    changes.reserve(content_.changes.size());
    for (const auto& it : content_.changes) {
      changes.push_back(
          {it.id, it.lsn, it.removed ? kNothing : add_blob(it.properties), it.source, it.target, it.type, 0});
    }
    header_.changes = columns_.add(changes);
  }

  void write_ways_in() {
    std::map<NameId, std::vector<Number>> by_label;
    std::vector<IndexRow> index_rows;
    for (const auto& version : content_.versions) {
      if (version.removed) continue;
      const auto add_label = [&](NameId label) {
        auto& numbers = by_label[label];
        if (numbers.empty() || numbers.back() != version.number) numbers.push_back(version.number);
        return true;
      };
      const ByteView properties = read_record(version.record, add_label);
      if (indexes_.empty() || properties.empty()) continue;
      const Map map = decode_properties(properties);
      for (const IndexDefinition& index : indexes_) {
        if (index.label != kAnyName && !record_has_label(version.record, index.label)) continue;
        if (const Value* value = map.find(names_.text(index.key))) {
          index_rows.push_back(
              {index_hash(names_.text(index.label), names_.text(index.key), *value), version.number, 0});
        }
      }
    }
    std::vector<LabelEntry> labels;
    std::vector<Number> numbers;
    for (const auto& [label, nodes] : by_label) {
      labels.push_back({label, static_cast<std::uint32_t>(numbers.size())});
      numbers.insert(numbers.end(), nodes.begin(), nodes.end());
    }
    labels.push_back({0, static_cast<std::uint32_t>(numbers.size())});
    header_.labels = columns_.add(labels);
    header_.label_numbers = columns_.add(numbers);
    std::vector<IndexedKey> keys;
    for (const IndexDefinition& index : indexes_) keys.push_back({index.label, index.key});
    std::sort(index_rows.begin(), index_rows.end(), [](const IndexRow& a, const IndexRow& b) {
      return std::pair(a.hash, a.number) < std::pair(b.hash, b.number);
    });
    header_.indexed_keys = columns_.add(keys);
    header_.index_rows = columns_.add(index_rows);
  }

  std::uint64_t add_blob(ByteView bytes) {
    const std::uint64_t offset = blobs_.size();
    core::Encoder(blobs_).bytes(bytes);
    return offset;
  }

  const SegmentContent& content_;
  const std::span<const IndexDefinition> indexes_;
  const Names& names_;
  SegmentHeader header_;
  Columns columns_;
  std::vector<Number> nodes_;
  std::vector<NodeEntry> entries_;
  std::vector<std::uint32_t> positions_;  // by number; empty when that would be mostly holes
  Bytes blobs_;
};

}  // namespace

Result<Bytes> lay_out(const SegmentContent& content, std::span<const IndexDefinition> indexes, const Names& names) {
  constexpr std::uint64_t kRowsMax = std::numeric_limits<std::uint32_t>::max();
  std::uint64_t name_bytes = 0;
  for (const auto name : content.names) name_bytes += name.size();
  if (content.edges.size() > kRowsMax || content.versions.size() > kRowsMax || content.changes.size() > kRowsMax / 2 ||
      name_bytes > kRowsMax) {
    return Error(ErrorCode::resource_exhausted, "a graph segment holds at most 4,294,967,295 rows of a kind");
  }
  return Layout(content, indexes, names).build();
}

}  // namespace strata::store::graph
