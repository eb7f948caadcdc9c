#include "store/array/segment.h"

#include <algorithm>
#include <cstring>

#include "core/assert.h"

namespace strata::store::array {

void MemorySegment::append(Lsn lsn, std::uint64_t rows, std::string_view key, ByteView data) {
  STRATA_DEBUG_ASSERT(has_room_for(data.size()));
  while (!data.empty()) {
    auto& block = blocks_[bytes_ / kBlockBytes];
    if (!block) block = std::make_unique_for_overwrite<std::byte[]>(kBlockBytes);
    const std::uint64_t offset = bytes_ % kBlockBytes;
    const std::size_t piece = std::min<std::uint64_t>(data.size(), kBlockBytes - offset);
    std::memcpy(block.get() + offset, data.data(), piece);
    bytes_ += piece;
    data = data.subspan(piece);
  }
  log_.add(lsn, rows, key);
}

Result<void> MemorySegment::read(std::uint64_t begin, std::uint64_t count, std::span<std::byte> out) {
  STRATA_DEBUG_ASSERT(out.size() == count * row_bytes_);
  std::uint64_t at = begin * row_bytes_;
  while (!out.empty()) {
    const std::uint64_t offset = at % kBlockBytes;
    const std::size_t piece = std::min<std::uint64_t>(out.size(), kBlockBytes - offset);
    std::memcpy(out.data(), blocks_[at / kBlockBytes].get() + offset, piece);
    at += piece;
    out = out.subspan(piece);
  }
  return {};
}

Result<void> MemorySegment::visit_appends(const AppendVisitor& visit) {
  for (std::size_t i = 0; i < log_.size(); ++i) {
    const std::string_view key = log_.key(i);
    if (key.empty()) {
      visit(log_.append(i), nullptr);
    } else {
      const KeyDigest digest = digest_of(key);
      visit(log_.append(i), &digest);
    }
  }
  return {};
}

std::size_t MemorySegment::bytes_in_memory() const {
  const std::size_t blocks = static_cast<std::size_t>((bytes_ + kBlockBytes - 1) / kBlockBytes);
  return blocks * kBlockBytes + log_.bytes_in_memory();
}

}  // namespace strata::store::array
