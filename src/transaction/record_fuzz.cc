// Any bytes as the payload of a journal record. What is accepted is exactly the bytes that its sections are written as.
#include <algorithm>

#include "transaction/record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strata;
  const ByteView payload(reinterpret_cast<const std::byte*>(data), size);
  Bytes again;
  const auto read = transaction::for_each_section(payload, [&](std::uint8_t store, ByteView section) -> Result<void> {
    const std::size_t begun = transaction::begin_section(again, store);
    again.insert(again.end(), section.begin(), section.end());
    transaction::end_section(again, begun);
    return {};
  });
  if (read) STRATA_ASSERT(std::ranges::equal(again, payload));
  return 0;
}
