#pragma once
/// What users write as arguments, and the values that it means.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "strata/memory.h"

namespace strata::cli {

/// A parameter of a statement: JSON where it reads as JSON (5, 1.5, null, true, "5", [1]), else the text itself.
Value parse_parameter(std::string_view text);
std::vector<Value> parse_parameters(const std::vector<std::string>& texts);
/// A JSON object; empty: none. Errors  invalid_argument with `what` ("--filter") in front
Result<Map> parse_map(std::string_view text, std::string_view what);
/// An embedding: a JSON list, @file with a JSON list or .npy in it, or - for the same from standard input.
Result<std::vector<float>> parse_vector(std::string_view text);
/// "key", "key=value", "key:0.9", "key=value:0.9"
Result<MemoryTag> parse_tag(std::string_view text);
/// "caused_by:<id>"
Result<MemoryLink> parse_link(std::string_view text);
/// RFC 3339 or a date; empty: none
Result<std::optional<Timestamp>> parse_optional_time(std::string_view text, std::string_view what);
/// "3x4" → {3, 4}; empty or "1-d": {}
Result<std::vector<std::uint64_t>> parse_shape(std::string_view text);
/// "10:20", "10:", ":20", "10" (one row), "" (all)
Result<RowRange> parse_rows(std::string_view text);
/// Blanks between them: `strata recall notes.strata why did it break`.
std::string joined(const std::vector<std::string>& words);

}  // namespace strata::cli
