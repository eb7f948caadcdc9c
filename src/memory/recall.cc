// recall: what is near in meaning, in words and in the graph, fused by rank.
//
//     view (one LSN for all stores)
//       vector   the query's embedding → nearest memories      ┐
//       words    the query's words → BM25                      ├ reciprocal rank fusion → the best k → their texts
//       graph    reach(near) limits, or neighbours of the best ┘
//
// Fusion is Cormack, Clarke, Büttcher (SIGIR 2009): score = Σ 1 / (60 + rank), here divided by what a memory that is first
// in every list would get, so that scores lie in 0 … 1. Ranks need no common scale; that is why ranks and not scores.
#include <algorithm>
#include <unordered_map>

#include "memory/recalled_out.h"

namespace strata::memory {
namespace {

constexpr double kRankDamping = 60;
constexpr std::size_t kResultsMax = 1'000;
constexpr std::uint32_t kHopsMax = 15;
constexpr std::size_t kNearMax = 100'000;  // memories within reach of `near` that are looked at
constexpr std::size_t kSeeds = 5;          // hits whose neighbours join in when there is no `near`
constexpr std::size_t kJoiningMax = 50;
constexpr std::size_t kLookedUpMin = 16;
constexpr std::size_t kLookedUpMax = 4'000;

double damped(std::uint32_t rank) { return rank == 0 ? 0 : 1.0 / (kRankDamping + rank); }

Filter valid_at_filter(Timestamp time) {
  const auto open_or = [](const char* field, const char* op, Timestamp value) {
    return Value(Map{{"should", Value::List{Map{{field, Map{{"is_null", true}}}}, Map{{field, Map{{op, value}}}}}}});
  };
  return {{"must", Value::List{open_or("valid_from", "lte", time), open_or("valid_to", "gt", time)}}};
}

/// What every hit must meet, wherever it lies.
Filter conditions_of(const RecallOptions& options) {
  Value::List must;
  if (!options.filter.empty()) must.emplace_back(options.filter);
  for (const std::string& tag : options.tags) must.emplace_back(Map{{"tags", tag}});
  if (options.valid_at) must.emplace_back(valid_at_filter(*options.valid_at));
  if (must.empty()) return Filter();
  return Filter{{"must", std::move(must)}};
}

Result<void> check(const RecallOptions& options) {
  if (options.k < 1 || options.k > kResultsMax) {
    return Error(ErrorCode::invalid_argument, "k is 1 to 1,000, not " + std::to_string(options.k));
  }
  if (options.hops > kHopsMax) {
    return Error(ErrorCode::invalid_argument, "hops is at most 15, not " + std::to_string(options.hops));
  }
  if (options.text.empty() && options.embedding.empty() && options.near.empty()) {
    return Error(ErrorCode::invalid_argument,
                 "nothing to recall by: give a text, an embedding or a memory to start near");
  }
  if (!options.near.empty() && options.hops == 0) {
    return Error(ErrorCode::invalid_argument, "near \"" + options.near + "\" needs hops of 1 or more");
  }
  return {};
}

}  // namespace

Result<std::vector<Recalled>> LocalMemory::recall(const RecallOptions& options) noexcept {
  STRATA_TRY(check(options));
  const auto view = STRATA_TRY(engine_.view(options.as_of));
  std::vector<Candidate> candidates = STRATA_TRY(find_candidates(*view, options, options.k));
  std::vector<Recalled> recalled;
  recalled.reserve(candidates.size());
  for (Candidate& candidate : candidates) {
    recalled.push_back(STRATA_TRY(describe(*view, std::move(candidate), options)));
  }
  return recalled;
}

Result<Recalled> LocalMemory::why(std::string_view id, const RecallOptions& options) noexcept {
  STRATA_TRY(check(options));
  const auto view = STRATA_TRY(engine_.view(options.as_of));
  auto point = STRATA_TRY(view->vector().get(kCollection, id, false));
  if (!point) return Error(ErrorCode::not_found, "no memory \"" + std::string(id) + "\"");
  // Looked for among as many as recall can ever return; beyond that the rank no longer explains anything.
  for (Candidate& candidate : STRATA_TRY(find_candidates(*view, options, kResultsMax))) {
    if (candidate.id == id) return describe(*view, std::move(candidate), options);
  }
  Candidate unranked;
  unranked.id = id;
  unranked.payload = std::move(point->payload);
  return describe(*view, std::move(unranked), options);
}

Result<std::vector<float>> LocalMemory::embed_query(const RecallOptions& options) {
  if (!options.embedding.empty()) return options.embedding;
  if (options.text.empty()) return std::vector<float>();
  auto answer = embedder_->embed(std::span(&options.text, 1));
  // There is none: the words answer. Its dimension does not tell, because an endpoint that is down does not know it.
  if (!answer && answer.error().code() == ErrorCode::unsupported) return std::vector<float>();
  auto embeddings = STRATA_TRY(std::move(answer));
  if (embeddings.size() != 1) {
    return Error(ErrorCode::unavailable, "the embedder " + embedder_->model() + " gave no embedding for the question");
  }
  return std::move(embeddings.front());
}

/// What is within reach of `near`, with its hops.
Result<std::map<std::string, std::uint32_t>> LocalMemory::reach_near(Stores& view, const RecallOptions& options) {
  std::map<std::string, std::uint32_t> near;
  const TraversalOptions traversal{options.direction, options.link_types, kNearMax};
  for (const Reached& reached : STRATA_TRY(view.graph().reach(options.near, 1, options.hops, traversal))) {
    near.emplace(reached.node, reached.hops);
  }
  return near;
}

Result<std::vector<LocalMemory::Candidate>> LocalMemory::find_candidates(Stores& view, const RecallOptions& options,
                                                                         std::size_t wanted) {
  if (auto there = view.vector().collection(kCollection); !there) {
    if (there.error().code() == ErrorCode::not_found)
      return std::vector<Candidate>();  // nothing was remembered by that LSN
    return std::move(there).error();
  }
  const Filter conditions = conditions_of(options);
  Filter filter = conditions;
  std::map<std::string, std::uint32_t> near;
  if (!options.near.empty()) {
    near = STRATA_TRY(reach_near(view, options));
    Value::List ids;
    for (const auto& [id, hops] : near) ids.emplace_back(id);
    filter.set("has_id", std::move(ids));
  }
  std::unordered_map<std::string, Candidate> found;
  const auto candidate = [&found](const std::string& id) -> Candidate& {
    Candidate& entry = found[id];
    entry.id = id;
    return entry;
  };

  // Deeper than k in each list: a memory that is tenth in two of them beats one that is third in one.
  const SearchOptions search{
      .k = std::min(kSearchResultsMax, std::max<std::size_t>(30, 2 * wanted)), .filter = filter, .with_payload = false};
  std::size_t lists = 0;
  const std::vector<float> embedding = STRATA_TRY(embed_query(options));
  if (!embedding.empty()) {
    ++lists;
    std::uint32_t rank = 0;
    for (const Hit& hit : STRATA_TRY(view.vector().search(kCollection, embedding, search))) {
      Why& why = candidate(hit.id).why;
      why.vector_rank = ++rank;
      why.vector_score = hit.score;
    }
  }
  if (!options.text.empty()) {
    ++lists;
    std::uint32_t rank = 0;
    for (const Hit& hit : STRATA_TRY(view.vector().search_words(kCollection, options.text, search))) {
      Why& why = candidate(hit.id).why;
      why.words_rank = ++rank;
      why.words_score = hit.score;
    }
  }
  if (!options.near.empty()) {
    ++lists;
    if (options.text.empty() && embedding.empty()) {  // only the graph speaks
      for (const auto& [id, hops] : near) candidate(id);
    }
    for (auto& [id, entry] : found) {
      if (const auto at = near.find(id); at != near.end()) entry.why.hops = at->second;
    }
  } else if (options.hops > 0) {
    ++lists;
    STRATA_TRY(join_neighbours(view, options, found));
  }

  std::vector<Candidate> candidates;
  candidates.reserve(found.size());
  const double first_everywhere = static_cast<double>(std::max<std::size_t>(1, lists)) * damped(1);
  for (auto& [id, entry] : found) {
    // A hop counts as a rank: what is next to the start is first in the graph's list.
    entry.score =
        (damped(entry.why.vector_rank) + damped(entry.why.words_rank) + damped(entry.why.hops)) / first_everywhere;
    candidates.push_back(std::move(entry));
  }
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return a.score != b.score ? a.score > b.score : a.id < b.id;
  });
  return keep_admitted(view, conditions, wanted, std::move(candidates));
}

