#pragma once
/// How far the files of each store are behind what is applied, and the limit of that.
///
///     commit ──admit──► journal ──► apply ──► in memory and in the journal alone ──checkpoint──► in the store's files
///              └──────────────────── lag of a store: the bytes of its sections ────────────────┘
///
/// A store that falls behind costs memory now and replay at the next opening, without end if its checkpoints fail. So a
/// commit that would take a store beyond the limit has the checkpoint started, waits for it, and is refused when that does
/// not help in time. Nothing is journaled by then: it may be tried again as it is.
///
/// Counted are the bytes of records, not of memory: what a store makes of them differs. What a transaction wrote ahead
/// into files of its own (large objects, large appends) is a name here.
#include <array>
#include <cstdint>
#include <functional>

#include "core/mutex.h"
#include "strata/transaction.h"
#include "transaction/transaction_board.h"

namespace strata::transaction {

/// Threads: any; `applied` and `mark` under the apply lock.
class StoreLag {
 public:
  using Amounts = std::array<std::uint64_t, kStoreCount>;
  struct Stats {
    Amounts bytes{};
    std::uint64_t bytes_max = 0;
    std::uint64_t waits = 0, refusals = 0;  ///< commits that had to wait; those of them that were refused
  };

  /// behind    what recovery applied that no file holds
  /// accounts  zeros, where it counts: others may look there
  StoreLag(std::uint64_t bytes_max, std::int64_t wait_ms, const Amounts& behind, LagAccounts& accounts);

  /// Called by a commit that is about to wait, without a lock held: to start what makes the stores catch up.
  void set_catch_up(std::function<void()> catch_up) { catch_up_ = std::move(catch_up); }

  /// Makes room for a commit, all of it or nothing. Into a store that is not behind at all goes a commit of any size.
  /// Errors  resource_exhausted naming the store, its lag and the limit
  Result<void> admit(const Amounts& bytes) STRATA_EXCLUDES(mutex_);
  /// What was admitted will not be applied.
  void give_back(const Amounts& bytes);
  void applied(const Amounts& bytes);
  /// All that is applied now: what a checkpoint that is frozen now will hold.
  Amounts mark() const;
  /// Files that are there to stay hold everything up to the mark.
  void caught_up(const Amounts& mark) STRATA_EXCLUDES(mutex_);

  std::uint64_t bytes(StoreKind store) const;
  Stats stats() const;

 private:
  /// The first store without room; kStoreCount: everything was admitted.
  std::size_t try_admit(const Amounts& bytes);

  const std::uint64_t bytes_max_;
  const std::int64_t wait_ms_;
  std::function<void()> catch_up_;
  LagAccounts& accounts_;
  core::Mutex mutex_;  // for who waits
  core::Condition moved_;
};

}  // namespace strata::transaction
