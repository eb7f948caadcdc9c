#pragma once
/// A few hundred transactions of a toy engine with snapshots, in one thread, interleaved at random; and the same toy with
/// one thing broken. The checker has to accept the first and flag the others.
#include <cstdint>

#include "isolation/history.h"

namespace strata::isolation {

enum class Defect : std::uint8_t {
  none,
  no_write_conflicts,          ///< the second committer of a key wins, too
  no_item_validation,          ///< what was read by key may have changed
  no_predicate_validation,     ///< what was scanned may have changed
  dirty_reads,                 ///< buffers of others are visible
  reads_of_the_latest,         ///< a call sees the newest commit instead of the view
  stale_views,                 ///< a transaction begins some commits ago
  rollback_leaves_writes,      ///< what failed stays
  half_a_commit,               ///< of several keys only the first is written
  own_writes_hidden,           ///< a read goes past the own buffer
  stores_apart,                ///< odd keys are shown a few commits later than even ones
  applied_twice,               ///< a commit is applied, and again
  applied_out_of_order,        ///< of two commits of a key the older is applied last
  visible_in_parts,            ///< a commit shows its first key before the others
  intermediate_state_visible,  ///< a commit shows its first append before the second
  crash_forgets,               ///< recovery drops the last acknowledged commits
  crash_resurrects,            ///< recovery finds what was rolled back
  wrong_key,                   ///< a write lands under another key
  stale_index,                 ///< a scan misses the newest keys
  reordered_append,            ///< an element is put before the last one
};
inline constexpr std::size_t kDefectCount = 20;
std::string_view name(Defect defect) noexcept;

/// Threads: any. It is a pure function of its arguments.
History simulate(std::uint64_t seed, Isolation level, Defect defect, std::size_t transactions = 400);

}  // namespace strata::isolation
