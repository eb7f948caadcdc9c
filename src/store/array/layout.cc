#include "store/array/layout.h"

#include <algorithm>
#include <array>

#include "core/nesting.h"

namespace strata {
namespace {

struct TypeEntry {
  DataType type;
  std::string_view name;
  std::size_t bytes;
};
constexpr std::array<TypeEntry, 11> kTypes{{{DataType::int8, "int8", 1},
                                            {DataType::int16, "int16", 2},
                                            {DataType::int32, "int32", 4},
                                            {DataType::int64, "int64", 8},
                                            {DataType::uint8, "uint8", 1},
                                            {DataType::uint16, "uint16", 2},
                                            {DataType::uint32, "uint32", 4},
                                            {DataType::uint64, "uint64", 8},
                                            {DataType::float16, "float16", 2},
                                            {DataType::float32, "float32", 4},
                                            {DataType::float64, "float64", 8}}};

constexpr const TypeEntry& entry(DataType type) { return kTypes[static_cast<std::size_t>(type)]; }
static_assert(entry(DataType::float64).type == DataType::float64, "the table is in the order of the enumeration");

}  // namespace

std::string_view name(DataType type) noexcept { return entry(type).name; }
std::size_t bytes_of(DataType type) noexcept { return entry(type).bytes; }

Result<DataType> parse_data_type(std::string_view text) {
  for (const TypeEntry& each : kTypes) {
    if (each.name == text) return each.type;
  }
  return Error(ErrorCode::invalid_argument, "not a data type: \"" + std::string(text.substr(0, 64)) +
                                                "\"; they are int8 … int64, uint8 … uint64, float16, float32, float64");
}

}  // namespace strata

namespace strata::store::array {
namespace {

Error refused(std::string message) { return Error(ErrorCode::invalid_argument, std::move(message)); }

std::string describe_shape(DataType type, std::string_view first, std::span<const std::uint64_t> axes) {
  std::string text(name(type));
  text += '[';
  text += first;
  for (const std::uint64_t axis : axes) text += (text.back() == '[' ? "" : ", ") + std::to_string(axis);
  return text + ']';
}

bool is_utf8_text(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC2 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF5 ? 4
                                             : 0;
    if (length == 0 || lead == 0 || i + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80) return false;
    }
    i += length;
  }
  return true;
}

}  // namespace

std::uint64_t row_bytes(const DatasetOptions& options) {
  std::uint64_t bytes = bytes_of(options.type);
  for (const std::uint64_t axis : options.row_shape) bytes *= axis;
  return bytes;
}

std::uint64_t chunk_rows(const DatasetOptions& options) {
  if (options.chunk_rows != 0) return options.chunk_rows;
  return std::max<std::uint64_t>(1, kChunkBytesDefault / row_bytes(options));
}

std::string describe(const DatasetOptions& options) { return describe_shape(options.type, "n", options.row_shape); }

std::string describe(DataType type, std::span<const std::uint64_t> shape) { return describe_shape(type, "", shape); }

Result<void> check_dataset_name(std::string_view name) {
  const auto small = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const bool good = !name.empty() && name.size() <= 64 && small(name[0]) &&
                    std::all_of(name.begin(), name.end(), [&](char c) { return small(c) || c == '_' || c == '-'; });
  if (good) return {};
  return refused("a dataset's name is [a-z0-9][a-z0-9_-]{0,63}: \"" + std::string(name.substr(0, 80)) + "\"");
}

