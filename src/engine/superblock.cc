#include "engine/superblock.h"

#include <algorithm>

#include "core/assert.h"
#include "core/checksum.h"
#include "core/codec.h"
#include "core/failpoint.h"
#include "engine/manifest.h"

namespace strata::engine {
namespace {

constexpr std::uint64_t kMagic = 0x314b4c4252545342;  // "BSTRBLK1" in the file's byte order
constexpr std::size_t kSlotBytes = 4096;
constexpr std::size_t kSlots = 4;

Bytes encode_slot(const Superblock& block) {
  Bytes slot;
  core::Encoder out(slot);
  out.u64(kMagic);
  out.u32(kFormatVersion);
  out.u32(kReaderVersionMin);
  out.u64(block.sequence);
  out.raw(block.database.data(), block.database.size());
  out.u64(block.timeline);
  out.u64(block.manifest);
  out.u64(block.lsn);
  slot.resize(kSlotBytes - sizeof(core::Hash128));
  const core::Hash128 hash = core::xxh3_128(slot);
  out.u64(hash.low);
  out.u64(hash.high);
  STRATA_ASSERT(slot.size() == kSlotBytes);
  return slot;
}

/// False when the slot is damaged or was never written.
Result<bool> decode_slot(ByteView slot, Superblock& block) {
  core::Decoder tail(slot.last(sizeof(core::Hash128)));
  core::Hash128 hash;
  hash.low = tail.u64();
  hash.high = tail.u64();
  if (hash != core::xxh3_128(slot.first(kSlotBytes - sizeof(core::Hash128)))) return false;
  core::Decoder in(slot);
  if (in.u64() != kMagic) return false;
  in.u32();
  const std::uint32_t reader_min = in.u32();
  if (reader_min > kFormatVersion) {
    return Error(ErrorCode::unsupported, "the database needs a program that reads format " +
                                             std::to_string(reader_min) + "; this one reads " +
                                             std::to_string(kFormatVersion));
  }
  block.sequence = in.u64();
  const ByteView database = in.raw(block.database.size());
  std::copy(database.begin(), database.end(), block.database.begin());
  block.timeline = in.u64();
  block.manifest = in.u64();
  block.lsn = in.u64();
  return in.ok();
}

}  // namespace

Result<std::vector<Superblock>> read_superblock(io::FileSystem& files) {
  const auto file = STRATA_TRY(files.open(kSuperblockName, io::OpenMode::read));
  const std::uint64_t size = STRATA_TRY(file->size());
  std::vector<Superblock> blocks;
  Bytes slot(kSlotBytes);
  for (std::size_t i = 0; i < kSlots && (i + 1) * kSlotBytes <= size; ++i) {
    STRATA_TRY(file->read_durable(i * kSlotBytes, slot));
    Superblock block;
    if (STRATA_TRY(decode_slot(slot, block)) && block.sequence % kSlots == i) blocks.push_back(block);
  }
  if (blocks.empty()) return Error(ErrorCode::corruption, "SUPERBLOCK: none of the four slots is valid");
  std::sort(blocks.begin(), blocks.end(),
            [](const Superblock& a, const Superblock& b) { return a.sequence > b.sequence; });
  for (const Superblock& block : blocks) {
    if (block.database != blocks.front().database) {
      return Error(ErrorCode::corruption, "SUPERBLOCK: slots of two different databases");
    }
  }
  return blocks;
}

Result<void> write_superblock(io::FileSystem& files, const Superblock& block) {
  const std::size_t at = (block.sequence % kSlots) * kSlotBytes;
  const Bytes slot = encode_slot(block);
  if (!STRATA_TRY(files.exists(kSuperblockName))) {
    // At once or not at all: a file without a valid slot would look like a damaged database.
    Bytes whole(kSlots * kSlotBytes);
    std::copy(slot.begin(), slot.end(), whole.begin() + static_cast<std::ptrdiff_t>(at));
    return io::write_file_atomically(files, kSuperblockName, whole);
  }
  const auto file = STRATA_TRY(files.open(kSuperblockName, io::OpenMode::create_or_open));
  STRATA_TRY(file->write(at, slot));
  STRATA_FAILPOINT("superblock.written");
  return file->sync();
}

}  // namespace strata::engine
