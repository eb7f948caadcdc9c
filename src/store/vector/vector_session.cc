// The public contract of the vector store, for one transaction, view or database: each call validates, then reads the parts
// under the own writes, or writes to the buffer.
#include <utf8proc.h>

#include <algorithm>
#include <cmath>

#include "core/excerpt.h"
#include "core/nesting.h"
#include "store/vector/answers.h"
#include "store/vector/collection_options.h"
#include "store/vector/elements.h"
#include "store/vector/given_vectors.h"
#include "store/vector/query/facets.h"
#include "store/vector/query/groups.h"
#include "store/vector/query/ordering.h"
#include "store/vector/sparse.h"
#include "store/vector/target.h"
#include "store/vector/vector_store.h"
#include "store/vector/words.h"

namespace strata::store::vector {
namespace {

using transaction::Context;

constexpr std::size_t kPayloadBytesMax = 1 << 20;
constexpr std::size_t kScrollMax = 10'000;
constexpr std::size_t kGroupsMax = 1'000;

Error refuse(std::string message) { return Error(ErrorCode::invalid_argument, std::move(message)); }

Error precondition(std::string message) { return Error(ErrorCode::failed_precondition, std::move(message)); }

Error no_collection(std::string_view name) { return Error(ErrorCode::not_found, "no collection " + quoted(name)); }

bool is_utf8(std::string_view text) {
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  for (std::size_t i = 0; i < text.size();) {
    utf8proc_int32_t code_point = 0;
    const auto size = utf8proc_iterate(bytes + i, static_cast<utf8proc_ssize_t>(text.size() - i), &code_point);
    if (size <= 0) return false;
    i += static_cast<std::size_t>(size);
  }
  return true;
}

Result<void> check_id(std::string_view id) {
  if (id.empty() || id.size() > kIdBytesMax) {
    return refuse("an id has 1 to " + std::to_string(kIdBytesMax) + " bytes; " + quoted(id) + " has " +
                  std::to_string(id.size()));
  }
  if (!is_utf8(id)) return refuse("an id is UTF-8 text; one of " + std::to_string(id.size()) + " bytes is not");
  return {};
}

Result<Bytes> encode_payload(std::string_view id, const Map& payload) {
  if (!core::nests_within(payload)) {
    return refuse("a payload nests at most " + std::to_string(core::kNestingMax) + " deep; that of " + quoted(id) +
                  " does not");
  }
  Bytes bytes;
  core::Encoder(bytes).map(payload);
  if (bytes.size() > kPayloadBytesMax) {
    return refuse("a payload has at most " + std::to_string(kPayloadBytesMax) + " bytes; that of " + quoted(id) +
                  " has " + std::to_string(bytes.size()));
  }
  return bytes;
}

class VectorSession final : public strata::VectorStore {
 public:
  VectorSession(VectorParticipant& store, transaction::Session& session) : store_(store), session_(session) {}

  Result<void> create_collection(std::string_view name, const CollectionOptions& given) override {
    return session_.write([&](Context& tx) -> Result<void> {
      STRATA_TRY(check_name("not a collection's name", name));
      CollectionOptions options = given;
      std::sort(options.vectors.begin(), options.vectors.end(),
                [](const NamedVector& a, const NamedVector& b) { return a.name < b.name; });
      STRATA_TRY(check_new_collection(options));
      if (const auto existing = find_to_read(tx, name)) {
        const CollectionOptions& other = existing->options;
        if (other == options) {
          tx.note_dependency(StoreKind::vector, collection_key(name));
          return {};
        }
        return Error(ErrorCode::already_exists, "collection " + quoted(name) + " exists with " + describe(other) +
                                                    "; asked for were " + describe(options));
      }
      STRATA_TRY(tx.note_write(StoreKind::vector, collection_key(name)));
      STRATA_TRY(tx.charge(name.size() + kPointOverheadBytes));
      BufferedCollection& buffered = buffer(tx).at(name);
      buffered.created = options;
      buffered.vectors_of(options);
      return {};
    });
  }

  Result<void> alter_collection(std::string_view name, const IndexOptions& index,
                                const QuantizationOptions& quantization, std::string_view vector) override {
    return session_.write([&](Context& tx) -> Result<void> {
      const auto target = find_to_read(tx, name);
      if (!target) return no_collection(name);
      Reshape reshape = reshaped(*target);
      CollectionOptions& options = reshape.options;
      const std::string_view altered = meant(options, vector);
      if (altered.empty()) {
        options.index = index;
        options.quantization = quantization;
      } else {
        NamedVector& named = options.vectors[STRATA_TRY(place_of(name, options, altered))];
        named.index = index;
        named.quantization = quantization;
      }
      STRATA_TRY(check_collection_options(options));
      return put_reshape(tx, name, *target, std::move(reshape));
    });
  }

