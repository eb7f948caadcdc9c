// Any bytes as a segment of the graph. Checksums are made valid (first byte odd), so that the fuzzer gets past them: what
// opens is read through, and every offset in it may be a lie.
#include <algorithm>

#include "core/assert.h"
#include "core/endian.h"
#include "io/memory_file_system.h"
#include "store/graph/segment.h"

using namespace strata;
using namespace strata::store::graph;

namespace {

void seal(Bytes& file) {
  if (file.size() < sizeof(SegmentHeader)) return;
  auto header = core::load<SegmentHeader>(file.data());
  const auto bytes_of_table = [](std::uint64_t content) { return (content + kBlockBytes - 1) / kBlockBytes * 8; };
  header.table_offset = std::clamp<std::uint64_t>(header.table_offset, sizeof(SegmentHeader),
                                                  std::max(file.size(), sizeof(SegmentHeader)));
  const std::uint64_t content = header.table_offset - sizeof(SegmentHeader);
  file.resize(header.table_offset + bytes_of_table(content));
  for (std::uint64_t at = 0; at < content; at += kBlockBytes) {
    const ByteView block = ByteView(file).subspan(sizeof(SegmentHeader) + at, std::min(kBlockBytes, content - at));
    core::store(&file[header.table_offset + at / kBlockBytes * 8], core::xxh3_64(block));
  }
  header.file_bytes = file.size();
  header.table_hash = core::xxh3_64(ByteView(file).subspan(header.table_offset));
  header.crc = 0;
  header.crc = core::crc32c({reinterpret_cast<const std::byte*>(&header), sizeof header});
  core::store(file.data(), header);
}

void read_all(const Segment& segment) {
  DamageNote damage;
  const auto few = [](std::uint64_t count) { return std::min<std::uint64_t>(count, 32); };
  for (std::uint32_t i = 0; i < few(segment.new_names()); ++i) (void)segment.new_name(i, damage);
  const std::uint64_t numbers = segment.header().id_offsets.count - 1;
  for (std::uint64_t i = 0; i < few(numbers); ++i) {
    const std::string_view id = segment.id(segment.first_number() + static_cast<Number>(i), damage);
    (void)segment.find_id(id, core::xxh3_64(as_bytes(id)), damage);
  }
  std::uint64_t seen = 0;
  segment.each_node(damage, [&](Number number, std::uint32_t) {
    if (++seen > 32) return;
    const auto position = segment.position(number, damage);
    if (!position) return;
    const NodeEntry* node = segment.node(*position, damage);
    for (const VersionRow& row : segment.versions(node, damage)) (void)segment.blob(row.blob, damage);
    (void)segment.out(node, damage).size();
    (void)segment.in(node, damage).size();
    (void)segment.gone(node, damage).size();
  });
  seen = 0;
  segment.each_edge(damage, [&](EdgeId id, const EdgeRow&) {
    if (++seen > 32) return;
    (void)segment.edge(id, damage);
    (void)segment.changes(id, damage).size();
  });
  for (NameId label = 0; label < 4; ++label) (void)segment.with_label(label, damage).size();
  (void)segment.with_value("L", 0, "k", 1, 7, damage).size();
  (void)segment.totals(kLatest, damage).has_value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Bytes file(reinterpret_cast<const std::byte*>(data) + 1, reinterpret_cast<const std::byte*>(data) + size);
  if (data[0] % 2 == 1) seal(file);
  const auto files = io::make_memory_file_system();
  STRATA_ASSERT(io::write_file_atomically(*files, "segment", file).has_value());
  const auto segment = Segment::open(*files, "segment");
  if (!segment) return 0;
  (void)(*segment)->check_all();
  read_all(**segment);
  return 0;
}
