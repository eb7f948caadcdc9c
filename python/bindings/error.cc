// Exceptions: strata.Error, and one class for each code of error_codes.def, with .code and .retry as class attributes.
#include <nanobind/stl/string.h>

#include <array>

#include "handle.h"

namespace strata::python {
namespace {

// Classes live as long as the interpreter.
std::array<PyObject*, 32> classes = {};

const char* name(Retry retry) {
  switch (retry) {
    case Retry::never: return "never";
    case Retry::call: return "call";
    case Retry::transaction: return "transaction";
    case Retry::ask: return "ask";
  }
  return "never";
}

/// What else a caller who knows nothing of strata would catch.
PyObject* builtin_base(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument: return PyExc_ValueError;
    case ErrorCode::not_found: return PyExc_LookupError;
    case ErrorCode::timeout: return PyExc_TimeoutError;
    case ErrorCode::permission_denied: return PyExc_PermissionError;
    case ErrorCode::io: return PyExc_OSError;
    default: return nullptr;
  }
}

nb::object make_class(const std::string& name, const nb::tuple& bases, const char* code, const char* retry,
                      const std::string& documentation) {
  nb::dict attributes;
  attributes["__module__"] = "strata";
  attributes["__doc__"] = documentation;
  attributes["code"] = code;
  attributes["retry"] = retry;
  return nb::handle(reinterpret_cast<PyObject*>(&PyType_Type))(name, bases, attributes);
}

}  // namespace

void raise(ErrorCode code, std::string message) { raise(Error(code, std::move(message))); }

void raise(Error error) {
  PyObject* type = classes.at(static_cast<std::size_t>(error.code()));
  const std::string& message = error.message();
  PyObject* text = PyUnicode_DecodeUTF8(message.data(), static_cast<Py_ssize_t>(message.size()), "replace");
  if (text != nullptr) PyErr_SetObject(type, text);
  Py_XDECREF(text);
  throw nb::python_error();
}

void bind_errors(nb::module_& module) {
  const nb::object base = make_class("Error", nb::make_tuple(nb::handle(PyExc_Exception)), "error", "never",
                                     "What went wrong: `code` says what, `retry` what may help (never: change the "
                                     "request, call, transaction: run it again, ask: find out first).");
  module.attr("Error") = base;
  const auto add = [&](ErrorCode code) {
    const std::string class_name(python_exception(code));
    PyObject* builtin = builtin_base(code);
    const nb::tuple bases = builtin != nullptr ? nb::make_tuple(base, nb::handle(builtin)) : nb::make_tuple(base);
    const std::string code_name(strata::name(code));
    nb::object type = make_class(class_name, bases, code_name.c_str(), name(retry(code)),
                                 code_name + "; what may help: " + name(retry(code)) + ".");
    module.attr(class_name.c_str()) = type;
    classes.at(static_cast<std::size_t>(code)) = type.release().ptr();
  };
#define STRATA_ERROR(name, ...) add(ErrorCode::name);
#include "strata/error_codes.def"
}

}  // namespace strata::python
