// The array store. Rows come in borrowed from numpy and go out owned by the array that shows them.
#include <nanobind/ndarray.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "handle.h"

namespace strata::python {
namespace {

struct Array : Part {};

using Rows = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;

DataType type_of(const std::string& text) {
  auto parsed = parse_data_type(text);
  if (!parsed) raise(std::move(parsed).error());
  return *parsed;
}

nb::dlpack::dtype numpy_type(DataType type) {
  const std::string_view text = strata::name(type);
  const auto code = text.starts_with("int")    ? nb::dlpack::dtype_code::Int
                    : text.starts_with("uint") ? nb::dlpack::dtype_code::UInt
                                               : nb::dlpack::dtype_code::Float;
  return {static_cast<std::uint8_t>(code), static_cast<std::uint8_t>(8 * bytes_of(type)), 1};
}

nb::object info_of(const DatasetInfo& info) {
  return nb::make_tuple(info.name, std::string(strata::name(info.options.type)), nb::cast(info.options.row_shape),
                        info.rows, info.parts, object_of(info.attributes));
}

void create_dataset(const Array& self, const std::string& dataset, const std::string& dtype,
                    const std::vector<std::uint64_t>& row_shape, std::uint64_t chunk_rows, int gzip_level, bool shuffle,
                    bool fletcher32) {
  const DatasetOptions options{type_of(dtype), row_shape, chunk_rows, gzip_level, shuffle, fletcher32};
  run(self.handle, [&](Stores& stores) { return stores.array().create_dataset(dataset, options); });
}

std::uint64_t append(const Array& self, const std::string& dataset, const std::string& dtype, const Rows& rows,
                     const std::string& key) {
  const DataType type = type_of(dtype);
  std::vector<std::uint64_t> shape;
  for (std::size_t axis = 0; axis < rows.ndim(); ++axis) shape.push_back(rows.shape(axis));
  const ByteView bytes(static_cast<const std::byte*>(rows.data()), rows.nbytes());
  return run(self.handle, [&](Stores& stores) { return stores.array().append(dataset, type, shape, bytes, key); });
}

nb::object read(const Array& self, const std::string& dataset, std::uint64_t begin, std::uint64_t end) {
  auto data = std::make_unique<ArrayData>(
      run(self.handle, [&](Stores& stores) { return stores.array().read(dataset, begin, end); }));
  ArrayData* raw = data.get();
  const nb::capsule owner(data.release(),
                          [](void* p) noexcept { const std::unique_ptr<ArrayData> last(static_cast<ArrayData*>(p)); });
  const std::vector<std::size_t> shape(raw->shape.begin(), raw->shape.end());
  return nb::cast(
      nb::ndarray<nb::numpy>(raw->bytes.data(), shape.size(), shape.data(), owner, nullptr, numpy_type(raw->type)));
}

nb::list find(const Array& self, const std::string& dataset, const std::string& key) {
  nb::list list;
  for (const RowRange& range : run(self.handle, [&](Stores& s) { return s.array().find(dataset, key); })) {
    list.append(nb::make_tuple(range.begin, range.end));
  }
  return list;
}

}  // namespace

void bind_array(nb::module_& module) {
  nb::class_<Array>(module, "Array")
      .def("__init__", [](Array* self, std::shared_ptr<Handle> handle) { new (self) Array{{std::move(handle)}}; })
      .def("create_dataset", &create_dataset, nb::arg("dataset"), nb::arg("dtype"), nb::arg("row_shape"),
           nb::arg("chunk_rows"), nb::arg("gzip_level"), nb::arg("shuffle"), nb::arg("fletcher32"))
      .def(
          "drop_dataset",
          [](const Array& self, const std::string& dataset) {
            run(self.handle, [&](Stores& stores) { return stores.array().drop_dataset(dataset); });
          },
          nb::arg("dataset"))
      .def(
          "datasets",
          [](const Array& self) {
            nb::list list;
            for (const DatasetInfo& info : run(self.handle, [](Stores& stores) { return stores.array().datasets(); })) {
              list.append(info_of(info));
            }
            return list;
          })
      .def(
          "dataset",
          [](const Array& self, const std::string& dataset) {
            return info_of(run(self.handle, [&](Stores& stores) { return stores.array().dataset(dataset); }));
          },
          nb::arg("dataset"))
      .def("append", &append, nb::arg("dataset"), nb::arg("dtype"), nb::arg("rows").noconvert(), nb::arg("key"))
      .def("find", &find, nb::arg("dataset"), nb::arg("key"))
      .def("read", &read, nb::arg("dataset"), nb::arg("begin"), nb::arg("end"))
      .def(
          "clear_rows",
          [](const Array& self, const std::string& dataset, std::uint64_t begin, std::uint64_t end) {
            run(self.handle, [&](Stores& stores) { return stores.array().clear_rows(dataset, begin, end); });
          },
          nb::arg("dataset"), nb::arg("begin"), nb::arg("end"))
      .def(
          "set_attribute",
          [](const Array& self, const std::string& dataset, const std::string& name, nb::object value) {
            const Value attribute = value_of(value);
            run(self.handle, [&](Stores& stores) { return stores.array().set_attribute(dataset, name, attribute); });
          },
          nb::arg("dataset"), nb::arg("name"), nb::arg("value").none());
}

}  // namespace strata::python
