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
#include "strata/vector_query.h"

namespace [[gnu::visibility("default")]] strata {

/// How two embeddings are compared. Scores are always "larger is nearer".
enum class Metric : std::uint8_t {
  cosine,         ///< score = cosine of the angle, −1 … 1; a zero vector is refused
  l2,             ///< score = −(squared Euclidean distance)
  inner_product,  ///< score = dot product
};
std::string_view name(Metric metric) noexcept;
Result<Metric> parse_metric(std::string_view text);  ///< "cosine", "l2", "inner_product"

/// What a collection keeps vectors as. They are given and given back as float32; scores are those of what is kept.
enum class ElementType : std::uint8_t {
  f32,     ///< as given; 4 bytes a number
  f16,     ///< IEEE 754 binary16, rounded to nearest, up to ±65,504; 2 bytes
  bf16,    ///< the upper half of a float32, rounded to nearest; 2 bytes
  int8,    ///< whole numbers −128 … 127; others are refused; 1 byte
  binary,  ///< 0 and 1; others are refused; a bit. Under l2 the score is −(how many differ), Hamming's distance
};
std::string_view name(ElementType type) noexcept;
Result<ElementType> parse_element_type(std::string_view text);  ///< "f32", "f16", "bf16", "int8", "binary"

/// How large segments and many new points are searched.
enum class IndexKind : std::uint8_t {
  hnsw,  ///< through a search graph, made in the background; SearchOptions::ef
  flat,  ///< compared with every point: exact, no graph is made
  ivf,   ///< through lists of points that lie near each other, made in the background; SearchOptions::probes
};
std::string_view name(IndexKind kind) noexcept;
Result<IndexKind> parse_index_kind(std::string_view text);  ///< "hnsw", "flat", "ivf"

/// m and ef_construction are of search graphs. Larger numbers find more of the nearest at the same ef, take longer to make and more space.
struct IndexOptions {
  IndexKind kind = IndexKind::hnsw;
  std::uint32_t m = 32;                 ///< links a point chooses, 4 … 128; others add up to as many again
  std::uint32_t ef_construction = 128;  ///< places of the search for them, m … 1,024
  /// How much of the collection's files may lie in the process's memory, codes and graphs at least, which every search reads; beyond it
  /// vectors are read from the disk, or the system's cache of it. 0: as the database allows (OpenOptions::vector_bytes)
  std::uint64_t memory_bytes = 0;
  std::uint32_t lists = 0;  ///< of ivf, 1 … 65,536; 0: chosen from the number of points
  bool operator==(const IndexOptions&) const = default;
};

/// What an index reads in the place of vectors while it looks for candidates.
enum class QuantizationKind : std::uint8_t {
  scalar,     ///< each number in a few bits
  product,    ///< groups of dimensions, each by the number of the nearest of trained vectors
  rabitq,     ///< a bit a dimension, after a random rotation
  none,       ///< the vectors themselves
  automatic,  ///< the smallest of the others that finds enough, measured on the points themselves
};
std::string_view name(QuantizationKind kind) noexcept;
/// "scalar", "product", "rabitq", "none", "automatic"
Result<QuantizationKind> parse_quantization_kind(std::string_view text);

/// Over which numbers the levels of a scalar code are spread evenly.
enum class QuantizationRange : std::uint8_t {
  point,       ///< those of one point
  dimension,   ///< those of one dimension, from its least to its greatest in a sample
  collection,  ///< all of them
};
std::string_view name(QuantizationRange range) noexcept;
/// "point", "dimension", "collection"
Result<QuantizationRange> parse_quantization_range(std::string_view text);

/// Candidates are found by codes and then scored by what is kept: quantization changes which points are found, the space that an index
/// takes and the time it needs, never a score. Codes are trained by themselves, on a sample of each segment's points.
struct QuantizationOptions {
  QuantizationKind kind = QuantizationKind::scalar;
  std::uint32_t bits = 0;  ///< scalar: 4, 8 or 16 (half precision), 0: 4; product: 4 … 8, 0: 8
  QuantizationRange range = QuantizationRange::point;  ///< scalar of 4 and 8 bits
  std::uint32_t parts = 0;   ///< product: groups, 1 … dimension; 0: one for each four dimensions.
                             ///< As many as dimensions: a scalar code whose levels are trained
  float recall_min = 0.95F;  ///< automatic: of the ten nearest, 0.5 … 1
  bool operator==(const QuantizationOptions&) const = default;
};

/// What a vector is made of.
enum class VectorKind : std::uint8_t {
  dense,   ///< a number for each dimension
  sparse,  ///< few numbers, each at an index of its own; all others are 0. The score is the dot product, search is exact
};
std::string_view name(VectorKind kind) noexcept;
Result<VectorKind> parse_vector_kind(std::string_view text);  ///< "dense", "sparse"

inline constexpr std::uint32_t kDimensionMax = 65'536;
inline constexpr std::size_t kIdBytesMax = 1'024;
inline constexpr std::size_t kNamedVectorsMax = 64;              ///< of one collection
inline constexpr std::size_t kSparseEntriesMax = kDimensionMax;  ///< of one sparse vector, other than 0

/// A vector that points have beside the unnamed one, and how it is kept and searched.
struct NamedVector {
  std::string name = {};  ///< [a-z0-9][a-z0-9_-]{0,63}
  VectorKind kind = VectorKind::dense;
  std::uint32_t dimension = 0;  ///< dense: 1 … kDimensionMax. This and what follows is left as it is for a sparse one
  Metric metric = Metric::cosine;
  ElementType element = ElementType::f32;
  IndexOptions index = {};
  QuantizationOptions quantization = {};
  bool operator==(const NamedVector&) const = default;
};

struct CollectionOptions {
  std::uint32_t dimension = 0;  ///< 1 … kDimensionMax; 0: no unnamed vector, with `vectors` alone
  Metric metric = Metric::cosine;
  bool words = false;  ///< also index Point::text for search_words
  ElementType element = ElementType::f32;
  IndexOptions index = {};
  QuantizationOptions quantization = {};
  std::vector<NamedVector> vectors = {};  ///< up to kNamedVectorsMax, each name once; their order means nothing
  /// Of a collection without an unnamed vector: the dense one among `vectors` that is meant wherever none is named, in Point::vector,
  /// StoredPoint::vector and in searches. Empty: none.
  std::string default_vector = {};
  bool operator==(const CollectionOptions&) const = default;
};

/// What an index made of a collection's points, in the largest segment that has one.
struct IndexFigures {
  std::uint64_t rows = 0;                 ///< points, and older versions of points, that an index leads to
  QuantizationOptions quantization = {};  ///< what automatic chose
  std::uint32_t code_bytes = 0;           ///< of a point; 0: the index reads what is kept anyway
  /// Of the ten nearest of points of a sample, the share found through the codes at the usual effort; negative: not measured.
  float recall = -1;
};

/// One of CollectionOptions::vectors, in their order.
struct VectorInfo {
  std::string name = {};
  std::uint64_t points = 0;  ///< that have it
  IndexFigures index = {};
};

struct CollectionInfo {
  std::string name = {};
  CollectionOptions options;
  std::uint64_t points = 0;
  IndexFigures index = {};  ///< of the unnamed vector, or of the default one
  std::vector<VectorInfo> vectors = {};
};

/// A named vector of a point. Borrowed for the call.
struct PointVector {
  std::string_view name;
  std::span<const float> values;  ///< dense: [dimension]; sparse: [indices], those that are 0 are left out; finite
  std::span<const std::uint32_t> indices = {};  ///< sparse: where the values are, in any order, each once
};

/// A point to store. Borrowed for the call.
struct Point {
  std::string_view id;  ///< 1 … kIdBytesMax bytes of UTF-8
  std::span<const float>
      vector;  ///< [dimension], finite; of the default vector where there is one, which may be left out; else empty where
               ///< there is no unnamed one
  Map payload = {};
  std::string_view text = {};                 ///< what search_words finds it by; only its words are kept, not the text
  std::span<const PointVector> vectors = {};  ///< any of the collection's named vectors, or none; each once
};

/// Named vectors for a point that is there. Borrowed for the call.
struct PointVectors {
  std::string_view id;
  std::span<const PointVector> vectors;  ///< each once; one without values is taken away
};

class VectorStore {
 public:
  virtual ~VectorStore() = default;

