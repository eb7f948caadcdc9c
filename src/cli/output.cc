#include "cli/output.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>

#include "cli/typed_text.h"

namespace strata::cli {
namespace {

constexpr std::size_t kColumnMin = 8;  // a column is not cut below this

struct Range {
  char32_t first, last;
};
// East Asian wide and emoji blocks, and combining marks: what terminals agree about.
constexpr std::array<Range, 12> kWide{{{0x1100, 0x115F},
                                       {0x2E80, 0x303E},
                                       {0x3041, 0x33FF},
                                       {0x3400, 0x4DBF},
                                       {0x4E00, 0x9FFF},
                                       {0xA000, 0xA4CF},
                                       {0xAC00, 0xD7A3},
                                       {0xF900, 0xFAFF},
                                       {0xFE30, 0xFE6F},
                                       {0xFF00, 0xFF60},
                                       {0x1F300, 0x1FAFF},
                                       {0x20000, 0x3FFFD}}};
constexpr std::array<Range, 6> kCombining{
    {{0x0300, 0x036F}, {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xE0100, 0xE01EF}}};

template <std::size_t n>
bool in(const std::array<Range, n>& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [c](const Range& range) { return c >= range.first && c <= range.last; });
}

/// Takes one character off the front; a byte that is no UTF-8 counts as a character.
char32_t next_character(std::string_view& text, std::size_t& bytes) {
  const auto first = static_cast<unsigned char>(text.front());
  bytes = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  bytes = std::min(bytes, text.size());
  char32_t character = bytes == 1 ? first : first & (0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) character = character << 6 | (static_cast<unsigned char>(text[i]) & 0x3FU);
  text.remove_prefix(bytes);
  return character;
}

std::size_t width_of(char32_t character) { return in(kCombining, character) ? 0 : in(kWide, character) ? 2 : 1; }

/// The text cut to `width` columns, the last of them … when something is missing.
std::string cut(std::string_view text, std::size_t width) {
  if (columns_of(text) <= width) return std::string(text);
  std::string out;
  std::size_t used = 0;
  while (!text.empty()) {
    std::size_t bytes = 0;
    const char* begin = text.data();
    const std::size_t columns = width_of(next_character(text, bytes));
    if (used + columns + 1 > width) break;
    out.append(begin, bytes);
    used += columns;
  }
  return out + "…";
}

/// One line, nothing that moves the cursor or colours the terminal.
std::string for_a_cell(const Value& value, const ValueType& type) {
  std::string out;
  for (const char c : text_of(value, type)) {
    if (c == '\n') {
      out += "↵";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += c == '\t' ? " " : "·";
    } else {
      out += c;
    }
  }
  return out;
}

std::string for_tsv(const Value& value, const ValueType& type) {
  std::string out;
  for (const char c : text_of(value, type)) {
    switch (c) {
      case '\t': out += "\\t"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\\': out += "\\\\"; break;
      default: out += c;
    }
  }
  return out;
}

std::string for_csv(const Value& value, const ValueType& type) {
  const std::string text = text_of(value, type);
  if (!value.is_null() && (text.empty() || text.find_first_of(",\"\r\n") != std::string::npos)) {
    std::string out = "\"";
    for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + "\"";
  }
  return text;
}

/// `rows` says what the columns hold.
std::string json_object(const std::vector<std::string>& names, const std::vector<Value>& values, const Rows& rows) {
  std::string out = "{";
  for (std::size_t i = 0; i < names.size() && i < values.size(); ++i) {
    if (i > 0) out += ", ";
    out += to_json(names[i]) + ": " + json_of(values[i], rows.type(i));
  }
  return out + "}";
}

/// `select a, a`: a JSON object has each name once.
std::vector<std::string> distinct(std::vector<std::string> names) {
  for (std::size_t i = 1; i < names.size(); ++i) {
    const std::string name = names[i];
    for (int n = 2; std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i), names[i]) !=
                    names.begin() + static_cast<std::ptrdiff_t>(i);
         ++n) {
      names[i] = name + ":" + std::to_string(n);
    }
  }
  return names;
}

/// Cuts the widest columns until all fit.
void fit(std::vector<std::size_t>& widths, std::size_t width) {
  if (width == 0) return;
  auto total = [&] {
    std::size_t sum = 2 * (widths.size() - 1);
    for (const std::size_t column : widths) sum += column;
    return sum;
  };
  while (total() > width) {
    const auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= kColumnMin) return;
    const std::size_t excess = total() - width;
    // Down to the second widest at once, not one column a round.
    std::size_t second = kColumnMin;
    for (auto it = widths.begin(); it != widths.end(); ++it) {
      if (it != widest) second = std::max(second, std::min(*it, *widest - 1));
    }
    *widest = std::max({second, kColumnMin, *widest > excess ? *widest - excess : kColumnMin});
  }
}

