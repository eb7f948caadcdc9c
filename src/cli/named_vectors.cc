#include "cli/named_vectors.h"

#include <charconv>

#include "cli/arguments.h"
#include "cli/output.h"

namespace strata::cli {
namespace {

Error invalid(std::string message) { return Error(ErrorCode::invalid_argument, std::move(message)); }

constexpr std::string_view kSparseForm =
    "a sparse vector is {\"indices\": list, \"values\": list}, whole numbers from 0 to 4294967295 and numbers";

Result<GivenVector> sparse_from(const Map& map) {
  const Value* const indices = map.find("indices");
  const Value* const values = map.find("values");
  const bool whole = map.size() == 2 && indices != nullptr && indices->list() != nullptr && values != nullptr &&
                     values->list() != nullptr;
  if (!whole) return invalid(std::string(kSparseForm));
  GivenVector vector;
  for (const Value& each : *indices->list()) {
    const std::int64_t* index = each.integer();
    if (index == nullptr || *index < 0 || *index > UINT32_MAX) return invalid(std::string(kSparseForm));
    vector.indices.push_back(static_cast<std::uint32_t>(*index));
  }
  if (!values->list()->empty()) vector.values = STRATA_TRY(parse_vector(to_json(*values)));
  return vector;
}

}  // namespace

Result<GivenVector> vector_from(const Value& value) {
  if (const Map* map = value.map()) return sparse_from(*map);
  GivenVector vector;
  vector.values = STRATA_TRY(parse_vector(to_json(value)));
  return vector;
}

Result<GivenVector> parse_any_vector(std::string_view text) {
  if (const auto value = parse_json(text); value && value->map() != nullptr) return sparse_from(*value->map());
  GivenVector vector;
  vector.values = STRATA_TRY(parse_vector(text));
  return vector;
}

Result<GivenVector> parse_side(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    return invalid("a further vector is NAME=VECTOR, as in 'title=[0.1, 0.2]'; not " + std::string(text.substr(0, 80)));
  }
  GivenVector vector = STRATA_TRY(parse_any_vector(text.substr(equals + 1)));
  vector.name = text.substr(0, equals);
  return vector;
}

Result<std::vector<GivenVector>> vectors_from(const Map& vectors) {
  std::vector<GivenVector> all;
  for (const auto& [name, value] : vectors) {
    auto vector = vector_from(value);
    if (!vector) return std::move(vector).error().with_context("vector \"" + name + "\"");
    vector->name = name;
    all.push_back(std::move(*vector));
  }
  return all;
}

std::vector<PointVector> point_vectors(const std::vector<GivenVector>& given) {
  std::vector<PointVector> all;
  all.reserve(given.size());
  for (const GivenVector& each : given) all.push_back({each.name, each.values, each.indices});
  return all;
}

Result<NamedVector> parse_named_vector(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::string_view rest = text;;) {
    const std::size_t colon = rest.find(':');
    parts.push_back(rest.substr(0, colon));
    if (colon == std::string_view::npos) break;
    rest = rest.substr(colon + 1);
  }
  NamedVector vector;
  vector.name = parts[0];
  if (parts.size() == 2 && parts[1] == name(VectorKind::sparse)) {
    vector.kind = VectorKind::sparse;
    return vector;
  }
  const std::string_view digits = parts.size() > 1 ? parts[1] : std::string_view();
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), vector.dimension);
  if (parts.size() > 5 || digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    return invalid("a named vector is NAME:DIMENSION, NAME:DIMENSION:METRIC:ELEMENT:INDEX or NAME:sparse; not \"" +
                   std::string(text.substr(0, 80)) + "\"");
  }
  if (parts.size() > 2) vector.metric = STRATA_TRY(parse_metric(parts[2]));
  if (parts.size() > 3) vector.element = STRATA_TRY(parse_element_type(parts[3]));
  if (parts.size() > 4) vector.index.kind = STRATA_TRY(parse_index_kind(parts[4]));
  return vector;
}

std::string written(const NamedVector& vector) {
  if (vector.kind == VectorKind::sparse) return vector.name + ":" + std::string(name(vector.kind));
  return vector.name + ":" + std::to_string(vector.dimension) + ":" + std::string(name(vector.metric)) + ":" +
         std::string(name(vector.element)) + ":" + std::string(name(vector.index.kind));
}

Value printed(const std::vector<float>& values, const std::vector<std::uint32_t>& indices) {
  if (indices.empty()) return shortest(values);
  Value::List list;
  for (const std::uint32_t index : indices) list.emplace_back(index);
  return Map{{"indices", std::move(list)}, {"values", shortest(values)}};
}

Map printed(const std::vector<StoredVector>& vectors) {
  Map map;
  for (const StoredVector& each : vectors) map.set(each.name, printed(each.values, each.indices));
  return map;
}

}  // namespace strata::cli
