#include "io/posix_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "core/assert.h"

namespace strata::io {
namespace {

constexpr std::size_t kTransferBytesMax = std::size_t{1} << 30;  // below the 2 GiB − 4 KiB one call moves at most
constexpr std::size_t kZeroStepBytes = 256 << 10;  // as much as a concurrent fdatasync may have to carry along

ErrorCode code_of(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR: return ErrorCode::not_found;
    case EEXIST:
    case ENOTEMPTY: return ErrorCode::already_exists;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM: return ErrorCode::resource_exhausted;
    case EROFS:
    case EACCES:
    case EPERM:
    case ELOOP:
    case EXDEV: return ErrorCode::permission_denied;
    default: return ErrorCode::io;
  }
}

Error system_error(int number, std::string_view action, std::string_view name) {
  return Error(code_of(number), std::string(action) + " failed: " + std::generic_category().message(number) + ": " +
                                    std::string(name.empty() ? "(the root)" : name));
}

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);  // an error here is of no use: whoever needs the bytes has synced them
  }
  int get() const noexcept { return number_; }
  int release() noexcept { return std::exchange(number_, -1); }

 private:
  int number_;
};

/// Calls again while a signal interrupts.
template <typename Function>
auto retry_interrupted(Function function) {
  for (;;) {
    const auto result = function();
    if (result >= 0 || errno != EINTR) return result;
  }
}

/// Opens `name` without ever leaving `root`: no "..", no symbolic link, whatever someone put into the directory (I16).
/// Below Linux 5.6, or where a sandbox hides openat2, part by part.
int open_beneath(int root, const std::string& name, int flags, mode_t mode) {
  static std::atomic<bool> openat2_missing{false};  // a fact about this kernel, learnt once
  flags |= O_CLOEXEC;
  if (!openat2_missing.load(std::memory_order_relaxed)) {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags);
    how.mode = (flags & O_CREAT) != 0 ? mode : 0;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    for (;;) {
      const long number = ::syscall(SYS_openat2, root, name.c_str(), &how, sizeof how);
      if (number >= 0) return static_cast<int>(number);
      if (errno == EINTR || errno == EAGAIN) continue;
      if (errno != ENOSYS && errno != EPERM) return -1;
      break;
    }
    if (errno == ENOSYS) openat2_missing.store(true, std::memory_order_relaxed);
  }
  Descriptor folder;
  for (std::size_t begin = 0;;) {
    const std::size_t end = name.find('/', begin);
    const std::string part = name.substr(begin, end == std::string::npos ? end : end - begin);
    const int from = folder.get() >= 0 ? folder.get() : root;
    const bool last = end == std::string::npos;
    const int part_flags = last ? flags | O_NOFOLLOW : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    const int number = retry_interrupted([&] { return ::openat(from, part.c_str(), part_flags, mode); });
    if (number < 0 || last) return number;
    folder = Descriptor(number);
    begin = end + 1;
  }
}

class PosixMapping final : public Mapping {
 public:
  PosixMapping(void* data, std::size_t size) : data_(data), size_(size) {}
  ~PosixMapping() override {
    if (size_ > 0) ::munmap(data_, size_);
  }
  ByteView bytes() const noexcept override { return {static_cast<const std::byte*>(data_), size_}; }
  void advise(Advice advice) noexcept override {
    if (size_ == 0) return;
    static constexpr std::array kAdvice{MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_HUGEPAGE};
    (void)::madvise(data_, size_, kAdvice[static_cast<std::size_t>(advice)]);
  }
  void release(std::uint64_t offset, std::uint64_t size) noexcept override {
    static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const std::uint64_t end = std::min<std::uint64_t>(offset + size, size_) / page * page;
    const std::uint64_t begin = (offset + page - 1) / page * page;
    if (begin < end) (void)::madvise(static_cast<std::byte*>(data_) + begin, end - begin, MADV_DONTNEED);
  }

 private:
  void* const data_;
  const std::size_t size_;
};

class PosixFile final : public File {
 public:
  PosixFile(Descriptor descriptor, std::string name) : descriptor_(std::move(descriptor)), name_(std::move(name)) {}

