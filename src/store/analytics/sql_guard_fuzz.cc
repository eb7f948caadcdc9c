// Any text as a user's query, against DuckDB itself: what the guard lets through, and DuckDB prepares as one reading
// statement, changes no table, attaches nothing, changes no setting and makes no file.
#include <unistd.h>

#include <filesystem>

#include "core/assert.h"
#include "core/clock.h"
#include "store/analytics/duckdb_session.h"
#include "store/analytics/sql_guard.h"
#include "store/analytics/watchdog.h"

using namespace strata;
using namespace strata::store::analytics;

namespace {

constexpr std::size_t kRowsMax = 1'000;
constexpr std::int64_t kQueryMs = 500;

class Database {
 public:
  Database() : database_(DuckDatabase::open("", {.memory_bytes_max = 64 << 20, .threads = 1}).value()) {
    ours_ = database_->connect().value();
    users_ = database_->connect().value();
    for (const char* sql :
         {"create schema strata", "create table strata.t1 (a bigint, b varchar)",
          "insert into strata.t1 values (1, 'x'), (2, null)", "create view t as select * from strata.t1"}) {
      STRATA_ASSERT(ours_->execute(sql).has_value());
    }
    char path[] = "/tmp/strata-sql-guard-fuzz-XXXXXX";
    directory_ = ::mkdtemp(path);
    std::filesystem::current_path(directory_);  // where a relative name would end up
    state_ = state();
  }
  ~Database() {
    std::filesystem::current_path("/");
    std::filesystem::remove_all(directory_);
  }

  void query(const std::string& sql) {
    if (!check_reading_statement(sql)) return;
    {
      auto statement = users_->prepare_reading(sql);
      if (!statement) return;
      const Watchdog::Guard guard(watchdog_, kQueryMs, [this] { users_->interrupt(); });
      (void)statement->rows(kRowsMax).has_value();
    }
    STRATA_ASSERT(state() == state_);
    STRATA_ASSERT(std::filesystem::is_empty(directory_));
  }

 private:
  /// What must stay as it is: every relation and its definition, the rows, the databases, the settings, the connection's
  /// own variables and prepared statements. (Preparing alone does nothing: only what ran is looked at.)
  std::string state() {
    std::string text;
    for (const char* sql : {"select database_name, schema_name, table_name, sql from duckdb_tables() order by all",
                            "select schema_name, view_name, sql from duckdb_views() where not internal order by all",
                            "select a, b from strata.t1 order by a",
                            "select database_name, path, readonly from duckdb_databases() order by all",
                            "select name, value from duckdb_settings() where name not like '%_seed' order by all",
                            "select * from duckdb_prepared_statements()", "select * from duckdb_variables()",
                            "select sequence_name from duckdb_sequences()"}) {
      auto statement = users_->prepare(sql);
      STRATA_ASSERT(statement.has_value());
      const auto rows = statement->rows(10'000);
      STRATA_ASSERT(rows.has_value());
      for (const auto& row : rows->rows) text += to_json(Value::List(row)) + "\n";
    }
    return text;
  }

  const core::SystemClock clock_;
  Watchdog watchdog_{clock_};
  std::unique_ptr<DuckDatabase> database_;
  std::unique_ptr<DuckConnection> ours_, users_;
  std::string directory_, state_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Database database;  // opening one takes far longer than a query
  database.query({reinterpret_cast<const char*>(data), size});
  return 0;
}