Result<void> check_options(const DatasetOptions& options) {
  if (static_cast<std::size_t>(options.type) >= kTypes.size()) {
    return refused("not a data type: number " + std::to_string(static_cast<int>(options.type)));
  }
  if (options.row_shape.size() > kAxesMax) {
    return refused("a row has at most 8 axes: " + std::to_string(options.row_shape.size()));
  }
  std::uint64_t bytes = bytes_of(options.type);
  for (const std::uint64_t axis : options.row_shape) {
    if (axis == 0) return refused("an axis of a row has at least one element: " + describe(options));
    if (axis > kRowBytesMax / bytes) return refused("a row has at most 64 MiB: " + describe(options));
    bytes *= axis;
  }
  if (options.chunk_rows > kChunkBytesMax / bytes) {
    return refused("a chunk has at most 64 MiB: chunk_rows " + std::to_string(options.chunk_rows) + " of " +
                   std::to_string(bytes) + " bytes each");
  }
  if (options.gzip_level < 0 || options.gzip_level > 9) {
    return refused("gzip_level is 0 … 9: " + std::to_string(options.gzip_level));
  }
  return {};
}

Result<void> check_key(std::string_view key) {
  if (key.size() <= kKeyBytesMax) return {};
  return refused("a key has at most 1024 bytes: " + std::to_string(key.size()));
}

Result<void> check_attribute(std::string_view name, const Value& value) {
  if (name.empty() || name.size() > kAttributeNameBytesMax || !is_utf8_text(name)) {
    return refused("an attribute's name is 1 … 255 bytes of UTF-8 without NUL: " + std::to_string(name.size()) +
                   " bytes");
  }
  if (!core::nests_within(value)) {
    return refused("an attribute's value nests at most " + std::to_string(core::kNestingMax) +
                   " deep: " + std::string(name));
  }
  Bytes encoded;
  core::Encoder(encoded).value(value);
  if (encoded.size() <= kAttributeValueBytesMax) return {};
  return refused("an attribute's value has at most 32768 bytes: " + std::to_string(encoded.size()));
}

Result<std::uint64_t> check_rows(const DatasetOptions& options, DataType type, std::span<const std::uint64_t> shape,
                                 ByteView bytes) {
  if (static_cast<std::size_t>(type) >= kTypes.size()) {
    return refused("not a data type: number " + std::to_string(static_cast<int>(type)));
  }
  const bool fits = type == options.type && shape.size() == options.row_shape.size() + 1 &&
                    std::equal(options.row_shape.begin(), options.row_shape.end(), shape.begin() + 1);
  if (!fits) {
    return refused("the rows do not fit the dataset: it holds " + describe(options) + ", given " +
                   describe(type, shape));
  }
  const std::uint64_t each = row_bytes(options);
  if (shape[0] == 0) return refused("an append has at least one row: given " + describe(type, shape));
  if (bytes.size() / each != shape[0] || bytes.size() % each != 0) {
    return refused("the bytes do not fill the shape: " + describe(type, shape) + " needs " + std::to_string(each) +
                   " bytes a row, given " + std::to_string(bytes.size()) + " bytes");
  }
  return shape[0];
}

void encode(core::Encoder& out, const DatasetOptions& options) {
  out.u8(static_cast<std::uint8_t>(options.type));
  out.varint(options.row_shape.size());
  for (const std::uint64_t axis : options.row_shape) out.varint(axis);
  out.varint(options.chunk_rows);
  out.u8(static_cast<std::uint8_t>(options.gzip_level));
  out.u8(static_cast<std::uint8_t>((options.shuffle ? 1 : 0) | (options.fletcher32 ? 2 : 0)));
}

DatasetOptions decode_options(core::Decoder& in) {
  DatasetOptions options;
  options.type = static_cast<DataType>(in.u8());
  const std::size_t axes = in.count(1);
  if (axes > kAxesMax) {
    in.fail();
    return {};
  }
  for (std::size_t i = 0; i < axes; ++i) options.row_shape.push_back(in.varint());
  options.chunk_rows = in.varint();
  options.gzip_level = in.u8();
  const std::uint8_t flags = in.u8();
  options.shuffle = (flags & 1) != 0;
  options.fletcher32 = (flags & 2) != 0;
  if (flags > 3 || !check_options(options)) {
    in.fail();
    return {};
  }
  return options;
}

}  // namespace strata::store::array
