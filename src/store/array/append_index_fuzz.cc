// Any bytes as an append index, with a valid checksum where the first byte is odd. What opens answers every question inside
// of its bytes.
#include <algorithm>

#include "core/assert.h"
#include "core/checksum.h"
#include "core/endian.h"
#include "store/array/append_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strata;
  if (size == 0) return 0;
  Bytes bytes(reinterpret_cast<const std::byte*>(data) + 1, reinterpret_cast<const std::byte*>(data) + size);
  if (data[0] % 2 == 1 && bytes.size() >= sizeof(core::Hash128)) {
    const core::Hash128 hash = core::xxh3_128(ByteView(bytes).first(bytes.size() - sizeof(core::Hash128)));
    core::store(&bytes[bytes.size() - 16], hash.low);
    core::store(&bytes[bytes.size() - 8], hash.high);
  }
  const auto index = store::array::AppendIndex::open(bytes);
  if (!index) return 0;
  for (std::size_t i = 0; i < std::min<std::size_t>(index->size(), 64); ++i) {
    (void)index->rows_at(index->append(i).lsn);
  }
  for (std::size_t k = 0; k < std::min<std::size_t>(index->keyed(), 64); ++k) {
    STRATA_ASSERT(index->append_of(k) < index->size());
    (void)index->find(index->digest(k), UINT64_MAX);
  }
  return 0;
}
