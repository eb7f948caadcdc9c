#pragma once
/// The rows that lie in the lists nearest to a query, the nearest of them by half codes: candidates, best first, to be scored in full.
#include <vector>

#include "store/vector/filter/row_set.h"
#include "store/vector/graph/walk.h"
#include "store/vector/lists/lists.h"
#include "store/vector/quantization/quantizer.h"

namespace strata::store::vector {

/// Ranks the lists once and looks into as many as are asked for, perhaps again into more. Borrows everything; one thread.
class Probing {
 public:
  /// Cost  the codes of all centroids
  Probing(const ListsView& lists, const QueryCode& query, WalkMemory& memory);
  /// Leaves the nearest `places` of what lies in the nearest `probes` lists in the memory's beam, until the next call.
  /// matching  nullptr: all rows; else candidates are of these alone
  /// Cost      half codes of the rows in those lists, of those that match with `matching`
  const Beam& look(std::size_t probes, std::size_t places, const RowSet* matching);

 private:
  struct Ranked {
    float similarity;
    std::uint32_t list;
  };
  void look_into(std::uint32_t list, const RowSet* matching);
  void take(std::uint32_t count);

  const ListsView& lists_;
  const std::unique_ptr<Scorer> scorer_;  // of places in the place of rows
  WalkMemory& memory_;
  std::vector<Ranked> ranked_;
};

}  // namespace strata::store::vector