/// Without `near`: what is linked to the best hits so far joins in, with the hit that brought it as the path's start.
/// Whether they are memories at all, and pass the filter, is asked later, of the best.
Result<void> LocalMemory::join_neighbours(Stores& view, const RecallOptions& options,
                                          std::unordered_map<std::string, Candidate>& found) {
  std::vector<std::pair<double, std::string>> seeds;
  for (const auto& [id, entry] : found) {
    seeds.emplace_back(damped(entry.why.vector_rank) + damped(entry.why.words_rank), id);
  }
  const std::size_t count = std::min(kSeeds, seeds.size());
  std::partial_sort(seeds.begin(), seeds.begin() + static_cast<std::ptrdiff_t>(count), seeds.end(), std::greater<>());
  const TraversalOptions traversal{options.direction, options.link_types, kJoiningMax};
  for (std::size_t i = 0; i < count; ++i) {
    const std::string& seed = seeds[i].second;
    auto reached = view.graph().reach(seed, 1, options.hops, traversal);
    if (!reached) {
      if (reached.error().code() == ErrorCode::not_found) continue;
      return std::move(reached).error();
    }
    for (const Reached& neighbour : *reached) {
      Candidate& candidate = found[neighbour.node];
      candidate.id = neighbour.node;
      if (candidate.why.hops == 0 || neighbour.hops < candidate.why.hops) {
        candidate.why.hops = neighbour.hops;
        candidate.path_start = seed;
      }
    }
  }
  return {};
}

