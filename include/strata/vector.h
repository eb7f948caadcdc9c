#pragma once
/// The vector store: collections of points, each an id, an embedding, a payload and optionally words; nearest-neighbour
/// and word search with filters applied inside the search.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "strata/error.h"
#include "strata/value.h"

namespace [[gnu::visibility("default")]] strata {

/// How two embeddings are compared. Scores are always "larger is nearer".
enum class Metric : std::uint8_t {
  cosine,         ///< score = cosine of the angle, −1 … 1; a zero vector is refused
  l2,             ///< score = −(squared Euclidean distance)
  inner_product,  ///< score = dot product
};
std::string_view name(Metric metric) noexcept;
Result<Metric> parse_metric(std::string_view text);  ///< "cosine", "l2", "inner_product"

inline constexpr std::uint32_t kDimensionMax = 65'536;
inline constexpr std::size_t kSearchResultsMax = 10'000;
inline constexpr std::size_t kIdBytesMax = 1'024;
inline constexpr std::uint32_t kSearchEfMax = 100'000;
inline constexpr std::size_t kSearchQueriesMax = 10'000;         ///< of one search_many
inline constexpr std::size_t kSearchManyResultsMax = 1'000'000;  ///< queries × k of one search_many

struct CollectionOptions {
  std::uint32_t dimension = 0;  ///< 1 … kDimensionMax
  Metric metric = Metric::cosine;
  bool words = false;  ///< also index Point::text for search_words
};

struct CollectionInfo {
  std::string name = {};
  CollectionOptions options;
  std::uint64_t points = 0;
};

/// A point to store. Borrowed for the call.
struct Point {
  std::string_view id;            ///< 1 … kIdBytesMax bytes of UTF-8
  std::span<const float> vector;  ///< [dimension], finite
  Map payload = {};
  std::string_view text = {};  ///< what search_words finds it by; only its words are kept, not the text
};

struct StoredPoint {
  std::string id = {};
  std::vector<float> vector = {};  ///< as given; empty when not asked for
  Map payload = {};
};

/// A condition on the payload, in JSON:
///   {"lang": "en"}                          equal (a list field matches when one of its items does)
///   {"year": {"gte": 2020, "lt": 2024}}     gt, gte, lt, lte on numbers and on text (byte order)
///   {"lang": {"any": ["en", "de"]}}         one of;   {"lang": {"except": ["fr"]}}  none of
///   {"lang": {"is_null": true}}             absent or null
///   {"at": {"time": {"gte": "2026-11-20T10:00:00+01:00", "lt": "2026-11-21"}}}   instants: gt, gte, lt, lte in ISO 8601 (no zone: UTC,
///                                           a date: its midnight) or in microseconds since 1970; fields the same
///   {"place": {"geo_radius": {"lat": 52.5, "lon": 13.4, "meters": 800}}}         a map with "lat" and "lon" in degrees, on the sphere
///   {"place": {"geo_box": {"north": 53, "south": 52, "west": 13, "east": 14}}}   west > east: over the antimeridian
///   {"place": {"geo_polygon": [{"lat": 0, "lon": 0}, …]}}                        3 to 1,000 corners, edges straight in degrees
///   {"body": {"all_words": "red fox"}}      a text that holds all of these words, as search_words compares them;   any_word: one
///   {"parts": {"nested": f}}                one and the same map of a list matches the filter f (without has_id)
///   {"must": [f, …], "should": [f, …], "must_not": [f, …]}   all of, at least one of, none of
///   {"has_id": ["n1", "n2"]}
/// Several entries of one map must all hold. The names must, should, must_not and has_id are reserved. "a.b" reaches into
/// a nested map. An unknown operator is invalid_argument; a field that no point has matches nothing.
///
/// Numbers compare by value: 2020 equals 2020.0, exactly also beyond 2^53. Operators side by side ({"gte": 1, "lt": 3}) must
/// hold for the same item of a list; `except` holds when no item is listed, and not for an absent field. An empty `must` or
/// `must_not` holds; an empty `should` does not. Filters nest 32 deep.
using Filter = Map;

struct SearchOptions {
  std::size_t k = 10;  ///< 1 … kSearchResultsMax
  Filter filter = {};
  bool with_payload = true;
  bool with_vector = false;
  /// Where segments have graphs (10,000 rows and more), how many candidates a search keeps in view, at least 1.5 · k: more
  /// find more of the true nearest and take longer. 0: 64, which finds about 98 of 100 among 60,000 sentence embeddings.
  std::uint32_t ef = 0;  ///< 0 … kSearchEfMax
  bool exact = false;    ///< compare with every point
  /// Only what scores at least so much, and still at most k: a finite number. With metric l2 a distance of 2 is a score of −4.
  std::optional<float> min_score = {};
};

struct Hit {
  std::string id = {};
  float score = 0;
  Map payload = {};
  std::vector<float> vector = {};  ///< only with_vector
};

class VectorStore {
 public:
  virtual ~VectorStore() = default;

