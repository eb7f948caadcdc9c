/// Random histories against a model that is too simple to be wrong: maps, copied at every commit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "core/random.h"
#include "store/graph/graph_test_support.h"

namespace strata::store::graph {
namespace {

struct Model {
  struct ModelEdge {
    std::string source, type, target;
    Map properties;
  };
  std::map<std::string, Node> nodes;
  std::map<EdgeId, ModelEdge> edges;

  std::vector<Neighbour> links(const std::string& id, const TraversalOptions& options) const {
    std::vector<Neighbour> out;
    for (const auto& [edge, it] : edges) {
      if (!options.types.empty() &&
          std::find(options.types.begin(), options.types.end(), it.type) == options.types.end()) {
        continue;
      }
      if (it.source == id && options.direction != Direction::in) {
        out.push_back({edge, it.target, it.type, Direction::out});
      } else if (it.target == id && options.direction != Direction::out) {
        out.push_back({edge, it.source, it.type, Direction::in});
      }
    }
    return out;
  }
  /// id → hops
  std::map<std::string, std::uint32_t> distances(const std::string& start, std::uint32_t hops_max,
                                                 const TraversalOptions& options) const {
    std::map<std::string, std::uint32_t> seen{{start, 0}};
    std::vector<std::string> level{start};
    for (std::uint32_t hops = 1; hops <= hops_max && !level.empty(); ++hops) {
      std::vector<std::string> next;
      for (const auto& id : level) {
        for (const auto& it : links(id, options)) {
          if (seen.try_emplace(it.node, hops).second) next.push_back(it.node);
        }
      }
      level = next;
    }
    return seen;
  }
};

bool same(const Node& a, const Node& b) { return a.id == b.id && a.labels == b.labels && a.properties == b.properties; }

class GraphModel : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  explicit GraphModel() : random(GetParam()) {}

  std::string any_id() { return "node-" + std::to_string(random.below(24)); }
  std::string any_type() { return std::string(1, static_cast<char>('P' + random.below(3))); }
  std::string any_label() { return std::string(1, static_cast<char>('A' + random.below(3))); }
  Map any_properties() {
    Map map;
    if (random.chance(0.7)) map.set("color", static_cast<std::int64_t>(random.below(4)));
    if (random.chance(0.3)) map.set("note", std::string(random.below(40), 'x'));
    return map;
  }
  EdgeId any_edge() {
    if (model.edges.empty() || random.chance(0.05)) return 1 + random.below(1000);
    auto it = model.edges.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(random.below(model.edges.size())));
    return it->first;
  }

  /// One random write to both, with the same outcome.
  void write(strata::GraphStore& g) {
    switch (random.below(12)) {
      case 0:
      case 1:
      case 2: {
        Node node{any_id(), {}, any_properties()};
        for (int i = 0; i < 2; ++i) {
          if (random.chance(0.5)) node.labels.push_back(any_label());
        }
        expect_value(g.put_node(node));
        std::sort(node.labels.begin(), node.labels.end());
        node.labels.erase(std::unique(node.labels.begin(), node.labels.end()), node.labels.end());
        model.nodes[node.id] = node;
        break;
      }
      case 3: {
        const auto id = any_id();
        const bool detach = random.chance(0.7);
        const auto links = model.links(id, {.direction = Direction::both, .types = {}});
        auto result = g.remove_node(id, detach);
        if (!detach && !links.empty() && model.nodes.contains(id)) {
          ASSERT_FALSE(result.has_value());
          EXPECT_EQ(result.error().code(), ErrorCode::failed_precondition);
          EXPECT_NE(result.error().message().find("has " + std::to_string(links.size())), std::string::npos);
          break;
        }
        ASSERT_TRUE(result.has_value());
        EXPECT_EQ(result.value(), model.nodes.erase(id) == 1);
        for (const auto& it : links) model.edges.erase(it.edge);
        break;
      }
      case 4: {
        const EdgeId id = any_edge();
        EXPECT_EQ(expect_value(g.remove_edge(id)), model.edges.erase(id) == 1);
        break;
      }
      case 5:
      case 6: {
        const auto source = any_id(), target = any_id(), type = any_type();
        const auto properties = any_properties();
        const auto result = g.merge_edge(source, type, target, properties);
        if (!model.nodes.contains(source) || !model.nodes.contains(target)) {
          EXPECT_FALSE(result.has_value());
          break;
        }
        ASSERT_TRUE(result.has_value());
        EdgeId known = 0;
        for (const auto& [edge, it] : model.edges) {
          if (known == 0 && it.source == source && it.type == type && it.target == target) known = edge;
        }
        if (known != 0) {
          EXPECT_EQ(result.value(), known);
        }
        model.edges[result.value()] = {source, type, target, properties};
        break;
      }
      default: {
        const auto source = any_id(), target = any_id(), type = any_type();
        const auto properties = any_properties();
        const auto result = g.add_edge(source, type, target, properties);
        EXPECT_EQ(result.has_value(), model.nodes.contains(source) && model.nodes.contains(target));
        if (result.has_value()) {
          EXPECT_FALSE(model.edges.contains(result.value()));
          model.edges[result.value()] = {source, type, target, properties};
        }
      }
    }
  }

