#include "cli/arguments.h"

#include <charconv>

#include "cli/files.h"
#include "cli/npy.h"
#include "core/clock.h"

namespace strata::cli {
namespace {

Error invalid(std::string what) { return Error(ErrorCode::invalid_argument, std::move(what)); }

Result<std::uint64_t> parse_count(std::string_view text, std::string_view what) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return invalid("not " + std::string(what) + ": \"" + std::string(text) + "\"");
  }
  return number;
}

}  // namespace

Value parse_parameter(std::string_view text) {
  auto value = parse_json(text);
  return value ? std::move(*value) : Value(text);
}

std::vector<Value> parse_parameters(const std::vector<std::string>& texts) {
  std::vector<Value> values;
  for (const std::string& text : texts) values.push_back(parse_parameter(text));
  return values;
}

Result<Map> parse_map(std::string_view text, std::string_view what) {
  if (text.empty()) return Map();
  auto value = parse_json(text);
  if (!value) return std::move(value).error().with_context(what);
  if (value->map() == nullptr)
    return invalid(std::string(what) + " takes a JSON object like '{\"lang\": \"en\"}', not " + std::string(text));
  return std::move(*value->map());
}

Result<std::vector<float>> parse_vector(std::string_view text) {
  if (text == "-" || text.starts_with('@')) {
    const Bytes bytes = STRATA_TRY(read_input(text == "-" ? "-" : std::string(text.substr(1))));
    if (as_text(bytes).starts_with("\x93NUMPY")) return to_floats(STRATA_TRY(parse_npy(bytes)));
    auto value = parse_json(as_text(bytes));
    if (!value) return std::move(value).error().with_context("the vector in \"" + std::string(text) + "\"");
    return to_floats(STRATA_TRY(array_from_json(*value, DataType::float32)));
  }
  auto value = parse_json(text);
  if (!value || value->list() == nullptr) {
    return invalid("a vector is a JSON list like '[0.1, 0.2]', @file (JSON or .npy) or -; not " +
                   std::string(text.substr(0, 80)));
  }
  return to_floats(STRATA_TRY(array_from_json(*value, DataType::float32)));
}

Result<MemoryTag> parse_tag(std::string_view text) {
  MemoryTag tag;
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos) {
    const std::string_view weight = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(weight.data(), weight.data() + weight.size(), tag.weight);
    if (error == std::errc() && end == weight.data() + weight.size()) {
      text = text.substr(0, colon);
    } else if (text.find('=') == std::string_view::npos) {  // in a value a colon may stand: "url=http://x"
      return invalid("the weight of a tag is a number, not \"" + std::string(weight.substr(0, 80)) + "\": \"" +
                     std::string(text.substr(0, 80)) +
                     "\"; a key with a colon in it has its weight behind it, as in a:b:1");
    }
  }
  const std::size_t equals = text.find('=');
  tag.key = text.substr(0, equals);
  if (equals != std::string_view::npos) tag.value = text.substr(equals + 1);
  if (tag.key.empty()) return invalid("a tag is key, key=value or key=value:weight; not \"" + std::string(text) + "\"");
  return tag;
}

Result<MemoryLink> parse_link(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == 0 || colon == std::string_view::npos || colon + 1 == text.size()) {
    return invalid("a link is type:target, as in caused_by:n1; not \"" + std::string(text) + "\"");
  }
  return MemoryLink{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1)), {}};
}

Result<std::optional<Timestamp>> parse_optional_time(std::string_view text, std::string_view what) {
  if (text.empty()) return std::optional<Timestamp>();
  auto time = core::parse_time(text);
  if (!time) return std::move(time).error().with_context(what);
  return std::optional<Timestamp>(*time);
}

Result<std::vector<std::uint64_t>> parse_shape(std::string_view text) {
  std::vector<std::uint64_t> shape;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("x,"), text.size());
    shape.push_back(STRATA_TRY(parse_count(text.substr(0, end), "a shape like 384 or 3x224x224")));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return shape;
}

Result<RowRange> parse_rows(std::string_view text) {
  RowRange range{0, UINT64_MAX};
  if (text.empty()) return range;
  const std::size_t colon = text.find(':');
  const std::string_view kind = "rows like 10:20, 10:, :20 or 10";
  if (colon != 0) range.begin = STRATA_TRY(parse_count(text.substr(0, colon), kind));
  if (colon == std::string_view::npos) {
    range.end = range.begin + 1;
  } else if (colon + 1 < text.size()) {
    range.end = STRATA_TRY(parse_count(text.substr(colon + 1), kind));
  }
  if (range.end < range.begin) return invalid("rows that end before they begin: \"" + std::string(text) + "\"");
  return range;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace strata::cli
