#pragma once
/// Makes the graph of a segment from its codes: row after row finds its nearest before it and is linked with them.
#include <atomic>
#include <optional>

#include "store/vector/graph/graph.h"
#include "strata/vector.h"

namespace strata::store::vector {

/// Whether the codes of every row say something: not so for numbers that no finite bound covers.
bool can_be_linked(const distance::CodeColumns& columns, Row rows);

/// The same graph for the same codes and options, on every machine with the same arithmetic (that of 32-bit floats).
/// columns  [rows] with `dimension` dimensions; read at random, so they should be in memory
/// stop     looked at for every row; when it is set, nothing is returned
/// Cost     about 130 µs a row of 384 dimensions on one thread; memory: 4 · (2 · degree + 1) + dimension / 2 bytes a row
std::optional<GraphData> build_graph(const distance::CodeColumns& columns, Row rows, std::uint32_t dimension,
                                     Metric metric, const GraphOptions& options, const std::atomic<bool>& stop);

}  // namespace strata::store::vector
