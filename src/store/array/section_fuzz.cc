// Any bytes as a section of the array store. What is read encodes to bytes that read and encode as the same; what is applied
// can be counted.
#include <optional>

#include "core/assert.h"
#include "io/memory_file_system.h"
#include "store/array/array_store.h"
#include "store/array/mutation.h"

using namespace strata;
using namespace strata::store::array;

namespace {

/// The section written anew; nothing when it cannot be read to its end.
std::optional<Bytes> rewritten(ByteView section) {
  SectionReader reader(section);
  Bytes out;
  for (;;) {
    const auto mutation = reader.next();
    if (!mutation) return std::nullopt;
    if (!*mutation) return out;
    encode(out, **mutation);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView section(reinterpret_cast<const std::byte*>(data), size);
  if (const auto once = rewritten(section); once && !once->empty()) {
    const auto twice = rewritten(*once);
    STRATA_ASSERT(twice.has_value() && *twice == *once);
  }
  const auto files = io::make_memory_file_system();
  ArrayParticipant store(*files);
  STRATA_ASSERT(store.open(nullptr).has_value());
  Bytes create;
  encode(create, CreateDataset{"a", {}});
  STRATA_ASSERT(store.apply({1, 0}, create).has_value());
  if (store.apply({2, 0}, section)) (void)store.summarize(2).has_value();
  return 0;
}
