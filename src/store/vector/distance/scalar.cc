// The oracle: what the other instruction sets must equal, written to be read.
#include "store/vector/distance/distance.h"

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

std::uint32_t scan(const ScanQuery& query, const CodeColumns& columns, std::uint32_t begin, std::uint32_t end,
                   float threshold, std::uint32_t* rows, float* bounds) {
  std::uint32_t found = 0;
  for (std::uint32_t row = begin; row < end; ++row) {
    const std::uint8_t* code = columns.codes + std::size_t{row} * query.stride;
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < query.stride; ++i) {
      sum += static_cast<std::int32_t>(code[i]) * static_cast<std::int32_t>(query.codes[i]);
    }
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

}  // namespace

const Kernels kScalarKernels{"scalar", dot, squared_l2, scan};

}  // namespace strata::store::vector::distance
