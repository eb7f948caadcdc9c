#pragma once
/// A graph over the first rows of a delta, in memory: what came before the next checkpoint is walked to, too.
///
///     delta   ■ ■ ■ ■ ■ ■ ■ ■ ■ ■ ■ ■ ■ ■ □ □ □ □
///             └─── in the graph ────────┘ └ scanned ┘   one more in eight, and the next graph begins with this one
///
/// A graph is made of a copy of the codes, on the thread of graph_maker.h, and never changes; the next one takes its place. When the
/// delta is sealed, the segment's graph begins with it: a row is linked once.
#include <functional>
#include <memory>
#include <vector>

#include "store/vector/distance/distance.h"
#include "store/vector/graph/graph.h"

namespace strata::store::vector {

class Delta;

struct DeltaGraph {
  GraphData data;
  std::shared_ptr<const Quantizer> quantizer;  ///< half codes, whatever the collection's segments have
  std::vector<std::uint8_t> codes;
  GraphView view;                    ///< of these
  std::vector<float> scale, square;  ///< of the codes; [view.rows]

  distance::CodeColumns columns() const { return {nullptr, scale.data(), nullptr, nullptr, square.data()}; }
  std::uint64_t bytes() const;
};

/// Of the rows that are there now, but of few more than a second's work: what is made is used soon, and little is lost when the delta is
/// sealed meanwhile. It begins with the graph that the delta has. nullptr: it was told to stop, or no finite bound covers some row.
/// Cost  as build_graph for the rows that are new; memory meanwhile: the codes once more
std::shared_ptr<const DeltaGraph> grow_graph(const Delta& delta, const std::function<bool()>& stop);

}  // namespace strata::store::vector
