#pragma once
/// The header of NumPy's file format for one array (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html),
/// versions 1.0 to 3.0: what the numbers are, and where they begin.
#include <string>
#include <vector>

#include "strata/array.h"
#include "strata/error.h"
#include "strata/value.h"

namespace strata::interchange {

inline constexpr std::size_t kNpyHeaderBytesMax = 1 << 20;
inline constexpr std::string_view kNpyMagic("\x93NUMPY", 6);

struct NpyHeader {
  std::string type;                  ///< as it stands there: "<f4", "|u1", "<U36"
  std::vector<std::uint64_t> shape;  ///< up to 32 axes
  bool fortran = false;              ///< of several axes, in Fortran order
  std::size_t begin = 0;             ///< of the numbers, in the file
};

/// front  the file's first bytes: all of them, or at least 12 + kNpyHeaderBytesMax
/// Errors  invalid_argument
Result<NpyHeader> parse_npy_header(ByteView front);
/// A numeric type of arrays, little-endian. Errors  invalid_argument (big-endian, text, complex …)
Result<DataType> npy_number_type(std::string_view type);
/// The bytes before the numbers of an array in C order, padded so that the numbers can be mapped.
std::string npy_header_text(DataType type, const std::vector<std::uint64_t>& shape);
/// One number as the double that it is, or the nearest (64-bit integers beyond 2^53).
double npy_number(DataType type, const std::byte* at) noexcept;

Error no_npy(const std::string& what);

}  // namespace strata::interchange
