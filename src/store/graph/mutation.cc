#include "store/graph/mutation.h"

#include <algorithm>

namespace strata::store::graph {
namespace {

constexpr std::uint8_t kVersion = 1;

/// A position in a table of `size` entries.
std::uint32_t position(core::Decoder& in, std::size_t size) {
  const std::uint64_t value = in.varint();
  if (value >= size) in.fail();
  return static_cast<std::uint32_t>(value);
}

std::string_view text(core::Decoder& in, std::size_t bytes_min, std::size_t bytes_max) {
  const std::string_view value = in.text();
  if (value.size() < bytes_min || value.size() > bytes_max) in.fail();
  return value;
}

ByteView properties(core::Decoder& in) {
  const ByteView value = in.bytes();
  if (value.size() > kPropertiesBytesMax) in.fail();
  return value;
}

/// Reads a count and then that many items, each at least `bytes_each` long.
template <typename Items, typename Read>
void items(core::Decoder& in, std::size_t bytes_each, Items& out, Read&& read) {
  const std::size_t count = in.count(bytes_each);
  out.reserve(count);
  for (std::size_t i = 0; i < count && in.ok(); ++i) out.push_back(read());
}

/// Each edge has at most one effect, and each list ascends: what apply relies on to keep one version for each LSN.
bool in_order(const Mutation& mutation) {
  const auto& removed = mutation.removed_edges;
  const auto strictly = [](const auto& edges, auto&& id) {
    return std::adjacent_find(edges.begin(), edges.end(),
                              [&](const auto& a, const auto& b) { return id(a) >= id(b); }) == edges.end();
  };
  return strictly(removed, [](EdgeId it) { return it; }) &&
         strictly(mutation.added_edges, [](const auto& it) { return it.edge; }) &&
         strictly(mutation.changed_edges, [](const auto& it) { return it.edge; }) &&
         std::none_of(mutation.changed_edges.begin(), mutation.changed_edges.end(),
                      [&](const auto& it) { return std::binary_search(removed.begin(), removed.end(), it.edge); });
}

}  // namespace

void encode(const Mutation& mutation, core::Encoder& out) {
  out.u8(kVersion);
  out.varint(mutation.names.size());
  for (const auto& name : mutation.names) out.text(name);
  out.varint(mutation.ids.size());
  for (const auto& id : mutation.ids) out.text(id);
  out.varint(mutation.removed_edges.size());
  for (const EdgeId edge : mutation.removed_edges) out.varint(edge);
  out.varint(mutation.removed_nodes.size());
  for (const auto id : mutation.removed_nodes) out.varint(id);
  out.varint(mutation.put_nodes.size());
  for (const auto& node : mutation.put_nodes) {
    out.varint(node.id);
    out.varint(node.labels_end - node.labels_begin);
    for (auto i = node.labels_begin; i < node.labels_end; ++i) out.varint(mutation.labels[i]);
    out.bytes(node.properties);
  }
  out.varint(mutation.added_edges.size());
  for (const auto& edge : mutation.added_edges) {
    out.varint(edge.edge);
    out.varint(edge.source);
    out.varint(edge.type);
    out.varint(edge.target);
    out.bytes(edge.properties);
  }
  out.varint(mutation.changed_edges.size());
  for (const auto& edge : mutation.changed_edges) {
    out.varint(edge.edge);
    out.bytes(edge.properties);
  }
  out.varint(mutation.indexes.size());
  for (const auto& index : mutation.indexes) {
    out.varint(index.label);
    out.varint(index.key);
  }
}

Result<Mutation> decode_mutation(ByteView section) {
  core::Decoder in(section);
  if (const auto version = in.u8(); in.ok() && version > kVersion) {
    return Error(ErrorCode::unsupported, "graph section of format " + std::to_string(version) +
                                             "; this version of Strata reads up to " + std::to_string(kVersion));
  }
  Mutation out;
  items(in, 1, out.names, [&] { return text(in, 0, kIdBytesMax); });
  items(in, 2, out.ids, [&] { return text(in, 1, kIdBytesMax); });
  items(in, 1, out.removed_edges, [&] { return in.varint(); });
  items(in, 1, out.removed_nodes, [&] { return position(in, out.ids.size()); });
  items(in, 3, out.put_nodes, [&] {
    Mutation::PutNode node{};
    node.id = position(in, out.ids.size());
    node.labels_begin = static_cast<std::uint32_t>(out.labels.size());
    const std::size_t labels = in.count(1);
    for (std::size_t i = 0; i < labels && in.ok(); ++i) out.labels.push_back(position(in, out.names.size()));
    node.labels_end = static_cast<std::uint32_t>(out.labels.size());
    node.properties = properties(in);
    return node;
  });
  items(in, 5, out.added_edges, [&] {
    Mutation::AddEdge edge{};
    edge.edge = in.varint();
    edge.source = position(in, out.ids.size());
    edge.type = position(in, out.names.size());
    edge.target = position(in, out.ids.size());
    edge.properties = properties(in);
    if (edge.edge == 0) in.fail();
    return edge;
  });
  items(in, 2, out.changed_edges, [&] {
    const EdgeId edge = in.varint();
    return Mutation::ChangeEdge{edge, properties(in)};
  });
  items(in, 2, out.indexes, [&] {
    const auto label = position(in, out.names.size());
    return Mutation::CreateIndex{label, position(in, out.names.size())};
  });
  STRATA_TRY(in.finish("graph section"));
  if (!in_order(out))
    return Error(ErrorCode::corruption, "graph section: edges are not ascending, or one has two effects");
  return out;
}

}  // namespace strata::store::graph