  /// Creates the collection, or does nothing when it exists with the same options.
  /// name    [a-z0-9][a-z0-9_-]{0,63}
  /// Errors  invalid_argument, already_exists (other options; both are named)
  virtual Result<void> create_collection(std::string_view collection, const CollectionOptions& options) = 0;
  /// Changes how a collection is searched, by its unnamed vector or by the one that `vector` names. What is indexed is searched as before until its new index stands, in the background (compact
  /// waits for it). Of the present: views of the past are searched by the same index.
  /// Errors  not_found, invalid_argument (as create_collection; no such vector, a sparse one)
  /// Cost    other codes: a pass over the vectors; another graph: as making it
  virtual Result<void> alter_collection(std::string_view collection, const IndexOptions& index,
                                        const QuantizationOptions& quantization, std::string_view vector = {}) = 0;
  /// Adds a vector to those that points can have; none has it yet. `points_without` tells which lack it.
  /// Errors  not_found, already_exists (the name), invalid_argument (as create_collection)
  virtual Result<void> add_vector(std::string_view collection, const NamedVector& vector) = 0;
  /// Takes a named vector from the collection and from every point. Views of the past have it as long as they are kept; then its space
  /// comes back. Errors  not_found, invalid_argument (no such vector), failed_precondition (the default one, the only one)
  virtual Result<void> drop_vector(std::string_view collection, std::string_view vector) = 0;
  /// Gives the unnamed vector a name; it is the default one from then on, so that nothing changes for who names none.
  /// Errors  not_found, already_exists (the name), invalid_argument (the name), failed_precondition (there is no unnamed one; points
  ///         were written in the same transaction)
  /// Cost    none by the number of points: they stay where they are
  virtual Result<void> name_vector(std::string_view collection, std::string_view name) = 0;
  /// What is meant from now on where no vector is named: the cut-over from one embedding to another, and back.
  /// incomplete  also when points lack it: searches by it do not find them
  /// Errors  not_found, invalid_argument (no such vector, a sparse one), failed_precondition (there is an unnamed one: name_vector; points
  ///         lack it: how many, and one of them)
  virtual Result<void> set_default_vector(std::string_view collection, std::string_view vector,
                                          bool incomplete = false) = 0;
  virtual Result<void> drop_collection(std::string_view collection) = 0;  ///< Errors  not_found
  virtual Result<std::vector<CollectionInfo>> collections() = 0;          ///< by name
  virtual Result<CollectionInfo> collection(std::string_view collection) = 0;

