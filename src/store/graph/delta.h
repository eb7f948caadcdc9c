#pragma once
/// What was committed since the last checkpoint: adjacency in memory, readable at once.
///
///     DeltaNode ─ versions   newest first: put or removed, each with its LSN
///               ─ out, in    links of edges that were added here, newest first, each with its LSN
///               ─ gone       edges at this node that were removed here, wherever they were added
///     DeltaEdge ─ versions   changes of properties and the removal; the edge itself may lie in an older layer
///
/// Nothing in it is ever changed or freed: a removal is an entry of its own, so a reader at any view finds its truth by
/// comparing LSNs, without a lock (append_only.h says how). A frozen delta is written out as a segment and dropped when
/// its last reader has gone.
#include <atomic>
#include <memory>
#include <span>

#include "store/graph/append_only.h"
#include "store/graph/names.h"
#include "store/graph/types.h"

namespace strata::store::graph {

struct NodeVersion {
  const NodeVersion* older;
  Lsn lsn;
  bool removed;
  ByteView record;  ///< record.h
};

struct EdgeVersion {
  const EdgeVersion* older;
  Lsn lsn;
  bool removed;
  ByteView properties;
};

struct DeltaLink {
  Link link;
  Lsn created;
};

/// The edge is not there from this LSN on.
struct Gone {
  EdgeId edge;
  Lsn lsn;
};

struct DeltaId {
  std::uint64_t hash;
  Number number;
  std::string_view text;
};

struct DeltaNode {
  std::uint64_t hash;
  Number number;
  std::atomic<const NodeVersion*> newest{nullptr};
  AppendList<DeltaLink> out{}, in{};
  AppendList<Gone> gone{};
};

struct DeltaEdge {
  std::uint64_t hash;
  EdgeId id;
  Number source, target;
  std::uint32_t type;
  Lsn created;  ///< 0: added in an older layer, only changed here
  ByteView properties;
  std::atomic<const EdgeVersion*> newest{nullptr};
};

struct Totals {
  Lsn lsn;
  std::uint64_t nodes, edges;  ///< visible at this LSN
};

/// Threads: one writer (apply), many readers. LSNs given to the writer ascend.
class Delta {
 public:
  /// first_number   of the next new id     indexes   how many of the store's indexes this delta maintains from its start
  Delta(Number first_number, std::size_t indexes) : first_number_(first_number), indexes_(indexes) {}

  // Writing.
  Number add_id(std::string_view text, std::uint64_t hash);
  void put_node(Lsn lsn, Number number, std::span<const NameId> labels, ByteView properties);
  void remove_node(Lsn lsn, Number number);
  void add_edge(Lsn lsn, EdgeId id, Number source, NameId type, Number target, ByteView properties);
  void change_edge(Lsn lsn, EdgeId id, Number source, NameId type, Number target, bool removed, ByteView properties);
  void add_posting(std::uint64_t index_hash, Number number);
  void set_indexes(std::size_t indexes) { indexes_.store(indexes, std::memory_order_release); }
  void set_totals(const Totals& totals);

  // Reading.
  const DeltaId* find_id(std::string_view text, std::uint64_t hash) const;
  Number first_number() const { return first_number_; }
  Number next_number() const { return first_number_ + static_cast<Number>(ids_.size()); }
  /// number in [first_number, next_number)
  std::string_view id(Number number) const { return ids_[number - first_number_]->text; }
  const DeltaNode* node(Number number) const {
    return nodes_.find(mix(number), [&](const DeltaNode& it) { return it.number == number; });
  }
  const DeltaEdge* edge(EdgeId id) const {
    return edges_.find(mix(id), [&](const DeltaEdge& it) { return it.id == id; });
  }
  /// Nodes that were put here with this label; some have lost it since, some appear twice.
  template <typename Body>
  void with_label(NameId label, Body&& body) const {
    postings(mix(label) | 1, body);
  }
  /// Nodes that were put here with the value of this hash; candidates, to be compared.
  template <typename Body>
  void with_value(std::uint64_t index_hash, Body&& body) const {
    postings(index_hash & ~1ULL, body);
  }
  std::size_t indexes() const { return indexes_.load(std::memory_order_acquire); }

  const StableArray<DeltaId*>& ids() const { return ids_; }
  const StableArray<DeltaNode*>& nodes() const { return all_nodes_; }
  const StableArray<DeltaEdge*>& edges() const { return all_edges_; }
  const AppendList<Totals>& totals() const { return totals_; }
  bool empty() const { return totals_.empty(); }
  Lsn first_lsn() const { return first_lsn_.load(std::memory_order_acquire); }  ///< 0 while empty
  std::uint64_t bytes() const { return arena_.bytes(); }

 private:
  struct Postings {
    std::uint64_t hash;
    AppendList<Number> numbers{};
  };
  DeltaNode& touch(Number number);
  Postings& postings_of(std::uint64_t hash);
  template <typename Body>
  void postings(std::uint64_t hash, Body&& body) const {
    const Postings* found = postings_.find(hash, [](const Postings&) { return true; });
    if (found == nullptr) return;
    found->numbers.newest_first([&](Number number) {
      body(number);
      return true;
    });
  }

  const Number first_number_;
  std::atomic<std::size_t> indexes_;
  std::atomic<Lsn> first_lsn_{0};
  Arena arena_;
  ReadTable<DeltaId> id_table_;
  ReadTable<DeltaNode> nodes_;
  ReadTable<DeltaEdge> edges_;
  ReadTable<Postings> postings_;  // labels have odd hashes, index values even ones
  StableArray<DeltaId*> ids_;
  StableArray<DeltaNode*> all_nodes_;
  StableArray<DeltaEdge*> all_edges_;
  AppendList<Totals> totals_;
};

}  // namespace strata::store::graph
