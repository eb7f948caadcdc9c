#pragma once
/// DuckDB's file: a copy of the rows that may be lost at any time. It follows the records, answers queries about any view,
/// and is thrown away and made again when anything about it looks wrong.
///
///     records (parts, then memory) ──flush──► state.duckdb     one DuckDB transaction a batch, with (applied_lsn, chain)
///     query at view V ──► flush up to V ──► connection positioned at V ──► rows
///
/// Layout     strata.t<id>(_lsn, _ordinal, _erased_lsn, columns…) · strata.applied(lsn, chain, version, database)
/// Positioned a connection has temporary views, one per table alive at V, which hide the three columns and the rows that V
///            does not see. Nothing erased, nothing newer than V: the view is the bare table. Otherwise it filters, by
///            `_erased_lsn is null` if that is enough, else against the connection's variable strata_view, which DuckDB
///            folds to a constant when it binds, so that row groups are skipped by their minimum and maximum.
/// Lost       missing, unreadable, FATAL, a checksum, rows of another history (chain): the file becomes
///            state.duckdb.damaged-<n>, an empty one is filled from the records, the query is run again once.
/// Full disk  a query whose rows find no space in the file sees them in a transaction that is rolled back; where there is
///            no space for a file at all, in an instance in memory that lives as long as the query.
///
/// Lock order: writer_mutex_ → snapshot_mutex_ → pool_mutex_; the record source locks below all of them.
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "core/clock.h"
#include "core/mutex.h"
#include "io/file_system.h"
#include "store/analytics/catalog.h"
#include "store/analytics/part_file.h"
#include "store/analytics/watchdog.h"
#include "strata/analytics.h"

namespace strata::store::analytics {

class DuckDatabase;
class DuckConnection;
class DuckStatement;

/// Where the mirror gets its records from. Threads: any.
class RecordSource {
 public:
  virtual ~RecordSource() = default;
  /// The next records with lsn > `after`, ascending, about 16 MiB of them at most; empty: no more.
  virtual Result<std::vector<Record>> records_after(Lsn after) = 0;
  virtual CatalogPointer catalog() = 0;
  virtual Lsn last_lsn() = 0;                      ///< of the last record there is
  virtual Result<void> make_durable(Lsn lsn) = 0;  ///< the journal has it on disk
  /// True when a record (or the empty start, 0) of this history has this chain.
  virtual Result<bool> knows(Lsn lsn, std::uint64_t chain) = 0;
};

struct MirrorOptions {
  std::uint64_t database = 0;                                  ///< whose file is believed
  std::uint64_t memory_bytes_max = 0;                          ///< 0: a fifth of the machine's memory
  std::uint64_t temporary_bytes_max = std::uint64_t{4} << 30;  ///< spilled by queries
  unsigned threads = 0;                                        ///< 0: one per processor
  std::int64_t query_timeout_ms = 30'000;
  std::size_t result_rows_max = 1'000'000;
};

/// What a transaction wrote and has not committed: its section, and the catalog with its tables.
struct OwnWrites {
  Bytes section;
  CatalogPointer catalog;
};
/// Stands for the LSN of uncommitted rows.
inline constexpr Lsn kOwnLsn = Lsn{1} << 62;

struct MirrorStatistics {
  bool open = false;
  Lsn applied_lsn = 0;
  std::uint64_t rebuilds = 0, damaged_files = 0, flushes = 0, rows_flushed = 0, failures = 0;
};

/// Threads: any.
class Mirror {
 public:
  Mirror(io::FileSystem& files, const core::Clock& clock, RecordSource& source, const MirrorOptions& options);
  ~Mirror();

  Result<Rows> query(Lsn view, const OwnWrites* own, std::string_view sql, std::span<const Value> parameters);
  Result<ArrowStream> query_arrow(Lsn view, const OwnWrites* own, std::string_view sql,
                                  std::span<const Value> parameters);
  /// The committed rows of a table whose column equals the value.
  Result<std::vector<RowId>> find_rows(Lsn view, const Table& table, const ColumnDefinition& column,
                                       const Value& value);
  Result<std::uint64_t> count_rows(Lsn view, const Table& table);
  using RowVisitor = std::function<void(const RowId&, const Row&)>;
  Result<void> for_each_row(Lsn view, const Table& table, const RowVisitor& visit);

  /// Brings the file up to `lsn`, opening it if need be.
  Result<void> flush(Lsn lsn);
  bool is_open() const { return open_.load(std::memory_order_acquire); }
  /// With a checkpoint, if it is open: flushes, removes what no view ≥ horizon sees, lets DuckDB checkpoint its file.
  Result<void> maintain(Lsn lsn, Lsn horizon);
  MirrorStatistics statistics() const;
  std::uint64_t bytes_on_disk();
  void close();

