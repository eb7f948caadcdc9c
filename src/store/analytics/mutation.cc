#include "store/analytics/mutation.h"

#include <algorithm>
#include <array>

#include "core/assert.h"
#include "core/excerpt.h"

namespace strata {
namespace {
constexpr std::array<std::string_view, 6> kTypeNames = {"boolean", "integer", "real", "text", "bytes", "timestamp"};
}  // namespace

std::string_view name(ColumnType type) noexcept {
  const auto index = static_cast<std::size_t>(type);
  return index < kTypeNames.size() ? kTypeNames[index] : "unknown";
}

Result<ColumnType> parse_column_type(std::string_view text) {
  for (std::size_t i = 0; i < kTypeNames.size(); ++i) {
    if (kTypeNames[i] == text) return static_cast<ColumnType>(i);
  }
  return Error(ErrorCode::invalid_argument,
               "not a column type (boolean, integer, real, text, bytes, timestamp): " + std::string(text));
}

}  // namespace strata

namespace strata::store::analytics {
namespace {

constexpr std::size_t kNameBytesMax = 63;
constexpr std::size_t kColumnsMax = 1'000;
// What DuckDB can show as a date: 290309-12-22 BC to 294247-01-10.
constexpr std::int64_t kTimestampLeast = -9'223'372'022'400'000'000;
constexpr std::int64_t kTimestampMost = INT64_MAX - 1;

enum class Presence : std::uint8_t { some = 0, all = 1, none = 2 };

Result<void> check_name(std::string_view what, std::string_view name) {
  bool good = !name.empty() && name.size() <= kNameBytesMax && name[0] >= 'a' && name[0] <= 'z';
  for (const char c : name) good = good && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_');
  if (good) return {};
  return Error(
      ErrorCode::invalid_argument,
      std::string(what) + " is 1 to 63 of a-z, 0-9, _, beginning with a letter: \"" + core::excerpt(name) + "\"");
}

void put_operation(core::Encoder& out, Operation::Kind kind, const Bytes& body) {
  out.u8(static_cast<std::uint8_t>(kind));
  out.bytes(body);
}

Error damaged(const Operation& operation, std::string_view what) {
  return Error(ErrorCode::corruption,
               "analytics section, table \"" + std::string(operation.table) + "\": " + std::string(what));
}

/// The values of one column, `get(i)` each, of which there are `rows`.
template <typename Get>
void encode_column(core::Encoder& out, ColumnType type, std::size_t rows, const Get& get) {
  std::size_t nulls = 0;
  for (std::size_t i = 0; i < rows; ++i) nulls += get(i).is_null() ? 1 : 0;
  const Presence presence = nulls == 0 ? Presence::all : nulls == rows ? Presence::none : Presence::some;
  out.u8(static_cast<std::uint8_t>(presence));
  if (presence == Presence::none) return;
  if (presence == Presence::some) {
    for (std::size_t i = 0; i < rows; i += 8) {
      std::uint8_t bits = 0;
      for (std::size_t k = i; k < std::min(rows, i + 8); ++k) {
        if (!get(k).is_null()) bits |= static_cast<std::uint8_t>(1u << (k - i));
      }
      out.u8(bits);
    }
  }
  std::int64_t before = 0;  // integers as differences: times and counters ascend in small steps
  for (std::size_t i = 0; i < rows; ++i) {
    const Value& value = get(i);
    if (value.is_null()) continue;
    switch (type) {
      case ColumnType::boolean: out.u8(*value.boolean() ? 1 : 0); break;
      case ColumnType::integer:
      case ColumnType::timestamp:
        out.zigzag(static_cast<std::int64_t>(static_cast<std::uint64_t>(*value.integer()) -
                                             static_cast<std::uint64_t>(before)));
        before = *value.integer();
        break;
      case ColumnType::real: out.f64(*value.real()); break;
      case ColumnType::text: out.text(*value.text()); break;
      case ColumnType::bytes: out.bytes(*value.bytes()); break;
    }
  }
}

void decode_column(core::Decoder& in, std::size_t rows, ColumnValues& column) {
  column.valid.assign(rows, 1);
  const auto presence = static_cast<Presence>(in.u8());
  if (presence == Presence::none) {
    column.valid.assign(rows, 0);
  } else if (presence == Presence::some) {
    const ByteView bits = in.raw((rows + 7) / 8);
    if (!in.ok()) return;
    for (std::size_t i = 0; i < rows; ++i) {
      column.valid[i] = (static_cast<unsigned>(bits[i / 8]) >> (i % 8)) & 1u;
    }
  } else if (presence != Presence::all) {
    in.fail();
    return;
  }
  switch (column.type) {
    case ColumnType::boolean:
      column.integers.assign(rows, 0);
      for (std::size_t i = 0; i < rows; ++i) {
        if (column.valid[i]) column.integers[i] = in.u8() != 0;
      }
      break;
    case ColumnType::integer:
    case ColumnType::timestamp: {
      column.integers.assign(rows, 0);
      std::uint64_t before = 0;
      for (std::size_t i = 0; i < rows; ++i) {
        if (!column.valid[i]) continue;
        before += static_cast<std::uint64_t>(in.zigzag());
        column.integers[i] = static_cast<std::int64_t>(before);
      }
      break;
    }
    case ColumnType::real:
      column.reals.assign(rows, 0);
      for (std::size_t i = 0; i < rows; ++i) {
        if (column.valid[i]) column.reals[i] = in.f64();
      }
      break;
    case ColumnType::text:
    case ColumnType::bytes:
      column.texts.assign(rows, {});
      for (std::size_t i = 0; i < rows; ++i) {
        if (!column.valid[i]) continue;
        column.texts[i] = in.text();
        if (column.type == ColumnType::text && !valid_utf8(column.texts[i])) in.fail();
      }
      break;
  }
}

}  // namespace

Result<void> check_table_name(std::string_view table) { return check_name("a table's name", table); }

Result<void> check_columns(std::span<const ColumnDefinition> columns) {
  if (columns.empty() || columns.size() > kColumnsMax) {
    return Error(ErrorCode::invalid_argument, "a table has 1 to 1000 columns, not " + std::to_string(columns.size()));
  }
  std::vector<std::string_view> names;
  for (const ColumnDefinition& column : columns) {
    STRATA_TRY(check_name("a column's name", column.name));
    if (static_cast<std::size_t>(column.type) >= kTypeNames.size()) {
      return Error(ErrorCode::invalid_argument, "unknown type of column \"" + column.name + "\"");
    }
    names.push_back(column.name);
  }
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end()) {
    return Error(ErrorCode::invalid_argument, "two columns have the name \"" + std::string(*twice) + "\"");
  }
  return {};
}

