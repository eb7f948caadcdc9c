#pragma once
/// A graph on disk: a derived file beside its segment, made after it and told apart by the segment's root. It may be missing or
/// damaged at any time: the segment is then searched exactly, and the graph is made anew.
///
///     blocks     ground · upper · upper_begins · upper_links · codes · what the quantizer learnt, each at a multiple of 64
///     directory  version, root of the segment, how it was made, sizes, where each block is
///
/// in the frame of paged_file.h; docs/formats/vector.md is the same for strangers.
#include <atomic>
#include <memory>
#include <string>

#include "core/mutex.h"
#include "store/vector/graph/graph.h"
#include "store/vector/paged_file.h"

namespace strata::store::vector {

/// Which rows a graph is about.
struct GraphSubject {
  std::uint64_t root = 0;  ///< of the segment
  Row rows = 0;
  QuantizerShape shape = {};
};

/// How a graph was made.
struct GraphMaking {
  GraphOptions options = {};
  QuantizationOptions wanted = {};
  QuantizationOptions chosen = {};  ///< the same, resolved, or what automatic chose
  std::uint32_t code_bytes = 0;     ///< of a row
  float recall = -1;                ///< measured when it was made, as graph_codes.h says; negative: not
};

/// Errors  io, resource_exhausted
Result<transaction::CheckpointFile> write_graph(io::FileSystem& files, const std::string& name,
                                                const GraphSubject& subject, const GraphMaking& making,
                                                const GraphView& graph);

/// Threads: any.
class GraphFile {
 public:
  /// Reads the directory alone. `file` is what a checkpoint says of it. Errors  not_found, corruption (also: another segment's), unsupported
  static Result<std::shared_ptr<GraphFile>> open(io::FileSystem& files, std::uint64_t number,
                                                 const transaction::CheckpointFile& file, const GraphSubject& subject);

  std::uint64_t number() const { return number_; }
  std::uint64_t root() const { return root_; }
  const transaction::CheckpointFile& file() const { return file_; }
  const GraphMaking& making() const { return making_; }
  /// Whether it was made as these say.
  bool suits(const IndexOptions& index, const QuantizationOptions& quantization) const {
    return making_.options.degree == index.m && making_.options.effort == index.ef_construction &&
           making_.wanted == quantization;
  }
  /// The graph, all of it checked at the first call; nullptr when it is damaged. Cost  once a pass over the file
  const GraphView* graph() const;
  bool damaged() const { return state_.load(std::memory_order_relaxed) == State::damaged; }
  /// Reads and checks every page.
  std::vector<transaction::Damage> verify() const;

 private:
  enum class State : std::uint8_t { unknown, good, damaged };
  GraphFile(std::uint64_t number, const transaction::CheckpointFile& file, std::unique_ptr<io::Mapping> mapping)
      : number_(number), file_(file), mapping_(std::move(mapping)) {}
  Result<void> read_directory(const GraphSubject& subject);
  bool sound() const;

  const std::uint64_t number_;
  const transaction::CheckpointFile file_;
  const std::unique_ptr<io::Mapping> mapping_;
  std::uint64_t root_ = 0;
  Pages pages_;
  GraphMaking making_;
  QuantizerShape shape_;
  ByteView trained_;
  mutable std::unique_ptr<const Quantizer> quantizer_;  // once it was checked
  mutable GraphView view_;
  mutable std::atomic<State> state_{State::unknown};
  mutable core::Mutex check_mutex_;
};

std::string graph_name(std::string_view directory, std::uint64_t number);  ///< "vector/000000000000002c.graph"

}  // namespace strata::store::vector
