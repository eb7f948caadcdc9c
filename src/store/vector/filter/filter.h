#pragma once
/// A filter, compiled once per call and evaluated on encoded payloads.
///
///     {"lang": "en", "year": {"gte": 2020}}   →   all( equal(lang, "en"), in_range(year, 2020, …) )
///
/// The language is the comment of strata::Filter. What that leaves open, decided here:
///   * numbers compare by value: 2020 equals 2020.0, exactly also beyond 2^53
///   * a list field matches an operator when one of its items does, except `except`, which holds when none of its items is
///     listed; several operators of one condition must hold for the same item
///   * a field that is absent matches {"is_null": true} and nothing else, not even `except`
///   * a condition within `nested` is asked of one map: a map itself, or one item of a list; so are the operators that look inside
///     a value (`time`, `geo_…`, `…_word(s)`), of one value or item
///   * an empty `must` or `must_not` holds, an empty `should` does not: at least one of none
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/vector/filter/field_index.h"
#include "strata/error.h"
#include "strata/vector.h"

namespace strata::store::vector {

// A look-up of an id (hash, probe, comparison, in each part) costs about as much as this many rows of a pass.
inline constexpr std::size_t kRowsALookUp = 4;
// So few are looked up however few the rows are.
inline constexpr std::size_t kLookUpsAlways = 16;

/// What the indexes of a part tell of the rows that match.
struct Told {
  std::shared_ptr<const RowSet> rows;  ///< no others do; nullptr: any may
  bool exact = false;                  ///< all of them do; else each must be asked
};

/// Threads: any, once compiled.
class CompiledFilter {
 public:
  /// `around`: how many levels of the filter were put around what the user gave, whose depth alone is limited.
  /// Errors  invalid_argument naming the place and what is wrong there
  static Result<CompiledFilter> compile(const Filter& filter, int around = 0);

  CompiledFilter(CompiledFilter&&) noexcept;
  CompiledFilter& operator=(CompiledFilter&&) noexcept;
  ~CompiledFilter();

  bool empty() const;  ///< holds for every point
  bool matches(std::string_view id, ByteView payload) const;
  /// Of a filter that was compiled for the elements of a list (the operator nested): they have no id.
  bool matches_element(const EncodedMap& element) const;
  /// Ids of which every matching point has one, ascending, each once: the shortest has_id among what must hold, at the top
  /// or within `must`. Nothing when the filter names no such list. Valid as long as the filter; O(nodes).
  std::optional<std::span<const std::string>> required_ids() const;

  /// The rows of `part` that match, among those that `view` sees. What an index does not tell now, or a list of ids so long that
  /// looking each up costs more than asking, narrows nothing, and the rest still does. Errors  corruption. Cost  a pass over bits
  /// for each condition; for one that was not asked lately, the values that fulfil it and a bit for each row; once for each field
  /// and part, a pass over the payloads
  Result<Told> rows_of(const Part& part, Lsn view) const;

  struct Node;
  explicit CompiledFilter(std::unique_ptr<Node> root);

 private:
  std::unique_ptr<Node> root_;
};

}  // namespace strata::store::vector
