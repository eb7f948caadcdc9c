#pragma once
/// What state.sqlite can be made anew from: the sections of every commit, in immutable files.
///
///     metadata/archive-<n>.sections       n ascending; each goes on where the one before ended
///
///     header   "STRMDARC" · u32 version (1) · u32 CRC-32C of the 12 bytes before
///     record   u64 lsn · i64 time · u32 size · u8 kind (0 a commit's section, 1 a dump's) · u32 CRC-32C of the section ·
///              u32 CRC-32C of the 25 bytes before · the section
///     footer   a record of kind 255, time, size and CRC 0, lsn = the last one: a file without it is not finished
///
/// A dump holds the whole state at one LSN (tables, then rows, then indexes) and replaces every file before it.
#include <functional>
#include <memory>
#include <string>

#include "core/checksum.h"
#include "io/file_system.h"
#include "strata/error.h"
#include "transaction/participant.h"

namespace strata::store::metadata {

struct ArchiveRecord {
  Lsn lsn = 0;
  Timestamp time = 0;
  bool dump = false;
  ByteView section;
};

std::string archive_name(std::uint64_t number);

/// Appends records to metadata/archive-<n>.sections.tmp; `finish` makes the file. One thread at a time.
class ArchiveWriter {
 public:
  ArchiveWriter(io::FileSystem& files, std::uint64_t number);
  ~ArchiveWriter();
  ArchiveWriter(const ArchiveWriter&) = delete;
  ArchiveWriter& operator=(const ArchiveWriter&) = delete;

  Result<void> append(const ArchiveRecord& record);
  /// Syncs and renames; fine to call again after an error. Errors  io, resource_exhausted
  Result<transaction::CheckpointFile> finish();
  bool empty() const { return records_ == 0; }
  Lsn last_lsn() const { return last_; }
  std::uint64_t number() const { return number_; }

 private:
  Result<void> flush();
  void put_record(const ArchiveRecord& record, std::uint8_t kind);

  io::FileSystem& files_;
  const std::uint64_t number_;
  const std::string name_;
  std::unique_ptr<io::File> file_;
  Bytes buffer_;
  core::Hasher128 hasher_;
  std::uint64_t written_ = 0;
  std::uint64_t records_ = 0;
  Lsn last_ = 0;
  bool sealed_ = false;  // the footer is in
  bool renamed_ = false;
};

/// Reads a finished archive from the first record to the last, checking each.
/// Errors  corruption naming file and offset, unsupported (a newer version), what `each` returns
Result<void> read_archive(io::FileSystem& files, const std::string& name,
                          const std::function<Result<void>(const ArchiveRecord&)>& each);

}  // namespace strata::store::metadata
