#include "store/array/compaction.h"

#include <algorithm>

namespace strata::store::array {
namespace {

Group merged(const Group& left, const Group& right) { return {left.begin, right.end, left.bytes + right.bytes, true}; }

}  // namespace

std::vector<Group> plan_compaction(std::span<const Piece> pieces, const CompactionLimits& limits) {
  std::vector<Group> groups;
  const auto fits = [&](const Group& left, const Group& right) {
    return left.bytes + right.bytes <= limits.part_bytes_max;
  };

  // What is written anyway joins its neighbour in memory, and then takes parts along that are not larger than itself.
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    Group next{i, i + 1, pieces[i].bytes, pieces[i].must_write};
    while (!groups.empty() && next.write && fits(groups.back(), next)) {
      const Group& left = groups.back();
      const bool small = left.bytes <= std::max(limits.small_bytes, next.bytes);
      if (!small && !(left.write && pieces[i].in_memory)) break;
      next = merged(left, next);
      groups.pop_back();
    }
    groups.push_back(next);
  }

  while (groups.size() > limits.parts_max) {
    std::size_t cheapest = groups.size();
    for (std::size_t i = 0; i + 1 < groups.size(); ++i) {
      if (!fits(groups[i], groups[i + 1])) continue;
      const auto cost = [&](std::size_t at) { return groups[at].bytes + groups[at + 1].bytes; };
      if (cheapest == groups.size() || cost(i) < cost(cheapest)) cheapest = i;
    }
    if (cheapest == groups.size()) break;
    groups[cheapest] = merged(groups[cheapest], groups[cheapest + 1]);
    groups.erase(groups.begin() + static_cast<std::ptrdiff_t>(cheapest) + 1);
  }
  return groups;
}

}  // namespace strata::store::array
