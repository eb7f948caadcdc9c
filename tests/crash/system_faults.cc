// The definitions in front of libc: see system_faults.h. A fortified header would have them inline already.
#undef _FORTIFY_SOURCE
#include "crash/system_faults.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STRATA_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define STRATA_SANITIZED
#endif
#endif

namespace strata::crash {
namespace {

constexpr std::string_view kCallNames[kSystemCalls] = {
    "open", "read",   "write",  "reserve", "sync",           "sync_directory", "truncate",
    "map",  "rename", "remove", "list",    "make_directory", "allocation"};
constexpr std::string_view kOwnerNames[kOwners] = {"ours", "sqlite", "duckdb"};

}  // namespace

std::string_view name(SystemCall call) noexcept { return kCallNames[static_cast<int>(call)]; }
std::string_view name(Owner owner) noexcept { return kOwnerNames[static_cast<int>(owner)]; }

}  // namespace strata::crash

#ifdef STRATA_SANITIZED

namespace strata::crash {
bool system_faults_available() noexcept { return false; }
void heal_system() noexcept {}
SystemCalls system_calls() noexcept { return {}; }
std::uint64_t system_failures() noexcept { return 0; }
Result<void> arm_system_fault(const std::string&, std::string_view) {
  return Error(ErrorCode::unsupported, "a sanitizer stands in front of libc in this build");
}
}  // namespace strata::crash

#else

