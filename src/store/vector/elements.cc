#include "store/vector/elements.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/assert.h"
#include "core/endian.h"
#include "core/half.h"
#include "store/vector/collection_options.h"

namespace strata::store::vector {
namespace {

bool fits(ElementType type, float value) {
  switch (type) {
    case ElementType::f32: return true;
    case ElementType::f16: return std::abs(value) < 65'520;  // from there on the nearest is infinity
    case ElementType::bf16: return std::isfinite(core::from_bfloat16(core::to_bfloat16(value)));
    case ElementType::int8: return value >= -128 && value <= 127 && value == std::trunc(value);
    case ElementType::binary: return value == 0 || value == 1;
  }
  return false;
}

std::string_view holds(ElementType type) {
  switch (type) {
    case ElementType::f16: return "numbers from -65504 to 65504 (f16)";
    case ElementType::bf16: return "numbers up to 3.389e38 (bf16)";
    case ElementType::int8: return "whole numbers from -128 to 127 (int8)";
    case ElementType::binary: return "0 and 1 (binary)";
    case ElementType::f32: break;
  }
  return "finite numbers";
}

// Of rows whose bytes are numbers of this width: finite, and not zero where it may not be.
template <typename Number>
bool are_finite(ByteView stored, Number exponent, bool zero_is_fine) {
  Number any = 0;
  bool endless = false;
  for (std::size_t at = 0; at + sizeof(Number) <= stored.size(); at += sizeof(Number)) {
    const auto bits = core::load<Number>(stored.data() + at);
    endless |= (bits & exponent) == exponent;
    any = static_cast<Number>(any | static_cast<Number>(bits << 1));  // without the sign: −0 is zero
  }
  return !endless && (any != 0 || zero_is_fine);
}

}  // namespace

std::size_t element_bytes(ElementType type, std::size_t dimension) {
  switch (type) {
    case ElementType::f32: return dimension * 4;
    case ElementType::f16:
    case ElementType::bf16: return dimension * 2;
    case ElementType::int8: return dimension;
    case ElementType::binary: break;
  }
  return (dimension + 7) / 8;
}

Result<void> check_elements(std::string_view collection, const CollectionOptions& options, std::string_view what,
                            std::span<const float> x) {
  if (options.element == ElementType::f32) return {};
  const auto refuse = [&](const std::string& message) {
    return Error(ErrorCode::invalid_argument, subject_of(collection) + " " + message);
  };
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (fits(options.element, x[i])) continue;
    return refuse("holds " + std::string(holds(options.element)) + "; " + std::string(what) + " has " +
                  std::to_string(x[i]) + " at position " + std::to_string(i));
  }
  if (options.metric != Metric::cosine || are_storable(options, to_elements(options.element, x))) return {};
  return refuse("compares by angle, and rounded to " + std::string(name(options.element)) + " all of " +
                std::string(what) + " is zero");
}

Bytes to_elements(ElementType type, std::span<const float> x) {
  Bytes out(element_bytes(type, x.size()));
  if (x.empty()) return out;
  const auto each = [&](auto convert) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto element = convert(x[i]);
      core::store(out.data() + i * sizeof(element), element);
    }
  };
  switch (type) {
    case ElementType::f32: std::memcpy(out.data(), x.data(), out.size()); break;
    case ElementType::f16: each([](float value) { return core::to_half(value); }); break;
    case ElementType::bf16: each([](float value) { return core::to_bfloat16(value); }); break;
    case ElementType::int8:
      for (std::size_t i = 0; i < x.size(); ++i) out[i] = static_cast<std::byte>(static_cast<std::int8_t>(x[i]));
      break;
    case ElementType::binary:
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (x[i] != 0) out[i / 8] |= static_cast<std::byte>(1U << i % 8);
      }
      break;
  }
  return out;
}

void to_floats(ElementType type, ByteView stored, std::span<float> out) {
  STRATA_ASSERT(stored.size() == element_bytes(type, out.size()));
  if (out.empty()) return;
  // Loops over plain arrays: compilers make them of whole registers.
  const auto* bytes = reinterpret_cast<const unsigned char*>(stored.data());
  const auto each_of_two = [&](auto convert) {
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = convert(static_cast<std::uint16_t>(bytes[2 * i] | bytes[2 * i + 1] << 8));
    }
  };
  switch (type) {
    case ElementType::f32: std::memcpy(out.data(), stored.data(), stored.size()); break;
    case ElementType::f16: each_of_two([](std::uint16_t half) { return core::from_half(half); }); break;
    case ElementType::bf16: each_of_two([](std::uint16_t upper) { return core::from_bfloat16(upper); }); break;
    case ElementType::int8:
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(static_cast<std::int8_t>(bytes[i]));
      break;
    case ElementType::binary:
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(bytes[i / 8] >> i % 8 & 1);
      break;
  }
}

std::span<const float> as_floats(ElementType type, std::size_t dimension, ByteView stored, std::vector<float>& room) {
  if (type == ElementType::f32) return {reinterpret_cast<const float*>(stored.data()), dimension};
  room.resize(dimension);
  to_floats(type, stored, room);
  return room;
}

bool are_storable(const CollectionOptions& options, ByteView stored) {
  const bool zero_is_fine = options.metric != Metric::cosine || options.dimension == 0;
  switch (options.element) {
    case ElementType::f32: return are_finite<std::uint32_t>(stored, 0x7f80'0000, zero_is_fine);
    case ElementType::f16: return are_finite<std::uint16_t>(stored, 0x7c00, zero_is_fine);
    case ElementType::bf16: return are_finite<std::uint16_t>(stored, 0x7f80, zero_is_fine);
    case ElementType::binary:
      if (options.dimension % 8 != 0 && (std::to_integer<unsigned>(stored.back()) >> options.dimension % 8) != 0) {
        return false;
      }
      break;
    case ElementType::int8: break;
  }
  return zero_is_fine || std::any_of(stored.begin(), stored.end(), [](std::byte each) { return each != std::byte{0}; });
}

}  // namespace strata::store::vector
