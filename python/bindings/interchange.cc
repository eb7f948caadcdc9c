// Import and export of vectors.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include "progress_calls.h"
#include "strata/interchange.h"

namespace strata::python {
namespace {

template <typename T>
T parsed(Result<T> result) {
  if (!result) raise(std::move(result).error());
  return *std::move(result);
}

nb::list remarks_of(const std::vector<TransferRemark>& remarks) {
  nb::list list;
  for (const TransferRemark& remark : remarks) list.append(nb::make_tuple(remark.what, remark.points, remark.example));
  return list;
}

nb::object import_vectors(std::shared_ptr<Handle> database, const std::string& collection, const std::string& path,
                          const std::string& format, const std::string& points, const std::string& id_field,
                          const std::string& vector_field, const std::string& source_collection,
                          const std::string& text_field, const std::string& metric, std::size_t batch, bool resume,
                          bool dry_run, nb::object progress) {
  if (std::string_view(database->kind) != "database") {
    raise(
        ErrorCode::failed_precondition,
        std::string("an import commits its batches itself: it is a call of the database, not of a ") + database->kind);
  }
  VectorImportOptions options{path,       {}, points, id_field, vector_field, source_collection,
                              text_field, {}, batch,  resume,   dry_run};
  if (!format.empty()) options.format = parsed(parse_vector_format(format));
  if (!metric.empty()) options.metric = parsed(parse_metric(metric));
  const Call call(database);
  ProgressCalls calls(std::move(progress));
  const Progress told = calls.progress();
  const VectorImportReport report =
      calls.run([&] { return strata::import_vectors(call.engine(), collection, options, told); });
  return nb::make_tuple(report.format, report.collection.dimension, std::string(strata::name(report.collection.metric)),
                        report.created, report.read, report.upserted, report.skipped, remarks_of(report.remarks),
                        report.lsn);
}

nb::object export_vectors(std::shared_ptr<Handle> handle, const std::string& collection, const std::string& path,
                          const std::string& format, nb::object filter, const std::string& vector,
                          nb::object progress) {
  VectorExportOptions options{path, parsed(parse_vector_format(format)), map_of(filter), vector};
  const Call call(handle);
  auto* const view = dynamic_cast<View*>(&call.stores());
  if (view == nullptr && std::string_view(handle->kind) != "database") {
    raise(
        ErrorCode::failed_precondition,
        std::string("an export reads one state: it is a call of the database or of a view, not of a ") + handle->kind);
  }
  ProgressCalls calls(std::move(progress));
  const Progress told = calls.progress();
  const VectorExportReport report = calls.run([&]() -> Result<VectorExportReport> {
    if (view != nullptr) return strata::export_vectors(*view, collection, options, told);
    const auto now = STRATA_TRY(call.engine().view());
    return strata::export_vectors(*now, collection, options, told);
  });
  nb::list files;
  for (const std::string& file : report.files) files.append(file);
  return nb::make_tuple(files, report.points, remarks_of(report.remarks));
}

}  // namespace

void bind_interchange(nb::module_& module) {
  module.def("import_vectors", &import_vectors, nb::arg("database"), nb::arg("collection"), nb::arg("path"),
             nb::arg("format"), nb::arg("points"), nb::arg("id_field"), nb::arg("vector_field"),
             nb::arg("source_collection"), nb::arg("text_field"), nb::arg("metric"), nb::arg("batch"),
             nb::arg("resume"), nb::arg("dry_run"), nb::arg("progress").none());
  module.def("export_vectors", &export_vectors, nb::arg("handle"), nb::arg("collection"), nb::arg("path"),
             nb::arg("format"), nb::arg("filter").none(), nb::arg("vector"), nb::arg("progress").none());
}

}  // namespace strata::python
