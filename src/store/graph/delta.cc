#include "store/graph/delta.h"

#include "store/graph/record.h"

namespace strata::store::graph {

Number Delta::add_id(std::string_view text, std::uint64_t hash) {
  const Number number = next_number();
  auto* entry = arena_.make<DeltaId>(hash, number, as_text(arena_.copy(as_bytes(text))));
  ids_.append(arena_, entry);  // before the table: who finds the number can translate it back
  id_table_.insert(arena_, entry);
  return number;
}

const DeltaId* Delta::find_id(std::string_view text, std::uint64_t hash) const {
  return id_table_.find(hash, [&](const DeltaId& it) { return it.text == text; });
}

DeltaNode& Delta::touch(Number number) {
  const std::uint64_t hash = mix(number);
  if (auto* known = nodes_.find(hash, [&](const DeltaNode& it) { return it.number == number; })) return *known;
  auto* node = arena_.make<DeltaNode>(hash, number);
  nodes_.insert(arena_, node);
  all_nodes_.append(arena_, node);
  return *node;
}

Delta::Postings& Delta::postings_of(std::uint64_t hash) {
  if (auto* known = postings_.find(hash, [](const Postings&) { return true; })) return *known;
  auto* fresh = arena_.make<Postings>(hash);
  postings_.insert(arena_, fresh);
  return *fresh;
}

void Delta::put_node(Lsn lsn, Number number, std::span<const NameId> labels, ByteView properties) {
  // The record is encoded straight into the arena: at most 5 bytes for each varint.
  Bytes record;
  record.reserve(5 * labels.size() + 5 + properties.size());
  core::Encoder out(record);
  encode_record(out, labels, properties);
  DeltaNode& node = touch(number);
  for (const NameId label : labels) postings_of(mix(label) | 1).numbers.append(arena_, number);
  node.newest.store(
      arena_.make<NodeVersion>(node.newest.load(std::memory_order_relaxed), lsn, false, arena_.copy(record)),
      std::memory_order_release);
}

void Delta::remove_node(Lsn lsn, Number number) {
  DeltaNode& node = touch(number);
  node.newest.store(arena_.make<NodeVersion>(node.newest.load(std::memory_order_relaxed), lsn, true, ByteView{}),
                    std::memory_order_release);
}

void Delta::add_edge(Lsn lsn, EdgeId id, Number source, NameId type, Number target, ByteView properties) {
  auto* edge = arena_.make<DeltaEdge>(mix(id), id, source, target, type, lsn, arena_.copy(properties));
  edges_.insert(arena_, edge);
  all_edges_.append(arena_, edge);
  touch(source).out.append(arena_, {{id, target, type}, lsn});
  touch(target).in.append(arena_, {{id, source, type}, lsn});
}

void Delta::change_edge(Lsn lsn, EdgeId id, Number source, NameId type, Number target, bool removed,
                        ByteView properties) {
  const std::uint64_t hash = mix(id);
  auto* edge = edges_.find(hash, [&](const DeltaEdge& it) { return it.id == id; });
  if (edge == nullptr) {
    edge = arena_.make<DeltaEdge>(hash, id, source, target, type, Lsn{0}, ByteView{});
    edges_.insert(arena_, edge);
    all_edges_.append(arena_, edge);
  }
  edge->newest.store(
      arena_.make<EdgeVersion>(edge->newest.load(std::memory_order_relaxed), lsn, removed, arena_.copy(properties)),
      std::memory_order_release);
  if (!removed) return;
  touch(source).gone.append(arena_, {id, lsn});
  if (target != source) touch(target).gone.append(arena_, {id, lsn});
}

void Delta::add_posting(std::uint64_t index_hash, Number number) {
  postings_of(index_hash & ~1ULL).numbers.append(arena_, number);
}

void Delta::set_totals(const Totals& totals) {
  if (totals_.empty()) first_lsn_.store(totals.lsn, std::memory_order_release);
  totals_.append(arena_, totals);
}

}  // namespace strata::store::graph