namespace strata::crash {
namespace {

struct Named {
  std::string_view name;
  int number;
};
constexpr Named kErrors[] = {{"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EMFILE", EMFILE}, {"ENOMEM", ENOMEM}};

// Plain atomics of static storage: an allocation before main, or on a thread that ends, may pass here.
std::atomic<bool> watching{false}, armed{false};
std::atomic<std::uint64_t> counts[kSystemCalls][kOwners];
std::atomic<std::uint64_t> failures{0}, matched{0};
SystemCall fault_call = SystemCall::open;
Owner fault_owner = Owner::ours;
std::uint64_t fault_nth = 0;
bool fault_forever = false;
int fault_error = 0;
char watched[PATH_MAX];

bool is_watched(const char* path) { return std::strncmp(path, watched, std::strlen(watched)) == 0; }

/// Counts the call. True: it has to fail, and errno says how.
bool refuse(SystemCall call, Owner owner) {
  counts[static_cast<int>(call)][static_cast<int>(owner)].fetch_add(1, std::memory_order_relaxed);
  if (!armed.load(std::memory_order_acquire) || call != fault_call || owner != fault_owner) return false;
  const std::uint64_t nth = matched.fetch_add(1, std::memory_order_relaxed) + 1;
  if (nth != fault_nth && (nth < fault_nth || !fault_forever)) return false;
  failures.fetch_add(1, std::memory_order_relaxed);
  errno = fault_error;
  return true;
}

// ---- whose it is ---------------------------------------------------------------------------------------------------------

/// Which descriptors are of watched files, and whose: 0 not watched, else 1 + owner; a directory has the bit on top.
constexpr int kDescriptors = 1 << 14;
constexpr std::uint8_t kDirectory = 0x80;
std::atomic<std::uint8_t> descriptors[kDescriptors];

Owner owner_of(const char* path) {
  if (std::strstr(path, "/metadata/state.sqlite") != nullptr) return Owner::sqlite;
  if (std::strstr(path, "/analytics/state.duckdb") != nullptr) return Owner::duckdb;
  return Owner::ours;
}

/// The whole path of a name below a directory, as far as the kernel knows it.
void whole_path(int directory, const char* name, char (&out)[PATH_MAX]) {
  out[0] = '\0';
  if (name[0] == '/') {
    std::snprintf(out, sizeof out, "%s", name);
    return;
  }
  char link[64], folder[PATH_MAX];
  std::snprintf(link, sizeof link, directory == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", directory);
  const ssize_t size = ::readlink(link, folder, sizeof folder - 1);
  if (size < 0) return;
  folder[size] = '\0';
  if (std::strlen(folder) + std::strlen(name) + 2 > sizeof out) return;
  std::strcat(std::strcat(std::strcat(out, folder), "/"),
              name);  // tidy: allow unsafe-c: no allocation here; measured above
}

struct Place {
  bool watched = false;
  Owner owner = Owner::ours;
};
Place place_of(int directory, const char* name) {
  if (!watching.load(std::memory_order_acquire)) return {};
  char path[PATH_MAX];
  const int before = errno;
  whole_path(directory, name, path);
  errno = before;
  return {is_watched(path), owner_of(path)};
}

/// Whether a call about this descriptor has to fail.
bool refuse(SystemCall call, int file) {
  if (file < 0 || file >= kDescriptors || !watching.load(std::memory_order_relaxed)) return false;
  const std::uint8_t kind = descriptors[file].load(std::memory_order_relaxed);
  if (kind == 0) return false;
  if (call == SystemCall::sync && (kind & kDirectory) != 0) call = SystemCall::sync_directory;
  return refuse(call, static_cast<Owner>((kind & ~kDirectory) - 1));
}
bool refuse(SystemCall call, const Place& place) { return place.watched && refuse(call, place.owner); }

int opened(int file, const Place& place) {
  if (file < 0 || file >= kDescriptors) return file;
  std::uint8_t kind = 0;
  if (place.watched) {
    struct stat status{};
    const int before = errno;
    kind = static_cast<std::uint8_t>(1 + static_cast<int>(place.owner));
    if (::fstat(file, &status) == 0 && S_ISDIR(status.st_mode)) kind |= kDirectory;
    errno = before;
  }
  descriptors[file].store(kind, std::memory_order_relaxed);
  return file;
}

// Where the libraries lie in memory: an allocation belongs to the one it is called from.
struct Range {
  std::uintptr_t begin = 0, end = 0;
};
std::array<Range, kOwners> libraries;

int note_library(dl_phdr_info* info, std::size_t, void*) {
  const Owner owner = std::strstr(info->dlpi_name, "libsqlite3") != nullptr  ? Owner::sqlite
                      : std::strstr(info->dlpi_name, "libduckdb") != nullptr ? Owner::duckdb
                                                                             : Owner::ours;
  if (owner == Owner::ours) return 0;
  Range& range = libraries[static_cast<std::size_t>(owner)];
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
    range = {info->dlpi_addr + segment.p_vaddr, info->dlpi_addr + segment.p_vaddr + segment.p_memsz};
  }
  return 0;
}

bool refuse_allocation(const void* caller) {
  if (!watching.load(std::memory_order_relaxed)) return false;
  const auto at = reinterpret_cast<std::uintptr_t>(caller);
  for (const Owner owner : {Owner::sqlite, Owner::duckdb}) {
    const Range& range = libraries[static_cast<std::size_t>(owner)];
    if (at >= range.begin && at < range.end) return refuse(SystemCall::allocation, owner);
  }
  return refuse(SystemCall::allocation, Owner::ours);
}

}  // namespace

bool system_faults_available() noexcept { return true; }

void heal_system() noexcept { armed.store(false, std::memory_order_release); }
std::uint64_t system_failures() noexcept { return failures.load(); }

SystemCalls system_calls() noexcept {
  SystemCalls out{};
  for (std::size_t call = 0; call < kSystemCalls; ++call) {
    for (std::size_t owner = 0; owner < kOwners; ++owner) out[call][owner] = counts[call][owner].load();
  }
  return out;
}

Result<void> arm_system_fault(const std::string& prefix, std::string_view fault) {
  const auto wrong = [&] {
    return Error(ErrorCode::invalid_argument, "a fault is call/owner[=errno]@n[+], not " + std::string(fault));
  };
  heal_system();
  watching = false;
  if (prefix.empty() || prefix.size() >= sizeof watched) return wrong();
  std::memcpy(watched, prefix.c_str(), prefix.size() + 1);
  ::dl_iterate_phdr(note_library, nullptr);
  for (auto& call : counts) {
    for (auto& count : call) count = 0;
  }
  failures = matched = 0;
  if (!fault.empty()) {
    const std::size_t slash = fault.find('/'), at = fault.find('@');
    if (slash == std::string_view::npos || at == std::string_view::npos || slash > at) return wrong();
    const std::string_view call = fault.substr(0, slash);
    std::string_view owner = fault.substr(slash + 1, at - slash - 1), error = "EIO";
    if (const std::size_t equals = owner.find('='); equals != std::string_view::npos) {
      error = owner.substr(equals + 1);
      owner = owner.substr(0, equals);
    }
    int found = 0;
    for (int i = 0; i < kSystemCalls; ++i) {
      if (call == kCallNames[i]) fault_call = static_cast<SystemCall>(i), found |= 1;
    }
    for (int i = 0; i < kOwners; ++i) {
      if (owner == kOwnerNames[i]) fault_owner = static_cast<Owner>(i), found |= 2;
    }
    for (const Named& each : kErrors) {
      if (error == each.name) fault_error = each.number, found |= 4;
    }
    fault_nth = std::strtoull(std::string(fault.substr(at + 1)).c_str(), nullptr, 10);
    fault_forever = fault.ends_with('+');
    if (found != 7 || fault_nth == 0) return wrong();
    armed.store(true, std::memory_order_release);
  }
  watching.store(true, std::memory_order_release);
  return {};
}

}  // namespace strata::crash

