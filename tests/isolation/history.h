#pragma once
/// What transactions did, as their clients saw it, and whether that can be explained.
///
/// Every value is a list, every write appends one element that nobody else appends, so a list that was read tells in which
/// order its elements were written (the idea of Elle, Alvaro and Kingsbury 2020; the code is ours):
///
///     ww   T's element stands directly before U's in the longest list that anybody read
///     wr   the last element that U read is T's
///     rw   T read a list without U's element, which is the next one
///     rt   T had ended before U began;   process   T and U are one client's, one after the other
///
/// A cycle is an anomaly; which one depends on its edges. The search is over strongly connected components (Tarjan 1972).
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "strata/transaction.h"

namespace strata::isolation {

using List = std::vector<std::int64_t>;

struct Operation {
  enum class Kind : std::uint8_t { read, append, scan };
  Kind kind = Kind::read;
  std::string key;                           ///< "group/member"; of a scan the group
  std::int64_t element = 0;                  ///< of an append
  List list = {};                            ///< of a read; empty: it was not there
  bool by_predicate = false;                 ///< a read that the store could only see as a query
  std::map<std::string, List> members = {};  ///< of a scan, by key
};

/// ok: it committed.  failed: it did not.  unknown: the client died or was told commit_unknown; what it read does not count
enum class Outcome : std::uint8_t { ok, failed, unknown };

struct Attempt {
  std::uint64_t process = 0;
  std::uint64_t begin = 0, end = 0;  ///< on one clock for all; `end` of an unknown one means nothing
  Outcome outcome = Outcome::ok;
  Lsn lsn = 0;  ///< 0: not known, or nothing was written
  std::vector<Operation> operations;
};

using History = std::vector<Attempt>;

enum class Phenomenon : std::uint8_t {
  invented,            ///< an element that nobody appended
  duplicate,           ///< an element twice in one list
  internal,            ///< a transaction does not see what it wrote itself
  g1a,                 ///< an element of a failed transaction was read
  g1b,                 ///< a list that its writer went on to append to in the same transaction
  dirty_update,        ///< a committed element behind a failed one
  commit_order,        ///< a list in another order than the LSNs of its writers
  g0,                  ///< a cycle of ww
  g1c,                 ///< of ww and wr
  incompatible_order,  ///< two lists of one key, neither the beginning of the other
  lost_update,         ///< two read the same list and both appended to it; or an element that is gone
  g_single,            ///< a cycle with one rw
  g_nonadjacent,       ///< with several, no two in a row
  g2_item,             ///< with two in a row, all of items
  g2,                  ///< and of predicates
};
inline constexpr std::size_t kPhenomenonCount = 15;
std::string_view name(Phenomenon phenomenon) noexcept;

/// Whether a level excludes it, real time included: there is one node, and an acknowledged commit is visible to who begins.
bool forbidden(Phenomenon phenomenon, Isolation level);

struct Finding {
  Phenomenon phenomenon;
  bool real_time = false;  ///< only together with rt or process edges
  std::string text;
};

/// Cost  O(n log n) when there is no cycle; else up to edges² within a component. At most one finding of each cycle class a
/// component
std::vector<Finding> check(const History& history);

/// Those that the level excludes.
std::vector<Finding> violations_of(const std::vector<Finding>& findings, Isolation level);

}  // namespace strata::isolation