  /// Inserts points, or replaces those whose id exists: as a whole, so that one has the named vectors that are given now.
  /// Errors  not_found (collection), invalid_argument (dimension, NaN or infinity, zero vector under cosine, id empty or
  ///         over kIdBytesMax, payload over 1 MiB encoded, a vector's name that the collection has not, or twice, sparse given
  ///         for dense or dense for sparse, an index twice, over kSparseEntriesMax); then none of the points is taken
  /// Cost    the bytes of the points; no index work on the commit path
  virtual Result<void> upsert(std::string_view collection, std::span<const Point> points) = 0;
  /// Replaces the payload alone. Errors  not_found (collection, point)
  virtual Result<void> set_payload(std::string_view collection, std::string_view id, Map payload) = 0;
  /// Replaces these named vectors alone, of each point; of two entries for a point both count. Errors  not_found (collection, a point),
  /// invalid_argument as upsert; then none is taken
  virtual Result<void> set_vectors(std::string_view collection, std::span<const PointVectors> points) = 0;
  Result<void> set_vectors(std::string_view collection, std::string_view id, std::span<const PointVector> vectors) {
    const PointVectors one{id, vectors};
    return set_vectors(collection, std::span<const PointVectors>{&one, 1});
  }
  /// Removes points; returns how many existed. Missing ids are fine.
  virtual Result<std::uint64_t> remove(std::string_view collection, std::span<const std::string_view> ids) = 0;

