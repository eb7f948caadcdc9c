#pragma once
/// Rows, as the two stores with SQL give them.
#include <cstdint>
#include <string>
#include <vector>

#include "strata/value.h"

namespace [[gnu::visibility("default")]] strata {

/// What the values of a column mean. SQL has more types than `Value` has kinds; null is of every type.
struct ValueType {
  enum class Kind : std::uint8_t {
    any,        ///< what each value says by itself: SQLite's columns hold anything
    boolean,    ///< boolean
    integer,    ///< integer; beyond 64 bits its decimal digits as text
    real,       ///< real
    decimal,    ///< its exact decimal digits as text: "-12.50"
    text,       ///< text
    bytes,      ///< bytes
    timestamp,  ///< integer, a Timestamp: microseconds since 1970 UTC; INT64_MAX is infinity, -INT64_MAX is -infinity
    date,       ///< integer: days since 1970-01-01; INT32_MAX is infinity, -INT32_MAX is -infinity
    time,       ///< integer: microseconds since midnight
    interval,   ///< list of three integers: months, days, microseconds
    uuid,       ///< text: "12345678-1234-1234-1234-123456789abc"
    list,       ///< list of members[0]
    structure,  ///< map of the names and members; a list of the members where they have no names
    map         ///< map of members[1]; a key is members[0], as JSON where it is no text
  };
  Kind kind = Kind::any;
  std::vector<ValueType> members = {};
  std::vector<std::string> names = {};  ///< of the members of a structure, in their order; none: they have no names
};

struct Rows {
  std::vector<std::string> columns;
  std::vector<std::vector<Value>> rows;
  std::vector<ValueType> types = {};  ///< one per column; none: each is `any`

  const ValueType& type(std::size_t column) const {
    static const ValueType any;
    return column < types.size() ? types[column] : any;
  }
};

}  // namespace strata
