/// Random histories against a model that keeps every row, clear and key in vectors. After each step a few views, from the
/// horizon to the newest, must read and find what the model says; steps include checkpoints, failed ones too, and crashes.
#include <gtest/gtest.h>

#include "core/random.h"
#include "store/array/array_store_fixture.h"

namespace strata::store::array {
namespace {

constexpr std::uint64_t kWidth = 5;

struct Model {
  struct Added {
    Lsn lsn;
    std::uint64_t begin, end;
    std::string key;
  };
  std::vector<Added> appends;
  std::vector<Clear> clears;

  std::uint64_t rows_at(Lsn view) const {
    std::uint64_t rows = 0;
    for (const Added& each : appends) rows = each.lsn <= view ? each.end : rows;
    return rows;
  }
  std::vector<float> read(Lsn view, std::uint64_t begin, std::uint64_t end) const {
    end = std::min(end, rows_at(view));
    if (begin >= end) return {};
    std::vector<float> values = ramp(begin, end - begin, kWidth);
    for (const Clear& clear : clears) {
      for (std::uint64_t row = std::max(begin, clear.begin); clear.lsn <= view && row < std::min(end, clear.end);
           ++row) {
        std::fill_n(values.begin() + static_cast<std::ptrdiff_t>((row - begin) * kWidth), kWidth, 0.0F);
      }
    }
    return values;
  }
  std::vector<RowRange> find(Lsn view, const std::string& key) const {
    std::vector<RowRange> found;
    for (const Added& each : appends) {
      if (each.lsn <= view && each.key == key) found.push_back({each.begin, each.end});
    }
    return found;
  }
};

std::string random_key(core::Random& random) {
  return random.chance(0.3) ? std::string() : "key" + std::to_string(random.below(12));
}

/// One transaction of several appends and clears, small ones and large ones.
void write_something(core::Random& random, TestDatabase& db, Model& model) {
  auto tx = db.begin();
  std::uint64_t rows = model.rows_at(db.lsn());
  const Lsn lsn = db.lsn() + 1;
  for (std::uint64_t left = 1 + random.below(4); left > 0; --left) {
    if (random.chance(0.15) && rows > 0) {
      const std::uint64_t begin = random.below(rows);
      const std::uint64_t end = begin + 1 + random.below(40);
      ASSERT_TRUE(tx->array().clear_rows("a", begin, end));
      model.clears.push_back({lsn, begin, std::min(end, rows)});
      continue;
    }
    const std::uint64_t count = random.chance(0.02) ? 3300 + random.below(500) : 1 + random.below(6);
    const std::string key = random_key(random);
    ASSERT_EQ(*append_floats(tx->array(), "a", ramp(rows, count, kWidth), kWidth, key), rows);
    model.appends.push_back({lsn, rows, rows + count, key});
    rows += count;
  }
  const std::uint64_t tail = rows - std::min<std::uint64_t>(rows, 9);
  EXPECT_EQ(read_floats(tx->array(), "a", tail), model.read(lsn, tail, rows));
  ASSERT_EQ(*tx->commit(), lsn);
}

void compare(core::Random& random, TestDatabase& db, const Model& model, Lsn view) {
  auto session = db.view(view);
  const std::uint64_t rows = model.rows_at(view);
  ASSERT_EQ(session->array().dataset("a")->rows, rows);
  const std::uint64_t begin = random.below(rows + 2);
  const std::uint64_t end = begin + random.below(rows + 2);
  ASSERT_EQ(read_floats(session->array(), "a", begin, end), model.read(view, begin, end))
      << begin << " … " << end << " at " << view;
  const std::string key = "key" + std::to_string(random.below(13));
  ASSERT_EQ(*session->array().find("a", key), model.find(view, key)) << key << " at " << view;
}

void run_history(std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  core::Random random(seed);
  auto disk = io::make_memory_file_system();
  ArrayOptions options;
  options.open_files_max = 2;
  options.compaction.parts_max = 4;
  options.compaction.tiny_bytes = 1 << 9;
  TestDatabase db(*disk, options);
  DatasetOptions dataset = float_rows(kWidth);
  dataset.chunk_rows = 8 + random.below(300);
  dataset.gzip_level = random.chance(0.5) ? 1 : 0;
  dataset.shuffle = random.chance(0.5);
  ASSERT_TRUE(db.once([&](ArrayStore& s) { return s.create_dataset("a", dataset); }));
  Model model;
  Lsn horizon = db.lsn();
  for (int step = 0; step < 120; ++step) {
    if (random.chance(0.8)) {
      write_something(random, db, model);
    } else if (random.chance(0.4)) {
      horizon += random.below(db.lsn() - horizon + 1);
      ASSERT_TRUE(db.checkpoint(horizon));
    } else if (random.chance(0.3)) {  // a checkpoint that is written but whose manifest never is
      ASSERT_TRUE(db.store().freeze(db.lsn()));
      auto written = db.store().write_checkpoint(horizon);
      ASSERT_TRUE(written);
      if (random.chance(0.5)) {  // or it was, and the sync after it failed: the next process finds it
        ASSERT_TRUE(db.store().freeze(db.lsn()));
        ASSERT_TRUE(db.store().write_checkpoint(horizon));
        db.set_checkpoint(std::move(*written));
        db.reopen();
      }
    } else {
      db.reopen();
    }
    for (int i = 0; i < 2; ++i) compare(random, db, model, horizon + random.below(db.lsn() - horizon + 1));
    if (::testing::Test::HasFatalFailure()) return;
  }
  horizon = db.lsn();
  ASSERT_TRUE(db.checkpoint());
  EXPECT_LE(db.view()->array().dataset("a")->parts, 4U);
  EXPECT_TRUE(db.store().verify()->empty());
  EXPECT_EQ(*db.store().statistics().find("pending_clears"), Value(0));
  compare(random, db, model, horizon);
}

TEST(ArrayModel, RandomHistoriesAgreeWithAModelAtEveryView) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    run_history(seed);
    if (HasFatalFailure()) return;
  }
}

TEST(ArrayModel, ALiveStoreAndOneRebuiltFromItsRecordsHaveTheSameSummary) {
  core::Random random(7);
  auto disk = io::make_memory_file_system();
  TestDatabase db(*disk);
  ASSERT_TRUE(db.once([&](ArrayStore& s) { return s.create_dataset("a", float_rows(kWidth)); }));
  Model model;
  for (int i = 0; i < 60; ++i) write_something(random, db, model);
  const auto live = *db.store().summarize(db.lsn());
  db.reopen();  // no checkpoint yet: every record is applied again
  EXPECT_EQ(*db.store().summarize(db.lsn()), live);
}

}  // namespace
}  // namespace strata::store::array
