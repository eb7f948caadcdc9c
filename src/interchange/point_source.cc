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

void Remarks::take(Remarks& other) {
  for (const TransferRemark& remark : other.remarks_) add(remark.what, remark.example, remark.points);
  other.remarks_.clear();
}

std::optional<std::string> id_of(const Value& value) {
  if (value.text() != nullptr) return *value.text();
  if (value.integer() != nullptr) return std::to_string(*value.integer());
  return {};
}

std::optional<std::vector<float>> floats_of(const Value& value, bool& rounded) {
  if (value.list() == nullptr || value.list()->empty()) return {};
  std::vector<float> floats;
  floats.reserve(value.list()->size());
  for (const Value& item : *value.list()) {
    double number = 0;
    if (!item.number(number)) return {};
    floats.push_back(static_cast<float>(number));
    rounded = rounded || static_cast<double>(floats.back()) != number;
  }
  return floats;
}

Result<void> PeekingSource::read_first() {
  has_first_ = STRATA_TRY(read(first_, first_remarks_));
  info_.dimension = static_cast<std::uint32_t>(std::min<std::size_t>(first_.vector.size(), kDimensionMax + 1));
  return {};
}

Result<bool> PeekingSource::next(IncomingPoint& point, Remarks& remarks) {
  remarks.take(first_remarks_);
  if (!has_first_) return read(point, remarks);
  has_first_ = false;
  point = std::move(first_);
  return true;
}

}  // namespace strata::interchange