  Result<void> add_vector(std::string_view name, const NamedVector& vector) override {
    return session_.write([&](Context& tx) -> Result<void> {
      const auto target = find_to_read(tx, name);
      if (!target) return no_collection(name);
      STRATA_TRY(check_new_vector(name, target->options, vector.name));
      Reshape reshape = reshaped(*target);
      insert(vector, reshape.options);
      STRATA_TRY(check_new_collection(reshape.options));
      return put_reshape(tx, name, *target, std::move(reshape));
    });
  }

  Result<void> drop_vector(std::string_view name, std::string_view vector) override {
    return session_.write([&](Context& tx) -> Result<void> {
      const auto target = find_to_read(tx, name);
      if (!target) return no_collection(name);
      const std::size_t place = STRATA_TRY(place_of(name, target->options, vector));
      const std::string what = "vector " + quoted(vector) + " of collection " + quoted(name);
      if (vector == target->options.default_vector) {
        return precondition(what + " is what is searched where no vector is named; set_default_vector names another");
      }
      if (target->options.dimension == 0 && target->options.vectors.size() == 1) {
        return precondition(what + " is its only one");
      }
      Reshape reshape = reshaped(*target);
      if (reshape.named == vector) return precondition(what + " got its name in this transaction");
      reshape.options.vectors.erase(reshape.options.vectors.begin() + static_cast<std::ptrdiff_t>(place));
      if (target->kept[place] != nullptr) insert(std::string(vector), reshape.dropped);
      return put_reshape(tx, name, *target, std::move(reshape));
    });
  }

  Result<void> name_vector(std::string_view name, std::string_view vector) override {
    return session_.write([&](Context& tx) -> Result<void> {
      const auto target = find_to_read(tx, name);
      if (!target) return no_collection(name);
      STRATA_TRY(check_new_vector(name, target->options, vector));
      if (target->options.dimension == 0) {
        return precondition("collection " + quoted(name) + " has no unnamed vector; its vectors are " +
                            names_of_vectors(target->options));
      }
      if (target->buffered != nullptr && !target->buffered->points.empty()) {
        return precondition("points of collection " + quoted(name) +
                            " were written in this transaction; name its vector before");
      }
      Reshape reshape = reshaped(*target);
      insert(with_name(target->options, vector), reshape.options);
      reshape.options = {.words = reshape.options.words,
                         .vectors = std::move(reshape.options.vectors),
                         .default_vector = std::string(vector)};
      reshape.named = vector;
      STRATA_TRY(check_new_collection(reshape.options));
      return put_reshape(tx, name, *target, std::move(reshape));
    });
  }

  Result<void> set_default_vector(std::string_view name, std::string_view vector, bool incomplete) override {
    return session_.write([&](Context& tx) -> Result<void> {
      const auto target = find_to_read(tx, name);
      if (!target) return no_collection(name);
      const std::size_t place = STRATA_TRY(place_of(name, target->options, vector));
      if (target->options.dimension > 0) {
        return precondition("collection " + quoted(name) +
                            " has an unnamed vector, which is searched where none is named; name_vector names it");
      }
      Reshape reshape = reshaped(*target);
      reshape.options.default_vector = vector;
      STRATA_TRY(check_collection_options(reshape.options));
      if (!incomplete) STRATA_TRY(check_complete(tx, name, *target, place));
      return put_reshape(tx, name, *target, std::move(reshape));
    });
  }

  Result<void> drop_collection(std::string_view name) override {
    return session_.write([&](Context& tx) -> Result<void> {
      const auto target = find_to_read(tx, name);
      if (!target) return no_collection(name);
      STRATA_TRY(tx.note_write(StoreKind::vector, collection_key(name)));
      BufferedCollection& buffered = buffer(tx).at(name);
      buffered.dropped = buffered.dropped || target->base != nullptr;
      buffered.created.reset();
      buffered.altered.reset();
      buffered.points.clear();
      buffered.vectors.clear();
      return {};
    });
  }

  Result<std::vector<CollectionInfo>> collections() override {
    return session_.read([&](Context& tx) -> Result<std::vector<CollectionInfo>> {
      tx.note_scan(StoreKind::vector, kCollectionsPredicate);
      std::vector<std::string> names;
      for (const auto& collection : store_.visible_collections(tx.view_lsn())) names.push_back(collection->name());
      if (auto* written = tx.buffer_if_any<WriteBuffer>(StoreKind::vector)) {
        for (const auto& [name, collection] : written->collections()) names.push_back(name);
      }
      std::sort(names.begin(), names.end());
      names.erase(std::unique(names.begin(), names.end()), names.end());
      std::vector<CollectionInfo> infos;
      for (const std::string& name : names) {
        if (const auto target = find(tx, name)) infos.push_back(STRATA_TRY(info(tx, name, *target)));
      }
      return infos;
    });
  }

  Result<CollectionInfo> collection(std::string_view name) override {
    return session_.read([&](Context& tx) -> Result<CollectionInfo> {
      const auto target = find_to_read(tx, name);
      if (!target) return no_collection(name);
      return info(tx, name, *target);
    });
  }

