// Compact, backup, restore, rebuild.
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include "progress_calls.h"

namespace strata::python {
namespace {

nb::object compact(std::shared_ptr<Handle> database, nb::object progress) {
  const Call call(database);
  ProgressCalls calls(std::move(progress));
  const Progress told = calls.progress();
  const CompactReport report = calls.run([&] { return strata::compact(call.engine(), told); });
  return nb::make_tuple(report.objects, report.bytes, report.lsn);
}

nb::object backup(std::shared_ptr<Handle> database, const std::string& directory, nb::object progress) {
  const Call call(database);
  ProgressCalls calls(std::move(progress));
  const Progress told = calls.progress();
  const BackupReport report = calls.run([&] { return strata::backup(call.engine(), directory, told); });
  return nb::make_tuple(report.directory, report.lsn, report.bytes, report.files, report.seconds);
}

Lsn restore(const std::string& backup, const std::string& directory, Lsn lsn, nb::object progress) {
  ProgressCalls calls(std::move(progress));
  const Progress told = calls.progress();
  return calls.run([&] { return strata::restore(backup, directory, lsn, told); });
}

nb::object rebuild(const std::string& directory, const std::string& store) {
  auto kind = parse_store_kind(store);
  if (!kind) raise(std::move(kind).error());
  const StoreSummary summary = without_gil([&] { return strata::rebuild(directory, *kind); });
  return nb::make_tuple(std::string(strata::name(summary.store)), summary.items, summary.hash);
}

}  // namespace

void bind_operations(nb::module_& module) {
  module.def("compact", &compact, nb::arg("database"), nb::arg("progress").none());
  module.def("backup", &backup, nb::arg("database"), nb::arg("directory"), nb::arg("progress").none());
  module.def("restore", &restore, nb::arg("backup"), nb::arg("directory"), nb::arg("lsn"), nb::arg("progress").none());
  module.def("rebuild", &rebuild, nb::arg("directory"), nb::arg("store"));
}

}  // namespace strata::python
