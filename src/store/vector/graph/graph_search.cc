#include "store/vector/graph/graph_search.h"

#include <array>

namespace strata::store::vector {
namespace {

struct GroundLinks {
  const GraphView& graph;
  std::span<const std::uint32_t> operator()(std::uint32_t row) const { return graph.ground_links(row); }
  const std::uint32_t* place(std::uint32_t row) const { return graph.ground_links(row).data(); }
};

struct LinksAbove {
  const GraphView& graph;
  std::uint32_t level;
  std::span<const std::uint32_t> operator()(std::uint32_t place) const { return graph.links_above(place, level); }
};

// ACORN's expansion: in the place of a node that does not match stand those of its own links that do, until there are about as
// many as a walk among all would look at. More of them are found at the same beam by a larger number, and each costs as much.
struct Matching {
  const GraphView& graph;
  const RowSet& set;

  std::uint32_t operator()(std::span<const std::uint32_t> some, Visited& visited, std::uint32_t* fresh,
                           std::size_t) const {
    const std::uint32_t enough = graph.degree;
    std::uint32_t count = 0;
    for (const std::uint32_t node : some) {
      fresh[count] = node;
      count += set.contains(node) && visited.set(node) ? 1 : 0;
    }
    for (std::size_t i = 0; i < some.size() && count < enough; ++i) {
      if (set.contains(some[i]) || !visited.set(some[i])) continue;
      if (i + 1 < some.size()) ask_for(some[i + 1]);
      for (const std::uint32_t node : graph.ground_links(some[i])) {
        if (!set.contains(node) || !visited.set(node)) continue;
        fresh[count] = node;
        if (++count == enough) break;
      }
    }
    return count;
  }
  void ask_for(std::uint32_t node) const {
    const auto* const list = reinterpret_cast<const char*>(graph.ground_links(node).data());
    for (int line = 0; line < 4; ++line) __builtin_prefetch(list + line * 64);
  }
};

// So many rows that match, spread over all, are entered beside the one that the levels lead to: what matches may be far from it,
// and in several places.
constexpr std::size_t kSpreadEntries = 8;

std::vector<std::uint32_t> entries_among(const RowSet& matching, std::uint32_t nearest) {
  std::vector<std::uint32_t> entries{nearest};
  for (std::size_t i = 0; i < kSpreadEntries; ++i) {
    const Row row = matching.next(static_cast<Row>(std::size_t{matching.rows()} * i / kSpreadEntries));
    if (row < matching.rows()) entries.push_back(row);
  }
  return entries;
}

}  // namespace

const Beam& walk_graph(const GraphView& graph, const Scorer& near, std::size_t beam, const RowSet* matching,
                       WalkMemory& memory) {
  Row entry = graph.entry;
  if (graph.levels > 0) {
    const auto near_above = [&](const std::uint32_t* places, std::uint32_t count, float* out) {
      std::array<std::uint32_t, kGraphDegreeMax> rows{};
      for (std::uint32_t i = 0; i < count; ++i) rows[i] = graph.upper[places[i]];
      near(rows.data(), count, out);
    };
    Near at{0, graph.entry};
    near_above(&at.node, 1, &at.similarity);
    for (std::uint32_t level = graph.levels; level > 0; --level) {
      at = descend(LinksAbove{graph, level}, near_above, at, memory);
    }
    entry = graph.upper[at.node];
  }
  const std::size_t degree = 2 * graph.degree;
  if (matching == nullptr) {
    walk(GroundLinks{graph}, near, {&entry, 1}, graph.rows, beam, degree, memory);
  } else {
    walk(GroundLinks{graph}, near, entries_among(*matching, entry), graph.rows, beam, degree, memory,
         Matching{graph, *matching});
  }
  return memory.beam;
}

void leave_out_hopeless(const Scorer& scorer, std::size_t k, std::vector<Candidate>& candidates) {
  if (candidates.size() <= k || !(scorer.error(candidates[0].row) < std::numeric_limits<float>::infinity())) return;
  std::vector<float> least;
  least.reserve(candidates.size());
  for (const Candidate& each : candidates) least.push_back(each.similarity - scorer.error(each.row));
  const auto place = least.begin() + static_cast<std::ptrdiff_t>(k - 1);
  std::nth_element(least.begin(), place, least.end(), std::greater<>());
  std::erase_if(candidates, [&, floor = *place](const Candidate& each) {
    return each.similarity + scorer.error(each.row) < floor;
  });
}

RowRanking::RowRanking(const Scorer& scorer, std::size_t beam, WalkMemory& memory) : scorer_(scorer), memory_(memory) {
  memory.beam.begin(beam);
  if (memory.similarities.size() < Scorer::kRowsAtOnce) memory.similarities.resize(Scorer::kRowsAtOnce);
}

void RowRanking::add(std::span<const Row> rows) {
  for (std::size_t at = 0; at < rows.size(); at += Scorer::kRowsAtOnce) {
    const auto some = rows.subspan(at, std::min<std::size_t>(Scorer::kRowsAtOnce, rows.size() - at));
    scorer_(some.data(), static_cast<std::uint32_t>(some.size()), memory_.similarities.data());
    for (std::size_t i = 0; i < some.size(); ++i) memory_.beam.add(memory_.similarities[i], some[i]);
  }
}

}  // namespace strata::store::vector
