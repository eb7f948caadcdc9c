#pragma once
/// Scores that add up from postings, and the best of them: what a search by words and one by sparse vectors share.
///
/// A score for each row of each part, 0 where nothing was added. Where a part's indexes tell which rows match, the best are picked
/// among those; where they do not, the filter is asked best score first, until k match: it is dear and most points are never asked.
/// When the filter names the few that may match, only those are looked at.
#include <string_view>
#include <vector>

#include "store/vector/reading.h"

namespace strata::store::vector {

struct RowScores {
  const Part* part;
  Admission admission;
  std::vector<double> of_row;

  /// Of every part of a reading, all 0. Borrows it. Errors  corruption
  static Result<std::vector<RowScores>> of(const Reading& reading);
  bool may_count(Row row) const { return admission.matching() == nullptr || admission.matching()->contains(row); }
  /// Appends the postings of a term, without those of rows that the view does not show or the own transaction overwrote.
  /// Errors  corruption
  Result<void> postings(const Reading& reading, std::uint32_t term, std::vector<Part::Posting>& out) const;
};

/// Of a point that the own transaction wrote.
struct PointScore {
  std::string_view id;
  const BufferedPoint* point;
  double score = 0;
};

/// The best of those that count and whose score is not 0. Errors  corruption
Result<std::vector<Found>> best_of(const Reading& reading, const std::vector<RowScores>& scores,
                                   const std::vector<PointScore>& buffered, const Wanted& wanted);

}  // namespace strata::store::vector
