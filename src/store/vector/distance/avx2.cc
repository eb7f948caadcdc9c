// AVX2 and FMA: code bytes are widened to 16 bits, which cannot saturate, and multiplied in pairs.
// Compiled with its own flags: nothing inline of the standard library may be instantiated here.
#include "store/vector/distance/distance.h"

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

namespace strata::store::vector::distance {
namespace {

// Four registers hold lanes 0…3, 4…7, 8…11 and 12…15 of the scalar oracle.
double fold(const __m256d lanes[4]) {
  const __m256d four = _mm256_add_pd(_mm256_add_pd(lanes[0], lanes[2]), _mm256_add_pd(lanes[1], lanes[3]));
  const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

__m256i tail_mask(std::size_t left) {
  const __m256i lanes = _mm256_setr_epi64x(0, 1, 2, 3);
  return _mm256_cmpgt_epi64(_mm256_set1_epi64x(static_cast<long long>(left)), lanes);
}

__m256d load_four(const float* from, std::size_t left) {
  if (left >= 4) return _mm256_cvtps_pd(_mm_loadu_ps(from));
  const __m256i wide = tail_mask(left);
  const __m128i mask =
      _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(wide, _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6)));
  return _mm256_cvtps_pd(_mm_maskload_ps(from, mask));
}

double dot(const float* a, const float* b, std::size_t size) {
  __m256d lanes[4] = {_mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd()};
  for (std::size_t i = 0; i < size; i += 16) {
    for (std::size_t part = 0; part < 4; ++part) {
      const std::size_t at = i + part * 4;
      if (at >= size) break;
      lanes[part] = _mm256_fmadd_pd(load_four(a + at, size - at), load_four(b + at, size - at), lanes[part]);
    }
  }
  return fold(lanes);
}

double squared_l2(const float* a, const float* b, std::size_t size) {
  __m256d lanes[4] = {_mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd()};
  for (std::size_t i = 0; i < size; i += 16) {
    for (std::size_t part = 0; part < 4; ++part) {
      const std::size_t at = i + part * 4;
      if (at >= size) break;
      const __m256d difference = _mm256_sub_pd(load_four(a + at, size - at), load_four(b + at, size - at));
      lanes[part] = _mm256_add_pd(lanes[part], _mm256_mul_pd(difference, difference));
    }
  }
  return fold(lanes);
}

std::int32_t dot_codes(const std::uint8_t* code, const std::int8_t* query, std::size_t stride) {
  __m256i sum = _mm256_setzero_si256();
  for (std::size_t i = 0; i < stride; i += 32) {
    const __m256i low =
        _mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(code + i))),
                          _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(query + i))));
    const __m256i high =
        _mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(code + i + 16))),
                          _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(query + i + 16))));
    sum = _mm256_add_epi32(sum, _mm256_add_epi32(low, high));
  }
  __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1));
  return _mm_cvtsi128_si32(four);
}

std::uint32_t scan(const ScanQuery& query, const CodeColumns& columns, std::uint32_t begin, std::uint32_t end,
                   float threshold, std::uint32_t* rows, float* bounds) {
  std::uint32_t found = 0;
  for (std::uint32_t row = begin; row < end; ++row) {
    const std::int32_t sum = dot_codes(columns.codes + std::size_t{row} * query.stride, query.codes, query.stride);
    const float bound = query.dot_weight * columns.scale[row] * static_cast<float>(sum - query.bias) +
                        query.residual_weight * columns.residual[row] + query.length_weight * columns.length[row] +
                        query.square_weight * columns.square[row] + query.constant;
    if (!(bound < threshold)) {
      rows[found] = row;
      bounds[found++] = bound;
    }
  }
  return found;
}

const Kernels kAvx2Kernels{"avx2", dot, squared_l2, scan};

}  // namespace

const Kernels* avx2_kernels() { return &kAvx2Kernels; }

}  // namespace strata::store::vector::distance
#else
namespace strata::store::vector::distance {
const Kernels* avx2_kernels() { return nullptr; }
}  // namespace strata::store::vector::distance
#endif
