// Any bytes as a pickle: a typed error, or labels.
#include "interchange/pickle_labels.h"

#include "interchange/fuzz_fixture.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strata;
  const auto disk = interchange::disk_with({reinterpret_cast<const std::byte*>(data), size});
  const auto file = interchange::InputFile::open(*disk, interchange::kFuzzed);
  STRATA_ASSERT(file.has_value());
  const auto read = interchange::read_pickled_labels(*file);
  if (read) STRATA_ASSERT(read->labels.size() <= size);
  return 0;
}
