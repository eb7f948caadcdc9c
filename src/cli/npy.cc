#include "cli/npy.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>

#include "cli/output.h"
#include "core/half.h"
#include "interchange/npy_header.h"

namespace strata::cli {
namespace {

using interchange::no_npy;

constexpr std::uint64_t kRowItemsMax = 1 << 27;  // a gibibyte of doubles
constexpr std::size_t kAxesMax = 32;

static_assert(std::endian::native == std::endian::little, "arrays are little-endian, and so is this machine");

template <typename T>
void append_integer(Bytes& bytes, std::int64_t number) {
  const T value = static_cast<T>(number);
  const auto* begin = reinterpret_cast<const std::byte*>(&value);
  bytes.insert(bytes.end(), begin, begin + sizeof value);
}

template <typename T>
void append_raw(Bytes& bytes, T value) {
  const auto* begin = reinterpret_cast<const std::byte*>(&value);
  bytes.insert(bytes.end(), begin, begin + sizeof value);
}

bool fits(DataType type, std::int64_t number) {
  switch (type) {
    case DataType::int8: return number >= INT8_MIN && number <= INT8_MAX;
    case DataType::int16: return number >= INT16_MIN && number <= INT16_MAX;
    case DataType::int32: return number >= INT32_MIN && number <= INT32_MAX;
    case DataType::uint8: return number >= 0 && number <= UINT8_MAX;
    case DataType::uint16: return number >= 0 && number <= UINT16_MAX;
    case DataType::uint32: return number >= 0 && number <= UINT32_MAX;
    case DataType::uint64: return number >= 0;
    default: return true;
  }
}

Result<void> append_number(Bytes& bytes, DataType type, const Value& value) {
  double real = 0;
  if (!value.number(real))
    return Error(ErrorCode::invalid_argument, "not a number in the array: " + to_json(value).substr(0, 40));
  if (type == DataType::float16) append_raw(bytes, core::to_half(real));
  if (type == DataType::float32) append_raw(bytes, static_cast<float>(real));
  if (type == DataType::float64) append_raw(bytes, real);
  if (type == DataType::float16 || type == DataType::float32 || type == DataType::float64) return {};
  const std::int64_t* integer = value.integer();
  if (integer == nullptr || !fits(type, *integer)) {
    return Error(ErrorCode::invalid_argument, to_json(value) + " is not in the range of " + std::string(name(type)));
  }
  switch (bytes_of(type)) {
    case 1: append_integer<std::int8_t>(bytes, *integer); break;
    case 2: append_integer<std::int16_t>(bytes, *integer); break;
    case 4: append_integer<std::int32_t>(bytes, *integer); break;
    default: append_integer<std::int64_t>(bytes, *integer);
  }
  return {};
}

Result<void> append_list(ArrayData& array, const Value& value, std::size_t axis) {
  const Value::List* list = value.list();
  if (axis == array.shape.size()) {
    if (list != nullptr) return Error(ErrorCode::invalid_argument, "the lists of the array are of different depth");
    return append_number(array.bytes, array.type, value);
  }
  if (list == nullptr || list->size() != array.shape[axis]) {
    return Error(ErrorCode::invalid_argument, "the lists of the array are of different length: " +
                                                  std::to_string(list == nullptr ? 0 : list->size()) + " and " +
                                                  std::to_string(array.shape[axis]));
  }
  for (const Value& item : *list) STRATA_TRY(append_list(array, item, axis + 1));
  return {};
}

template <typename T>
T read_raw(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

Value read_number(DataType type, const std::byte* at) {
  switch (type) {
    case DataType::int8: return read_raw<std::int8_t>(at);
    case DataType::int16: return read_raw<std::int16_t>(at);
    case DataType::int32: return read_raw<std::int32_t>(at);
    case DataType::int64: return read_raw<std::int64_t>(at);
    case DataType::uint8: return read_raw<std::uint8_t>(at);
    case DataType::uint16: return read_raw<std::uint16_t>(at);
    case DataType::uint32: return read_raw<std::uint32_t>(at);
    case DataType::uint64: {
      const auto number = read_raw<std::uint64_t>(at);
      if (number > static_cast<std::uint64_t>(INT64_MAX)) return static_cast<double>(number);
      return static_cast<std::int64_t>(number);
    }
    case DataType::float16: return shortest(core::from_half(read_raw<std::uint16_t>(at)));
    case DataType::float32: return shortest(read_raw<float>(at));
    case DataType::float64: return read_raw<double>(at);
  }
  return {};
}

Value list_of(const ArrayData& array, std::size_t axis, const std::byte*& at) {
  if (axis == array.shape.size()) {
    Value value = read_number(array.type, at);
    at += bytes_of(array.type);
    return value;
  }
  Value::List list;
  list.reserve(array.shape[axis]);
  for (std::uint64_t i = 0; i < array.shape[axis]; ++i) list.push_back(list_of(array, axis + 1, at));
  return list;
}

}  // namespace

Result<ArrayData> parse_npy(ByteView file) {
  interchange::NpyHeader header = STRATA_TRY(interchange::parse_npy_header(file));
  ArrayData array;
  array.type = STRATA_TRY(interchange::npy_number_type(header.type));
  array.shape = std::move(header.shape);
  if (header.fortran) return no_npy("it is in Fortran order; save numpy.ascontiguousarray(…) of it");
  const ByteView content = file.subspan(header.begin);
  std::uint64_t items = content.size() / bytes_of(array.type);
  // No rows is an array that numpy writes. Rows without numbers are none: of them there could be as many as the axis says.
  const bool no_rows = !array.shape.empty() && array.shape[0] == 0;
  const std::uint64_t items_max = no_rows ? kRowItemsMax : items;
  std::uint64_t wanted = 1;
  for (const std::uint64_t axis : std::span(array.shape).subspan(no_rows ? 1 : 0)) {
    if (axis == 0) return no_npy("one of its axes has no length: its rows hold no numbers");
    wanted = wanted <= items_max / axis ? wanted * axis : items_max + 1;
  }
  if (no_rows) wanted = wanted > items_max ? items + 1 : 0;
  if (wanted != items || items * bytes_of(array.type) != content.size()) {
    return no_npy("it holds " + std::to_string(content.size()) + " bytes of numbers, which is not what its shape says");
  }
  array.bytes.assign(content.begin(), content.end());
  return array;
}

Bytes to_npy(const ArrayData& array) {
  const std::string front = interchange::npy_header_text(array.type, array.shape);
  const ByteView bytes = as_bytes(front);
  Bytes file(bytes.begin(), bytes.end());
  file.insert(file.end(), array.bytes.begin(), array.bytes.end());
  return file;
}

Result<ArrayData> array_from_json(const Value& value, DataType type) {
  ArrayData array;
  array.type = type;
  for (const Value* level = &value; level->list() != nullptr; level = &level->list()->front()) {
    array.shape.push_back(level->list()->size());
    if (level->list()->empty() || array.shape.size() > kAxesMax) break;
  }
  STRATA_TRY(append_list(array, value, 0));
  return array;
}

Value array_to_json(const ArrayData& array) {
  const std::byte* at = array.bytes.data();
  return list_of(array, 0, at);
}

Result<std::vector<float>> to_floats(const ArrayData& array) {
  if (array.shape.size() != 1 && !(array.shape.size() == 2 && array.shape[0] == 1)) {
    return Error(ErrorCode::invalid_argument,
                 "a vector has one axis; this array has " + std::to_string(array.shape.size()));
  }
  std::vector<float> floats;
  for (std::size_t at = 0; at < array.bytes.size(); at += bytes_of(array.type)) {
    double number = 0;
    const Value value = read_number(array.type, array.bytes.data() + at);
    static_cast<void>(value.number(number));  // it is a number
    floats.push_back(static_cast<float>(number));
  }
  return floats;
}

}  // namespace strata::cli
