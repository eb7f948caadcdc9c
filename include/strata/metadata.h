#pragma once
/// The metadata store: rows and SQL (SQLite's dialect), with bound parameters only.
///
/// SQL that writes is run, its effects (which rows changed, and how) are what the journal keeps. Tables need a declared
/// primary key. Rows can also be written without SQL, by key (`put_row`): the fast path of typed records.
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "strata/arrow.h"
#include "strata/error.h"
#include "strata/rows.h"
#include "strata/value.h"

namespace [[gnu::visibility("default")]] strata {

struct ExecuteResult {
  std::uint64_t rows_changed = 0;
  std::int64_t last_insert_rowid = 0;  ///< of the row an insert put in last; 0: it put in none
};

/// A forward migration: applied once, in order of version, remembered in the database.
struct Migration {
  std::uint32_t version = 0;  ///< 1, 2, 3, …
  std::string sql;            ///< one or more DDL or DML statements
};

class MetadataStore {
 public:
  virtual ~MetadataStore() = default;

  /// Runs one statement that writes or defines: insert, update, delete, create table|index|view, alter table, drop.
  /// Parameters are ?, ?NNN, :name (the latter through the map form of one Map parameter).
  /// Errors  invalid_argument (syntax, unknown table, more than one statement, wrong number of parameters, a constraint;
  ///         SQLite's words are in the message), unsupported (a table without a primary key, pragma, attach,
  ///         triggers, virtual tables), conflict
  /// Cost    the statement itself, twice
  virtual Result<ExecuteResult> execute(std::string_view sql, std::span<const Value> parameters = {}) = 0;
  /// Runs one statement that reads. What comes back is what was put in, by SQLite's rules: Rows::types is empty.
  /// Errors  as execute; permission_denied when it would write
  virtual Result<Rows> query(std::string_view sql, std::span<const Value> parameters = {}) = 0;
  /// As query; the rows as an Arrow stream, which owns them.
  virtual Result<ArrowStream> query_arrow(std::string_view sql, std::span<const Value> parameters = {}) = 0;

  Result<ExecuteResult> execute(std::string_view sql, std::initializer_list<Value> parameters) {
    return execute(sql, std::span<const Value>(parameters.begin(), parameters.size()));
  }
  Result<Rows> query(std::string_view sql, std::initializer_list<Value> parameters) {
    return query(sql, std::span<const Value>(parameters.begin(), parameters.size()));
  }

  /// Inserts a row, or replaces the row with the same primary key; columns not named become NULL or their default.
  /// A value that is the text kCommitLsn (see below) becomes the LSN of this commit.
  /// Errors  not_found (table), invalid_argument (unknown column, key missing, wrong type for a STRICT table, constraint)
  /// Cost    no SQL on the commit path; readable at once
  virtual Result<void> put_row(std::string_view table, const Map& row) = 0;
  /// Removes the row with this primary key (a map of the key columns); false when there was none.
  virtual Result<bool> remove_row(std::string_view table, const Map& key) = 0;
  virtual Result<std::optional<Map>> get_row(std::string_view table, const Map& key,
                                             Locking locking = Locking::none) = 0;

  /// Brings the schema named `component` to the last of these versions; those already applied are skipped.
  /// Errors  failed_precondition (the database is at a later version than the last one given)
  virtual Result<void> migrate(std::string_view component, std::span<const Migration> migrations) = 0;

  /// Settings: a value by name (1 … 1,024 bytes), in the table strata_settings.
  virtual Result<void> set(std::string_view key, const Value& value) = 0;
  virtual Result<std::optional<Value>> get(std::string_view key) = 0;
};

/// As the value of a column in put_row: the LSN of the commit that writes it.
inline constexpr std::string_view kCommitLsn = "\x01strata:commit_lsn";

}  // namespace strata
