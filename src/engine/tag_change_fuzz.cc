// Any bytes as the engine's own section of a record. What decodes encodes to bytes that decode to the same.
#include "core/assert.h"
#include "engine/tag_change.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strata;
  const auto first = engine::decode_tag_change({reinterpret_cast<const std::byte*>(data), size});
  if (!first) return 0;
  const auto second = engine::decode_tag_change(engine::encode(*first));
  STRATA_ASSERT(second.has_value() && *second == *first);
  return 0;
}
