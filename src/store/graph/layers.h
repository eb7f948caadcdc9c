#pragma once
/// The layers a reader looks through, newest first: the delta that is being written, frozen deltas, segments.
///
///     deltas[0]     written by apply          ─┐ LSNs descend from layer to layer and do not overlap: the newest version
///     deltas[1…]    frozen for a checkpoint    │ ≤ the view is the first one found.
///     segments[…]   files of checkpoints      ─┘
///
/// A set of layers never changes; freezing and installing publish another set. Who holds one keeps its parts alive.
#include <memory>
#include <vector>

#include "store/graph/delta.h"
#include "store/graph/segment.h"
#include "store/graph/segment_writer.h"

namespace strata::store::graph {

struct Layers {
  std::vector<std::shared_ptr<Delta>> deltas;
  std::vector<std::shared_ptr<const Segment>> segments;
  std::vector<IndexDefinition> indexes;
};

/// What lies in the given layers, without what no view ≥ horizon can see.
/// deltas, segments   neighbours in the order of LSNs, newest first    with_oldest   nothing older is left outside
/// Errors  corruption (a segment's block)
Result<SegmentContent> merge_layers(std::span<const std::shared_ptr<Delta>> deltas,
                                    std::span<const std::shared_ptr<const Segment>> segments, bool with_oldest,
                                    Lsn horizon);

}  // namespace strata::store::graph
