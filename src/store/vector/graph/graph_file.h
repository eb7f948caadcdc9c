#pragma once
/// A graph on disk, a derived file beside its segment (index_file.h).
///
///     blocks     ground · upper · upper_begins · upper_links · codes · what the quantizer learnt, each at a multiple of 64
///     directory  version, root of the segment, how it was made, sizes, where each block is
///
/// docs/formats/vector.md is the same for strangers.
#include <memory>
#include <string>

#include "store/vector/graph/graph.h"
#include "store/vector/index_file.h"

namespace strata::store::vector {

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
                                                const IndexSubject& subject, const GraphMaking& making,
                                                const GraphView& graph);

/// Threads: any.
class GraphFile final : public IndexFile {
 public:
  /// Reads the directory alone. `file` is what a checkpoint says of it. Errors  not_found, corruption (also: another segment's), unsupported
  static Result<std::shared_ptr<GraphFile>> open(io::FileSystem& files, std::uint64_t number,
                                                 const transaction::CheckpointFile& file, const IndexSubject& subject);

  const GraphMaking& making() const { return making_; }
  bool suits(const IndexOptions& index, const QuantizationOptions& quantization) const override {
    return index.kind == IndexKind::hnsw && making_.options.degree == index.m &&
           making_.options.effort == index.ef_construction && making_.wanted == quantization;
  }
  /// The graph, all of the file checked at the first call; nullptr when it is damaged. Cost  once a pass over the file
  const GraphView* graph() const { return sound() ? &view_ : nullptr; }

 private:
  using IndexFile::IndexFile;
  Result<void> read_directory(const IndexSubject& subject);
  bool holds_together() const override;

  GraphMaking making_;
  QuantizerShape shape_;
  ByteView trained_;
  mutable std::unique_ptr<const Quantizer> quantizer_;  // once it was checked
  mutable GraphView view_;
};

std::string graph_name(std::string_view directory, std::uint64_t number);  ///< "vector/000000000000002c.graph"

}  // namespace strata::store::vector
