#pragma once
/// What one transaction wrote to the graph, and when that contradicts what others committed.
///
/// Keys that conflicts are found by (transaction/session.h):
///     node       content of a node       written by put and removal
///     existence  of a node               written by creation and removal; read by every new edge at it
///     edge       an edge's properties    written by merge and removal
///     merge      (source, type, target)  written by merge_edge: of two that would both create, one has to look again
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

enum class KeyKind : std::uint8_t { node = 1, existence, edge, merge };
transaction::KeyHash key_of_node(KeyKind kind, std::string_view id);
transaction::KeyHash key_of_edge(EdgeId id);
transaction::KeyHash key_of_merge(std::string_view source, std::string_view type, std::string_view target);

/// Threads: one at a time.
class WriteBuffer final : public transaction::WriteBuffer {
 public:
  explicit WriteBuffer(Store& store) : store_(store) {}

  Overlay& overlay() { return overlay_; }

  bool empty() const override;
  Result<void> validate(transaction::Context& context) override;
  void encode(core::Encoder& out) const override;
  void committed(const transaction::Commit&) override { leave(); }
  void aborted() override { leave(); }
  std::string describe(std::uint64_t key) const override;

 private:
  void leave();

  Store& store_;
  Overlay overlay_;
  PendingCommits::Ends pending_;
  bool entered_ = false;
};

}  // namespace strata::store::graph
