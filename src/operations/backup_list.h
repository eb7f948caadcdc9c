#pragma once
/// BACKUP: the list of a backup's files with size and SHA-256, and what state they make up. Written last.
///
/// JSON, so that a person can check a backup with sha256sum and nothing of ours:
///     {"format": 1, "lsn": 1274, "manifest": 9, "created": "2026-11-20T10:00:00.000000Z",
///      "files": [{"name": "vector/3.segment", "bytes": 4711, "sha256": "…"}, …]}
#include <string>
#include <vector>

#include "io/file_system.h"
#include "strata/operations.h"

namespace strata::operations {

inline constexpr std::string_view kBackupListName = "BACKUP";

struct BackupFile {
  std::string name;
  std::uint64_t bytes = 0;
  std::string sha256;
};

struct BackupList {
  Lsn lsn = 0;  ///< the last record in its journal
  std::uint64_t manifest = 0;
  Timestamp created = 0;
  std::vector<BackupFile> files;
};

std::string encode(const BackupList& list);
/// Errors  not_found (no such file: not a backup), corruption, unsupported (newer format)
Result<BackupList> read_backup_list(io::FileSystem& files);

/// Copies the first `bytes` of a file, synced; returns what the copy must hash to.
Result<BackupFile> copy_file(io::FileSystem& from, std::string_view source, io::FileSystem& to, std::string_view target,
                             std::uint64_t bytes);
/// Errors  corruption naming the file, when size or hash differ
Result<void> check_file(io::FileSystem& files, const BackupFile& expected);
/// Makes the folders that the file's name needs.
Result<void> make_parents(io::FileSystem& files, std::string_view name);

}  // namespace strata::operations
