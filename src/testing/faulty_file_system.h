#pragma once
/// A file system that fails on purpose: it passes every call on to another one, counts it, and lets the k-th of a kind fail.
///
///     auto disk = io::make_memory_file_system();
///     testing::FaultyFileSystem files(*disk);
///     files.fail({.call = testing::Call::sync, .nth = 3});          // the third sync from now answers `io`
///     files.fail({.call = testing::Call::write, .nth = 5, .forever = true, .error = ErrorCode::resource_exhausted});
///
/// The loop that finds what nobody thought of: count the calls of a scenario, then run it once for each k and each error.
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/mutex.h"
#include "io/file_system.h"

namespace strata::testing {

/// The kinds of calls. `change` and `any` match several and serve faults and counts only.
enum class Call : std::uint8_t {
  open,
  read,
  map,
  list,
  stat,
  write,
  reserve,
  sync,
  truncate,
  rename,
  remove,
  create_directory,
  remove_directory,
  sync_directory,
  lock,
  change,  ///< write, reserve, sync, truncate, rename, remove, create_directory, remove_directory, sync_directory
  any,
};
std::string_view name(Call call) noexcept;

struct Fault {
  Call call = Call::any;
  std::uint64_t nth = 1;  ///< the nth matching call from now on
  bool forever = false;   ///< and every later one of the kind
  ErrorCode error = ErrorCode::io;
  enum class Effect {
    none,  ///< nothing happened
    half,  ///< of a write or a reservation, the first half of the bytes; else none
    all,   ///< it was carried out, and yet reported as failed
  } effect = Effect::none;
};

/// Threads: any; `set_hook` before the file system is used.
class FaultyFileSystem final : public io::FileSystem {
 public:
  explicit FaultyFileSystem(io::FileSystem& base);
  ~FaultyFileSystem() override;

  void fail(const Fault& fault);         ///< several faults may wait at once
  void heal();                           ///< forgets all faults
  std::uint64_t calls(Call call) const;  ///< so far
  std::uint64_t failures() const;        ///< faults that struck
  /// Called before each call is passed on, from the calling thread, without a lock held.
  void set_hook(std::function<void(Call call, std::string_view name)> hook);

  Result<std::unique_ptr<io::File>> open(std::string_view name, io::OpenMode mode) override;
  Result<std::unique_ptr<io::Mapping>> map(std::string_view name) override;
  Result<void> rename(std::string_view from, std::string_view to) override;
  Result<void> remove(std::string_view name) override;
  Result<bool> exists(std::string_view name) override;
  Result<std::uint64_t> file_size(std::string_view name) override;
  Result<void> create_directory(std::string_view name) override;
  Result<void> remove_directory(std::string_view name) override;
  Result<std::vector<std::string>> list(std::string_view directory) override;
  Result<void> sync_directory(std::string_view directory) override;
  Result<std::unique_ptr<io::DirectoryLock>> lock(std::string_view name, std::string_view owner) override;
  Result<std::uint64_t> free_bytes() override;
  Result<std::string> path(std::string_view name) override;

 private:
  friend class FaultyFile;
  struct Waiting {
    Fault fault;
    std::uint64_t left;  // matching calls until it strikes
  };

  /// Counts the call; the fault that strikes it, if any.
  std::optional<Fault> enter(Call call, std::string_view name);
  template <typename T, typename Function>
  Result<T> pass(Call call, std::string_view name, Function function);

  io::FileSystem& base_;
  std::function<void(Call, std::string_view)> hook_;
  std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(Call::any) + 1> counts_{};
  std::atomic<std::uint64_t> failures_{0};
  core::Mutex mutex_;
  std::vector<Waiting> waiting_ STRATA_GUARDED_BY(mutex_);
};

}  // namespace strata::testing
