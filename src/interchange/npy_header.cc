#include "interchange/npy_header.h"

#include <algorithm>
#include <charconv>

#include "core/endian.h"
#include "core/half.h"

namespace strata::interchange {
namespace {

constexpr std::size_t kAxesMax = 32;

struct TypeName {
  DataType type;
  std::string_view npy;
};
constexpr TypeName kTypeNames[] = {{DataType::int8, "i1"},    {DataType::int16, "i2"},  {DataType::int32, "i4"},
                                   {DataType::int64, "i8"},   {DataType::uint8, "u1"},  {DataType::uint16, "u2"},
                                   {DataType::uint32, "u4"},  {DataType::uint64, "u8"}, {DataType::float16, "f2"},
                                   {DataType::float32, "f4"}, {DataType::float64, "f8"}};

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

Result<std::string> parse_type(std::string_view text) {
  if (text.size() < 5) return no_npy("its type is cut off");
  const std::size_t end =
      text.front() == '\'' || text.front() == '"' ? text.find(text.front(), 1) : std::string_view::npos;
  if (end == std::string_view::npos || end > 16)
    return no_npy("its type " + std::string(text.substr(0, 8)) + " is not one of int8 … uint64, float16 … float64");
  return std::string(text.substr(1, end - 1));
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

}  // namespace

Error no_npy(const std::string& what) { return Error(ErrorCode::invalid_argument, "not a usable .npy file: " + what); }

Result<NpyHeader> parse_npy_header(ByteView front) {
  const std::string_view text = as_text(front);
  if (!text.starts_with(kNpyMagic) || text.size() < 12) return no_npy("it does not begin with \\x93NUMPY");
  const auto major = static_cast<unsigned char>(text[6]);
  NpyHeader header;
  header.begin = 10;
  std::size_t length = core::load<std::uint16_t>(front.data() + 8);
  if (major == 2 || major == 3) {
    header.begin = 12;
    length = core::load<std::uint32_t>(front.data() + 8);
  } else if (major != 1) {
    return no_npy("its format version is " + std::to_string(major));
  }
  if (length > kNpyHeaderBytesMax || header.begin + length > text.size()) return no_npy("its header is cut off");
  const std::string_view dictionary = text.substr(header.begin, length);
  header.type = STRATA_TRY(parse_type(STRATA_TRY(field(dictionary, "descr"))));
  header.shape = STRATA_TRY(parse_shape(STRATA_TRY(field(dictionary, "shape"))));
  header.fortran = STRATA_TRY(field(dictionary, "fortran_order")).starts_with("True") && header.shape.size() > 1;
  header.begin += length;
  return header;
}

Result<DataType> npy_number_type(std::string_view type) {
  const std::string_view code = type.substr(std::min<std::size_t>(type.size(), 1));
  for (const TypeName& name : kTypeNames) {
    if (name.npy != code) continue;
    if (type[0] == '>' && bytes_of(name.type) > 1)
      return no_npy("it is big-endian; save it with .astype('<" + std::string(code) + "')");
    return name.type;
  }
  return no_npy("its type '" + std::string(type) + "' is not one of int8 … uint64, float16 … float64");
}

std::string npy_header_text(DataType type, const std::vector<std::uint64_t>& shape) {
  std::string_view code;
  for (const TypeName& name : kTypeNames) {
    if (name.type == type) code = name.npy;
  }
  std::string header = "{'descr': '" + std::string(bytes_of(type) == 1 ? "|" : "<") + std::string(code) +
                       "', 'fortran_order': False, 'shape': (";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    header += std::to_string(shape[i]) + (shape.size() == 1 ? "," : i + 1 < shape.size() ? ", " : "");
  }
  header += "), }";
  const bool large = header.size() + 64 > 65'535;
  const std::size_t front = large ? 12 : 10;
  while ((front + header.size() + 1) % 64 != 0) header += ' ';  // so that the numbers can be mapped
  header += '\n';
  std::string text(kNpyMagic);
  text += large ? std::string_view("\2\0", 2) : std::string_view("\1\0", 2);
  for (std::size_t byte = 0; byte < (large ? 4U : 2U); ++byte) {
    text += static_cast<char>(header.size() >> (8 * byte) & 0xff);
  }
  return text + header;
}

double npy_number(DataType type, const std::byte* at) noexcept {
  switch (type) {
    case DataType::int8: return core::load<std::int8_t>(at);
    case DataType::int16: return core::load<std::int16_t>(at);
    case DataType::int32: return core::load<std::int32_t>(at);
    case DataType::int64: return static_cast<double>(core::load<std::int64_t>(at));
    case DataType::uint8: return core::load<std::uint8_t>(at);
    case DataType::uint16: return core::load<std::uint16_t>(at);
    case DataType::uint32: return core::load<std::uint32_t>(at);
    case DataType::uint64: return static_cast<double>(core::load<std::uint64_t>(at));
    case DataType::float16: return static_cast<double>(core::from_half(core::load<std::uint16_t>(at)));
    case DataType::float32: return static_cast<double>(core::load<float>(at));
    case DataType::float64: return core::load<double>(at);
  }
  return 0;
}

}  // namespace strata::interchange