  /// Every read operation, on a few random arguments, or on all.
  void compare(strata::GraphStore& g, const Model& expected) {
    const auto counts = expect_value(g.counts());
    EXPECT_EQ(counts.nodes, expected.nodes.size());
    EXPECT_EQ(counts.edges, expected.edges.size());
    for (int i = 0; i < 4; ++i) compare_node(g, expected, any_id());
    const EdgeId id = any_edge();
    const auto edge = expect_value(g.edge(id));
    ASSERT_EQ(edge.has_value(), expected.edges.contains(id)) << id;
    if (edge) {
      const auto& it = expected.edges.at(id);
      EXPECT_TRUE(edge->source == it.source && edge->type == it.type && edge->target == it.target);
      EXPECT_EQ(edge->properties, it.properties);
    }
    compare_find(g, expected);
  }

  void compare_node(strata::GraphStore& g, const Model& expected, const std::string& id) {
    const auto found = expected.nodes.find(id);
    const auto node = expect_value(g.node(id));
    ASSERT_EQ(node.has_value(), found != expected.nodes.end()) << id;
    TraversalOptions options;
    options.direction = static_cast<Direction>(random.below(3));
    if (random.chance(0.5)) options.types = {any_type()};
    if (random.chance(0.2)) options.types = {any_type(), any_type(), "NEVER"};
    if (!node) {
      EXPECT_EQ(code_of(g.neighbours(id, options)), "not_found");
      EXPECT_EQ(code_of(g.reach(id, 0, 3, options)), "not_found");
      return;
    }
    EXPECT_TRUE(same(*node, found->second));
    const auto links = expected.links(id, options);
    EXPECT_EQ(expect_value(g.degree(id, options)), links.size());
    if (random.chance(0.3)) options.limit = 1 + random.below(5);
    const auto neighbours = expect_value(g.neighbours(id, options));
    ASSERT_EQ(neighbours.size(), std::min(links.size(), options.limit));
    for (std::size_t i = 0; i < neighbours.size(); ++i) {
      EXPECT_EQ(neighbours[i].edge, links[i].edge);
      EXPECT_EQ(neighbours[i].node, links[i].node);
      EXPECT_EQ(neighbours[i].type, links[i].type);
      EXPECT_EQ(neighbours[i].direction, links[i].direction);
    }
    const auto hops_min = static_cast<std::uint32_t>(random.below(2)),
               hops_max = static_cast<std::uint32_t>(2 + random.below(3));
    std::vector<std::pair<std::uint32_t, std::string>> near;
    const auto distances = expected.distances(id, hops_max, options);
    for (const auto& [other, hops] : distances) {
      if (hops >= hops_min) near.emplace_back(hops, other);
    }
    std::sort(near.begin(), near.end());
    near.resize(std::min(near.size(), options.limit));
    const auto reached = expect_value(g.reach(id, hops_min, hops_max, options));
    ASSERT_EQ(reached.size(), near.size());
    for (std::size_t i = 0; i < near.size(); ++i) {
      EXPECT_EQ(reached[i].node, near[i].second);
      EXPECT_EQ(reached[i].hops, near[i].first);
    }
    const auto target = any_id();
    if (!expected.nodes.contains(target)) return;
    const auto path = expect_value(g.shortest_path(id, target, hops_max, options));
    const auto distance = distances.find(target);
    if (distance == distances.end()) {
      EXPECT_TRUE(path.nodes.empty());
      return;
    }
    ASSERT_EQ(path.nodes.size(), distance->second + 1);
    ASSERT_EQ(path.edges.size(), distance->second);
    EXPECT_EQ(path.nodes.front(), id);
    EXPECT_EQ(path.nodes.back(), target);
    options.limit = 1000;
    for (std::size_t i = 0; i < path.edges.size(); ++i) {
      const auto steps = expected.links(path.nodes[i], options);
      EXPECT_TRUE(std::any_of(steps.begin(), steps.end(), [&](const Neighbour& it) {
        return it.edge == path.edges[i] && it.node == path.nodes[i + 1];
      }));
    }
  }

