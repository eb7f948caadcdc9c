#pragma once
/// All file access of Strata goes through this interface, so that a test can hold the disk.
///
///     posix_file_system      the real one
///     memory_file_system     a map of names to bytes; what was not synced is known and can be dropped (a power cut)
///     faulty_file_system     wraps another: fails the k-th call, tears, reorders and drops what was not synced
///
/// Names are relative to a root that the file system was opened on, use '/', and are made by us from integers and hashes
/// (I16): never from a user's text. A name that is absolute, holds "..", a NUL or an empty part is invalid_argument.
///
/// What survives a power cut is what POSIX promises and no more: bytes after File::sync, a name after sync_directory of
/// the folder it is in. A rename without sync_directory may be undone; a file never synced may be empty or gone.
/// SQLite, DuckDB and HDF5 do their own I/O: they get real paths from `path()` and work on the POSIX one only.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "strata/error.h"
#include "strata/value.h"

namespace strata::io {

/// A read-only mapping of a whole file. The bytes stay valid as long as the object lives, also when the file is removed.
/// Threads: any.
class Mapping {
 public:
  virtual ~Mapping() = default;
  virtual ByteView bytes() const noexcept = 0;
  enum class Advice { normal, random, sequential, will_need, huge_pages };
  virtual void advise(Advice advice) noexcept = 0;  ///< a hint; never fails
  /// Gives back the memory of the whole pages within [offset, offset + size); a read brings them again. A hint, too.
  virtual void release(std::uint64_t offset, std::uint64_t size) noexcept = 0;
};

/// One open file. Threads: reads from any; one writer at a time.
class File {
 public:
  virtual ~File() = default;  ///< closes; what was not synced may be lost
  /// Reads exactly out.size() bytes. Errors  io; corruption when the file ends before (names the offset)
  virtual Result<void> read(std::uint64_t offset, std::span<std::byte> out) const = 0;
  /// As read, from the disk and not from the page cache where the system can: recovery must see what is durable.
  virtual Result<void> read_durable(std::uint64_t offset, std::span<std::byte> out) const = 0;
  /// Writes all bytes at the offset; the file grows when needed. Errors  io, resource_exhausted (no space)
  virtual Result<void> write(std::uint64_t offset, ByteView bytes) = 0;
  virtual Result<void> append(ByteView bytes) = 0;  ///< at the present end
  virtual Result<void> sync() = 0;                  ///< fsync: content and size
  virtual Result<void> sync_data() = 0;             ///< fdatasync
  virtual Result<void> truncate(std::uint64_t size) = 0;
  /// Writes zeros over [offset, offset + size) ahead of use, so that later syncs touch no metadata.
  virtual Result<void> zero_fill(std::uint64_t offset, std::uint64_t size) = 0;
  /// Takes the blocks of [offset, offset + size) from the disk, so that a write there needs no space any more. The file
  /// grows as needed; content stays, and where there is none, zeros are read. Lasts as long as the file is not cut, over a
  /// power cut only after a sync.
  /// Errors  resource_exhausted (no space; the file may have grown, nothing else happened), io
  /// Cost    one call of the system where it can; else the new part is written with zeros and synced
  virtual Result<void> reserve(std::uint64_t offset, std::uint64_t size) = 0;
  virtual Result<std::uint64_t> size() const = 0;
};

enum class OpenMode {
  read,        ///< must exist
  read_write,  ///< must exist
  create,      ///< must not exist
  create_or_open,
};

/// Held as long as the object lives; the operating system drops it when the process dies.
class DirectoryLock {
 public:
  virtual ~DirectoryLock() = default;
};

/// Threads: any.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  /// Errors  not_found, already_exists, permission_denied, io, invalid_argument (a bad name)
  virtual Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) = 0;
  /// Errors  as open; an empty file gives an empty mapping
  virtual Result<std::unique_ptr<Mapping>> map(std::string_view name) = 0;
  virtual Result<void> rename(std::string_view from, std::string_view to) = 0;  ///< replaces `to` atomically
  virtual Result<void> remove(std::string_view name) = 0;
  virtual Result<bool> exists(std::string_view name) = 0;
  virtual Result<std::uint64_t> file_size(std::string_view name) = 0;
  virtual Result<void> create_directory(std::string_view name) = 0;  ///< with its parents; fine when it exists
  virtual Result<void> remove_directory(std::string_view name) = 0;  ///< with everything in it
  virtual Result<std::vector<std::string>> list(
      std::string_view directory) = 0;                                  ///< names of files and folders, sorted
  virtual Result<void> sync_directory(std::string_view directory) = 0;  ///< "" is the root
  /// An exclusive lock on file `name`, whose content becomes `owner` ("pid 123 (strata)": who to name to the next one who
  /// asks). Refused to a second open of this process too, which tells the two apart by reading the file: its own text.
  /// Errors  unavailable, at once, with the present owner's text: "the database is open in process 123 (strata)"
  virtual Result<std::unique_ptr<DirectoryLock>> lock(std::string_view name, std::string_view owner) = 0;
  virtual Result<std::uint64_t> free_bytes() = 0;  ///< left for this user on the disk
  /// The real path of a name, for libraries that do their own I/O. Errors  unsupported (not on a real disk)
  virtual Result<std::string> path(std::string_view name) = 0;
};

inline constexpr std::size_t kNameBytesMax = 1024;

/// Whether a name stays below the root, by its text alone (I16). Errors  invalid_argument, with the reason
Result<void> check_name(std::string_view name);
/// The folder a name is in: "journal" of "journal/1", "" (the root) of "1".
std::string_view parent_of(std::string_view name) noexcept;
/// What FileSystem::lock answers when `owner` holds the lock.
Error held_error(std::string_view owner);

/// Reads a whole file of at most `bytes_max`. Errors  as open; resource_exhausted when it is larger
Result<Bytes> read_file(FileSystem& files, std::string_view name, std::uint64_t bytes_max);

/// The one way a finished file comes to be: written as name.tmp, synced, renamed, its directory synced. After it
/// returns the file survives a power cut; before, a leftover .tmp is all there can be.
Result<void> write_file_atomically(FileSystem& files, std::string_view name, ByteView bytes);

}  // namespace strata::io
