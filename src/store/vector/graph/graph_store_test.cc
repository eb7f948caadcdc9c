// Graphs in the store: of segments and of deltas, used, taken over and grown; answers stay right throughout.
#include <gtest/gtest.h>

#include <algorithm>

#include "store/vector/graph/graph_store_fixture.h"

namespace strata::store::vector {
namespace {

TEST_F(GraphStoreTest, TheGraphIsAsked) {
  put(0, kPoints);
  checkpoint();
  // With a beam of the fewest places some of the nearest are missed; a scan would miss none.
  int missed = 0;
  for (int i = 0; i < 200; ++i) {
    const auto query = some_vector();
    const auto exact = *db.store().search("c", query, {.k = 1, .exact = true});
    const auto near = *db.store().search("c", query, {.k = 1, .ef = 1});
    missed += exact[0].id != near[0].id ? 1 : 0;
  }
  EXPECT_GT(missed, 0);
}

TEST_F(GraphStoreTest, WhatIsRemovedOrReplacedIsNotFoundAndWhatIsNewIs) {
  put(0, kPoints);
  checkpoint();
  const auto before = db.lsn();
  const auto query = some_vector();
  const auto first = *db.store().search("c", query, {.k = 300, .exact = true});
  for (std::size_t i = 0; i < 100; ++i) {
    const std::string_view gone[] = {first[i].id};
    ASSERT_TRUE(db.store().remove("c", gone));
  }
  const std::vector<float> away(kDimension, -1.0F);
  for (std::size_t i = 100; i < 200; ++i) {
    const Point moved{first[i].id, away, {{"moved", true}}};
    ASSERT_TRUE(db.store().upsert("c", {&moved, 1}));
  }
  const Point exactly{"new", query};
  ASSERT_TRUE(db.store().upsert("c", {&exactly, 1}));
  const auto now = *db.store().search("c", query, {.k = 50});
  ASSERT_EQ(now.size(), 50U);
  EXPECT_EQ(now[0].id, "new");
  std::set<std::string> gone;
  for (std::size_t i = 0; i < 200; ++i) gone.insert(first[i].id);
  for (const Hit& hit : now) EXPECT_FALSE(gone.contains(hit.id)) << hit.id;
  // The nearest that are left are found behind two hundred that are not: more places are looked at.
  std::size_t found = 0;
  for (std::size_t i = 200; i < 230; ++i) {
    found += std::any_of(now.begin(), now.end(), [&](const Hit& hit) { return hit.id == first[i].id; }) ? 1 : 0;
  }
  EXPECT_GE(found, 28U);
  EXPECT_GT(recall(), 0.95);

  db.session().view_at(before);
  const auto past = *db.store().search("c", query, {.k = 50});
  db.session().view_latest();
  for (std::size_t i = 0; i < 40; ++i) EXPECT_TRUE(gone.contains(past[i].id));
}

TEST_F(GraphStoreTest, AWalkThatMeetsMostlyWhatIsGoneLooksFurther) {
  put(0, kPoints);
  checkpoint();
  const auto query = some_vector();
  const auto first = *db.store().search("c", query, {.k = 80, .exact = true});
  for (std::size_t i = 0; i < first.size(); ++i) {
    const std::string_view gone[] = {first[i].id};
    if (i % 4 != 0) {
      ASSERT_TRUE(db.store().remove("c", gone));
    }
  }
  EXPECT_EQ(db.store().search("c", query, {.k = 10, .ef = kEf})->size(), 10U);
  EXPECT_EQ(db.store().search("c", query, {.k = 13, .ef = 13})->size(), 13U);
}

TEST_F(GraphStoreTest, AViewOfBeforeDoesNotSeeWhatLiesInTheSameSegmentAndCameLater) {
  put(0, 1'500);
  const auto before = db.lsn();
  put(1'500, kPoints);
  ASSERT_TRUE(db.checkpoint(before));
  ASSERT_TRUE(db.participant().settle({}));
  ASSERT_EQ(figure("segments"), 1U);
  EXPECT_EQ(*db.store().count("c", {{"tenth", Map{{"gte", 0}}}}), static_cast<std::uint64_t>(kPoints));
  db.session().view_at(before);
  EXPECT_EQ(*db.store().count("c", {{"tenth", Map{{"gte", 0}}}}), 1'500U);
  for (const bool exact : {false, true}) {
    const auto hits = *db.store().search("c", some_vector(), {.k = 100, .exact = exact});
    for (const Hit& hit : hits) EXPECT_LT(std::stoi(hit.id.substr(1)), 1'500);
  }
}

TEST_F(GraphStoreTest, OwnWritesAreSeenOnTop) {
  put(0, kPoints);
  checkpoint();
  const auto query = some_vector();
  const auto nearest = *db.store().search("c", query, {.k = 5, .exact = true});
  db.session().begin();
  const std::string_view gone[] = {nearest[0].id};
  ASSERT_TRUE(db.store().remove("c", gone));
  const Point mine{"mine", query};
  ASSERT_TRUE(db.store().upsert("c", {&mine, 1}));
  const auto inside = *db.store().search("c", query, {.k = 3});
  EXPECT_EQ(inside[0].id, "mine");
  EXPECT_EQ(inside[1].id, nearest[1].id);
  db.session().roll_back();
  EXPECT_EQ(db.store().search("c", query, {.k = 1})->front().id, nearest[0].id);
}

TEST_F(GraphStoreTest, AMergeTakesTheGraphsOfWhatItReplaced) {
  put(0, 1'500);
  checkpoint();
  ASSERT_EQ(files_ending(".graph").size(), 1U);
  put(1'500, 3'000);
  checkpoint();  // never named by a checkpoint: gone with its segment
  EXPECT_EQ(figure("segments"), 1U);
  EXPECT_EQ(files_ending(".graph").size(), 1U);
  EXPECT_EQ(figure("rows_in_graphs"), 3'000U);
  EXPECT_GT(recall(), 0.95);
}

TEST_F(GraphStoreTest, WhatNoCheckpointHasSealedIsWalkedToToo) {
  put(0, kPoints);
  ASSERT_TRUE(db.participant().settle({}));
  EXPECT_EQ(figure("segments"), 0U);
  EXPECT_EQ(figure("graphs"), 1U);
  EXPECT_EQ(figure("rows_in_graphs"), static_cast<std::uint64_t>(kPoints));
  EXPECT_GT(recall(), 0.95);
  EXPECT_GT(recall({{"tenth", 3}}), 0.95);
  EXPECT_GT(recall({{"i", Map{{"lt", 7}}}}), 0.999);
  int missed = 0;  // it is asked: a scan would miss none
  for (int i = 0; i < 200; ++i) {
    const auto query = some_vector();
    const auto exact = *db.store().search("c", query, {.k = 1, .exact = true});
    const auto near = *db.store().search("c", query, {.k = 1, .ef = 1});
    missed += exact[0].id != near[0].id ? 1 : 0;
  }
  EXPECT_GT(missed, 0);
}

TEST_F(GraphStoreTest, PointsAreFoundAtOnceThoughTheGraphComesLater) {
  put(0, 2'000);
  ASSERT_TRUE(db.participant().settle({}));
  for (int i = 0; i < 300; ++i) {  // too few for a new graph
    const auto vector = some_vector();
    const std::string id = "late" + std::to_string(i);
    const Point point{id, vector};
    ASSERT_TRUE(db.store().upsert("c", {&point, 1}));
    const auto hits = *db.store().search("c", vector, {.k = 1, .ef = kEf});
    EXPECT_EQ(hits[0].id, id);
  }
  EXPECT_EQ(figure("rows_in_graphs"), 2'000U);
  put(2'000, 2'300);
  ASSERT_TRUE(db.participant().settle({}));
  EXPECT_EQ(figure("rows_in_graphs"), 2'600U);
  EXPECT_GT(recall(), 0.95);
}

TEST_F(GraphStoreTest, InADeltaWhatIsRemovedIsNotFoundAndAViewOfBeforeFindsIt) {
  put(0, kPoints);
  ASSERT_TRUE(db.participant().settle({}));
  const auto before = db.lsn();
  const auto query = some_vector();
  const auto first = *db.store().search("c", query, {.k = 100, .exact = true});
  std::set<std::string> gone;
  for (const Hit& hit : first) {
    const std::string_view id[] = {hit.id};
    ASSERT_TRUE(db.store().remove("c", id));
    gone.insert(hit.id);
  }
  const auto now = *db.store().search("c", query, {.k = 20, .ef = kEf});
  ASSERT_EQ(now.size(), 20U);
  for (const Hit& hit : now) EXPECT_FALSE(gone.contains(hit.id));
  EXPECT_GT(recall(), 0.95);
  db.session().view_at(before);
  const auto past = *db.store().search("c", query, {.k = 20, .ef = 40});
  db.session().view_latest();
  std::size_t found = 0;
  for (const Hit& hit : past) found += gone.contains(hit.id) ? 1 : 0;
  EXPECT_GE(found, 19U);
}

TEST_F(GraphStoreTest, ARowIsLinkedOnceWhateverIsMergedAfterwards) {
  put(0, kPoints);
  ASSERT_TRUE(db.participant().settle({}));
  checkpoint();  // the segment's graph begins with the delta's
  EXPECT_EQ(figure("graphs"), 1U);
  EXPECT_EQ(figure("rows_in_graphs"), static_cast<std::uint64_t>(kPoints));
  EXPECT_EQ(figure("rows_linked"), static_cast<std::uint64_t>(kPoints));
  EXPECT_GT(recall(), 0.95);
  put(kPoints, kPoints + 2'000);
  ASSERT_TRUE(db.participant().settle({}));
  checkpoint();  // merged: the larger graph stays, the rows of the smaller are linked anew
  EXPECT_EQ(figure("segments"), 1U);
  EXPECT_EQ(figure("rows_in_graphs"), static_cast<std::uint64_t>(kPoints + 2'000));
  EXPECT_EQ(figure("rows_linked"), static_cast<std::uint64_t>(kPoints + 2 * 2'000));
  EXPECT_GT(recall(), 0.95);
}

TEST_F(GraphStoreTest, AnErrorIsToldUntilThatSegmentHasItsGraphOrIsGone) {
  ASSERT_TRUE(db.store().create_collection("other", {.dimension = kDimension, .index = kIndex}));
  put(0, kPoints);
  ASSERT_TRUE(db.participant().freeze(db.lsn()));
  auto written = *db.participant().write_checkpoint(db.lsn());
  std::uint64_t used = 0;
  const auto names = *files->list("vector");
  for (const std::string& name : names) used += *files->file_size("vector/" + name);
  files->set_capacity(used + 10'000);
  ASSERT_TRUE(db.participant().installed(written));
  EXPECT_FALSE(db.participant().settle({}));
  files->set_capacity(std::uint64_t{1} << 40);
  // Another segment succeeds: the first still lacks its graph until the next checkpoint asks again.
  for (int i = 0; i < 1'200; ++i) {
    const auto x = some_vector();
    const std::string id = id_of(i);
    const Point point{id, x};
    ASSERT_TRUE(db.store().upsert("other", {&point, 1}));
  }
  (void)db.participant().settle({});
  EXPECT_NE(db.participant().statistics().find("graph_error"), nullptr);
  checkpoint();
  EXPECT_EQ(db.participant().statistics().find("graph_error"), nullptr);
  EXPECT_EQ(figure("graphs"), 2U);
}

TEST_F(GraphStoreTest, RecallStaysWhenPointsComeAndGo) {
  put(0, kPoints);
  checkpoint();
  for (int round = 0; round < 6; ++round) {
    std::vector<std::string> ids;
    for (int i = 0; i < kPoints; ++i) {
      if ((i * 7 + round) % 10 < 3) ids.push_back(id_of(i));
    }
    std::vector<std::string_view> gone(ids.begin(), ids.end());
    ASSERT_TRUE(db.store().remove("c", gone));
    std::vector<std::vector<float>> vectors;
    for (std::size_t i = 0; i < ids.size(); ++i) vectors.push_back(some_vector());
    std::vector<Point> points;
    for (std::size_t i = 0; i < ids.size(); ++i) points.push_back({ids[i], vectors[i]});
    ASSERT_TRUE(db.store().upsert("c", points));
    checkpoint();
    EXPECT_EQ(figure("rows"), static_cast<std::uint64_t>(kPoints));  // what nobody sees is gone
    EXPECT_EQ(figure("rows_in_graphs"), static_cast<std::uint64_t>(kPoints));
    EXPECT_GT(recall(), 0.95) << round;
  }
  EXPECT_LT(figure("rows_linked"),
            static_cast<std::uint64_t>(kPoints) * 4);  // made anew each time they would be seven times
}

TEST_F(GraphStoreTest, NumbersThatNoBoundCoversLeaveADeltaWithoutAGraph) {
  ASSERT_TRUE(db.store().create_collection("tiny", {.dimension = 4, .metric = Metric::l2}));
  const auto put_tiny = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      const std::vector<float> x{1e-42F * static_cast<float>(i), 0, 0, 1e-42F};
      const std::string id = id_of(i);
      const Point point{id, x};
      ASSERT_TRUE(db.store().upsert("tiny", {&point, 1}));
    }
  };
  put_tiny(0, 1'500);
  ASSERT_TRUE(db.participant().settle({}));
  put_tiny(1'500, 2'600);
  EXPECT_EQ(figure("rows_waiting_for_graphs"), 0U);  // nobody asks again
  EXPECT_EQ(figure("graphs"), 0U);
  const std::vector<float> query(4, 0.0F);
  EXPECT_EQ(db.store().search("tiny", query, {.k = 5})->size(), 5U);
}

TEST_F(GraphStoreTest, BesideSearchesAndWrites) {
  put(0, 1'200);
  std::atomic<bool> over{false};
  std::thread searcher([&] {
    TestDatabase::Session session(db);
    const auto store = db.participant().session(session);
    core::Random random(5);
    while (!over.load()) {
      const auto query = random_vector(random, kDimension);
      const auto hits = store->search("c", query, {.k = 10});
      ASSERT_TRUE(hits);
      ASSERT_EQ(hits->size(), 10U);
    }
  });
  for (int round = 0; round < 6; ++round) {
    put(1'200 + round * 300, 1'500 + round * 300);
    ASSERT_TRUE(db.checkpoint(db.lsn()));
  }
  (void)db.participant().settle({});  // an error shows in the figures
  over = true;
  searcher.join();
  EXPECT_GT(recall(), 0.95);
}

}  // namespace
}  // namespace strata::store::vector
