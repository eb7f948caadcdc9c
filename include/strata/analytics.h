#pragma once
/// The analytics store: append-only tables of metrics and events, SQL over them (DuckDB's dialect).
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "strata/arrow.h"
#include "strata/error.h"
#include "strata/rows.h"
#include "strata/value.h"

namespace [[gnu::visibility("default")]] strata {

enum class ColumnType : std::uint8_t {
  boolean,
  integer,
  real,
  text,
  bytes,
  timestamp
};  ///< timestamp: microseconds UTC, an integer Value
std::string_view name(ColumnType type) noexcept;
Result<ColumnType> parse_column_type(std::string_view text);

struct ColumnDefinition {
  std::string name;  ///< [a-z][a-z0-9_]{0,62}
  ColumnType type = ColumnType::real;
};

struct TableInfo {
  std::string name;
  std::vector<ColumnDefinition> columns;
  std::uint64_t rows = 0;
};

class AnalyticsStore {
 public:
  virtual ~AnalyticsStore() = default;

  /// Declares a table; does nothing when it exists with the same columns. A further column may be added at the end.
  /// Errors  invalid_argument (names), already_exists (other columns; both are named)
  virtual Result<void> create_table(std::string_view table, std::span<const ColumnDefinition> columns) = 0;
  virtual Result<void> drop_table(std::string_view table) = 0;
  virtual Result<std::vector<TableInfo>> tables() = 0;
  /// Appends rows, each a value per column in declared order (NULL where unknown).
  /// Errors  not_found (table), invalid_argument (number of values, type; the column is named)
  virtual Result<void> append(std::string_view table, std::span<const std::vector<Value>> rows) = 0;
  /// Appends one row by column names; a column not named is NULL.
  virtual Result<void> append(std::string_view table, const Map& row) = 0;
  /// Removes the rows whose `column` equals `value`; returns how many.
  virtual Result<std::uint64_t> erase(std::string_view table, std::string_view column, const Value& value) = 0;
  /// One reading statement, with ? parameters; sees every commit up to the view. Rows::types says what each column holds.
  /// Errors  invalid_argument (DuckDB's words are in the message), permission_denied (a statement that writes, or files),
  ///         unsupported (a column of a type that has no ValueType; it is named)
  virtual Result<Rows> query(std::string_view sql, std::span<const Value> parameters = {}) = 0;
  virtual Result<ArrowStream> query_arrow(std::string_view sql, std::span<const Value> parameters = {}) = 0;
  Result<Rows> query(std::string_view sql, std::initializer_list<Value> parameters) {
    return query(sql, std::span<const Value>(parameters.begin(), parameters.size()));
  }
};

}  // namespace strata
