#include "store/vector/query/recommend.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

namespace strata::store::vector {
namespace {

constexpr double kNone = -std::numeric_limits<double>::infinity();
// The first searches bring so many times what is wanted, and each of the next so many times what the last did.
constexpr std::size_t kDeeper = 4;
constexpr std::size_t kDepthMin = 64;
// When a search would bring one in so many points, all are scored instead.
constexpr std::size_t kMostOf = 8;

void add_mean(Metric metric, std::span<const std::span<const float>> examples, double weight, std::vector<double>& to) {
  for (const auto& example : examples) {
    double length = 1;
    if (metric == Metric::cosine) {
      length = std::sqrt(distance::kernels().dot(example.data(), example.data(), example.size()));
    }
    const double factor = weight / static_cast<double>(examples.size()) / length;
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += factor * double{example[i]};
  }
}

// s(x) of strata::Recommend: any score between 0 and 1, in the same order.
float between_0_and_1(double score) { return static_cast<float>((1 + score / (1 + std::abs(score))) / 2); }

class BestScore {
 public:
  BestScore(Metric metric, const Examples& examples) {
    for (const auto& x : examples.like) like_.emplace_back(metric, x);
    for (const auto& x : examples.unlike) unlike_.emplace_back(metric, x);
  }
  float of(std::span<const float> x) const {
    const double like = nearest(like_, x), unlike = nearest(unlike_, x);
    return like > unlike ? between_0_and_1(like) : -between_0_and_1(unlike);
  }

 private:
  static double nearest(const std::vector<QueryCode>& examples, std::span<const float> x) {
    double best = kNone;
    for (const QueryCode& each : examples) best = std::max(best, double{each.score(x)});
    return best;
  }
  std::vector<QueryCode> like_, unlike_;
};

Result<std::vector<Found>> score_all(const Reading& reading, const BestScore& score, const Wanted& wanted) {
  TopK best(wanted);
  STRATA_TRY(each_point(reading, [&](Found found) -> Result<void> {
    found.score = score.of(STRATA_TRY(found.vector()));
    best.push(found);
    return {};
  }));
  return best.take();
}

}  // namespace

Result<std::vector<float>> average_of(Metric metric, const Examples& examples) {
  if (examples.like.empty()) {
    return Error(ErrorCode::invalid_argument,
                 "average_vector needs an example to be like; best_score takes those to be unlike alone");
  }
  std::vector<double> sum(examples.like.front().size());
  add_mean(metric, examples.like, examples.unlike.empty() ? 1 : 2, sum);
  if (!examples.unlike.empty()) add_mean(metric, examples.unlike, -1, sum);
  std::vector<float> average(sum.begin(), sum.end());
  if (!std::all_of(average.begin(), average.end(), [](float each) { return std::isfinite(each); })) {
    return Error(ErrorCode::invalid_argument, "the examples are so long that their average is not finite");
  }
  const bool zero = std::all_of(average.begin(), average.end(), [](float each) { return each == 0.0F; });
  if (zero && metric == Metric::cosine) {
    return Error(ErrorCode::invalid_argument, "the examples cancel out: their average has no direction");
  }
  return average;
}

Result<std::vector<Found>> search_by_best_score(const Reading& reading, const Examples& examples, const Wanted& wanted,
                                                const Effort& effort) {
  const BestScore score(reading.options->metric, examples);
  std::size_t rows = reading.overlay != nullptr ? reading.overlay->size() : 0;
  for (const Part* part : reading.parts->all) rows += part->rows();
  for (std::size_t depth = std::max(kDepthMin, wanted.k * kDeeper);; depth *= kDeeper) {
    if (examples.like.empty() || depth > rows / kMostOf) return score_all(reading, score, wanted);
    TopK best(wanted);
    std::unordered_set<std::string_view> seen;
    double beyond = kNone;  // what a point that was not brought may be near to one of `like`
    for (const auto& found : STRATA_TRY(search_nearest_each(reading, examples.like, {.k = depth}, effort))) {
      for (Found each : found) {
        if (!seen.insert(each.id).second) continue;
        each.score = score.of(STRATA_TRY(each.vector()));
        best.push(each);
      }
      if (found.size() == depth) beyond = std::max(beyond, double{found.back().score});
    }
    if (beyond == kNone || !best.reaches(between_0_and_1(beyond))) return best.take();
  }
}

}  // namespace strata::store::vector
