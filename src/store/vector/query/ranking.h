#pragma once
/// How the points of a collection rank for one question, under any filter.
///
///     a vector, or examples ── one side ──┐
///     words ──────────────── one side ────┼─ fused where there are several ── chosen for diversity ── the best k
///     further vectors ────── one each ────┘
///
/// Groups ask the same question again under filters of their own, so a ranking takes one with each asking.
#include <optional>
#include <string>
#include <vector>

#include "store/vector/query/fusion.h"
#include "store/vector/query/recommend.h"

namespace strata::store::vector {

/// What a question is asked of, all of one view.
struct Asked {
  std::string collection;
  VectorRows vector;             ///< by SearchOptions::using_vector
  Reading words;                 ///< the collection's own rows
  Totals totals;                 ///< of those
  std::vector<VectorRows> also;  ///< by each of Query::also
};

/// What one side goes by: a vector, examples with best_score, or the entries of a sparse vector.
struct Sought {
  std::vector<float> vector = {};
  Examples examples = {};
  std::vector<Term> entries = {};
  bool sparse = false;
};

/// Borrows what is asked (whose own filters are not), the query and the options. One thread at a time.
class Ranking {
 public:
  /// Reads the examples. Errors  as strata::VectorStore::query, less those of the options; corruption
  static Result<Ranking> of(const Asked& asked, const Query& query, const SearchOptions& options);

  /// The best `k` of what matches the options' filter and this one, without the examples. Errors  invalid_argument (a filter),
  /// corruption
  Result<std::vector<Ranked>> best(std::size_t k, const Filter& also = {}) const;
  std::size_t sides() const { return (near_ ? 1U : 0U) + (query_->words.empty() ? 0U : 1U) + also_.size(); }
  /// A point's score is the same under every filter: one side alone ranks.
  bool same_under_every_filter() const { return sides() == 1; }
  /// Where the one side looks, or of several the first.
  const Reading& ranked() const;
  /// How many points a side ranks where that is not simply k.
  std::size_t candidates(std::size_t k) const;
  /// What matches the options' filter and this one, without the examples. Errors  invalid_argument
  Result<CompiledFilter> filter(const Filter& also = {}) const;
  /// A point as it is found by using_vector, whichever side found it; nothing when it lacks that vector. Errors  corruption
  Result<std::optional<Found>> with_vector(const Found& found) const;

 private:
  Ranking(const Asked& asked, const Query& query, const SearchOptions& options)
      : asked_(&asked), query_(&query), options_(&options) {}
  Result<std::vector<Found>> by(const Sought& near, Reading reading, const Wanted& wanted,
                                const CompiledFilter& filter) const;
  Result<std::vector<Side>> each_side(const Wanted& wanted, const CompiledFilter& filter) const;
  Result<std::vector<Ranked>> diverse(std::vector<Ranked> all, std::size_t k) const;

  const Asked* asked_;
  const Query* query_;
  const SearchOptions* options_;
  std::optional<Sought> near_;
  std::vector<Sought> also_;
  Value::List example_ids_;  // left out
};

}  // namespace strata::store::vector
