#pragma once
/// A part: rows in an immutable HDF5 file, and beside it the index of its appends.
///
///     array/000017.h5     rows, companions        written once, verified, renamed into place, never changed
///     array/000017.idx    append index            derived; absent for the one append of a large array (its key is in
///                                                 the checkpoint state: the file was finished before the LSN was known)
///
/// Opening is lazy: a Part knows from the checkpoint what it is, and touches its file on the first read. Then the whole file
/// is hashed against the checkpoint once, and only what passes is given to HDF5, which is not fit for damaged files.
/// Removal is lazy too: a part that was merged away removes its files when its last reader is done.
#include <atomic>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "core/mutex.h"
#include "io/file_system.h"
#include "store/array/hdf5_file.h"
#include "store/array/mutation.h"
#include "store/array/segment.h"
#include "transaction/participant.h"

namespace strata::store::array {

inline constexpr std::string_view kDirectory = "array";
inline constexpr std::string_view kVirtualIndex = "array/index.h5";
std::string rows_file_name(std::uint64_t number);   ///< "array/000017.h5"
std::string index_file_name(std::uint64_t number);  ///< "array/000017.idx"

/// What the checkpoint state says of a part.
struct PartDescription {
  FileReference file;
  std::uint64_t rows = 0;
  Lsn first_lsn = 0, last_lsn = 0;
  std::optional<FileReference> index;  ///< absent: one append, under `key`
  std::string key;
};

class Part;

/// Where parts live: the disk, the numbers, and the few readers that are open. Threads: any.
class PartFiles {
 public:
  PartFiles(io::FileSystem& files, std::size_t open_max) : files_(files), open_max_(open_max) {}

  io::FileSystem& files() { return files_; }
  std::uint64_t take_number() { return next_number_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t next_number() const { return next_number_.load(std::memory_order_relaxed); }
  void number_used(std::uint64_t number);  ///< never given out again
  Result<void> make_directory();

  /// Writes a part file and its index when there is a log, all the way to disk. On error nothing is left behind.
  /// source   gives rows [begin, begin + count) into a buffer
  using RowSource = std::function<Result<void>(std::uint64_t begin, std::uint64_t count, std::span<std::byte> out)>;
  Result<PartDescription> write(const DatasetOptions& options, std::uint64_t rows, const AppendLog* log,
                                const RowSource& source);
  void remove(const PartDescription& part);  ///< best effort: a leftover is found again by recovery

  /// The open reader of a part, opened now if need be; the one not used for the longest time goes.
  Result<std::shared_ptr<PartReader>> reader(Part& part);
  void forget(const Part* part);
  std::size_t open_readers();

 private:
  Result<FileReference> write_rows(std::uint64_t number, const DatasetOptions& options, std::uint64_t rows,
                                   const AppendLog* log, const RowSource& source);

  io::FileSystem& files_;
  const std::size_t open_max_;
  std::atomic<std::uint64_t> next_number_{1};
  std::atomic<bool> directory_made_{false};
  core::Mutex mutex_;
  std::list<std::pair<const Part*, std::shared_ptr<PartReader>>> open_ STRATA_GUARDED_BY(mutex_);  // last used first
};

/// Threads: any.
class Part final : public Segment {
 public:
  Part(std::shared_ptr<PartFiles> files, const DatasetOptions& options, PartDescription description)
      : files_(std::move(files)), options_(options), description_(std::move(description)) {}
  ~Part() override;

  const PartDescription& description() const { return description_; }
  const DatasetOptions& options() const { return options_; }
  void remove_when_unused() { doomed_.store(true, std::memory_order_release); }
  /// Opens the file. Errors  corruption naming it, when its content is not what the checkpoint says
  Result<std::unique_ptr<PartReader>> open_reader();
  /// Reads every byte. Damage of the index is repaired by itself.
  Result<void> verify(std::vector<transaction::Damage>& damage);

  bool in_memory() const override { return false; }
  std::uint64_t rows() const override { return description_.rows; }
  std::uint64_t log_bytes() const override { return description_.index ? description_.index->bytes : 0; }
  Lsn first_lsn() const override { return description_.first_lsn; }
  Lsn last_lsn() const override { return description_.last_lsn; }
  Result<std::uint64_t> rows_at(Lsn view) override;
  Result<void> read(std::uint64_t begin, std::uint64_t count, std::span<std::byte> out) override;
  Result<std::vector<Append>> find(std::string_view key, Lsn view) override;
  Result<AppendLog> log() override;
  Result<void> visit_appends(const AppendVisitor& visit) override;

 private:
  /// Bytes of the append index: mapped, or computed anew when the file is damaged.
  struct LoadedIndex {
    std::unique_ptr<io::Mapping> mapping;
    Bytes bytes;
    std::optional<AppendIndex> index;
  };
  Result<const AppendIndex*> index() STRATA_EXCLUDES(mutex_);
  Result<LoadedIndex> load_index();

  const std::shared_ptr<PartFiles> files_;
  const DatasetOptions options_;
  const PartDescription description_;
  std::atomic<bool> doomed_{false};
  std::atomic<bool> verified_{false};  // the file's hash was checked
  core::Mutex mutex_;
  LoadedIndex loaded_ STRATA_GUARDED_BY(mutex_);
  std::atomic<const AppendIndex*> index_{nullptr};  // into loaded_, which is set once
};

}  // namespace strata::store::array
