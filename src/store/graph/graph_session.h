#pragma once
/// The public contract over one transaction, the database or a view: checks arguments, asks a Reader, fills an Overlay.
#include "store/graph/traversal.h"
#include "store/graph/write_buffer.h"

namespace strata::store::graph {

/// Threads: as the session.
class GraphSession final : public strata::GraphStore {
 public:
  GraphSession(Store& store, transaction::Session& session) : store_(store), session_(session) {}

  Result<void> put_node(const Node& node) override;
  Result<bool> remove_node(std::string_view id, bool detach) override;
  Result<std::optional<Node>> node(std::string_view id, Locking locking) override;
  Result<std::vector<Node>> find_nodes(std::string_view label, std::string_view key, const Value& value,
                                       std::size_t limit, std::string_view after) override;
  Result<void> create_index(std::string_view label, std::string_view key) override;
  Result<EdgeId> add_edge(std::string_view source, std::string_view type, std::string_view target,
                          const Map& properties) override;
  Result<EdgeId> merge_edge(std::string_view source, std::string_view type, std::string_view target,
                            const Map& properties) override;
  Result<bool> remove_edge(EdgeId id) override;
  Result<std::optional<Edge>> edge(EdgeId id) override;
  Result<std::vector<Neighbour>> neighbours(std::string_view id, const TraversalOptions& options) override;
  Result<std::uint64_t> degree(std::string_view id, const TraversalOptions& options) override;
  Result<std::vector<Reached>> reach(std::string_view id, std::uint32_t hops_min, std::uint32_t hops_max,
                                     const TraversalOptions& options) override;
  Result<Path> shortest_path(std::string_view source, std::string_view target, std::uint32_t hops_max,
                             const TraversalOptions& options) override;
  Result<GraphCounts> counts() override;

 private:
  using Context = transaction::Context;
  Overlay& overlay(Context& tx);
  Reader reader(Context& tx) const;
  /// The number of an existing node. Errors  not_found naming it
  Result<Number> existing(Context& tx, const Reader& reader, std::string_view id) const;
  Result<EdgeId> add(Context& tx, const Reader& reader, Number source, std::string_view type, Number target,
                     const Map& properties);
  /// Locks an edge that is to be removed; none of this transaction's own.
  Result<void> note_removal(Context& tx, EdgeId id);
  static void note_edge(Context& tx, EdgeId id, bool found);
  void remove(Context& tx, EdgeId id);
  /// Notes that the answer depends on the edges at these nodes.
  static void note_adjacency(Context& tx, std::string_view id, Direction direction, std::span<const std::string> types);
  static void note_expanded(Context& tx, const Reader& reader, std::span<const Expanded> expanded,
                            std::span<const std::string> types);

  Store& store_;
  transaction::Session& session_;
};

}  // namespace strata::store::graph
