// The analytics store.
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include "handle.h"

namespace strata::python {
namespace {

struct Analytics : Part {};

void create_table(const Analytics& self, const std::string& table, nb::dict columns) {
  std::vector<ColumnDefinition> definitions;
  for (auto [column, type] : columns) {
    auto parsed = parse_column_type(argument<std::string>("the type of a column", type));
    if (!parsed) raise(std::move(parsed).error());
    definitions.push_back({argument<std::string>("the name of a column", column), *parsed});
  }
  run(self.handle, [&](Stores& stores) { return stores.analytics().create_table(table, definitions); });
}

void append_rows(const Analytics& self, const std::string& table, nb::list rows) {
  std::vector<std::vector<Value>> values;
  values.reserve(rows.size());
  for (nb::handle row : rows) {
    if (PyDict_Check(row.ptr())) raise(ErrorCode::invalid_argument, "rows are all dicts or all sequences");
    values.push_back(values_of(row));
  }
  run(self.handle, [&](Stores& stores) { return stores.analytics().append(table, values); });
}

nb::list tables(const Analytics& self) {
  nb::list list;
  for (const TableInfo& info : run(self.handle, [](Stores& stores) { return stores.analytics().tables(); })) {
    nb::dict columns;
    for (const ColumnDefinition& column : info.columns)
      columns[column.name.c_str()] = std::string(strata::name(column.type));
    list.append(nb::make_tuple(info.name, columns, info.rows));
  }
  return list;
}

ArrowTable query_arrow(const Analytics& self, const std::string& sql, nb::object parameters) {
  const std::vector<Value> values = values_of(parameters);
  const std::shared_ptr<Engine> engine = self.handle->engine;
  return {engine, run(self.handle, [&](Stores& stores) { return stores.analytics().query_arrow(sql, values); })};
}

}  // namespace

void bind_analytics(nb::module_& module) {
  nb::class_<Analytics>(module, "Analytics")
      .def("__init__",
           [](Analytics* self, std::shared_ptr<Handle> handle) { new (self) Analytics{{std::move(handle)}}; })
      .def("create_table", &create_table, nb::arg("table"), nb::arg("columns"))
      .def(
          "drop_table",
          [](const Analytics& self, const std::string& table) {
            run(self.handle, [&](Stores& stores) { return stores.analytics().drop_table(table); });
          },
          nb::arg("table"))
      .def("tables", &tables)
      .def("append_rows", &append_rows, nb::arg("table"), nb::arg("rows"))
      .def(
          "append_row",
          [](const Analytics& self, const std::string& table, nb::object row) {
            const Map map = map_of(row);
            run(self.handle, [&](Stores& stores) { return stores.analytics().append(table, map); });
          },
          nb::arg("table"), nb::arg("row").none())
      .def(
          "erase",
          [](const Analytics& self, const std::string& table, const std::string& column, nb::object value) {
            const Value wanted = value_of(value);
            return run(self.handle, [&](Stores& stores) { return stores.analytics().erase(table, column, wanted); });
          },
          nb::arg("table"), nb::arg("column"), nb::arg("value").none())
      .def(
          "query",
          [](const Analytics& self, const std::string& sql, nb::object parameters) {
            const std::vector<Value> values = values_of(parameters);
            return object_of(run(self.handle, [&](Stores& stores) { return stores.analytics().query(sql, values); }));
          },
          nb::arg("sql"), nb::arg("parameters").none())
      .def("query_arrow", &query_arrow, nb::arg("sql"), nb::arg("parameters").none());
}

}  // namespace strata::python
