#include "interchange/input_file.h"

#include <algorithm>
#include <filesystem>

#include "io/posix_file_system.h"

namespace strata::interchange {
namespace {

constexpr std::size_t kBufferBytes = 1 << 16;

Error path_error(const std::string& path, const std::error_code& why) {
  const ErrorCode code = why == std::errc::no_such_file_or_directory || why == std::errc::not_a_directory
                             ? ErrorCode::not_found
                         : why == std::errc::permission_denied ? ErrorCode::permission_denied
                                                               : ErrorCode::io;
  return Error(code, "\"" + path + "\" cannot be opened: " + why.message());
}

}  // namespace

Result<InputFile> InputFile::open(io::FileSystem& files, std::string name) {
  auto file = STRATA_TRY(files.open(name, io::OpenMode::read));
  const std::uint64_t size = STRATA_TRY(file->size());
  return InputFile(std::move(file), std::move(name), size);
}

Result<void> InputFile::read(std::uint64_t offset, std::span<std::byte> out) const {
  if (offset > size_ || out.size() > size_ - offset) {
    return wrong(offset,
                 "the file ends at " + std::to_string(size_) + ", before the " + std::to_string(out.size()) +
                     " bytes that follow here",
                 ErrorCode::corruption);
  }
  return file_->read(offset, out);
}

Error InputFile::wrong(std::uint64_t offset, std::string_view what, ErrorCode code) const {
  return Error(code, name_ + ", offset " + std::to_string(offset) + ": " + std::string(what));
}

Result<void> FieldReader::bytes(std::span<std::byte> out) {
  if (out.size() >= kBufferBytes) {
    STRATA_TRY(file_.read(offset_, out));
    offset_ += out.size();
    return {};
  }
  const bool held = offset_ >= buffer_begin_ && offset_ - buffer_begin_ + out.size() <= buffer_.size();
  if (!held) {
    buffer_.resize(std::max<std::uint64_t>(std::min<std::uint64_t>(kBufferBytes, left()), out.size()));
    buffer_begin_ = offset_;
    if (auto read = file_.read(offset_, buffer_); !read) {
      buffer_.clear();
      return read;
    }
  }
  const auto from = buffer_.begin() + static_cast<std::ptrdiff_t>(offset_ - buffer_begin_);
  std::copy(from, from + static_cast<std::ptrdiff_t>(out.size()), out.begin());
  offset_ += out.size();
  return {};
}

Result<std::uint64_t> FieldReader::count(std::uint64_t item_bytes) {
  const std::uint64_t at = offset_;
  const auto items = STRATA_TRY(field<std::uint64_t>());
  if (items > left() / item_bytes) {
    return file_.wrong(at,
                       "a list of " + std::to_string(items) + " items of " + std::to_string(item_bytes) +
                           " bytes, in a file with " + std::to_string(left()) + " bytes left",
                       ErrorCode::corruption);
  }
  return items;
}

Result<void> FieldReader::skip(std::uint64_t items, std::uint64_t item_bytes) {
  if (items > left() / item_bytes) {
    return wrong("the file ends at " + std::to_string(file_.size()) + ", before " + std::to_string(items) +
                     " items of " + std::to_string(item_bytes) + " bytes",
                 ErrorCode::corruption);
  }
  offset_ += items * item_bytes;
  return {};
}

Result<Place> find_place(const std::string& path) {
  std::error_code failed;
  const std::filesystem::path real = std::filesystem::canonical(path, failed);
  if (failed) return path_error(path, failed);
  const auto status = std::filesystem::status(real, failed);
  if (failed) return path_error(path, failed);
  if (status.type() == std::filesystem::file_type::directory)
    return Place{STRATA_TRY(io::open_posix_file_system(real.string())), {}};
  if (status.type() != std::filesystem::file_type::regular) {
    return Error(ErrorCode::invalid_argument, "\"" + path + "\" is neither a file nor a folder");
  }
  return Place{STRATA_TRY(io::open_posix_file_system(real.parent_path().string())), real.filename().string()};
}

Result<Place> place_to_write(const std::string& path) {
  const std::filesystem::path given(path);
  std::error_code failed;
  if (std::filesystem::is_directory(given, failed) || !given.has_filename()) {
    return Error(ErrorCode::invalid_argument, "\"" + path + "\" is a folder; a file is written");
  }
  const std::filesystem::path folder =
      std::filesystem::canonical(given.has_parent_path() ? given.parent_path() : ".", failed);
  if (failed) return path_error(given.parent_path().string(), failed);
  return Place{STRATA_TRY(io::open_posix_file_system(folder.string())), given.filename().string()};
}

}  // namespace strata::interchange
