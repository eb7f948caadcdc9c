#include "store/metadata/guard.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/excerpt.h"
#include "store/metadata/schema.h"

namespace strata::store::metadata {
namespace {

// Functions of SQL that compute and nothing else. Sorted. Left out on purpose: load_extension, fts3_tokenizer,
// zeroblob-style amplifiers are bounded by the length limit instead.
constexpr auto kFunctions = std::to_array<std::string_view>({
    "->",
    "->>",
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "avg",
    "ceil",
    "ceiling",
    "changes",
    "char",
    "coalesce",
    "cos",
    "cosh",
    "count",
    "cume_dist",
    "current_date",
    "current_time",
    "current_timestamp",
    "date",
    "datetime",
    "degrees",
    "dense_rank",
    "exp",
    "first_value",
    "floor",
    "format",
    "glob",
    "group_concat",
    "hex",
    "ifnull",
    "iif",
    "instr",
    "json",
    "json_array",
    "json_array_length",
    "json_each",
    "json_error_position",
    "json_extract",
    "json_group_array",
    "json_group_object",
    "json_insert",
    "json_object",
    "json_patch",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_set",
    "json_tree",
    "json_type",
    "json_valid",
    "julianday",
    "lag",
    "last_insert_rowid",
    "last_value",
    "lead",
    "length",
    "like",
    "likelihood",
    "likely",
    "ln",
    "log",
    "log10",
    "log2",
    "lower",
    "ltrim",
    "max",
    "min",
    "mod",
    "nth_value",
    "ntile",
    "nullif",
    "octet_length",
    "percent_rank",
    "pi",
    "pow",
    "power",
    "printf",
    "quote",
    "radians",
    "random",
    "randomblob",
    "rank",
    "replace",
    "round",
    "row_number",
    "rtrim",
    "sign",
    "sin",
    "sinh",
    "soundex",
    "sqlite_version",
    "sqrt",
    "strftime",
    "string_agg",
    "substr",
    "substring",
    "subtype",
    "sum",
    "tan",
    "tanh",
    "time",
    "timediff",
    "total",
    "total_changes",
    "trim",
    "trunc",
    "typeof",
    "unhex",
    "unicode",
    "unixepoch",
    "unlikely",
    "upper",
    "zeroblob",
});

static_assert(std::is_sorted(kFunctions.begin(), kFunctions.end()), "it is searched by halves");

// What ALTER TABLE calls inside; SQLite itself keeps users from calling them.
constexpr auto kInnerFunctions =
    std::to_array<std::string_view>({"sqlite_drop_column", "sqlite_rename_column", "sqlite_rename_quotefix",
                                     "sqlite_rename_table", "sqlite_rename_test"});

// Pragmas that read the schema, in either form: PRAGMA table_info(t), pragma_table_info('t').
constexpr auto kPragmas = std::to_array<std::string_view>(
    {"foreign_key_list", "index_info", "index_list", "index_xinfo", "table_info", "table_list", "table_xinfo"});

template <std::size_t N>
bool listed(const std::array<std::string_view, N>& sorted, std::string_view name) {
  return std::binary_search(sorted.begin(), sorted.end(), name);
}

constexpr std::pair<int, int> kFixedLimits[] = {
    {SQLITE_LIMIT_COLUMN, 1'000},
    {SQLITE_LIMIT_EXPR_DEPTH, 100},
    {SQLITE_LIMIT_COMPOUND_SELECT, 50},
    {SQLITE_LIMIT_VDBE_OP, 250'000},
    {SQLITE_LIMIT_FUNCTION_ARG, 100},
    {SQLITE_LIMIT_ATTACHED, 0},
    {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1'000},
    {SQLITE_LIMIT_VARIABLE_NUMBER, 32'766},
    {SQLITE_LIMIT_TRIGGER_DEPTH, 50},
    {SQLITE_LIMIT_WORKER_THREADS, 0},
};
constexpr int kProgressSteps = 4'000;  // virtual machine steps between looks at the clock: some 50 µs

std::string_view safe(const char* text) { return text != nullptr ? text : ""; }

bool is_schema_table(std::string_view name) {
  return name == "sqlite_master" || name == "sqlite_schema" || name == "sqlite_temp_master" ||
         name == "sqlite_temp_schema";
}

void add(std::vector<std::string>& tables, std::string_view name) {
  if (tables.empty() || tables.back() != name) tables.emplace_back(name);
}

}  // namespace

Guard::Guard(Connection& connection, const Limits& limits, const core::Clock& clock, bool may_write)
    : connection_(connection),
      limits_(limits),
      clock_(clock),
      may_write_(may_write),
      deadline_us_(clock.monotonic_us() + limits.statement_ms_max * 1'000) {
  sqlite3* handle = connection.get();
  for (const auto& [limit, value] : kFixedLimits) sqlite3_limit(handle, limit, value);
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, static_cast<int>(limits.value_bytes_max));
  sqlite3_limit(handle, SQLITE_LIMIT_SQL_LENGTH, 1'000'000);
  connection.guard_slot() = this;
  sqlite3_progress_handler(handle, kProgressSteps, &Guard::progress, this);
}

Guard::~Guard() {
  sqlite3* handle = connection_.get();
  connection_.guard_slot() = nullptr;
  sqlite3_progress_handler(handle, 0, nullptr, nullptr);
  for (const auto& [limit, value] : kFixedLimits) sqlite3_limit(handle, limit, 1'000'000'000);
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, 1'000'000'000);
  sqlite3_limit(handle, SQLITE_LIMIT_SQL_LENGTH, 1'000'000'000);
}

Result<Statement> Guard::compile(std::string_view sql, std::string_view& tail) {
  analysis_ = {};
  writes_rows_ = false;
  refused_.clear();
  if (sql.find('\0') != std::string_view::npos) {
    return Error(ErrorCode::invalid_argument, "the statement holds a NUL byte");
  }
  sqlite3_stmt* handle = nullptr;
  const char* rest = nullptr;
  const int code = sqlite3_prepare_v2(connection_.get(), sql.data(), static_cast<int>(sql.size()), &handle, &rest);
  Statement statement(handle);
  if (code != SQLITE_OK) return explain(code, "");
  // No definition writes rows of another table: the "create" was such a declaration.
  if (analysis_.kind == StatementKind::create && writes_rows_) analysis_.kind = StatementKind::writes_rows;
  tail = rest != nullptr ? sql.substr(static_cast<std::size_t>(rest - sql.data())) : std::string_view();
  return statement;
}

Result<Statement> Guard::compile_one(std::string_view sql) {
  std::string_view tail;
  Statement statement = STRATA_TRY(compile(sql, tail));
  if (!statement) return Error(ErrorCode::invalid_argument, "the statement is empty");
  if (!tail.empty()) {
    // What follows may be blanks and comments only: SQLite's own parser is the judge.
    const Analysis first = analysis_;
    std::string_view end;
    Result<Statement> second = compile(tail, end);
    if (!second.has_value() || *second) {
      return Error(ErrorCode::invalid_argument,
                   "two statements where one is allowed; the second begins at: " +
                       core::excerpt(tail.substr(std::min(tail.find_first_not_of(" \t\r\n"), tail.size()))));
    }
    analysis_ = first;
  }
  return statement;
}

Error Guard::explain(int code, std::string_view doing) { return explain(error_of(connection_.get(), code, doing)); }

Error Guard::explain(Error error) {
  if (timed_out_) {
    return Error(ErrorCode::timeout,
                 "the statement ran longer than " + std::to_string(limits_.statement_ms_max) + " ms");
  }
  if (!refused_.empty()) return Error(refused_code_, refused_);
  return error;
}

int Guard::progress(void* self) {
  auto& guard = *static_cast<Guard*>(self);
  if (guard.clock_.monotonic_us() <= guard.deadline_us_) return 0;
  guard.timed_out_ = true;
  return 1;
}

int authorize(void* slot, int action, const char* first, const char* second, const char* database,
              const char* /*inner*/) {
  Guard* guard = *static_cast<Guard**>(slot);
  return guard != nullptr ? guard->decide(action, first, second, database) : SQLITE_OK;  // null: a statement of ours
}

int Guard::refuse(ErrorCode code, std::string why) {
  if (refused_.empty()) {
    refused_code_ = code;
    refused_ = std::move(why);
  }
  return SQLITE_DENY;
}

int Guard::decide(int action, const char* first, const char* second, const char* database) {
  const std::string_view name = safe(first);
  const auto defines = [&](StatementKind kind, std::string_view table) {
    if (!may_write_) return refuse(ErrorCode::permission_denied, "query only reads; use execute");
    if (is_reserved(table) && lower(table) != "sqlite_sequence" && !lower(table).starts_with("sqlite_autoindex_")) {
      return refuse(ErrorCode::permission_denied,
                    "names beginning with strata_ or sqlite_ are reserved: " + core::excerpt(table));
    }
    analysis_.kind = kind;
    if (analysis_.table.empty()) analysis_.table = table;
    return SQLITE_OK;
  };
  // Renaming looks into the temporary schema too; making something there has actions of its own, refused below.
  if (safe(database) == "temp" && action != SQLITE_READ && !is_schema_table(name)) {
    return refuse(ErrorCode::unsupported, "temporary tables, views and indexes are not supported");
  }
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE: return SQLITE_OK;
    case SQLITE_READ:
      if (is_hidden(name)) return refuse(ErrorCode::permission_denied, "no such table for users: " + std::string(name));
      if (name == "dbstat" || name == "sqlite_stmt" || name == "sqlite_dbpage" || name == "fts3tokenize" ||
          name == "bytecode" || name == "tables_used" || name == "completion") {
        return refuse(ErrorCode::permission_denied, "no access to the virtual table " + std::string(name));
      }
      add(analysis_.tables_read, name);  // asked for each column: those of a table come together
      return SQLITE_OK;
    case SQLITE_FUNCTION: {
      const std::string function = lower(safe(second));
      if (listed(kFunctions, function) || listed(kInnerFunctions, function)) return SQLITE_OK;
      return refuse(ErrorCode::permission_denied, "the function " + core::excerpt(function) + " is not allowed");
    }
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
      // Defining something writes the schema table; a direct write there is refused by SQLite (DEFENSIVE).
      if (is_schema_table(name)) return SQLITE_OK;
      if (!may_write_) return refuse(ErrorCode::permission_denied, "query only reads; use execute");
      if (is_reserved(name))
        return refuse(ErrorCode::permission_denied, "the table " + core::excerpt(name) + " is not for users to write");
      writes_rows_ = true;
      add(analysis_.tables_written, name);
      if (analysis_.kind == StatementKind::reads) analysis_.kind = StatementKind::writes_rows;
      return SQLITE_OK;
    case SQLITE_CREATE_TABLE:
      // The first use of json_each and its like on a connection declares a table too. Whether the statement as a whole
      // writes, SQLite knows (sqlite3_stmt_readonly).
      if (!may_write_) return SQLITE_OK;
      analysis_.creates_table = true;
      return defines(StatementKind::create, name);
    case SQLITE_CREATE_VIEW: return defines(StatementKind::create, name);
    case SQLITE_CREATE_INDEX: return defines(StatementKind::create, name);
    case SQLITE_DROP_TABLE:
    case SQLITE_DROP_VIEW:
    case SQLITE_DROP_INDEX: return defines(StatementKind::drop, name);
    case SQLITE_ALTER_TABLE: return defines(StatementKind::alter, safe(second));
    // CREATE INDEX fills the index and reports it so; REINDEX itself has no business here but does no harm to rows.
    case SQLITE_REINDEX:
      if (analysis_.kind == StatementKind::create) return SQLITE_OK;
      return refuse(ErrorCode::unsupported, "reindex is not supported");
    case SQLITE_PRAGMA:
      if (listed(kPragmas, lower(name))) return SQLITE_OK;
      return refuse(ErrorCode::unsupported, "pragma " + core::excerpt(name) + " is not supported");
    case SQLITE_CREATE_TRIGGER:
    case SQLITE_DROP_TRIGGER:
    case SQLITE_CREATE_TEMP_TRIGGER:
    case SQLITE_DROP_TEMP_TRIGGER: return refuse(ErrorCode::unsupported, "triggers are not supported");
    case SQLITE_CREATE_TEMP_TABLE:
    case SQLITE_CREATE_TEMP_INDEX:
    case SQLITE_CREATE_TEMP_VIEW:
    case SQLITE_DROP_TEMP_TABLE:
    case SQLITE_DROP_TEMP_INDEX:
    case SQLITE_DROP_TEMP_VIEW:
      return refuse(ErrorCode::unsupported, "temporary tables, views and indexes are not supported");
    case SQLITE_CREATE_VTABLE:
    case SQLITE_DROP_VTABLE: return refuse(ErrorCode::unsupported, "virtual tables are not supported");
    case SQLITE_ATTACH:
    case SQLITE_DETACH: return refuse(ErrorCode::unsupported, "attach and detach are not supported");
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
      return refuse(ErrorCode::unsupported,
                    "begin, commit, rollback and savepoint are the database's: use its transactions");
    case SQLITE_ANALYZE: return refuse(ErrorCode::unsupported, "analyze is not supported");
    default: return refuse(ErrorCode::unsupported, "this statement is not supported");
  }
}

}  // namespace strata::store::metadata
