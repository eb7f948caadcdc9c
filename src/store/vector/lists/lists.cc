#include "store/vector/lists/lists.h"

#include <algorithm>
#include <cmath>

namespace strata::store::vector {

std::uint32_t lists_for(Row rows) {
  const auto lists = static_cast<std::uint32_t>(4 * std::sqrt(static_cast<double>(rows)));
  return std::clamp(std::min(lists, rows), 1U, kListsMax);
}

std::uint32_t probes_for(std::uint32_t lists) {
  return std::clamp(static_cast<std::uint32_t>(std::ceil(3 * std::sqrt(static_cast<double>(lists)))), 1U, lists);
}

bool ListsView::holds_together() const {
  if (begins[0] != 0 || begins[count] != rows) return false;
  for (std::uint32_t list = 0; list < count; ++list) {
    if (begins[list + 1] < begins[list]) return false;
  }
  std::vector<bool> seen(rows);
  for (Row place = 0; place < rows; ++place) {
    const Row row = members[place];
    if (row >= rows || seen[row]) return false;
    seen[row] = true;
  }
  return true;
}

}  // namespace strata::store::vector
