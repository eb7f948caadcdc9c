// Any bytes as a section, or as a segment or deletes file: a typed error or an answer, never a crash. The first byte says
// which; files are re-sealed on demand so that the fuzzer gets past the checksums.
#include <cstring>

#include "core/checksum.h"
#include "core/endian.h"
#include "io/memory_file_system.h"
#include "store/vector/mutation.h"
#include "store/vector/segment.h"
#include "store/vector/vector_store.h"

using namespace strata;
using namespace strata::store::vector;

namespace {

void fuzz_section(ByteView bytes) {
  const auto files = io::make_memory_file_system();
  VectorParticipant store(*files, "vector");
  if (!store.open(nullptr)) return;
  Bytes setup;
  core::Encoder out(setup);
  encode_mutation({{"c", false, CollectionOptions{2, Metric::cosine, true}, {}}}, out);
  (void)store.apply({1, 0}, setup);
  (void)store.apply({2, 0}, bytes);
  (void)store.summarize(2);
}

// The input is blocks and directory; trailer, directory hash and page hashes are made valid.
void fuzz_segment(ByteView input) {
  if (input.size() < 400) return;
  Bytes file(input.begin(), input.end());
  file.resize((file.size() + 63) / 64 * 64 + kTrailerBytes);
  std::byte* trailer = file.data() + file.size() - kTrailerBytes;
  const std::uint64_t available = file.size() - kTrailerBytes;
  const std::uint64_t offset = core::load<std::uint32_t>(input.data()) % (available - 341);
  const std::uint64_t pages = (offset + kPageBytes - 1) / kPageBytes;
  if (offset + 334 + pages * 8 > available) return;
  for (std::uint64_t page = 0; page < pages; ++page) {
    const std::uint64_t begin = page * kPageBytes;
    core::store(file.data() + offset + 334 + page * 8,
                core::xxh3_64(ByteView(file).subspan(begin, std::min<std::uint64_t>(kPageBytes, offset - begin))));
  }
  core::store(file.data() + offset + 38, offset);
  const std::uint64_t size = 334 + pages * 8;
  file.erase(file.begin() + static_cast<std::ptrdiff_t>(offset + size),
             file.end() - static_cast<std::ptrdiff_t>(kTrailerBytes));
  trailer = file.data() + file.size() - kTrailerBytes;
  std::memcpy(trailer, kTrailerMagic.data(), 8);
  core::store(trailer + 8, offset);
  core::store(trailer + 16, size);
  core::store(trailer + 24, core::xxh3_64(ByteView(file).subspan(offset, size)));
  core::store(trailer + 32, core::crc32c(ByteView(trailer, 32)));
  const auto files = io::make_memory_file_system();
  (void)files->create_directory("vector");
  if (!io::write_file_atomically(*files, "vector/0000000000000001.seg", file)) return;
  const auto segment = Segment::open(*files, "vector/0000000000000001.seg", 1);
  if (!segment || !(*segment)->prepare()) return;
  const Segment& part = **segment;
  (void)part.codes(0);
  std::vector<Part::Posting> postings;
  (void)part.postings(7, postings);
  (void)part.find("a", hash_of_id("a"), 1);
  for (Row row = 0; row < std::min<Row>(part.rows(), 16); ++row) {
    (void)part.id(row);
    (void)part.vector(row);
    (void)part.payload(row);
    (void)part.terms(row);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const ByteView rest(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  if ((data[0] & 1) == 0) {
    fuzz_section(rest);
  } else {
    fuzz_segment(rest);
  }
  return 0;
}
