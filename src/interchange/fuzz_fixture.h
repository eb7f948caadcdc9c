#pragma once
/// Any bytes as a file that is imported. For the fuzz targets of this folder.
#include "core/assert.h"
#include "interchange/point_source.h"
#include "io/memory_file_system.h"

namespace strata::interchange {

inline constexpr const char* kFuzzed = "input";

inline std::unique_ptr<io::FileSystem> disk_with(ByteView content) {
  auto disk = io::make_memory_file_system();
  STRATA_ASSERT(io::write_file_atomically(*disk, kFuzzed, content).has_value());
  return disk;
}

/// Reads the first points. A source announces no more points than it gives, and each as long as it said; where `same_length` not,
/// the import checks it.
inline void drain(Result<std::unique_ptr<PointSource>> source, bool same_length) {
  constexpr std::uint64_t kPointsMax = 2'000;
  if (!source) return;
  const SourceInfo& info = (*source)->info();
  IncomingPoint point;
  Remarks remarks;
  for (std::uint64_t count = 0; count < kPointsMax; ++count) {
    const auto more = (*source)->next(point, remarks);
    if (!more || !*more) return;
    STRATA_ASSERT(info.points == 0 || count < info.points);
    STRATA_ASSERT(!same_length || point.vector.size() == info.dimension);
  }
}

}  // namespace strata::interchange
