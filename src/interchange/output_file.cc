#include "interchange/output_file.h"

#include <utility>

namespace strata::interchange {
namespace {

constexpr std::size_t kBufferBytes = 1 << 20;

}  // namespace

OutputFile::OutputFile(OutputFile&& other) noexcept
    : files_(std::exchange(other.files_, nullptr)),
      name_(std::move(other.name_)),
      file_(std::move(other.file_)),
      buffer_(std::move(other.buffer_)),
      written_(other.written_),
      finished_(other.finished_) {}

OutputFile::~OutputFile() {
  if (files_ == nullptr || finished_ || file_ == nullptr) return;
  file_.reset();
  static_cast<void>(files_->remove(name_ + ".part").has_value());  // nobody is left to hear of it
}

Result<OutputFile> OutputFile::open(io::FileSystem& files, std::string name) {
  OutputFile output(files, std::move(name));
  const std::string part = output.name_ + ".part";
  if (STRATA_TRY(files.exists(part))) STRATA_TRY(files.remove(part));
  output.file_ = STRATA_TRY(files.open(part, io::OpenMode::create));
  return output;
}

Result<void> OutputFile::append(ByteView bytes) {
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  return buffer_.size() < kBufferBytes ? Result<void>() : flush();
}

Result<void> OutputFile::flush() {
  STRATA_TRY(file_->append(buffer_));
  written_ += buffer_.size();
  buffer_.clear();
  return {};
}

Result<void> OutputFile::patch(std::uint64_t offset, ByteView bytes) {
  STRATA_TRY(flush());
  return file_->write(offset, bytes);
}

Result<void> OutputFile::finish() {
  STRATA_TRY(flush());
  STRATA_TRY(file_->sync());
  STRATA_TRY(files_->rename(name_ + ".part", name_));
  finished_ = true;
  return files_->sync_directory("");
}

}  // namespace strata::interchange
