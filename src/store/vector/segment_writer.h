#pragma once
/// Writes one segment from rows of other parts: once through, page by page, without holding the file in memory.
#include <string>
#include <vector>

#include "io/file_system.h"
#include "store/vector/part.h"
#include "store/vector/segment_format.h"
#include "transaction/participant.h"

namespace strata::store::vector {

/// A row to be written, and the LSN at which it counts as deleted in the file (kLive: it does not).
struct SourceRow {
  const Part* part = nullptr;
  Row row = 0;
  Lsn deleted = kLive;
};

/// Sorts by id and creation, in place; row i of the file is sources[i] afterwards.
/// Errors  corruption of a source
Result<void> sort_sources(std::vector<SourceRow>& sources);

/// Writes `name` from sorted sources: finished, synced, its directory synced.
/// Errors  io, resource_exhausted, corruption of a source
Result<transaction::CheckpointFile> write_segment(io::FileSystem& files, const std::string& name,
                                                  const SegmentDirectory& header,
                                                  const std::vector<SourceRow>& sources);

}  // namespace strata::store::vector
