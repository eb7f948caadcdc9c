#pragma once
/// What the journal holds of analytics: one section a commit, a list of effects on tables.
///
///     section := version u8 (1) · operation*
///     operation := kind u8 · length varint · body[length]        a reader may skip a kind or a body it does not need
///
///       define   the columns a table has from now on: a new table, or further columns of one that is there
///       drop
///       append   rows, column by column (below)
///       erase    rows by identity, found when the transaction ran: never a condition
///
/// A row's identity is (lsn of the commit, ordinal within the section): it holds in every copy of the data, in the
/// journal, in part files and in DuckDB, and it is what `erase` names. Bytes: docs/formats/analytics.md.
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/codec.h"
#include "strata/analytics.h"

namespace strata::store::analytics {

struct RowId {
  Lsn lsn = 0;
  std::uint32_t ordinal = 0;
  bool operator==(const RowId&) const = default;
  auto operator<=>(const RowId&) const = default;
};

using Row = std::vector<Value>;

/// Errors  invalid_argument: a name is not [a-z][a-z0-9_]{0,62}, twice the same, no column or more than 1,000
Result<void> check_table_name(std::string_view table);
Result<void> check_columns(std::span<const ColumnDefinition> columns);
/// The value as a column of this type stores it: an integer in a real column becomes real.
/// Errors  invalid_argument naming the column (type, text that is not UTF-8, a time out of range)
Result<Value> to_column(const ColumnDefinition& column, const Value& value);
bool valid_utf8(std::string_view text) noexcept;

// ---- writing ----------------------------------------------------------------------------------------------------

inline constexpr std::uint8_t kSectionVersion = 1;

void encode_define(core::Encoder& out, std::string_view table, std::span<const ColumnDefinition> columns);
void encode_drop(core::Encoder& out, std::string_view table);
/// `rows` fit `columns`; their ordinals are first_ordinal, first_ordinal + 1, …
void encode_append(core::Encoder& out, std::string_view table, std::span<const ColumnDefinition> columns,
                   std::span<const Row> rows, std::uint32_t first_ordinal);
void encode_erase(core::Encoder& out, std::string_view table, std::span<const RowId> rows);

// ---- reading ----------------------------------------------------------------------------------------------------

/// The values of one column of one append, as its type holds them. `valid[i]` says whether row i has one.
struct ColumnValues {
  ColumnType type = ColumnType::real;
  std::vector<std::uint8_t> valid;
  std::vector<std::int64_t> integers;  // boolean, integer, timestamp
  std::vector<double> reals;
  std::vector<std::string_view> texts;  // text, bytes: views into the section
};

/// A decoded append. Meant to be reused, so that decoding many small ones allocates nothing.
struct RowBlock {
  std::size_t rows = 0;
  std::vector<std::uint32_t> ordinals;
  std::vector<ColumnValues> columns;
  Value value(std::size_t row, std::size_t column) const;
};

/// One operation of a section, its body not decoded yet beyond the table's name.
struct Operation {
  enum class Kind : std::uint8_t { define = 1, drop, append, erase } kind;
  std::string_view table;
  ByteView body;     ///< behind the name
  ByteView encoded;  ///< all of it, kind and length included
};

/// Errors  corruption; unsupported (a later version)
Result<void> for_each_operation(ByteView section, const std::function<Result<void>(const Operation&)>& visit);
Result<std::vector<ColumnDefinition>> decode_define(const Operation& operation);
/// The first columns of `columns` are the append's: a table may have more by now. Errors  corruption
Result<void> decode_append(const Operation& operation, std::span<const ColumnDefinition> columns, RowBlock& block);
/// How many rows an append or erase holds; decodes nothing else.
Result<std::size_t> count_rows(const Operation& operation);
Result<std::vector<RowId>> decode_erase(const Operation& operation);
/// The append without the rows for which `gone` is true; nothing is written when none is left. Returns how many are left.
Result<std::size_t> encode_filtered(core::Encoder& out, const Operation& operation, const RowBlock& block,
                                    std::span<const ColumnDefinition> columns,
                                    const std::function<bool(std::uint32_t ordinal)>& gone);

}  // namespace strata::store::analytics
