#pragma once
/// How the points of a collection rank for one question, under any filter.
///
///     a vector, or examples ── one side ──┐
///                                         ├─ fused where there are both ── chosen for diversity ── the best k
///     words ──────────────── one side ────┘
///
/// Groups ask the same question again under filters of their own, so a ranking takes one with each asking.
#include <optional>
#include <string>
#include <vector>

#include "store/vector/query/fusion.h"
#include "store/vector/query/recommend.h"

namespace strata::store::vector {

/// Borrows the reading (whose own filter is not asked), the query and the options. One thread at a time.
class Ranking {
 public:
  /// Reads the examples. `collection` is for messages. Errors  as strata::VectorStore::query, less those of the options; corruption
  static Result<Ranking> of(std::string_view collection, const Reading& reading, const Query& query,
                            const SearchOptions& options, const Totals& totals);

  /// The best `k` of what matches the options' filter and this one, without the examples. Errors  invalid_argument (a filter),
  /// corruption
  Result<std::vector<Ranked>> best(std::size_t k, const Filter& also = {}) const;
  /// A point's score is the same under every filter: one side alone ranks.
  bool same_under_every_filter() const { return !near_.has_value() || query_->words.empty(); }
  /// How many points a side ranks where that is not simply k.
  std::size_t candidates(std::size_t k) const;
  /// What matches the options' filter and this one, without the examples. Errors  invalid_argument
  Result<CompiledFilter> filter(const Filter& also = {}) const;

 private:
  Ranking(const Reading& reading, const Query& query, const SearchOptions& options, const Totals& totals)
      : reading_(&reading), query_(&query), options_(&options), totals_(totals) {}
  Result<std::vector<Found>> by_vector(const Reading& reading, const Wanted& wanted) const;

  /// What the side by vector goes by: one vector, or the examples with best_score.
  struct Near {
    std::vector<float> vector = {};
    Examples examples = {};
  };
  const Reading* reading_;
  const Query* query_;
  const SearchOptions* options_;
  Totals totals_;
  std::optional<Near> near_;
  Value::List example_ids_;  // left out
};

}  // namespace strata::store::vector
