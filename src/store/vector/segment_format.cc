#include "store/vector/segment_format.h"

#include <bit>

#include "store/vector/collection_options.h"
#include "store/vector/distance/distance.h"
#include "store/vector/elements.h"
#include "store/vector/split_vector.h"

namespace strata::store::vector {

std::uint64_t id_table_slots(std::uint32_t rows) { return std::bit_ceil(std::uint64_t{rows} * 2 + 2); }

void SegmentDirectory::encode(core::Encoder& out) const {
  out.u32(version);
  out.u64(collection);
  out.u32(options.dimension);
  out.u8(static_cast<std::uint8_t>(options.metric));
  out.u8(options.words ? 1 : 0);
  out.u8(static_cast<std::uint8_t>(options.element));
  out.u32(rows);
  out.u64(lsn);
  out.u64(derived_begin);
  out.u64(data_end);
  for (const BlockPlace& block : blocks) {
    out.u64(block.offset);
    out.u64(block.bytes);
  }
}

bool SegmentDirectory::decode(core::Decoder& in, SegmentDirectory& out) {
  out.version = in.u32();
  if (out.version < 1 || out.version > kSegmentVersion) return false;
  out.collection = in.u64();
  out.options.dimension = in.u32();
  out.options.metric = static_cast<Metric>(in.u8());
  out.options.words = in.u8() != 0;
  if (out.version >= 3) out.options.element = static_cast<ElementType>(in.u8());
  out.rows = in.u32();
  out.lsn = in.u64();
  out.derived_begin = in.u64();
  out.data_end = in.u64();
  const std::size_t blocks = out.version == 1  ? kBlockCountOfVersion1
                             : out.version < 4 ? kBlockCountOfVersion2
                                               : kBlockCount;
  out.blocks.fill({kHeadBytes, 0});
  for (std::size_t i = 0; i < blocks; ++i) out.blocks[i] = {in.u64(), in.u64()};
  if (!in.ok() || !check_collection_options(out.options) || out.rows == UINT32_MAX) return false;
  if (out.derived_begin % kPageBytes != 0 || out.derived_begin > out.data_end) return false;

  const std::uint64_t rows = out.rows;
  const auto exactly = [&](Block block, std::uint64_t bytes) { return out[block].bytes == bytes; };
  const auto exactly_or_none = [&](Block block, std::uint64_t bytes) {
    return exactly(block, bytes) || (out.version >= 4 && out[block].bytes == 0);
  };
  const bool splits = out.splits();
  const std::uint64_t dimension = out.options.dimension;
  for (std::size_t i = 0; i < kBlockCount; ++i) {
    const BlockPlace& block = out.blocks[i];
    const std::uint64_t begin = out.derived(static_cast<Block>(i)) ? out.derived_begin : kHeadBytes;
    const std::uint64_t end = out.derived(static_cast<Block>(i)) ? out.data_end : out.derived_begin;
    if (block.offset % 64 != 0 || block.offset < begin || block.offset > end || block.bytes > end - block.offset) {
      return false;
    }
  }
  return exactly(Block::created, rows * 8) && exactly_or_none(Block::deleted, rows * 8) &&
         exactly_or_none(Block::lengths, rows * 4) && exactly(Block::id_offsets, (rows + 1) * 8) &&
         exactly(Block::payload_offsets, (rows + 1) * 8) &&
         (exactly(Block::term_offsets, (rows + 1) * 8) ||
          (out.version >= 4 && exactly(Block::term_offsets, 0) && exactly(Block::terms, 0))) &&
         exactly(Block::vectors, splits ? 0 : rows * element_bytes(out.options.element, dimension)) &&
         exactly(Block::steps, splits ? rows * 4 : 0) &&
         exactly(Block::rests, splits ? rows * rest_bytes(dimension) : 0) &&
         exactly(Block::exception_offsets, splits ? (rows + 1) * 8 : 0) && (splits || exactly(Block::exceptions, 0)) &&
         exactly(Block::codes, rows * distance::code_stride(out.options.dimension)) &&
         exactly(Block::scale, rows * 4) && exactly(Block::residual, rows * 4) &&
         exactly(Block::code_length, rows * 4) && exactly_or_none(Block::square, rows * 4) &&
         exactly(Block::id_table, id_table_slots(out.rows) * 8) &&
         (out.version == 1 ? out[Block::dictionary].bytes % 16 == 0
                           : out[Block::term_hashes].bytes % 4 == 0 &&
                                 exactly(Block::dictionary, out[Block::term_hashes].bytes * 2));
}

}  // namespace strata::store::vector
