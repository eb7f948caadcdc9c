#pragma once
#include "strata/memory.h"

namespace strata::memory {

/// Feature hashing (Weinberger et al., arXiv:0902.2206): every word and every character trigram of a word adds ±1,
/// damped by its count, to one of 384 places, chosen by hash; the sum is scaled to unit length. Texts are near when they
/// share words or spellings. It knows no meanings: "car" and "automobile" are strangers.
class LexicalEmbedder final : public Embedder {
 public:
  static constexpr std::uint32_t kDimension = 384;
  std::string model() const override { return "lexical-1"; }
  std::uint32_t dimension() const override { return kDimension; }
  Result<std::vector<std::vector<float>>> embed(std::span<const std::string> texts) override;
};

}  // namespace strata::memory
