#pragma once
/// MANIFEST-<n>: what the database consists of at one LSN. Each checkpoint writes a new one; the superblock says which
/// counts. n−1 and its files stay until n was followed by n+1, so that a damaged newest manifest is not the end (I10, I11).
///
/// The format is docs/formats/manifest.md.
#include <array>
#include <string>
#include <vector>

#include "core/checksum.h"
#include "io/file_system.h"
#include "strata/engine.h"
#include "transaction/participant.h"
#include "transaction/transaction_manager.h"

namespace strata::engine {

inline constexpr std::uint32_t kFormatVersion = 1;     ///< what this program writes
inline constexpr std::uint32_t kReaderVersionMin = 1;  ///< the oldest program that may read what we write

/// A point of the commit clock: the last commit at or before a time is found among these.
struct CommitTime {
  Lsn lsn = 0;
  Timestamp time = 0;
};

struct Manifest {
  std::uint64_t number = 0;
  std::array<std::byte, 16> database{};  ///< UUID, equal in every file of one database
  std::uint64_t timeline = 1;
  Lsn lsn = 0;             ///< of the checkpoint
  Timestamp time = 0;      ///< of that commit
  Lsn horizon = 0;         ///< the oldest state that views can still ask for
  core::Hash128 previous;  ///< hash of manifest number − 1
  std::array<transaction::Checkpoint, kStoreCount> stores;
  std::vector<transaction::IdempotencyEntry> idempotency;
  std::vector<CommitTime> commit_times;  ///< ascending, thinned out
  std::vector<Tag> tags;
};

inline constexpr std::string_view kManifestPrefix = "MANIFEST-";
std::string manifest_name(std::uint64_t number);  ///< "MANIFEST-000000000007"
Bytes encode(const Manifest& manifest);
/// Errors  corruption (naming the file), unsupported (newer format)
Result<Manifest> decode_manifest(ByteView bytes, std::string_view file);
Result<Manifest> read_manifest(io::FileSystem& files, std::uint64_t number);

/// Every file that the manifest names.
std::vector<transaction::CheckpointFile> files_of(const Manifest& manifest);

}  // namespace strata::engine
