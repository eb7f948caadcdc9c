// Any bytes as a section of the object store. What decodes encodes to bytes that decode, and to the same bytes from then on;
// what is applied can be counted and verified.
#include "core/assert.h"
#include "io/memory_file_system.h"
#include "store/object/object_store.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strata;
  using namespace strata::store::object;
  const ByteView section(reinterpret_cast<const std::byte*>(data), size);
  const auto first = decode_mutation(section);
  if (!first) return 0;
  Bytes once, twice;
  core::Encoder out(once);
  encode(*first, out);
  const auto second = decode_mutation(once);
  STRATA_ASSERT(second.has_value());
  core::Encoder again(twice);
  encode(*second, again);
  STRATA_ASSERT(once == twice);

  const auto files = io::make_memory_file_system();
  Store store(*files);
  STRATA_ASSERT(store.open(nullptr).has_value());
  if (!store.apply({1, 1}, section)) return 0;
  (void)store.summarize(1).has_value();
  (void)store.verify().has_value();
  return 0;
}
