#include "store/graph/graph_session.h"

#include <algorithm>

#include "core/nesting.h"

namespace strata::store::graph {
namespace {

constexpr std::uint32_t kHopsMax = 1'000'000;
/// What an effect costs in memory and in the record beyond its own bytes; generous.
constexpr std::uint64_t kEffectBytes = 64;
/// A traversal over more nodes than this depends on every edge of the graph instead.
constexpr std::size_t kExpandedMax = 10'000;

Error invalid(std::string message) { return Error(ErrorCode::invalid_argument, std::move(message)); }

/// The beginning of a text that may be a megabyte.
std::string shown(std::string_view text) {
  return text.size() <= 80 ? std::string(text) : std::string(text.substr(0, 80)) + "…";
}

Result<void> check_id(std::string_view id) {
  if (!id.empty() && id.size() <= kIdBytesMax) return {};
  return invalid("a node's id has 1 to 1,024 bytes, this one has " + std::to_string(id.size()) + ": \"" + shown(id) +
                 "\"");
}

Result<void> check_name(std::string_view what, std::string_view name) {
  if (!name.empty() && name.size() <= kNameBytesMax) return {};
  return invalid(std::string(what) + " has 1 to 255 bytes, this one has " + std::to_string(name.size()) + ": \"" +
                 shown(name) + "\"");
}

/// Returns the encoded size.
Result<std::uint64_t> check_properties(const Map& properties) {
  if (properties.empty()) return std::uint64_t{0};
  if (!core::nests_within(properties)) {
    return invalid("properties nest at most " + std::to_string(core::kNestingMax) + " deep");
  }
  const std::uint64_t size = encode_properties(properties).size();
  if (size <= kPropertiesBytesMax) return size;
  return invalid("properties take at most 1,048,576 bytes, these take " + std::to_string(size));
}

Result<void> check_options(const TraversalOptions& options) {
  if (options.limit < 1 || options.limit > kResultsMax) {
    return invalid("limit is 1 to 1,000,000, not " + std::to_string(options.limit));
  }
  return {};
}

/// The `limit` smallest of the items, ascending.
template <typename Items, typename Less>
void keep_smallest(Items& items, std::size_t limit, Less&& less) {
  if (items.size() > limit) {
    std::nth_element(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(limit), items.end(), less);
    items.resize(limit);
  }
  std::sort(items.begin(), items.end(), less);
}

}  // namespace

Overlay& GraphSession::overlay(Context& tx) {
  return tx.buffer<WriteBuffer>(StoreKind::graph, [&] { return std::make_unique<WriteBuffer>(store_); }).overlay();
}

Reader GraphSession::reader(Context& tx) const {
  auto* buffer = tx.buffer_if_any<WriteBuffer>(StoreKind::graph);
  return store_.reader(tx.view_lsn(), buffer ? &buffer->overlay() : nullptr);
}

Result<Number> GraphSession::existing(Context& tx, const Reader& reader, std::string_view id) const {
  STRATA_TRY(check_id(id));
  tx.note_read(StoreKind::graph, key_of_node(KeyKind::existence, id));
  const auto number = reader.number(id);
  if (number && reader.exists(*number)) return *number;
  STRATA_TRY(reader.check());
  return Error(ErrorCode::not_found, "no such node: \"" + std::string(id) + "\"");
}

void GraphSession::note_adjacency(Context& tx, std::string_view id, Direction direction,
                                  std::span<const std::string> types) {
  if (!tx.tracks_scans()) return;
  for (const KeyKind kind : {KeyKind::out, KeyKind::in}) {
    if (direction == (kind == KeyKind::out ? Direction::in : Direction::out)) continue;
    if (types.empty()) tx.note_scan(StoreKind::graph, adjacency_predicate(kind, id, ""));
    for (const std::string& type : types) tx.note_scan(StoreKind::graph, adjacency_predicate(kind, id, type));
  }
}

void GraphSession::note_expanded(Context& tx, const Reader& reader, std::span<const Expanded> expanded,
                                 std::span<const std::string> types) {
  if (expanded.size() > kExpandedMax) return tx.note_scan(StoreKind::graph, kEdgesPredicate);
  for (const Expanded& each : expanded) note_adjacency(tx, reader.id(each.number), each.direction, types);
}

void GraphSession::note_edge(Context& tx, EdgeId id, bool found) {
  tx.note_read(StoreKind::graph, key_of_edge(id));
  if (!found) tx.note_read(StoreKind::graph, key_of_edges_near(id));
}

Result<void> GraphSession::put_node(const Node& node) {
  return session_.write([&](Context& tx) -> Result<void> {
    STRATA_TRY(check_id(node.id));
    if (node.labels.size() > kLabelsMax) {
      return invalid("a node has at most 1,000 labels, this one has " + std::to_string(node.labels.size()));
    }
    std::uint64_t bytes = kEffectBytes + node.id.size() + STRATA_TRY(check_properties(node.properties));
    for (const std::string& label : node.labels) {
      STRATA_TRY(check_name("a label", label));
      bytes += label.size() + 1;
    }
    STRATA_TRY(tx.note_write(StoreKind::graph, key_of_node(KeyKind::node, node.id)));
    STRATA_TRY(tx.charge(bytes));

    Overlay& own = overlay(tx);
    const Reader now = reader(tx);
    const auto known = now.number(node.id);
    const bool exists = known && now.exists(*known);
    STRATA_TRY(now.check());
    const Number number = known ? *known : own.lend_number(node.id);
    own.ids.try_emplace(number, node.id);
    auto labels = node.labels;
    std::sort(labels.begin(), labels.end());
    labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
    own.nodes.insert_or_assign(number, Overlay::OwnNode{false, std::move(labels), node.properties});
    if (!exists) {
      tx.note_claim(StoreKind::graph, key_of_node(KeyKind::existence, node.id));  // the node's lock is enough
      ++own.nodes_more;
    }
    return {};
  });
}

Result<bool> GraphSession::remove_node(std::string_view id, bool detach) {
  return session_.write([&](Context& tx) -> Result<bool> {
    STRATA_TRY(check_id(id));
    const Reader before = reader(tx);
    const auto number = before.number(id);
    tx.note_read(StoreKind::graph, key_of_node(KeyKind::existence, id));
    if (!number || !before.exists(*number)) {
      STRATA_TRY(before.check());
      return false;
    }
    note_adjacency(tx, id, Direction::both, {});
    std::vector<EdgeId> edges;
    before.each_link(*number, Direction::both, TypeFilter(),
                     [&](const Link& link, Direction) { edges.push_back(link.edge); });
    STRATA_TRY(before.check());
    if (!edges.empty() && !detach) {
      return Error(ErrorCode::failed_precondition, "the node has edges; remove them first, or detach: \"" +
                                                       std::string(id) + "\" has " + std::to_string(edges.size()));
    }
    STRATA_TRY(tx.note_write(StoreKind::graph, key_of_node(KeyKind::node, id)));
    for (const EdgeId edge : edges) STRATA_TRY(note_removal(tx, edge));
    tx.note_claim(StoreKind::graph, key_of_node(KeyKind::existence, id));
    STRATA_TRY(tx.charge(kEffectBytes + id.size() + 16 * edges.size()));
    Overlay& own = overlay(tx);
    const Reader now = reader(tx);
    for (const EdgeId edge : edges) remove(tx, edge);
    own.ids.try_emplace(*number, id);
    if (now.record(*number)) {
      own.nodes.insert_or_assign(*number, Overlay::OwnNode{true, {}, {}});
      own.removals.push_back({*number, tx.view_lsn()});
    } else {
      own.nodes.erase(*number);  // nobody else ever saw it
    }
    own.ends.erase(*number);  // with its last own edge
    --own.nodes_more;
    return true;
  });
}

Result<std::optional<Node>> GraphSession::node(std::string_view id, Locking locking) {
  return session_.read([&](Context& tx) -> Result<std::optional<Node>> {
    STRATA_TRY(check_id(id));
    const auto key = key_of_node(KeyKind::node, id);
    if (locking == Locking::for_update) STRATA_TRY(tx.lock_for_update(StoreKind::graph, key));
    tx.note_read(StoreKind::graph, key);
    const Reader now = reader(tx);
    const auto number = now.number(id);
    std::optional<Node> found;
    if (number) found = now.node(*number);
    STRATA_TRY(now.check());
    return found;
  });
}

Result<std::vector<Node>> GraphSession::find_nodes(std::string_view label, std::string_view key, const Value& value,
                                                   std::size_t limit, std::string_view after) {
  return session_.read([&](Context& tx) -> Result<std::vector<Node>> {
    if (!label.empty()) STRATA_TRY(check_name("a label", label));
    if (!key.empty()) STRATA_TRY(check_name("a property's key", key));
    if (limit < 1 || limit > kResultsMax) return invalid("limit is 1 to 1,000,000, not " + std::to_string(limit));
    if (tx.tracks_scans()) {
      tx.note_scan(StoreKind::graph, key.empty() ? nodes_predicate(label) : value_predicate(label, key, value));
    }
    const Reader now = reader(tx);
    std::vector<Number> candidates = key.empty() ? now.candidates(label) : now.candidates(label, key, value);
    if (now.own() != nullptr) {
      for (const auto& [number, node] : now.own()->nodes) candidates.push_back(number);
    }
    std::sort(candidates.begin(), candidates.end());
    candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());

    const auto known_label = store_.names().find(label);
    std::vector<std::pair<std::string_view, Number>> found;
    for (const Number number : candidates) {
      const std::string_view id = now.id(number);
      if (id <= after) continue;
      const Overlay::OwnNode* own = nullptr;
      if (now.own() != nullptr) {
        const auto it = now.own()->nodes.find(number);
        if (it != now.own()->nodes.end()) own = &it->second;
      }
      if (own != nullptr) {
        if (own->removed) continue;
        if (!label.empty() && !std::binary_search(own->labels.begin(), own->labels.end(), label)) continue;
        const Value* stored = key.empty() ? nullptr : own->properties.find(key);
        if (!key.empty() && (stored == nullptr || !(*stored == value))) continue;
      } else {
        const auto record = now.record(number);
        if (!record || (!label.empty() && (!known_label || !record_has_label(*record, *known_label)))) continue;
        if (!key.empty()) {
          const Map properties = decode_properties(record_properties(*record));
          const Value* stored = properties.find(key);
          if (stored == nullptr || !(*stored == value)) continue;
        }
      }
      found.emplace_back(id, number);
    }
    keep_smallest(found, limit, [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<Node> out;
    out.reserve(found.size());
    for (const auto& [id, number] : found) {
      tx.note_read(StoreKind::graph, key_of_node(KeyKind::node, id));
      if (auto node = now.node(number)) out.push_back(std::move(*node));
    }
    STRATA_TRY(now.check());
    return out;
  });
}

Result<void> GraphSession::create_index(std::string_view label, std::string_view key) {
  return session_.write([&](Context& tx) -> Result<void> {
    if (!label.empty()) STRATA_TRY(check_name("a label", label));
    STRATA_TRY(check_name("a property's key", key));
    if (reader(tx).indexed(label, key)) return {};
    STRATA_TRY(tx.charge(kEffectBytes + label.size() + key.size()));
    auto& indexes = overlay(tx).indexes;
    const std::pair<std::string, std::string> wanted(label, key);
    if (std::find(indexes.begin(), indexes.end(), wanted) == indexes.end()) indexes.push_back(wanted);
    return {};
  });
}

Result<EdgeId> GraphSession::add(Context& tx, const Reader& reader, Number source, std::string_view type, Number target,
                                 const Map& properties) {
  const std::uint64_t bytes = kEffectBytes + type.size() + STRATA_TRY(check_properties(properties));
  STRATA_TRY(tx.charge(bytes));
  Overlay& own = overlay(tx);
  for (const Number end : {source, target}) {
    if (!own.ends.insert(end).second) continue;
    const auto [id, fresh] = own.ids.try_emplace(end);
    if (fresh) id->second = reader.id(end);
    tx.note_dependency(StoreKind::graph, key_of_node(KeyKind::existence, id->second));
  }
  const auto known = store_.names().find(type);
  const NameId type_id = known ? *known : own.lend_name(type);
  const EdgeId id = store_.next_edge_id();
  own.added.emplace_hint(own.added.end(), id, Overlay::OwnEdge{source, target, type_id, properties});
  own.out[source].push_back({id, target, type_id});
  own.in[target].push_back({id, source, type_id});
  ++own.edges_more;
  return id;
}

Result<EdgeId> GraphSession::add_edge(std::string_view source, std::string_view type, std::string_view target,
                                      const Map& properties) {
  return session_.write([&](Context& tx) -> Result<EdgeId> {
    STRATA_TRY(check_name("an edge's type", type));
    const Reader now = reader(tx);
    const Number from = STRATA_TRY(existing(tx, now, source));
    const Number to = STRATA_TRY(existing(tx, now, target));
    return add(tx, now, from, type, to, properties);
  });
}

Result<EdgeId> GraphSession::merge_edge(std::string_view source, std::string_view type, std::string_view target,
                                        const Map& properties) {
  return session_.write([&](Context& tx) -> Result<EdgeId> {
    STRATA_TRY(check_name("an edge's type", type));
    const Reader now = reader(tx);
    const Number from = STRATA_TRY(existing(tx, now, source));
    const Number to = STRATA_TRY(existing(tx, now, target));
    STRATA_TRY(tx.note_write(StoreKind::graph, key_of_merge(source, type, target)));
    if (tx.tracks_scans()) tx.note_scan(StoreKind::graph, match_predicate(source, type, target));
    // From the end with fewer edges, as the other may be a hub.
    EdgeId found = 0;
    const auto match = [&](Number wanted) {
      return [&found, wanted](const Link& link, Direction) {
        if (link.neighbour == wanted && (found == 0 || link.edge < found)) found = link.edge;
      };
    };
    const TypeFilter filter = now.filter({std::string(type)});
    if (now.links_at_most(from, Direction::out) <= now.links_at_most(to, Direction::in)) {
      now.each_link(from, Direction::out, filter, match(to));
    } else {
      now.each_link(to, Direction::in, filter, match(from));
    }
    STRATA_TRY(now.check());
    if (found == 0) return add(tx, now, from, type, to, properties);

    Overlay& own = overlay(tx);
    const auto added = own.added.find(found);
    note_edge(tx, found, true);
    if (added == own.added.end()) STRATA_TRY(tx.note_write(StoreKind::graph, key_of_edge(found)));
    STRATA_TRY(tx.charge(kEffectBytes + STRATA_TRY(check_properties(properties))));
    if (added != own.added.end()) {
      added->second.properties = properties;
    } else {
      own.changed.insert_or_assign(found, properties);
    }
    return found;
  });
}

Result<void> GraphSession::note_removal(Context& tx, EdgeId id) {
  if (overlay(tx).added.contains(id)) return {};
  return tx.note_write(StoreKind::graph, key_of_edge(id));
}

void GraphSession::remove(Context& tx, EdgeId id) {
  Overlay& own = overlay(tx);
  const auto added = own.added.find(id);
  if (added != own.added.end()) {
    const auto drop = [&](std::vector<Link>& links) {
      std::erase_if(links, [&](const Link& link) { return link.edge == id; });
    };
    drop(own.out[added->second.source]);
    drop(own.in[added->second.target]);
    own.added.erase(added);
  } else {
    own.removed.insert(id);
    own.changed.erase(id);
  }
  --own.edges_more;
}

Result<bool> GraphSession::remove_edge(EdgeId id) {
  return session_.write([&](Context& tx) -> Result<bool> {
    const Reader before = reader(tx);
    const bool exists = before.edge(id).has_value();
    STRATA_TRY(before.check());
    note_edge(tx, id, exists);
    if (!exists) return false;
    STRATA_TRY(note_removal(tx, id));
    STRATA_TRY(tx.charge(kEffectBytes));
    remove(tx, id);
    return true;
  });
}

Result<std::optional<Edge>> GraphSession::edge(EdgeId id) {
  return session_.read([&](Context& tx) -> Result<std::optional<Edge>> {
    const Reader now = reader(tx);
    const auto found = now.edge(id);
    note_edge(tx, id, found.has_value());
    std::optional<Edge> out;
    if (found) {
      out = Edge{id, std::string(now.id(found->source)), std::string(now.id(found->target)),
                 std::string(now.name(found->type)), found->decoded()};
    }
    STRATA_TRY(now.check());
    return out;
  });
}

Result<std::vector<Neighbour>> GraphSession::neighbours(std::string_view id, const TraversalOptions& options) {
  return session_.read([&](Context& tx) -> Result<std::vector<Neighbour>> {
    STRATA_TRY(check_options(options));
    const Reader now = reader(tx);
    const Number number = STRATA_TRY(existing(tx, now, id));
    note_adjacency(tx, id, options.direction, options.types);
    struct Found {
      Link link;
      Direction direction;
    };
    std::vector<Found> found;
    found.reserve(16);
    now.each_link(number, options.direction, now.filter(options.types),
                  [&](const Link& link, Direction direction) { found.push_back({link, direction}); });
    keep_smallest(found, options.limit, [](const Found& a, const Found& b) { return a.link.edge < b.link.edge; });
    std::vector<Neighbour> out;
    out.reserve(found.size());
    for (const auto& [link, direction] : found) {
      out.push_back({link.edge, std::string(now.id(link.neighbour)), std::string(now.name(link.type)), direction});
    }
    STRATA_TRY(now.check());
    return out;
  });
}

Result<std::uint64_t> GraphSession::degree(std::string_view id, const TraversalOptions& options) {
  return session_.read([&](Context& tx) -> Result<std::uint64_t> {
    STRATA_TRY(check_options(options));
    const Reader now = reader(tx);
    const Number number = STRATA_TRY(existing(tx, now, id));
    note_adjacency(tx, id, options.direction, options.types);
    std::uint64_t degree = 0;
    now.each_link(number, options.direction, now.filter(options.types), [&](const Link&, Direction) { ++degree; });
    STRATA_TRY(now.check());
    return degree;
  });
}

Result<std::vector<Reached>> GraphSession::reach(std::string_view id, std::uint32_t hops_min, std::uint32_t hops_max,
                                                 const TraversalOptions& options) {
  return session_.read([&](Context& tx) -> Result<std::vector<Reached>> {
    STRATA_TRY(check_options(options));
    if (hops_min > hops_max || hops_max > kHopsMax) {
      return invalid("hops are 0 <= hops_min <= hops_max <= 1,000,000, not " + std::to_string(hops_min) + " and " +
                     std::to_string(hops_max));
    }
    const Reader now = reader(tx);
    const Number start = STRATA_TRY(existing(tx, now, id));
    std::vector<Expanded> expanded;
    auto out = graph::reach(now, {start, hops_min, hops_max, options.direction, now.filter(options.types),
                                  options.limit, tx.tracks_scans() ? &expanded : nullptr});
    note_expanded(tx, now, expanded, options.types);
    STRATA_TRY(now.check());
    return out;
  });
}

Result<Path> GraphSession::shortest_path(std::string_view source, std::string_view target, std::uint32_t hops_max,
                                         const TraversalOptions& options) {
  return session_.read([&](Context& tx) -> Result<Path> {
    STRATA_TRY(check_options(options));
    if (hops_max > kHopsMax) return invalid("hops_max is at most 1,000,000, not " + std::to_string(hops_max));
    const Reader now = reader(tx);
    const Number from = STRATA_TRY(existing(tx, now, source));
    const Number to = STRATA_TRY(existing(tx, now, target));
    std::vector<Expanded> expanded;
    auto out = graph::shortest_path(now, {from, to, hops_max, options.direction, now.filter(options.types),
                                          tx.tracks_scans() ? &expanded : nullptr});
    note_expanded(tx, now, expanded, options.types);
    STRATA_TRY(now.check());
    return out;
  });
}

Result<GraphCounts> GraphSession::counts() {
  return session_.read([&](Context& tx) -> Result<GraphCounts> {
    tx.note_scan(StoreKind::graph, nodes_predicate(""));
    tx.note_scan(StoreKind::graph, kEdgesPredicate);
    const Reader now = reader(tx);
    const GraphCounts counts = now.counts();
    STRATA_TRY(now.check());
    return counts;
  });
}

std::unique_ptr<strata::GraphStore> Store::session(transaction::Session& session) {
  return std::make_unique<GraphSession>(*this, session);
}

}  // namespace strata::store::graph
