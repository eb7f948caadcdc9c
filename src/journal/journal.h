#pragma once
/// The journal: the one truth of a database. A dense sequence of records, each one committed transaction over all stores.
///
/// append → (one aligned write and one sync for all that wait) → durable. Format, torn tail against corruption, and the
/// reasons: README.md beside this file and docs/formats/journal.md. Invariants I1, I2, I6–I9 and I15 live here.
#include <array>
#include <functional>
#include <memory>
#include <string>

#include "core/clock.h"
#include "io/file_system.h"
#include "strata/transaction.h"

namespace strata::journal {

struct JournalOptions {
  std::uint64_t segment_bytes = 64 << 20;   ///< 64 KiB … 1 GiB; a new file past this
  std::uint64_t reserve_bytes = 256 << 10;  ///< blocks are taken from the disk in steps of this, before they are needed
  std::uint64_t zero_ahead_bytes = 4 << 20;    ///< zeros written and synced ahead of the writer
  std::uint64_t batch_bytes_max = 4 << 20;     ///< one write and one sync cover at most this
  std::uint64_t queue_bytes_max = 64 << 20;    ///< appenders wait beyond this (I15)
  std::int64_t queue_wait_us_max = 1'000'000;  ///< then resource_exhausted
  Lsn begin_after = 0;  ///< not 0: the directory must hold no journal; one is begun after this LSN
  std::uint64_t record_bytes_max = 256 << 20;  ///< a larger transaction is refused before anything is written
  bool gather = true;  ///< a leader steps aside for threads that were just woken; false when one thread does everything
  std::int64_t flush_us_max = 50'000;  ///< `off` records are synced, an idle journal marked, after it; 0: never
};

/// One committed transaction, as recovery and readers see it.
struct Record {
  Lsn lsn = 0;
  Timestamp commit_time = 0;
  std::uint64_t idempotency = 0;  ///< hash of the client's idempotency key; 0: none
  ByteView payload;               ///< valid during the callback only
};

/// Where the journal stands, for statistics and `strata stats`.
struct JournalStats {
  Lsn last_lsn = 0, durable_lsn = 0, first_lsn = 0;
  std::uint64_t epoch = 0, segments = 0, bytes = 0;
  std::uint64_t batches = 0, syncs = 0, records = 0, sync_us_total = 0;
  std::uint64_t refused = 0;  ///< appends for which the disk had no space
  bool poisoned = false;
};

/// Pinned by the superblock so that a missing or foreign journal is noticed.
struct JournalIdentity {
  std::array<std::byte, 16> database{};  ///< UUID of the database
  std::uint64_t timeline = 1;            ///< +1 at every restore to an earlier point
};

/// What recovery found.
struct RecoveryReport {
  Lsn last_lsn = 0;        ///< of the last whole record; every earlier one is there
  bool torn_tail = false;  ///< bytes after it were the rest of a write that never was acknowledged
  std::string torn_copy;   ///< the file that keeps them
  std::uint64_t bytes_read = 0;
  bool clean_shutdown = false;
};

/// Threads: append, sync, begin_segment, stats from any; open, truncate_below, close from one.
class Journal {
 public:
  /// Opens `directory` (created when missing), finds the true end, and hands every record after `replay_after` to
  /// `visit` in order. Then starts a new segment with a higher epoch.
  /// known_durable  the highest LSN that any store or the manifest is known to hold: a journal that ends before it is
  ///                corrupt, not torn
  /// Errors  corruption (names file, offset, LSN; nothing was changed), unsupported (newer format), io, or what visit returned
  static Result<std::unique_ptr<Journal>> open(io::FileSystem& files, const core::Clock& clock, std::string directory,
                                               const JournalIdentity& identity, const JournalOptions& options,
                                               Lsn replay_after, Lsn known_durable,
                                               const std::function<Result<void>(const Record&)>& visit,
                                               RecoveryReport* report = nullptr);
  virtual ~Journal() = default;

  /// Queues one record under the next LSN and returns it. The caller serialises calls whose order matters. The payload is
  /// shared and must not change. Nothing is on disk yet, but the blocks it needs are reserved there (I19). Waits when the
  /// queue is full.
  /// Errors  resource_exhausted (no space on the disk, the free bytes are named; queue full too long; record too large):
  ///         nothing was appended, and the same call succeeds once there is space; commit_unknown when poisoned
  virtual Result<Lsn> append(std::shared_ptr<const Bytes> payload, Timestamp commit_time,
                             std::uint64_t idempotency) = 0;
  Result<Lsn> append(Bytes payload, Timestamp commit_time, std::uint64_t idempotency) {
    return append(std::make_shared<const Bytes>(std::move(payload)), commit_time, idempotency);
  }

  /// Returns once `lsn` is durable: one of the waiting threads becomes the leader and writes and syncs for all.
  /// Durability::each syncs its record in a batch of its own; Durability::off returns once the bytes are handed to the
  /// operating system (a sync follows within 50 ms).
  /// Errors  commit_unknown (a write or sync failed: the journal is poisoned, nothing is acknowledged any more)
  virtual Result<void> wait(Lsn lsn, Durability durability) = 0;

  /// `durable(lsn)` is called by a thread in `wait` that led and synced, before those wake who wait for records ≤ lsn; the
  /// next leader is already on its way to the disk. So what everybody would do next is done once, by one who is awake.
  /// Not called from `sync`, `append` and the background: they may be held up by what the observer waits for. Several threads
  /// at a time may call it, with no lock held. An empty function ends it: when this returns, no call is under way.
  virtual void set_durable_observer(std::function<void(Lsn)> durable) = 0;

  /// Makes everything appended so far durable.
  virtual Result<void> sync() = 0;

  virtual Lsn last_lsn() const = 0;     ///< appended
  virtual Lsn durable_lsn() const = 0;  ///< synced; never decreases (I2)
  virtual bool poisoned() const = 0;

  /// Hands the records (after, up to] to `visit`, from disk. Errors  not_found when they are truncated; corruption
  virtual Result<void> read(Lsn after, Lsn up_to, const std::function<Result<void>(const Record&)>& visit) = 0;

  /// What is appended from now on goes into a new segment, so that truncate_below can delete the present one as a whole; nothing
  /// when the present one holds no record. Errors  resource_exhausted (nothing has happened), commit_unknown, failed_precondition
  virtual Result<void> begin_segment() = 0;

  /// Deletes segments all of whose records are ≤ lsn. The newest segment stays.
  virtual Result<void> truncate_below(Lsn lsn) = 0;

  /// File names (relative to the file system's root) and sizes that hold records up to lsn: for a backup.
  struct SegmentFile {
    std::string name;
    std::uint64_t bytes;
    Lsn first_lsn;
  };
  virtual Result<std::vector<SegmentFile>> segments() = 0;

  virtual JournalStats stats() const = 0;

  /// Syncs, writes the mark of a clean shutdown, gives the unused zeros back. No append after it.
  virtual Result<void> close() = 0;
};

}  // namespace strata::journal
