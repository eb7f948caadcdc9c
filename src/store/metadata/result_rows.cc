#include "store/metadata/result_rows.h"

#include <memory>

#include "store/metadata/writer.h"

namespace strata::store::metadata {
namespace {

Result<std::unique_ptr<StatementCache::Kept>> compile(Guard& guard, std::string_view sql) {
  auto compiled = std::make_unique<StatementCache::Kept>();
  compiled->statement = STRATA_TRY(guard.compile_one(sql));
  const Statement& statement = compiled->statement;
  if (sqlite3_stmt_readonly(statement.get()) == 0 || guard.analysis().kind != StatementKind::reads) {
    return Error(ErrorCode::permission_denied, "query only reads; use execute");
  }
  if (sqlite3_column_count(statement.get()) == 0)
    return Error(ErrorCode::unsupported, "this statement is not supported");
  compiled->sql = sql;
  compiled->tables = guard.analysis().tables_read;
  return compiled;
}

}  // namespace

Result<ReadRows> read_rows(Connection& connection, std::string_view sql, std::span<const Value> parameters,
                           const Limits& limits, const core::Clock& clock) {
  Guard guard(connection, limits, clock, false);
  std::unique_ptr<StatementCache::Kept> kept = connection.user_statements().take(sql);
  if (!kept) kept = STRATA_TRY(compile(guard, sql));
  Statement& statement = kept->statement;
  STRATA_TRY(bind_parameters(statement, parameters));
  const int recompiled = statement.times_recompiled();
  int code = sqlite3_step(statement.get());
  if (statement.times_recompiled() != recompiled) {
    // A view may show other tables by now. The guard stood while SQLite compiled, and was asked about each.
    kept->tables = guard.analysis().tables_read;
    kept->bytes = 0;
  }
  ReadRows out;
  out.tables = kept->tables;
  // After the first step: what `*` stands for may have changed, too.
  const int columns = sqlite3_column_count(statement.get());
  for (int i = 0; i < columns; ++i) {
    const char* name = sqlite3_column_name(statement.get(), i);
    const char* type = sqlite3_column_decltype(statement.get(), i);
    out.rows.columns.emplace_back(name != nullptr ? name : "");
    out.declared_types.emplace_back(type != nullptr ? type : "");
  }
  std::uint64_t bytes = 0;
  for (;; code = sqlite3_step(statement.get())) {
    if (code == SQLITE_DONE) break;
    if (code != SQLITE_ROW) return guard.explain(code, "");
    if (out.rows.rows.size() >= limits.rows_max) {
      return Error(ErrorCode::resource_exhausted,
                   "the result has more than " + std::to_string(limits.rows_max) + " rows; use limit");
    }
    std::vector<Value>& row = out.rows.rows.emplace_back();
    row.reserve(static_cast<std::size_t>(columns));
    bytes += sizeof row;
    for (int i = 0; i < columns; ++i) {
      row.push_back(statement.value(i));
      bytes += sizeof(Value);
      if (const std::string* text = row.back().text()) bytes += text->size();
      if (const Bytes* blob = row.back().bytes()) bytes += blob->size();
    }
    if (bytes > limits.result_bytes_max) {
      return Error(
          ErrorCode::resource_exhausted,
          "the result needs more than " + std::to_string(limits.result_bytes_max) + " bytes of memory; use limit");
    }
  }
  connection.user_statements().keep(std::move(kept));
  return out;
}

}  // namespace strata::store::metadata
