#pragma once
/// The commits that are applied here and not yet in SQLite: a queue in LSN order, and an index of their rows by key.
///
///     push ──▶ [ commit 17 | commit 18 | commit 21 ] ──▶ the writer takes a prefix, commits it to SQLite, ──▶ pop
///                   ▲ newest version ≤ view of a key: readable at once, without SQLite
///
/// A row found here is the answer at that view. A row not found here is in SQLite, at any state ≥ the `applied` that was
/// read together with the miss. That pairing is the invariant readers rely on, so both come out of one call.
/// Threads: any; one thread pushes, one pops.
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/mutex.h"
#include "store/metadata/mutation.h"
#include "store/metadata/schema.h"
#include "strata/value.h"

namespace strata::store::metadata {

/// One commit's effects; immutable once pushed.
struct QueuedCommit {
  Lsn lsn = 0;
  Bytes section;  ///< what the images point into
  std::vector<Step> steps;
  std::size_t rows = 0;
  bool has_ddl = false;
};

class Recent {
 public:
  struct Found {
    bool known = false;  ///< false: ask SQLite, at a state ≥ applied
    bool present = false;
    std::string rest;
    Lsn applied = 0;
  };

  void start(Lsn applied, std::vector<Lsn> history, Lsn history_from, std::shared_ptr<const Catalog> catalog);
  void push(std::shared_ptr<const QueuedCommit> commit);
  /// The commits ≤ lsn, oldest first.
  std::vector<std::shared_ptr<const QueuedCommit>> upto(Lsn lsn) const;
  /// These commits are in SQLite now.
  void pop(Lsn applied);
  void set_catalog(std::shared_ptr<const Catalog> catalog);
  std::shared_ptr<const Catalog> catalog() const;
  Found find(std::string_view table, std::string_view key, Lsn view) const;

  /// The newest commit of this store ≤ view: all views with the same answer see the same rows.
  /// Errors  failed_precondition (before the retention window)
  Result<Lsn> state_at(Lsn view) const;
  Lsn applied() const;
  Lsn last() const;  ///< the newest commit pushed, or applied
  Lsn history_from() const;
  void forget_before(Lsn horizon);  ///< views below it are not asked for any more

  std::size_t rows() const;
  std::size_t bytes() const;

 private:
  struct Version {
    Lsn lsn;
    const Image* image;
  };
  using Versions = std::vector<Version>;  // ascending
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Rows = std::unordered_map<std::string, Versions, Hash, std::equal_to<>>;

  mutable core::SharedMutex mutex_;
  std::deque<std::shared_ptr<const QueuedCommit>> queue_ STRATA_GUARDED_BY(mutex_);
  std::unordered_map<std::string, Rows, Hash, std::equal_to<>> tables_ STRATA_GUARDED_BY(mutex_);
  std::deque<Lsn> lsns_ STRATA_GUARDED_BY(mutex_);  // of every commit of this store > history_from_
  Lsn applied_ STRATA_GUARDED_BY(mutex_) = 0;
  Lsn history_from_ STRATA_GUARDED_BY(mutex_) = 0;
  std::size_t rows_ STRATA_GUARDED_BY(mutex_) = 0;
  std::size_t bytes_ STRATA_GUARDED_BY(mutex_) = 0;
  std::shared_ptr<const Catalog> catalog_ STRATA_GUARDED_BY(mutex_);
};

}  // namespace strata::store::metadata
