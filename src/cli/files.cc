#include "cli/files.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>

#include "cli/interrupt.h"

namespace strata::cli {
namespace {

constexpr std::size_t kInputBytesMax = 1U << 30;
constexpr std::size_t kPieceBytes = 1U << 20;

Error input_error(const std::string& path) {
  const int number = errno;
  const ErrorCode code = number == ENOENT   ? ErrorCode::not_found
                         : number == EACCES ? ErrorCode::permission_denied
                                            : ErrorCode::io;
  return Error(code, "the file \"" + path + "\" cannot be read: " + std::strerror(number));
}

Result<std::unique_ptr<std::istream>> open_input(const std::string& path) {
  if (path == "-") return std::unique_ptr<std::istream>();
  if (std::filesystem::is_directory(path)) {
    return Error(ErrorCode::invalid_argument, "\"" + path + "\" is a directory, not a file");
  }
  errno = 0;
  auto file = std::make_unique<std::ifstream>(path, std::ios::binary);
  if (!*file) return input_error(path);
  return std::unique_ptr<std::istream>(std::move(file));
}

}  // namespace

Result<Bytes> read_input(const std::string& path) {
  const auto file = STRATA_TRY(open_input(path));
  std::istream& input = file ? *file : std::cin;
  Bytes bytes;
  while (input) {
    if (bytes.size() > kInputBytesMax) return Error(ErrorCode::resource_exhausted, "the input is over 1 GiB");
    const std::size_t begin = bytes.size();
    bytes.resize(begin + kPieceBytes);
    input.read(reinterpret_cast<char*>(bytes.data() + begin), kPieceBytes);
    bytes.resize(begin + static_cast<std::size_t>(input.gcount()));
  }
  STRATA_TRY(check_interrupt());
  if (input.bad()) return input_error(path);
  return bytes;
}

Result<std::function<Result<std::size_t>(std::span<std::byte>)>> open_pieces(const std::string& path) {
  const std::shared_ptr<std::istream> file = STRATA_TRY(open_input(path));
  return [file, path](std::span<std::byte> into) -> Result<std::size_t> {
    std::istream& input = file ? *file : std::cin;
    input.read(reinterpret_cast<char*>(into.data()), static_cast<std::streamsize>(into.size()));
    STRATA_TRY(check_interrupt());
    if (input.bad()) return input_error(path);
    return static_cast<std::size_t>(input.gcount());
  };
}

FileWriter::FileWriter(std::string path)
    : path_(std::move(path)), fresh_(path_ + ".part-" + std::to_string(::getpid())) {}
FileWriter::FileWriter(FileWriter&& other) noexcept
    : path_(std::move(other.path_)), fresh_(std::exchange(other.fresh_, {})), file_(std::move(other.file_)) {}

FileWriter::~FileWriter() {
  std::error_code ignored;
  if (!fresh_.empty()) std::filesystem::remove(fresh_, ignored);
}

Error FileWriter::failed(const std::string& why) const {
  return Error(ErrorCode::io, "the file \"" + path_ + "\" cannot be written: " + why);
}

Result<FileWriter> FileWriter::open(const std::string& path) {
  FileWriter writer(path);
  errno = 0;
  writer.file_ = std::make_unique<std::ofstream>(writer.fresh_, std::ios::binary | std::ios::trunc);
  if (!*writer.file_) return writer.failed(std::strerror(errno));
  return writer;
}

Result<void> FileWriter::append(ByteView bytes) {
  file_->write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!*file_) return failed(std::strerror(errno));
  return {};
}

Result<void> FileWriter::finish() {
  file_->close();
  if (!*file_) return failed(std::strerror(errno));
  std::error_code wrong;
  std::filesystem::rename(fresh_, path_, wrong);
  if (wrong) return failed(wrong.message());
  fresh_.clear();
  return {};
}

Result<void> write_file(const std::string& path, ByteView content) {
  FileWriter writer = STRATA_TRY(FileWriter::open(path));
  STRATA_TRY(writer.append(content));
  return writer.finish();
}

LineReader::LineReader(std::unique_ptr<std::istream> file) : file_(std::move(file)) {}
LineReader::LineReader(LineReader&&) noexcept = default;
LineReader::~LineReader() = default;

Result<LineReader> LineReader::open(const std::string& path) {
  LineReader reader(STRATA_TRY(open_input(path)));
  std::error_code unknown;
  const auto bytes = path == "-" ? 0 : std::filesystem::file_size(path, unknown);
  if (!unknown) reader.bytes_total_ = bytes;
  return reader;
}

Result<bool> LineReader::next(std::string& line) {
  std::istream& input = file_ ? *file_ : std::cin;
  const bool got = static_cast<bool>(std::getline(input, line));
  STRATA_TRY(check_interrupt());
  if (!got) {
    if (input.bad()) return Error(ErrorCode::io, std::string("the input cannot be read: ") + std::strerror(errno));
    return false;
  }
  ++line_number_;
  bytes_read_ += line.size() + 1;
  if (line.ends_with('\r')) line.pop_back();
  return true;
}

}  // namespace strata::cli
