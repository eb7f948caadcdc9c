#pragma once
/// A file system that writes down what changes a disk, and a disk made of a part of that: for tests that try every crash
/// point with every single lost write and every torn boundary, where a policy of chance would only sample.
///
///     RecordingFileSystem files;                       // in memory
///     … the scenario …
///     for (std::size_t crash = 0; crash <= files.calls().size(); ++crash)
///       for (const std::size_t lost : files.pending(crash)) auto disk = files.disk_after({.crash = crash, .lost = lost});
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/file_system.h"
#include "io/memory_file_system.h"

namespace strata::testing {

/// One call that changed something. Which file a name meant is known when it was made: `file` numbers the files.
struct DiskCall {
  enum class Kind : std::uint8_t { create_directory, create, write, truncate, sync, rename, remove, sync_directory };
  Kind kind = Kind::write;
  std::string name = {}, to = {};  ///< `to` of rename
  std::size_t file = 0;            ///< of create, write, truncate, sync
  std::uint64_t offset = 0;        ///< of write; the size of truncate
  Bytes bytes = {};                ///< of write
};

/// What of a trace reached the disk: the first `crash` calls, but for `lost`, and of `torn` only the first `kept` bytes.
struct Outcome {
  std::size_t crash = 0;
  std::optional<std::size_t> lost = {};  ///< a pending call
  std::optional<std::size_t> torn = {};  ///< a pending write
  std::uint64_t kept = 0;
  bool nothing_pending = false;  ///< every pending call is lost
};

/// Threads: one at a time.
class RecordingFileSystem final : public io::FileSystem {
 public:
  RecordingFileSystem();
  ~RecordingFileSystem() override;

  const std::vector<DiskCall>& calls() const { return calls_; }
  /// The calls before `crash` whose effect no sync had promised by then.
  std::vector<std::size_t> pending(std::size_t crash) const;
  /// A disk with that content, all of it durable.
  std::unique_ptr<io::MemoryFileSystem> disk_after(const Outcome& outcome) const;

  Result<std::unique_ptr<io::File>> open(std::string_view name, io::OpenMode mode) override;
  Result<std::unique_ptr<io::Mapping>> map(std::string_view name) override { return base_->map(name); }
  Result<void> rename(std::string_view from, std::string_view to) override;
  Result<void> remove(std::string_view name) override;
  Result<bool> exists(std::string_view name) override { return base_->exists(name); }
  Result<std::uint64_t> file_size(std::string_view name) override { return base_->file_size(name); }
  Result<void> create_directory(std::string_view name) override;
  Result<void> remove_directory(std::string_view name) override;
  Result<std::vector<std::string>> list(std::string_view directory) override { return base_->list(directory); }
  Result<void> sync_directory(std::string_view directory) override;
  Result<std::unique_ptr<io::DirectoryLock>> lock(std::string_view name, std::string_view owner) override {
    return base_->lock(name, owner);
  }
  Result<std::uint64_t> free_bytes() override { return base_->free_bytes(); }
  Result<std::string> path(std::string_view name) override { return base_->path(name); }

 private:
  friend class RecordingFile;
  void note(DiskCall call) { calls_.push_back(std::move(call)); }

  std::unique_ptr<io::MemoryFileSystem> base_;
  std::vector<DiskCall> calls_;
  std::map<std::string, std::size_t, std::less<>> files_;  // names → numbers, as they are now
  std::size_t next_file_ = 0;
};

}  // namespace strata::testing
