#pragma once
/// SQLite's own layer over files, with one thing put right: an error of the disk is not damage.
///
/// SQLite takes EIO from a read for a rotten file and reports SQLITE_CORRUPT. Who hears `corruption` restores a backup;
/// who hears `io` looks after the disk, or asks again.
#include "strata/error.h"

namespace strata::store::metadata {

/// The name to give to sqlite3_open_v2; registered at the first call. Threads: any.
/// Errors  internal (SQLite has no layer of its own here)
Result<const char*> sqlite_files();

}  // namespace strata::store::metadata
