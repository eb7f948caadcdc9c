#include "store/vector/row_scores.h"

#include <algorithm>
#include <limits>

namespace strata::store::vector {
namespace {

// Never infinite: sums of products may leave the range of a float.
float rounded(double score) {
  constexpr double kMax = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(score, -kMax, kMax));
}

struct Scored {
  float score;
  Row row;
};

// The best of the rows that have a score, where whether one counts is cheap to tell.
Result<void> add_best_known(const RowScores& scores, TopK& best) {
  for (Row row = 0; row < scores.of_row.size(); ++row) {
    const float score = rounded(scores.of_row[row]);
    if (score == 0 || !best.reaches(score) || !STRATA_TRY(scores.admission.admits(row))) continue;
    best.push({score, STRATA_TRY(scores.part->id(row)), scores.part, row, nullptr});
  }
  return {};
}

// The same, where the filter must be asked: best score first, so that few are.
Result<void> add_best_asked(const RowScores& scores, TopK& best) {
  std::vector<Scored> heap;
  for (Row row = 0; row < scores.of_row.size(); ++row) {
    if (const float score = rounded(scores.of_row[row]); score != 0) heap.push_back({score, row});
  }
  const auto worse = [](const Scored& a, const Scored& b) { return a.score < b.score; };
  std::make_heap(heap.begin(), heap.end(), worse);
  for (; !heap.empty() && best.reaches(heap.front().score); heap.pop_back()) {
    std::pop_heap(heap.begin(), heap.end(), worse);
    const Scored& next = heap.back();
    if (!STRATA_TRY(scores.admission.admits(next.row))) continue;
    best.push({next.score, STRATA_TRY(scores.part->id(next.row)), scores.part, next.row, nullptr});
  }
  return {};
}

// The best of those that were looked up; all of them match.
void add_required(const std::vector<Found>& required, const std::vector<RowScores>& scores,
                  const std::vector<PointScore>& buffered, TopK& best) {
  for (Found found : required) {
    double score = 0;
    if (found.buffered != nullptr) {
      const auto own = std::find_if(buffered.begin(), buffered.end(),
                                    [&](const PointScore& each) { return each.point == found.buffered; });
      if (own != buffered.end()) score = own->score;
    } else {
      const auto part =
          std::find_if(scores.begin(), scores.end(), [&](const RowScores& each) { return each.part == found.part; });
      if (part != scores.end() && found.row < part->of_row.size()) score = part->of_row[found.row];
    }
    found.score = rounded(score);
    if (found.score != 0) best.push(found);
  }
}

}  // namespace

Result<std::vector<RowScores>> RowScores::of(const Reading& reading) {
  std::vector<RowScores> scores;
  for (const Part* part : reading.parts->all) {
    scores.push_back({part, STRATA_TRY(Admission::of(reading, *part)), std::vector<double>(part->rows())});
  }
  return scores;
}

Result<void> RowScores::postings(const Reading& reading, std::uint32_t term, std::vector<Part::Posting>& out) const {
  const std::size_t begin = out.size();
  STRATA_TRY(part->postings(term, out));
  if (admission.shows_all()) return {};
  const bool overwritten = reading.overlay != nullptr && !reading.overlay->empty();
  std::size_t kept = begin;
  for (std::size_t i = begin; i < out.size(); ++i) {
    const Row row = out[i].row;
    // A row that came after the scores were made is newer than the view.
    if (row >= of_row.size() || !part->visible(row, reading.view)) continue;
    if (overwritten && reading.overlay->contains(STRATA_TRY(part->id(row)))) continue;
    out[kept++] = out[i];
  }
  out.resize(kept);
  return {};
}

Result<std::vector<Found>> best_of(const Reading& reading, const std::vector<RowScores>& scores,
                                   const std::vector<PointScore>& buffered, const Wanted& wanted) {
  TopK best(wanted);
  if (const auto ids = ids_to_look_up(reading)) {
    add_required(STRATA_TRY(look_up(reading, *ids)), scores, buffered, best);
    return best.take();
  }
  for (const PointScore& each : buffered) {
    const float score = rounded(each.score);
    if (score != 0 && reading.admits(each.id, *each.point)) best.push({score, each.id, nullptr, 0, each.point});
  }
  for (const RowScores& each : scores) {
    STRATA_TRY(each.admission.asks() ? add_best_asked(each, best) : add_best_known(each, best));
  }
  return best.take();
}

}  // namespace strata::store::vector
