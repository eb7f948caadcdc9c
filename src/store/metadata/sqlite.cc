#include "store/metadata/sqlite.h"

#include <unistd.h>

#include <cerrno>
#include <cmath>

#include "store/metadata/sqlite_files.h"

namespace strata::store::metadata {
namespace {

ErrorCode code_of(int result) {
  if (result == SQLITE_IOERR_DATA) return ErrorCode::corruption;  // what a checksum says, and not the disk
  switch (result & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT: return ErrorCode::corruption;
    case SQLITE_FULL:
    case SQLITE_NOMEM: return ErrorCode::resource_exhausted;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_NOLFS: return ErrorCode::io;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return ErrorCode::unavailable;
    case SQLITE_INTERRUPT: return ErrorCode::timeout;
    case SQLITE_AUTH:
    case SQLITE_PERM:
    case SQLITE_READONLY: return ErrorCode::permission_denied;
    case SQLITE_INTERNAL:
    case SQLITE_MISUSE: return ErrorCode::internal;
    default: return ErrorCode::invalid_argument;  // syntax, constraint, mismatch, range, too big: the caller's
  }
}

}  // namespace

namespace {

// SQLite has a code for a full disk only where it writes pages; growing the -shm file, syncing and creating answer an I/O
// error, and the system's number tells why.
ErrorCode code_of(sqlite3* connection, int result) {
  const int kind = result & 0xff;
  if (connection != nullptr && result != SQLITE_IOERR_DATA && (kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN)) {
    const int number = sqlite3_system_errno(connection);
    if (number == ENOSPC || number == EDQUOT) return ErrorCode::resource_exhausted;
  }
  return code_of(result);
}

}  // namespace

Error error_of(sqlite3* connection, int code, std::string_view doing) {
  std::string message(doing);
  if (!message.empty()) message += ": ";
  const std::string damage = code == SQLITE_IOERR_DATA && connection != nullptr ? damage_met(connection) : "";
  if (!damage.empty()) return Error(ErrorCode::corruption, message + damage);
  message += connection != nullptr ? sqlite3_errmsg(connection) : sqlite3_errstr(code);
  return Error(code_of(connection, code), std::move(message));
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return error_of(sqlite3_db_handle(handle_), code, "");
}

Result<void> Statement::run() {
  int code;
  do code = sqlite3_step(handle_);
  while (code == SQLITE_ROW);
  if (code != SQLITE_DONE) {
    Error error = error_of(sqlite3_db_handle(handle_), code, "");
    sqlite3_reset(handle_);
    return error;
  }
  sqlite3_reset(handle_);
  return {};
}

void Statement::bind_text(int index, std::string_view text) {
  sqlite3_bind_text64(handle_, index, text.data() ? text.data() : "", text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

void Statement::bind_blob(int index, std::string_view bytes) {
  sqlite3_bind_blob64(handle_, index, bytes.data() ? bytes.data() : "", bytes.size(), SQLITE_STATIC);
}

Result<void> Statement::bind_value(int index, const Value& value) {
  int code = SQLITE_OK;
  switch (value.kind()) {
    case Value::Kind::null: code = sqlite3_bind_null(handle_, index); break;
    case Value::Kind::boolean: code = sqlite3_bind_int(handle_, index, *value.boolean() ? 1 : 0); break;
    case Value::Kind::integer: code = sqlite3_bind_int64(handle_, index, *value.integer()); break;
    case Value::Kind::real: code = sqlite3_bind_double(handle_, index, *value.real()); break;
    case Value::Kind::text:
      code = sqlite3_bind_text64(handle_, index, value.text()->data(), value.text()->size(), SQLITE_TRANSIENT,
                                 SQLITE_UTF8);
      break;
    case Value::Kind::bytes: {
      const std::string_view bytes = as_text(*value.bytes());
      code = sqlite3_bind_blob64(handle_, index, bytes.data() ? bytes.data() : "", bytes.size(), SQLITE_TRANSIENT);
      break;
    }
    case Value::Kind::list:
    case Value::Kind::map: {  // SQLite's own JSON functions read it back
      const std::string json = to_json(value);
      code = sqlite3_bind_text64(handle_, index, json.data(), json.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
      break;
    }
  }
  if (code == SQLITE_OK) return {};
  return error_of(sqlite3_db_handle(handle_), code, "parameter " + std::to_string(index));
}

std::string_view Statement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

std::string_view Statement::blob(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(handle_, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

Value Statement::value(int column) const {
  switch (sqlite3_column_type(handle_, column)) {
    case SQLITE_INTEGER: return Value(integer(column));
    case SQLITE_FLOAT: return Value(sqlite3_column_double(handle_, column));
    case SQLITE_TEXT: return Value(std::string(text(column)));
    case SQLITE_BLOB: {
      const ByteView view = as_bytes(blob(column));
      return Value(Bytes(view.begin(), view.end()));
    }
    default: return {};
  }
}

std::unique_ptr<StatementCache::Kept> StatementCache::take(std::string_view sql) {
  for (std::size_t i = kept_.size(); i-- > 0;) {
    if (kept_[i]->sql != sql) continue;
    std::unique_ptr<Kept> found = std::move(kept_[i]);
    kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(i));
    bytes_ -= found->bytes;
    return found;
  }
  return nullptr;
}

void StatementCache::keep(std::unique_ptr<Kept> kept) {
  kept->statement.reset();
  sqlite3_clear_bindings(kept->statement.get());
  if (kept->bytes == 0) {
    kept->bytes = kept->sql.capacity() +
                  static_cast<std::size_t>(sqlite3_stmt_status(kept->statement.get(), SQLITE_STMTSTATUS_MEMUSED, 0));
  }
  bytes_ += kept->bytes;
  kept_.push_back(std::move(kept));
  while (kept_.size() > kCountMax || bytes_ > kBytesMax) {
    bytes_ -= kept_.front()->bytes;
    kept_.erase(kept_.begin());
  }
}

Result<Connection> Connection::open(const std::string& path, Role role, std::int64_t cache_bytes) {
  sqlite3* handle = nullptr;
  const bool reads = role == Role::reader || role == Role::foreign;
  const int access = reads ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  const std::string& name = role == Role::scratch ? std::string(":memory:") : path;
  const char* const files = role == Role::foreign ? nullptr : STRATA_TRY(sqlite_files());
  const int code = sqlite3_open_v2(name.c_str(), &handle, access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, files);
  Connection connection(handle);
  if (code != SQLITE_OK) return error_of(handle, code, "opening " + name);
  // Whatever kept SQLite from opening it for writing, also a passing lack of descriptors, it takes it for a file to read.
  if (role == Role::writer && sqlite3_db_readonly(handle, "main") == 1) {
    const bool allowed = ::access(name.c_str(), W_OK) == 0;
    return Error(allowed ? ErrorCode::io : ErrorCode::permission_denied, "cannot be opened for writing: " + name);
  }
  sqlite3_busy_timeout(handle, 5'000);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  sqlite3_set_authorizer(handle, &authorize, &connection.guard_slot());
  if (reads) sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  if (role == Role::writer) {
    make_room_for_checksums(handle);
    STRATA_TRY(connection.run("PRAGMA page_size=4096"));
    // auto_vacuum counts only before the first table; both others stay in the file or are per connection.
    STRATA_TRY(connection.run("PRAGMA auto_vacuum=INCREMENTAL"));
    STRATA_TRY(connection.run("PRAGMA journal_mode=WAL"));
    STRATA_TRY(connection.run("PRAGMA synchronous=NORMAL"));
    STRATA_TRY(connection.run("PRAGMA secure_delete=OFF"));
    STRATA_TRY(connection.run("PRAGMA foreign_keys=OFF"));
  }
  if (reads) STRATA_TRY(connection.run("PRAGMA query_only=ON"));
  if (role == Role::foreign) STRATA_TRY(connection.run("PRAGMA cell_size_check=ON"));
  STRATA_TRY(connection.run("PRAGMA wal_autocheckpoint=0"));  // Writer::copy_log does it
  STRATA_TRY(connection.run("PRAGMA temp_store=MEMORY"));
  STRATA_TRY(connection.run(("PRAGMA cache_size=-" + std::to_string(cache_bytes / 1024)).c_str()));
  return connection;
}

Result<void> Connection::run(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error_of(handle_, code, "");
  return {};
}

Result<Statement> Connection::prepare(std::string_view sql) {
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v2(handle_, sql.data(), static_cast<int>(sql.size()), &handle, nullptr);
  if (code != SQLITE_OK) return error_of(handle_, code, "");
  return Statement(handle);
}

Result<Statement*> Connection::cached(std::string_view sql) {
  auto found = cached_.find(sql);
  if (found == cached_.end()) {
    found = cached_.emplace(std::string(sql), STRATA_TRY(prepare(sql))).first;
  }
  return &found->second;
}

void Connection::close() {
  cached_.clear();
  user_statements_ = {};
  if (handle_ != nullptr) sqlite3_close_v2(handle_);
  handle_ = nullptr;
}

std::string quoted(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out += '"';
}

}  // namespace strata::store::metadata
