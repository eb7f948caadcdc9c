// Any bytes as a header of a segment, a batch or a frame: what verifies is decoded, encodes again, and decodes to the
// same. The first byte chooses the kind, and whether its checksum is made valid.
#include <algorithm>

#include "core/assert.h"
#include "core/endian.h"
#include "journal/frame.h"

using namespace strata;

namespace {

template <typename Decode>
void check_small(ByteView bytes, Decode&& decode) {
  const auto first = decode(bytes);
  if (!first) return;
  std::array<std::byte, journal::kHeaderBytes> again;
  journal::encode(*first, again);
  const auto second = decode(again);
  STRATA_ASSERT(second.has_value() && *second == *first);
}

void check_segment(ByteView bytes, bool repaired) {
  Bytes block(journal::kBlockBytes);
  std::copy_n(bytes.begin(), std::min(bytes.size(), block.size()), block.begin());
  if (repaired) {
    // The checksum stands where two headers that differ in nothing else but it would differ: behind the last field.
    journal::SegmentHeader header;
    const Bytes a = journal::encode(header);
    header.created = 1;
    const Bytes b = journal::encode(header);
    std::size_t end = block.size();
    while (a[end - 1] == b[end - 1]) --end;
    const std::size_t at = (end - 1) / 4 * 4;
    core::store(&block[at], core::crc32c(ByteView(block).first(at)));
  }
  const auto first = journal::decode_segment(block);
  if (!first) return;
  const auto second = journal::decode_segment(journal::encode(*first));
  STRATA_ASSERT(second.has_value() && *second == *first);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t mode = data[0];
  const bool repaired = (mode & 4) != 0;
  Bytes bytes(reinterpret_cast<const std::byte*>(data) + 1, reinterpret_cast<const std::byte*>(data) + size);
  if ((mode & 3) == 0) {
    check_segment(bytes, repaired);
    return 0;
  }
  if (repaired) {
    bytes.resize(journal::kHeaderBytes);
    core::store(&bytes[journal::kHeaderBytes - 4], core::crc32c(ByteView(bytes).first(journal::kHeaderBytes - 4)));
  }
  if ((mode & 3) == 1) {
    check_small(bytes, [](ByteView header) { return journal::decode_batch(header); });
  } else {
    check_small(bytes, [](ByteView header) { return journal::decode_frame(header); });
  }
  return 0;
}
