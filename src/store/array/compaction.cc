#include "store/array/compaction.h"

#include <algorithm>

namespace strata::store::array {
namespace {

/// Groups [begin, end) merged would be cheap in this sense: largest / (all − largest). Two ratios compare crosswise.
struct Candidate {
  std::size_t begin = 0, end = 0;
  std::uint64_t largest = 0, others = 0;
  bool cheaper_than(const Candidate& other) const {
    if (other.end == 0) return true;
    return static_cast<double>(largest) * static_cast<double>(other.others) <
           static_cast<double>(other.largest) * static_cast<double>(others);
  }
};

/// `end` 0: none fits. Of equals the leftmost and longest, which makes the most room.
Candidate cheapest_run(std::span<const Group> groups, std::uint64_t part_bytes_max) {
  Candidate best;
  for (std::size_t begin = 0; begin < groups.size(); ++begin) {
    Candidate run{begin, begin, 0, 0};
    std::uint64_t sum = 0;
    Candidate best_here;
    for (std::size_t end = begin + 1; end <= groups.size(); ++end) {
      const std::uint64_t bytes = groups[end - 1].bytes;
      sum += bytes;
      if (sum > part_bytes_max) break;
      run.end = end;
      run.largest = std::max(run.largest, bytes);
      run.others = sum - run.largest;
      const bool worse = best_here.end != 0 && best_here.cheaper_than(run);
      if (end - begin >= 2 && !worse) best_here = run;
    }
    if (best_here.end != 0 && best_here.cheaper_than(best)) best = best_here;
  }
  return best;
}

}  // namespace

std::vector<Group> plan_compaction(std::span<const Piece> pieces, const CompactionLimits& limits) {
  std::vector<Group> groups;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const Piece& piece = pieces[i];
    if (!groups.empty() && piece.in_memory) {
      Group& left = groups.back();
      const bool comes_along = pieces[i - 1].in_memory || left.bytes <= limits.tiny_bytes;
      if (comes_along && left.bytes + piece.bytes <= limits.part_bytes_max) {
        left = {left.begin, i + 1, left.bytes + piece.bytes, true};
        continue;
      }
    }
    groups.push_back({i, i + 1, piece.bytes, piece.must_write});
  }

  const auto counts = [&](const Group& group) { return group.bytes <= limits.part_bytes_max / 2; };
  while (static_cast<std::size_t>(std::count_if(groups.begin(), groups.end(), counts)) > limits.parts_max) {
    const Candidate run = cheapest_run(groups, limits.part_bytes_max);
    if (run.end == 0) break;
    groups[run.begin] = {groups[run.begin].begin, groups[run.end - 1].end, run.largest + run.others, true};
    groups.erase(groups.begin() + static_cast<std::ptrdiff_t>(run.begin) + 1,
                 groups.begin() + static_cast<std::ptrdiff_t>(run.end));
  }
  return groups;
}

}  // namespace strata::store::array
