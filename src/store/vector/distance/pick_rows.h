#pragma once
/// The loop over picked rows around an instruction set's own dot products. Rows lie anywhere, so the memory is asked for a few
/// rows before their turn: a row that waits for it costs more than all its arithmetic.
#include <cstddef>
#include <cstdint>

namespace strata::store::vector::distance {
namespace {  // a copy of its own for each unit: none may run another's instructions

constexpr std::uint32_t kAhead = 6;  // rows asked for before their turn; 4 to 8 measured the same

inline void ask_for(const std::uint8_t* codes, std::size_t row, std::size_t stride) {
  for (std::size_t i = 0; i < stride; i += 64) __builtin_prefetch(codes + row * stride + i);
}

/// Kernels::pick and pick_halves, where Dot(query, row, stride) is one row's.
template <typename Query, std::int32_t (*Dot)(const Query* query, const std::uint8_t* row, std::size_t stride)>
void pick_rows(const Query* query, const std::uint8_t* codes, std::size_t stride, const std::uint32_t* rows,
               std::uint32_t count, std::int32_t* dots) {
  for (std::uint32_t i = 0; i < count && i < kAhead; ++i) ask_for(codes, rows[i], stride);
  for (std::uint32_t i = 0; i < count; ++i) {
    if (i + kAhead < count) ask_for(codes, rows[i + kAhead], stride);
    dots[i] = Dot(query, codes + rows[i] * stride, stride);
  }
}

}  // namespace
}  // namespace strata::store::vector::distance
