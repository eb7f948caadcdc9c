#pragma once
/// The past: for every commit that SQLite holds, the rows as they were before it.
///
/// Table strata_history has a row per applied batch: the LSNs of its commits, and their undo entries in LSN order. To see
/// the rows as of LSN v, the entries of all later commits are read oldest first; the first entry of a key says what the
/// row was at v. Written in the same SQLite transaction as the rows; cut off below the horizon at checkpoints.
///
///     entry = varint lsn · u8 kind (0 there was none, 1 there was this, 2 DDL) · text table or statement
///             [kind 0, 1: bytes key] [kind 1: bytes rest]
#include <string>
#include <string_view>
#include <vector>

#include "store/metadata/mutation.h"
#include "store/metadata/sqlite.h"
#include "strata/error.h"
#include "strata/value.h"

namespace strata::store::metadata {

/// Collects the undo entries of one batch and writes them. Chunks of about 1 MiB, so that reading one needs little memory.
class HistoryWriter {
 public:
  explicit HistoryWriter(Connection& connection) : connection_(connection) {}
  void row(Lsn lsn, std::string_view table, const Image& before_and_after, bool was_present, std::string_view was);
  void ddl(Lsn lsn, std::string_view sql);
  /// After the last entry of commit `lsn`, also when it has none.
  Result<void> end_commit(Lsn lsn);
  Result<void> flush();

 private:
  Connection& connection_;
  Bytes lsns_;
  Bytes undo_;
  Lsn first_ = 0;
  Lsn last_ = 0;
};

/// The images that lead from the state of `connection` (at `applied`) back to `state`.
/// Errors  unsupported (DDL in between that cannot be taken back, named), corruption
Result<ImageSet> undo_images(Connection& connection, Lsn state);

struct OldRow {
  bool changed_since = false;  ///< false: the row at `state` is the row now
  bool present = false;
  std::string rest;
};
/// One row as it was at `state`. Errors  as undo_images
Result<OldRow> old_row(Connection& connection, Lsn state, std::string_view table, std::string_view key);

/// The LSNs of all commits in the history, ascending.
Result<std::vector<Lsn>> history_lsns(Connection& connection);
/// Removes what only views below `horizon` need.
Result<void> prune_history(Connection& connection, Lsn horizon);

}  // namespace strata::store::metadata
