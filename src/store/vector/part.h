#pragma once
/// A part of a collection: rows, each one version of one point.
///
///     collection = segment … segment | closed delta … | active delta        parts: their order does not matter
///     row        = id, vector, payload, terms; created LSN, deleted LSN (kLive until then)
///
/// A view at LSN v sees a row when created ≤ v < deleted. Of one id at most one row over all parts is visible to a view
/// (I1): whoever writes a new version marks the last one deleted at the same LSN.
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "store/vector/distance/distance.h"
#include "store/vector/row_terms.h"
#include "strata/error.h"
#include "strata/value.h"

namespace strata::store::vector {

class FieldIndex;
struct Condition;
struct GraphView;
struct ListsView;
class RowSet;

/// A graph over the first rows of a part: the numbers in it are rows of the part.
struct PartGraph {
  const GraphView* view = nullptr;             ///< nullptr: none
  distance::CodeColumns columns;               ///< what a walk reads of its rows' codes: scale and square
  std::shared_ptr<const void> kept = nullptr;  ///< what both lie in, where they do not stay as long as the part
};

using Row = std::uint32_t;
inline constexpr Row kNoRow = UINT32_MAX;
inline constexpr Lsn kLive = UINT64_MAX;

/// Threads: reads any; mark_deleted one thread at a time, beside reads.
class Part {
 public:
  virtual ~Part() = default;

  /// To be called once before anything else is read: checks what the calls below read without checking.
  /// Errors  corruption naming the file
  virtual Result<void> prepare() const { return {}; }
  /// Of the vectors that its rows hold; 0: they hold none.
  virtual std::uint32_t dimension() const = 0;
  /// Rows that are there now; they stay, more may come.
  virtual Row rows() const = 0;
  virtual Lsn created(Row row) const = 0;
  virtual Lsn deleted(Row row) const = 0;
  bool visible(Row row, Lsn view) const { return created(row) <= view && deleted(row) > view; }
  /// True only when `view` sees every row there is: nobody needs to ask for each.
  virtual bool all_visible(Lsn view) const {
    (void)view;
    return false;
  }
  /// True only when `view` sees no row at all: nobody needs to look.
  virtual bool none_visible(Lsn view) const {
    (void)view;
    return false;
  }
  /// How many words the row's text had.
  virtual std::uint32_t length(Row row) const = 0;

  // What may lie in a damaged place. Errors  corruption naming the file and the offset
  virtual Result<std::string_view> id(Row row) const = 0;
  /// The vector, as elements.h says: where the part keeps it, or in `room`, valid until that is used again.
  virtual Result<ByteView> elements(Row row, std::vector<float>& room) const = 0;
  /// Its memory is wanted soon. A hint
  virtual void ask_for_elements(Row row) const { (void)row; }
  virtual Result<ByteView> payload(Row row) const = 0;
  virtual Result<RowTerms> terms(Row row) const = 0;
  /// The row of `id` that `view` sees. `hash` is hash_of_id(id).
  virtual Result<std::optional<Row>> find(std::string_view id, std::uint64_t hash, Lsn view) const = 0;

  /// The first row from which on ids are above `after`, when rows ascend by id; nothing when they are in no order.
  virtual Result<std::optional<Row>> first_above(std::string_view after) const {
    (void)after;
    return std::optional<Row>();
  }

  /// The run of codes that holds `row`, as columns indexed from `first`, and where the run ends (both in rows of this part).
  /// Nothing when the codes are damaged: then the rows are compared exactly.
  struct Run {
    distance::CodeColumns columns;
    Row first = 0;
    Row end = 0;
  };
  virtual std::optional<Run> codes(Row row) const = 0;
  /// The graph, where there is one; of a part that grows it may cover the first rows alone. A part that gives one has sound codes.
  virtual PartGraph graph() const { return {}; }
  /// The lists of all rows, where there are; nullptr: none. As a graph. Valid as long as the part.
  virtual const ListsView* lists() const { return nullptr; }
  /// The rows whose payloads fulfil a condition, visible or not; nullptr when there is no index of its field, or none yet.
  /// Errors  corruption
  virtual Result<std::shared_ptr<const RowSet>> rows_where(const Condition& condition) const {
    (void)condition;
    return std::shared_ptr<const RowSet>();
  }

  /// The index of a field over all rows, visible or not; nullptr as rows_where. Valid as long as the part. Errors  corruption
  virtual Result<std::shared_ptr<const FieldIndex>> field_index(std::string_view field) const {
    (void)field;
    return std::shared_ptr<const FieldIndex>();
  }

  /// A row whose terms hold a word, and how often.
  struct Posting {
    Row row = 0;
    std::uint32_t count = 0;
  };
  /// Appends one for every row whose terms hold `term`, ascending, visible or not.
  virtual Result<void> postings(std::uint32_t term, std::vector<Posting>& out) const = 0;

  virtual void mark_deleted(Row row, Lsn lsn) = 0;
};

std::uint64_t hash_of_id(std::string_view id);

}  // namespace strata::store::vector
