#include "store/vector/quantization/scalar.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "core/half.h"
#include "store/vector/elements.h"

namespace strata::store::vector {
namespace {

// Of a code c = 16 · half + rest, rest is 7.5 on average: c − 128 ≈ 16 · half − 120.5.
constexpr float kHalf = 16.0F;
constexpr float kHalfOffset = 120.5F;
constexpr float kHalfFloatMax = 65'504.0F;

using Dots = std::array<std::int32_t, Scorer::kRowsAtOnce>;

class HalfScorer final : public Scorer {
 public:
  HalfScorer(const ScorerInput& input, std::uint32_t stride)
      : input_(input),
        query_(input.query->scan()),
        stride_(stride),
        offset_(kHalfOffset * static_cast<float>(query_.bias / 128)),
        kernels_(distance::kernels()) {}

  void operator()(const Row* rows, std::uint32_t count, float* out) const override {
    Dots dots;
    kernels_.pick_halves(query_.codes, input_.codes, stride_, rows, count, dots.data());
    if (query_.square_weight == 0) {
      for (std::uint32_t i = 0; i < count; ++i) out[i] = dot(rows[i], dots[i]);
    } else {
      for (std::uint32_t i = 0; i < count; ++i) {
        out[i] = dot(rows[i], dots[i]) + query_.square_weight * input_.columns.square[rows[i]];
      }
    }
  }

 private:
  float dot(Row row, std::int32_t halves) const {
    return query_.dot_weight * input_.columns.scale[row] * (kHalf * static_cast<float>(halves) - offset_);
  }
  const ScorerInput input_;
  const distance::ScanQuery& query_;
  const std::uint32_t stride_;
  const float offset_;
  const distance::Kernels& kernels_;
};

// A query of signed bytes as `pick` wants it, with zeros behind the dimension.
std::vector<std::uint8_t> biased(const std::int8_t* codes, std::size_t size, std::size_t stride) {
  std::vector<std::uint8_t> out(stride, 128);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(codes[i] + 128);
  return out;
}

class OwnScorer final : public Scorer {
 public:
  explicit OwnScorer(const ScorerInput& input)
      : input_(input),
        query_(input.query->scan()),
        biased_(biased(query_.codes, query_.stride, query_.stride)),
        kernels_(distance::kernels()) {}

  void operator()(const Row* rows, std::uint32_t count, float* out) const override {
    Dots dots;
    kernels_.pick(biased_.data(), input_.columns.codes, query_.stride, rows, count, dots.data());
    for (std::uint32_t i = 0; i < count; ++i) {
      out[i] = query_.dot_weight * input_.columns.scale[rows[i]] * static_cast<float>(dots[i] - query_.bias);
      if (query_.square_weight != 0) out[i] += query_.square_weight * input_.columns.square[rows[i]];
    }
  }

 private:
  const ScorerInput input_;
  const distance::ScanQuery& query_;
  const std::vector<std::uint8_t> biased_;
  const distance::Kernels& kernels_;
};

struct Free {
  void operator()(std::int8_t* memory) const { std::free(memory); }
};
using AlignedCodes = std::unique_ptr<std::int8_t[], Free>;

// ⟨q, least + step · c⟩ = ⟨q, least⟩ + ⟨q · step, c⟩, and q · step in signed bytes.
class LevelScorer final : public Scorer {
 public:
  LevelScorer(const ScorerInput& input, std::uint32_t bits, std::span<const float> least, std::span<const float> step)
      : input_(input), ranking_(*input.query, input.columns), bits_(bits), kernels_(distance::kernels()) {
    const std::vector<float> query = compared(*input.query);
    const std::size_t dimension = query.size();
    std::vector<float> weights(dimension);
    float largest = 0;
    double constant = 0;
    for (std::size_t i = 0; i < dimension; ++i) {
      weights[i] = query[i] * step[i];
      largest = std::max(largest, std::fabs(weights[i]));
      constant += static_cast<double>(query[i]) * static_cast<double>(least[i]);
    }
    constant_ = static_cast<float>(constant);
    scale_ = largest / 127.0F;
    stride_ = bits == 4 ? distance::half_stride(dimension) : distance::code_stride(dimension);
    const std::size_t size = bits == 4 ? 2 * stride_ : stride_;
    codes_.reset(static_cast<std::int8_t*>(std::aligned_alloc(64, size)));
    std::fill(codes_.get(), codes_.get() + size, std::int8_t{0});
    for (std::size_t i = 0; i < dimension && scale_ > 0; ++i) {
      codes_[i] = static_cast<std::int8_t>(std::lround(weights[i] / scale_));
    }
    if (bits == 8) biased_ = biased(codes_.get(), size, size);
  }

