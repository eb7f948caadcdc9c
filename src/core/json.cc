// Values to JSON text and back. Boost.JSON parses and prints; this is the only file that knows it.
#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

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

/// What an object of JSON stands for: usually a map, or bytes, or a real that JSON cannot write.
Result<Value> value_of(std::vector<Map::Entry> entries) {
  if (entries.size() == 1 && entries[0].second.text() != nullptr) {
    const std::string& key = entries[0].first;
    const std::string& text = *entries[0].second.text();
    if (key == "$bytes") return Value(STRATA_TRY(from_base64(text)));
    if (key == "$real") {
      if (text == "NaN") return Value(std::nan(""));
      if (text == "Infinity") return Value(HUGE_VAL);
      if (text == "-Infinity") return Value(-HUGE_VAL);
      return Error(ErrorCode::invalid_argument, "$real is not NaN, Infinity or -Infinity: \"" + text + "\"");
    }
  }
  // In order, each is put behind the others; one by one, a hostile order would move all of them each time.
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  Map map;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i + 1 < entries.size() && entries[i].first == entries[i + 1].first) {
      return Error(ErrorCode::invalid_argument, "the name \"" + entries[i].first.substr(0, 64) + "\" is given twice");
    }
    map.set(std::move(entries[i].first), std::move(entries[i].second));
  }
  return Value(std::move(map));
}

/// Takes the parser's events and builds the value. A real is read from its text: the parser's own may be off by the last
/// bit, and a real must come back as the one that was printed.
class Builder {
 public:
  // What the parser asks of its handler.
  static constexpr std::size_t max_object_size = SIZE_MAX;
  static constexpr std::size_t max_array_size = SIZE_MAX;
  static constexpr std::size_t max_key_size = SIZE_MAX;
  static constexpr std::size_t max_string_size = SIZE_MAX;
  using Code = boost::json::error_code;
  using Text = boost::json::string_view;

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&) { return open(true); }
  bool on_object_end(std::size_t, Code& code) { return close(code); }
  bool on_array_begin(Code&) { return open(false); }
  bool on_array_end(std::size_t, Code& code) { return close(code); }
  bool on_key_part(Text part, std::size_t, Code&) { return keep(part); }
  bool on_key(Text part, std::size_t, Code&) {
    keep(part);
    open_.back().key = std::exchange(text_, {});
    return true;
  }
  bool on_string_part(Text part, std::size_t, Code&) { return keep(part); }
  bool on_string(Text part, std::size_t, Code&) {
    keep(part);
    return add(Value(std::exchange(text_, {})));
  }
  bool on_number_part(Text part, Code&) { return keep(part); }
  bool on_int64(std::int64_t number, Text, Code&) {
    text_.clear();
    return add(Value(number));
  }
  bool on_uint64(std::uint64_t, Text part, Code& code) {
    keep(part);
    return out_of_range(code);
  }
  bool on_double(double, Text part, Code& code) {
    keep(part);
    double real = 0;
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), real);
    const bool whole = text_.find_first_of(".eE") == std::string::npos;
    if (error != std::errc() || end != text_.data() + text_.size() || whole) return out_of_range(code);
    text_.clear();
    return add(Value(real));
  }
  bool on_bool(bool boolean, Code&) { return add(Value(boolean)); }
  bool on_null(Code&) { return add(Value()); }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }

  Value take() { return std::move(root_); }
  std::optional<Error> take_error() { return std::move(error_); }

 private:
  struct Open {
    bool is_object;
    std::string key;  // of the entry under way
    std::vector<Map::Entry> entries;
    Value::List items;
  };
  bool keep(Text part) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool open(bool is_object) {
    open_.push_back({is_object, {}, {}, {}});
    return true;
  }
  bool close(Code& code) {
    Open done = std::move(open_.back());
    open_.pop_back();
    if (!done.is_object) return add(Value(std::move(done.items)));
    auto value = value_of(std::move(done.entries));
    return value ? add(*std::move(value)) : fail(std::move(value).error(), code);
  }
  bool add(Value value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().is_object) {
      open_.back().entries.emplace_back(std::move(open_.back().key), std::move(value));
    } else {
      open_.back().items.push_back(std::move(value));
    }
    return true;
  }
  bool out_of_range(Code& code) {
    return fail(Error(ErrorCode::invalid_argument, "a number out of range: " + text_.substr(0, 64)), code);
  }
  bool fail(Error error, Code& code) {
    error_ = std::move(error);
    code = boost::json::error::syntax;  // ends the parsing; what is reported is error_
    return false;
  }

  std::vector<Open> open_;
  std::string text_;  // of the key, string or number under way
  Value root_;
  std::optional<Error> error_;
};

}  // namespace

std::string to_json(const Value& value) {
  std::string out;
  print(out, value);
  return out;
}

Result<Value> parse_json(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = kDepthMax;
  boost::json::basic_parser<Builder> parser(options);
  boost::json::error_code code;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), code);
  if (auto refused = parser.handler().take_error()) return *std::move(refused);
  if (!code && text.find_first_not_of(" \t\r\n", used) != std::string_view::npos) code = boost::json::error::extra_data;
  if (code) {
    return Error(ErrorCode::invalid_argument, "not JSON at byte " + std::to_string(used) + ": " + code.message());
  }
  return parser.handler().take();
}

}  // namespace strata
