#include "core/half.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace strata::core {

float from_half(std::uint16_t half) noexcept {
  const int exponent = (half >> 10) & 31;
  const int fraction = half & 1023;
  const float sign = (half & 0x8000) != 0 ? -1.0F : 1.0F;
  if (exponent == 31)
    return fraction != 0 ? std::numeric_limits<float>::quiet_NaN() : sign * std::numeric_limits<float>::infinity();
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  return sign * std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
}

std::uint16_t to_half(double value) noexcept {
  const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const double size = std::fabs(value);
  if (std::isnan(value)) return 0x7E00;
  if (size == 0) return sign;
  if (size >= 65520.0) return sign | 0x7C00;
  int exponent = 0;
  std::frexp(size, &exponent);  // size = fraction · 2^exponent, fraction in [0.5, 1)
  const int shift = std::max(exponent, -13) - 11;
  const auto steps = static_cast<std::uint32_t>(std::nearbyint(std::ldexp(size, -shift)));  // up to 2048
  return static_cast<std::uint16_t>(sign | (static_cast<std::uint32_t>((shift + 24) << 10) + steps));
}

float from_bfloat16(std::uint16_t upper) noexcept { return std::bit_cast<float>(std::uint32_t{upper} << 16); }

}  // namespace strata::core
