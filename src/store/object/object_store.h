#pragma once
/// The object store as a participant of the commit path. README.md beside this file: the idea and invariants I1–I9.
///
///     apply ──► deltas[0] ──freeze──► deltas[1] ──write_checkpoint──► catalog segment + pack ──installed──► State
///     content over 64 KiB ──► its own file, before the commit; the record holds only its name and size
#include <atomic>

#include "store/object/state.h"
#include "transaction/participant.h"
#include "transaction/session.h"

namespace strata::store::object {

/// Threads: as Participant says.
class Store final : public transaction::Participant {
 public:
  explicit Store(io::FileSystem& files);
  ~Store() override;

  StoreKind kind() const override { return StoreKind::object; }
  Result<void> open(const transaction::Checkpoint* last) override;
  Lsn applied_lsn() const override { return applied_lsn_.load(std::memory_order_acquire); }
  Result<void> apply(const transaction::Commit& commit, ByteView section) override;
  Result<void> recovered(Lsn lsn) override;
  Result<void> freeze(Lsn lsn) override;
  Result<transaction::Checkpoint> write_checkpoint(Lsn horizon) override;
  void abandoned() override;
  Result<void> installed(const transaction::Checkpoint& checkpoint) override;
  Result<Lsn> durable_lsn() override;
  Result<std::vector<std::string>> written_ahead() override;
  Result<transaction::Summary> summarize(Lsn view) override;
  Result<std::vector<transaction::Damage>> verify() override;
  transaction::Statistics statistics() override;
  Result<void> close() override;

  /// The contract for one session; it and the store outlive the result's use.
  std::unique_ptr<ObjectStore> session(transaction::Session& session);

  // For the session.
  std::shared_ptr<const State> state() const;
  io::FileSystem& files() { return files_; }
  std::uint64_t next_sequence() { return next_file_.fetch_add(1, std::memory_order_relaxed); }
  /// Reads from where it is and verifies. Errors  corruption, resource_exhausted (over 1 GiB)
  Result<Bytes> read(const Address& address, const Location& location);

 private:
  /// A pack and how much of it is known to be dead: when that is a fifth, the next checkpoint rewrites it.
  struct PackAge {
    std::shared_ptr<const Pack> pack;
    std::uint64_t dead_bytes = 0;
  };
  /// What freeze set aside for write_checkpoint.
  struct Frozen {
    Lsn lsn = 0;
    std::uint64_t objects = 0;
    std::shared_ptr<const State> state;  // deltas without the one being applied to
    std::vector<std::pair<Address, LargeFile>> large;
    std::vector<Address> collected;     // whose bytes may be dead
    std::vector<std::string> replaced;  // large files that nothing points to any more
  };
  /// What write_checkpoint made and installed will put in place.
  struct Prepared {
    transaction::Checkpoint checkpoint;
    std::vector<std::shared_ptr<Delta>> deltas;  // those that are in it
    std::vector<std::shared_ptr<const CatalogSegment>> segments;
    std::vector<PackAge> packs;
    std::vector<std::pair<Address, LargeFile>> dropped;  // large files that left
    std::vector<Address> collected;                      // still to be accounted for
    std::size_t replaced_count = 0;
    std::vector<std::string> retired;
    std::uint64_t objects = 0;
  };

  Result<void> decode_state(const transaction::Checkpoint& last);
  Result<void> write_catalog(const Frozen& frozen, Lsn horizon, Prepared& out);
  Result<void> write_packs(const Frozen& frozen, Lsn horizon, Prepared& out);
  Result<void> account_dead(const Frozen& frozen, const std::function<Result<bool>(const Address&)>& retained,
                            Prepared& out);
  void describe(const Frozen& frozen, const std::vector<std::pair<Address, LargeFile>>& large, Prepared& out);
  Result<void> remove_leftovers();
  void replace_state(std::shared_ptr<const State> state);

  io::FileSystem& files_;
  const std::shared_ptr<LargeFiles> large_;
  std::atomic<Lsn> applied_lsn_{0};
  std::atomic<Lsn> durable_lsn_{0};
  std::atomic<std::uint64_t> next_file_{1};  // numbers every file of this store

  // The applying thread alone.
  std::uint64_t objects_ = 0;
  std::vector<Address> collected_;  // since the last freeze, and earlier ones not yet accounted for
  std::vector<std::string> replaced_;

  // Checkpointing: one thread at a time, handed from freeze to write_checkpoint to installed by the caller.
  Frozen frozen_;
  std::unique_ptr<Prepared> prepared_;
  std::vector<PackAge> pack_ages_;  // of state().packs
  std::vector<std::string> installed_files_;
  std::vector<std::string> retired_;  // in the checkpoint before the last one, and not in the last

  mutable core::Mutex state_mutex_;
  std::shared_ptr<const State> state_ STRATA_GUARDED_BY(state_mutex_);
};

/// The keys under which commits meet: `existence` of an object that is there, written by its removal; `creation` of one
/// that is not, an effect of its first put. Who found it reads the one, who missed it the other, so puts never meet.
transaction::KeyHash existence_key(const Address& address);
transaction::KeyHash creation_key(const Address& address);

}  // namespace strata::store::object
