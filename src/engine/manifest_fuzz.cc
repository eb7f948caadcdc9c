// Any bytes as a manifest: a whole file, or (first byte odd) a body that gets a valid header and checksum. What decodes
// encodes to bytes that decode, and to the same bytes from then on.
#include "core/assert.h"
#include "core/endian.h"
#include "engine/manifest.h"

using namespace strata;

namespace {

constexpr std::size_t kHeadBytes = 32;  // magic, two versions, size of the body, 0, checksum

Bytes sealed(ByteView body) {
  Bytes file = engine::encode(engine::Manifest());
  file.resize(kHeadBytes);
  core::store(&file[16], static_cast<std::uint64_t>(body.size()));
  core::store(&file[28], core::crc32c(ByteView(file).first(28)));
  file.insert(file.end(), body.begin(), body.end());
  const core::Hash128 hash = core::xxh3_128(file);
  core::Encoder out(file);
  out.u64(hash.low);
  out.u64(hash.high);
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView rest(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  const auto first = engine::decode_manifest(data[0] % 2 == 1 ? sealed(rest) : Bytes(rest.begin(), rest.end()), "m");
  if (!first) return 0;
  const Bytes once = engine::encode(*first);
  const auto second = engine::decode_manifest(once, "m");
  STRATA_ASSERT(second.has_value());
  STRATA_ASSERT(engine::encode(*second) == once);
  return 0;
}
