#pragma once
/// One condition of a filter: what one field must be.
///
/// Everything is decided by the field's value alone, so whoever knows which rows hold a value asks once for all of them.
#include <compare>
#include <optional>
#include <string>
#include <vector>

#include "store/vector/filter/encoded_value.h"
#include "strata/value.h"

namespace strata::store::vector {

/// Numbers with numbers, exactly, text with text by bytes; anything else does not compare.
std::partial_ordering compare(const EncodedValue& a, const Value& b);
std::partial_ordering compare(const EncodedValue& a, const EncodedValue& b);

/// A list of values to be one of; long lists of text are searched by halving.
class ValueSet {
 public:
  explicit ValueSet(const Value::List& values);
  bool contains(const EncodedValue& value) const;
  const std::vector<Value>& values() const { return values_; }  ///< texts first, ascending

 private:
  std::vector<Value> values_;
  std::size_t texts_ = 0;
};

struct Condition {
  std::string field;
  std::string key;                                                ///< the same for the same condition
  std::optional<Value> equal;                                     ///< alone: {"field": value}
  std::optional<Value> greater, greater_equal, less, less_equal;  ///< each a number or a text
  std::optional<ValueSet> one_of, none_of;
  std::optional<bool> is_null;

  /// `value`: nothing when the field is absent.
  bool holds(const std::optional<EncodedValue>& value) const;

 private:
  bool compares() const { return equal || greater || greater_equal || less || less_equal || one_of; }
  bool item_holds(const EncodedValue& value) const;
};

}  // namespace strata::store::vector
