#pragma once
/// The best points in groups, one for each value of a field.
///
///     ranking        a₁ a₂ b₁ a₃ c₁ …       the first hits say which groups are best, and in which order
///     not full       b …                    asked again with {field: b}: its best hits, wherever they rank
///     not enough     must_not {any: a b c}  asked again without what is there: the groups that come next
///
/// A point that holds several values could hide behind one that is there, so that where there are such points, the ranking is asked
/// deeper instead. What was asked again scores as it did: where it would not (several sides, fused), groups are those of one ranking.
#include <vector>

#include "store/vector/query/ranking.h"

namespace strata::store::vector {

struct RankedGroup {
  Value value;
  std::vector<Ranked> hits;  ///< best first
};

/// The best groups, best first. Errors  corruption, invalid_argument (the filter)
Result<std::vector<RankedGroup>> best_groups(const Ranking& ranking, const Grouping& grouping);

}  // namespace strata::store::vector
