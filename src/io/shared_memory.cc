#include "io/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

namespace strata::io {
namespace {

Error system_error(ErrorCode code, int number, const std::string& what) {
  return Error(code, what + ": " + std::generic_category().message(number));
}

class MemoryDescriptor final : public SharedMemory {
 public:
  MemoryDescriptor(int descriptor, std::byte* begin, std::size_t size)
      : descriptor_(descriptor), begin_(begin), size_(size) {}
  ~MemoryDescriptor() override {
    ::munmap(begin_, size_);
    hide();
  }
  std::span<std::byte> bytes() noexcept override { return {begin_, size_}; }
  void hide() noexcept override {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

 private:
  int descriptor_;  // that is how others find it
  std::byte* const begin_;
  const std::size_t size_;
};

Result<Bytes> copy(int descriptor, std::size_t bytes_max) {
  Bytes bytes(bytes_max);
  std::size_t held = 0;
  while (held < bytes.size()) {
    const ssize_t count = ::pread(descriptor, bytes.data() + held, bytes.size() - held, static_cast<off_t>(held));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error(ErrorCode::io, errno, "reading the shared memory failed");
    if (count == 0) break;
    held += static_cast<std::size_t>(count);
  }
  bytes.resize(held);
  return bytes;
}

}  // namespace

Result<std::unique_ptr<SharedMemory>> make_shared_memory(std::string_view name, std::size_t bytes) {
  const int descriptor = ::memfd_create(std::string(name).c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (descriptor < 0) {
    const ErrorCode code =
        errno == EMFILE || errno == ENFILE || errno == ENOMEM ? ErrorCode::resource_exhausted : ErrorCode::unsupported;
    return system_error(code, errno, "making shared memory failed");
  }
  // Taken now: a store to a page that the system cannot give any more would end the process.
  void* begin = MAP_FAILED;
  if (::fchmod(descriptor, 0600) == 0 && ::posix_fallocate(descriptor, 0, static_cast<off_t>(bytes)) == 0 &&
      ::fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) {
    begin = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  }
  if (begin == MAP_FAILED) {
    ::close(descriptor);
    return Error(ErrorCode::resource_exhausted, "making shared memory of " + std::to_string(bytes) + " bytes failed");
  }
  return std::unique_ptr<SharedMemory>(
      std::make_unique<MemoryDescriptor>(descriptor, static_cast<std::byte*>(begin), bytes));
}

Result<SharedMemoryCopies> read_shared_memory(int process, std::string_view name, std::size_t bytes_max) {
  namespace fs = std::filesystem;
  const fs::path folder = "/proc/" + std::to_string(process) + "/fd";
  const std::string wanted = "/memfd:" + std::string(name) + " (deleted)";
  std::error_code failed;
  for (fs::directory_iterator each(folder, failed), end; !failed && each != end; each.increment(failed)) {
    std::error_code gone;  // closed meanwhile
    if (fs::read_symlink(each->path(), gone) != wanted || gone) continue;
    const int descriptor = ::open(each->path().c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 && errno == EACCES) failed = std::make_error_code(std::errc::permission_denied);
    if (descriptor < 0) continue;
    auto first = copy(descriptor, bytes_max);
    auto second = copy(descriptor, bytes_max);
    ::close(descriptor);
    return SharedMemoryCopies{STRATA_TRY(std::move(first)), STRATA_TRY(std::move(second))};
  }
  if (failed == std::errc::permission_denied || failed == std::errc::operation_not_permitted) {
    return Error(ErrorCode::permission_denied,
                 "process " + std::to_string(process) + " is another user's: only that user and root may look into it");
  }
  return Error(ErrorCode::not_found, "process " + std::to_string(process) + " has no shared memory of this name");
}

}  // namespace strata::io
