// Any bytes as a .npy file. What is read is written as a file that reads as the same array, and can be printed.
#include "cli/npy.h"
#include "core/assert.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strata;
  const auto first = cli::parse_npy({reinterpret_cast<const std::byte*>(data), size});
  if (!first) return 0;
  const Bytes file = cli::to_npy(*first);
  const auto second = cli::parse_npy(file);
  STRATA_ASSERT(second.has_value());
  STRATA_ASSERT(second->type == first->type && second->shape == first->shape && second->bytes == first->bytes);
  const Value printed = cli::array_to_json(*first);
  const auto third = cli::array_from_json(printed, first->type);
  // NaN, and integers above 2^63, are not in every type's range; without rows JSON does not tell what a row would be.
  if (third && !first->bytes.empty()) STRATA_ASSERT(third->shape == first->shape);
  (void)cli::to_floats(*first).has_value();
  return 0;
}
