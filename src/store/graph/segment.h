#pragma once
/// One immutable, mapped file of a checkpoint: everything that was committed in a range of LSNs.
///
/// Opening maps the file and checks its header; no column is read. The first touch of a 64 KiB block checks it against its
/// hash, so that damage is found before it is believed, at the cost of one byte's load for each later access.
/// A damaged block answers like an empty one and is noted in the reader's `Damage`; whoever asked looks there once, at
/// the end, and returns `corruption` instead of the answer.
#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/mutex.h"
#include "io/file_system.h"
#include "store/graph/names.h"
#include "store/graph/segment_format.h"
#include "strata/error.h"

namespace strata::store::graph {

/// The first damage that a reader met. Threads: one.
struct DamageNote {
  const std::string* file = nullptr;
  std::uint64_t offset = 0;
  Result<void> check() const;  ///< Errors  corruption naming file and offset
};

/// Threads: any; immutable but for what is remembered about checked blocks and for indexes built on demand.
class Segment {
 public:
  /// Errors  corruption (names the file), unsupported (newer format), not_found
  static Result<std::shared_ptr<const Segment>> open(io::FileSystem& files, std::string name);
  /// Checks a header against the size of its file. Errors  corruption, unsupported
  static Result<SegmentHeader> parse_header(ByteView file);

  const std::string& name() const { return name_; }
  const SegmentHeader& header() const { return header_; }
  std::uint64_t bytes() const { return header_.file_bytes; }
  Lsn last_lsn() const { return header_.last_lsn; }
  Number first_number() const { return header_.first_number; }
  Number next_number() const { return header_.first_number + static_cast<Number>(header_.id_offsets.count - 1); }
  std::uint64_t node_count() const { return header_.nodes.count - 1; }

  std::optional<Number> find_id(std::string_view text, std::uint64_t hash, DamageNote& damage) const;
  std::string_view id(Number number, DamageNote& damage) const;  ///< in [first_number, next_number)
  std::string_view new_name(std::uint32_t position, DamageNote& damage) const;
  std::uint32_t new_names() const { return static_cast<std::uint32_t>(header_.name_offsets.count - 1); }

  /// The position of a node that has rows here.
  std::optional<std::uint32_t> position(Number number, DamageNote& damage) const {
    return rank(header_.node_pages, header_.node_words, number, damage);
  }
  /// The rows of the node at a position; two entries: where they begin, where they end.
  const NodeEntry* node(std::uint32_t position, DamageNote& damage) const {
    return at<NodeEntry>(header_.nodes, position, 2, damage);
  }
  std::span<const VersionRow> versions(const NodeEntry* node, DamageNote& damage) const {
    return rows<VersionRow>(header_.versions, node ? node[0].versions : 0, node ? node[1].versions : 0, damage);
  }
  std::span<const Link> out(const NodeEntry* node, DamageNote& damage) const {
    return rows<Link>(header_.out, node ? node[0].out : 0, node ? node[1].out : 0, damage);
  }
  std::span<const Link> in(const NodeEntry* node, DamageNote& damage) const {
    return rows<Link>(header_.in, node ? node[0].in : 0, node ? node[1].in : 0, damage);
  }
  std::span<const GoneRow> gone(const NodeEntry* node, DamageNote& damage) const {
    return rows<GoneRow>(header_.gone, node ? node[0].gone : 0, node ? node[1].gone : 0, damage);
  }
  /// The length-prefixed bytes at an offset of the blob column.
  ByteView blob(std::uint64_t offset, DamageNote& damage) const;

  const EdgeRow* edge(EdgeId id, DamageNote& damage) const;  ///< nullptr: not added here
  std::span<const ChangeRow> changes(EdgeId id, DamageNote& damage) const;

  /// Nodes that had this label in some version here. Ascending.
  std::span<const Number> with_label(NameId label, DamageNote& damage) const;
  bool covers(NameId label, NameId key) const;
  /// Candidates under a hash of the index on (label, key); an index that the file lacks is built in memory once.
  std::span<const IndexRow> with_value(std::string_view label_text, NameId label, std::string_view key_text, NameId key,
                                       std::uint64_t hash, DamageNote& damage) const;

  /// Totals at the newest commit ≤ view in this segment.
  std::optional<TotalsRow> totals(Lsn view, DamageNote& damage) const;

  /// Calls `body(number, position)` for every node with rows, ascending; `body(edge id, row)` for every edge added here.
  template <typename Body>
  void each_node(DamageNote& damage, Body&& body) const {
    each_member(header_.node_pages, header_.node_words, 0, damage,
                [&](std::uint64_t member, std::uint32_t rank) { body(static_cast<Number>(member), rank); });
  }
  template <typename Body>
  void each_edge(DamageNote& damage, Body&& body) const {
    each_member(header_.edge_pages, header_.edge_words, header_.edge_base, damage,
                [&](std::uint64_t member, std::uint32_t rank) {
                  if (const EdgeRow* row = at<EdgeRow>(header_.edges, rank, 1, damage)) body(member, *row);
                });
  }
  std::span<const ChangeRow> all_changes(DamageNote& damage) const {
    return rows<ChangeRow>(header_.changes, 0, header_.changes.count, damage);
  }
  std::span<const TotalsRow> all_totals(DamageNote& damage) const {
    return rows<TotalsRow>(header_.totals, 0, header_.totals.count, damage);
  }

