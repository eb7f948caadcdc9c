#include "store/vector/query/ranking.h"

#include <algorithm>
#include <cmath>

#include "core/excerpt.h"
#include "store/vector/collection_options.h"
#include "store/vector/elements.h"
#include "store/vector/mutation.h"
#include "store/vector/query/diversity.h"
#include "store/vector/sparse.h"

namespace strata::store::vector {
namespace {

constexpr std::size_t kCandidatesMin = 100;
constexpr std::size_t kCandidatesOfK = 4;

Error refuse(std::string message) { return Error(ErrorCode::invalid_argument, std::move(message)); }

Result<void> check_weight(float weight, std::string_view name) {
  if (std::isfinite(weight) && weight >= 0) return {};
  return refuse(std::string(name) + " is a finite number, 0 or more, not " + std::to_string(weight));
}

bool has_vector(const Query& query) { return !query.vector.empty() || !query.indices.empty(); }

Result<void> check_sides(const Query& query) {
  const bool examples = !query.like.empty() || !query.unlike.empty();
  if (!has_vector(query) && !examples && query.words.empty() && query.also.empty()) {
    return refuse("a query needs a vector, examples (like, unlike) or words, or further vectors (also)");
  }
  if (has_vector(query) && examples) return refuse("a query goes by a vector or by examples, not by both");
  if (query.like.size() + query.unlike.size() > kExamplesMax) {
    return refuse("a query takes up to " + std::to_string(kExamplesMax) + " examples, not " +
                  std::to_string(query.like.size() + query.unlike.size()));
  }
  STRATA_TRY(check_weight(query.vector_weight, "vector_weight"));
  STRATA_TRY(check_weight(query.words_weight, "words_weight"));
  if (query.also.size() > kQuerySidesMax) {
    return refuse("a query takes up to " + std::to_string(kQuerySidesMax) + " further vectors, not " +
                  std::to_string(query.also.size()));
  }
  bool any = query.vector_weight != 0 || query.words_weight != 0;
  for (const VectorSide& side : query.also) {
    STRATA_TRY(check_weight(side.weight, "the weight of \"" + core::excerpt(side.name) + "\""));
    any = any || side.weight != 0;
  }
  if (!any) return refuse("vector_weight and words_weight are both 0");
  if (!(query.diversity >= 0 && query.diversity <= 1)) {
    return refuse("diversity is 0 to 1, not " + std::to_string(query.diversity));
  }
  return {};
}

// The vector of an example; the id of one that is stored goes to `ids`.
Result<std::vector<float>> vector_of(const VectorRows& rows, const Example& example, Value::List& ids) {
  const Reading& reading = rows.reading;
  if (example.id.empty()) {
    STRATA_TRY(check_vector(rows.collection, *reading.options, "an example", example.vector));
    return std::vector<float>(example.vector.begin(), example.vector.end());
  }
  if (!example.vector.empty()) {
    return refuse("an example is an id or a vector; that of \"" + core::excerpt(example.id) + "\" is both");
  }
  const auto found = STRATA_TRY(find_point(reading, example.id));
  if (!found) {
    return Error(ErrorCode::not_found, "no point \"" + core::excerpt(example.id) + "\" in " +
                                           subject_of(rows.collection) + "; it was given as an example");
  }
  ids.emplace_back(example.id);
  std::vector<float> room;
  std::vector<float> vector(reading.options->dimension);
  to_floats(reading.options->element, STRATA_TRY(found->elements(room)), vector);
  return vector;
}

Result<Sought> near_by(const VectorRows& rows, std::string_view what, std::span<const float> values,
                       std::span<const std::uint32_t> indices) {
  Sought near;
  near.sparse = rows.sparse;
  if (rows.sparse) {
    near.entries = STRATA_TRY(to_entries(rows.collection, what, {indices, values}));
    return near;
  }
  if (!indices.empty()) return refuse(subject_of(rows.collection) + " is dense; " + std::string(what) + " has indices");
  STRATA_TRY(check_searched(rows.collection, *rows.reading.options));
  STRATA_TRY(check_vector(rows.collection, *rows.reading.options, what, values));
  near.vector.assign(values.begin(), values.end());
  return near;
}

std::vector<Ranked> alone(const Side& side) {
  std::vector<Ranked> all;
  all.reserve(side.found.size());
  for (const Found& each : side.found) {
    all.push_back({each});
    standing(all.back(), side.side) = {static_cast<std::uint32_t>(all.size()), each.score};
  }
  return all;
}

}  // namespace

Result<Ranking> Ranking::of(const Asked& asked, const Query& query, const SearchOptions& options) {
  STRATA_TRY(check_sides(query));
  if (!query.words.empty() && !asked.words.options->words) {
    return Error(ErrorCode::failed_precondition,
                 subject_of(asked.collection) + " keeps no words; create it with words = true");
  }
  Ranking ranking(asked, query, options);
  const VectorRows& rows = asked.vector;
  if (has_vector(query)) {
    ranking.near_ = STRATA_TRY(near_by(rows, "the query", query.vector, query.indices));
  } else if (!query.like.empty() || !query.unlike.empty()) {
    if (rows.sparse) return refuse(subject_of(rows.collection) + " is sparse; examples are dense");
    STRATA_TRY(check_searched(rows.collection, *rows.reading.options));
    Sought near;
    for (const Example& each : query.like) {
      near.examples.like.push_back(STRATA_TRY(vector_of(rows, each, ranking.example_ids_)));
    }
    for (const Example& each : query.unlike) {
      near.examples.unlike.push_back(STRATA_TRY(vector_of(rows, each, ranking.example_ids_)));
    }
    if (query.recommend == Recommend::average_vector) {
      near.vector = STRATA_TRY(average_of(rows.reading.options->metric, near.examples));
    }
    ranking.near_ = std::move(near);
  }
  for (std::size_t i = 0; i < query.also.size(); ++i) {
    const VectorSide& side = query.also[i];
    ranking.also_.push_back(
        STRATA_TRY(near_by(asked.also[i], "side " + std::to_string(i) + " of the query", side.values, side.indices)));
  }
  if (query.diversity > 0) {
    if (rows.sparse) return refuse(subject_of(rows.collection) + " is sparse; diversity compares dense vectors");
    STRATA_TRY(check_searched(rows.collection, *rows.reading.options));
  }
  return ranking;
}

const Reading& Ranking::ranked() const {
  if (near_) return asked_->vector.reading;
  return query_->words.empty() ? asked_->also.front().reading : asked_->words;
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

Result<std::vector<Found>> Ranking::by(const Sought& near, Reading reading, const Wanted& wanted,
                                       const CompiledFilter& filter) const {
  reading.filter = &filter;
  if (near.sparse) return search_sparse(reading, near.entries, wanted);
  const Effort effort{options_->exact, options_->ef, options_->probes};
  return near.vector.empty() ? search_by_best_score(reading, near.examples, wanted, effort)
                             : search_nearest(reading, near.vector, wanted, effort);
}

Result<std::vector<Side>> Ranking::each_side(const Wanted& wanted, const CompiledFilter& filter) const {
  std::vector<Side> all;
  if (near_) {
    all.push_back({kByVector, STRATA_TRY(by(*near_, asked_->vector.reading, wanted, filter)), query_->vector_weight});
  }
  if (!query_->words.empty()) {
    Reading words = asked_->words;
    words.filter = &filter;
    all.push_back(
        {kByWords, STRATA_TRY(search_words(words, query_->words, wanted, asked_->totals)), query_->words_weight});
  }
  for (std::size_t i = 0; i < also_.size(); ++i) {
    all.push_back(
        {kByAlso + i, STRATA_TRY(by(also_[i], asked_->also[i].reading, wanted, filter)), query_->also[i].weight});
  }
  return all;
}

Result<std::optional<Found>> Ranking::with_vector(const Found& found) const {
  const bool there = options_->using_vector.empty() ? also_.empty() : near_.has_value() && sides() == 1;
  if (there) return std::optional(found);
  auto own = STRATA_TRY(find_point(asked_->vector.reading, found.id));
  if (own) own->score = found.score;
  return own;
}

Result<std::vector<Ranked>> Ranking::diverse(std::vector<Ranked> all, std::size_t k) const {
  std::vector<Ranked> comparable;
  comparable.reserve(all.size());
  for (Ranked& each : all) {
    const auto own = STRATA_TRY(with_vector(each.found));
    if (!own) continue;
    each.found = *own;
    comparable.push_back(std::move(each));
  }
  const Scores scores = near_ && !near_->vector.empty() && sides() == 1 ? Scores::likeness : Scores::other;
  return diversify(*asked_->vector.reading.options, std::move(comparable), scores, k, query_->diversity);
}

Result<std::vector<Ranked>> Ranking::best(std::size_t k, const Filter& also) const {
  const CompiledFilter compiled = STRATA_TRY(filter(also));
  const bool fuses = sides() > 1;
  Wanted wanted{.k = fuses || query_->diversity > 0 ? candidates(k) : k};
  const float least = options_->min_score.value_or(wanted.min_score);
  if (!fuses) wanted.min_score = least;

  const std::vector<Side> found = STRATA_TRY(each_side(wanted, compiled));
  std::vector<Ranked> all = fuses ? fuse(found, query_->fusion) : alone(found.front());
  if (fuses) std::erase_if(all, [least](const Ranked& each) { return each.found.score < least; });
  if (query_->diversity > 0) return diverse(std::move(all), k);
  if (all.size() > k) all.resize(k);
  return all;
}

}  // namespace strata::store::vector
