// What hostile SQL may not do, and what ordinary SQL still may.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "store/metadata/metadata_fixture.h"
#include "store/metadata/result_rows.h"

namespace strata::store::metadata {
namespace {

// Each must fail, through query and through execute, and change nothing.
constexpr std::string_view kHostile[] = {
    "attach database '/tmp/strata-escape.db' as x",
    "attach ':memory:' as x",
    "detach main",
    "pragma writable_schema = on",
    "pragma journal_mode = delete",
    "pragma journal_mode",
    "pragma synchronous = off",
    "pragma foreign_keys = off",
    "pragma ignore_check_constraints = on",
    "pragma trusted_schema = on",
    "pragma temp_store_directory = '/tmp'",
    "pragma data_version",
    "pragma database_list",
    "pragma wal_checkpoint(truncate)",
    "pragma user_version = 7",
    "pragma application_id = 7",
    "pragma query_only = off",
    "pragma cache_size = 1000000000",
    "pragma mmap_size = 1000000000",
    "pragma hard_heap_limit = 0",
    "pragma incremental_vacuum",
    "pragma optimize",
    "select * from pragma_database_list",
    "select * from pragma_wal_checkpoint",
    "select * from pragma_journal_mode",
    "select * from pragma_module_list",
    "select * from pragma_function_list",
    "select * from pragma_compile_options",
    "select load_extension('/tmp/evil.so')",
    "select load_extension('/tmp/evil.so', 'entry')",
    "select writefile('/tmp/strata-escape', 'x')",
    "select readfile('/etc/passwd')",
    "select edit('x')",
    "select fts3_tokenizer('simple')",
    "select fts3_tokenizer('simple', x'0000000000000000')",
    "select sqlite_rename_table('main', 'table', 'a', 'b', 'c', 'd', 0)",
    "select sqlite_compileoption_get(1)",
    "select sqlite_offset(id) from t",
    "select sqlite_log(1, 'x')",
    "select * from dbstat",
    "select * from sqlite_stmt",
    "select * from sqlite_dbpage",
    "select * from bytecode('select 1')",
    "select * from fts3tokenize",
    "select * from strata_state",
    "select count(*) from strata_state",
    "select * from strata_history",
    "select 1 where exists (select 1 from strata_history)",
    "with x as (select undo from strata_history) select * from x",
    "insert into strata_state values ('applied_lsn', 0)",
    "update strata_state set value = 0",
    "update STRATA_STATE set value = 0",
    "update main.\"strata_state\" set value = 0",
    "delete from strata_history",
    "delete from strata_settings",
    "insert into strata_settings values ('a', '1')",
    "replace into strata_migrations values ('a', 1, '')",
    "drop table strata_state",
    "drop table strata_history",
    "drop index strata_history_by_lsn",
    "alter table strata_state rename to mine",
    "alter table t rename to strata_mine",
    "alter table strata_settings add column x",
    "create table strata_x(id integer primary key)",
    "create index strata_i on t(v)",
    "create index i on strata_history(lsns)",
    "create view strata_v as select 1",
    "create view v as select * from strata_history; select * from v",
    "create table sqlite_x(id integer primary key)",
    "update sqlite_master set sql = 'x'",
    "insert into sqlite_schema values ('table', 'a', 'a', 0, 'create table a(x)')",
    "delete from sqlite_schema",
    "delete from sqlite_sequence",
    "insert into sqlite_sequence values ('t', 5)",
    "create trigger tr after insert on t begin delete from t; end",
    "create temp trigger tr after insert on t begin delete from t; end",
    "drop trigger tr",
    "create virtual table f using fts5(x)",
    "create virtual table r using rtree(id, a, b)",
    "create virtual table d using dbstat",
    "create virtual table e using fts3(tokenize=simple)",
    "create temp table x(id integer primary key)",
    "create temporary view x as select 1",
    "create temp table x as select * from t",
    "begin",
    "begin exclusive",
    "commit",
    "end",
    "rollback",
    "savepoint statement",
    "release statement",
    "rollback to statement",
    "vacuum",
    "vacuum into '/tmp/strata-escape.db'",
    "reindex",
    "reindex t",
    "analyze",
    "analyze t",
    "select 1; drop table t",
    "insert into t values (9, 'x'); commit",
    "select * from t; attach 'x' as y",
    "explain insert into t values (9, 'x')",
    "create table y as select * from t",
    "create table y(a, b)",
    "select * from other.t",
    "select x'00' || (select * from t, strata_state)",
    "values (load_extension('x'))",
    "insert into t select 9, load_extension('x')",
    "insert into t values (9, (select undo from strata_history))",
    "delete from t returning (select value from strata_state)",
    "update t set v = (select value from strata_state)",
    "create table z(id integer primary key, x default (load_extension('y')))",
    "create table z(id integer primary key, x check (load_extension('y')))",
};

TEST(Guard, WithstandsHostileStatements) {
  static_assert(std::size(kHostile) >= 60);
  World world;
  ASSERT_OK(world.db()->execute("create table t(id integer primary key, v text)"));
  ASSERT_OK(world.db()->execute("insert into t values (1, 'kept')"));
  const auto before = world.store().summarize(world.visible());
  const std::size_t records = world.journal_.size();
  for (const std::string_view sql : kHostile) {
    EXPECT_FALSE(world.db()->query(sql).has_value()) << sql;
    auto tx = world.begin();
    const auto executed = (*tx)->execute(sql);
    if (executed.has_value()) {
      // What only a row that is inserted would reach must fail then.
      EXPECT_FALSE((*tx)->execute("insert into z(id) values (1)").has_value()) << sql;
    } else {
      EXPECT_NE(executed.error().code(), ErrorCode::internal) << sql << ": " << executed.error().to_string();
    }
    tx->rollback();
  }
  EXPECT_EQ(world.journal_.size(), records);
  EXPECT_EQ(*world.store().summarize(world.visible()), *before);
  EXPECT_FALSE(std::filesystem::exists("/tmp/strata-escape"));
  EXPECT_FALSE(std::filesystem::exists("/tmp/strata-escape.db"));
  EXPECT_OK(world.db()->execute("insert into t values (2, 'after')"));
}

TEST(Guard, SaysWhyItRefuses) {
  World world;
  const auto refused = [&](std::string_view sql) { return world.db()->execute(sql).error().to_string(); };
  ASSERT_OK(world.db()->execute("create table b(id integer primary key)"));
  EXPECT_NE(refused("create trigger a after insert on b begin select 1; end").find("triggers are not supported"),
            std::string::npos);
  EXPECT_NE(refused("create virtual table f using fts5(x)").find("virtual tables are not supported"),
            std::string::npos);
  EXPECT_NE(refused("attach 'x' as y").find("attach"), std::string::npos);
  EXPECT_NE(refused("pragma journal_mode = off").find("pragma journal_mode"), std::string::npos);
  EXPECT_NE(refused("select 1; select 2").find("two statements where one is allowed; the second begins at: select 2"),
            std::string::npos);
  EXPECT_NE(refused("begin").find("use its transactions"), std::string::npos);
}

TEST(Guard, LetsOrdinarySqlThrough) {
  World world;
  ASSERT_OK(world.db()->execute("create table t(id integer primary key, v text, j text)"));
  ASSERT_OK(world.db()->execute("insert into t values (1, 'a', '{\"x\":[1,2]}'), (2, 'b', null)"));
  for (const char* sql :
       {"select t.id, e.value from t, json_each(t.j, '$.x') e", "select * from pragma_table_info('t')",
        "pragma table_info(t)", "pragma index_list(t)", "select name from sqlite_schema where type = 'table'",
        "explain query plan select * from t",
        "with recursive c(n) as (select 1 union all select n + 1 from c where n < 10) select sum(n) from c",
        "select row_number() over (order by id), lag(v) over (order by id) from t",
        "select count(*), group_concat(v, ','), max(id), avg(id) from t group by id % 2 having count(*) > 0",
        "select strftime('%Y', 'now'), random(), hex(randomblob(4)), printf('%d', 3), round(2.5), j ->> '$.x' from t",
        "select * from strata_settings", "values (1), (2)", "select 1 as a union select 2 except select 3"}) {
    EXPECT_OK(world.db()->query(sql));
  }
  EXPECT_OK(world.db()->execute(
      "insert into t(id, v) values (1, 'z') on conflict(id) do update set v = excluded.v returning id"));
  EXPECT_OK(world.db()->execute("update t set v = random() where id in (select id from t)"));
  EXPECT_OK(world.db()->execute("insert into t(id, v) select value, key from json_each('[7, 8]')"));
  EXPECT_EQ(world.db()->query("select count(*) from t where id >= 7")->rows[0][0], Value(2));
  EXPECT_OK(world.db()->execute("replace into t values (2, current_timestamp, null)"));
  EXPECT_OK(world.db()->execute("alter table t rename column v to w"));
  EXPECT_OK(world.db()->execute("alter table t drop column j"));
  EXPECT_OK(world.db()->execute("alter table t rename to t2"));
  EXPECT_OK(world.db()->execute("drop table t2"));
}

TEST(Guard, StopsWhatRunsTooLongOrGrowsTooLarge) {
  MetadataOptions options;
  options.limits.statement_ms_max = 100;
  options.limits.rows_max = 1'000;
  options.limits.result_bytes_max = 1 << 20;
  options.limits.value_bytes_max = 1 << 20;
  World world(options);
  ASSERT_OK(world.db()->execute("create table t(id integer primary key, v)"));
  const std::string endless = "with recursive c(n) as (select 1 union all select n + 1 from c) ";
  EXPECT_CODE(world.db()->query(endless + "select count(*) from c"), timeout);
  EXPECT_CODE(world.db()->execute("insert into t " + endless + "select n, n from c where n < 0"), timeout);
  EXPECT_CODE(world.db()->query(endless + "select n from c"), resource_exhausted);
  EXPECT_CODE(world.db()->query(endless + "select zeroblob(100000) from c limit 100"), resource_exhausted);
  EXPECT_CODE(world.db()->query("select zeroblob(10000000)"), invalid_argument);
  EXPECT_CODE(world.db()->put_row("t", {{"id", 1}, {"v", std::string(2 << 20, 'x')}}), invalid_argument);
  EXPECT_CODE(world.db()->query("select " + std::string(300, '(') + "1" + std::string(300, ')')), invalid_argument);
  EXPECT_CODE(world.db()->query(std::string("select 1 \0 from t", 17)), invalid_argument);
  EXPECT_CODE(world.db()->query("select " + std::string(2 << 20, ' ') + "1"), invalid_argument);
  EXPECT_OK(world.db()->put_row("t", {{"id", 1}, {"v", std::string(1 << 19, 'x')}}));
  EXPECT_OK(world.db()->query("select v from t"));
}

// A connection of its own, in which our own SQL, which nobody guards, changes the schema between the reads of a user.
class KeptStatements : public ::testing::Test {
 protected:
  void define(const char* sql) { ASSERT_OK(connection_.run(sql)); }
  Result<ReadRows> read(std::string_view sql, std::span<const Value> parameters = {}) {
    return read_rows(connection_, sql, parameters, limits_, clock_);
  }
  // How often the statement that is kept for this text has run; 0: none is kept.
  int runs(std::string_view sql) {
    auto kept = connection_.user_statements().take(sql);
    if (!kept) return 0;
    const int runs = sqlite3_stmt_status(kept->statement.get(), SQLITE_STMTSTATUS_RUN, 0);
    connection_.user_statements().keep(std::move(kept));
    return runs;
  }

