#include "store/vector/quantization/clustering.h"

#include <algorithm>
#include <limits>
#include <new>
#include <numeric>

#include "core/assert.h"
#include "core/random.h"

namespace strata::store::vector {
namespace {

using distance::kCentroidLanes;

constexpr std::align_val_t kAligned{64};      // a register
constexpr std::size_t kPointsAtOnce = 4'096;  // between two questions whether to stop
// A round after which fewer than one point in so many moved is the last.
constexpr std::size_t kSettled = 200;

class Clustering {
 public:
  Clustering(std::span<const float> points, std::size_t dimension, std::uint32_t clusters,
             const ClusteringOptions& options)
      : dimension_(dimension), count_(clusters), random_(options.seed) {
    const std::size_t all = points.size() / dimension;
    const std::size_t most = std::max<std::size_t>(options.sample * clusters, clusters);
    // Drawn in any case: the sample is in random order then, and its first points are a start.
    std::vector<std::uint32_t> drawn(all);
    std::iota(drawn.begin(), drawn.end(), 0U);
    const std::size_t taken = std::min(all, most);
    for (std::size_t i = 0; i < taken; ++i) std::swap(drawn[i], drawn[i + random_.below(all - i)]);
    sample_.resize(taken * dimension);
    for (std::size_t i = 0; i < taken; ++i) {
      std::copy_n(points.data() + drawn[i] * dimension, dimension, sample_.data() + i * dimension);
    }
    // Copies among them lose all points to the first in the first round, and are placed anew.
    const std::size_t starting = std::min(taken, count_);
    centroids_.assign(sample_.begin(), sample_.begin() + static_cast<std::ptrdiff_t>(starting * dimension_));
    centroids_.resize(count_ * dimension_);
  }

  /// Returns how many points moved to another cluster, more than a few when a cluster had none; nothing when it was told to stop.
  std::optional<std::size_t> round(const std::function<bool()>& stop) {
    const std::size_t points = sample_.size() / dimension_;
    const NearestCentroids nearest(centroids_, dimension_);
    std::vector<std::uint32_t> now(points);
    similarity_.resize(points);
    for (std::size_t at = 0; at < points; at += kPointsAtOnce) {
      if (stop()) return std::nullopt;
      const std::size_t some = std::min(kPointsAtOnce, points - at);
      nearest(std::span(sample_).subspan(at * dimension_, some * dimension_), std::span(now).subspan(at, some),
              std::span(similarity_).subspan(at, some));
    }
    std::size_t moved = 0;
    for (std::size_t i = 0; i < points; ++i) moved += assigned_.empty() || assigned_[i] != now[i] ? 1 : 0;
    assigned_ = std::move(now);
    return moved + move_to_means() * kSettled;
  }

  std::size_t points() const { return sample_.size() / dimension_; }
  std::vector<float> take() { return std::move(centroids_); }

 private:
  std::span<const float> point(std::size_t i) const { return std::span(sample_).subspan(i * dimension_, dimension_); }
  std::span<float> centroid(std::size_t i) { return std::span(centroids_).subspan(i * dimension_, dimension_); }

  // Returns how many got the place of a point.
  std::size_t move_to_means() {
    std::vector<double> sums(count_ * dimension_);
    std::vector<std::uint32_t> sizes(count_);
    for (std::size_t i = 0; i < assigned_.size(); ++i) {
      double* const sum = sums.data() + assigned_[i] * dimension_;
      const float* const x = point(i).data();
      for (std::size_t k = 0; k < dimension_; ++k) sum[k] += static_cast<double>(x[k]);
      ++sizes[assigned_[i]];
    }
    for (std::size_t c = 0; c < count_; ++c) {
      if (sizes[c] == 0) continue;
      const std::span<float> to = centroid(c);
      for (std::size_t k = 0; k < dimension_; ++k) to[k] = static_cast<float>(sums[c * dimension_ + k] / sizes[c]);
    }
    return reseed(sizes);
  }

