#pragma once
/// How many points hold each value of a field.
///
/// Where a part has an index of the field, each of its values is decoded once and its rows are counted; where few rows match, their
/// payloads are read instead.
#include <string_view>
#include <vector>

#include "store/vector/query/field_value.h"
#include "store/vector/reading.h"

namespace strata::store::vector {

struct ValueCounts {
  std::vector<Facet> facets;  ///< the most frequent first, then by value
  bool several = false;       ///< some point counts under more than one
};

/// Of the points that count. Errors  corruption
Result<ValueCounts> count_values(const Reading& reading, std::string_view field);

}  // namespace strata::store::vector
