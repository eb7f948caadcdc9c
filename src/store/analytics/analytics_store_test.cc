#include "store/analytics/analytics_store.h"

#include <gmock/gmock.h>

#include <fstream>
#include <thread>

#include "store/analytics/test_database.h"

namespace strata::store::analytics {
namespace {

using testing::HasSubstr;

class AnalyticsTest : public testing::Test {
 protected:
  void make_metrics() {
    auto tx = db_.begin();
    ASSERT_TRUE(tx->create_table("metric", kMetricColumns));
    ASSERT_TRUE(tx.commit());
  }
  /// Appends `rows` rows numbered from `first` in one commit.
  void append(int first, int rows, std::string_view agent = "a") {
    auto tx = db_.begin();
    std::vector<std::vector<Value>> values;
    for (int i = first; i < first + rows; ++i) values.push_back({i * std::int64_t{1'000'000}, agent, i * 0.5, i});
    auto done = tx->append("metric", values);
    ASSERT_TRUE(done) << done.error().to_string();
    auto committed = tx.commit();
    ASSERT_TRUE(committed) << committed.error().to_string();
  }
  std::string ask(std::string_view sql, std::initializer_list<Value> parameters = {}) {
    return show(db_.view()->query(sql, parameters));
  }
  std::string ask_at(Lsn lsn, std::string_view sql) { return show(db_.view(lsn)->query(sql)); }

