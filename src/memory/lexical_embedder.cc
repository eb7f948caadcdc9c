#include "memory/lexical_embedder.h"

#include <cmath>

#include "core/checksum.h"

namespace strata::memory {
namespace {

constexpr std::size_t kWordBytesMax = 64;
constexpr float kTrigramWeight = 0.35F;  // a shared word should count for more than a shared ending

bool in_word(unsigned char c) { return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); }
unsigned char lower(unsigned char c) { return c >= 'A' && c <= 'Z' ? static_cast<unsigned char>(c + 32) : c; }

void add(std::vector<float>& sum, std::uint64_t hash, float weight) {
  sum[hash % LexicalEmbedder::kDimension] += (hash >> 63) != 0 ? weight : -weight;
}

void add_word(std::vector<float>& sum, std::string_view word) {
  add(sum, core::xxh3_64(word), 1.0F);
  // The borders of the word are part of its trigrams: "<ca", "car", "ar>".
  const std::string framed = "<" + std::string(word) + ">";
  for (std::size_t i = 0; i + 3 <= framed.size(); ++i) {
    std::uint64_t letters = 0;
    for (std::size_t j = 0; j < 3; ++j) letters = letters << 8 | static_cast<unsigned char>(framed[i + j]);
    letters *= 0x9e3779b97f4a7c15;
    add(sum, letters ^ (letters >> 29), kTrigramWeight);
  }
}

std::vector<float> embed_one(std::string_view text) {
  std::vector<float> sum(LexicalEmbedder::kDimension, 0.0F);
  std::string word;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const unsigned char c = i < text.size() ? lower(static_cast<unsigned char>(text[i])) : ' ';
    if (in_word(c) && word.size() < kWordBytesMax) {
      word += static_cast<char>(c);
    } else if (!word.empty()) {
      add_word(sum, word);
      word.clear();
    }
  }
  double squares = 0;
  for (float& value : sum) {
    // A word said ten times is not ten times as important.
    value = std::copysign(std::log1p(std::fabs(value)), value);
    squares += static_cast<double>(value) * value;
  }
  if (squares == 0) {
    sum[0] = 1.0F;  // no word at all: one fixed direction, since cosine knows no zero
    return sum;
  }
  const auto scale = static_cast<float>(1.0 / std::sqrt(squares));
  for (float& value : sum) value *= scale;
  return sum;
}

}  // namespace

Result<std::vector<std::vector<float>>> LexicalEmbedder::embed(std::span<const std::string> texts) {
  std::vector<std::vector<float>> embeddings;
  embeddings.reserve(texts.size());
  for (const std::string& text : texts) embeddings.push_back(embed_one(text));
  return embeddings;
}

}  // namespace strata::memory
