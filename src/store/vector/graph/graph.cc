#include "store/vector/graph/graph.h"

namespace strata::store::vector {

bool GraphView::holds_together() const {
  const auto list_holds = [](std::span<const std::uint32_t> links, std::uint32_t most, std::uint32_t end) {
    if (links.size() > most) return false;
    for (const std::uint32_t link : links) {
      if (link >= end) return false;
    }
    return true;
  };
  if (ground_begins != nullptr) {
    if (ground_begins[0] != 0 || ground_begins[rows] != ground_total) return false;
    for (Row row = 0; row < rows; ++row) {
      if (ground_begins[row] > ground_begins[row + 1]) return false;
    }
  }
  for (Row row = 0; row < rows; ++row) {
    if (!list_holds(ground_links(row), 2 * degree, rows)) return false;
  }
  const auto places = static_cast<std::uint32_t>(upper.size());
  if (entry >= (levels == 0 ? rows : places)) return false;
  if (upper_begins[0] != 0 || upper_begins[places] != upper_lists) return false;
  for (std::uint32_t place = 0; place < places; ++place) {
    if (upper[place] >= rows || upper_begins[place + 1] <= upper_begins[place] ||
        upper_begins[place + 1] - upper_begins[place] > levels) {
      return false;
    }
  }
  // A link on a level leads to a row that is on that level.
  for (std::uint32_t place = 0; place < places; ++place) {
    const std::uint32_t height = upper_begins[place + 1] - upper_begins[place];
    for (std::uint32_t level = 1; level <= height; ++level) {
      const std::uint32_t* list = upper_links + std::size_t{upper_begins[place] + level - 1} * (degree + 1);
      if (*list > degree || !list_holds({list + 1, *list}, degree, places)) return false;
      for (std::uint32_t i = 0; i < *list; ++i) {
        if (upper_begins[list[1 + i] + 1] - upper_begins[list[1 + i]] < level) return false;
      }
    }
  }
  return levels == 0 || upper_begins[entry + 1] - upper_begins[entry] == levels;
}

}  // namespace strata::store::vector
