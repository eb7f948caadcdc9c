#pragma once
#include <memory>
#include <string>

#include "io/file_system.h"

namespace strata::interchange {

/// A file of the user's that appears when it is whole: written as name.part, synced, renamed. Borrows the file system.
class OutputFile {
 public:
  /// Errors  permission_denied, resource_exhausted, io
  static Result<OutputFile> open(io::FileSystem& files, std::string name);
  OutputFile(OutputFile&&) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();  ///< without finish: as if it had never been begun

  Result<void> append(ByteView bytes);
  Result<void> append(std::string_view text) { return append(as_bytes(text)); }
  template <typename T>
  Result<void> field(T value) {
    return append(ByteView(reinterpret_cast<const std::byte*>(&value), sizeof value));
  }
  std::uint64_t size() const { return written_ + buffer_.size(); }
  /// Writes over what was appended before.
  Result<void> patch(std::uint64_t offset, ByteView bytes);
  Result<void> finish();

 private:
  OutputFile(io::FileSystem& files, std::string name) : files_(&files), name_(std::move(name)) {}
  Result<void> flush();
  io::FileSystem* files_;  // nullptr: moved away
  std::string name_;
  std::unique_ptr<io::File> file_;
  Bytes buffer_ = {};
  std::uint64_t written_ = 0;
  bool finished_ = false;
};

}  // namespace strata::interchange
