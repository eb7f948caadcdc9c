#include "store/vector/graph/inheritance.h"

#include <algorithm>

namespace strata::store::vector {

std::optional<Inheritance> inherit(std::span<const Bequest> bequests, std::span<const SourceRow> sources) {
  std::vector<Row> left(bequests.size());
  for (const SourceRow& source : sources) {
    for (std::size_t i = 0; i < bequests.size(); ++i) {
      left[i] += source.part == bequests[i].part && source.row < bequests[i].index.rows() ? 1 : 0;
    }
  }
  const auto most = std::max_element(left.begin(), left.end());
  if (most == left.end()) return std::nullopt;
  const Bequest& chosen = bequests[static_cast<std::size_t>(most - left.begin())];
  if (*most * std::uint64_t{2} < chosen.index.rows()) return std::nullopt;

  Inheritance inheritance{chosen.index, chosen.kept, std::vector<Row>(chosen.index.rows(), kNoRow), *most};
  for (std::size_t row = 0; row < sources.size(); ++row) {
    const SourceRow& source = sources[row];
    if (source.part != chosen.part || source.row >= chosen.index.rows()) continue;
    inheritance.rows[source.row] = static_cast<Row>(row);
  }
  return inheritance;
}

}  // namespace strata::store::vector
