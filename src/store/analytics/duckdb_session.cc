#include "store/analytics/duckdb_session.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/assert.h"

// DuckDB is not instrumented: its atomics, by which its threads synchronise, are unseen, while its calls of memcpy, delete
// and locks would be seen. So none of its calls is looked at. It calls nothing of ours: all that we do stays observed.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "called_from_lib:libduckdb.so\n"
         // What its strings do. Nothing of ours is in there: we have a copy of our own (cmake/thread_sanitizer.map).
         "called_from_lib:libstdc++.so\n"
         // Of its allocator: taken before a fork, unseen as said above, and given back after it by a function of libc.
         "mutex:^ctl_mtx$\n";
}
#endif
#endif

namespace strata::store::analytics {
namespace {

constexpr std::array<std::string_view, 6> kSqlTypes = {"BOOLEAN", "BIGINT", "DOUBLE", "VARCHAR", "BLOB", "TIMESTAMP"};
constexpr std::array<duckdb_type, 6> kDuckTypes = {DUCKDB_TYPE_BOOLEAN, DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_DOUBLE,
                                                   DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_BLOB,   DUCKDB_TYPE_TIMESTAMP};

std::string text_or(const char* text, std::string_view otherwise) { return std::string(text ? text : otherwise); }

/// Gives a C handle back at the end of a scope.
template <typename Handle, void (*Destroy)(Handle*)>
class Owned {
 public:
  explicit Owned(Handle handle = nullptr) : handle_(handle) {}
  ~Owned() { Destroy(&handle_); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  Handle get() const { return handle_; }
  Handle* out() { return &handle_; }

 private:
  Handle handle_;
};
using OwnedType = Owned<duckdb_logical_type, duckdb_destroy_logical_type>;
using OwnedChunk = Owned<duckdb_data_chunk, duckdb_destroy_data_chunk>;

class OwnedResult {
 public:
  ~OwnedResult() { duckdb_destroy_result(&result); }
  duckdb_result result{};
};

struct Failure {
  std::string_view prefix;
  DuckFailure failure;
  ErrorCode code;
};
constexpr std::string_view kTransaction = "TransactionContext Error";  // also of a commit that the disk failed
// DuckDB's messages begin with the kind of the exception; the C API tells it apart for results only, so the words decide.
constexpr std::array<Failure, 10> kFailures = {{
    {"Permission Error", DuckFailure::statement, ErrorCode::permission_denied},
    {"INTERRUPT Error", DuckFailure::interrupted, ErrorCode::timeout},
    {"Out of Memory Error", DuckFailure::memory, ErrorCode::resource_exhausted},
    {"IO Error", DuckFailure::damage, ErrorCode::corruption},
    {"FATAL Error", DuckFailure::damage, ErrorCode::corruption},
    {"INTERNAL Error", DuckFailure::damage, ErrorCode::corruption},
    {"Serialization Error", DuckFailure::damage, ErrorCode::corruption},
    {"Corruption Error", DuckFailure::damage, ErrorCode::corruption},
    {"TransactionContext Error: Current transaction is aborted", DuckFailure::damage,
     ErrorCode::io},  // and not rolled back
    {kTransaction, DuckFailure::statement, ErrorCode::permission_denied},
}};

// DuckDB has no message when it found no memory to make one.
constexpr const char* kNoMessage = "Out of Memory Error: DuckDB gives no reason";

// A full disk says so in the system's words, within an error that else means damage or a failed commit.
bool no_space(std::string_view message) {
  return message.find("No space left on device") != std::string_view::npos ||
         message.find("Disk quota exceeded") != std::string_view::npos;
}

// So does a disk that fails, or a process with too many files open: the file itself may be sound.
bool of_the_system(std::string_view message) {
  for (const std::string_view words : {"Input/output error", "fsync failed", "Too many open files"}) {
    if (message.find(words) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace

DuckFailure classify(std::string_view message) noexcept {
  for (const Failure& known : kFailures) {
    if (!message.starts_with(known.prefix)) continue;
    const bool of_the_disk = known.failure == DuckFailure::damage || known.prefix == kTransaction;
    return of_the_disk && no_space(message) ? DuckFailure::space : known.failure;
  }
  return DuckFailure::statement;
}

Error duck_error(std::string_view context, std::string message) {
  ErrorCode code = ErrorCode::invalid_argument;
  for (const Failure& known : kFailures) {
    if (!message.starts_with(known.prefix)) continue;
    code = known.code;
    break;
  }
  if (code == ErrorCode::corruption && of_the_system(message)) code = ErrorCode::io;
  if (classify(message) == DuckFailure::space) code = ErrorCode::resource_exhausted;
  // INTERNAL errors end with a stack trace of the library; its first line says what went wrong.
  if (const auto trace = message.find("\n\nStack Trace"); trace != std::string::npos) message.resize(trace);
  return Error(code, context.empty() ? std::move(message) : message + " (" + std::string(context) + ")");
}

namespace {

std::string between(std::string_view text, char mark) {
  std::string quoted(1, mark);
  for (const char c : text) {
    if (c == mark) quoted += mark;
    quoted += c;
  }
  return quoted + mark;
}

}  // namespace

std::string quote(std::string_view identifier) { return between(identifier, '"'); }
std::string literal(std::string_view text) { return between(text, '\''); }

std::string_view sql_type(ColumnType type) noexcept { return kSqlTypes[static_cast<std::size_t>(type)]; }

// ---- database and connection ------------------------------------------------------------------------------------

Result<std::unique_ptr<DuckDatabase>> DuckDatabase::open(const std::string& path, const DuckOptions& options) {
  Owned<duckdb_config, duckdb_destroy_config> config;
  duckdb_create_config(config.out());
  const std::string memory = std::to_string(options.memory_bytes_max) + "B";
  const std::string temporary = std::to_string(options.temporary_bytes_max) + "B";
  const std::string threads = std::to_string(std::max(1u, options.threads));
  const std::string temporary_directory = path.empty() ? options.temporary_directory : path + ".tmp";
  const bool reaches_a_file = path.empty() && !options.user_file.empty();
  // temp_directory has to come before external access is switched off.
  const std::array<std::pair<const char*, const char*>, 9> settings = {{
      {"temp_directory", temporary_directory.c_str()},
      {"max_temp_directory_size", temporary.c_str()},
      {"memory_limit", memory.c_str()},
      {"threads", threads.c_str()},
      {"autoinstall_known_extensions", "false"},
      {"autoload_known_extensions", "false"},
      {"allow_community_extensions", "false"},
      {"enable_external_access", reaches_a_file ? "true" : "false"},
      {"custom_user_agent", "strata"},
  }};
  for (const auto& [key, value] : settings) {
    if (duckdb_set_config(config.get(), key, value) != DuckDBSuccess) {
      return Error(ErrorCode::internal, std::string("this DuckDB does not take the setting ") + key);
    }
  }
  std::unique_ptr<DuckDatabase> database(new DuckDatabase());
  char* message = nullptr;
  if (duckdb_open_ext(path.empty() ? nullptr : path.c_str(), &database->database_, config.get(), &message) !=
      DuckDBSuccess) {
    Error error = duck_error("opening state.duckdb", text_or(message, "unknown reason"));
    duckdb_free(message);
    return error;
  }
  auto connection = STRATA_TRY(database->connect());
  STRATA_TRY(connection->execute("PRAGMA disable_checkpoint_on_shutdown"));
  if (reaches_a_file) {
    STRATA_TRY(connection->execute("SET allowed_paths = [" + literal(options.user_file) + "]"));
    STRATA_TRY(connection->execute("SET enable_external_access = false"));
  }
  STRATA_TRY(connection->execute("SET lock_configuration = true"));
  return database;
}

DuckDatabase::~DuckDatabase() {
  if (database_ != nullptr) duckdb_close(&database_);
}

Result<std::unique_ptr<DuckConnection>> DuckDatabase::connect() {
  duckdb_connection connection = nullptr;
  if (duckdb_connect(database_, &connection) != DuckDBSuccess) {
    return Error(ErrorCode::internal, "DuckDB gives no connection");
  }
  return std::unique_ptr<DuckConnection>(new DuckConnection(connection));
}

DuckConnection::~DuckConnection() { duckdb_disconnect(&connection_); }

Result<void> DuckConnection::execute(const std::string& sql) {
  OwnedResult result;
  if (duckdb_query(connection_, sql.c_str(), &result.result) == DuckDBSuccess) return {};
  return duck_error("", text_or(duckdb_result_error(&result.result), kNoMessage));
}

Result<DuckStatement> DuckConnection::prepare(const std::string& sql) {
  duckdb_prepared_statement handle = nullptr;
  const duckdb_state state = duckdb_prepare(connection_, sql.c_str(), &handle);
  DuckStatement statement(handle);
  if (state == DuckDBSuccess) return statement;
  return duck_error("", text_or(duckdb_prepare_error(handle), kNoMessage));
}

Result<DuckStatement> DuckConnection::prepare_reading(const std::string& sql) {
  if (sql.find('\0') != std::string::npos) return Error(ErrorCode::invalid_argument, "the statement holds a NUL byte");
  Owned<duckdb_extracted_statements, duckdb_destroy_extracted> extracted;
  const idx_t count = duckdb_extract_statements(connection_, sql.c_str(), extracted.out());
  if (count == 0) {
    return duck_error("", text_or(duckdb_extract_statements_error(extracted.get()), "there is no statement"));
  }
  if (count != 1) {
    return Error(ErrorCode::invalid_argument, "a query is one statement, this is " + std::to_string(count));
  }
  duckdb_prepared_statement handle = nullptr;
  const duckdb_state state = duckdb_prepare_extracted_statement(connection_, extracted.get(), 0, &handle);
  DuckStatement statement(handle);
  if (state != DuckDBSuccess) return duck_error("", text_or(duckdb_prepare_error(handle), kNoMessage));
  const duckdb_statement_type type = duckdb_prepared_statement_type(handle);
  if (type != DUCKDB_STATEMENT_TYPE_SELECT && type != DUCKDB_STATEMENT_TYPE_EXPLAIN) {
    return Error(ErrorCode::permission_denied, "a query reads: select, explain, describe, show, summarize");
  }
  return statement;
}

// ---- statements -------------------------------------------------------------------------------------------------

DuckStatement::DuckStatement(DuckStatement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}

DuckStatement::~DuckStatement() {
  if (statement_ != nullptr) duckdb_destroy_prepare(&statement_);
}

Result<void> DuckStatement::bind(std::size_t index, const Value& value) {
  duckdb_state state = DuckDBError;
  switch (value.kind()) {
    case Value::Kind::null: state = duckdb_bind_null(statement_, index); break;
    case Value::Kind::boolean: state = duckdb_bind_boolean(statement_, index, *value.boolean()); break;
    case Value::Kind::integer: {
      const duckdb_type wanted = duckdb_param_type(statement_, index);
      if (wanted == DUCKDB_TYPE_TIMESTAMP || wanted == DUCKDB_TYPE_TIMESTAMP_TZ) {
        state = duckdb_bind_timestamp(statement_, index, duckdb_timestamp{*value.integer()});
      } else {
        state = duckdb_bind_int64(statement_, index, *value.integer());
      }
      break;
    }
    case Value::Kind::real: state = duckdb_bind_double(statement_, index, *value.real()); break;
    case Value::Kind::text:
      if (!valid_utf8(*value.text())) {
        return Error(ErrorCode::invalid_argument, "parameter " + std::to_string(index) + " is not UTF-8");
      }
      state = duckdb_bind_varchar_length(statement_, index, value.text()->data(), value.text()->size());
      break;
    case Value::Kind::bytes:
      state = duckdb_bind_blob(statement_, index, value.bytes()->data(), value.bytes()->size());
      break;
    case Value::Kind::list:
    case Value::Kind::map:
      return Error(ErrorCode::invalid_argument,
                   "parameter " + std::to_string(index) + " is a list or a map; pass its members one by one");
  }
  if (state == DuckDBSuccess) return {};
  return Error(ErrorCode::invalid_argument, "parameter " + std::to_string(index) + " cannot be bound: " +
                                                text_or(duckdb_prepare_error(statement_), "no such parameter"));
}

Result<void> DuckStatement::bind_all(std::span<const Value> values) {
  const idx_t parameters = duckdb_nparams(statement_);
  if (parameters != values.size()) {
    return Error(ErrorCode::invalid_argument, "the statement has " + std::to_string(parameters) + " parameters, " +
                                                  std::to_string(values.size()) + " values were given");
  }
  for (std::size_t i = 0; i < values.size(); ++i) STRATA_TRY(bind(i + 1, values[i]));
  return {};
}

/// The result streams, so that a row limit can end a query that would fill the memory. The call that begins a streaming
/// result is marked for removal in the C API; should it go, duckdb_pending_prepared takes its place and results are
/// materialised first.
Result<void> DuckStatement::for_each_chunk(
    const std::function<Result<void>(duckdb_result&, duckdb_data_chunk)>& visit) {
  Owned<duckdb_pending_result, duckdb_destroy_pending> pending;
  if (duckdb_pending_prepared_streaming(statement_, pending.out()) != DuckDBSuccess) {
    return duck_error("", text_or(duckdb_pending_error(pending.get()), kNoMessage));
  }
  OwnedResult result;
  if (duckdb_execute_pending(pending.get(), &result.result) != DuckDBSuccess) {
    return duck_error("", text_or(duckdb_result_error(&result.result), kNoMessage));
  }
  STRATA_TRY(visit(result.result, nullptr));
  for (;;) {
    const OwnedChunk chunk(duckdb_fetch_chunk(result.result));
    if (chunk.get() == nullptr) {
      const char* message = duckdb_result_error(&result.result);
      return message == nullptr || *message == '\0' ? Result<void>() : Result<void>(duck_error("", message));
    }
    STRATA_TRY(visit(result.result, chunk.get()));
  }
}

namespace {

Error too_many_rows(std::size_t rows_max) {
  return Error(ErrorCode::resource_exhausted,
               "the result has more than " + std::to_string(rows_max) + " rows; aggregate, or add a limit");
}

/// Rows begin … end (exclusive) of the chunk, behind those that are there.
void append_rows(duckdb_data_chunk chunk, idx_t columns, std::size_t begin, std::size_t end, Rows& rows) {
  const std::size_t first = rows.rows.size();
  rows.rows.resize(first + end - begin);
  for (std::size_t i = first; i < rows.rows.size(); ++i) rows.rows[i].reserve(columns);
  for (idx_t c = 0; c < columns; ++c) {
    const duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, c);
    const OwnedType type(duckdb_vector_get_column_type(vector));
    for (std::size_t i = begin; i < end; ++i) rows.rows[first + i - begin].push_back(to_value(vector, type.get(), i));
  }
}

}  // namespace

Result<DuckRowStream> DuckStatement::stream() {
  Owned<duckdb_pending_result, duckdb_destroy_pending> pending;
  if (duckdb_pending_prepared_streaming(statement_, pending.out()) != DuckDBSuccess) {
    return duck_error("", text_or(duckdb_pending_error(pending.get()), kNoMessage));
  }
  duckdb_result result{};
  const duckdb_state state = duckdb_execute_pending(pending.get(), &result);
  DuckRowStream stream(result);
  if (state != DuckDBSuccess) return duck_error("", text_or(duckdb_result_error(&stream.result_), kNoMessage));
  return stream;
}

DuckRowStream::DuckRowStream(DuckRowStream&& other) noexcept
    : result_(std::exchange(other.result_, {})), chunk_(std::exchange(other.chunk_, nullptr)), at_(other.at_) {}

DuckRowStream::~DuckRowStream() {
  if (chunk_ != nullptr) duckdb_destroy_data_chunk(&chunk_);
  duckdb_destroy_result(&result_);
}

Result<bool> DuckRowStream::next(Rows& rows) {
  rows.rows.clear();
  while (chunk_ == nullptr || at_ == duckdb_data_chunk_get_size(chunk_)) {
    if (chunk_ != nullptr) duckdb_destroy_data_chunk(&chunk_);
    at_ = 0;
    chunk_ = duckdb_fetch_chunk(result_);
    if (chunk_ != nullptr) continue;
    const char* message = duckdb_result_error(&result_);
    if (message == nullptr || *message == '\0') return false;
    return duck_error("", message);
  }
  const std::size_t end = std::min<std::size_t>(duckdb_data_chunk_get_size(chunk_), at_ + kRowsMax);
  append_rows(chunk_, duckdb_column_count(&result_), at_, end, rows);
  at_ = end;
  return true;
}

Result<Rows> DuckStatement::rows(std::size_t rows_max) {
  Rows rows;
  STRATA_TRY(for_each_chunk([&](duckdb_result& result, duckdb_data_chunk chunk) -> Result<void> {
    const idx_t columns = duckdb_column_count(&result);
    if (chunk == nullptr) {
      for (idx_t c = 0; c < columns; ++c) {
        rows.columns.push_back(text_or(duckdb_column_name(&result, c), ""));
        const OwnedType type(duckdb_column_logical_type(&result, c));
        rows.types.push_back(STRATA_TRY(value_type_of(type.get(), rows.columns.back())));
      }
      return {};
    }
    const idx_t size = duckdb_data_chunk_get_size(chunk);
    if (rows.rows.size() + size > rows_max) return too_many_rows(rows_max);
    append_rows(chunk, columns, 0, size, rows);
    return {};
  }));
  return rows;
}

// ---- appending --------------------------------------------------------------------------------------------------

Result<DuckAppender> DuckAppender::open(DuckConnection& connection, const std::string& table,
                                        std::span<const ColumnDefinition> columns, std::size_t columns_there) {
  DuckAppender appender(columns.size());
  if (duckdb_appender_create(connection.get(), "strata", table.c_str(), &appender.appender_) != DuckDBSuccess) {
    return duck_error("appending to " + table, text_or(duckdb_appender_error(appender.appender_), kNoMessage));
  }
  if (columns_there > columns.size()) {
    std::vector<std::string> names = {"_lsn", "_ordinal", "_erased_lsn"};
    for (const ColumnDefinition& column : columns) names.push_back(column.name);
    for (const std::string& name : names) {
      if (duckdb_appender_add_column(appender.appender_, name.c_str()) != DuckDBSuccess) {
        return duck_error("appending to " + table, text_or(duckdb_appender_error(appender.appender_), kNoMessage));
      }
    }
  }
  std::vector<duckdb_logical_type> types = {duckdb_create_logical_type(DUCKDB_TYPE_BIGINT),
                                            duckdb_create_logical_type(DUCKDB_TYPE_INTEGER),
                                            duckdb_create_logical_type(DUCKDB_TYPE_BIGINT)};
  for (const ColumnDefinition& column : columns) {
    types.push_back(duckdb_create_logical_type(kDuckTypes[static_cast<std::size_t>(column.type)]));
  }
  appender.chunk_ = duckdb_create_data_chunk(types.data(), types.size());
  for (duckdb_logical_type& type : types) duckdb_destroy_logical_type(&type);
  return appender;
}

DuckAppender::DuckAppender(DuckAppender&& other) noexcept
    : appender_(std::exchange(other.appender_, nullptr)),
      chunk_(std::exchange(other.chunk_, nullptr)),
      columns_(other.columns_),
      filled_(other.filled_) {}

DuckAppender::~DuckAppender() {
  if (chunk_ != nullptr) duckdb_destroy_data_chunk(&chunk_);
  if (appender_ != nullptr) duckdb_appender_destroy(&appender_);
}

namespace {

void set_null(duckdb_vector vector, idx_t row) {
  duckdb_vector_ensure_validity_writable(vector);
  duckdb_validity_set_row_invalid(duckdb_vector_get_validity(vector), row);
}

template <typename T>
void put(duckdb_vector vector, idx_t row, T value) {
  static_cast<T*>(duckdb_vector_get_data(vector))[row] = value;
}

void put_value(duckdb_vector vector, idx_t row, const ColumnValues& values, std::size_t from) {
  if (!values.valid[from]) return set_null(vector, row);
  switch (values.type) {
    case ColumnType::boolean: put(vector, row, values.integers[from] != 0); break;
    case ColumnType::integer:
    case ColumnType::timestamp: put(vector, row, values.integers[from]); break;
    case ColumnType::real: put(vector, row, values.reals[from]); break;
    case ColumnType::text:
    case ColumnType::bytes:
      duckdb_vector_assign_string_element_len(vector, row, values.texts[from].data(), values.texts[from].size());
      break;
  }
}

}  // namespace

Result<void> DuckAppender::append(Lsn lsn, const RowBlock& block) {
  const std::size_t vector_size = duckdb_vector_size();
  for (std::size_t begin = 0; begin < block.rows;) {
    const std::size_t rows = std::min(block.rows - begin, vector_size - filled_);
    const duckdb_vector lsns = duckdb_data_chunk_get_vector(chunk_, 0);
    const duckdb_vector ordinals = duckdb_data_chunk_get_vector(chunk_, 1);
    const duckdb_vector erased = duckdb_data_chunk_get_vector(chunk_, 2);
    for (std::size_t i = 0; i < rows; ++i) {
      put(lsns, filled_ + i, static_cast<std::int64_t>(lsn));
      put(ordinals, filled_ + i, static_cast<std::int32_t>(block.ordinals[begin + i]));
      set_null(erased, filled_ + i);
    }
    for (std::size_t c = 0; c < columns_; ++c) {
      const duckdb_vector vector = duckdb_data_chunk_get_vector(chunk_, 3 + c);
      for (std::size_t i = 0; i < rows; ++i) {
        if (c < block.columns.size()) {
          put_value(vector, filled_ + i, block.columns[c], begin + i);
        } else {
          set_null(vector, filled_ + i);  // a column that the table got later
        }
      }
    }
    begin += rows;
    filled_ += rows;
    if (filled_ == vector_size) STRATA_TRY(put_chunk());
  }
  return {};
}

Result<void> DuckAppender::put_chunk() {
  if (filled_ == 0) return {};
  duckdb_data_chunk_set_size(chunk_, filled_);
  if (duckdb_append_data_chunk(appender_, chunk_) != DuckDBSuccess) {
    return duck_error("appending", text_or(duckdb_appender_error(appender_), kNoMessage));
  }
  duckdb_data_chunk_reset(chunk_);
  filled_ = 0;
  return {};
}

Result<void> DuckAppender::close() {
  STRATA_TRY(put_chunk());
  if (duckdb_appender_close(appender_) == DuckDBSuccess) return {};
  return duck_error("appending", text_or(duckdb_appender_error(appender_), kNoMessage));
}

}  // namespace strata::store::analytics