  Result<void> upsert(std::string_view name, std::span<const Point> points) override {
    return session_.write([&](Context& tx) -> Result<void> {
      const auto target = find_to_read(tx, name);  // also when its options refuse the points
      if (!target) return no_collection(name);
      // Everything is looked at before anything is taken.
      std::vector<BufferedPoint> taken;
      std::vector<std::vector<TakenVector>> vectors;
      taken.reserve(points.size());
      vectors.reserve(points.size());
      std::uint64_t bytes = 0;
      for (const Point& point : points) {
        STRATA_TRY(check_id(point.id));
        const bool has_default = !target->options.default_vector.empty();
        const std::span<const float> vector = has_default ? std::span<const float>() : point.vector;
        STRATA_TRY(check_vector(name, target->options, quoted(point.id), vector));
        STRATA_TRY(check_elements(name, target->options, quoted(point.id), vector));
        BufferedPoint& own = taken.emplace_back();
        own.payload = STRATA_TRY(encode_payload(point.id, point.payload));
        if (target->options.words) encode_terms_of(point.text, own.terms);
        own.elements = to_elements(target->options.element, vector);
        vectors.push_back(STRATA_TRY(take_vectors(name, target->options, point)));
        bytes += point.id.size() + own.elements.size() + own.payload.size() + own.terms.size() + kPointOverheadBytes +
                 bytes_of(vectors.back(), target->options.vectors.size(), point.id, own.payload);
      }
      STRATA_TRY(depend_on_collection(tx, name, *target));
      for (const Point& point : points) STRATA_TRY(tx.note_write(StoreKind::vector, point_key(name, point.id)));
      STRATA_TRY(tx.charge(bytes));
      BufferedCollection& buffered = buffer(tx).at(name);
      for (std::size_t i = 0; i < points.size(); ++i) {
        // Which vectors it had does not count any more.
        for (BufferedVector& vector : buffered.vectors_of(target->options)) {
          vector.points.insert_or_assign(std::string(points[i].id),
                                         BufferedPoint{PointChange::Kind::remove, {}, {}, {}});
        }
        put(buffered, points[i].id, std::move(vectors[i]), taken[i].payload);
        buffered.points.insert_or_assign(std::string(points[i].id), std::move(taken[i]));
      }
      return {};
    });
  }

  using strata::VectorStore::set_vectors;
  Result<void> set_vectors(std::string_view name, std::span<const PointVectors> points) override {
    return session_.write([&](Context& tx) -> Result<void> {
      const auto target = find_to_read(tx, name);
      if (!target) return no_collection(name);
      // Everything is looked at before anything is taken.
      const Reading reading = STRATA_TRY(read(tx, *target, nullptr));
      std::vector<std::vector<TakenVector>> vectors;
      std::vector<BufferedPoint> now;
      vectors.reserve(points.size());
      now.reserve(points.size());
      std::uint64_t bytes = 0;
      for (const PointVectors& point : points) {
        STRATA_TRY(check_id(point.id));
        vectors.push_back(STRATA_TRY(take_vectors(name, target->options, point.id, point.vectors)));
        const Found found = STRATA_TRY(find_to_change(tx, name, reading, point.id));
        const BufferedPoint& own = now.emplace_back(STRATA_TRY(as_it_is(found, PointChange::Kind::set_vectors)));
        bytes += point.id.size() + own.elements.size() + own.payload.size() + own.terms.size() + kPointOverheadBytes +
                 bytes_of(vectors.back(), vectors.back().size(), point.id, own.payload);
      }
      STRATA_TRY(depend_on_collection(tx, name, *target));
      for (const PointVectors& point : points) {
        STRATA_TRY(tx.note_write(StoreKind::vector, point_key(name, point.id)));
      }
      STRATA_TRY(tx.charge(bytes));
      BufferedCollection& buffered = buffer(tx).at(name);
      buffered.vectors_of(target->options);
      for (std::size_t i = 0; i < points.size(); ++i) {
        vector::put(buffered, points[i].id, std::move(vectors[i]), now[i].payload);
        buffered.points.try_emplace(std::string(points[i].id), std::move(now[i]));  // what was written before stays
      }
      return {};
    });
  }

  Result<void> set_payload(std::string_view name, std::string_view id, Map payload) override {
    return session_.write([&](Context& tx) -> Result<void> {
      const auto target = find(tx, name);
      if (!target) return missing(tx, name);
      STRATA_TRY(check_id(id));
      BufferedPoint changed;
      changed.payload = STRATA_TRY(encode_payload(id, payload));
      const Reading reading = STRATA_TRY(read(tx, *target, nullptr));
      const Found found = STRATA_TRY(find_to_change(tx, name, reading, id));
      const CollectionOptions& options = target->options;
      auto vectors = STRATA_TRY(under_payload(tx, *target, id));
      STRATA_TRY(tx.charge(id.size() + changed.payload.size() + element_bytes(options.element, options.dimension) +
                           kPointOverheadBytes + bytes_of(vectors, vectors.size(), id, changed.payload)));
      STRATA_TRY(depend_on_collection(tx, name, *target));
      STRATA_TRY(tx.note_write(StoreKind::vector, point_key(name, id)));
      BufferedCollection& buffered = buffer(tx).at(name);
      buffered.vectors_of(options);
      put(buffered, id, std::move(vectors), changed.payload);
      if (found.buffered != nullptr) {
        BufferedPoint& own = buffered.points.find(id)->second;
        own.payload = std::move(changed.payload);
        if (own.kind == PointChange::Kind::set_vectors) own.kind = PointChange::Kind::set_payload;
        return {};
      }
      BufferedPoint now = STRATA_TRY(as_it_is(found, PointChange::Kind::set_payload));
      now.payload = std::move(changed.payload);
      buffered.points.insert_or_assign(std::string(id), std::move(now));
      return {};
    });
  }