// ---- in front of libc ------------------------------------------------------------------------------------------------------

using strata::crash::Place;
using strata::crash::SystemCall;

/// libc's own definition of a function that this file defines, too.
#define STRATA_REAL(function) \
  static const auto real = reinterpret_cast<decltype(&function)>(::dlsym(RTLD_NEXT, #function))
#define STRATA_FRONT extern "C" [[gnu::visibility("default")]]

// The declarations of libc have attributes that a definition cannot repeat.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wredundant-decls"

#define STRATA_FRONT_OPEN(function)                                                 \
  STRATA_FRONT int function(const char* path, int flags, ...) {                     \
    STRATA_REAL(function);                                                          \
    va_list rest;                                                                   \
    va_start(rest, flags);                                                          \
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                                                   \
    const Place place = strata::crash::place_of(AT_FDCWD, path);                    \
    if (strata::crash::refuse(SystemCall::open, place)) return -1;                  \
    return strata::crash::opened(real(path, flags, mode), place);                   \
  }
STRATA_FRONT_OPEN(open)
STRATA_FRONT_OPEN(open64)

#define STRATA_FRONT_OPENAT(function)                                               \
  STRATA_FRONT int function(int directory, const char* path, int flags, ...) {      \
    STRATA_REAL(function);                                                          \
    va_list rest;                                                                   \
    va_start(rest, flags);                                                          \
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                                                   \
    const Place place = strata::crash::place_of(directory, path);                   \
    if (strata::crash::refuse(SystemCall::open, place)) return -1;                  \
    return strata::crash::opened(real(directory, path, flags, mode), place);        \
  }
STRATA_FRONT_OPENAT(openat)
STRATA_FRONT_OPENAT(openat64)

/// io::FileSystem opens with openat2, which has no function of its own in libc.
STRATA_FRONT long syscall(long number, ...) noexcept {
  STRATA_REAL(syscall);
  long arguments[6];
  va_list rest;
  va_start(rest, number);
  for (long& argument : arguments) argument = va_arg(rest, long);
  va_end(rest);
  const auto call = [&] {
    return real(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
  };
#ifdef SYS_openat2
  if (number == SYS_openat2) {
    const Place place =
        strata::crash::place_of(static_cast<int>(arguments[0]), reinterpret_cast<const char*>(arguments[1]));
    if (strata::crash::refuse(SystemCall::open, place)) return -1;
    return strata::crash::opened(static_cast<int>(call()), place);
  }
#endif
  return call();
}

STRATA_FRONT int close(int file) {
  STRATA_REAL(close);
  if (file >= 0 && file < strata::crash::kDescriptors)
    strata::crash::descriptors[file].store(0, std::memory_order_relaxed);
  return real(file);
}

STRATA_FRONT ssize_t read(int file, void* out, std::size_t size) {
  STRATA_REAL(read);
  return strata::crash::refuse(SystemCall::read, file) ? -1 : real(file, out, size);
}
STRATA_FRONT ssize_t pread(int file, void* out, std::size_t size, off_t offset) {
  STRATA_REAL(pread);
  return strata::crash::refuse(SystemCall::read, file) ? -1 : real(file, out, size, offset);
}
STRATA_FRONT ssize_t pread64(int file, void* out, std::size_t size, off64_t offset) {
  STRATA_REAL(pread64);
  return strata::crash::refuse(SystemCall::read, file) ? -1 : real(file, out, size, offset);
}

/// A write that fails with EIO has written its first half; one that finds no space, nothing.
#define STRATA_REFUSE_WRITE(file, half)                 \
  if (strata::crash::refuse(SystemCall::write, file)) { \
    const int error = errno;                            \
    if (error == EIO && size > 1) [[maybe_unused]]      \
      const auto some = half;                           \
    errno = error;                                      \
    return -1;                                          \
  }
STRATA_FRONT ssize_t write(int file, const void* bytes, std::size_t size) {
  STRATA_REAL(write);
  STRATA_REFUSE_WRITE(file, real(file, bytes, size / 2))
  return real(file, bytes, size);
}
STRATA_FRONT ssize_t pwrite(int file, const void* bytes, std::size_t size, off_t offset) {
  STRATA_REAL(pwrite);
  STRATA_REFUSE_WRITE(file, real(file, bytes, size / 2, offset))
  return real(file, bytes, size, offset);
}
STRATA_FRONT ssize_t pwrite64(int file, const void* bytes, std::size_t size, off64_t offset) {
  STRATA_REAL(pwrite64);
  STRATA_REFUSE_WRITE(file, real(file, bytes, size / 2, offset))
  return real(file, bytes, size, offset);
}

STRATA_FRONT int fsync(int file) {
  STRATA_REAL(fsync);
  return strata::crash::refuse(SystemCall::sync, file) ? -1 : real(file);
}
STRATA_FRONT int fdatasync(int file) {
  STRATA_REAL(fdatasync);
  return strata::crash::refuse(SystemCall::sync, file) ? -1 : real(file);
}
STRATA_FRONT int ftruncate(int file, off_t size) noexcept {
  STRATA_REAL(ftruncate);
  return strata::crash::refuse(SystemCall::truncate, file) ? -1 : real(file, size);
}
STRATA_FRONT int ftruncate64(int file, off64_t size) noexcept {
  STRATA_REAL(ftruncate64);
  return strata::crash::refuse(SystemCall::truncate, file) ? -1 : real(file, size);
}
STRATA_FRONT int fallocate(int file, int mode, off_t offset, off_t size) {
  STRATA_REAL(fallocate);
  return strata::crash::refuse(SystemCall::reserve, file) ? -1 : real(file, mode, offset, size);
}
STRATA_FRONT void* mmap(void* at, std::size_t size, int protection, int flags, int file, off_t offset) noexcept {
  STRATA_REAL(mmap);
  return strata::crash::refuse(SystemCall::map, file) ? MAP_FAILED : real(at, size, protection, flags, file, offset);
}
STRATA_FRONT void* mmap64(void* at, std::size_t size, int protection, int flags, int file, off64_t offset) noexcept {
  STRATA_REAL(mmap64);
  return strata::crash::refuse(SystemCall::map, file) ? MAP_FAILED : real(at, size, protection, flags, file, offset);
}

STRATA_FRONT int rename(const char* from, const char* to) noexcept {
  STRATA_REAL(rename);
  const bool refused = strata::crash::refuse(SystemCall::rename, strata::crash::place_of(AT_FDCWD, from));
  return refused ? -1 : real(from, to);
}
STRATA_FRONT int renameat(int from_directory, const char* from, int to_directory, const char* to) noexcept {
  STRATA_REAL(renameat);
  const bool refused = strata::crash::refuse(SystemCall::rename, strata::crash::place_of(from_directory, from));
  return refused ? -1 : real(from_directory, from, to_directory, to);
}
STRATA_FRONT int unlink(const char* path) noexcept {
  STRATA_REAL(unlink);
  const bool refused = strata::crash::refuse(SystemCall::remove, strata::crash::place_of(AT_FDCWD, path));
  return refused ? -1 : real(path);
}
STRATA_FRONT int remove(const char* path) noexcept {
  STRATA_REAL(remove);
  const bool refused = strata::crash::refuse(SystemCall::remove, strata::crash::place_of(AT_FDCWD, path));
  return refused ? -1 : real(path);
}
STRATA_FRONT int unlinkat(int directory, const char* path, int flags) noexcept {
  STRATA_REAL(unlinkat);
  const bool refused = strata::crash::refuse(SystemCall::remove, strata::crash::place_of(directory, path));
  return refused ? -1 : real(directory, path, flags);
}
STRATA_FRONT int mkdir(const char* path, mode_t mode) noexcept {
  STRATA_REAL(mkdir);
  const bool refused = strata::crash::refuse(SystemCall::make_directory, strata::crash::place_of(AT_FDCWD, path));
  return refused ? -1 : real(path, mode);
}
STRATA_FRONT int mkdirat(int directory, const char* path, mode_t mode) noexcept {
  STRATA_REAL(mkdirat);
  const bool refused = strata::crash::refuse(SystemCall::make_directory, strata::crash::place_of(directory, path));
  return refused ? -1 : real(directory, path, mode);
}
STRATA_FRONT DIR* fdopendir(int file) {
  STRATA_REAL(fdopendir);
  return strata::crash::refuse(SystemCall::list, file) ? nullptr : real(file);
}
STRATA_FRONT DIR* opendir(const char* path) {
  STRATA_REAL(opendir);
  const bool refused = strata::crash::refuse(SystemCall::list, strata::crash::place_of(AT_FDCWD, path));
  return refused ? nullptr : real(path);
}

// ---- allocations: glibc has its own under names that are not in front of anything --------------------------------------------

extern "C" {
void* __libc_malloc(std::size_t size);                // NOLINT: glibc's name
void* __libc_calloc(std::size_t count, std::size_t);  // NOLINT: glibc's name
void* __libc_realloc(void* memory, std::size_t);      // NOLINT: glibc's name
void* __libc_memalign(std::size_t, std::size_t);      // NOLINT: glibc's name
}

STRATA_FRONT void* malloc(std::size_t size) noexcept {
  return strata::crash::refuse_allocation(__builtin_return_address(0)) ? nullptr : __libc_malloc(size);
}
STRATA_FRONT void* calloc(std::size_t count, std::size_t size) noexcept {
  return strata::crash::refuse_allocation(__builtin_return_address(0)) ? nullptr : __libc_calloc(count, size);
}
STRATA_FRONT void* realloc(void* memory, std::size_t size) noexcept {
  return strata::crash::refuse_allocation(__builtin_return_address(0)) ? nullptr : __libc_realloc(memory, size);
}

#pragma GCC diagnostic pop

#define STRATA_FRONT_NEW(function, arguments, memory)                                              \
  [[gnu::visibility("default")]] void* function arguments {                                        \
    void* made = strata::crash::refuse_allocation(__builtin_return_address(0)) ? nullptr : memory; \
    if (made == nullptr) throw std::bad_alloc();                                                   \
    return made;                                                                                   \
  }
STRATA_FRONT_NEW(operator new, (std::size_t size), __libc_malloc(size != 0 ? size : 1))
STRATA_FRONT_NEW(operator new[], (std::size_t size), __libc_malloc(size != 0 ? size : 1))
STRATA_FRONT_NEW(operator new, (std::size_t size, std::align_val_t alignment),
                 __libc_memalign(static_cast<std::size_t>(alignment), size != 0 ? size : 1))
#define STRATA_FRONT_NEW_OR_NULL(function)                                                          \
  [[gnu::visibility("default")]] void* function(std::size_t size, const std::nothrow_t&) noexcept { \
    const bool refused = strata::crash::refuse_allocation(__builtin_return_address(0));             \
    return refused ? nullptr : __libc_malloc(size != 0 ? size : 1);                                 \
  }
STRATA_FRONT_NEW_OR_NULL(operator new)
STRATA_FRONT_NEW_OR_NULL(operator new[])
// Of the deallocations those that the others end in.
[[gnu::visibility("default")]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::visibility("default")]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::visibility("default")]] void operator delete[](void* memory) noexcept { std::free(memory); }
[[gnu::visibility("default")]] void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::visibility("default")]] void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
[[gnu::visibility("default")]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

#endif
