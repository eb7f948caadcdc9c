#pragma once
/// The one place that knows HDF5. Three things are done with it:
///
///     PartWriter         writes a new file: dataset "rows" and its companions, in slabs
///     PartReader         reads ranges of rows, and the companions
///     write_virtual_index   writes the file that shows every dataset to h5py as one array over its parts
///
/// HDF5 never touches the disk here: a driver of ours below it turns its reads and writes into calls of io::File. So a part
/// lives on any FileSystem, its faults are ours to inject, and a failed write is reported once, as the error it was, while
/// HDF5 itself closes as if all were well (a library that fails in close leaks, and fails again at exit).
///
/// The library is built for threads, but with one lock around everything; we take our own around each call, for the length
/// of a slab, so that a long write does not hold up readers.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/file_system.h"
#include "store/array/append_log.h"
#include "strata/array.h"

namespace strata::store::array {

/// Writes one part. open → write* (all rows, in order) → finish. Threads: one at a time.
class PartWriter {
 public:
  /// `file` is new and empty, and outlives the writer. `log` (may be nullptr) becomes the companions.
  static Result<std::unique_ptr<PartWriter>> open(io::File& file, const DatasetOptions& options, std::uint64_t rows,
                                                  const AppendLog* log);
  virtual ~PartWriter() = default;
  virtual Result<void> write(ByteView rows) = 0;  ///< whole rows, the next ones
  /// Everything is handed to the file; syncing it is the caller's. Errors  those of the file: io, resource_exhausted
  virtual Result<void> finish() = 0;
};

/// Reads one part. The caller has checked that the file is what we wrote: HDF5 is not fit to open a hostile one.
/// Threads: any.
class PartReader {
 public:
  /// Errors  corruption when the file holds no dataset of this type and shape
  static Result<std::unique_ptr<PartReader>> open(std::unique_ptr<io::File> file, const DatasetOptions& options,
                                                  std::uint64_t rows);
  virtual ~PartReader() = default;
  /// Rows [begin, begin + count) into `out`. Errors  corruption (a chunk fails its checksum), io
  virtual Result<void> read(std::uint64_t begin, std::uint64_t count, std::span<std::byte> out) = 0;
  /// Errors  corruption when there are no companions or they contradict each other
  virtual Result<AppendLog> read_log() = 0;
};

/// A dataset as h5py sees it: its parts, in order, by file name relative to the index.
struct VirtualDataset {
  std::string name;
  DatasetOptions options;
  Map attributes;
  struct Part {
    std::string file;
    std::uint64_t rows = 0;
  };
  std::vector<Part> parts;
};

/// Writes the index file: one virtual dataset for each, under its name. `file` is new and empty.
Result<void> write_virtual_index(io::File& file, std::span<const VirtualDataset> datasets);

}  // namespace strata::store::array
