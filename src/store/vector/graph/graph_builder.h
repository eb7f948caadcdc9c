#pragma once
/// Makes a graph from codes: row after row finds its nearest before it and is linked with them. It may begin with a graph that
/// is there already, of some of the rows and of others that are gone: then only the rest is linked, and the gaps are healed.
#include <functional>
#include <optional>
#include <span>

#include "store/vector/graph/graph.h"
#include "strata/vector.h"

namespace strata::store::vector {

/// Whether the codes of every row say something: not so for numbers that no finite bound covers.
bool can_be_linked(const distance::CodeColumns& columns, Row rows);

/// A graph to begin with.
struct Origin {
  const GraphView* graph = nullptr;
  std::span<const Row> rows;  ///< [graph->rows]: the row of the new graph that each has become, or kNoRow: it is gone
};

/// The same graph for the same codes, options and origin, on every machine with the same arithmetic (that of 32-bit floats).
/// columns  [rows] with `dimension` dimensions; read at random, so they should be in memory
/// origin   rows of it keep their links; a link to a row that is gone gives its place to one that this row led to
///          (Singh et al. 2021, FreshDiskANN, algorithm 4; survivors are not chosen anew here). nullptr: none
/// stop     asked for every row; when it says so, nothing is returned
/// Cost     about 130 µs a row of 384 dimensions on one thread, a row of the origin next to nothing, one of which many links are gone a
///          third; memory: 4 · (2 · degree + 1) bytes a row
std::optional<GraphData> build_graph(const distance::CodeColumns& columns, Row rows, std::uint32_t dimension,
                                     Metric metric, const GraphOptions& options, const std::function<bool()>& stop,
                                     const Origin* origin = nullptr);

}  // namespace strata::store::vector
