// Compact on a real directory: graphs are there afterwards, and what nothing refers to is gone.
#include <gtest/gtest.h>

#include <filesystem>

#include "core/random.h"
#include "strata/operations.h"

namespace strata {
namespace {

class CompactTest : public ::testing::Test {
 protected:
  static constexpr int kPoints = 10'000;  // from so many on a segment gets a graph

  void SetUp() override {
    directory = std::filesystem::temp_directory_path() / ("strata-compact-" + std::to_string(core::random_seed()));
    open();
    ASSERT_TRUE(db->vector().create_collection("c", {.dimension = 8}));
    put(0, kPoints);
  }
  void put(int from, int to) {
    core::Random random(5);
    const auto count = static_cast<std::size_t>(to - from);
    std::vector<float> values(count * 8);
    for (float& value : values) value = static_cast<float>(random.real() - 0.5);
    std::vector<std::string> ids;
    std::vector<Point> points;
    for (int i = from; i < to; ++i) ids.push_back("p" + std::to_string(i));
    for (std::size_t i = 0; i < count; ++i) points.push_back({ids[i], {values.data() + i * 8, 8}});
    ASSERT_TRUE(db->vector().upsert("c", points));
  }
  void TearDown() override {
    db.reset();
    std::filesystem::remove_all(directory);
  }
  void open() {
    db.reset();
    auto opened = Engine::open(directory);
    ASSERT_TRUE(opened) << opened.error().to_string();
    db = *std::move(opened);
  }
  std::int64_t of_vectors(std::string_view figure) {
    const auto statistics = db->statistics();
    return *statistics->find("stores")->map()->find("vector")->map()->find(figure)->integer();
  }
  std::int64_t rows_in_graphs() { return of_vectors("rows_in_graphs"); }

  std::string directory;
  std::unique_ptr<Engine> db;
};

TEST_F(CompactTest, WaitsForGraphsAndNamesThem) {
  EXPECT_EQ(rows_in_graphs(), 0);
  std::uint64_t last_done = 0, last_total = 0;
  const auto report = compact(*db, [&](std::uint64_t done, std::uint64_t total) {
    last_done = done;
    last_total = total;
    return true;
  });
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(report->lsn, db->visible_lsn());
  EXPECT_EQ(rows_in_graphs(), kPoints);
  EXPECT_EQ(last_done, static_cast<std::uint64_t>(kPoints));
  EXPECT_EQ(last_total, static_cast<std::uint64_t>(kPoints));
  open();  // a process that ends at once, as the shell's verbs do, leaves them to the next
  EXPECT_EQ(rows_in_graphs(), kPoints);
}

TEST_F(CompactTest, LeavesOneSegmentOfSeveral) {
  ASSERT_TRUE(db->checkpoint());
  put(kPoints, kPoints + 3'000);
  ASSERT_TRUE(db->checkpoint());
  EXPECT_EQ(of_vectors("segments"), 2);  // a usual checkpoint leaves a segment of three times its rows alone
  ASSERT_TRUE(compact(*db));
  EXPECT_EQ(of_vectors("segments"), 1);
  EXPECT_EQ(rows_in_graphs(), kPoints + 3'000);
  EXPECT_EQ(*db->vector().count("c"), static_cast<std::uint64_t>(kPoints + 3'000));
  put(0, 200);
  ASSERT_TRUE(compact(*db));  // not for so few
  EXPECT_EQ(of_vectors("segments"), 2);
}

TEST_F(CompactTest, LeavesNoJournalOfWhatIsInFiles) {
  const auto journal_bytes = [&] {
    std::uint64_t bytes = 0;
    for (const auto& file : std::filesystem::directory_iterator(directory + "/journal")) bytes += file.file_size();
    return bytes;
  };
  ASSERT_TRUE(compact(*db));
  db.reset();  // which gives back the zeros that were written ahead
  EXPECT_LT(journal_bytes(), 64U << 10);
  open();
  EXPECT_EQ(*db->vector().count("c"), static_cast<std::uint64_t>(kPoints));
  put(kPoints, kPoints + 10);
  ASSERT_TRUE(db->checkpoint());
  open();
  EXPECT_EQ(*db->vector().count("c"), static_cast<std::uint64_t>(kPoints + 10));
}

TEST_F(CompactTest, RemovesWhatNothingRefersTo) {
  const auto id = db->object().put(as_bytes("nobody's"), {.owner = "me"});
  ASSERT_TRUE(id) << id.error().to_string();
  ASSERT_TRUE(db->object().release("me"));
  const auto report = compact(*db);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->objects, 1U);
  EXPECT_GT(report->bytes, 0U);
}

TEST_F(CompactTest, CancelledItLeavesTheDatabaseAsUsableAsBefore) {
  int asked = 0;
  const auto report = compact(*db, [&](std::uint64_t, std::uint64_t) { return ++asked < 2; });
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code(), ErrorCode::cancelled);
  EXPECT_EQ(*db->vector().count("c"), static_cast<std::uint64_t>(kPoints));
  ASSERT_TRUE(compact(*db));
  EXPECT_EQ(rows_in_graphs(), kPoints);
}

}  // namespace
}  // namespace strata