 private:
  struct Instance;
  struct Lease;
  enum class Mode : std::uint8_t { all, alive, exact };
  /// What is in DuckDB of one table.
  struct Physical {
    std::size_t columns = 0;
    Lsn last_append = 0, last_erase = 0;
    std::uint64_t erased = 0;
  };
  using PhysicalTables = std::unordered_map<std::uint64_t, Physical>;

  // Opening, losing, filling.
  Result<void> open_locked() STRATA_REQUIRES(writer_mutex_);
  Result<void> open_file(const std::string& path) STRATA_REQUIRES(writer_mutex_);
  Result<void> adopt(Instance& instance) STRATA_REQUIRES(writer_mutex_);
  Result<void> create_layout(DuckConnection& connection) STRATA_REQUIRES(writer_mutex_);
  void close_locked() STRATA_REQUIRES(writer_mutex_);
  Result<void> quarantine() STRATA_REQUIRES(writer_mutex_);
  Result<void> start_over() STRATA_REQUIRES(writer_mutex_);
  Result<void> flush_locked(Lsn lsn) STRATA_REQUIRES(writer_mutex_);
  Result<void> write_batch(const std::vector<Record>& records) STRATA_REQUIRES(writer_mutex_);
  Result<std::uint64_t> put_records(DuckConnection& connection, const std::vector<Record>& records,
                                    const Catalog& catalog, PhysicalTables& tables);
  Result<void> make_tables(DuckConnection& connection, const Catalog& catalog, PhysicalTables& tables);
  Result<void> maintain_locked(Lsn lsn, Lsn horizon) STRATA_REQUIRES(writer_mutex_);

  // Asking.
  template <typename T>
  using Run = std::function<Result<T>(DuckStatement&)>;
  template <typename T>
  Result<T> ask(Lsn view, const OwnWrites* own, std::string_view sql, std::span<const Value> parameters,
                const Run<T>& run);
  template <typename T>
  Result<T> ask_committed(Lsn view, const std::string& sql, bool users, std::span<const Value> parameters,
                          const Run<T>& run);
  template <typename T>
  Result<T> ask_leased(Lease& lease, Lsn view, const std::string& sql, bool users, std::span<const Value> parameters,
                       const Run<T>& run);
  template <typename T>
  Result<T> ask_ahead(Lsn view, const OwnWrites* own, const std::string& sql, bool users,
                      std::span<const Value> parameters, const Run<T>& run);
  Result<void> open_ahead(Lsn view, bool flush) STRATA_REQUIRES(writer_mutex_);
  Result<void> put_missing(DuckConnection& connection, Lsn view, const Catalog& catalog, PhysicalTables& tables);
  Result<void> show_tables(DuckConnection& connection, Lsn view, const Catalog& catalog, bool own);
  Result<Lease> lease();
  Result<DuckStatement> prepare_positioned(Lease& lease, Lsn view, const std::string& sql);
  Result<void> position(Lease& lease, Lsn view) STRATA_REQUIRES_SHARED(snapshot_mutex_);
  Mode mode_of(const Physical& table, Lsn view) const;
  static std::string visible(Mode mode, Lsn view);

  io::FileSystem& files_;
  RecordSource& source_;
  MirrorOptions options_;
  Watchdog watchdog_;

  std::atomic<bool> open_{false};
  std::atomic<Lsn> applied_{0};
  std::atomic<std::uint64_t> rebuilds_{0}, damaged_files_{0}, flushes_{0}, rows_flushed_{0}, failures_{0};

  core::Mutex writer_mutex_;  // who changes the file, or replaces it
  std::unique_ptr<DuckConnection> writer_ STRATA_GUARDED_BY(writer_mutex_);
  PhysicalTables written_ STRATA_GUARDED_BY(writer_mutex_);  // as the writer's last transaction left it
  bool closed_ STRATA_GUARDED_BY(writer_mutex_) = false;
  bool in_memory_ STRATA_GUARDED_BY(writer_mutex_) = false;  // for one question, for want of space

  core::SharedMutex snapshot_mutex_;  // held shared while a reader takes its snapshot
  PhysicalTables physical_ STRATA_GUARDED_BY(snapshot_mutex_);

  core::Mutex pool_mutex_;
  core::Condition returned_;
  std::shared_ptr<Instance> instance_ STRATA_GUARDED_BY(pool_mutex_);
};

}  // namespace strata::store::analytics
