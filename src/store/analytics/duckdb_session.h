#pragma once
/// DuckDB, wrapped: the only header that includes duckdb.h. Handles own what they hold; errors become ours, sorted by what
/// the caller does about them.
///
///     auto database = STRATA_TRY(DuckDatabase::open(path, options));
///     auto connection = STRATA_TRY(database->connect());
///     auto statement = STRATA_TRY(connection->prepare_reading("select avg(ms) from t where ts >= ?"));
///     STRATA_TRY(statement.bind(1, Value(…)));
///     Rows rows = STRATA_TRY(statement.rows(1'000'000));
#include <duckdb.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store/analytics/mutation.h"
#include "strata/arrow.h"
#include "strata/error.h"
#include "strata/rows.h"

namespace strata::store::analytics {

/// What a failure says about the file and the instance, beside the code that the user gets.
enum class DuckFailure : std::uint8_t {
  statement,  ///< the statement's own: syntax, names, types, limits
  interrupted,
  memory,
  space,   ///< the disk is full; FATAL: and the instance has given up
  damage,  ///< the file or the instance cannot be trusted any more: IO, FATAL, INTERNAL, serialization
};
DuckFailure classify(std::string_view message) noexcept;
/// Errors  invalid_argument, permission_denied, timeout (interrupted), resource_exhausted (memory, space), corruption (damage)
/// The message keeps its beginning, by which `classify` knows it again; the context comes behind.
Error duck_error(std::string_view context, std::string message);

struct DuckOptions {
  std::uint64_t memory_bytes_max = 256 << 20;
  std::uint64_t temporary_bytes_max = std::uint64_t{4} << 30;
  unsigned threads = 2;
  /// With an empty path: the one file of the user's that statements, which are then all ours, may read or write, and a folder for
  /// what does not fit into memory. Absolute. Empty: none
  std::string user_file = {};
  std::string temporary_directory = {};
};

class DuckConnection;
class DuckRowStream;

/// An open database. Threads: any; outlived by none of its connections.
class DuckDatabase {
 public:
  /// An empty path: in memory. The configuration is locked, files and extensions are out of reach of SQL.
  static Result<std::unique_ptr<DuckDatabase>> open(const std::string& path, const DuckOptions& options);
  ~DuckDatabase();
  DuckDatabase(const DuckDatabase&) = delete;
  DuckDatabase& operator=(const DuckDatabase&) = delete;
  Result<std::unique_ptr<DuckConnection>> connect();

 private:
  DuckDatabase() = default;
  duckdb_database database_ = nullptr;
};

/// A prepared statement with its parameters. One thread at a time.
class DuckStatement {
 public:
  DuckStatement(DuckStatement&& other) noexcept;
  DuckStatement& operator=(DuckStatement&&) = delete;
  ~DuckStatement();

  /// `index` from 1. An integer binds as a time where the statement compares it with one.
  Result<void> bind(std::size_t index, const Value& value);
  /// Errors  invalid_argument: another number of values than of parameters
  Result<void> bind_all(std::span<const Value> values);
  Result<Rows> rows(std::size_t rows_max);
  Result<ArrowStream> arrow(std::size_t rows_max);
  /// The rows, some at a time; the connection outlives the stream.
  Result<DuckRowStream> stream();
  /// First a call with no chunk, for the columns; then the chunks.
  Result<void> for_each_chunk(const std::function<Result<void>(duckdb_result&, duckdb_data_chunk)>& visit);

 private:
  friend class DuckConnection;
  explicit DuckStatement(duckdb_prepared_statement statement) : statement_(statement) {}
  duckdb_prepared_statement statement_ = nullptr;
};

/// A result on its way. One thread at a time.
class DuckRowStream {
 public:
  DuckRowStream(DuckRowStream&& other) noexcept;
  DuckRowStream& operator=(DuckRowStream&&) = delete;
  ~DuckRowStream();
  /// Replaces rows.rows by the next ones, up to kRowsMax; false at the end.
  static constexpr std::size_t kRowsMax = 64;
  Result<bool> next(Rows& rows);

 private:
  friend class DuckStatement;
  explicit DuckRowStream(duckdb_result result) : result_(result) {}
  duckdb_result result_;  // no internal data: moved away
  duckdb_data_chunk chunk_ = nullptr;
  std::size_t at_ = 0;  // of the chunk's rows, the first that was not given yet
};

/// One thread at a time, except `interrupt`.
class DuckConnection {
 public:
  ~DuckConnection();
  DuckConnection(const DuckConnection&) = delete;
  DuckConnection& operator=(const DuckConnection&) = delete;

  /// Our own statements, without parameters or results.
  Result<void> execute(const std::string& sql);
  /// Our own statement, one of them.
  Result<DuckStatement> prepare(const std::string& sql);
  /// A user's: exactly one statement, and one that reads. Errors  invalid_argument, permission_denied
  Result<DuckStatement> prepare_reading(const std::string& sql);
  void interrupt() { duckdb_interrupt(connection_); }
  duckdb_connection get() { return connection_; }

 private:
  friend class DuckDatabase;
  explicit DuckConnection(duckdb_connection connection) : connection_(connection) {}
  duckdb_connection connection_;
};

/// Appends whole row blocks to a table of the schema `strata`, behind their values _lsn, _ordinal and an empty _erased_lsn.
/// Errors leave the connection's transaction to be rolled back. One thread at a time.
class DuckAppender {
 public:
  /// The table may have more columns than are given, up to `columns_there`: they become NULL.
  static Result<DuckAppender> open(DuckConnection& connection, const std::string& table,
                                   std::span<const ColumnDefinition> columns, std::size_t columns_there);
  DuckAppender(DuckAppender&& other) noexcept;
  DuckAppender& operator=(DuckAppender&&) = delete;
  ~DuckAppender();
  Result<void> append(Lsn lsn, const RowBlock& block);
  Result<void> close();

 private:
  explicit DuckAppender(std::size_t columns) : columns_(columns) {}
  Result<void> put_chunk();
  duckdb_appender appender_ = nullptr;
  duckdb_data_chunk chunk_ = nullptr;
  std::size_t columns_;
  std::size_t filled_ = 0;
};

/// What the values of a type mean that to_value makes of it. Errors  unsupported (no counterpart; the column is named)
Result<ValueType> value_type_of(duckdb_logical_type type, const std::string& column);
/// One value of a result chunk as ours.
Value to_value(duckdb_vector vector, duckdb_logical_type type, std::size_t row);

/// "name" with quotes doubled.
std::string quote(std::string_view identifier);
/// 'text' with quotes doubled.
std::string literal(std::string_view text);
std::string_view sql_type(ColumnType type) noexcept;

}  // namespace strata::store::analytics
