#include "store/vector/collection_options.h"

#include <algorithm>

#include "store/vector/graph/graph.h"

namespace strata::store::vector {
namespace {

constexpr std::uint32_t kEfConstructionMax = 1'024;

Error refuse(std::string message) { return Error(ErrorCode::invalid_argument, std::move(message)); }

std::uint32_t number(core::Decoder& in) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(in.varint(), UINT32_MAX));
}

}  // namespace

void encode_options(const CollectionOptions& options, core::Encoder& out) {
  out.varint(options.dimension);
  out.u8(static_cast<std::uint8_t>(options.metric));
  out.u8(options.words ? 1 : 0);
  out.u8(static_cast<std::uint8_t>(options.element));
  out.u8(static_cast<std::uint8_t>(options.index.kind));
  out.varint(options.index.m);
  out.varint(options.index.ef_construction);
}

CollectionOptions decode_options(core::Decoder& in, bool whole) {
  CollectionOptions options;
  options.dimension = number(in);
  options.metric = static_cast<Metric>(in.u8());
  const std::uint8_t words = in.u8();
  options.words = words == 1;
  if (whole) {
    options.element = static_cast<ElementType>(in.u8());
    options.index.kind = static_cast<IndexKind>(in.u8());
    options.index.m = number(in);
    options.index.ef_construction = number(in);
  }
  if (words > 1 || !check_collection_options(options)) in.fail();
  return options;
}

Result<void> check_collection_options(const CollectionOptions& options) {
  if (options.dimension < 1 || options.dimension > kDimensionMax) {
    return refuse("a collection has 1 to " + std::to_string(kDimensionMax) + " dimensions, not " +
                  std::to_string(options.dimension));
  }
  if (options.metric > Metric::inner_product) {
    return refuse("unknown metric: " + std::to_string(static_cast<int>(options.metric)));
  }
  if (options.element > ElementType::binary) {
    return refuse("unknown element type: " + std::to_string(static_cast<int>(options.element)));
  }
  if (options.index.kind > IndexKind::flat) {
    return refuse("unknown index kind: " + std::to_string(static_cast<int>(options.index.kind)));
  }
  if (options.index.m < 4 || options.index.m > kGraphDegreeMax) {
    return refuse("m is 4 to " + std::to_string(kGraphDegreeMax) + ", not " + std::to_string(options.index.m));
  }
  if (options.index.ef_construction < options.index.m || options.index.ef_construction > kEfConstructionMax) {
    return refuse("ef_construction is m, here " + std::to_string(options.index.m) + ", to " +
                  std::to_string(kEfConstructionMax) + ", not " + std::to_string(options.index.ef_construction));
  }
  return {};
}

std::string describe(const CollectionOptions& options) {
  std::string text = std::to_string(options.dimension) + " dimensions, " + std::string(name(options.metric)) +
                     (options.words ? ", words, " : ", no words, ") + std::string(name(options.element)) + ", " +
                     std::string(name(options.index.kind));
  if (options.index.kind == IndexKind::flat) return text;
  return text + " (m " + std::to_string(options.index.m) + ", ef_construction " +
         std::to_string(options.index.ef_construction) + ")";
}

}  // namespace strata::store::vector
