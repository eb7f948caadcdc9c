#pragma once
/// Which neighbouring parts become one. A pure decision: sizes in, groups out.
///
///     frozen rows  ██                          parts  ████████ ████ ██        1  what lies in memory must be written;
///     parts        ████████ ████ ██ ·                                          2  it takes smaller neighbours along:
///                                                ████████ ████████            sizes grow geometrically, each row is
///                                                                             rewritten O(log n) times
///                                                                          3  more than `parts_max`: the cheapest pair
///
/// Order is kept: rows have indexes, so only neighbours merge. Nothing grows beyond `part_bytes_max`; a dataset larger than
/// parts_max × part_bytes_max has more parts.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace strata::store::array {

struct CompactionLimits {
  std::size_t parts_max = 8;
  std::uint64_t part_bytes_max = 512ULL << 20;
  std::uint64_t small_bytes = 1ULL << 20;      ///< below it parts count as equally large
};

/// A part, or rows in memory, before.
struct Piece {
  std::uint64_t bytes = 0;       ///< of rows, uncompressed
  bool must_write = false;       ///< rows in memory, or rows to be zeroed
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
