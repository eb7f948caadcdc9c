// BM25, term at a time: for each word of the query its postings in every part, filtered by the view; their number is the
// document frequency, exact, and then each adds to its point's score. Whether a point matches the filter is asked when its
// score would enter the best k.
#include <algorithm>

#include "store/vector/reading.h"
#include "store/vector/words.h"

namespace strata::store::vector {
namespace {

struct Scores {
  const Part* part;
  std::vector<double> of_row;
};

struct Hit {
  std::size_t scores;
  Row row;
  std::uint32_t count;
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
    const std::uint64_t length = length_of(point.terms);
    if (point.kind == PointChange::Kind::remove || length == 0) continue;
    ++totals.texts;
    totals.words += length;
    texts.push_back({id, &point, length});
  }
  return {};
}

}  // namespace

Result<std::vector<Found>> search_words(const Reading& reading, std::string_view query, std::size_t k,
                                        const Totals& totals) {
  Reading unfiltered = reading;
  unfiltered.filter = nullptr;
  Totals shown = totals;
  std::vector<BufferedText> texts;
  STRATA_TRY(overlay_totals(reading, texts, shown));
  const Bm25 bm25(shown.texts, shown.words);

  std::vector<Scores> scores;
  for (const Part* part : reading.parts->all) scores.push_back({part, std::vector<double>(part->rows())});
  for (const Term& term : terms_of(query)) {
    std::vector<Hit> hits;
    std::optional<Error> failed;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const Part& part = *scores[i].part;
      STRATA_TRY(part.postings(term.hash, [&](Row row, std::uint32_t count) {
        if (row >= scores[i].of_row.size() || !part.visible(row, reading.view)) return;
        auto counts = unfiltered.admits(part, row);
        if (!counts) {
          failed = std::move(counts).error();
        } else if (*counts) {
          hits.push_back({i, row, count});
        }
      }));
    }
    if (failed) return *std::move(failed);
    std::uint64_t with_term = hits.size();
    for (BufferedText& text : texts) {
      text.count = count_of(text.point->terms, term.hash);
      with_term += text.count > 0 ? 1 : 0;
    }
    const double idf = bm25.idf(with_term);
    for (const Hit& hit : hits) {
      const Part& part = *scores[hit.scores].part;
      scores[hit.scores].of_row[hit.row] += bm25.term(idf, hit.count, part.length(hit.row));
    }
    for (BufferedText& text : texts) {
      if (text.count > 0) text.score += bm25.term(idf, text.count, text.length);
    }
  }

  TopK best(k);
  for (const Scores& each : scores) {
    for (Row row = 0; row < each.of_row.size(); ++row) {
      const auto score = static_cast<float>(each.of_row[row]);
      if (score <= 0 || !best.reaches(score) || !STRATA_TRY(reading.admits(*each.part, row))) continue;
      best.push({score, STRATA_TRY(each.part->id(row)), each.part, row, nullptr});
    }
  }
  for (const BufferedText& text : texts) {
    if (text.score > 0 && reading.admits(text.id, *text.point)) {
      best.push({static_cast<float>(text.score), text.id, nullptr, 0, text.point});
    }
  }
  return best.take();
}

}  // namespace strata::store::vector