  Result<void> read(std::uint64_t offset, std::span<std::byte> out) const override {
    while (!out.empty()) {
      const ssize_t count = retry_interrupted([&] {
        return ::pread(fd(), out.data(), std::min(out.size(), kTransferBytesMax), static_cast<off_t>(offset));
      });
      if (count < 0) return system_error(errno, "read", name_);
      if (count == 0)
        return Error(ErrorCode::corruption, "file ends too early: " + name_ + " at offset " + std::to_string(offset));
      offset += static_cast<std::uint64_t>(count);
      out = out.subspan(static_cast<std::size_t>(count));
    }
    return {};
  }

  // After a failed sync Linux calls the pages clean that never were written: dropping them shows what the disk has.
  Result<void> read_durable(std::uint64_t offset, std::span<std::byte> out) const override {
    if (!cache_dropped_.exchange(true)) {
      if (retry_interrupted([&] { return ::fdatasync(fd()); }) != 0) return system_error(errno, "sync", name_);
      (void)::posix_fadvise(fd(), 0, 0, POSIX_FADV_DONTNEED);
      (void)::posix_fadvise(fd(), 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    return read(offset, out);
  }

  Result<void> write(std::uint64_t offset, ByteView bytes) override {
    while (!bytes.empty()) {
      const ssize_t count = retry_interrupted([&] {
        return ::pwrite(fd(), bytes.data(), std::min(bytes.size(), kTransferBytesMax), static_cast<off_t>(offset));
      });
      if (count < 0) return system_error(errno, "write", name_);
      if (count == 0) return system_error(EIO, "write", name_);
      offset += static_cast<std::uint64_t>(count);
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return {};
  }

  Result<void> append(ByteView bytes) override { return write(STRATA_TRY(size()), bytes); }

  Result<void> sync() override {
    if (retry_interrupted([&] { return ::fsync(fd()); }) != 0) return system_error(errno, "sync", name_);
    return {};
  }
  Result<void> sync_data() override {
    if (retry_interrupted([&] { return ::fdatasync(fd()); }) != 0) return system_error(errno, "sync", name_);
    return {};
  }
  Result<void> truncate(std::uint64_t size) override {
    if (retry_interrupted([&] { return ::ftruncate(fd(), static_cast<off_t>(size)); }) != 0)
      return system_error(errno, "truncate", name_);
    return {};
  }

  // Real zeros: an extent that is only reserved (fallocate) still changes metadata when it is first written. Each step is
  // written back before the next one, so that a sync running beside it has little to carry.
  Result<void> zero_fill(std::uint64_t offset, std::uint64_t size) override {
    static constexpr std::array<std::byte, kZeroStepBytes> kZeros{};
    (void)::fallocate(fd(), 0, static_cast<off_t>(offset), static_cast<off_t>(size));  // one extent, where supported
    while (size > 0) {
      const std::size_t step = std::min<std::uint64_t>(size, kZeroStepBytes);
      STRATA_TRY(write(offset, ByteView(kZeros).first(step)));
      (void)::sync_file_range(fd(), static_cast<off_t>(offset), static_cast<off_t>(step),
                              SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
      offset += step;
      size -= step;
    }
    return {};
  }

  Result<void> reserve(std::uint64_t offset, std::uint64_t size) override {
    if (retry_interrupted([&] { return ::fallocate(fd(), 0, static_cast<off_t>(offset), static_cast<off_t>(size)); }) ==
        0)
      return {};
    if (errno != EOPNOTSUPP && errno != ENOSYS) return system_error(errno, "reserve", name_);
    const std::uint64_t end = offset + size;
    const std::uint64_t begin = std::max(offset, STRATA_TRY(this->size()));
    if (begin >= end) return {};
    STRATA_TRY(zero_fill(begin, end - begin));
    // Only now are there blocks. A failed sync may have been about other bytes of the file: never just a lack of space.
    if (auto synced = sync(); !synced) return Error(ErrorCode::io, synced.error().message());
    return {};
  }

  Result<std::uint64_t> size() const override {
    struct stat status{};
    if (::fstat(fd(), &status) != 0) return system_error(errno, "stat", name_);
    return static_cast<std::uint64_t>(status.st_size);
  }

 private:
  int fd() const noexcept { return descriptor_.get(); }

  const Descriptor descriptor_;
  const std::string name_;
  mutable std::atomic<bool> cache_dropped_{false};
};

class PosixLock final : public DirectoryLock {
 public:
  explicit PosixLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  const Descriptor descriptor_;  // closing it gives the lock back
};

class PosixFileSystem final : public FileSystem {
 public:
  PosixFileSystem(Descriptor root, std::string path) : root_(std::move(root)), path_(std::move(path)) {}

  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override {
    static constexpr std::array kFlags{O_RDONLY, O_RDWR, O_RDWR | O_CREAT | O_EXCL, O_RDWR | O_CREAT};
    Descriptor descriptor = STRATA_TRY(open_name(name, kFlags[static_cast<std::size_t>(mode)], "open"));
    return std::unique_ptr<File>(std::make_unique<PosixFile>(std::move(descriptor), std::string(name)));
  }

  Result<std::unique_ptr<Mapping>> map(std::string_view name) override {
    const Descriptor descriptor = STRATA_TRY(open_name(name, O_RDONLY, "open"));
    struct stat status{};
    if (::fstat(descriptor.get(), &status) != 0) return system_error(errno, "stat", name);
    const auto size = static_cast<std::size_t>(status.st_size);
    if (size == 0) return std::unique_ptr<Mapping>(std::make_unique<PosixMapping>(nullptr, 0));
    void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor.get(), 0);
    if (data == MAP_FAILED) return system_error(errno, "map", name);
    return std::unique_ptr<Mapping>(std::make_unique<PosixMapping>(data, size));
  }

  Result<void> rename(std::string_view from, std::string_view to) override {
    const Place source = STRATA_TRY(place(from, "rename"));
    const Place target = STRATA_TRY(place(to, "rename"));
    if (::renameat(source.folder.get(), source.leaf.c_str(), target.folder.get(), target.leaf.c_str()) != 0)
      return system_error(errno, "rename", std::string(from) + " to " + std::string(to));
    return {};
  }

  Result<void> remove(std::string_view name) override {
    const Place at = STRATA_TRY(place(name, "remove"));
    if (::unlinkat(at.folder.get(), at.leaf.c_str(), 0) != 0) return system_error(errno, "remove", name);
    return {};
  }

  Result<bool> exists(std::string_view name) override {
    auto opened = open_name(name, O_PATH, "open");
    if (opened) return true;
    if (opened.error().code() == ErrorCode::not_found) return false;
    return std::move(opened).error();
  }

  Result<std::uint64_t> file_size(std::string_view name) override {
    const Descriptor descriptor = STRATA_TRY(open_name(name, O_PATH, "open"));
    struct stat status{};
    if (::fstat(descriptor.get(), &status) != 0) return system_error(errno, "stat", name);
    return static_cast<std::uint64_t>(status.st_size);
  }

  Result<void> create_directory(std::string_view name) override {
    STRATA_TRY(check_name(name));
    for (std::size_t end = 0; end != std::string_view::npos;) {
      end = name.find('/', end + 1);
      const std::string_view prefix = name.substr(0, end);
      const Place at = STRATA_TRY(place(prefix, "create directory"));
      if (::mkdirat(at.folder.get(), at.leaf.c_str(), 0700) != 0) {
        if (errno != EEXIST) return system_error(errno, "create directory", name);
        auto there = open_name(prefix, O_RDONLY | O_DIRECTORY, "create directory");
        if (!there) return std::move(there).error();
      }
    }
    return {};
  }

  Result<void> remove_directory(std::string_view name) override {
    const Place at = STRATA_TRY(place(name, "remove directory"));
    Descriptor folder = STRATA_TRY(open_name(name, O_RDONLY | O_DIRECTORY, "remove directory"));
    STRATA_TRY(remove_content(std::move(folder), name));
    if (::unlinkat(at.folder.get(), at.leaf.c_str(), AT_REMOVEDIR) != 0)
      return system_error(errno, "remove directory", name);
    return {};
  }

  Result<std::vector<std::string>> list(std::string_view directory) override {
    Descriptor folder = STRATA_TRY(open_folder(directory, O_RDONLY, "list"));
    std::vector<std::string> names;
    STRATA_TRY(each_entry(std::move(folder), directory, [&](int, const dirent& entry) -> Result<void> {
      names.emplace_back(entry.d_name);
      return {};
    }));
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<void> sync_directory(std::string_view directory) override {
    const Descriptor folder = STRATA_TRY(open_folder(directory, O_RDONLY, "sync directory"));
    if (retry_interrupted([&] { return ::fsync(folder.get()); }) != 0)
      return system_error(errno, "sync directory", directory);
    return {};
  }

  // An open-file-description lock belongs to this one open of the file: a second open of the same process conflicts like
  // any other, and the kernel drops it when the process dies. NFS before 4.1 kernels and odd file systems: flock.
  Result<std::unique_ptr<DirectoryLock>> lock(std::string_view name, std::string_view owner) override {
    Descriptor descriptor = STRATA_TRY(open_name(name, O_RDWR | O_CREAT, "lock"));
    struct flock whole{};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    int result = retry_interrupted([&] { return ::fcntl(descriptor.get(), F_OFD_SETLK, &whole); });
    if (result != 0 && errno == EINVAL)
      result = retry_interrupted([&] { return ::flock(descriptor.get(), LOCK_EX | LOCK_NB); });
    if (result != 0) {
      if (errno != EAGAIN && errno != EACCES) return system_error(errno, "lock", name);
      std::array<char, 256> text{};
      const ssize_t count = retry_interrupted([&] { return ::pread(descriptor.get(), text.data(), text.size(), 0); });
      return held_error({text.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))});
    }
    PosixFile file(Descriptor(::fcntl(descriptor.get(), F_DUPFD_CLOEXEC, 0)), std::string(name));
    STRATA_TRY(file.truncate(0));
    STRATA_TRY(file.write(0, as_bytes(owner)));
    return std::unique_ptr<DirectoryLock>(std::make_unique<PosixLock>(std::move(descriptor)));
  }

  Result<std::uint64_t> free_bytes() override {
    struct statvfs status{};
    if (::fstatvfs(root_.get(), &status) != 0) return system_error(errno, "stat", "");
    return std::uint64_t{status.f_bavail} * status.f_frsize;
  }

  Result<std::string> path(std::string_view name) override {
    if (name.empty()) return path_;
    STRATA_TRY(check_name(name));
    return path_ + "/" + std::string(name);
  }

 private:
  /// A name split into its open folder and its last part: what the *at calls take.
  struct Place {
    Descriptor folder;
    std::string leaf;
  };

  Result<Descriptor> open_name(std::string_view name, int flags, const char* action) {
    STRATA_TRY(check_name(name));
    const int number = open_beneath(root_.get(), std::string(name), flags, 0600);
    if (number < 0) return system_error(errno, action, name);
    return Descriptor(number);
  }

  Result<Descriptor> open_folder(std::string_view name, int flags, const char* action) {
    if (!name.empty()) return open_name(name, flags | O_DIRECTORY, action);
    const int number = retry_interrupted([&] { return ::openat(root_.get(), ".", flags | O_DIRECTORY | O_CLOEXEC); });
    if (number < 0) return system_error(errno, action, name);
    return Descriptor(number);
  }

  Result<Place> place(std::string_view name, const char* action) {
    STRATA_TRY(check_name(name));
    const std::string_view folder = parent_of(name);
    const std::string_view leaf = folder.empty() ? name : name.substr(folder.size() + 1);
    return Place{STRATA_TRY(open_folder(folder, O_PATH, action)), std::string(leaf)};
  }

  template <typename Function>
  static Result<void> each_entry(Descriptor folder, std::string_view name, Function function) {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(folder.get()), ::closedir);
    if (stream == nullptr) return system_error(errno, "list", name);
    const int number = folder.release();  // the stream owns it now
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(stream.get());
      if (entry == nullptr && errno != 0) return system_error(errno, "list", name);
      if (entry == nullptr) return {};
      const std::string_view entry_name = entry->d_name;
      if (entry_name != "." && entry_name != "..") STRATA_TRY(function(number, *entry));
    }
  }

