#include "store/vector/answers.h"

#include "store/vector/elements.h"
#include "store/vector/sparse.h"

namespace strata::store::vector {
namespace {

Result<Map> decode_payload(ByteView bytes) {
  core::Decoder in(bytes);
  Map payload = in.map();
  STRATA_TRY(in.finish("payload"));
  return payload;
}

Result<std::vector<float>> vector_of(const Found& found, const CollectionOptions& options) {
  std::vector<float> room;
  std::vector<float> vector(options.dimension);
  to_floats(options.element, STRATA_TRY(found.elements(room)), vector);
  return vector;
}

Result<Hit> hit_of(const Found& found, const SearchOptions& options) {
  Hit hit;
  hit.id = found.id;
  hit.score = found.score;
  if (options.with_payload) hit.payload = STRATA_TRY(decode_payload(STRATA_TRY(found.payload())));
  return hit;
}

// Of a point of these rows.
Result<void> add_vector(const Found& found, const VectorRows& rows, Hit& hit) {
  if (rows.sparse) {
    from_entries(STRATA_TRY(found.terms()), hit.vector, hit.indices);
  } else {
    hit.vector = STRATA_TRY(vector_of(found, *rows.reading.options));
  }
  return {};
}

}  // namespace

Result<StoredPoint> stored(const Found& found, const CollectionOptions& options, const std::vector<VectorRows>& vectors,
                           bool with_vector) {
  StoredPoint point;
  point.id = found.id;
  point.payload = STRATA_TRY(decode_payload(STRATA_TRY(found.payload())));
  if (with_vector && options.dimension > 0) point.vector = STRATA_TRY(vector_of(found, options));
  for (const VectorRows& rows : vectors) {
    const auto own = STRATA_TRY(find_point(rows.reading, found.id));
    if (!own) continue;
    if (rows.collection.empty()) {  // the default one
      point.vector = STRATA_TRY(vector_of(*own, *rows.reading.options));
      continue;
    }
    StoredVector& vector = point.vectors.emplace_back(StoredVector{rows.collection, {}, {}});
    if (rows.sparse) {
      from_entries(STRATA_TRY(own->terms()), vector.values, vector.indices);
    } else {
      vector.values = STRATA_TRY(vector_of(*own, *rows.reading.options));
    }
  }
  return point;
}

Result<std::vector<Hit>> hits(const std::vector<Found>& found, const VectorRows& rows, const SearchOptions& options) {
  std::vector<Hit> hits;
  hits.reserve(found.size());
  for (const Found& each : found) {
    hits.push_back(STRATA_TRY(hit_of(each, options)));
    if (options.with_vector) STRATA_TRY(add_vector(each, rows, hits.back()));
  }
  return hits;
}

Result<std::vector<QueryHit>> query_hits(const std::vector<Ranked>& ranked, const Ranking& ranking, const Asked& asked,
                                         const SearchOptions& options) {
  std::vector<QueryHit> hits;
  hits.reserve(ranked.size());
  for (const Ranked& each : ranked) {
    hits.push_back({STRATA_TRY(hit_of(each.found, options)), each.by_vector, each.by_words, each.by_also});
    hits.back().by_also.resize(asked.also.size());
    if (!options.with_vector) continue;
    if (const auto own = STRATA_TRY(ranking.with_vector(each.found))) {
      STRATA_TRY(add_vector(*own, asked.vector, hits.back()));
    }
  }
  return hits;
}

}  // namespace strata::store::vector
