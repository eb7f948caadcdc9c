// Restore: the backup's files, checked against its list, become a database. To an earlier LSN: its journal is written
// anew up to there, on a new timeline, so that nothing later can ever be taken for its continuation.
#include <algorithm>
#include <filesystem>

#include "core/clock.h"
#include "core/failpoint.h"
#include "engine/local_engine.h"
#include "io/posix_file_system.h"
#include "operations/backup_list.h"

namespace strata::operations {
namespace {

constexpr std::string_view kUncutJournal = "journal.uncut";

/// Copies the records after the manifest, up to `lsn`, into a journal of their own.
Result<void> cut_journal(io::FileSystem& files, const engine::Manifest& manifest, std::uint64_t timeline, Lsn lsn) {
  static const core::SystemClock clock;
  journal::JournalOptions begin_there;
  begin_there.begin_after = manifest.lsn;
  const auto ignore = [](const journal::Record&) { return Result<void>(); };
  auto cut = STRATA_TRY(journal::Journal::open(files, clock, "journal", {manifest.database, timeline}, begin_there,
                                               manifest.lsn, manifest.lsn, ignore));
  auto whole = STRATA_TRY(journal::Journal::open(
      files, clock, std::string(kUncutJournal), {manifest.database, manifest.timeline}, {}, manifest.lsn, manifest.lsn,
      [&](const journal::Record& record) -> Result<void> {
        if (record.lsn > lsn) return {};
        const Lsn written = STRATA_TRY(
            cut->append(Bytes(record.payload.begin(), record.payload.end()), record.commit_time, record.idempotency));
        if (written != record.lsn)
          return Error(ErrorCode::internal, "the journal was cut at another LSN than asked for");
        return {};
      }));
  STRATA_TRY(cut->sync());
  STRATA_TRY(cut->close());
  STRATA_TRY(whole->close());
  return files.remove_directory(kUncutJournal);
}

/// Takes away what a restore that failed has written into the directory, which was empty before.
void remove_what_is_there(const std::string& directory, bool made) {
  std::error_code ignored;
  if (made) {
    std::filesystem::remove_all(directory, ignored);
    return;
  }
  std::error_code failed;
  for (std::filesystem::directory_iterator entry(directory, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    std::filesystem::remove_all(entry->path(), ignored);
  }
}

Result<Lsn> restore_into(io::FileSystem& from, const std::string& backup, BackupList list, engine::Manifest manifest,
                         std::unique_ptr<io::FileSystem> target, const std::string& directory, Lsn lsn,
                         const Progress& progress) {
  io::FileSystem& to = *target;
  const bool cut = lsn != 0 && lsn < list.lsn;
  std::uint64_t total = 0, done = 0;
  for (const BackupFile& file : list.files) total += file.bytes;
  // The manifest last: alone in its directory it would pass for what an interrupted first opening left.
  const auto listed = std::find_if(list.files.begin(), list.files.end(), [&](const BackupFile& file) {
    return file.name == engine::manifest_name(manifest.number);
  });
  if (listed != list.files.end()) std::rotate(listed, listed + 1, list.files.end());
  for (const BackupFile& file : list.files) {
    const bool of_journal = file.name.starts_with("journal/");
    const std::string name = cut && of_journal ? std::string(kUncutJournal) + file.name.substr(7) : file.name;
    const BackupFile copied = STRATA_TRY(copy_file(from, file.name, to, name, file.bytes));
    if (copied.sha256 != file.sha256) {
      return Error(ErrorCode::corruption, backup + "/" + file.name + ": its SHA-256 differs from the backup's list");
    }
    done += file.bytes;
    STRATA_FAILPOINT("restore.copied");
    if (progress && !progress(done, total)) return Error(ErrorCode::cancelled, "the restore was cancelled");
  }
  if (cut) {
    const std::uint64_t timeline = manifest.timeline + 1;
    STRATA_TRY(cut_journal(to, manifest, timeline, lsn));
    STRATA_FAILPOINT("restore.cut");
    manifest.timeline = timeline;
    std::erase_if(manifest.tags, [&](const Tag& tag) { return tag.lsn > lsn; });
    STRATA_TRY(io::write_file_atomically(to, engine::manifest_name(manifest.number), engine::encode(manifest)));
  }
  // With the superblock it is a database; opening it makes what the backup left out.
  STRATA_TRY(engine::write_superblock(to, {2, manifest.database, manifest.timeline, manifest.number, manifest.lsn}));
  STRATA_FAILPOINT("restore.superblock");
  target.reset();
  OpenOptions options;
  options.create = false;
  const auto restored = STRATA_TRY(Engine::open(directory, options));
  STRATA_FAILPOINT("restore.opened");
  const Lsn reached = restored->visible_lsn();
  if (const Lsn expected = lsn != 0 ? lsn : list.lsn; reached < expected) {
    return Error(ErrorCode::corruption,
                 "the backup should reach lsn " + std::to_string(expected) + " and reaches " + std::to_string(reached));
  }
  STRATA_TRY(restored->close());
  return reached;
}

}  // namespace
}  // namespace strata::operations

namespace strata {

Result<Lsn> restore(const std::string& backup, const std::string& directory, Lsn lsn,
                    const Progress& progress) noexcept {
  using namespace operations;
  auto source = io::open_posix_file_system(backup);
  if (!source) return std::move(source).error().with_context("restoring from " + backup);
  io::FileSystem& from = **source;
  auto read = read_backup_list(from);
  if (!read) return std::move(read).error().with_context("restoring from " + backup);
  const BackupList& list = *read;
  engine::Manifest manifest = STRATA_TRY(engine::read_manifest(from, list.manifest));
  if (lsn != 0 && (lsn < manifest.lsn || lsn > list.lsn)) {
    return Error(ErrorCode::invalid_argument, "the backup reaches from lsn " + std::to_string(manifest.lsn) + " to " +
                                                  std::to_string(list.lsn) + "; it cannot be restored to " +
                                                  std::to_string(lsn));
  }
  std::error_code ignored;
  const bool made = !std::filesystem::exists(directory, ignored);
  STRATA_TRY(io::make_root_directory(directory));
  auto target = STRATA_TRY(io::open_posix_file_system(directory));
  if (!STRATA_TRY(target->list("")).empty()) {
    return Error(ErrorCode::already_exists, directory + " is not empty; restore makes a database of its own");
  }

  auto restored =
      restore_into(from, backup, std::move(*read), std::move(manifest), std::move(target), directory, lsn, progress);
  if (!restored) remove_what_is_there(directory, made);
  return restored;
}

}  // namespace strata
