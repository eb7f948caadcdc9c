// NEON, the baseline of every 64-bit ARM: code bytes become signed by flipping their top bit.
#include "store/vector/distance/centroid_rows.h"
#include "store/vector/distance/code_rows.h"
#include "store/vector/distance/pick_rows.h"
#include "store/vector/distance/scan_rows.h"

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

float64x2_t load_two(const float* from, std::size_t left) {
  if (left >= 2) return vcvt_f64_f32(vld1_f32(from));
  const float pair[2] = {from[0], 0};
  return vcvt_f64_f32(vld1_f32(pair));
}

// Sums add(lane, a[i], b[i]), two elements at a time.
template <typename Add>
double sum(const float* a, const float* b, std::size_t size, Add add) {
  float64x2_t lanes[kRegisters];
  for (auto& lane : lanes) lane = vdupq_n_f64(0);
  for (std::size_t i = 0; i < size; i += 2) {
    float64x2_t& lane = lanes[i / 2 % kRegisters];
    lane = add(lane, load_two(a + i, size - i), load_two(b + i, size - i));
  }
  return fold(lanes);
}

double dot(const float* a, const float* b, std::size_t size) {
  return sum(a, b, size, [](float64x2_t lane, float64x2_t x, float64x2_t y) { return vfmaq_f64(lane, x, y); });
}

double squared_l2(const float* a, const float* b, std::size_t size) {
  return sum(a, b, size, [](float64x2_t lane, float64x2_t x, float64x2_t y) {
    const float64x2_t difference = vsubq_f64(x, y);
    return vaddq_f64(lane, vmulq_f64(difference, difference));  // rounded twice, as the oracle does
  });
}

// The codes are made signed on the way, so no bias is to be taken out.
std::int32_t dot_codes(const ScanQuery& query, const std::uint8_t* code) {
  int32x4_t sum = vdupq_n_s32(0);
  for (std::size_t i = 0; i < query.stride; i += 16) {
    const int8x16_t c = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(code + i), vdupq_n_u8(0x80)));
    const int8x16_t q = vld1q_s8(query.codes + i);
    sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(c), vget_low_s8(q)));
    sum = vpadalq_s16(sum, vmull_s8(vget_high_s8(c), vget_high_s8(q)));
  }
  return vaddvq_s32(sum);
}

// Bytes up to 255 times bytes down to −128: widened, for there is no such product of bytes in the baseline.
std::int32_t dot_of_codes(const std::uint8_t* query, const std::uint8_t* code, std::size_t stride) {
  int32x4_t sum = vdupq_n_s32(0);
  for (std::size_t i = 0; i < stride; i += 8) {
    const int16x8_t c = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(code + i)));
    const int16x8_t q = vsubq_s16(vreinterpretq_s16_u16(vmovl_u8(vld1_u8(query + i))), vdupq_n_s16(128));
    sum = vmlal_s16(sum, vget_low_s16(c), vget_low_s16(q));
    sum = vmlal_s16(sum, vget_high_s16(c), vget_high_s16(q));
  }
  return vaddvq_s32(sum);
}

// Half codes are signed bytes, too.
std::int32_t dot_halves(const std::int8_t* query, const std::uint8_t* half, std::size_t stride) {
  int32x4_t sum = vdupq_n_s32(0);
  for (std::size_t i = 0; i < stride; i += 16) {
    const std::int8_t* at = query + i / 64 * 128 + i % 64;
    const uint8x16_t both = vld1q_u8(half + i);
    const int8x16_t low = vreinterpretq_s8_u8(vandq_u8(both, vdupq_n_u8(15)));
    const int8x16_t high = vreinterpretq_s8_u8(vshrq_n_u8(both, 4));
    const int8x16_t q = vld1q_s8(at);
    const int8x16_t p = vld1q_s8(at + 64);
    sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(low), vget_low_s8(q)));
    sum = vpadalq_s16(sum, vmull_s8(vget_high_s8(low), vget_high_s8(q)));
    sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(high), vget_low_s8(p)));
    sum = vpadalq_s16(sum, vmull_s8(vget_high_s8(high), vget_high_s8(p)));
  }
  return vaddvq_s32(sum);
}

std::int32_t dot_bits(const std::int8_t* query, const std::uint8_t* bits, std::size_t size) {
  const std::uint8_t places[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  const uint8x16_t each = vld1q_u8(places);
  int32x4_t sum = vdupq_n_s32(0);
  for (std::size_t i = 0; i < size; i += 16) {
    const uint8x16_t bytes = vcombine_u8(vdup_n_u8(bits[i / 8]), vdup_n_u8(bits[i / 8 + 1]));
    const int8x16_t q = vandq_s8(vld1q_s8(query + i), vreinterpretq_s8_u8(vtstq_u8(bytes, each)));
    sum = vpadalq_s16(sum, vpaddlq_s8(q));
  }
  return vaddvq_s32(sum);
}

float near_dot(const float* a, const float* b, std::size_t size) {
  float32x4_t sum = vdupq_n_f32(0);
  std::size_t i = 0;
  for (; i + 4 <= size; i += 4) sum = vfmaq_f32(sum, vld1q_f32(a + i), vld1q_f32(b + i));
  float all = vaddvq_f32(sum);
  for (; i < size; ++i) all += a[i] * b[i];
  return all;
}

float near_dot_half(const float* a, const std::uint8_t* b, std::size_t size) {
  float32x4_t sum = vdupq_n_f32(0);
  std::size_t i = 0;
  for (; i + 4 <= size; i += 4) {
    const float16x4_t halves = vreinterpret_f16_u8(vld1_u8(b + 2 * i));
    sum = vfmaq_f32(sum, vld1q_f32(a + i), vcvt_f32_f16(halves));
  }
  if (i == size) return vaddvq_f32(sum);
  float left[4] = {};
  std::uint8_t bytes[8] = {};
  for (std::size_t k = 0; i + k < size; ++k) {
    left[k] = a[i + k];
    bytes[2 * k] = b[2 * (i + k)];
    bytes[2 * k + 1] = b[2 * (i + k) + 1];
  }
  return vaddvq_f32(vfmaq_f32(sum, vld1q_f32(left), vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(bytes)))));
}

const Kernels kNeonKernels{"neon",
                           dot,
                           squared_l2,
                           scan_rows<dot_codes>,
                           scan_picked_rows<dot_codes>,
                           code_of,
                           largest_of,
                           join_of,
                           pick_rows<std::uint8_t, dot_of_codes>,
                           pick_rows<std::int8_t, dot_halves>,
                           nearest_centroids_of<16, 4>,
                           dot_bits,
                           near_dot,
                           near_dot_half};

}  // namespace

const Kernels* neon_kernels() { return &kNeonKernels; }

}  // namespace strata::store::vector::distance
#else
namespace strata::store::vector::distance {
const Kernels* neon_kernels() { return nullptr; }
}  // namespace strata::store::vector::distance
#endif
