#pragma once
/// Vectors of several kinds, as users write and read them.
///
///     dense     [0.1, 0.7]
///     sparse    {"indices": [7, 90], "values": [0.5, -2]}
#include <string>
#include <string_view>
#include <vector>

#include "strata/vector.h"

namespace strata::cli {

/// A vector that was given: dense, or sparse with as many indices as values.
struct GivenVector {
  std::string name = {};
  std::vector<float> values = {};
  std::vector<std::uint32_t> indices = {};
};

/// A list, or a map of indices and values. Errors  invalid_argument
Result<GivenVector> vector_from(const Value& value);
/// The same as JSON text; a list also as parse_vector takes it.
Result<GivenVector> parse_any_vector(std::string_view text);
/// "title=[0.1, 0.7]"
Result<GivenVector> parse_side(std::string_view text);
/// Of a point's "vectors": a map of such by name. Errors  invalid_argument
Result<std::vector<GivenVector>> vectors_from(const Map& vectors);
/// Borrows them.
std::vector<PointVector> point_vectors(const std::vector<GivenVector>& given);

/// "title:384", "title:384:l2:f16:flat": name, dimension, and what is not as usual of metric, element type and index
Result<NamedVector> parse_named_vector(std::string_view text);
/// The other way, with metric, element type and index; of a sparse one "splade:sparse".
std::string written(const NamedVector& vector);

Value printed(const std::vector<float>& values, const std::vector<std::uint32_t>& indices);
Map printed(const std::vector<StoredVector>& vectors);

}  // namespace strata::cli
