// Backup: a fresh checkpoint's files, which never change, and the journal after it, copied while others go on writing.
//
// What SQLite and DuckDB keep is derived from files that are in the manifest, so it is left out: restore makes it again.
// The copy grows in `<name>.partial`, is read back against its hashes, and gets its name last.
#include <algorithm>
#include <filesystem>
#include <set>

#include "core/clock.h"
#include "core/failpoint.h"
#include "engine/local_engine.h"
#include "engine/superblock.h"
#include "io/posix_file_system.h"
#include "operations/backup_list.h"

namespace strata::operations {
namespace {

struct Source {
  std::string name;
  std::uint64_t bytes;
  bool may_go = false;  ///< of a transaction that was not committed when it was listed
};

std::string folder_name(Timestamp time) { return core::format_time(time).substr(0, 19); }  // to the second

Result<void> confirm(const Progress& progress, std::uint64_t done, std::uint64_t total) {
  if (progress && !progress(done, total)) return Error(ErrorCode::cancelled, "the backup was cancelled");
  return {};
}

/// Files of a backup among those of the database would be nobody's.
Result<void> check_outside(engine::LocalEngine& engine, const std::string& directory) {
  const auto superblock = engine.files().path(engine::kSuperblockName);
  if (!superblock) return {};  // not on a disk
  std::error_code failed;
  const std::filesystem::path home =
      std::filesystem::canonical(std::filesystem::path(*superblock).parent_path(), failed);
  const std::filesystem::path to = std::filesystem::canonical(directory, failed);
  if (failed) return Error(ErrorCode::io, failed.message() + ": " + directory);
  if (std::mismatch(home.begin(), home.end(), to.begin(), to.end()).first != home.end()) return {};
  return Error(ErrorCode::invalid_argument, "a backup is made outside of the database, not in " + to.string());
}

/// Large contents of commits after the checkpoint are in files of their own, which no manifest names yet. Those of
/// transactions that give up meanwhile may go away again.
Result<void> add_written_ahead(engine::LocalEngine& engine, std::vector<Source>& sources) {
  std::set<std::string> named;
  for (const Source& source : sources) named.insert(source.name);
  for (std::string& name : STRATA_TRY(engine.written_ahead())) {
    if (named.contains(name)) continue;
    const auto bytes = engine.files().file_size(name);
    if (bytes) sources.push_back({std::move(name), *bytes, true});
    if (!bytes && bytes.error().code() != ErrorCode::not_found) return bytes.error().clone();
  }
  return {};
}

/// The segments that hold anything after the checkpoint.
std::vector<Source> segments_after(const std::vector<journal::Journal::SegmentFile>& segments, Lsn lsn) {
  std::vector<Source> sources;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const bool all_before = i + 1 < segments.size() && segments[i + 1].first_lsn <= lsn + 1;
    if (!all_before) sources.push_back({segments[i].name, segments[i].bytes});
  }
  return sources;
}

}  // namespace
}  // namespace strata::operations

namespace strata {

Result<BackupReport> backup(Engine& engine, const std::string& directory, const Progress& progress) noexcept {
  using namespace operations;
  auto* local = dynamic_cast<engine::LocalEngine*>(&engine);
  if (local == nullptr) {
    return Error(ErrorCode::unsupported, "a backup is made by the process that has the database open");
  }
  const std::int64_t began = local->clock().monotonic_us();
  auto target = io::open_posix_file_system(directory);
  if (!target) return std::move(target).error().with_context("backing up to " + directory);
  STRATA_TRY(check_outside(*local, directory));
  io::FileSystem& to = **target;
  BackupReport report;
  BackupList list;
  list.created = local->clock().now();
  std::string folder = folder_name(list.created), partial;
  // A name of its own, also beside a backup that is being made, or was left, in this second. One backup at a time comes here.
  const auto begin = [&]() -> Result<void> {
    for (int suffix = 2;; ++suffix) {
      std::string name = folder + ".partial";
      if (!STRATA_TRY(to.exists(folder)) && !STRATA_TRY(to.exists(name))) {
        STRATA_TRY(to.create_directory(name));
        partial = std::move(name);
        STRATA_FAILPOINT("backup.begin");
        return {};
      }
      folder = folder_name(list.created) + "-" + std::to_string(suffix);
    }
  };
  const auto copy = [&]() -> Result<void> {
    return local->with_checkpoint([&](const engine::Manifest& manifest,
                                      const std::vector<journal::Journal::SegmentFile>& segments,
                                      Lsn durable) -> Result<void> {
      STRATA_TRY(begin());
      list.lsn = durable;
      list.manifest = manifest.number;
      std::vector<Source> sources{{engine::manifest_name(manifest.number), 0}};
      sources[0].bytes = STRATA_TRY(local->files().file_size(sources[0].name));
      for (const auto& file : engine::files_of(manifest)) {
        if (file.hash != core::Hash128{}) sources.push_back({file.name, file.bytes});
      }
      for (Source& segment : segments_after(segments, manifest.lsn)) sources.push_back(std::move(segment));
      STRATA_TRY(add_written_ahead(*local, sources));
      std::uint64_t total = 0;
      for (const Source& source : sources) total += source.bytes;
      for (const Source& source : sources) {
        auto copied_file = copy_file(local->files(), source.name, to, partial + "/" + source.name, source.bytes);
        if (!copied_file && source.may_go && copied_file.error().code() == ErrorCode::not_found) continue;
        list.files.push_back(STRATA_TRY(std::move(copied_file)));
        list.files.back().name = source.name;
        STRATA_FAILPOINT("backup.copied");
        report.bytes += source.bytes;
        STRATA_TRY(confirm(progress, report.bytes, total));
      }
      return {};
    });
  };
  Result<void> copied = copy();
  const auto finish = [&]() -> Result<void> {
    // What was written is what will be read: a damaged source differs from its manifest, a damaged copy from the source.
    for (const BackupFile& file : list.files)
      STRATA_TRY(check_file(to, {partial + "/" + file.name, file.bytes, file.sha256}));
    STRATA_FAILPOINT("backup.checked");
    STRATA_TRY(io::write_file_atomically(to, partial + "/" + std::string(kBackupListName), as_bytes(encode(list))));
    STRATA_FAILPOINT("backup.listed");
    STRATA_TRY(to.rename(partial, folder));
    STRATA_FAILPOINT("backup.renamed");
    return to.sync_directory("");
  };
  if (copied) copied = finish();
  if (!copied) {
    // The error that counts is the one above.
    if (!partial.empty()) (void)to.remove_directory(partial).has_value();
    return std::move(copied).error().with_context("backing up to " + directory);
  }
  report.directory = directory + "/" + folder;
  report.lsn = list.lsn;
  report.files = list.files.size();
  report.seconds = static_cast<double>(local->clock().monotonic_us() - began) / 1e6;
  return report;
}

}  // namespace strata
