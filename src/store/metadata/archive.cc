#include "store/metadata/archive.h"

#include <cstring>

#include "core/codec.h"

namespace strata::store::metadata {
namespace {

constexpr std::string_view kMagic = "STRMDARC";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeaderBytes = 16;
constexpr std::size_t kRecordBytes = 8 + 8 + 4 + 1 + 4 + 4;
constexpr std::size_t kFlushBytes = 1 << 20;
constexpr std::uint8_t kSection = 0, kDump = 1, kFooter = 255;

}  // namespace

std::string archive_name(std::uint64_t number) { return "metadata/archive-" + std::to_string(number) + ".sections"; }

ArchiveWriter::ArchiveWriter(io::FileSystem& files, std::uint64_t number)
    : files_(files), number_(number), name_(archive_name(number)) {
  core::Encoder out(buffer_);
  out.raw(kMagic.data(), kMagic.size());
  out.u32(kVersion);
  out.u32(core::crc32c(buffer_));
}

ArchiveWriter::~ArchiveWriter() {
  if (file_ && !renamed_) {
    file_.reset();
    (void)files_.remove(name_ + ".tmp");  // nothing names it
  }
}

void ArchiveWriter::put_record(const ArchiveRecord& record, std::uint8_t kind) {
  const std::size_t begin = buffer_.size();
  core::Encoder out(buffer_);
  out.u64(record.lsn);
  out.i64(record.time);
  out.u32(static_cast<std::uint32_t>(record.section.size()));
  out.u8(kind);
  out.u32(core::crc32c(record.section));
  out.u32(core::crc32c(ByteView(buffer_).subspan(begin)));
  out.raw(record.section.data(), record.section.size());
}

Result<void> ArchiveWriter::append(const ArchiveRecord& record) {
  put_record(record, record.dump ? kDump : kSection);
  ++records_;
  last_ = record.lsn;
  return buffer_.size() >= kFlushBytes ? flush() : Result<void>();
}

Result<void> ArchiveWriter::flush() {
  if (!file_) {
    STRATA_TRY(files_.create_directory("metadata"));
    file_ = STRATA_TRY(files_.open(name_ + ".tmp", io::OpenMode::create_or_open));
    STRATA_TRY(file_->truncate(0));
  }
  if (buffer_.empty()) return {};
  STRATA_TRY(file_->write(written_, buffer_));
  hasher_.update(buffer_);
  written_ += buffer_.size();
  buffer_.clear();
  return {};
}

Result<transaction::CheckpointFile> ArchiveWriter::finish() {
  if (!sealed_) {
    put_record({last_, 0, false, {}}, kFooter);
    sealed_ = true;
  }
  if (!renamed_) {
    STRATA_TRY(flush());
    STRATA_TRY(file_->sync());
    STRATA_TRY(files_.rename(name_ + ".tmp", name_));
    renamed_ = true;
  }
  STRATA_TRY(files_.sync_directory("metadata"));
  return transaction::CheckpointFile{name_, written_, hasher_.digest()};
}

Result<void> read_archive(io::FileSystem& files, const std::string& name,
                          const std::function<Result<void>(const ArchiveRecord&)>& each) {
  const auto mapping = STRATA_TRY(files.map(name));
  mapping->advise(io::Mapping::Advice::sequential);
  const ByteView bytes = mapping->bytes();
  const auto damaged = [&](std::size_t offset, std::string_view what) {
    return Error(ErrorCode::corruption, name + ", offset " + std::to_string(offset) + ": " + std::string(what));
  };
  if (bytes.size() < kHeaderBytes || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
    return damaged(0, "not an archive of the metadata store");
  }
  core::Decoder header(bytes.subspan(kMagic.size(), 8));
  const std::uint32_t version = header.u32();
  if (header.u32() != core::crc32c(bytes.first(12))) return damaged(0, "the header's checksum is wrong");
  if (version == 0) return damaged(8, "there is no version 0");
  if (version > kVersion) {
    return Error(ErrorCode::unsupported, name + " has version " + std::to_string(version) +
                                             "; this program reads up to " + std::to_string(kVersion));
  }
  Lsn last = 0;
  for (std::size_t at = kHeaderBytes;;) {
    if (bytes.size() - at < kRecordBytes) return damaged(at, "it ends without a footer");
    core::Decoder in(bytes.subspan(at, kRecordBytes));
    ArchiveRecord record;
    record.lsn = in.u64();
    record.time = in.i64();
    const std::uint32_t size = in.u32();
    const std::uint8_t kind = in.u8();
    const std::uint32_t section_crc = in.u32();
    if (in.u32() != core::crc32c(bytes.subspan(at, kRecordBytes - 4)))
      return damaged(at, "a record's checksum is wrong");
    const std::size_t begin = at + kRecordBytes;
    if (kind == kFooter) {
      const bool empty = record.time == 0 && size == 0 && section_crc == 0;
      if (record.lsn != last || !empty || begin != bytes.size()) return damaged(at, "the footer does not end the file");
      return {};
    }
    if (kind > kDump || size > bytes.size() - begin) return damaged(at, "a record is malformed");
    record.section = bytes.subspan(begin, size);
    if (core::crc32c(record.section) != section_crc) return damaged(begin, "a section's checksum is wrong");
    if (record.lsn < last || (kind == kSection && record.lsn == last)) return damaged(at, "the LSNs do not ascend");
    record.dump = kind == kDump;
    last = record.lsn;
    STRATA_TRY(each(record));
    at = begin + size;
  }
}

}  // namespace strata::store::metadata
