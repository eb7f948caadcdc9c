#pragma once
/// One read of one collection: the parts, the view, the filter, and what the transaction itself has written on top.
///
/// Candidates are cheap to name and dear to look at, so whether a row counts (visible, not overwritten by the own
/// transaction, matching the filter) is asked only for rows that already reach the k-th best. That is why a filtered search
/// returns min(k, matches) points whatever the filter lets through.
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "store/vector/coding.h"
#include "store/vector/collection.h"
#include "store/vector/filter/filter.h"

namespace strata::store::vector {

/// A point as the own transaction left it.
struct BufferedPoint {
  PointChange::Kind kind = PointChange::Kind::upsert;
  Bytes
      elements;  ///< the vector, as elements.h says; set_payload and set_vectors: of the version before, for reads, as what follows
  Bytes payload;
  Bytes terms;
};
using Overlay = std::map<std::string, BufferedPoint, std::less<>>;

/// Borrows everything but the part list.
struct Reading {
  std::shared_ptr<const PartList> parts;
  Lsn view = 0;
  const CollectionOptions* options = nullptr;
  const CompiledFilter* filter = nullptr;  ///< nullptr: all
  const Overlay* overlay = nullptr;        ///< nullptr: none

  bool filters() const { return filter != nullptr && !filter->empty(); }
  /// Whether the view sees a row that the own transaction did not overwrite. Errors  corruption
  Result<bool> shows(const Part& part, Row row) const;
  /// Whether a row counts: it is shown, and matches. Errors  corruption
  Result<bool> admits(const Part& part, Row row) const;
  bool admits(std::string_view id, const BufferedPoint& point) const;
};

/// A collection's rows by one vector: those of the collection itself, or of the one that keeps a named vector.
struct VectorRows {
  std::string collection;  ///< for messages: "notes", "notes/title"
  Reading reading;
  bool sparse = false;
};

/// Which rows of one part count: by the part's indexes as far as they tell, else by asking the filter. Borrows the reading.
class Admission {
 public:
  /// Errors  corruption
  static Result<Admission> of(const Reading& reading, const Part& part) {
    if (!reading.filters()) return Admission(reading, part, {nullptr, true});
    return Admission(reading, part, STRATA_TRY(reading.filter->rows_of(part, reading.view)));
  }
  /// No others match, and those may be hidden; nullptr: any may match.
  const RowSet* matching() const { return told_.rows.get(); }
  /// Whether the filter must be asked for each row, of `matching` too: dear.
  bool asks() const { return !told_.exact; }
  /// The view sees every row, and the own transaction overwrote none.
  bool shows_all() const { return shows_all_; }
  /// Every row counts.
  bool admits_all() const { return shows_all_ && told_.exact && told_.rows == nullptr; }
  Result<bool> admits(Row row) const {
    if (told_.rows && !told_.rows->contains(row)) return false;
    if (asks()) return reading_->admits(*part_, row);
    return shows_all_ || STRATA_TRY(reading_->shows(*part_, row));
  }

 private:
  Admission(const Reading& reading, const Part& part, Told told)
      : reading_(&reading),
        part_(&part),
        shows_all_(part.all_visible(reading.view) && (reading.overlay == nullptr || reading.overlay->empty())),
        told_(std::move(told)) {}
  const Reading* reading_;
  const Part* part_;
  bool shows_all_;
  Told told_;
};

/// A point that was found, and where to read it. Valid as long as the Reading.
struct Found {
  float score = 0;
  std::string_view id;
  const Part* part = nullptr;
  Row row = 0;
  const BufferedPoint* buffered = nullptr;

  Result<ByteView> payload() const;
  Result<ByteView> elements(std::vector<float>& room) const;  ///< as Part::elements
  Result<RowTerms> terms() const;
  /// The same as numbers: where they lie when they are kept as float32, else in `room`. Errors  corruption
  Result<std::span<const float>> vector(const CollectionOptions& options, std::vector<float>& room) const;
};

/// What a search is to bring: the best k of what scores at least so much.
struct Wanted {
  std::size_t k = 0;
  float min_score = -std::numeric_limits<float>::infinity();
};

/// The best k: by score, ties by id.
class TopK {
 public:
  explicit TopK(const Wanted& wanted) : k_(wanted.k), min_score_(wanted.min_score) {}
  bool full() const { return found_.size() == k_; }
  /// Whether a point of this score could still enter (an equal one might, by its id).
  bool reaches(float score) const { return score >= min_score_ && (!full() || score >= found_.front().score); }
  void push(const Found& found);
  std::vector<Found> take();  ///< best first