  void operator()(const Row* rows, std::uint32_t count, float* out) const override {
    Dots dots;
    if (bits_ == 4) {
      kernels_.pick_halves(codes_.get(), input_.codes, stride_, rows, count, dots.data());
    } else {
      kernels_.pick(biased_.data(), input_.codes, stride_, rows, count, dots.data());
    }
    for (std::uint32_t i = 0; i < count; ++i) {
      out[i] = ranking_.similarity(rows[i], constant_ + scale_ * static_cast<float>(dots[i]));
    }
  }

 private:
  const ScorerInput input_;
  const DotRanking ranking_;
  const std::uint32_t bits_;
  const distance::Kernels& kernels_;
  std::size_t stride_ = 0;
  float constant_ = 0;
  float scale_ = 0;
  AlignedCodes codes_;
  std::vector<std::uint8_t> biased_;
};

class HalfFloatScorer final : public Scorer {
 public:
  explicit HalfFloatScorer(const ScorerInput& input)
      : input_(input), ranking_(*input.query, input.columns), query_(compared(*input.query)) {}

  void operator()(const Row* rows, std::uint32_t count, float* out) const override {
    constexpr std::uint32_t kAhead = 4;
    const std::size_t stride = 2 * query_.size();
    const auto ask_for = [&](Row row) {
      for (std::size_t i = 0; i < stride; i += 64) __builtin_prefetch(input_.codes + row * stride + i);
    };
    for (std::uint32_t i = 0; i < std::min(count, kAhead); ++i) ask_for(rows[i]);
    for (std::uint32_t i = 0; i < count; ++i) {
      if (i + kAhead < count) ask_for(rows[i + kAhead]);
      const float dot =
          distance::kernels().near_dot_half(query_.data(), input_.codes + rows[i] * stride, query_.size());
      out[i] = ranking_.similarity(rows[i], dot);
    }
  }

 private:
  const ScorerInput input_;
  const DotRanking ranking_;
  const std::vector<float> query_;
};

class VectorScorer final : public Scorer {
 public:
  VectorScorer(const ScorerInput& input, const QuantizerShape& shape)
      : input_(input), shape_(shape), ranking_(*input.query, input.columns), query_(compared(*input.query)) {}

  void operator()(const Row* rows, std::uint32_t count, float* out) const override {
    for (std::uint32_t i = 0; i < count; ++i) {
      if (i + 1 < count) ask_for(rows[i + 1]);
      out[i] = similarity(rows[i]);
    }
  }

 private:
  void ask_for(Row row) const { input_.part->ask_for_elements(row); }
  // What is damaged is farthest; whoever reads it for its score says so.
  float similarity(Row row) const {
    constexpr float kFarthest = -std::numeric_limits<float>::infinity();
    const auto elements = input_.part->elements(row, room_);
    if (!elements) return kFarthest;
    const distance::Kernels& kernels = distance::kernels();
    if (shape_.element == ElementType::f16 && shape_.metric != Metric::cosine) {
      const auto* const halves = reinterpret_cast<const std::uint8_t*>(elements->data());
      return ranking_.similarity(row, kernels.near_dot_half(query_.data(), halves, query_.size()));
    }
    const auto x = as_floats(shape_.element, shape_.dimension, *elements, room_);
    float dot = kernels.near_dot(query_.data(), x.data(), x.size());
    if (shape_.metric == Metric::cosine) {
      const float square = kernels.near_dot(x.data(), x.data(), x.size());
      dot = square > 0 ? dot / std::sqrt(square) : kFarthest;
    }
    return ranking_.similarity(row, dot);
  }

