#pragma once
/// The rows of a segment that its graph finds near a query, by the codes of the graph: candidates, best first, to be scored in full.
#include <span>

#include "store/vector/filter/row_set.h"
#include "store/vector/graph/graph.h"
#include "store/vector/graph/walk.h"

namespace strata::store::vector {

/// Finds `beam` candidates. The span is valid until the next call with the same memory.
/// scorer    of the graph's codes and a query
/// matching  nullptr: all rows; else candidates are of these alone
/// Cost      about beam × degree rows of codes; with `matching` as many, and the links of what does not match
/// Source    Patel et al. 2024 (ACORN, section 5: two hops in the place of links that do not match)
const Beam& walk_graph(const GraphView& graph, const Scorer& scorer, std::size_t beam, const RowSet* matching,
                       WalkMemory& memory);

/// A row that a walk found.
struct Candidate {
  float similarity = 0;
  Row row = 0;
};

/// Leaves out candidates whose greatest likely similarity is below the least likely one of k others: none of a scorer that does not
/// say. They need not be looked at in full; of the k best fewer than one in a hundred are lost by it.
/// Source: Gao and Long 2024 (RaBitQ, section 4: re-ranking by bounds)
void leave_out_hopeless(const Scorer& scorer, std::size_t k, std::vector<Candidate>& candidates);

/// The nearest of rows that are given, by codes, without a walk.
class RowRanking {
 public:
  /// Keeps the `beam` nearest in memory.beam. Borrows everything
  RowRanking(const Scorer& scorer, std::size_t beam, WalkMemory& memory);
  void add(std::span<const Row> rows);
  const Beam& best() const { return memory_.beam; }

 private:
  const Scorer& scorer_;
  WalkMemory& memory_;
};

}  // namespace strata::store::vector
