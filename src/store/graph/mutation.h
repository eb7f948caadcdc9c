#pragma once
/// The graph's section of a journal record: what a transaction did, resolved.
///
///     names     labels, types, index keys: each text once, everything below refers to it by position
///     ids       node ids, likewise: an id is hashed once per transaction, however many edges it has
///     removed edges · removed nodes · put nodes · added edges · changed edges · created indexes      applied in this order
///
/// Effects are net: a node that was put twice appears once, an edge that was added and removed again not at all; a
/// detaching removal lists every edge it takes along. Node ids are text, because the number of a new id is only known
/// when it is applied; edge ids come from the store's counter when the edge is buffered. docs/formats/graph.md has the bytes.
#include <string_view>
#include <vector>

#include "core/codec.h"
#include "store/graph/types.h"
#include "strata/error.h"

namespace strata::store::graph {

/// Views into whatever was encoded or decoded. Threads: as a vector.
struct Mutation {
  struct PutNode {
    std::uint32_t id;                        ///< position in `ids`
    std::uint32_t labels_begin, labels_end;  ///< in `labels`
    ByteView properties;                     ///< an encoded Map; empty: none
  };
  struct AddEdge {
    EdgeId edge;
    std::uint32_t source, type, target;  ///< positions in `ids`, `names`, `ids`
    ByteView properties;
  };
  struct ChangeEdge {
    EdgeId edge;
    ByteView properties;
  };
  struct CreateIndex {
    std::uint32_t label, key;  ///< positions in `names`
  };
  std::vector<std::string_view> names;
  std::vector<std::string_view> ids;
  std::vector<EdgeId> removed_edges;
  std::vector<std::uint32_t> removed_nodes;
  std::vector<PutNode> put_nodes;
  std::vector<std::uint32_t> labels;  ///< positions in `names`
  std::vector<AddEdge> added_edges;
  std::vector<ChangeEdge> changed_edges;
  std::vector<CreateIndex> indexes;
};

void encode(const Mutation& mutation, core::Encoder& out);
/// The result points into `section`. Every position is in range, every length within the limits of the contract; lists of
/// edges ascend and no edge has two effects.
/// Errors  corruption, unsupported (written by a newer version)
Result<Mutation> decode_mutation(ByteView section);

}  // namespace strata::store::graph
