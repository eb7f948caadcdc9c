#pragma once
/// The vector store: collections of points that follow the journal.
///
///     session call → WriteBuffer → section → journal → apply → active delta → (checkpoint) → segment files
///
/// README.md in this folder is the idea and its invariants; docs/formats/vector.md the bytes.
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/mutex.h"
#include "io/file_system.h"
#include "store/vector/collection.h"
#include "store/vector/graph/graph_maker.h"
#include "strata/vector.h"
#include "transaction/participant.h"
#include "transaction/session.h"

namespace strata::store::vector {

struct VectorOptions {
  std::uint32_t segments_max = 8;             ///< per collection; more are merged at a checkpoint; 1 … 64
  std::uint32_t dead_percent_max = 25;        ///< a segment with more rows that nobody can see is written anew; 1 … 100
  std::uint32_t past_rows_min = 4'096;        ///< so many rows that only the past sees get segments of their own
  std::uint32_t segment_rows_max = 1U << 30;  ///< segments that come to more are not merged; row numbers have 31 bits
  std::uint32_t graph_rows_min = 10'000;      ///< smaller segments are scanned: exact, 8 ns a row of 384
  std::uint64_t memory_bytes = 0;             ///< what of the files may lie in memory; 0: a quarter of the machine's
};

/// Threads: as transaction::Participant.
class VectorParticipant final : public transaction::Participant {
 public:
  /// `directory` is the folder of this store's files, below the root of `files`.
  VectorParticipant(io::FileSystem& files, std::string directory, const VectorOptions& options = {});
  ~VectorParticipant() override;

  /// The public contract for one transaction, view or database. Borrows both.
  std::unique_ptr<strata::VectorStore> session(transaction::Session& session);

  StoreKind kind() const override { return StoreKind::vector; }
  Result<void> open(const transaction::Checkpoint* last) override;
  Lsn applied_lsn() const override { return applied_.load(std::memory_order_acquire); }
  Result<void> apply(const transaction::Commit& commit, ByteView section) override;
  Result<void> recovered(Lsn lsn) override;
  void compact() override { compact_.store(true, std::memory_order_relaxed); }
  Result<void> settle(const std::function<bool(std::uint64_t, std::uint64_t)>& progress) override {
    return graphs_.wait(progress);
  }
  Result<void> freeze(Lsn lsn) override;
  Result<transaction::Checkpoint> write_checkpoint(Lsn horizon) override;
  void abandoned() override;
  Result<void> installed(const transaction::Checkpoint& checkpoint) override;
  Result<Lsn> durable_lsn() override { return durable_.load(std::memory_order_acquire); }
  Result<transaction::Summary> summarize(Lsn view) override;
  Result<std::vector<transaction::Damage>> verify() override;
  transaction::Statistics statistics() override;
  Result<void> close() override;

  /// For sessions.
  std::shared_ptr<Collection> find(std::string_view name, Lsn view) const;
  std::vector<std::shared_ptr<Collection>> visible_collections(Lsn view) const;  ///< by name

 private:
  /// One collection as it was when frozen: what a checkpoint is written from.
  struct Frozen {
    std::shared_ptr<Collection> collection;
    Totals totals;
    Lsn deleted = kLive;
    std::vector<Layout> layouts;
    std::vector<std::shared_ptr<Delta>> deltas;  // closed
    std::vector<std::shared_ptr<Segment>> segments;
  };
  /// A checkpoint that is written and waits for its manifest.
  struct Pending {
    Lsn lsn = 0, horizon = 0;
    std::vector<std::pair<std::shared_ptr<Collection>, Replacement>> replacements;
    std::vector<std::shared_ptr<Collection>> purged;
    std::uint64_t deletes_number = 0;
    core::Hash128 deletes_hash;
    std::vector<transaction::CheckpointFile> files;
  };

  /// Those that keep named vectors, too, just before the one whose they are.
  std::vector<std::shared_ptr<Collection>> every_collection() const STRATA_EXCLUDES(collections_mutex_);
  std::shared_ptr<Collection> make_collection(const CollectionChange& change, Lsn lsn);
  std::shared_ptr<Collection> make_vector(std::string_view collection, const NamedVector& vector, Lsn lsn);
  void reshape(Collection& collection, const Reshape& reshape, Lsn lsn);
  std::uint64_t next_number() { return next_number_.fetch_add(1, std::memory_order_relaxed); }
  Result<void> restore(const transaction::Checkpoint& last);
  Result<void> load_deletes(std::uint64_t number);
  Result<std::optional<transaction::Damage>> verify_deletes() STRATA_EXCLUDES(checkpoint_mutex_);
  Result<void> skip_used_numbers();

