// DuckDB as a copy: every way to lose it that we know of, and what queries may rely on.
#include "store/analytics/mirror.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "core/random.h"
#include "store/analytics/duckdb_session.h"
#include "store/analytics/test_database.h"

namespace strata::store::analytics {
namespace {

using testing::HasSubstr;

class MirrorTest : public testing::Test {
 protected:
  void SetUp() override {
    auto tx = db_.begin();
    ASSERT_TRUE(tx->create_table("metric", kMetricColumns));
    ASSERT_TRUE(tx.commit());
  }
  void append(int first, int rows, TestDatabase* db = nullptr) {
    auto tx = (db != nullptr ? *db : db_).begin();
    std::vector<std::vector<Value>> values;
    for (int i = first; i < first + rows; ++i) {
      values.push_back({i * std::int64_t{1'000'000}, "agent-" + std::to_string(i % 7), i * 0.5, i});
    }
    ASSERT_TRUE(tx->append("metric", values));
    ASSERT_TRUE(tx.commit());
  }
  std::string ask(std::string_view sql, std::initializer_list<Value> parameters = {}) {
    return show(db_.view()->query(sql, parameters));
  }
  std::string file() const { return db_.root() + "/analytics/state.duckdb"; }
  bool damaged_exists() const { return std::filesystem::exists(file() + ".damaged-1"); }
  void overwrite(std::uint64_t offset, std::size_t bytes, char with) {
    std::fstream stream(file(), std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(offset));
    stream << std::string(bytes, with);
  }
  static constexpr std::string_view kSum = "select sum(n) as s, count(*) as c, max(agent) as a from metric";
  TestDatabase db_{TestDatabase::Disk::real};
};

TEST(DuckFailure, AFullDiskIsTakenFromTheSystemsWordsInAnErrorOfTheFileAndIsNoDamage) {
  const std::string words = "Could not write file \"state.duckdb.wal\": No space left on device";
  for (const std::string kind : {"IO Error", "FATAL Error", "INTERNAL Error", "TransactionContext Error"}) {
    EXPECT_EQ(classify(kind + ": " + words), DuckFailure::space);
    EXPECT_EQ(duck_error("", kind + ": " + words).code(), ErrorCode::resource_exhausted);
  }
  EXPECT_EQ(classify("IO Error: Could not read from file"), DuckFailure::damage);
  EXPECT_EQ(duck_error("", "IO Error: Could not read from file").code(), ErrorCode::corruption);
  EXPECT_EQ(classify("Binder Error: no column \"No space left on device\""), DuckFailure::statement) << "a user's text";
}

TEST(DuckFailure, AnErrorOfTheDiskIsNotCorruptionButCostsTheCopyAllTheSame) {
  for (const std::string message :
       {"FATAL Error: fsync failed!", "IO Error: Could not read from file \"state.duckdb\": Input/output error",
        "IO Error: Cannot open file \"state.duckdb\": Too many open files",
        "TransactionContext Error: Current transaction is aborted (please ROLLBACK)"}) {
    EXPECT_EQ(classify(message), DuckFailure::damage);
    EXPECT_EQ(duck_error("", message).code(), ErrorCode::io);
  }
  EXPECT_EQ(duck_error("", "Binder Error: no column \"fsync failed\"").code(), ErrorCode::invalid_argument);
}

TEST_F(MirrorTest, ADamagedHeaderIsSetAsideAndTheCopyMadeAgain) {
  append(1, 1'000);
  const std::string answer = ask(kSum);
  ASSERT_TRUE(db_.checkpoint());
  db_.close_store();
  overwrite(0, 64, 'x');
  db_.start();
  EXPECT_EQ(ask(kSum), answer);
  EXPECT_TRUE(damaged_exists());
  EXPECT_EQ(db_.statistic("engine_damaged_files"), 1);
}

TEST_F(MirrorTest, AnyPlaceOfTheFileMayRot) {
  append(1, 5'000);
  const std::string answer = ask(kSum);
  const auto summary = db_.store().summarize(db_.lsn()).value();
  ASSERT_TRUE(db_.checkpoint());
  db_.close_store();
  const Bytes good = io::read_file(db_.files(), "analytics/state.duckdb", 1 << 30).value();
  int rebuilt = 0;
  for (std::size_t at = 0; at < good.size(); at += good.size() / 16) {
    overwrite(at, 512, 'x');
    db_.start();
    EXPECT_EQ(ask(kSum), answer) << "damage at " << at;
    EXPECT_EQ(db_.store().summarize(db_.lsn()).value(), summary) << "damage at " << at;
    rebuilt += db_.statistic("engine_damaged_files") > 0 ? 1 : 0;
    db_.close_store();
    ASSERT_TRUE(io::write_file_atomically(db_.files(), "analytics/state.duckdb", good));
    std::filesystem::remove(file() + ".wal");
  }
  EXPECT_GE(rebuilt, 1);
}

TEST_F(MirrorTest, WhateverACrashLeavesOfDuckDbsLogGivesEachRowOnce) {
  for (int round = 0; round < 3; ++round) {
    append(round * 10, 10);
    (void)ask(kSum);  // now DuckDB has them
  }
  const std::string expected = ask(kSum), log = file() + ".wal", kept = db_.root() + "/kept";
  std::filesystem::copy_file(file(), kept);
  std::filesystem::copy_file(log, kept + ".wal");
  const std::size_t size = std::filesystem::file_size(log);
  ASSERT_GT(size, 500U) << "DuckDB writes no log here: the test has lost its point";
  for (std::size_t end = 0; end <= size; end += 40) {
    db_.close_store();
    std::filesystem::copy_file(kept, file(), std::filesystem::copy_options::overwrite_existing);
    std::filesystem::copy_file(kept + ".wal", log, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(log, end);
    db_.start();
    ASSERT_EQ(ask(kSum), expected) << "cut at byte " << end;
  }
}

TEST_F(MirrorTest, AFileOfAnotherHistoryIsNotBelieved) {
  append(1, 10);
  append(11, 10);
  EXPECT_EQ(ask("select count(*) as c from metric"), "c=20");
  // The journal lost its last commit and another one came in its place: same LSN, other rows.
  db_.close_store();
  db_.journal().erase(3);
  db_.set_lsn(2);
  db_.start();
  append(500, 1);
  EXPECT_EQ(ask("select count(*) as c, max(n) as m from metric"), "c=11 m=500");
  EXPECT_TRUE(damaged_exists());
  // And one that is ahead of everything.
  db_.close_store();
  db_.journal().erase(3);
  db_.set_lsn(2);
  db_.start();
  EXPECT_EQ(ask("select count(*) as c from metric"), "c=10");
}

TEST_F(MirrorTest, AFileBehindTheCheckpointCatchesUpFromParts) {
  append(1, 10);
  EXPECT_EQ(ask("select count(*) as c from metric"), "c=10");  // opened, at lsn 2
  db_.restart();
  append(11, 10);
  ASSERT_TRUE(db_.checkpoint());  // DuckDB is not open: the parts get the rows, the file does not
  append(21, 10);
  db_.restart();
  EXPECT_EQ(db_.statistic("engine_open"), 0);
  EXPECT_EQ(ask("select count(*) as c, sum(n) as s from metric"), "c=30 s=465");
  EXPECT_EQ(db_.statistic("engine_rebuilds"), 0);
  EXPECT_EQ(db_.statistic("engine_damaged_files"), 0);
}

TEST_F(MirrorTest, ADirectoryInItsPlaceIsAnErrorAndNothingWorse) {
  append(1, 1);
  std::filesystem::create_directory(file());
  EXPECT_EQ(ask("select count(*) as c from metric"), "c=1");  // it was moved aside
}

TEST_F(MirrorTest, OldDamagedFilesAreNotKeptForEver) {
  append(1, 1);
  for (int i = 0; i < 6; ++i) {
    db_.close_store();
    std::ofstream(file()) << "not a database";
    db_.start();
    EXPECT_EQ(ask("select count(*) as c from metric"), "c=1");
  }
  int kept = 0;
  const auto files = db_.files().list("analytics");
  for (const std::string& name : *files) {
    kept += name.starts_with("state.duckdb.damaged") && !name.ends_with(".wal") ? 1 : 0;
  }
  EXPECT_LE(kept, 3);
}

TEST_F(MirrorTest, ErasedRowsLeaveTheFileAndThePartsBehindTheHorizon) {
  for (int round = 0; round < 4; ++round) {
    append(round * 100, 100);
    auto tx = db_.begin();
    for (int i = 0; i < 50; ++i) ASSERT_EQ(tx->erase("metric", "n", round * 100 + i).value(), 1u);
    ASSERT_TRUE(tx.commit());
    ASSERT_TRUE(db_.checkpoint(db_.lsn()));
  }
  EXPECT_EQ(db_.statistic("segments"), 1) << "four small parts became one";
  EXPECT_EQ(db_.statistic("items"), 200);
  EXPECT_EQ(ask("select count(*) as c from metric"), "c=200");
  EXPECT_EQ(ask("select count(*) as c from strata.t1"), "c=200") << "physically";
  const auto summary = db_.store().summarize(db_.lsn()).value();
  db_.close_store();
  std::filesystem::remove(file());
  std::filesystem::remove(file() + ".wal");
  db_.start();
  EXPECT_EQ(db_.store().summarize(db_.lsn()).value(), summary);
  EXPECT_EQ(ask("select count(*) as c from strata.t1"), "c=200") << "the parts hold no more";
}

TEST_F(MirrorTest, PartsStayFewAndHoldEverything) {
  for (int i = 0; i < 40; ++i) {
    append(i, 1);
    ASSERT_TRUE(db_.checkpoint());
  }
  EXPECT_LE(db_.statistic("segments"), 7);
  db_.restart();
  EXPECT_EQ(ask("select count(*) as c, sum(n) as s from metric"), "c=40 s=780");
  EXPECT_TRUE(db_.store().verify().value().empty());
  ASSERT_TRUE(db_.checkpoint());  // retires what only the one before named
  int parts = 0;
  const auto files = db_.files().list("analytics");
  for (const std::string& name : *files) parts += name.starts_with("part-") ? 1 : 0;
  EXPECT_EQ(parts, db_.statistic("segments")) << "no file is left behind";
}

TEST_F(MirrorTest, VerifyNamesADamagedPart) {
  append(1, 100);
  ASSERT_TRUE(db_.checkpoint());
  {
    std::fstream stream(db_.root() + "/analytics/part-1.rows", std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(100);
    stream << "xx";
  }
  const auto damages = db_.store().verify().value();
  ASSERT_EQ(damages.size(), 1u);
  EXPECT_EQ(damages[0].file, "analytics/part-1.rows");
  EXPECT_FALSE(damages[0].rebuilt_by_itself);
}

TEST_F(MirrorTest, AFailedCheckpointIsMadeUpForByTheNext) {
  append(1, 10);
  ASSERT_TRUE(db_.checkpoint(0, false));  // written, never installed
  append(11, 10);
  ASSERT_TRUE(db_.checkpoint());
  db_.restart();
  EXPECT_EQ(ask("select count(*) as c from metric"), "c=20");
  EXPECT_EQ(db_.statistic("segments"), 1);
  EXPECT_TRUE(*db_.files().exists("analytics/part-2.rows"));
  EXPECT_FALSE(*db_.files().exists("analytics/part-1.rows")) << "nobody names it";
}

TEST_F(MirrorTest, NothingReachesDuckDbThatTheJournalHasNotMadeDurable) {
  std::atomic<Lsn> durable{0};
  db_.store().set_durable_source([&](Lsn lsn) -> Result<void> {
    durable = lsn;
    return {};
  });
  append(1, 10);
  EXPECT_EQ(durable, 0u) << "apply waits for nobody";
  EXPECT_EQ(ask("select count(*) as c from metric"), "c=10");
  EXPECT_EQ(durable, db_.lsn());
  db_.store().set_durable_source([](Lsn) -> Result<void> { return Error(ErrorCode::commit_unknown, "poisoned"); });
  append(11, 10);
  EXPECT_THAT(ask("select count(*) as c from metric"), HasSubstr("poisoned"));
  EXPECT_EQ(db_.statistic("engine_rebuilds"), 0);
}

TEST_F(MirrorTest, TypesComeBackAsOurs) {
  EXPECT_EQ(
      ask("select true as b, 1::tinyint as i, 2::ubigint as u, 1.5::float as f, 2.25::decimal(9,2) as d, 'x' as t"),
      R"(b=true i=1 u=2 f=1.5 d="2.25" t="x")");
  EXPECT_EQ(ask("select sum(i) as s from range(5) t(i)"), "s=10") << "a HUGEINT that fits";
  EXPECT_EQ(ask("select 170141183460469231731687303715884105727::hugeint as h, (-9223372036854775808)::hugeint as l"),
            R"(h="170141183460469231731687303715884105727" l=-9223372036854775808)");
  EXPECT_EQ(ask("select 18446744073709551615::ubigint as u"), R"(u="18446744073709551615")");
  EXPECT_EQ(ask("select [1, null, 3] as l, {'a': 1, 'b': [true]} as m, map {'k': 2} as k, [1, 2]::int[2] as a"),
            R"(l=[1,null,3] m={"a":1,"b":[true]} k={"k":2} a=[1,2])");
  EXPECT_EQ(ask("select timestamp '1970-01-02' as a, date '1970-01-02' as b, timestamp_s '1970-01-01 00:00:01' as c"),
            "a=86400000000 b=1 c=1000000");
  EXPECT_EQ(ask("select 'a'::enum('b', 'a') as e, '12345678-1234-1234-1234-123456789abc'::uuid as u, null as n"),
            R"(e="a" u="12345678-1234-1234-1234-123456789abc" n=null)");
  EXPECT_EQ(ask(R"(select '\xAA'::blob as b, 'nan'::double as n)"), R"(b={"$bytes":"qg=="} n={"$real":"NaN"})");
  EXPECT_EQ(show(db_.view()->query("select 1 as a where false")), "");
  EXPECT_EQ(db_.view()->query("select 1 as a where false")->columns, std::vector<std::string>{"a"});
}

std::string described(const ValueType& type) {
  static constexpr const char* kNames[] = {"any",      "boolean", "integer",   "real",      "decimal",
                                           "text",     "bytes",   "timestamp", "date",      "time",
                                           "interval", "uuid",    "list",      "structure", "map"};
  std::string text = kNames[static_cast<std::size_t>(type.kind)];
  for (std::size_t i = 0; i < type.members.size(); ++i) {
    text += (i == 0 ? "(" : ", ") + (type.names.empty() ? "" : type.names[i] + " ") + described(type.members[i]);
  }
  return text + (type.members.empty() ? "" : ")");
}

TEST_F(MirrorTest, AnAnswerSaysWhatItsColumnsHold) {
  const auto types = [&](const std::string& sql) {
    const auto rows = db_.view()->query(sql);
    if (!rows) return rows.error().to_string();
    std::string text;
    for (const ValueType& type : rows->types) text += (text.empty() ? "" : " ") + described(type);
    return text;
  };
  EXPECT_EQ(types("select ts, agent, latency_ms, n, count(*), sum(n) from metric group by all"),
            "timestamp text real integer integer integer");
  EXPECT_EQ(types("select true, 1::uhugeint, 1.5, 'x', '\\xAA'::blob, null, uuid(), 'a'::enum('a'), '101'::bit"),
            "boolean integer decimal text bytes integer uuid text text");
  EXPECT_EQ(types("select now()::timestamp, date '2026-01-01', time '10:00', interval 1 day, timetz '10:00:00+02'"),
            "timestamp date time interval text");
  EXPECT_EQ(types("select [date '2026-01-01'], {'a': 1, 'b': 1.5}, row(1, 'x'), map {1: true}, [1, 2]::int[2]"),
            "list(date) structure(a integer, b decimal) structure(integer, text) map(integer, boolean) list(integer)");
  EXPECT_EQ(types("select timestamp '2026-01-01' as a where false"), "timestamp") << "also without rows";
  EXPECT_THAT(types("select 1 as a, 12345678901234567890::bignum as wide"), HasSubstr("column \"wide\""));
  EXPECT_EQ(db_.view()->query("select 1::bignum").error().code(), ErrorCode::unsupported);
}

TEST_F(MirrorTest, NothingIsLostOfDecimalsTimesAndBits) {
  EXPECT_EQ(
      ask("select -0.05 as a, 12::decimal(4, 0) as b, 99999999999999999999999999999999999.999::decimal(38, 3) as c"),
      R"(a="-0.05" b="12" c="99999999999999999999999999999999999.999")");
  EXPECT_EQ(ask("select 0::decimal(9, 2) as a, (-170141183460469231731687303715884105728)::hugeint as b"),
            R"(a="0.00" b="-170141183460469231731687303715884105728")");
  EXPECT_EQ(ask("select interval '1 month 2 days -3.5 seconds' as i, time '10:00:00.25' as t, '0101'::bit as b"),
            R"(i=[1,2,-3500000] t=36000250000 b="0101")");
  EXPECT_EQ(ask("select timetz '10:00:00.5-02:30' as t"), R"(t="10:00:00.500000-02:30")");
  EXPECT_EQ(
      ask("select timestamp_ns '1969-12-31 23:59:59.999999999' as n, timestamp_ms '1970-01-01 00:00:00.002' as m"),
      "n=-1 m=2000");
  EXPECT_EQ(ask("select 'infinity'::timestamp as a, '-infinity'::timestamp_s as b, 'infinity'::timestamp_ns as c"),
            "a=9223372036854775807 b=-9223372036854775807 c=9223372036854775807");
  EXPECT_EQ(ask("select date '5881580-07-10' as a, 'infinity'::date as b, '-infinity'::date as c"),
            "a=2147483646 b=2147483647 c=-2147483647");
}

TEST_F(MirrorTest, ParametersOfEveryKindAreBound) {
  append(1, 3);
  EXPECT_EQ(ask("select ? as a, ? as b, ? as c, ? as d, ? as e", {1, 2.5, "x'; drop view metric", true, Value()}),
            R"(a=1 b=2.5 c="x'; drop view metric" d=true e=null)");
  EXPECT_EQ(ask("select count(*) as c from metric where ts >= ? and ts < ?", {2'000'000, 3'000'000}), "c=1");
  EXPECT_EQ(ask("select $2 as a, $1 as b", {1, 2}), "a=2 b=1");
  EXPECT_THAT(ask("select ?", {}), HasSubstr("1 parameters, 0 values"));
  EXPECT_THAT(ask("select 1", {1}), HasSubstr("0 parameters, 1 values"));
  EXPECT_THAT(ask("select ?", {Value(Value::List{1})}), HasSubstr("list"));
  EXPECT_THAT(ask("select ?", {"\xff"}), HasSubstr("UTF-8"));
}

TEST_F(MirrorTest, DuckDbsWordsAreInTheMessage) {
  EXPECT_THAT(ask("select nothing from metric"), HasSubstr("Binder Error"));
  EXPECT_THAT(ask("select * from nowhere"), HasSubstr("nowhere"));
  EXPECT_THAT(ask("select 'x'::integer"), HasSubstr("Conversion Error"));
  EXPECT_EQ(db_.statistic("engine_failures"), 0);
}

TEST(MirrorLimits, AQueryThatTakesTooLongIsInterrupted) {
  AnalyticsOptions options = TestDatabase::small_options();
  options.query_timeout_ms = 50;
  TestDatabase db(TestDatabase::Disk::memory, options);
  const auto slow =
      db.view()->query("select count(*) from range(10000000000) a, range(1000) b where a.range % 7 = b.range");
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().code(), ErrorCode::timeout) << slow.error().to_string();
  EXPECT_EQ(show(db.view()->query("select 1 as a")), "a=1") << "the connection is fine";
}

TEST(MirrorLimits, AResultHasALimitedNumberOfRows) {
  AnalyticsOptions options = TestDatabase::small_options();
  options.result_rows_max = 10'000;
  TestDatabase db(TestDatabase::Disk::memory, options);
  EXPECT_EQ(db.view()->query("from range(10000)")->rows.size(), 10'000u);
  EXPECT_EQ(db.view()->query("from range(10001)").error().code(), ErrorCode::resource_exhausted);
  EXPECT_EQ(db.view()->query("from range(1000000000000)").error().code(), ErrorCode::resource_exhausted);
  EXPECT_EQ(db.view()->query_arrow("from range(10001)").error().code(), ErrorCode::resource_exhausted);
}

TEST(MirrorLimits, ManyRowsAreFlushedInTheBackground) {
  AnalyticsOptions options = TestDatabase::small_options();
  options.queued_rows_max = 1'000;
  TestDatabase db(TestDatabase::Disk::memory, options);
  auto tx = db.begin();
  ASSERT_TRUE(tx->create_table("t", std::vector<ColumnDefinition>{{"a", ColumnType::integer}}));
  ASSERT_TRUE(tx->append("t", std::vector<std::vector<Value>>(1'001, {1})));
  ASSERT_TRUE(tx.commit());
  for (int i = 0; i < 1'000 && db.statistic("engine_rows_flushed") < 1'001; ++i) std::this_thread::yield();
  ASSERT_TRUE(db.store().flush());
  EXPECT_EQ(db.statistic("engine_rows_flushed"), 1'001);
  EXPECT_EQ(db.statistic("commits_waiting"), 0);
}

TEST_F(MirrorTest, ArrowGivesTheSameRows) {
  append(1, 5'000);
  auto view = db_.view();
  ArrowStream stream = view->query_arrow("select n, latency_ms, agent, ts from metric order by n").value();
  ArrowSchema schema{};
  for (int i = 0; i < 2; ++i) {  // asked for twice, as some consumers do
    ASSERT_EQ(stream.get()->get_schema(stream.get(), &schema), 0);
    ASSERT_EQ(schema.n_children, 4);
    EXPECT_STREQ(schema.format, "+s");
    EXPECT_STREQ(schema.children[0]->name, "n");
    EXPECT_STREQ(schema.children[0]->format, "l");
    EXPECT_STREQ(schema.children[1]->format, "g");
    EXPECT_STREQ(schema.children[2]->format, "u");
    EXPECT_STREQ(schema.children[3]->format, "tsu:");
    schema.release(&schema);
  }
  db_.close_store();  // a stream outlives the database
  std::int64_t rows = 0, sum = 0;
  for (;;) {
    ArrowArray array{};
    ASSERT_EQ(stream.get()->get_next(stream.get(), &array), 0);
    if (array.release == nullptr) break;
    const auto* n = static_cast<const std::int64_t*>(array.children[0]->buffers[1]);
    for (std::int64_t i = 0; i < array.length; ++i) sum += n[i + array.children[0]->offset];
    rows += array.length;
    array.release(&array);
  }
  EXPECT_EQ(rows, 5'000);
  EXPECT_EQ(sum, 5'000 * 5'001 / 2);
  db_.start();
  ArrowStream empty = db_.view()->query_arrow("select n from metric where false").value();
  ASSERT_EQ(empty.get()->get_schema(empty.get(), &schema), 0);
  EXPECT_EQ(schema.n_children, 1);
  schema.release(&schema);
}

TEST_F(MirrorTest, ReadersSeeWholeCommitsWhileOthersWrite) {
  std::atomic<bool> stop{false};
  std::atomic<Lsn> visible{db_.lsn()};
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&, t] {
      core::Random random(static_cast<std::uint64_t>(t));
      while (!stop) {
        const Lsn lsn = visible;
        const Lsn at = t == 0 ? lsn : 1 + random.below(lsn);
        // Commit n (from 2) holds ten rows; so a view at n holds (n − 1) · 10.
        const auto rows = db_.view(at)->query("select count(*) as c, sum(n) as s from metric");
        ASSERT_TRUE(rows) << rows.error().to_string();
        const auto expected = static_cast<std::int64_t>((at - 1) * 10);
        ASSERT_EQ(rows->rows[0][0], Value(expected)) << "view " << at;
      }
    });
  }
  for (int i = 0; i < 60; ++i) {
    append(i * 10, 10);
    visible = db_.lsn();
    if (i % 20 == 10) {
      EXPECT_TRUE(db_.checkpoint());
    }
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(db_.statistic("engine_rebuilds"), 0);
}

TEST_F(MirrorTest, ClosingInterruptsWhatRuns) {
  append(1, 10);
  std::thread slow([&] {
    const auto answer =
        db_.view()->query("select count(*) from range(10000000000) a, range(1000) b where a.range % 7 = b.range");
    EXPECT_FALSE(answer);
  });
  while (db_.statistic("engine_open") == 0) std::this_thread::yield();
  ASSERT_TRUE(db_.store().close());
  slow.join();
  EXPECT_THAT(ask("select 1 as a"), HasSubstr("closed"));
}

}  // namespace
}  // namespace strata::store::analytics
