// The vector store. Embeddings come in as float32 arrays, borrowed for the call.
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <deque>

#include "handle.h"

namespace strata::python {
namespace {

struct Vector : Part {};

using Row = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Matrix = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

std::span<const float> span_of(const Row& row) { return {row.data(), row.size()}; }

/// A vector of the engine as an array of its own.
nb::object array_of(std::vector<float> vector) {
  if (vector.empty()) return nb::none();
  auto owned = std::make_unique<std::vector<float>>(std::move(vector));
  std::vector<float>* raw = owned.get();
  const nb::capsule owner(owned.release(), [](void* p) noexcept {
    const std::unique_ptr<std::vector<float>> last(static_cast<std::vector<float>*>(p));
  });
  const std::size_t shape[] = {raw->size()};
  return nb::cast(nb::ndarray<nb::numpy, float>(raw->data(), 1, shape, owner));
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
    if (with_vector) nb::setattr(made, "vector", array_of(std::move(hit.vector)));
    add_standings(made, hit);
    PyList_SET_ITEM(list.ptr(), at++, made.release().ptr());
  }
  return list;
}

nb::object point_of(StoredPoint point) {
  return nb::make_tuple(point.id, object_of(point.payload), array_of(std::move(point.vector)));
}

nb::object quantization_of(const QuantizationOptions& options) {
  return nb::make_tuple(std::string(strata::name(options.kind)), options.bits, std::string(strata::name(options.range)),
                        options.parts, options.recall_min);
}

nb::object info_of(const CollectionInfo& info) {
  const CollectionOptions& options = info.options;
  const IndexOptions& index = options.index;
  const IndexFigures& figures = info.index;
  return nb::make_tuple(
      info.name, options.dimension, std::string(strata::name(options.metric)), options.words, info.points,
      std::string(strata::name(options.element)), std::string(strata::name(index.kind)), index.m, index.ef_construction,
      index.lists, index.memory_bytes, quantization_of(options.quantization),
      nb::make_tuple(figures.rows, quantization_of(figures.quantization), figures.code_bytes,
                     figures.recall < 0 ? nb::object(nb::none()) : nb::object(nb::float_(figures.recall))));
}

template <typename T>
T parsed(Result<T> result) {
  if (!result) raise(std::move(result).error());
  return *std::move(result);
}

using Index = std::tuple<std::string, std::uint32_t, std::uint32_t, std::uint32_t, std::uint64_t>;
IndexOptions index_options(const Index& given) {
  const auto& [kind, m, ef_construction, lists, memory_bytes] = given;
  return {parsed(parse_index_kind(kind)), m, ef_construction, memory_bytes, lists};
}

using Quantization = std::tuple<std::string, std::uint32_t, std::string, std::uint32_t, float>;
QuantizationOptions quantization_options(const Quantization& given) {
  const auto& [kind, bits, range, parts, recall_min] = given;
  return {parsed(parse_quantization_kind(kind)), bits, parsed(parse_quantization_range(range)), parts, recall_min};
}

void create_collection(const Vector& self, const std::string& collection, std::uint32_t dimension,
                       const std::string& metric, bool words, const std::string& element, const Index& index,
                       const Quantization& quantization) {
  const CollectionOptions options{.dimension = dimension,
                                  .metric = parsed(parse_metric(metric)),
                                  .words = words,
                                  .element = parsed(parse_element_type(element)),
                                  .index = index_options(index),
                                  .quantization = quantization_options(quantization)};
  run(self.handle, [&](Stores& stores) { return stores.vector().create_collection(collection, options); });
}

void alter_collection(const Vector& self, const std::string& collection, const Index& index,
                      const Quantization& quantization) {
  const IndexOptions index_now = index_options(index);
  const QuantizationOptions quantization_now = quantization_options(quantization);
  run(self.handle,
      [&](Stores& stores) { return stores.vector().alter_collection(collection, index_now, quantization_now); });
}

void upsert(const Vector& self, const std::string& collection, const std::vector<std::string>& ids,
            const Matrix& matrix, nb::object payloads, nb::object texts) {
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
  run(self.handle, [&](Stores& stores) { return stores.vector().upsert(collection, points); });
}

/// A number of a call, or nothing: NumPy's numbers are numbers, too.
std::optional<float> number_or_none(const std::string& name, nb::handle given) {
  if (given.is_none()) return std::nullopt;
  return static_cast<float>(argument<double>(name, given));
}

nb::object search(const Vector& self, const std::string& collection, const Row& query, std::size_t k, nb::object filter,
                  std::uint32_t ef, std::uint32_t probes, bool exact, nb::object min_score, bool with_payload, bool with_vector,
                  nb::type_object hit) {
  const SearchOptions options{
      k, map_of(filter), with_payload, with_vector, ef, probes, exact, number_or_none("min_score", min_score)};
  return hits_of(
      run(self.handle, [&](Stores& stores) { return stores.vector().search(collection, span_of(query), options); }),
      hit, with_vector);
}

/// A list of lists: one for each row of `queries`.
nb::list search_many(const Vector& self, const std::string& collection, const Matrix& queries, std::size_t k,
                     nb::object filter, std::uint32_t ef, std::uint32_t probes, bool exact, nb::object min_score, bool with_payload,
                     bool with_vector, nb::type_object hit) {
  const SearchOptions options{
      k, map_of(filter), with_payload, with_vector, ef, probes, exact, number_or_none("min_score", min_score)};
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
    if (const nb::object vector = given["vector"]; !vector.is_none()) query_.vector = span_of(keep(vector));
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
  template <typename T>
  static T parsed(Result<T> result) {
    if (!result) raise(std::move(result).error());
    return *result;
  }
  const Row& keep(nb::handle array) { return arrays_.emplace_back(nb::cast<Row>(array, false)); }
  std::vector<Example> examples(nb::handle given) {
    std::vector<Example> all;
    for (nb::handle each : given) {
      if (nb::isinstance<nb::str>(each)) {
        all.push_back({.id = ids_.emplace_back(argument<std::string>("an example", each))});
      } else {
        all.push_back({.vector = span_of(keep(each))});
      }
    }
    return all;
  }

  Query query_;
  std::string words_;
  std::deque<std::string> ids_;
  std::deque<Row> arrays_;
};

nb::object query(const Vector& self, const std::string& collection, nb::dict asked, std::size_t k, nb::object filter,
                 std::uint32_t ef, std::uint32_t probes, bool exact, nb::object min_score, bool with_payload, bool with_vector,
                 nb::type_object hit) {
  const GivenQuery given(asked);
  const SearchOptions options{
      k, map_of(filter), with_payload, with_vector, ef, probes, exact, number_or_none("min_score", min_score)};
  return hits_of(
      run(self.handle, [&](Stores& stores) { return stores.vector().query(collection, given.query(), options); }), hit,
      with_vector);
}

/// A list of (value, hits).
nb::list query_groups(const Vector& self, const std::string& collection, nb::dict asked, const std::string& field,
                      std::size_t groups, std::size_t size, nb::object filter, std::uint32_t ef, std::uint32_t probes, bool exact,
                      nb::object min_score, bool with_payload, bool with_vector, nb::type_object hit) {
  const GivenQuery given(asked);
  const Grouping grouping{field, groups, size};
  const SearchOptions options{
      1, map_of(filter), with_payload, with_vector, ef, probes, exact, number_or_none("min_score", min_score)};
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
           nb::arg("words"), nb::arg("element"), nb::arg("index"), nb::arg("quantization"))
      .def("alter_collection", &alter_collection, nb::arg("collection"), nb::arg("index"), nb::arg("quantization"))
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
           nb::arg("payloads").none(), nb::arg("texts").none())
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
           nb::arg("with_payload"), nb::arg("with_vector"), nb::arg("hit"))
      .def("search_many", &search_many, nb::arg("collection"), nb::arg("queries").noconvert(), nb::arg("k"),
           nb::arg("filter").none(), nb::arg("ef"), nb::arg("probes"), nb::arg("exact"), nb::arg("min_score").none(),
           nb::arg("with_payload"), nb::arg("with_vector"), nb::arg("hit"))
      .def("search_words", &search_words, nb::arg("collection"), nb::arg("query"), nb::arg("k"),
           nb::arg("filter").none(), nb::arg("min_score").none(), nb::arg("with_payload"), nb::arg("with_vector"),
           nb::arg("hit"))
      .def("query", &query, nb::arg("collection"), nb::arg("asked"), nb::arg("k"), nb::arg("filter").none(),
           nb::arg("ef"), nb::arg("probes"), nb::arg("exact"), nb::arg("min_score").none(), nb::arg("with_payload"),
           nb::arg("with_vector"), nb::arg("hit"))
      .def("query_groups", &query_groups, nb::arg("collection"), nb::arg("asked"), nb::arg("field"), nb::arg("groups"),
           nb::arg("size"), nb::arg("filter").none(), nb::arg("ef"), nb::arg("probes"), nb::arg("exact"), nb::arg("min_score").none(),
           nb::arg("with_payload"), nb::arg("with_vector"), nb::arg("hit"))
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
