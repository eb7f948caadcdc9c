#pragma once
/// What an operator does with a database: back it up, restore it, rebuild a store from what is certain.
#include <cstdint>
#include <functional>
#include <string>

#include "strata/engine.h"

namespace [[gnu::visibility("default")]] strata {

/// Called now and then during long work with what is done and what there is in all (0: not known); false cancels.
using Progress = std::function<bool(std::uint64_t done, std::uint64_t total)>;

struct BackupReport {
  std::string directory;  ///< the finished, timestamped backup
  Lsn lsn = 0;            ///< what it holds
  std::uint64_t bytes = 0, files = 0;
  double seconds = 0;
};

/// Copies everything into a new, timestamped folder of `directory` while others go on writing. Every file is checked
/// against its hash on the way; the folder gets its final name last.
/// Errors  corruption (a file of the database is damaged: the backup is given up), resource_exhausted, cancelled, io
Result<BackupReport> backup(Engine& engine, const std::string& directory, const Progress& progress = {}) noexcept;

/// Makes `directory` a database with the backup's content up to `lsn` (0: all of it); what was not in files is derived
/// anew. Returns the LSN it stands at.
/// Errors  already_exists (directory is not empty), corruption (a file differs from the backup's list: it is named),
///         not_found, invalid_argument (an LSN that the backup does not reach)
Result<Lsn> restore(const std::string& backup, const std::string& directory, Lsn lsn = 0,
                    const Progress& progress = {}) noexcept;

/// Throws away what one store derived and makes it again from checkpoint files and journal. The database must be closed.
/// Errors  as Engine::open; internal when the rebuilt content differs from what it was
Result<StoreSummary> rebuild(const std::string& directory, StoreKind store) noexcept;

}  // namespace strata
