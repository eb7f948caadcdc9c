// Any bytes as the lists of a segment of forty rows: a typed error, no lists, or a search that ends and gives each row once. Hashes and
// trailer are made valid (first byte odd), so that the fuzzer gets past the checksums.
#include <array>
#include <vector>

#include "core/assert.h"
#include "io/memory_file_system.h"
#include "store/vector/lists/lists_file.h"
#include "store/vector/lists/lists_search.h"
#include "store/vector/seal.h"

using namespace strata;
using namespace strata::store::vector;

namespace {

constexpr IndexSubject kSubject{77, 40, {Metric::l2, ElementType::f32, 8}};
constexpr std::size_t kDirectoryBytes = 168;  // before the page hashes

void look_through(const ListsView& lists) {
  const std::array<float, kSubject.shape.dimension> vector{1, 2, 3, 4, 5, 6, 7, 8};
  const QueryCode query(kSubject.shape.metric, vector);
  WalkMemory memory;
  Probing probing(lists, query, memory);
  (void)probing.look(1, 10, nullptr);
  const Beam& all = probing.look(lists.count, kSubject.rows, nullptr);
  STRATA_ASSERT(all.count() == kSubject.rows);
  std::vector<bool> seen(kSubject.rows);
  for (std::size_t i = 0; i < all.count(); ++i) {
    STRATA_ASSERT(!seen[all.node(i)]);
    seen[all.node(i)] = true;
  }
  RowSet thirds(lists.rows);
  for (Row row = 0; row < lists.rows; row += 3) thirds.add(row);
  const Beam& among = probing.look(2, 10, &thirds);
  for (std::size_t i = 0; i < among.count(); ++i) STRATA_ASSERT(thirds.contains(among.node(i)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  Bytes file(reinterpret_cast<const std::byte*>(data) + 1, reinterpret_cast<const std::byte*>(data) + size);
  if (data[0] % 2 == 1) seal(file, "STRVLSTT", [](std::uint32_t) { return kDirectoryBytes; });
  const auto files = io::make_memory_file_system();
  const std::string name = lists_name("vector", 1);
  STRATA_ASSERT(files->create_directory("vector").has_value());
  STRATA_ASSERT(io::write_file_atomically(*files, name, file).has_value());
  const auto lists = ListsFile::open(*files, 1, {name, file.size(), {}}, kSubject);
  if (!lists) return 0;
  (void)(*lists)->verify();
  if (const ListsView* view = (*lists)->lists()) look_through(*view);
  return 0;
}
