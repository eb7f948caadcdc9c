#pragma once
/// What a user's SQL may do: the default is no.
///
/// SQLite asks an authorizer about every table, column, function, pragma and schema change while it compiles a statement.
/// Ours allows what is listed and remembers what kind of statement it is; everything else is refused with a reason.
/// While it runs, limits and a clock bound what a statement may use. Source: https://www.sqlite.org/security.html.
#include <cstdint>
#include <string>
#include <vector>

#include "core/clock.h"
#include "store/metadata/sqlite.h"
#include "strata/error.h"

namespace strata::store::metadata {

struct Limits {
  std::int64_t statement_ms_max = 30'000;      ///< 1 …
  std::uint64_t rows_max = 1'000'000;          ///< of one result
  std::uint64_t result_bytes_max = 256 << 20;  ///< of one result, as held in memory
  std::uint64_t value_bytes_max = 16 << 20;    ///< one value, one row, one statement's text
};

enum class StatementKind : std::uint8_t { reads, writes_rows, create, alter, drop };

/// What compiling a statement told.
struct Analysis {
  StatementKind kind = StatementKind::reads;
  bool creates_table = false;
  std::string table;  ///< a table that is created, altered or dropped
  /// What it looks at and what it changes the rows of, as the schema spells it; views are named beside what they show.
  std::vector<std::string> tables_read = {}, tables_written = {};
};

/// Guards one connection while user SQL is compiled and run on it; our own SQL passes when no guard stands.
/// One thread at a time; the connection outlives it.
class Guard {
 public:
  Guard(Connection& connection, const Limits& limits, const core::Clock& clock, bool may_write);
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  /// Compiles the first statement of `sql`; `tail` becomes what follows it. An empty Statement: only blanks and comments.
  /// Errors  invalid_argument, unsupported, permission_denied
  Result<Statement> compile(std::string_view sql, std::string_view& tail);
  /// As compile, and nothing but blanks may follow. Errors  as compile; invalid_argument "two statements …"
  Result<Statement> compile_one(std::string_view sql);
  const Analysis& analysis() const { return analysis_; }
  /// The error of a failed step: the time limit, what the guard refused, or what SQLite says.
  Error explain(int code, std::string_view doing);
  Error explain(Error error);

 private:
  friend int authorize(void*, int, const char*, const char*, const char*, const char*);
  static int progress(void* self);
  int decide(int action, const char* first, const char* second, const char* database);
  int refuse(ErrorCode code, std::string why);

  Connection& connection_;
  const Limits& limits_;
  const core::Clock& clock_;
  const bool may_write_;
  const std::int64_t deadline_us_;
  Analysis analysis_;
  bool writes_rows_ = false;  // of a table that is not the schema
  ErrorCode refused_code_ = ErrorCode::permission_denied;
  std::string refused_;
  bool timed_out_ = false;
};

}  // namespace strata::store::metadata
