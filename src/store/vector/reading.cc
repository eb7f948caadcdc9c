#include "store/vector/reading.h"

#include <algorithm>

#include "store/vector/elements.h"

namespace strata::store::vector {
namespace {

bool better(const Found& a, const Found& b) { return a.score != b.score ? a.score > b.score : a.id < b.id; }

}  // namespace

Result<bool> Reading::shows(const Part& part, Row row) const {
  if (!part.visible(row, view)) return false;
  if (overlay == nullptr || overlay->empty()) return true;
  return overlay->find(STRATA_TRY(part.id(row))) == overlay->end();
}

Result<bool> Reading::admits(const Part& part, Row row) const {
  if (!STRATA_TRY(shows(part, row))) return false;
  return !filters() || filter->matches(STRATA_TRY(part.id(row)), STRATA_TRY(part.payload(row)));
}

bool Reading::admits(std::string_view id, const BufferedPoint& point) const {
  if (point.kind == PointChange::Kind::remove) return false;
  return !filters() || filter->matches(id, point.payload);
}

Result<ByteView> Found::payload() const {
  return buffered != nullptr ? ByteView(buffered->payload) : part->payload(row);
}

Result<std::span<const float>> Found::vector(const CollectionOptions& options, std::vector<float>& room) const {
  return as_floats(options.element, options.dimension, STRATA_TRY(elements(room)), room);
}

Result<ByteView> Found::elements(std::vector<float>& room) const {
  return buffered != nullptr ? ByteView(buffered->elements) : part->elements(row, room);
}

Result<RowTerms> Found::terms() const {
  return buffered != nullptr ? RowTerms(ByteView(buffered->terms)) : part->terms(row);
}

void TopK::push(const Found& found) {
  if (found.score < min_score_) return;
  if (full()) {
    if (k_ == 0 || !better(found, found_.front())) return;
    std::pop_heap(found_.begin(), found_.end(), better);
    found_.pop_back();
  }
  found_.push_back(found);
  std::push_heap(found_.begin(), found_.end(), better);
}

std::vector<Found> TopK::take() {
  std::sort_heap(found_.begin(), found_.end(), better);
  return std::move(found_);
}

Result<std::vector<Found>> scroll_by_id(const Reading& reading, std::string_view after, std::size_t limit) {
  if (const auto ids = ids_to_look_up(reading)) {
    const auto above = std::upper_bound(ids->begin(), ids->end(), after);
    auto required = look_up(reading, ids->subspan(static_cast<std::size_t>(above - ids->begin())));
    if (required && required->size() > limit) required->resize(limit);
    return required;
  }
  std::vector<Found> found;
  for (const Part* part : reading.parts->all) {
    const auto sorted_from = STRATA_TRY(part->first_above(after));
    const Admission admission = STRATA_TRY(Admission::of(reading, *part));
    const Row rows = part->rows();
    std::size_t here = 0;
    for (Row row = sorted_from.value_or(0); row < rows; ++row) {
      if (!part->visible(row, reading.view)) continue;
      const std::string_view id = STRATA_TRY(part->id(row));
      if (id <= after || !STRATA_TRY(admission.admits(row))) continue;
      found.push_back({0, id, part, row, nullptr});
      if (sorted_from && ++here == limit) break;
    }
  }
  if (reading.overlay != nullptr) {
    for (auto point = reading.overlay->upper_bound(after); point != reading.overlay->end(); ++point) {
      if (reading.admits(point->first, point->second)) found.push_back({0, point->first, nullptr, 0, &point->second});
    }
  }
  const auto by_id = [](const Found& a, const Found& b) { return a.id < b.id; };
  const std::size_t keep = std::min(limit, found.size());
  std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(keep), found.end(), by_id);
  found.resize(keep);
  return found;
}

Result<std::uint64_t> count_all(const Reading& reading) {
  if (const auto ids = ids_to_look_up(reading)) return STRATA_TRY(look_up(reading, *ids)).size();
  std::uint64_t count = 0;
  for (const Part* part : reading.parts->all) {
    const Admission admission = STRATA_TRY(Admission::of(reading, *part));
    STRATA_TRY(each_row(*part, admission, [&count](Row) -> Result<void> {
      ++count;
      return {};
    }));
  }
  if (reading.overlay != nullptr) {
    for (const auto& [id, point] : *reading.overlay) count += reading.admits(id, point) ? 1 : 0;
  }
  return count;
}

Result<std::optional<Found>> find_point(const Reading& reading, std::string_view id) {
  if (reading.overlay != nullptr) {
    if (const auto point = reading.overlay->find(id); point != reading.overlay->end()) {
      if (point->second.kind == PointChange::Kind::remove) return std::optional<Found>();
      return std::optional<Found>(Found{0, point->first, nullptr, 0, &point->second});
    }
  }
  const std::uint64_t hash = hash_of_id(id);
  for (const Part* part : reading.parts->all) {
    if (const auto row = STRATA_TRY(part->find(id, hash, reading.view))) {
      return std::optional<Found>(Found{0, STRATA_TRY(part->id(*row)), part, *row, nullptr});
    }
  }
  return std::optional<Found>();
}

std::optional<std::span<const std::string>> ids_to_look_up(const Reading& reading) {
  const auto ids = reading.filter != nullptr ? reading.filter->required_ids() : std::nullopt;
  if (!ids || ids->size() <= kLookUpsAlways) return ids;
  std::size_t rows = reading.overlay != nullptr ? reading.overlay->size() : 0;
  for (const Part* part : reading.parts->all) rows += part->rows();
  return ids->size() * kRowsALookUp <= rows ? ids : std::nullopt;
}

Result<std::vector<Found>> look_up(const Reading& reading, std::span<const std::string> ids) {
  std::vector<Found> found;
  for (const std::string& id : ids) {
    const auto point = STRATA_TRY(find_point(reading, id));
    // It is visible, and as the own transaction left it; the filter's other conditions are still open.
    if (point && reading.filter->matches(id, STRATA_TRY(point->payload()))) found.push_back(*point);
  }
  return found;
}

}  // namespace strata::store::vector
