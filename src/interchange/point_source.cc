#include "interchange/point_source.h"

#include <algorithm>

#include "core/excerpt.h"

namespace strata::interchange {

void Remarks::add(std::string_view what, std::string_view example, std::uint64_t points) {
  const auto known =
      std::find_if(remarks_.begin(), remarks_.end(), [&](const TransferRemark& each) { return each.what == what; });
  if (known != remarks_.end()) {
    known->points += points;
  } else {
    remarks_.push_back({std::string(what), points, core::excerpt(example)});
  }
}

}  // namespace strata::interchange
