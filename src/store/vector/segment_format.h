#pragma once
/// The bytes of a segment file; docs/formats/vector.md is the same for strangers.
///
///     64         primary blocks, each at a multiple of 64
///     …          derived blocks, the first at a multiple of 64 KiB so that no page holds both kinds
///     data_end   directory: options, counts, where each block is
///
/// in the frame of paged_file.h.
#include <array>
#include <cstdint>
#include <string_view>

#include "core/codec.h"
#include "store/vector/paged_file.h"
#include "strata/vector.h"

namespace strata::store::vector {

inline constexpr std::string_view kSegmentMagic = "STRVSEG1";
inline constexpr std::string_view kTrailerMagic = "STRVSEGT";
/// 1 is still read: terms as lists, no term_hashes; 2: options end behind words; 3: float32 vectors whole, columns of equal values written out
inline constexpr std::uint32_t kSegmentVersion = 4;

enum class Block : std::uint8_t {
  // Primary: what was given. Damage is an error.
  created = 0,      ///< u64[rows]
  deleted,          ///< u64[rows], all ones while live at the checkpoint; no bytes: all of them are
  lengths,          ///< u32[rows], words of the text; no bytes: none has any
  id_offsets,       ///< u64[rows + 1]
  payload_offsets,  ///< u64[rows + 1]
  term_offsets,     ///< u64[rows + 1]; no bytes: there are no terms
  ids,              ///< rows ascend by id, versions of one id by created
  payloads,
  terms,    ///< numbered, as row_terms.h says
  vectors,  ///< the elements of each row, as elements.h says; of a split segment none
  // Derived: made from the above. Damage costs time, not answers.
  codes,  ///< u8[rows × code_stride], code + 128; of a split segment primary
  scale,  ///< f32[rows], and the same for the next three
  residual,
  code_length,
  square,      ///< no bytes: all are 0
  id_table,    ///< u64[capacity]: high half of the id's hash, then row + 1; 0 is free
  dictionary,  ///< u64 per term: offset in postings
  postings,    ///< per row of a term: varint 2 · (row − previous row) + (1: more than once), and then varint how often
  // Primary again; since format 2.
  term_hashes,  ///< u32 per term of any row, ascending: what a term's number stands for
  // Primary; since format 4, of split segments: what codes leave out of vectors, as split_vector.h says.
  steps,              ///< f32[rows]
  rests,              ///< u8[rows × rest_bytes]
  exception_offsets,  ///< u64[rows + 1]
  exceptions,
};
inline constexpr std::size_t kBlockCount = 23;
inline constexpr std::size_t kBlockCountOfVersion1 = 18;
inline constexpr std::size_t kBlockCountOfVersion2 = 19;  // and of 3

struct BlockPlace {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

/// What the directory says, apart from the page hashes behind it.
struct SegmentDirectory {
  std::uint32_t version = kSegmentVersion;
  std::uint64_t collection = 0;
  CollectionOptions options;
  std::uint32_t rows = 0;
  Lsn lsn = 0;  ///< of the checkpoint that wrote it
  std::uint64_t derived_begin = 0;
  std::uint64_t data_end = 0;
  std::array<BlockPlace, kBlockCount> blocks{};

  BlockPlace& operator[](Block block) { return blocks[static_cast<std::size_t>(block)]; }
  const BlockPlace& operator[](Block block) const { return blocks[static_cast<std::size_t>(block)]; }
  bool numbers_terms() const { return version >= 2; }
  /// Whether codes and rests are the vectors.
  bool splits() const { return version >= 4 && options.element == ElementType::f32 && options.dimension > 0; }
  /// Whether a block can be made from others.
  bool derived(Block block) const {
    return block >= (splits() ? Block::scale : Block::codes) && block <= Block::postings;
  }
  void encode(core::Encoder& out) const;
  /// Reads what encode wrote and checks every number against the others. False when they cannot be.
  static bool decode(core::Decoder& in, SegmentDirectory& out);
};

/// Slots of the id table: a power of two, at most half full.
std::uint64_t id_table_slots(std::uint32_t rows);

}  // namespace strata::store::vector
