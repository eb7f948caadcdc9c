// Any bytes as what the manifest holds of the array store. What decodes encodes to bytes that decode, and to the same bytes
// from then on.
#include "core/assert.h"
#include "store/array/checkpoint_state.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strata;
  const auto first = store::array::decode_store_state({reinterpret_cast<const std::byte*>(data), size});
  if (!first) return 0;
  const Bytes once = store::array::encode(*first);
  const auto second = store::array::decode_store_state(once);
  STRATA_ASSERT(second.has_value());
  STRATA_ASSERT(store::array::encode(*second) == once);
  return 0;
}
