#include "store/vector/query/facets.h"

#include <algorithm>
#include <unordered_map>

namespace strata::store::vector {
namespace {

// To read the payload of a row costs about as much as to go over so many rows of a value.
constexpr Row kRowsAPayload = 16;

class Counter {
 public:
  explicit Counter(std::string_view field) : field_(field) {}

  void add(const std::optional<EncodedValue>& value, std::uint64_t points) {
    if (points == 0) return;
    auto values = values_of_field(value);
    several_ = several_ || values.size() > 1;
    for (FieldValue& each : values) {
      Counted& counted = counts_[each.key];
      if (counted.points == 0) counted.value = std::move(each);
      counted.points += points;
    }
  }

  Result<void> add_payload(ByteView payload) {
    add(EncodedMap::of_payload(payload).find(field_), 1);
    return {};
  }

  Result<void> add_part(const Part& part, const Admission& admission) {
    const RowSet* const matching = admission.matching();
    const bool few = matching != nullptr && matching->count() < matching->rows() / kRowsAPayload;
    const auto index = few ? nullptr : STRATA_TRY(part.field_index(field_));
    if (index == nullptr) {
      return each_row(part, admission,
                      [&](Row row) -> Result<void> { return add_payload(STRATA_TRY(part.payload(row))); });
    }
    const bool all = admission.admits_all();
    for (std::uint32_t number = 0; number < index->values(); ++number) {
      std::uint64_t points = 0;
      STRATA_TRY(index->each_row(number, 0, [&](Row row) -> Result<bool> {
        points += all || STRATA_TRY(admission.admits(row)) ? 1 : 0;
        return true;
      }));
      add(index->value(number), points);
    }
    return {};
  }

  ValueCounts take() && {
    std::vector<Counted> all;
    for (auto& [key, counted] : counts_) all.push_back(std::move(counted));
    std::sort(all.begin(), all.end(), [](const Counted& a, const Counted& b) {
      return a.points != b.points ? a.points > b.points : comes_before(a.value, b.value);
    });
    ValueCounts counts;
    counts.several = several_;
    for (Counted& each : all) counts.facets.push_back({std::move(each.value.value), each.points});
    return counts;
  }

 private:
  struct Counted {
    FieldValue value;
    std::uint64_t points = 0;
  };
  const std::string_view field_;
  std::unordered_map<std::string, Counted> counts_;  // by key
  bool several_ = false;
};

}  // namespace

Result<ValueCounts> count_values(const Reading& reading, std::string_view field) {
  Counter counter(field);
  if (const auto ids = ids_to_look_up(reading)) {
    for (const Found& found : STRATA_TRY(look_up(reading, *ids))) {
      STRATA_TRY(counter.add_payload(STRATA_TRY(found.payload())));
    }
    return std::move(counter).take();
  }
  for (const Part* part : reading.parts->all) {
    STRATA_TRY(counter.add_part(*part, STRATA_TRY(Admission::of(reading, *part))));
  }
  if (reading.overlay != nullptr) {
    for (const auto& [id, point] : *reading.overlay) {
      if (reading.admits(id, point)) STRATA_TRY(counter.add_payload(point.payload));
    }
  }
  return std::move(counter).take();
}

}  // namespace strata::store::vector