  void compare_find(strata::GraphStore& g, const Model& expected) {
    const std::string label = random.chance(0.3) ? "" : any_label(), key = random.chance(0.3) ? "" : "color";
    const Value value(static_cast<std::int64_t>(random.below(4)));
    const std::size_t limit = random.chance(0.5) ? 1'000 : 3;
    const std::string after = random.chance(0.5) ? "" : any_id();
    std::vector<Node> wanted;
    for (const auto& [id, node] : expected.nodes) {
      if (id <= after || wanted.size() == limit) continue;
      if (!label.empty() && std::find(node.labels.begin(), node.labels.end(), label) == node.labels.end()) continue;
      const Value* stored = key.empty() ? nullptr : node.properties.find(key);
      if (!key.empty() && (stored == nullptr || !(*stored == value))) continue;
      wanted.push_back(node);
    }
    const auto found = expect_value(g.find_nodes(label, key, value, limit, after));
    ASSERT_EQ(found.size(), wanted.size()) << label << "." << key;
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_TRUE(same(found[i], wanted[i]));
  }

  core::Random random;
  TestDatabase db;
  Model model;
};

TEST_P(GraphModel, AnswersLikeMapsAtEveryViewAcrossSegmentsMergesAndRestarts) {
  std::map<Lsn, Model> history{{0, Model()}};
  std::map<Lsn, transaction::Summary> summaries;
  Lsn horizon = 0;
  for (int round = 0; round < 220 && !HasFatalFailure(); ++round) {
    auto tx = db.begin();
    const Model before = model;
    const auto writes = 1 + random.below(round < 5 ? 30 : 6);
    for (std::uint64_t i = 0; i < writes && !HasFatalFailure(); ++i) {
      write(*tx->graph);
      if (random.chance(0.3)) compare(*tx->graph, model);  // own writes
    }
    if (round == 60) expect_value((*tx)->create_index("A", "color"));
    if (round == 90) expect_value((*tx)->create_index("", "color"));
    if (round != 60 && round != 90 && random.chance(0.1)) {
      model = before;  // rolled back: nothing happened
    } else {
      expect_value(db.commit(*tx));
      history[db.visible] = model;
      summaries[db.visible] = expect_value(db.store->summarize(db.visible));
    }
    if (random.chance(0.1)) {
      horizon = std::max(horizon, db.visible - std::min<Lsn>(db.visible, random.below(30)));
      db.checkpoint(horizon);
    }
    if (random.chance(0.05)) db.reopen();
    compare(*db.now()->graph, model);
    Lsn view = horizon + random.below(db.visible - horizon + 1);
    const Model& past = std::prev(history.upper_bound(view))->second;
    compare(*db.at(view)->graph, past);
    if (summaries.contains(view)) {
      EXPECT_EQ(expect_value(db.store->summarize(view)), summaries[view]) << view;
    }
    if (round % 20 == 0) {
      EXPECT_TRUE(expect_value(db.store->verify()).empty());
    }
  }
  // A rebuild from the first record would be the same; so is one from the last checkpoint.
  const auto live = expect_value(db.store->summarize(db.visible));
  EXPECT_EQ(live.items, model.nodes.size() + model.edges.size() + 2);
  db.reopen();
  EXPECT_EQ(expect_value(db.store->summarize(db.visible)), live);
  EXPECT_LE(*db.store->statistics().find("segments")->integer(), 6);
}

INSTANTIATE_TEST_SUITE_P(Seeds, GraphModel, ::testing::Range<std::uint64_t>(1, 13));

}  // namespace
}  // namespace strata::store::graph
