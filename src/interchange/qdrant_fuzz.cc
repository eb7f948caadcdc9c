// Any bytes as JSON of Qdrant's: a typed error, or points.
#include "interchange/fuzz_fixture.h"
#include "interchange/qdrant_source.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strata;
  const auto disk = interchange::disk_with({reinterpret_cast<const std::byte*>(data), size});
  interchange::drain(interchange::open_qdrant(*disk, interchange::kFuzzed, {}), false);
  interchange::drain(interchange::open_qdrant(*disk, interchange::kFuzzed, {"id", "a"}), false);
  return 0;
}
