#pragma once
/// NumPy's file format for one array (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): versions
/// 1.0 to 3.0 are read, 1.0 (or 2.0 when the header is long) is written.
#include <string>

#include "strata/array.h"

namespace strata::cli {

/// Errors  invalid_argument (no .npy, a type that arrays do not have, Fortran order with several axes, a length that
///         does not fit the shape)
Result<ArrayData> parse_npy(ByteView file);
Bytes to_npy(const ArrayData& array);

/// Nested lists of numbers, all of one shape. Errors  invalid_argument (ragged, no numbers, out of the type's range)
Result<ArrayData> array_from_json(const Value& value, DataType type);
Value array_to_json(const ArrayData& array);

/// As one vector: of one axis, or of two with one row; any numeric type.
Result<std::vector<float>> to_floats(const ArrayData& array);

}  // namespace strata::cli
