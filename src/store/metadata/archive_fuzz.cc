// Any bytes as an archive: a whole file, or (first byte odd) with its checksums made valid. What is read from the first
// record to the last is written again as exactly the same file.
#include <algorithm>

#include "core/assert.h"
#include "core/endian.h"
#include "io/memory_file_system.h"
#include "store/metadata/archive.h"
#include "store/metadata/mutation.h"

using namespace strata;
using namespace strata::store::metadata;

namespace {

constexpr std::size_t kHeadBytes = 16;    // magic, version, CRC
constexpr std::size_t kRecordBytes = 29;  // LSN, time, size, kind, CRC of the section, CRC of this

void seal(Bytes& file) {
  if (file.size() < kHeadBytes) return;
  core::store(&file[12], core::crc32c(ByteView(file).first(12)));
  for (std::size_t at = kHeadBytes; file.size() - at >= kRecordBytes;) {
    const std::size_t left = file.size() - at - kRecordBytes;
    const std::uint32_t size = core::load<std::uint32_t>(&file[at + 16]);
    if (size > left) return;
    core::store(&file[at + 21], core::crc32c(ByteView(file).subspan(at + kRecordBytes, size)));
    core::store(&file[at + 25], core::crc32c(ByteView(file).subspan(at, 25)));
    at += kRecordBytes + size;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Bytes file(reinterpret_cast<const std::byte*>(data) + 1, reinterpret_cast<const std::byte*>(data) + size);
  if (data[0] % 2 == 1) seal(file);
  const auto files = io::make_memory_file_system();
  STRATA_ASSERT(files->create_directory("metadata").has_value());
  STRATA_ASSERT(io::write_file_atomically(*files, archive_name(1), file).has_value());
  ArchiveWriter writer(*files, 2);
  const auto read = read_archive(*files, archive_name(1), [&](const ArchiveRecord& record) -> Result<void> {
    (void)decode_steps(record.section, record.lsn).has_value();
    return writer.append(record);
  });
  if (!read || writer.empty()) return 0;
  STRATA_ASSERT(writer.finish().has_value());
  const auto again = io::read_file(*files, archive_name(2), UINT32_MAX);
  STRATA_ASSERT(again.has_value() && *again == file);
  return 0;
}
