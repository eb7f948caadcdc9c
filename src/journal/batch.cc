#include "journal/batch.h"

#include <algorithm>
#include <cstring>

#include "core/assert.h"

namespace strata::journal {

void Batch::reserve(std::size_t bytes) {
  if (bytes <= capacity_) return;
  const std::size_t capacity = std::max<std::size_t>(round_up_to_block(bytes), 64 << 10);
  std::byte* grown = static_cast<std::byte*>(std::aligned_alloc(kBlockBytes, capacity));
  STRATA_ASSERT(grown != nullptr);
  data_.reset(grown);
  capacity_ = capacity;
}

void Batch::begin(std::uint64_t bytes, BatchHeader header) {
  reserve(static_cast<std::size_t>(round_up_to_block(bytes)));
  fill_ = kHeaderBytes;
  header_ = header;
  header_.chain_before = chain_.low;
}

void Batch::add(const FrameHeader& header, ByteView payload) {
  const std::span<std::byte, kHeaderBytes> out(data_.get() + fill_, kHeaderBytes);
  encode(header, out);
  chain_ = next_chain(chain_, out);  // I9
  if (!payload.empty()) std::memcpy(data_.get() + fill_ + kHeaderBytes, payload.data(), payload.size());
  fill_ += kHeaderBytes + payload.size();
  ++header_.frames;
}

ByteView Batch::end(std::uint8_t flags) {
  const std::size_t size = static_cast<std::size_t>(round_up_to_block(fill_));
  std::memset(data_.get() + fill_, 0, size - fill_);
  header_.flags = flags;
  header_.bytes = static_cast<std::uint32_t>(fill_);
  header_.chain_after = chain_.low;
  const std::span<std::byte, kHeaderBytes> out(data_.get(), kHeaderBytes);
  encode(header_, out);
  STRATA_ASSERT(decode_batch(out) == header_);  // I14
  return {data_.get(), size};
}

}  // namespace strata::journal
