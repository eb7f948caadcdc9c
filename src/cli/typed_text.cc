#include "cli/typed_text.h"

#include <cmath>
#include <cstdlib>
#include <optional>

#include "core/clock.h"
#include "core/digest.h"

namespace strata::cli {
namespace {

using Kind = ValueType::Kind;

/// The infinities are the ends of the range, the least number left out.
std::string moment(std::int64_t number, std::int64_t infinity, std::string (*finite)(std::int64_t)) {
  if (number == infinity) return "infinity";
  if (number == -infinity) return "-infinity";
  return finite(number);
}

/// ISO 8601: P1M2DT3.5S. Each part has a sign of its own, as DuckDB keeps them.
std::string interval_text(const Value::List& parts) {
  const std::int64_t months = *parts[0].integer(), days = *parts[1].integer(), us = *parts[2].integer();
  std::string text = "P";
  if (months != 0) text += std::to_string(months) + "M";
  if (days != 0) text += std::to_string(days) + "D";
  if (us == 0) return text == "P" ? "PT0S" : text;
  const std::string fraction = std::to_string(1'000'000 + std::abs(us % 1'000'000)).substr(1);
  text += (us < 0 ? "T-" : "T") + std::to_string(std::abs(us / 1'000'000));
  if (us % 1'000'000 != 0) text += "." + fraction.substr(0, fraction.find_last_not_of('0') + 1);
  return text + "S";
}

/// Text where the type says more than the value does; nothing where the value stands for itself.
std::optional<std::string> moment_text(const Value& value, Kind kind) {
  if (const std::int64_t* number = value.integer()) {
    if (kind == Kind::timestamp)
      return moment(*number, INT64_MAX, [](std::int64_t us) { return core::format_time(us); });
    if (kind == Kind::date)
      return moment(*number, INT32_MAX,
                    [](std::int64_t days) { return core::format_date(static_cast<std::int32_t>(days)); });
    if (kind == Kind::time) return core::format_time_of_day(*number);
  }
  if (kind == Kind::interval && value.list() != nullptr) return interval_text(*value.list());
  return std::nullopt;
}

/// A key of a map is JSON of its type, or text.
std::string key_text(const std::string& key, const ValueType& type) {
  if (type.kind == Kind::text || type.kind == Kind::decimal || type.kind == Kind::uuid) return key;
  const auto parsed = parse_json(key);
  return parsed ? text_of(*parsed, type) : key;  // a large integer is text too
}

std::string json_list(const Value::List& list, const ValueType& type) {
  static const ValueType any;
  std::string text = "[";
  for (std::size_t i = 0; i < list.size(); ++i) {
    const bool each_its_own = type.kind == Kind::structure && i < type.members.size();
    text += (i > 0 ? "," : "") + json_of(list[i], each_its_own              ? type.members[i]
                                                  : type.kind == Kind::list ? type.members[0]
                                                                            : any);
  }
  return text + "]";
}

std::string json_structure(const Map& map, const ValueType& type) {
  std::string text = "{";
  for (std::size_t i = 0; i < type.names.size(); ++i) {
    const Value* value = map.find(type.names[i]);
    text += (i > 0 ? "," : "") + to_json(type.names[i]) + ":" + json_of(value ? *value : Value(), type.members[i]);
  }
  return text + "}";
}

std::string json_map(const Map& map, const ValueType& type) {
  std::string text = "{";
  for (const auto& [key, value] : map) {
    text +=
        (text.size() > 1 ? "," : "") + to_json(key_text(key, type.members[0])) + ":" + json_of(value, type.members[1]);
  }
  return text + "}";
}

}  // namespace

bool is_number(Kind kind) { return kind == Kind::integer || kind == Kind::real || kind == Kind::decimal; }

std::string json_of(const Value& value, const ValueType& type) {
  if (const auto text = moment_text(value, type.kind)) return to_json(*text);
  // More digits than a double has, and more than 64 bits: JSON has numbers of any length.
  if (value.text() != nullptr && (type.kind == Kind::integer || type.kind == Kind::decimal)) return *value.text();
  if (value.list() != nullptr) return json_list(*value.list(), type);
  if (value.map() != nullptr && type.kind == Kind::structure) return json_structure(*value.map(), type);
  if (value.map() != nullptr && type.kind == Kind::map) return json_map(*value.map(), type);
  return to_json(value);
}

std::string text_of(const Value& value, const ValueType& type) {
  if (const auto text = moment_text(value, type.kind)) return *text;
  switch (value.kind()) {
    case Value::Kind::null: return "";
    case Value::Kind::text: return *value.text();
    case Value::Kind::bytes: return "x'" + core::to_hex(*value.bytes()) + "'";
    case Value::Kind::real: {
      const double real = *value.real();
      if (std::isnan(real)) return "NaN";
      if (std::isinf(real)) return real > 0 ? "Infinity" : "-Infinity";
      return to_json(value);
    }
    default: return json_of(value, type);
  }
}

}  // namespace strata::cli
