// AVX-512 with VNNI: one instruction multiplies and adds 64 code bytes.
// Compiled with its own flags: nothing inline of the standard library may be instantiated here.
#include "store/vector/distance/centroid_rows.h"
#include "store/vector/distance/code_rows.h"
#include "store/vector/distance/pick_rows.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512VNNI__)
#include <immintrin.h>

namespace strata::store::vector::distance {
namespace {

// Lanes 0…7 in `low`, 8…15 in `high`: the order of the scalar oracle.
double fold(__m512d low, __m512d high) {
  const __m512d eight = _mm512_add_pd(low, high);
  const __m256d four = _mm256_add_pd(_mm512_castpd512_pd256(eight), _mm512_extractf64x4_pd(eight, 1));
  const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

__m512d low_half(__m512 x) { return _mm512_cvtps_pd(_mm512_castps512_ps256(x)); }
__m512d high_half(__m512 x) {
  return _mm512_cvtps_pd(_mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(x), 1)));
}

// Sums add(lane, a[i], b[i]), sixteen elements at a time.
template <typename Add>
double sum(const float* a, const float* b, std::size_t size, Add add) {
  __m512d low = _mm512_setzero_pd();
  __m512d high = _mm512_setzero_pd();
  for (std::size_t i = 0; i < size; i += 16) {
    const __mmask16 mask = size - i >= 16 ? __mmask16(0xffff) : static_cast<__mmask16>((1U << (size - i)) - 1);
    const __m512 x = _mm512_maskz_loadu_ps(mask, a + i);
    const __m512 y = _mm512_maskz_loadu_ps(mask, b + i);
    low = add(low, low_half(x), low_half(y));
    high = add(high, high_half(x), high_half(y));
  }
  return fold(low, high);
}

// A product of two floats is exact in double, so that one rounding is the oracle's.
double dot(const float* a, const float* b, std::size_t size) {
  return sum(a, b, size, [](__m512d lane, __m512d x, __m512d y) { return _mm512_fmadd_pd(x, y, lane); });
}

double squared_l2(const float* a, const float* b, std::size_t size) {
  return sum(a, b, size, [](__m512d lane, __m512d x, __m512d y) {
    const __m512d difference = _mm512_sub_pd(x, y);
    return _mm512_add_pd(lane, _mm512_mul_pd(difference, difference));  // rounded twice, as the oracle does
  });
}

// The sums of four registers' lanes, side by side.
__m128i totals(__m512i a, __m512i b, __m512i c, __m512i d) {
  const __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
  const __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
  const __m512i abcd = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
  const __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(abcd), _mm512_extracti64x4_epi64(abcd, 1));
  return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

// Four rows at once share the loads of the query.
__m128i dot_four(const std::uint8_t* const rows[4], const std::int8_t* query, std::size_t stride) {
  __m512i a = _mm512_setzero_si512();
  __m512i b = a;
  __m512i c = a;
  __m512i d = a;
  for (std::size_t i = 0; i < stride; i += 64) {
    const __m512i q = _mm512_load_si512(query + i);
    a = _mm512_dpbusd_epi32(a, _mm512_loadu_si512(rows[0] + i), q);
    b = _mm512_dpbusd_epi32(b, _mm512_loadu_si512(rows[1] + i), q);
    c = _mm512_dpbusd_epi32(c, _mm512_loadu_si512(rows[2] + i), q);
    d = _mm512_dpbusd_epi32(d, _mm512_loadu_si512(rows[3] + i), q);
  }
  return totals(a, b, c, d);
}

__m512i dot_sixteen(const std::uint8_t* const rows[16], const ScanQuery& query) {
  __m128i sums[4];
  for (std::uint32_t group = 0; group < 4; ++group) sums[group] = dot_four(rows + group * 4, query.codes, query.stride);
  return _mm512_inserti64x4(
      _mm512_castsi256_si512(_mm256_inserti128_si256(_mm256_castsi128_si256(sums[0]), sums[1], 1)),
      _mm256_inserti128_si256(_mm256_castsi128_si256(sums[2]), sums[3], 1), 1);
}

// The weights of a query, a lane for each of sixteen rows, and what reached the threshold so far.
struct Bounds {
  __m512 dot_weight, residual_weight, length_weight, square_weight, constant, limit;
  __m512i bias;
  std::uint32_t* rows;
  float* bounds;
  std::uint32_t found = 0;

