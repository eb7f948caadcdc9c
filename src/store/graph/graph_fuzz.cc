/// libFuzzer: bytes from a journal or a disk. The first byte chooses: a section that is decoded and applied twice, or a
/// segment's header.
///
///     cmake --preset fuzz && ninja -C build/fuzz store_graph_fuzz && build/fuzz/src/store/graph/store_graph_fuzz
#include <cstddef>
#include <cstdint>

#include "io/memory_file_system.h"
#include "store/graph/graph_store.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace graph = strata::store::graph;
  if (size == 0) return 0;
  const strata::ByteView bytes(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    static_cast<void>(graph::Segment::parse_header(bytes).has_value());
    return 0;
  }
  auto files = strata::io::make_memory_file_system();
  graph::Store store(*files);
  for (strata::Lsn lsn = 1; lsn <= 2; ++lsn) {
    if (!store.apply({lsn, 0}, bytes)) return 0;
    // What was accepted is a sound graph, before and after it is sealed.
    STRATA_ASSERT(store.summarize(lsn).has_value());
    STRATA_ASSERT(store.freeze(lsn).has_value());
    auto written = store.write_checkpoint(0);
    STRATA_ASSERT(written.has_value() && store.installed(*written).has_value());
    STRATA_ASSERT(store.summarize(lsn).has_value());
  }
  return 0;
}
