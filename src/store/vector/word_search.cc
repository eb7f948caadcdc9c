// BM25, term at a time: for each word of the query its postings in every part, filtered by the view; their number is the
// document frequency, exact, and then each adds to its point's score. Where a part's indexes tell which rows match, no others get
// one; where they do not, the filter is asked best score first, until k match: it is dear and most points are never asked. When
// the filter names the few that may match, only those are.
#include <algorithm>

#include "store/vector/reading.h"
#include "store/vector/words.h"

namespace strata::store::vector {
namespace {

struct Scores {
  const Part* part;
  Admission admission;
  std::vector<double> of_row;

  bool may_count(Row row) const { return admission.matching() == nullptr || admission.matching()->contains(row); }
};

struct Scored {
  float score;
  Row row;
};

struct BufferedText {
  std::string_view id;
  const BufferedPoint* point;
  std::uint64_t length;
  double score = 0;
  std::uint32_t count = 0;  // of the present term
};

std::uint32_t count_of(ByteView terms, std::uint32_t term) {
  TermReader reader(terms);
  for (Term each; reader.next(each) && each.hash <= term;) {
    if (each.hash == term) return each.count;
  }
  return 0;
}

// Replaces what the overlay hides by what it shows.
Result<void> overlay_totals(const Reading& reading, std::vector<BufferedText>& texts, Totals& totals) {
  if (reading.overlay == nullptr) return {};
  for (const auto& [id, point] : *reading.overlay) {
    const std::uint64_t hash = hash_of_id(id);
    for (const Part* part : reading.parts->all) {
      const auto row = STRATA_TRY(part->find(id, hash, reading.view));
      if (!row) continue;
      totals.texts -= part->length(*row) > 0 ? 1 : 0;
      totals.words -= part->length(*row);
      break;
    }
    const std::uint64_t length = words_in(point.terms).value_or(0);
    if (point.kind == PointChange::Kind::remove || length == 0) continue;
    ++totals.texts;
    totals.words += length;
    texts.push_back({id, &point, length});
  }
  return {};
}

// Leaves of postings[begin …], all of one part, those of rows that the view shows and the own transaction did not overwrite.
Result<void> keep_visible(const Reading& reading, const Scores& scores, std::size_t begin,
                          std::vector<Part::Posting>& postings) {
  if (scores.admission.shows_all()) return {};
  const bool overwritten = reading.overlay != nullptr && !reading.overlay->empty();
  std::size_t kept = begin;
  for (std::size_t i = begin; i < postings.size(); ++i) {
    const Row row = postings[i].row;
    // A row that came after the scores were made is newer than the view.
    if (row >= scores.of_row.size() || !scores.part->visible(row, reading.view)) continue;
    if (overwritten && reading.overlay->contains(STRATA_TRY(scores.part->id(row)))) continue;
    postings[kept++] = postings[i];
  }
  postings.resize(kept);
  return {};
}

// The best of the rows that have a score, where whether one counts is cheap to tell.
Result<void> add_best_known(const Scores& scores, TopK& best) {
  for (Row row = 0; row < scores.of_row.size(); ++row) {
    const auto score = static_cast<float>(scores.of_row[row]);
    if (!(score > 0) || !best.reaches(score) || !STRATA_TRY(scores.admission.admits(row))) continue;
    best.push({score, STRATA_TRY(scores.part->id(row)), scores.part, row, nullptr});
  }
  return {};
}

// The same, where the filter must be asked: best score first, so that few are.
Result<void> add_best_asked(const Scores& scores, TopK& best) {
  std::vector<Scored> heap;
  for (Row row = 0; row < scores.of_row.size(); ++row) {
    if (const auto score = static_cast<float>(scores.of_row[row]); score > 0) heap.push_back({score, row});
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
void add_required(const std::vector<Found>& required, const std::vector<Scores>& scores,
                  const std::vector<BufferedText>& texts, TopK& best) {
  for (Found found : required) {
    double score = 0;
    if (found.buffered != nullptr) {
      const auto text = std::find_if(texts.begin(), texts.end(),
                                     [&](const BufferedText& each) { return each.point == found.buffered; });
      if (text != texts.end()) score = text->score;
    } else {
      const auto part =
          std::find_if(scores.begin(), scores.end(), [&](const Scores& each) { return each.part == found.part; });
      if (part != scores.end() && found.row < part->of_row.size()) score = part->of_row[found.row];
    }
    found.score = static_cast<float>(score);
    if (found.score > 0) best.push(found);
  }
}

}  // namespace

Result<std::vector<Found>> search_words(const Reading& reading, std::string_view query, const Wanted& wanted,
                                        const Totals& totals) {
  Totals shown = totals;
  std::vector<BufferedText> texts;
  STRATA_TRY(overlay_totals(reading, texts, shown));
  const Bm25 bm25(shown.texts, shown.words);

  std::vector<Scores> scores;
  for (const Part* part : reading.parts->all) {
    scores.push_back({part, STRATA_TRY(Admission::of(reading, *part)), std::vector<double>(part->rows())});
  }
  std::vector<Part::Posting> postings;
  std::vector<std::size_t> ends(scores.size());  // in `postings`, of each part's
  for (const Term& term : terms_of(query)) {
    postings.clear();
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const std::size_t begin = postings.size();
      STRATA_TRY(scores[i].part->postings(term.hash, postings));
      STRATA_TRY(keep_visible(reading, scores[i], begin, postings));
      ends[i] = postings.size();
    }
    std::uint64_t with_term = postings.size();
    for (BufferedText& text : texts) {
      text.count = count_of(text.point->terms, term.hash);
      with_term += text.count > 0 ? 1 : 0;
    }
    const double idf = bm25.idf(with_term);
    for (std::size_t i = 0, at = 0; i < scores.size(); ++i) {
      for (; at < ends[i]; ++at) {
        const Part::Posting& posting = postings[at];
        if (!scores[i].may_count(posting.row)) continue;
        scores[i].of_row[posting.row] += bm25.term(idf, posting.count, scores[i].part->length(posting.row));
      }
    }
    for (BufferedText& text : texts) {
      if (text.count > 0) text.score += bm25.term(idf, text.count, text.length);
    }
  }

  TopK best(wanted);
  if (const auto ids = ids_to_look_up(reading)) {
    add_required(STRATA_TRY(look_up(reading, *ids)), scores, texts, best);
    return best.take();
  }
  for (const BufferedText& text : texts) {
    if (text.score > 0 && reading.admits(text.id, *text.point)) {
      best.push({static_cast<float>(text.score), text.id, nullptr, 0, text.point});
    }
  }
  for (const Scores& each : scores) {
    STRATA_TRY(each.admission.asks() ? add_best_asked(each, best) : add_best_known(each, best));
  }
  return best.take();
}

}  // namespace strata::store::vector
