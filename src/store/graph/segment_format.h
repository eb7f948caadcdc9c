#pragma once
/// The bytes of a segment file; docs/formats/graph.md tells them to a stranger.
///
///     header 1,024 bytes │ columns, each from a multiple of 64 │ one XXH3-64 for each 64 KiB between header and here
///
/// Columns are plain arrays that are read in place, little-endian. The header is checked when a segment is opened; a
/// block of 64 KiB when it is first touched.
#include <array>
#include <cstdint>
#include <type_traits>

#include "store/graph/types.h"

namespace strata::store::graph {

inline constexpr std::uint64_t kSegmentMagic = 0x31'48'50'41'52'47'54'53;  // "STGRAPH1"
inline constexpr std::uint32_t kSegmentVersion = 1;
inline constexpr std::uint64_t kBlockBytes = 64 << 10;
inline constexpr std::uint64_t kNothing = ~0ULL;  ///< in place of a blob's offset: removed

/// A set of integers with the rank of each: directory of pages of 4,096 → 64 words with the rank in front of them.
struct RankWord {
  std::uint64_t bits;
  std::uint32_t rank;  ///< how many members are below this word
  std::uint32_t unused;
};

/// Where the rows of the p-th node of this segment begin; they end where those of p + 1 begin.
struct NodeEntry {
  std::uint32_t versions, out, in, gone;
};
struct VersionRow {
  Lsn lsn;
  std::uint64_t blob;  ///< offset of a length-prefixed node record, or kNothing
};
struct EdgeRow {
  Lsn created;
  std::uint64_t blob;  ///< offset of the length-prefixed properties, or kNothing: none
  Number source, target;
  std::uint32_t type, unused;
};
/// A change of an edge's properties, or its removal; the edge may lie in an older segment. Ascending by edge, then LSN.
struct ChangeRow {
  EdgeId edge;
  Lsn lsn;
  std::uint64_t blob;  ///< kNothing: removed
  Number source, target;
  std::uint32_t type, unused;
};
struct GoneRow {
  EdgeId edge;
  Lsn lsn;
};
struct IdSlot {
  std::uint32_t tag;    ///< upper half of the id's hash
  std::uint32_t entry;  ///< position + 1; 0: free
};
struct LabelEntry {
  std::uint32_t label;
  std::uint32_t begin;  ///< in label_numbers; ends where the next begins
};
struct IndexedKey {
  std::uint32_t label, key;
};
struct IndexRow {
  std::uint64_t hash;
  Number number;
  std::uint32_t unused;
};
struct TotalsRow {
  Lsn lsn;
  std::uint64_t nodes, edges;
};

struct ColumnPlace {
  std::uint64_t offset = 0, count = 0;
};

struct SegmentHeader {
  std::uint64_t magic = kSegmentMagic;
  std::uint32_t version = kSegmentVersion;
  std::uint32_t crc = 0;  ///< CRC32C of the header with this field 0
  std::uint64_t file_bytes = 0;
  std::uint64_t table_offset = 0;  ///< of the block hashes
  std::uint64_t table_hash = 0;    ///< XXH3-64 of them
  Lsn first_lsn = 0, last_lsn = 0;
  Number first_number = 0;       ///< of the ids that are new in this segment
  std::uint32_t first_name = 0;  ///< of the names that are new in this segment
  std::uint64_t edge_base = 0;   ///< edge ids are counted from here in edge_pages
  EdgeId last_edge = 0;          ///< the largest edge id in it
  std::uint64_t unused[6] = {};
  // Names and ids that are new here.
  ColumnPlace name_offsets, name_bytes;  ///< u32 × (names + 1)
  ColumnPlace id_offsets, id_bytes;      ///< u64 × (ids + 1)
  ColumnPlace id_slots;                  ///< IdSlot × a power of two
  // Nodes with rows here.
  ColumnPlace node_pages, node_words;   ///< u32: 0 or 1 + page; RankWord × 64 per page
  ColumnPlace nodes;                    ///< NodeEntry × (nodes + 1)
  ColumnPlace versions, out, in, gone;  ///< VersionRow, Link, Link, GoneRow
  // Edges.
  ColumnPlace edge_pages, edge_words;
  ColumnPlace edges, changes;  ///< EdgeRow, ChangeRow
  // Ways in.
  ColumnPlace labels, label_numbers;     ///< LabelEntry × (labels + 1), Number
  ColumnPlace indexed_keys, index_rows;  ///< IndexedKey, IndexRow ascending by hash
  ColumnPlace totals;                    ///< TotalsRow ascending
  ColumnPlace blobs;                     ///< bytes
  ColumnPlace reserved[34];
};
static_assert(sizeof(SegmentHeader) == 1'024 && std::is_trivially_copyable_v<SegmentHeader>);
static_assert(sizeof(Link) == 16 && sizeof(RankWord) == 16 && sizeof(EdgeRow) == 32 && sizeof(ChangeRow) == 40);

}  // namespace strata::store::graph
