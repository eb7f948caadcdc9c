#pragma once
/// The commit path, and what is visible.
///
///     prepare · encode        no lock: many transactions side by side
///     key locks               held from the first write of a key until the end (lock_table.h)
///     room                    in each store that is written to: its files may be behind by so much (store_lag.h)
///     commit lock             idempotency → conflicts (I13) → validate → journal.append gives the LSN (I1)
///     journal.wait            durable (I2); one thread writes and syncs for all
///     apply lock              every store, strictly in LSN order (I4) → visible_lsn moves (I3) → acknowledged
///
/// The thread that synced applies for all whose records that made durable, and only then are they woken: a batch of sixteen
/// goes through the apply lock once, and each of the sixteen sleeps and wakes once. Meanwhile the next one leads.
/// What lives in memory alone (the cache) has no LSN: such a commit takes effect under the commit lock and the apply lock
/// together, at a moment of its own (view_registry.h), and not before the commits that it passed have become visible.
/// Lock order: commit lock, apply lock, the list of pending commits; the journal's own is held with none of them. Key locks are
/// waited for with none of them held.
#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <unordered_map>

#include "core/clock.h"
#include "core/mutex.h"
#include "journal/journal.h"
#include "transaction/conflict_index.h"
#include "transaction/participant.h"
#include "transaction/record_pool.h"
#include "transaction/session.h"
#include "transaction/store_lag.h"
#include "transaction/transaction_board.h"
#include "transaction/view_registry.h"

namespace strata::transaction {

struct ManagerOptions {
  std::uint64_t transaction_bytes_max = 240 << 20;  ///< below the journal's record limit
  std::size_t active_transactions_max = 10'000;
  std::size_t noted_keys_max = 1'000'000;         ///< read and written by one transaction; 16 bytes each
  std::uint64_t store_lag_bytes_max = 512 << 20;  ///< that a store's files may be behind
  std::int64_t store_lag_wait_ms = 1'000;         ///< that a commit waits for a store to catch up
  StoreLag::Amounts behind{};                     ///< what recovery applied that no file holds
  std::shared_ptr<io::SharedMemory> board = {};   ///< where others may look at what is under way; null: nowhere
};

/// Counters for `strata transactions` and stats.
struct ManagerStats {
  std::uint64_t committed = 0, rolled_back = 0, conflicts = 0, timeouts = 0, active = 0;
  std::uint64_t serializable = 0;  ///< of the active ones
  Lsn visible_lsn = 0, oldest_view = 0;
};

/// An idempotency key that was used: kept ≥ 24 h, also across restarts (in the manifest and in the records).
struct IdempotencyEntry {
  std::uint64_t hash = 0;
  Lsn lsn = 0;
  Timestamp time = 0;
};

/// A transaction that moved its view (read committed): what it had noted by then was decided by what `view` showed.
struct ViewMove {
  std::size_t writes = 0, reads = 0;  ///< how many keys were noted
  Lsn view = 0;
};

/// Threads: any.
class TransactionManager {
 public:
  using Stores = std::array<Participant*, kStoreCount>;
  /// `visible` is the last recovered LSN, committed at `visible_time`. `engine_section` receives the engine's own
  /// sections (tags) in order, under the apply lock.
  TransactionManager(journal::Journal& journal, const core::Clock& clock, const Stores& stores,
                     const ManagerOptions& options, Lsn visible, Timestamp visible_time,
                     std::vector<IdempotencyEntry> idempotency,
                     std::function<Result<void>(const Commit&, ByteView)> engine_section);
  ~TransactionManager();

  /// Commits what `context` holds. On any error the buffers were told `aborted`.
  /// engine_section   bytes of an engine section to put into the same record; usually empty
  /// moves            each time the view moved while something was noted, ascending; empty: one view throughout
  Result<Lsn> commit(Context& context, Durability durability, std::string_view idempotency_key,
                     ByteView engine_section = {}, std::span<const ViewMove> moves = {});
  void roll_back(Context& context);

  /// From now until `end_scans` every commit says which predicates it affects. When it returns, what was appended before
  /// is visible: no view taken after it can miss a commit that said nothing.
  /// Errors  commit_unknown. Cost  the first waits for the commits that are under way, the others for nothing
  Result<void> begin_scans() STRATA_EXCLUDES(commit_mutex_);
  void end_scans() { scanning_.fetch_sub(1, std::memory_order_release); }

  Lsn visible_lsn() const { return present_.lsn.load(std::memory_order_acquire); }
  Timestamp visible_time() const { return visible_time_.load(std::memory_order_acquire); }
  const Present& present() const { return present_; }
  LockTable& locks() { return locks_; }
  StoreLag& store_lag() { return store_lag_; }
  std::uint64_t next_transaction() { return next_transaction_.fetch_add(1, std::memory_order_relaxed); }
  /// The last commit that wrote this key after `view`, or 0.
  Lsn changed_after(KeyHash key, Lsn view) STRATA_EXCLUDES(commit_mutex_);
  ViewRegistry& views() { return views_; }
  const core::Clock& clock() const { return clock_; }
  const ManagerOptions& options() const { return options_; }
  journal::Journal& journal() { return journal_; }

  /// Runs `body`, which must not wait for the journal, while nothing is applied: at that moment every store holds exactly the effects ≤ the LSN given to it.
  Result<void> between_commits(const std::function<Result<void>(Lsn)>& body);

