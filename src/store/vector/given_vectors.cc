#include "store/vector/given_vectors.h"

#include <algorithm>

#include "store/vector/collection_options.h"
#include "store/vector/elements.h"
#include "store/vector/sparse.h"

namespace strata::store::vector {

using transaction::Context;

namespace {

Error refuse(std::string message) { return Error(ErrorCode::invalid_argument, std::move(message)); }

}  // namespace

Result<std::vector<TakenVector>> take_vectors(std::string_view outer, const CollectionOptions& options,
                                              std::string_view id, std::span<const PointVector> given) {
  std::vector<TakenVector> taken;
  for (const PointVector& vector : given) {
    TakenVector& own = taken.emplace_back();
    own.place = STRATA_TRY(place_of(outer, options, vector.name));
    const bool twice = std::any_of(taken.begin(), taken.end() - 1,
                                   [&own](const TakenVector& other) { return other.place == own.place; });
    if (twice) return refuse(quoted(id) + " has two vectors " + quoted(vector.name));
    const NamedVector& kept = options.vectors[own.place];
    const std::string collection = name_of_vector(outer, vector.name);
    if (kept.kind == VectorKind::sparse) {
      encode_terms(STRATA_TRY(to_entries(collection, quoted(id), {vector.indices, vector.values})), own.point.terms);
      if (own.point.terms.empty()) own.point.kind = PointChange::Kind::remove;
      continue;
    }
    if (!vector.indices.empty())
      return refuse(subject_of(collection) + " is dense; that of " + quoted(id) + " has indices");
    if (vector.values.empty()) {
      own.point.kind = PointChange::Kind::remove;
      continue;
    }
    const CollectionOptions dense = options_of_vector(kept);
    STRATA_TRY(check_vector(collection, dense, quoted(id), vector.values));
    STRATA_TRY(check_elements(collection, dense, quoted(id), vector.values));
    own.point.elements = to_elements(dense.element, vector.values);
  }
  return taken;
}

Result<std::vector<TakenVector>> take_vectors(std::string_view outer, const CollectionOptions& options,
                                              const Point& point) {
  if (options.default_vector.empty() || point.vector.empty()) {
    return take_vectors(outer, options, point.id, point.vectors);
  }
  std::vector<PointVector> given{{options.default_vector, point.vector}};
  given.insert(given.end(), point.vectors.begin(), point.vectors.end());
  return take_vectors(outer, options, point.id, given);
}

std::uint64_t bytes_of(const std::vector<TakenVector>& vectors, std::size_t entries, std::string_view id,
                       const Bytes& payload) {
  std::uint64_t bytes = entries * (id.size() + kPointOverheadBytes);
  for (const TakenVector& each : vectors) {
    bytes += each.point.elements.size() + each.point.terms.size();
    if (each.point.kind != PointChange::Kind::remove) bytes += payload.size();
  }
  return bytes;
}

void put(BufferedCollection& buffered, std::string_view id, std::vector<TakenVector> vectors, const Bytes& payload) {
  for (TakenVector& each : vectors) {
    if (each.point.kind != PointChange::Kind::remove) each.point.payload = payload;
    buffered.vectors[each.place].points.insert_or_assign(std::string(id), std::move(each.point));
  }
}

Result<std::vector<TakenVector>> under_payload(Context& tx, const Target& target, std::string_view id) {
  std::vector<TakenVector> vectors;
  for (std::size_t place = 0; place < target.options.vectors.size(); ++place) {
    const Reading reading = STRATA_TRY(read_vector(tx, target, place, nullptr));
    const auto found = STRATA_TRY(find_point(reading, id));
    if (!found) continue;
    const auto kind = found->buffered != nullptr ? found->buffered->kind : PointChange::Kind::set_payload;
    vectors.push_back({place, STRATA_TRY(as_it_is(*found, kind))});
  }
  return vectors;
}

Result<BufferedPoint> as_it_is(const Found& found, PointChange::Kind kind) {
  std::vector<float> room;
  const ByteView elements = STRATA_TRY(found.elements(room));
  const ByteView payload = STRATA_TRY(found.payload());
  return BufferedPoint{kind, Bytes(elements.begin(), elements.end()), Bytes(payload.begin(), payload.end()),
                       to_term_list(STRATA_TRY(found.terms()))};
}

void take_away(Overlay& points, std::string_view id, bool was) {
  if (was) {
    points.insert_or_assign(std::string(id), BufferedPoint{PointChange::Kind::remove, {}, {}, {}});
  } else if (const auto own = points.find(id); own != points.end()) {
    points.erase(own);  // it was of this transaction alone
  }
}

}  // namespace strata::store::vector
