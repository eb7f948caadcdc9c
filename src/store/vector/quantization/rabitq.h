#pragma once
/// A bit a dimension: after a rotation, on which side of the centre a vector lies.
///
///     o = x − c                 c: the mean of a sample
///     r = rotated o, of length 1
///     x̄ = sign(r) / √n           what the bits stand for; f = ⟨r, x̄⟩, about 0.8
///     ⟨q, x⟩ ≈ ⟨q, c⟩ + (‖o‖ / f) · ⟨rotated q, x̄⟩
///
/// The estimate is right on average, and within ε₀ · ‖q‖ · ‖o‖ · √(1 − f²) / (f · √(n − 1)), ε₀ = 1.9, about nineteen times in twenty.
/// Source: Gao and Long 2024 (RaBitQ, sections 3.2 and 3.3, theorem 3.2). Their queries have 4 bits a number, these have 8.
///
///     code   n / 8 bytes of bits, the first in the lowest bit of the first byte; f32 ‖o‖ / f; f32 the bound, less ‖q‖
#include "store/vector/quantization/quantizer.h"
#include "store/vector/quantization/rotation.h"

namespace strata::store::vector {

class RabitqCodes final : public Quantizer {
 public:
  static std::unique_ptr<RabitqCodes> train(std::uint32_t dimension, std::span<const float> sample);
  static std::unique_ptr<RabitqCodes> load(std::uint32_t dimension, ByteView trained);
  std::uint32_t code_bytes() const override { return static_cast<std::uint32_t>(rotation_.size() / 8 + 8); }
  void encode(const CodedRow& row, std::uint8_t* code) const override;
  Bytes trained() const override;  ///< u64 seed, f32[dimension] centre
  std::unique_ptr<Scorer> scorer(const ScorerInput& input) const override;

 private:
  RabitqCodes(std::uint64_t seed, std::vector<float> centre)
      : seed_(seed), centre_(std::move(centre)), rotation_(centre_.size(), seed) {}
  const std::uint64_t seed_;
  const std::vector<float> centre_;
  const Rotation rotation_;
};

}  // namespace strata::store::vector
