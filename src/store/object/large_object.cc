#include "store/object/large_object.h"

#include "core/failpoint.h"

#include <algorithm>

namespace strata::store::object {
namespace {

constexpr std::string_view kMagic = "STRATAOL";
constexpr std::size_t kBlockEntryBytes = 9;    // stored size, CRC, compression
constexpr std::size_t kFooterFixedBytes = 48;  // SHA-256, size, block count

struct Block {
  std::uint32_t stored_bytes;
  std::uint32_t crc;
  Compression compression;
};

Error damaged(const Address& address, const std::string& name, std::uint64_t offset, std::string_view what) {
  return Error(ErrorCode::corruption, "object " + address.to_string() + " in " + name + ", offset " +
                                          std::to_string(offset) + ": " + std::string(what));
}

/// Reads and checks the footer against what the store knows of the file.
Result<std::vector<Block>> read_block_table(const io::File& in, const Address& address, const LargeFile& file,
                                            const std::string& name) {
  const Bytes footer = STRATA_TRY(read_sealed_footer(in, kMagic, name));
  core::Decoder decoder(footer);
  const ByteView digest = decoder.raw(address.digest.size());
  const std::uint64_t bytes = decoder.u64();
  const std::uint64_t count = decoder.u64();
  const bool shape = decoder.ok() && count == (bytes + kLargeBlockBytes - 1) / kLargeBlockBytes &&
                     footer.size() == kFooterFixedBytes + count * kBlockEntryBytes;
  if (!shape || bytes != file.bytes || !std::equal(digest.begin(), digest.end(), address.digest.begin())) {
    return damaged(address, name, 0, "the file holds another object");
  }
  std::vector<Block> blocks(count);
  for (Block& block : blocks) {
    block.stored_bytes = decoder.u32();
    block.crc = decoder.u32();
    block.compression = static_cast<Compression>(decoder.u8());
    if (block.stored_bytes > kLargeBlockBytes) return damaged(address, name, 0, "a block larger than its content");
  }
  return blocks;
}

}  // namespace

std::string large_file_name(const Address& address, std::uint64_t sequence) {
  const std::string hex = address.to_string();
  return std::string(kLargeDirectory) + "/" + hex.substr(0, 2) + "/" + hex + "-" + std::to_string(sequence);
}

Result<std::unique_ptr<LargeObjectWriter>> LargeObjectWriter::create(io::FileSystem& files, std::uint64_t sequence,
                                                                     Compression asked) {
  std::unique_ptr<LargeObjectWriter> writer(new LargeObjectWriter(sequence, asked));
  // The address is known at the end only, so the temporary name is made from the sequence alone.
  writer->out_ = STRATA_TRY(
      SealedFileWriter::create(files, std::string(kLargeDirectory) + "/" + std::to_string(sequence) + ".tmp", kMagic));
  writer->block_.reserve(kLargeBlockBytes);
  return writer;
}

Result<void> LargeObjectWriter::append(ByteView content) {
  digest_.update(content);
  bytes_ += content.size();
  while (!content.empty()) {
    if (block_.empty() && content.size() >= kLargeBlockBytes) {  // whole blocks need no copy
      STRATA_TRY(write_block(content.first(kLargeBlockBytes)));
      content = content.subspan(kLargeBlockBytes);
      continue;
    }
    const std::size_t taken = std::min(content.size(), kLargeBlockBytes - block_.size());
    block_.insert(block_.end(), content.begin(), content.begin() + static_cast<std::ptrdiff_t>(taken));
    content = content.subspan(taken);
    if (block_.size() == kLargeBlockBytes) {
      STRATA_TRY(write_block(block_));
      block_.clear();
    }
  }
  return {};
}

Result<void> LargeObjectWriter::write_block(ByteView content) {
  const Compressed stored = compress(content, asked_, Compression::zstd);
  core::Encoder out(table_);
  out.u32(static_cast<std::uint32_t>(stored.bytes.size()));
  out.u32(core::crc32c(stored.bytes));
  out.u8(static_cast<std::uint8_t>(stored.compression));
  compressed_ = compressed_ || stored.compression != Compression::none;
  ++blocks_;
  return out_->append(stored.bytes);
}

Result<LargeObjectWriter::Finished> LargeObjectWriter::finish() {
  if (!block_.empty()) STRATA_TRY(write_block(block_));
  Finished finished;
  finished.address.digest = digest_.finish();
  Bytes footer;
  core::Encoder out(footer);
  out.raw(finished.address.digest.data(), finished.address.digest.size());
  out.u64(bytes_);
  out.u64(blocks_);
  out.raw(table_.data(), table_.size());
  const auto file = STRATA_TRY(out_->finish(large_file_name(finished.address, sequence_), footer));
  STRATA_FAILPOINT("object.large.written");
  const Compression codec = asked_ == Compression::lz4 ? Compression::lz4 : Compression::zstd;
  finished.file = {compressed_ ? codec : Compression::none, bytes_, file.bytes, sequence_, file.hash};
  return finished;
}

Result<void> read_large_object(io::FileSystem& files, const Address& address, const LargeFile& file,
                               const std::function<Result<void>(ByteView)>& sink) {
  const std::string name = large_file_name(address, file.sequence);
  auto in = files.open(name, io::OpenMode::read);
  if (!in) {
    if (in.error().code() != ErrorCode::not_found) return std::move(in).error();
    return damaged(address, name, 0, "the file is missing");
  }
  const std::vector<Block> blocks = STRATA_TRY(read_block_table(**in, address, file, name));
  core::Sha256 digest;
  Bytes stored;
  Bytes content;
  std::uint64_t offset = kHeaderBytes;
  std::uint64_t left = file.bytes;
  for (const Block& block : blocks) {
    stored.resize(block.stored_bytes);
    STRATA_TRY((*in)->read(offset, stored));
    if (core::crc32c(stored) != block.crc) return damaged(address, name, offset, "a block's checksum is wrong");
    content.resize(static_cast<std::size_t>(std::min<std::uint64_t>(left, kLargeBlockBytes)));
    if (auto done = decompress(block.compression, stored, nullptr, content); !done) {
      return damaged(address, name, offset, done.error().message());
    }
    digest.update(content);
    STRATA_TRY(sink(content));
    left -= content.size();
    offset += stored.size();
  }
  if (digest.finish() != address.digest) {
    return damaged(address, name, kHeaderBytes, "the content does not hash to its address");
  }
  return {};
}

}  // namespace strata::store::object