  // Clusters without points go to those that are farthest from their own centroid.
  std::size_t reseed(const std::vector<std::uint32_t>& sizes) {
    const auto empty = static_cast<std::size_t>(std::count(sizes.begin(), sizes.end(), 0U));
    if (empty == 0) return 0;
    struct Far {
      float distance;
      std::uint32_t point;
    };
    std::vector<Far> far;
    const distance::Kernels& kernels = distance::kernels();
    for (std::size_t i = 0; i < assigned_.size(); ++i) {
      const std::span<const float> x = point(i);
      const double square = kernels.dot(x.data(), x.data(), dimension_);
      const auto away = static_cast<float>(square - 2.0 * static_cast<double>(similarity_[i]));
      // Copies of a centroid are not far from it, whatever rounding says.
      if (away > static_cast<float>(square) * 1e-5F) far.push_back({away, static_cast<std::uint32_t>(i)});
    }
    const std::size_t wanted = std::min(empty, far.size());
    std::partial_sort(far.begin(), far.begin() + static_cast<std::ptrdiff_t>(wanted), far.end(),
                      [](const Far& a, const Far& b) {
                        return a.distance != b.distance ? a.distance > b.distance : a.point < b.point;
                      });
    std::size_t next = 0;
    for (std::size_t c = 0; c < count_ && next < wanted; ++c) {
      if (sizes[c] == 0) std::copy_n(point(far[next++].point).data(), dimension_, centroid(c).data());
    }
    return wanted;
  }

  const std::size_t dimension_;
  const std::size_t count_;
  core::Random random_;
  std::vector<float> sample_, centroids_, similarity_;
  std::vector<std::uint32_t> assigned_;
};

}  // namespace

void NearestCentroids::Free::operator()(float* memory) const { ::operator delete(memory, kAligned); }

NearestCentroids::NearestCentroids(std::span<const float> centroids, std::size_t dimension) {
  STRATA_ASSERT(dimension > 0 && !centroids.empty() && centroids.size() % dimension == 0);
  const std::size_t count = centroids.size() / dimension;
  const std::size_t blocks = (count + kCentroidLanes - 1) / kCentroidLanes;
  const std::size_t numbers = blocks * kCentroidLanes * (dimension + 1);
  memory_.reset(static_cast<float*>(::operator new(numbers * sizeof(float), kAligned)));
  std::fill_n(memory_.get(), numbers, 0.0F);
  float* const lanes = memory_.get();
  float* const offsets = lanes + blocks * kCentroidLanes * dimension;
  std::fill_n(offsets, blocks * kCentroidLanes, std::numeric_limits<float>::infinity());
  for (std::size_t c = 0; c < count; ++c) {
    const float* const from = centroids.data() + c * dimension;
    float* const to = lanes + c / kCentroidLanes * kCentroidLanes * dimension + c % kCentroidLanes;
    for (std::size_t k = 0; k < dimension; ++k) to[k * kCentroidLanes] = from[k];
    offsets[c] = static_cast<float>(distance::kernels().dot(from, from, dimension) / 2);
  }
  blocks_ = {lanes, offsets, dimension, blocks};
}

void NearestCentroids::operator()(std::span<const float> points, std::span<std::uint32_t> nearest,
                                  std::span<float> similarity) const {
  STRATA_ASSERT(points.size() == nearest.size() * blocks_.dimension);
  STRATA_ASSERT(similarity.empty() || similarity.size() == nearest.size());
  std::vector<float> unwanted(similarity.empty() ? nearest.size() : 0);
  distance::kernels().nearest_centroids(points.data(), nearest.size(), blocks_, nearest.data(),
                                        similarity.empty() ? unwanted.data() : similarity.data());
}

std::optional<Clusters> cluster(std::span<const float> points, std::size_t dimension, std::uint32_t clusters,
                                const ClusteringOptions& options, const std::function<bool()>& stop) {
  STRATA_ASSERT(dimension > 0 && clusters > 0 && !points.empty() && points.size() % dimension == 0);
  Clustering clustering(points, dimension, clusters, options);
  for (std::uint32_t round = 0; round < options.rounds; ++round) {
    const auto moved = clustering.round(stop);
    if (!moved) return std::nullopt;
    if (*moved * kSettled < clustering.points()) break;
  }
  return Clusters{dimension, clustering.take()};
}

}  // namespace strata::store::vector
