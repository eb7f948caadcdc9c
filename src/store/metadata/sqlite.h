#pragma once
/// The thinnest layer over SQLite's C interface that turns its codes into Results: a connection, a statement.
///
/// The header of SQLite is included here and nowhere else outside this folder. What a code means for the caller
/// (the user's mistake, a full disk, rotten bytes) is decided in one table, `error_of`.
#define SQLITE_ENABLE_SESSION 1
#define SQLITE_ENABLE_PREUPDATE_HOOK 1
#include <sqlite3.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "strata/error.h"
#include "strata/value.h"

namespace strata::store::metadata {

class Guard;

/// SQLite's authorizer of every connection; `slot` is the connection's guard slot. Defined in guard.cc.
int authorize(void* slot, int action, const char* first, const char* second, const char* database, const char* inner);

/// The error that `connection` reports now, for the result `code`; SQLite's words are the message.
Error error_of(sqlite3* connection, int code, std::string_view doing);

/// A prepared statement. One thread at a time; the connection outlives it.
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* handle) : handle_(handle) {}
  Statement(Statement&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Statement& operator=(Statement&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Statement() { sqlite3_finalize(handle_); }

  explicit operator bool() const { return handle_ != nullptr; }
  sqlite3_stmt* get() const { return handle_; }

  /// True when there is a row, false at the end.
  Result<bool> step();
  /// Steps to the end of a statement whose rows nobody wants, and makes it ready to run again.
  Result<void> run();
  void reset() { sqlite3_reset(handle_); }

  void bind(int index, std::int64_t value) { sqlite3_bind_int64(handle_, index, value); }
  /// The bytes must live until the statement is reset or bound anew.
  void bind_text(int index, std::string_view text);
  void bind_blob(int index, std::string_view bytes);
  Result<void> bind_value(int index, const Value& value);

  int columns() const { return sqlite3_column_count(handle_); }
  std::string_view column_name(int column) const { return sqlite3_column_name(handle_, column); }
  std::int64_t integer(int column) const { return sqlite3_column_int64(handle_, column); }
  std::string_view text(int column) const;
  std::string_view blob(int column) const;
  Value value(int column) const;
  /// How often SQLite compiled it again by itself, because the schema or a parameter it was planned for had changed.
  int times_recompiled() const { return sqlite3_stmt_status(handle_, SQLITE_STMTSTATUS_REPREPARE, 0); }

 private:
  sqlite3_stmt* handle_ = nullptr;
};

/// Resets a cached statement at the end of the scope that used it, so that it holds no read transaction open.
class StatementUse {
 public:
  explicit StatementUse(Statement& statement) : statement_(statement) {}
  ~StatementUse() { statement_.reset(); }
  StatementUse(const StatementUse&) = delete;
  StatementUse& operator=(const StatementUse&) = delete;

 private:
  Statement& statement_;
};

/// A user's statements that read, compiled, for when their text comes again on the same connection: compiling costs more
/// than looking up a row. The least recently used go when there are more than kCountMax or kBytesMax. One thread at a time.
///
/// What is taken is not in here until it is kept again, so that a statement whose rows are still read serves nobody else.
/// A changed schema needs no care here: SQLite notices before the first row, and compiles the statement again, asking the
/// authorizer. Whoever steps it learns of that from `times_recompiled`.
class StatementCache {
 public:
  static constexpr std::size_t kCountMax = 64;
  static constexpr std::size_t kBytesMax = 512 << 10;

  struct Kept {
    std::string sql;
    Statement statement;
    std::vector<std::string> tables;  ///< that it reads
    std::size_t bytes = 0;            ///< of memory; 0: not known yet
  };

  /// nullptr: not here, or taken.
  std::unique_ptr<Kept> take(std::string_view sql);
  /// Resets the statement and lets go of its parameters.
  void keep(std::unique_ptr<Kept> kept);
  std::size_t count() const { return kept_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  std::vector<std::unique_ptr<Kept>> kept_;  // most recently used last
  std::size_t bytes_ = 0;
};

/// One connection to state.sqlite (or to memory). One thread at a time.
class Connection {
 public:
  enum class Role { writer, reader, scratch, foreign };
  /// writer: creates the file, WAL, is the only one that writes and checkpoints. reader: read-only, never checkpoints,
  /// also not when it closes. scratch: a private database in memory, `path` is ignored. foreign: another program's file,
  /// read-only, by SQLite's own access to files: its pages have no checksums of ours.
  static Result<Connection> open(const std::string& path, Role role, std::int64_t cache_bytes);
  Connection() = default;
  Connection(Connection&& other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)),
        guard_(std::move(other.guard_)),
        cached_(std::move(other.cached_)),
        user_statements_(std::move(other.user_statements_)) {}
  Connection& operator=(Connection&& other) noexcept {
    std::swap(handle_, other.handle_);
    guard_.swap(other.guard_);
    cached_.swap(other.cached_);
    std::swap(user_statements_, other.user_statements_);
    return *this;
  }
  ~Connection() { close(); }

  sqlite3* get() const { return handle_; }
  explicit operator bool() const { return handle_ != nullptr; }
  /// Runs SQL of ours that gives no rows.
  Result<void> run(const char* sql);
  Result<Statement> prepare(std::string_view sql);
  /// As prepare, kept by its text for the next time. Reset it after use (StatementUse).
  Result<Statement*> cached(std::string_view sql);
  StatementCache& user_statements() { return user_statements_; }
  /// Where the guard of the user's statement that runs now is found; one authorizer is installed once, because setting
  /// another one would make SQLite compile every cached statement again.
  Guard*& guard_slot() { return *guard_; }
  bool in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }
  void close();

 private:
  explicit Connection(sqlite3* handle) : handle_(handle) {}
  sqlite3* handle_ = nullptr;
  std::unique_ptr<Guard*> guard_ = std::make_unique<Guard*>(nullptr);
  std::map<std::string, Statement, std::less<>> cached_;
  StatementCache user_statements_;
};

/// "name" as SQL writes an identifier.
std::string quoted(std::string_view name);

}  // namespace strata::store::metadata
