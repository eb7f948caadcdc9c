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

namespace {

/// Values of an answer as Python's objects, by what their column holds. What makes them is looked up once an answer.
class TypedObjects {
 public:
  nb::object object(const Value& value, const ValueType& type) {
    if (value.is_null()) return nb::none();
    switch (type.kind) {
      case ValueType::Kind::integer:
        if (value.text() != nullptr) return nb::steal(PyLong_FromString(value.text()->c_str(), nullptr, 10));
        break;
      case ValueType::Kind::decimal: return made_by(decimal_, "decimal", "Decimal")(text(*value.text()));
      case ValueType::Kind::uuid: return made_by(uuid_, "uuid", "UUID")(text(*value.text()));
      case ValueType::Kind::timestamp: return made_by(moment_, "strata.times", "moment_object")(*value.integer());
      case ValueType::Kind::date: return made_by(date_, "strata.times", "date_object")(*value.integer());
      case ValueType::Kind::time: return made_by(time_, "strata.times", "time_object")(*value.integer());
      case ValueType::Kind::interval: {
        const Value::List& parts = *value.list();
        return made_by(interval_, "strata.times", "interval_object")(*parts[0].integer(), *parts[1].integer(),
                                                                     *parts[2].integer());
      }
      case ValueType::Kind::list: return list(*value.list(), type);
      case ValueType::Kind::structure: return structure(value, type);
      case ValueType::Kind::map: return dict(*value.map(), type);
      default: break;
    }
    return object_of(value);
  }

 private:
  static nb::object& made_by(nb::object& maker, const char* module, const char* name) {
    if (!maker.is_valid()) maker = nb::module_::import_(module).attr(name);
    return maker;
  }
  nb::object list(const Value::List& values, const ValueType& type) {
    nb::list list;
    for (const Value& value : values) list.append(object(value, type.members[0]));
    return list;
  }
  nb::object structure(const Value& value, const ValueType& type) {
    if (const Value::List* unnamed = value.list()) {
      nb::list members;
      for (std::size_t i = 0; i < unnamed->size(); ++i) members.append(object((*unnamed)[i], type.members[i]));
      return nb::tuple(members);
    }
    nb::dict members;
    for (std::size_t i = 0; i < type.names.size(); ++i) {
      const Value* member = value.map()->find(type.names[i]);
      members[text(type.names[i])] = object(member != nullptr ? *member : Value(), type.members[i]);
    }
    return members;
  }
  nb::object dict(const Map& map, const ValueType& type) {
    nb::dict dict;
    for (const auto& [key, value] : map) dict[key_object(key, type.members[0])] = object(value, type.members[1]);
    return dict;
  }
  nb::object key_object(const std::string& key, const ValueType& type) {
    const ValueType::Kind kind = type.kind;
    if (kind == ValueType::Kind::list || kind == ValueType::Kind::structure || kind == ValueType::Kind::map ||
        kind == ValueType::Kind::bytes) {
      return text(key);  // what no dict takes as a key, as JSON
    }
    if (kind == ValueType::Kind::text || kind == ValueType::Kind::decimal || kind == ValueType::Kind::uuid) {
      return object(key, type);
    }
    auto parsed = parse_json(key);
    return parsed ? object(*parsed, type) : object(key, type);
  }

  nb::object decimal_, uuid_, moment_, date_, time_, interval_;
};

}  // namespace

nb::object object_of(const Rows& rows) {
  TypedObjects objects;
  nb::list columns, all;
  for (const std::string& column : rows.columns) columns.append(text(column));
  for (const std::vector<Value>& row : rows.rows) {
    nb::list values;
    for (std::size_t i = 0; i < row.size(); ++i) values.append(objects.object(row[i], rows.type(i)));
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
