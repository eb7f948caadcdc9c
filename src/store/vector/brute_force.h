#pragma once
/// The oracle of model tests: scores as their definitions say, of every point, in the order that answers have.
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "store/vector/distance/distance.h"
#include "strata/vector.h"

namespace strata::store::vector {

using Scores = std::vector<std::pair<std::string, float>>;

inline void sort_best_first(Scores& scores) {
  std::sort(scores.begin(), scores.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
}

inline float score_of(Metric metric, const std::vector<float>& q, const std::vector<float>& x) {
  const auto& k = distance::kScalarKernels;
  if (metric == Metric::l2) return static_cast<float>(-k.squared_l2(q.data(), x.data(), x.size()));
  const double dot = k.dot(q.data(), x.data(), x.size());
  if (metric == Metric::inner_product) return static_cast<float>(dot);
  return static_cast<float>(
      dot / (std::sqrt(k.dot(q.data(), q.data(), q.size())) * std::sqrt(k.dot(x.data(), x.data(), x.size()))));
}

}  // namespace strata::store::vector
