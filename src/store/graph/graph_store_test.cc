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

}  // namespace
}  // namespace strata::store::graph
