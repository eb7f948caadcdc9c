#pragma once
/// What a store implements to take part in the journal's order. Seven stores, one anatomy.
///
///     live      session call → WriteBuffer (per transaction and store) → commit: prepare → validate → encode
///               → journal (durable) → Participant::apply, in LSN order → visible
///     recovery  open(last checkpoint) → apply every later record, the same code with the same bytes
///     checkpoint freeze (applies paused, quick) → write_checkpoint (beside applies and reads) → MANIFEST → installed
///
/// `apply` is a pure function of (state, commit, section): no clock, no randomness, no filter evaluated anew (a record
/// holds resolved effects). That is what makes rebuild = live state (P6).
#include <memory>
#include <string>
#include <vector>

#include "core/checksum.h"
#include "core/codec.h"
#include "strata/error.h"
#include "strata/transaction.h"
#include "strata/value.h"

namespace strata::transaction {

/// One committed transaction, as a store sees it.
struct Commit {
  Lsn lsn = 0;
  Timestamp time = 0;
  std::uint64_t moment = 0;  ///< of its changes to what lives in memory alone (view_registry.h)
};

/// A file that belongs to a checkpoint: never changed after it was finished, removed only when no manifest names it (I11).
struct CheckpointFile {
  std::string name;  ///< relative to the database's directory; made from integers and hashes (I16)
  std::uint64_t bytes = 0;
  core::Hash128 hash;  ///< XXH3-128 of the content; {0,0} for files another engine changes in place (SQLite)
};

/// The durable state of one store at one LSN: what the manifest records of it.
struct Checkpoint {
  Lsn lsn = 0;  ///< every effect ≤ lsn is in it, none later
  Bytes state;  ///< the store's own description: segments, counters
  std::vector<CheckpointFile> files;
};

/// A content summary that does not depend on layout (segments, order): equal states have equal summaries.
struct Summary {
  std::uint64_t items = 0;
  core::Hash128 hash;  ///< combined over items by addition, so that order does not matter
  void add(const core::Hash128& item) {
    ++items;
    hash.low += item.low;
    hash.high += item.high;
  }
  bool operator==(const Summary&) const = default;
};

/// One thing that `verify` found wrong.
struct Damage {
  std::string file;
  std::uint64_t offset = 0;
  std::string what;
  bool rebuilt_by_itself = false;  ///< derived data: answers stay right, the next checkpoint writes it anew
};

/// Figures for `stats`; a map so that each store may say what matters there. Common names: items, bytes_on_disk,
/// bytes_in_memory, segments.
using Statistics = Map;

/// Threads: apply, freeze and installed come from one thread at a time, in LSN order (the transaction manager's apply
/// lock is held); sessions read from any thread at the same time; write_checkpoint runs beside both.
class Participant {
 public:
  virtual ~Participant() = default;
  virtual StoreKind kind() const = 0;

  /// Loads the state of the last checkpoint; nullptr: a new database, or a rebuild from the first record.
  /// Must be quick: map files, read no data. Errors  corruption (names the file), unsupported (newer format)
  virtual Result<void> open(const Checkpoint* last) = 0;
  /// The LSN from which records are needed: the checkpoint's, or a later one for a store that keeps its own durable
  /// state (SQLite, DuckDB). Records ≤ this are not applied again.
  virtual Lsn applied_lsn() const = 0;
  /// Applies this store's section of one record. Sections of other stores are not shown; LSNs therefore have gaps here,
  /// but they ascend. Not visible to readers before the transaction manager publishes the LSN: readers compare versions.
  virtual Result<void> apply(const Commit& commit, ByteView section) = 0;
  /// Recovery is over; `lsn` is the last record. Removes leftovers (unfinished files that nothing names).
  virtual Result<void> recovered(Lsn lsn) = 0;

