#include "store/vector/quantization/quantizer.h"

#include <algorithm>
#include <cmath>

#include "core/assert.h"
#include "store/vector/collection_options.h"
#include "store/vector/quantization/product.h"
#include "store/vector/quantization/rabitq.h"
#include "store/vector/quantization/scalar.h"

namespace strata::store::vector {
namespace {

bool spreads_levels(const QuantizationOptions& options) {
  return options.kind == QuantizationKind::scalar && options.bits < 16 && options.range != QuantizationRange::point;
}

// Those that learn nothing; nullptr for the others.
std::unique_ptr<Quantizer> untrained(const QuantizationOptions& options, const QuantizerShape& shape) {
  if (options.kind == QuantizationKind::none) return std::make_unique<WholeVectors>(shape);
  if (options.kind != QuantizationKind::scalar || spreads_levels(options)) return nullptr;
  if (options.bits == 16) return std::make_unique<HalfFloats>(shape.dimension);
  if (options.bits == 8) return std::make_unique<OwnCodes>();
  return std::make_unique<HalfCodes>(shape.dimension);
}

}  // namespace

bool learns(const QuantizationOptions& options) {
  return options.kind == QuantizationKind::product || options.kind == QuantizationKind::rabitq ||
         spreads_levels(options);
}

std::unique_ptr<Quantizer> train_quantizer(const QuantizationOptions& options, const QuantizerShape& shape,
                                           std::span<const float> sample, const std::function<bool()>& stop) {
  STRATA_ASSERT(options.kind != QuantizationKind::automatic);
  if (options.kind == QuantizationKind::product) {
    return ProductCodes::train(options.bits, options.parts, shape.dimension, sample, stop);
  }
  if (options.kind == QuantizationKind::rabitq) return RabitqCodes::train(shape.dimension, sample);
  if (spreads_levels(options)) return LevelCodes::train(options.bits, options.range, shape.dimension, sample);
  return untrained(options, shape);
}

std::unique_ptr<Quantizer> load_quantizer(const QuantizationOptions& options, const QuantizerShape& shape,
                                          ByteView trained) {
  if (options.kind == QuantizationKind::automatic || options != resolved(options) ||
      !check_quantization(options, shape.dimension))
    return nullptr;
  if (options.kind == QuantizationKind::product) {
    return ProductCodes::load(options.bits, options.parts, shape.dimension, trained);
  }
  if (options.kind == QuantizationKind::rabitq) return RabitqCodes::load(shape.dimension, trained);
  if (spreads_levels(options)) return LevelCodes::load(options.bits, shape.dimension, trained);
  return trained.empty() ? untrained(options, shape) : nullptr;
}

std::shared_ptr<const Quantizer> half_codes(std::uint32_t dimension) { return std::make_shared<HalfCodes>(dimension); }

std::vector<float> compared(const QueryCode& query) {
  std::vector<float> x(query.vector().begin(), query.vector().end());
  if (query.metric() != Metric::cosine) return x;
  for (float& value : x) value = static_cast<float>(static_cast<double>(value) / query.norm());
  return x;
}

}  // namespace strata::store::vector