void append_cell(std::string& line, const std::string& text, std::size_t width, bool right, bool last) {
  const std::string shown = cut(text, width);
  const std::string blanks(width - std::min(width, columns_of(shown)), ' ');
  line += right ? blanks + shown : last ? shown : shown + blanks;
  if (!last) line += "  ";
}

std::string print_table(const Rows& rows, std::size_t width) {
  const std::size_t columns = rows.columns.size();
  if (columns == 0) return "";
  std::vector<std::vector<std::string>> cells;
  std::vector<std::size_t> widths(columns);
  std::vector<bool> numeric(columns, !rows.rows.empty());
  for (std::size_t i = 0; i < columns; ++i) widths[i] = columns_of(rows.columns[i]);
  for (const auto& row : rows.rows) {
    auto& line = cells.emplace_back();
    for (std::size_t i = 0; i < columns; ++i) {
      const Value::Kind kind = row[i].kind();
      const bool number =
          rows.types.empty() ? kind == Value::Kind::integer || kind == Value::Kind::real : is_number(rows.type(i).kind);
      if (kind != Value::Kind::null && !number) numeric[i] = false;
      line.push_back(for_a_cell(row[i], rows.type(i)));
      widths[i] = std::max(widths[i], columns_of(line.back()));
    }
  }
  fit(widths, width);
  std::string out;
  auto add_line = [&](const std::vector<std::string>& line) {
    std::string text;
    for (std::size_t i = 0; i < columns; ++i) append_cell(text, line[i], widths[i], numeric[i], i + 1 == columns);
    while (text.ends_with(' ')) text.pop_back();
    out += text + "\n";
  };
  add_line(rows.columns);
  for (std::size_t i = 0; i < columns; ++i) {
    for (std::size_t j = 0; j < widths[i]; ++j) out += "─";
    out += i + 1 < columns ? "  " : "\n";
  }
  for (const auto& line : cells) add_line(line);
  return out;
}

template <typename Print>
std::string print_lines(const Rows& rows, char separator, Print print) {
  std::string out;
  for (const auto& row : rows.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) out += separator;
      out += print(row[i], rows.type(i));
    }
    out += "\n";
  }
  return out;
}

}  // namespace

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  std::size_t bytes = 0;
  while (!text.empty()) columns += width_of(next_character(text, bytes));
  return columns;
}

std::string print_rows(const Rows& rows, Format format, std::size_t width) {
  switch (format) {
    case Format::table: return print_table(rows, width);
    case Format::tsv: return print_lines(rows, '\t', for_tsv);
    case Format::csv: {
      const std::vector<Value> names(rows.columns.begin(), rows.columns.end());
      return print_lines(Rows{{}, {names}}, ',', for_csv) + print_lines(rows, ',', for_csv);
    }
    case Format::json: break;
  }
  const std::vector<std::string> names = distinct(rows.columns);
  std::string out = "[";
  for (std::size_t i = 0; i < rows.rows.size(); ++i)
    out += (i > 0 ? ",\n" : "\n") + json_object(names, rows.rows[i], rows);
  return out + (rows.rows.empty() ? "]\n" : "\n]\n");
}

std::string print_record(const Record& record, Format format, std::size_t width) {
  Rows rows;
  rows.columns = {"name", "value"};
  std::vector<std::string> names;
  std::vector<Value> values;
  std::size_t widest = 0;
  for (const auto& [name, value] : record) {
    names.push_back(name);
    values.push_back(value);
    rows.rows.push_back({name, value});
    widest = std::max(widest, columns_of(name));
  }
  if (format == Format::json) return json_object(names, values, {}) + "\n";
  if (format != Format::table) return print_rows(rows, format, width);
  std::string out;
  for (const auto& [name, value] : record) {
    const std::string text = for_a_cell(value, {});
    const std::size_t room = width > widest + kColumnMin ? width - widest - 2 : 0;
    out += name + std::string(widest - columns_of(name) + 2, ' ') + (room > 0 ? cut(text, room) : text) + "\n";
  }
  return out;
}

void Output::write(std::string_view text) {
  if (failure_ != 0 || text.empty()) return;
  if (std::fwrite(text.data(), 1, text.size(), file_) != text.size()) failure_ = errno;
}

Result<void> Output::flush() {
  if (failure_ == 0 && std::fflush(file_) != 0) failure_ = errno;
  if (failure_ == EPIPE) reader_gone_ = true;
  if (failure_ == 0 || reader_gone_) return {};
  return Error(ErrorCode::io, std::string("the output could not be written: ") + std::strerror(failure_));
}

Value Output::score(double value) const { return json() ? value : std::round(value * 1e4) / 1e4; }

Value shortest(float value) {
  char buffer[40];
  const char* end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  double real = value;
  std::from_chars(buffer, end, real);
  return real;
}

Value shortest(const std::vector<float>& values) {
  Value::List list;
  list.reserve(values.size());
  for (const float value : values) list.push_back(shortest(value));
  return list;
}

}  // namespace strata::cli
