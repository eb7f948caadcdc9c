#include "store/vector/query/field_value.h"

#include <unordered_set>

namespace strata::store::vector {
namespace {

// A whole number is an integer, however it was written.
Value normal(double real) {
  const bool whole = real >= -9223372036854775808.0 && real < 9223372036854775808.0 && std::trunc(real) == real;
  return whole ? Value(static_cast<std::int64_t>(real)) : Value(real);
}

int rank_of(const Value& value) {
  if (value.integer() != nullptr || value.real() != nullptr) return 0;
  return value.text() != nullptr ? 1 : 2;
}

}  // namespace

std::optional<FieldValue> single_value(const EncodedValue& value) {
  FieldValue single;
  switch (value.kind()) {
    case Value::Kind::boolean: single.value = value.boolean(); break;
    case Value::Kind::integer: single.value = value.integer(); break;
    case Value::Kind::real:
      if (std::isnan(value.real())) return std::nullopt;
      single.value = normal(value.real());
      break;
    case Value::Kind::text: single.value = std::string(value.text()); break;
    case Value::Kind::bytes: single.value = Bytes(value.content().begin(), value.content().end()); break;
    case Value::Kind::null:
    case Value::Kind::list:
    case Value::Kind::map: return std::nullopt;
  }
  Bytes key;
  core::Encoder(key).value(single.value);
  single.key = as_text(key);
  return single;
}

std::vector<FieldValue> values_of_field(const std::optional<EncodedValue>& field) {
  std::vector<FieldValue> values;
  if (!field) return values;
  std::unordered_set<std::string> known;  // a list may be as long as a payload
  const auto add = [&](const EncodedValue& value) {
    auto single = single_value(value);
    if (single && known.insert(single->key).second) values.push_back(std::move(*single));
    return false;
  };
  if (field->kind() == Value::Kind::list) {
    field->any_item(add);
  } else {
    add(*field);
  }
  return values;
}

bool comes_before(const FieldValue& a, const FieldValue& b) {
  const int rank = rank_of(a.value);
  if (rank != rank_of(b.value)) return rank < rank_of(b.value);
  if (rank == 2) return a.key < b.key;
  core::Decoder in(as_bytes(a.key));
  return compare(*EncodedValue::read(in), b.value) < 0;
}

}  // namespace strata::store::vector
