// The vector store. Embeddings come in as float32 arrays, borrowed for the call.
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <deque>

#include "handle.h"

namespace strata::python {
namespace {

struct Vector : Part {};

using Row = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Indices = nb::ndarray<const std::uint32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Matrix = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

std::span<const float> span_of(const Row& row) { return {row.data(), row.size()}; }

/// A vector of the engine as an array of its own.
template <typename Number>
nb::object array_of(std::vector<Number> vector) {
  if (vector.empty()) return nb::none();
  auto owned = std::make_unique<std::vector<Number>>(std::move(vector));
  std::vector<Number>* raw = owned.get();
  const nb::capsule owner(owned.release(), [](void* p) noexcept {
    const std::unique_ptr<std::vector<Number>> last(static_cast<std::vector<Number>*>(p));
  });
  const std::size_t shape[] = {raw->size()};
  return nb::cast(nb::ndarray<nb::numpy, Number>(raw->data(), 1, shape, owner));
}

/// An array, or of a sparse vector a pair of them: indices and values.
nb::object vector_object_of(std::vector<float> values, std::vector<std::uint32_t> indices) {
  if (indices.empty()) return array_of(std::move(values));
  return nb::make_tuple(array_of(std::move(indices)), array_of(std::move(values)));
}

nb::object owned(PyObject* object) {
  if (object == nullptr) throw nb::python_error();
  return nb::steal(object);
}

/// Where a side of a query has a point: (rank, score), or None.
nb::object standing_of(const Standing& standing) {
  if (standing.rank == 0) return nb::none();
  return nb::make_tuple(standing.rank, static_cast<double>(standing.score));
}

void add_standings(const nb::object&, const Hit&) {}
void add_standings(const nb::object& made, const QueryHit& hit) {
  nb::setattr(made, "by_vector", standing_of(hit.by_vector));
  nb::setattr(made, "by_words", standing_of(hit.by_words));
  nb::list also;
  for (const Standing& standing : hit.by_also) also.append(standing_of(standing));
  nb::setattr(made, "by_also", also);
}

/// A list of `kind`, the package's class of a hit: a tuple of id, score and payload. Its own constructor would be called ten
/// times a search, which costs as much as the search; the tuple's does the same.
template <typename AnyHit>
nb::object hits_of(std::vector<AnyHit> hits, nb::type_object kind, bool with_vector) {
  auto* const type = reinterpret_cast<PyTypeObject*>(kind.ptr());
  if (!PyType_IsSubtype(type, &PyTuple_Type)) raise(ErrorCode::internal, "a hit is a tuple");
  const nb::object list = owned(PyList_New(static_cast<Py_ssize_t>(hits.size())));
  Py_ssize_t at = 0;
  for (AnyHit& hit : hits) {
    const nb::tuple fields = nb::make_tuple(
        nb::make_tuple(nb::str(hit.id.data(), hit.id.size()), static_cast<double>(hit.score), object_of(hit.payload)));
    nb::object made = owned(PyTuple_Type.tp_new(type, fields.ptr(), nullptr));
    if (with_vector) nb::setattr(made, "vector", vector_object_of(std::move(hit.vector), std::move(hit.indices)));
    add_standings(made, hit);
    PyList_SET_ITEM(list.ptr(), at++, made.release().ptr());
  }
  return list;
}

nb::object point_of(StoredPoint point) {
  nb::dict vectors;
  for (StoredVector& each : point.vectors) {
    vectors[nb::str(each.name.data(), each.name.size())] =
        vector_object_of(std::move(each.values), std::move(each.indices));
  }
  return nb::make_tuple(point.id, object_of(point.payload), array_of(std::move(point.vector)), vectors);
}

template <typename T>
T parsed(Result<T> result) {
  if (!result) raise(std::move(result).error());
  return *result;
}

/// (kind, m, ef_construction, lists, memory_bytes)
IndexOptions index_options(const nb::tuple& given) {
  return {.kind = parsed(parse_index_kind(argument<std::string>("index", given[0]))),
          .m = argument<std::uint32_t>("m", given[1]),
          .ef_construction = argument<std::uint32_t>("ef_construction", given[2]),
          .memory_bytes = argument<std::uint64_t>("memory_bytes", given[4]),
          .lists = argument<std::uint32_t>("lists", given[3])};
}

/// (kind, bits, range, parts, recall_min)
QuantizationOptions quantization_options(const nb::tuple& given) {
  return {.kind = parsed(parse_quantization_kind(argument<std::string>("quantization", given[0]))),
          .bits = argument<std::uint32_t>("bits", given[1]),
          .range = parsed(parse_quantization_range(argument<std::string>("range", given[2]))),
          .parts = argument<std::uint32_t>("parts", given[3]),
          .recall_min = static_cast<float>(argument<double>("recall_min", given[4]))};
}

nb::object quantization_of(const QuantizationOptions& options) {
  // As somebody wrote it: 0.95, not the float32 nearest to it.
  const double recall_min = std::round(static_cast<double>(options.recall_min) * 1e6) / 1e6;
  return nb::make_tuple(std::string(strata::name(options.kind)), options.bits, std::string(strata::name(options.range)),
                        options.parts, recall_min);
}

nb::object index_of(const IndexOptions& index) {
  return nb::make_tuple(std::string(strata::name(index.kind)), index.m, index.ef_construction, index.lists,
                        index.memory_bytes);
}

nb::dict vectors_of(const CollectionOptions& options) {
  nb::dict all;
  for (const NamedVector& vector : options.vectors) {
    nb::dict each;
    each["kind"] = std::string(strata::name(vector.kind));
    if (vector.kind == VectorKind::dense) {
      each["dimension"] = vector.dimension;
      each["metric"] = std::string(strata::name(vector.metric));
      each["element"] = std::string(strata::name(vector.element));
      each["index"] = index_of(vector.index);
      each["quantization"] = quantization_of(vector.quantization);
    }
    all[nb::str(vector.name.data(), vector.name.size())] = each;
  }
  return all;
}

/// What vectors_of makes, from the package, which fills in what was not said.
std::vector<NamedVector> named_vectors(const nb::dict& given) {
  std::vector<NamedVector> all;
  for (const auto& [name, options] : given) {
    NamedVector& vector = all.emplace_back();
    vector.name = argument<std::string>("the name of a vector", name);
    vector.kind = parsed(parse_vector_kind(argument<std::string>("kind", options["kind"])));
    if (vector.kind == VectorKind::sparse) continue;
    vector.dimension = argument<std::uint32_t>("dimension", options["dimension"]);
    vector.metric = parsed(parse_metric(argument<std::string>("metric", options["metric"])));
    vector.element = parsed(parse_element_type(argument<std::string>("element", options["element"])));
    vector.index = index_options(nb::cast<nb::tuple>(options["index"]));
    vector.quantization = quantization_options(nb::cast<nb::tuple>(options["quantization"]));
  }
  return all;
}

/// Values, and indices of a sparse vector, as the package hands them over: float32, and uint32 or None. Owns what is borrowed.
class GivenVectors {
 public:
  std::span<const float> values(nb::handle array) { return span_of(rows_.emplace_back(nb::cast<Row>(array, false))); }
  std::span<const std::uint32_t> indices(nb::handle array) {
    if (array.is_none()) return {};
    const Indices& kept = indices_.emplace_back(nb::cast<Indices>(array, false));
    return {kept.data(), kept.size()};
  }
  std::string_view name(nb::handle text) {
    return names_.emplace_back(argument<std::string>("the name of a vector", text));
  }
  /// A list of (name, values, indices).
  std::vector<PointVector> of_point(nb::handle given) {
    std::vector<PointVector> all;
    for (nb::handle each : given) all.push_back({name(each[0]), values(each[1]), indices(each[2])});
    return all;
  }

