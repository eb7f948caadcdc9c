#pragma once
/// The memories that every participant of the benchmark gets: a pure function of seed and number.
#include <string>
#include <vector>

#include "core/random.h"
#include "strata/memory.h"

namespace strata::bench {

inline constexpr std::size_t kDimension = 384;
inline constexpr std::size_t kActivation = 64;
inline constexpr std::size_t kKinds = 5;

/// 1 to 4 KiB of text, an embedding near one of 64 centres, 3 tags, 2 links to earlier memories, 64 activations.
/// Threads: immutable.
class Data {
 public:
  explicit Data(std::uint64_t seed = 20'261'120);
  Atom atom(std::size_t number) const;
  std::vector<Atom> atoms(std::size_t begin, std::size_t end) const;
  std::string question(std::size_t number) const;  ///< three words, one of them rare
  static std::string id(std::size_t number);
  static std::string kind(std::size_t number);

  /// A line of JSON ({"count", "dimension", "activation"}), count × (embedding, activation) as little-endian float32,
  /// then a line of JSON for each memory.
  Result<void> write(const std::string& path, std::size_t count) const;

 private:
  std::string words(core::Random& random, std::size_t bytes) const;
  const std::string& word(core::Random& random) const;

  std::uint64_t seed_;
  std::vector<std::string> vocabulary_;
  std::vector<std::vector<float>> centres_;
};

}  // namespace strata::bench
