#pragma once
/// How a vector becomes a code, in loops that each translation unit compiles for its own instruction set. Every sum has its lanes
/// written out, so the order of additions, and with it every bit, is that of the scalar set.
#include <cstddef>
#include <cstdint>

#include "store/vector/distance/distance.h"

namespace strata::store::vector::distance {
namespace {  // a copy of its own for each unit: none may run another's instructions

/// Kernels::largest. Not std::max: an inline function of the library could be merged across units.
[[maybe_unused]] float largest_of(const float* x, std::size_t size) {
  constexpr std::size_t kLanes = 8;
  float lanes[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float value = __builtin_fabsf(x[i + lane]);
      lanes[lane] = lanes[lane] < value ? value : lanes[lane];
    }
  }
  float largest = 0;
  for (; i < size; ++i) {
    const float value = __builtin_fabsf(x[i]);
    largest = largest < value ? value : largest;
  }
  for (const float value : lanes) largest = largest < value ? value : largest;
  return largest;
}

/// Kernels::code
[[maybe_unused]] CodeErrors code_of(const float* __restrict x, std::size_t size, float scale,
                                    std::uint8_t* __restrict codes) {
  const float inverse = 1.0F / scale;
  for (std::size_t i = 0; i < size; ++i) {
    // x / scale is −127 … 127; + 128.5 makes truncation round to nearest.
    codes[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(x[i] * inverse + 128.5F));
  }
  double lost[4] = {};
  double kept[4] = {};
  const double wide_scale = scale;
  std::size_t i = 0;
  for (; i + 4 <= size; i += 4) {
    for (std::size_t lane = 0; lane < 4; ++lane) {
      const double approximate = wide_scale * (static_cast<std::int32_t>(codes[i + lane]) - 128);
      const double residual = static_cast<double>(x[i + lane]) - approximate;
      lost[lane] += residual * residual;
      kept[lane] += approximate * approximate;
    }
  }
  for (std::size_t lane = 0; i < size; ++i, ++lane) {
    const double approximate = wide_scale * (static_cast<std::int32_t>(codes[i]) - 128);
    const double residual = static_cast<double>(x[i]) - approximate;
    lost[lane] += residual * residual;
    kept[lane] += approximate * approximate;
  }
  return {lost[0] + lost[1] + lost[2] + lost[3], kept[0] + kept[1] + kept[2] + kept[3]};
}

/// Kernels::join; split_vector.h says what a rest is. One multiplication rounds, so every bit is the same everywhere.
[[maybe_unused]] void join_of(const std::uint8_t* __restrict codes, float step, const std::uint8_t* __restrict rests,
                              std::size_t size, float* __restrict out) {
  const std::uint8_t* __restrict const upper = rests + 2 * size;
  for (std::size_t i = 0; i < size; ++i) {
    std::uint16_t lower = 0;
    __builtin_memcpy(&lower, rests + 2 * i, 2);
    const std::uint32_t rest = lower | static_cast<std::uint32_t>(upper[i]) << 16;
    const std::int32_t number = static_cast<std::int32_t>(codes[i]) - 128;
    const std::int32_t magnitude = number < 0 ? -number : number;
    const float edge = step * (static_cast<float>(magnitude) - 0.5F);
    std::uint32_t edge_bits = 0;
    __builtin_memcpy(&edge_bits, &edge, 4);
    const std::uint32_t sign = number < 0 ? kSignBit : 0;
    const std::uint32_t outer = sign | (edge_bits - kEdgeMargin + rest);
    const std::uint32_t small = rest & (kInnerRests - 1);
    const std::uint32_t inner_sign = (rest & kInnerRests) << 8;
    const std::uint32_t inner =
        inner_sign | (small == 0 ? 0 : (edge_bits & ~kSignBit) + kEdgeMargin - kInnerRests + 1 + small);
    const std::uint32_t bits = number == 0 ? inner : outer;
    __builtin_memcpy(out + i, &bits, 4);
  }
}

}  // namespace
}  // namespace strata::store::vector::distance
