// Any bytes as the four slots of a superblock, each sealed with a valid hash where the first byte says so. A slot is 64
// bytes of the input and zeros. What is read is written as the next slot, and then is the newest.
#include <algorithm>
#include <limits>

#include "core/assert.h"
#include "core/checksum.h"
#include "core/endian.h"
#include "engine/superblock.h"
#include "io/memory_file_system.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strata;
  constexpr std::size_t kSlotBytes = 4096, kGivenBytes = 64;
  if (size == 0) return 0;
  ByteView rest(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  Bytes file;
  for (unsigned slot = 0; !rest.empty() && slot < 5; ++slot) {
    const std::size_t given = std::min(rest.size(), kGivenBytes);
    Bytes bytes(kSlotBytes);
    std::copy_n(rest.begin(), given, bytes.begin());
    rest = rest.subspan(given);
    if ((data[0] >> slot & 1) != 0) {
      const core::Hash128 hash = core::xxh3_128(ByteView(bytes).first(kSlotBytes - sizeof(core::Hash128)));
      core::store(&bytes[kSlotBytes - 16], hash.low);
      core::store(&bytes[kSlotBytes - 8], hash.high);
    }
    file.insert(file.end(), bytes.begin(), bytes.end());
  }
  const auto files = io::make_memory_file_system();
  STRATA_ASSERT(io::write_file_atomically(*files, engine::kSuperblockName, file).has_value());
  const auto read = engine::read_superblock(*files);
  if (!read) return 0;
  STRATA_ASSERT(!read->empty());
  engine::Superblock next = read->front();
  if (next.sequence == std::numeric_limits<std::uint64_t>::max()) return 0;
  ++next.sequence;
  STRATA_ASSERT(engine::write_superblock(*files, next).has_value());
  const auto again = engine::read_superblock(*files);
  STRATA_ASSERT(again.has_value() && again->front().sequence == next.sequence && again->front().lsn == next.lsn &&
                again->front().manifest == next.manifest && again->front().database == next.database);
  return 0;
}
