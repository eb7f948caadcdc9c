#pragma once
/// The user's own files, and standard input as "-".
#include <fstream>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "strata/error.h"
#include "strata/value.h"

namespace strata::cli {

/// A file of the user's, or standard input for "-". Errors  not_found, io, resource_exhausted (over 1 GiB)
Result<Bytes> read_input(const std::string& path);
/// The same in pieces: what fills the span and says how many bytes it wrote, 0 at the end.
Result<std::function<Result<std::size_t>(std::span<std::byte>)>> open_pieces(const std::string& path);

/// Writes through a temporary file beside it: a file that is there is replaced by a whole one (finish) or not at all.
class FileWriter {
 public:
  static Result<FileWriter> open(const std::string& path);
  FileWriter(FileWriter&&) noexcept;
  ~FileWriter();
  Result<void> append(ByteView bytes);
  Result<void> finish();

 private:
  explicit FileWriter(std::string path);
  Error failed(const std::string& why) const;
  std::string path_, fresh_;  // fresh_ empty: finished or moved away
  std::unique_ptr<std::ofstream> file_;
};
Result<void> write_file(const std::string& path, ByteView content);

/// Lines of a file or of standard input ("-"), for what is too long for memory.
class LineReader {
 public:
  static Result<LineReader> open(const std::string& path);
  LineReader(LineReader&&) noexcept;
  ~LineReader();
  /// False at the end. Errors  cancelled (Ctrl-C while waiting), io
  Result<bool> next(std::string& line);
  std::uint64_t line_number() const { return line_number_; }
  std::uint64_t bytes_read() const { return bytes_read_; }
  std::uint64_t bytes_total() const { return bytes_total_; }  ///< 0: not known

 private:
  explicit LineReader(std::unique_ptr<std::istream> file);
  std::unique_ptr<std::istream> file_;  // nullptr: standard input
  std::uint64_t line_number_ = 0, bytes_read_ = 0, bytes_total_ = 0;
};

}  // namespace strata::cli
