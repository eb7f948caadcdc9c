// Random transactions against a model that keeps every past state, with checkpoints, restarts and lost files in between.
// The model is a map from LSN to tables of rows; after each step some view is compared, own writes included.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/random.h"
#include "store/analytics/test_database.h"

namespace strata::store::analytics {
namespace {

struct ModelTable {
  std::vector<ColumnDefinition> columns;
  std::vector<Row> rows;
};
using Model = std::map<std::string, ModelTable>;

const std::vector<ColumnDefinition> kWide = {
    {"k", ColumnType::integer}, {"v", ColumnType::text}, {"w", ColumnType::real}};

std::vector<std::string> sorted_rows(const std::vector<Row>& rows) {
  std::vector<std::string> texts;
  for (const Row& row : rows) {
    std::string& text = texts.emplace_back();
    for (const Value& value : row) text += to_json(value) + ",";
  }
  std::sort(texts.begin(), texts.end());
  return texts;
}

class ModelTest : public testing::TestWithParam<std::uint64_t> {
 protected:
  void compare(TestDatabase::Session& session, const Model& model, std::string_view what) {
    const auto tables = session->tables();
    ASSERT_TRUE(tables) << tables.error().to_string();
    ASSERT_EQ(tables->size(), model.size()) << what;
    for (const TableInfo& info : *tables) {
      const auto expected = model.find(info.name);
      ASSERT_NE(expected, model.end()) << what << " " << info.name;
      EXPECT_EQ(info.rows, expected->second.rows.size()) << what << " " << info.name;
      const auto rows = session->query("select * from " + info.name);
      ASSERT_TRUE(rows) << what << ": " << rows.error().to_string();
      EXPECT_EQ(rows->columns.size(), expected->second.columns.size()) << what;
      EXPECT_EQ(sorted_rows(rows->rows), sorted_rows(expected->second.rows)) << what << " " << info.name;
    }
  }

  /// One random call, to the store and to the model.
  void act(TestDatabase::Session& tx, Model& model, core::Random& random) {
    const std::string table(1, static_cast<char>('a' + random.below(3)));
    const auto known = model.find(table);
    const std::uint64_t what = random.below(100);
    if (what < 15) {
      const std::size_t columns = 1 + random.below(kWide.size());
      const auto made = tx->create_table(table, std::span(kWide).first(columns));
      const bool fits = known == model.end() || known->second.columns.size() <= columns;
      ASSERT_EQ(made.has_value(), fits);
      if (!fits) return;
      ModelTable& modelled = model[table];
      modelled.columns.assign(kWide.begin(), kWide.begin() + static_cast<std::ptrdiff_t>(columns));
      for (Row& row : modelled.rows) row.resize(columns);
    } else if (what < 20) {
      ASSERT_EQ(tx->drop_table(table).has_value(), known != model.end());
      if (known != model.end()) model.erase(known);
    } else if (what < 75) {
      std::vector<Row> rows;
      for (std::uint64_t i = 0, n = 1 + random.below(4); i < n && known != model.end(); ++i) {
        Row row = {static_cast<std::int64_t>(random.below(6)), random.chance(0.3) ? Value() : Value("x"),
                   random.real()};
        row.resize(known->second.columns.size());
        rows.push_back(row);
      }
      const auto appended = tx->append(table, rows);
      ASSERT_EQ(appended.has_value(), known != model.end());
      if (appended) known->second.rows.insert(known->second.rows.end(), rows.begin(), rows.end());
    } else {
      const Value key(static_cast<std::int64_t>(random.below(6)));
      const auto erased = tx->erase(table, "k", key);
      ASSERT_EQ(erased.has_value(), known != model.end());
      if (!erased) return;
      EXPECT_EQ(*erased, std::erase_if(known->second.rows, [&](const Row& row) { return row[0] == key; }));
    }
  }
};

TEST_P(ModelTest, EveryViewIsWhatTheModelSays) {
  core::Random random(GetParam());
  TestDatabase db(TestDatabase::Disk::real);
  std::vector<Model> history = {{}};
  Lsn horizon = 0;
  for (int step = 0; step < 40; ++step) {
    SCOPED_TRACE("seed " + std::to_string(GetParam()) + ", step " + std::to_string(step));
    auto tx = db.begin();
    Model next = history.back();
    for (std::uint64_t i = 0, n = 1 + random.below(5); i < n; ++i) {
      act(tx, next, random);
      if (HasFatalFailure()) return;
    }
    if (random.chance(0.3)) compare(tx, next, "own writes");
    if (random.chance(0.85)) {
      const Lsn before = db.lsn();
      const auto committed = tx.commit();
      ASSERT_TRUE(committed) << committed.error().to_string();
      if (*committed > before) history.push_back(next);
    }
    ASSERT_EQ(history.size(), db.lsn() + 1);
    if (random.chance(0.25)) {
      horizon = std::max<Lsn>(horizon, db.lsn() - random.below(std::min<Lsn>(5, db.lsn() + 1)));
      ASSERT_TRUE(db.checkpoint(horizon, random.chance(0.8)));
    }
    if (random.chance(0.15)) db.restart();
    if (random.chance(0.1)) {
      const auto before = db.store().summarize(db.lsn());
      db.close_store();
      std::filesystem::remove(db.root() + "/analytics/state.duckdb");
      std::filesystem::remove(db.root() + "/analytics/state.duckdb.wal");
      db.start();
      EXPECT_EQ(db.store().summarize(db.lsn()).value(), before.value());
    }
    const Lsn at = random.chance(0.4) ? db.lsn() : horizon + random.below(db.lsn() - horizon + 1);
    auto view = db.view(at);
    compare(view, history[at], "view " + std::to_string(at));
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ModelTest, testing::Range<std::uint64_t>(1, 9));

}  // namespace
}  // namespace strata::store::analytics
