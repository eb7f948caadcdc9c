#include "store/vector/coding.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "core/assert.h"

namespace strata::store::vector {
namespace {

// The share of a magnitude that float arithmetic may lose between the codes and a bound; errors are widened by it.
constexpr float kRounding = 2e-6F;
// Norms outside this range could leave the normal floats in a product; such a vector is always looked at exactly.
constexpr double kNormMin = 1e-15;
constexpr double kNormMax = 1e15;

bool ordinary(double norm) { return norm > kNormMin && norm < kNormMax; }

float to_finite_float(double value) {
  constexpr double kMax = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(value, -kMax, kMax));
}

}  // namespace

RowCode encode_row(Metric metric, std::span<const float> x, std::uint8_t* codes) {
  const double norm = metric == Metric::cosine ? std::sqrt(distance::kernels().dot(x.data(), x.data(), x.size())) : 1.0;
  const distance::CodedVector coded = distance::encode(x, norm, codes);
  RowCode row{coded.step, coded.scale, coded.residual, coded.length, 0};
  if (metric == Metric::cosine || coded.norm == 0) return row;
  if (!ordinary(coded.norm)) {
    row.residual = std::numeric_limits<float>::infinity();
  } else if (metric == Metric::l2) {
    row.square = static_cast<float>(coded.norm * coded.norm);
  }
  return row;
}

void QueryCode::Free::operator()(std::int8_t* memory) const { std::free(memory); }

QueryCode::QueryCode(Metric metric, std::span<const float> query) : metric_(metric), query_(query) {
  const std::size_t stride = distance::code_stride(query.size());
  const std::size_t padded = 2 * distance::half_stride(query.size());
  codes_.reset(static_cast<std::int8_t*>(std::aligned_alloc(64, padded)));
  STRATA_ASSERT(codes_ != nullptr);
  std::fill(codes_.get() + stride, codes_.get() + padded, std::int8_t{0});
  auto* biased = reinterpret_cast<std::uint8_t*>(codes_.get());
  norm_ = std::sqrt(distance::kernels().dot(query.data(), query.data(), query.size()));
  // A cosine query is coded at length 1; the others as they are.
  const distance::CodedVector coded = distance::encode(query, metric == Metric::cosine ? norm_ : 1.0, biased);
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < stride; ++i) {
    codes_[i] = static_cast<std::int8_t>(static_cast<std::int32_t>(biased[i]) - 128);
    sum += codes_[i];
  }
  const auto norm = static_cast<float>(metric == Metric::cosine ? 1.0 : norm_);
  const float factor = metric == Metric::l2 ? 2.0F : 1.0F;  // −‖q − x‖² = 2⟨q, x⟩ − ‖q‖² − ‖x‖²
  scan_.codes = codes_.get();
  scan_.stride = stride;
  scan_.bias = 128 * sum;
  scan_.dot_weight = factor * coded.scale;
  scan_.residual_weight = factor * norm * (1 + kRounding);
  scan_.length_weight = factor * (coded.residual + kRounding * norm);
  if (metric == Metric::l2) {
    const auto square = static_cast<float>(norm_ * norm_);
    scan_.square_weight = -1 + kRounding;
    scan_.constant = -square * (1 - kRounding);
    square_slack_ = 2 * kRounding;
    constant_slack_ = 2 * kRounding * square;
  }
  if (metric != Metric::cosine && !ordinary(norm_)) {
    scan_.constant = std::numeric_limits<float>::quiet_NaN();  // reaches every threshold
  }
}

float QueryCode::slack(const distance::CodeColumns& columns, std::uint32_t row) const {
  const float width = scan_.residual_weight * columns.residual[row] + scan_.length_weight * columns.length[row];
  return (2 * width + square_slack_ * columns.square[row] + constant_slack_) * (1 + kRounding);
}

float QueryCode::score(std::span<const float> x) const {
  const distance::Kernels& k = distance::kernels();
  switch (metric_) {
    case Metric::l2: return to_finite_float(-k.squared_l2(query_.data(), x.data(), x.size()));
    case Metric::inner_product: return to_finite_float(k.dot(query_.data(), x.data(), x.size()));
    case Metric::cosine: break;
  }
  const double norms = norm_ * std::sqrt(k.dot(x.data(), x.data(), x.size()));
  return to_finite_float(std::clamp(k.dot(query_.data(), x.data(), x.size()) / norms, -1.0, 1.0));
}

}  // namespace strata::store::vector
