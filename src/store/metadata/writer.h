#pragma once
/// The one connection that writes state.sqlite, checkpoints its WAL, and tries things out.
///
///                     ┌── apply(commits) ──────▶ BEGIN · rows · history · applied_lsn · COMMIT      for good
///      writer ────────┤
///                     └── stand_at(place) ─────▶ BEGIN · undo to a state · a transaction's steps    never committed
///                                                  then: execute, query, check … and at last ROLLBACK
///
/// A place is "the rows at state S with the steps of transaction T on top". The writer stays where it stands until
/// somebody needs it elsewhere, so the statements of one transaction, run one after another, do not pay for each other.
///
/// W1  applied_lsn changes in the same SQLite transaction as the rows of that LSN, on every path.
/// W2  What is tried out is never committed: every COMMIT is in apply or make_durable, which leave the place first.
/// W3  Foreign keys and CHECKs are off except while a user's statement runs: what is applied was validated before.
/// Threads: one at a time (the store's writer mutex).
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "store/metadata/guard.h"
#include "store/metadata/images.h"
#include "store/metadata/recent.h"

namespace strata::store::metadata {

/// Where a transaction stands: its identity and how many times its steps changed. Owner 0: nobody, no steps.
struct Place {
  Lsn state = 0;
  std::uint64_t owner = 0;
  std::uint64_t revision = 0;
  bool operator==(const Place&) const = default;
};

/// What a statement did.
struct Executed {
  Analysis analysis;
  ImageSet images;  ///< of the rows it touched
  std::uint64_t rows_changed = 0;
  std::int64_t last_insert_rowid = 0;
  std::string_view tail;  ///< what follows the statement in the text
  bool empty = false;     ///< there was no statement, only blanks
};

class Writer {
 public:
  /// Opens or creates the file, of this database. `check`: read every page first.
  /// Errors  corruption (what is there is not a sound database of ours), io, resource_exhausted
  static Result<std::unique_ptr<Writer>> open(const std::string& path, std::int64_t cache_bytes, std::uint64_t database,
                                              bool check);

  /// From now on the log is copied into the file after a commit that leaves it longer than `pages`. `before` is told the LSN
  /// that is in the log, whenever a copy begins: it can be interrupted, and then takes a whole log to be completed.
  void copy_log_beyond(std::size_t pages, std::function<Result<void>(Lsn)> before);
  void close();

  Lsn applied() const { return applied_; }
  Lsn history_from() const { return history_from_; }
  const std::shared_ptr<const Catalog>& catalog() const { return catalog_; }
  Connection& connection() { return connection_; }

  /// Commits these to SQLite, in one SQLite transaction. `history`: remember what was before.
  Result<void> apply(std::span<const std::shared_ptr<const QueuedCommit>> commits, bool history);
  /// The past before `lsn` is not known: a rebuild began with a dump.
  Result<void> begin_history_at(Lsn lsn);

  /// Goes to `place`, unless it stands there already; `steps` are the owner's. SQLite must not be behind place.state.
  /// Errors  unsupported (DDL in between), and as the steps
  Result<void> stand_at(const Place& place, const std::vector<Step>& steps);
  /// As stand_at for a place that SQLite is behind of and has no space to follow to: these commits, all that are missing up
  /// to place.state, are part of what is never committed. Its pages stay in memory.
  Result<void> stand_ahead(const Place& place, std::span<const std::shared_ptr<const QueuedCommit>> missing,
                           const std::vector<Step>& steps);
  bool stands_at(const Place& place) const { return place_ == place; }
  /// The owner's steps have become those that this place holds already.
  void renumber(std::uint64_t revision) { place_->revision = revision; }
  void leave();
  /// The tables as they are at the place.
  const std::shared_ptr<const Catalog>& place_catalog() const { return place_catalog_; }

  /// Runs one statement of a user's at the place; on error the place is as before.
  /// several_allowed   more statements may follow in `sql`
  Result<Executed> execute(std::string_view sql, std::span<const Value> parameters, const Limits& limits,
                           const core::Clock& clock, bool several_allowed);
  /// Applies steps at a place of nobody, at the state that is applied, and looks at foreign keys. Then leaves.
  /// `earlier`: steps that come first and are known to be good.
  Result<void> try_out(const std::vector<std::vector<Step>>& earlier, const std::vector<Step>& steps);

  /// Cuts the history below `horizon`; then everything committed is on the disk, synced, and the WAL as short as
  /// readers allow.
  Result<void> make_durable(Lsn horizon);
  /// Leaves the place and copies the log into the file. False: readers kept some of it from that.
  Result<bool> copy_log() { return copy_log(SQLITE_CHECKPOINT_PASSIVE); }

 private:
  Writer() = default;
  Result<void> check_all();
  /// Begins a transaction at `applied()` and goes on by `way`; an error leaves it.
  Result<void> go_to(const Place& place, const std::function<Result<void>()>& way);
  Result<bool> copy_log(int mode);
  Result<void> prepare_tables(std::uint64_t database);
  Result<std::optional<Lsn>> read_state(std::string_view name);
  Result<void> write_state(std::string_view name, Lsn value);
  Result<void> apply_in_transaction(std::span<const std::shared_ptr<const QueuedCommit>> commits, bool history,
                                    std::shared_ptr<const Catalog>& catalog);
  Result<Executed> execute_in_savepoint(std::string_view sql, std::span<const Value> parameters, const Limits& limits,
                                        const core::Clock& clock, bool several_allowed);
  Result<void> check_definition(const Analysis& analysis);

  Connection connection_;
  Lsn applied_ = 0;
  Lsn history_from_ = 0;
  std::shared_ptr<const Catalog> catalog_;
  std::optional<Place> place_;
  std::shared_ptr<const Catalog> place_catalog_;
  std::size_t log_pages_ = 0, log_pages_max_ = 0;
  std::function<Result<void>(Lsn)> before_copy_;
  bool spills_ = true;  // dirty pages to the disk, when the cache is full of them
};

/// Binds positional parameters, or the names of one Map. Errors  invalid_argument naming what is missing
Result<void> bind_parameters(Statement& statement, std::span<const Value> parameters);

}  // namespace strata::store::metadata
