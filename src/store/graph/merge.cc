/// Several layers become one segment: rows of all of them in order, less what nobody can see any more.
///
/// What may be left out at a horizon h (views are ≥ h):
///   1  of a node's versions ≤ h all but the newest; that one too when it is a removal and nothing older is left outside
///   2  an edge whose removal is ≤ h, with all its changes, when the edge itself is here
///   3  of an edge's changes ≤ h all but the newest, which becomes part of the edge when the edge is here
///   4  of the totals ≤ h all but the newest
#include <algorithm>

#include "store/graph/layers.h"

namespace strata::store::graph {
namespace {

using Version = SegmentContent::Version;
using Edge = SegmentContent::Edge;
using Change = SegmentContent::Change;

void take_delta(const Delta& delta, SegmentContent& out) {
  for (std::uint64_t i = 0; i < delta.ids().size(); ++i) out.ids.push_back(delta.ids()[i]->text);
  for (std::uint64_t i = 0; i < delta.nodes().size(); ++i) {
    const DeltaNode& node = *delta.nodes()[i];
    for (const NodeVersion* it = node.newest.load(std::memory_order_acquire); it; it = it->older) {
      out.versions.push_back({node.number, it->lsn, it->removed, it->record});
    }
  }
  for (std::uint64_t i = 0; i < delta.edges().size(); ++i) {
    const DeltaEdge& edge = *delta.edges()[i];
    if (edge.created != 0) {
      out.edges.push_back({edge.id, edge.created, edge.source, edge.target, edge.type, edge.properties});
    }
    for (const EdgeVersion* it = edge.newest.load(std::memory_order_acquire); it; it = it->older) {
      out.changes.push_back({edge.id, it->lsn, it->removed, edge.source, edge.target, edge.type, it->properties});
    }
  }
  const auto before = out.totals.size();
  delta.totals().newest_first([&](const Totals& it) {
    out.totals.push_back({it.lsn, it.nodes, it.edges});
    return true;
  });
  std::reverse(out.totals.begin() + static_cast<std::ptrdiff_t>(before), out.totals.end());
}

void take_segment(const Segment& segment, SegmentContent& out, DamageNote& damage) {
  for (std::uint32_t i = 0; i < segment.new_names(); ++i) out.names.push_back(segment.new_name(i, damage));
  for (Number i = segment.first_number(); i < segment.next_number(); ++i) out.ids.push_back(segment.id(i, damage));
  segment.each_node(damage, [&](Number number, std::uint32_t position) {
    for (const VersionRow& row : segment.versions(segment.node(position, damage), damage)) {
      const bool removed = row.blob == kNothing;
      out.versions.push_back({number, row.lsn, removed, removed ? ByteView() : segment.blob(row.blob, damage)});
    }
  });
  segment.each_edge(damage, [&](EdgeId id, const EdgeRow& row) {
    out.edges.push_back({id, row.created, row.source, row.target, row.type,
                         row.blob == kNothing ? ByteView() : segment.blob(row.blob, damage)});
  });
  for (const ChangeRow& row : segment.all_changes(damage)) {
    const bool removed = row.blob == kNothing;
    out.changes.push_back({row.edge, row.lsn, removed, row.source, row.target, row.type,
                           removed ? ByteView() : segment.blob(row.blob, damage)});
  }
  const auto totals = segment.all_totals(damage);
  out.totals.insert(out.totals.end(), totals.begin(), totals.end());
}

void drop_versions(std::vector<Version>& versions, bool with_oldest, Lsn horizon) {
  auto kept = versions.begin();
  for (auto it = versions.begin(); it != versions.end(); ++it) {
    const auto next = it + 1;
    const bool newer_covers = next != versions.end() && next->number == it->number && next->lsn <= horizon;
    const bool dead = it->removed && with_oldest && it->lsn <= horizon;
    if (!newer_covers && !dead) *kept++ = *it;
  }
  versions.erase(kept, versions.end());
}

void drop_edges(std::vector<Edge>& edges, std::vector<Change>& changes, Lsn horizon) {
  auto kept_edge = edges.begin();
  auto kept_change = changes.begin();
  auto edge = edges.begin();
  const auto keep_edges_below = [&](EdgeId id) {
    while (edge != edges.end() && edge->id < id) *kept_edge++ = *edge++;
  };
  for (auto it = changes.begin(); it != changes.end();) {
    const EdgeId id = it->id;
    const auto begin = it;
    while (it != changes.end() && it->id == id) ++it;
    // The newest change that every view sees; later ones stay as they are.
    auto visible = begin;
    while (visible != it && visible->lsn <= horizon) ++visible;
    keep_edges_below(id);
    const bool edge_is_here = edge != edges.end() && edge->id == id;
    if (visible != begin) {
      const Change& newest = *(visible - 1);
      if (!edge_is_here) {
        *kept_change++ = newest;
      } else if (newest.removed) {
        ++edge;
        continue;
      } else {
        edge->properties = newest.properties;
      }
    }
    kept_change = std::copy(visible, it, kept_change);
  }
  keep_edges_below(~EdgeId{0});
  edges.erase(kept_edge, edges.end());
  changes.erase(kept_change, changes.end());
}

}  // namespace

Result<SegmentContent> merge_layers(std::span<const std::shared_ptr<Delta>> deltas,
                                    std::span<const std::shared_ptr<const Segment>> segments, bool with_oldest,
                                    Lsn horizon) {
  SegmentContent out;
  DamageNote damage;
  for (auto it = segments.rbegin(); it != segments.rend(); ++it) take_segment(**it, out, damage);
  for (auto it = deltas.rbegin(); it != deltas.rend(); ++it) take_delta(**it, out);
  STRATA_TRY(damage.check());
  out.first_number = segments.empty() ? deltas.back()->first_number() : segments.back()->first_number();
  std::sort(out.versions.begin(), out.versions.end(), [](const Version& a, const Version& b) {
    return a.number != b.number ? a.number < b.number : a.lsn < b.lsn;
  });
  std::sort(out.edges.begin(), out.edges.end(), [](const Edge& a, const Edge& b) { return a.id < b.id; });
  std::sort(out.changes.begin(), out.changes.end(),
            [](const Change& a, const Change& b) { return a.id != b.id ? a.id < b.id : a.lsn < b.lsn; });
  drop_versions(out.versions, with_oldest, horizon);
  drop_edges(out.edges, out.changes, horizon);
  const auto later = std::upper_bound(out.totals.begin(), out.totals.end(), horizon,
                                      [](Lsn lsn, const TotalsRow& row) { return lsn < row.lsn; });
  if (later - out.totals.begin() > 1) out.totals.erase(out.totals.begin(), later - 1);
  return out;
}

}  // namespace strata::store::graph
