/// Which transactions go together, and which do not; each pair in both orders.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/graph/graph_test_support.h"

namespace strata::store::graph {
namespace {

class GraphConflict : public ::testing::Test {
 protected:
  GraphConflict() {
    db.commit_with([](strata::GraphStore& g) {
      for (const char* id : {"hub", "a", "b"}) expect_value(g.put_node({id, {}, {}}));
      expect_value(g.add_edge("a", "AT", "hub"));
    });
  }
  using Write = std::function<void(strata::GraphStore&)>;
  /// Both begin on the same state; the first commits, then the second. What becomes of the second.
  std::string second_after_first(const Write& first, const Write& second) {
    auto one = db.begin(), two = db.begin();
    first(*one->graph);
    second(*two->graph);
    expect_value(db.commit(*one));
    return code_of(db.commit(*two));
  }
  /// The same, but the first is durable and not yet applied when the second is validated.
  std::string second_beside_first(const Write& first, const Write& second) {
    auto one = db.begin(), two = db.begin();
    first(*one->graph);
    second(*two->graph);
    expect_value(db.enqueue(*one));
    const std::string outcome = code_of(db.enqueue(*two));
    while (db.visible < db.last_lsn) db.apply_next();
    return outcome;
  }
  void expect_sound() {
    for (const auto& damage : expect_value(db.store->verify())) ADD_FAILURE() << damage.what;
  }
  TestDatabase db;
  const Write add_at_hub = [](auto& g) { expect_value(g.add_edge("b", "AT", "hub")); };
  const Write remove_hub = [](auto& g) { EXPECT_TRUE(expect_value(g.remove_node("hub"))); };
  const Write change_hub = [](auto& g) { expect_value(g.put_node({"hub", {"Hub"}, {{"size", 3}}})); };
};

TEST_F(GraphConflict, EdgesAtOneHubCommute) {
  EXPECT_EQ(second_after_first(add_at_hub, add_at_hub), "ok");
  EXPECT_EQ(second_beside_first(add_at_hub, add_at_hub), "ok");
  EXPECT_EQ(expect_value((*db.now())->degree("hub", {.direction = Direction::in})), 5U);
}

TEST_F(GraphConflict, EdgesCommuteWithChangesOfTheHubsProperties) {
  EXPECT_EQ(second_after_first(add_at_hub, change_hub), "ok");
  EXPECT_EQ(second_after_first(change_hub, add_at_hub), "ok");
  EXPECT_EQ(second_beside_first(change_hub, add_at_hub), "ok");
}

TEST_F(GraphConflict, AnEdgeAfterTheRemovalOfItsEndIsRefused) {
  EXPECT_EQ(second_after_first(remove_hub, add_at_hub), "conflict");
  expect_sound();
}

TEST_F(GraphConflict, TheRemovalAfterAnEdgeIsRefused) {
  EXPECT_EQ(second_after_first(add_at_hub, remove_hub), "conflict");
  expect_sound();
}

TEST_F(GraphConflict, TheSameWhileTheFirstIsNotAppliedYet) {
  EXPECT_EQ(second_beside_first(add_at_hub, remove_hub), "conflict");
  EXPECT_EQ(second_beside_first(remove_hub, add_at_hub), "conflict");
  expect_sound();
}

TEST_F(GraphConflict, TheSameWhenTheEarlierEdgeIsSealedMeanwhile) {
  auto removal = db.begin();
  remove_hub(*removal->graph);
  db.commit_with(add_at_hub);
  db.checkpoint(0);
  EXPECT_EQ(code_of(db.commit(*removal)), "conflict");
  expect_sound();
}

TEST_F(GraphConflict, ARemovalAndNewCreationIsStillARemovalForTheEdgesOfOthers) {
  const Write replace_hub = [&](auto& g) { remove_hub(g), change_hub(g); };
  EXPECT_EQ(second_after_first(add_at_hub, replace_hub), "conflict");
  EXPECT_EQ(second_after_first(replace_hub, add_at_hub), "conflict");
  expect_sound();
}

TEST_F(GraphConflict, ViewsThatMoveDoNotLeadToDanglingEdges) {
  // Under read committed the keys say nothing: the view is newer than the other commit.
  auto edge = db.begin();
  add_at_hub(*edge->graph);
  db.commit_with(remove_hub);
  edge->session.context.set_view_lsn(db.visible);
  EXPECT_EQ(code_of(db.commit(*edge)), "conflict");

  db.commit_with(change_hub);
  auto removal = db.begin();
  remove_hub(*removal->graph);
  db.commit_with(add_at_hub);
  removal->session.context.set_view_lsn(db.visible);
  EXPECT_EQ(code_of(db.commit(*removal)), "conflict");
  expect_sound();
}

TEST_F(GraphConflict, APlaceIsFreeAgainAfterAnAbortedCommit) {
  auto failed = db.begin();
  add_at_hub(*failed->graph);
  auto& buffer = failed->session.context.buffers()[static_cast<std::size_t>(StoreKind::graph)];
  expect_value(buffer->validate(failed->session.context));
  buffer->aborted();  // the journal refused
  auto removal = db.begin();
  remove_hub(*removal->graph);
  EXPECT_EQ(code_of(db.commit(*removal)), "ok");
}

TEST_F(GraphConflict, TwoWritersOfOneNodeConflictAndAreNamed) {
  auto one = db.begin(), two = db.begin();
  change_hub(*one->graph);
  change_hub(*two->graph);
  expect_value(db.commit(*one));
  auto refused = db.commit(*two);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message(), "node:hub");
}

TEST_F(GraphConflict, OfTwoMergesOfOneEdgeOneLooksAgain) {
  const Write merge = [](auto& g) { expect_value(g.merge_edge("a", "LIKES", "b", {})); };
  EXPECT_EQ(second_after_first(merge, merge), "conflict");
  db.commit_with(merge);
  EXPECT_EQ(expect_value((*db.now())->degree("a", {.types = {"LIKES"}})), 1U);
  EXPECT_EQ(second_after_first([](auto& g) { expect_value(g.merge_edge("a", "x", "b", {})); },
                               [](auto& g) { expect_value(g.merge_edge("a", "y", "b", {})); }),
            "ok");
}

TEST_F(GraphConflict, AReadNodeThatChangesIsAConflictOfWhoeverWroteSomethingElse) {
  EXPECT_EQ(second_after_first(change_hub,
                               [](auto& g) {
                                 expect_value(g.node("hub"));
                                 expect_value(g.put_node({"c", {}, {}}));
                               }),
            "conflict");
}

TEST_F(GraphConflict, RemovalsOfOneEdgeConflictOfDifferentOnesDoNot) {
  const EdgeId other = [&] {
    EdgeId id = 0;
    db.commit_with([&](auto& g) { id = expect_value(g.add_edge("a", "AT", "hub")); });
    return id;
  }();
  const auto remove = [](EdgeId id) { return [id](auto& g) { expect_value(g.remove_edge(id)); }; };
  EXPECT_EQ(second_after_first(remove(1), remove(other)), "ok");
  db.commit_with(add_at_hub);
  EXPECT_EQ(second_after_first(remove(other + 1), remove(other + 1)), "conflict");
}

}  // namespace
}  // namespace strata::store::graph
