#pragma once
/// A collection of points around centres, large enough for a graph or lists, for the tests of what makes them and of what they are made of.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "store/vector/store_vector_fixture.h"

namespace strata::store::vector {

inline constexpr std::size_t kDimension = 32;
inline constexpr int kPoints = 3'000;
// A beam of 64 places costs as much as a scan of 4,096 rows, so the usual effort would never walk here.
inline constexpr std::uint32_t kEf = 20;
inline constexpr IndexOptions kIndex{.m = 16, .ef_construction = 64};
inline constexpr IndexOptions kLists{.kind = IndexKind::ivf};

class GraphStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 30; ++i) centres_.push_back(random_vector(random_, kDimension));
    ASSERT_TRUE(db.store().create_collection("c", {.dimension = kDimension, .index = kIndex}));
  }
  /// The collection again, of other options.
  void create(const CollectionOptions& options) {
    ASSERT_TRUE(db.store().drop_collection("c"));
    ASSERT_TRUE(db.store().create_collection("c", options));
  }
  std::vector<float> some_vector() {
    std::vector<float> x = centres_[random_.below(centres_.size())];
    const auto noise = random_vector(random_, kDimension);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += 0.7F * noise[i];
    return x;
  }
  static std::string id_of(int i) { return "p" + std::to_string(i); }
  void put(int from, int to) {
    std::vector<std::vector<float>> vectors;
    std::vector<std::string> ids;
    for (int i = from; i < to; ++i) {
      vectors.push_back(some_vector());
      ids.push_back(id_of(i));
    }
    std::vector<Point> points;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      points.push_back(
          {ids[i], vectors[i], {{"tenth", (from + static_cast<int>(i)) % 10}, {"i", from + static_cast<int>(i)}}});
    }
    ASSERT_TRUE(db.store().upsert("c", points));
  }
  void checkpoint() {
    ASSERT_TRUE(db.checkpoint(db.lsn()));
    ASSERT_TRUE(db.participant().settle({}));
  }
  std::uint64_t figure(std::string_view name) {
    const auto statistics = db.participant().statistics();
    return static_cast<std::uint64_t>(*statistics.find(name)->integer());
  }
  std::vector<std::string> files_ending(std::string_view end) {
    std::vector<std::string> names;
    const auto all = *files->list("vector");
    for (const std::string& name : all) {
      if (name.ends_with(end)) names.push_back("vector/" + name);
    }
    return names;
  }
  /// The share of the exact answer that the approximate one has, over some queries. Both must be whole.
  double recall(const Filter& filter = {}, std::size_t k = 10) {
    double found = 0, wanted = 0;
    for (int i = 0; i < 40; ++i) {
      const auto query = some_vector();
      const auto exact = db.store().search("c", query, {.k = k, .filter = filter, .exact = true});
      const auto near = db.store().search("c", query, {.k = k, .filter = filter, .ef = kEf});
      EXPECT_TRUE(exact);
      EXPECT_TRUE(near);
      EXPECT_EQ(near->size(), exact->size());
      std::set<std::string> ids;
      for (const Hit& hit : *exact) ids.insert(hit.id);
      for (const Hit& hit : *near) found += static_cast<double>(ids.count(hit.id));
      for (std::size_t j = 1; j < near->size(); ++j) EXPECT_GE((*near)[j - 1].score, (*near)[j].score);
      wanted += static_cast<double>(exact->size());
    }
    return wanted == 0 ? 1 : found / wanted;
  }

  std::unique_ptr<io::MemoryFileSystem> files = io::make_memory_file_system();
  TestDatabase db{*files, {.graph_rows_min = 1'000}};

 private:
  core::Random random_{17};
  std::vector<std::vector<float>> centres_;
};

}  // namespace strata::store::vector
