#pragma once
/// The rows as one of the seven stores: SQLite follows the journal, and can be lost.
///
///     put_row ───────────────▶ MetadataBuffer ── commit ──▶ apply ──▶ Recent ──(in batches)──▶ Writer ──▶ state.sqlite
///     execute ─▶ Writer tries it out ─▶ images ──┘            │                                               ▲
///                                                             └──▶ archive-<n>.sections ──(rebuild)───────────┘
///
/// The journal holds images of rows (mutation.h), never statements; a commit is visible when its images are in Recent,
/// which costs microseconds; SQLite gets them later, many commits in one SQLite transaction. README.md has the invariants.
///
/// Lock order: writer_mutex_, pending_mutex_, archive_mutex_, then those inside Recent and ReaderPool.
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/mutex.h"
#include "io/file_system.h"
#include "store/metadata/archive.h"
#include "store/metadata/buffer.h"
#include "store/metadata/guard.h"
#include "store/metadata/reader_pool.h"
#include "store/metadata/recent.h"
#include "store/metadata/writer.h"
#include "strata/metadata.h"
#include "transaction/participant.h"
#include "transaction/session.h"

namespace strata::store::metadata {

struct MetadataOptions {
  std::uint64_t database = 0;             ///< whose state.sqlite is believed
  std::uint64_t cache_bytes = 64 << 20;   ///< SQLite's page cache of the writer; readers get an eighth each
  std::size_t queue_rows_max = 20'000;    ///< more than this waiting: a background thread writes them
  std::size_t queue_bytes_max = 8 << 20;  ///< likewise
  std::size_t log_pages_max = 4'000;      ///< SQLite's log is copied into state.sqlite when it is longer
  std::size_t idle_readers_max = 4;
  std::uint64_t check_bytes_max = 64 << 20;  ///< a larger state.sqlite is not read as a whole by open
  std::uint64_t archive_factor = 4;          ///< archives larger than this × state.sqlite become one dump
  Limits limits;
};

/// Threads: sessions from any; the participant's own as transaction::Participant says.
class MetadataParticipant final : public transaction::Participant {
 public:
  /// `files` must be on a real disk: SQLite does its own I/O. Both outlive this object.
  MetadataParticipant(io::FileSystem& files, const core::Clock& clock, const MetadataOptions& options = {});
  ~MetadataParticipant() override;

  /// Called before anything up to an LSN is committed to SQLite, which may then survive a power cut: makes the journal
  /// durable up to there. Set it before the first commit.
  void set_durable_source(std::function<Result<void>(Lsn)> make_durable) { make_durable_ = std::move(make_durable); }

  /// The contract within a transaction, a view, or a call that is a transaction of its own. Neither outlives this object.
  std::unique_ptr<MetadataStore> session(transaction::Session& session);

  StoreKind kind() const override { return StoreKind::metadata; }
  Result<void> open(const transaction::Checkpoint* last) override;
  /// The checkpoint's LSN also when SQLite is ahead of it: what SQLite has is skipped, but the archive needs it.
  Lsn applied_lsn() const override { return archived_; }
  Result<void> apply(const transaction::Commit& commit, ByteView section) override;
  Result<void> recovered(Lsn lsn) override;
  Result<void> freeze(Lsn lsn) override;
  Result<transaction::Checkpoint> write_checkpoint(Lsn horizon) override;
  Result<void> installed(const transaction::Checkpoint& checkpoint) override;
  Result<Lsn> durable_lsn() override;
  Result<transaction::Summary> summarize(Lsn view) override;
  Result<std::vector<transaction::Damage>> verify() override;
  transaction::Statistics statistics() override;
  Result<void> close() override;

  // ---- for the sessions and buffers

  MetadataBuffer& buffer(transaction::Context& context);
  std::shared_ptr<const Catalog> catalog(const MetadataBuffer* own) const;
  Converter& converter() { return *converter_; }
  const Limits& limits() const { return options_.limits; }
  const core::Clock& clock() const { return clock_; }

  struct FoundRow {
    bool present = false;
    std::string rest;
  };
  /// One row at a view; not what the transaction itself wrote.
  Result<FoundRow> committed_row(const Table& table, std::string_view key, Lsn view);
  /// Runs a writing statement for a transaction and adds its effects to the buffer. `tail` becomes what follows the
  /// statement, when several are allowed; it points into `sql`. Nothing but blanks left: `empty`. `reads` says whose
  /// words they are: of ours it is known that their outcome depends on the row with that key and on constraints alone.
  enum class Reads : std::uint8_t { what_it_says, one_key };
  Result<Executed> execute(transaction::Context& context, std::string_view sql, std::span<const Value> parameters,
                           bool several_allowed, Reads reads = Reads::what_it_says);
  /// Calls `body` with a connection whose rows are those of `view` with the transaction's own on top. `own` may be null.
  Result<void> read_at(Lsn view, const MetadataBuffer* own, const std::function<Result<void>(Connection&)>& body);
  Result<void> check_healthy();
  /// The catalog is that of the last commit: a statement for which the disk had no space is tried again.
  Result<void> know_tables();
  Result<void> validate(MetadataBuffer& buffer, Lsn view);
  void forget_pending(const std::shared_ptr<const Bytes>& section);

