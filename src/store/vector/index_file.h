#pragma once
/// A derived file beside its segment that says where to look: a graph (graph/graph_file.h) or lists (lists/lists_file.h), in the frame of
/// paged_file.h. It is made after its segment, told apart by the segment's root, and believed only after all of it was checked. It may be
/// missing, late or damaged at any time: the segment is then scanned, and the file is made anew.
#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/mutex.h"
#include "store/vector/paged_file.h"
#include "store/vector/part.h"
#include "store/vector/quantization/quantizer.h"

namespace strata::store::vector {

/// Which rows such a file is about.
struct IndexSubject {
  std::uint64_t root = 0;  ///< of the segment
  Row rows = 0;
  QuantizerShape shape = {};
};

/// Threads: any, once it is open.
class IndexFile {
 public:
  virtual ~IndexFile() = default;
  std::uint64_t number() const { return number_; }
  std::uint64_t root() const { return root_; }
  const transaction::CheckpointFile& file() const { return file_; }
  /// Whether all of it is as it was written and holds together: checked at the first call. Cost  once a pass over the file
  bool sound() const;
  bool damaged() const { return state_.load(std::memory_order_relaxed) == State::damaged; }
  /// Whether it was made as these say.
  virtual bool suits(const IndexOptions& index, const QuantizationOptions& quantization) const = 0;
  /// Reads and checks every page.
  std::vector<transaction::Damage> verify() const;

 protected:
  /// `what` is for messages ("vector graph").
  IndexFile(std::string_view what, std::uint64_t number, const transaction::CheckpointFile& file,
            std::unique_ptr<io::Mapping> mapping)
      : what_(what), number_(number), file_(file), mapping_(std::move(mapping)) {}

  /// Where its blocks lie.
  struct Place {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
  };
  /// The directory, whose fields may be read; root() is known then. Errors  corruption
  Result<PagedDirectory> open_directory(std::string_view trailer);
  /// Errors  corruption: of another segment, or a block outside of the data
  Result<void> check_subject(const IndexSubject& said, const IndexSubject& subject) const;
  Result<void> check_places(std::span<const Place> places, std::uint64_t data_end) const;
  /// What stands behind the fields. Errors  corruption
  Result<void> take_pages(const PagedDirectory& directory, std::size_t fields);
  ByteView bytes() const { return mapping_->bytes(); }
  const std::byte* at(const Place& place) const { return mapping_->bytes().data() + place.offset; }
  Error corrupt(std::string_view why) const;

  /// Whether what intact pages say can be followed anywhere it leads.
  virtual bool holds_together() const = 0;

 private:
  enum class State : std::uint8_t { unknown, good, damaged };
  const std::string what_;
  const std::uint64_t number_;
  const transaction::CheckpointFile file_;
  const std::unique_ptr<io::Mapping> mapping_;
  std::uint64_t root_ = 0;
  Pages pages_;
  mutable std::atomic<State> state_{State::unknown};
  mutable core::Mutex check_mutex_;
};

}  // namespace strata::store::vector