  /// Creates the collection, or does nothing when it exists with the same options.
  /// name    [a-z0-9][a-z0-9_-]{0,63}
  /// Errors  invalid_argument, already_exists (other options; both are named)
  virtual Result<void> create_collection(std::string_view collection, const CollectionOptions& options) = 0;
  virtual Result<void> drop_collection(std::string_view collection) = 0;  ///< Errors  not_found
  virtual Result<std::vector<CollectionInfo>> collections() = 0;          ///< by name
  virtual Result<CollectionInfo> collection(std::string_view collection) = 0;

  /// Inserts points, or replaces those whose id exists.
  /// Errors  not_found (collection), invalid_argument (dimension, NaN or infinity, zero vector under cosine, id empty or
  ///         over kIdBytesMax, payload over 1 MiB encoded); then none of the points is taken
  /// Cost    the bytes of the points; no index work on the commit path
  virtual Result<void> upsert(std::string_view collection, std::span<const Point> points) = 0;
  /// Replaces the payload alone. Errors  not_found (collection, point)
  virtual Result<void> set_payload(std::string_view collection, std::string_view id, Map payload) = 0;
  /// Removes points; returns how many existed. Missing ids are fine.
  virtual Result<std::uint64_t> remove(std::string_view collection, std::span<const std::string_view> ids) = 0;

  virtual Result<std::optional<StoredPoint>> get(std::string_view collection, std::string_view id,
                                                 bool with_vector = true, Locking locking = Locking::none) = 0;
  /// Finds the k stored points nearest to `query`, nearest first, ties by id; min(k, matches) of them.
  /// query   [dimension] float32, finite
  /// Errors  invalid_argument (shape, NaN, k, filter), not_found (collection)
  ///         Exactly the nearest with `exact`, under a filter that at most `ef` match, while no segment has a graph; else nearly
  /// Cost    a walk through the graph of each large segment, about ef · 20 codes, and one pass over the codes of the rest
  virtual Result<std::vector<Hit>> search(std::string_view collection, std::span<const float> query,
                                          const SearchOptions& options) = 0;
  /// The same for each of `queries`, all on one view. What must be scanned is read once for many of them: over segments without a
  /// graph much cheaper than one after the other. Errors  as search; invalid_argument (kSearchQueriesMax, kSearchManyResultsMax)
  virtual Result<std::vector<std::vector<Hit>>> search_many(std::string_view collection,
                                                            std::span<const std::span<const float>> queries,
                                                            const SearchOptions& options) = 0;
  /// Finds points by words: BM25 (k1 = 1.2, b = 0.75) over Point::text, best first, ties by id. Words are maximal runs of letters and
  /// digits, case-folded (Unicode), at most 64 bytes. Errors  failed_precondition (collection without words)
  virtual Result<std::vector<Hit>> search_words(std::string_view collection, std::string_view query,
                                                const SearchOptions& options) = 0;
  virtual Result<std::uint64_t> count(std::string_view collection, const Filter& filter = {}) = 0;
  /// Points in ascending byte order of id, after `after` (exclusive), at most `limit` (1 … 10,000).
  virtual Result<std::vector<StoredPoint>> scroll(std::string_view collection, std::string_view after,
                                                  std::size_t limit, const Filter& filter = {},
                                                  bool with_vector = false) = 0;
};

/// One collection by name: what `db->vector("notes")` gives. Borrows the store it came from.
class Collection {
 public:
  Collection(VectorStore& store, std::string name) : store_(&store), name_(std::move(name)) {}
  const std::string& name() const { return name_; }
  Result<void> upsert(std::string_view id, std::span<const float> vector, Map payload = {},
                      std::string_view text = {}) {
    const Point point{id, vector, std::move(payload), text};
    return store_->upsert(name_, {&point, 1});
  }
  Result<void> upsert(std::span<const Point> points) { return store_->upsert(name_, points); }
  Result<std::uint64_t> remove(std::span<const std::string_view> ids) { return store_->remove(name_, ids); }
  Result<std::optional<StoredPoint>> get(std::string_view id) { return store_->get(name_, id); }
  Result<std::vector<Hit>> search(std::span<const float> query, const SearchOptions& options = {}) {
    return store_->search(name_, query, options);
  }
  Result<std::vector<std::vector<Hit>>> search_many(std::span<const std::span<const float>> queries,
                                                    const SearchOptions& options = {}) {
    return store_->search_many(name_, queries, options);
  }
  Result<std::uint64_t> count(const Filter& filter = {}) { return store_->count(name_, filter); }

 private:
  VectorStore* store_;
  std::string name_;
};

}  // namespace strata
