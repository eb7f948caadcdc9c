// Arrow: a stream of the engine as a PyCapsule (https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html),
// consumed once, without a copy.
#include "handle.h"

namespace strata::python {
namespace {

ArrowTable& kept(ArrowArrayStream* stream) { return *static_cast<ArrowTable*>(stream->private_data); }

/// The stream of the engine, wrapped so that the engine lives until the consumer releases it.
ArrowArrayStream* keep_engine(ArrowTable table) {
  auto kept_table = std::make_unique<ArrowTable>(std::move(table));
  auto outer = std::make_unique<ArrowArrayStream>();
  outer->get_schema = [](ArrowArrayStream* self, ArrowSchema* out) {
    ArrowArrayStream* inner = kept(self).stream.get();
    return inner->get_schema(inner, out);
  };
  outer->get_next = [](ArrowArrayStream* self, ArrowArray* out) {
    ArrowArrayStream* inner = kept(self).stream.get();
    return inner->get_next(inner, out);
  };
  outer->get_last_error = [](ArrowArrayStream* self) {
    ArrowArrayStream* inner = kept(self).stream.get();
    return inner->get_last_error(inner);
  };
  outer->release = [](ArrowArrayStream* self) {
    const std::unique_ptr<ArrowTable> last(&kept(self));  // its stream first, then its share of the engine
    self->release = nullptr;
  };
  outer->private_data = kept_table.release();
  return outer.release();
}

void release_capsule(PyObject* capsule) {
  const std::unique_ptr<ArrowArrayStream> stream(
      static_cast<ArrowArrayStream*>(PyCapsule_GetPointer(capsule, "arrow_array_stream")));
  if (stream && stream->release != nullptr) stream->release(stream.get());
}

}  // namespace

void bind_arrow(nb::module_& module) {
  nb::class_<ArrowTable>(module, "ArrowTable", "Rows as an Arrow stream; it can be read once.")
      .def(
          "__arrow_c_stream__",
          [](ArrowTable& self, nb::object) {
            if (self.stream.get()->release == nullptr) {
              raise(ErrorCode::failed_precondition, "these rows were handed out already: an Arrow stream is read once");
            }
            ArrowArrayStream* stream = keep_engine({self.engine, ArrowStream(self.stream.take())});
            PyObject* capsule = PyCapsule_New(stream, "arrow_array_stream", release_capsule);
            if (capsule == nullptr) throw nb::python_error();
            return nb::steal(capsule);
          },
          nb::arg("requested_schema") = nb::none());
}

}  // namespace strata::python
