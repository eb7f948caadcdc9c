#include "store/graph/reader.h"

namespace strata::store::graph {

std::optional<Number> Reader::number(std::string_view id, std::uint64_t hash) const {
  if (own_ != nullptr && !own_->lent_numbers.empty()) {
    const auto lent = own_->lent_numbers.find(std::string(id));
    if (lent != own_->lent_numbers.end()) return lent->second;
  }
  for (const auto& delta : layers_->deltas) {
    if (const DeltaId* found = delta->find_id(id, hash)) return found->number;
  }
  for (const auto& segment : layers_->segments) {
    if (const auto found = segment->find_id(id, hash, damage_)) return found;
  }
  return std::nullopt;
}

std::string_view Reader::id(Number number) const {
  if (number >= kFirstLent) {
    const auto found = own_ ? own_->ids.find(number) : decltype(own_->ids.find(number)){};
    return own_ != nullptr && found != own_->ids.end() ? std::string_view(found->second) : std::string_view();
  }
  for (const auto& delta : layers_->deltas) {
    if (number >= delta->first_number()) return number < delta->next_number() ? delta->id(number) : std::string_view();
  }
  for (const auto& segment : layers_->segments) {
    if (number >= segment->first_number()) return segment->id(number, damage_);
  }
  return {};
}

std::string_view Reader::name(NameId name) const {
  if (name >= kFirstLentName) return own_->lent_name_texts[name - kFirstLentName];
  return name < names_.size() ? names_.text(name) : std::string_view();
}

TypeFilter Reader::filter(const std::vector<std::string>& types) const {
  TypeFilter filter;
  if (types.empty()) return filter;
  filter.restrict();
  for (const std::string& type : types) {
    if (const auto known = names_.find(type)) filter.add(*known);
    if (own_ == nullptr) continue;
    // Also when the name is known by now: it may have been lent before another transaction made it known.
    if (const auto lent = own_->lent_names.find(type); lent != own_->lent_names.end()) filter.add(lent->second);
  }
  return filter;
}

std::optional<ByteView> Reader::record(Number number) const {
  if (number >= kFirstLent) return std::nullopt;
  for (const auto& delta : layers_->deltas) {
    const DeltaNode* node = delta->node(number);
    if (node == nullptr) continue;
    for (const NodeVersion* it = node->newest.load(std::memory_order_acquire); it; it = it->older) {
      if (it->lsn <= view_) return it->removed ? std::nullopt : std::optional(it->record);
    }
  }
  for (const auto& segment : layers_->segments) {
    const auto position = segment->position(number, damage_);
    if (!position) continue;
    const auto versions = segment->versions(segment->node(*position, damage_), damage_);
    for (std::size_t i = versions.size(); i-- > 0;) {
      if (versions[i].lsn > view_) continue;
      if (versions[i].blob == kNothing) return std::nullopt;
      return segment->blob(versions[i].blob, damage_);
    }
  }
  return std::nullopt;
}

bool Reader::exists(Number number) const {
  if (own_ != nullptr) {
    const auto own = own_->nodes.find(number);
    if (own != own_->nodes.end()) return !own->second.removed;
  }
  return record(number).has_value();
}

std::optional<Node> Reader::node(Number number) const {
  if (own_ != nullptr) {
    const auto own = own_->nodes.find(number);
    if (own != own_->nodes.end()) {
      if (own->second.removed) return std::nullopt;
      return Node{std::string(id(number)), own->second.labels, own->second.properties};
    }
  }
  const auto found = record(number);
  if (!found) return std::nullopt;
  Node node;
  node.id = id(number);
  const ByteView properties = read_record(*found, [&](NameId label) {
    if (label < names_.size()) node.labels.emplace_back(names_.text(label));
    return true;
  });
  std::sort(node.labels.begin(), node.labels.end());
  node.properties = decode_properties(properties);
  return node;
}

std::optional<Reader::EdgeView> Reader::edge(EdgeId id) const {
  const Map* own_properties = nullptr;
  if (own_ != nullptr) {
    if (own_->removed.contains(id)) return std::nullopt;
    if (const auto added = own_->added.find(id); added != own_->added.end()) {
      const auto& it = added->second;
      return EdgeView{it.source, it.target, it.type, {}, &it.properties};
    }
    if (const auto changed = own_->changed.find(id); changed != own_->changed.end()) own_properties = &changed->second;
  }
  std::optional<ByteView> properties;  // of the newest change ≤ view
  for (const auto& delta : layers_->deltas) {
    const DeltaEdge* edge = delta->edge(id);
    if (edge == nullptr) continue;
    for (const EdgeVersion* it = edge->newest.load(std::memory_order_acquire); it; it = it->older) {
      if (it->lsn > view_) continue;
      if (it->removed) return std::nullopt;
      if (!properties) properties = it->properties;
      break;
    }
    if (edge->created == 0) continue;
    if (edge->created > view_) return std::nullopt;
    return EdgeView{edge->source, edge->target, edge->type, properties.value_or(edge->properties), own_properties};
  }
  for (const auto& segment : layers_->segments) {
    const auto changes = segment->changes(id, damage_);
    for (std::size_t i = changes.size(); i-- > 0;) {
      if (changes[i].lsn > view_) continue;
      if (changes[i].blob == kNothing) return std::nullopt;
      if (!properties) properties = segment->blob(changes[i].blob, damage_);
      break;
    }
    const EdgeRow* row = segment->edge(id, damage_);
    if (row == nullptr) continue;
    if (row->created > view_) return std::nullopt;
    if (!properties) properties = row->blob == kNothing ? ByteView() : segment->blob(row->blob, damage_);
    return EdgeView{row->source, row->target, row->type, *properties, own_properties};
  }
  return std::nullopt;
}

bool Reader::was_added(EdgeId id) const {
  for (const auto& delta : layers_->deltas) {
    const DeltaEdge* edge = delta->edge(id);
    if (edge != nullptr && edge->created != 0) return true;
  }
  return std::any_of(layers_->segments.begin(), layers_->segments.end(),
                     [&](const auto& segment) { return segment->edge(id, damage_) != nullptr; });
}

bool Reader::linked_after(Number number, Lsn view) const {
  bool found = false;
  const Reader before(layers_, names_, view, own_);
  // Only layers with later commits can hold such an edge, and there only links that are newer.
  const bool any_newer = std::any_of(layers_->deltas.begin(), layers_->deltas.end(),
                                     [&](const auto& delta) {
                                       const DeltaNode* node = delta->node(number);
                                       if (node == nullptr) return false;
                                       const auto newest_is_older = [&](const DeltaLink& it) {
                                         return found = found || it.created > view, false;
                                       };
                                       node->out.newest_first(newest_is_older);
                                       node->in.newest_first(newest_is_older);
                                       return found;
                                     }) ||
                         std::any_of(layers_->segments.begin(), layers_->segments.end(),
                                     [&](const auto& segment) { return segment->last_lsn() > view; });
  if (!any_newer) return false;
  found = false;
  each_link(number, Direction::both, TypeFilter(), [&](const Link& link, Direction) {
    if (!found && !before.edge(link.edge)) found = true;
  });
  return found;
}

std::uint64_t Reader::links_at_most(Number number, Direction direction) const {
  std::uint64_t total = 0;
  const auto own_links = [&](const auto& links) {
    const auto found = links.find(number);
    return found == links.end() ? 0 : found->second.size();
  };
  if (own_ != nullptr) total += own_links(direction == Direction::in ? own_->in : own_->out);
  if (number >= kFirstLent) return total;
  for (const auto& delta : layers_->deltas) {
    if (const DeltaNode* node = delta->node(number)) {
      total += direction == Direction::in ? node->in.size() : node->out.size();
    }
  }
  for (const auto& segment : layers_->segments) {
    const auto position = segment->position(number, damage_);
    const NodeEntry* node = position ? segment->node(*position, damage_) : nullptr;
    if (node) total += direction == Direction::in ? node[1].in - node[0].in : node[1].out - node[0].out;
  }
  return total;
}

std::vector<Number> Reader::candidates(std::string_view label) const {
  std::vector<Number> out;
  if (label.empty()) {
    out.resize(next_number());
    for (Number i = 0; i < out.size(); ++i) out[i] = i;
    return out;
  }
  const auto known = names_.find(label);
  if (!known) return out;
  for (const auto& delta : layers_->deltas) delta->with_label(*known, [&](Number it) { out.push_back(it); });
  for (const auto& segment : layers_->segments) {
    const auto numbers = segment->with_label(*known, damage_);
    out.insert(out.end(), numbers.begin(), numbers.end());
  }
  return out;
}

const IndexDefinition* Reader::index(std::string_view label, std::string_view key, std::size_t& position) const {
  for (position = 0; position < layers_->indexes.size(); ++position) {
    const IndexDefinition& it = layers_->indexes[position];
    if (names_.text(it.label) == label && names_.text(it.key) == key) return &it;
  }
  return nullptr;
}

bool Reader::indexed(std::string_view label, std::string_view key) const {
  std::size_t position = 0;
  return index(label, key, position) != nullptr;
}

std::vector<Number> Reader::candidates(std::string_view label, std::string_view key, const Value& value) const {
  std::size_t position = 0;
  const IndexDefinition* definition = index(label, key, position);
  if (definition == nullptr) return candidates(label);
  const std::uint64_t hash = index_hash(label, key, value);
  std::vector<Number> out;
  const auto take = [&](Number number) { out.push_back(number); };
  for (const auto& delta : layers_->deltas) {
    if (position < delta->indexes()) {
      delta->with_value(hash, take);
    } else if (definition->label != kAnyName) {  // frozen before the index was created
      delta->with_label(definition->label, take);
    } else {
      for (std::uint64_t i = 0; i < delta->nodes().size(); ++i) take(delta->nodes()[i]->number);
    }
  }
  for (const auto& segment : layers_->segments) {
    for (const IndexRow& row : segment->with_value(label, definition->label, key, definition->key, hash, damage_)) {
      take(row.number);
    }
  }
  return out;
}

GraphCounts Reader::counts() const {
  GraphCounts counts;
  bool found = false;
  for (const auto& delta : layers_->deltas) {
    if (found) break;
    delta->totals().newest_first([&](const Totals& it) {
      if (it.lsn > view_) return true;
      counts = {it.nodes, it.edges};
      found = true;
      return false;
    });
  }
  for (const auto& segment : layers_->segments) {
    if (found) break;
    if (const auto totals = segment->totals(view_, damage_)) {
      counts = {totals->nodes, totals->edges};
      found = true;
    }
  }
  if (own_ != nullptr) {
    counts.nodes += static_cast<std::uint64_t>(own_->nodes_more);
    counts.edges += static_cast<std::uint64_t>(own_->edges_more);
  }
  return counts;
}

}  // namespace strata::store::graph
