#pragma once
/// A number in a codebook for each group of dimensions.
///
///     vector   │ d d d d │ d d d d │ …          parts groups of neighbouring dimensions, as even as can be
///     code     │   17    │   203   │ …          the nearest of 2^bits trained vectors of each group
///     query    ⟨q, x⟩ ≈ the sum of one table entry for each group: 2^bits products are made once a query
///
/// With as many parts as dimensions it is a scalar code whose levels lie where the numbers are (Lloyd–Max).
/// Source: Jégou, Douze and Schmid 2011 (product quantization, section III; tables: IV-A).
///
///     code     the numbers one behind the other, `bits` bits each, lowest bits first, in whole bytes
#include "store/vector/quantization/quantizer.h"

namespace strata::store::vector {

class ProductCodes final : public Quantizer {
 public:
  /// parts  0: one for every four dimensions. Returns nullptr when `stop` said so.
  /// Cost   about 2^bits · dimension · 16,384 multiplications for each of ten rounds
  static std::unique_ptr<ProductCodes> train(std::uint32_t bits, std::uint32_t parts, std::uint32_t dimension,
                                             std::span<const float> sample, const std::function<bool()>& stop);
  static std::unique_ptr<ProductCodes> load(std::uint32_t bits, std::uint32_t parts, std::uint32_t dimension,
                                            ByteView trained);
  std::uint32_t code_bytes() const override { return (parts_ * bits_ + 7) / 8; }
  void encode(const CodedRow& row, std::uint8_t* code) const override;
  Bytes trained() const override;  ///< for each part f32[2^bits × its dimensions]
  std::unique_ptr<Scorer> scorer(const ScorerInput& input) const override;

 private:
  ProductCodes(std::uint32_t bits, std::uint32_t parts, std::uint32_t dimension);
  std::uint32_t begin_of(std::uint32_t part) const {
    return static_cast<std::uint32_t>(std::uint64_t{part} * dimension_ / parts_);
  }
  std::size_t words() const { return std::size_t{1} << bits_; }
  /// [words() × dimensions of the part]
  const float* codebook(std::uint32_t part) const { return codebooks_.data() + words() * begin_of(part); }

  const std::uint32_t bits_, parts_, dimension_;
  std::vector<float> codebooks_;
};

}  // namespace strata::store::vector
