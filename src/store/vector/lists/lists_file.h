#pragma once
/// Lists on disk: a derived file beside its segment.
///
///     blocks     centroids · their scales · their squares · begins · members · scales · squares · half codes
///     directory  version, root of the segment, sizes, where each block is
///
/// docs/formats/vector.md is the same for strangers.
#include "store/vector/index_file.h"
#include "store/vector/lists/lists.h"

namespace strata::store::vector {

/// Errors  io, resource_exhausted
Result<transaction::CheckpointFile> write_lists(io::FileSystem& files, const std::string& name,
                                                const IndexSubject& subject, const ListsData& lists);

/// Threads: any.
class ListsFile final : public IndexFile {
 public:
  /// Reads the directory alone. `file` is what a checkpoint says of it. Errors  not_found, corruption (also: another segment's), unsupported
  static Result<std::shared_ptr<ListsFile>> open(io::FileSystem& files, std::uint64_t number,
                                                 const transaction::CheckpointFile& file, const IndexSubject& subject);
  bool suits(const IndexOptions& index, const QuantizationOptions&) const override {
    return index.kind == IndexKind::ivf && view_.wanted == index.lists;
  }
  /// The lists, all of the file checked at the first call; nullptr when it is damaged. Cost  once a pass over the file
  const ListsView* lists() const { return sound() ? &view_ : nullptr; }

 private:
  using IndexFile::IndexFile;
  Result<void> read_directory(const IndexSubject& subject);
  bool holds_together() const override { return view_.holds_together(); }

  ListsView view_;
};

std::string lists_name(std::string_view directory, std::uint64_t number);  ///< "vector/000000000000002d.lists"

}  // namespace strata::store::vector
