#pragma once
/// Which neighbouring parts become one. A pure decision: sizes in, groups out.
///
///     1  rows in memory must be written; neighbours in memory, and a tiny part before them, come along
///     2  more than `parts_max` parts: of all runs of neighbours the one is merged whose largest member is smallest beside
///        the rest of it, until they are few enough
///
///            ████████ ██ ██ ▪ ▪ ▪ ▪ ▪ ▪      nine equal ones merge in one go; a large one is left alone until
///            ████████ ██ ██ ██               the others have grown to its size
///
/// With one small write per checkpoint each byte is written 5.6 times over 2,000 of them and 6.5 times over 5,000 (parts_max
/// 8). Merging the cheapest pair instead, the obvious rule, costs 99 and 229: it makes one pair grow step by step.
///
/// Order is kept: rows have indexes, so only neighbours merge. Nothing grows beyond `part_bytes_max`, and parts above half of
/// it do not count: a dataset of many gigabytes has more than parts_max parts.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace strata::store::array {

struct CompactionLimits {
  std::size_t parts_max = 8;
  std::uint64_t part_bytes_max = 512ULL << 20;
  std::uint64_t tiny_bytes = 64ULL << 10;
};

/// A part, or rows in memory, before.
struct Piece {
  std::uint64_t bytes = 0;  ///< of rows, uncompressed, and of their append log
  bool must_write = false;  ///< rows in memory, or rows to be zeroed
  bool in_memory = false;
};

/// Pieces [begin, end) become one part; a single one that must not be written stays as it is.
struct Group {
  std::size_t begin = 0, end = 0;
  std::uint64_t bytes = 0;
  bool write = false;
};

std::vector<Group> plan_compaction(std::span<const Piece> pieces, const CompactionLimits& limits);

}  // namespace strata::store::array