  TestDatabase db_{TestDatabase::Disk::real};
};

TEST_F(AnalyticsTest, RowsThatWereAppendedAreThere) {
  make_metrics();
  append(1, 3);
  EXPECT_EQ(ask("select ts, agent, latency_ms, n from metric order by n"),
            R"(ts=1000000 agent="a" latency_ms=0.5 n=1; ts=2000000 agent="a" latency_ms=1.0 n=2; )"
            R"(ts=3000000 agent="a" latency_ms=1.5 n=3)");
  EXPECT_EQ(ask("select sum(n) as s, count(*) as c from metric where ts between ? and ?", {1'000'000, 2'000'000}),
            "s=3 c=2");
}

TEST_F(AnalyticsTest, ATransactionSeesItsOwnRowsAndOthersDoNot) {
  make_metrics();
  append(1, 2);
  auto tx = db_.begin();
  ASSERT_TRUE(tx->append("metric", Map{{"n", 10}, {"agent", "me"}}));
  EXPECT_EQ(show(tx->query("select sum(n) as s, count(ts) as t from metric")), "s=13 t=2");
  EXPECT_EQ(ask("select sum(n) as s from metric"), "s=3");
  EXPECT_EQ(tx->erase("metric", "n", 1).value(), 1u);
  EXPECT_EQ(show(tx->query("select sum(n) as s from metric")), "s=12");
  EXPECT_EQ(tx->erase("metric", "n", 1).value(), 0u);
  EXPECT_EQ(tx->erase("metric", "agent", "me").value(), 1u);
  EXPECT_EQ(show(tx->query("select sum(n) as s from metric")), "s=2");
  ASSERT_TRUE(tx->create_table("extra", std::vector<ColumnDefinition>{{"x", ColumnType::integer}}));
  ASSERT_TRUE(tx->append("extra", Map{{"x", 7}}));
  EXPECT_EQ(show(tx->query("select x, sum(n) as s from extra, metric group by x")), "x=7 s=2");
  EXPECT_THAT(ask("select * from extra"), HasSubstr("invalid_argument"));
  ASSERT_TRUE(tx.commit());
  EXPECT_EQ(ask("select x, sum(n) as s from extra, metric group by x"), "x=7 s=2");
}

TEST_F(AnalyticsTest, EveryViewSeesItsOwnState) {
  make_metrics();  // 1
  append(1, 2);    // 2
  append(3, 1);    // 3
  {
    auto tx = db_.begin();
    EXPECT_EQ(tx->erase("metric", "n", 2).value(), 1u);
    ASSERT_TRUE(tx.commit());  // 4
  }
  {
    auto tx = db_.begin();
    auto columns = kMetricColumns;
    columns.push_back({"extra", ColumnType::boolean});
    ASSERT_TRUE(tx->create_table("metric", columns));
    ASSERT_TRUE(tx->append("metric", Map{{"n", 100}, {"extra", true}}));
    ASSERT_TRUE(tx.commit());  // 5
  }
  {
    auto tx = db_.begin();
    ASSERT_TRUE(tx->drop_table("metric"));
    ASSERT_TRUE(tx.commit());  // 6
  }
  {
    auto tx = db_.begin();
    ASSERT_TRUE(tx->create_table("metric", std::vector<ColumnDefinition>{{"other", ColumnType::text}}));
    ASSERT_TRUE(tx->append("metric", Map{{"other", "x"}}));
    ASSERT_TRUE(tx.commit());  // 7
  }
  const auto check = [&] {
    constexpr std::string_view kSum = "select sum(n) as s from metric";
    EXPECT_EQ(ask_at(1, kSum), "s=null");
    EXPECT_EQ(ask_at(2, kSum), "s=3");
    EXPECT_EQ(ask_at(3, kSum), "s=6");
    EXPECT_EQ(ask_at(4, kSum), "s=4");
    EXPECT_EQ(ask_at(5, kSum), "s=104");
    EXPECT_THAT(ask_at(4, "select extra from metric"), HasSubstr("extra"));
    EXPECT_EQ(ask_at(5, "select count(extra) as c from metric"), "c=1");
    EXPECT_THAT(ask_at(6, kSum), HasSubstr("metric"));
    EXPECT_EQ(ask_at(7, "select * from metric"), "other=\"x\"");
    EXPECT_EQ(db_.view(2)->tables()->at(0).rows, 2u);
    EXPECT_EQ(db_.view(2)->tables()->at(0).columns.size(), 4u);
    EXPECT_EQ(db_.view(4)->tables()->at(0).rows, 2u);
    EXPECT_TRUE(db_.view(6)->tables()->empty());
    EXPECT_EQ(db_.view(7)->tables()->at(0).rows, 1u);
  };
  check();
  db_.restart();
  check();
  ASSERT_TRUE(db_.checkpoint());
  check();
  db_.restart();
  check();
}

TEST_F(AnalyticsTest, ACrashAndALostFileChangeNoAnswer) {
  make_metrics();
  append(1, 100);
  ASSERT_TRUE(db_.checkpoint());
  append(101, 100);
  constexpr std::string_view kSum = "select sum(n) as s, count(*) as c from metric";
  EXPECT_EQ(ask(kSum), "s=20100 c=200");
  const auto summary = db_.store().summarize(db_.lsn()).value();
  EXPECT_EQ(summary.items, 201u);

  db_.restart();
  EXPECT_EQ(ask(kSum), "s=20100 c=200");
  EXPECT_EQ(db_.statistic("engine_rebuilds"), 0);

  db_.close_store();
  std::filesystem::remove(db_.root() + "/analytics/state.duckdb");
  std::filesystem::remove(db_.root() + "/analytics/state.duckdb.wal");
  db_.start();
  EXPECT_EQ(ask(kSum), "s=20100 c=200");
  EXPECT_EQ(db_.store().summarize(db_.lsn()).value(), summary);
}

TEST_F(AnalyticsTest, TablesAndCountsNeedNoDuckDb) {
  make_metrics();
  append(1, 10);
  ASSERT_TRUE(db_.checkpoint());
  append(11, 5);
  db_.restart();
  const auto tables = db_.view()->tables();
  ASSERT_TRUE(tables);
  ASSERT_EQ(tables->size(), 1u);
  EXPECT_EQ(tables->at(0).name, "metric");
  EXPECT_EQ(tables->at(0).rows, 15u);
  EXPECT_EQ(tables->at(0).columns.size(), 4u);
  EXPECT_EQ(db_.statistic("engine_open"), 0);
  EXPECT_FALSE(std::filesystem::exists(db_.root() + "/analytics/state.duckdb"));
}

}  // namespace
}  // namespace strata::store::analytics
