// Any bytes as a file of this format: a typed error, or points of the length that it says.
#include "interchange/fuzz_fixture.h"
#include "interchange/npy_source.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strata;
  const auto disk = interchange::disk_with({reinterpret_cast<const std::byte*>(data), size});
  interchange::drain(interchange::open_npy(*disk, interchange::kFuzzed, nullptr), true);
  return 0;
}
