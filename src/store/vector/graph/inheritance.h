#pragma once
/// What a merge leaves to the index of its segment: the graph, or the lists, of the part that most of the rows come from, so that only the
/// others need to be linked (graph_builder.h, Origin) or compared with centroids (lists_builder.h, ListsOrigin).
///
///     part A  ■ ■ ■ ■ ■ ■ □ ■     ■ its graph is taken over, □ died: the gap is healed
///     part B  ▲ ▲ ▲               ▲ linked
///     segment ■ ▲ ■ ■ ■ ▲ ■ ■ ▲ ■
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "store/vector/graph/graph.h"
#include "store/vector/lists/lists.h"
#include "store/vector/segment_writer.h"

namespace strata::store::vector {

/// Either of both, or neither. What it is of is not kept by it.
struct IndexView {
  const GraphView* graph = nullptr;
  const ListsView* lists = nullptr;
  Row rows() const { return graph != nullptr ? graph->rows : lists != nullptr ? lists->rows : 0; }
};

struct Inheritance {
  IndexView index = {};
  std::shared_ptr<const void> kept = nullptr;  ///< what the index lies in; not its segment, whose space is wanted back
  std::vector<Row> rows = {};                  ///< [index.rows()]: what became of each, or kNoRow
  Row inherited = 0;                           ///< how many are not kNoRow
};

/// A part with its index.
struct Bequest {
  const Part* part = nullptr;
  IndexView index = {};
  std::shared_ptr<const void> kept = nullptr;  ///< as above
};

/// sources   row i of the segment was made from sources[i]
/// Nothing when of no index at least half of the rows are left.
std::optional<Inheritance> inherit(std::span<const Bequest> bequests, std::span<const SourceRow> sources);

}  // namespace strata::store::vector
