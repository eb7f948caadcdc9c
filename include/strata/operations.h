#pragma once
/// What an operator does with a database: compact it, back it up, restore it, rebuild a store from what is certain.
#include <cstdint>
#include <functional>
#include <string>

#include "strata/engine.h"

namespace [[gnu::visibility("default")]] strata {

/// Called now and then during long work with what is done and what there is in all (0: not known); false cancels. It may
/// read and write; what a backup keeps others from (close, checkpoint, compact, verify, another backup) is failed_precondition.
using Progress = std::function<bool(std::uint64_t done, std::uint64_t total)>;

struct CompactReport {
  std::uint64_t objects = 0, bytes = 0;  ///< removed
  Lsn lsn = 0;                           ///< of the last checkpoint
};

/// Removes objects that nothing refers to, gives back the space of what is gone, merges vector segments, and waits until every
/// large one has its search graph; journal that only what came before needed goes, too. A running database does all of it by and by; this does it now, while others go on. Cancelled, it goes on
/// where it was: graphs that are finished stay. `progress` counts rows on their way into graphs.
/// Errors  resource_exhausted, cancelled, io (a graph could not be made: searches are exact there), failed_precondition (closed
///         meanwhile, or from a backup's progress), unsupported (another process has the database open)
/// Cost    two checkpoints, of which the first may write every vector anew; about 130 µs of a processor for each row that waits
///         for a graph
Result<CompactReport> compact(Engine& engine, const Progress& progress = {}) noexcept;

struct BackupReport {
  std::string directory;  ///< the finished, timestamped backup
  Lsn lsn = 0;            ///< what it holds
  std::uint64_t bytes = 0, files = 0;
  double seconds = 0;
};

/// Copies everything into a new, timestamped folder of `directory` while others go on writing. Every file is checked
/// against its hash on the way; the folder gets its final name last.
/// Errors  invalid_argument (`directory` is the database's, or in it), corruption (a file of the database is damaged: the
///         backup is given up), resource_exhausted, cancelled, io
Result<BackupReport> backup(Engine& engine, const std::string& directory, const Progress& progress = {}) noexcept;

/// Makes `directory` a database with the backup's content up to `lsn` (0: all of it); what was not in files is derived
/// anew. Returns the LSN it stands at.
/// Errors  already_exists (directory is not empty), corruption (a file differs from the backup's list: it is named),
///         not_found, invalid_argument (an LSN that the backup does not reach)
Result<Lsn> restore(const std::string& backup, const std::string& directory, Lsn lsn = 0,
                    const Progress& progress = {}) noexcept;

/// What a store holds after a rebuild.
struct RebuildReport : StoreSummary {
  /// It held something else before, or could not be read: its derived file was damaged, and is kept as *.damaged-<n>.
  bool changed = false;
};

/// metadata, analytics: makes the files of SQLite or DuckDB again from checkpoint files and journal, beside what is there,
/// and replaces that when the new ones are whole and checked. The other stores derive nothing that outlives a process: they
/// are opened again and checked. The database must be closed.
/// Errors  as Engine::open; corruption (what the store is made from is damaged: the file is named); internal (a store that
///         derives nothing holds something else when opened again). After an error nothing is lost that could be read before
/// Cost    the space of the derived files once more, for a while
Result<RebuildReport> rebuild(const std::string& directory, StoreKind store) noexcept;

}  // namespace strata
