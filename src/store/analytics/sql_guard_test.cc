// What a user's SQL may not do. Every statement here was tried against DuckDB 1.5.5 through the store; none may change
// anything, reach a file, or change what a later query answers.
#include "store/analytics/sql_guard.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "store/analytics/test_database.h"

namespace strata::store::analytics {
namespace {

constexpr std::string_view kHostile[] = {
    // writing
    "insert into t values (1)",
    "INSERT INTO strata.t1 SELECT * FROM strata.t1",
    "update t set a = 2",
    "delete from t",
    "delete from strata.applied",
    "truncate t",
    "drop view t",
    "drop table strata.t1",
    "drop schema strata cascade",
    "create table x(a int)",
    "create temp table x(a int)",
    "create or replace temp view t as select 666 as a",
    "create macro abs(a) as 666",
    "create type x as enum ('a')",
    "create sequence s",
    "create index i on strata.t1(a)",
    "create secret (type s3, key_id 'a', secret 'b')",
    "alter table strata.t1 add column z int",
    "alter view t rename to u",
    "comment on table strata.t1 is 'x'",
    "merge into strata.t1 using t on true when matched then delete",
    "with x as (select 1) insert into strata.t1 select * from x",
    "with x as (insert into strata.t1 values (1) returning *) from x",
    "/* select */ insert into t values (1)",
    "-- select\ndelete from t",
    "(delete from t)",
    "\xc2\xa0"
    "drop view t",
    // transactions, settings, sessions
    "begin",
    "commit",
    "rollback",
    "abort",
    "checkpoint",
    "force checkpoint",
    "vacuum",
    "analyze",
    "set threads = 1",
    "set variable strata_view = 0",
    "reset variable strata_view",
    "set lock_configuration = false",
    "set enable_external_access = true",
    "pragma enable_external_access = true",
    "set memory_limit = '1TB'",
    "reset all",
    "set schema = 'strata'",
    "use strata",
    "pragma threads = 1",
    "pragma enable_profiling",
    "pragma database_list",
    "pragma enable_verification",
    "call pragma_version()",
    "call enable_logging()",
    "call force_checkpoint()",
    "prepare p as delete from t",
    "execute p",
    "deallocate p",
    // files and extensions
    "copy t to '/tmp/strata-escape.csv'",
    "copy (select 1) to '/tmp/strata-escape.parquet' (format parquet)",
    "copy strata.t1 from '/etc/passwd'",
    "export database '/tmp/strata-escape'",
    "import database '/tmp/strata-escape'",
    "attach '/tmp/strata-escape.db'",
    "attach ':memory:' as m",
    "detach state",
    "install httpfs",
    "load httpfs",
    "force install 'x' from 'http://127.0.0.1/'",
    "update extensions",
    "select * from read_csv('/etc/passwd')",
    "select * from read_text('/etc/passwd')",
    "select * from read_blob('/etc/passwd')",
    "select * from '/etc/passwd'",
    "from '/etc/passwd'",
    "select * from \"/etc/passwd.csv\"",
    "select * from glob('/etc/*')",
    "select * from parquet_scan('/etc/passwd')",
    "select * from read_json_auto('/proc/self/environ')",
    "select * from sniff_csv('/etc/passwd')",
    "select * from 'https://127.0.0.1/x.parquet'",
    "select * from read_duckdb('/tmp/x')",
    "select * from parquet_metadata('/etc/passwd')",
    "select getenv('HOME')",
    "from read_csv(['/etc/passwd','/etc/group'])",
    // functions that act, in every spelling
    "select * from enable_logging(storage='file', storage_path='/tmp/strata-escape')",
    "from enable_logging()",
    "from \"enable_logging\"()",
    "from Enable_Logging  ()",
    "from system.main.enable_logging()",
    "from enable_logging/* x */(level='trace')",
    "from enable_logging--\n()",
    "from enable_logging\xc2\xa0()",
    "from disable_logging()",
    "from enable_profiling(save_location='/tmp/strata-escape')",
    "from checkpoint()",
    "from force_checkpoint()",
    "from query('drop view t')",
    "from query('select 1')",
    "from query_table('t')",
    "from truncate_duckdb_logs()",
    "select write_log('x')",
    "from json_execute_serialized_sql('{}')",
    "from arrow_scan(1, 2, 3)",
    "with x as (select 1) from x, checkpoint()",
    "select (select count(*) from checkpoint())",
    "select $$ ' $$, * from checkpoint() --'",
    "select e'\\'', * from checkpoint() --'",
    "select '' '' , * from checkpoint()",
    "select $1, * from checkpoint() where $1 is null",
    // what it could learn
    "from duckdb_secrets()",
    "from duckdb_settings()",
    "select * from duckdb_settings",
    "from pragma_database_list",
    "from duckdb_databases()",
    "from duckdb_temporary_files()",
    "select current_setting('temp_directory')",
    // explain runs what it explains
    "explain analyze delete from t",
    "explain analyze create temp table x(a int)",
    "explain analyze set threads = 1",
    "explain analyze copy t to '/tmp/strata-escape'",
    "explain (analyze, format json) delete from t",
    "explain insert into t values (1)",
    "explain explain analyze drop view t",
    // several statements, none, and text that is no SQL
    "select 1; drop view t",
    "select 1; select 2",
    "; drop view t",
    "",
    ";",
    "-- nothing",
    "/* nothing",
    "select",
    "selec 1",
    "pivot t on a using sum(a); drop view t",
    "\"select\" 1",
    "'",
    "$$",
    "select '",
    "((((((((((",
    "select 1 \\g",
    "\\copy t",
};

class SqlGuardTest : public testing::Test {
 protected:
  void SetUp() override {
    auto tx = db_.begin();
    ASSERT_TRUE(tx->create_table("t", std::vector<ColumnDefinition>{{"a", ColumnType::integer}}));
    ASSERT_TRUE(tx->append("t", Map{{"a", 1}}));
    ASSERT_TRUE(tx.commit());
  }
  std::string ask(std::string_view sql) { return show(db_.view()->query(sql)); }
  TestDatabase db_{TestDatabase::Disk::real};
};

TEST_F(SqlGuardTest, NoHostileStatementHasAnEffect) {
  std::filesystem::remove("/tmp/strata-escape");
  static_assert(std::size(kHostile) >= 60);
  for (const std::string_view sql : kHostile) {
    const auto answer = db_.view()->query(sql);
    ASSERT_FALSE(answer) << sql;
    const ErrorCode code = answer.error().code();
    EXPECT_TRUE(code == ErrorCode::permission_denied || code == ErrorCode::invalid_argument)
        << sql << ": " << answer.error().to_string();
    EXPECT_EQ(ask("select a from t"), "a=1") << "after " << sql;
    const auto arrow = db_.view()->query_arrow(sql);
    EXPECT_FALSE(arrow) << sql;
  }
  // A transaction that has written asks on the writer's connection: the same rules.
  for (const std::string_view sql : kHostile) {
    auto tx = db_.begin();
    ASSERT_TRUE(tx->append("t", Map{{"a", 2}}));
    EXPECT_FALSE(tx->query(sql)) << sql;
  }
  EXPECT_EQ(ask("select a from t"), "a=1");
  EXPECT_EQ(db_.statistic("engine_rebuilds"), 0);
  for (const auto& file : std::filesystem::directory_iterator("/tmp")) {
    EXPECT_FALSE(file.path().filename().string().starts_with("strata-escape")) << file.path();
  }
}

TEST_F(SqlGuardTest, ReadingInEveryFormIsAllowed) {
  for (const std::string_view sql : {"select a from t",
                                     "SELECT a FROM t;",
                                     "from t",
                                     "table t",
                                     "with x as (from t) select * from x",
                                     "values (1)",
                                     "(select 1)",
                                     "describe t",
                                     "show tables",
                                     "summarize t",
                                     "explain select * from t",
                                     "explain analyze select * from t",
                                     "explain (format json) from t",
                                     "select * from range(3)",
                                     "select unnest([1, 2])",
                                     "pivot t on a in (1) using sum(a)",
                                     "select 'drop table t; insert', \"a\" from t -- ;",
                                     "select $$checkpoint()$$",
                                     "select 1 as checkpoint",
                                     "select a as query from t",
                                     "select /* drop */ 1",
                                     "select '\xc3\xbc'",
                                     "select count(*) from generate_series(1, 10)",
                                     "select version()",
                                     "select * from information_schema.tables limit 1",
                                     "select list(a), {'x': a} from t group by a",
                                     "select e'\\'' || 'x'",
                                     "select * from t where a in (select a from t)"}) {
    const auto answer = db_.view()->query(sql);
    EXPECT_TRUE(answer) << sql << ": " << (answer ? "" : answer.error().to_string());
  }
}

TEST_F(SqlGuardTest, EveryTableFunctionOfThisDuckDbWasLookedAt) {
  const auto functions = db_.view()->query(
      "select distinct function_name from duckdb_functions() where function_type in ('table', 'table_macro', "
      "'pragma')");
  ASSERT_TRUE(functions) << functions.error().to_string();
  EXPECT_GT(functions->rows.size(), 100u);
  const auto allowed = allowed_table_functions();
  EXPECT_TRUE(std::is_sorted(allowed.begin(), allowed.end()));
  for (const auto& row : functions->rows) {
    const std::string& name = *row[0].text();
    const bool known = std::binary_search(allowed.begin(), allowed.end(), name);
    EXPECT_NE(known, is_refused_function(name)) << name << " must be in one of the two lists of sql_guard.cc";
  }
}

TEST_F(SqlGuardTest, AStatementHasAnEnd) {
  const std::string longest = "select 1 -- " + std::string(kSqlBytesMax, 'x');
  EXPECT_EQ(db_.view()->query(longest).error().code(), ErrorCode::invalid_argument);
  EXPECT_FALSE(db_.view()->query(std::string("select 1\0; drop view t", 22)));
  // Depth is the parser's affair; it must answer, not fall over.
  (void)db_.view()->query("select " + std::string(100'000, '(') + "1" + std::string(100'000, ')'));
  std::string negations = "select ";
  for (int i = 0; i < 100'000; ++i) negations += "not ";
  EXPECT_FALSE(db_.view()->query(negations + "true"));
  EXPECT_EQ(ask("select a from t"), "a=1");
}

}  // namespace
}  // namespace strata::store::analytics
