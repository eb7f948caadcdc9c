// Any bytes as a section of the vector store, once where its collection exists, which has named vectors. What decodes encodes to bytes that decode,
// and to the same bytes from then on; what is applied can be counted.
#include <optional>

#include "core/assert.h"
#include "io/memory_file_system.h"
#include "store/vector/mutation.h"
#include "store/vector/vector_store.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strata;
  using namespace strata::store::vector;
  const ByteView section(reinterpret_cast<const std::byte*>(data), size);
  const CollectionOptions options{
      .dimension = 2,
      .words = true,
      .vectors = {{.name = "s", .kind = VectorKind::sparse}, {.name = "t", .dimension = 1}}};
  const auto options_of = [&](std::string_view name) { return name == "c" ? std::optional(options) : std::nullopt; };
  const auto first = decode_mutation(section, options_of);
  if (first) {
    Bytes once, twice;
    core::Encoder out(once);
    encode_mutation(*first, out);
    const auto second = decode_mutation(once, options_of);
    STRATA_ASSERT(second.has_value());
    core::Encoder again(twice);
    encode_mutation(*second, again);
    STRATA_ASSERT(once == twice);
  }

  const auto files = io::make_memory_file_system();
  VectorParticipant store(*files, "vector");
  STRATA_ASSERT(store.open(nullptr).has_value());
  Bytes setup;
  core::Encoder out(setup);
  encode_mutation({{"c", false, options, {}}}, out);
  STRATA_ASSERT(store.apply({1, 0}, setup).has_value());
  const auto applied = store.apply({2, 0}, section);
  STRATA_ASSERT(first.has_value() || !applied.has_value());
  (void)store.summarize(2).has_value();
  return 0;
}