  /// The next checkpoint may rewrite more than one usually does, so that reads meet fewer files.
  virtual void compact() {}
  /// Waits until what is made beside checkpoints is there. `progress(done, total)` is called now and then; false: no more waiting.
  /// Errors  cancelled; what making it met (io, resource_exhausted)
  virtual Result<void> settle(const std::function<bool(std::uint64_t, std::uint64_t)>& progress) {
    (void)progress;
    return {};
  }
  /// From now on a checkpoint at `lsn` can be written: everything applied so far belongs to it, nothing later.
  virtual Result<void> freeze(Lsn lsn) = 0;
  /// Writes it: files finished, synced, their directory synced. Versions that no view ≥ `horizon` can see may be left
  /// out. Errors leave the old checkpoint as it is; the next attempt includes what was frozen.
  virtual Result<Checkpoint> write_checkpoint(Lsn horizon) = 0;
  /// No manifest will name what was written last, here or in another store it failed; the engine removes the new files.
  /// Lets go of them, so that their space is free.
  virtual void abandoned() {}
  /// The manifest that names this checkpoint is durable: drop what memory held for it.
  virtual Result<void> installed(const Checkpoint& checkpoint) = 0;
  /// The LSN that is durable in this store alone, read back from disk (I5): what the journal may be truncated below.
  virtual Result<Lsn> durable_lsn() = 0;

  /// Files that records after the last checkpoint may name, finished before their commit: large objects, large appends.
  /// Some of them may belong to no commit, and go away at any time. For a backup, which takes the records along.
  virtual Result<std::vector<std::string>> written_ahead() { return std::vector<std::string>(); }

  /// Summary of everything visible at `view`; the oracle of `doctor`, of rebuild and of the crash tests.
  virtual Result<Summary> summarize(Lsn view) = 0;
  /// Reads every live byte and checks it.
  virtual Result<std::vector<Damage>> verify() = 0;
  virtual Statistics statistics() = 0;
  virtual Result<void> close() = 0;
};

class Context;

/// What one transaction has written to one store so far. Threads: one at a time.
class WriteBuffer {
 public:
  virtual ~WriteBuffer() = default;
  /// True when there is nothing to journal.
  virtual bool empty() const = 0;
  /// True when `committed` changes what lives in memory alone.
  virtual bool changes_memory() const { return false; }
  /// First step of commit, no lock held: whatever may fail or take time.
  virtual Result<void> prepare(Context&) { return {}; }
  /// Second step, the commit lock held and conflicts excluded: what must hold against the latest committed state.
  /// After it only the journal can still refuse. Keep it short.
  virtual Result<void> validate(Context&) { return {}; }
  /// The section of the record: resolved effects.
  virtual void encode(core::Encoder& out) const = 0;
  /// Adds every predicate whose answers this commit may change (Context::note_scan): the tables, labels and neighbourhoods
  /// it writes to. Called before `committed`, and only while a serializable transaction runs; may be called under the
  /// commit lock.
  virtual Result<void> affects(Context&, std::vector<std::uint64_t>& predicates) const = 0;
  /// The transaction is committed and about to become visible (applies are held; live only, never at recovery).
  virtual void committed(const Commit&) {}
  /// The transaction ended without a commit: release files written ahead, savepoints.
  virtual void aborted() {}
  /// What the buffer holds now, for a savepoint. Cost  a copy of it, where it cannot be cut off at its end
  class Saved {
   public:
    virtual ~Saved() = default;
  };
  virtual std::unique_ptr<Saved> save() = 0;
  /// Back to that, as often as asked. Files written ahead since then are removed.
  virtual void restore(const Saved& saved) = 0;
  /// What a written key is called in a conflict: "note:n1". Called for the message only.
  virtual std::string describe(std::uint64_t key) const = 0;
};

/// A buffer's content, copied whole.
template <typename Content>
class SavedCopy final : public WriteBuffer::Saved {
 public:
  explicit SavedCopy(Content copied) : content(std::move(copied)) {}
  static const Content& of(const WriteBuffer::Saved& saved) { return static_cast<const SavedCopy&>(saved).content; }
  Content content;
};

}  // namespace strata::transaction
