// Budgets by themselves, and over the mapped files of a real directory, as the system counts them.
#include "store/vector/memory_budget.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "io/posix_file_system.h"
#include "store/vector/store_vector_fixture.h"

namespace strata::store::vector {
namespace {

struct Mapped final : MemoryBudget::Member {
  Mapped(std::uint64_t hot_size, std::uint64_t cold_size) : hot(hot_size), cold(cold_size) {}
  std::uint64_t hot_bytes() const override { return hot; }
  std::uint64_t cold_bytes() const override { return cold; }
  void release_cold() const noexcept override { ++released; }
  std::uint64_t hot, cold;
  mutable int released = 0;
};

constexpr std::uint64_t kMiB = 1 << 20;

TEST(MemoryBudget, NothingIsGivenBackWhileEverythingFits) {
  MemoryBudget budget(100 * kMiB);
  Mapped one(30 * kMiB, 60 * kMiB);
  budget.add(one);
  for (int i = 0; i < 100'000; ++i) budget.note_read();
  EXPECT_EQ(one.released, 0);
  Mapped two(0, 20 * kMiB);
  budget.add(two);
  for (int i = 0; i < 100'000; ++i) budget.note_read();
  EXPECT_GT(one.released, 0);
  EXPECT_EQ(one.released, two.released);
  budget.remove(two);
  const int before = one.released;
  for (int i = 0; i < 100'000; ++i) budget.note_read();
  EXPECT_EQ(one.released, before);
  budget.set_bytes(50 * kMiB);
  for (int i = 0; i < 100'000; ++i) budget.note_read();
  EXPECT_GT(one.released, before);
}

TEST(MemoryBudget, AsManyPiecesAsHotPartsLeaveRoomFor) {
  MemoryBudget budget(100 * kMiB);
  Mapped one(60 * kMiB, 200 * kMiB);
  budget.add(one);
  const int pieces = 40 * 16;  // of 64 KiB
  for (int i = 0; i < pieces; ++i) budget.note_read();
  EXPECT_EQ(one.released, 0);
  budget.note_read();
  EXPECT_EQ(one.released, 1);
  one.hot = 500 * kMiB;  // more than the budget: some are kept all the same
  budget.add(one);
  for (int i = 0; i < 128; ++i) budget.note_read();
  EXPECT_EQ(one.released, 1);
}

/// What the process has of mapped files whose names end so, as the kernel counts it.
std::uint64_t resident_bytes(std::string_view end) {
  std::ifstream in("/proc/self/smaps");
  std::uint64_t bytes = 0;
  bool wanted = false;
  for (std::string line; std::getline(in, line);) {
    if (line.find('-') < 20 && line.find(" r") != std::string::npos) wanted = line.ends_with(end);
    if (!wanted || !line.starts_with("Rss:")) continue;
    std::istringstream words(line.substr(4));
    std::uint64_t kib = 0;
    words >> kib;
    bytes += kib * 1024;
  }
  return bytes;
}

class MemoryBudgetOfFiles : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override { std::filesystem::remove_all(directory); }
  void TearDown() override { std::filesystem::remove_all(directory); }
  const std::string directory =
      (std::filesystem::temp_directory_path() / ("strata-memory-budget-" + std::to_string(::getpid()))).string();
};

// 30 MB of vectors, and 8 MiB for them: by the database's limit, or by the collection's.
TEST_P(MemoryBudgetOfFiles, BoundWhatIsMapped) {
  constexpr std::size_t kDimension = 512, kPoints = 15'000;
  const bool of_collection = GetParam();
  std::filesystem::create_directories(directory);
  const auto files = *io::open_posix_file_system(directory);
  TestDatabase db(*files, {.memory_bytes = of_collection ? 0 : 16 * kMiB});
  db.keep_records(false);
  constexpr IndexOptions kFlat{.kind = IndexKind::flat};
  ASSERT_TRUE(db.store().create_collection("c", {.dimension = kDimension, .metric = Metric::l2, .index = kFlat}));
  core::Random random(3);
  for (std::size_t i = 0; i < kPoints; i += 1'000) {
    std::vector<std::vector<float>> vectors;
    std::vector<std::string> ids;
    std::vector<Point> points;
    for (std::size_t j = 0; j < 1'000; ++j) {
      vectors.push_back(random_vector(random, kDimension));
      ids.push_back(std::to_string(i + j));
    }
    for (std::size_t j = 0; j < 1'000; ++j) points.push_back({ids[j], vectors[j]});
    ASSERT_TRUE(db.store().upsert("c", points));
  }
  ASSERT_TRUE(db.checkpoint(db.lsn()));
  ASSERT_TRUE(db.participant().settle({}));
  ASSERT_TRUE(db.restart());
  if (of_collection) {
    ASSERT_TRUE(db.store().alter_collection("c", {.kind = IndexKind::flat, .memory_bytes = 16 * kMiB}, {}));
    ASSERT_TRUE(db.participant().settle({}));
  }
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < kPoints; ++i) {
    const auto found = db.store().get("c", std::to_string(i * 7'919 % kPoints));
    ASSERT_TRUE(found);
    ASSERT_EQ((*found)->vector.size(), kDimension);
    if (i % 1'000 == 0) most = std::max(most, resident_bytes(".seg"));
  }
  EXPECT_GT(most, 0U);
  // Codes, which each vector is made of, are 8 of the 16 MiB, and what is read between two looks may come on top.
  EXPECT_LT(most, 20 * kMiB);
  EXPECT_GT(of_collection ? 1 : *db.participant().statistics().find("memory_releases")->integer(), 0);
  const auto query = random_vector(random, kDimension);
  EXPECT_EQ(db.store().search("c", query, {.k = 10})->size(), 10U);
}
INSTANTIATE_TEST_SUITE_P(Of, MemoryBudgetOfFiles, ::testing::Bool());

}  // namespace
}  // namespace strata::store::vector
