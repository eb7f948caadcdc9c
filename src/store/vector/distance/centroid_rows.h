#pragma once
/// Which of many centroids is nearest to a point, in loops that each translation unit compiles for its own registers. A centroid has a
/// lane to itself and its sum runs over the dimensions in order, so that every bit is that of the scalar set.
#include <cstddef>
#include <cstdint>

#include "store/vector/distance/distance.h"

namespace strata::store::vector::distance {
namespace {  // a copy of its own for each unit: none may run another's instructions

template <std::size_t kBytes>
struct Lanes {
  typedef float Floats __attribute__((vector_size(kBytes)));
  typedef std::int32_t Numbers __attribute__((vector_size(kBytes)));
};

/// Of kPoints points: they share the loads of the centroids.
template <std::size_t kBytes, std::size_t kPoints>
void nearest_to_few(const float* points, const CentroidBlocks& centroids, std::uint32_t* nearest, float* similarity) {
  using Floats = typename Lanes<kBytes>::Floats;
  using Numbers = typename Lanes<kBytes>::Numbers;
  constexpr std::size_t kParts = kCentroidLanes * sizeof(float) / kBytes;  // registers of a block
  constexpr std::size_t kWidth = kBytes / sizeof(float);
  Floats best[kPoints][kParts];
  Numbers best_block[kPoints][kParts];
  for (std::size_t p = 0; p < kPoints; ++p) {
    for (std::size_t part = 0; part < kParts; ++part) {
      best[p][part] = Floats{} - __builtin_inff();
      best_block[p][part] = Numbers{};
    }
  }
  const std::size_t dimension = centroids.dimension;
  for (std::size_t block = 0; block < centroids.blocks; ++block) {
    const auto* const lanes = reinterpret_cast<const Floats*>(centroids.lanes + block * dimension * kCentroidLanes);
    Floats sum[kPoints][kParts] = {};
    for (std::size_t i = 0; i < dimension; ++i) {
      for (std::size_t part = 0; part < kParts; ++part) {
        const Floats centroid = lanes[i * kParts + part];
        for (std::size_t p = 0; p < kPoints; ++p) sum[p][part] += centroid * points[p * dimension + i];
      }
    }
    const auto* const offsets = reinterpret_cast<const Floats*>(centroids.offsets + block * kCentroidLanes);
    const auto number = static_cast<std::int32_t>(block);
    for (std::size_t p = 0; p < kPoints; ++p) {
      for (std::size_t part = 0; part < kParts; ++part) {
        const Floats now = sum[p][part] - offsets[part];
        const Numbers nearer = now > best[p][part];
        best[p][part] = nearer ? now : best[p][part];
        best_block[p][part] = nearer ? Numbers{} + number : best_block[p][part];
      }
    }
  }
  for (std::size_t p = 0; p < kPoints; ++p) {
    nearest[p] = 0;
    similarity[p] = -__builtin_inff();
    for (std::size_t lane = 0; lane < kCentroidLanes; ++lane) {
      const float now = best[p][lane / kWidth][lane % kWidth];
      const auto centroid =
          static_cast<std::uint32_t>(best_block[p][lane / kWidth][lane % kWidth]) * kCentroidLanes + lane;
      if (!(now > similarity[p]) && !(now == similarity[p] && centroid < nearest[p])) continue;
      nearest[p] = static_cast<std::uint32_t>(centroid);
      similarity[p] = now;
    }
  }
}

/// Kernels::nearest_centroids
template <std::size_t kBytes, std::size_t kPoints>
void nearest_centroids_of(const float* points, std::size_t count, const CentroidBlocks& centroids,
                          std::uint32_t* nearest, float* similarity) {
  std::size_t at = 0;
  for (; at + kPoints <= count; at += kPoints) {
    nearest_to_few<kBytes, kPoints>(points + at * centroids.dimension, centroids, nearest + at, similarity + at);
  }
  for (; at < count; ++at) {
    nearest_to_few<kBytes, 1>(points + at * centroids.dimension, centroids, nearest + at, similarity + at);
  }
}

}  // namespace
}  // namespace strata::store::vector::distance