  static Result<void> remove_content(Descriptor folder, std::string_view name) {
    return each_entry(std::move(folder), name, [&](int number, const dirent& entry) -> Result<void> {
      if (::unlinkat(number, entry.d_name, 0) == 0) return {};
      if (errno != EISDIR && errno != EPERM) return system_error(errno, "remove", entry.d_name);
      const int child = retry_interrupted(
          [&] { return ::openat(number, entry.d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); });
      if (child < 0) return system_error(errno, "remove", entry.d_name);
      STRATA_TRY(remove_content(Descriptor(child), entry.d_name));
      if (::unlinkat(number, entry.d_name, AT_REMOVEDIR) != 0) return system_error(errno, "remove", entry.d_name);
      return {};
    });
  }

  const Descriptor root_;
  const std::string path_;
};

}  // namespace

namespace {

/// The system would end the name there and take another directory.
Result<void> check_root(const std::string& root) {
  if (root.empty()) return Error(ErrorCode::invalid_argument, "the path of a directory is empty");
  const std::size_t zero = root.find('\0');
  if (zero == std::string::npos) return {};
  return Error(ErrorCode::invalid_argument,
               "a path holds a NUL byte, after \"" + root.substr(0, std::min<std::size_t>(zero, 80)) + "\"");
}

}  // namespace

