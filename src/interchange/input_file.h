#pragma once
/// A file of the user's, read at any place. It is input: what does not fit is an error that names file and offset, and nothing is
/// allocated for a number in it before the file was seen to be long enough.
#include <memory>
#include <span>
#include <string>

#include "core/endian.h"
#include "io/file_system.h"

namespace strata::interchange {

/// Threads: reads from any.
class InputFile {
 public:
  /// Errors  not_found, permission_denied, io
  static Result<InputFile> open(io::FileSystem& files, std::string name);

  const std::string& name() const { return name_; }
  std::uint64_t size() const { return size_; }
  /// Errors  corruption (the file ends before: name and offset), io
  Result<void> read(std::uint64_t offset, std::span<std::byte> out) const;
  /// "index.faiss, offset 24: <what>"
  Error wrong(std::uint64_t offset, std::string_view what, ErrorCode code = ErrorCode::invalid_argument) const;

 private:
  InputFile(std::unique_ptr<io::File> file, std::string name, std::uint64_t size)
      : file_(std::move(file)), name_(std::move(name)), size_(size) {}
  std::unique_ptr<io::File> file_;
  std::string name_;
  std::uint64_t size_ = 0;
};

/// Little-endian fields, one after the other, through a buffer. Borrows the file. One thread at a time.
class FieldReader {
 public:
  explicit FieldReader(const InputFile& file, std::uint64_t offset = 0) : file_(file), offset_(offset) {}

  const InputFile& file() const { return file_; }
  std::uint64_t offset() const { return offset_; }
  std::uint64_t left() const { return file_.size() - std::min(offset_, file_.size()); }
  Error wrong(std::string_view what, ErrorCode code = ErrorCode::invalid_argument) const {
    return file_.wrong(offset_, what, code);
  }

  Result<void> bytes(std::span<std::byte> out);
  template <typename T>
  Result<T> field() {
    std::byte raw[sizeof(T)];
    STRATA_TRY(bytes(raw));
    return core::load<T>(raw);
  }
  /// How many items of `item_bytes` follow. Errors  corruption (more than the rest of the file holds)
  Result<std::uint64_t> count(std::uint64_t item_bytes);
  /// Errors  corruption (beyond the end)
  Result<void> skip(std::uint64_t items, std::uint64_t item_bytes = 1);

 private:
  const InputFile& file_;
  std::uint64_t offset_;
  Bytes buffer_ = {};
  std::uint64_t buffer_begin_ = 0;
};

/// A path of the user's as a file system and a name in it: links are followed here, once.
struct Place {
  std::unique_ptr<io::FileSystem> files;
  std::string name;  ///< empty: the folder itself
};
/// Of what is there: a file, or a folder. Errors  not_found, permission_denied, invalid_argument (neither: a pipe, a device), io
Result<Place> find_place(const std::string& path);
/// Of a file that is to be written: its folder is there. Errors  as find_place; invalid_argument (a folder has that name)
Result<Place> place_to_write(const std::string& path);

}  // namespace strata::interchange
