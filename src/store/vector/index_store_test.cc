// The index of a segment in the store, a graph or lists: made beside checkpoints, outlived, damaged and made anew; answers stay right
// throughout. What is of one kind alone is in graph/graph_store_test.cc and lists/lists_store_test.cc.
#include <gtest/gtest.h>

#include <algorithm>

#include "store/vector/graph/graph_store_fixture.h"

namespace strata::store::vector {
namespace {

struct IndexOfAKind {
  IndexOptions options;
  std::string_view ending, figure, rows;  // of its files, and of the store's figures
  std::string (*name)(std::string_view directory, std::uint64_t number);
};

class IndexStoreTest : public GraphStoreTest, public ::testing::WithParamInterface<IndexOfAKind> {
 protected:
  void SetUp() override {
    GraphStoreTest::SetUp();
    create({.dimension = kDimension, .index = GetParam().options});
  }
};

INSTANTIATE_TEST_SUITE_P(Kinds, IndexStoreTest,
                         ::testing::Values(IndexOfAKind{kIndex, ".graph", "graphs", "rows_in_graphs", graph_name},
                                           IndexOfAKind{kLists, ".lists", "segments_in_lists", "rows_in_lists",
                                                        lists_name}),
                         [](const auto& each) { return std::string(name(each.param.options.kind)); });

TEST_P(IndexStoreTest, ALargeSegmentGetsOneAndKeepsItOverARestart) {
  put(0, kPoints);
  checkpoint();
  EXPECT_EQ(figure(GetParam().figure), 1U);
  EXPECT_EQ(figure(GetParam().rows), static_cast<std::uint64_t>(kPoints));
  EXPECT_GT(recall(), 0.95);
  checkpoint();  // names it
  const auto made = files_ending(GetParam().ending);
  ASSERT_EQ(made.size(), 1U);
  ASSERT_TRUE(db.restart());
  EXPECT_EQ(figure(GetParam().figure), 1U);
  EXPECT_EQ(files_ending(GetParam().ending), made);
  EXPECT_GT(recall(), 0.95);
}

TEST_P(IndexStoreTest, AFilterGetsAsManyAsMatchWhateverItLetsThrough) {
  put(0, kPoints);
  checkpoint();
  EXPECT_GT(recall({{"tenth", Map{{"lt", 5}}}}), 0.95);
  EXPECT_GT(recall({{"tenth", 3}}), 0.95);
  EXPECT_GT(recall({{"i", Map{{"lt", 30}}}}), 0.999);
  EXPECT_GT(recall({{"i", Map{{"lt", 7}}}}), 0.999);  // seven, though ten were asked for
  EXPECT_EQ(recall({{"i", -1}}), 1);
}

TEST_P(IndexStoreTest, LargeAnswersAreWhole) {
  put(0, kPoints);
  checkpoint();
  EXPECT_GT(recall({}, 100), 0.97);
  EXPECT_GT(recall({}, 2'000), 0.999);
  EXPECT_EQ(recall({}, 5'000), 1);
}

TEST_P(IndexStoreTest, ADroppedCollectionTakesIt) {
  put(0, kPoints);
  checkpoint();
  ASSERT_TRUE(db.store().drop_collection("c"));
  ASSERT_TRUE(db.checkpoint(db.lsn()));
  EXPECT_TRUE(files_ending(GetParam().ending).empty());
}

TEST_P(IndexStoreTest, OneThatCameAfterTheCheckpointIsNotMadeAgain) {
  put(0, kPoints);
  checkpoint();
  const auto written = files_ending(GetParam().ending);
  ASSERT_EQ(written.size(), 1U);
  const Bytes before = *io::read_file(*files, written[0], 64 << 20);
  for (const bool damaged : {false, true}) {
    if (damaged) {
      ASSERT_TRUE(files->damage(written[0], [](Bytes& bytes) { bytes[70] ^= std::byte{1}; }));
    }
    ASSERT_TRUE(db.restart());          // the checkpoint does not name it
    (void)db.participant().settle({});  // an error shows in the figures
    EXPECT_EQ(figure(GetParam().figure), 1U);
    EXPECT_EQ(files_ending(GetParam().ending) == written, !damaged);
    EXPECT_EQ(*io::read_file(*files, files_ending(GetParam().ending).front(), 64 << 20), before);
    EXPECT_GT(recall(), 0.95);
  }
  checkpoint();
  const auto& named = db.last().files;
  const auto index = std::find_if(named.begin(), named.end(),
                                  [&](const auto& file) { return file.name.ends_with(GetParam().ending); });
  ASSERT_NE(index, named.end());
  EXPECT_EQ(index->hash, core::xxh3_128(before));
  EXPECT_EQ(index->bytes, before.size());
}

TEST_P(IndexStoreTest, OneOfNoSegmentIsALeftover) {
  put(0, kPoints);
  checkpoint();
  checkpoint();
  const auto named = files_ending(GetParam().ending);
  const Bytes bytes = *io::read_file(*files, named[0], 64 << 20);
  ASSERT_TRUE(io::write_file_atomically(*files, GetParam().name("vector", 1'000), bytes));  // of a segment that has one
  ASSERT_TRUE(io::write_file_atomically(*files, GetParam().name("vector", 1'001), as_bytes("no index")));
  ASSERT_TRUE(db.restart());
  EXPECT_EQ(files_ending(GetParam().ending), named);
}

TEST_P(IndexStoreTest, ReplayedFromTheFirstRecordOnItTakesNoFileForALeftover) {
  put(0, kPoints);
  checkpoint();
  checkpoint();
  const auto named = files_ending(GetParam().ending);
  ASSERT_TRUE(db.restart(true));  // it knows no checkpoint, and so not which files one names
  EXPECT_EQ(files_ending(GetParam().ending), named);
}

TEST_P(IndexStoreTest, ADamagedOrMissingOneMeansAnExactSearchAndIsMadeAnew) {
  put(0, kPoints);
  checkpoint();
  checkpoint();
  for (const bool missing : {false, true}) {
    SCOPED_TRACE(missing);
    const std::string name = files_ending(GetParam().ending).front();
    if (missing) {
      ASSERT_TRUE(files->remove(name));
    } else {
      ASSERT_TRUE(files->damage(name, [](Bytes& bytes) { bytes[bytes.size() / 2] ^= std::byte{4}; }));
    }
    ASSERT_TRUE(db.restart());
    const double found = recall();
    EXPECT_GE(found, missing ? 0.95 : 1);  // a missing one may have been made again by now
    (void)db.participant().settle({});     // an error shows in the figures
    if (!missing) {
      const auto damage = *db.participant().verify();
      ASSERT_EQ(damage.size(), 1U);
      EXPECT_EQ(damage[0].file, name);
      EXPECT_TRUE(damage[0].rebuilt_by_itself);
    }
    checkpoint();
    checkpoint();
    EXPECT_EQ(figure(GetParam().figure), 1U);
    EXPECT_TRUE(db.participant().verify()->empty());
    EXPECT_GT(recall(), 0.95);
  }
}

TEST_P(IndexStoreTest, ADiskThatIsFullCostsTheIndexAlone) {
  put(0, kPoints);
  ASSERT_TRUE(db.participant().freeze(db.lsn()));
  auto written = *db.participant().write_checkpoint(db.lsn());
  std::uint64_t used = 0;
  const auto names = *files->list("vector");
  for (const std::string& name : names) used += *files->file_size("vector/" + name);
  files->set_capacity(used + 10'000);
  ASSERT_TRUE(db.participant().installed(written));
  (void)db.participant().settle({});  // an error shows in the figures
  EXPECT_EQ(figure(GetParam().figure), 0U);
  ASSERT_NE(db.participant().statistics().find("graph_error"), nullptr);
  EXPECT_EQ(recall(), 1);
  files->set_capacity(std::uint64_t{1} << 40);
  put(kPoints, kPoints + 1);
  checkpoint();
  EXPECT_EQ(figure(GetParam().figure), 1U);
  EXPECT_EQ(db.participant().statistics().find("graph_error"), nullptr);
  EXPECT_GT(recall(), 0.95);
}

TEST_P(IndexStoreTest, ClosingDoesNotWaitForOne) {
  put(0, kPoints);
  ASSERT_TRUE(db.checkpoint(db.lsn()));
  ASSERT_TRUE(db.participant().close());
  (void)db.participant().settle({});  // an error shows in the figures
  ASSERT_TRUE(db.restart());
  (void)db.participant().settle({});  // an error shows in the figures
  EXPECT_EQ(figure(GetParam().figure), 1U);
}

}  // namespace
}  // namespace strata::store::vector
