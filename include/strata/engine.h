#pragma once
/// A database: one directory, seven stores, one journal.
///
///     auto db = STRATA_TRY(strata::Engine::open("notes.strata"));
///     auto tx = STRATA_TRY(db->begin());
///     …
///     Lsn lsn = STRATA_TRY(tx->commit());
///     auto then = STRATA_TRY(db->view(AsOf::at(lsn)));       // any past state, of all stores at once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "strata/error.h"
#include "strata/transaction.h"
#include "strata/value.h"

namespace [[gnu::visibility("default")]] strata {

struct OpenOptions {
  bool create = true;                         ///< make the directory a database when it is none; else not_found
  Durability durability = Durability::batch;  ///< of calls on the database itself
  std::uint64_t checkpoint_journal_bytes = 96ULL
                                           << 20;  ///< a checkpoint starts when this much was journaled; 1 MiB … 4 GiB
  std::int64_t history_ms = 24LL * 3600 * 1000;    ///< how far back `view(as_of)` reaches, at least; ≥ 0
  std::uint64_t journal_segment_bytes = 64ULL << 20;  ///< 1 MiB … 1 GiB
  std::uint64_t cache_bytes = 2ULL << 30;             ///< limit of the cache store; 1 MiB …
  std::uint64_t vector_bytes = 0;  ///< of the vector store's files in memory, codes and graphs at least; 0: 25 % of RAM
  std::uint64_t analytics_bytes = 0;                   ///< memory limit of the analytics engine; 0: 20 % of RAM
  std::uint64_t metadata_cache_bytes = 64ULL << 20;    ///< page cache of the metadata engine
  std::uint64_t transaction_bytes_max = 240ULL << 20;  ///< one transaction's record
  /// How many bytes of records the files of one store may be behind. A commit beyond it starts a checkpoint, waits up to a
  /// second for it, then gets resource_exhausted. 1 MiB … 1 TiB
  std::uint64_t store_lag_bytes_max = 512ULL << 20;
};

/// Which state a view shows.
struct AsOf {
  std::optional<Lsn> lsn = {};
  std::optional<Timestamp> time = {};  ///< the last commit at or before it
  std::string tag = {};
  static AsOf now() { return {}; }
  static AsOf at(Lsn lsn) { return {lsn, {}, {}}; }
  static AsOf at_time(Timestamp time) { return {{}, time, {}}; }
  static AsOf at_tag(std::string tag) { return {{}, {}, std::move(tag)}; }
  /// "1200" (an LSN), "2026-11-20T10:00:00Z" or "2026-11-20" (a time), else a tag.
  static Result<AsOf> parse(std::string_view text);
};

struct Tag {
  std::string name = {};
  Lsn lsn = 0;
  Timestamp time = 0;  ///< when the tag was set
};

/// One thing that is wrong in the files, as `verify` tells it.
struct Finding {
  std::string store = {};  ///< "vector" … or "journal", "manifest"
  std::string file = {};
  std::uint64_t offset = 0;
  std::string what = {};
  bool repaired = false;  ///< derived data that is written anew by itself
};

/// What each store holds at one LSN, independent of layout: equal databases have equal summaries.
struct StoreSummary {
  StoreKind store = StoreKind::vector;
  std::uint64_t items = 0;
  std::string hash = {};  ///< 32 hexadecimal digits
};

/// Threads: any. A transaction or a view must end before the engine does: else the process ends, saying so.
class Engine : public Stores {
 public:
  using Stores::array;
  using Stores::vector;

  /// Opens the database in `directory`, recovering it when the last process died.
  /// Errors  unavailable (another process has it open: its number is named), not_found, invalid_argument (a directory
  ///         with other content), unsupported (a newer format), corruption (file, offset and LSN are named; nothing was
  ///         changed), permission_denied, io
  /// Cost    maps files; replays what the last checkpoint does not hold
  static Result<std::unique_ptr<Engine>> open(const std::string& directory, const OpenOptions& options = {}) noexcept;

  virtual Result<std::unique_ptr<Transaction>> begin(const TransactionOptions& options = {}) = 0;
  /// Errors  not_found (tag), failed_precondition (older than the history that is kept; the oldest LSN is named),
  ///         invalid_argument (an LSN or time in the future)
  virtual Result<std::unique_ptr<View>> view(const AsOf& as_of = {}) = 0;

  /// Names an LSN (0: now) and keeps its state readable until the tag is removed.
  virtual Result<Lsn> set_tag(std::string_view name, Lsn lsn = 0) = 0;
  virtual Result<bool> remove_tag(std::string_view name) = 0;
  virtual Result<std::vector<Tag>> tags() = 0;

  virtual Lsn visible_lsn() const = 0;
  virtual std::string directory() const = 0;

  /// Writes what memory holds into files and gives journal segments back. Happens by itself, too.
  /// Errors  failed_precondition (from a backup's progress)
  virtual Result<Lsn> checkpoint() = 0;
  virtual Result<Map> statistics() = 0;
  /// What is under way: "active", a list of transactions by id with isolation, age_ms, view_lsn, bytes, keys (noted for
  /// conflicts), writing (whether it wrote anything) and, of one that waits for a lock, waits_for (ids), waits_on (the store and
  /// the hash of the key: equal for equal keys) and waiting_ms; "not_shown", how many more there are (0 here); "conflicts", the
  /// last 32 with time and message; "locks", how many are held; "lag", by how many bytes of records the files of each store are
  /// behind, with the limit "lag_bytes_max"; "counters". A call on the database is shown while it waits.
  virtual Result<Map> transactions() = 0;
  /// What each store holds at the view's LSN. Cost  reads everything
  virtual Result<std::vector<StoreSummary>> summarize(const AsOf& as_of = {}) = 0;
  /// Reads every live byte and checks it against its checksum. Errors  failed_precondition (from a backup's progress)
  virtual Result<std::vector<Finding>> verify() = 0;

  /// Waits for calls of other threads, ends background work, writes a checkpoint when it is worth it, marks the journal as
  /// cleanly closed and lets go of the directory. Every later call, also on a store that somebody holds, is
  /// failed_precondition. Also what the destructor does, which cannot tell of errors. The memory of the stores goes with the
  /// engine, not with this.
  /// Errors  failed_precondition (views or transactions are open: it says how many; or within a call, from what that calls,
  ///         such as a backup's progress: nothing is closed); those of a checkpoint, and then it is closed all the same
  virtual Result<void> close() = 0;
};

/// What Engine::transactions tells, of a database that another process (or this one) has open, read without asking that
/// process: it may hang. First comes "process", who that is. Of more than 256 transactions or 64 that wait, "not_shown" are left
/// out; of more than 9 that one waits for, 9 are named; messages of conflicts end after 360 bytes; "locks" are those that
/// transactions held when their last call ended. For the user of that process and for root, on the same machine and in the same container.
/// Errors  not_found (no process has it open), permission_denied (another user's process), unavailable (the process is none that
///         can be looked at, or is still opening it), unsupported, corruption (what it shows was written by another version, or by nobody)
/// Cost    about 40 KB copied twice; the process that is looked at does nothing for it
Result<Map> transactions_of(const std::string& directory) noexcept;

}  // namespace strata
