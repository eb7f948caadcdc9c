// Values to JSON text and back. Boost.JSON parses and prints; this is the only file that knows it.
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>

#include "strata/value.h"

namespace strata {
namespace {

constexpr std::size_t kDepthMax = 64;
constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string to_base64(ByteView bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = bytes.size() - i;
    std::uint32_t group = static_cast<std::uint32_t>(bytes[i]) << 16;
    if (left > 1) group |= static_cast<std::uint32_t>(bytes[i + 1]) << 8;
    if (left > 2) group |= static_cast<std::uint32_t>(bytes[i + 2]);
    text += kBase64[group >> 18];
    text += kBase64[(group >> 12) & 63];
    text += left > 1 ? kBase64[(group >> 6) & 63] : '=';
    text += left > 2 ? kBase64[group & 63] : '=';
  }
  return text;
}

Result<Bytes> from_base64(std::string_view text) {
  static const auto digits = [] {
    std::array<int, 256> table;
    table.fill(-1);
    for (int i = 0; i < 64; ++i) table[static_cast<unsigned char>(kBase64[i])] = i;
    return table;
  }();
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  Bytes bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    const int digit = digits[static_cast<unsigned char>(c)];
    if (digit < 0) return Error(ErrorCode::invalid_argument, "$bytes is not base64");
    group = group << 6 | static_cast<std::uint32_t>(digit);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes.push_back(static_cast<std::byte>(group >> bits));
    }
  }
  return bytes;
}

void print_text(std::string& out, std::string_view text) {
  out += boost::json::serialize(boost::json::string_view(text.data(), text.size()));
}

void print_real(std::string& out, double value) {
  if (std::isnan(value)) {
    out += R"({"$real":"NaN"})";
  } else if (std::isinf(value)) {
    out += value > 0 ? R"({"$real":"Infinity"})" : R"({"$real":"-Infinity"})";
  } else {
    char buffer[40];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
    const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
    out += text;
    if (text.find_first_of(".en") == std::string_view::npos) out += ".0";  // stays a real when read back
  }
}

void print(std::string& out, const Value& value);

void print(std::string& out, const Map& map) {
  out += '{';
  bool first = true;
  for (const auto& [key, item] : map) {
    if (!first) out += ',';
    first = false;
    print_text(out, key);
    out += ':';
    print(out, item);
  }
  out += '}';
}

void print(std::string& out, const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null: out += "null"; break;
    case Value::Kind::boolean: out += *value.boolean() ? "true" : "false"; break;
    case Value::Kind::integer: out += std::to_string(*value.integer()); break;
    case Value::Kind::real: print_real(out, *value.real()); break;
    case Value::Kind::text: print_text(out, *value.text()); break;
    case Value::Kind::bytes: out += R"({"$bytes":")" + to_base64(*value.bytes()) + R"("})"; break;
    case Value::Kind::list: {
      out += '[';
      bool first = true;
      for (const Value& item : *value.list()) {
        if (!first) out += ',';
        first = false;
        print(out, item);
      }
      out += ']';
      break;
    }
    case Value::Kind::map: print(out, *value.map()); break;
  }
}

Result<Value> convert(const boost::json::value& json);

Result<Value> convert_object(const boost::json::object& object) {
  if (object.size() == 1 && object.begin()->value().is_string()) {
    const std::string_view key = object.begin()->key();
    const auto& content = object.begin()->value().get_string();
    const std::string_view text(content.data(), content.size());
    if (key == "$bytes") return Value(STRATA_TRY(from_base64(text)));
    if (key == "$real") {
      if (text == "NaN") return Value(std::nan(""));
      if (text == "Infinity") return Value(HUGE_VAL);
      if (text == "-Infinity") return Value(-HUGE_VAL);
      return Error(ErrorCode::invalid_argument,
                   "$real is not NaN, Infinity or -Infinity: \"" + std::string(text) + "\"");
    }
  }
  Map map;
  for (const auto& [key, item] : object) map.set(std::string(key), STRATA_TRY(convert(item)));
  return Value(std::move(map));
}

Result<Value> convert(const boost::json::value& json) {
  switch (json.kind()) {
    case boost::json::kind::null: return Value();
    case boost::json::kind::bool_: return Value(json.get_bool());
    case boost::json::kind::int64: return Value(json.get_int64());
    case boost::json::kind::uint64:
      return Error(ErrorCode::invalid_argument,
                   "integer over 9223372036854775807: " + std::to_string(json.get_uint64()));
    case boost::json::kind::double_: return Value(json.get_double());
    case boost::json::kind::string: return Value(std::string(json.get_string()));
    case boost::json::kind::array: {
      Value::List list;
      list.reserve(json.get_array().size());
      for (const auto& item : json.get_array()) list.push_back(STRATA_TRY(convert(item)));
      return Value(std::move(list));
    }
    case boost::json::kind::object: return convert_object(json.get_object());
  }
  return Error(ErrorCode::internal, "a JSON kind that does not exist");
}

}  // namespace

std::string to_json(const Value& value) {
  std::string out;
  print(out, value);
  return out;
}

Result<Value> parse_json(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = kDepthMax;
  boost::json::parser parser({}, options);
  boost::json::error_code error;
  const std::size_t used = parser.write(boost::json::string_view(text.data(), text.size()), error);
  if (error) {
    return Error(ErrorCode::invalid_argument, "not JSON at byte " + std::to_string(used) + ": " + error.message());
  }
  return convert(parser.release());
}

}  // namespace strata
