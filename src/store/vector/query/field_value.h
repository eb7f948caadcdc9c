#pragma once
/// What a point counts under when points are grouped or counted by a field: its value, or of a list each item once.
///
///     "en" → "en"      7, 7.0 → 7      ["a", "b", "a"] → "a", "b"      absent, null, NaN, a map, a list within a list → nothing
///
/// A filter {field: value} finds exactly the points that count under the value.
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "store/vector/filter/condition.h"

namespace strata::store::vector {

/// One value to count under, and the bytes that equal values share.
struct FieldValue {
  Value value;
  std::string key;
};

/// Nothing for what has no value.
std::optional<FieldValue> single_value(const EncodedValue& value);
/// Those of a field; none twice.
std::vector<FieldValue> values_of_field(const std::optional<EncodedValue>& field);
/// Numbers, then texts, then the rest, each ascending.
bool comes_before(const FieldValue& a, const FieldValue& b);

}  // namespace strata::store::vector
