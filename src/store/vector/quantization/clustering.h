#pragma once
/// k-means: so many centroids that points are near to one of them. Lists of rows and product codes are made of it.
///
///     sample     at most `sample` points for each centroid, drawn
///     start      centroids are points of the sample, drawn
///     rounds     each point to its nearest centroid; each centroid to the mean of its points; one without points takes the
///                place of the point that is farthest from its own
///
/// Distances are Euclidean. Source: Lloyd 1982, "Least squares quantization in PCM".
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "store/vector/distance/distance.h"

namespace strata::store::vector {

struct ClusteringOptions {
  std::uint64_t seed = 0x436c7573746572;
  std::uint32_t rounds = 10;  ///< at most; fewer when hardly a point moves any more
  std::size_t sample = 32;    ///< points for each centroid
};

struct Clusters {
  std::size_t dimension = 0;
  std::vector<float> centroids;  ///< [count() × dimension]
  std::size_t count() const { return dimension == 0 ? 0 : centroids.size() / dimension; }
};

/// Tells points their nearest centroids. Copies the centroids. Threads: reads any.
class NearestCentroids {
 public:
  /// centroids  [count × dimension], at least one
  NearestCentroids(std::span<const float> centroids, std::size_t dimension);
  std::size_t dimension() const { return blocks_.dimension; }
  /// points  [nearest.size() × dimension]; ties are the first's. `similarity`, where it is wanted, is [nearest.size()]: ⟨x, c⟩ − ‖c‖² / 2, so
  /// that ‖x − c‖² = ‖x‖² − 2 · similarity. The same on every machine.
  /// Cost  nearest.size() · count · dimension multiplications, some 30 a nanosecond on one core with AVX-512
  void operator()(std::span<const float> points, std::span<std::uint32_t> nearest,
                  std::span<float> similarity = {}) const;

 private:
  struct Free {
    void operator()(float* memory) const;
  };
  std::unique_ptr<float[], Free> memory_;
  distance::CentroidBlocks blocks_;
};

/// The same clusters for the same points, options and number on every machine.
/// points    [n × dimension], finite; n at least 1
/// clusters  1 or more; when there are fewer different points, some centroids are the same
/// stop      asked for every few thousand points; when it says so, nothing is returned
/// Cost      rounds · sample · clusters² · dimension multiplications
std::optional<Clusters> cluster(std::span<const float> points, std::size_t dimension, std::uint32_t clusters,
                                const ClusteringOptions& options, const std::function<bool()>& stop);

}  // namespace strata::store::vector
