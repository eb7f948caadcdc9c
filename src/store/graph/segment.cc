#include "store/graph/segment.h"

#include <algorithm>

#include "core/checksum.h"
#include "core/endian.h"
#include "store/graph/record.h"

namespace strata::store::graph {
namespace {

/// Each column with the size of its items, for checks that treat all alike.
template <typename Body>
void each_column(const SegmentHeader& h, Body&& body) {
  body(h.name_offsets, 4), body(h.name_bytes, 1), body(h.id_offsets, 8), body(h.id_bytes, 1);
  body(h.id_slots, sizeof(IdSlot)), body(h.node_pages, 4), body(h.node_words, sizeof(RankWord));
  body(h.nodes, sizeof(NodeEntry)), body(h.versions, sizeof(VersionRow)), body(h.out, sizeof(Link));
  body(h.in, sizeof(Link)), body(h.gone, sizeof(GoneRow)), body(h.edge_pages, 4);
  body(h.edge_words, sizeof(RankWord)), body(h.edges, sizeof(EdgeRow)), body(h.changes, sizeof(ChangeRow));
  body(h.labels, sizeof(LabelEntry)), body(h.label_numbers, sizeof(Number));
  body(h.indexed_keys, sizeof(IndexedKey)), body(h.index_rows, sizeof(IndexRow));
  body(h.totals, sizeof(TotalsRow)), body(h.blobs, 1);
}

std::uint64_t block_count(const SegmentHeader& header) {
  return (header.table_offset - sizeof(SegmentHeader) + kBlockBytes - 1) / kBlockBytes;
}

std::unique_ptr<std::atomic<std::uint8_t>[]> unknown_blocks(std::uint64_t count) {
  return std::make_unique<std::atomic<std::uint8_t>[]>(count);
}

}  // namespace

Result<void> DamageNote::check() const {
  if (file == nullptr) return {};
  return Error(ErrorCode::corruption,
               "a block of the graph does not match its checksum; restore from a backup (strata restore): " + *file +
                   " at offset " + std::to_string(offset));
}

Result<SegmentHeader> Segment::parse_header(ByteView file) {
  const auto corrupt = [](std::string_view what) {
    return Error(ErrorCode::corruption, "not a sound graph segment: " + std::string(what));
  };
  if (file.size() < sizeof(SegmentHeader)) return corrupt("shorter than a header");
  auto header = core::load<SegmentHeader>(file.data());
  if (header.magic != kSegmentMagic) return corrupt("no segment header");
  if (header.version > kSegmentVersion) {
    return Error(ErrorCode::unsupported, "graph segment of format " + std::to_string(header.version) +
                                             "; this version of Strata reads up to " + std::to_string(kSegmentVersion));
  }
  const std::uint32_t crc = std::exchange(header.crc, 0);
  if (core::crc32c({reinterpret_cast<const std::byte*>(&header), sizeof header}) != crc) {
    return corrupt("header checksum");
  }
  header.crc = crc;
  if (header.file_bytes != file.size()) return corrupt("the file's size is not the header's");
  if (header.table_offset < sizeof(SegmentHeader) || header.table_offset > file.size()) return corrupt("table offset");
  if (file.size() - header.table_offset != block_count(header) * 8) return corrupt("size of the block hashes");
  bool in_bounds = header.name_offsets.count > 0 && header.id_offsets.count > 0 && header.nodes.count > 0 &&
                   header.labels.count > 0 && (header.id_slots.count & (header.id_slots.count - 1)) == 0 &&
                   header.node_words.count % 64 == 0 && header.edge_words.count % 64 == 0 &&
                   header.id_offsets.count - 1 <= kNumberMax - std::min(header.first_number, kNumberMax);
  each_column(header, [&](const ColumnPlace& column, std::uint64_t size) {
    in_bounds = in_bounds && column.offset % 64 == 0 && column.offset >= sizeof(SegmentHeader) &&
                column.offset <= header.table_offset && column.count <= (header.table_offset - column.offset) / size;
  });
  if (!in_bounds) return corrupt("a column is out of bounds");
  const ByteView table = file.subspan(header.table_offset);
  if (core::xxh3_64(table) != header.table_hash) return corrupt("checksum of the block hashes");
  return header;
}

Segment::Segment(std::string name, std::unique_ptr<io::Mapping> mapping, const SegmentHeader& header)
    : name_(std::move(name)),
      mapping_(std::move(mapping)),
      file_(mapping_->bytes()),
      header_(header),
      blocks_(unknown_blocks(block_count(header))) {}

Result<std::shared_ptr<const Segment>> Segment::open(io::FileSystem& files, std::string name) {
  auto mapping = STRATA_TRY(files.map(name));
  auto header = parse_header(mapping->bytes());
  if (!header) return std::move(header).error().with_context(name);
  return std::shared_ptr<const Segment>(new Segment(std::move(name), std::move(mapping), *header));
}

bool Segment::block_is_sound(std::uint64_t block) const {
  const std::uint64_t begin = sizeof(SegmentHeader) + block * kBlockBytes;
  const std::uint64_t size = std::min(kBlockBytes, header_.table_offset - begin);
  return core::xxh3_64(file_.subspan(begin, size)) ==
         core::load<std::uint64_t>(file_.data() + header_.table_offset + block * 8);
}

bool Segment::check_block(std::uint64_t block) const {
  // Two threads may both check it: they find the same.
  const std::uint8_t known = blocks_[block].load(std::memory_order_relaxed);
  if (known != kUnknown) return known == kSound;
  const bool sound = block_is_sound(block);
  blocks_[block].store(sound ? kSound : kDamaged, std::memory_order_relaxed);
  return sound;
}

std::vector<std::uint64_t> Segment::check_all() const {
  std::vector<std::uint64_t> damaged;
  for (std::uint64_t block = 0; block < block_count(header_); ++block) {
    if (!block_is_sound(block)) damaged.push_back(sizeof(SegmentHeader) + block * kBlockBytes);
  }
  return damaged;
}

std::optional<Number> Segment::find_id(std::string_view text, std::uint64_t hash, DamageNote& damage) const {
  if (header_.id_slots.count == 0) return std::nullopt;
  const std::uint64_t mask = header_.id_slots.count - 1;
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  for (std::uint64_t i = hash & mask, probes = 0; probes <= mask; i = (i + 1) & mask, ++probes) {
    const IdSlot* slot = at<IdSlot>(header_.id_slots, i, 1, damage);
    if (slot == nullptr || slot->entry == 0) return std::nullopt;
    if (slot->tag != tag) continue;
    const Number number = header_.first_number + slot->entry - 1;
    if (id(number, damage) == text) return number;
  }
  return std::nullopt;
}

std::string_view Segment::id(Number number, DamageNote& damage) const {
  const auto* offsets = at<std::uint64_t>(header_.id_offsets, number - header_.first_number, 2, damage);
  if (offsets == nullptr) return {};
  const auto text = rows<char>(header_.id_bytes, offsets[0], offsets[1], damage);
  return {text.data(), text.size()};
}

std::string_view Segment::new_name(std::uint32_t position, DamageNote& damage) const {
  const auto* offsets = at<std::uint32_t>(header_.name_offsets, position, 2, damage);
  if (offsets == nullptr) return {};
  const auto text = rows<char>(header_.name_bytes, offsets[0], offsets[1], damage);
  return {text.data(), text.size()};
}

ByteView Segment::blob(std::uint64_t offset, DamageNote& damage) const {
  if (offset >= header_.blobs.count) return note(header_.blobs.offset, damage), ByteView();
  // The length is a varint of at most 10 bytes, cut short only at the column's end.
  const std::uint64_t left = header_.blobs.count - offset;
  const auto* begin = at<std::byte>(header_.blobs, offset, std::min<std::uint64_t>(left, 10), damage);
  if (begin == nullptr) return {};
  core::Decoder in({begin, std::min<std::uint64_t>(left, 10)});
  const std::uint64_t size = in.varint();
  if (!in.ok() || size > left - in.position()) return note(header_.blobs.offset + offset, damage), ByteView();
  const auto* content = at<std::byte>(header_.blobs, offset + in.position(), size, damage);
  return content ? ByteView(content, size) : ByteView();
}

const EdgeRow* Segment::edge(EdgeId id, DamageNote& damage) const {
  if (id < header_.edge_base || id > header_.last_edge) return nullptr;
  const auto row = rank(header_.edge_pages, header_.edge_words, id - header_.edge_base, damage);
  return row ? at<EdgeRow>(header_.edges, *row, 1, damage) : nullptr;
}

std::span<const ChangeRow> Segment::changes(EdgeId id, DamageNote& damage) const {
  // A binary search that touches, and so checks, only the blocks it needs.
  const auto first_at_or_after = [&](EdgeId sought) {
    std::uint64_t low = 0, high = header_.changes.count;
    while (low < high) {
      const std::uint64_t middle = (low + high) / 2;
      const ChangeRow* row = at<ChangeRow>(header_.changes, middle, 1, damage);
      if (row == nullptr) return header_.changes.count;
      (row->edge < sought ? low : high) = row->edge < sought ? middle + 1 : middle;
    }
    return low;
  };
  if (header_.changes.count == 0) return {};
  const std::uint64_t begin = first_at_or_after(id);
  return rows<ChangeRow>(header_.changes, begin, std::max(begin, first_at_or_after(id + 1)), damage);
}

std::span<const Number> Segment::with_label(NameId label, DamageNote& damage) const {
  const auto entries = rows<LabelEntry>(header_.labels, 0, header_.labels.count, damage);
  for (std::size_t i = 0; i + 1 < entries.size(); ++i) {
    if (entries[i].label == label) {
      return rows<Number>(header_.label_numbers, entries[i].begin, entries[i + 1].begin, damage);
    }
  }
  return {};
}

bool Segment::covers(NameId label, NameId key) const {
  DamageNote ignored;  // a damaged list covers nothing: the index is built from the nodes
  for (const IndexedKey& it : rows<IndexedKey>(header_.indexed_keys, 0, header_.indexed_keys.count, ignored)) {
    if (it.label == label && it.key == key) return true;
  }
  return false;
}

std::span<const IndexRow> Segment::with_value(std::string_view label_text, NameId label, std::string_view key_text,
                                              NameId key, std::uint64_t hash, DamageNote& damage) const {
  DamageNote in_index;  // derived data: when its blocks are damaged, the nodes themselves still answer
  std::span<const IndexRow> all;
  const bool stored = covers(label, key);
  if (stored) all = rows<IndexRow>(header_.index_rows, 0, header_.index_rows.count, in_index);
  if (!stored || in_index.file != nullptr) all = built_index(label_text, label, key_text, key, damage);
  const auto range = std::equal_range(all.begin(), all.end(), IndexRow{hash, 0, 0},
                                      [](const IndexRow& a, const IndexRow& b) { return a.hash < b.hash; });
  return {range.first, range.second};
}

std::span<const IndexRow> Segment::built_index(std::string_view label_text, NameId label, std::string_view key_text,
                                               NameId key, DamageNote& damage) const {
  const core::MutexLock lock(built_mutex_);
  for (const auto& it : built_) {
    if (it->label == label && it->key == key) return it->rows;
  }
  auto fresh = std::make_unique<BuiltIndex>(BuiltIndex{label, key, {}});
  DamageNote here;
  each_node(here, [&](Number number, std::uint32_t position) {
    for (const VersionRow& row : versions(node(position, here), here)) {
      if (row.blob == kNothing) continue;
      const ByteView record = blob(row.blob, here);
      if (label != kAnyName && !record_has_label(record, label)) continue;
      const Map properties = decode_properties(record_properties(record));
      if (const Value* value = properties.find(key_text)) {
        fresh->rows.push_back({index_hash(label_text, key_text, *value), number, 0});
      }
    }
  });
  if (here.file != nullptr) {
    if (damage.file == nullptr) damage = here;
    return {};
  }
  std::sort(fresh->rows.begin(), fresh->rows.end(),
            [](const IndexRow& a, const IndexRow& b) { return a.hash < b.hash; });
  built_.push_back(std::move(fresh));
  return built_.back()->rows;
}

std::optional<TotalsRow> Segment::totals(Lsn view, DamageNote& damage) const {
  const auto all = all_totals(damage);
  const auto after =
      std::upper_bound(all.begin(), all.end(), view, [](Lsn lsn, const TotalsRow& row) { return lsn < row.lsn; });
  return after == all.begin() ? std::nullopt : std::optional(*(after - 1));
}

}  // namespace strata::store::graph
