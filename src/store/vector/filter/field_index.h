#pragma once
/// Which rows of a segment hold what in one field, so that a filter is asked once for each value instead of once for each row.
///
///     value   3 · 7 · 7.5 │ "de" · "en" │ true · null · ["a", "b"]     numbers ascend, then texts, then what has no order
///     rows    4,9   0,2     1,3,5 …                                    of each value, ascending
///
/// It is made in memory when a filter first asks for the field, from the payloads of all rows, visible or not; segments do not
/// change, so it never does either. It borrows the bytes of the segment.
#include <algorithm>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/mutex.h"
#include "store/vector/filter/condition.h"
#include "store/vector/filter/row_set.h"
#include "store/vector/part.h"

namespace strata::store::vector {

/// Threads: any. Valid as long as the part it was made of.
class FieldIndex {
 public:
  /// Errors  corruption. Cost  a pass over the payloads; 4 bytes a row and 28 for each different value
  static Result<FieldIndex> make(const Part& part, std::string_view field);

  RowSet rows_where(const Condition& condition) const;
  std::uint64_t bytes() const;

  /// How many different values there are, each with a number; the numbers and texts come first, in order.
  std::uint32_t values() const { return static_cast<std::uint32_t>(values_.size()); }
  std::uint32_t ordered_values() const { return others_begin_; }
  EncodedValue value(std::uint32_t number) const;
  /// Calls `visit(row)` for each row at or after `begin` that holds the value, ascending, until it returns false.
  /// Errors  what `visit` returns
  template <typename Visit>
  Result<void> each_row(std::uint32_t number, Row begin, Visit&& visit) const {
    if (set_of_[number] != kListed) {
      const RowSet& set = sets_[set_of_[number]];
      for (Row row = set.next(begin); row < part_rows_; row = set.next(row + 1)) {
        if (!STRATA_TRY(visit(row))) break;
      }
      return {};
    }
    const auto end = rows_.begin() + begins_[number + 1];
    for (auto row = std::lower_bound(rows_.begin() + begins_[number], end, begin); row != end; ++row) {
      if (!STRATA_TRY(visit(*row))) break;
    }
    return {};
  }
  /// Rows whose value is neither a number nor a text, or absent.
  RowSet rows_without_order() const;

 private:
  static constexpr std::uint32_t kListed = UINT32_MAX;
  struct Range {
    std::uint32_t begin;
    std::uint32_t end;
  };
  FieldIndex() = default;
  void add_rows(std::uint32_t number, RowSet& to) const;
  /// Where among the numbers or the texts what compares with `bound` as equal lies.
  Range equal_to(const Value& bound) const;
  std::vector<Range> ordered(const Condition& condition) const;

  Row part_rows_ = 0;
  std::vector<ByteView> values_;   // encoded
  std::uint32_t texts_begin_ = 0;  // in values_
  std::uint32_t others_begin_ = 0;
  // Of a value that many rows hold, the rows as a set; of the others as a list. The bits of the one are fewer than those of the
  // other, and adding them is a pass over words instead of rows.
  std::vector<std::uint32_t> set_of_;  // [values]: in sets_, or kListed
  std::vector<RowSet> sets_;
  std::vector<std::uint32_t> begins_;  // [values + 1], in rows_
  std::vector<Row> rows_;
};

/// What was asked for under a name, within a number of bytes; what was asked for longest ago goes first. Not locked.
template <typename T>
class LatelyUsed {
 public:
  std::shared_ptr<const T> find(std::string_view name) {
    for (auto each = kept_.begin(); each != kept_.end(); ++each) {
      if (each->name != name) continue;
      kept_.splice(kept_.begin(), kept_, each);
      return each->what;
    }
    return nullptr;
  }
  /// Not kept when it alone is over `bytes_max`. True when something had to go, be it this.
  bool keep(std::string_view name, std::shared_ptr<const T> what, std::uint64_t bytes, std::uint64_t bytes_max) {
    bytes += name.size();
    if (bytes > bytes_max) return true;
    kept_.push_front({std::string(name), std::move(what), bytes});
    bytes_ += bytes;
    const bool full = bytes_ > bytes_max;
    for (; bytes_ > bytes_max; kept_.pop_back()) bytes_ -= kept_.back().bytes;
    return full;
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  struct Kept {
    std::string name;
    std::shared_ptr<const T> what;
    std::uint64_t bytes;
  };
  std::list<Kept> kept_;  // asked for last in front
  std::uint64_t bytes_ = 0;
};

/// The indexes of one segment, up to kIndexBytesARow for each of its rows, and the answers to the last conditions, up to
/// kAnswerBytesARow. Where there is no room for all that are asked for, they are not made over and over: one that took the place of
/// another is the last for kAsksADrop questions. Threads: any
class FieldIndexes {
 public:
  /// nullptr while another thread makes the index, which is then not waited for, or when there is none and should not be now.
  /// Errors  corruption
  Result<std::shared_ptr<const RowSet>> rows_where(const Part& part, const Condition& condition)
      STRATA_EXCLUDES(mutex_);
  /// The index itself, or nullptr as rows_where.
  Result<std::shared_ptr<const FieldIndex>> index_of(const Part& part, std::string_view field) STRATA_EXCLUDES(mutex_);
  std::uint64_t bytes() const STRATA_EXCLUDES(mutex_);

 private:
  Result<std::shared_ptr<const FieldIndex>> make(const Part& part, std::string_view field) STRATA_EXCLUDES(mutex_);

  core::Mutex making_;  // held while one is made
  mutable core::Mutex mutex_;
  LatelyUsed<FieldIndex> indexes_ STRATA_GUARDED_BY(mutex_);  // by field
  LatelyUsed<RowSet> answers_ STRATA_GUARDED_BY(mutex_);      // by Condition::key
  std::uint32_t wait_ STRATA_GUARDED_BY(mutex_) = 0;          // questions until another index may be made
};

inline constexpr std::uint64_t kIndexBytesARow = 92;
inline constexpr std::uint32_t kAsksADrop = 100;      // a pass over all payloads, shared by so many that look at a few
inline constexpr std::uint64_t kAnswerBytesARow = 4;  // about 32 of them: one is a bit a row

}  // namespace strata::store::vector
