#pragma once
/// What the native objects share: whom they speak to, how a call gives the GIL away, how values cross.
///
/// The package strata/ gives these objects their Python form. Here one method is one call of a contract of include/strata.
#include <nanobind/nanobind.h>

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "strata/strata.h"

namespace strata::python {

namespace nb = nanobind;

[[noreturn]] void raise(Error error);
[[noreturn]] void raise(ErrorCode code, std::string message);

/// Takes an object whose destructor may wait for threads of the engine: they must not wait for the GIL meanwhile.
template <typename T>
std::shared_ptr<T> shared(std::unique_ptr<T> object) {
  return std::shared_ptr<T>(object.release(), [](T* pointer) {
    const nb::gil_scoped_acquire locked;  // an Arrow stream may let go of its engine on a thread of another library
    const nb::gil_scoped_release unlocked;
    std::default_delete<T>()(pointer);
  });
}

/// The database, a transaction or a view, until it is closed. Fields are read and written under the GIL; a call works
/// on copies of the pointers, so that a close on another thread takes nothing away from it.
struct Handle {
  const char* kind = "database";
  std::shared_ptr<Engine> engine = {};  // before `stores`: transactions and views must end first
  std::shared_ptr<Stores> stores = {};
  bool alone = false;  // a transaction: one call at a time
  bool busy = false;   // such a call is under way
};

/// A call that is under way: keeps its handle's objects, and a transaction for itself.
class Call {
 public:
  explicit Call(std::shared_ptr<Handle> handle);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  Stores& stores() const { return *stores_; }
  Engine& engine() const { return *engine_; }

 private:
  std::shared_ptr<Handle> handle_;
  std::shared_ptr<Engine> engine_;
  std::shared_ptr<Stores> stores_;
};

inline Locking locking_of(bool for_update) { return for_update ? Locking::for_update : Locking::none; }

/// The value of a Result that `work` returns; `work` runs without the GIL. Its error becomes a Python exception.
template <typename Work>
auto without_gil(Work&& work) {
  auto result = [&] {
    const nb::gil_scoped_release unlocked;
    return work();
  }();
  if (!result) raise(std::move(result).error());
  return std::move(result).value();
}

/// Calls `work(stores)` without the GIL.
template <typename Work>
auto run(const std::shared_ptr<Handle>& handle, Work&& work) {
  const Call call(handle);
  return without_gil([&] { return work(call.stores()); });
}

/// A store of a handle: `run` with the store picked.
struct Part {
  std::shared_ptr<Handle> handle;
};

/// Raises invalid_argument for a value that is not of `kind`, as nanobind's signatures write it; the package's arguments.py
/// has the words.
[[noreturn]] void refuse(const std::string& name, const char* kind, nb::handle value);

/// A value of a call that nanobind does not convert itself, because it lies in a dict or a list; `name` is for the message.
template <typename T>
T argument(const std::string& name, nb::handle value) {
  T converted{};
  if (nb::try_cast<T>(value, converted)) return converted;
  if constexpr (std::is_same_v<T, bool>) refuse(name, "bool", value);
  if constexpr (std::is_integral_v<T>) refuse(name, "int", value);
  if constexpr (std::is_floating_point_v<T>) refuse(name, "float", value);
  if constexpr (std::is_same_v<T, std::string>) refuse(name, "str", value);
  if constexpr (std::is_same_v<T, std::vector<std::string>>) refuse(name, "list[str]", value);
  refuse(name, "", value);
}

Value value_of(nb::handle object);
Map map_of(nb::handle object);                    ///< of a dict or None
std::vector<Value> values_of(nb::handle object);  ///< of a sequence or None; a dict is one Map (named parameters)
nb::object object_of(const Value& value);
nb::dict object_of(const Map& map);
nb::object object_of(const Rows& rows);  ///< (columns, [tuple, …])
nb::object object_of(const Bytes& bytes);
AsOf as_of_from(nb::handle object);  ///< None, an LSN, a datetime, or text

/// A Python object with __arrow_c_stream__. `engine` lives until the stream is released.
struct ArrowTable {
  std::shared_ptr<Engine> engine;
  ArrowStream stream;
};

void bind_analytics(nb::module_& module);
void bind_array(nb::module_& module);
void bind_arrow(nb::module_& module);
void bind_cache(nb::module_& module);
void bind_engine(nb::module_& module);
void bind_errors(nb::module_& module);
void bind_graph(nb::module_& module);
void bind_interchange(nb::module_& module);
void bind_memory(nb::module_& module);
void bind_metadata(nb::module_& module);
void bind_object(nb::module_& module);
void bind_operations(nb::module_& module);
void bind_vector(nb::module_& module);

}  // namespace strata::python
