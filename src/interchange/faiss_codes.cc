#include "interchange/faiss_codes.h"

#include <array>

#include "core/half.h"

namespace strata::interchange {
namespace {

constexpr std::array<std::string_view, 9> kNames{"QT_8bit",         "QT_4bit", "QT_8bit_uniform",
                                                 "QT_4bit_uniform", "QT_fp16", "QT_8bit_direct",
                                                 "QT_6bit",         "QT_bf16", "QT_8bit_direct_signed"};

std::uint64_t row_bytes_of(FaissCode code, std::uint64_t dimension) {
  switch (code) {
    case FaissCode::bits4:
    case FaissCode::bits4_uniform: return (dimension + 1) / 2;
    case FaissCode::bits6: return (6 * dimension + 7) / 8;
    case FaissCode::fp16:
    case FaissCode::bf16: return 2 * dimension;
    case FaissCode::floats: return 4 * dimension;
    default: return dimension;
  }
}

std::uint64_t ranges_of(FaissCode code, std::uint64_t dimension) {
  switch (code) {
    case FaissCode::bits8:
    case FaissCode::bits4:
    case FaissCode::bits6: return 2 * dimension;
    case FaissCode::bits8_uniform:
    case FaissCode::bits4_uniform: return 2;
    default: return 0;
  }
}

}  // namespace

std::string FaissCoding::name() const {
  return exact() ? "floats" : std::string(kNames[static_cast<std::size_t>(code)]);
}

void FaissCoding::decode(const std::byte* codes, std::span<float> vector) const {
  const auto byte = [&](std::size_t at) { return static_cast<std::uint32_t>(codes[at]); };
  // A code names a step of its range; the middle of the step is the number.
  const auto ranged = [&](std::size_t i, std::uint32_t code_value, float steps) {
    const bool uniform = ranges.size() == 2 && dimension != 1;
    const float least = ranges[uniform ? 0 : i], width = ranges[uniform ? 1 : dimension + i];
    return least + (static_cast<float>(code_value) + 0.5F) / steps * width;
  };
  for (std::size_t i = 0; i < vector.size(); ++i) {
    switch (code) {
      case FaissCode::bits8:
      case FaissCode::bits8_uniform: vector[i] = ranged(i, byte(i), 255.0F); break;
      case FaissCode::bits4:
      case FaissCode::bits4_uniform: vector[i] = ranged(i, byte(i / 2) >> (i % 2 * 4) & 15U, 15.0F); break;
      case FaissCode::bits6: {
        // Four numbers in three bytes, the lowest bits first.
        const std::size_t bit = 6 * i;
        const std::uint32_t low = byte(bit / 8), high = bit % 8 > 2 ? byte(bit / 8 + 1) : 0;
        vector[i] = ranged(i, (low | high << 8) >> (bit % 8) & 63U, 63.0F);
        break;
      }
      case FaissCode::fp16: vector[i] = core::from_half(core::load<std::uint16_t>(codes + 2 * i)); break;
      case FaissCode::bf16: vector[i] = core::from_bfloat16(core::load<std::uint16_t>(codes + 2 * i)); break;
      case FaissCode::bits8_direct: vector[i] = static_cast<float>(byte(i)); break;
      case FaissCode::bits8_signed: vector[i] = static_cast<float>(byte(i)) - 128.0F; break;
      case FaissCode::floats: vector[i] = core::load<float>(codes + 4 * i); break;
    }
  }
}

Result<FaissCoding> read_faiss_quantizer(FieldReader& reader, std::uint32_t dimension) {
  const auto type = STRATA_TRY(reader.field<std::int32_t>());
  if (type < 0 || static_cast<std::size_t>(type) >= kNames.size()) {
    return reader.wrong("a scalar quantizer of type " + std::to_string(type) + " is not read", ErrorCode::unsupported);
  }
  FaissCoding coding{static_cast<FaissCode>(type), dimension, 0, {}};
  coding.row_bytes = row_bytes_of(coding.code, dimension);
  STRATA_TRY(reader.skip(8));  // how the ranges were found
  const auto quantized = STRATA_TRY(reader.field<std::uint64_t>());
  const auto row_bytes = STRATA_TRY(reader.field<std::uint64_t>());
  if (quantized != dimension || row_bytes != coding.row_bytes) {
    return reader.wrong("the quantizer " + coding.name() + " of " + std::to_string(quantized) + " dimensions and " +
                        std::to_string(row_bytes) + " bytes does not fit an index of " + std::to_string(dimension) +
                        " dimensions");
  }
  const auto ranges = STRATA_TRY(reader.count(sizeof(float)));
  if (ranges != ranges_of(coding.code, dimension)) {
    return reader.wrong("the quantizer " + coding.name() + " has " + std::to_string(ranges) +
                        " numbers for its ranges, not " + std::to_string(ranges_of(coding.code, dimension)) +
                        (ranges == 0 ? ": it is not trained" : ""));
  }
  coding.ranges.resize(ranges);
  for (float& number : coding.ranges) number = STRATA_TRY(reader.field<float>());
  return coding;
}

}  // namespace strata::interchange
