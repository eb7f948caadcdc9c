#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/graph/graph_test_support.h"

namespace strata::store::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> ids(const std::vector<Reached>& reached) {
  std::vector<std::string> out;
  for (const auto& it : reached) out.push_back(it.node + "@" + std::to_string(it.hops));
  return out;
}

/// a → b → c → d, a → d by another type, and a hub that everybody knows.
Lsn build_small(TestDatabase& db) {
  return db.commit_with([](strata::GraphStore& g) {
    for (const char* id : {"a", "b", "c", "d", "hub"}) {
      expect_value(g.put_node({id, {"Letter"}, {{"name", id}, {"size", 1}}}));
    }
    expect_value(g.add_edge("a", "NEXT", "b", {{"weight", 1}}));
    expect_value(g.add_edge("b", "NEXT", "c"));
    expect_value(g.add_edge("c", "NEXT", "d"));
    expect_value(g.add_edge("a", "JUMP", "d"));
    for (const char* id : {"a", "b", "c", "d"}) expect_value(g.add_edge(id, "KNOWS", "hub"));
  });
}

TEST(GraphStore, ReadsBackWhatWasCommittedFromDeltaSegmentAndAfterReopening) {
  TestDatabase db;
  build_small(db);
  for (int round = 0; round < 3; ++round) {
    if (round == 1) db.checkpoint(db.visible);
    if (round == 2) db.reopen();
    SCOPED_TRACE(round);
    auto g = db.now();
    const auto a = expect_value((*g)->node("a"));
    ASSERT_TRUE(a.has_value());
    EXPECT_EQ(a->id, "a");
    EXPECT_THAT(a->labels, ElementsAre("Letter"));
    EXPECT_EQ(*a->properties.find("name")->text(), "a");
    EXPECT_FALSE(expect_value((*g)->node("zz")).has_value());
    const auto out = expect_value((*g)->neighbours("a"));
    ASSERT_EQ(out.size(), 3U);
    EXPECT_EQ(out[0].node, "b");
    EXPECT_EQ(out[0].type, "NEXT");
    EXPECT_EQ(out[1].node, "d");
    EXPECT_EQ(out[2].node, "hub");
    EXPECT_EQ(*expect_value((*g)->edge(out[0].edge))->properties.find("weight"), Value(1));
    EXPECT_EQ(expect_value((*g)->degree("hub", {.direction = Direction::in})), 4U);
    EXPECT_THAT(ids(expect_value((*g)->reach("a", 1, 3, {.types = {"NEXT"}}))), ElementsAre("b@1", "c@2", "d@3"));
    EXPECT_THAT(expect_value((*g)->shortest_path("a", "d")).nodes, ElementsAre("a", "d"));
    EXPECT_THAT(expect_value((*g)->shortest_path("a", "d", 15, {.types = {"NEXT"}})).nodes,
                ElementsAre("a", "b", "c", "d"));
    EXPECT_EQ(expect_value((*g)->counts()).nodes, 5U);
    EXPECT_EQ(expect_value((*g)->counts()).edges, 8U);
    EXPECT_TRUE(expect_value(db.store->verify()).empty());
  }
}

TEST(GraphStore, KeepsParallelEdgesApart) {
  TestDatabase db;
  build_small(db);
  db.commit_with([](auto& g) {
    for (int i = 0; i < 3; ++i) expect_value(g.add_edge("a", "NEXT", "b"));
  });
  for (int sealed = 0; sealed < 2; ++sealed) {
    auto g = db.now();
    EXPECT_EQ(expect_value((*g)->degree("a", {.types = {"NEXT"}})), 4U);
    EXPECT_EQ(expect_value((*g)->neighbours("b", {.direction = Direction::in})).size(), 4U);
    EXPECT_EQ(expect_value((*g)->reach("a", 1, 1, {.types = {"NEXT"}})).size(), 1U);
    db.checkpoint(db.visible);
  }
}

TEST(GraphStore, ASelfLoopIsOneEdgeWhicheverWayOneLooks) {
  TestDatabase db;
  build_small(db);
  db.commit_with([](auto& g) { expect_value(g.add_edge("hub", "SELF", "hub")); });
  const auto degree = [&](Direction direction) {
    return expect_value((*db.now())->degree("hub", {.direction = direction, .types = {"SELF"}}));
  };
  EXPECT_EQ(degree(Direction::out), 1U);
  EXPECT_EQ(degree(Direction::in), 1U);
  EXPECT_EQ(degree(Direction::both), 1U);
  EXPECT_THAT(expect_value((*db.now())->shortest_path("hub", "hub")).nodes, ElementsAre("hub"));
  auto tx = db.begin();
  auto refused = (*tx)->remove_node("hub", false);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message(), HasSubstr("\"hub\" has 5"));
  EXPECT_TRUE(expect_value((*tx)->remove_node("hub")));
  EXPECT_EQ(expect_value((*tx)->counts()).edges, 4U);
  expect_value(db.commit(*tx));
  EXPECT_EQ(expect_value((*db.now())->counts()).edges, 4U);
  EXPECT_TRUE(expect_value(db.store->verify()).empty());
}

