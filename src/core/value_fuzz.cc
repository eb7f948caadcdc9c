// Any bytes as encoded values, one behind the other. What decodes encodes to bytes that decode to the same, and to the
// same bytes from then on.
#include "core/assert.h"
#include "core/codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strata;
  core::Decoder in({reinterpret_cast<const std::byte*>(data), size});
  while (in.ok() && in.remaining() > 0) {
    const Value first = in.value();
    if (!in.ok()) return 0;
    Bytes once;
    core::Encoder(once).value(first);
    core::Decoder again(once);
    const Value second = again.value();
    STRATA_ASSERT(again.finish("value").has_value());
    STRATA_ASSERT(second == first);
    Bytes twice;
    core::Encoder(twice).value(second);
    STRATA_ASSERT(twice == once);
  }
  return 0;
}