  /// Checks every block, from the mapping, whatever was checked before. The offsets of the damaged ones.
  std::vector<std::uint64_t> check_all() const;

 private:
  struct BuiltIndex {
    NameId label, key;
    std::vector<IndexRow> rows;
  };
  Segment(std::string name, std::unique_ptr<io::Mapping> mapping, const SegmentHeader& header);
  bool block_is_sound(std::uint64_t block) const;
  bool check_block(std::uint64_t block) const;

  /// Items [first, first + count) of a column, or nullptr: beyond its end or damaged, which is noted.
  template <typename T>
  const T* at(const ColumnPlace& column, std::uint64_t first, std::uint64_t count, DamageNote& damage) const {
    if (first + count > column.count) [[unlikely]]
      return note(column.offset, damage), nullptr;
    const std::uint64_t begin = column.offset + first * sizeof(T);
    const std::uint64_t end = begin + count * sizeof(T);
    for (std::uint64_t block = (begin - sizeof(SegmentHeader)) / kBlockBytes;
         sizeof(SegmentHeader) + block * kBlockBytes < end; ++block) {
      if (blocks_[block].load(std::memory_order_relaxed) != kSound && !check_block(block)) [[unlikely]] {
        return note(begin, damage), nullptr;
      }
    }
    return reinterpret_cast<const T*>(file_.data() + begin);
  }
  template <typename T>
  std::span<const T> rows(const ColumnPlace& column, std::uint64_t begin, std::uint64_t end, DamageNote& damage) const {
    if (begin == end) return {};
    if (begin > end) return note(column.offset, damage), std::span<const T>();
    const T* first = at<T>(column, begin, end - begin, damage);
    return first ? std::span<const T>(first, end - begin) : std::span<const T>();
  }
  std::optional<std::uint32_t> rank(const ColumnPlace& pages, const ColumnPlace& words, std::uint64_t member,
                                    DamageNote& damage) const {
    const std::uint64_t page = member >> 12;
    if (page >= pages.count) return std::nullopt;
    const auto* stored = at<std::uint32_t>(pages, page, 1, damage);
    if (stored == nullptr || *stored == 0) return std::nullopt;
    const auto* word = at<RankWord>(words, (*stored - 1) * 64ULL + (member >> 6 & 63), 1, damage);
    if (word == nullptr) return std::nullopt;
    const std::uint64_t bit = 1ULL << (member & 63);
    if ((word->bits & bit) == 0) return std::nullopt;
    return word->rank + static_cast<std::uint32_t>(__builtin_popcountll(word->bits & (bit - 1)));
  }
  template <typename Body>
  void each_member(const ColumnPlace& pages, const ColumnPlace& words, std::uint64_t base, DamageNote& damage,
                   Body&& body) const {
    for (std::uint64_t page = 0; page < pages.count; ++page) {
      const auto* stored = at<std::uint32_t>(pages, page, 1, damage);
      if (stored == nullptr) return;
      if (*stored == 0) continue;
      const auto* in_page = at<RankWord>(words, (*stored - 1) * 64ULL, 64, damage);
      if (in_page == nullptr) return;
      for (std::uint64_t i = 0; i < 64; ++i) {
        std::uint32_t at_rank = in_page[i].rank;
        for (std::uint64_t bits = in_page[i].bits; bits != 0; bits &= bits - 1) {
          body(base + (page << 12 | i << 6 | static_cast<std::uint64_t>(__builtin_ctzll(bits))), at_rank++);
        }
      }
    }
  }
  void note(std::uint64_t offset, DamageNote& damage) const {
    if (damage.file == nullptr) damage = {&name_, offset};
  }
  std::span<const IndexRow> built_index(std::string_view label_text, NameId label, std::string_view key_text,
                                        NameId key, DamageNote& damage) const;

  static constexpr std::uint8_t kUnknown = 0, kSound = 1, kDamaged = 2;
  const std::string name_;
  const std::unique_ptr<io::Mapping> mapping_;
  const ByteView file_;
  const SegmentHeader header_;
  const std::unique_ptr<std::atomic<std::uint8_t>[]> blocks_;
  mutable core::Mutex built_mutex_;
  mutable std::vector<std::unique_ptr<const BuiltIndex>> built_ STRATA_GUARDED_BY(built_mutex_);
};

}  // namespace strata::store::graph