 private:
  std::deque<Row> rows_;
  std::deque<Indices> indices_;
  std::deque<std::string> names_;
};

nb::object info_of(const CollectionInfo& info) {
  const CollectionOptions& options = info.options;
  const IndexOptions& index = options.index;
  const IndexFigures& figures = info.index;
  nb::dict having;
  for (const VectorInfo& vector : info.vectors) {
    having[nb::str(vector.name.data(), vector.name.size())] = vector.points;
  }
  return nb::make_tuple(
      info.name, options.dimension, std::string(strata::name(options.metric)), options.words, info.points,
      std::string(strata::name(options.element)), std::string(strata::name(index.kind)), index.m, index.ef_construction,
      index.lists, index.memory_bytes, quantization_of(options.quantization),
      nb::make_tuple(figures.rows, quantization_of(figures.quantization), figures.code_bytes,
                     figures.recall < 0 ? nb::object(nb::none()) : nb::object(nb::float_(figures.recall))),
      vectors_of(options), options.default_vector, having);
}

void create_collection(const Vector& self, const std::string& collection, std::uint32_t dimension,
                       const std::string& metric, bool words, const std::string& element, const nb::tuple& index,
                       const nb::tuple& quantization, nb::dict vectors, const std::string& default_vector) {
  const CollectionOptions options{.dimension = dimension,
                                  .metric = parsed(parse_metric(metric)),
                                  .words = words,
                                  .element = parsed(parse_element_type(element)),
                                  .index = index_options(index),
                                  .quantization = quantization_options(quantization),
                                  .vectors = named_vectors(vectors),
                                  .default_vector = default_vector};
  run(self.handle, [&](Stores& stores) { return stores.vector().create_collection(collection, options); });
}

void alter_collection(const Vector& self, const std::string& collection, const nb::tuple& index,
                      const nb::tuple& quantization, const std::string& vector) {
  const IndexOptions index_now = index_options(index);
  const QuantizationOptions quantization_now = quantization_options(quantization);
  run(self.handle, [&](Stores& stores) {
    return stores.vector().alter_collection(collection, index_now, quantization_now, vector);
  });
}

void upsert(const Vector& self, const std::string& collection, const std::vector<std::string>& ids,
            const Matrix& matrix, nb::object payloads, nb::object texts, nb::object vectors) {
  const std::size_t count = ids.size();
  if (matrix.shape(0) != count) {
    raise(ErrorCode::invalid_argument, "as many vectors as ids are needed: " + std::to_string(matrix.shape(0)) +
                                           " vectors, " + std::to_string(count) + " ids");
  }
  std::vector<std::string> words;
  if (!texts.is_none()) words = argument<std::vector<std::string>>("texts", texts);
  std::vector<Point> points;
  points.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    points.push_back({ids[i], {matrix.data() + i * matrix.shape(1), matrix.shape(1)}, {}, {}});
    if (!words.empty()) points.back().text = words.at(i);
  }
  if (!payloads.is_none()) {
    std::size_t i = 0;
    for (nb::handle payload : payloads) points.at(i++).payload = map_of(payload);
  }
  GivenVectors given;
  std::deque<std::vector<PointVector>> of_points;
  if (!vectors.is_none()) {
    std::size_t i = 0;
    for (nb::handle each : vectors) points.at(i++).vectors = of_points.emplace_back(given.of_point(each));
  }
  run(self.handle, [&](Stores& stores) { return stores.vector().upsert(collection, points); });
}

/// A number of a call, or nothing: NumPy's numbers are numbers, too.
std::optional<float> number_or_none(const std::string& name, nb::handle given) {
  if (given.is_none()) return std::nullopt;
  return static_cast<float>(argument<double>(name, given));
}

void set_vectors(const Vector& self, const std::string& collection, const std::vector<std::string>& ids,
                 const nb::list& vectors) {
  GivenVectors given;
  std::deque<std::vector<PointVector>> of_points;
  std::vector<PointVectors> points;
  std::size_t i = 0;
  for (nb::handle each : vectors) points.push_back({ids.at(i++), of_points.emplace_back(given.of_point(each))});
  run(self.handle, [&](Stores& stores) { return stores.vector().set_vectors(collection, points); });
}

void add_vector(const Vector& self, const std::string& collection, const nb::dict& vector) {
  const std::vector<NamedVector> added = named_vectors(vector);
  run(self.handle, [&](Stores& stores) { return stores.vector().add_vector(collection, added.at(0)); });
}

void drop_vector(const Vector& self, const std::string& collection, const std::string& vector) {
  run(self.handle, [&](Stores& stores) { return stores.vector().drop_vector(collection, vector); });
}

void name_vector(const Vector& self, const std::string& collection, const std::string& name) {
  run(self.handle, [&](Stores& stores) { return stores.vector().name_vector(collection, name); });
}

void set_default_vector(const Vector& self, const std::string& collection, const std::string& vector, bool incomplete) {
  run(self.handle, [&](Stores& stores) { return stores.vector().set_default_vector(collection, vector, incomplete); });
}

nb::list points_without(const Vector& self, const std::string& collection, const std::string& vector,
                        const std::string& after, std::size_t limit, bool with_vector) {
  nb::list points;
  for (StoredPoint& point : run(self.handle, [&](Stores& stores) {
         return stores.vector().points_without(collection, vector, after, limit, with_vector);
       })) {
    points.append(point_of(std::move(point)));
  }
  return points;
}

nb::object search(const Vector& self, const std::string& collection, const Row& query, std::size_t k, nb::object filter,
                  std::uint32_t ef, std::uint32_t probes, bool exact, nb::object min_score, bool with_payload,
                  bool with_vector, const std::string& using_vector, nb::type_object hit) {
  const SearchOptions options{k,           map_of(filter), with_payload, with_vector,
                              ef,          probes,         exact,        number_or_none("min_score", min_score),
                              using_vector};
  return hits_of(
      run(self.handle, [&](Stores& stores) { return stores.vector().search(collection, span_of(query), options); }),
      hit, with_vector);
}

nb::object search_sparse(const Vector& self, const std::string& collection, const Indices& indices, const Row& values,
                         std::size_t k, nb::object filter, nb::object min_score, bool with_payload, bool with_vector,
                         const std::string& using_vector, nb::type_object hit) {
  const SearchOptions options{
      k, map_of(filter), with_payload, with_vector, 0, 0, false, number_or_none("min_score", min_score), using_vector};
  const SparseVector query{{indices.data(), indices.size()}, span_of(values)};
  return hits_of(
      run(self.handle, [&](Stores& stores) { return stores.vector().search_sparse(collection, query, options); }), hit,
      with_vector);
}

/// A list of lists: one for each row of `queries`.
nb::list search_many(const Vector& self, const std::string& collection, const Matrix& queries, std::size_t k,
                     nb::object filter, std::uint32_t ef, std::uint32_t probes, bool exact, nb::object min_score,
                     bool with_payload, bool with_vector, const std::string& using_vector, nb::type_object hit) {
  const SearchOptions options{k,           map_of(filter), with_payload, with_vector,
                              ef,          probes,         exact,        number_or_none("min_score", min_score),
                              using_vector};
  std::vector<std::span<const float>> rows;
  for (std::size_t i = 0; i < queries.shape(0); ++i) {
    rows.emplace_back(queries.data() + i * queries.shape(1), queries.shape(1));
  }
  nb::list answers;
  for (std::vector<Hit>& hits :
       run(self.handle, [&](Stores& stores) { return stores.vector().search_many(collection, rows, options); })) {
    answers.append(hits_of(std::move(hits), hit, with_vector));
  }
  return answers;
}

nb::object search_words(const Vector& self, const std::string& collection, const std::string& query, std::size_t k,
                        nb::object filter, nb::object min_score, bool with_payload, bool with_vector,
                        nb::type_object hit) {
  const SearchOptions options{
      k, map_of(filter), with_payload, with_vector, 0, 0, false, number_or_none("min_score", min_score)};
  return hits_of(
      run(self.handle, [&](Stores& stores) { return stores.vector().search_words(collection, query, options); }), hit,
      with_vector);
}

/// What the package hands over as a dict of plain things: texts, numbers, float32 arrays; examples are ids or arrays. Owns what the
/// query borrows, but for the arrays.
class GivenQuery {
 public:
  explicit GivenQuery(const nb::dict& given) {
    if (const nb::object vector = given["vector"]; !vector.is_none()) query_.vector = vectors_.values(vector);
    query_.indices = vectors_.indices(given["indices"]);
    for (nb::handle side : given["also"]) {
      query_.also.push_back({vectors_.name(side[0]), vectors_.values(side[1]), vectors_.indices(side[2]),
                             static_cast<float>(argument<double>("a weight of also", side[3]))});
    }
    query_.like = examples(given["like"]);
    query_.unlike = examples(given["unlike"]);
    words_ = argument<std::string>("words", given["words"]);
    query_.words = words_;
    query_.recommend = parsed(parse_recommend(argument<std::string>("recommend", given["recommend"])));
    query_.fusion = parsed(parse_fusion(argument<std::string>("fusion", given["fusion"])));
    query_.vector_weight = static_cast<float>(argument<double>("weights[0]", given["vector_weight"]));
    query_.words_weight = static_cast<float>(argument<double>("weights[1]", given["words_weight"]));
    query_.diversity = static_cast<float>(argument<double>("diversity", given["diversity"]));
    query_.candidates = argument<std::size_t>("candidates", given["candidates"]);
  }
  GivenQuery(const GivenQuery&) = delete;
  GivenQuery& operator=(const GivenQuery&) = delete;
  const Query& query() const { return query_; }

