#include "store/graph/write_buffer.h"

#include <algorithm>
#include <iterator>
#include <span>

#include "core/assert.h"

namespace strata::store::graph {
namespace {

transaction::KeyHash key_of(KeyKind kind, std::string_view text) {
  return core::xxh3_64(text, static_cast<std::uint64_t>(kind));
}

/// Gives each text a position in a table of the mutation.
template <typename Key>
class Positions {
 public:
  explicit Positions(std::vector<std::string_view>& table) : table_(table) {}
  std::uint32_t of(const Key& key, std::string_view text) {
    const auto [it, fresh] = known_.try_emplace(key, static_cast<std::uint32_t>(table_.size()));
    if (fresh) table_.push_back(text);
    return it->second;
  }

 private:
  std::vector<std::string_view>& table_;
  std::unordered_map<Key, std::uint32_t> known_;
};

template <typename... Texts>
transaction::KeyHash key_of_texts(KeyKind kind, Texts... texts) {
  Bytes bytes;
  core::Encoder out(bytes);
  (out.text(texts), ...);
  return key_of(kind, as_text(bytes));
}

/// The sets that a node is in: of its labels, and of its values under each of them.
void add_memberships(std::span<const std::string> labels, const Map& properties,
                     std::vector<transaction::KeyHash>& sets) {
  const auto add = [&](std::string_view label) {
    sets.push_back(nodes_predicate(label));
    for (const auto& [key, value] : properties) sets.push_back(value_predicate(label, key, value));
  };
  add("");
  for (const std::string& label : labels) add(label);
}

Error conflict(std::string_view what, std::string_view id) {
  return Error(ErrorCode::conflict,
               std::string(what) + ". Run the transaction again: node \"" + std::string(id) + "\"");
}

}  // namespace

transaction::KeyHash key_of_node(KeyKind kind, std::string_view id) { return key_of(kind, id); }

transaction::KeyHash key_of_edge(EdgeId id) {
  return key_of(KeyKind::edge, {reinterpret_cast<const char*>(&id), sizeof id});
}

transaction::KeyHash key_of_edges_near(EdgeId id) {
  id /= kEdgesNear;
  return key_of(KeyKind::edges_near, {reinterpret_cast<const char*>(&id), sizeof id});
}

transaction::KeyHash key_of_merge(std::string_view source, std::string_view type, std::string_view target) {
  return key_of_texts(KeyKind::merge, source, type, target);
}

transaction::KeyHash nodes_predicate(std::string_view label) { return key_of(KeyKind::label, label); }

transaction::KeyHash value_predicate(std::string_view label, std::string_view key, const Value& value) {
  Bytes bytes;
  core::Encoder(bytes).value(value);
  return key_of_texts(KeyKind::value, label, key, as_text(bytes));
}

transaction::KeyHash adjacency_predicate(KeyKind kind, std::string_view id, std::string_view type) {
  return key_of_texts(kind, id, type);
}

transaction::KeyHash match_predicate(std::string_view source, std::string_view type, std::string_view target) {
  return key_of_texts(KeyKind::match, source, type, target);
}

bool WriteBuffer::empty() const {
  return overlay_.nodes.empty() && overlay_.added.empty() && overlay_.changed.empty() && overlay_.removed.empty() &&
         overlay_.indexes.empty();
}

Result<void> WriteBuffer::prepare(transaction::Context& context) {
  EdgeId last = 0;
  for (const auto& [id, edge] : overlay_.added) {
    if (last != 0 && id / kEdgesNear == last / kEdgesNear) continue;
    context.note_effect(StoreKind::graph, key_of_edges_near(id));
    last = id;
  }
  return {};
}

Result<void> WriteBuffer::validate(transaction::Context&) {
  PendingCommits& pending = store_.pending();
  PendingCommits::Ends ends;
  // What is pending is asked first, the state second: a commit enters the state before it leaves the pending ones.
  std::vector<bool> removed_by_pending;
  for (const Number end : overlay_.ends) {
    const std::string& id = overlay_.ids.at(end);
    const auto key = key_of_node(KeyKind::existence, id);
    const auto own = overlay_.nodes.find(end);
    if (own != overlay_.nodes.end() && !own->second.removed) {
      ends.linked.push_back(key);
      continue;  // put by this very transaction
    }
    if (pending.removed(key)) return conflict("the end of a new edge was removed by another transaction", id);
    ends.linked.push_back(key);
  }
  for (const auto& removal : overlay_.removals) {
    const std::string& id = overlay_.ids.at(removal.number);
    const auto key = key_of_node(KeyKind::existence, id);
    if (pending.linked(key)) return conflict("another transaction added an edge to a node that this one removes", id);
    ends.removed.push_back(key);
  }
  const Reader latest = store_.reader(kLatest, nullptr);
  const Reader with_own = store_.reader(kLatest, &overlay_);
  for (const Number end : overlay_.ends) {
    const auto own = overlay_.nodes.find(end);
    if (own != overlay_.nodes.end() && !own->second.removed) continue;
    if (!latest.exists(end)) {
      return conflict("the end of a new edge was removed by another transaction", overlay_.ids.at(end));
    }
  }
  for (const auto& removal : overlay_.removals) {
    if (with_own.linked_after(removal.number, removal.view)) {
      return conflict("another transaction added an edge to a node that this one removes",
                      overlay_.ids.at(removal.number));
    }
  }
  STRATA_TRY(latest.check());
  STRATA_TRY(with_own.check());
  pending_ = std::move(ends);
  pending.enter(pending_);
  entered_ = true;
  return {};
}

void WriteBuffer::leave() {
  if (std::exchange(entered_, false)) store_.pending().leave(pending_);
}

void WriteBuffer::encode(core::Encoder& out) const {
  Mutation mutation;
  Positions<std::string_view> names(mutation.names);
  Positions<Number> ids(mutation.ids);
  const auto id_of = [&](Number number) { return ids.of(number, overlay_.ids.at(number)); };
  const auto name_of = [&](NameId name) {
    const std::string_view text = name >= kFirstLentName
                                      ? std::string_view(overlay_.lent_name_texts[name - kFirstLentName])
                                      : store_.names().text(name);
    return names.of(text, text);
  };
  std::vector<Bytes> kept;  // encoded properties, alive until the end
  kept.reserve(overlay_.nodes.size() + overlay_.added.size() + overlay_.changed.size());
  const auto encoded = [&](const Map& map) -> ByteView {
    if (map.empty()) return {};
    return kept.emplace_back(encode_properties(map));
  };

  // In the order of ids, so that equal transactions have equal bytes.
  mutation.removed_edges.assign(overlay_.removed.begin(), overlay_.removed.end());
  std::sort(mutation.removed_edges.begin(), mutation.removed_edges.end());
  std::vector<Number> nodes;
  for (const auto& [number, node] : overlay_.nodes) nodes.push_back(number);
  std::sort(nodes.begin(), nodes.end());
  for (const Number number : nodes) {
    const auto& node = overlay_.nodes.at(number);
    if (node.removed) {
      mutation.removed_nodes.push_back(id_of(number));
      continue;
    }
    Mutation::PutNode put{id_of(number), static_cast<std::uint32_t>(mutation.labels.size()), 0,
                          encoded(node.properties)};
    for (const std::string& label : node.labels) mutation.labels.push_back(names.of(label, label));
    put.labels_end = static_cast<std::uint32_t>(mutation.labels.size());
    mutation.put_nodes.push_back(put);
  }
  for (const auto& [id, edge] : overlay_.added) {
    mutation.added_edges.push_back(
        {id, id_of(edge.source), name_of(edge.type), id_of(edge.target), encoded(edge.properties)});
  }
  for (const auto& [id, properties] : overlay_.changed) mutation.changed_edges.push_back({id, encoded(properties)});
  for (const auto& [label, key] : overlay_.indexes) {
    const std::uint32_t label_at = names.of(label, label);
    mutation.indexes.push_back({label_at, names.of(key, key)});
  }
  graph::encode(mutation, out);
}

Result<void> WriteBuffer::affects(transaction::Context&, std::vector<std::uint64_t>& predicates) const {
  const Reader latest = store_.reader(kLatest, nullptr);
  for (const auto& [number, node] : overlay_.nodes) {
    std::vector<transaction::KeyHash> before, after;
    if (number < kFirstLent) {
      if (const auto old = latest.node(number)) add_memberships(old->labels, old->properties, before);
    }
    if (!node.removed) add_memberships(node.labels, node.properties, after);
    std::sort(before.begin(), before.end());
    std::sort(after.begin(), after.end());
    std::set_symmetric_difference(before.begin(), before.end(), after.begin(), after.end(),
                                  std::back_inserter(predicates));
  }
  const auto add_edge = [&](std::string_view source, std::string_view type, std::string_view target) {
    predicates.push_back(adjacency_predicate(KeyKind::out, source, ""));
    predicates.push_back(adjacency_predicate(KeyKind::out, source, type));
    predicates.push_back(adjacency_predicate(KeyKind::in, target, ""));
    predicates.push_back(adjacency_predicate(KeyKind::in, target, type));
    predicates.push_back(match_predicate(source, type, target));
  };
  for (const auto& [id, edge] : overlay_.added) {
    const std::string_view type = edge.type >= kFirstLentName
                                      ? std::string_view(overlay_.lent_name_texts[edge.type - kFirstLentName])
                                      : store_.names().text(edge.type);
    add_edge(overlay_.ids.at(edge.source), type, overlay_.ids.at(edge.target));
  }
  for (const EdgeId id : overlay_.removed) {
    // Gone already: another removed it, and the key says so.
    if (const auto edge = latest.edge(id))
      add_edge(latest.id(edge->source), latest.name(edge->type), latest.id(edge->target));
  }
  if (!overlay_.added.empty() || !overlay_.removed.empty()) predicates.push_back(kEdgesPredicate);
  return latest.check();
}

std::unique_ptr<WriteBuffer::Saved> WriteBuffer::save() {
  return std::make_unique<transaction::SavedCopy<Overlay>>(overlay_);
}

void WriteBuffer::restore(const Saved& saved) { overlay_ = transaction::SavedCopy<Overlay>::of(saved); }

std::string WriteBuffer::describe(std::uint64_t key) const {
  for (const auto& [number, id] : overlay_.ids) {
    if (key == key_of_node(KeyKind::node, id) || key == key_of_node(KeyKind::existence, id)) return "node:" + id;
  }
  for (const auto& [id, properties] : overlay_.changed) {
    if (key == key_of_edge(id)) return "edge:" + std::to_string(id);
  }
  for (const EdgeId id : overlay_.removed) {
    if (key == key_of_edge(id)) return "edge:" + std::to_string(id);
  }
  return {};
}

}  // namespace strata::store::graph
