// Python values to strata::Value and back. datetime becomes microseconds since 1970 (UTC); what does not fit is
// invalid_argument and named.
#include <nanobind/stl/string.h>

#include "handle.h"

namespace strata::python {
namespace {

constexpr int kDepthMax = 64;

std::string kind_of(nb::handle object) { return nb::cast<std::string>(object.type().attr("__name__")); }

std::string text_of(nb::handle object) {
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(object.ptr(), &size);
  if (text == nullptr) {
    PyErr_Clear();
    raise(ErrorCode::invalid_argument, "text is not Unicode (it holds a lone surrogate)");
  }
  return {text, static_cast<std::size_t>(size)};
}

std::int64_t integer_of(nb::handle object) {
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(object.ptr(), &overflow);
  if (overflow != 0) {
    raise(ErrorCode::invalid_argument, "an integer does not fit into 64 bits: " + std::string(nb::str(object).c_str()));
  }
  return value;
}

Value value_at(nb::handle object, int depth);

Map map_at(nb::handle object, int depth) {
  Map map;
  for (auto [key, value] : nb::borrow<nb::dict>(object)) {
    if (!PyUnicode_Check(key.ptr())) {
      raise(ErrorCode::invalid_argument, "the names of a map are text, this one is " + kind_of(key));
    }
    map.set(text_of(key), value_at(value, depth + 1));
  }
  return map;
}

Value value_at(nb::handle object, int depth) {
  PyObject* raw = object.ptr();
  if (depth > kDepthMax) raise(ErrorCode::invalid_argument, "a value is nested more than 64 deep");
  if (object.is_none()) return nullptr;
  if (PyBool_Check(raw)) return raw == Py_True;
  if (PyLong_Check(raw)) return integer_of(object);
  if (PyFloat_Check(raw)) return PyFloat_AsDouble(raw);
  if (PyUnicode_Check(raw)) return text_of(object);
  if (PyBytes_Check(raw)) {
    const auto bytes = nb::borrow<nb::bytes>(object);
    const auto* first = static_cast<const std::byte*>(bytes.data());
    return Bytes(first, first + bytes.size());
  }
  if (PyDict_Check(raw)) return map_at(object, depth);
  if (PyList_Check(raw) || PyTuple_Check(raw)) {
    Value::List list;
    for (nb::handle item : object) list.push_back(value_at(item, depth + 1));
    return list;
  }
  if (PyByteArray_Check(raw) || PyMemoryView_Check(raw)) {
    return value_at(nb::steal(PyBytes_FromObject(raw)), depth);
  }
  if (nb::hasattr(object, "utcoffset") && nb::hasattr(object, "timestamp")) {
    return integer_of(nb::module_::import_("strata.times").attr("microseconds")(object));
  }
  if (nb::hasattr(object, "dtype") && nb::hasattr(object, "tolist")) {  // numpy: a scalar, or an array as a list
    return value_at(object.attr("tolist")(), depth + 1);
  }
  raise(ErrorCode::invalid_argument,
        "a value is null, bool, int, float, str, bytes, list or dict (or a datetime); this one is " + kind_of(object));
}

nb::str text(std::string_view text) { return nb::str(text.data(), text.size()); }

}  // namespace

void refuse(const std::string& name, const char* kind, nb::handle value) {
  const nb::object why = nb::module_::import_("strata.arguments").attr("refusal")(name, kind, value);
  auto text = nb::cast<std::string>(why);
  raise(ErrorCode::invalid_argument, text.empty() ? name + " is no such value: " + kind_of(value) : std::move(text));
}

Value value_of(nb::handle object) { return value_at(object, 0); }

Map map_of(nb::handle object) {
  if (object.is_none()) return {};
  if (!PyDict_Check(object.ptr())) raise(ErrorCode::invalid_argument, "expected a dict, not " + kind_of(object));
  return map_at(object, 0);
}

std::vector<Value> values_of(nb::handle object) {
  if (object.is_none()) return {};
  if (PyDict_Check(object.ptr())) return {Value(map_of(object))};
  if (!PyList_Check(object.ptr()) && !PyTuple_Check(object.ptr())) {
    raise(ErrorCode::invalid_argument, "parameters are a list, a tuple or a dict, not " + kind_of(object));
  }
  std::vector<Value> values;
  for (nb::handle item : object) values.push_back(value_of(item));
  return values;
}

nb::object object_of(const Bytes& bytes) { return nb::bytes(bytes.data(), bytes.size()); }

nb::dict object_of(const Map& map) {
  nb::dict object;
  for (const auto& [name, value] : map) object[text(name)] = object_of(value);
  return object;
}

nb::object object_of(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null: return nb::none();
    case Value::Kind::boolean: return nb::bool_(*value.boolean());
    case Value::Kind::integer: return nb::int_(*value.integer());
    case Value::Kind::real: return nb::float_(*value.real());
    case Value::Kind::text: {
      // SQL can make text of any bytes; it is shown, never refused.
      PyObject* decoded =
          PyUnicode_DecodeUTF8(value.text()->data(), static_cast<Py_ssize_t>(value.text()->size()), "surrogateescape");
      if (decoded == nullptr) throw nb::python_error();
      return nb::steal(decoded);
    }
    case Value::Kind::bytes: return object_of(*value.bytes());
    case Value::Kind::list: {
      nb::list list;
      for (const Value& item : *value.list()) list.append(object_of(item));
      return list;
    }
    case Value::Kind::map: return object_of(*value.map());
  }
  return nb::none();
}

nb::object object_of(const Rows& rows) {
  nb::list columns, all;
  for (const std::string& column : rows.columns) columns.append(text(column));
  for (const std::vector<Value>& row : rows.rows) {
    nb::list values;
    for (const Value& value : row) values.append(object_of(value));
    all.append(nb::tuple(values));
  }
  return nb::make_tuple(columns, all);
}

AsOf as_of_from(nb::handle object) {
  if (object.is_none()) return AsOf::now();
  if (PyLong_Check(object.ptr()) && !PyBool_Check(object.ptr())) {
    const std::int64_t lsn = integer_of(object);
    if (lsn < 0) raise(ErrorCode::invalid_argument, "an LSN is 0 or more, not " + std::to_string(lsn));
    return AsOf::at(static_cast<Lsn>(lsn));
  }
  if (PyUnicode_Check(object.ptr())) {
    auto parsed = AsOf::parse(text_of(object));
    if (!parsed) raise(std::move(parsed).error());
    return std::move(*parsed);
  }
  if (nb::hasattr(object, "utcoffset") && nb::hasattr(object, "timestamp"))
    return AsOf::at_time(*value_of(object).integer());
  raise(ErrorCode::invalid_argument,
        "a past state is an LSN, a datetime, or text (LSN, time or tag), not " + kind_of(object));
}

}  // namespace strata::python
