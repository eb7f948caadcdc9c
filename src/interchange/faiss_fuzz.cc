// Any bytes as a file of this format: a typed error, or points of the length that it says.
#include "interchange/faiss_source.h"
#include "interchange/fuzz_fixture.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strata;
  const auto disk = interchange::disk_with({reinterpret_cast<const std::byte*>(data), size});
  interchange::drain(interchange::open_faiss(*disk, interchange::kFuzzed, nullptr), true);
  return 0;
}
