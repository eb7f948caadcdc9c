#include "store/vector/query/ranking.h"

#include <algorithm>
#include <cmath>

#include "core/excerpt.h"
#include "store/vector/elements.h"
#include "store/vector/mutation.h"
#include "store/vector/query/diversity.h"

namespace strata::store::vector {
namespace {

constexpr std::size_t kCandidatesMin = 100;
constexpr std::size_t kCandidatesOfK = 4;

Error refuse(std::string message) { return Error(ErrorCode::invalid_argument, std::move(message)); }

Result<void> check_weight(float weight, std::string_view name) {
  if (std::isfinite(weight) && weight >= 0) return {};
  return refuse(std::string(name) + " is a finite number, 0 or more, not " + std::to_string(weight));
}

Result<void> check_sides(const Query& query) {
  const bool examples = !query.like.empty() || !query.unlike.empty();
  if (query.vector.empty() && !examples && query.words.empty()) {
    return refuse("a query needs a vector, examples (like, unlike) or words");
  }
  if (!query.vector.empty() && examples) return refuse("a query goes by a vector or by examples, not by both");
  if (query.like.size() + query.unlike.size() > kExamplesMax) {
    return refuse("a query takes up to " + std::to_string(kExamplesMax) + " examples, not " +
                  std::to_string(query.like.size() + query.unlike.size()));
  }
  STRATA_TRY(check_weight(query.vector_weight, "vector_weight"));
  STRATA_TRY(check_weight(query.words_weight, "words_weight"));
  if (query.vector_weight == 0 && query.words_weight == 0) return refuse("vector_weight and words_weight are both 0");
  if (!(query.diversity >= 0 && query.diversity <= 1)) {
    return refuse("diversity is 0 to 1, not " + std::to_string(query.diversity));
  }
  return {};
}

// The vector of an example; the id of one that is stored goes to `ids`.
Result<std::vector<float>> vector_of(std::string_view collection, const Reading& reading, const Example& example,
                                     Value::List& ids) {
  if (example.id.empty()) {
    STRATA_TRY(check_vector(collection, *reading.options, "an example", example.vector));
    return std::vector<float>(example.vector.begin(), example.vector.end());
  }
  if (!example.vector.empty()) {
    return refuse("an example is an id or a vector; that of \"" + core::excerpt(example.id) + "\" is both");
  }
  const auto found = STRATA_TRY(find_point(reading, example.id));
  if (!found) {
    return Error(ErrorCode::not_found, "no point \"" + core::excerpt(example.id) + "\" in collection \"" +
                                           std::string(collection) + "\"; it was given as an example");
  }
  ids.emplace_back(example.id);
  std::vector<float> vector(reading.options->dimension);
  to_floats(reading.options->element, STRATA_TRY(found->elements()), vector);
  return vector;
}

std::vector<Ranked> ranked(std::span<const Found> found, Standing Ranked::* side) {
  std::vector<Ranked> all;
  all.reserve(found.size());
  for (const Found& each : found) {
    all.push_back({each});
    all.back().*side = {static_cast<std::uint32_t>(all.size()), each.score};
  }
  return all;
}

}  // namespace

Result<Ranking> Ranking::of(std::string_view collection, const Reading& reading, const Query& query,
                            const SearchOptions& options, const Totals& totals) {
  STRATA_TRY(check_sides(query));
  if (!query.words.empty() && !reading.options->words) {
    return Error(ErrorCode::failed_precondition,
                 "collection \"" + std::string(collection) + "\" keeps no words; create it with words = true");
  }
  Ranking ranking(reading, query, options, totals);
  if (!query.vector.empty()) {
    STRATA_TRY(check_vector(collection, *reading.options, "the query", query.vector));
    ranking.near_ = Near{{query.vector.begin(), query.vector.end()}};
  } else if (!query.like.empty() || !query.unlike.empty()) {
    Near near;
    for (const Example& each : query.like) {
      near.examples.like.push_back(STRATA_TRY(vector_of(collection, reading, each, ranking.example_ids_)));
    }
    for (const Example& each : query.unlike) {
      near.examples.unlike.push_back(STRATA_TRY(vector_of(collection, reading, each, ranking.example_ids_)));
    }
    if (query.recommend == Recommend::average_vector) {
      near.vector = STRATA_TRY(average_of(reading.options->metric, near.examples));
    }
    ranking.near_ = std::move(near);
  }
  return ranking;
}

std::size_t Ranking::candidates(std::size_t k) const {
  if (query_->candidates != 0) return query_->candidates;
  return std::min(kSearchResultsMax, std::max(kCandidatesMin, kCandidatesOfK * std::min(k, options_->k)));
}

Result<CompiledFilter> Ranking::filter(const Filter& also) const {
  if (also.empty() && example_ids_.empty()) return CompiledFilter::compile(options_->filter);
  Filter all{{"must", Value::List{options_->filter, also}}};
  if (!example_ids_.empty()) all.set("must_not", Value::List{Filter{{"has_id", example_ids_}}});
  return CompiledFilter::compile(all, 1);
}

Result<std::vector<Found>> Ranking::by_vector(const Reading& reading, const Wanted& wanted) const {
  const Effort effort{options_->exact, options_->ef, options_->probes};
  return near_->vector.empty() ? search_by_best_score(reading, near_->examples, wanted, effort)
                               : search_nearest(reading, near_->vector, wanted, effort);
}

Result<std::vector<Ranked>> Ranking::best(std::size_t k, const Filter& also) const {
  const CompiledFilter compiled = STRATA_TRY(filter(also));
  Reading reading = *reading_;
  reading.filter = &compiled;
  const bool fuses = near_ && !query_->words.empty();
  Wanted wanted{.k = fuses || query_->diversity > 0 ? candidates(k) : k};
  const float least = options_->min_score.value_or(wanted.min_score);
  if (!fuses) wanted.min_score = least;

  std::vector<Ranked> all;
  if (fuses) {
    const auto near = STRATA_TRY(by_vector(reading, wanted));
    const auto words = STRATA_TRY(search_words(reading, query_->words, wanted, totals_));
    all = fuse({near, query_->vector_weight}, {words, query_->words_weight}, query_->fusion);
    std::erase_if(all, [least](const Ranked& each) { return each.found.score < least; });
  } else if (near_) {
    all = ranked(STRATA_TRY(by_vector(reading, wanted)), &Ranked::by_vector);
  } else {
    all = ranked(STRATA_TRY(search_words(reading, query_->words, wanted, totals_)), &Ranked::by_words);
  }
  if (query_->diversity > 0) {
    const Scores scores = near_ && !near_->vector.empty() && !fuses ? Scores::likeness : Scores::other;
    return diversify(*reading.options, std::move(all), scores, k, query_->diversity);
  }
  if (all.size() > k) all.resize(k);
  return all;
}

}  // namespace strata::store::vector