  virtual Result<std::optional<StoredPoint>> get(std::string_view collection, std::string_view id,
                                                 bool with_vector = true, Locking locking = Locking::none) = 0;
  /// Finds the k stored points nearest to `query`, nearest first, ties by id; min(k, matches) of those that have the vector.
  /// query   [dimension] float32, finite; of the vector that SearchOptions::using_vector names
  /// Errors  invalid_argument (shape, NaN, k, filter, no such vector, a sparse one), not_found (collection)
  ///         Exactly the nearest with `exact`, under a filter that at most `ef` match, while no segment has a graph; else nearly
  /// Cost    a walk through the graph of each large segment, about ef · 20 codes, and one pass over the codes of the rest
  virtual Result<std::vector<Hit>> search(std::string_view collection, std::span<const float> query,
                                          const SearchOptions& options) = 0;
  /// The same for each of `queries`, all on one view. What must be scanned is read once for many of them: over segments without a
  /// graph much cheaper than one after the other. Errors  as search; invalid_argument (kSearchQueriesMax, kSearchManyResultsMax)
  virtual Result<std::vector<std::vector<Hit>>> search_many(std::string_view collection,
                                                            std::span<const std::span<const float>> queries,
                                                            const SearchOptions& options) = 0;
  /// Finds points by the sparse vector that SearchOptions::using_vector names: exactly the greatest dot products, best first, ties by id;
  /// min(k, matches) of those whose score is not 0.
  /// query   [indices] values and where they are, in any order, each index once; finite
  /// Errors  invalid_argument (as of PointVector, k, filter, no such vector, a dense one), not_found (collection)
  /// Cost    a pass over the postings of each index of the query, and 8 bytes a row of the collection
  virtual Result<std::vector<Hit>> search_sparse(std::string_view collection, const SparseVector& query,
                                                 const SearchOptions& options) = 0;
  /// Finds points by words: BM25 (k1 = 1.2, b = 0.75) over Point::text, best first, ties by id. Words are maximal runs of letters and
  /// digits, case-folded (Unicode), at most 64 bytes. Errors  failed_precondition (collection without words)
  virtual Result<std::vector<Hit>> search_words(std::string_view collection, std::string_view query,
                                                const SearchOptions& options) = 0;
  /// Finds points by a vector or by examples, by words, by further vectors (Query::also), or by several of these; best first, ties by
  /// id. Of one side alone, as search, search_sparse and search_words find them. `min_score` is of the score that a hit has, after fusion.
  /// Errors  as those; invalid_argument (no side, a vector beside examples, only `unlike` with average_vector, examples that cancel out
  ///         under cosine, weights, diversity, candidates), not_found (an example)
  /// Cost    that of its sides for the candidates; best_score: a search for each of `like`, deeper while `unlike` takes away what it
  ///         finds; with no `like`, or when that finds too little, every point; diversity: k · candidates scores
  virtual Result<std::vector<QueryHit>> query(std::string_view collection, const Query& query,
                                              const SearchOptions& options) = 0;
  /// The same in groups, a group for each value of a field (of a list: for each item; numbers that are equal are one value; points
  /// without a value are in none): the groups of the best hits, best first, min(groups, different values) of them with min(size, points)
  /// hits each. When several sides are asked: what there is of that among the candidates. `k` is not looked at.
  /// Errors  as query; invalid_argument (groups, size, diversity)
  /// Cost    a search for 4 · groups · size points, and one for each group that is not full then
  virtual Result<std::vector<Group>> query_groups(std::string_view collection, const Query& query,
                                                  const Grouping& grouping, const SearchOptions& options) = 0;
  /// The values of a field (those of query_groups) and how many points that match hold each: the most frequent first, then by value;
  /// at most `limit` (1 … 10,000). Cost  a pass over the different values, with a filter over their points; without an index over payloads
  virtual Result<std::vector<Facet>> facets(std::string_view collection, std::string_view field,
                                            const Filter& filter = {}, std::size_t limit = 10) = 0;
  virtual Result<std::uint64_t> count(std::string_view collection, const Filter& filter = {}) = 0;
  /// Points in ascending byte order of id, after `after` (exclusive), at most `limit` (1 … 10,000).
  virtual Result<std::vector<StoredPoint>> scroll(std::string_view collection, std::string_view after,
                                                  std::size_t limit, const Filter& filter = {},
                                                  bool with_vector = false) = 0;
  /// Points that lack a named vector, in ascending byte order of id, after `after` (exclusive), at most `limit` (1 … 10,000).
  /// Errors  not_found, invalid_argument (no such vector). Cost  a look for each point from `after` on
  virtual Result<std::vector<StoredPoint>> points_without(std::string_view collection, std::string_view vector,
                                                          std::string_view after, std::size_t limit,
                                                          bool with_vector = false) = 0;
  /// Points in the order of a field, at most `limit` (1 … 10,000). Cost  of each segment the points that are given; a pass over what is
  /// in no segment, and over a segment's payloads when the field is first asked for
  virtual Result<std::vector<OrderedPoint>> scroll_by(std::string_view collection, const ScrollOrder& order,
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
  Result<void> set_vectors(std::string_view id, std::span<const PointVector> vectors) {
    return store_->set_vectors(name_, id, vectors);
  }
  Result<std::uint64_t> remove(std::span<const std::string_view> ids) { return store_->remove(name_, ids); }
  Result<std::optional<StoredPoint>> get(std::string_view id) { return store_->get(name_, id); }
  Result<std::vector<Hit>> search(std::span<const float> query, const SearchOptions& options = {}) {
    return store_->search(name_, query, options);
  }
  Result<std::vector<std::vector<Hit>>> search_many(std::span<const std::span<const float>> queries,
                                                    const SearchOptions& options = {}) {
    return store_->search_many(name_, queries, options);
  }
  Result<std::vector<Hit>> search_sparse(const SparseVector& query, const SearchOptions& options) {
    return store_->search_sparse(name_, query, options);
  }
  Result<std::vector<QueryHit>> query(const Query& query, const SearchOptions& options = {}) {
    return store_->query(name_, query, options);
  }
  Result<std::vector<Group>> query_groups(const Query& query, const Grouping& grouping,
                                          const SearchOptions& options = {}) {
    return store_->query_groups(name_, query, grouping, options);
  }
  Result<std::vector<Facet>> facets(std::string_view field, const Filter& filter = {}, std::size_t limit = 10) {
    return store_->facets(name_, field, filter, limit);
  }
  Result<std::uint64_t> count(const Filter& filter = {}) { return store_->count(name_, filter); }

 private:
  VectorStore* store_;
  std::string name_;
};

}  // namespace strata
