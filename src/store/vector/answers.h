#pragma once
/// From what was found to what users get.
#include <vector>

#include "store/vector/query/ranking.h"

namespace strata::store::vector {

/// `vectors`: the named ones that are wanted, each under its own name (target.h). Errors  corruption
Result<StoredPoint> stored(const Found& found, const CollectionOptions& options, const std::vector<VectorRows>& vectors,
                           bool with_vector);
/// Of points of these rows. Errors  corruption
Result<std::vector<Hit>> hits(const std::vector<Found>& found, const VectorRows& rows, const SearchOptions& options);
/// Whichever side found them. Errors  corruption
Result<std::vector<QueryHit>> query_hits(const std::vector<Ranked>& ranked, const Ranking& ranking, const Asked& asked,
                                         const SearchOptions& options);

}  // namespace strata::store::vector
