#pragma once
/// Makes lists from codes: centroids from a sample of the rows, then each row to the nearest. They may begin with lists that are there
/// already, of some of the rows and of others that are gone: then the centroids are taken over, and only the other rows are compared
/// with them.
#include <functional>
#include <optional>
#include <span>

#include "store/vector/distance/distance.h"
#include "store/vector/lists/lists.h"
#include "strata/vector.h"

namespace strata::store::vector {

/// Lists to begin with.
struct ListsOrigin {
  const ListsView* lists = nullptr;
  std::span<const Row> rows;  ///< [lists->rows]: the row that each has become, or kNoRow: it is gone
};

/// Whether centroids serve so many rows: those that were made of less than half or more than twice as many do not, nor do those of
/// which another number was asked for.
bool serves(const ListsView& lists, Row rows, std::uint32_t wanted);

/// The same lists for the same codes, number and origin, on every machine.
/// columns  [rows] with `dimension` dimensions, all with finite bounds (can_be_linked)
/// wanted   lists, 1 … kListsMax, at most one a row; 0: lists_for(rows). Of an origin, its number
/// stop     asked for every few thousand rows; when it says so, nothing is returned
/// Cost     about 40 µs a row of 384 dimensions at 62,666 rows, growing with √rows; a row of the origin next to nothing. Memory: dimension / 2 + 16
///          bytes a row, and meanwhile 512 KiB a dimension
std::optional<ListsData> build_lists(const distance::CodeColumns& columns, Row rows, std::uint32_t dimension,
                                     Metric metric, std::uint32_t wanted, const std::function<bool()>& stop,
                                     const ListsOrigin* origin = nullptr);

}  // namespace strata::store::vector
