#pragma once
/// The analytics store: what the journal says of tables, kept in three places.
///
///     apply(section) ─► records_ in memory ──────── checkpoint ──► part-<n>.rows     the truth beyond the journal
///                           └── query, 50,000 rows, checkpoint ──► state.duckdb      a copy that answers SQL (mirror.h)
///
/// Invariants
///   A1  apply() touches memory only: the section is checked, the catalog and the row counts move, the bytes are queued.
///   A2  Parts and journal hold every committed row; nothing is ever read from DuckDB to be written elsewhere.
///   A3  DuckDB's file holds a prefix of the history, named by (applied_lsn, chain) in the same transaction. Anything else
///       is thrown away. Deleting the file is always safe.
///   A4  Nothing goes into DuckDB or a part that the journal has not made durable.
///   A5  A view V sees the rows with _lsn ≤ V that were not erased at or before V, under the tables and columns of V.
///   A6  A database opens, idles, and answers `tables` without DuckDB. Opening reads the footers of the parts, no data.
///   A7  A part is never changed; it is removed when neither the installed checkpoint nor the one before names it.
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <thread>

#include "core/clock.h"
#include "core/mutex.h"
#include "io/file_system.h"
#include "store/analytics/catalog.h"
#include "store/analytics/mirror.h"
#include "store/analytics/part_file.h"
#include "strata/analytics.h"
#include "transaction/participant.h"
#include "transaction/session.h"

namespace strata::store::analytics {

struct AnalyticsOptions {
  std::uint64_t database = 0;      ///< whose state.duckdb is believed
  std::uint64_t memory_bytes = 0;  ///< of DuckDB; 64 MiB …; 0: a fifth of the machine's memory
  std::uint64_t temporary_bytes_max = std::uint64_t{4} << 30;  ///< spilled by queries
  unsigned threads = 0;                                        ///< of DuckDB; 0: one per processor
  std::int64_t query_timeout_ms = 30'000;                      ///< 1 …
  std::size_t result_rows_max = 1'000'000;                     ///< 1 …
  std::uint64_t queued_rows_max = 50'000;                      ///< that wait for DuckDB before a background flush
  std::uint64_t queued_bytes_max = 16 << 20;
};

/// Threads: as Participant says.
class AnalyticsParticipant final : public transaction::Participant, private RecordSource {
 public:
  AnalyticsParticipant(io::FileSystem& files, const core::Clock& clock, const AnalyticsOptions& options);
  ~AnalyticsParticipant() override;

  /// The contract over a session. Neither outlives this object.
  std::unique_ptr<AnalyticsStore> session(transaction::Session& session);
  /// Called with the LSN that is about to be written to DuckDB, without a lock that apply needs; it returns once the
  /// journal has that LSN on disk. Set it before the first query; without it LSNs count as durable when applied.
  void set_durable_source(std::function<Result<void>(Lsn)> make_durable);
  /// Hands queued rows to DuckDB, which opens it. Queries do it by themselves.
  Result<void> flush();

  StoreKind kind() const override { return StoreKind::analytics; }
  Result<void> open(const transaction::Checkpoint* last) override;
  Lsn applied_lsn() const override { return checkpoint_lsn_.load(std::memory_order_acquire); }
  Result<void> apply(const transaction::Commit& commit, ByteView section) override;
  Result<void> recovered(Lsn lsn) override;
  Result<void> freeze(Lsn lsn) override;
  Result<transaction::Checkpoint> write_checkpoint(Lsn horizon) override;
  Result<void> installed(const transaction::Checkpoint& checkpoint) override;
  Result<Lsn> durable_lsn() override { return applied_lsn(); }
  Result<transaction::Summary> summarize(Lsn view) override;
  Result<std::vector<transaction::Damage>> verify() override;
  transaction::Statistics statistics() override;
  Result<void> close() override;

 private:
  friend class AnalyticsSession;
  /// Live rows of a table, and when they last changed.
  struct Count {
    std::uint64_t rows = 0;
    Lsn changed = 0;
  };
  using Counts = std::unordered_map<std::uint64_t, Count>;
  /// What a checkpoint is made of: state as of one LSN.
  struct State {
    CatalogPointer catalog = std::make_shared<const Catalog>();
    Counts counts;
    Lsn last_lsn = 0;  // of the last section
    std::uint64_t chain = 0;
    std::vector<PartInfo> parts;  // ascending
    std::uint64_t next_part = 1;
  };
  Bytes encode_state(const State& state) const;
  Result<State> decode_state(ByteView bytes) const;

  // RecordSource, for the mirror.
  Result<std::vector<Record>> records_after(Lsn after) override;
  CatalogPointer catalog() override;
  Lsn last_lsn() override { return last_lsn_.load(std::memory_order_acquire); }
  Result<void> make_durable(Lsn lsn) override;
  Result<bool> knows(Lsn lsn, std::uint64_t chain) override;

  Result<std::vector<TableInfo>> tables(Lsn view);
  Result<void> merge_parts(State& state, Lsn horizon);
  Result<PartInfo> merge_run(std::span<const PartInfo> run, std::uint64_t number, const Catalog& catalog, Lsn horizon);
  void run_flusher();

  io::FileSystem& files_;
  const AnalyticsOptions options_;
  std::atomic<Lsn> checkpoint_lsn_{0};
  std::atomic<Lsn> last_lsn_{0};

  mutable core::Mutex mutex_;                             // taken last; never held over I/O
  State state_ STRATA_GUARDED_BY(mutex_);                 // with the parts of the installed checkpoint
  std::deque<Record> records_ STRATA_GUARDED_BY(mutex_);  // later than the installed checkpoint
  std::uint64_t record_bytes_ STRATA_GUARDED_BY(mutex_) = 0;
  std::uint64_t queued_rows_ STRATA_GUARDED_BY(mutex_) = 0;  // since the last flush that we know of
  std::uint64_t queued_bytes_ STRATA_GUARDED_BY(mutex_) = 0;
  std::function<Result<void>(Lsn)> durable_source_ STRATA_GUARDED_BY(mutex_);

  core::Condition flusher_wakes_;
  std::thread flusher_ STRATA_GUARDED_BY(mutex_);
  bool flusher_stops_ STRATA_GUARDED_BY(mutex_) = false;
  bool flusher_called_ STRATA_GUARDED_BY(mutex_) = false;
  bool live_ STRATA_GUARDED_BY(mutex_) = false;  // recovery is over

  RowBlock scratch_;  // apply's, one thread at a time

  // A checkpoint on its way: frozen by the applying thread, written and installed by the checkpointing one.
  core::Mutex checkpoint_mutex_;
  State frozen_ STRATA_GUARDED_BY(checkpoint_mutex_);
  Lsn frozen_lsn_ STRATA_GUARDED_BY(checkpoint_mutex_) = 0;
  std::vector<PartInfo> written_parts_ STRATA_GUARDED_BY(checkpoint_mutex_);
  std::uint64_t written_next_part_ STRATA_GUARDED_BY(checkpoint_mutex_) = 0;
  std::vector<std::string> retired_
      STRATA_GUARDED_BY(checkpoint_mutex_);  // files that only the checkpoint before names
  Lsn written_horizon_ STRATA_GUARDED_BY(checkpoint_mutex_) = 0;

  Mirror mirror_;  // last: it asks this object for records
};

}  // namespace strata::store::analytics