/// The best `wanted` of the candidates, which come best first, with their payloads. What a search found meets the conditions
/// already, what the graph brought has to be asked; both by looking ids up, so many at once as are wanted and then twice as
/// many: most candidates are never read.
Result<std::vector<LocalMemory::Candidate>> LocalMemory::keep_admitted(Stores& view, const Filter& conditions,
                                                                       std::size_t wanted,
                                                                       std::vector<Candidate> candidates) {
  std::vector<Candidate> kept;
  std::size_t at_once = std::max(kLookedUpMin, wanted);
  for (std::size_t begin = 0; begin < candidates.size() && kept.size() < wanted;) {
    const std::size_t count = std::min(at_once, candidates.size() - begin);
    at_once = std::min(2 * at_once, kLookedUpMax);
    Value::List ids;
    for (std::size_t i = 0; i < count; ++i) ids.emplace_back(candidates[begin + i].id);
    Filter filter = conditions;
    filter.set("has_id", std::move(ids));
    std::vector<StoredPoint> points = STRATA_TRY(view.vector().scroll(kCollection, {}, count, filter));
    for (const std::size_t end = begin + count; begin < end && kept.size() < wanted; ++begin) {
      Candidate& candidate = candidates[begin];
      const auto point = std::lower_bound(points.begin(), points.end(), candidate.id,
                                          [](const StoredPoint& p, const std::string& id) { return p.id < id; });
      if (point == points.end() || point->id != candidate.id) continue;
      candidate.payload = std::move(point->payload);
      kept.push_back(std::move(candidate));
    }
  }
  return kept;
}

Result<Recalled> LocalMemory::describe(Stores& view, Candidate candidate, const RecallOptions& options) {
  Recalled recalled;
  recalled.id = std::move(candidate.id);
  recalled.score = candidate.score;
  recalled.why = std::move(candidate.why);
  recalled.metadata = std::move(candidate.payload);
  if (recalled.why.hops > 0) {
    const std::string& start = options.near.empty() ? candidate.path_start : options.near;
    const TraversalOptions traversal{options.direction, options.link_types, kNearMax};
    recalled.why.path = STRATA_TRY(view.graph().shortest_path(start, recalled.id, options.hops, traversal)).nodes;
  }
  if (options.with_text) {
    const auto row = STRATA_TRY(view.metadata().get_row("atoms", {{"id", recalled.id}}));
    if (!row)
      return Error(ErrorCode::corruption, "memory \"" + recalled.id + "\" has a vector and no row; run strata doctor");
    recalled.text = STRATA_TRY(read_text(view, *row));
  }
  return recalled;
}

}  // namespace strata::memory