  Result<std::optional<Replacement>> write_replacement(const Frozen& frozen, bool compact, Lsn horizon,
                                                       Pending& pending);
  /// Merges rows that hold vectors of `dimension`, or none (0), into segments that do; `rows_only`: what the others hold stays behind.
  Result<void> merge_rows(const Frozen& frozen, std::uint32_t dimension, bool rows_only, bool compact, Lsn horizon,
                          Pending& pending, Replacement& replacement);
  Result<Replacement::Made> write_rows(const Frozen& frozen, std::uint32_t dimension, std::vector<SourceRow> sources,
                                       Pending& pending);
  /// The file of that name, which is among them.
  static transaction::CheckpointFile named(const std::vector<transaction::CheckpointFile>& files,
                                           std::string_view name);
  void restore_index(const std::shared_ptr<Segment>& segment, std::uint64_t number, std::uint64_t root,
                     const std::vector<transaction::CheckpointFile>& files);
  /// Whether any part of it is to be walked in.
  static bool walks(const Collection& collection) {
    return collection.index().kind == IndexKind::hnsw && collection.options().dimension > 0;
  }
  /// Whether large segments of it have a graph or lists.
  static bool is_indexed(const Collection& collection) {
    return collection.index().kind != IndexKind::flat && collection.options().dimension > 0 &&
           collection.rows_vector_gone() == kLive;
  }
  /// Whether a segment is to have one: not those that only views of the past look into. It is prepared, or taken for one of the present.
  bool wants_index(const Collection& collection, const Segment& segment) const {
    return is_indexed(collection) && segment.dimension() > 0 && segment.rows() >= options_.graph_rows_min &&
           !segment.of_the_past();
  }
  void want_graphs_of_deltas(Collection& collection);
  /// Asks for an index for each large segment that has none, a damaged one, or another than its collection wants.
  void want_indexes();
  void want_indexes(const Collection& collection);
  bool want_written_index(std::uint64_t number, const std::string& name);
  /// Removes indexes that others took the place of, once no checkpoint names them.
  void remove_replaced_indexes(const std::vector<transaction::CheckpointFile>& named_before,
                               const std::vector<transaction::CheckpointFile>& named_now);
  /// Nobody will read these segments from now on but who does already: an index that no checkpoint names goes.
  void retire(const std::vector<std::shared_ptr<Segment>>& segments,
              const std::vector<transaction::CheckpointFile>& named_before);
  Result<void> write_deletes(const std::vector<std::shared_ptr<Segment>>& kept, Lsn lsn, Pending& pending);

  io::FileSystem& files_;
  const std::string directory_;
  const VectorOptions options_;
  const std::shared_ptr<MemoryBudget> memory_;
  std::set<std::uint64_t> named_indexes_;  // by the checkpoint that was opened

  std::atomic<Lsn> applied_{0};
  std::atomic<Lsn> durable_{0};
  std::atomic<bool> compact_{false};
  std::atomic<std::uint64_t> next_number_{1};  // of files
  std::uint64_t first_unnamed_ = 0;            // files from this number on belong to no checkpoint; 0: nothing is known
  std::uint64_t next_collection_ = 1;          // of the applying thread
  bool recovered_ = false;                     // of the applying thread

  mutable core::SharedMutex collections_mutex_;
  /// Every incarnation of a name, oldest first: a dropped one stays as long as a view may see it.
  std::map<std::string, std::vector<std::shared_ptr<Collection>>, std::less<>> collections_
      STRATA_GUARDED_BY(collections_mutex_);

  core::Mutex checkpoint_mutex_;  // between freeze and installed, which may come from different threads
  Lsn frozen_lsn_ STRATA_GUARDED_BY(checkpoint_mutex_) = 0;
  std::uint64_t frozen_next_collection_ STRATA_GUARDED_BY(checkpoint_mutex_) = 1;
  bool frozen_compact_ STRATA_GUARDED_BY(checkpoint_mutex_) = false;
  std::vector<Frozen> frozen_ STRATA_GUARDED_BY(checkpoint_mutex_);
  std::optional<Pending> pending_ STRATA_GUARDED_BY(checkpoint_mutex_);
  std::vector<transaction::CheckpointFile> files_of_last_ STRATA_GUARDED_BY(checkpoint_mutex_);
  std::uint64_t deletes_number_ STRATA_GUARDED_BY(checkpoint_mutex_) = 0;
  core::Hash128 deletes_hash_ STRATA_GUARDED_BY(checkpoint_mutex_);

  GraphMaker graphs_;  // last: its thread uses the rest
};

}  // namespace strata::store::vector
