#pragma once
/// The loop of a scan around an instruction set's own dot product of codes.
#include "store/vector/distance/distance.h"

namespace strata::store::vector::distance {

/// Kernels::scan, where DotCodes(query, code) is ⟨query, code − 128⟩ of one row. DotCodes is local to its translation unit, and
/// so is what is made of this: no instruction reaches code that a processor without it runs.
template <std::int32_t (*DotCodes)(const ScanQuery& query, const std::uint8_t* code)>
std::uint32_t scan_rows(const ScanQuery& query, const CodeColumns& columns, std::uint32_t begin, std::uint32_t end,
                        float threshold, std::uint32_t* rows, float* bounds) {
  std::uint32_t found = 0;
  for (std::uint32_t row = begin; row < end; ++row) {
    const std::int32_t sum = DotCodes(query, columns.codes + std::size_t{row} * query.stride);
    const float bound = query.dot_weight * columns.scale[row] * static_cast<float>(sum) +
                        query.residual_weight * columns.residual[row] + query.length_weight * columns.length[row] +
                        query.square_weight * columns.square[row] + query.constant;
    if (!(bound < threshold)) {
      rows[found] = row;
      bounds[found++] = bound;
    }
  }
  return found;
}

}  // namespace strata::store::vector::distance
