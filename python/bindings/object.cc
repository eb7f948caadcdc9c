// The object store. Addresses cross as 64 hexadecimal digits.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include <cstring>

#include "handle.h"

namespace strata::python {
namespace {

struct Object : Part {};

Address address_of(const std::string& text) {
  auto parsed = Address::parse(text);
  if (!parsed) raise(std::move(parsed).error());
  return *parsed;
}

PutOptions put_options(const std::string& owner, const std::string& compression) {
  auto parsed = parse_compression(compression);
  if (!parsed) raise(std::move(parsed).error());
  return {owner, *parsed};
}

nb::object info_of(const ObjectInfo& info) {
  return nb::make_tuple(info.address.to_string(), info.bytes, info.stored_bytes,
                        std::string(strata::name(info.compression)), info.references);
}

/// Runs a call of the engine whose callback is Python: an exception in there passes through the engine as `cancelled`
/// and is raised again outside.
template <typename Work>
auto with_python_inside(const std::shared_ptr<Handle>& handle, std::exception_ptr& raised, Work&& work) {
  const Call call(handle);
  auto result = [&] {
    const nb::gil_scoped_release unlocked;
    return work(call.stores());
  }();
  if (raised) std::rethrow_exception(raised);
  if (!result) raise(std::move(result).error());
  return result;
}

std::string put_stream(const Object& self, nb::object read, const std::string& owner, const std::string& compression) {
  const PutOptions options = put_options(owner, compression);
  std::exception_ptr raised;
  const auto next = [&](std::span<std::byte> into) -> Result<std::size_t> {
    const nb::gil_scoped_acquire locked;
    try {
      const nb::object piece = read(into.size());
      if (!PyBytes_Check(piece.ptr())) raise(ErrorCode::invalid_argument, "read() of the file object gives no bytes");
      const auto bytes = nb::borrow<nb::bytes>(piece);
      if (bytes.size() > into.size())
        raise(ErrorCode::invalid_argument, "read() of the file object gives more than asked");
      std::memcpy(into.data(), bytes.data(), bytes.size());
      return bytes.size();
    } catch (...) {
      raised = std::current_exception();
      return Error(ErrorCode::cancelled, "read() of the file object raised an exception");
    }
  };
  return with_python_inside(self.handle, raised,
                            [&](Stores& stores) { return stores.object().put_stream(next, options); })
      ->to_string();
}

void get_stream(const Object& self, const std::string& address, nb::object write) {
  const Address wanted = address_of(address);
  std::exception_ptr raised;
  const auto sink = [&](ByteView piece) -> Result<void> {
    const nb::gil_scoped_acquire locked;
    try {
      write(nb::bytes(piece.data(), piece.size()));
      return {};
    } catch (...) {
      raised = std::current_exception();
      return Error(ErrorCode::cancelled, "write() of the file object raised an exception");
    }
  };
  (void)with_python_inside(self.handle, raised,
                           [&](Stores& stores) { return stores.object().get_stream(wanted, sink); });
}

nb::list list(const Object& self, const std::optional<std::string>& after, std::size_t limit) {
  std::optional<Address> start;
  if (after) start = address_of(*after);
  nb::list all;
  for (const ObjectInfo& info : run(self.handle, [&](Stores& stores) { return stores.object().list(start, limit); })) {
    all.append(info_of(info));
  }
  return all;
}

}  // namespace

void bind_object(nb::module_& module) {
  nb::class_<Object>(module, "Object")
      .def("__init__", [](Object* self, std::shared_ptr<Handle> handle) { new (self) Object{{std::move(handle)}}; })
      .def(
          "put",
          [](const Object& self, nb::bytes content, const std::string& owner, const std::string& compression) {
            const PutOptions options = put_options(owner, compression);
            const ByteView bytes(static_cast<const std::byte*>(content.data()), content.size());
            return run(self.handle, [&](Stores& stores) { return stores.object().put(bytes, options); }).to_string();
          },
          nb::arg("content"), nb::arg("owner"), nb::arg("compression"))
      .def("put_stream", &put_stream, nb::arg("read").none(), nb::arg("owner"), nb::arg("compression"))
      .def(
          "get",
          [](const Object& self, const std::string& address) {
            const Address wanted = address_of(address);
            return object_of(run(self.handle, [&](Stores& stores) { return stores.object().get(wanted); }));
          },
          nb::arg("address"))
      .def("get_stream", &get_stream, nb::arg("address"), nb::arg("write").none())
      .def(
          "exists",
          [](const Object& self, const std::string& address) {
            const Address wanted = address_of(address);
            return run(self.handle, [&](Stores& stores) { return stores.object().exists(wanted); });
          },
          nb::arg("address"))
      .def(
          "info",
          [](const Object& self, const std::string& address) {
            const Address wanted = address_of(address);
            return info_of(run(self.handle, [&](Stores& stores) { return stores.object().info(wanted); }));
          },
          nb::arg("address"))
      .def("list", &list, nb::arg("after").none(), nb::arg("limit"))
      .def("count", [](const Object& self) { return run(self.handle, [](Stores& s) { return s.object().count(); }); })
      .def(
          "remove",
          [](const Object& self, const std::string& address) {
            const Address wanted = address_of(address);
            run(self.handle, [&](Stores& stores) { return stores.object().remove(wanted); });
          },
          nb::arg("address"))
      .def(
          "release",
          [](const Object& self, const std::string& owner) {
            return run(self.handle, [&](Stores& stores) { return stores.object().release(owner); });
          },
          nb::arg("owner"))
      .def("collect", [](const Object& self) {
        const CollectReport report = run(self.handle, [](Stores& stores) { return stores.object().collect(); });
        return nb::make_tuple(report.objects, report.bytes);
      });
}

}  // namespace strata::python
