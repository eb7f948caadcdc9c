// Any bytes as the graph of a segment of forty rows: a typed error, no graph, or a walk that ends. Hashes and trailer are made valid
// (first byte odd), so that the fuzzer gets past the checksums.
#include <array>

#include "core/assert.h"
#include "io/memory_file_system.h"
#include "store/vector/delta.h"
#include "store/vector/graph/graph_file.h"
#include "store/vector/graph/graph_search.h"
#include "store/vector/seal.h"

using namespace strata;
using namespace strata::store::vector;

namespace {

constexpr IndexSubject kSubject{77, 40, {Metric::cosine, ElementType::f32, 8}};

std::size_t directory_bytes(std::uint32_t version) {
  return version == 1 ? 132 : version == 2 ? 178 : 194;
}  // before the page hashes

void walk_through(const GraphView& graph) {
  constexpr std::uint32_t kDimension = kSubject.shape.dimension;
  std::array<float, kSubject.rows> scale{}, zero{};
  std::vector<std::uint8_t> codes(kSubject.rows * distance::code_stride(kDimension), 100);
  scale.fill(1);
  const distance::CodeColumns columns{codes.data(), scale.data(), zero.data(), zero.data(), zero.data()};
  const std::array<float, kDimension> vector{1, 2, 3, 4, 5, 6, 7, 8};
  const QueryCode query(Metric::cosine, vector);
  Delta part({.dimension = kDimension});
  for (Row row = 0; row < kSubject.rows; ++row) {
    const std::string id = std::to_string(row);
    part.append(1, id, hash_of_id(id), std::as_bytes(std::span(vector)), {}, {}, 0);
  }
  const auto scorer = graph.quantizer->scorer({graph.codes, columns, &query, &part});
  WalkMemory memory;
  STRATA_ASSERT(walk_graph(graph, *scorer, 10, nullptr, memory).count() >= 1);
  RowSet thirds(graph.rows);
  for (Row row = 0; row < graph.rows; row += 3) thirds.add(row);
  const Beam& among = walk_graph(graph, *scorer, 10, &thirds, memory);
  for (std::size_t i = 0; i < among.count(); ++i) STRATA_ASSERT(thirds.contains(among.node(i)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  Bytes file(reinterpret_cast<const std::byte*>(data) + 1, reinterpret_cast<const std::byte*>(data) + size);
  if (data[0] % 2 == 1) seal(file, "STRVGRFT", directory_bytes);
  const auto files = io::make_memory_file_system();
  const std::string name = graph_name("vector", 1);
  STRATA_ASSERT(files->create_directory("vector").has_value());
  STRATA_ASSERT(io::write_file_atomically(*files, name, file).has_value());
  const auto graph = GraphFile::open(*files, 1, {name, file.size(), {}}, kSubject);
  if (!graph) return 0;
  (void)(*graph)->verify();
  if (const GraphView* view = (*graph)->graph()) walk_through(*view);
  return 0;
}
