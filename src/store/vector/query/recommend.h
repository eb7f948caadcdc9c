#pragma once
/// Ranking by examples: points to be like and points to be unlike.
///
///     average_vector   2 · mean(like) − mean(unlike), or mean(like): one vector, searched by as any other
///     best_score       the nearest example decides: s(p) when the nearest is one of `like`, else −s(n)
///
/// For best_score each of `like` is searched by. What none of these searches brought scores at most what the worst that they brought
/// could: when k of those that were brought score more, they are the best. Else the searches go deeper, and where that is no
/// less than most of the collection, every point is scored.
#include <span>
#include <vector>

#include "store/vector/reading.h"

namespace strata::store::vector {

/// Borrows the vectors.
struct Examples {
  std::vector<std::span<const float>> like, unlike;
};

/// Errors  invalid_argument: no `like`; under cosine, examples that cancel out
Result<std::vector<float>> average_of(Metric metric, const Examples& examples);

/// The best by best_score; as search_nearest, the walks of `effort` lead to what is scored. Errors  corruption
Result<std::vector<Found>> search_by_best_score(const Reading& reading, const Examples& examples, const Wanted& wanted,
                                                const Effort& effort);

}  // namespace strata::store::vector
