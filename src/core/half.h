#pragma once
/// Floating-point numbers of 16 bits: IEEE 754 half precision and bfloat16. Without branches where it counts, so that compilers make
/// whole registers of a loop over them.
#include <bit>
#include <cmath>
#include <cstdint>

namespace strata::core {

/// Exact.
constexpr float from_half(std::uint16_t half) noexcept {
  // The exponent's bias differs by 112, also below the normal numbers: a multiplication puts that right.
  constexpr float kScale = 5.192296858534828e33F;  // 2^112
  const float scaled = std::bit_cast<float>((half & 0x7fffU) << 13) * kScale;
  const std::uint32_t endless = (half & 0x7c00U) == 0x7c00U ? 0x7f80'0000U : 0U;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(scaled) | endless | (half & 0x8000U) << 16);
}

/// Rounds to nearest, ties to even; too large becomes infinity.
inline std::uint16_t to_half(double value) noexcept {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const auto sign = static_cast<std::uint16_t>(bits >> 48 & 0x8000U);
  const double size = std::fabs(value);
  if (std::isnan(value)) return 0x7e00;
  if (size >= 65'520) return sign | 0x7c00;
  std::uint64_t half = 0;
  if (size < 0x1p-14) {
    // Below the normal numbers a step is 2^-24: what is left of a number of which that is the last bit.
    constexpr double kStep = 0x1p28;
    half = std::bit_cast<std::uint64_t>(size + kStep) - std::bit_cast<std::uint64_t>(kStep);
  } else {
    const std::uint64_t magnitude = std::bit_cast<std::uint64_t>(size);
    const std::uint64_t odd = magnitude >> 42 & 1;
    half = (magnitude - (std::uint64_t{1008} << 52) + ((std::uint64_t{1} << 41) - 1) + odd) >> 42;
  }
  return static_cast<std::uint16_t>(sign | half);
}

constexpr float from_bfloat16(std::uint16_t upper) noexcept { return std::bit_cast<float>(std::uint32_t{upper} << 16); }

/// Of a finite number, rounded the same way; too large becomes infinity.
constexpr std::uint16_t to_bfloat16(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

}  // namespace strata::core
