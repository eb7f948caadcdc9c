#pragma once
/// One condition of a filter: what one field must be.
///
/// Everything is decided by the field's value alone, so whoever knows which rows hold a value asks once for all of them.
#include <compare>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/vector/filter/encoded_value.h"
#include "store/vector/filter/geo.h"
#include "strata/value.h"

namespace strata::store::vector {

class CompiledFilter;

/// Numbers with numbers, exactly, text with text by bytes; anything else does not compare.
std::partial_ordering compare(const EncodedValue& a, const Value& b);
std::partial_ordering compare(const EncodedValue& a, const EncodedValue& b);

/// What values compare with: each other's kind. NaN has no order.
enum class Order : std::uint8_t { number, text, none };
Order order_of(const EncodedValue& value);

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

/// Instants between bounds.
struct TimeBounds {
  std::optional<Timestamp> greater, greater_equal, less, less_equal;
  bool contain(Timestamp time) const;
};
/// Of a text in ISO 8601 (without a zone: UTC), or of an integer, which is microseconds since 1970; nothing of anything else.
std::optional<Timestamp> instant(const EncodedValue& value);
std::optional<Timestamp> instant(const Value& value);

/// Words that a text must hold, as search_words compares them.
struct WordSet {
  std::vector<std::uint32_t> hashes;  ///< ascending, each once
  bool all = false;                   ///< all of them; else one
  bool held_by(std::string_view text) const;
};

struct Condition {
  std::string field;
  std::string key;                                                ///< the same for the same condition
  std::optional<Value> equal;                                     ///< alone: {"field": value}
  std::optional<Value> greater, greater_equal, less, less_equal;  ///< each a number or a text
  std::optional<ValueSet> one_of, none_of;
  std::optional<bool> is_null;
  std::optional<TimeBounds> time;
  std::vector<GeoArea> areas;                     ///< within all of them
  std::vector<WordSet> words;                     ///< as all of them say
  std::shared_ptr<const CompiledFilter> element;  ///< a map that matches

  /// `value`: nothing when the field is absent.
  bool holds(const std::optional<EncodedValue>& value) const;
  /// Where a number or a text lies among others tells whether the condition holds for it; else it must be asked.
  bool told_by_order() const { return !none_of && !is_null && !looks_inside(); }

 private:
  bool looks_inside() const { return time || !areas.empty() || !words.empty() || element != nullptr; }
  bool compares() const { return equal || greater || greater_equal || less || less_equal || one_of || looks_inside(); }
  bool item_holds(const EncodedValue& value) const;
  bool inside_holds(const EncodedValue& value) const;
};

}  // namespace strata::store::vector
