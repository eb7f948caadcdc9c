// Any text as a time. What is read prints as a time that reads as the same moment.
#include "core/assert.h"
#include "core/clock.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strata;
  const auto time = core::parse_time({reinterpret_cast<const char*>(data), size});
  if (!time) return 0;
  const auto again = core::parse_time(core::format_time(*time));
  STRATA_ASSERT(again.has_value() && *again == *time);
  return 0;
}
