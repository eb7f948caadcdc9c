#pragma once
/// Running a user's statement that reads, within its limits, and handing its rows on.
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/metadata/guard.h"
#include "strata/arrow.h"
#include "strata/rows.h"

namespace strata::store::metadata {

/// Rows and, for each column, the type it was declared with ("" for an expression).
struct ReadRows {
  Rows rows;
  std::vector<std::string> declared_types;
  std::vector<std::string> tables;  ///< that the answer depends on
};

/// Errors  invalid_argument, permission_denied (it would write), timeout, resource_exhausted (rows, bytes)
Result<ReadRows> read_rows(Connection& connection, std::string_view sql, std::span<const Value> parameters,
                           const Limits& limits, const core::Clock& clock);

/// The rows as an Arrow stream of record batches of at most 65,536 rows. A column is
///     bool      declared BOOL or BOOLEAN, and holds 0 and 1 only
///     int64, float64, utf8, binary    what all its values are; int64 and float64 together are float64
///     utf8      a mixture (numbers as SQLite prints them, bytes as hexadecimal digits)
/// and when it holds nothing but NULL, what its declared type suggests. Every column is nullable.
ArrowStream to_arrow(ReadRows rows);

}  // namespace strata::store::metadata