  const ScorerInput input_;
  const QuantizerShape shape_;
  const DotRanking ranking_;
  const std::vector<float> query_;
  mutable std::vector<float> room_;
};

}  // namespace

std::unique_ptr<Scorer> HalfCodes::scorer(const ScorerInput& input) const {
  return std::make_unique<HalfScorer>(input, code_bytes());
}

std::unique_ptr<Scorer> OwnCodes::scorer(const ScorerInput& input) const { return std::make_unique<OwnScorer>(input); }

std::unique_ptr<LevelCodes> LevelCodes::train(std::uint32_t bits, QuantizationRange range, std::uint32_t dimension,
                                              std::span<const float> sample) {
  std::unique_ptr<LevelCodes> codes(new LevelCodes(bits, dimension));
  std::vector<float> greatest(dimension, -std::numeric_limits<float>::infinity());
  std::fill(codes->least_.begin(), codes->least_.end(), std::numeric_limits<float>::infinity());
  for (std::size_t i = 0; i < sample.size(); ++i) {
    float& least = codes->least_[i % dimension];
    least = std::min(least, sample[i]);
    greatest[i % dimension] = std::max(greatest[i % dimension], sample[i]);
  }
  if (range == QuantizationRange::collection) {
    const float least = *std::min_element(codes->least_.begin(), codes->least_.end());
    const float most = *std::max_element(greatest.begin(), greatest.end());
    std::fill(codes->least_.begin(), codes->least_.end(), least);
    std::fill(greatest.begin(), greatest.end(), most);
  }
  const float levels = bits == 4 ? 15.0F : 255.0F;
  for (std::uint32_t i = 0; i < dimension; ++i) {
    if (!(codes->least_[i] <= greatest[i])) codes->least_[i] = greatest[i] = 0;  // of no sample
    codes->step_[i] = std::min(greatest[i] / levels - codes->least_[i] / levels, std::numeric_limits<float>::max());
  }
  return codes;
}

std::unique_ptr<LevelCodes> LevelCodes::load(std::uint32_t bits, std::uint32_t dimension, ByteView trained) {
  if (trained.size() != std::size_t{dimension} * 8) return nullptr;
  std::unique_ptr<LevelCodes> codes(new LevelCodes(bits, dimension));
  core::Decoder in(trained);
  for (float& value : codes->least_) value = in.f32();
  for (float& value : codes->step_) value = in.f32();
  const auto finite = [](float value) { return std::isfinite(value); };
  const bool sound = std::all_of(codes->least_.begin(), codes->least_.end(), finite) &&
                     std::all_of(codes->step_.begin(), codes->step_.end(), finite);
  return sound ? std::move(codes) : nullptr;
}

std::uint32_t LevelCodes::code_bytes() const {
  return static_cast<std::uint32_t>(bits_ == 4 ? distance::half_stride(least_.size())
                                               : distance::code_stride(least_.size()));
}

void LevelCodes::encode(const CodedRow& row, std::uint8_t* code) const {
  const std::size_t dimension = least_.size();
  const float last = bits_ == 4 ? 15.0F : 255.0F;
  std::vector<std::uint8_t> levels(distance::code_stride(dimension));
  for (std::size_t i = 0; i < dimension; ++i) {
    const float level = step_[i] > 0 ? (row.vector[i] - least_[i]) / step_[i] : 0.0F;
    levels[i] = static_cast<std::uint8_t>(std::lround(std::clamp(level, 0.0F, last)));
    if (bits_ == 4) levels[i] = static_cast<std::uint8_t>(levels[i] << 4);
  }
  if (bits_ == 4) {
    distance::halve(levels.data(), dimension, code);
  } else {
    std::copy(levels.begin(), levels.end(), code);
  }
}

Bytes LevelCodes::trained() const {
  Bytes bytes;
  core::Encoder out(bytes);
  for (const float value : least_) out.f32(value);
  for (const float value : step_) out.f32(value);
  return bytes;
}

std::unique_ptr<Scorer> LevelCodes::scorer(const ScorerInput& input) const {
  return std::make_unique<LevelScorer>(input, bits_, least_, step_);
}

void HalfFloats::encode(const CodedRow& row, std::uint8_t* code) const {
  for (const float value : row.vector) {
    const std::uint16_t half = core::to_half(std::clamp(value, -kHalfFloatMax, kHalfFloatMax));
    *code++ = static_cast<std::uint8_t>(half & 0xff);
    *code++ = static_cast<std::uint8_t>(half >> 8);
  }
}

std::unique_ptr<Scorer> HalfFloats::scorer(const ScorerInput& input) const {
  return std::make_unique<HalfFloatScorer>(input);
}

std::unique_ptr<Scorer> WholeVectors::scorer(const ScorerInput& input) const {
  return std::make_unique<VectorScorer>(input, shape_);
}

}  // namespace strata::store::vector
