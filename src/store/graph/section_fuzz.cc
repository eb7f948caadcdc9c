// Any bytes as a section of the graph store. What decodes encodes to bytes that decode, and to the same bytes from then on.
// What is applied, twice, is a sound graph, before and after it is sealed.
#include "core/assert.h"
#include "io/memory_file_system.h"
#include "store/graph/graph_store.h"
#include "store/graph/mutation.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strata;
  const ByteView section(reinterpret_cast<const std::byte*>(data), size);
  if (const auto first = store::graph::decode_mutation(section)) {
    Bytes once, twice;
    core::Encoder out(once);
    encode(*first, out);
    const auto second = store::graph::decode_mutation(once);
    STRATA_ASSERT(second.has_value());
    core::Encoder again(twice);
    encode(*second, again);
    STRATA_ASSERT(once == twice);
  }
  const auto files = io::make_memory_file_system();
  store::graph::Store store(*files);
  for (Lsn lsn = 1; lsn <= 2; ++lsn) {
    if (!store.apply({lsn, 0}, section)) return 0;
    STRATA_ASSERT(store.summarize(lsn).has_value());
    STRATA_ASSERT(store.freeze(lsn).has_value());
    auto written = store.write_checkpoint(0);
    STRATA_ASSERT(written.has_value() && store.installed(*written).has_value());
    STRATA_ASSERT(store.summarize(lsn).has_value());
  }
  return 0;
}
