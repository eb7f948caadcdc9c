#pragma once
/// The rows of a segment that its graph finds near a query, by half codes: candidates, best first, to be scored in full.
#include <span>

#include "store/vector/coding.h"
#include "store/vector/filter/row_set.h"
#include "store/vector/graph/graph.h"
#include "store/vector/graph/walk.h"

namespace strata::store::vector {

/// Finds `beam` candidates. The span is valid until the next call with the same memory.
/// columns   of the segment the graph was made from, whose query `query` is
/// matching  nullptr: all rows; else candidates are of these alone
/// Cost      about beam × degree rows of half codes; with `matching` as many, and the links of what does not match
/// Source    Patel et al. 2024 (ACORN, section 5: two hops in the place of links that do not match)
const Beam& walk_graph(const GraphView& graph, const distance::CodeColumns& columns, const distance::ScanQuery& query,
                       std::size_t beam, const RowSet* matching, WalkMemory& memory);

}  // namespace strata::store::vector
