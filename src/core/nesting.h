#pragma once
/// How deep a value that is to be stored may nest: well below what Decoder and parse_json read, so that nothing is ever
/// journaled that cannot be read again.
#include "strata/value.h"

namespace strata::core {

inline constexpr int kNestingMax = 32;

inline bool nests_within(const Value& value, int levels = kNestingMax) {
  if (const Map* map = value.map()) {
    if (levels == 0) return false;
    for (const auto& [name, inner] : *map) {
      if (!nests_within(inner, levels - 1)) return false;
    }
  } else if (const Value::List* list = value.list()) {
    if (levels == 0) return false;
    for (const Value& inner : *list) {
      if (!nests_within(inner, levels - 1)) return false;
    }
  }
  return true;
}

/// Of the values of a map, which is no level itself.
inline bool nests_within(const Map& map) {
  for (const auto& [name, value] : map) {
    if (!nests_within(value, kNestingMax)) return false;
  }
  return true;
}

}  // namespace strata::core
