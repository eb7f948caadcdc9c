#include "store/vector/query/ordering.h"

#include <algorithm>
#include <utility>

namespace strata::store::vector {
namespace {

// What a value is ordered by: numbers and texts are, NaN is not.
std::optional<EncodedValue> orderable(const std::optional<EncodedValue>& value) {
  if (!value || order_of(*value) == Order::none) return std::nullopt;
  return value;
}

Value to_value(const std::optional<EncodedValue>& key) {
  if (!key) return nullptr;
  switch (key->kind()) {
    case Value::Kind::integer: return key->integer();
    case Value::Kind::real: return key->real();
    default: return std::string(key->text());
  }
}

// To read the payload of a row costs about as much as to pass over so many.
constexpr Row kRowsAPayload = 16;

// The first of 0 … count − 1 for which `holds` does, and all after it do; count when there is none.
template <typename Holds>
std::uint32_t first_where(std::uint32_t count, Holds&& holds) {
  std::uint32_t begin = 0;
  for (std::uint32_t end = count; begin < end;) {
    const std::uint32_t middle = begin + (end - begin) / 2;
    if (holds(middle)) {
      end = middle;
    } else {
      begin = middle + 1;
    }
  }
  return begin;
}

struct Keyed {
  Found found;
  std::optional<EncodedValue> key;
};

class OrderedScroll {
 public:
  OrderedScroll(const Reading& reading, const ScrollOrder& order, std::size_t limit)
      : reading_(reading), order_(order), limit_(limit) {
    if (!order.after_value) return;
    core::Encoder(after_bytes_).value(*order.after_value);
    core::Decoder in(after_bytes_);
    after_ = orderable(EncodedValue::read(in));
  }

  Result<std::vector<Ordered>> run() {
    if (const auto ids = ids_to_look_up(reading_)) {
      for (const Found& found : STRATA_TRY(look_up(reading_, *ids))) STRATA_TRY(add(found));
    } else {
      for (const Part* part : reading_.parts->all) STRATA_TRY(add_part(*part));
      add_buffered();
    }
    const std::size_t count = std::min(limit_, page_.size());
    std::partial_sort(page_.begin(), page_.begin() + static_cast<std::ptrdiff_t>(count), page_.end(),
                      [this](const Keyed& a, const Keyed& b) { return before(a.key, a.found.id, b.key, b.found.id); });
    std::vector<Ordered> points;
    for (std::size_t i = 0; i < count; ++i) points.push_back({page_[i].found, to_value(page_[i].key)});
    return points;
  }

 private:
  /// Less than 0: in this order a comes first; what has no key is last.
  int direction(const std::optional<EncodedValue>& a, const std::optional<EncodedValue>& b) const {
    if (!a || !b) return (a ? 0 : 1) - (b ? 0 : 1);
    const Order of_a = order_of(*a), of_b = order_of(*b);
    const auto compared = of_a != of_b ? std::partial_ordering(of_a <=> of_b) : compare(*a, *b);
    const int ascending = compared < 0 ? -1 : compared > 0 ? 1 : 0;
    return order_.descending ? -ascending : ascending;
  }
  bool before(const std::optional<EncodedValue>& a, std::string_view id_of_a, const std::optional<EncodedValue>& b,
              std::string_view id_of_b) const {
    const int first = direction(a, b);
    return first != 0 ? first < 0 : id_of_a < id_of_b;
  }
  bool is_behind(const std::optional<EncodedValue>& key, std::string_view id) const {
    return !order_.after_value || before(after_, order_.after, key, id);
  }

  Result<void> add(const Found& found) {
    const auto key = orderable(EncodedMap::of_payload(STRATA_TRY(found.payload())).find(order_.field));
    if (is_behind(key, found.id)) page_.push_back({found, key});
    return {};
  }

  void add_buffered() {
    if (reading_.overlay == nullptr) return;
    for (const auto& [id, point] : *reading_.overlay) {
      if (!reading_.admits(id, point)) continue;
      const auto key = orderable(EncodedMap::of_payload(point.payload).find(order_.field));
      if (is_behind(key, id)) page_.push_back({{0, id, nullptr, 0, &point}, key});
    }
  }

  Result<void> add_part(const Part& part) {
    const Admission admission = STRATA_TRY(Admission::of(reading_, part));
    const RowSet* const matching = admission.matching();
    const bool few = matching != nullptr && matching->count() < matching->rows() / kRowsAPayload;
    const bool by_id = STRATA_TRY(part.first_above({})).has_value();
    const auto index = few || !by_id ? nullptr : STRATA_TRY(part.field_index(order_.field));
    if (index == nullptr) {
      return each_row(part, admission,
                      [&](Row row) -> Result<void> { return add({0, STRATA_TRY(part.id(row)), &part, row, nullptr}); });
    }
    // Rows ascend by id: of those that hold a value, none before this one is behind a page that ended at that value.
    const Row resumed = STRATA_TRY(part.first_above(order_.after)).value_or(0);
    std::size_t wanted = limit_;
    const std::uint32_t values = index->ordered_values();
    std::optional<EncodedValue> key;
    std::size_t taken = 0;  // of rows with this key, or one that equals it: 7 and 7.0 lie beside each other
    const auto take = [&](Row row) -> Result<bool> { return add_row(part, admission, row, key); };
    const auto number_of = [&](std::uint32_t i) { return order_.descending ? values - 1 - i : i; };
    const auto place_of = [&](std::uint32_t i) {
      return order_.after_value ? direction(after_, index->value(number_of(i))) : -1;
    };
    for (std::uint32_t i = first_where(values, [&](std::uint32_t each) { return place_of(each) <= 0; }); i < values;
         ++i) {
      const std::optional<EncodedValue> next = index->value(number_of(i));
      if (!key || direction(key, next) != 0) {
        wanted -= std::min(wanted, std::exchange(taken, 0));
        if (wanted == 0) return {};
      }
      key = next;
      std::size_t here = 0;
      STRATA_TRY(index->each_row(number_of(i), place_of(i) == 0 ? resumed : 0, [&](Row row) -> Result<bool> {
        here += STRATA_TRY(take(row)) ? 1 : 0;
        return here < wanted;
      }));
      taken += here;
    }
    wanted -= std::min(wanted, taken);
    key.reset();
    const RowSet without = index->rows_without_order();
    Row row = without.next(order_.after_value && !after_ ? resumed : 0);
    for (; wanted > 0 && row < without.rows(); row = without.next(row + 1)) wanted -= STRATA_TRY(take(row)) ? 1 : 0;
    return {};
  }

  /// Returns whether the row's point counts and is behind the last page.
  Result<bool> add_row(const Part& part, const Admission& admission, Row row, const std::optional<EncodedValue>& key) {
    if (!STRATA_TRY(admission.admits(row))) return false;
    const std::string_view id = STRATA_TRY(part.id(row));
    if (!is_behind(key, id)) return false;
    page_.push_back({{0, id, &part, row, nullptr}, key});
    return true;
  }

  const Reading& reading_;
  const ScrollOrder& order_;
  const std::size_t limit_;
  Bytes after_bytes_;
  std::optional<EncodedValue> after_;  // nothing: among what has no order
  std::vector<Keyed> page_;
};

}  // namespace

Result<std::vector<Ordered>> points_in_order(const Reading& reading, const ScrollOrder& order, std::size_t limit) {
  return OrderedScroll(reading, order, limit).run();
}

}  // namespace strata::store::vector
