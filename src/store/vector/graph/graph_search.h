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

/// The nearest of rows that are given, by the same half codes, without a walk.
class Ranking {
 public:
  /// Keeps the `beam` nearest in memory.beam. Borrows everything
  Ranking(const GraphView& graph, const distance::CodeColumns& columns, const distance::ScanQuery& query,
          std::size_t beam, WalkMemory& memory);
  void add(std::span<const Row> rows);
  const Beam& best() const { return memory_.beam; }

 private:
  const GraphView& graph_;
  const distance::CodeColumns& columns_;
  const distance::ScanQuery& query_;
  WalkMemory& memory_;
};

}  // namespace strata::store::vector
