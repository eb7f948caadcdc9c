// The cache store. Times to live cross in milliseconds.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include "handle.h"

namespace strata::python {
namespace {

struct Cache : Part {};

nb::dict stats(const Cache& self) {
  const CacheStats found = run(self.handle, [](Stores& stores) { return stores.cache().stats(); });
  nb::dict dict;
  dict["entries"] = found.entries;
  dict["bytes"] = found.bytes;
  dict["bytes_max"] = found.bytes_max;
  dict["hits"] = found.hits;
  dict["misses"] = found.misses;
  dict["evictions"] = found.evictions;
  dict["expirations"] = found.expirations;
  dict["rejected"] = found.rejected;
  return dict;
}

}  // namespace

void bind_cache(nb::module_& module) {
  nb::class_<Cache>(module, "Cache")
      .def("__init__", [](Cache* self, std::shared_ptr<Handle> handle) { new (self) Cache{{std::move(handle)}}; })
      .def(
          "set",
          [](const Cache& self, const std::string& key, nb::bytes value, std::int64_t ttl_ms) {
            const ByteView bytes(static_cast<const std::byte*>(value.data()), value.size());
            run(self.handle, [&](Stores& stores) { return stores.cache().set(key, bytes, ttl_ms); });
          },
          nb::arg("key"), nb::arg("value"), nb::arg("ttl_ms"))
      .def(
          "get",
          [](const Cache& self, const std::string& key) -> nb::object {
            const auto value = run(self.handle, [&](Stores& stores) { return stores.cache().get(key); });
            return value ? object_of(*value) : nb::none();
          },
          nb::arg("key"))
      .def(
          "remove",
          [](const Cache& self, const std::string& key) {
            return run(self.handle, [&](Stores& stores) { return stores.cache().remove(key); });
          },
          nb::arg("key"))
      .def(
          "ttl",
          [](const Cache& self, const std::string& key) {
            return run(self.handle, [&](Stores& stores) { return stores.cache().ttl(key); });
          },
          nb::arg("key"))
      .def(
          "expire",
          [](const Cache& self, const std::string& key, std::int64_t ttl_ms) {
            return run(self.handle, [&](Stores& stores) { return stores.cache().expire(key, ttl_ms); });
          },
          nb::arg("key"), nb::arg("ttl_ms"))
      .def("clear", [](const Cache& self) { run(self.handle, [](Stores& stores) { return stores.cache().clear(); }); })
      .def("clear_expired",
           [](const Cache& self) { return run(self.handle, [](Stores& s) { return s.cache().clear_expired(); }); })
      .def("stats", &stats);
}

}  // namespace strata::python