  Bounds(const ScanQuery& query, float threshold, std::uint32_t* out_rows, float* out_bounds)
      : dot_weight(_mm512_set1_ps(query.dot_weight)),
        residual_weight(_mm512_set1_ps(query.residual_weight)),
        length_weight(_mm512_set1_ps(query.length_weight)),
        square_weight(_mm512_set1_ps(query.square_weight)),
        constant(_mm512_set1_ps(query.constant)),
        limit(_mm512_set1_ps(threshold)),
        bias(_mm512_set1_epi32(query.bias)),
        rows(out_rows),
        bounds(out_bounds) {}

  void add(__mmask16 mask, __m512i row, __m512i dots, __m512 scale, __m512 residual, __m512 length, __m512 square) {
    const __m512 dot = _mm512_cvtepi32_ps(_mm512_sub_epi32(dots, bias));
    __m512 bound = _mm512_mul_ps(_mm512_mul_ps(dot_weight, scale), dot);
    bound = _mm512_fmadd_ps(residual_weight, residual, bound);
    bound = _mm512_fmadd_ps(length_weight, length, bound);
    bound = _mm512_fmadd_ps(square_weight, square, bound);
    bound = _mm512_add_ps(bound, constant);
    const __mmask16 reaches = _mm512_mask_cmp_ps_mask(mask, bound, limit, _CMP_NLT_UQ);
    if (reaches == 0) return;
    // Stores of full width would run past the output's end; compress-stores write what they keep.
    _mm512_mask_compressstoreu_epi32(rows + found, reaches, row);
    _mm512_mask_compressstoreu_ps(bounds + found, reaches, bound);
    found += static_cast<std::uint32_t>(__builtin_popcount(reaches));
  }
};

__mmask16 mask_of(std::uint32_t left) {
  return left >= 16 ? __mmask16(0xffff) : static_cast<__mmask16>((1U << left) - 1);
}

std::uint32_t scan(const ScanQuery& query, const CodeColumns& columns, std::uint32_t begin, std::uint32_t end,
                   float threshold, std::uint32_t* out_rows, float* out_bounds) {
  const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  Bounds reached(query, threshold, out_rows, out_bounds);
  for (std::uint32_t row = begin; row < end; row += 16) {
    const __mmask16 mask = mask_of(end - row);
    const std::uint8_t* rows[16];
    for (std::uint32_t i = 0; i < 16; ++i) {
      const std::uint32_t at = row + i < end ? row + i : end - 1;
      rows[i] = columns.codes + std::size_t{at} * query.stride;
    }
    reached.add(mask, _mm512_add_epi32(lanes, _mm512_set1_epi32(static_cast<int>(row))), dot_sixteen(rows, query),
                _mm512_maskz_loadu_ps(mask, columns.scale + row), _mm512_maskz_loadu_ps(mask, columns.residual + row),
                _mm512_maskz_loadu_ps(mask, columns.length + row), _mm512_maskz_loadu_ps(mask, columns.square + row));
  }
  return reached.found;
}

std::uint32_t scan_picked(const ScanQuery& query, const CodeColumns& columns, const std::uint32_t* picked,
                          std::uint32_t count, float threshold, std::uint32_t* out_rows, float* out_bounds) {
  Bounds reached(query, threshold, out_rows, out_bounds);
  for (std::uint32_t i = 0; i < count && i < 16; ++i) ask_for(columns.codes, picked[i], query.stride);
  for (std::uint32_t i = 0; i < count; i += 16) {
    const __mmask16 mask = mask_of(count - i);
    const std::uint8_t* rows[16];
    for (std::uint32_t k = 0; k < 16; ++k) {
      if (i + 16 + k < count) ask_for(columns.codes, picked[i + 16 + k], query.stride);
      rows[k] = columns.codes + std::size_t{picked[i + k < count ? i + k : i]} * query.stride;
    }
    const __m512i row = _mm512_maskz_loadu_epi32(mask, picked + i);
    const auto of_rows = [&](const float* column) {
      return _mm512_mask_i32gather_ps(_mm512_setzero_ps(), mask, row, column, 4);
    };
    reached.add(mask, row, dot_sixteen(rows, query), of_rows(columns.scale), of_rows(columns.residual),
                of_rows(columns.length), of_rows(columns.square));
  }
  return reached.found;
}

// The loop of pick_rows, four rows a turn: they share the loads of the query and the additions across lanes.
template <typename Query, __m128i (*Dots)(const Query* query, const std::uint8_t* const rows[4], std::size_t stride)>
void pick_fours(const Query* query, const std::uint8_t* codes, std::size_t stride, const std::uint32_t* rows,
                std::uint32_t count, std::int32_t* dots) {
  constexpr std::uint32_t kFoursAhead = 8;
  for (std::uint32_t i = 0; i < count && i < kFoursAhead; ++i) ask_for(codes, rows[i], stride);
  for (std::uint32_t i = 0; i < count; i += 4) {
    const std::uint8_t* four[4];
    for (std::uint32_t k = 0; k < 4; ++k) {
      if (i + k + kFoursAhead < count) ask_for(codes, rows[i + k + kFoursAhead], stride);
      four[k] = codes + rows[i + k < count ? i + k : i] * stride;
    }
    const __m128i sums = Dots(query, four, stride);
    const __mmask8 mask = static_cast<__mmask8>(count - i >= 4 ? 15 : (1U << (count - i)) - 1);
    _mm_mask_storeu_epi32(dots + i, mask, sums);
  }
}

__m128i dots_of_codes(const std::uint8_t* query, const std::uint8_t* const rows[4], std::size_t stride) {
  const __m512i top = _mm512_set1_epi8(static_cast<char>(0x80));
  __m512i a = _mm512_setzero_si512();
  __m512i b = a;
  __m512i c = a;
  __m512i d = a;
  for (std::size_t i = 0; i < stride; i += 64) {
    const __m512i q = _mm512_xor_si512(_mm512_loadu_si512(query + i), top);  // less 128
    a = _mm512_dpbusd_epi32(a, _mm512_loadu_si512(rows[0] + i), q);
    b = _mm512_dpbusd_epi32(b, _mm512_loadu_si512(rows[1] + i), q);
    c = _mm512_dpbusd_epi32(c, _mm512_loadu_si512(rows[2] + i), q);
    d = _mm512_dpbusd_epi32(d, _mm512_loadu_si512(rows[3] + i), q);
  }
  return totals(a, b, c, d);
}

__m128i dots_of_halves(const std::int8_t* query, const std::uint8_t* const rows[4], std::size_t stride) {
  const __m512i mask = _mm512_set1_epi8(15);
  __m512i sums[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
  for (std::size_t i = 0; i < stride; i += 64) {
    const __m512i low = _mm512_load_si512(query + 2 * i);
    const __m512i high = _mm512_load_si512(query + 2 * i + 64);
    for (int k = 0; k < 4; ++k) {
      const __m512i both = _mm512_loadu_si512(rows[k] + i);
      sums[k] = _mm512_dpbusd_epi32(sums[k], _mm512_and_si512(both, mask), low);
      sums[k] = _mm512_dpbusd_epi32(sums[k], _mm512_and_si512(_mm512_srli_epi16(both, 4), mask), high);
    }
  }
  return totals(sums[0], sums[1], sums[2], sums[3]);
}

std::int32_t dot_bits(const std::int8_t* query, const std::uint8_t* bits, std::size_t size) {
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i sum = _mm512_setzero_si512();
  for (std::size_t i = 0; i < size; i += 64) {
    std::uint64_t set = 0;
    __builtin_memcpy(&set, bits + i / 8, 8);
    sum = _mm512_dpbusd_epi32(sum, _mm512_maskz_mov_epi8(set, ones), _mm512_loadu_si512(query + i));
  }
  return _mm512_reduce_add_epi32(sum);
}

float near_dot(const float* a, const float* b, std::size_t size) {
  __m512 sum = _mm512_setzero_ps();
  for (std::size_t i = 0; i < size; i += 16) {
    const __mmask16 mask = mask_of(static_cast<std::uint32_t>(size - i));
    sum = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, a + i), _mm512_maskz_loadu_ps(mask, b + i), sum);
  }
  return _mm512_reduce_add_ps(sum);
}

float near_dot_half(const float* a, const std::uint8_t* b, std::size_t size) {
  __m512 sum = _mm512_setzero_ps();
  for (std::size_t i = 0; i < size; i += 16) {
    const __mmask16 mask = mask_of(static_cast<std::uint32_t>(size - i));
    const __m512 halves = _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, b + 2 * i));
    sum = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, a + i), halves, sum);
  }
  return _mm512_reduce_add_ps(sum);
}

const Kernels kAvx512Kernels{"avx512vnni",
                             dot,
                             squared_l2,
                             scan,
                             scan_picked,
                             code_of,
                             largest_of,
                             join_of,
                             pick_fours<std::uint8_t, dots_of_codes>,
                             pick_fours<std::int8_t, dots_of_halves>,
                             nearest_centroids_of<64, 8>,
                             dot_bits,
                             near_dot,
                             near_dot_half};

}  // namespace

const Kernels* avx512_kernels() { return &kAvx512Kernels; }

}  // namespace strata::store::vector::distance
#else
namespace strata::store::vector::distance {
const Kernels* avx512_kernels() { return nullptr; }
}  // namespace strata::store::vector::distance
#endif
