#pragma once
/// SUPERBLOCK: four slots of 4 KiB, written in turn; the valid one with the highest sequence names the manifest that
/// counts. One slot may rot or tear at any time: the one before it is still there.
#include <array>

#include "io/file_system.h"

namespace strata::engine {

inline constexpr std::string_view kSuperblockName = "SUPERBLOCK";

struct Superblock {
  std::uint64_t sequence = 0;
  std::array<std::byte, 16> database{};
  std::uint64_t timeline = 1;
  std::uint64_t manifest = 0;  ///< number of the manifest
  Lsn lsn = 0;                 ///< the journal must reach it: of that manifest; after a close, the last one
};

/// All valid slots, newest first. Errors  not_found (no file), corruption (no slot is valid), unsupported (newer format)
Result<std::vector<Superblock>> read_superblock(io::FileSystem& files);

/// Writes the next slot and syncs it. `sequence` must be one more than the newest.
Result<void> write_superblock(io::FileSystem& files, const Superblock& block);

}  // namespace strata::engine
