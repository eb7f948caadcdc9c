#pragma once
/// What a merge leaves to the graph of its segment: the graph of the part that most of the rows come from, so that only the others need
/// to be linked (graph_builder.h, Origin).
///
///     part A  ■ ■ ■ ■ ■ ■ □ ■     ■ its graph is taken over, □ died: the gap is healed
///     part B  ▲ ▲ ▲               ▲ linked
///     segment ■ ▲ ■ ■ ■ ▲ ■ ■ ▲ ■
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "store/vector/graph/graph.h"
#include "store/vector/segment_writer.h"

namespace strata::store::vector {

struct Inheritance {
  const GraphView* graph = nullptr;
  std::shared_ptr<const void> kept = nullptr;  ///< what the graph lies in; not its segment, whose space is wanted back
  std::vector<Row> rows = {};                  ///< [graph->rows]: what became of each, or kNoRow
  Row inherited = 0;                           ///< how many are not kNoRow
};

/// A part with its graph.
struct Bequest {
  const Part* part = nullptr;
  const GraphView* graph = nullptr;
  std::shared_ptr<const void> kept = nullptr;  ///< as above
};

/// sources   row i of the segment was made from sources[i]
/// Nothing when of no graph at least half of the rows are left.
std::optional<Inheritance> inherit(std::span<const Bequest> bequests, std::span<const SourceRow> sources);

}  // namespace strata::store::vector
