#pragma once
/// The engine in this process: opens a directory, recovers it, keeps it.
///
///     open    lock → superblock → manifest → each store maps its files → journal: every later record is applied again
///     live    transaction/ does the work; a background thread writes checkpoints
///     close   no view any more → checkpoint when it is worth it → journal marked as cleanly closed → lock gone
///
/// What is closed stays in memory until the engine ends, so that a store somebody still holds can refuse its calls.
///
/// Lock order, first to last: close_mutex_ · checkpoint_mutex_ · history_mutex_ · the transaction manager's (its header) · the stores' own.
#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "engine/commit_clock.h"
#include "engine/manifest.h"
#include "engine/retaining_file_system.h"
#include "engine/store_set.h"
#include "engine/superblock.h"
#include "io/shared_memory.h"
#include "journal/journal.h"
#include "strata/operations.h"
#include "transaction/sessions.h"

namespace strata::engine {

inline constexpr std::string_view kLockName = "lock";

/// What open needs beyond the user's options: tests and operations give their own disk and clock.
struct Environment {
  std::unique_ptr<io::FileSystem> files;
  const core::Clock* clock = nullptr;
  std::uint32_t graph_rows_min = 0;              ///< smaller vector segments are scanned; 0: as VectorOptions has it
  std::shared_ptr<io::SharedMemory> board = {};  ///< where other processes look at transactions; null: nowhere
};

class LocalEngine final : public Engine {
 public:
  static Result<std::unique_ptr<LocalEngine>> open(const std::string& directory, const OpenOptions& options,
                                                   Environment environment) noexcept;
  ~LocalEngine() override;

  VectorStore& vector() override { return handles_->vector(); }
  ObjectStore& object() override { return handles_->object(); }
  MetadataStore& metadata() override { return handles_->metadata(); }
  GraphStore& graph() override { return handles_->graph(); }
  AnalyticsStore& analytics() override { return handles_->analytics(); }
  CacheStore& cache() override { return handles_->cache(); }
  ArrayStore& array() override { return handles_->array(); }

  Result<std::unique_ptr<Transaction>> begin(const TransactionOptions& options) noexcept override;
  Result<std::unique_ptr<View>> view(const AsOf& as_of) noexcept override;
  Result<Lsn> set_tag(std::string_view name, Lsn lsn) noexcept override;
  Result<bool> remove_tag(std::string_view name) noexcept override;
  Result<std::vector<Tag>> tags() noexcept override;
  Lsn visible_lsn() const override { return manager_->visible_lsn(); }
  std::string directory() const override { return directory_; }
  Result<Lsn> checkpoint() noexcept override;
  Result<Map> statistics() noexcept override;
  Result<Map> transactions() noexcept override;
  Result<std::vector<StoreSummary>> summarize(const AsOf& as_of) noexcept override;
  Result<std::vector<Finding>> verify() noexcept override;
  Result<void> close() noexcept override;

  /// For operations/: runs `body` with a fresh checkpoint's manifest, the journal's segments and what is durable in them while no other checkpoint can remove its files.
  /// What `body` calls may read and commit, but not wait for checkpoints.
  /// Errors  failed_precondition (within `body`)
  Result<void> with_checkpoint(
      const std::function<Result<void>(const Manifest&, const std::vector<journal::Journal::SegmentFile>&,
                                       Lsn durable)>& body) noexcept;
  /// What records after the checkpoint may name beside the manifest's files. Within `with_checkpoint`.
  Result<std::vector<std::string>> written_ahead();
  /// The next checkpoint may rewrite more than one usually does, and the one after it gives back the journal of before.
  Result<void> compact_next() {
    STRATA_TRY(check_not_lent("compact"));
    STRATA_TRY(check_open());
    for (transaction::Participant* store : stores_->participants()) store->compact();
    auto begun = journal_->begin_segment();
    // Without space for another segment this one goes later.
    if (!begun && begun.error().code() != ErrorCode::resource_exhausted) return begun;
    return {};
  }
  /// Participant::settle of every store.
  Result<void> settle(const Progress& progress) {
    for (transaction::Participant* store : stores_->participants()) STRATA_TRY(store->settle(progress));
    return {};
  }
  io::FileSystem& files() { return *files_; }
  const core::Clock& clock() const { return clock_; }

