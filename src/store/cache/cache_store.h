#pragma once
/// The cache as one of the seven stores: nothing of it is journaled, yet what a transaction sets or removes appears at its
/// commit, together with everything else the transaction wrote.
///
///     in a transaction    set, remove, expire, clear ──► CacheBuffer ──► committed(lsn): into the keyspace
///                                                            └────────► rolled back: forgotten
///     on the database     straight into the keyspace, at the LSN that is visible then
///     on a view           entries set at or before its LSN; a value replaced since is a miss, which a cache may always be
///
/// A time to live starts when it is given, not at the commit. Two transactions may write the same key: the later commit
/// stays, neither is a conflict, since a cache entry is a copy of something that another store guards.
#include <atomic>
#include <memory>

#include "store/cache/keyspace.h"
#include "strata/cache.h"
#include "transaction/participant.h"
#include "transaction/session.h"

namespace strata::store::cache {

struct CacheOptions {
  std::uint64_t bytes_max = 0;  ///< 64 KiB and more; 0: a tenth of the machine's memory, at most 2 GiB
};
/// What bytes_max = 0 stands for on this machine.
std::uint64_t default_bytes_max();

/// Threads: any.
class CacheParticipant final : public transaction::Participant {
 public:
  CacheParticipant(const core::Clock& clock, const CacheOptions& options)
      : keyspace_(clock, options.bytes_max == 0 ? default_bytes_max() : options.bytes_max) {}

  /// The contract within a transaction, a view, or a call that is a transaction of its own. Neither outlives this object.
  std::unique_ptr<CacheStore> session(transaction::Session& session);
  /// The contract on the database: each call by itself, without the cost of a transaction. `visible` is what a transaction
  /// that began now would see.
  std::unique_ptr<CacheStore> direct_session(const std::atomic<Lsn>& visible);

  StoreKind kind() const override { return StoreKind::cache; }
  Result<void> open(const transaction::Checkpoint* last) override;
  Lsn applied_lsn() const override { return applied_.load(std::memory_order_relaxed); }
  Result<void> apply(const transaction::Commit& commit, ByteView section) override;
  Result<void> recovered(Lsn lsn) override;
  Result<void> freeze(Lsn lsn) override;
  Result<transaction::Checkpoint> write_checkpoint(Lsn horizon) override;
  Result<void> installed(const transaction::Checkpoint&) override { return {}; }
  Result<Lsn> durable_lsn() override { return applied_lsn(); }
  /// Empty: what a cache holds is no part of the database's state.
  Result<transaction::Summary> summarize(Lsn) override { return transaction::Summary{}; }
  Result<std::vector<transaction::Damage>> verify() override { return std::vector<transaction::Damage>{}; }
  transaction::Statistics statistics() override;
  Result<void> close() override;

 private:
  Keyspace keyspace_;
  std::atomic<Lsn> applied_{0};  // nothing is kept, so nothing is ever missing: any LSN that was told is reached
};

}  // namespace strata::store::cache