 private:
  /// A key that another transaction has locked, and how it was wanted.
  struct Blocked {
    transaction::KeyHash key;
    transaction::LockMode mode;
  };
  Result<Executed> execute_once(transaction::Context& context, std::string_view sql, std::span<const Value> parameters,
                                bool several_allowed, Reads reads, std::optional<Blocked>& blocked);
  struct Archive {
    transaction::CheckpointFile file;
    Lsn last = 0;
    bool dump = false;  ///< replaces all before it; not known, nor needed, of the first one after opening
  };

  Result<void> open_state(Lsn needed);
  Result<std::unique_ptr<Writer>> open_writer(bool check);
  Result<void> note_copied(Lsn lsn);
  Result<std::optional<Lsn>> read_copied();
  Result<void> put_aside();
  Result<void> rebuild(std::string_view why, Lsn needed);
  Result<void> replay_archives();
  Result<void> flush(Lsn lsn) STRATA_EXCLUDES(writer_mutex_);
  Result<void> flush_locked(Lsn lsn) STRATA_REQUIRES(writer_mutex_);
  Result<void> try_out_locked(MetadataBuffer& buffer, Lsn view) STRATA_REQUIRES(writer_mutex_);
  Result<FoundRow> read_committed(const Table& table, std::string_view key, Lsn view);
  Result<void> read_state(Lsn view, const MetadataBuffer* own, const std::function<Result<void>(Connection&)>& body);
  Result<void> verify_state(std::vector<transaction::Damage>& damage);
  Result<void> verify_pages(std::vector<transaction::Damage>& damage) STRATA_EXCLUDES(writer_mutex_);
  void note_error(const Error& error);
  void run_applier();
  Result<Archive> write_dump(Lsn view);
  Result<void> remove_leftovers();

  io::FileSystem& files_;
  const core::Clock& clock_;
  const MetadataOptions options_;
  std::function<Result<void>(Lsn)> make_durable_;
  std::unique_ptr<Converter> converter_;
  std::unique_ptr<ReaderPool> readers_;
  Recent recent_;
  std::atomic<std::uint64_t> next_buffer_{1};
  std::atomic<std::uint64_t> rebuilds_{0}, undo_reads_{0}, trials_{0}, batches_{0};
  std::atomic<Lsn> tables_waiting_{0};  // the last commit with DDL that SQLite could not take yet; 0: none

  core::Mutex writer_mutex_;
  std::unique_ptr<Writer> writer_ STRATA_GUARDED_BY(writer_mutex_);

  // Validated, on the way through the journal, not applied yet; in LSN order.
  core::Mutex pending_mutex_;
  std::deque<std::shared_ptr<const Bytes>> pending_ STRATA_GUARDED_BY(pending_mutex_);

  // Archives. archived_ and checkpoint_* belong to the thread that applies and checkpoints.
  core::Mutex archive_mutex_;
  std::unique_ptr<ArchiveWriter> archive_ STRATA_GUARDED_BY(archive_mutex_);              // receives now
  std::vector<std::unique_ptr<ArchiveWriter>> frozen_ STRATA_GUARDED_BY(archive_mutex_);  // for the next checkpoint
  std::uint64_t next_archive_ STRATA_GUARDED_BY(archive_mutex_) = 1;
  Lsn frozen_lsn_ STRATA_GUARDED_BY(archive_mutex_) = 0;
  std::vector<Archive> written_ STRATA_GUARDED_BY(archive_mutex_);   // finished, of a checkpoint not installed yet
  std::vector<Archive> archives_ STRATA_GUARDED_BY(archive_mutex_);  // of the installed checkpoint
  Lsn installed_lsn_ STRATA_GUARDED_BY(archive_mutex_) = 0;
  std::atomic<Lsn> archived_{0};

  // The background applier.
  core::Mutex applier_mutex_;
  core::Condition applier_wakes_;
  bool applier_wanted_ STRATA_GUARDED_BY(applier_mutex_) = false;
  bool applier_ends_ STRATA_GUARDED_BY(applier_mutex_) = false;
  std::string last_error_ STRATA_GUARDED_BY(applier_mutex_);
  std::string rebuilt_because_ STRATA_GUARDED_BY(applier_mutex_);
  std::thread applier_;
};

}  // namespace strata::store::metadata
