// What users of the metadata store see: rows by key, SQL in transactions, conflicts, constraints.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "core/random.h"
#include "store/metadata/metadata_fixture.h"

namespace strata::store::metadata {
namespace {

constexpr std::string_view kNote = "create table note(id text primary key, title text, score real, lsn integer)";

std::int64_t count(World& world, std::string_view sql, std::initializer_list<Value> parameters = {}) {
  auto rows = world.db()->query(sql, parameters);
  EXPECT_OK(rows);
  return rows.has_value() && !rows->rows.empty() ? *rows->rows[0][0].integer() : -1;
}

TEST(MetadataStore, ReadsARowByKeyAtOnceAndThroughSql) {
  World world;
  ASSERT_OK(world.db()->execute(kNote));
  ASSERT_OK(world.db()->put_row("note", {{"id", "n1"}, {"title", "Why"}, {"score", 1}}));
  const auto row = world.db()->get_row("note", {{"id", "n1"}});
  ASSERT_OK(row);
  ASSERT_TRUE(*row);
  EXPECT_EQ(**row, (Map{{"id", "n1"}, {"title", "Why"}, {"score", 1.0}, {"lsn", Value()}}));
  const auto rows = world.db()->query("select id, score, lsn from note where title = ?", {"Why"});
  ASSERT_OK(rows);
  EXPECT_EQ(rows->columns, (std::vector<std::string>{"id", "score", "lsn"}));
  ASSERT_EQ(rows->rows.size(), 1u);
  EXPECT_EQ(rows->rows[0][1], Value(1.0));
}

TEST(MetadataStore, WritesTheCommitLsnWhereItIsAskedFor) {
  World world;
  ASSERT_OK(world.db()->execute(kNote));
  auto tx = world.begin();
  ASSERT_OK((*tx)->put_row("note", {{"id", "n1"}, {"lsn", kCommitLsn}}));
  EXPECT_EQ(*(*(*tx)->get_row("note", {{"id", "n1"}}).value()).find("lsn"), Value(kCommitLsn));
  ASSERT_OK((*tx)->execute("update note set title = 'x' where id = 'n1'"));  // the mark survives SQL
  const Lsn lsn = tx->commit().value();
  EXPECT_EQ(*(*world.db()->get_row("note", {{"id", "n1"}}).value()).find("lsn"), Value(lsn));
  EXPECT_EQ(count(world, "select lsn from note where title = 'x'"), static_cast<std::int64_t>(lsn));
  EXPECT_CODE(world.db()->put_row("note", {{"id", kCommitLsn}}), invalid_argument);
}

TEST(MetadataStore, SeesItsOwnWritesAndHidesThemUntilCommit) {
  World world;
  ASSERT_OK(world.db()->execute(kNote));
  auto tx = world.begin();
  ASSERT_OK((*tx)->put_row("note", {{"id", "n1"}, {"title", "a"}}));
  ASSERT_OK((*tx)->execute("insert into note(id, title) values ('n2', 'b')"));
  ASSERT_OK((*tx)->execute("update note set title = title || '!'"));
  EXPECT_EQ((*tx)->query("select title from note order by id")->rows[0][0], Value("a!"));
  EXPECT_EQ(*(*(*tx)->get_row("note", {{"id", "n2"}}).value()).find("title"), Value("b!"));
  EXPECT_EQ(count(world, "select count(*) from note"), 0);
  EXPECT_FALSE(world.db()->get_row("note", {{"id", "n1"}})->has_value());
  ASSERT_OK(tx->commit());
  EXPECT_EQ(count(world, "select count(*) from note"), 2);
}

TEST(MetadataStore, ForgetsWhatWasRolledBack) {
  World world;
  ASSERT_OK(world.db()->execute(kNote));
  auto tx = world.begin();
  ASSERT_OK((*tx)->execute("insert into note(id) values ('n1')"));
  ASSERT_OK((*tx)->execute("create table other(id integer primary key)"));
  tx->rollback();
  EXPECT_EQ(count(world, "select count(*) from note"), 0);
  EXPECT_CODE(world.db()->query("select * from other"), invalid_argument);
}

TEST(MetadataStore, ADefinitionThatFindsNothingToDoIsNoErrorAndWritesNothing) {
  World world;
  ASSERT_OK(world.db()->execute(kNote));
  ASSERT_OK(world.db()->execute("create index note_title on note(title)"));
  ASSERT_OK(world.db()->execute("create view titles as select title from note"));
  for (const char* sql : {"create index if not exists note_title on note(title)", "drop table if exists other",
                          "DROP INDEX IF EXISTS other", "drop view if exists other",
                          " -- why\n /* twice */ drop table if exists other"}) {
    const auto done = world.db()->execute(sql);
    ASSERT_TRUE(done.has_value()) << sql;
    EXPECT_EQ(done->rows_changed, 0u) << sql;
  }
  EXPECT_CODE(world.db()->execute("vacuum"), invalid_argument);
  EXPECT_EQ(world.db()->query("select name from sqlite_master where name = 'note_title'")->rows.size(), 1u);
  const Migration migrations[] = {{1, "drop table if exists other; create table more(id integer primary key);"}};
  ASSERT_OK(world.db()->migrate("test", migrations));
  EXPECT_EQ(count(world, "select count(*) from more"), 0);
}

TEST(MetadataStore, TheLastRowidIsOfAnInsertOfThisStatement) {
  World world;
  EXPECT_EQ(world.db()->execute("create table person(id integer primary key, name text)")->last_insert_rowid, 0);
  EXPECT_EQ(world.db()->execute("insert into person(name) values ('Ada'), ('Bo')")->last_insert_rowid, 2);
  EXPECT_EQ(world.db()->execute("update person set name = 'Al' where id = 1")->last_insert_rowid, 0);
  EXPECT_EQ(world.db()->execute("create index person_name on person(name)")->last_insert_rowid, 0);
}

TEST(MetadataStore, TheKeyOfASettingHasALength) {
  World world;
  EXPECT_CODE(world.db()->set("", 1), invalid_argument);
  EXPECT_CODE(world.db()->set(std::string(1'025, 'k'), 1), invalid_argument);
  EXPECT_OK(world.db()->set(std::string(1'024, 'k'), 1));
}

TEST(MetadataStore, WhatIsQuotedFromAUserIsCut) {
  World world;
  const std::string long_name(1'000'000, 'x');
  for (const Error& error : {world.db()->put_row(long_name, {{"a", 1}}).error().clone(),
                             world.db()->put_row("strata_" + long_name, {{"a", 1}}).error().clone(),
                             world.db()->execute("select 1; select '" + long_name + "'").error().clone()}) {
    EXPECT_LT(error.message().size(), 300U);
  }
}

TEST(MetadataStore, DefinesATableAndFillsItInOneTransaction) {
  World world;
  auto tx = world.begin();
  ASSERT_OK((*tx)->execute("create table person(id integer primary key, name text not null default 'nobody')"));
  ASSERT_OK((*tx)->put_row("person", {{"id", 1}, {"name", "Ada"}}));
  ASSERT_OK((*tx)->put_row("person", {{"id", 2}}));
  ASSERT_OK((*tx)->execute("create index person_name on person(name)"));
  ASSERT_OK((*tx)->execute("alter table person add column born integer default 1815"));
  ASSERT_OK((*tx)->put_row("person", {{"id", 3}, {"born", 1912}}));
  EXPECT_EQ(*(*(*tx)->get_row("person", {{"id", 1}}).value()).find("born"), Value(1815));
  ASSERT_OK(tx->commit());
  EXPECT_EQ(count(world, "select count(*) from person where name = 'nobody'"), 2);
  EXPECT_EQ(count(world, "select born from person where id = 3"), 1912);
  world.reopen();
  EXPECT_EQ(count(world, "select sum(born) from person"), 1815 * 2 + 1912);
}

TEST(MetadataStore, LetsConcurrentSqlWritersOfDifferentRowsBothCommit) {
  World world;
  ASSERT_OK(world.db()->execute(kNote));
  ASSERT_OK(world.db()->execute("insert into note(id, score) values ('a', 1), ('b', 2)"));
  auto first = world.begin(), second = world.begin();
  ASSERT_OK((*first)->execute("update note set score = score + 10 where id = 'a'"));
  ASSERT_OK((*second)->execute("update note set score = score + 10 where id = 'b'"));
  ASSERT_OK((*first)->execute("update note set title = 'first' where id = 'a'"));
  ASSERT_OK(first->commit());
  ASSERT_OK((*second)->execute("update note set title = 'second' where id = 'b'"));
  ASSERT_OK(second->commit());
  EXPECT_EQ(count(world, "select cast(sum(score) as integer) from note where title is not null"), 23);
}

TEST(MetadataStore, RefusesTheSecondWriterOfOneRow) {
  World world;
  ASSERT_OK(world.db()->execute(kNote));
  ASSERT_OK(world.db()->execute("insert into note(id, score) values ('a', 1)"));
  auto first = world.begin(), second = world.begin(), third = world.begin();
  ASSERT_OK((*first)->execute("update note set score = 2"));
  ASSERT_OK((*second)->execute("update note set score = 3"));
  ASSERT_OK((*third)->put_row("note", {{"id", "a"}}));
  ASSERT_OK(first->commit());
  const auto refused = second->commit();
  EXPECT_CODE(refused, conflict);
  EXPECT_NE(refused.error().message().find("note:a"), std::string::npos) << refused.error().message();
  EXPECT_CODE(third->commit(), conflict);
}

TEST(MetadataStore, AnswersTheSameTextAnewWhenTablesChanged) {
  World world;
  ASSERT_OK(world.db()->execute("create table t(id integer primary key)"));
  ASSERT_OK(world.db()->execute("insert into t values (1)"));
  const auto columns = [&] { return world.db()->query("select * from t")->columns.size(); };
  EXPECT_EQ(columns(), 1u);
  EXPECT_EQ(columns(), 1u);
  ASSERT_OK(world.db()->execute("alter table t add column v text"));
  EXPECT_EQ(columns(), 2u);
  // On the writer's connection, whose definitions can be taken back.
  for (std::size_t width : {1, 2}) {
    auto tx = world.begin();
    ASSERT_OK((*tx)->execute(width == 1 ? "create view w as select 1" : "create view w as select 1, 2"));
    EXPECT_EQ((*tx)->query("select * from w")->columns.size(), width);
    tx->rollback();
    EXPECT_CODE(world.db()->query("select * from w"), invalid_argument);
  }
  ASSERT_OK(world.db()->execute("drop table t"));
  EXPECT_CODE(world.db()->query("select * from t"), invalid_argument);
}

TEST(MetadataStore, RunsAStatementOnItsViewAlsoWhenOthersCommittedSince) {
  World world;
  ASSERT_OK(world.db()->execute(kNote));
  ASSERT_OK(world.db()->execute("insert into note(id, score) values ('a', 1)"));
  auto tx = world.begin();
  ASSERT_OK(world.db()->execute("insert into note(id, score) values ('b', 100)"));
  EXPECT_EQ(count(world, "select count(*) from note"), 2);  // SQLite has it by now
  ASSERT_OK((*tx)->execute("insert into note(id, score) select 'sum', sum(score) from note"));
  EXPECT_EQ((*tx)->query("select score from note where id = 'sum'")->rows[0][0], Value(1.0));
  ASSERT_OK(tx->commit());
  EXPECT_EQ(count(world, "select count(*) from note"), 3);
}

TEST(MetadataStore, FindsAUniqueValueThatTwoTransactionsTookBeforeTheJournalDoes) {
  World world;
  ASSERT_OK(world.db()->execute("create table account(id integer primary key, email text unique)"));
  auto first = world.begin(), second = world.begin();
  ASSERT_OK((*first)->execute("insert into account values (1, 'a@x')"));
  ASSERT_OK((*second)->execute("insert into account values (2, 'a@x')"));
  ASSERT_OK(first->commit());
  EXPECT_CODE(second->commit(), conflict);
  EXPECT_CODE(world.db()->put_row("account", {{"id", 3}, {"email", "a@x"}}), invalid_argument);
  ASSERT_OK(world.db()->put_row("account", {{"id", 3}, {"email", "b@x"}}));
  EXPECT_EQ(world.journal_.size(), 3u);
}

TEST(MetadataStore, LetsUniqueValuesMoveBetweenRows) {
  World world;
  ASSERT_OK(world.db()->execute("create table seat(id integer primary key, who text unique)"));
  ASSERT_OK(world.db()->execute("insert into seat values (1, 'a'), (2, 'b'), (3, 'c')"));
  auto tx = world.begin();
  ASSERT_OK((*tx)->execute("update seat set who = null where id = 1"));
  ASSERT_OK((*tx)->execute("update seat set who = 'a' where id = 2"));
  ASSERT_OK((*tx)->execute("update seat set who = 'b' where id = 1"));
  ASSERT_OK(tx->commit());
  EXPECT_EQ(world.db()->query("select group_concat(who, '') from (select who from seat order by id)")->rows[0][0],
            Value("bac"));
  world.reopen();
  EXPECT_EQ(count(world, "select id from seat where who = 'a'"), 2);
}

TEST(MetadataStore, KeepsForeignKeysBetweenConcurrentTransactions) {
  World world;
  ASSERT_OK(world.db()->execute("create table parent(id integer primary key)"));
  ASSERT_OK(world.db()->execute(
      "create table child(id integer primary key, parent integer references parent(id) on delete cascade)"));
  ASSERT_OK(world.db()->execute("insert into parent values (1), (2)"));
  ASSERT_OK(world.db()->execute("insert into child values (10, 1), (11, 1), (20, 2)"));
  EXPECT_CODE(world.db()->execute("insert into child values (30, 3)"), invalid_argument);
  EXPECT_CODE(world.db()->put_row("child", {{"id", 30}, {"parent", 3}}), invalid_argument);
  // One removes the parent, with its children; the other gives it another child.
  auto remover = world.begin(), adder = world.begin();
  ASSERT_OK((*remover)->execute("delete from parent where id = 1"));
  EXPECT_EQ((*remover)->query("select count(*) from child")->rows[0][0], Value(1));
  ASSERT_OK((*adder)->execute("insert into child values (12, 1)"));
  ASSERT_OK(remover->commit());
  EXPECT_CODE(adder->commit(), conflict);
  auto late = world.begin(), later = world.begin();
  ASSERT_OK((*late)->execute("insert into child values (21, 2)"));
  ASSERT_OK((*later)->remove_row("parent", {{"id", 2}}));
  ASSERT_OK(late->commit());
  EXPECT_CODE(later->commit(), conflict);
  EXPECT_EQ(count(world, "select count(*) from child"), 2);
  EXPECT_CODE(world.db()->execute("drop table parent"), invalid_argument);
  world.reopen();
  EXPECT_EQ(count(world, "select count(*) from child"), 2);
}

TEST(MetadataStore, ChecksDeferredForeignKeysAtCommit) {
  World world;
  ASSERT_OK(world.db()->execute("create table parent(id integer primary key)"));
  ASSERT_OK(world.db()->execute(
      "create table child(id integer primary key, p integer references parent deferrable initially deferred)"));
  auto tx = world.begin();
  ASSERT_OK((*tx)->execute("insert into child values (1, 7)"));
  ASSERT_OK((*tx)->execute("insert into parent values (7)"));
  ASSERT_OK(tx->commit());
  auto bad = world.begin();
  ASSERT_OK((*bad)->execute("insert into child values (2, 8)"));
  EXPECT_CODE(bad->commit(), invalid_argument);
}

TEST(MetadataStore, ChecksRowsPutByKeyAsSqliteWould) {
  World world;
  ASSERT_OK(
      world.db()->execute("create table t(a text, b integer, c text not null, d integer default 7, e numeric, "
                          "f blob, g default (1 + 1), primary key(a, b)) without rowid"));
  EXPECT_CODE(world.db()->put_row("nowhere", {{"id", 1}}), not_found);
  EXPECT_CODE(world.db()->put_row("t", {{"a", "x"}, {"c", "y"}}), invalid_argument);                  // key missing
  EXPECT_CODE(world.db()->put_row("t", {{"a", "x"}, {"b", Value()}, {"c", "y"}}), invalid_argument);  // key NULL
  EXPECT_CODE(world.db()->put_row("t", {{"a", "x"}, {"b", 1}}), invalid_argument);                    // NOT NULL
  EXPECT_CODE(world.db()->put_row("t", {{"a", "x"}, {"b", 1}, {"z", 1}}), invalid_argument);          // no such column
  ASSERT_OK(world.db()->put_row("t", {{"A", "x"}, {"b", "12"}, {"c", 5}, {"e", "1.50"}, {"f", "bytes?"}}));
  const auto row = world.db()->get_row("t", {{"a", "x"}, {"b", 12}});
  ASSERT_OK(row);
  ASSERT_TRUE(*row);
  EXPECT_EQ(**row, (Map{{"a", "x"}, {"b", 12}, {"c", "5"}, {"d", 7}, {"e", 1.5}, {"f", "bytes?"}, {"g", 2}}));
  EXPECT_TRUE(*world.db()->remove_row("t", {{"a", "x"}, {"b", 12.0}}));
  EXPECT_FALSE(*world.db()->remove_row("t", {{"a", "x"}, {"b", 12}}));
  EXPECT_CODE(world.db()->get_row("t", {{"a", "x"}}), invalid_argument);
  EXPECT_CODE(world.db()->get_row("t", {{"a", "x"}, {"b", 1}, {"c", "y"}}), invalid_argument);
  ASSERT_OK(world.db()->execute("create table s(id integer primary key, n integer, x text) strict"));
  EXPECT_CODE(world.db()->put_row("s", {{"id", 1}, {"n", "many"}}), invalid_argument);
  ASSERT_OK(world.db()->put_row("s", {{"id", 1}, {"n", "12"}, {"x", 3}}));
  EXPECT_EQ(*(*world.db()->get_row("s", {{"id", 1}}).value()).find("x"), Value("3"));
  EXPECT_CODE(world.db()->put_row("s", {{"id", "one"}}), invalid_argument);
  ASSERT_OK(world.db()->execute("create table c(id integer primary key, n integer check (n > 0))"));
  EXPECT_CODE(world.db()->put_row("c", {{"id", 1}, {"n", -1}}), invalid_argument);
  ASSERT_OK(world.db()->put_row("c", {{"id", 1}, {"n", 1}}));
}

TEST(MetadataStore, StoresEveryKindOfValueExactlyAsSqlWould) {
  World world;
  ASSERT_OK(
      world.db()->execute("create table v(id integer primary key, x, i integer, r real, t text, n numeric, b blob)"));
  const Value values[] = {Value(),
                          Value(true),
                          Value(0),
                          Value(-1),
                          Value(INT64_MAX),
                          Value(INT64_MIN),
                          Value(0.5),
                          Value(1e300),
                          Value(3.0),
                          Value(-0.0),
                          Value(""),
                          Value("text"),
                          Value("12"),
                          Value(" 3.25 "),
                          Value("1e3"),
                          Value("0x10"),
                          Value(std::string("nul\0nul", 7)),
                          Value(Bytes{}),
                          Value(Bytes{std::byte{0}, std::byte{255}}),
                          Value(9007199254740993),
                          Value("9223372036854775808")};
  std::int64_t id = 0;
  for (const Value& value : values) {
    ASSERT_OK(world.db()->put_row(
        "v", {{"id", ++id}, {"x", value}, {"i", value}, {"r", value}, {"t", value}, {"n", value}, {"b", value}}));
    const auto by_key = world.db()->get_row("v", {{"id", id}}).value();
    ASSERT_OK(world.db()->execute("insert into v(id, x, i, r, t, n, b) values (?1 + 1000, ?2, ?2, ?2, ?2, ?2, ?2)",
                                  {id, value}));
    auto by_sql = *world.db()->get_row("v", {{"id", id + 1000}}).value();
    by_sql.set("id", id);
    EXPECT_EQ(*by_key, by_sql) << "value " << id << ": " << to_json(value);
    const auto rows = world.db()->query("select x, i, r, t, n, b from v where id = ?", {id});
    ASSERT_OK(rows);
    for (int column = 0; column < 6; ++column) {
      EXPECT_EQ(rows->rows[0][static_cast<std::size_t>(column)],
                *by_key->find(rows->columns[static_cast<std::size_t>(column)]))
          << id;
    }
  }
}

TEST(MetadataStore, AnswersAsOfEveryPastLsnAsAModelDoes) {
  MetadataOptions options;
  options.queue_rows_max = 40;
  World world(options);
  ASSERT_OK(world.db()->execute("create table t(k integer primary key, v integer, w text unique)"));
  core::Random random(7);
  std::vector<std::map<std::int64_t, std::int64_t>> model(2);
  std::map<std::int64_t, std::int64_t> now;
  model[1] = now;
  for (int i = 0; i < 120; ++i) {
    if (random.chance(0.2)) {
      world.skip();
      model.push_back(now);
      continue;
    }
    auto tx = world.begin();
    for (int j = 0; j < 3; ++j) {
      const auto key = static_cast<std::int64_t>(random.below(20));
      if (random.chance(0.3)) {
        ASSERT_OK((*tx)->execute("delete from t where k = ?", {key}));
        now.erase(key);
      } else if (random.chance(0.5)) {
        ASSERT_OK((*tx)->put_row("t", {{"k", key}, {"v", i}}));
        now[key] = i;
      } else {
        ASSERT_OK((*tx)->execute("update t set v = v + 1 where k < ?", {key}));
        for (auto& [k, v] : now) v += k < key;
      }
    }
    ASSERT_OK(tx->commit());
    model.resize(world.visible() + 1, now);
    model[world.visible()] = now;
    if (i == 60) {
      ASSERT_OK(world.checkpoint());
    }
    if (i == 90) world.reopen();
  }
  for (int i = 0; i < 300; ++i) {
    const Lsn lsn = 1 + random.below(world.visible());
    auto view = world.view(lsn);
    std::map<std::int64_t, std::int64_t> seen;
    if (random.chance(0.5)) {
      const auto rows = (*view)->query("select k, v from t");
      ASSERT_OK(rows);
      for (const auto& row : rows->rows) seen[*row[0].integer()] = *row[1].integer();
      EXPECT_EQ(seen, model[lsn]) << "lsn " << lsn;
    } else {
      const auto key = static_cast<std::int64_t>(random.below(20));
      const auto row = (*view)->get_row("t", {{"k", key}});
      ASSERT_OK(row);
      ASSERT_EQ(row->has_value(), model[lsn].contains(key)) << "lsn " << lsn << " key " << key;
      if (*row) {
        EXPECT_EQ(*(*row)->find("v"), Value(model[lsn][key]));
      }
    }
  }
  EXPECT_CODE(world.view(3)->operator->()->execute("delete from t"), failed_precondition);
}

TEST(MetadataStore, NamesTheDefinitionThatAnOldViewCannotCross) {
  World world;
  ASSERT_OK(world.db()->execute("create table a(id integer primary key)"));
  ASSERT_OK(world.db()->execute("insert into a values (1)"));
  const Lsn before = world.visible();
  ASSERT_OK(world.db()->execute("create table b(id integer primary key)"));
  ASSERT_OK(world.db()->execute("insert into a values (2)"));
  EXPECT_EQ((*world.view(before))->query("select count(*) from a")->rows[0][0], Value(1));
  ASSERT_OK(world.db()->execute("alter table a add column x"));
  const auto refused = (*world.view(before))->query("select count(*) from a");
  EXPECT_CODE(refused, unsupported);
  EXPECT_NE(refused.error().message().find("alter table a add column x"), std::string::npos);
}

TEST(MetadataStore, RefusesTablesItCannotFollowWithAdvice) {
  World world;
  for (const char* sql : {"create table t(a, b)", "create table t(a text primary key collate nocase)",
                          "create table t(a text, primary key(a collate nocase))",
                          "create table t(a integer primary key, b as (a + 1))", "create table t as select 1 as a"}) {
    EXPECT_CODE(world.db()->execute(sql), unsupported);
  }
  EXPECT_NE(world.db()->execute("create table t(a, b)").error().message().find("primary key"), std::string::npos);
  EXPECT_EQ(world.journal_.size(), 0u);
  ASSERT_OK(world.db()->execute("create table t(a primary key)"));
  EXPECT_CODE(world.db()->execute("insert into t values (null)"), invalid_argument);
}

TEST(MetadataStore, BindsParametersByPositionAndByNameAndCountsThem) {
  World world;
  ASSERT_OK(world.db()->execute(kNote));
  const auto few = world.db()->execute("insert into note(id, title) values (?, ?)", {"a"});
  EXPECT_CODE(few, invalid_argument);
  EXPECT_EQ(few.error().message(), "the statement has 2 parameters, 1 were given");
  ASSERT_OK(
      world.db()->execute("insert into note(id, title) values (:id, :title)", {Map{{"id", "a"}, {"title", "t"}}}));
  EXPECT_CODE(world.db()->execute("insert into note(id) values (:id)", {Map{{"other", "a"}}}), invalid_argument);
  EXPECT_CODE(world.db()->execute("insert into note(id) values (:id)", {Map{{"id", "b"}, {"other", "a"}}}),
              invalid_argument);
  EXPECT_CODE(world.db()->execute("insert into note(id) values ('c'); delete from note"), invalid_argument);
  ASSERT_OK(world.db()->execute("insert into note(id) values ('c') ; -- done\n"));
  EXPECT_CODE(world.db()->execute("  -- nothing\n"), invalid_argument);
  EXPECT_CODE(world.db()->execute("select 1"), invalid_argument);
  EXPECT_CODE(world.db()->query("insert into note(id) values ('d') returning id"), permission_denied);
  const auto changed = world.db()->execute("update note set title = 'z'");
  ASSERT_OK(changed);
  EXPECT_EQ(changed->rows_changed, 2u);
}

TEST(MetadataStore, MigratesOnceInOrderAndRefusesToGoBack) {
  World world;
  const Migration migrations[] = {{1, "create table m(id integer primary key); create index mi on m(id);"},
                                  {2, "alter table m add column x text; insert into m values (1, ';')"}};
  ASSERT_OK(world.db()->migrate("mine", std::span(migrations, 1)));
  ASSERT_OK(world.db()->migrate("mine", migrations));
  const Lsn after = world.visible();
  ASSERT_OK(world.db()->migrate("mine", migrations));
  EXPECT_EQ(world.visible(), after);
  EXPECT_EQ(count(world, "select count(*) from m where x = ';'"), 1);
  EXPECT_CODE(world.db()->migrate("mine", std::span(migrations, 1)), failed_precondition);
  const Migration bad[] = {{1, "create table n(id integer primary key); create table broken("}};
  const auto refused = world.db()->migrate("other", bad);
  EXPECT_CODE(refused, invalid_argument);
  EXPECT_NE(refused.error().message().find("migration 1 of other"), std::string::npos);
  EXPECT_CODE(world.db()->query("select * from n"), invalid_argument);
}

TEST(MetadataStore, AMigrationThatIsRefusedLeavesNothingInItsTransaction) {
  World world;
  const Migration migrations[] = {{1, "create table m(id integer primary key); insert into m values (1)"},
                                  {2, "create table n(id integer primary key); create table broken("}};
  auto tx = world.begin();
  ASSERT_OK((*tx)->execute("create table before(id integer primary key)"));
  EXPECT_CODE((*tx)->migrate("mine", migrations), invalid_argument);
  EXPECT_CODE((*tx)->query("select * from m"), invalid_argument);
  ASSERT_OK((*tx)->execute("insert into before values (7)"));
  ASSERT_OK(tx->commit());
  EXPECT_EQ(count(world, "select id from before"), 7);
  EXPECT_EQ(count(world, "select count(*) from sqlite_master where name in ('m', 'n')"), 0);
  ASSERT_OK(world.db()->migrate("mine", std::span(migrations, 1)));
  EXPECT_EQ(count(world, "select count(*) from m"), 1);
}

TEST(MetadataStore, KeepsSettings) {
  World world;
  EXPECT_FALSE(world.db()->get("embedder")->has_value());
  ASSERT_OK(world.db()->set("embedder", Map{{"model", "x"}, {"dimension", 384}}));
  ASSERT_OK(world.db()->set("null", Value()));
  world.reopen();
  EXPECT_EQ(**world.db()->get("embedder"), Value(Map{{"model", "x"}, {"dimension", 384}}));
  EXPECT_TRUE((*world.db()->get("null"))->is_null());
  EXPECT_EQ(count(world, "select count(*) from strata_settings"), 2);
  EXPECT_CODE(world.db()->put_row("strata_settings", {{"key", "a"}, {"value", "1"}}), permission_denied);
}

TEST(MetadataStore, SerialisesDefinitionsAgainstWrites) {
  World world;
  ASSERT_OK(world.db()->execute(kNote));
  auto writer = world.begin(), definer = world.begin(), second = world.begin();
  ASSERT_OK((*writer)->put_row("note", {{"id", "a"}}));
  ASSERT_OK((*definer)->execute("alter table note add column extra"));
  ASSERT_OK((*second)->execute("create table x(id integer primary key)"));
  ASSERT_OK(definer->commit());
  const auto refused = writer->commit();
  EXPECT_CODE(refused, conflict);
  EXPECT_CODE(second->commit(), conflict);
  // A row committed first, then an index that it contradicts.
  auto index = world.begin();
  ASSERT_OK((*index)->execute("create unique index note_title on note(title)"));
  ASSERT_OK(world.db()->execute("insert into note(id, title) values ('1', 'same'), ('2', 'same')"));
  EXPECT_CODE(index->commit(), conflict);
}

TEST(MetadataStore, ServesReadersAndWritersFromManyThreads) {
  MetadataOptions options;
  options.queue_rows_max = 50;
  World world(options);
  ASSERT_OK(world.db()->execute("create table pair(id integer primary key, x integer not null, y integer not null)"));
  for (int i = 0; i < 8; ++i) ASSERT_OK(world.db()->put_row("pair", {{"id", i}, {"x", 0}, {"y", 0}}));
  std::atomic<int> committed{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      core::Random random(static_cast<std::uint64_t>(t) + 1);
      for (int i = 0; i < 150; ++i) {
        auto tx = world.begin();
        const auto id = static_cast<std::int64_t>(random.below(8));
        Result<void> wrote = [&]() -> Result<void> {
          if (random.chance(0.5)) {
            STRATA_TRY((*tx)->execute("update pair set x = x + 1, y = y - 1 where id = ?", {id}));
          } else {
            const auto row = STRATA_TRY((*tx)->get_row("pair", {{"id", id}}));
            STRATA_TRY((*tx)->put_row(
                "pair", {{"id", id}, {"x", *row->find("x")->integer() + 1}, {"y", *row->find("y")->integer() - 1}}));
          }
          return {};
        }();
        EXPECT_OK(wrote);
        if (tx->commit().has_value()) ++committed;
      }
    });
  }
  threads.emplace_back([&] {
    while (!stop) {
      auto view = world.view(world.visible());
      const auto sums = (*view)->query("select sum(x), sum(y), sum(x) + sum(y) from pair");
      EXPECT_OK(sums);
      if (sums.has_value()) {
        EXPECT_EQ(sums->rows[0][2], Value(0));
      }
      const auto row = (*view)->get_row("pair", {{"id", 3}});
      EXPECT_OK(row);
      if (row.has_value()) {
        EXPECT_EQ(*(*row)->find("x")->integer(), -*(*row)->find("y")->integer());
      }
    }
  });
  threads[0].join();
  threads[1].join();
  stop = true;
  threads[2].join();
  EXPECT_EQ(count(world, "select sum(x) from pair"), committed.load());
}

}  // namespace
}  // namespace strata::store::metadata
