#pragma once
/// What one transaction wrote to the graph, and when that contradicts what others committed.
///
/// Keys that conflicts are found by (transaction/session.h):
///     node       content of a node       written by put and removal
///     existence  of a node               written by creation and removal; read by every new edge at it
///     edge       an edge's properties    written by merge and removal
///     edges near an id                   written by additions; read by who asks for an edge that is not there
///     merge      (source, type, target)  written by merge_edge: of two that would both create, one has to look again
///
/// and predicates, which only serializable transactions read (Context::note_scan):
///     nodes      with a label ("": any)                a node enters or leaves
///     value      of a property, under a label          a node enters or leaves
///     adjacency  of a node, by direction and type      an edge is added or removed
///     edges      all of them                           an edge is added or removed
///     match      (source, type, target)                an edge is added or removed
///
/// So edges at one hub commute with each other and with changes of its properties, and conflict with its removal:
///     removal commits first   the edge has read the existence key                     → the key check finds it
///     edge commits first      the removal wrote a key that no edge writes             → `validate` finds it, in the
///                             newest state and among the commits that are validated and not yet applied
/// `validate` checks both orders once more, whatever the isolation level: under read committed views move.
#include <string>

#include "store/graph/graph_store.h"
#include "store/graph/overlay.h"

namespace strata::store::graph {

enum class KeyKind : std::uint8_t { node = 1, existence, edge, merge, label, value, out, in, match, edges_near };
transaction::KeyHash key_of_node(KeyKind kind, std::string_view id);
transaction::KeyHash key_of_edge(EdgeId id);
/// Ids are given in order, so that one key of many edges costs an addition less than a key of each.
inline constexpr EdgeId kEdgesNear = 1'024;
transaction::KeyHash key_of_edges_near(EdgeId id);
transaction::KeyHash key_of_merge(std::string_view source, std::string_view type, std::string_view target);

transaction::KeyHash nodes_predicate(std::string_view label);
transaction::KeyHash value_predicate(std::string_view label, std::string_view key, const Value& value);
/// kind is KeyKind::out or in; type "": edges of every type.
transaction::KeyHash adjacency_predicate(KeyKind kind, std::string_view id, std::string_view type);
transaction::KeyHash match_predicate(std::string_view source, std::string_view type, std::string_view target);
inline constexpr transaction::KeyHash kEdgesPredicate = 0x6772617068'000001;

/// Threads: one at a time.
class WriteBuffer final : public transaction::WriteBuffer {
 public:
  explicit WriteBuffer(Store& store) : store_(store) {}

  Overlay& overlay() { return overlay_; }

  bool empty() const override;
  Result<void> prepare(transaction::Context& context) override;
  Result<void> validate(transaction::Context& context) override;
  void encode(core::Encoder& out) const override;
  void committed(const transaction::Commit&) override { leave(); }
  void aborted() override { leave(); }
  std::string describe(std::uint64_t key) const override;
  std::unique_ptr<Saved> save() override;
  void restore(const Saved& saved) override;
  Result<void> affects(transaction::Context& context, std::vector<std::uint64_t>& predicates) const override;

 private:
  void leave();

  Store& store_;
  Overlay overlay_;
  PendingCommits::Ends pending_;
  bool entered_ = false;
};

}  // namespace strata::store::graph
