#pragma once
/// A random rotation: numbers that some dimensions held are spread over all of them, so that each says about as much.
///
///     four rounds of   random signs · Hadamard transform of the first (then the last, …) power of two of dimensions ·
///                      sums and differences of both halves, where the dimensions are no power of two
///
/// Each step keeps lengths and angles. O(n log n), and what must be remembered is a seed.
/// Source: Ailon and Chazelle 2006 (fast Johnson–Lindenstrauss transform, signs before a Hadamard transform); for other numbers of
/// dimensions the overlapping blocks and the halves mix what one block alone would keep apart (Kac's walk).
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace strata::store::vector {

/// Threads: any.
class Rotation {
 public:
  Rotation(std::size_t dimension, std::uint64_t seed);
  /// Dimensions afterwards: a multiple of 64.
  std::size_t size() const { return size_; }
  static std::size_t size_of(std::size_t dimension) { return (dimension + 63) / 64 * 64; }
  /// x  [size()], zeros behind the dimension
  void apply(std::span<float> x) const;

 private:
  static constexpr int kRounds = 4;
  std::size_t size_;
  std::vector<float> signs_;  // [kRounds × size_]: 1 and −1
};

}  // namespace strata::store::vector
