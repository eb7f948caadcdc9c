#include "store/vector/query/fusion.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace strata::store::vector {
namespace {

// Of reciprocal rank fusion, as its authors chose it: how much less the first ranks count above those behind them.
constexpr double kRankOffset = 60;

// Scores on a common scale: (score − zero) / unit, or what all get when they do not differ.
struct Scale {
  double zero = 0;
  double unit = 0;
  double when_equal = 0;

  double share(double score) const { return unit > 0 ? (score - zero) / unit : when_equal; }
};

Scale between_least_and_greatest(std::span<const Found> found) {
  if (found.empty()) return {};
  return {found.back().score, double{found.front().score} - double{found.back().score}, 1};
}

Scale around_the_mean(std::span<const Found> found) {
  const auto count = static_cast<double>(found.size());
  double mean = 0, variance = 0;
  for (const Found& each : found) mean += double{each.score} / count;
  for (const Found& each : found) variance += (double{each.score} - mean) * (double{each.score} - mean);
  const double deviation = count > 1 ? std::sqrt(variance / (count - 1)) : 0;
  return {mean - 3 * deviation, 6 * deviation, 0.5};
}

}  // namespace

Standing& standing(Ranked& ranked, std::size_t side) {
  if (side == kByVector) return ranked.by_vector;
  if (side == kByWords) return ranked.by_words;
  if (ranked.by_also.size() <= side - kByAlso) ranked.by_also.resize(side - kByAlso + 1);
  return ranked.by_also[side - kByAlso];
}

std::vector<Ranked> fuse(std::span<const Side> sides, Fusion fusion) {
  std::vector<Ranked> fused;
  std::vector<double> scores;
  std::unordered_map<std::string_view, std::size_t> places;  // by id
  for (const Side& side : sides) {
    const Scale scale = fusion == Fusion::dbsf ? around_the_mean(side.found) : between_least_and_greatest(side.found);
    for (std::size_t i = 0; i < side.found.size(); ++i) {
      const Found& found = side.found[i];
      const auto [place, added] = places.try_emplace(found.id, fused.size());
      if (added) {
        fused.push_back({found});
        scores.push_back(0);
      }
      const auto rank = static_cast<std::uint32_t>(i + 1);
      standing(fused[place->second], side.side) = {rank, found.score};
      const double share = fusion == Fusion::rrf ? 1 / (kRankOffset + rank) : scale.share(found.score);
      scores[place->second] += side.weight * share;
    }
  }
  for (std::size_t i = 0; i < fused.size(); ++i) fused[i].found.score = static_cast<float>(scores[i]);
  std::sort(fused.begin(), fused.end(), comes_first);
  return fused;
}

}  // namespace strata::store::vector