  Result<std::uint64_t> remove(std::string_view name, std::span<const std::string_view> ids) override {
    return session_.write([&](Context& tx) -> Result<std::uint64_t> {
      const auto target = find(tx, name);
      if (!target) return missing(tx, name);
      for (const std::string_view id : ids) STRATA_TRY(check_id(id));
      const Reading reading = STRATA_TRY(read(tx, *target, nullptr));
      const Reading committed = without_overlay(reading);
      STRATA_TRY(depend_on_collection(tx, name, *target));
      for (const std::string_view id : ids) {
        tx.note_read(StoreKind::vector, point_key(name, id));
        if (STRATA_TRY(find_point(reading, id))) {
          STRATA_TRY(tx.note_write(StoreKind::vector, point_key(name, id)));
        }
      }
      std::uint64_t existed = 0;
      for (const std::string_view id : ids) {
        const auto found = STRATA_TRY(find_point(with_latest_overlay(tx, name, reading), id));
        if (!found) continue;
        ++existed;
        STRATA_TRY(tx.charge(id.size() + kPointOverheadBytes));
        BufferedCollection& buffered = buffer(tx).at(name);
        const bool was = STRATA_TRY(find_point(committed, id)).has_value();
        take_away(buffered.points, id, was);
        for (BufferedVector& vector : buffered.vectors_of(target->options)) take_away(vector.points, id, was);
      }
      return existed;
    });
  }

  Result<std::optional<StoredPoint>> get(std::string_view name, std::string_view id, bool with_vector,
                                         Locking locking) override {
    return session_.read([&](Context& tx) -> Result<std::optional<StoredPoint>> {
      const auto target = find_to_read(tx, name);
      if (!target) return no_collection(name);
      if (locking == Locking::for_update) STRATA_TRY(tx.lock_for_update(StoreKind::vector, point_key(name, id)));
      tx.note_read(StoreKind::vector, point_key(name, id));
      const Reading reading = STRATA_TRY(read(tx, *target, nullptr));
      const auto found = STRATA_TRY(find_point(reading, id));
      if (!found) return std::optional<StoredPoint>();
      const auto vectors = STRATA_TRY(read_vectors(tx, *target, with_vector));
      return std::optional<StoredPoint>(STRATA_TRY(stored(*found, *reading.options, vectors, with_vector)));
    });
  }

  Result<std::vector<Hit>> search(std::string_view name, std::span<const float> query,
                                  const SearchOptions& options) override {
    return session_.read([&](Context& tx) -> Result<std::vector<Hit>> {
      const auto target = find_to_read(tx, name);
      if (!target) return no_collection(name);
      STRATA_TRY(check_search(options));
      const CompiledFilter filter = STRATA_TRY(CompiledFilter::compile(options.filter));
      tx.note_scan(StoreKind::vector, points_predicate(name));
      const VectorRows rows = STRATA_TRY(read_dense(tx, name, *target, options.using_vector, &filter));
      STRATA_TRY(check_vector(rows.collection, *rows.reading.options, "the query", query));
      return hits(STRATA_TRY(search_nearest(rows.reading, query, wanted(options), effort(options))), rows, options);
    });
  }

  Result<std::vector<std::vector<Hit>>> search_many(std::string_view name,
                                                    std::span<const std::span<const float>> queries,
                                                    const SearchOptions& options) override {
    return session_.read([&](Context& tx) -> Result<std::vector<std::vector<Hit>>> {
      const auto target = find_to_read(tx, name);
      if (!target) return no_collection(name);
      STRATA_TRY(check_search(options));
      STRATA_TRY(check_many(queries.size(), options.k));
      const CompiledFilter filter = STRATA_TRY(CompiledFilter::compile(options.filter));
      tx.note_scan(StoreKind::vector, points_predicate(name));
      const VectorRows rows = STRATA_TRY(read_dense(tx, name, *target, options.using_vector, &filter));
      for (std::size_t i = 0; i < queries.size(); ++i) {
        STRATA_TRY(check_vector(rows.collection, *rows.reading.options, "query " + std::to_string(i), queries[i]));
      }
      std::vector<std::vector<Hit>> answers;
      for (const auto& found :
           STRATA_TRY(search_nearest_each(rows.reading, queries, wanted(options), effort(options)))) {
        answers.push_back(STRATA_TRY(vector::hits(found, rows, options)));
      }
      return answers;
    });
  }

