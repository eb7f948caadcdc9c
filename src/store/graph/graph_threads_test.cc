/// One applier, several readers, checkpoints in between: what a reader sees at its view never changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>

#include "core/random.h"
#include "store/graph/append_only.h"
#include "store/graph/graph_test_support.h"

namespace strata::store::graph {
namespace {

TEST(GraphThreads, ReadersSeeTheirViewWhileOthersApplyAndCheckpoint) {
  // Commit n adds node n and an edge from the hub to it, and removes the edge to node n / 2 when n is even. So at view v
  // the hub has v − floor(v / 2) edges.
  constexpr Lsn kCommits = 1'500;
  auto files = io::make_memory_file_system();
  Store store(*files);
  std::atomic<Lsn> visible{0};
  std::atomic<int> failures{0};
  std::array<std::atomic<Lsn>, 3> pinned{};  // the view of each reader; 0 while it chooses one
  std::vector<std::thread> readers;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    readers.emplace_back([&, seed] {
      core::Random random(seed);
      while (visible.load() < kCommits) {
        pinned[seed] = 0;
        const Lsn newest = visible.load();
        if (newest == 0) continue;
        const Lsn view = newest - random.below(std::min<Lsn>(newest, 50));
        pinned[seed] = view;
        TestTransaction at(store, view, true);
        auto degree = at->degree("hub");
        auto counts = at->counts();
        auto reached = at->reach("hub", 1, 1, {.types = {"TO"}, .limit = 100'000});
        auto last = at->node("n" + std::to_string(view));
        auto later = at->node("n" + std::to_string(view + 1));
        const Lsn edges = view - view / 2;
        const bool right = degree.has_value() && *degree == edges && counts.has_value() && counts->edges == edges &&
                           counts->nodes == view + 1 && reached.has_value() && reached->size() == edges &&
                           last.has_value() && last->has_value() && later.has_value() && !later->has_value();
        if (!right) ++failures;
      }
    });
  }
  for (Lsn lsn = 1; lsn <= kCommits; ++lsn) {
    const std::string fresh = "n" + std::to_string(lsn);
    Mutation mutation;
    mutation.names = {"TO", "Node"};
    mutation.ids = {"hub", fresh};
    mutation.labels = {1};
    if (lsn == 1) mutation.put_nodes.push_back({0, 0, 0, {}});
    mutation.put_nodes.push_back({1, 0, 1, {}});
    mutation.added_edges = {{lsn, 0, 0, 1, {}}};
    if (lsn % 2 == 0) mutation.removed_edges = {lsn / 2};
    Bytes section;
    core::Encoder out(section);
    encode(mutation, out);
    expect_value(store.apply({lsn, 0}, section));
    visible = lsn;
    if (lsn % 100 != 0) continue;
    expect_value(store.freeze(lsn));
    Lsn horizon = lsn - 50;
    for (const auto& view : pinned) horizon = std::min(horizon, view.load());
    auto written = expect_value(store.write_checkpoint(horizon));
    expect_value(store.installed(written));
  }
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(failures.load(), 0);
}

// What no lock guards: on processors that reorder writes, and for the thread sanitizer, the count is what makes an entry whole.
TEST(GraphThreads, WhoCountsAnEntrySeesItWhole) {
  constexpr std::uint64_t kEntries = 20'000;
  struct Entry {
    std::uint64_t index, twice;
  };
  Arena arena;
  StableArray<Entry> array;
  AppendList<Entry> list;
  const auto is_whole = [](const Entry& entry, std::uint64_t index) {
    return entry.index == index && entry.twice == 2 * index;
  };
  std::atomic<int> torn{0};
  std::thread reader([&] {
    for (std::uint64_t seen = 0; seen < kEntries;) {
      seen = array.size();
      if (seen > 0 && !is_whole(array[seen - 1], seen - 1)) ++torn;
      list.newest_first([&](const Entry& newest) {
        if (!is_whole(newest, newest.index)) ++torn;
        return false;
      });
    }
  });
  for (std::uint64_t i = 0; i < kEntries; ++i) {
    list.append(arena, {i, 2 * i});
    array.append(arena, {i, 2 * i});
  }
  reader.join();
  EXPECT_EQ(torn.load(), 0);
}

}  // namespace
}  // namespace strata::store::graph
