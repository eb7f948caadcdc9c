#pragma once
/// The loops of a scan around an instruction set's own dot product of codes.
#include "store/vector/distance/distance.h"
#include "store/vector/distance/pick_rows.h"

namespace strata::store::vector::distance {

namespace {  // a copy of its own for each unit: none may run another's instructions

inline float bound_of(const ScanQuery& query, const CodeColumns& columns, std::uint32_t row, std::int32_t dot) {
  return query.dot_weight * columns.scale[row] * static_cast<float>(dot) +
         query.residual_weight * columns.residual[row] + query.length_weight * columns.length[row] +
         query.square_weight * columns.square[row] + query.constant;
}

/// Kernels::scan, where DotCodes(query, code) is ⟨query, code − 128⟩ of one row.
template <std::int32_t (*DotCodes)(const ScanQuery& query, const std::uint8_t* code)>
std::uint32_t scan_rows(const ScanQuery& query, const CodeColumns& columns, std::uint32_t begin, std::uint32_t end,
                        float threshold, std::uint32_t* rows, float* bounds) {
  std::uint32_t found = 0;
  for (std::uint32_t row = begin; row < end; ++row) {
    const float bound = bound_of(query, columns, row, DotCodes(query, columns.codes + std::size_t{row} * query.stride));
    if (bound < threshold) continue;
    rows[found] = row;
    bounds[found++] = bound;
  }
  return found;
}

/// Kernels::scan_picked
template <std::int32_t (*DotCodes)(const ScanQuery& query, const std::uint8_t* code)>
std::uint32_t scan_picked_rows(const ScanQuery& query, const CodeColumns& columns, const std::uint32_t* picked,
                               std::uint32_t count, float threshold, std::uint32_t* rows, float* bounds) {
  std::uint32_t found = 0;
  for (std::uint32_t i = 0; i < count && i < kAhead; ++i) ask_for(columns.codes, picked[i], query.stride);
  for (std::uint32_t i = 0; i < count; ++i) {
    if (i + kAhead < count) ask_for(columns.codes, picked[i + kAhead], query.stride);
    const std::uint32_t row = picked[i];
    const float bound = bound_of(query, columns, row, DotCodes(query, columns.codes + std::size_t{row} * query.stride));
    if (bound < threshold) continue;
    rows[found] = row;
    bounds[found++] = bound;
  }
  return found;
}

}  // namespace
}  // namespace strata::store::vector::distance
