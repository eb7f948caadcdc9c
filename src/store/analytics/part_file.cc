#include "store/analytics/part_file.h"

#include "core/assert.h"
#include "store/analytics/compression.h"

namespace strata::store::analytics {
namespace {

constexpr std::uint64_t kHeaderMagic = 0x53'57'4f'52'41'52'54'53;  // "STRAROWS"
constexpr std::uint64_t kFooterMagic = 0x44'4e'45'53'57'4f'52'53;  // "SROWSEND"
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeaderBytes = 16;
constexpr std::size_t kFooterBytes = 64;
constexpr std::size_t kBlockHeaderBytes = 32;
constexpr std::size_t kBlockBytes = 1 << 20;       // uncompressed; a larger section has a block of its own
constexpr std::size_t kBlockBytesMax = 300 << 20;  // above the largest record

Error damaged(const PartInfo& info, std::uint64_t offset, std::string_view what) {
  return Error(ErrorCode::corruption, info.name() + ": " + std::string(what) + " at offset " + std::to_string(offset));
}

Bytes encode_header(std::uint64_t number) {
  Bytes bytes;
  core::Encoder out(bytes);
  out.u64(kHeaderMagic);
  out.u32(kVersion);
  out.u32(static_cast<std::uint32_t>(number));
  return bytes;
}

Bytes encode_footer(const PartInfo& info) {
  Bytes bytes;
  core::Encoder out(bytes);
  out.u64(kFooterMagic);
  out.u64(info.number);
  out.u64(info.first_lsn);
  out.u64(info.last_lsn);
  out.u64(info.last_chain);
  out.u64(info.frames);
  out.u64(0);
  out.u32(0);
  out.u32(core::crc32c(bytes));
  STRATA_ASSERT(bytes.size() == kFooterBytes);
  return bytes;
}

}  // namespace

std::uint64_t next_chain(std::uint64_t chain, Lsn lsn, ByteView section) {
  return core::xxh3_64(section, chain ^ (lsn * 0x9e3779b97f4a7c15ULL));
}

// ---- writing ----------------------------------------------------------------------------------------------------

PartWriter::PartWriter(io::FileSystem& files, std::uint64_t number, std::unique_ptr<io::File> file)
    : files_(&files), file_(std::move(file)), hasher_(std::make_unique<core::Hasher128>()) {
  info_.number = number;
}

Result<PartWriter> PartWriter::create(io::FileSystem& files, std::uint64_t number) {
  PartInfo info;
  info.number = number;
  auto file = STRATA_TRY(files.open(info.name() + ".tmp", io::OpenMode::create_or_open));
  STRATA_TRY(file->truncate(0));
  PartWriter writer(files, number, std::move(file));
  STRATA_TRY(writer.put(encode_header(number)));
  return writer;
}

Result<void> PartWriter::put(ByteView bytes) {
  hasher_->update(bytes);
  info_.bytes += bytes.size();
  return file_->append(bytes);
}

Result<void> PartWriter::add(const Record& record) {
  STRATA_ASSERT(record.lsn > info_.last_lsn);
  if (info_.frames == 0) info_.first_lsn = record.lsn;
  if (block_.empty()) block_first_lsn_ = record.lsn;
  core::Encoder out(block_);
  out.varint(record.lsn);
  out.i64(record.time);
  out.u64(record.chain);
  out.bytes(*record.section);
  info_.last_lsn = record.lsn;
  info_.last_chain = record.chain;
  ++info_.frames;
  return block_.size() >= kBlockBytes ? flush_block() : Result<void>();
}

Result<void> PartWriter::flush_block() {
  if (block_.empty()) return {};
  const Bytes stored = STRATA_TRY(compress(block_));
  Bytes header;
  core::Encoder out(header);
  out.u32(static_cast<std::uint32_t>(block_.size()));
  out.u32(static_cast<std::uint32_t>(stored.size()));
  out.u64(block_first_lsn_);
  out.u64(info_.last_lsn);
  out.u64(core::xxh3_64(ByteView(stored), core::xxh3_64(ByteView(header))));
  STRATA_ASSERT(header.size() == kBlockHeaderBytes);
  block_.clear();
  STRATA_TRY(put(header));
  return put(stored);
}

Result<PartInfo> PartWriter::finish() {
  STRATA_ASSERT(info_.frames > 0);
  STRATA_TRY(flush_block());
  STRATA_TRY(put(encode_footer(info_)));
  info_.hash = hasher_->digest();
  STRATA_TRY(file_->sync());
  file_.reset();
  STRATA_TRY(files_->rename(info_.name() + ".tmp", info_.name()));
  STRATA_TRY(files_->sync_directory("analytics"));
  return info_;
}

// ---- reading ----------------------------------------------------------------------------------------------------

PartReader::PartReader(const PartInfo& info, std::unique_ptr<io::File> file)
    : info_(info), file_(std::move(file)), offset_(kHeaderBytes), end_(info.bytes - kFooterBytes) {}

Result<PartReader> PartReader::open(io::FileSystem& files, const PartInfo& info) {
  auto file = STRATA_TRY(files.open(info.name(), io::OpenMode::read));
  const std::uint64_t size = STRATA_TRY(file->size());
  if (size != info.bytes || size < kHeaderBytes + kFooterBytes) {
    return damaged(info, size, "the file should have " + std::to_string(info.bytes) + " bytes; it ends");
  }
  Bytes header(kHeaderBytes), footer(kFooterBytes);
  STRATA_TRY(file->read(0, header));
  STRATA_TRY(file->read(size - kFooterBytes, footer));
  core::Decoder in(header);
  const bool ours = in.u64() == kHeaderMagic;
  const std::uint32_t version = in.u32();
  if (ours && version > kVersion) {
    return Error(ErrorCode::unsupported,
                 info.name() + ": format version " + std::to_string(version) + "; this build reads version 1");
  }
  if (!ours || header != encode_header(info.number)) return damaged(info, 0, "not the header of this part");
  if (footer != encode_footer(info)) return damaged(info, size - kFooterBytes, "not the footer of this part");
  return PartReader(info, std::move(file));
}

Result<std::vector<Record>> PartReader::next(Lsn after) {
  std::vector<Record> records;
  while (offset_ < end_ && records.empty()) {
    const std::uint64_t at = offset_;
    if (end_ - at < kBlockHeaderBytes) return damaged(info_, at, "a block header cut short");
    Bytes header(kBlockHeaderBytes);
    STRATA_TRY(file_->read(at, header));
    core::Decoder in(header);
    const std::uint32_t raw_bytes = in.u32(), stored_bytes = in.u32();
    const Lsn first = in.u64(), last = in.u64();
    const std::uint64_t checksum = in.u64();
    if (stored_bytes > end_ - at - kBlockHeaderBytes || raw_bytes > kBlockBytesMax || first > last) {
      return damaged(info_, at, "a malformed block header");
    }
    offset_ = at + kBlockHeaderBytes + stored_bytes;
    if (last <= after) continue;
    Bytes stored(stored_bytes);
    STRATA_TRY(file_->read(at + kBlockHeaderBytes, stored));
    const ByteView checked = ByteView(header).first(kBlockHeaderBytes - sizeof checksum);
    if (core::xxh3_64(ByteView(stored), core::xxh3_64(checked)) != checksum) {
      return damaged(info_, at, "the checksum of a block differs");
    }
    auto decompressed = decompress(stored, raw_bytes);
    if (!decompressed) return damaged(info_, at, "a block that does not decompress");
    const Bytes raw = std::move(decompressed).value();
    core::Decoder frames(raw);
    Lsn before = 0;
    while (frames.ok() && frames.remaining() > 0) {
      Record record;
      record.lsn = frames.varint();
      record.time = frames.i64();
      record.chain = frames.u64();
      const ByteView section = frames.bytes();
      if (record.lsn <= before) frames.fail();
      before = record.lsn;
      if (!frames.ok() || record.lsn <= after) continue;
      record.section = std::make_shared<const Bytes>(section.begin(), section.end());
      records.push_back(std::move(record));
    }
    if (!frames.ok()) return damaged(info_, at, "a malformed frame in the block");
  }
  return records;
}

}  // namespace strata::store::analytics