 private:
  std::vector<Example> examples(nb::handle given) {
    std::vector<Example> all;
    for (nb::handle each : given) {
      if (nb::isinstance<nb::str>(each)) {
        all.push_back({.id = ids_.emplace_back(argument<std::string>("an example", each))});
      } else {
        all.push_back({.vector = vectors_.values(each)});
      }
    }
    return all;
  }

  Query query_;
  std::string words_;
  std::deque<std::string> ids_;
  GivenVectors vectors_;
};

nb::object query(const Vector& self, const std::string& collection, nb::dict asked, std::size_t k, nb::object filter,
                 std::uint32_t ef, std::uint32_t probes, bool exact, nb::object min_score, bool with_payload,
                 bool with_vector, const std::string& using_vector, nb::type_object hit) {
  const GivenQuery given(asked);
  const SearchOptions options{k,           map_of(filter), with_payload, with_vector,
                              ef,          probes,         exact,        number_or_none("min_score", min_score),
                              using_vector};
  return hits_of(
      run(self.handle, [&](Stores& stores) { return stores.vector().query(collection, given.query(), options); }), hit,
      with_vector);
}

/// A list of (value, hits).
nb::list query_groups(const Vector& self, const std::string& collection, nb::dict asked, const std::string& field,
                      std::size_t groups, std::size_t size, nb::object filter, std::uint32_t ef, std::uint32_t probes,
                      bool exact, nb::object min_score, bool with_payload, bool with_vector,
                      const std::string& using_vector, nb::type_object hit) {
  const GivenQuery given(asked);
  const Grouping grouping{field, groups, size};
  const SearchOptions options{1,           map_of(filter), with_payload, with_vector,
                              ef,          probes,         exact,        number_or_none("min_score", min_score),
                              using_vector};
  nb::list list;
  for (Group& group : run(self.handle, [&](Stores& stores) {
         return stores.vector().query_groups(collection, given.query(), grouping, options);
       })) {
    list.append(nb::make_tuple(object_of(group.value), hits_of(std::move(group.hits), hit, with_vector)));
  }
  return list;
}

/// A list of (value, points).
nb::list facets(const Vector& self, const std::string& collection, const std::string& field, nb::object filter,
                std::size_t limit) {
  const Filter condition = map_of(filter);
  nb::list list;
  for (const Facet& facet :
       run(self.handle, [&](Stores& stores) { return stores.vector().facets(collection, field, condition, limit); })) {
    list.append(nb::make_tuple(object_of(facet.value), facet.points));
  }
  return list;
}

/// A list of (point, what it is ordered by).
nb::list scroll_by(const Vector& self, const std::string& collection, const std::string& field, bool descending,
                   nb::object after, std::size_t limit, nb::object filter, bool with_vector) {
  ScrollOrder order{field, descending, std::nullopt, {}};
  if (!after.is_none()) {
    const auto place = nb::cast<nb::tuple>(after);
    order.after_value = value_of(place[0]);
    order.after = argument<std::string>("after[1]", place[1]);
  }
  const Filter condition = map_of(filter);
  nb::list list;
  for (OrderedPoint& point : run(self.handle, [&](Stores& stores) {
         return stores.vector().scroll_by(collection, order, limit, condition, with_vector);
       })) {
    const nb::object at = object_of(point.at);
    list.append(nb::make_tuple(point_of(std::move(point)), at));
  }
  return list;
}

nb::object get(const Vector& self, const std::string& collection, const std::string& id, bool with_vector,
               bool for_update) {
  auto found = run(self.handle, [&](Stores& stores) {
    return stores.vector().get(collection, id, with_vector, locking_of(for_update));
  });
  return found ? point_of(std::move(*found)) : nb::none();
}

nb::list scroll(const Vector& self, const std::string& collection, const std::string& after, std::size_t limit,
                nb::object filter, bool with_vector) {
  const Filter condition = map_of(filter);
  nb::list list;
  for (StoredPoint& point : run(self.handle, [&](Stores& stores) {
         return stores.vector().scroll(collection, after, limit, condition, with_vector);
       })) {
    list.append(point_of(std::move(point)));
  }
  return list;
}

std::uint64_t remove(const Vector& self, const std::string& collection, const std::vector<std::string>& ids) {
  const std::vector<std::string_view> views(ids.begin(), ids.end());
  return run(self.handle, [&](Stores& stores) { return stores.vector().remove(collection, views); });
}

}  // namespace