 private:
  std::size_t k_;
  float min_score_;
  std::vector<Found> found_;  // a heap, the worst in front
};

/// How far a search goes where there are graphs or lists.
struct Effort {
  bool exact = false;
  std::size_t ef = 0;      ///< places of a walk's beam; 0: kDefaultEf
  std::size_t probes = 0;  ///< lists to look into; 0: probes_for
};
inline constexpr std::size_t kDefaultEf = 64;

/// The nearest to `query`: exactly, or of parts with graphs those that walks of this effort lead to; min(k, matches) always,
/// less what scores below the least wanted. Errors  corruption
Result<std::vector<Found>> search_nearest(const Reading& reading, std::span<const float> query, const Wanted& wanted,
                                          const Effort& effort);
/// The same for each of `queries`. What must be scanned is read once for many of them, and the ids that a filter names are looked
/// up once. Errors  corruption
Result<std::vector<std::vector<Found>>> search_nearest_each(const Reading& reading,
                                                            std::span<const std::span<const float>> queries,
                                                            const Wanted& wanted, const Effort& effort);
/// The best by BM25 over the words of `query`. `totals` are those of the collection at the view. Errors  corruption
Result<std::vector<Found>> search_words(const Reading& reading, std::string_view query, const Wanted& wanted,
                                        const Totals& totals);
/// The best by dot product with `query`, entries by index (sparse.h), of a collection of sparse vectors: min(k, matches) of those whose
/// score is not 0. Exact: added up in double by ascending index, rounded once. Errors  corruption
Result<std::vector<Found>> search_sparse(const Reading& reading, std::span<const Term> query, const Wanted& wanted);
/// The first `limit` by id after `after`. Errors  corruption
Result<std::vector<Found>> scroll_by_id(const Reading& reading, std::string_view after, std::size_t limit);
/// How many there are. Errors  corruption
Result<std::uint64_t> count_all(const Reading& reading);
/// The point `id`, whatever the filter. Errors  corruption
Result<std::optional<Found>> find_point(const Reading& reading, std::string_view id);
/// The ids that the filter requires one of, when they are so few that looking each up is cheaper than a pass over the rows;
/// nothing when they are not. The calls above look up then: the same answers at the cost of the ids.
std::optional<std::span<const std::string>> ids_to_look_up(const Reading& reading);
/// Those of `ids` (ascending) whose point counts. Errors  corruption
Result<std::vector<Found>> look_up(const Reading& reading, std::span<const std::string> ids);

/// Calls `visit(row)` for each row of one part that counts, in order. Errors  corruption; what `visit` returns
template <typename Visit>
Result<void> each_row(const Part& part, const Admission& admission, Visit&& visit) {
  const RowSet* const matching = admission.matching();
  const Row rows = matching != nullptr ? matching->rows() : part.rows();
  const auto next = [matching](Row row) { return matching != nullptr ? matching->next(row) : row; };
  for (Row row = next(0); row < rows; row = next(row + 1)) {
    if (STRATA_TRY(admission.admits(row))) STRATA_TRY(visit(row));
  }
  return {};
}

/// Calls `visit(found)` for each point that counts, in no order; its score is 0. Errors  corruption; what `visit` returns
template <typename Visit>
Result<void> each_point(const Reading& reading, Visit&& visit) {
  if (const auto ids = ids_to_look_up(reading)) {
    for (const Found& found : STRATA_TRY(look_up(reading, *ids))) STRATA_TRY(visit(found));
    return {};
  }
  for (const Part* part : reading.parts->all) {
    const Admission admission = STRATA_TRY(Admission::of(reading, *part));
    STRATA_TRY(each_row(*part, admission, [&](Row row) -> Result<void> {
      return visit(Found{0, STRATA_TRY(part->id(row)), part, row, nullptr});
    }));
  }
  if (reading.overlay == nullptr) return {};
  for (const auto& [id, point] : *reading.overlay) {
    if (reading.admits(id, point)) STRATA_TRY(visit(Found{0, id, nullptr, 0, &point}));
  }
  return {};
}

}  // namespace strata::store::vector
