// Any text as JSON. What is read prints as JSON that reads as the same value, and prints the same again.
#include "core/assert.h"
#include "strata/value.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strata;
  const auto first = parse_json({reinterpret_cast<const char*>(data), size});
  if (!first) return 0;
  const std::string printed = to_json(*first);
  const auto second = parse_json(printed);
  STRATA_ASSERT(second.has_value());
  STRATA_ASSERT(*second == *first);
  STRATA_ASSERT(to_json(*second) == printed);
  return 0;
}
