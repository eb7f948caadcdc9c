#pragma once
/// Scalar codes: each number by itself. A code of 4 bits lies as distance::half_stride says, one of 8 as code_stride does.
#include "store/vector/quantization/quantizer.h"

namespace strata::store::vector {

/// The upper halves of the part's own codes.
class HalfCodes final : public Quantizer {
 public:
  explicit HalfCodes(std::uint32_t dimension) : dimension_(dimension) {}
  std::uint32_t code_bytes() const override { return static_cast<std::uint32_t>(distance::half_stride(dimension_)); }
  bool reads_vectors() const override { return false; }
  void encode(const CodedRow& row, std::uint8_t* code) const override { distance::halve(row.code, dimension_, code); }
  std::unique_ptr<Scorer> scorer(const ScorerInput& input) const override;

 private:
  const std::uint32_t dimension_;
};

/// The part's own codes.
class OwnCodes final : public Quantizer {
 public:
  std::uint32_t code_bytes() const override { return 0; }
  bool reads_vectors() const override { return false; }
  void encode(const CodedRow&, std::uint8_t*) const override {}
  std::unique_ptr<Scorer> scorer(const ScorerInput& input) const override;
};

/// 2^bits levels from the least to the greatest of a dimension, or of all of them; what lies outside takes the last level.
class LevelCodes final : public Quantizer {
 public:
  /// bits  4 or 8
  static std::unique_ptr<LevelCodes> train(std::uint32_t bits, QuantizationRange range, std::uint32_t dimension,
                                           std::span<const float> sample);
  static std::unique_ptr<LevelCodes> load(std::uint32_t bits, std::uint32_t dimension, ByteView trained);
  std::uint32_t code_bytes() const override;
  void encode(const CodedRow& row, std::uint8_t* code) const override;
  Bytes trained() const override;  ///< f32[dimension] the least, f32[dimension] from level to level
  std::unique_ptr<Scorer> scorer(const ScorerInput& input) const override;

 private:
  LevelCodes(std::uint32_t bits, std::uint32_t dimension) : bits_(bits), least_(dimension), step_(dimension) {}
  const std::uint32_t bits_;
  std::vector<float> least_, step_;
};

/// Half precision; too large becomes the largest.
class HalfFloats final : public Quantizer {
 public:
  explicit HalfFloats(std::uint32_t dimension) : dimension_(dimension) {}
  std::uint32_t code_bytes() const override { return 2 * dimension_; }
  void encode(const CodedRow& row, std::uint8_t* code) const override;
  std::unique_ptr<Scorer> scorer(const ScorerInput& input) const override;

 private:
  const std::uint32_t dimension_;
};

/// The part's vectors.
class WholeVectors final : public Quantizer {
 public:
  explicit WholeVectors(const QuantizerShape& shape) : shape_(shape) {}
  std::uint32_t code_bytes() const override { return 0; }
  bool reads_vectors() const override { return false; }
  void encode(const CodedRow&, std::uint8_t*) const override {}
  std::unique_ptr<Scorer> scorer(const ScorerInput& input) const override;

 private:
  const QuantizerShape shape_;
};

}  // namespace strata::store::vector
