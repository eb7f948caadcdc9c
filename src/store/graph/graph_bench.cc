/// What the graph costs, on a made-up graph of 100,000 nodes and 600,000 edges whose degrees follow a power law, and on a
/// real one when STRATA_GRAPH_DATA names a directory with nodes.jsonl and edges.jsonl:
///
///     {"id": 0, "label": "Package", "properties": {"name": "0ad", …}}      {"type": "DEPENDS_ON", "from": 0, "to": 7, …}
///
/// The first argument of a benchmark is the data (0 made up, 1 real), the second where it lies (0 delta, 1 one segment).
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "core/random.h"
#include "io/memory_file_system.h"
#include "io/posix_file_system.h"
#include "store/graph/graph_store.h"
#include "transaction/session.h"

namespace strata::store::graph {
namespace {

constexpr std::size_t kBatch = 1'000;

template <typename T>
T must(Result<T> result) {
  if (!result.has_value()) {
    std::cerr << result.error().to_string() << "\n";
    std::abort();
  }
  return std::move(result).value();
}
void must(Result<void> result) {
  if (!result.has_value()) {
    std::cerr << result.error().to_string() << "\n";
    std::abort();
  }
}

class ViewSession final : public transaction::Session {
 public:
  explicit ViewSession(Lsn view) : context_(view, true, transaction::Tracking::none, 0) {}

