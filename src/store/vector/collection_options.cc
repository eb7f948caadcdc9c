#include "store/vector/collection_options.h"

#include <algorithm>

#include "store/vector/graph/graph.h"
#include "store/vector/lists/lists.h"

namespace strata::store::vector {
namespace {

constexpr std::uint32_t kEfConstructionMax = 1'024;

Error refuse(std::string message) { return Error(ErrorCode::invalid_argument, std::move(message)); }

std::uint32_t number(core::Decoder& in) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(in.varint(), UINT32_MAX));
}

}  // namespace

void encode_quantization(const QuantizationOptions& quantization, core::Encoder& out) {
  out.u8(static_cast<std::uint8_t>(quantization.kind));
  out.varint(quantization.bits);
  out.u8(static_cast<std::uint8_t>(quantization.range));
  out.varint(quantization.parts);
  out.f32(quantization.recall_min);
}

QuantizationOptions decode_quantization(core::Decoder& in) {
  QuantizationOptions quantization;
  quantization.kind = static_cast<QuantizationKind>(in.u8());
  quantization.bits = number(in);
  quantization.range = static_cast<QuantizationRange>(in.u8());
  quantization.parts = number(in);
  quantization.recall_min = in.f32();
  return quantization;
}

void encode_indexing(const CollectionOptions& options, core::Encoder& out) {
  out.u8(static_cast<std::uint8_t>(options.index.kind));
  out.varint(options.index.m);
  out.varint(options.index.ef_construction);
  out.varint(options.index.memory_bytes);
  out.varint(options.index.lists);
  encode_quantization(options.quantization, out);
}

void decode_indexing(core::Decoder& in, CollectionOptions& options) {
  options.index.kind = static_cast<IndexKind>(in.u8());
  options.index.m = number(in);
  options.index.ef_construction = number(in);
  options.index.memory_bytes = in.varint();
  options.index.lists = number(in);
  options.quantization = decode_quantization(in);
  if (!check_collection_options(options)) in.fail();
}

void encode_options(const CollectionOptions& options, core::Encoder& out) {
  out.varint(options.dimension);
  out.u8(static_cast<std::uint8_t>(options.metric));
  out.u8(options.words ? 1 : 0);
  out.u8(static_cast<std::uint8_t>(options.element));
  encode_indexing(options, out);
}

CollectionOptions decode_options(core::Decoder& in, OptionsForm form) {
  CollectionOptions options;
  options.dimension = number(in);
  options.metric = static_cast<Metric>(in.u8());
  const std::uint8_t words = in.u8();
  options.words = words == 1;
  if (form != OptionsForm::without_element) options.element = static_cast<ElementType>(in.u8());
  if (form == OptionsForm::without_quantization) {
    options.index.kind = static_cast<IndexKind>(in.u8());
    options.index.m = number(in);
    options.index.ef_construction = number(in);
  } else if (form == OptionsForm::whole) {
    decode_indexing(in, options);
  }
  if (words > 1 || !check_collection_options(options)) in.fail();
  return options;
}

QuantizationOptions resolved(QuantizationOptions quantization) {
  if (quantization.bits != 0) return quantization;
  if (quantization.kind == QuantizationKind::scalar) quantization.bits = 4;
  if (quantization.kind == QuantizationKind::product) quantization.bits = 8;
  return quantization;
}

Result<void> check_quantization(const QuantizationOptions& quantization, std::uint32_t dimension) {
  const std::uint32_t bits = resolved(quantization).bits;
  if (quantization.range > QuantizationRange::collection) {
    return refuse("unknown range of quantization: " + std::to_string(static_cast<int>(quantization.range)));
  }
  switch (quantization.kind) {
    case QuantizationKind::scalar:
      if (bits == 4 || bits == 8 || bits == 16) return {};
      return refuse("scalar quantization has 4, 8 or 16 bits, not " + std::to_string(bits));
    case QuantizationKind::product:
      if (bits < 4 || bits > 8) return refuse("product quantization has 4 to 8 bits, not " + std::to_string(bits));
      if (quantization.parts <= dimension) return {};
      return refuse("product quantization has 1 to " + std::to_string(dimension) +
                    " parts (a dimension each), or 0, not " + std::to_string(quantization.parts));
    case QuantizationKind::automatic:
      if (quantization.recall_min >= 0.5F && quantization.recall_min <= 1.0F) return {};
      return refuse("recall_min is 0.5 to 1, not " + std::to_string(quantization.recall_min));
    case QuantizationKind::rabitq:
    case QuantizationKind::none: return {};
  }
  return refuse("unknown quantization: " + std::to_string(static_cast<int>(quantization.kind)));
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
  if (options.index.kind > IndexKind::ivf) {
    return refuse("unknown index kind: " + std::to_string(static_cast<int>(options.index.kind)));
  }
  if (options.index.m < 4 || options.index.m > kGraphDegreeMax) {
    return refuse("m is 4 to " + std::to_string(kGraphDegreeMax) + ", not " + std::to_string(options.index.m));
  }
  if (options.index.ef_construction < options.index.m || options.index.ef_construction > kEfConstructionMax) {
    return refuse("ef_construction is m, here " + std::to_string(options.index.m) + ", to " +
                  std::to_string(kEfConstructionMax) + ", not " + std::to_string(options.index.ef_construction));
  }
  if (options.index.lists > kListsMax) {
    return refuse("lists are 1 to " + std::to_string(kListsMax) + ", or 0, not " + std::to_string(options.index.lists));
  }
  STRATA_TRY(check_quantization(options.quantization, options.dimension));
  const QuantizationOptions quantization = resolved(options.quantization);
  if (options.index.kind == IndexKind::ivf && quantization != resolved({})) {
    return refuse("an index of kind ivf reads scalar codes of 4 bits over each point, not " + describe(quantization));
  }
  return {};
}

std::string describe(const QuantizationOptions& given) {
  const QuantizationOptions quantization = resolved(given);
  std::string text(name(quantization.kind));
  switch (quantization.kind) {
    case QuantizationKind::scalar:
      text += " (" + std::to_string(quantization.bits) + " bits";
      if (quantization.bits < 16) text += ", range " + std::string(name(quantization.range));
      return text + ")";
    case QuantizationKind::product:
      text += " (" + std::to_string(quantization.bits) + " bits";
      if (quantization.parts > 0) text += ", parts " + std::to_string(quantization.parts);
      return text + ")";
    case QuantizationKind::automatic:
      return text + " (recall_min " + std::to_string(quantization.recall_min).substr(0, 4) + ")";
    case QuantizationKind::rabitq:
    case QuantizationKind::none: break;
  }
  return text;
}

std::string describe(const CollectionOptions& options) {
  std::string text = std::to_string(options.dimension) + " dimensions, " + std::string(name(options.metric)) +
                     (options.words ? ", words, " : ", no words, ") + std::string(name(options.element)) + ", " +
                     std::string(name(options.index.kind));
  if (options.index.kind == IndexKind::flat) return text;
  if (options.index.kind == IndexKind::ivf) {
    if (options.index.lists > 0) text += " (lists " + std::to_string(options.index.lists) + ")";
    return text;
  }
  return text + " (m " + std::to_string(options.index.m) + ", ef_construction " +
         std::to_string(options.index.ef_construction) + "), " + describe(options.quantization);
}

}  // namespace strata::store::vector