Result<Value> to_column(const ColumnDefinition& column, const Value& value) {
  if (value.is_null()) return Value();
  switch (column.type) {
    case ColumnType::boolean:
      if (value.boolean()) return value;
      break;
    case ColumnType::integer:
      if (value.integer()) return value;
      break;
    case ColumnType::timestamp:
      if (!value.integer()) break;
      if (*value.integer() >= kTimestampLeast && *value.integer() <= kTimestampMost) return value;
      return Error(ErrorCode::invalid_argument,
                   "column \"" + column.name +
                       "\" holds microseconds since 1970, this is no time: " + std::to_string(*value.integer()));
    case ColumnType::real:
      if (double number = 0; value.number(number)) return Value(number);
      break;
    case ColumnType::text:
      if (!value.text()) break;
      if (valid_utf8(*value.text())) return value;
      return Error(ErrorCode::invalid_argument, "column \"" + column.name + "\" holds UTF-8, this is not");
    case ColumnType::bytes:
      if (value.bytes()) return value;
      break;
  }
  return Error(ErrorCode::invalid_argument, "column \"" + column.name + "\" holds " + std::string(name(column.type)) +
                                                ", not " + std::string(name(value.kind())));
}

bool valid_utf8(std::string_view text) noexcept {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = at + text.size();
  while (at < end) {
    if (*at < 0x80) {
      ++at;
      continue;
    }
    // RFC 3629: the lead byte gives the length and the range of the second byte (no surrogates, nothing overlong).
    int more = 0;
    unsigned char least = 0x80, most = 0xbf;
    if (*at >= 0xc2 && *at <= 0xdf) {
      more = 1;
    } else if (*at >= 0xe0 && *at <= 0xef) {
      more = 2;
      if (*at == 0xe0) least = 0xa0;
      if (*at == 0xed) most = 0x9f;
    } else if (*at >= 0xf0 && *at <= 0xf4) {
      more = 3;
      if (*at == 0xf0) least = 0x90;
      if (*at == 0xf4) most = 0x8f;
    } else {
      return false;
    }
    if (end - at <= more || at[1] < least || at[1] > most) return false;
    for (int i = 2; i <= more; ++i) {
      if ((at[i] & 0xc0) != 0x80) return false;
    }
    at += more + 1;
  }
  return true;
}

