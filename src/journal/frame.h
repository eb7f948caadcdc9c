#pragma once
/// The bytes of the journal: headers of segments, batches and records. docs/formats/journal.md is the same in prose.
///
///     segment   | header 4 KiB | the same again | batch | batch | … | zeros |
///     batch     | batch header 64 B | frame | frame | … | zeros up to the next 4 KiB boundary |      one write, one sync
///     frame     | header 64 B | payload |
///
/// Every header has its own CRC32C, so that a length can be trusted before the bytes it counts have been read; payloads
/// have an XXH3-128; and each frame moves the chain: chain(n) = XXH3-128(chain(n−1) ‖ header(n)) (I9). The payload's hash
/// is in the header, so the chain covers every byte that means something.
#include <array>
#include <optional>
#include <string>

#include "core/checksum.h"
#include "strata/value.h"

namespace strata::journal {

inline constexpr std::size_t kBlockBytes =
    4096;                                        ///< a batch begins on a multiple of it: no durable sector is rewritten
inline constexpr std::size_t kHeaderBytes = 64;  ///< of a batch and of a frame
inline constexpr std::size_t kSegmentHeaderBytes = 2 * kBlockBytes;
inline constexpr std::uint32_t kFormatVersion = 1;

using Chain = core::Hash128;
/// Where the chain of a database begins, before record 1.
Chain first_chain(const std::array<std::byte, 16>& database) noexcept;
/// The chain after the frame with this header.
Chain next_chain(const Chain& chain, std::span<const std::byte, kHeaderBytes> header) noexcept;

enum class FrameType : std::uint8_t {
  batch = 1,   ///< the header of a batch
  record = 2,  ///< a whole transaction
  chunk = 3,   ///< a part of one too large for a batch; `commit_time` holds the part's offset in the payload
  commit = 4,  ///< ends the chunks; its payload: total bytes (u64), XXH3-128 of the whole
};

struct FrameHeader {
  FrameType type = FrameType::record;
  std::uint32_t payload_bytes = 0;
  std::uint32_t epoch = 0;
  std::uint32_t timeline = 0;
  Lsn lsn = 0;
  Timestamp commit_time = 0;
  std::uint64_t idempotency = 0;
  core::Hash128 payload_hash;
  bool operator==(const FrameHeader&) const = default;
};

struct BatchHeader {
  static constexpr std::uint8_t kCleanShutdown = 1;  ///< flag: nothing follows, everything before is synced
  std::uint8_t flags = 0;
  std::uint32_t bytes = 0;  ///< this header and its frames, without the zeros behind
  std::uint32_t epoch = 0;
  std::uint32_t frames = 0;  ///< 0: a watermark, written for durable_before alone
  Lsn first_lsn = 0;         ///< of its first frame; of the next record when there is none
  Lsn durable_before = 0;    ///< every record up to it was synced before this batch was written
  std::uint32_t block = 0;   ///< its own place, in blocks from the start of the file: a copy elsewhere is no batch
  std::uint32_t durable_blocks = 0;  ///< of this file, synced before this batch was written
  std::uint64_t chain_before = 0;    ///< low halves of the chain before its first and after its last frame
  std::uint64_t chain_after = 0;
  bool operator==(const BatchHeader&) const = default;
};

struct SegmentHeader {
  std::uint32_t format_version = kFormatVersion;
  std::uint32_t reader_version_min = kFormatVersion;  ///< readers older than this must refuse
  std::array<std::byte, 16> database{};
  std::uint64_t timeline = 0;
  std::uint64_t epoch = 0;   ///< one more at every open
  std::uint64_t number = 0;  ///< as in the file's name
  Lsn first_lsn = 0;         ///< of the first record it will hold
  Chain chain;               ///< before that record: pins everything earlier
  Timestamp created = 0;
  bool operator==(const SegmentHeader&) const = default;
};

void encode(const FrameHeader& header, std::span<std::byte, kHeaderBytes> out) noexcept;
void encode(const BatchHeader& header, std::span<std::byte, kHeaderBytes> out) noexcept;
/// One of the two copies.
Bytes encode(const SegmentHeader& header);

/// Empty when magic, checksum or type are not those of such a header.
std::optional<FrameHeader> decode_frame(ByteView bytes) noexcept;
std::optional<BatchHeader> decode_batch(ByteView bytes) noexcept;
std::optional<SegmentHeader> decode_segment(ByteView block) noexcept;

constexpr std::uint64_t round_up_to_block(std::uint64_t bytes) noexcept {
  return (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

std::string segment_name(std::string_view directory, std::uint64_t number);  ///< "journal/000000000007.journal"
/// The number in a file name that ends with `suffix` (".journal"); empty when it is not one of ours.
std::optional<std::uint64_t> number_in(std::string_view file, std::string_view suffix) noexcept;

}  // namespace strata::journal
