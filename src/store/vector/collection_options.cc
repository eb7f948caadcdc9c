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

/// What one named vector says of itself, as if it were the unnamed one of a collection.
CollectionOptions as_options(const NamedVector& vector) {
  return {.dimension = vector.dimension,
          .metric = vector.metric,
          .element = vector.element,
          .index = vector.index,
          .quantization = vector.quantization};
}

NamedVector decode_named(core::Decoder& in) {
  NamedVector vector;
  CollectionOptions kept;
  vector.name = in.text();
  vector.kind = static_cast<VectorKind>(in.u8());
  kept.dimension = number(in);
  kept.metric = static_cast<Metric>(in.u8());
  kept.element = static_cast<ElementType>(in.u8());
  decode_indexing(in, kept);
  vector.dimension = kept.dimension;
  vector.metric = kept.metric;
  vector.element = kept.element;
  vector.index = kept.index;
  vector.quantization = kept.quantization;
  return vector;
}

Error refuse_dimension(std::string_view what, std::uint32_t dimension) {
  return refuse(std::string(what) + " has 1 to " + std::to_string(kDimensionMax) + " dimensions, not " +
                std::to_string(dimension));
}

Result<void> check_named(const NamedVector& vector) {
  STRATA_TRY(check_name("not a vector's name", vector.name));
  const std::string what = "vector \"" + vector.name + "\"";
  if (vector.kind == VectorKind::sparse) {
    if (vector == NamedVector{.name = vector.name, .kind = VectorKind::sparse}) return {};
    return refuse(what + " is sparse: it has no dimension, metric, element type, index or quantization of its own");
  }
  if (vector.kind > VectorKind::sparse) {
    return refuse(what + " is of an unknown kind: " + std::to_string(static_cast<int>(vector.kind)));
  }
  if (vector.dimension < 1 || vector.dimension > kDimensionMax) return refuse_dimension(what, vector.dimension);
  if (auto kept = check_collection_options(as_options(vector)); !kept) {
    return std::move(kept).error().with_context(what);
  }
  return {};
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

void decode_altered(core::Decoder& in, CollectionOptions& options) {
  decode_indexing(in, options);
  for (NamedVector& vector : options.vectors) {
    if (vector.kind == VectorKind::sparse) continue;
    CollectionOptions kept = as_options(vector);
    decode_indexing(in, kept);
    vector.index = kept.index;
    vector.quantization = kept.quantization;
  }
}

CollectionOptions content_of(CollectionOptions options) {
  options.index = {};
  options.quantization = {};
  for (NamedVector& vector : options.vectors) {
    vector.index = {};
    vector.quantization = {};
  }
  return options;
}

void encode_options(const CollectionOptions& options, core::Encoder& out) {
  out.varint(options.dimension);
  out.u8(static_cast<std::uint8_t>(options.metric));
  out.u8(options.words ? 1 : 0);
  out.u8(static_cast<std::uint8_t>(options.element));
  encode_indexing(options, out);
  out.varint(options.vectors.size());
  for (const NamedVector& vector : options.vectors) {
    const CollectionOptions kept = as_options(vector);
    out.text(vector.name);
    out.u8(static_cast<std::uint8_t>(vector.kind));
    out.varint(kept.dimension);
    out.u8(static_cast<std::uint8_t>(kept.metric));
    out.u8(static_cast<std::uint8_t>(kept.element));
    encode_indexing(kept, out);
  }
  out.text(options.default_vector);
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
  } else if (form >= OptionsForm::without_vectors) {
    decode_indexing(in, options);
  }
  if (form >= OptionsForm::without_default) {
    const std::size_t count = in.count(16);
    for (std::size_t i = 0; i < count && in.ok() && i <= kNamedVectorsMax; ++i) {
      options.vectors.push_back(decode_named(in));
    }
  }
  if (form >= OptionsForm::whole) options.default_vector = in.text();
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

Result<void> check_name(std::string_view what, std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const bool good = !name.empty() && name.size() <= 64 && plain(name[0]) &&
                    std::all_of(name.begin(), name.end(), [&](char c) { return plain(c) || c == '_' || c == '-'; });
  if (good) return {};
  return refuse(std::string(what) + " ([a-z0-9][a-z0-9_-]{0,63}): \"" + std::string(name.substr(0, 80)) + "\"");
}

namespace {

Result<void> check_default(const CollectionOptions& options) {
  if (options.default_vector.empty()) return {};
  const std::string what = "default vector \"" + options.default_vector.substr(0, 80) + "\"";
  if (options.dimension > 0) return refuse(what + ": a collection with an unnamed vector has no other default");
  const auto place = place_of_vector(options, options.default_vector);
  if (!place) return refuse(what + ": the collection's vectors are " + names_of_vectors(options));
  if (options.vectors[*place].kind == VectorKind::dense) return {};
  return refuse(what + " is sparse; the default vector is a dense one");
}

}  // namespace

Result<void> check_collection_options(const CollectionOptions& options) {
  if (options.dimension > kDimensionMax) return refuse_dimension("a collection", options.dimension);
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
  if (options.vectors.size() > kNamedVectorsMax) {
    return refuse("a collection has up to " + std::to_string(kNamedVectorsMax) + " named vectors, not " +
                  std::to_string(options.vectors.size()));
  }
  for (std::size_t i = 0; i < options.vectors.size(); ++i) {
    STRATA_TRY(check_named(options.vectors[i]));
    if (i == 0 || options.vectors[i - 1].name < options.vectors[i].name) continue;
    if (options.vectors[i - 1].name == options.vectors[i].name) {
      return refuse("two vectors are called \"" + options.vectors[i].name + "\"");
    }
    return refuse("named vectors out of order");
  }
  return check_default(options);
}

Result<void> check_new_collection(const CollectionOptions& options) {
  if (options.dimension == 0 && options.vectors.empty()) return refuse_dimension("a collection", 0);
  return check_collection_options(options);
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

namespace {

std::string describe_unnamed(const CollectionOptions& options) {
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

}  // namespace

std::string describe(const CollectionOptions& options) {
  std::string text = options.dimension > 0
                         ? describe_unnamed(options)
                         : "no unnamed vector" + std::string(options.words ? ", words" : ", no words");
  for (const NamedVector& vector : options.vectors) {
    text += "; \"" + vector.name + "\": ";
    text += vector.kind == VectorKind::sparse ? "sparse" : describe_unnamed(as_options(vector));
  }
  if (!options.default_vector.empty()) text += "; default \"" + options.default_vector + "\"";
  return text;
}

std::string_view meant(const CollectionOptions& options, std::string_view vector) {
  return vector.empty() ? std::string_view(options.default_vector) : vector;
}

CollectionOptions of_rows(CollectionOptions options) {
  options.vectors.clear();
  options.default_vector.clear();
  return options;
}

NamedVector with_name(const CollectionOptions& options, std::string_view name) {
  return {.name = std::string(name),
          .dimension = options.dimension,
          .metric = options.metric,
          .element = options.element,
          .index = options.index,
          .quantization = options.quantization};
}

std::optional<std::size_t> place_of_vector(const CollectionOptions& options, std::string_view name) {
  const auto at = std::lower_bound(options.vectors.begin(), options.vectors.end(), name,
                                   [](const NamedVector& a, std::string_view b) { return a.name < b; });
  if (at == options.vectors.end() || at->name != name) return std::nullopt;
  return static_cast<std::size_t>(at - options.vectors.begin());
}

std::string names_of_vectors(const CollectionOptions& options) {
  std::string names;
  for (const NamedVector& vector : options.vectors) names += (names.empty() ? "\"" : ", \"") + vector.name + "\"";
  return names.empty() ? "none" : names;
}

CollectionOptions options_of_vector(const NamedVector& vector) {
  if (vector.kind == VectorKind::sparse) {
    return {.dimension = 0, .metric = Metric::inner_product, .words = true, .index = {.kind = IndexKind::flat}};
  }
  return as_options(vector);
}

std::string name_of_vector(std::string_view collection, std::string_view vector) {
  return std::string(collection) + "/" + std::string(vector);
}

bool keeps_vector(std::string_view collection) { return collection.find('/') != std::string_view::npos; }

std::string subject_of(std::string_view collection) {
  const std::size_t slash = collection.find('/');
  const std::string outer = "collection \"" + std::string(collection.substr(0, slash)) + "\"";
  if (slash == std::string_view::npos) return outer;
  return "vector \"" + std::string(collection.substr(slash + 1)) + "\" of " + outer;
}

}  // namespace strata::store::vector