  Result<std::vector<Hit>> search_sparse(std::string_view name, const SparseVector& query,
                                         const SearchOptions& options) override {
    return session_.read([&](Context& tx) -> Result<std::vector<Hit>> {
      const auto target = find_to_read(tx, name);
      if (!target) return no_collection(name);
      STRATA_TRY(check_search(options));
      const CompiledFilter filter = STRATA_TRY(CompiledFilter::compile(options.filter));
      tx.note_scan(StoreKind::vector, points_predicate(name));
      const VectorRows rows = STRATA_TRY(read_rows(tx, name, *target, options.using_vector, &filter));
      if (!rows.sparse) return refuse(subject_of(rows.collection) + " is not of sparse vectors");
      const auto entries = STRATA_TRY(to_entries(rows.collection, "the query", query));
      return hits(STRATA_TRY(vector::search_sparse(rows.reading, entries, wanted(options))), rows, options);
    });
  }

  Result<std::vector<Hit>> search_words(std::string_view name, std::string_view query,
                                        const SearchOptions& options) override {
    return session_.read([&](Context& tx) -> Result<std::vector<Hit>> {
      const auto target = find_to_read(tx, name);
      if (!target) return no_collection(name);
      if (!target->options.words) {
        return Error(ErrorCode::failed_precondition,
                     "collection " + quoted(name) + " keeps no words; create it with words = true");
      }
      STRATA_TRY(check_search(options));
      const CompiledFilter filter = STRATA_TRY(CompiledFilter::compile(options.filter));
      tx.note_scan(StoreKind::vector, points_predicate(name));
      const VectorRows rows{std::string(name), STRATA_TRY(read(tx, *target, &filter))};
      const Totals totals = target->base ? STRATA_TRY(target->base->totals(tx.view_lsn())) : Totals{};
      return hits(STRATA_TRY(vector::search_words(rows.reading, query, wanted(options), totals)), rows, options);
    });
  }

  Result<std::vector<QueryHit>> query(std::string_view name, const Query& query,
                                      const SearchOptions& options) override {
    return session_.read([&](Context& tx) -> Result<std::vector<QueryHit>> {
      const auto target = find_to_read(tx, name);
      if (!target) return no_collection(name);
      STRATA_TRY(check_search(options));
      STRATA_TRY(check_candidates(query.candidates, options.k));
      const Asked asked = STRATA_TRY(ask(tx, name, *target, query, options));
      const Ranking ranking = STRATA_TRY(Ranking::of(asked, query, options));
      return query_hits(STRATA_TRY(ranking.best(options.k)), ranking, asked, options);
    });
  }

  Result<std::vector<Group>> query_groups(std::string_view name, const Query& query, const Grouping& grouping,
                                          const SearchOptions& given) override {
    return session_.read([&](Context& tx) -> Result<std::vector<Group>> {
      const auto target = find_to_read(tx, name);
      if (!target) return no_collection(name);
      STRATA_TRY(check_grouping(grouping));
      SearchOptions options = given;
      options.k = grouping.groups * grouping.size;
      STRATA_TRY(check_search(options));
      STRATA_TRY(check_candidates(query.candidates, options.k));
      if (query.diversity > 0)
        return refuse("groups are by score: diversity is 0, not " + std::to_string(query.diversity));
      const Asked asked = STRATA_TRY(ask(tx, name, *target, query, options));
      const Ranking ranking = STRATA_TRY(Ranking::of(asked, query, options));
      std::vector<Group> groups;
      for (RankedGroup& group : STRATA_TRY(best_groups(ranking, grouping))) {
        groups.push_back({std::move(group.value), STRATA_TRY(query_hits(group.hits, ranking, asked, options))});
      }
      return groups;
    });
  }

  Result<std::vector<Facet>> facets(std::string_view name, std::string_view field, const Filter& filter,
                                    std::size_t limit) override {
    using Facets = std::vector<Facet>;
    return of_matching<Facets>(name, filter, limit, false,
                               [&](const Reading& reading, const std::vector<VectorRows>&) -> Result<Facets> {
                                 auto facets = STRATA_TRY(count_values(reading, field)).facets;
                                 if (facets.size() > limit) facets.resize(limit);
                                 return facets;
                               });
  }

  Result<std::uint64_t> count(std::string_view name, const Filter& filter) override {
    return session_.read([&](Context& tx) -> Result<std::uint64_t> {
      const auto target = find_to_read(tx, name);
      if (!target) return no_collection(name);
      const CompiledFilter compiled = STRATA_TRY(CompiledFilter::compile(filter));
      tx.note_scan(StoreKind::vector, points_predicate(name));
      if (compiled.empty()) return count_points(tx, *target);
      return count_all(STRATA_TRY(read(tx, *target, &compiled)));
    });
  }

  Result<std::vector<StoredPoint>> scroll(std::string_view name, std::string_view after, std::size_t limit,
                                          const Filter& filter, bool with_vector) override {
    using Points = std::vector<StoredPoint>;
    const auto give = [&](const Reading& reading, const std::vector<VectorRows>& vectors) -> Result<Points> {
      Points points;
      for (const Found& found : STRATA_TRY(scroll_by_id(reading, after, limit))) {
        points.push_back(STRATA_TRY(stored(found, *reading.options, vectors, with_vector)));
      }
      return points;
    };
    return of_matching<Points>(name, filter, limit, with_vector, give);
  }

