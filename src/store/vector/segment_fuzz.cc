// Any bytes as a segment file: a typed error or an answer, never a crash. The input is a segment whose longest run of zeros
// is left out: u32 where it was, u32 how long, then the file. Hashes and trailer are made valid (first byte odd), so that
// the fuzzer gets past the checksums.
#include "core/assert.h"
#include "core/endian.h"
#include "io/memory_file_system.h"
#include "store/vector/seal.h"
#include "store/vector/segment.h"
#include "store/vector/words.h"

using namespace strata;
using namespace strata::store::vector;

namespace {

constexpr std::size_t kDirectoryHeadBytes =
    46;  // version … data_end; since version 3 the element type, too; the blocks follow

std::size_t directory_bytes(std::uint32_t version) {
  return kDirectoryHeadBytes + (version >= 3 ? 1 : 0) +
         (version == 1  ? kBlockCountOfVersion1
          : version < 4 ? kBlockCountOfVersion2
                        : kBlockCount) *
             16;
}
constexpr std::uint32_t kZerosMax = 256 << 10;

Bytes with_zeros(ByteView input) {
  const std::size_t at = std::min<std::size_t>(core::load<std::uint32_t>(input.data()), input.size() - 8);
  const std::uint32_t zeros = core::load<std::uint32_t>(input.data() + 4) % kZerosMax;
  const ByteView file = input.subspan(8);
  Bytes bytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(at));
  bytes.resize(at + zeros);
  bytes.insert(bytes.end(), file.begin() + static_cast<std::ptrdiff_t>(at), file.end());
  return bytes;
}

void read_all(const Segment& part) {
  const Row rows = std::min<Row>(part.rows(), 16);
  std::vector<float> room;
  (void)part.codes(0).has_value();
  for (Row row = 0; row < rows; ++row) {
    if (const auto id = part.id(row)) {
      (void)part.find(*id, hash_of_id(*id), 1).has_value();
      (void)part.first_above(*id).has_value();
    }
    (void)part.elements(row, room).has_value();
    (void)part.payload(row).has_value();
    if (auto terms = part.terms(row)) {
      Term term;
      std::vector<Part::Posting> postings;
      for (int i = 0; i < 4 && terms->next(term); ++i) (void)part.postings(term.hash, postings).has_value();
      (void)to_term_list(*terms);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 9) return 0;
  Bytes file = with_zeros({reinterpret_cast<const std::byte*>(data) + 1, size - 1});
  if (data[0] % 2 == 1) seal(file, kTrailerMagic, directory_bytes);
  const auto files = io::make_memory_file_system();
  const std::string name = segment_name("vector", 1);
  STRATA_ASSERT(files->create_directory("vector").has_value());
  STRATA_ASSERT(io::write_file_atomically(*files, name, file).has_value());
  const auto segment = Segment::open(*files, name, 1);
  if (!segment) return 0;
  (void)(*segment)->verify();
  if ((*segment)->prepare()) read_all(**segment);
  return 0;
}