void encode_define(core::Encoder& out, std::string_view table, std::span<const ColumnDefinition> columns) {
  Bytes bytes;
  core::Encoder body(bytes);
  body.text(table);
  body.varint(columns.size());
  for (const ColumnDefinition& column : columns) {
    body.text(column.name);
    body.u8(static_cast<std::uint8_t>(column.type));
  }
  put_operation(out, Operation::Kind::define, bytes);
}

void encode_drop(core::Encoder& out, std::string_view table) {
  Bytes bytes;
  core::Encoder(bytes).text(table);
  put_operation(out, Operation::Kind::drop, bytes);
}

void encode_append(core::Encoder& out, std::string_view table, std::span<const ColumnDefinition> columns,
                   std::span<const Row> rows, std::uint32_t first_ordinal) {
  Bytes bytes;
  core::Encoder body(bytes);
  body.text(table);
  body.varint(rows.size());
  body.varint(columns.size());
  body.varint(first_ordinal);
  body.u8(0);  // ordinals are dense
  for (std::size_t c = 0; c < columns.size(); ++c) {
    encode_column(body, columns[c].type, rows.size(), [&](std::size_t i) -> const Value& { return rows[i][c]; });
  }
  put_operation(out, Operation::Kind::append, bytes);
}

void encode_erase(core::Encoder& out, std::string_view table, std::span<const RowId> rows) {
  Bytes bytes;
  core::Encoder body(bytes);
  body.text(table);
  body.varint(rows.size());
  Lsn before = 0;
  for (const RowId& row : rows) {
    body.zigzag(static_cast<std::int64_t>(row.lsn - before));
    body.varint(row.ordinal);
    before = row.lsn;
  }
  put_operation(out, Operation::Kind::erase, bytes);
}

Value RowBlock::value(std::size_t row, std::size_t column) const {
  const ColumnValues& values = columns[column];
  if (!values.valid[row]) return {};
  switch (values.type) {
    case ColumnType::boolean: return Value(values.integers[row] != 0);
    case ColumnType::integer:
    case ColumnType::timestamp: return Value(values.integers[row]);
    case ColumnType::real: return Value(values.reals[row]);
    case ColumnType::text: return Value(values.texts[row]);
    case ColumnType::bytes: {
      const ByteView bytes = as_bytes(values.texts[row]);
      return Value(Bytes(bytes.begin(), bytes.end()));
    }
  }
  return {};
}

Result<void> for_each_operation(ByteView section, const std::function<Result<void>(const Operation&)>& visit) {
  core::Decoder in(section);
  const std::uint8_t version = in.u8();
  if (in.ok() && version != kSectionVersion) {
    return Error(ErrorCode::unsupported,
                 "an analytics section of version " + std::to_string(version) + "; this build reads version 1");
  }
  while (in.ok() && in.remaining() > 0) {
    const std::size_t begin = in.position();
    const std::uint8_t kind = in.u8();
    core::Decoder body(in.bytes());
    Operation operation{static_cast<Operation::Kind>(kind), body.text(), {}, {}};
    if (!in.ok() || !body.ok() || kind < 1 || kind > 4) {
      return Error(ErrorCode::corruption, "analytics section: malformed operation at offset " + std::to_string(begin));
    }
    operation.body = body.raw(body.remaining());
    operation.encoded = section.subspan(begin, in.position() - begin);
    STRATA_TRY(visit(operation));
  }
  return in.finish("analytics section");
}

