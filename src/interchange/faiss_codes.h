#pragma once
/// How a faiss index keeps the numbers of a vector: as floats, or as the codes of its scalar quantizer.
#include <span>
#include <string>
#include <vector>

#include "interchange/input_file.h"

namespace strata::interchange {

/// faiss::ScalarQuantizer::QuantizerType, by the numbers in its files.
enum class FaissCode : std::int32_t {
  bits8 = 0,  ///< each dimension has its range
  bits4 = 1,
  bits8_uniform = 2,  ///< one range for all dimensions
  bits4_uniform = 3,
  fp16 = 4,
  bits8_direct = 5,  ///< the numbers are 0 … 255
  bits6 = 6,
  bf16 = 7,
  bits8_signed = 8,  ///< the numbers are -128 … 127
  floats = 1000,     ///< no quantizer: 32-bit floats (ours, in no file)
};

struct FaissCoding {
  FaissCode code = FaissCode::floats;
  std::uint32_t dimension = 0;
  std::uint64_t row_bytes = 0;
  std::vector<float> ranges;  ///< least value and width: of each dimension, [2 · dimension], or of all, [2]

  bool exact() const { return code == FaissCode::floats; }
  std::string name() const;  ///< "QT_8bit"
  /// codes  [row_bytes]      vector  [dimension]
  void decode(const std::byte* codes, std::span<float> vector) const;
};

/// Reads the quantizer of an index of `dimension` dimensions.
/// Errors  corruption, invalid_argument (sizes that do not fit together), unsupported (a type that is not in the list above)
Result<FaissCoding> read_faiss_quantizer(FieldReader& reader, std::uint32_t dimension);

}  // namespace strata::interchange
