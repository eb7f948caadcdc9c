#pragma once
/// Which of a collection's vectors a transfer is about.
#include <string_view>

#include "strata/vector.h"

namespace strata::interchange {

/// The collection as if that vector were its unnamed one. `vector` empty: the one that is meant where none is named.
/// Errors  invalid_argument (no such vector, a sparse one), failed_precondition (none is meant)
Result<CollectionOptions> by_vector(std::string_view collection, const CollectionOptions& options,
                                    std::string_view vector);
/// What a point has of it; nothing: it lacks it.
const std::vector<float>* transferred(const StoredPoint& point, const CollectionOptions& options,
                                      std::string_view vector);

}  // namespace strata::interchange
