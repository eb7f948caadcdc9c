#include "store/vector/quantization/clustering.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>

#include "store/vector/store_vector_fixture.h"

namespace strata::store::vector {
namespace {

const std::function<bool()> kGoOn = [] { return false; };

std::vector<float> around(core::Random& random, std::size_t centres, std::size_t points, std::size_t dimension,
                          float spread) {
  std::vector<std::vector<float>> middle;
  for (std::size_t i = 0; i < centres; ++i) middle.push_back(random_vector(random, dimension));
  std::vector<float> all;
  for (std::size_t i = 0; i < points; ++i) {
    const auto noise = random_vector(random, dimension);
    for (std::size_t k = 0; k < dimension; ++k) all.push_back(middle[i % centres][k] * 10 + noise[k] * spread);
  }
  return all;
}

double squared_distance(const float* a, const float* b, std::size_t dimension) {
  double sum = 0;
  for (std::size_t i = 0; i < dimension; ++i) sum += std::pow(double{a[i]} - double{b[i]}, 2);
  return sum;
}

std::uint32_t nearest_by_hand(const float* x, std::span<const float> centroids, std::size_t dimension) {
  std::uint32_t best = 0;
  for (std::uint32_t c = 1; c < centroids.size() / dimension; ++c) {
    if (squared_distance(x, centroids.data() + c * dimension, dimension) <
        squared_distance(x, centroids.data() + best * dimension, dimension)) {
      best = c;
    }
  }
  return best;
}

// Mean squared distance to the nearest centroid.
double loss(std::span<const float> points, const Clusters& clusters) {
  const std::size_t dimension = clusters.dimension;
  double sum = 0;
  for (std::size_t i = 0; i < points.size(); i += dimension) {
    const auto c = nearest_by_hand(points.data() + i, clusters.centroids, dimension);
    sum += squared_distance(points.data() + i, clusters.centroids.data() + c * dimension, dimension);
  }
  return sum / static_cast<double>(points.size() / dimension);
}

TEST(Clustering, NearestCentroidsAreThoseOfTheFormulaAndTheSameOnEveryInstructionSet) {
  core::Random random(41);
  for (const std::size_t dimension : {1U, 2U, 5U, 16U, 33U, 384U}) {
    for (const std::size_t count : {1U, 2U, 15U, 16U, 17U, 100U}) {
      for (const std::size_t points : {1U, 3U, 8U, 13U}) {
        std::vector<float> centroids, x;
        for (std::size_t i = 0; i < count; ++i) {
          const auto one = random_vector(random, dimension);
          centroids.insert(centroids.end(), one.begin(), one.end());
        }
        for (std::size_t i = 0; i < points; ++i) {
          const auto one = random_vector(random, dimension);
          x.insert(x.end(), one.begin(), one.end());
        }
        std::vector<std::uint32_t> nearest(points);
        std::vector<float> similarity(points);
        NearestCentroids(centroids, dimension)(x, nearest, similarity);
        for (std::size_t i = 0; i < points; ++i) {
          const float* const point = x.data() + i * dimension;
          ASSERT_LT(nearest[i], count);
          const double square = distance::kernels().dot(point, point, dimension);
          const double away = squared_distance(point, centroids.data() + nearest[i] * dimension, dimension);
          const auto expected = nearest_by_hand(point, centroids, dimension);
          EXPECT_NEAR(away, squared_distance(point, centroids.data() + expected * dimension, dimension),
                      1e-4 * (1 + square));
          EXPECT_NEAR(square - 2 * double{similarity[i]}, away, 1e-4 * (1 + square));
        }
      }
    }
  }
}

TEST(Clustering, KernelsFindTheSameCentroidsWithTheSameBitsOnEveryInstructionSet) {
  core::Random random(42);
  for (const std::size_t dimension : {1U, 7U, 64U, 385U}) {
    constexpr std::size_t kBlocks = 3, kPoints = 21;
    const std::size_t lanes = kBlocks * distance::kCentroidLanes;
    struct Free {
      void operator()(float* memory) const { std::free(memory); }
    };
    const std::unique_ptr<float[], Free> memory(
        static_cast<float*>(std::aligned_alloc(64, lanes * (dimension + 1) * sizeof(float))));
    for (std::size_t i = 0; i < lanes * (dimension + 1); ++i) memory[i] = static_cast<float>(random.real() - 0.5);
    // Of two that are equally near, in different lanes and blocks, the first.
    float* const offsets = memory.get() + lanes * dimension;
    for (std::size_t k = 0; k < dimension; ++k) memory[dimension * 16 + k * 16 + 2] = memory[k * 16 + 5];
    offsets[18] = offsets[5] = -100;
    offsets[lanes - 1] = std::numeric_limits<float>::infinity();
    const distance::CentroidBlocks blocks{memory.get(), offsets, dimension, kBlocks};
    const auto x = random_vector(random, kPoints * dimension);
    std::vector<std::uint32_t> expected(kPoints), nearest(kPoints);
    std::vector<float> expected_similarity(kPoints), similarity(kPoints);
    distance::kScalarKernels.nearest_centroids(x.data(), kPoints, blocks, expected.data(), expected_similarity.data());
    EXPECT_EQ(expected, std::vector<std::uint32_t>(kPoints, 5));
    offsets[18] = offsets[5] = 0;
    distance::kScalarKernels.nearest_centroids(x.data(), kPoints, blocks, expected.data(), expected_similarity.data());
    for (const distance::Kernels* set : distance::all_kernels()) {
      set->nearest_centroids(x.data(), kPoints, blocks, nearest.data(), similarity.data());
      EXPECT_EQ(nearest, expected) << set->name << " " << dimension;
      EXPECT_EQ(similarity, expected_similarity) << set->name << " " << dimension;
    }
  }
}

TEST(Clustering, FindsTheCentresThatPointsLieAround) {
  core::Random random(43);
  constexpr std::size_t kDimension = 24;
  const auto points = around(random, 12, 1'200, kDimension, 0.5F);
  const auto clusters = cluster(points, kDimension, 36, {}, kGoOn);
  ASSERT_TRUE(clusters);
  ASSERT_EQ(clusters->count(), 36U);
  // Points are away from their own centre by their noise; from another, by hundreds.
  EXPECT_LT(loss(points, *clusters), 0.5 * 0.5 / 3 * kDimension * 1.5);
  // More of them are nearer.
  const auto more = cluster(points, kDimension, 300, {}, kGoOn);
  EXPECT_LT(loss(points, *more), loss(points, *clusters));
}

TEST(Clustering, RoundsLessenTheLoss) {
  core::Random random(44);
  constexpr std::size_t kDimension = 8;
  std::vector<float> points;
  for (int i = 0; i < 2'000; ++i) {
    const auto one = random_vector(random, kDimension);
    points.insert(points.end(), one.begin(), one.end());
  }
  ClusteringOptions options;
  options.sample = 1'000;
  double before = std::numeric_limits<double>::infinity();
  for (const std::uint32_t rounds : {0U, 1U, 2U, 4U, 8U}) {
    options.rounds = rounds;
    const double now = loss(points, *cluster(points, kDimension, 32, options, kGoOn));
    EXPECT_LT(now, before) << rounds;
    before = now;
  }
}

// Most centroids begin in a crowd of copies, where all but one end without points.
TEST(Clustering, CentroidsWithoutPointsGoWherePointsAreFar) {
  core::Random random(45);
  constexpr std::size_t kDimension = 4;
  std::vector<float> points(900 * kDimension, 5);
  for (int i = 0; i < 12; ++i) {
    const auto centre = random_vector(random, kDimension);
    for (int k = 0; k < 8; ++k) points.insert(points.end(), centre.begin(), centre.end());
  }
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto clusters = cluster(points, kDimension, 16, {seed, 20, 1'000}, kGoOn);
    EXPECT_LT(loss(points, *clusters), 1e-9) << seed;
  }
}

TEST(Clustering, ServesFewerDifferentPointsThanCentroids) {
  const std::vector<float> points{1, 2, 1, 2, 3, 4, 3, 4, 1, 2};
  const auto clusters = cluster(points, 2, 5, {}, kGoOn);
  ASSERT_TRUE(clusters);
  EXPECT_EQ(clusters->count(), 5U);
  EXPECT_EQ(loss(points, *clusters), 0);
}

TEST(Clustering, HugeNumbersLeadSomewhere) {
  const std::vector<float> points{3e38F, -3e38F, 3e38F, 3e38F, 1, 1};
  const auto clusters = cluster(points, 2, 2, {}, kGoOn);
  ASSERT_TRUE(clusters);
  std::vector<std::uint32_t> nearest(3);
  NearestCentroids(clusters->centroids, 2)(points, nearest);
  for (const std::uint32_t c : nearest) EXPECT_LT(c, 2U);
}

TEST(Clustering, IsTheSameForASeedAndStopsWhenTold) {
  core::Random random(46);
  const auto points = around(random, 20, 3'000, 16, 3.0F);
  const auto one = cluster(points, 16, 40, {}, kGoOn);
  EXPECT_EQ(one->centroids, cluster(points, 16, 40, {}, kGoOn)->centroids);
  ClusteringOptions other;
  other.seed = 7;
  EXPECT_NE(one->centroids, cluster(points, 16, 40, other, kGoOn)->centroids);
  EXPECT_FALSE(cluster(points, 16, 40, {}, [] { return true; }));
}

}  // namespace
}  // namespace strata::store::vector
