#pragma once
/// A database as its files are, but for what one store derived: that is made beside what is there, under other names, so
/// that a rebuild which fails or dies has taken nothing away.
///
///     metadata/state.sqlite    is not there at first; what is written goes to metadata/rebuilt.sqlite
///
/// Only names of the given folder that begin with "state." are others; `remove_all` takes away what was made.
#include <string>

#include "io/file_system.h"

namespace strata::operations {

/// Threads: any.
class BesideFileSystem final : public io::FileSystem {
 public:
  static constexpr std::string_view kPresent = "state.", kBeside = "rebuilt.";

  BesideFileSystem(std::unique_ptr<io::FileSystem> base, std::string_view folder)
      : base_(std::move(base)),
        present_(std::string(folder) + "/" + std::string(kPresent)),
        beside_(std::string(folder) + "/" + std::string(kBeside)) {}

  static Result<void> remove_all(io::FileSystem& files, std::string_view folder) {
    for (const std::string& name : STRATA_TRY(files.list(folder))) {
      if (name.starts_with(kBeside)) STRATA_TRY(files.remove(std::string(folder) + "/" + name));
    }
    return {};
  }

  Result<std::unique_ptr<io::File>> open(std::string_view name, io::OpenMode mode) override {
    return base_->open(real(name), mode);
  }
  Result<std::unique_ptr<io::Mapping>> map(std::string_view name) override { return base_->map(real(name)); }
  Result<void> rename(std::string_view from, std::string_view to) override {
    return base_->rename(real(from), real(to));
  }
  Result<void> remove(std::string_view name) override { return base_->remove(real(name)); }
  Result<bool> exists(std::string_view name) override { return base_->exists(real(name)); }
  Result<std::uint64_t> file_size(std::string_view name) override { return base_->file_size(real(name)); }
  Result<void> create_directory(std::string_view name) override { return base_->create_directory(name); }
  Result<void> remove_directory(std::string_view name) override { return base_->remove_directory(name); }
  Result<std::vector<std::string>> list(std::string_view directory) override { return base_->list(directory); }
  Result<void> sync_directory(std::string_view directory) override { return base_->sync_directory(directory); }
  Result<std::unique_ptr<io::DirectoryLock>> lock(std::string_view name, std::string_view owner) override {
    return base_->lock(name, owner);
  }
  Result<std::uint64_t> free_bytes() override { return base_->free_bytes(); }
  Result<std::string> path(std::string_view name) override { return base_->path(real(name)); }

 private:
  std::string real(std::string_view name) const {
    if (!name.starts_with(present_)) return std::string(name);
    return beside_ + std::string(name.substr(present_.size()));
  }

  const std::unique_ptr<io::FileSystem> base_;
  const std::string present_, beside_;
};

}  // namespace strata::operations
