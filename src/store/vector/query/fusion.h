#pragma once
/// Several rankings of one collection made one: by vector, by words, by further vectors.
///
///     by vector   b .91 · a .88 · d .70          rrf        1/(60+rank) of each side, added
///     by words    a 7.2 · c 5.1                  dbsf       a score's place within mean ± 3σ of its side
///     fused       a · b · c · d                  weighted   a score's place between the least and the greatest of its side
///
/// Sources and formulas: strata::Fusion.
#include <span>
#include <vector>

#include "store/vector/reading.h"

namespace strata::store::vector {

/// A point with its place in the answer's order, and in that of each side.
struct Ranked {
  Found found;  ///< its score is the one that the answer is ordered by
  Standing by_vector = {};
  Standing by_words = {};
  std::vector<Standing> by_also = {};
};

/// Best score first, ties by id.
inline bool comes_first(const Ranked& a, const Ranked& b) {
  return a.found.score != b.found.score ? a.found.score > b.found.score : a.found.id < b.found.id;
}

/// The sides of a query: by vector, by words, and from kByAlso on by each of Query::also.
inline constexpr std::size_t kByVector = 0, kByWords = 1, kByAlso = 2;
/// Where that side has the point.
Standing& standing(Ranked& ranked, std::size_t side);

/// What one side found, best first, and how much it counts.
struct Side {
  std::size_t side = kByVector;
  std::vector<Found> found;
  double weight = 1;
};

/// The points of all sides, best first, ties by id. Cost  O(n log n) of the points of all
std::vector<Ranked> fuse(std::span<const Side> sides, Fusion fusion);

}  // namespace strata::store::vector
