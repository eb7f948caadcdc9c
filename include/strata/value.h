#pragma once
/// The plain types that cross every contract: log positions, time, bytes, and `Value`, one datum of any store.
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "strata/error.h"

namespace [[gnu::visibility("default")]] strata {

/// A position in the journal: commit number, dense from 1. 0 is the empty database.
using Lsn = std::uint64_t;
/// Microseconds since 1970-01-01T00:00:00Z.
using Timestamp = std::int64_t;
using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

/// For reads by key in a transaction. for_update locks the key until the transaction ends, as a write of it would.
/// Errors  failed_precondition (outside of a transaction), conflict, timeout
enum class Locking : std::uint8_t { none, for_update };

class Value;

/// Names to values, in ascending byte order of the names, each name once. Small by design: a sorted array.
class Map {
 public:
  using Entry = std::pair<std::string, Value>;
  Map();
  Map(std::initializer_list<Entry> entries);  ///< any order; of two entries of one name the later one stays
  Map(const Map&);
  Map(Map&&) noexcept;
  Map& operator=(const Map&);
  Map& operator=(Map&&) noexcept;
  ~Map();

  const Value* find(std::string_view name) const;  ///< nullptr if absent; O(log n)
  Value* find(std::string_view name);
  void set(std::string name, Value value);  ///< inserts or replaces; O(n)
  bool erase(std::string_view name);
  std::size_t size() const noexcept;
  bool empty() const noexcept;
  const Entry* begin() const noexcept;
  const Entry* end() const noexcept;
  bool operator==(const Map& other) const;

 private:
  std::vector<Entry> entries_;
};

/// One datum: null, boolean, integer, real, text (UTF-8), bytes, list or map. JSON plus 64-bit integers and bytes.
/// Threads: as a std::string.
class Value {
 public:
  using List = std::vector<Value>;
  enum class Kind : std::uint8_t { null = 0, boolean, integer, real, text, bytes, list, map };

  Value() = default;
  Value(std::nullptr_t) {}             // NOLINT: implicit on purpose, all of these
  Value(bool value) : data_(value) {}  // NOLINT
  template <std::integral I>
    requires(!std::is_same_v<I, bool>)
  Value(I value) : data_(static_cast<std::int64_t>(value)) {}   // NOLINT
  Value(double value) : data_(value) {}                         // NOLINT
  Value(std::string value) : data_(std::move(value)) {}         // NOLINT
  Value(std::string_view value) : data_(std::string(value)) {}  // NOLINT
  Value(const char* value) : data_(std::string(value)) {}       // NOLINT
  Value(Bytes value) : data_(std::move(value)) {}               // NOLINT
  Value(List value) : data_(std::move(value)) {}                // NOLINT
  Value(Map value) : data_(std::move(value)) {}                 // NOLINT

  Kind kind() const noexcept { return static_cast<Kind>(data_.index()); }
  bool is_null() const noexcept { return kind() == Kind::null; }
  const bool* boolean() const noexcept { return std::get_if<bool>(&data_); }
  const std::int64_t* integer() const noexcept { return std::get_if<std::int64_t>(&data_); }
  const double* real() const noexcept { return std::get_if<double>(&data_); }
  const std::string* text() const noexcept { return std::get_if<std::string>(&data_); }
  const Bytes* bytes() const noexcept { return std::get_if<Bytes>(&data_); }
  const List* list() const noexcept { return std::get_if<List>(&data_); }
  const Map* map() const noexcept { return std::get_if<Map>(&data_); }
  List* list() noexcept { return std::get_if<List>(&data_); }
  Map* map() noexcept { return std::get_if<Map>(&data_); }
  /// Integer or real as a double; nothing else converts.
  bool number(double& out) const noexcept;

  /// Same kind and same content; 1 and 1.0 differ, NaN equals NaN (values are stored facts, not arithmetic).
  bool operator==(const Value& other) const;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Bytes, List, Map> data_;
};

std::string_view name(Value::Kind kind) noexcept;  ///< "integer"

/// JSON (RFC 8259). Bytes become {"$bytes": "<base64>"}, NaN and infinities {"$real": "NaN"}; parse_json reads them back.
std::string to_json(const Value& value);
/// Errors  invalid_argument (syntax, position named; depth over 64; duplicate names; numbers out of range)
Result<Value> parse_json(std::string_view text);

}  // namespace strata
