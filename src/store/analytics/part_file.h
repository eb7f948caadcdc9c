#pragma once
/// Part files: the rows beyond the journal's reach. A part holds the sections of a range of commits, as the journal had
/// them, in compressed blocks; it is written once and never changed. DuckDB's file can be made again from the parts and the
/// journal, so it may be lost, damaged or refused at any time.
///
///     part-<n>.rows := header 16 · block* · footer 64                              docs/formats/analytics.md
///     block  := raw_bytes u32 · stored_bytes u32 · first_lsn u64 · last_lsn u64 · checksum u64 · zstd[stored_bytes]
///     frame  := lsn · time · chain u64 · section (length-prefixed)                 within a block, ascending by lsn
///
/// `chain` identifies the history up to that frame: it is what tells DuckDB's file of this database from one of another
/// past (a restored backup, a shortened journal).
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/checksum.h"
#include "io/file_system.h"
#include "store/analytics/mutation.h"
#include "transaction/participant.h"

namespace strata::store::analytics {

/// One commit's effects on analytics.
struct Record {
  Lsn lsn = 0;
  Timestamp time = 0;
  std::uint64_t chain = 0;
  std::shared_ptr<const Bytes> section;
};

/// The chain after a section, from the chain before it.
std::uint64_t next_chain(std::uint64_t chain, Lsn lsn, ByteView section);

struct PartInfo {
  std::uint64_t number = 0;
  Lsn first_lsn = 0, last_lsn = 0;
  std::uint64_t last_chain = 0;
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;  ///< of the file
  core::Hash128 hash;       ///< of the file

  std::string name() const { return "analytics/part-" + std::to_string(number) + ".rows"; }
  transaction::CheckpointFile file() const { return {name(), bytes, hash}; }
};

/// Writes one part. One thread at a time. Without `finish` the file is removed again by the next start.
class PartWriter {
 public:
  static Result<PartWriter> create(io::FileSystem& files, std::uint64_t number);
  Result<void> add(const Record& record);
  /// Synced, renamed, its directory synced. At least one record was added.
  Result<PartInfo> finish();

 private:
  PartWriter(io::FileSystem& files, std::uint64_t number, std::unique_ptr<io::File> file);
  Result<void> put(ByteView bytes);
  Result<void> flush_block();

  io::FileSystem* files_;
  std::unique_ptr<io::File> file_;
  PartInfo info_;
  std::unique_ptr<core::Hasher128> hasher_;
  Bytes block_;
  Lsn block_first_lsn_ = 0;
};

/// Reads one part, block by block. One thread at a time.
class PartReader {
 public:
  /// Reads the footer only. Errors  not_found, corruption (names the file), unsupported
  static Result<PartReader> open(io::FileSystem& files, const PartInfo& info);
  /// The records of the next block that has one with lsn > `after`; empty: no more.
  Result<std::vector<Record>> next(Lsn after);
  std::uint64_t offset() const { return offset_; }

 private:
  PartReader(const PartInfo& info, std::unique_ptr<io::File> file);
  PartInfo info_;
  std::unique_ptr<io::File> file_;
  std::uint64_t offset_;
  std::uint64_t end_;
};

}  // namespace strata::store::analytics
