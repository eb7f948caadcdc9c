#include "store/vector/filter/condition.h"

#include <algorithm>
#include <cmath>

#include "core/clock.h"
#include "store/vector/filter/filter.h"
#include "store/vector/words.h"

namespace strata::store::vector {
namespace {

// An integer against a real, exact: a double beyond 2^63 has no integer beside it.
std::partial_ordering compare_numbers(std::int64_t a, double b) {
  if (std::isnan(b)) return std::partial_ordering::unordered;
  if (b >= 9223372036854775808.0) return std::partial_ordering::less;
  if (b < -9223372036854775808.0) return std::partial_ordering::greater;
  const double whole = std::trunc(b);
  const auto whole_integer = static_cast<std::int64_t>(whole);
  if (a != whole_integer) return a <=> whole_integer;
  return 0.0 <=> b - whole;
}

bool is_number(const EncodedValue& value) {
  return value.kind() == Value::Kind::integer || value.kind() == Value::Kind::real;
}

std::partial_ordering compare_with(const EncodedValue& a, std::int64_t b) {
  return a.kind() == Value::Kind::integer ? a.integer() <=> b : 0 <=> compare_numbers(b, a.real());
}

std::partial_ordering compare_with(const EncodedValue& a, double b) {
  return a.kind() == Value::Kind::integer ? compare_numbers(a.integer(), b) : a.real() <=> b;
}

bool equals(const EncodedValue& a, const Value& b) {
  switch (a.kind()) {
    case Value::Kind::null: return b.is_null();
    case Value::Kind::boolean: return b.boolean() != nullptr && *b.boolean() == a.boolean();
    case Value::Kind::integer:
    case Value::Kind::real:
    case Value::Kind::text: return compare(a, b) == 0;
    case Value::Kind::bytes: return b.bytes() != nullptr && as_text(*b.bytes()) == a.text();
    case Value::Kind::list: {
      if (b.list() == nullptr) return false;
      std::size_t at = 0;
      const bool differs = a.any_item(
          [&](const EncodedValue& item) { return at >= b.list()->size() || !equals(item, (*b.list())[at++]); });
      return !differs && at == b.list()->size();
    }
    case Value::Kind::map: return false;  // conditions are maps: a map to equal cannot be written
  }
  return false;
}

}  // namespace

std::partial_ordering compare(const EncodedValue& a, const Value& b) {
  if (a.kind() == Value::Kind::text && b.text() != nullptr) return a.text() <=> std::string_view(*b.text());
  if (!is_number(a)) return std::partial_ordering::unordered;
  if (const std::int64_t* integer = b.integer()) return compare_with(a, *integer);
  if (const double* real = b.real()) return compare_with(a, *real);
  return std::partial_ordering::unordered;
}

std::partial_ordering compare(const EncodedValue& a, const EncodedValue& b) {
  if (a.kind() == Value::Kind::text && b.kind() == Value::Kind::text) return a.text() <=> b.text();
  if (!is_number(a) || !is_number(b)) return std::partial_ordering::unordered;
  return b.kind() == Value::Kind::integer ? compare_with(a, b.integer()) : compare_with(a, b.real());
}

Order order_of(const EncodedValue& value) {
  switch (value.kind()) {
    case Value::Kind::integer: return Order::number;
    case Value::Kind::real: return std::isnan(value.real()) ? Order::none : Order::number;
    case Value::Kind::text: return Order::text;
    default: return Order::none;
  }
}

ValueSet::ValueSet(const Value::List& values) : values_(values) {
  const auto others =
      std::partition(values_.begin(), values_.end(), [](const Value& value) { return value.text() != nullptr; });
  std::sort(values_.begin(), others, [](const Value& a, const Value& b) { return *a.text() < *b.text(); });
  texts_ = static_cast<std::size_t>(others - values_.begin());
}

bool ValueSet::contains(const EncodedValue& value) const {
  const auto others = values_.begin() + static_cast<std::ptrdiff_t>(texts_);
  if (value.kind() != Value::Kind::text) {
    return std::any_of(others, values_.end(), [&](const Value& other) { return equals(value, other); });
  }
  const auto found = std::lower_bound(values_.begin(), others, value.text(),
                                      [](const Value& a, std::string_view b) { return *a.text() < b; });
  return found != others && *found->text() == value.text();
}

bool TimeBounds::contain(Timestamp time) const {
  return (!greater || time > *greater) && (!greater_equal || time >= *greater_equal) && (!less || time < *less) &&
         (!less_equal || time <= *less_equal);
}

namespace {

std::optional<Timestamp> instant_of(std::string_view text) {
  if (auto time = core::parse_time(text)) return *time;
  // What a datetime without a zone prints; text that has one ends otherwise.
  if (auto time = core::parse_time(std::string(text) + "Z")) return *time;
  return std::nullopt;
}

}  // namespace

std::optional<Timestamp> instant(const EncodedValue& value) {
  if (value.kind() == Value::Kind::integer) return value.integer();
  return value.kind() == Value::Kind::text ? instant_of(value.text()) : std::nullopt;
}

std::optional<Timestamp> instant(const Value& value) {
  if (value.integer() != nullptr) return *value.integer();
  return value.text() != nullptr ? instant_of(*value.text()) : std::nullopt;
}

bool WordSet::held_by(std::string_view text) const {
  std::size_t held = 0;
  auto wanted = hashes.begin();
  for (const Term& term : terms_of(text)) {
    while (wanted != hashes.end() && *wanted < term.hash) ++wanted;
    if (wanted != hashes.end() && *wanted == term.hash) ++held;
  }
  return all ? held == hashes.size() : held > 0;
}

bool Condition::holds(const std::optional<EncodedValue>& value) const {
  const bool null = !value || value->kind() == Value::Kind::null;
  if (is_null && *is_null != null) return false;
  if (!value) return is_null.has_value() && !compares();
  if (equal && equals(*value, *equal)) return true;
  if (value->kind() != Value::Kind::list) return item_holds(*value) && !(none_of && none_of->contains(*value));
  if (none_of && value->any_item([&](const EncodedValue& item) { return none_of->contains(item); })) return false;
  if (!compares()) return true;
  return value->any_item([&](const EncodedValue& item) { return item_holds(item); });
}

// Operators that one value, or one item of a list, must satisfy.
bool Condition::item_holds(const EncodedValue& value) const {
  if (equal && !equals(value, *equal)) return false;
  if (greater && !(compare(value, *greater) > 0)) return false;
  if (greater_equal && !(compare(value, *greater_equal) >= 0)) return false;
  if (less && !(compare(value, *less) < 0)) return false;
  if (less_equal && !(compare(value, *less_equal) <= 0)) return false;
  if (one_of && !one_of->contains(value)) return false;
  return !looks_inside() || inside_holds(value);
}

bool Condition::inside_holds(const EncodedValue& value) const {
  if (time) {
    const auto at = instant(value);
    if (!at || !time->contain(*at)) return false;
  }
  if (!areas.empty()) {
    const auto point = geo_point(value);
    if (!point) return false;
    if (!std::all_of(areas.begin(), areas.end(), [&](const GeoArea& area) { return area.contains(*point); })) {
      return false;
    }
  }
  if (!words.empty()) {
    if (value.kind() != Value::Kind::text) return false;
    const auto held = [&](const WordSet& each) { return each.held_by(value.text()); };
    if (!std::all_of(words.begin(), words.end(), held)) return false;
  }
  return element == nullptr ||
         (value.kind() == Value::Kind::map && element->matches_element(EncodedMap::of_entries(value.content())));
}

}  // namespace strata::store::vector
