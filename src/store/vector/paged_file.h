#pragma once
/// A file whose pages are checked one by one: the frame of segments and graphs.
///
///     0          head: a magic of 8 bytes, zeros to 64
///     64         data
///     data_end   directory: the format's own fields, then XXH3-64 of each page of 64 KiB of [0, data_end)
///     size − 64  trailer: magic, directory offset, size, XXH3-64; CRC32C of these 32 bytes; zeros
///
/// The hash of the directory is the file's root: all of the file in a number.
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/checksum.h"
#include "core/codec.h"
#include "io/file_system.h"
#include "transaction/participant.h"

namespace strata::store::vector {

inline constexpr std::size_t kHeadBytes = 64;
inline constexpr std::size_t kTrailerBytes = 64;
inline constexpr std::size_t kPageBytes = 64 << 10;

/// Appends to a file, hashing its pages and all of it on the way.
class PagedFile {
 public:
  explicit PagedFile(io::File& file) : file_(file) { page_.reserve(kPageBytes); }

  Result<void> begin(std::string_view magic);  ///< the head
  std::uint64_t size() const { return size_; }
  Result<void> append(ByteView bytes);
  template <typename T>
  Result<void> append_value(T value) {
    return append({reinterpret_cast<const std::byte*>(&value), sizeof value});
  }
  Result<void> pad_to(std::size_t multiple);
  /// Ends the last page, however full; the directory, to which the page hashes are added, and the trailer follow.
  Result<void> finish(std::string_view magic, Bytes directory);

  std::uint64_t written() const { return written_; }
  core::Hash128 hash() const { return whole_.digest(); }

 private:
  Result<void> flush();
  Result<void> append_unpaged(ByteView bytes);

  io::File& file_;
  Bytes page_;
  std::uint64_t size_ = 0;
  std::uint64_t written_ = 0;
  std::vector<std::uint64_t> pages_;
  core::Hasher128 whole_;
};

/// Has `write` fill `name`: finished, synced, its directory synced. Errors  io, resource_exhausted, those of `write`
Result<transaction::CheckpointFile> write_paged_file(io::FileSystem& files, const std::string& name,
                                                     const std::function<Result<void>(PagedFile&)>& write);

/// What the trailer says of a mapped file: where its directory is.
struct PagedDirectory {
  std::uint64_t data_end = 0;
  ByteView bytes;  ///< the format's fields and the page hashes
  std::uint64_t root = 0;
};
/// `what` is for messages ("vector segment"). Errors  corruption naming the file
Result<PagedDirectory> read_paged_directory(ByteView file, std::string_view magic, std::string_view what,
                                            std::string_view name);

/// The pages of a mapped file, each to be compared with its hash. Borrows the file. Threads: any.
class Pages {
 public:
  Pages() = default;
  /// `hashes` is what stands behind the fields of a directory; nothing when that is not one hash for each page.
  static std::optional<Pages> of(ByteView file, std::uint64_t data_end, ByteView hashes);
  std::uint64_t count() const { return (data_.size() + kPageBytes - 1) / kPageBytes; }
  bool intact(std::uint64_t page) const;

 private:
  ByteView data_;
  const std::byte* hashes_ = nullptr;
};

}  // namespace strata::store::vector
