#pragma once
/// The stores' view of the disk: everything passes, but a file that one of the two newest manifests names is not removed
/// (I11). A store may drop what it no longer needs; whether an older manifest still does is not its business. The engine
/// removes the file when the next checkpoint is there.
///
/// And the other way round: a checkpoint that failed must not leave its files behind. On a full disk they would stand in
/// the way of the next attempt, and each attempt would leave more.
///
/// And it ends before the engine's memory does: once the directory is another's, what a store still holds changes nothing.
#include <set>
#include <thread>

#include "core/mutex.h"
#include "io/file_system.h"

namespace strata::engine {

/// Threads: any.
class RetainingFileSystem final : public io::FileSystem {
 public:
  explicit RetainingFileSystem(io::FileSystem& base) : base_(base) {}
  /// From now on exactly these are kept.
  void retain(std::set<std::string, std::less<>> names);

  /// From now on nothing changes: what would is failed_precondition, and files that are new are not made.
  void end();

  /// Notes the new files that its own thread makes, and removes them in the end, unless they are kept. One at a time.
  class Attempt {
   public:
    explicit Attempt(RetainingFileSystem& files) : files_(files) {}
    ~Attempt();
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;
    void note(bool on);  ///< whether files made from now on are the attempt's
    void keep();         ///< from now on a manifest may name them

   private:
    RetainingFileSystem& files_;
  };

  Result<void> remove(std::string_view name) override;
  Result<std::unique_ptr<io::File>> open(std::string_view name, io::OpenMode mode) override;
  Result<void> rename(std::string_view from, std::string_view to) override;
  Result<std::unique_ptr<io::Mapping>> map(std::string_view name) override { return base_.map(name); }
  Result<bool> exists(std::string_view name) override { return base_.exists(name); }
  Result<std::uint64_t> file_size(std::string_view name) override { return base_.file_size(name); }
  Result<void> create_directory(std::string_view name) override;
  Result<void> remove_directory(std::string_view name) override;
  Result<std::vector<std::string>> list(std::string_view directory) override { return base_.list(directory); }
  Result<void> sync_directory(std::string_view directory) override { return base_.sync_directory(directory); }
  Result<std::unique_ptr<io::DirectoryLock>> lock(std::string_view name, std::string_view owner) override {
    return base_.lock(name, owner);
  }
  Result<std::uint64_t> free_bytes() override { return base_.free_bytes(); }
  Result<std::string> path(std::string_view name) override { return base_.path(name); }

 private:
  Result<void> check_not_ended() STRATA_EXCLUDES(mutex_);

  io::FileSystem& base_;
  core::Mutex mutex_;
  bool ended_ STRATA_GUARDED_BY(mutex_) = false;
  std::set<std::string, std::less<>> retained_ STRATA_GUARDED_BY(mutex_);
  std::thread::id noting_ STRATA_GUARDED_BY(mutex_);  // none: no thread's
  std::set<std::string, std::less<>> noted_ STRATA_GUARDED_BY(mutex_);

  bool notes() {
    const core::MutexLock lock(mutex_);
    return noting_ == std::this_thread::get_id();
  }
};

}  // namespace strata::engine