 private:
  LocalEngine(std::string directory, const OpenOptions& options, Environment environment);
  Result<void> start();
  Result<void> create_database();
  Result<void> load_manifest();
  Error missing_is_damage(Error error, const transaction::Checkpoint& checkpoint);
  Result<void> recover() STRATA_REQUIRES(checkpoint_mutex_);
  Result<void> apply_engine_section(const transaction::Commit& commit, ByteView section);
  Result<Lsn> checkpoint_locked(bool even_if_unchanged) STRATA_REQUIRES(checkpoint_mutex_);
  Result<void> write_files(Manifest& next) STRATA_REQUIRES(checkpoint_mutex_);
  void retain_files() STRATA_REQUIRES(checkpoint_mutex_);
  Result<void> remove_obsolete_files() STRATA_REQUIRES(checkpoint_mutex_);
  Lsn move_horizon(Lsn at_most);
  Result<void> check_open() const;
  Result<void> check_not_lent(std::string_view wanted) const;
  Result<transaction::ViewPin> pin(const AsOf& as_of, transaction::Reader reader = transaction::Reader::call);
  Result<Lsn> resolve(const AsOf& as_of);
  void run_background() noexcept;
  void want_checkpoint() STRATA_EXCLUDES(background_mutex_);

  const std::string directory_;
  const OpenOptions options_;
  const std::unique_ptr<io::FileSystem> files_;
  RetainingFileSystem store_files_{*files_};  // what the stores get
  const core::Clock& clock_;
  const std::uint32_t graph_rows_min_;
  const std::shared_ptr<io::SharedMemory> board_;  // the manager's, too

  std::unique_ptr<io::DirectoryLock> lock_;
  std::unique_ptr<StoreSet> stores_;
  std::unique_ptr<journal::Journal> journal_;
  std::unique_ptr<transaction::TransactionManager> manager_;
  std::unique_ptr<transaction::DatabaseSession> session_;
  std::unique_ptr<StoreHandles> handles_;
  CommitClock commit_clock_;

  core::Mutex checkpoint_mutex_;
  // Who holds it for `with_checkpoint`: his callbacks would wait for themselves. Written by that thread alone.
  std::atomic<std::thread::id> lent_to_{};
  Manifest manifest_ STRATA_GUARDED_BY(checkpoint_mutex_);
  std::vector<transaction::CheckpointFile> previous_files_  // of manifest n − 1
      STRATA_GUARDED_BY(checkpoint_mutex_);
  std::set<std::string, std::less<>> obsolete_files_ STRATA_GUARDED_BY(checkpoint_mutex_);  // to be removed
  std::uint64_t superblock_sequence_ STRATA_GUARDED_BY(checkpoint_mutex_) = 0;
  Lsn superblock_lsn_ STRATA_GUARDED_BY(checkpoint_mutex_) = 0;  // that the journal must reach

  core::Mutex history_mutex_;
  Lsn horizon_ STRATA_GUARDED_BY(history_mutex_) = 0;
  std::map<std::string, Tag, std::less<>> tags_ STRATA_GUARDED_BY(history_mutex_);

  std::atomic<std::uint64_t> journaled_bytes_{0};  // since the last checkpoint
  std::atomic<bool> checkpoint_asked_{false};      // the background thread was told, and is not done yet
  journal::RecoveryReport recovery_;
  std::atomic<std::int64_t> open_us_{0};

  core::Mutex background_mutex_;
  core::Condition background_wake_;
  bool stopping_ STRATA_GUARDED_BY(background_mutex_) = false;
  bool checkpoint_wanted_ STRATA_GUARDED_BY(background_mutex_) = false;
  std::string background_error_ STRATA_GUARDED_BY(background_mutex_);
  std::thread background_;

  core::Mutex close_mutex_;
  std::atomic<bool> closed_{false};
};

}  // namespace strata::engine
