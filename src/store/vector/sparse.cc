// Sparse vectors: checked and encoded, and searched index by index: the postings of each in every part add to their rows' scores.
#include "store/vector/sparse.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "store/vector/collection_options.h"
#include "store/vector/row_scores.h"

namespace strata::store::vector {

Result<std::vector<Term>> to_entries(std::string_view collection, std::string_view what, const SparseVector& vector) {
  const auto refuse = [&](const std::string& message) {
    return Error(ErrorCode::invalid_argument, subject_of(collection) + " " + message);
  };
  const std::string given(what);
  if (vector.indices.size() != vector.values.size()) {
    return refuse("is sparse, a value for each index; " + given + " has " + std::to_string(vector.indices.size()) +
                  " indices and " + std::to_string(vector.values.size()) + " values");
  }
  std::vector<Term> entries;
  entries.reserve(vector.indices.size());
  for (std::size_t i = 0; i < vector.indices.size(); ++i) {
    const float value = vector.values[i];
    if (!std::isfinite(value)) {
      return refuse("holds finite numbers; " + given + " has " + (std::isnan(value) ? "NaN" : "infinity") +
                    " at index " + std::to_string(vector.indices[i]));
    }
    entries.push_back({vector.indices[i], std::bit_cast<std::uint32_t>(value)});
  }
  const auto by_index = [](const Term& a, const Term& b) { return a.hash < b.hash; };
  if (!std::is_sorted(entries.begin(), entries.end(), by_index)) std::sort(entries.begin(), entries.end(), by_index);
  const auto twice =
      std::adjacent_find(entries.begin(), entries.end(), [](const Term& a, const Term& b) { return a.hash == b.hash; });
  if (twice != entries.end())
    return refuse("holds each index once; " + given + " has " + std::to_string(twice->hash) + " twice");
  std::erase_if(entries, [](const Term& entry) { return value_of(entry) == 0; });
  if (entries.size() > kSparseEntriesMax) {
    return refuse("holds up to " + std::to_string(kSparseEntriesMax) + " values; " + given + " has " +
                  std::to_string(entries.size()));
  }
  return entries;
}

bool are_entries(ByteView bytes) {
  if (bytes.empty() || !words_in(bytes)) return false;
  TermReader reader(bytes);
  std::size_t count = 0;
  for (Term entry; reader.next(entry); ++count) {
    if (!std::isfinite(value_of(entry)) || value_of(entry) == 0) return false;
  }
  return count <= kSparseEntriesMax;
}

void from_entries(RowTerms entries, std::vector<float>& values, std::vector<std::uint32_t>& indices) {
  for (Term entry; entries.next(entry);) {
    indices.push_back(entry.hash);
    values.push_back(value_of(entry));
  }
}

namespace {

// Both by index, and added up in that order.
double dot(std::span<const Term> query, ByteView entries) {
  double sum = 0;
  TermReader reader(entries);
  auto asked = query.begin();
  for (Term entry; reader.next(entry);) {
    while (asked != query.end() && asked->hash < entry.hash) ++asked;
    if (asked == query.end()) break;
    if (asked->hash == entry.hash) sum += double{value_of(*asked)} * double{value_of(entry)};
  }
  return sum;
}

}  // namespace

Result<std::vector<Found>> search_sparse(const Reading& reading, std::span<const Term> query, const Wanted& wanted) {
  std::vector<RowScores> scores = STRATA_TRY(RowScores::of(reading));
  std::vector<Part::Posting> postings;
  for (const Term& asked : query) {
    const double value = value_of(asked);
    for (RowScores& each : scores) {
      postings.clear();
      STRATA_TRY(each.postings(reading, asked.hash, postings));
      for (const Part::Posting& posting : postings) {
        if (each.may_count(posting.row)) {
          each.of_row[posting.row] += value * double{std::bit_cast<float>(posting.count)};
        }
      }
    }
  }
  std::vector<PointScore> buffered;
  if (reading.overlay != nullptr) {
    for (const auto& [id, point] : *reading.overlay) {
      if (point.kind != PointChange::Kind::remove) buffered.push_back({id, &point, dot(query, point.terms)});
    }
  }
  return best_of(reading, scores, buffered, wanted);
}

}  // namespace strata::store::vector
