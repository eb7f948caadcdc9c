#include "store/graph/traversal.h"

#include <algorithm>
#include <limits>

namespace strata::store::graph {

bool NumberMap::insert(Number number, std::uint32_t value) {
  for (std::size_t i = mix(number) & mask_;; i = (i + 1) & mask_) {
    if (slots_[i].number == number) return false;
    if (slots_[i].number != kFree) continue;
    slots_[i] = {number, value};
    if (++size_ * 2 > mask_) grow();
    return true;
  }
}

const std::uint32_t* NumberMap::find(Number number) const {
  for (std::size_t i = mix(number) & mask_;; i = (i + 1) & mask_) {
    if (slots_[i].number == number) return &slots_[i].value;
    if (slots_[i].number == kFree) return nullptr;
  }
}

void NumberMap::grow() {
  std::vector<Slot> larger((mask_ + 1) * 4, Slot{kFree, 0});
  const std::size_t mask = larger.size() - 1;
  for (std::size_t i = 0; i <= mask_; ++i) {
    if (slots_[i].number == kFree) continue;
    std::size_t to = mix(slots_[i].number) & mask;
    while (larger[to].number != kFree) to = (to + 1) & mask;
    larger[to] = slots_[i];
  }
  large_ = std::move(larger);
  slots_ = large_.data();
  mask_ = mask;
}

std::vector<Reached> reach(const Reader& reader, const ReachQuery& query) {
  std::vector<Reached> out;
  NumberMap seen;
  seen.insert(query.start);
  std::vector<Number> level{query.start}, next;
  std::vector<std::string_view> ids;
  for (std::uint32_t hops = 0; !level.empty(); ++hops) {
    if (hops >= query.hops_min) {
      ids.clear();
      for (const Number number : level) ids.push_back(reader.id(number));
      const std::size_t wanted = std::min(ids.size(), query.limit - out.size());
      if (wanted < ids.size())
        std::nth_element(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(wanted), ids.end());
      std::sort(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(wanted));
      out.reserve(out.size() + wanted);
      for (std::size_t i = 0; i < wanted; ++i) out.push_back({std::string(ids[i]), hops});
    }
    if (hops == query.hops_max || out.size() >= query.limit) break;
    next.clear();
    for (const Number number : level) {
      if (query.expanded != nullptr) query.expanded->push_back({number, query.direction});
      reader.each_link(number, query.direction, query.filter, [&](const Link& link, Direction) {
        if (seen.insert(link.neighbour)) next.push_back(link.neighbour);
      });
    }
    level.swap(next);
  }
  return out;
}

namespace {

/// One end's half of the search: what it has reached, and how.
struct Half {
  struct Step {
    Number number;
    std::uint32_t parent;  // position in steps
    EdgeId edge;           // from the parent
    std::uint32_t hops;
  };
  std::vector<Step> steps;
  NumberMap position;
  std::size_t level_begin = 0;  // the frontier: steps from here on
  std::uint32_t hops = 0;

  explicit Half(Number start) {
    steps.push_back({start, 0, 0, 0});
    position.insert(start, 0);
  }
  std::size_t frontier() const { return steps.size() - level_begin; }
};

Direction reversed(Direction direction) {
  return direction == Direction::out ? Direction::in : direction == Direction::in ? Direction::out : Direction::both;
}

struct Meeting {
  std::uint32_t here = 0, there = 0;  // positions in the two halves
  std::uint32_t hops = std::numeric_limits<std::uint32_t>::max();
};

/// Takes one half a level further; the best meeting with the other half, if any.
Meeting advance(const PathQuery& query, const Reader& reader, Half& half, const Half& other, Direction direction) {
  Meeting best;
  const std::size_t begin = half.level_begin, end = half.steps.size();
  for (std::size_t i = begin; i < end; ++i) {
    if (query.expanded != nullptr) query.expanded->push_back({half.steps[i].number, direction});
    reader.each_link(half.steps[i].number, direction, query.filter, [&](const Link& link, Direction) {
      const auto fresh = static_cast<std::uint32_t>(half.steps.size());
      if (!half.position.insert(link.neighbour, fresh)) return;
      half.steps.push_back({link.neighbour, static_cast<std::uint32_t>(i), link.edge, half.hops + 1});
      const auto* met = other.position.find(link.neighbour);
      if (met == nullptr) return;
      const std::uint32_t hops = half.hops + 1 + other.steps[*met].hops;
      if (hops < best.hops) best = {fresh, *met, hops};
    });
  }
  half.level_begin = end;
  ++half.hops;
  return best;
}

}  // namespace

Path shortest_path(const Reader& reader, const PathQuery& query) {
  Half from(query.source), to(query.target);
  Meeting met;
  if (query.source == query.target) met = {0, 0, 0};
  while (met.hops > query.hops_max && from.hops + to.hops < query.hops_max && from.frontier() > 0 &&
         to.frontier() > 0) {
    if (from.frontier() <= to.frontier()) {
      met = advance(query, reader, from, to, query.direction);
    } else {
      met = advance(query, reader, to, from, reversed(query.direction));
      std::swap(met.here, met.there);
    }
  }
  if (met.hops > query.hops_max) return {};
  Path path;
  for (std::uint32_t at = met.here;; at = from.steps[at].parent) {
    path.nodes.emplace_back(reader.id(from.steps[at].number));
    if (at == 0) break;
    path.edges.push_back(from.steps[at].edge);
  }
  std::reverse(path.nodes.begin(), path.nodes.end());
  std::reverse(path.edges.begin(), path.edges.end());
  for (std::uint32_t at = met.there; at != 0; at = to.steps[at].parent) {
    path.edges.push_back(to.steps[at].edge);
    path.nodes.emplace_back(reader.id(to.steps[to.steps[at].parent].number));
  }
  return path;
}

}  // namespace strata::store::graph
