// The metadata store.
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include "handle.h"

namespace strata::python {
namespace {

struct Metadata : Part {};

ArrowTable query_arrow(const Metadata& self, const std::string& sql, nb::object parameters) {
  const std::vector<Value> values = values_of(parameters);
  const std::shared_ptr<Engine> engine = self.handle->engine;
  return {engine, run(self.handle, [&](Stores& stores) { return stores.metadata().query_arrow(sql, values); })};
}

void migrate(const Metadata& self, const std::string& component, nb::list versions) {
  std::vector<Migration> migrations;
  for (nb::handle item : versions) {
    migrations.push_back({argument<std::uint32_t>("the version of a migration", item[0]),
                          argument<std::string>("the SQL of a migration", item[1])});
  }
  run(self.handle, [&](Stores& stores) { return stores.metadata().migrate(component, migrations); });
}

}  // namespace

void bind_metadata(nb::module_& module) {
  nb::class_<Metadata>(module, "Metadata")
      .def("__init__", [](Metadata* self, std::shared_ptr<Handle> handle) { new (self) Metadata{{std::move(handle)}}; })
      .def(
          "execute",
          [](const Metadata& self, const std::string& sql, nb::object parameters) {
            const std::vector<Value> values = values_of(parameters);
            const ExecuteResult result =
                run(self.handle, [&](Stores& stores) { return stores.metadata().execute(sql, values); });
            return nb::make_tuple(result.rows_changed, result.last_insert_rowid);
          },
          nb::arg("sql"), nb::arg("parameters").none())
      .def(
          "query",
          [](const Metadata& self, const std::string& sql, nb::object parameters) {
            const std::vector<Value> values = values_of(parameters);
            return object_of(run(self.handle, [&](Stores& stores) { return stores.metadata().query(sql, values); }));
          },
          nb::arg("sql"), nb::arg("parameters").none())
      .def("query_arrow", &query_arrow, nb::arg("sql"), nb::arg("parameters").none())
      .def(
          "put_row",
          [](const Metadata& self, const std::string& table, nb::object row) {
            const Map map = map_of(row);
            run(self.handle, [&](Stores& stores) { return stores.metadata().put_row(table, map); });
          },
          nb::arg("table"), nb::arg("row").none())
      .def(
          "remove_row",
          [](const Metadata& self, const std::string& table, nb::object key) {
            const Map map = map_of(key);
            return run(self.handle, [&](Stores& stores) { return stores.metadata().remove_row(table, map); });
          },
          nb::arg("table"), nb::arg("key").none())
      .def(
          "get_row",
          [](const Metadata& self, const std::string& table, nb::object key, bool for_update) -> nb::object {
            const Map map = map_of(key);
            const auto row = run(self.handle, [&](Stores& stores) {
              return stores.metadata().get_row(table, map, locking_of(for_update));
            });
            return row ? nb::object(object_of(*row)) : nb::none();
          },
          nb::arg("table"), nb::arg("key").none(), nb::arg("for_update"))
      .def("migrate", &migrate, nb::arg("component"), nb::arg("versions"))
      .def(
          "set",
          [](const Metadata& self, const std::string& key, nb::object value) {
            const Value setting = value_of(value);
            run(self.handle, [&](Stores& stores) { return stores.metadata().set(key, setting); });
          },
          nb::arg("key"), nb::arg("value").none())
      .def(
          "get",
          [](const Metadata& self, const std::string& key) -> nb::object {
            const auto value = run(self.handle, [&](Stores& stores) { return stores.metadata().get(key); });
            return value ? object_of(*value) : nb::none();
          },
          nb::arg("key"));
  module.attr("COMMIT_LSN") = nb::str(kCommitLsn.data(), kCommitLsn.size());
}

}  // namespace strata::python
