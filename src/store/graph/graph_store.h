#pragma once
/// The graph's part in the journal: applies records to the delta, freezes it, writes it out as segments.
///
///     apply ──► deltas[0] ──freeze──► deltas[1…] ──write_checkpoint──► segment file ──installed──► segments[0]
///                                       │ with the newest segments, when they are not much larger (size-tiered)
///     readers hold a set of layers (layers.h) and never wait for any of it
///
/// Threads: apply, freeze and installed one at a time; write_checkpoint beside them; sessions from any.
#include <atomic>
#include <memory>
#include <unordered_map>

#include "core/mutex.h"
#include "io/file_system.h"
#include "store/graph/mutation.h"
#include "store/graph/reader.h"
#include "strata/graph.h"
#include "transaction/participant.h"
#include "transaction/session.h"

namespace strata::store::graph {

/// Commits that passed validation and are not applied yet: what the newest state does not show, and a later commit must
/// respect. Kept by hashes of node ids; two that meet in one hash cost a needless conflict. Threads: any.
class PendingCommits {
 public:
  struct Ends {
    std::vector<std::uint64_t> linked, removed;
  };
  bool linked(std::uint64_t node) const {
    const core::MutexLock lock(mutex_);
    return linked_.contains(node);
  }
  bool removed(std::uint64_t node) const {
    const core::MutexLock lock(mutex_);
    return removed_.contains(node);
  }
  void enter(const Ends& ends);
  void leave(const Ends& ends);

 private:
  using Counts = std::unordered_map<std::uint64_t, std::uint32_t>;
  mutable core::Mutex mutex_;
  Counts linked_ STRATA_GUARDED_BY(mutex_), removed_ STRATA_GUARDED_BY(mutex_);
};

class Store final : public transaction::Participant {
 public:
  /// Files live in the folder "graph" of `files`, which must outlive the store.
  explicit Store(io::FileSystem& files);
  ~Store() override;

  /// The contract over one transaction, the database or a view. `session` outlives it; so does this store.
  std::unique_ptr<strata::GraphStore> session(transaction::Session& session);

  StoreKind kind() const override { return StoreKind::graph; }
  Result<void> open(const transaction::Checkpoint* last) override;
  Lsn applied_lsn() const override { return applied_.load(std::memory_order_acquire); }
  Result<void> apply(const transaction::Commit& commit, ByteView section) override;
  Result<void> recovered(Lsn lsn) override;
  Result<void> freeze(Lsn lsn) override;
  Result<transaction::Checkpoint> write_checkpoint(Lsn horizon) override;
  void abandoned() override;
  Result<void> installed(const transaction::Checkpoint& checkpoint) override;
  Result<Lsn> durable_lsn() override;
  Result<transaction::Summary> summarize(Lsn view) override;
  Result<std::vector<transaction::Damage>> verify() override;
  transaction::Statistics statistics() override;
  Result<void> close() override;

  // For the sessions of this store.
  Reader reader(Lsn view, const Overlay* own) const { return {layers(), names_, view, own}; }
  EdgeId next_edge_id() { return next_edge_.fetch_add(1, std::memory_order_relaxed); }
  const Names& names() const { return names_; }
  PendingCommits& pending() { return pending_; }

 private:
  /// A segment with what the manifest says about its file.
  struct Stored {
    std::shared_ptr<const Segment> segment;
    transaction::CheckpointFile file;
  };
  /// A checkpoint that was written and waits for its manifest.
  struct Written {
    Lsn lsn;
    std::vector<Stored> segments;  // newest first
    std::vector<std::shared_ptr<Delta>> consumed;
  };
  struct Resolved;

  std::shared_ptr<const Layers> layers() const STRATA_EXCLUDES(layers_mutex_) {
    const core::MutexLock lock(layers_mutex_);
    return layers_;
  }
  void publish(Layers layers) STRATA_EXCLUDES(layers_mutex_);
  Result<void> create_index(Lsn lsn, NameId label, NameId key);
  void index_node(Delta& delta, Number number, std::span<const NameId> labels, ByteView properties);
  Result<Stored> write_segment(const std::vector<Stored>& merged, std::span<const std::shared_ptr<Delta>> deltas,
                               bool with_oldest, Lsn horizon, Lsn lsn) STRATA_REQUIRES(checkpoint_mutex_);
  Bytes encode_state(Lsn lsn, const std::vector<Stored>& segments) const STRATA_REQUIRES(checkpoint_mutex_);

  io::FileSystem& files_;
  Names names_;
  PendingCommits pending_;
  std::atomic<EdgeId> next_edge_{1};
  std::atomic<Lsn> applied_{0};
  std::atomic<Lsn> durable_{0};

  mutable core::Mutex layers_mutex_;
  std::shared_ptr<const Layers> layers_ STRATA_GUARDED_BY(layers_mutex_);

  // Of the applying thread.
  Totals totals_{0, 0, 0};

  // Of the checkpointing thread; freeze and installed never run beside write_checkpoint of the same checkpoint.
  core::Mutex checkpoint_mutex_;
  std::vector<Stored> stored_ STRATA_GUARDED_BY(checkpoint_mutex_);  // newest first
  Lsn frozen_lsn_ STRATA_GUARDED_BY(checkpoint_mutex_) = 0;
  std::uint32_t frozen_names_ STRATA_GUARDED_BY(checkpoint_mutex_) = 1;
  std::uint32_t stored_names_ STRATA_GUARDED_BY(checkpoint_mutex_) = 1;
  EdgeId frozen_next_edge_ STRATA_GUARDED_BY(checkpoint_mutex_) = 1;
  std::uint64_t next_file_ STRATA_GUARDED_BY(checkpoint_mutex_) = 1;
  std::unique_ptr<Written> written_ STRATA_GUARDED_BY(checkpoint_mutex_);
};

}  // namespace strata::store::graph
