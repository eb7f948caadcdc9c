// NEON, the baseline of every 64-bit ARM: code bytes become signed by flipping their top bit.
#include "store/vector/distance/distance.h"

#if defined(__aarch64__)
#include <arm_neon.h>

namespace strata::store::vector::distance {
namespace {

constexpr std::size_t kRegisters = 8;  // of two doubles: the sixteen lanes of the scalar oracle

double fold(float64x2_t* lanes) {
  for (std::size_t half = kRegisters / 2; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) lanes[i] = vaddq_f64(lanes[i], lanes[i + half]);
  }
  return vgetq_lane_f64(lanes[0], 0) + vgetq_lane_f64(lanes[0], 1);
}

void load_two(const float* from, std::size_t left, float64x2_t& out) {
  const float pair[2] = {left > 0 ? from[0] : 0.0F, left > 1 ? from[1] : 0.0F};
  out = vcvt_f64_f32(vld1_f32(pair));
}

double dot(const float* a, const float* b, std::size_t size) {
  float64x2_t lanes[kRegisters];
  for (auto& lane : lanes) lane = vdupq_n_f64(0);
  for (std::size_t i = 0; i < size; i += 2) {
    float64x2_t x;
    float64x2_t y;
    load_two(a + i, size - i, x);
    load_two(b + i, size - i, y);
    lanes[i / 2 % kRegisters] = vfmaq_f64(lanes[i / 2 % kRegisters], x, y);
  }
  return fold(lanes);
}

double squared_l2(const float* a, const float* b, std::size_t size) {
  float64x2_t lanes[kRegisters];
  for (auto& lane : lanes) lane = vdupq_n_f64(0);
  for (std::size_t i = 0; i < size; i += 2) {
    float64x2_t x;
    float64x2_t y;
    load_two(a + i, size - i, x);
    load_two(b + i, size - i, y);
    const float64x2_t difference = vsubq_f64(x, y);
    lanes[i / 2 % kRegisters] = vaddq_f64(lanes[i / 2 % kRegisters], vmulq_f64(difference, difference));
  }
  return fold(lanes);
}

// ⟨query, code − 128⟩: the bias is already out.
std::int32_t dot_codes(const std::uint8_t* code, const std::int8_t* query, std::size_t stride) {
  int32x4_t sum = vdupq_n_s32(0);
  for (std::size_t i = 0; i < stride; i += 16) {
    const int8x16_t c = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(code + i), vdupq_n_u8(0x80)));
    const int8x16_t q = vld1q_s8(query + i);
    sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(c), vget_low_s8(q)));
    sum = vpadalq_s16(sum, vmull_s8(vget_high_s8(c), vget_high_s8(q)));
  }
  return vaddvq_s32(sum);
}

std::uint32_t scan(const ScanQuery& query, const CodeColumns& columns, std::uint32_t begin, std::uint32_t end,
                   float threshold, std::uint32_t* rows, float* bounds) {
  std::uint32_t found = 0;
  for (std::uint32_t row = begin; row < end; ++row) {
    const std::int32_t sum = dot_codes(columns.codes + std::size_t{row} * query.stride, query.codes, query.stride);
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

const Kernels kNeonKernels{"neon", dot, squared_l2, scan};

}  // namespace

const Kernels* neon_kernels() { return &kNeonKernels; }

}  // namespace strata::store::vector::distance
#else
namespace strata::store::vector::distance {
const Kernels* neon_kernels() { return nullptr; }
}  // namespace strata::store::vector::distance
#endif
