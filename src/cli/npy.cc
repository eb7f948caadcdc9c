#include "cli/npy.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "cli/output.h"

namespace strata::cli {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr std::size_t kHeaderBytesMax = 1 << 20;
constexpr std::size_t kAxesMax = 32;

static_assert(std::endian::native == std::endian::little, "arrays are little-endian, and so is this machine");

struct TypeName {
  DataType type;
  std::string_view npy;
};
constexpr TypeName kTypeNames[] = {{DataType::int8, "i1"},    {DataType::int16, "i2"},  {DataType::int32, "i4"},
                                   {DataType::int64, "i8"},   {DataType::uint8, "u1"},  {DataType::uint16, "u2"},
                                   {DataType::uint32, "u4"},  {DataType::uint64, "u8"}, {DataType::float16, "f2"},
                                   {DataType::float32, "f4"}, {DataType::float64, "f8"}};

Error no_npy(const std::string& what) { return Error(ErrorCode::invalid_argument, "not a usable .npy file: " + what); }

/// What follows 'name': in the header, which is a Python dictionary of three known entries.
Result<std::string_view> field(std::string_view header, std::string_view field_name) {
  for (const char quote : {'\'', '"'}) {
    const std::string key = quote + std::string(field_name) + quote;
    const std::size_t at = header.find(key);
    if (at == std::string_view::npos) continue;
    std::string_view rest = header.substr(at + key.size());
    rest.remove_prefix(std::min(rest.find_first_not_of(" :"), rest.size()));
    return rest;
  }
  return no_npy("its header has no " + std::string(field_name));
}

Result<DataType> parse_type(std::string_view text) {
  if (text.size() < 5) return no_npy("its type is cut off");
  const char order = text[1];
  const std::string_view code = text.substr(2, 2);
  for (const TypeName& name : kTypeNames) {
    if (name.npy != code || text[4] != text[0]) continue;
    if (order == '>' && bytes_of(name.type) > 1)
      return no_npy("it is big-endian; save it with .astype('<" + std::string(code) + "')");
    return name.type;
  }
  return no_npy("its type " + std::string(text.substr(0, 8)) + " is not one of int8 … uint64, float16 … float64");
}

Result<std::vector<std::uint64_t>> parse_shape(std::string_view text) {
  if (!text.starts_with('(')) return no_npy("its shape is no tuple");
  text.remove_prefix(1);
  std::vector<std::uint64_t> shape;
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(" ,"), text.size()));
    if (text.starts_with(')')) return shape;
    std::uint64_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    if (error != std::errc() || shape.size() == kAxesMax) return no_npy("its shape cannot be read");
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.starts_with('L')) text.remove_prefix(1);  // Python 2 wrote 3L
    shape.push_back(length);
  }
}

float from_half(std::uint16_t half) {
  const int exponent = (half >> 10) & 31;
  const int fraction = half & 1023;
  const float sign = (half & 0x8000) != 0 ? -1.0F : 1.0F;
  if (exponent == 31)
    return fraction != 0 ? std::numeric_limits<float>::quiet_NaN() : sign * std::numeric_limits<float>::infinity();
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  return sign * std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
}

/// Round to nearest even; too large becomes infinity.
std::uint16_t to_half(double value) {
  const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const double size = std::fabs(value);
  if (std::isnan(value)) return 0x7E00;
  if (size == 0) return sign;
  if (size >= 65520.0) return sign | 0x7C00;
  int exponent = 0;
  std::frexp(size, &exponent);  // size = fraction · 2^exponent, fraction in [0.5, 1)
  const int shift = std::max(exponent, -13) - 11;
  const auto steps = static_cast<std::uint32_t>(std::nearbyint(std::ldexp(size, -shift)));  // up to 2048
  return static_cast<std::uint16_t>(sign | (static_cast<std::uint32_t>((shift + 24) << 10) + steps));
}

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
  if (type == DataType::float16) append_raw(bytes, to_half(real));
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
    case DataType::float16: return shortest(from_half(read_raw<std::uint16_t>(at)));
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
  const std::string_view text = as_text(file);
  if (!text.starts_with(kMagic) || text.size() < 12) return no_npy("it does not begin with \\x93NUMPY");
  const auto major = static_cast<unsigned char>(text[6]);
  std::size_t begin = 10;
  std::size_t length = read_raw<std::uint16_t>(file.data() + 8);
  if (major == 2 || major == 3) {
    begin = 12;
    length = read_raw<std::uint32_t>(file.data() + 8);
  } else if (major != 1) {
    return no_npy("its format version is " + std::to_string(major));
  }
  if (length > kHeaderBytesMax || begin + length > text.size()) return no_npy("its header is cut off");
  const std::string_view header = text.substr(begin, length);
  ArrayData array;
  array.type = STRATA_TRY(parse_type(STRATA_TRY(field(header, "descr"))));
  array.shape = STRATA_TRY(parse_shape(STRATA_TRY(field(header, "shape"))));
  const bool fortran = STRATA_TRY(field(header, "fortran_order")).starts_with("True");
  if (fortran && array.shape.size() > 1) return no_npy("it is in Fortran order; save numpy.ascontiguousarray(…) of it");
  if (std::find(array.shape.begin(), array.shape.end(), 0U) != array.shape.end()) {
    return no_npy("one of its axes has no length: it holds no numbers");  // the other axes may say anything
  }
  const ByteView content = file.subspan(begin + length);
  std::uint64_t items = content.size() / bytes_of(array.type);
  std::uint64_t wanted = 1;
  for (const std::uint64_t axis : array.shape) wanted = wanted <= items / axis ? wanted * axis : items + 1;
  if (wanted != items || items * bytes_of(array.type) != content.size()) {
    return no_npy("it holds " + std::to_string(content.size()) + " bytes of numbers, which is not what its shape says");
  }
  array.bytes.assign(content.begin(), content.end());
  return array;
}

Bytes to_npy(const ArrayData& array) {
  std::string_view code;
  for (const TypeName& name : kTypeNames) {
    if (name.type == array.type) code = name.npy;
  }
  std::string header = "{'descr': '" + std::string(bytes_of(array.type) == 1 ? "|" : "<") + std::string(code) +
                       "', 'fortran_order': False, 'shape': (";
  for (std::size_t i = 0; i < array.shape.size(); ++i) {
    header += std::to_string(array.shape[i]) + (array.shape.size() == 1 ? "," : i + 1 < array.shape.size() ? ", " : "");
  }
  header += "), }";
  const bool large = header.size() + 64 > 65'535;
  const std::size_t front = large ? 12 : 10;
  while ((front + header.size() + 1) % 64 != 0) header += ' ';  // so that the numbers can be mapped
  header += '\n';
  std::string front_matter(kMagic);
  front_matter += large ? std::string_view("\2\0", 2) : std::string_view("\1\0", 2);
  for (std::size_t byte = 0; byte < (large ? 4U : 2U); ++byte) {
    front_matter += static_cast<char>(header.size() >> (8 * byte) & 0xff);
  }
  front_matter += header;
  const ByteView bytes = as_bytes(front_matter);
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