  Result<std::vector<StoredPoint>> points_without(std::string_view name, std::string_view vector,
                                                  std::string_view after, std::size_t limit,
                                                  bool with_vector) override {
    using Points = std::vector<StoredPoint>;
    return session_.read([&](Context& tx) -> Result<Points> {
      const auto target = find_to_read(tx, name);
      if (!target) return no_collection(name);
      STRATA_TRY(check_results(limit, kScrollMax, "limit"));
      const std::size_t place = STRATA_TRY(place_of(name, target->options, vector));
      tx.note_scan(StoreKind::vector, points_predicate(name));
      const auto vectors = STRATA_TRY(read_vectors(tx, *target, with_vector));
      Points points;
      const auto take = [&](const Found& found) -> Result<bool> {
        points.push_back(STRATA_TRY(stored(found, target->options, vectors, with_vector)));
        return points.size() < limit;
      };
      STRATA_TRY(each_without(tx, *target, place, after, take));
      return points;
    });
  }

  Result<std::vector<OrderedPoint>> scroll_by(std::string_view name, const ScrollOrder& order, std::size_t limit,
                                              const Filter& filter, bool with_vector) override {
    using Points = std::vector<OrderedPoint>;
    const auto give = [&](const Reading& reading, const std::vector<VectorRows>& vectors) -> Result<Points> {
      Points points;
      for (Ordered& each : STRATA_TRY(points_in_order(reading, order, limit))) {
        points.push_back({STRATA_TRY(stored(each.found, *reading.options, vectors, with_vector)), std::move(each.at)});
      }
      return points;
    };
    return of_matching<Points>(name, filter, limit, with_vector, give);
  }

 private:
  // What `answer` makes of the points that match, at most `limit` of them, and of their named vectors when they are wanted: a scan, for
  // whoever changes one of them.
  template <typename T, typename Answer>
  Result<T> of_matching(std::string_view name, const Filter& filter, std::size_t limit, bool with_vector,
                        const Answer& answer) {
    return session_.read([&](Context& tx) -> Result<T> {
      const auto target = find_to_read(tx, name);
      if (!target) return no_collection(name);
      STRATA_TRY(check_results(limit, kScrollMax, "limit"));
      const CompiledFilter compiled = STRATA_TRY(CompiledFilter::compile(filter));
      tx.note_scan(StoreKind::vector, points_predicate(name));
      return answer(STRATA_TRY(read(tx, *target, &compiled)), STRATA_TRY(read_vectors(tx, *target, with_vector)));
    });
  }

  /// What the own transaction makes of the collection so far; of one that it has created, the options alone count.
  static Reshape reshaped(const Target& target) {
    const BufferedCollection* buffered = target.buffered;
    return buffered != nullptr && buffered->altered ? *buffered->altered : Reshape{target.options, {}, {}};
  }

  static Result<void> put_reshape(Context& tx, std::string_view name, const Target& target, Reshape reshape) {
    if (reshape.options == target.options && reshape.dropped == reshaped(target).dropped) {
      tx.note_dependency(StoreKind::vector, collection_key(name));
      return {};
    }
    STRATA_TRY(tx.note_write(StoreKind::vector, collection_key(name)));
    STRATA_TRY(tx.charge(name.size() + kPointOverheadBytes * (1 + reshape.options.vectors.size())));
    BufferedCollection& buffered = buffer(tx).at(name);
    buffered.keep_vectors_of(reshape.options);
    if (buffered.created) {
      buffered.created = std::move(reshape.options);
    } else {
      buffered.altered = std::move(reshape);
    }
    return {};
  }

  static void insert(const NamedVector& vector, CollectionOptions& options) {
    const auto above = [](const NamedVector& a, const NamedVector& b) { return a.name < b.name; };
    options.vectors.insert(std::upper_bound(options.vectors.begin(), options.vectors.end(), vector, above), vector);
  }

  static void insert(std::string name, std::vector<std::string>& names) {
    const auto at = std::lower_bound(names.begin(), names.end(), name);
    if (at == names.end() || *at != name) names.insert(at, std::move(name));
  }

  static Result<void> check_new_vector(std::string_view name, const CollectionOptions& options,
                                       std::string_view vector) {
    STRATA_TRY(check_name("not a vector's name", vector));
    if (!place_of_vector(options, vector)) return {};
    return Error(ErrorCode::already_exists,
                 "collection " + quoted(name) + " has a vector " + quoted(vector) + " already: " + describe(options));
  }