TEST(GraphStore, ARecreatedNodeDoesNotGetItsEdgesBack) {
  TestDatabase db;
  build_small(db);
  const Lsn before = db.visible;
  db.checkpoint(0);
  db.commit_with([](auto& g) { expect_value(g.remove_node("hub")); });
  db.commit_with([](auto& g) { expect_value(g.put_node({"hub", {}, {}})); });
  db.checkpoint(0);
  EXPECT_EQ(expect_value((*db.now())->degree("hub", {.direction = Direction::both})), 0U);
  EXPECT_EQ(code_of((*db.at(before + 1))->degree("hub")), "not_found");
  EXPECT_EQ(expect_value((*db.at(before))->degree("hub", {.direction = Direction::in})), 4U);
}

TEST(GraphStore, SaysWhatIsWrongWithArguments) {
  TestDatabase db;
  build_small(db);
  auto tx = db.begin();
  auto& g = *tx->graph;
  const std::string long_id(1'025, 'x'), megabyte(1 << 20, 'x'), long_name(256, 'x');
  EXPECT_EQ(code_of(g.put_node({"", {}, {}})), "invalid_argument");
  EXPECT_EQ(code_of(g.put_node({long_id, {}, {}})), "invalid_argument");
  EXPECT_EQ(code_of(g.put_node({megabyte, {}, {}})), "invalid_argument");
  EXPECT_EQ(code_of(g.put_node({"n", {""}, {}})), "invalid_argument");
  EXPECT_EQ(code_of(g.put_node({"n", {long_name}, {}})), "invalid_argument");
  EXPECT_EQ(code_of(g.put_node({"n", {}, {{"p", megabyte}}})), "invalid_argument");
  EXPECT_EQ(code_of(g.add_edge("a", "", "b")), "invalid_argument");
  EXPECT_EQ(code_of(g.add_edge("a", long_name, "b")), "invalid_argument");
  EXPECT_EQ(code_of(g.add_edge("a", "T", "b", {{"p", megabyte}})), "invalid_argument");
  EXPECT_EQ(code_of(g.node(megabyte)), "invalid_argument");
  EXPECT_EQ(code_of(g.neighbours("a", {.types = {}, .limit = 0})), "invalid_argument");
  EXPECT_EQ(code_of(g.neighbours("a", {.types = {}, .limit = 1'000'001})), "invalid_argument");
  EXPECT_EQ(code_of(g.reach("a", 3, 2)), "invalid_argument");
  EXPECT_EQ(code_of(g.find_nodes("", "", {}, 0)), "invalid_argument");
  EXPECT_EQ(code_of(g.create_index("A", "")), "invalid_argument");
  auto missing = g.add_edge("a", "T", "nobody");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code(), ErrorCode::not_found);
  EXPECT_THAT(missing.error().message(), HasSubstr("\"nobody\""));
  EXPECT_EQ(code_of((*db.now())->put_node({"n", {}, {}})), "failed_precondition");
  expect_value(db.commit(*tx));
  EXPECT_EQ(expect_value((*db.now())->counts()).nodes, 5U);
}

TEST(GraphStore, EdgeIdsAreNotUsedAgainAfterAReopening) {
  TestDatabase db;
  build_small(db);
  EdgeId last = 0;
  db.commit_with([&](auto& g) { last = expect_value(g.add_edge("a", "T", "b")); });
  db.commit_with([&](auto& g) { expect_value(g.remove_edge(last)); });
  db.checkpoint(db.visible);  // the removed edge is nowhere any more
  db.reopen();
  db.commit_with([&](auto& g) { EXPECT_GT(expect_value(g.add_edge("a", "T", "b")), last); });
}

TEST(GraphStore, AnIndexFindsWhatAPassOverTheLabelFinds) {
  TestDatabase db;
  for (int i = 0; i < 300; ++i) {
    db.commit_with([&](auto& g) {
      expect_value(g.put_node(
          {"n" + std::to_string(i), {i % 2 ? "Odd" : "Even"}, {{"mod", i % 10}, {"real", i % 3 ? 0.0 : -0.0}}}));
    });
    if (i == 100) db.checkpoint(0);
    if (i == 150) expect_value(db.store->freeze(db.visible));  // a frozen delta that the index does not cover
    if (i == 200) db.commit_with([](auto& g) { expect_value(g.create_index("Odd", "mod")); });
  }
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(expect_value((*db.now())->find_nodes("Odd", "mod", 3)).size(), 30U);
    EXPECT_EQ(expect_value((*db.now())->find_nodes("Even", "mod", 3)).size(), 0U);
    EXPECT_EQ(expect_value((*db.now())->find_nodes("Odd", "real", 0.0)).size(), 150U);
    EXPECT_EQ(expect_value((*db.now())->find_nodes("", "mod", 4, 5)).front().id, "n104");
    if (round == 0) db.checkpoint(0);
    if (round == 1) db.reopen();
  }
}

TEST(GraphStore, AFailedCheckpointLeavesTheOldOneAndTheNextTakesAll) {
  TestDatabase db;
  build_small(db);
  db.checkpoint(0);
  db.commit_with([](auto& g) { expect_value(g.add_edge("a", "T", "b")); });
  db.files->set_capacity(1);
  expect_value(db.store->freeze(db.visible));
  EXPECT_FALSE(db.store->write_checkpoint(0).has_value());
  EXPECT_EQ(expect_value((*db.now())->counts()).edges, 9U);
  db.files->set_capacity(~0ULL);
  db.commit_with([](auto& g) { expect_value(g.add_edge("a", "T", "b")); });
  db.checkpoint(0);
  db.reopen();
  EXPECT_EQ(expect_value((*db.now())->degree("a", {.types = {"T"}})), 2U);
}

}  // namespace
}  // namespace strata::store::graph
