// The names of the enumerations of strata/vector.h, as users write them.
#include <array>
#include <span>

#include "core/excerpt.h"
#include "strata/vector.h"

namespace strata {
namespace {

constexpr std::array<std::string_view, 3> kMetrics{"cosine", "l2", "inner_product"};
constexpr std::array<std::string_view, 5> kElementTypes{"f32", "f16", "bf16", "int8", "binary"};
constexpr std::array<std::string_view, 3> kIndexKinds{"hnsw", "flat", "ivf"};
constexpr std::array<std::string_view, 5> kQuantizationKinds{"scalar", "product", "rabitq", "none", "automatic"};
constexpr std::array<std::string_view, 3> kQuantizationRanges{"point", "dimension", "collection"};
constexpr std::array<std::string_view, 2> kVectorKinds{"dense", "sparse"};
constexpr std::array<std::string_view, 2> kRecommends{"average_vector", "best_score"};
constexpr std::array<std::string_view, 3> kFusions{"rrf", "dbsf", "weighted"};

template <typename E>
std::string_view name_in(std::span<const std::string_view> names, E value) {
  const auto at = static_cast<std::size_t>(value);
  return at < names.size() ? names[at] : "unknown";
}

template <typename E>
Result<E> parse_in(std::span<const std::string_view> names, std::string_view text, std::string_view refusal,
                   std::string_view known) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == text) return static_cast<E>(i);
  }
  return Error(ErrorCode::invalid_argument,
               std::string(refusal) + ": \"" + core::excerpt(text) + "\"; " + std::string(known));
}

}  // namespace

std::string_view name(Metric metric) noexcept { return name_in(kMetrics, metric); }
Result<Metric> parse_metric(std::string_view text) {
  return parse_in<Metric>(kMetrics, text, "not a metric", "the metrics are cosine, l2 and inner_product");
}

std::string_view name(ElementType type) noexcept { return name_in(kElementTypes, type); }
Result<ElementType> parse_element_type(std::string_view text) {
  return parse_in<ElementType>(kElementTypes, text, "not an element type",
                               "the types are f32, f16, bf16, int8 and binary");
}

std::string_view name(IndexKind kind) noexcept { return name_in(kIndexKinds, kind); }
Result<IndexKind> parse_index_kind(std::string_view text) {
  return parse_in<IndexKind>(kIndexKinds, text, "not an index kind", "the kinds are hnsw, flat and ivf");
}

std::string_view name(QuantizationKind kind) noexcept { return name_in(kQuantizationKinds, kind); }
Result<QuantizationKind> parse_quantization_kind(std::string_view text) {
  return parse_in<QuantizationKind>(kQuantizationKinds, text, "not a quantization",
                                    "the kinds are scalar, product, rabitq, none and automatic");
}

std::string_view name(QuantizationRange range) noexcept { return name_in(kQuantizationRanges, range); }
Result<QuantizationRange> parse_quantization_range(std::string_view text) {
  return parse_in<QuantizationRange>(kQuantizationRanges, text, "not a range of quantization",
                                     "the ranges are point, dimension and collection");
}

std::string_view name(VectorKind kind) noexcept { return name_in(kVectorKinds, kind); }
Result<VectorKind> parse_vector_kind(std::string_view text) {
  return parse_in<VectorKind>(kVectorKinds, text, "not a kind of vector", "the kinds are dense and sparse");
}

std::string_view name(Recommend strategy) noexcept { return name_in(kRecommends, strategy); }
Result<Recommend> parse_recommend(std::string_view text) {
  return parse_in<Recommend>(kRecommends, text, "not a way to recommend", "the ways are average_vector and best_score");
}

std::string_view name(Fusion fusion) noexcept { return name_in(kFusions, fusion); }
Result<Fusion> parse_fusion(std::string_view text) {
  return parse_in<Fusion>(kFusions, text, "not a fusion", "the fusions are rrf, dbsf and weighted");
}

}  // namespace strata