 private:
  Result<transaction::Context*> enter(Access) override { return &context_; }
  Result<void> leave(transaction::Context&, bool) override { return {}; }
  transaction::Context context_;
};

/// The records of a whole graph, node batches first.
struct Data {
  std::vector<std::string> ids;
  std::vector<Bytes> node_sections, edge_sections;
  std::size_t nodes = 0, edges = 0;
};

struct RawNode {
  std::string id, label;
  Bytes properties;
};
struct RawEdge {
  std::uint32_t source, target;
  std::string type;
};

Data encode_all(const std::vector<RawNode>& nodes, const std::vector<RawEdge>& edges) {
  Data data;
  data.nodes = nodes.size();
  data.edges = edges.size();
  for (const auto& node : nodes) data.ids.push_back(node.id);
  for (std::size_t begin = 0; begin < nodes.size(); begin += kBatch) {
    Mutation mutation;
    for (std::size_t i = begin; i < std::min(begin + kBatch, nodes.size()); ++i) {
      const auto at = static_cast<std::uint32_t>(i - begin);
      mutation.ids.push_back(nodes[i].id);
      mutation.names.push_back(nodes[i].label);
      mutation.labels.push_back(at);
      mutation.put_nodes.push_back({at, at, at + 1, nodes[i].properties});
    }
    core::Encoder out(data.node_sections.emplace_back());
    encode(mutation, out);
  }
  EdgeId next = 1;
  for (std::size_t begin = 0; begin < edges.size(); begin += kBatch) {
    Mutation mutation;
    std::unordered_map<std::uint32_t, std::uint32_t> known;
    const auto id_of = [&](std::uint32_t node) {
      const auto [it, fresh] = known.try_emplace(node, static_cast<std::uint32_t>(mutation.ids.size()));
      if (fresh) mutation.ids.push_back(nodes[node].id);
      return it->second;
    };
    std::unordered_map<std::string_view, std::uint32_t> types;
    for (std::size_t i = begin; i < std::min(begin + kBatch, edges.size()); ++i) {
      const auto [type, fresh] = types.try_emplace(edges[i].type, static_cast<std::uint32_t>(mutation.names.size()));
      if (fresh) mutation.names.push_back(edges[i].type);
      mutation.added_edges.push_back({next++, id_of(edges[i].source), type->second, id_of(edges[i].target), {}});
    }
    core::Encoder out(data.edge_sections.emplace_back());
    encode(mutation, out);
  }
  return data;
}

Data make_up() {
  core::Random random(1);
  std::vector<RawNode> nodes;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    Map properties{{"name", "package number " + std::to_string(i)},
                   {"size", static_cast<std::int64_t>(random.below(1'000'000))}};
    Bytes bytes;
    core::Encoder(bytes).map(properties);
    nodes.push_back({"package-" + std::to_string(i), "Package", std::move(bytes)});
  }
  std::vector<RawEdge> edges;
  for (std::uint32_t i = 0; i < 600'000; ++i) {
    // A cubed uniform number: a few nodes are at very many edges.
    const double u = random.real();
    const auto popular = static_cast<std::uint32_t>(u * u * u * 100'000);
    edges.push_back(
        {static_cast<std::uint32_t>(random.below(100'000)), popular, random.chance(0.8) ? "DEPENDS_ON" : "SUGGESTS"});
  }
  return encode_all(nodes, edges);
}

Data load(const std::string& directory) {
  std::vector<RawNode> nodes;
  std::vector<RawEdge> edges;
  std::unordered_map<std::int64_t, std::uint32_t> numbers;
  std::unordered_map<std::string, int> used;
  std::string line;
  for (std::ifstream in(directory + "/nodes.jsonl"); std::getline(in, line);) {
    Value node = must(parse_json(line));
    const Map& map = *node.map();
    const Value* name = map.find("properties")->map()->find("name");
    const std::int64_t number = *map.find("id")->integer();
    std::string id = *map.find("label")->text();
    id.append(":").append(name && name->text() ? *name->text() : std::to_string(number));
    if (used[id]++ > 0) id.append("#").append(std::to_string(number));
    numbers[number] = static_cast<std::uint32_t>(nodes.size());
    Bytes bytes;
    core::Encoder(bytes).map(*map.find("properties")->map());
    nodes.push_back({std::move(id), *map.find("label")->text(), std::move(bytes)});
  }
  for (std::ifstream in(directory + "/edges.jsonl"); std::getline(in, line);) {
    Value edge = must(parse_json(line));
    const Map& map = *edge.map();
    edges.push_back(
        {numbers.at(*map.find("from")->integer()), numbers.at(*map.find("to")->integer()), *map.find("type")->text()});
  }
  return encode_all(nodes, edges);
}

const Data* data(std::int64_t which) {
  static const Data made_up = make_up();
  static const char* const directory = std::getenv("STRATA_GRAPH_DATA");
  if (which == 0) return &made_up;
  if (directory == nullptr) return nullptr;
  static const Data real = load(directory);
  return &real;
}

Lsn apply_all(Store& store, const std::vector<Bytes>& sections, Lsn lsn) {
  for (const Bytes& section : sections) {
    ++lsn;
    must(store.apply({lsn, 0}, section));
  }
  return lsn;
}

transaction::Checkpoint checkpoint(Store& store, Lsn lsn) {
  must(store.freeze(lsn));
  auto written = must(store.write_checkpoint(lsn));
  must(store.installed(written));
  return written;
}

/// A store with all the data, and starts of a known kind.
struct Loaded {
  std::unique_ptr<io::MemoryFileSystem> files = io::make_memory_file_system();
  std::unique_ptr<Store> store = std::make_unique<Store>(*files);
  Lsn lsn = 0;
  std::vector<std::string> any, degree_10, two_hops_50, three_hops_1000;
  std::vector<std::pair<std::string, std::string>> pairs;

  Loaded(const Data& source, bool sealed) {
    lsn = apply_all(*store, source.node_sections, 0);
    lsn = apply_all(*store, source.edge_sections, lsn);
    if (sealed) checkpoint(*store, lsn);
    ViewSession session(lsn);
    auto graph = store->session(session);
    core::Random random(7);
    while (any.size() < 1'000) any.push_back(source.ids[random.below(source.ids.size())]);
    for (int i = 0; i < 200'000; ++i) {
      const std::string& id = source.ids[random.below(source.ids.size())];
      const auto degree = must(graph->degree(id));
      if (degree >= 9 && degree <= 11 && degree_10.size() < 500) degree_10.push_back(id);
      if (degree < 2 || degree > 40 || (two_hops_50.size() >= 500 && three_hops_1000.size() >= 200)) continue;
      const auto two = must(graph->reach(id, 1, 2)).size();
      if (two >= 40 && two <= 60 && two_hops_50.size() < 500) two_hops_50.push_back(id);
      if (two < 80 || three_hops_1000.size() >= 200) continue;
      const auto three = must(graph->reach(id, 1, 3)).size();
      if (three >= 800 && three <= 1'200) three_hops_1000.push_back(id);
    }
    while (pairs.size() < 500) pairs.emplace_back(any[random.below(1'000)], any[random.below(1'000)]);
  }
};

Loaded* loaded(benchmark::State& state) {
  static std::map<std::pair<std::int64_t, std::int64_t>, std::unique_ptr<Loaded>> all;
  const Data* source = data(state.range(0));
  if (source == nullptr) {
    state.SkipWithError("STRATA_GRAPH_DATA is not set");
    return nullptr;
  }
  auto& slot = all[{state.range(0), state.range(1)}];
  if (!slot) slot = std::make_unique<Loaded>(*source, state.range(1) == 1);
  return slot.get();
}

/// Calls `ask(graph, i)` over and over; it answers how many results there were.
template <typename Ask>
void reads(benchmark::State& state, Ask&& ask) {
  Loaded* at = loaded(state);
  if (at == nullptr) return;
  ViewSession session(at->lsn);
  auto graph = at->store->session(session);
  std::size_t i = 0, results = 0;
  for (auto _ : state) results += ask(*graph, *at, i++);
  state.counters["results"] = benchmark::Counter(static_cast<double>(results), benchmark::Counter::kAvgIterations);
}

void NodeById(benchmark::State& state) {
  reads(state, [](auto& graph, Loaded& at, std::size_t i) {
    return must(graph.node(at.any[i % at.any.size()])).has_value() ? std::size_t{1} : 0;
  });
}
void NeighboursOfTen(benchmark::State& state) {
  reads(state, [](auto& graph, Loaded& at, std::size_t i) {
    return at.degree_10.empty() ? 0 : must(graph.neighbours(at.degree_10[i % at.degree_10.size()])).size();
  });
}
void TwoHopsToFifty(benchmark::State& state) {
  reads(state, [](auto& graph, Loaded& at, std::size_t i) {
    return at.two_hops_50.empty() ? 0 : must(graph.reach(at.two_hops_50[i % at.two_hops_50.size()], 1, 2)).size();
  });
}
void ThreeHopsToThousand(benchmark::State& state) {
  reads(state, [](auto& graph, Loaded& at, std::size_t i) {
    return at.three_hops_1000.empty()
               ? 0
               : must(graph.reach(at.three_hops_1000[i % at.three_hops_1000.size()], 1, 3)).size();
  });
}
void ShortestPath(benchmark::State& state) {
  reads(state, [](auto& graph, Loaded& at, std::size_t i) {
    const auto& [from, to] = at.pairs[i % at.pairs.size()];
    return must(graph.shortest_path(from, to)).edges.size();
  });
}
void Counts(benchmark::State& state) {
  reads(state, [](auto& graph, Loaded&, std::size_t) { return must(graph.counts()).edges; });
}

void Apply(benchmark::State& state) {
  const Data* source = data(state.range(0));
  if (source == nullptr) return state.SkipWithError("STRATA_GRAPH_DATA is not set");
  const bool edges = state.range(1) == 1;
  for (auto _ : state) {
    auto files = io::make_memory_file_system();
    Store store(*files);
    if (edges) state.PauseTiming();
    Lsn lsn = apply_all(store, source->node_sections, 0);
    if (edges) {
      state.ResumeTiming();
      apply_all(store, source->edge_sections, lsn);
    }
    state.PauseTiming();
    state.counters["bytes_in_memory"] = static_cast<double>(*store.statistics().find("bytes_in_memory")->integer());
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>((edges ? source->edges : source->nodes)) * state.iterations());
}

/// On a real disk below the temporary directory: writing everything as one segment, opening it, the first question.
void CheckpointAndOpen(benchmark::State& state) {
  const Data* source = data(state.range(0));
  if (source == nullptr) return state.SkipWithError("STRATA_GRAPH_DATA is not set");
  const auto root =
      std::filesystem::temp_directory_path() / ("strata-graph-bench-" + std::to_string(core::random_seed()));
  std::filesystem::create_directory(root);
  auto files = must(io::open_posix_file_system(root.string()));
  transaction::Checkpoint last;
  if (state.range(1) == 0) {
    for (auto _ : state) {
      state.PauseTiming();
      Store store(*files);
      const Lsn lsn = apply_all(store, source->edge_sections, apply_all(store, source->node_sections, 0));
      state.ResumeTiming();
      last = checkpoint(store, lsn);
      state.counters["bytes_on_disk"] = static_cast<double>(last.files.front().bytes);
      state.PauseTiming();
      must(files->remove_directory("graph"));
      state.ResumeTiming();
    }
  } else {
    Store store(*files);
    last = checkpoint(store, apply_all(store, source->edge_sections, apply_all(store, source->node_sections, 0)));
    for (auto _ : state) {
      Store again(*files);
      must(again.open(&last));
      if (state.range(1) == 2) {
        ViewSession session(last.lsn);
        benchmark::DoNotOptimize(must(again.session(session)->reach(source->ids[0], 1, 2)));
      }
    }
  }
  std::filesystem::remove_all(root);
}

BENCHMARK(NodeById)->ArgsProduct({{0, 1}, {0, 1}});
BENCHMARK(NeighboursOfTen)->ArgsProduct({{0, 1}, {0, 1}});
BENCHMARK(TwoHopsToFifty)->ArgsProduct({{0, 1}, {0, 1}});
BENCHMARK(ThreeHopsToThousand)->ArgsProduct({{0, 1}, {0, 1}});
BENCHMARK(ShortestPath)->ArgsProduct({{0, 1}, {0, 1}});
BENCHMARK(Counts)->ArgsProduct({{0}, {0, 1}});
// Second argument: 0 nodes, 1 edges.
BENCHMARK(Apply)->ArgsProduct({{0, 1}, {0, 1}})->Unit(benchmark::kMillisecond)->Iterations(5);
// Second argument: 0 write, 1 open, 2 open and ask.
BENCHMARK(CheckpointAndOpen)->ArgsProduct({{0, 1}, {0}})->Unit(benchmark::kMillisecond)->Iterations(3);
BENCHMARK(CheckpointAndOpen)->ArgsProduct({{0, 1}, {1, 2}})->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace strata::store::graph