  Connection connection_ = Connection::open("", Connection::Role::scratch, 1 << 20).value();
  Limits limits_;
  core::SystemClock clock_;
};

TEST_F(KeptStatements, RunAgainWithOtherParameters) {
  define("create table t(id integer primary key, v text); insert into t values (1, 'a'), (2, 'b')");
  const std::string_view sql = "select v from t where id = ?";
  const Value one(1), two(2);
  EXPECT_EQ(read(sql, {&one, 1})->rows.rows[0][0], Value("a"));
  EXPECT_EQ(read(sql, {&two, 1})->rows.rows[0][0], Value("b"));
  EXPECT_EQ(runs(sql), 2);
  EXPECT_CODE(read(sql), invalid_argument);  // not the parameter of the call before
  // It waits without its parameters: they may be large.
  ASSERT_OK(read(sql, {&two, 1}));
  auto kept = connection_.user_statements().take(sql);
  ASSERT_NE(kept, nullptr);
  char* expanded = sqlite3_expanded_sql(kept->statement.get());
  EXPECT_STREQ(expanded, "select v from t where id = NULL");
  sqlite3_free(expanded);
}

TEST_F(KeptStatements, FollowTheSchema) {
  define("create table t(id integer primary key, v text); insert into t values (1, 'a'); create table u(id integer)");
  define("create view w as select id from t");
  const std::string_view all = "select * from t", view = "select * from w";
  EXPECT_EQ(read(all)->rows.columns.size(), 2u);
  const auto tables_of = [&] {
    const auto rows = read(view);
    EXPECT_OK(rows);
    return rows.has_value() ? std::set<std::string>(rows->tables.begin(), rows->tables.end()) : std::set<std::string>();
  };
  EXPECT_EQ(tables_of(), (std::set<std::string>{"t", "w"}));
  define("alter table t add column x integer default 7");
  const auto wider = read(all);
  ASSERT_OK(wider);
  EXPECT_EQ(wider->rows.columns, (std::vector<std::string>{"id", "v", "x"}));
  EXPECT_EQ(wider->declared_types, (std::vector<std::string>{"INTEGER", "TEXT", "INTEGER"}));
  EXPECT_EQ(wider->rows.rows[0][2], Value(7));
  EXPECT_GE(runs(all), 2);  // compiled again where it was
  define("drop view w; create view w as select id from u");
  EXPECT_EQ(tables_of(), (std::set<std::string>{"u", "w"}));
  define("drop table t");
  EXPECT_CODE(read(all), invalid_argument);
  EXPECT_EQ(runs(all), 0);
  define("create table t(other text)");
  EXPECT_EQ(read(all)->rows.columns, (std::vector<std::string>{"other"}));
}

TEST_F(KeptStatements, AreGuardedWhenSqliteCompilesThemAgain) {
  define("create table strata_state(name text primary key, value integer); create table t(id integer)");
  define("create view w as select id from t");
  ASSERT_OK(read("select * from w"));
  EXPECT_EQ(runs("select * from w"), 1);
  define("drop view w; create view w as select value from strata_state");
  EXPECT_CODE(read("select * from w"), permission_denied);
  EXPECT_CODE(read("select * from w"), permission_denied);
  EXPECT_EQ(runs("select * from w"), 0);
  define("drop view w; create view w as select sqlite_source_id()");
  EXPECT_CODE(read("select * from w"), permission_denied);
}

TEST_F(KeptStatements, AreNotKeptWhenTheyFailed) {
  define("create table t(id integer)");
  EXPECT_CODE(read("select abs(-9223372036854775807 - 1) from t union all select abs(-9223372036854775807 - 1)"),
              invalid_argument);
  limits_.rows_max = 1;
  EXPECT_CODE(read("values (1), (2)"), resource_exhausted);
  EXPECT_EQ(connection_.user_statements().count(), 0u);
}

TEST_F(KeptStatements, ServeOneReaderAtATime) {
  ASSERT_OK(read("values (1), (2)"));
  StatementCache& cache = connection_.user_statements();
  auto busy = cache.take("values (1), (2)");
  ASSERT_NE(busy, nullptr);
  EXPECT_TRUE(*busy->statement.step());
  EXPECT_EQ(cache.take("values (1), (2)"), nullptr);
  EXPECT_EQ(read("values (1), (2)")->rows.rows.size(), 2u);  // with one of its own
  EXPECT_TRUE(*busy->statement.step());                      // which left this one where it was
  EXPECT_EQ(busy->statement.integer(0), 2);
}

TEST_F(KeptStatements, AreBoundedInNumberAndBytes) {
  StatementCache& cache = connection_.user_statements();
  const auto numbered = [](std::size_t i) { return "select " + std::to_string(i); };
  for (std::size_t i = 0; i < StatementCache::kCountMax; ++i) ASSERT_OK(read(numbered(i)));
  EXPECT_EQ(cache.count(), StatementCache::kCountMax);
  ASSERT_OK(read(numbered(0)));
  ASSERT_OK(read("select 'one more'"));
  EXPECT_EQ(cache.count(), StatementCache::kCountMax);
  EXPECT_EQ(runs(numbered(0)), 2);
  EXPECT_EQ(runs(numbered(1)), 0);  // the least recently used
  EXPECT_GT(cache.bytes(), 64 * StatementCache::kCountMax);
  const std::string long_text(100'000, 'x');
  for (int i = 0; i < 20; ++i) {
    ASSERT_OK(read("select " + std::to_string(i) + ", '" + long_text + "'"));
    EXPECT_LE(cache.bytes(), StatementCache::kBytesMax);
  }
  EXPECT_GT(cache.count(), 0u);
  ASSERT_OK(read("select '" + std::string(StatementCache::kBytesMax, 'x') + "'"));
  EXPECT_EQ(cache.count(), 0u);
  EXPECT_EQ(cache.bytes(), 0u);
}

}  // namespace
}  // namespace strata::store::metadata
