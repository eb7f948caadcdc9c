// The oracle: what the other instruction sets must equal, written to be read.
#include "core/half.h"
#include "store/vector/distance/centroid_rows.h"
#include "store/vector/distance/code_rows.h"
#include "store/vector/distance/pick_rows.h"
#include "store/vector/distance/scan_rows.h"

namespace strata::store::vector::distance {
namespace {

constexpr std::size_t kLanes = 16;

// The order of additions is the contract: element i goes to lane i mod 16, lanes fold in halves.
double fold(double* lanes) {
  for (std::size_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

double dot(const float* a, const float* b, std::size_t size) {
  double lanes[kLanes] = {};
  for (std::size_t i = 0; i < size; ++i) {
    lanes[i % kLanes] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  }
  return fold(lanes);
}

double squared_l2(const float* a, const float* b, std::size_t size) {
  double lanes[kLanes] = {};
  for (std::size_t i = 0; i < size; ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    lanes[i % kLanes] += difference * difference;
  }
  return fold(lanes);
}

std::int32_t dot_codes(const ScanQuery& query, const std::uint8_t* code) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < query.stride; ++i) {
    sum += static_cast<std::int32_t>(code[i]) * static_cast<std::int32_t>(query.codes[i]);
  }
  return sum - query.bias;
}

std::int32_t dot_of_codes(const std::uint8_t* query, const std::uint8_t* code, std::size_t stride) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < stride; ++i) sum += (static_cast<std::int32_t>(query[i]) - 128) * code[i];
  return sum;
}

std::int32_t dot_halves(const std::int8_t* query, const std::uint8_t* half, std::size_t stride) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < stride; ++i) {
    const std::int8_t* low = query + i / 64 * 128 + i % 64;
    sum += (half[i] & 15) * low[0] + (half[i] >> 4) * low[64];
  }
  return sum;
}

std::int32_t dot_bits(const std::int8_t* query, const std::uint8_t* bits, std::size_t size) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < size; ++i) sum += (bits[i / 8] >> (i % 8) & 1) != 0 ? query[i] : 0;
  return sum;
}

float near_dot(const float* a, const float* b, std::size_t size) {
  float sum = 0;
  for (std::size_t i = 0; i < size; ++i) sum += a[i] * b[i];
  return sum;
}

float near_dot_half(const float* a, const std::uint8_t* b, std::size_t size) {
  float sum = 0;
  for (std::size_t i = 0; i < size; ++i) {
    sum += a[i] * core::from_half(static_cast<std::uint16_t>(b[2 * i] | b[2 * i + 1] << 8));
  }
  return sum;
}

}  // namespace

const Kernels kScalarKernels{"scalar",
                             dot,
                             squared_l2,
                             scan_rows<dot_codes>,
                             scan_picked_rows<dot_codes>,
                             code_of,
                             largest_of,
                             join_of,
                             pick_rows<std::uint8_t, dot_of_codes>,
                             pick_rows<std::int8_t, dot_halves>,
                             nearest_centroids_of<16, 2>,
                             dot_bits,
                             near_dot,
                             near_dot_half};

}  // namespace strata::store::vector::distance
