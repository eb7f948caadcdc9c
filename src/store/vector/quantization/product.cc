#include "store/vector/quantization/product.h"

#include <algorithm>
#include <cmath>

#include "store/vector/quantization/clustering.h"

namespace strata::store::vector {
namespace {

constexpr std::uint32_t kDimensionsAPart = 4;

class BitWriter {
 public:
  explicit BitWriter(std::uint8_t* to) : to_(to) {}
  void put(std::uint32_t value, std::uint32_t bits) {
    held_ |= value << count_;
    for (count_ += bits; count_ >= 8; count_ -= 8) {
      *to_++ = static_cast<std::uint8_t>(held_ & 0xff);
      held_ >>= 8;
    }
  }
  void finish() {
    if (count_ > 0) *to_ = static_cast<std::uint8_t>(held_ & 0xff);
  }

 private:
  std::uint8_t* to_;
  std::uint32_t held_ = 0, count_ = 0;
};

class ProductScorer final : public Scorer {
 public:
  ProductScorer(const ScorerInput& input, std::uint32_t bits, std::uint32_t parts, std::vector<float> table)
      : input_(input),
        ranking_(*input.query, input.columns),
        bits_(bits),
        parts_(parts),
        bytes_((parts * bits + 7) / 8),
        table_(std::move(table)) {}

  void operator()(const Row* rows, std::uint32_t count, float* out) const override {
    constexpr std::uint32_t kAhead = 4;
    for (std::uint32_t i = 0; i < std::min(count, kAhead); ++i) ask_for(rows[i]);
    for (std::uint32_t i = 0; i < count; ++i) {
      if (i + kAhead < count) ask_for(rows[i + kAhead]);
      const std::uint8_t* const code = input_.codes + std::size_t{rows[i]} * bytes_;
      out[i] = ranking_.similarity(rows[i], bits_ == 8 ? of_bytes(code) : of_bits(code));
    }
  }

 private:
  void ask_for(Row row) const {
    const std::uint8_t* const code = input_.codes + std::size_t{row} * bytes_;
    for (std::uint32_t i = 0; i < bytes_; i += 64) __builtin_prefetch(code + i);
  }
  // Four sums, so that an addition need not wait for the one before.
  float of_bytes(const std::uint8_t* code) const {
    float sums[4] = {};
    const float* entry = table_.data();
    for (std::uint32_t part = 0; part < parts_; ++part, entry += 256) sums[part % 4] += entry[code[part]];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
  }
  float of_bits(const std::uint8_t* code) const {
    float sum = 0;
    const float* entry = table_.data();
    const std::uint32_t mask = (1U << bits_) - 1;
    std::uint32_t held = 0, count = 0;
    for (std::uint32_t part = 0; part < parts_; ++part, entry += mask + 1) {
      if (count < bits_) {
        held |= std::uint32_t{*code++} << count;
        count += 8;
      }
      sum += entry[held & mask];
      held >>= bits_;
      count -= bits_;
    }
    return sum;
  }

  const ScorerInput input_;
  const DotRanking ranking_;
  const std::uint32_t bits_, parts_, bytes_;
  const std::vector<float> table_;  // [parts × 2^bits]
};

}  // namespace

ProductCodes::ProductCodes(std::uint32_t bits, std::uint32_t parts, std::uint32_t dimension)
    : bits_(bits),
      parts_(parts > 0 ? parts : (dimension + kDimensionsAPart - 1) / kDimensionsAPart),
      dimension_(dimension),
      codebooks_(words() * dimension) {}

std::unique_ptr<ProductCodes> ProductCodes::train(std::uint32_t bits, std::uint32_t parts, std::uint32_t dimension,
                                                  std::span<const float> sample, const std::function<bool()>& stop) {
  std::unique_ptr<ProductCodes> codes(new ProductCodes(bits, parts, dimension));
  const std::size_t rows = sample.size() / dimension;
  if (rows == 0) return codes;
  std::vector<float> points;
  for (std::uint32_t part = 0; part < codes->parts_; ++part) {
    const std::uint32_t begin = codes->begin_of(part);
    const std::uint32_t size = codes->begin_of(part + 1) - begin;
    points.clear();
    for (std::size_t row = 0; row < rows; ++row) {
      const float* const x = sample.data() + row * dimension + begin;
      points.insert(points.end(), x, x + size);
    }
    const auto found = cluster(points, size, static_cast<std::uint32_t>(codes->words()), {}, stop);
    if (!found) return nullptr;
    std::copy(found->centroids.begin(), found->centroids.end(),
              codes->codebooks_.begin() + static_cast<std::ptrdiff_t>(codes->words() * begin));
  }
  return codes;
}

std::unique_ptr<ProductCodes> ProductCodes::load(std::uint32_t bits, std::uint32_t parts, std::uint32_t dimension,
                                                 ByteView trained) {
  if (trained.size() != (std::size_t{4} << bits) * dimension) return nullptr;
  std::unique_ptr<ProductCodes> codes(new ProductCodes(bits, parts, dimension));
  core::Decoder in(trained);
  for (float& value : codes->codebooks_) value = in.f32();
  const bool sound =
      std::all_of(codes->codebooks_.begin(), codes->codebooks_.end(), [](float value) { return std::isfinite(value); });
  return sound ? std::move(codes) : nullptr;
}

Bytes ProductCodes::trained() const {
  Bytes bytes;
  core::Encoder out(bytes);
  for (const float value : codebooks_) out.f32(value);
  return bytes;
}

void ProductCodes::encode(const CodedRow& row, std::uint8_t* code) const {
  BitWriter out(code);
  for (std::uint32_t part = 0; part < parts_; ++part) {
    const std::uint32_t begin = begin_of(part);
    const std::uint32_t size = begin_of(part + 1) - begin;
    const float* const book = codebook(part);
    std::uint32_t nearest = 0;
    float least = std::numeric_limits<float>::infinity();
    for (std::uint32_t word = 0; word < words(); ++word) {
      float distance = 0;
      for (std::uint32_t i = 0; i < size; ++i) {
        const float difference = row.vector[begin + i] - book[word * size + i];
        distance += difference * difference;
      }
      if (distance < least) {
        least = distance;
        nearest = word;
      }
    }
    out.put(nearest, bits_);
  }
  out.finish();
}

std::unique_ptr<Scorer> ProductCodes::scorer(const ScorerInput& input) const {
  const std::vector<float> query = compared(*input.query);
  std::vector<float> table(parts_ * words());
  for (std::uint32_t part = 0; part < parts_; ++part) {
    const std::uint32_t begin = begin_of(part);
    const std::uint32_t size = begin_of(part + 1) - begin;
    const float* const book = codebook(part);
    for (std::size_t word = 0; word < words(); ++word) {
      float dot = 0;
      for (std::uint32_t i = 0; i < size; ++i) dot += query[begin + i] * book[word * size + i];
      table[part * words() + word] = dot;
    }
  }
  return std::make_unique<ProductScorer>(input, bits_, parts_, std::move(table));
}

}  // namespace strata::store::vector
