#pragma once
/// The array store: every dataset, and how the journal's records and checkpoints reach it.
///
///     session append ─► ArrayBuffer (≤ 64 KiB: bytes in the record; more: a finished part file, the record names it)
///     commit ─► apply ─► Dataset: memory segment, or the part adopted                         readable at once
///     freeze ─► seal the memory segments        write_checkpoint ─► new parts, merged with small neighbours
///     installed ─► the new parts take the place of what they were made from; array/index.h5 shows them to h5py
///
/// A1  A part file is finished (synced, read back, renamed, its directory synced) before anything names it: a record for
///     large appends, the manifest for checkpoints.
/// A2  A file is removed only when neither the newest manifest nor a record after it names it, and no reader has it.
/// A3  Applying a record needs no file: what it names is looked at when it is read.
/// A4  A dataset's id and a file's number are never used twice.
/// A5  HDF5 is handed a file only after its whole content had the hash that the checkpoint or the record states.
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/mutex.h"
#include "io/file_system.h"
#include "store/array/checkpoint_state.h"
#include "store/array/compaction.h"
#include "store/array/dataset.h"
#include "transaction/participant.h"
#include "transaction/session.h"

namespace strata::store::array {

struct ArrayOptions {
  std::uint64_t inline_bytes_max = 64 << 10;  ///< an append up to this travels in the record
  std::size_t open_files_max = 16;            ///< HDF5 files held open for reading
  CompactionLimits compaction;
};

/// Threads: as Participant says; sessions from any.
class ArrayParticipant final : public transaction::Participant {
 public:
  explicit ArrayParticipant(io::FileSystem& files, const ArrayOptions& options = {});
  ~ArrayParticipant() override;

  /// The public contract in one transaction, database or view. Both must outlive it.
  std::unique_ptr<strata::ArrayStore> session(transaction::Session& session);

  // ---- what sessions need
  const ArrayOptions& options() const { return options_; }
  /// nullptr: there is none at this view.
  std::shared_ptr<Dataset> find_dataset(std::string_view name, Lsn view) const;
  std::vector<std::shared_ptr<Dataset>> datasets_at(Lsn view) const;
  /// Finishes a part file with these rows, to be named by a record.
  Result<FileReference> write_ahead(const DatasetOptions& options, std::uint64_t rows, ByteView data);
  std::shared_ptr<Part> written_part(const DatasetOptions& options, const FileReference& file, std::uint64_t rows);
  void remove_written(const FileReference& file);

  // ---- Participant
  StoreKind kind() const override { return StoreKind::array; }
  Result<void> open(const transaction::Checkpoint* last) override;
  Lsn applied_lsn() const override { return applied_.load(std::memory_order_acquire); }
  Result<void> apply(const transaction::Commit& commit, ByteView section) override;
  Result<void> recovered(Lsn lsn) override;
  Result<void> freeze(Lsn lsn) override;
  Result<transaction::Checkpoint> write_checkpoint(Lsn horizon) override;
  void abandoned() override;
  Result<void> installed(const transaction::Checkpoint& checkpoint) override;
  Result<Lsn> durable_lsn() override { return durable_.load(std::memory_order_acquire); }
  Result<std::vector<std::string>> written_ahead() override;
  Result<transaction::Summary> summarize(Lsn view) override;
  Result<std::vector<transaction::Damage>> verify() override;
  transaction::Statistics statistics() override;
  Result<void> close() override;

 private:
  /// What belongs to the checkpoint that can be written.
  struct Frozen {
    Lsn lsn = 0;
    std::uint64_t next_id = 1;
    std::vector<std::pair<std::shared_ptr<Dataset>, std::size_t>> datasets;  // and how many of its segments
  };
  /// What write_checkpoint made, until it is installed.
  struct Written {
    Lsn lsn = 0;
    std::vector<std::pair<std::shared_ptr<Dataset>, SegmentReplacement>> replacements;
    std::vector<std::shared_ptr<Dataset>> gone;  // dropped before every view
    std::vector<std::shared_ptr<Part>> fresh;    // new files
    Bytes state;
    bool has_virtual_index = false;
  };
  class Applier;

  std::vector<std::shared_ptr<Dataset>> all_datasets() const;
  Result<std::vector<std::string>> files_in_directory();
  Result<void> write_into(Written& written, transaction::Checkpoint& checkpoint, Lsn horizon);
  Result<SegmentReplacement> write_segments(Written& written, Dataset& dataset, std::size_t segments, Lsn horizon);
  Result<void> write_virtual_index_file(std::span<const VirtualDataset> datasets);
  Result<void> rewrite_virtual_index();

  const ArrayOptions options_;
  const std::shared_ptr<PartFiles> files_;
  std::atomic<Lsn> applied_{0};
  std::atomic<Lsn> durable_{0};

  mutable core::SharedMutex catalog_mutex_;
  /// By name, and for each name in order of creation: the dropped ones stay until no view can see them.
  std::map<std::string, std::vector<std::shared_ptr<Dataset>>, std::less<>> catalog_ STRATA_GUARDED_BY(catalog_mutex_);
  std::uint64_t next_id_ = 1;  // the apply thread's

  std::unique_ptr<Frozen> frozen_;  // the checkpoint thread's, from freeze on
  std::unique_ptr<Written> written_;
  Bytes installed_state_;
  /// New parts of checkpoints that were written and never installed. A manifest that names them may be on disk all the same
  /// (its sync failed after its renaming), so they stay until a later one is (A2).
  std::vector<std::shared_ptr<Part>> perhaps_named_;
};

}  // namespace strata::store::array
