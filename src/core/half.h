#pragma once
/// Floating-point numbers of 16 bits: IEEE 754 half precision and bfloat16, as other programs' files hold them.
#include <cstdint>

namespace strata::core {

float from_half(std::uint16_t half) noexcept;
/// Rounds to nearest even; too large becomes infinity.
std::uint16_t to_half(double value) noexcept;
float from_bfloat16(std::uint16_t upper) noexcept;

}  // namespace strata::core
