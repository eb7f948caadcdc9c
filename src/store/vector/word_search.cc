// BM25, term at a time: for each word of the query its postings in every part, filtered by the view; their number is the
// document frequency, exact, and then each adds to its point's score. Where a part's indexes tell which rows match, no others get
// one.
#include "store/vector/reading.h"
#include "store/vector/row_scores.h"
#include "store/vector/words.h"

namespace strata::store::vector {
namespace {

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

}  // namespace

Result<std::vector<Found>> search_words(const Reading& reading, std::string_view query, const Wanted& wanted,
                                        const Totals& totals) {
  Totals shown = totals;
  std::vector<BufferedText> texts;
  STRATA_TRY(overlay_totals(reading, texts, shown));
  const Bm25 bm25(shown.texts, shown.words);

  std::vector<RowScores> scores = STRATA_TRY(RowScores::of(reading));
  std::vector<Part::Posting> postings;
  std::vector<std::size_t> ends(scores.size());  // in `postings`, of each part's
  for (const Term& term : terms_of(query)) {
    postings.clear();
    for (std::size_t i = 0; i < scores.size(); ++i) {
      STRATA_TRY(scores[i].postings(reading, term.hash, postings));
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

  std::vector<PointScore> buffered;
  for (const BufferedText& text : texts) buffered.push_back({text.id, text.point, text.score});
  return best_of(reading, scores, buffered, wanted);
}

}  // namespace strata::store::vector