Result<std::unique_ptr<FileSystem>> open_posix_file_system(const std::string& root) {
  STRATA_TRY(check_root(root));
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(root.c_str(), nullptr), std::free);
  if (real == nullptr) return system_error(errno, "open", root);
  Descriptor descriptor(retry_interrupted([&] { return ::open(real.get(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (descriptor.get() < 0) return system_error(errno, "open", root);
  return std::unique_ptr<FileSystem>(std::make_unique<PosixFileSystem>(std::move(descriptor), real.get()));
}

Result<void> make_root_directory(const std::string& root) {
  STRATA_TRY(check_root(root));
  struct stat status{};
  if (::mkdir(root.c_str(), 0700) != 0) {
    if (errno != EEXIST || ::stat(root.c_str(), &status) != 0) return system_error(errno, "create directory", root);
    if (!S_ISDIR(status.st_mode)) return Error(ErrorCode::invalid_argument, "a file, not a directory: " + root);
    return {};
  }
  // Its name must survive a power cut as everything in it does.
  const std::string parent = std::filesystem::absolute(root).lexically_normal().parent_path().string();
  const Descriptor folder(
      retry_interrupted([&] { return ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (folder.get() < 0 || ::fsync(folder.get()) != 0) return system_error(errno, "sync directory", parent);
  return {};
}

Result<std::optional<std::string>> lock_owner(const std::string& root, std::string_view name) {
  STRATA_TRY(check_root(root));
  STRATA_TRY(check_name(name));
  const Descriptor folder(retry_interrupted([&] { return ::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC); }));
  if (folder.get() < 0) return system_error(errno, "open", root);
  const Descriptor file(open_beneath(folder.get(), std::string(name), O_RDONLY, 0));
  if (file.get() < 0) return system_error(errno, "open", name);
  struct flock whole{};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (retry_interrupted([&] { return ::fcntl(file.get(), F_OFD_GETLK, &whole); }) != 0) {
    if (errno == EINVAL) return Error(ErrorCode::unsupported, "this disk does not tell who holds a lock: " + root);
    return system_error(errno, "ask for the lock", name);
  }
  if (whole.l_type == F_UNLCK) return std::optional<std::string>();
  std::array<char, 256> text{};
  const ssize_t count = retry_interrupted([&] { return ::pread(file.get(), text.data(), text.size(), 0); });
  if (count < 0) return system_error(errno, "read", name);
  return std::optional<std::string>(std::string(text.data(), static_cast<std::size_t>(count)));
}

Result<std::string> directory_identity(const std::string& root) {
  STRATA_TRY(check_root(root));
  struct stat status{};
  if (::stat(root.c_str(), &status) != 0) return system_error(errno, "stat", root);
  return std::to_string(status.st_dev) + "-" + std::to_string(status.st_ino);
}

}  // namespace strata::io
