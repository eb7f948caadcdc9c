#include "journal/frame.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "core/endian.h"

namespace strata::journal {
namespace {

using core::load;
using core::store;

constexpr std::uint32_t kFrameMagic = 0x4652'5453;              // "STRF"
constexpr std::uint64_t kSegmentMagic = 0x314c'4e4a'5254'5300;  // "\0STRJNL1"
constexpr std::size_t kCrcOffset = kHeaderBytes - 4;
constexpr std::size_t kSegmentCrcOffset = kBlockBytes - 4;
constexpr std::size_t kNumberDigits = 12;

// Offsets, as the table in docs/formats/journal.md has them. Both kinds of header begin alike and end with the CRC.
enum Common { kMagic = 0, kType = 4, kFlags = 5, kReserved = 6, kLength = 8, kEpoch = 12, kLsn = 16 };
enum Frame { kTime = 24, kIdempotency = 32, kHashLow = 40, kHashHigh = 48, kTimeline = 56 };
enum Batch { kDurableBefore = 24, kChainBefore = 32, kChainAfter = 40, kBlock = 48, kDurableBlocks = 52, kFrames = 56 };
enum Segment {
  kSegmentVersion = 8,
  kReaderVersion = 12,
  kDatabase = 16,
  kSegmentTimeline = 32,
  kSegmentEpoch = 40,
  kNumber = 48,
  kFirstLsn = 56,
  kChainLow = 64,
  kChainHigh = 72,
  kCreated = 80
};

void begin(FrameType type, std::uint8_t flags, std::span<std::byte, kHeaderBytes> out) noexcept {
  store(&out[kMagic], kFrameMagic);
  out[kType] = static_cast<std::byte>(type);
  out[kFlags] = static_cast<std::byte>(flags);
  store(&out[kReserved], std::uint16_t{0});
}

void finish(std::span<std::byte, kHeaderBytes> out) noexcept {
  store(&out[kCrcOffset], core::crc32c(out.first(kCrcOffset)));
}

bool begins_well(ByteView bytes) noexcept {
  return bytes.size() >= kHeaderBytes && load<std::uint32_t>(&bytes[kMagic]) == kFrameMagic &&
         load<std::uint16_t>(&bytes[kReserved]) == 0 &&
         load<std::uint32_t>(&bytes[kCrcOffset]) == core::crc32c(bytes.first(kCrcOffset));
}

}  // namespace

Chain first_chain(const std::array<std::byte, 16>& database) noexcept { return core::xxh3_128(database); }

Chain next_chain(const Chain& chain, std::span<const std::byte, kHeaderBytes> header) noexcept {
  std::array<std::byte, 16 + kHeaderBytes> input;
  store(&input[0], chain.low);
  store(&input[8], chain.high);
  std::memcpy(&input[16], header.data(), kHeaderBytes);
  return core::xxh3_128(input);
}

void encode(const FrameHeader& header, std::span<std::byte, kHeaderBytes> out) noexcept {
  begin(header.type, 0, out);
  store(&out[kLength], header.payload_bytes);
  store(&out[kEpoch], header.epoch);
  store(&out[kLsn], header.lsn);
  store(&out[kTime], header.commit_time);
  store(&out[kIdempotency], header.idempotency);
  store(&out[kHashLow], header.payload_hash.low);
  store(&out[kHashHigh], header.payload_hash.high);
  store(&out[kTimeline], header.timeline);
  finish(out);
}

void encode(const BatchHeader& header, std::span<std::byte, kHeaderBytes> out) noexcept {
  begin(FrameType::batch, header.flags, out);
  store(&out[kLength], header.bytes);
  store(&out[kEpoch], header.epoch);
  store(&out[kLsn], header.first_lsn);
  store(&out[kDurableBefore], header.durable_before);
  store(&out[kChainBefore], header.chain_before);
  store(&out[kChainAfter], header.chain_after);
  store(&out[kBlock], header.block);
  store(&out[kDurableBlocks], header.durable_blocks);
  store(&out[kFrames], header.frames);
  finish(out);
}

Bytes encode(const SegmentHeader& header) {
  Bytes out(kBlockBytes);
  store(&out[0], kSegmentMagic);
  store(&out[kSegmentVersion], header.format_version);
  store(&out[kReaderVersion], header.reader_version_min);
  std::copy(header.database.begin(), header.database.end(), &out[kDatabase]);
  store(&out[kSegmentTimeline], header.timeline);
  store(&out[kSegmentEpoch], header.epoch);
  store(&out[kNumber], header.number);
  store(&out[kFirstLsn], header.first_lsn);
  store(&out[kChainLow], header.chain.low);
  store(&out[kChainHigh], header.chain.high);
  store(&out[kCreated], header.created);
  store(&out[kSegmentCrcOffset], core::crc32c(ByteView(out).first(kSegmentCrcOffset)));
  return out;
}

std::optional<FrameHeader> decode_frame(ByteView bytes) noexcept {
  if (!begins_well(bytes)) return std::nullopt;
  const auto type = static_cast<FrameType>(bytes[kType]);
  if (type != FrameType::record && type != FrameType::chunk && type != FrameType::commit) return std::nullopt;
  if (bytes[kFlags] != std::byte{0}) return std::nullopt;
  return FrameHeader{.type = type,
                     .payload_bytes = load<std::uint32_t>(&bytes[kLength]),
                     .epoch = load<std::uint32_t>(&bytes[kEpoch]),
                     .timeline = load<std::uint32_t>(&bytes[kTimeline]),
                     .lsn = load<Lsn>(&bytes[kLsn]),
                     .commit_time = load<Timestamp>(&bytes[kTime]),
                     .idempotency = load<std::uint64_t>(&bytes[kIdempotency]),
                     .payload_hash = {load<std::uint64_t>(&bytes[kHashLow]), load<std::uint64_t>(&bytes[kHashHigh])}};
}

std::optional<BatchHeader> decode_batch(ByteView bytes) noexcept {
  if (!begins_well(bytes) || static_cast<FrameType>(bytes[kType]) != FrameType::batch) return std::nullopt;
  return BatchHeader{.flags = static_cast<std::uint8_t>(bytes[kFlags]),
                     .bytes = load<std::uint32_t>(&bytes[kLength]),
                     .epoch = load<std::uint32_t>(&bytes[kEpoch]),
                     .frames = load<std::uint32_t>(&bytes[kFrames]),
                     .first_lsn = load<Lsn>(&bytes[kLsn]),
                     .durable_before = load<Lsn>(&bytes[kDurableBefore]),
                     .block = load<std::uint32_t>(&bytes[kBlock]),
                     .durable_blocks = load<std::uint32_t>(&bytes[kDurableBlocks]),
                     .chain_before = load<std::uint64_t>(&bytes[kChainBefore]),
                     .chain_after = load<std::uint64_t>(&bytes[kChainAfter])};
}

std::optional<SegmentHeader> decode_segment(ByteView block) noexcept {
  if (block.size() < kBlockBytes || load<std::uint64_t>(&block[0]) != kSegmentMagic ||
      load<std::uint32_t>(&block[kSegmentCrcOffset]) != core::crc32c(block.first(kSegmentCrcOffset)))
    return std::nullopt;
  SegmentHeader header{.format_version = load<std::uint32_t>(&block[kSegmentVersion]),
                       .reader_version_min = load<std::uint32_t>(&block[kReaderVersion]),
                       .database = {},
                       .timeline = load<std::uint64_t>(&block[kSegmentTimeline]),
                       .epoch = load<std::uint64_t>(&block[kSegmentEpoch]),
                       .number = load<std::uint64_t>(&block[kNumber]),
                       .first_lsn = load<Lsn>(&block[kFirstLsn]),
                       .chain = {load<std::uint64_t>(&block[kChainLow]), load<std::uint64_t>(&block[kChainHigh])},
                       .created = load<Timestamp>(&block[kCreated])};
  std::memcpy(header.database.data(), &block[kDatabase], header.database.size());
  return header;
}

std::string segment_name(std::string_view directory, std::uint64_t number) {
  const std::string digits = std::to_string(number);
  return std::string(directory) + "/" + std::string(kNumberDigits - std::min(kNumberDigits, digits.size()), '0') +
         digits + ".journal";
}

std::optional<std::uint64_t> number_in(std::string_view file, std::string_view suffix) noexcept {
  if (file.size() != kNumberDigits + suffix.size() || !file.ends_with(suffix)) return std::nullopt;
  std::uint64_t number = 0;
  const char* end = file.data() + kNumberDigits;
  const auto [stop, failed] = std::from_chars(file.data(), end, number);
  if (failed != std::errc() || stop != end) return std::nullopt;
  return number;
}

}  // namespace strata::journal
