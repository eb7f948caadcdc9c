// Any text as a backup's list of files. What is read names only files within the backup, and is written as a list that
// reads as the same.
#include "core/assert.h"
#include "io/memory_file_system.h"
#include "operations/backup_list.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strata;
  const auto files = io::make_memory_file_system();
  const ByteView text(reinterpret_cast<const std::byte*>(data), size);
  STRATA_ASSERT(io::write_file_atomically(*files, operations::kBackupListName, text).has_value());
  const auto first = operations::read_backup_list(*files);
  if (!first) return 0;
  for (const operations::BackupFile& file : first->files) STRATA_ASSERT(io::check_name(file.name).has_value());
  const std::string once = operations::encode(*first);
  STRATA_ASSERT(io::write_file_atomically(*files, operations::kBackupListName, as_bytes(once)).has_value());
  const auto second = operations::read_backup_list(*files);
  STRATA_ASSERT(second.has_value());
  STRATA_ASSERT(operations::encode(*second) == once);
  return 0;
}
