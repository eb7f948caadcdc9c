#pragma once
/// The rows of a segment that its graph finds near a query, by half codes: candidates, best first, to be scored in full.
#include <span>

#include "store/vector/coding.h"
#include "store/vector/graph/graph.h"
#include "store/vector/graph/walk.h"

namespace strata::store::vector {

/// Finds `beam` candidates. The span is valid until the next call with the same memory.
/// columns  of the segment the graph was made from, whose query `query` is
/// Cost     about beam × degree rows of half codes
const Beam& walk_graph(const GraphView& graph, const distance::CodeColumns& columns, const distance::ScanQuery& query,
                       std::size_t beam, WalkMemory& memory);

}  // namespace strata::store::vector
