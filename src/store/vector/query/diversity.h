#pragma once
/// Maximal marginal relevance: of candidates, those that are near to the question and not near to one another.
///
///     diversity 0     a  a′ a″ b  c        the best scores, though three say the same
///     diversity ½     a  b  c  a′ d        each the best after what is like those before it is taken off
///
/// Source  Carbonell and Goldstein, The use of MMR, diversity-based reranking (SIGIR 1998), with λ = 1 − diversity; the likeness of two
/// points is the metric's score of one searched by the other, which is also what a search by one vector scores (Sim₁ = Sim₂ there).
#include <vector>

#include "store/vector/query/fusion.h"

namespace strata::store::vector {

/// Whether the candidates' scores are those of the metric for one vector: comparable with the likeness of two points.
enum class Scores : std::uint8_t { likeness, other };

/// The `k` chosen one after the other, the first being the best; scores stay what they were. Scores that are no likeness are spread
/// linearly over the span of the others' likeness to the best: both terms then weigh about the same, and their order stays.
/// `candidates` are best first. Errors  corruption. Cost  k · candidates scores of whole vectors
Result<std::vector<Ranked>> diversify(Metric metric, std::vector<Ranked> candidates, Scores scores, std::size_t k,
                                      float diversity);

}  // namespace strata::store::vector
