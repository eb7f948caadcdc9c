#include "store/vector/quantization/rabitq.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace strata::store::vector {
namespace {

constexpr std::uint64_t kSeed = 0x5261'4269'7451;
constexpr float kErrorFactor =
    1.9F;  // ε₀: standard deviations of a nearly normal error; one estimate in some twenty lies outside

class RabitqScorer final : public Scorer {
 public:
  RabitqScorer(const ScorerInput& input, const Rotation& rotation, std::span<const float> centre)
      : input_(input), ranking_(*input.query, input.columns), size_(rotation.size()), codes_(size_) {
    const std::vector<float> query = compared(*input.query);
    std::vector<float> rotated(size_);
    std::copy(query.begin(), query.end(), rotated.begin());
    rotation.apply(rotated);
    constant_ = distance::kernels().near_dot(query.data(), centre.data(), centre.size());
    float largest = 0;
    for (const float value : rotated) largest = std::max(largest, std::fabs(value));
    const float step = largest / 127.0F;
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < size_ && step > 0; ++i) {
      codes_[i] = static_cast<std::int8_t>(std::lround(rotated[i] / step));
      sum += codes_[i];
    }
    sum_ = sum;
    const float root = std::sqrt(static_cast<float>(size_));
    scale_ = step / root;
    norm_ = std::sqrt(distance::kernels().near_dot(query.data(), query.data(), query.size()));
    step_error_ = kErrorFactor * step / std::sqrt(12.0F);  // of rounding the query, whose parts are as good as random
  }

  void operator()(const Row* rows, std::uint32_t count, float* out) const override {
    constexpr std::uint32_t kAhead = 6;
    for (std::uint32_t i = 0; i < std::min(count, kAhead); ++i) ask_for(rows[i]);
    for (std::uint32_t i = 0; i < count; ++i) {
      if (i + kAhead < count) ask_for(rows[i + kAhead]);
      const std::uint8_t* const code = code_of(rows[i]);
      const std::int32_t set = distance::kernels().dot_bits(codes_.data(), code, size_);
      const float dot = constant_ + number(code, 0) * scale_ * static_cast<float>(2 * set - sum_);
      out[i] = ranking_.similarity(rows[i], dot);
    }
  }

  float error(Row row) const override {
    const std::uint8_t* const code = code_of(row);
    return ranking_.factor() * (norm_ * number(code, 1) + step_error_ * number(code, 0));
  }

 private:
  const std::uint8_t* code_of(Row row) const { return input_.codes + std::size_t{row} * (size_ / 8 + 8); }
  void ask_for(Row row) const {
    const std::uint8_t* const code = code_of(row);
    for (std::size_t i = 0; i < size_ / 8 + 8; i += 64) __builtin_prefetch(code + i);
    __builtin_prefetch(code + size_ / 8 + 7);
  }
  float number(const std::uint8_t* code, std::size_t which) const {
    float value = 0;
    std::memcpy(&value, code + size_ / 8 + 4 * which, 4);
    return value;
  }

  const ScorerInput input_;
  const DotRanking ranking_;
  const std::size_t size_;
  std::vector<std::int8_t> codes_;
  std::int32_t sum_ = 0;
  float constant_ = 0, scale_ = 0, norm_ = 0, step_error_ = 0;
};

}  // namespace

std::unique_ptr<RabitqCodes> RabitqCodes::train(std::uint32_t dimension, std::span<const float> sample) {
  std::vector<double> sums(dimension);
  for (std::size_t i = 0; i < sample.size(); ++i) sums[i % dimension] += static_cast<double>(sample[i]);
  std::vector<float> centre(dimension);
  const auto rows = static_cast<double>(std::max<std::size_t>(1, sample.size() / dimension));
  for (std::uint32_t i = 0; i < dimension; ++i) centre[i] = static_cast<float>(sums[i] / rows);
  return std::unique_ptr<RabitqCodes>(new RabitqCodes(kSeed, std::move(centre)));
}

std::unique_ptr<RabitqCodes> RabitqCodes::load(std::uint32_t dimension, ByteView trained) {
  if (trained.size() != 8 + std::size_t{dimension} * 4) return nullptr;
  core::Decoder in(trained);
  const std::uint64_t seed = in.u64();
  std::vector<float> centre(dimension);
  for (float& value : centre) value = in.f32();
  const bool sound = std::all_of(centre.begin(), centre.end(), [](float value) { return std::isfinite(value); });
  return sound ? std::unique_ptr<RabitqCodes>(new RabitqCodes(seed, std::move(centre))) : nullptr;
}

Bytes RabitqCodes::trained() const {
  Bytes bytes;
  core::Encoder out(bytes);
  out.u64(seed_);
  for (const float value : centre_) out.f32(value);
  return bytes;
}

void RabitqCodes::encode(const CodedRow& row, std::uint8_t* code) const {
  const std::size_t size = rotation_.size();
  std::vector<float> rotated(size);
  for (std::size_t i = 0; i < centre_.size(); ++i) rotated[i] = row.vector[i] - centre_[i];
  rotation_.apply(rotated);
  double square = 0, sum = 0;
  std::fill(code, code + code_bytes(), std::uint8_t{0});
  for (std::size_t i = 0; i < size; ++i) {
    square += static_cast<double>(rotated[i]) * static_cast<double>(rotated[i]);
    sum += std::fabs(static_cast<double>(rotated[i]));
    if (rotated[i] > 0) code[i / 8] = static_cast<std::uint8_t>(code[i / 8] | 1U << (i % 8));
  }
  float factor = 0, error = 0;
  if (square > 0) {
    const double norm = std::sqrt(square);
    const double aligned = std::min(1.0, sum / norm / std::sqrt(static_cast<double>(size)));
    factor = static_cast<float>(norm / aligned);
    error = static_cast<float>(norm * std::sqrt(1 - aligned * aligned) / aligned * static_cast<double>(kErrorFactor) /
                               std::sqrt(static_cast<double>(size - 1)));
  }
  std::memcpy(code + size / 8, &factor, 4);
  std::memcpy(code + size / 8 + 4, &error, 4);
}

std::unique_ptr<Scorer> RabitqCodes::scorer(const ScorerInput& input) const {
  return std::make_unique<RabitqScorer>(input, rotation_, centre_);
}

}  // namespace strata::store::vector
