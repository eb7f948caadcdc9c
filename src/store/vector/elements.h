#pragma once
/// Vectors as they are kept: the bytes of one row, by the collection's element type.
///
///     f32      4 bytes each, as given
///     f16      2: IEEE 754 binary16, rounded to nearest, ties to even
///     bf16     2: the upper half of a float32, rounded the same way
///     int8     1: two's complement
///     binary   a bit each, the first in the lowest bit of the first byte; bits past the last are 0
///
/// All are little-endian. What is read is float32 again, exactly what the bytes say: scores, codes and answers are made of that.
#include <span>
#include <vector>

#include "strata/vector.h"

namespace strata::store::vector {

/// Of one row.
std::size_t element_bytes(ElementType type, std::size_t dimension);

/// Whether `x`, finite, can be kept in a collection of these options. `what` opens the message's value part.
/// Errors  invalid_argument naming value, position and what the type holds; also what rounds to a zero vector under cosine
Result<void> check_elements(std::string_view collection, const CollectionOptions& options, std::string_view what,
                            std::span<const float> x);
/// Of a vector that check_elements let in.
Bytes to_elements(ElementType type, std::span<const float> x);
/// out  [dimension]; `stored` is element_bytes(type, dimension), at any address
void to_floats(ElementType type, ByteView stored, std::span<float> out);
/// The same without a copy where the bytes are floats already; else in `room`. `stored` is aligned for float when it is f32.
std::span<const float> as_floats(ElementType type, std::size_t dimension, ByteView stored, std::vector<float>& room);
/// What check_vector and check_elements let in, of bytes that lie at any address.
bool are_storable(const CollectionOptions& options, ByteView stored);

}  // namespace strata::store::vector