Result<std::vector<ColumnDefinition>> decode_define(const Operation& operation) {
  core::Decoder in(operation.body);
  std::vector<ColumnDefinition> columns;
  const std::size_t count = in.count(2);
  for (std::size_t i = 0; i < count; ++i) {
    std::string name(in.text());
    columns.push_back({std::move(name), static_cast<ColumnType>(in.u8())});
  }
  STRATA_TRY(in.finish("analytics section, definition of a table"));
  if (!check_table_name(operation.table) || !check_columns(columns)) return damaged(operation, "malformed definition");
  return columns;
}

Result<void> decode_append(const Operation& operation, std::span<const ColumnDefinition> columns, RowBlock& block) {
  core::Decoder in(operation.body);
  block.rows = static_cast<std::size_t>(in.varint());
  const std::uint64_t own_columns = in.varint();
  // A row takes at least an eighth of a byte somewhere, unless all of it is NULL; a bound against absurd counts.
  if (block.rows == 0 || block.rows > std::max<std::size_t>(1 << 16, operation.body.size() * 8) || own_columns == 0 ||
      own_columns > columns.size()) {
    return damaged(operation, "an append of " + std::to_string(block.rows) + " rows, " + std::to_string(own_columns) +
                                  " columns; the table has " + std::to_string(columns.size()));
  }
  const std::uint64_t first = in.varint();
  const bool sparse = in.u8() != 0;
  block.ordinals.resize(block.rows);
  std::uint64_t ordinal = first;
  for (std::size_t i = 0; i < block.rows; ++i) {
    if (sparse && i > 0) ordinal += in.varint();
    if (ordinal > INT32_MAX) return damaged(operation, "an ordinal out of range");
    block.ordinals[i] = static_cast<std::uint32_t>(ordinal);
    if (!sparse) ++ordinal;
  }
  block.columns.resize(own_columns);
  for (std::size_t c = 0; c < own_columns && in.ok(); ++c) {
    block.columns[c].type = columns[c].type;
    decode_column(in, block.rows, block.columns[c]);
  }
  return in.finish("analytics section, rows of \"" + std::string(operation.table) + "\"");
}

Result<std::size_t> count_rows(const Operation& operation) {
  core::Decoder in(operation.body);
  const std::uint64_t rows = in.varint();
  if (!in.ok()) return damaged(operation, "no row count");
  return static_cast<std::size_t>(rows);
}

Result<std::vector<RowId>> decode_erase(const Operation& operation) {
  core::Decoder in(operation.body);
  std::vector<RowId> rows(in.count(2));
  Lsn before = 0;
  for (RowId& row : rows) {
    before += static_cast<Lsn>(in.zigzag());
    const std::uint64_t ordinal = in.varint();
    if (ordinal > INT32_MAX || before > INT64_MAX) in.fail();
    row = {before, static_cast<std::uint32_t>(ordinal)};
  }
  STRATA_TRY(in.finish("analytics section, erased rows of \"" + std::string(operation.table) + "\""));
  return rows;
}

Result<std::size_t> encode_filtered(core::Encoder& out, const Operation& operation, const RowBlock& block,
                                    std::span<const ColumnDefinition> columns,
                                    const std::function<bool(std::uint32_t)>& gone) {
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < block.rows; ++i) {
    if (!gone(block.ordinals[i])) kept.push_back(i);
  }
  if (kept.size() == block.rows) {
    out.raw(operation.encoded.data(), operation.encoded.size());
    return kept.size();
  }
  if (kept.empty()) return std::size_t{0};
  Bytes bytes;
  core::Encoder body(bytes);
  body.text(operation.table);
  body.varint(kept.size());
  body.varint(block.columns.size());
  body.varint(block.ordinals[kept[0]]);
  body.u8(1);
  for (std::size_t i = 1; i < kept.size(); ++i) body.varint(block.ordinals[kept[i]] - block.ordinals[kept[i - 1]]);
  Value value;
  for (std::size_t c = 0; c < block.columns.size(); ++c) {
    encode_column(body, columns[c].type, kept.size(),
                  [&](std::size_t i) -> const Value& { return value = block.value(kept[i], c); });
  }
  put_operation(out, Operation::Kind::append, bytes);
  return kept.size();
}

}  // namespace strata::store::analytics
