// Any text as a user's SQL, against SQLite itself. The first byte says whether it may write.
//
// A query that the guard lets through changes nothing. A statement that may write leaves the store's own tables and the
// connection's settings as they are, attaches nothing, and opens no transaction of its own. Neither makes a file.
#include <unistd.h>

#include <filesystem>

#include "core/assert.h"
#include "core/clock.h"
#include "store/metadata/guard.h"
#include "store/metadata/result_rows.h"

using namespace strata;
using namespace strata::store::metadata;

namespace {

constexpr const char* kSettings[] = {
    "journal_mode",       "synchronous",     "foreign_keys", "trusted_schema", "ignore_check_constraints",
    "recursive_triggers", "writable_schema", "user_version", "application_id", "query_only",
    "temp_store",         "secure_delete",   "locking_mode", "mmap_size",      "hard_heap_limit"};

/// One connection, to a database in memory, with a table of a user's and one of the store's.
class Database {
 public:
  Database() : connection_(Connection::open("", Connection::Role::scratch, 1 << 20).value()) {
    STRATA_ASSERT(connection_
                      .run("create table strata_state (name text primary key, value integer);"
                           "insert into strata_state values ('applied_lsn', 7);"
                           "create table t (id integer primary key, name text, size real);"
                           "insert into t values (1, 'a', 0.5), (2, 'b', null);"
                           "create index by_name on t (name);"
                           "create view v as select name from t")
                      .has_value());
    char path[] = "/tmp/strata-guard-fuzz-XXXXXX";
    directory_ = ::mkdtemp(path);
    std::filesystem::current_path(directory_);  // where a relative name would end up
    settings_ = settings();
  }
  ~Database() {
    std::filesystem::current_path("/");
    std::filesystem::remove_all(directory_);
  }

  void query(std::string_view sql) {
    const std::string before = content();
    const std::int64_t changes = sqlite3_total_changes64(connection_.get());
    (void)read_rows(connection_, sql, {}, limits_, clock_).has_value();
    STRATA_ASSERT(sqlite3_total_changes64(connection_.get()) == changes);
    STRATA_ASSERT(content() == before);
    check_surroundings();
  }

  void execute(std::string_view sql) {
    STRATA_ASSERT(connection_.run("savepoint fuzz").has_value());
    const std::string own = rows("select name, value from strata_state");
    {
      Guard guard(connection_, limits_, clock_, true);
      if (auto statement = guard.compile_one(sql); statement && sqlite3_bind_parameter_count(statement->get()) == 0) {
        for (int rows = 0; rows < 1'000 && sqlite3_step(statement->get()) == SQLITE_ROW; ++rows) {
        }
      }
    }
    STRATA_ASSERT(rows("select name, value from strata_state") == own);
    STRATA_ASSERT(rows("select count(*) from sqlite_master where type = 'trigger' or sql like 'create virtual%'") ==
                  "0;");
    STRATA_ASSERT(rows("select count(*) from sqlite_temp_master") == "0;");
    STRATA_ASSERT(connection_.in_transaction());
    STRATA_ASSERT(connection_.run("rollback to fuzz; release fuzz").has_value());
    check_surroundings();
  }

 private:
  std::string rows(const std::string& sql) {
    std::string text;
    auto statement = connection_.prepare(sql);
    STRATA_ASSERT(statement.has_value());
    for (;;) {
      const auto more = statement->step();
      STRATA_ASSERT(more.has_value());
      if (!*more) return text;
      for (int i = 0; i < sqlite3_column_count(statement->get()); ++i) {
        text += to_json(statement->value(i)) + (i + 1 < sqlite3_column_count(statement->get()) ? "," : ";");
      }
    }
  }
  std::string content() {
    return rows("select type, name, sql from sqlite_master order by name") + rows("select * from t order by id") +
           rows("select * from strata_state");
  }
  std::string settings() {
    std::string text;
    for (const char* name : kSettings) text += rows("pragma " + std::string(name));
    return text;
  }
  void check_surroundings() {
    // A database that a statement attached would be the third, after main and temp.
    STRATA_ASSERT(sqlite3_db_name(connection_.get(), 2) == nullptr);
    STRATA_ASSERT(settings() == settings_);
    STRATA_ASSERT(std::filesystem::is_empty(directory_));
    STRATA_ASSERT(!connection_.in_transaction());
  }

  Connection connection_;
  const Limits limits_{
      .statement_ms_max = 200, .rows_max = 1'000, .result_bytes_max = 8 << 20, .value_bytes_max = 1 << 20};
  const core::SystemClock clock_;
  std::string directory_, settings_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static Database database;  // opening one takes far longer than a statement
  const std::string_view sql(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    database.query(sql);
  } else {
    database.execute(sql);
  }
  return 0;
}
