#include "store/object/sealed_file.h"

#include "core/assert.h"
#include "core/endian.h"

namespace strata::store::object {
namespace {

constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kBufferBytes = 256 << 10;
constexpr std::size_t kMagicBytes = 8;
constexpr std::uint64_t kFooterBytesMax = 256 << 20;  // 16 bytes per MiB of a large object: up to 16 TiB

std::string parent_of(const std::string& name) {
  const auto slash = name.rfind('/');
  return slash == std::string::npos ? std::string() : name.substr(0, slash);
}

Error damaged(const std::string& name, std::uint64_t offset, const std::string& what) {
  return Error(ErrorCode::corruption, name + ", offset " + std::to_string(offset) + ": " + what);
}

Result<void> check_header(ByteView header, std::string_view magic, const std::string& name) {
  STRATA_DEBUG_ASSERT(header.size() == kHeaderBytes);
  if (as_text(header.first(kMagicBytes)) != magic) return damaged(name, 0, "this is no such file (magic)");
  if (core::load<std::uint32_t>(header.data() + 12) != core::crc32c(header.first(12))) {
    return damaged(name, 12, "the header's checksum is wrong");
  }
  if (const auto version = core::load<std::uint32_t>(header.data() + 8); version != kVersion) {
    return Error(ErrorCode::unsupported, name + " has format " + std::to_string(version) + "; this program reads 1");
  }
  return {};
}

/// The size of the footer, from a checked trailer.
Result<std::uint64_t> check_trailer(ByteView trailer, std::uint64_t file_bytes, std::string_view magic,
                                    const std::string& name) {
  const std::uint64_t size = core::load<std::uint32_t>(trailer.data());
  if (as_text(trailer.last(kMagicBytes)) != magic || size > file_bytes - kHeaderBytes - kTrailerBytes) {
    return damaged(name, file_bytes - kTrailerBytes, "the trailer is damaged or missing");
  }
  return size;
}

Result<void> check_footer(ByteView footer, ByteView trailer, std::uint64_t offset, const std::string& name) {
  if (core::load<std::uint32_t>(trailer.data() + 4) != core::crc32c(footer)) {
    return damaged(name, offset, "the footer's checksum is wrong");
  }
  return {};
}

}  // namespace

Result<void> ensure_directory(io::FileSystem& files, const std::string& name) {
  if (name.empty() || STRATA_TRY(files.exists(name))) return {};
  const std::string parent = parent_of(name);
  STRATA_TRY(ensure_directory(files, parent));
  STRATA_TRY(files.create_directory(name));
  return files.sync_directory(parent);
}

Result<std::unique_ptr<SealedFileWriter>> SealedFileWriter::create(io::FileSystem& files, std::string temporary_name,
                                                                   std::string_view magic) {
  STRATA_ASSERT(magic.size() == kMagicBytes);
  STRATA_TRY(ensure_directory(files, parent_of(temporary_name)));
  std::unique_ptr<SealedFileWriter> writer(new SealedFileWriter(files, std::move(temporary_name), magic));
  writer->file_ = STRATA_TRY(files.open(writer->temporary_name_, io::OpenMode::create));
  Bytes header;
  core::Encoder out(header);
  out.raw(magic.data(), magic.size());
  out.u32(kVersion);
  out.u32(core::crc32c(header));
  STRATA_TRY(writer->append(header));
  return writer;
}

SealedFileWriter::~SealedFileWriter() {
  if (finished_ || !file_) return;
  file_.reset();
  (void)files_.remove(temporary_name_);  // best effort: recovery removes what is left
}

Result<void> SealedFileWriter::append(ByteView bytes) {
  position_ += bytes.size();
  hasher_.update(bytes);
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  return buffer_.size() >= kBufferBytes ? flush() : Result<void>();
}

Result<void> SealedFileWriter::pad_to(std::uint64_t alignment) {
  static constexpr std::byte kZeros[64]{};
  STRATA_DEBUG_ASSERT(alignment <= sizeof kZeros);
  const std::uint64_t over = position_ % alignment;
  return over == 0 ? Result<void>() : append(ByteView(kZeros, static_cast<std::size_t>(alignment - over)));
}

Result<void> SealedFileWriter::flush() {
  if (buffer_.empty()) return {};
  STRATA_TRY(file_->append(buffer_));
  buffer_.clear();
  return {};
}

Result<transaction::CheckpointFile> SealedFileWriter::finish(const std::string& name, ByteView footer) {
  STRATA_ASSERT(footer.size() <= kFooterBytesMax);
  STRATA_TRY(append(footer));
  Bytes trailer;
  core::Encoder out(trailer);
  out.u32(static_cast<std::uint32_t>(footer.size()));
  out.u32(core::crc32c(footer));
  out.raw(magic_.data(), magic_.size());
  STRATA_TRY(append(trailer));
  STRATA_TRY(flush());
  STRATA_TRY(file_->sync());
  STRATA_TRY(ensure_directory(files_, parent_of(name)));
  STRATA_TRY(files_.rename(temporary_name_, name));
  finished_ = true;
  file_.reset();
  STRATA_TRY(files_.sync_directory(parent_of(name)));
  return transaction::CheckpointFile{name, position_, hasher_.digest()};
}

Result<ByteView> open_sealed(ByteView file, std::string_view magic, const std::string& name) {
  if (file.size() < kHeaderBytes + kTrailerBytes) return damaged(name, file.size(), "the file is too short");
  STRATA_TRY(check_header(file.first(kHeaderBytes), magic, name));
  const ByteView trailer = file.last(kTrailerBytes);
  const std::uint64_t size = STRATA_TRY(check_trailer(trailer, file.size(), magic, name));
  const std::uint64_t offset = file.size() - kTrailerBytes - size;
  const ByteView footer = file.subspan(offset, size);
  STRATA_TRY(check_footer(footer, trailer, offset, name));
  return footer;
}

Result<Bytes> read_sealed_footer(const io::File& file, std::string_view magic, const std::string& name) {
  const std::uint64_t bytes = STRATA_TRY(file.size());
  if (bytes < kHeaderBytes + kTrailerBytes) return damaged(name, bytes, "the file is too short");
  std::array<std::byte, kHeaderBytes> header;
  STRATA_TRY(file.read(0, header));
  STRATA_TRY(check_header(header, magic, name));
  std::array<std::byte, kTrailerBytes> trailer;
  STRATA_TRY(file.read(bytes - kTrailerBytes, trailer));
  const std::uint64_t size = STRATA_TRY(check_trailer(trailer, bytes, magic, name));
  if (size > kFooterBytesMax) return damaged(name, bytes - kTrailerBytes, "the trailer is damaged");
  Bytes footer(size);
  const std::uint64_t offset = bytes - kTrailerBytes - size;
  STRATA_TRY(file.read(offset, footer));
  STRATA_TRY(check_footer(footer, trailer, offset, name));
  return footer;
}

}  // namespace strata::store::object
