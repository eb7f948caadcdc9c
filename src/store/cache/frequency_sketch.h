#pragma once
/// How often a key was asked for lately, in a few bits, also for keys that are not in the cache: what decides whether a
/// newcomer is worth the entry it would push out.
///
/// A count-min sketch of 4-bit counters: a key has four of them, its estimate is the smallest, counting stops at 15.
/// After ten times as many counts as there are entries all counters are halved, so that old fame fades.
/// Source  Einziger, Friedman, Manes: TinyLFU, ACM Transactions on Storage 13(4), 2017 (arXiv:1512.00727), sections
///         3.2 to 3.4; without its doorkeeper, which saves space only for traces of mostly unique keys.
#include <algorithm>
#include <cstdint>
#include <vector>

namespace strata::store::cache {

/// Threads: one at a time (the shard's lock).
class FrequencySketch {
 public:
  /// Makes room for about `entries` keys and forgets everything. Eight counters an entry.
  void resize(std::size_t entries) {
    words_.assign(words_for(entries), 0);
    words_.shrink_to_fit();
    sample_max_ = entries * 10;
    counted_ = 0;
  }
  static std::size_t bytes_for(std::size_t entries) { return words_for(entries) * sizeof(std::uint64_t); }

  void count(std::uint64_t hash) {
    if (words_.empty()) return;
    bool counted = false;
    for (unsigned row = 0; row < kRows; ++row) {
      const Place place = place_of(hash, row);
      if (((words_[place.word] >> place.shift) & 0xf) == 0xf) continue;
      words_[place.word] += std::uint64_t{1} << place.shift;
      counted = true;
    }
    if (counted && ++counted_ >= sample_max_) halve();
  }

  unsigned estimate(std::uint64_t hash) const {
    if (words_.empty()) return 0;
    unsigned least = 15;
    for (unsigned row = 0; row < kRows; ++row) {
      const Place place = place_of(hash, row);
      least = std::min(least, static_cast<unsigned>((words_[place.word] >> place.shift) & 0xf));
    }
    return least;
  }

 private:
  static constexpr unsigned kRows = 4;
  struct Place {
    std::size_t word;
    unsigned shift;
  };

  static std::size_t words_for(std::size_t entries) {  // a power of two, sixteen counters each
    std::size_t words = 8;
    while (words * 2 < entries) words *= 2;
    return words;
  }
  // Each row has four of the sixteen counters of a word to itself, so that rows never share one.
  Place place_of(std::uint64_t hash, unsigned row) const {
    std::uint64_t mixed = (hash + row) * 0x9e3779b97f4a7c15ULL;
    mixed ^= mixed >> 32;
    mixed *= 0xd6e8feb86659fd93ULL;
    return {static_cast<std::size_t>(mixed >> 8) & (words_.size() - 1),
            4 * (4 * row + static_cast<unsigned>(mixed >> 62))};
  }
  void halve() {
    for (std::uint64_t& word : words_) word = (word >> 1) & 0x7777'7777'7777'7777ULL;
    counted_ /= 2;
  }

  std::vector<std::uint64_t> words_;
  std::size_t sample_max_ = 0;
  std::size_t counted_ = 0;
};

}  // namespace strata::store::cache
