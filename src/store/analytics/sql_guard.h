#pragma once
/// What a user's statement may not ask of DuckDB, decided from its words before DuckDB sees them.
///
/// DuckDB keeps SQL from files, extensions and settings by configuration (duckdb_session.cc), from two statements and from
/// writing by statement type and a read-only transaction. Two things are left, and stopped here:
///
///   * functions that act when selected from: `select * from enable_logging(…)` changes every connection of the instance
///     and survives the query; `checkpoint()`, `query('…')` and the like
///   * explain of a statement that writes, which `explain analyze` would run
///
/// A word followed by "(" is a call. Comments, strings and quoted names are told apart as PostgreSQL's lexer, which DuckDB
/// uses, does. A new DuckDB may bring new functions: a test fails when the library has one that is in neither list.
#include <span>
#include <string_view>

#include "strata/error.h"

namespace strata::store::analytics {

inline constexpr std::size_t kSqlBytesMax = 1'000'000;

/// Errors  permission_denied (a statement that writes, a function that acts), invalid_argument (empty, too long)
Result<void> check_reading_statement(std::string_view sql);

/// The table functions that were looked at and found harmless; every other one is refused. Sorted.
std::span<const std::string_view> allowed_table_functions();
bool is_refused_function(std::string_view lower_case_name);

}  // namespace strata::store::analytics
