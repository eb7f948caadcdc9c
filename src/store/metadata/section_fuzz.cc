// Any bytes as a section of the metadata store. Accepted ones must encode to something that decodes to the same again.
#include <cstdlib>

#include "store/metadata/mutation.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strata;
  using namespace strata::store::metadata;
  const auto first = decode_steps({reinterpret_cast<const std::byte*>(data), size}, 7);
  if (!first.has_value()) return 0;
  Bytes once, twice;
  core::Encoder out(once);
  encode_steps(*first, out);
  const auto second = decode_steps(once, 7);
  if (!second.has_value()) std::abort();
  core::Encoder again(twice);
  encode_steps(*second, again);
  if (once != twice) std::abort();
  return 0;
}
