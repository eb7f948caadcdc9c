#pragma once
/// The graph at one view: layers, and on top what the own transaction wrote.
///
/// Everything here works on numbers and links; texts are looked up at the door and translated back at the end. Damaged
/// blocks answer like empty ones: `check()` says, once, whether an answer can be believed.
#include <algorithm>
#include <memory>
#include <optional>

#include "store/graph/layers.h"
#include "store/graph/overlay.h"
#include "store/graph/record.h"

namespace strata::store::graph {

/// Which types of edges a traversal follows.
class TypeFilter {
 public:
  TypeFilter() = default;
  bool any() const { return any_; }
  bool matches(std::uint32_t type) const {
    return any_ || std::find(types_.begin(), types_.end(), type) != types_.end();
  }
  const std::vector<std::uint32_t>& types() const { return types_; }
  void restrict() { any_ = false; }
  void add(std::uint32_t type) {
    if (std::find(types_.begin(), types_.end(), type) == types_.end()) types_.push_back(type);
  }

 private:
  bool any_ = true;
  std::vector<std::uint32_t> types_;
};

/// Threads: one at a time; any number of readers at once.
class Reader {
 public:
  /// own   nullptr: committed state alone
  Reader(std::shared_ptr<const Layers> layers, const Names& names, Lsn view, const Overlay* own)
      : layers_(std::move(layers)), names_(names), view_(view), own_(own) {}

  Result<void> check() const { return damage_.check(); }
  Lsn view() const { return view_; }
  const Layers& layers() const { return *layers_; }
  const Overlay* own() const { return own_; }

  /// The number of an id that some transaction used, whether or not the node exists at this view.
  std::optional<Number> number(std::string_view id) const { return number(id, core::xxh3_64(id)); }
  std::optional<Number> number(std::string_view id, std::uint64_t hash) const;
  std::string_view id(Number number) const;
  std::string_view name(NameId name) const;
  TypeFilter filter(const std::vector<std::string>& types) const;
  /// All numbers are below this, but for lent ones.
  Number next_number() const { return layers_->deltas.front()->next_number(); }

  bool exists(Number number) const;
  /// The committed record (record.h) at this view, whatever the own transaction did; nullopt: no such node.
  std::optional<ByteView> record(Number number) const;
  /// The node as this transaction sees it.
  std::optional<Node> node(Number number) const;

  struct EdgeView {
    Number source, target;
    NameId type;
    ByteView properties;  ///< encoded; of an own edge or change see own_properties
    const Map* own_properties = nullptr;
    Map decoded() const { return own_properties ? *own_properties : decode_properties(properties); }
  };
  std::optional<EdgeView> edge(EdgeId id) const;
  /// Whether a layer holds the addition of this edge, at whatever view.
  bool was_added(EdgeId id) const;

  /// Calls `body(link, direction)` for each edge at a node, in no particular order. With `both` a self-loop comes once,
  /// as outgoing.
  template <typename Body>
  void each_link(Number number, Direction direction, const TypeFilter& filter, Body&& body) const;
  /// Whether an edge at this node was committed after `view` and is not removed by `own`.
  bool linked_after(Number number, Lsn view) const;
  /// At least the number of links; cheap.
  std::uint64_t links_at_most(Number number, Direction direction) const;

  /// Numbers of nodes that may have the label ("" any), or the value under an index; unsorted, some twice, some not.
  std::vector<Number> candidates(std::string_view label) const;
  std::vector<Number> candidates(std::string_view label, std::string_view key, const Value& value) const;
  bool indexed(std::string_view label, std::string_view key) const;

  GraphCounts counts() const;

 private:
  template <typename Body>
  void links_of_delta(const DeltaNode& node, Direction direction, const TypeFilter& filter, Body&& body) const;
  bool created_in_view(const Segment& segment, EdgeId edge) const {
    if (segment.last_lsn() <= view_) return true;
    const EdgeRow* row = segment.edge(edge, damage_);
    return row != nullptr && row->created <= view_;
  }
  const IndexDefinition* index(std::string_view label, std::string_view key, std::size_t& position) const;

  const std::shared_ptr<const Layers> layers_;
  const Names& names_;
  const Lsn view_;
  const Overlay* const own_;
  mutable DamageNote damage_;
};

template <typename Body>
void Reader::each_link(Number number, Direction direction, const TypeFilter& filter, Body&& body) const {
  const bool with_out = direction != Direction::in, with_in = direction != Direction::out;
  std::vector<EdgeId> gone;  // ascending; an edge is removed in its own layer or a newer one, so one pass is enough
  const auto visit = [&](const Link& link, Direction at) {
    if (at == Direction::in && with_out && link.neighbour == number) return;  // the loop came as outgoing
    if (!gone.empty() && std::binary_search(gone.begin(), gone.end(), link.edge)) return;
    if (own_ != nullptr && !own_->removed.empty() && own_->removed.contains(link.edge)) return;
    body(link, at);
  };
  if (own_ != nullptr) {
    const auto own_links = [&](const auto& links, Direction at) {
      const auto found = links.find(number);
      if (found == links.end()) return;
      for (const Link& link : found->second) {
        if (filter.matches(link.type)) visit(link, at);
      }
    };
    if (with_out) own_links(own_->out, Direction::out);
    if (with_in) own_links(own_->in, Direction::in);
  }
  if (number >= kFirstLent) return;
  for (const auto& delta : layers_->deltas) {
    const DeltaNode* node = delta->node(number);
    if (node == nullptr) continue;
    if (!node->gone.empty()) {
      node->gone.newest_first([&](const Gone& it) {
        if (it.lsn <= view_) gone.push_back(it.edge);
        return true;
      });
      std::sort(gone.begin(), gone.end());
    }
    const auto walk = [&](const AppendList<DeltaLink>& links, Direction at) {
      links.newest_first([&](const DeltaLink& it) {
        if (it.created <= view_ && filter.matches(it.link.type)) visit(it.link, at);
        return true;
      });
    };
    if (with_out) walk(node->out, Direction::out);
    if (with_in) walk(node->in, Direction::in);
  }
  for (const auto& segment : layers_->segments) {
    const auto position = segment->position(number, damage_);
    if (!position) continue;
    const NodeEntry* node = segment->node(*position, damage_);
    if (node == nullptr) return;
    if (node[0].gone != node[1].gone) {
      for (const GoneRow& it : segment->gone(node, damage_)) {
        if (it.lsn <= view_) gone.push_back(it.edge);
      }
      std::sort(gone.begin(), gone.end());
    }
    const bool all_in_view = segment->last_lsn() <= view_;
    const auto walk = [&](std::span<const Link> links, Direction at) {
      for (const Link& link : links) {
        if (all_in_view || created_in_view(*segment, link.edge)) visit(link, at);
      }
    };
    const auto walk_types = [&](std::span<const Link> links, Direction at) {
      if (filter.any()) return walk(links, at);
      for (const std::uint32_t type : filter.types()) {  // links of one type lie together
        const auto by_type = [](const Link& a, const Link& b) { return a.type < b.type; };
        const auto range = std::equal_range(links.begin(), links.end(), Link{0, 0, type}, by_type);
        walk({range.first, range.second}, at);
      }
    };
    if (with_out) walk_types(segment->out(node, damage_), Direction::out);
    if (with_in) walk_types(segment->in(node, damage_), Direction::in);
  }
}

}  // namespace strata::store::graph
