#pragma once
/// SQLite's own layer over files, with two things put right.
///
/// What has rotted is no answer. Each page of the database gets its checksum when it is written to the file and is compared
/// when it is read (pages.h), a page in the log by the sum that SQLite itself looks at when it recovers a log and never again.
/// So no page reaches SQLite, or is copied from the log into the file, that is not as it was written. Nothing is mapped.
///
/// An error of the disk is not damage. SQLite takes EIO from a read for a rotten file and reports SQLITE_CORRUPT. Who hears
/// `corruption` restores a backup; who hears `io` looks after the disk, or asks again. Damage is SQLITE_IOERR_DATA.
#include <cstdint>
#include <string>

#include "strata/error.h"

struct sqlite3;

namespace strata::store::metadata {

/// The name to give to sqlite3_open_v2; registered at the first call. Threads: any.
/// Errors  internal (SQLite has no layer of its own here)
Result<const char*> sqlite_files();

/// Leaves room for checksums in every page of a file that has none yet. Before anything else is done on the connection.
void make_room_for_checksums(sqlite3* connection);

/// What the last read that gave SQLITE_IOERR_DATA found, in words: the file, the page. One thread at a time, as the connection.
std::string damage_met(sqlite3* connection);

/// Reads one page of the file itself, whether it is in use or not; the log is not looked at. Not while somebody writes the file.
/// A page of zeros passes: a hole, where SQLite never wrote. That a page in use is none, SQLite's own checks of its trees tell.
/// Errors  corruption, io
Result<void> check_page(sqlite3* connection, std::uint32_t number);
/// How many the file has.
Result<std::uint32_t> count_pages(sqlite3* connection);
/// Whether the file alone is all there is. Once the connection has read something.
Result<bool> is_log_empty(sqlite3* connection);

}  // namespace strata::store::metadata
