#include "store/vector/filter/field_index.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "core/assert.h"

namespace strata::store::vector {
namespace {

constexpr std::uint32_t kAbsent = UINT32_MAX;
// A value that one in so many rows holds is kept as a set: a bit for each row, where a list takes 32 for each that holds it.
constexpr Row kSetShare = 32;
// What an index of nothing takes.
constexpr std::uint64_t kIndexOverheadBytes = 256;

EncodedValue decoded(ByteView bytes) {
  core::Decoder in(bytes);
  const auto value = EncodedValue::read(in);
  STRATA_ASSERT(value.has_value());  // it was read once from the same bytes
  return *value;
}

}  // namespace

Result<FieldIndex> FieldIndex::make(const Part& part, std::string_view field) {
  FieldIndex index;
  index.part_rows_ = part.rows();
  std::unordered_map<std::string_view, std::uint32_t> numbers;  // by encoded bytes
  std::vector<std::uint32_t> of_row(index.part_rows_, kAbsent);
  for (Row row = 0; row < index.part_rows_; ++row) {
    const auto value = EncodedMap::of_payload(STRATA_TRY(part.payload(row))).bytes_of(field);
    if (!value) continue;
    const auto [known, added] = numbers.try_emplace(as_text(*value), static_cast<std::uint32_t>(index.values_.size()));
    if (added) index.values_.push_back(*value);
    of_row[row] = known->second;
  }

  std::vector<EncodedValue> values;
  values.reserve(index.values_.size());
  for (const ByteView bytes : index.values_) values.push_back(decoded(bytes));
  std::vector<std::uint32_t> sorted(values.size());
  std::iota(sorted.begin(), sorted.end(), 0U);
  std::sort(sorted.begin(), sorted.end(), [&](std::uint32_t a, std::uint32_t b) {
    const Order of_a = order_of(values[a]), of_b = order_of(values[b]);
    return of_a != of_b ? of_a < of_b : of_a != Order::none && compare(values[a], values[b]) < 0;
  });
  const auto begin_of = [&](Order order) {
    return static_cast<std::uint32_t>(
        std::partition_point(sorted.begin(), sorted.end(),
                             [&](std::uint32_t number) { return order_of(values[number]) < order; }) -
        sorted.begin());
  };
  index.texts_begin_ = begin_of(Order::text);
  index.others_begin_ = begin_of(Order::none);

  std::vector<std::uint32_t> place(values.size());  // of a value's number
  std::vector<ByteView> in_order;
  in_order.reserve(values.size());
  for (const std::uint32_t number : sorted) {
    place[number] = static_cast<std::uint32_t>(in_order.size());
    in_order.push_back(index.values_[number]);
  }
  index.values_ = std::move(in_order);
  std::vector<std::uint32_t> counts(values.size());
  for (const std::uint32_t number : of_row) {
    if (number != kAbsent) ++counts[place[number]];
  }
  index.set_of_.assign(values.size(), kListed);
  index.begins_.assign(values.size() + 1, 0);
  for (std::size_t value = 0; value < counts.size(); ++value) {
    if (counts[value] > index.part_rows_ / kSetShare) {
      index.set_of_[value] = static_cast<std::uint32_t>(index.sets_.size());
      index.sets_.emplace_back(index.part_rows_);
      counts[value] = 0;
    }
    index.begins_[value + 1] = index.begins_[value] + counts[value];
  }
  index.rows_.resize(index.begins_.back());
  std::vector<std::uint32_t> next(index.begins_.begin(), index.begins_.end() - 1);
  for (Row row = 0; row < index.part_rows_; ++row) {
    if (of_row[row] == kAbsent) continue;
    const std::uint32_t value = place[of_row[row]];
    if (index.set_of_[value] != kListed) {
      index.sets_[index.set_of_[value]].add(row);
    } else {
      index.rows_[next[value]++] = row;
    }
  }
  return index;
}

void FieldIndex::add_rows(std::uint32_t number, RowSet& to) const {
  if (set_of_[number] != kListed) to.add(sets_[set_of_[number]]);
  for (std::uint32_t at = begins_[number]; at < begins_[number + 1]; ++at) to.add(rows_[at]);
}

std::uint64_t FieldIndex::bytes() const {
  std::uint64_t of_sets = 0;
  for (const RowSet& set : sets_) of_sets += set.bytes();
  return kIndexOverheadBytes + values_.size() * (sizeof(ByteView) + sizeof(std::uint32_t)) +
         begins_.size() * sizeof(std::uint32_t) + rows_.size() * sizeof(Row) + of_sets;
}

EncodedValue FieldIndex::value(std::uint32_t number) const { return decoded(values_[number]); }

FieldIndex::Range FieldIndex::equal_to(const Value& bound) const {
  const bool text = bound.text() != nullptr;
  if (!text && bound.integer() == nullptr && (bound.real() == nullptr || std::isnan(*bound.real()))) return {0, 0};
  const auto first = values_.begin() + (text ? texts_begin_ : 0);
  const auto last = values_.begin() + (text ? others_begin_ : texts_begin_);
  const auto from = std::partition_point(first, last, [&](ByteView v) { return compare(decoded(v), bound) < 0; });
  const auto to = std::partition_point(from, last, [&](ByteView v) { return compare(decoded(v), bound) <= 0; });
  return {static_cast<std::uint32_t>(from - values_.begin()), static_cast<std::uint32_t>(to - values_.begin())};
}

// The numbers and texts that are equal, one of and between what the condition says, by halving.
std::vector<FieldIndex::Range> FieldIndex::ordered(const Condition& condition) const {
  Range between{0, others_begin_};
  const auto keep = [&](const std::optional<Value>& bound, auto&& range_of) {
    if (!bound) return;
    const Range kind = bound->text() != nullptr ? Range{texts_begin_, others_begin_} : Range{0, texts_begin_};
    const bool compares = bound->real() == nullptr || !std::isnan(*bound->real());
    const Range range = compares ? range_of(kind, equal_to(*bound)) : Range{0, 0};
    between = {std::max(between.begin, range.begin), std::min(between.end, range.end)};
  };
  keep(condition.greater, [](Range kind, Range equal) { return Range{equal.end, kind.end}; });
  keep(condition.greater_equal, [](Range kind, Range equal) { return Range{equal.begin, kind.end}; });
  keep(condition.less, [](Range kind, Range equal) { return Range{kind.begin, equal.begin}; });
  keep(condition.less_equal, [](Range kind, Range equal) { return Range{kind.begin, equal.end}; });
  std::vector<Range> ranges;
  const auto add = [&](Range range) {
    range = {std::max(range.begin, between.begin), std::min(range.end, between.end)};
    if (range.begin < range.end) ranges.push_back(range);
  };
  if (condition.equal) {
    add(equal_to(*condition.equal));
  } else if (condition.one_of) {
    for (const Value& value : condition.one_of->values()) add(equal_to(value));
  } else {
    add(between);
  }
  return ranges;
}

RowSet FieldIndex::rows_where(const Condition& condition) const {
  RowSet found(part_rows_);
  if (condition.holds(std::nullopt)) {
    for (std::uint32_t number = 0; number < values_.size(); ++number) add_rows(number, found);
    found.invert();
  }
  // What else a condition says of a value must be asked: of what has no order, everything.
  const bool told = condition.told_by_order();
  const auto add = [&](Range range, bool ask) {
    for (std::uint32_t number = range.begin; number < range.end; ++number) {
      if (!ask || condition.holds(value(number))) add_rows(number, found);
    }
  };
  for (const Range& range : ordered(condition)) add(range, !told);
  add({others_begin_, static_cast<std::uint32_t>(values_.size())}, true);
  return found;
}

RowSet FieldIndex::rows_without_order() const {
  RowSet rows(part_rows_);
  for (std::uint32_t number = 0; number < others_begin_; ++number) add_rows(number, rows);
  rows.invert();
  return rows;
}

Result<std::shared_ptr<const RowSet>> FieldIndexes::rows_where(const Part& part, const Condition& condition) {
  {
    const core::MutexLock lock(mutex_);
    if (auto known = answers_.find(condition.key)) return known;
  }
  const auto index = STRATA_TRY(index_of(part, condition.field));
  if (!index) return std::shared_ptr<const RowSet>();
  auto rows = std::make_shared<const RowSet>(index->rows_where(condition));
  const core::MutexLock lock(mutex_);
  answers_.keep(condition.key, rows, rows->bytes(), kAnswerBytesARow * part.rows());
  return rows;
}

Result<std::shared_ptr<const FieldIndex>> FieldIndexes::index_of(const Part& part, std::string_view field) {
  {
    const core::MutexLock lock(mutex_);
    if (auto known = indexes_.find(field)) return known;
    if (wait_ > 0) {
      --wait_;
      return std::shared_ptr<const FieldIndex>();
    }
  }
  if (!making_.try_lock()) return std::shared_ptr<const FieldIndex>();
  auto made = make(part, field);
  making_.unlock();
  if (made || made.error().code() != ErrorCode::corruption) return made;
  // A damaged page costs the searches that need what lies in it, not every one that asks for the field.
  const core::MutexLock lock(mutex_);
  wait_ = kAsksADrop;
  return std::shared_ptr<const FieldIndex>();
}

Result<std::shared_ptr<const FieldIndex>> FieldIndexes::make(const Part& part, std::string_view field) {
  {
    const core::MutexLock lock(mutex_);
    if (auto known = indexes_.find(field)) return known;  // another thread was quicker
  }
  auto index = std::make_shared<const FieldIndex>(STRATA_TRY(FieldIndex::make(part, field)));
  const core::MutexLock lock(mutex_);
  if (indexes_.keep(field, index, index->bytes(), kIndexBytesARow * part.rows())) wait_ = kAsksADrop;
  return index;
}

std::uint64_t FieldIndexes::bytes() const {
  const core::MutexLock lock(mutex_);
  return indexes_.bytes() + answers_.bytes();
}

}  // namespace strata::store::vector
