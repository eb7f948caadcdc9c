/// A segment with flipped bits: every answer is right or `corruption`, at every place of the file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.h"
#include "store/graph/graph_test_support.h"

namespace strata::store::graph {
namespace {

std::string describe(strata::GraphStore& g, bool& refused) {
  std::string out;
  const auto take = [&](auto result, auto&& show) {
    if (result.has_value()) return show(result.value());
    EXPECT_EQ(result.error().code(), ErrorCode::corruption) << result.error().to_string();
    EXPECT_THAT(result.error().message(), ::testing::HasSubstr("graph/segment-"));
    refused = true;
  };
  for (int i = 0; i < 60; i += 7) {
    const std::string id = "node-" + std::to_string(i);
    take(g.node(id), [&](const auto& it) { out += it ? to_json(it->properties) + it->labels.at(0) : "none"; });
    take(g.neighbours(id, {.direction = Direction::both}), [&](const auto& all) {
      for (const auto& it : all) out += it.node + it.type + std::to_string(it.edge);
    });
    take(g.reach(id, 0, 2), [&](const auto& all) {
      for (const auto& it : all) out += it.node;
    });
    take(g.shortest_path(id, "node-1"), [&](const Path& path) { out += std::to_string(path.edges.size()); });
    take(g.edge(static_cast<EdgeId>(i + 1)),
         [&](const auto& it) { out += it ? it->source + to_json(it->properties) : "none"; });
  }
  take(g.find_nodes("Even", "color", 2), [&](const auto& all) {
    for (const auto& it : all) out += it.id;
  });
  take(g.find_nodes("Odd", "", {}), [&](const auto& all) {
    for (const auto& it : all) out += it.id;
  });
  take(g.counts(), [&](const auto& it) { out += std::to_string(it.nodes) + "/" + std::to_string(it.edges); });
  return out;
}

TEST(GraphDamage, EveryAnswerIsRightOrCorruptionWhereverABitFlips) {
  TestDatabase db;
  core::Random random(5);
  db.commit_with([&](auto& g) {
    expect_value(g.create_index("Even", "color"));
    for (int i = 0; i < 60; ++i) {
      expect_value(g.put_node({"node-" + std::to_string(i), {i % 2 ? "Odd" : "Even"}, {{"color", i % 5}}}));
    }
    // Ids that fill the first block, which is read at open; the rest of the file is checked when it is touched.
    for (int i = 0; i < 100; ++i) {
      expect_value(g.put_node({std::string(1'000, 'x') + std::to_string(i), {}, {{"note", std::string(500, 'y')}}}));
    }
    for (int i = 0; i < 200; ++i) {
      expect_value(g.add_edge("node-" + std::to_string(random.below(60)), i % 3 ? "X" : "Y",
                              "node-" + std::to_string(random.below(60)), {{"n", i}}));
    }
  });
  db.commit_with([&](auto& g) {
    for (EdgeId id = 1; id < 30; ++id) expect_value(g.remove_edge(id));
    expect_value(g.put_node({"node-7", {"Odd"}, {}}));
  });
  const auto checkpoint = db.checkpoint(0);
  bool refused = false;
  const std::string right = describe(*db.now()->graph, refused);
  ASSERT_FALSE(refused);
  const auto sound = db.files->clone();
  int at_open = 0, at_read = 0, unnoticed = 0;
  for (std::uint64_t at = 0; at < checkpoint.files[0].bytes; at += 1 + random.below(600)) {
    db.files = sound->clone();
    expect_value(db.files->damage(checkpoint.files[0].name,
                                  [&](Bytes& bytes) { bytes[at] ^= static_cast<std::byte>(1 << random.below(8)); }));
    Store store(*db.files);
    auto opened = store.open(&checkpoint);
    if (!opened) {
      EXPECT_TRUE(opened.error().code() == ErrorCode::corruption || opened.error().code() == ErrorCode::unsupported);
      EXPECT_THAT(opened.error().message(), ::testing::HasSubstr("graph/segment-"));
      ++at_open;
      continue;
    }
    TestTransaction view(store, db.visible, true);
    refused = false;
    const std::string answer = describe(*view.graph, refused);
    EXPECT_TRUE(refused || answer == right) << at;
    ++(refused ? at_read : unnoticed);
    auto found = store.verify();
    EXPECT_TRUE(!found.has_value() || !found->empty()) << at;
  }
  EXPECT_GT(at_open, 0);
  EXPECT_GT(at_read, 0);
}

TEST(GraphDamage, ATruncatedOrMissingFileIsNamedAtOpen) {
  TestDatabase db;
  db.commit_with([](auto& g) { expect_value(g.put_node({"a", {}, {}})); });
  const auto checkpoint = db.checkpoint(0);
  for (const std::size_t size : {std::size_t{0}, std::size_t{100}, std::size_t{1'024}, std::size_t{1'500}}) {
    expect_value(db.files->damage(checkpoint.files[0].name, [&](Bytes& bytes) { bytes.resize(size); }));
    auto opened = Store(*db.files).open(&checkpoint);
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code(), ErrorCode::corruption);
    EXPECT_THAT(opened.error().message(), ::testing::HasSubstr(checkpoint.files[0].name));
  }
}

TEST(GraphDamage, ARecordThatContradictsTheStateIsCorruptionAndChangesNothing) {
  TestDatabase db;
  db.commit_with([](auto& g) {
    expect_value(g.put_node({"a", {}, {}}));
    expect_value(g.add_edge("a", "T", "a"));
  });
  const auto before = expect_value(db.store->summarize(kLatest));
  const auto refused = [&](const std::function<void(Mutation&)>& fill) {
    Mutation mutation;
    mutation.names = {"T"};
    mutation.ids = {"a", "b"};
    fill(mutation);
    Bytes section;
    core::Encoder out(section);
    encode(mutation, out);
    EXPECT_EQ(code_of(db.store->apply({2, 0}, section)), "corruption");
    EXPECT_EQ(expect_value(db.store->summarize(kLatest)), before);
  };
  refused([](Mutation& m) { m.added_edges = {{2, 0, 0, 1, {}}}; });                    // no such end
  refused([](Mutation& m) { m.added_edges = {{1, 0, 0, 0, {}}}; });                    // an id used again
  refused([](Mutation& m) { m.added_edges = {{3, 0, 0, 0, {}}, {2, 0, 0, 0, {}}}; });  // not ascending
  refused([](Mutation& m) { m.put_nodes = {{1, 0, 0, {}}, {1, 0, 0, {}}}; });          // put twice
  refused([](Mutation& m) { m.removed_nodes = {0}; });                                 // an edge stays
  refused([](Mutation& m) { m.removed_edges = {1}, m.changed_edges = {{1, {}}}; });    // two effects
}

}  // namespace
}  // namespace strata::store::graph
