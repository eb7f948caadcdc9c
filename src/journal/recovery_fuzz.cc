// Any bytes in the place of a journal segment: recovery answers with a typed error or with records that carry valid
// checksums, and never crashes. The first byte says how much is made valid, so that the fuzzer gets past the checksums.
#include <cstring>

#include "core/checksum.h"
#include "core/clock.h"
#include "core/endian.h"
#include "io/memory_file_system.h"
#include "journal/frame.h"
#include "journal/recovery.h"

using namespace strata;

namespace {

void repair_header(std::byte* header) { core::store(header + 60, core::crc32c(ByteView(header, 60))); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::uint8_t mode = data[0];
  Bytes file;
  if ((mode & 1) != 0) {
    journal::SegmentHeader header{
        .timeline = 1, .epoch = 1, .number = 1, .first_lsn = 1, .chain = journal::first_chain({})};
    file = journal::encode(header);
    file.insert(file.end(), file.begin(), file.begin() + journal::kBlockBytes);
  }
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  file.insert(file.end(), bytes + 1, bytes + size);
  if ((mode & 2) != 0) {
    // Every header-sized slot at the start of a block, and the one behind it, gets a valid checksum.
    for (std::size_t at = journal::kSegmentHeaderBytes; at + 128 <= file.size(); at += journal::kBlockBytes) {
      repair_header(&file[at]);
      repair_header(&file[at + 64]);
    }
  }
  const auto disk = io::make_memory_file_system();
  (void)disk->create_directory("journal");
  (void)io::write_file_atomically(*disk, journal::segment_name("journal", 1), file);
  const journal::JournalIdentity identity;
  Lsn last = 0;
  const auto found =
      journal::recover(*disk, "journal", identity, 0, 0, [&](const journal::Record& record) -> Result<void> {
        if (record.lsn != ++last) __builtin_trap();
        return {};
      });
  if (found && found->last_lsn != last) __builtin_trap();
  return 0;
}