void bind_vector(nb::module_& module) {
  nb::class_<Vector>(module, "Vector")
      .def("__init__", [](Vector* self, std::shared_ptr<Handle> handle) { new (self) Vector{{std::move(handle)}}; })
      .def("create_collection", &create_collection, nb::arg("collection"), nb::arg("dimension"), nb::arg("metric"),
           nb::arg("words"), nb::arg("element"), nb::arg("index"), nb::arg("quantization"), nb::arg("vectors"),
           nb::arg("default_vector"))
      .def("add_vector", &add_vector, nb::arg("collection"), nb::arg("vector"))
      .def("drop_vector", &drop_vector, nb::arg("collection"), nb::arg("vector"))
      .def("name_vector", &name_vector, nb::arg("collection"), nb::arg("name"))
      .def("set_default_vector", &set_default_vector, nb::arg("collection"), nb::arg("vector"), nb::arg("incomplete"))
      .def("points_without", &points_without, nb::arg("collection"), nb::arg("vector"), nb::arg("after"),
           nb::arg("limit"), nb::arg("with_vector"))
      .def("alter_collection", &alter_collection, nb::arg("collection"), nb::arg("index"), nb::arg("quantization"),
           nb::arg("vector"))
      .def(
          "drop_collection",
          [](const Vector& self, const std::string& collection) {
            run(self.handle, [&](Stores& stores) { return stores.vector().drop_collection(collection); });
          },
          nb::arg("collection"))
      .def("collections",
           [](const Vector& self) {
             nb::list list;
             for (const CollectionInfo& info : run(self.handle, [](Stores& s) { return s.vector().collections(); })) {
               list.append(info_of(info));
             }
             return list;
           })
      .def(
          "collection",
          [](const Vector& self, const std::string& collection) {
            return info_of(run(self.handle, [&](Stores& stores) { return stores.vector().collection(collection); }));
          },
          nb::arg("collection"))
      .def("upsert", &upsert, nb::arg("collection"), nb::arg("ids"), nb::arg("matrix").noconvert(),
           nb::arg("payloads").none(), nb::arg("texts").none(), nb::arg("vectors").none())
      .def("set_vectors", &set_vectors, nb::arg("collection"), nb::arg("ids"), nb::arg("vectors"))
      .def(
          "set_payload",
          [](const Vector& self, const std::string& collection, const std::string& id, nb::object payload) {
            Map map = map_of(payload);
            run(self.handle, [&](Stores& s) { return s.vector().set_payload(collection, id, std::move(map)); });
          },
          nb::arg("collection"), nb::arg("id"), nb::arg("payload").none())
      .def("remove", &remove, nb::arg("collection"), nb::arg("ids"))
      .def("get", &get, nb::arg("collection"), nb::arg("id"), nb::arg("with_vector"), nb::arg("for_update"))
      .def("search", &search, nb::arg("collection"), nb::arg("query").noconvert(), nb::arg("k"),
           nb::arg("filter").none(), nb::arg("ef"), nb::arg("probes"), nb::arg("exact"), nb::arg("min_score").none(),
           nb::arg("with_payload"), nb::arg("with_vector"), nb::arg("using_vector"), nb::arg("hit"))
      .def("search_sparse", &search_sparse, nb::arg("collection"), nb::arg("indices").noconvert(),
           nb::arg("values").noconvert(), nb::arg("k"), nb::arg("filter").none(), nb::arg("min_score").none(),
           nb::arg("with_payload"), nb::arg("with_vector"), nb::arg("using_vector"), nb::arg("hit"))
      .def("search_many", &search_many, nb::arg("collection"), nb::arg("queries").noconvert(), nb::arg("k"),
           nb::arg("filter").none(), nb::arg("ef"), nb::arg("probes"), nb::arg("exact"), nb::arg("min_score").none(),
           nb::arg("with_payload"), nb::arg("with_vector"), nb::arg("using_vector"), nb::arg("hit"))
      .def("search_words", &search_words, nb::arg("collection"), nb::arg("query"), nb::arg("k"),
           nb::arg("filter").none(), nb::arg("min_score").none(), nb::arg("with_payload"), nb::arg("with_vector"),
           nb::arg("hit"))
      .def("query", &query, nb::arg("collection"), nb::arg("asked"), nb::arg("k"), nb::arg("filter").none(),
           nb::arg("ef"), nb::arg("probes"), nb::arg("exact"), nb::arg("min_score").none(), nb::arg("with_payload"),
           nb::arg("with_vector"), nb::arg("using_vector"), nb::arg("hit"))
      .def("query_groups", &query_groups, nb::arg("collection"), nb::arg("asked"), nb::arg("field"), nb::arg("groups"),
           nb::arg("size"), nb::arg("filter").none(), nb::arg("ef"), nb::arg("probes"), nb::arg("exact"),
           nb::arg("min_score").none(), nb::arg("with_payload"), nb::arg("with_vector"), nb::arg("using_vector"),
           nb::arg("hit"))
      .def("facets", &facets, nb::arg("collection"), nb::arg("field"), nb::arg("filter").none(), nb::arg("limit"))
      .def("scroll_by", &scroll_by, nb::arg("collection"), nb::arg("field"), nb::arg("descending"),
           nb::arg("after").none(), nb::arg("limit"), nb::arg("filter").none(), nb::arg("with_vector"))
      .def(
          "count",
          [](const Vector& self, const std::string& collection, nb::object filter) {
            const Filter condition = map_of(filter);
            return run(self.handle, [&](Stores& stores) { return stores.vector().count(collection, condition); });
          },
          nb::arg("collection"), nb::arg("filter").none())
      .def("scroll", &scroll, nb::arg("collection"), nb::arg("after"), nb::arg("limit"), nb::arg("filter").none(),
           nb::arg("with_vector"));
  module.def(
      "address_seen", [](const Matrix& matrix) { return reinterpret_cast<std::uintptr_t>(matrix.data()); },
      nb::arg("matrix").noconvert(), "Where the engine reads this matrix: its own memory, unless something copied it.");
}

}  // namespace strata::python
