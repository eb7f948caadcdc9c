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

Error refuse_dimension(std::string_view what, std::uint32_t dimension) {
  return refuse(std::string(what) + " has 1 to " + std::to_string(kDimensionMax) + " dimensions, not " +
                std::to_string(dimension));
}

void encode_index(ElementType element, const IndexOptions& index, core::Encoder& out) {
  out.u8(static_cast<std::uint8_t>(element));
  out.u8(static_cast<std::uint8_t>(index.kind));
  out.varint(index.m);
  out.varint(index.ef_construction);
}

void decode_index(core::Decoder& in, ElementType& element, IndexOptions& index) {
  element = static_cast<ElementType>(in.u8());
  index.kind = static_cast<IndexKind>(in.u8());
  index.m = number(in);
  index.ef_construction = number(in);
}

Result<void> check_kept(Metric metric, ElementType element, const IndexOptions& index) {
  if (metric > Metric::inner_product) return refuse("unknown metric: " + std::to_string(static_cast<int>(metric)));
  if (element > ElementType::binary) {
    return refuse("unknown element type: " + std::to_string(static_cast<int>(element)));
  }
  if (index.kind > IndexKind::flat) {
    return refuse("unknown index kind: " + std::to_string(static_cast<int>(index.kind)));
  }
  if (index.m < 4 || index.m > kGraphDegreeMax) {
    return refuse("m is 4 to " + std::to_string(kGraphDegreeMax) + ", not " + std::to_string(index.m));
  }
  if (index.ef_construction < index.m || index.ef_construction > kEfConstructionMax) {
    return refuse("ef_construction is m, here " + std::to_string(index.m) + ", to " +
                  std::to_string(kEfConstructionMax) + ", not " + std::to_string(index.ef_construction));
  }
  return {};
}

Result<void> check_named(const NamedVector& vector) {
  STRATA_TRY(check_name("not a vector's name", vector.name));
  const std::string what = "vector \"" + vector.name + "\"";
  if (vector.kind == VectorKind::sparse) {
    if (vector == NamedVector{.name = vector.name, .kind = VectorKind::sparse}) return {};
    return refuse(what + " is sparse: it has no dimension, metric, element type or index of its own");
  }
  if (vector.kind > VectorKind::sparse) {
    return refuse(what + " is of an unknown kind: " + std::to_string(static_cast<int>(vector.kind)));
  }
  if (vector.dimension < 1 || vector.dimension > kDimensionMax) return refuse_dimension(what, vector.dimension);
  if (auto kept = check_kept(vector.metric, vector.element, vector.index); !kept) {
    return std::move(kept).error().with_context(what);
  }
  return {};
}

std::string describe_vector(std::uint32_t dimension, Metric metric, std::string_view words, ElementType element,
                            const IndexOptions& index) {
  std::string text = std::to_string(dimension) + " dimensions, " + std::string(name(metric)) + std::string(words) +
                     ", " + std::string(name(element)) + ", " + std::string(name(index.kind));
  if (index.kind == IndexKind::flat) return text;
  return text + " (m " + std::to_string(index.m) + ", ef_construction " + std::to_string(index.ef_construction) + ")";
}

}  // namespace

void encode_options(const CollectionOptions& options, core::Encoder& out) {
  out.varint(options.dimension);
  out.u8(static_cast<std::uint8_t>(options.metric));
  out.u8(options.words ? 1 : 0);
  encode_index(options.element, options.index, out);
  out.varint(options.vectors.size());
  for (const NamedVector& vector : options.vectors) {
    out.text(vector.name);
    out.u8(static_cast<std::uint8_t>(vector.kind));
    out.varint(vector.dimension);
    out.u8(static_cast<std::uint8_t>(vector.metric));
    encode_index(vector.element, vector.index, out);
  }
}

CollectionOptions decode_options(core::Decoder& in, OptionsFormat format) {
  CollectionOptions options;
  options.dimension = number(in);
  options.metric = static_cast<Metric>(in.u8());
  const std::uint8_t words = in.u8();
  options.words = words == 1;
  if (format >= OptionsFormat::index) decode_index(in, options.element, options.index);
  if (format >= OptionsFormat::vectors) {
    const std::size_t count = in.count(8);
    for (std::size_t i = 0; i < count && in.ok() && i <= kNamedVectorsMax; ++i) {
      NamedVector& vector = options.vectors.emplace_back();
      vector.name = in.text();
      vector.kind = static_cast<VectorKind>(in.u8());
      vector.dimension = number(in);
      vector.metric = static_cast<Metric>(in.u8());
      decode_index(in, vector.element, vector.index);
    }
  }
  if (words > 1 || !check_collection_options(options)) in.fail();
  return options;
}

Result<void> check_name(std::string_view what, std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const bool good = !name.empty() && name.size() <= 64 && plain(name[0]) &&
                    std::all_of(name.begin(), name.end(), [&](char c) { return plain(c) || c == '_' || c == '-'; });
  if (good) return {};
  return refuse(std::string(what) + " ([a-z0-9][a-z0-9_-]{0,63}): \"" + std::string(name.substr(0, 80)) + "\"");
}

Result<void> check_collection_options(const CollectionOptions& options) {
  if (options.dimension > kDimensionMax) return refuse_dimension("a collection", options.dimension);
  STRATA_TRY(check_kept(options.metric, options.element, options.index));
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
  return {};
}

Result<void> check_new_collection(const CollectionOptions& options) {
  if (options.dimension == 0 && options.vectors.empty()) return refuse_dimension("a collection", 0);
  return check_collection_options(options);
}

std::string describe(const CollectionOptions& options) {
  std::string text = options.dimension > 0
                         ? describe_vector(options.dimension, options.metric, options.words ? ", words" : ", no words",
                                           options.element, options.index)
                         : "no unnamed vector" + std::string(options.words ? ", words" : ", no words");
  for (const NamedVector& vector : options.vectors) {
    text += "; \"" + vector.name + "\": ";
    text += vector.kind == VectorKind::sparse
                ? "sparse"
                : describe_vector(vector.dimension, vector.metric, "", vector.element, vector.index);
  }
  return text;
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
  return {.dimension = vector.dimension, .metric = vector.metric, .element = vector.element, .index = vector.index};
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
