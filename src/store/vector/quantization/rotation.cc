#include "store/vector/quantization/rotation.h"

#include <bit>
#include <cmath>

#include "core/random.h"

namespace strata::store::vector {
namespace {

// x [size], a power of two. In place; keeps lengths.
void hadamard(float* x, std::size_t size) {
  for (std::size_t half = 1; half < size; half *= 2) {
    for (std::size_t begin = 0; begin < size; begin += 2 * half) {
      for (std::size_t i = begin; i < begin + half; ++i) {
        const float a = x[i];
        const float b = x[i + half];
        x[i] = a + b;
        x[i + half] = a - b;
      }
    }
  }
  const float scale = 1.0F / std::sqrt(static_cast<float>(size));
  for (std::size_t i = 0; i < size; ++i) x[i] *= scale;
}

}  // namespace

Rotation::Rotation(std::size_t dimension, std::uint64_t seed) : size_(size_of(dimension)), signs_(kRounds * size_) {
  core::Random random(seed);
  for (float& sign : signs_) sign = random.chance(0.5) ? 1.0F : -1.0F;
}

void Rotation::apply(std::span<float> x) const {
  const std::size_t block = std::bit_floor(size_);
  const std::size_t half = size_ / 2;
  const float kHalfRoot = std::sqrt(0.5F);
  for (int round = 0; round < kRounds; ++round) {
    const float* const signs = signs_.data() + static_cast<std::size_t>(round) * size_;
    for (std::size_t i = 0; i < size_; ++i) x[i] *= signs[i];
    hadamard(x.data() + (round % 2 == 0 ? 0 : size_ - block), block);
    if (block == size_) continue;
    for (std::size_t i = 0; i < half; ++i) {
      const float a = x[i];
      const float b = x[i + half];
      x[i] = (a + b) * kHalfRoot;
      x[i + half] = (a - b) * kHalfRoot;
    }
  }
}

}  // namespace strata::store::vector