  /// Visits the points after `after` that lack a vector, by id, until it is told to stop.
  template <typename Visit>
  static Result<void> each_without(Context& tx, const Target& target, std::size_t place, std::string_view after,
                                   const Visit& visit) {
    constexpr std::size_t kAtOnce = 1'000;
    const Reading points = STRATA_TRY(read(tx, target, nullptr));
    const Reading with = STRATA_TRY(read_vector(tx, target, place, nullptr));
    std::string last(after);
    for (;;) {
      const auto some = STRATA_TRY(scroll_by_id(points, last, kAtOnce));
      for (const Found& found : some) {
        if (STRATA_TRY(find_point(with, found.id))) continue;
        if (!STRATA_TRY(visit(found))) return {};
      }
      if (some.size() < kAtOnce) return {};
      last = some.back().id;
    }
  }

  /// That no point lacks the vector, at the commit either: who writes points waits from here on, and who did since the view was taken is a
  /// conflict.
  static Result<void> check_complete(Context& tx, std::string_view name, const Target& target, std::size_t place) {
    STRATA_TRY(tx.note_write(StoreKind::vector, collection_key(name)));
    const auto changed = [&](const std::shared_ptr<Collection>& rows) {
      return rows != nullptr && rows->last_change() > tx.view_lsn();
    };
    if (changed(target.base) || changed(target.kept[place])) {
      return Error(ErrorCode::conflict, "points of collection " + quoted(name) +
                                            " have changed since this transaction began; one of them may lack vector " +
                                            quoted(target.options.vectors[place].name));
    }
    std::uint64_t lacking = 0;
    std::string one;
    STRATA_TRY(each_without(tx, target, place, "", [&](const Found& found) -> Result<bool> {
      if (lacking++ == 0) one = found.id;
      return true;
    }));
    if (lacking == 0) return {};
    const std::uint64_t points = STRATA_TRY(count_points(tx, target));
    return precondition(std::to_string(lacking) + " of " + std::to_string(points) + " points of collection " +
                        quoted(name) + " have no vector " + quoted(target.options.vectors[place].name) + ", " +
                        quoted(one) + " among them: searches by it would not find them");
  }

  static WriteBuffer& buffer(Context& tx) {
    return tx.buffer<WriteBuffer>(StoreKind::vector, [] { return std::make_unique<WriteBuffer>(); });
  }

  static Result<void> check_results(std::size_t value, std::size_t most, std::string_view what) {
    if (value >= 1 && value <= most) return {};
    return refuse(std::string(what) + " is 1 to " + std::to_string(most) + ", not " + std::to_string(value));
  }

  static Result<void> check_search(const SearchOptions& options) {
    STRATA_TRY(check_results(options.k, kSearchResultsMax, "k"));
    if (options.ef > kSearchEfMax) {
      return refuse("ef is 0 to " + std::to_string(kSearchEfMax) + ", not " + std::to_string(options.ef));
    }
    if (options.probes > kSearchProbesMax) {
      return refuse("probes are 0 to " + std::to_string(kSearchProbesMax) + ", not " + std::to_string(options.probes));
    }
    if (options.min_score && !std::isfinite(*options.min_score)) {
      return refuse("min_score is a finite number, not " + std::to_string(*options.min_score));
    }
    return {};
  }

  static Result<void> check_many(std::size_t queries, std::size_t k) {
    if (queries > kSearchQueriesMax) {
      return refuse("one search takes up to " + std::to_string(kSearchQueriesMax) + " queries, not " +
                    std::to_string(queries));
    }
    if (queries * k > kSearchManyResultsMax) {
      return refuse("one search brings up to " + std::to_string(kSearchManyResultsMax) + " points; " +
                    std::to_string(queries) + " queries of k = " + std::to_string(k) + " could be more");
    }
    return {};
  }

  static Result<void> check_candidates(std::size_t candidates, std::size_t k) {
    if (candidates == 0 || (candidates >= k && candidates <= kSearchResultsMax)) return {};
    return refuse("candidates are " + std::to_string(k) + " (as many as are wanted) to " +
                  std::to_string(kSearchResultsMax) + ", or 0, not " + std::to_string(candidates));
  }

  static Result<void> check_grouping(const Grouping& grouping) {
    STRATA_TRY(check_results(grouping.groups, kGroupsMax, "groups"));
    STRATA_TRY(check_results(grouping.size, kGroupsMax, "size"));
    if (grouping.groups * grouping.size <= kSearchResultsMax) return {};
    return refuse("groups times size is up to " + std::to_string(kSearchResultsMax) + ", not " +
                  std::to_string(grouping.groups) + " times " + std::to_string(grouping.size));
  }

  /// All points, for a question; its examples are noted as points that were read.
  static Result<Asked> ask(Context& tx, std::string_view name, const Target& target, const Query& query,
                           const SearchOptions& options) {
    tx.note_scan(StoreKind::vector, points_predicate(name));
    for (const auto* examples : {&query.like, &query.unlike}) {
      for (const Example& each : *examples) {
        if (!each.id.empty()) tx.note_read(StoreKind::vector, point_key(name, each.id));
      }
    }
    Asked asked;
    asked.collection = name;
    asked.vector = STRATA_TRY(read_rows(tx, name, target, options.using_vector, nullptr));
    asked.words = STRATA_TRY(read(tx, target, nullptr));
    if (target.base) asked.totals = STRATA_TRY(target.base->totals(tx.view_lsn()));
    for (const VectorSide& side : query.also) {
      asked.also.push_back(STRATA_TRY(read_rows(tx, name, target, side.name, nullptr)));
    }
    return asked;
  }