  /// Called under the apply lock after a commit became visible; must be short. For the engine's clock of commits.
  void set_observer(std::function<void(const Commit&, std::size_t payload_bytes)> observer);

  /// Errors  commit_unknown once the journal is poisoned or a store failed to apply a durable record
  Result<void> check_healthy() const;
  std::vector<IdempotencyEntry> idempotency_entries();
  ManagerStats stats();
  /// Counts a conflict and keeps it among the last few.
  void note_conflict(const Error& error);
  /// What is under way, as another process would read it from the board, and beyond: all transactions, whole messages.
  TransactionsStatus transactions();
  /// Its place among what is under way, until `leave`. Cost  an uncontended mutex
  ActiveTransaction& enter(std::uint64_t id, Isolation isolation, Lsn view) STRATA_EXCLUDES(look_mutex_);
  void leave(ActiveTransaction& transaction) STRATA_EXCLUDES(look_mutex_);
  void count_timeout() { board_.layout().counters.timeouts.fetch_add(1, std::memory_order_relaxed); }
  void count_active(int change) { active_.fetch_add(change, std::memory_order_relaxed); }

 private:
  struct Pending;
  /// Conflicts, validation, the LSN: the part of a commit that happens one after another. Returns the pending commit's
  /// LSN, or that of the commit that used the same idempotency key before.
  Result<Lsn> enqueue(Pending& pending, std::uint64_t idempotency) STRATA_EXCLUDES(commit_mutex_);
  /// What the stores say that this commit affects.
  static Result<void> collect_predicates(Context& context, std::vector<KeyHash>& predicates);
  Result<void> check_conflicts(Context& context, std::span<const ViewMove> moves) STRATA_REQUIRES(commit_mutex_);
  /// Applies and shows every durable commit up to `lsn`, whosever it is.
  Result<void> publish(Lsn lsn) STRATA_EXCLUDES(apply_mutex_);
  void publish_durable(Lsn durable) STRATA_EXCLUDES(apply_mutex_);
  Pending* next_pending() STRATA_EXCLUDES(pending_mutex_);
  /// Applies the commit that comes next in every store, and moves what is visible.
  Result<void> show(Pending& next) STRATA_REQUIRES(apply_mutex_);
  /// Waits until everything appended so far is visible.
  Result<void> catch_up() STRATA_EXCLUDES(commit_mutex_);
  Result<void> apply_one(const Pending& pending) STRATA_REQUIRES(apply_mutex_);
  Result<Lsn> commit_volatile(Context& context, std::span<const ViewMove> moves) STRATA_EXCLUDES(commit_mutex_);
  std::vector<TransactionStatus> active() STRATA_EXCLUDES(look_mutex_);
  void fail(const Error& error);
  void forget_old_idempotency_keys(Timestamp now) STRATA_REQUIRES(commit_mutex_);

  journal::Journal& journal_;
  const core::Clock& clock_;
  const Stores stores_;
  const ManagerOptions options_;
  const std::function<Result<void>(const Commit&, ByteView)> engine_section_;
  std::function<void(const Commit&, std::size_t)> observer_;

  RecordPool records_;
  ViewRegistry views_;
  Present present_;
  TransactionBoard board_;
  LockTable locks_;
  StoreLag store_lag_;
  std::atomic<std::uint64_t> next_transaction_{1};
  std::atomic<Timestamp> visible_time_;
  std::atomic<bool> failed_{false};
  BoardCounters& counters_ = board_.layout().counters;
  std::atomic<std::int64_t> active_{0};
  std::atomic<std::int64_t> scanning_{0};  // serializable transactions; from zero it rises under the commit lock only

  core::Mutex commit_mutex_;
  ConflictIndex conflict_index_ STRATA_GUARDED_BY(commit_mutex_);
  ConflictIndex moment_index_ STRATA_GUARDED_BY(commit_mutex_);  // of changes to the cache alone, by moment
  Lsn last_cache_lsn_ STRATA_GUARDED_BY(commit_mutex_) = 0;      // of a commit that read or wrote the cache
  Timestamp last_commit_time_ STRATA_GUARDED_BY(commit_mutex_);
  Lsn last_silent_ STRATA_GUARDED_BY(commit_mutex_) = 0;  // the last commit that did not say what it affects
  std::unordered_map<std::uint64_t, IdempotencyEntry> idempotency_ STRATA_GUARDED_BY(commit_mutex_);
  std::deque<std::uint64_t> idempotency_order_ STRATA_GUARDED_BY(commit_mutex_);
  std::uint64_t commits_since_prune_ STRATA_GUARDED_BY(commit_mutex_) = 0;

  core::Mutex pending_mutex_;                                       // taken last, held for a push or a pop
  std::deque<Pending*> pending_ STRATA_GUARDED_BY(pending_mutex_);  // appended, not yet applied; ascending LSN

  core::Mutex look_mutex_;  // taken last
  // A set bit is a slot of the board that is free. Who finds none is among the others.
  std::array<std::uint64_t, BoardLayout::kSlots / 64> free_slots_ STRATA_GUARDED_BY(look_mutex_);
  std::deque<std::unique_ptr<ActiveTransaction>> unshown_ STRATA_GUARDED_BY(look_mutex_);
  std::deque<RecentConflict> recent_conflicts_ STRATA_GUARDED_BY(look_mutex_);

  core::Mutex apply_mutex_;
  mutable core::Mutex failure_mutex_;
  std::string failure_ STRATA_GUARDED_BY(failure_mutex_);
};

}  // namespace strata::transaction
