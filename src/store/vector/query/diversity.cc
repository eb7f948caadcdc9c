#include "store/vector/query/diversity.h"

#include <algorithm>
#include <limits>

namespace strata::store::vector {
namespace {

struct Candidate {
  double relevance;
  double likeness = -std::numeric_limits<double>::infinity();  // to what was chosen: the greatest
  bool chosen = false;
};

// From the span of the scores to that of the others' likeness to the best.
void spread(std::vector<Candidate>& candidates) {
  double least = std::numeric_limits<double>::infinity(), greatest = -least;
  for (std::size_t i = 1; i < candidates.size(); ++i) {
    least = std::min(least, candidates[i].likeness);
    greatest = std::max(greatest, candidates[i].likeness);
  }
  const double best = candidates.front().relevance, span = best - candidates.back().relevance;
  for (Candidate& each : candidates) {
    each.relevance = greatest - (span > 0 ? (best - each.relevance) / span * (greatest - least) : 0);
  }
}

}  // namespace

Result<std::vector<Ranked>> diversify(Metric metric, std::vector<Ranked> candidates, Scores scores, std::size_t k,
                                      float diversity) {
  std::vector<Candidate> left;
  left.reserve(candidates.size());
  for (const Ranked& each : candidates) left.push_back({each.found.score});
  std::vector<Ranked> chosen;
  const std::size_t count = std::min(k, candidates.size());
  for (std::size_t next = 0; chosen.size() < count;) {  // the best is the first
    left[next].chosen = true;
    chosen.push_back(candidates[next]);
    if (chosen.size() == count) break;
    const QueryCode newest(metric, STRATA_TRY(candidates[next].found.vector()));
    for (std::size_t i = 0; i < left.size(); ++i) {
      if (left[i].chosen) continue;
      const double likeness = newest.score(STRATA_TRY(candidates[i].found.vector()));
      left[i].likeness = std::max(left[i].likeness, likeness);
    }
    if (chosen.size() == 1 && scores == Scores::other) spread(left);
    double greatest = -std::numeric_limits<double>::infinity();
    bool any = false;
    for (std::size_t i = 0; i < left.size(); ++i) {
      if (left[i].chosen) continue;
      const double marginal = (1 - double{diversity}) * left[i].relevance - double{diversity} * left[i].likeness;
      if (any && !(marginal > greatest)) continue;
      greatest = marginal;
      next = i;
      any = true;
    }
  }
  return chosen;
}

}  // namespace strata::store::vector
