#pragma once
/// What a collection of the vector store can be asked, and what comes back: filters, searches, queries of several sides, groups.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "strata/error.h"
#include "strata/value.h"

namespace [[gnu::visibility("default")]] strata {

inline constexpr std::size_t kSearchResultsMax = 10'000;
inline constexpr std::uint32_t kSearchEfMax = 100'000;
inline constexpr std::uint32_t kSearchProbesMax = 65'536;
inline constexpr std::size_t kSearchQueriesMax = 10'000;         ///< of one search_many
inline constexpr std::size_t kSearchManyResultsMax = 1'000'000;  ///< queries × k of one search_many

/// A named vector of a stored point.
struct StoredVector {
  std::string name = {};
  std::vector<float> values = {};           ///< as given; of a sparse one those that are not 0
  std::vector<std::uint32_t> indices = {};  ///< of a sparse one: where they are, ascending
};

struct StoredPoint {
  std::string id = {};
  std::vector<float> vector =
      {};  ///< as given, the unnamed or the default one; empty when not asked for, or when there is none
  Map payload = {};
  std::vector<StoredVector> vectors = {};  ///< the others that the point has, by name; empty when not asked for
};

/// A sparse vector to search by: value i is at index i, all others are 0. Borrowed for the call.
struct SparseVector {
  std::span<const std::uint32_t> indices;  ///< in any order, each once
  std::span<const float> values;           ///< [indices], finite
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
  /// Where segments have graphs or lists (from 10,000 rows on), how many candidates a search keeps in view, at least 1.5 · k: more
  /// find more of the true nearest and take longer. 0: 64, which finds about 98 of 100 among 60,000 sentence embeddings.
  std::uint32_t ef = 0;  ///< 0 … kSearchEfMax
  /// Where segments have lists (index kind ivf), into how many a search looks, the nearest first: more find more and take longer. Under a
  /// filter into more of them, so that as many points are looked at. 0: 3 · √lists, which finds about 95 of 100 among the same.
  std::uint32_t probes = 0;  ///< 0 … kSearchProbesMax
  bool exact = false;        ///< compare with every point
  /// Only what scores at least so much, and still at most k: a finite number. With metric l2 a distance of 2 is a score of −4.
  std::optional<float> min_score = {};
  /// Which vector is searched: a name of CollectionOptions::vectors; empty: the unnamed one. Only points that have it are found by it.
  std::string using_vector = {};
};

struct Hit {
  std::string id = {};
  float score = 0;
  Map payload = {};
  std::vector<float> vector = {};           ///< only with_vector: that of SearchOptions::using_vector
  std::vector<std::uint32_t> indices = {};  ///< of a sparse one: where its values are
};

/// A point to be like, or unlike: one that is stored, which is then left out of the answer, or a vector. Borrowed for the call.
struct Example {
  std::string_view id = {};
  std::span<const float> vector = {};  ///< [dimension], when there is no id
};

/// How examples rank points.
enum class Recommend : std::uint8_t {
  /// By nearness to one vector: the average of `like`, or with `unlike` twice that less the average of those. Under cosine each
  /// example counts at length 1. Score: as a search by that vector.
  average_vector,
  /// By the example that is nearest: what is nearer to one of `like` than to all of `unlike` comes first, nearest first, and scores
  /// 0 … 1; then the rest, furthest from `unlike` first, −1 … 0. The scores are those of the metric, p of the nearest of `like` and n
  /// of the nearest of `unlike`, through s(x) = (1 + x / (1 + |x|)) / 2:  s(p) when p > n, else −s(n).
  best_score,
};
std::string_view name(Recommend strategy) noexcept;
Result<Recommend> parse_recommend(std::string_view text);  ///< "average_vector", "best_score"

/// How the rankings of several sides become one. A point that one side did not find gets nothing from it.
enum class Fusion : std::uint8_t {
  /// Σ weight / (60 + rank), the best rank being 1.
  /// Source  Cormack, Clarke and Büttcher, Reciprocal rank fusion outperforms Condorcet (SIGIR 2009)
  rrf,
  /// Σ weight · share, the score's place between mean − 3σ (0) and mean + 3σ (1) of that side's candidates; ½ when all are equal.
  dbsf,
  /// Σ weight · share, the score's place between the least (0) and the greatest (1) of that side's candidates; 1 when all are equal.
  /// Source  Bruch, Gai and Ingber, An analysis of fusion functions for hybrid retrieval (TOIS 2023), section 4
  weighted,
};
std::string_view name(Fusion fusion) noexcept;
Result<Fusion> parse_fusion(std::string_view text);  ///< "rrf", "dbsf", "weighted"

inline constexpr std::size_t kExamplesMax = 1'000;
inline constexpr std::size_t kQuerySidesMax = 64;  ///< of Query::also

/// A further side of a query: what is near by one more vector. Borrowed for the call.
struct VectorSide {
  std::string_view name;                        ///< of the vector; empty: the unnamed one
  std::span<const float> values;                ///< as those of a search by it
  std::span<const std::uint32_t> indices = {};  ///< of a sparse one: where they are
  float weight = 1;                             ///< finite, 0 or more
};

/// A question with one side or more: what is near (a vector, or examples), what holds words, what is near by further vectors. Borrowed
/// for the call.
struct Query {
  std::span<const float> vector = {};  ///< [dimension], finite; of SearchOptions::using_vector, as all here but `also`
  std::vector<Example> like = {};      ///< instead of `vector`; with `unlike` at most kExamplesMax
  std::vector<Example> unlike = {};
  Recommend recommend = Recommend::average_vector;
  std::string_view words = {};  ///< as search_words; with another side, the rankings are fused
  Fusion fusion = Fusion::rrf;
  float vector_weight = 1;  ///< finite, 0 or more, not all 0
  float words_weight = 1;
  /// 0: by score alone … 1: whatever is least like what was chosen before. Each next point has the greatest
  /// (1 − diversity) · score − diversity · (greatest likeness to one chosen), the likeness being the metric's score.
  /// Where scores are no likeness (words, fusion, best_score), they are first spread over the span of likeness to the best point.
  /// Hits come as chosen, each with the score it had. Points that lack the dense vector of using_vector cannot be compared and are
  /// left out. Source  Carbonell and Goldstein, The use of MMR (SIGIR 1998)
  float diversity = 0;
  /// How many points each side ranks when they are fused or chosen from for diversity; 0: 4 · k, at least 100
  std::size_t candidates = 0;                   ///< 0, or k … kSearchResultsMax
  std::span<const std::uint32_t> indices = {};  ///< where the values of `vector` are, when using_vector is sparse
  std::vector<VectorSide> also = {};            ///< up to kQuerySidesMax
};

/// Where a side of a query has a point.
struct Standing {
  std::uint32_t rank = 0;  ///< from 1; 0: not among that side's candidates
  float score = 0;
};

struct QueryHit : Hit {
  Standing by_vector = {};  ///< of the vector or the examples
  Standing by_words = {};
  std::vector<Standing> by_also = {};  ///< of each of Query::also
};

struct Grouping {
  std::string field = {};   ///< "a.b" reaches into a nested map
  std::size_t groups = 10;  ///< 1 … 1,000
  std::size_t size = 3;     ///< hits of each, 1 … 1,000; groups · size at most kSearchResultsMax
};

/// Points that hold one value, best first.
struct Group {
  Value value = {};
  std::vector<QueryHit> hits = {};
};

/// How many points hold a value.
struct Facet {
  Value value = {};
  std::uint64_t points = 0;
};

/// The order of scroll_by: numbers before texts, as filters compare them; points that hold neither come last, in either direction.
/// Points of equal value come by id.
struct ScrollOrder {
  std::string field = {};
  bool descending = false;
  /// Begin after the point `after` whose OrderedPoint::at this was; nothing: from the beginning.
  std::optional<Value> after_value = {};
  std::string after = {};
};

struct OrderedPoint : StoredPoint {
  Value at = {};  ///< the number or text that it is ordered by, or null
};

}  // namespace strata