  static Effort effort(const SearchOptions& options) { return {options.exact, options.ef, options.probes}; }
  static Wanted wanted(const SearchOptions& options) {
    Wanted wanted;
    wanted.k = options.k;
    if (options.min_score) wanted.min_score = *options.min_score;
    return wanted;
  }

  std::optional<Target> find(Context& tx, std::string_view name) {
    const auto* written = tx.buffer_if_any<WriteBuffer>(StoreKind::vector);
    const BufferedCollection* buffered = written != nullptr ? written->find(name) : nullptr;
    const bool of_view = buffered == nullptr || !(buffered->created || buffered->dropped);
    return find_target(of_view ? store_.find(name, tx.view_lsn()) : nullptr, buffered, tx.view_lsn());
  }

  std::optional<Target> find_to_read(Context& tx, std::string_view name) {
    tx.note_read_once(StoreKind::vector, collection_key(name));
    return find(tx, name);
  }

  static Error missing(Context& tx, std::string_view name) {
    tx.note_read(StoreKind::vector, collection_key(name));
    return no_collection(name);
  }

  static Result<void> depend_on_collection(Context& tx, std::string_view name, const Target& target) {
    if (!target.base) return {};  // made here: nobody else writes in it
    STRATA_TRY(tx.intend(StoreKind::vector, collection_key(name)));
    tx.note_dependency(StoreKind::vector, collection_key(name));
    return {};
  }

  /// The point, which is read and there. Errors  not_found
  static Result<Found> find_to_change(Context& tx, std::string_view name, const Reading& reading, std::string_view id) {
    const auto found = STRATA_TRY(find_point(reading, id));
    tx.note_read(StoreKind::vector, point_key(name, id));
    if (!found) return Error(ErrorCode::not_found, "no point " + quoted(id) + " in collection " + quoted(name));
    return *found;
  }

  static Reading without_overlay(Reading reading) {
    reading.overlay = nullptr;
    return reading;
  }

  // A loop that writes may have made the buffer meanwhile.
  static Reading with_latest_overlay(Context& tx, std::string_view name, Reading reading) {
    const auto* written = tx.buffer_if_any<WriteBuffer>(StoreKind::vector);
    const BufferedCollection* buffered = written != nullptr ? written->find(name) : nullptr;
    reading.overlay = buffered != nullptr ? &buffered->points : nullptr;
    return reading;
  }

  static Result<std::uint64_t> count_points(Context& tx, const Target& target) {
    std::uint64_t points = target.base ? STRATA_TRY(target.base->totals(tx.view_lsn())).points : 0;
    if (target.buffered == nullptr) return points;
    const Reading committed = without_overlay(STRATA_TRY(read(tx, target, nullptr)));
    for (const auto& [id, point] : target.buffered->points) {
      const bool before = STRATA_TRY(find_point(committed, id)).has_value();
      const bool now = point.kind != PointChange::Kind::remove;
      points = points - (before ? 1 : 0) + (now ? 1 : 0);
    }
    return points;
  }

  static Result<CollectionInfo> info(Context& tx, std::string_view name, const Target& target) {
    tx.note_scan(StoreKind::vector, points_predicate(name));
    CollectionInfo info{std::string(name), target.options, STRATA_TRY(count_points(tx, target)), {}, {}};
    if (target.base) info.index = target.base->index_figures();
    for (std::size_t place = 0; place < target.options.vectors.size(); ++place) {
      info.vectors.push_back(STRATA_TRY(vector_info(tx, target, place)));
      const VectorInfo& own = info.vectors.back();
      if (own.name == target.options.default_vector) info.index = own.index;
    }
    return info;
  }

  static Result<VectorInfo> vector_info(Context& tx, const Target& target, std::size_t place) {
    const Collection* kept = target.kept[place].get();
    VectorInfo info{target.options.vectors[place].name, 0, {}};
    if (kept != nullptr) info.index = kept->index_figures();
    const bool in_rows = target.base && info.name == target.in_rows;
    if (in_rows) {
      const IndexFigures of_rows = target.base->index_figures();
      if (of_rows.rows > info.index.rows) info.index = of_rows;
    }
    const bool written = target.buffered != nullptr && !target.buffered->vectors.empty();
    if (kept != nullptr && !in_rows && !written) {
      info.points = STRATA_TRY(kept->totals(tx.view_lsn())).points;
    } else {
      info.points = STRATA_TRY(count_all(STRATA_TRY(read_vector(tx, target, place, nullptr))));
    }
    return info;
  }

  VectorParticipant& store_;
  transaction::Session& session_;
};

}  // namespace

std::unique_ptr<strata::VectorStore> VectorParticipant::session(transaction::Session& session) {
  return std::make_unique<VectorSession>(*this, session);
}

}  // namespace strata::store::vector
