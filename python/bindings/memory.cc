// Memory: remember, recall, forget. An atom comes in as a dict of fields that the package has checked the names of.
#include <nanobind/ndarray.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "handle.h"

namespace strata::python {
namespace {

using Row = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

/// The memory on a database, until that is closed. As a handle: fields under the GIL, calls on copies.
struct NativeMemory {
  std::shared_ptr<Handle> database;
  std::shared_ptr<Engine> engine;  // before `memory`
  std::shared_ptr<Memory> memory;
};

template <typename Work>
auto run(const NativeMemory& self, Work&& work) {
  const Call call(self.database);
  const std::shared_ptr<Engine> engine = self.engine;
  const std::shared_ptr<Memory> memory = self.memory;
  if (!memory) raise(ErrorCode::failed_precondition, "the database is closed");
  return without_gil([&] { return work(*memory); });
}

template <typename T>
T field(const nb::dict& fields, const char* name, T otherwise) {
  return fields.contains(name) && !fields[name].is_none() ? argument<T>(name, fields[name]) : otherwise;
}

std::vector<float> floats(const nb::dict& fields, const char* name) {
  if (!fields.contains(name) || fields[name].is_none()) return {};
  const auto row = nb::cast<Row>(fields[name]);
  return {row.data(), row.data() + row.size()};
}

std::optional<Timestamp> moment(const nb::dict& fields, const char* name) {
  if (!fields.contains(name) || fields[name].is_none()) return std::nullopt;
  return argument<Timestamp>(name, fields[name]);
}

Map map_field(const nb::dict& fields, const char* name) { return fields.contains(name) ? map_of(fields[name]) : Map{}; }

Atom atom_of(const nb::dict& fields) {
  Atom atom;
  atom.id = field<std::string>(fields, "id", "");
  atom.text = field<std::string>(fields, "text", "");
  atom.modality = field<std::string>(fields, "modality", atom.modality);
  atom.source = field<std::string>(fields, "source", "");
  atom.snapshot = field<std::string>(fields, "snapshot", "");
  atom.valid_from = moment(fields, "valid_from");
  atom.valid_to = moment(fields, "valid_to");
  atom.embedding = floats(fields, "embedding");
  atom.activation = floats(fields, "activation");
  atom.metadata = map_field(fields, "metadata");
  for (nb::handle tag : field<nb::list>(fields, "tags", nb::list())) {
    atom.tags.push_back({argument<std::string>("the key of a tag", tag[0]),
                         argument<std::string>("the value of a tag", tag[1]),
                         argument<double>("the weight of a tag", tag[2])});
  }
  for (nb::handle link : field<nb::list>(fields, "links", nb::list())) {
    atom.links.push_back({argument<std::string>("the type of a link", link[0]),
                          argument<std::string>("the target of a link", link[1]), map_of(link[2])});
  }
  return atom;
}

RecallOptions recall_options(const nb::dict& fields) {
  RecallOptions options;
  options.text = field<std::string>(fields, "text", "");
  options.embedding = floats(fields, "embedding");
  options.k = field<std::size_t>(fields, "k", options.k);
  options.tags = field<std::vector<std::string>>(fields, "tags", {});
  options.filter = map_field(fields, "filter");
  options.near = field<std::string>(fields, "near", "");
  options.hops = field<std::uint32_t>(fields, "hops", 0);
  options.link_types = field<std::vector<std::string>>(fields, "link_types", {});
  options.valid_at = moment(fields, "valid_at");
  options.as_of = as_of_from(fields.contains("as_of") ? nb::object(fields["as_of"]) : nb::none());
  options.with_text = field<bool>(fields, "with_text", true);
  return options;
}

nb::object optional_of(const std::optional<Timestamp>& time) { return time ? nb::object(nb::int_(*time)) : nb::none(); }

nb::dict stored_of(const StoredAtom& stored) {
  const Atom& atom = stored.atom;
  nb::list tags, links;
  for (const MemoryTag& tag : atom.tags) tags.append(nb::make_tuple(tag.key, tag.value, tag.weight));
  for (const MemoryLink& link : atom.links)
    links.append(nb::make_tuple(link.type, link.target, object_of(link.properties)));
  nb::dict dict;
  dict["id"] = atom.id;
  dict["text"] = atom.text;
  dict["modality"] = atom.modality;
  dict["tags"] = tags;
  dict["links"] = links;
  dict["valid_from"] = optional_of(atom.valid_from);
  dict["valid_to"] = optional_of(atom.valid_to);
  dict["source"] = atom.source;
  dict["metadata"] = object_of(atom.metadata);
  dict["snapshot"] = atom.snapshot;
  dict["version"] = stored.version;
  dict["lsn"] = stored.lsn;
  dict["created_at"] = stored.created_at;
  dict["forgotten"] = stored.forgotten;
  return dict;
}

nb::object recalled_of(const Recalled& hit) {
  const Why& why = hit.why;
  return nb::make_tuple(hit.id, hit.score, hit.text, object_of(hit.metadata),
                        nb::make_tuple(why.vector_rank, static_cast<double>(why.vector_score), why.words_rank,
                                       static_cast<double>(why.words_score), why.hops, nb::cast(why.path)));
}

nb::object snapshot_of(const SnapshotInfo& info) {
  return nb::make_tuple(info.id, info.hash, info.parent, info.notes, info.created_at, info.lsn);
}

std::vector<std::string> remember(const NativeMemory& self, nb::list given, std::shared_ptr<Handle> transaction) {
  std::vector<Atom> atoms;
  atoms.reserve(given.size());
  for (nb::handle fields : given) atoms.push_back(atom_of(nb::cast<nb::dict>(fields)));
  if (!transaction) return run(self, [&](Memory& memory) { return memory.remember(atoms); });
  const Call call(transaction);
  return run(self, [&](Memory& memory) { return memory.remember(static_cast<Transaction&>(call.stores()), atoms); });
}

nb::object check_agreement(const NativeMemory& self, bool repair) {
  const AgreementReport report = run(self, [&](Memory& memory) { return memory.check_agreement(repair); });
  nb::list disagreements;
  for (const Disagreement& found : report.disagreements) {
    disagreements.append(nb::make_tuple(found.id, found.store, found.what, found.repaired));
  }
  return nb::make_tuple(report.atoms, nb::cast(report.present), disagreements);
}

}  // namespace

void bind_memory(nb::module_& module) {
  nb::class_<NativeMemory>(module, "Memory")
      .def("remember", &remember, nb::arg("atoms"), nb::arg("transaction").none())
      .def(
          "get",
          [](const NativeMemory& self, const std::string& id, nb::object as_of) -> nb::object {
            const AsOf then = as_of_from(as_of);
            const auto stored = run(self, [&](Memory& memory) { return memory.get(id, then); });
            return stored ? nb::object(stored_of(*stored)) : nb::none();
          },
          nb::arg("id"), nb::arg("as_of").none())
      .def(
          "recall",
          [](const NativeMemory& self, nb::dict fields) {
            const RecallOptions options = recall_options(fields);
            nb::list list;
            for (const Recalled& hit : run(self, [&](Memory& memory) { return memory.recall(options); })) {
              list.append(recalled_of(hit));
            }
            return list;
          },
          nb::arg("fields"))
      .def(
          "why",
          [](const NativeMemory& self, const std::string& id, nb::dict fields) {
            const RecallOptions options = recall_options(fields);
            return recalled_of(run(self, [&](Memory& memory) { return memory.why(id, options); }));
          },
          nb::arg("id"), nb::arg("fields"))
      .def(
          "history",
          [](const NativeMemory& self, const std::string& id) {
            nb::list list;
            for (const StoredAtom& stored : run(self, [&](Memory& memory) { return memory.history(id); })) {
              list.append(stored_of(stored));
            }
            return list;
          },
          nb::arg("id"))
      .def(
          "forget",
          [](const NativeMemory& self, const std::string& id) {
            const ForgetReceipt receipt = run(self, [&](Memory& memory) { return memory.forget(id); });
            return nb::make_tuple(receipt.id, receipt.lsn, receipt.time, nb::cast(receipt.removed), receipt.hash);
          },
          nb::arg("id"))
      .def(
          "snapshot",
          [](const NativeMemory& self, const std::string& id, const std::string& notes) {
            return snapshot_of(run(self, [&](Memory& memory) { return memory.snapshot(id, notes); }));
          },
          nb::arg("id"), nb::arg("notes"))
      .def("snapshots",
           [](const NativeMemory& self) {
             nb::list list;
             for (const SnapshotInfo& info : run(self, [](Memory& memory) { return memory.snapshots(); })) {
               list.append(snapshot_of(info));
             }
             return list;
           })
      .def("count", [](const NativeMemory& self) { return run(self, [](Memory& memory) { return memory.count(); }); })
      .def("check_agreement", &check_agreement, nb::arg("repair"))
      .def("embedder",
           [](const NativeMemory& self) {
             return run(self, [](Memory& memory) -> Result<std::pair<std::string, std::uint32_t>> {
               return std::pair(memory.embedder().model(), memory.embedder().dimension());
             });
           })
      .def("close", [](NativeMemory& self) {
        const std::shared_ptr<Engine> engine = std::exchange(self.engine, nullptr);
        self.memory.reset();
      });
  module.def(
      "open_memory",
      [](std::shared_ptr<Handle> database, const std::string& embedder, std::int64_t cache_ttl_ms) {
        const Call call(database);
        const MemoryOptions options{embedder, cache_ttl_ms};
        return NativeMemory{database, database->engine,
                            shared(without_gil([&] { return Memory::open(call.engine(), options); }))};
      },
      nb::arg("database"), nb::arg("embedder"), nb::arg("cache_ttl_ms"));
}

}  // namespace strata::python
