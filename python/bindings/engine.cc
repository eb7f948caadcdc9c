// The database, its transactions and its views.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include "handle.h"

namespace strata::python {
namespace {

constexpr const char* kAloneMessage = "a transaction serves one call at a time; another thread is in one";

Isolation parse_isolation(const std::string& text) {
  if (text == "read_uncommitted") return Isolation::read_uncommitted;
  if (text == "read_committed") return Isolation::read_committed;
  if (text == "repeatable_read") return Isolation::repeatable_read;
  if (text == "serializable") return Isolation::serializable;
  raise(ErrorCode::invalid_argument,
        "isolation is read_uncommitted, read_committed, repeatable_read or serializable, not " + text);
}

Durability parse_durability(const std::string& text) {
  if (text == "off") return Durability::off;
  if (text == "batch") return Durability::batch;
  if (text == "each") return Durability::each;
  raise(ErrorCode::invalid_argument, "durability is off, batch or each, not " + text);
}

/// Options by name; one that is not known is named.
OpenOptions open_options(const nb::dict& given) {
  OpenOptions options;
  const auto bytes = [](nb::handle value, const std::string& name) { return argument<std::uint64_t>(name, value); };
  for (auto [key, value] : given) {
    const auto name = nb::cast<std::string>(key);
    if (name == "create")
      options.create = argument<bool>(name, value);
    else if (name == "durability")
      options.durability = parse_durability(argument<std::string>(name, value));
    else if (name == "checkpoint_journal_bytes")
      options.checkpoint_journal_bytes = bytes(value, name);
    else if (name == "history_ms")
      options.history_ms = static_cast<std::int64_t>(bytes(value, name));
    else if (name == "journal_segment_bytes")
      options.journal_segment_bytes = bytes(value, name);
    else if (name == "cache_bytes")
      options.cache_bytes = bytes(value, name);
    else if (name == "vector_bytes")
      options.vector_bytes = bytes(value, name);
    else if (name == "analytics_bytes")
      options.analytics_bytes = bytes(value, name);
    else if (name == "metadata_cache_bytes")
      options.metadata_cache_bytes = bytes(value, name);
    else if (name == "store_lag_bytes_max")
      options.store_lag_bytes_max = bytes(value, name);
    else if (name == "transaction_bytes_max")
      options.transaction_bytes_max = bytes(value, name);
    else
      raise(ErrorCode::invalid_argument, "there is no option " + name);
  }
  return options;
}

std::shared_ptr<Handle> open(const std::string& directory, const nb::dict& given) {
  const OpenOptions options = open_options(given);
  const std::shared_ptr<Engine> engine = shared(without_gil([&] { return Engine::open(directory, options); }));
  return std::make_shared<Handle>(Handle{"database", engine, engine});
}

/// Waits for the calls of other threads; its files and its lock are free then. Refused while another thread is in a call of a
/// view or a transaction: the database stays open.
void close(const std::shared_ptr<Handle>& database) {
  const std::shared_ptr<Engine> engine = database->engine;
  if (!engine) return;
  Result<void> closed = [&] {
    const nb::gil_scoped_release unlocked;
    return engine->close();
  }();
  if (!closed && closed.error().code() == ErrorCode::failed_precondition) raise(std::move(closed).error());
  database->engine.reset();
  database->stores.reset();
  if (!closed) raise(std::move(closed).error());
}

/// What ends a transaction or a view.
void release(const std::shared_ptr<Handle>& handle) {
  if (handle->busy) raise(ErrorCode::failed_precondition, kAloneMessage);
  const std::shared_ptr<Engine> engine = std::exchange(handle->engine, nullptr);
  handle->stores.reset();
}

std::shared_ptr<Handle> begin(const std::shared_ptr<Handle>& database, const std::string& isolation,
                              const std::string& durability, std::int64_t timeout_ms, const std::string& key,
                              std::int64_t lock_timeout_ms) {
  const TransactionOptions options{.isolation = parse_isolation(isolation),
                                   .durability = parse_durability(durability),
                                   .timeout_ms = timeout_ms,
                                   .lock_timeout_ms = lock_timeout_ms,
                                   .idempotency_key = key};
  const std::shared_ptr<Engine> engine = database->engine;
  const Call call(database);
  std::shared_ptr<Transaction> transaction = shared(without_gil([&] { return call.engine().begin(options); }));
  return std::make_shared<Handle>(Handle{"transaction", engine, transaction, true});
}

Lsn commit(const std::shared_ptr<Handle>& handle) {
  return run(handle, [](Stores& stores) { return static_cast<Transaction&>(stores).commit(); });
}

void rollback(const std::shared_ptr<Handle>& handle) {
  run(handle, [](Stores& stores) -> Result<void> {
    static_cast<Transaction&>(stores).rollback();
    return {};
  });
}

std::shared_ptr<Handle> view(const std::shared_ptr<Handle>& database, nb::object as_of) {
  const AsOf moment = as_of_from(as_of);
  const std::shared_ptr<Engine> engine = database->engine;
  const Call call(database);
  std::shared_ptr<View> past = shared(without_gil([&] { return call.engine().view(moment); }));
  return std::make_shared<Handle>(Handle{"view", engine, past});
}

nb::list tags(const std::shared_ptr<Handle>& database) {
  const Call call(database);
  nb::list list;
  for (const Tag& tag : without_gil([&] { return call.engine().tags(); })) {
    list.append(nb::make_tuple(tag.name, tag.lsn, tag.time));
  }
  return list;
}

nb::list verify(const std::shared_ptr<Handle>& database) {
  const Call call(database);
  nb::list list;
  for (const Finding& found : without_gil([&] { return call.engine().verify(); })) {
    list.append(nb::make_tuple(found.store, found.file, found.offset, found.what, found.repaired));
  }
  return list;
}

nb::list summarize(const std::shared_ptr<Handle>& database, nb::object as_of) {
  const AsOf moment = as_of_from(as_of);
  const Call call(database);
  nb::list list;
  for (const StoreSummary& summary : without_gil([&] { return call.engine().summarize(moment); })) {
    list.append(nb::make_tuple(std::string(strata::name(summary.store)), summary.items, summary.hash));
  }
  return list;
}

/// Calls a method of the engine that answers without waiting or failing.
template <typename Answer>
auto ask(const std::shared_ptr<Handle>& database, Answer&& answer) {
  const Call call(database);
  return answer(call.engine());
}

}  // namespace

Call::Call(std::shared_ptr<Handle> handle)
    : handle_(std::move(handle)), engine_(handle_->engine), stores_(handle_->stores) {
  if (!stores_) raise(ErrorCode::failed_precondition, std::string("the ") + handle_->kind + " is closed");
  if (!handle_->alone) return;
  if (handle_->busy) raise(ErrorCode::failed_precondition, kAloneMessage);
  handle_->busy = true;
}

Call::~Call() {
  if (handle_->alone) handle_->busy = false;
}

void bind_engine(nb::module_& module) {
  nb::class_<Handle>(module, "Handle", "The database, a transaction or a view.")
      .def_prop_ro(
          "kind", [](const Handle& self) { return self.kind; }, "database, transaction or view")
      .def_prop_ro("closed", [](const Handle& self) { return self.stores == nullptr; })
      .def("close", &close, "Closes the database.")
      .def("release", &release, "Ends a transaction (rolling it back) or a view.")
      .def("directory", [](std::shared_ptr<Handle> self) { return ask(self, [](Engine& e) { return e.directory(); }); })
      .def("visible_lsn",
           [](std::shared_ptr<Handle> self) { return ask(self, [](Engine& e) { return e.visible_lsn(); }); })
      .def("begin", &begin, nb::arg("isolation"), nb::arg("durability"), nb::arg("timeout_ms"),
           nb::arg("idempotency_key"), nb::arg("lock_timeout_ms"))
      .def("commit", &commit)
      .def("rollback", &rollback)
      .def(
          "savepoint",
          [](const std::shared_ptr<Handle>& self, const std::string& name) {
            run(self, [&](Stores& stores) { return static_cast<Transaction&>(stores).savepoint(name); });
          },
          nb::arg("name"))
      .def(
          "rollback_to",
          [](const std::shared_ptr<Handle>& self, const std::string& name) {
            run(self, [&](Stores& stores) { return static_cast<Transaction&>(stores).rollback_to(name); });
          },
          nb::arg("name"))
      .def(
          "release_savepoint",
          [](const std::shared_ptr<Handle>& self, const std::string& name) {
            run(self, [&](Stores& stores) { return static_cast<Transaction&>(stores).release(name); });
          },
          nb::arg("name"))
      .def("view", &view, nb::arg("as_of").none())
      .def(
          "view_lsn",
          [](std::shared_ptr<Handle> self) {
            const Call call(self);
            return self->alone ? static_cast<Transaction&>(call.stores()).view_lsn()
                               : static_cast<View&>(call.stores()).lsn();
          },
          "Of a transaction or a view.")
      .def(
          "view_time",
          [](std::shared_ptr<Handle> self) {
            const Call call(self);
            return static_cast<View&>(call.stores()).commit_time();
          },
          "Of a view.")
      .def("tags", &tags)
      .def(
          "set_tag",
          [](std::shared_ptr<Handle> self, const std::string& name, Lsn lsn) {
            const Call call(self);
            return without_gil([&] { return call.engine().set_tag(name, lsn); });
          },
          nb::arg("name"), nb::arg("lsn") = 0)
      .def(
          "remove_tag",
          [](std::shared_ptr<Handle> self, const std::string& name) {
            const Call call(self);
            return without_gil([&] { return call.engine().remove_tag(name); });
          },
          nb::arg("name"))
      .def("checkpoint",
           [](std::shared_ptr<Handle> self) {
             const Call call(self);
             return without_gil([&] { return call.engine().checkpoint(); });
           })
      .def("statistics",
           [](std::shared_ptr<Handle> self) {
             const Call call(self);
             return object_of(without_gil([&] { return call.engine().statistics(); }));
           })
      .def("transactions",
           [](std::shared_ptr<Handle> self) {
             const Call call(self);
             return object_of(without_gil([&] { return call.engine().transactions(); }));
           })
      .def("summarize", &summarize, nb::arg("as_of").none())
      .def("verify", &verify);
  module.def("open", &open, nb::arg("directory"), nb::arg("options"));
  module.def(
      "transactions",
      [](const std::string& directory) { return object_of(without_gil([&] { return transactions_of(directory); })); },
      nb::arg("directory"));
}

}  // namespace strata::python
