#include "store/vector/mutation.h"

#include <algorithm>
#include <cmath>

#include "store/vector/collection_options.h"
#include "store/vector/elements.h"
#include "store/vector/filter/encoded_value.h"
#include "store/vector/sparse.h"
#include "store/vector/words.h"

namespace strata::store::vector {
namespace {

constexpr std::uint64_t kSectionVersion = 5;
constexpr std::uint8_t kWithVectors = 4;  // beside a point's kind
constexpr std::uint8_t kDropped = 1;
constexpr std::uint8_t kCreated = 2;
constexpr std::uint8_t kAltered = 4;

Error corrupt(std::string_view what, std::string_view collection) {
  return Error(ErrorCode::corruption,
               "vector section: " + std::string(what) + ": collection \"" + std::string(collection) + "\"");
}

Result<VectorChange> decode_vector(core::Decoder& in, std::string_view collection, const CollectionOptions& options,
                                   const PointChange& point) {
  VectorChange vector;
  const std::uint64_t place = in.varint();
  const std::uint8_t given = in.u8();
  if (!in.ok() || place >= options.vectors.size()) return corrupt("a vector that is not of", collection);
  vector.place = static_cast<std::uint32_t>(place);
  if (!point.vectors.empty() && vector.place <= point.vectors.back().place) {
    return corrupt("vectors out of order", collection);
  }
  vector.given = given == 1;
  if (given > 1 || (given == 0 && point.kind == PointChange::Kind::upsert)) {
    return corrupt("a vector that changes in an unknown way", collection);
  }
  if (!vector.given) return vector;
  vector.bytes = in.bytes();
  if (!in.ok()) return corrupt("a vector runs past the end", collection);
  const NamedVector& kept = options.vectors[place];
  const bool sound = kept.kind == VectorKind::sparse
                         ? are_entries(vector.bytes)
                         : vector.bytes.size() == element_bytes(kept.element, kept.dimension) &&
                               are_storable(options_of_vector(kept), vector.bytes);
  if (!sound) return corrupt("a vector \"" + kept.name + "\" that cannot be", collection);
  return vector;
}

bool has_payload(PointChange::Kind kind) {
  return kind == PointChange::Kind::upsert || kind == PointChange::Kind::set_payload;
}

Result<PointChange> decode_point(core::Decoder& in, std::string_view collection, const CollectionOptions& options) {
  PointChange point;
  const std::uint8_t head = in.u8();
  const std::uint8_t kind = head & ~kWithVectors;
  point.kind = static_cast<PointChange::Kind>(kind);
  point.id = in.text();
  switch (point.kind) {
    case PointChange::Kind::upsert:
      point.elements = in.raw(element_bytes(options.element, options.dimension));
      point.payload = in.bytes();
      point.terms = in.bytes();
      break;
    case PointChange::Kind::set_payload: point.payload = in.bytes(); break;
    case PointChange::Kind::set_vectors:
    case PointChange::Kind::remove: break;
    default: return corrupt("a change of unknown kind " + std::to_string(kind), collection);
  }
  if (!in.ok()) return corrupt("a point change runs past the end", collection);
  if (point.id.empty() || point.id.size() > kIdBytesMax) return corrupt("an id of wrong size", collection);
  if (point.kind == PointChange::Kind::upsert && !are_storable(options, point.elements)) {
    return corrupt("a vector that is not finite, or zero where it may not be", collection);
  }
  if (has_payload(point.kind) && !is_encoded_map(point.payload)) return corrupt("a payload that is no map", collection);
  const auto words = words_in(point.terms);
  if (!words) return corrupt("a term list out of order", collection);
  point.words = static_cast<std::uint32_t>(std::min<std::uint64_t>(*words, UINT32_MAX));
  if ((head & kWithVectors) == 0) return point;
  if (point.kind == PointChange::Kind::remove) return corrupt("vectors of a point that goes", collection);
  const std::size_t vectors = in.count(2);
  for (std::size_t i = 0; i < vectors; ++i) {
    point.vectors.push_back(STRATA_TRY(decode_vector(in, collection, options, point)));
  }
  if (point.vectors.empty()) return corrupt("vectors of which there are none", collection);
  return point;
}

void encode_vectors(const std::vector<VectorChange>& vectors, core::Encoder& out) {
  if (vectors.empty()) return;
  out.varint(vectors.size());
  for (const VectorChange& vector : vectors) {
    out.varint(vector.place);
    out.u8(vector.given ? 1 : 0);
    if (vector.given) out.bytes(vector.bytes);
  }
}

}  // namespace

void encode_mutation(const Mutation& mutation, core::Encoder& out) {
  out.varint(kSectionVersion);
  out.varint(mutation.size());
  for (const CollectionChange& change : mutation) {
    out.text(change.name);
    out.u8(static_cast<std::uint8_t>((change.dropped ? kDropped : 0) | (change.created ? kCreated : 0) |
                                     (change.altered ? kAltered : 0)));
    if (change.created) encode_options(*change.created, out);
    if (change.altered) encode_reshape(*change.altered, out);
    out.varint(change.points.size());
    for (const PointChange& point : change.points) {
      out.u8(static_cast<std::uint8_t>(static_cast<std::uint8_t>(point.kind) |
                                       (point.vectors.empty() ? 0 : kWithVectors)));
      out.text(point.id);
      if (point.kind == PointChange::Kind::upsert) out.raw(point.elements.data(), point.elements.size());
      if (has_payload(point.kind)) out.bytes(point.payload);
      if (point.kind == PointChange::Kind::upsert) out.bytes(point.terms);
      encode_vectors(point.vectors, out);
    }
  }
}

Result<Mutation> decode_mutation(ByteView section,
                                 const std::function<std::optional<CollectionOptions>(std::string_view)>& options_of) {
  core::Decoder in(section);
  const std::uint64_t version = in.varint();
  if (version < 1 || version > kSectionVersion) {
    return Error(in.ok() ? ErrorCode::unsupported : ErrorCode::corruption,
                 "vector section: unknown version " + std::to_string(version));
  }
  Mutation mutation;
  const std::size_t collections = in.count(3);
  mutation.reserve(collections);
  for (std::size_t i = 0; i < collections; ++i) {
    CollectionChange change;
    change.name = in.text();
    const std::uint8_t flags = in.u8();
    if (!in.ok() || !check_name("not a collection's name", change.name))
      return corrupt("not a collection's name", change.name);
    if (!mutation.empty() && change.name <= mutation.back().name) return corrupt("names out of order", change.name);
    if (flags > kAltered) return corrupt("unknown flags", change.name);
    change.dropped = (flags & kDropped) != 0;
    if ((flags & kCreated) != 0) {
      change.created = decode_options(in, static_cast<OptionsForm>(version));
      if (!in.ok()) return corrupt("options out of range", change.name);
    }
    auto exists = change.created ? change.created : change.dropped ? std::nullopt : options_of(change.name);
    if ((flags & kAltered) != 0) {
      if (!exists) return corrupt("an index for a collection that does not exist", change.name);
      change.altered = version < 5 ? Reshape{*exists, {}, {}} : decode_reshape(in);
      if (version < 5) decode_altered(in, change.altered->options);
      if (!in.ok()) return corrupt("options out of range", change.name);
      if (auto follows = check_reshape(*exists, *change.altered); !follows) {
        return corrupt(follows.error().message(), change.name);
      }
      exists = change.altered->options;
    }
    const std::size_t points = in.count(2);
    if (points > 0 && !exists) return corrupt("points for a collection that does not exist", change.name);
    change.points.reserve(points);
    for (std::size_t j = 0; j < points; ++j) {
      change.points.push_back(STRATA_TRY(decode_point(in, change.name, *exists)));
    }
    mutation.push_back(std::move(change));
  }
  STRATA_TRY(in.finish("vector section"));
  return mutation;
}

Result<void> check_vector(std::string_view collection, const CollectionOptions& options, std::string_view what,
                          std::span<const float> x) {
  const auto refuse = [&](const std::string& message) {
    return Error(ErrorCode::invalid_argument, subject_of(collection) + " " + message);
  };
  const std::string quoted(what);
  if (options.dimension == 0 && !x.empty()) {
    return refuse("has no unnamed vector; " + quoted + " has one of " + std::to_string(x.size()) + " dimensions");
  }
  if (x.size() != options.dimension) {
    return refuse("holds vectors of " + std::to_string(options.dimension) + " dimensions; " + quoted + " has " +
                  std::to_string(x.size()));
  }
  bool zero = true;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i])) {
      return refuse("holds finite numbers; " + quoted + " has " + (std::isnan(x[i]) ? "NaN" : "infinity") +
                    " at position " + std::to_string(i));
    }
    zero = zero && x[i] == 0.0F;
  }
  if (zero && options.metric == Metric::cosine && options.dimension > 0) {
    return refuse("compares by angle, and a zero vector has none: " + quoted);
  }
  return {};
}

Result<void> check_searched(std::string_view collection, const CollectionOptions& options) {
  if (options.dimension > 0) return {};
  return Error(
      ErrorCode::invalid_argument,
      subject_of(collection) + " has no unnamed vector to search by; its vectors are " + names_of_vectors(options));
}

}  // namespace strata::store::vector
