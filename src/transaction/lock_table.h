#pragma once
/// Locks on keys, so that writers of one key wait for each other instead of failing at the commit.
///
///     key hash ──► shard (own mutex) ──► slot: holders, and a queue once somebody has to wait
///
/// A key is locked exclusively, or shared; what it lies in (a collection, a table, the schema) with an intention, so that
/// whoever defines or drops that waits for those who write in it, and they for him:
///
///                       intend_shared  intend_exclusive  shared  exclusive
///     intend_shared           +               +             +        -
///     intend_exclusive        +               +             -        -
///     shared                  +               -             +        -
///     exclusive               -               -             -        -
///
/// Invariants
///   L1  Holders of a slot are compatible with each other; an owner is in it once, with the strongest mode it asked for.
///   L2  Waiters are served in order, those first who already hold the key and want more. Who comes later waits behind.
///   L3  A slot with waiters changes only under wait_mutex_. So the graph of who waits for whom, which has edges from such
///       slots alone, stands still while it is looked at.
///   L4  The graph has no cycle whenever wait_mutex_ is free: who would close one looks for it before waiting, and the
///       youngest in it gives up.
///
/// Lock order: wait_mutex_, then one shard's. Nothing is called from in here.
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/clock.h"
#include "core/mutex.h"
#include "strata/error.h"
#include "strata/transaction.h"
#include "transaction/transaction_board.h"

namespace strata::transaction {

enum class LockMode : std::uint8_t { intend_shared, intend_exclusive, shared, exclusive };
bool compatible(LockMode a, LockMode b) noexcept;
/// The weakest mode that grants both.
LockMode both(LockMode a, LockMode b) noexcept;

/// Who holds locks: one transaction. Ids ascend in the order of begin, so the youngest has the largest.
/// Threads: one at a time.
class LockOwner {
 public:
  explicit LockOwner(std::uint64_t id) : id_(id) {}
  std::uint64_t id() const { return id_; }
  std::size_t held() const { return held_.size(); }

 private:
  friend class LockTable;
  const std::uint64_t id_;
  std::vector<std::uint64_t> held_;  // each key once
};

/// One that waits, and for whom.
struct LockWait {
  std::uint64_t waiter = 0;
  std::vector<std::uint64_t> holders = {};  ///< ascending
  std::int64_t since_us = 0;                ///< monotonic
  StoreKind store = StoreKind::vector;      ///< of the key
  std::uint64_t key = 0;
};

struct LockStats {
  std::uint64_t waits = 0, deadlocks = 0, timeouts = 0;
};

/// Threads: any; each owner one at a time.
class LockTable {
 public:
  enum class Granted : std::uint8_t { at_once, after_waiting };

  /// board  where waits and their counts are shown to others
  LockTable(const core::Clock& clock, BoardLayout& board) : clock_(clock), board_(board) {}
  ~LockTable();
  LockTable(const LockTable&) = delete;
  LockTable& operator=(const LockTable&) = delete;

  /// False when it would have to wait. Cost  one uncontended mutex, one look-up in an open table
  bool try_acquire(LockOwner& owner, std::uint64_t key, LockMode mode);
  /// Waits for the key, one of `store`, until `deadline_us` (monotonic).
  /// Errors  conflict (a deadlock, and this owner is the youngest in it: the cycle is named), timeout (the holders are named)
  Result<Granted> acquire(LockOwner& owner, StoreKind store, std::uint64_t key, LockMode mode,
                          std::int64_t deadline_us);
  /// Gives everything back and wakes those who can go on now.
  void release_all(LockOwner& owner);

  std::vector<LockWait> waits();  ///< by waiter
  LockStats stats();
  std::size_t size();  ///< locked keys

 private:
  struct Holder {
    std::uint64_t owner;
    LockMode mode;
  };
  struct Waiter {
    std::uint64_t owner;
    StoreKind store;
    std::uint64_t key;
    LockMode mode;
    std::int64_t since_us;
    ShownWait* shown = nullptr;  // null: the board has no room for it
    enum class State : std::uint8_t { waiting, granted, victim } state = State::waiting;
    std::string cycle = {};  // of a victim
    core::Condition changed = {};
  };
  struct Crowd {
    std::vector<Holder> more;     // holders beyond the first
    std::deque<Waiter*> waiters;  // in the order in which they are served
  };
  struct Slot {
    std::uint64_t key = 0;
    Holder first{0, LockMode::intend_shared};  // owner 0: the slot is free
    std::unique_ptr<Crowd> crowd;
  };
  /// An open table with linear probing; at most half full.
  struct Shard {
    core::Mutex mutex;
    std::vector<Slot> slots STRATA_GUARDED_BY(mutex);
    std::size_t used STRATA_GUARDED_BY(mutex) = 0;

    Slot* find(std::uint64_t key) STRATA_REQUIRES(mutex);
    Slot& at(std::uint64_t key) STRATA_REQUIRES(mutex);  ///< made when it is not there
    void erase(Slot& slot) STRATA_REQUIRES(mutex);
    void grow() STRATA_REQUIRES(mutex);
  };
  static constexpr std::size_t kShards = 64;
  static constexpr std::uint64_t kNobody = ~std::uint64_t{0};  // holds a slot that only has waiters, for a moment

  Shard& shard_of(std::uint64_t key) { return shards_[key >> 58]; }
  /// Grants if nothing stands against it; `fresh`: the owner did not hold the key before. `ignore_queue`: the owner is the
  /// first in the queue. Who holds the key and wants more passes the queue anyway (L2).
  static bool grant(Shard& shard, Slot& slot, std::uint64_t owner, LockMode mode, bool& fresh, bool ignore_queue)
      STRATA_REQUIRES(shard.mutex);
  static Holder* holder(Slot& slot, std::uint64_t owner);
  template <typename Visit>
  static void each_holder(const Slot& slot, Visit&& visit);
  /// Serves the queue of a key whose holders or waiters changed.
  void serve(std::uint64_t key) STRATA_REQUIRES(wait_mutex_);
  void serve_queue(std::uint64_t key) STRATA_REQUIRES(wait_mutex_);
  void leave_queue(Waiter& waiter) STRATA_REQUIRES(wait_mutex_);
  /// From here on the waiter counts as waiting; `stop_waiting` is its end.
  void start_waiting(Waiter& waiter) STRATA_REQUIRES(wait_mutex_);
  void stop_waiting(Waiter& waiter) STRATA_REQUIRES(wait_mutex_);
  /// Writes anew on the board whom they wait for that wait for this key. Cost  the waiters of all keys
  void show_waiters(std::uint64_t key) STRATA_REQUIRES(wait_mutex_);
  /// Whom this owner waits for, if it does.
  std::vector<std::uint64_t> waits_for(std::uint64_t owner) STRATA_REQUIRES(wait_mutex_);
  /// The owners of a cycle through `owner`, it first; empty when there is none.
  std::vector<std::uint64_t> find_cycle(std::uint64_t owner) STRATA_REQUIRES(wait_mutex_);

  const core::Clock& clock_;
  BoardLayout& board_;
  std::array<Shard, kShards> shards_;

  core::Mutex wait_mutex_;
  std::unordered_map<std::uint64_t, Waiter*> waiting_ STRATA_GUARDED_BY(wait_mutex_);  // by owner
};

}  // namespace strata::transaction
