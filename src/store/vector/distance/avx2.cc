// AVX2 and FMA: code bytes are widened to 16 bits, which cannot saturate, and multiplied in pairs.
// Compiled with its own flags: nothing inline of the standard library may be instantiated here.
#include "store/vector/distance/centroid_rows.h"
#include "store/vector/distance/code_rows.h"
#include "store/vector/distance/pick_rows.h"
#include "store/vector/distance/scan_rows.h"

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

// Sums add(lane, a[i], b[i]), four elements at a time.
template <typename Add>
double sum(const float* a, const float* b, std::size_t size, Add add) {
  __m256d lanes[4] = {_mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd()};
  for (std::size_t i = 0; i < size; i += 16) {
    for (std::size_t part = 0; part < 4; ++part) {
      const std::size_t at = i + part * 4;
      if (at >= size) break;
      lanes[part] = add(lanes[part], load_four(a + at, size - at), load_four(b + at, size - at));
    }
  }
  return fold(lanes);
}

double dot(const float* a, const float* b, std::size_t size) {
  return sum(a, b, size, [](__m256d lane, __m256d x, __m256d y) { return _mm256_fmadd_pd(x, y, lane); });
}

double squared_l2(const float* a, const float* b, std::size_t size) {
  return sum(a, b, size, [](__m256d lane, __m256d x, __m256d y) {
    const __m256d difference = _mm256_sub_pd(x, y);
    return _mm256_add_pd(lane, _mm256_mul_pd(difference, difference));  // rounded twice, as the oracle does
  });
}

std::int32_t total(__m256i sum) {
  __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1));
  return _mm_cvtsi128_si32(four);
}

std::int32_t dot_codes(const ScanQuery& query, const std::uint8_t* code) {
  __m256i sum = _mm256_setzero_si256();
  for (std::size_t i = 0; i < query.stride; i += 32) {
    const __m256i low =
        _mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(code + i))),
                          _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(query.codes + i))));
    const __m256i high = _mm256_madd_epi16(
        _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(code + i + 16))),
        _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(query.codes + i + 16))));
    sum = _mm256_add_epi32(sum, _mm256_add_epi32(low, high));
  }
  return total(sum) - query.bias;
}

// Two products of a half code and a query code are at most 2 · 15 · 127: pairs fit into 16 bits.
std::int32_t dot_halves(const std::int8_t* query, const std::uint8_t* half, std::size_t stride) {
  const __m256i mask = _mm256_set1_epi8(15);
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i sum = _mm256_setzero_si256();
  for (std::size_t i = 0; i < stride; i += 32) {
    const std::int8_t* at = query + i / 64 * 128 + i % 64;
    const __m256i both = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(half + i));
    const __m256i low =
        _mm256_maddubs_epi16(_mm256_and_si256(both, mask), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
    const __m256i high = _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(both, 4), mask),
                                              _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + 64)));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_add_epi16(low, high), ones));
  }
  return total(sum);
}

std::int32_t dot_of_codes(const std::uint8_t* query, const std::uint8_t* code, std::size_t stride) {
  const __m256i middle = _mm256_set1_epi16(128);
  __m256i sum = _mm256_setzero_si256();
  for (std::size_t i = 0; i < stride; i += 16) {
    const __m256i q = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(query + i)));
    const __m256i c = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(code + i)));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_sub_epi16(q, middle), c));
  }
  return total(sum);
}

// Each bit becomes a byte of ones or zeros: its byte is brought to eight lanes, and its bit compared there.
std::int32_t dot_bits(const std::int8_t* query, const std::uint8_t* bits, std::size_t size) {
  const __m256i spread =
      _mm256_setr_epi64x(0x0000000000000000, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
  const __m256i each = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201));
  const __m256i ones = _mm256_set1_epi8(1);
  __m256i sum = _mm256_setzero_si256();
  for (std::size_t i = 0; i < size; i += 32) {
    std::int32_t four = 0;
    __builtin_memcpy(&four, bits + i / 8, 4);
    const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(four), spread);
    const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, each), each);
    const __m256i q = _mm256_and_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(query + i)), set);
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(ones, q), _mm256_set1_epi16(1)));
  }
  return total(sum);
}

float total(__m256 sum) {
  __m128 four = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
  four = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
}

float near_dot(const float* a, const float* b, std::size_t size) {
  __m256 sums[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  std::size_t i = 0;
  for (; i + 16 <= size; i += 16) {
    sums[0] = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), sums[0]);
    sums[1] = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8), sums[1]);
  }
  float sum = total(_mm256_add_ps(sums[0], sums[1]));
  for (; i < size; ++i) sum += a[i] * b[i];
  return sum;
}

// As core/half.h: the exponent's bias is put right by a multiplication.
__m256 from_halves(__m128i halves) {
  const __m256i wide = _mm256_cvtepu16_epi32(halves);
  const __m256i size = _mm256_slli_epi32(_mm256_and_si256(wide, _mm256_set1_epi32(0x7fff)), 13);
  const __m256i sign = _mm256_slli_epi32(_mm256_and_si256(wide, _mm256_set1_epi32(0x8000)), 16);
  const __m256 scaled = _mm256_mul_ps(_mm256_castsi256_ps(size), _mm256_set1_ps(5.192296858534828e33F));
  return _mm256_or_ps(scaled, _mm256_castsi256_ps(sign));
}

float near_dot_half(const float* a, const std::uint8_t* b, std::size_t size) {
  __m256 sum = _mm256_setzero_ps();
  std::size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b + 2 * i));
    sum = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), from_halves(halves), sum);
  }
  if (i == size) return total(sum);
  float left[8] = {};
  std::uint8_t bytes[16] = {};
  for (std::size_t k = 0; i + k < size; ++k) {
    left[k] = a[i + k];
    bytes[2 * k] = b[2 * (i + k)];
    bytes[2 * k + 1] = b[2 * (i + k) + 1];
  }
  const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
  return total(_mm256_fmadd_ps(_mm256_loadu_ps(left), from_halves(halves), sum));
}

const Kernels kAvx2Kernels{"avx2",
                           dot,
                           squared_l2,
                           scan_rows<dot_codes>,
                           scan_picked_rows<dot_codes>,
                           code_of,
                           largest_of,
                           join_of,
                           pick_rows<std::uint8_t, dot_of_codes>,
                           pick_rows<std::int8_t, dot_halves>,
                           nearest_centroids_of<32, 4>,
                           dot_bits,
                           near_dot,
                           near_dot_half};

}  // namespace

const Kernels* avx2_kernels() { return &kAvx2Kernels; }

}  // namespace strata::store::vector::distance
#else
namespace strata::store::vector::distance {
const Kernels* avx2_kernels() { return nullptr; }
}  // namespace strata::store::vector::distance
#endif
