#include "store/metadata/row.h"

#include <cmath>
#include <cstring>

#include "strata/metadata.h"

namespace strata::store::metadata {
namespace {

constexpr char tag(Value::Kind kind) { return static_cast<char>(kind); }

void append_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

}  // namespace

void append_null(std::string& out) { out += tag(Value::Kind::null); }

void append_integer(std::string& out, std::int64_t value) {
  out += tag(Value::Kind::integer);
  append_varint(out, (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
}

void append_real(std::string& out, double value) {
  out += tag(Value::Kind::real);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_key_real(std::string& out, double value) {
  // 2^63: a whole real below it is equal to one integer, and SQLite compares the two exactly.
  if (std::floor(value) == value && std::fabs(value) < 9223372036854775808.0) {
    append_integer(out, static_cast<std::int64_t>(value));
  } else {
    append_real(out, value);
  }
}

void append_text(std::string& out, std::string_view text) {
  out += tag(Value::Kind::text);
  append_varint(out, text.size());
  out += text;
}

void append_blob(std::string& out, std::string_view bytes) {
  out += tag(Value::Kind::bytes);
  append_varint(out, bytes.size());
  out += bytes;
}

void append_commit_lsn(std::string& out) { out += kTagCommitLsn; }

void append_column(std::string& out, sqlite3_stmt* statement, int column, bool in_key) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER: append_integer(out, sqlite3_column_int64(statement, column)); return;
    case SQLITE_FLOAT: {
      const double real = sqlite3_column_double(statement, column);
      in_key ? append_key_real(out, real) : append_real(out, real);
      return;
    }
    case SQLITE_TEXT: {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      append_text(out, {text, static_cast<std::size_t>(sqlite3_column_bytes(statement, column))});
      return;
    }
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, column));
      append_blob(out, bytes
                           ? std::string_view(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement, column)))
                           : std::string_view());
      return;
    }
    default: append_null(out);
  }
}

ValueReader::Raw ValueReader::next_raw() {
  Raw raw;
  const auto fail = [&] {
    failed_ = true;
    left_ = {};
    return Raw{};
  };
  if (left_.empty()) return fail();
  raw.tag = static_cast<unsigned char>(left_.front());
  left_.remove_prefix(1);
  const auto varint = [&](std::uint64_t& out) {
    out = 0;
    for (int shift = 0; shift < 64 && !left_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(left_.front());
      left_.remove_prefix(1);
      out |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  };
  switch (raw.tag) {
    case static_cast<int>(Value::Kind::null):
    case kTagCommitLsn: return raw;
    case static_cast<int>(Value::Kind::integer): {
      std::uint64_t value;
      if (!varint(value)) return fail();
      raw.integer = static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
      return raw;
    }
    case static_cast<int>(Value::Kind::real):
      if (left_.size() < sizeof raw.real) return fail();
      std::memcpy(&raw.real, left_.data(), sizeof raw.real);
      left_.remove_prefix(sizeof raw.real);
      return raw;
    case static_cast<int>(Value::Kind::text):
    case static_cast<int>(Value::Kind::bytes): {
      std::uint64_t size;
      if (!varint(size) || size > left_.size()) return fail();
      raw.bytes = left_.substr(0, static_cast<std::size_t>(size));
      left_.remove_prefix(static_cast<std::size_t>(size));
      return raw;
    }
    default: return fail();
  }
}

void ValueReader::bind_next(sqlite3_stmt* statement, int index) {
  const Raw raw = next_raw();
  const char* bytes = raw.bytes.data() ? raw.bytes.data() : "";
  switch (raw.tag) {
    case static_cast<int>(Value::Kind::integer): sqlite3_bind_int64(statement, index, raw.integer); return;
    case static_cast<int>(Value::Kind::real): sqlite3_bind_double(statement, index, raw.real); return;
    case static_cast<int>(Value::Kind::text):
      sqlite3_bind_text64(statement, index, bytes, raw.bytes.size(), SQLITE_STATIC, SQLITE_UTF8);
      return;
    case static_cast<int>(Value::Kind::bytes):
      sqlite3_bind_blob64(statement, index, bytes, raw.bytes.size(), SQLITE_STATIC);
      return;
    case kTagCommitLsn:  // not known yet: what tries out stores the mark itself, which no number is greater than
      sqlite3_bind_text64(statement, index, kCommitLsn.data(), kCommitLsn.size(), SQLITE_STATIC, SQLITE_UTF8);
      return;
    default: sqlite3_bind_null(statement, index);
  }
}

Value ValueReader::next() {
  const Raw raw = next_raw();
  switch (raw.tag) {
    case static_cast<int>(Value::Kind::integer): return Value(raw.integer);
    case static_cast<int>(Value::Kind::real): return Value(raw.real);
    case static_cast<int>(Value::Kind::text): return Value(std::string(raw.bytes));
    case static_cast<int>(Value::Kind::bytes): {
      const ByteView view = as_bytes(raw.bytes);
      return Value(Bytes(view.begin(), view.end()));
    }
    case kTagCommitLsn: return Value(std::string(kCommitLsn));
    default: return {};
  }
}

bool mark_commit_lsn(std::string& rest) {
  std::string text;
  append_text(text, kCommitLsn);
  const std::size_t found = rest.find(text);
  if (found == std::string::npos) return false;
  // Found as bytes; whether a value begins there only walking tells.
  std::string out;
  bool marked = false;
  ValueReader reader(rest);
  for (std::size_t at = 0; !reader.done();) {
    if (!reader.skip()) return false;
    const std::size_t end = rest.size() - reader.remaining();
    const std::string_view value = std::string_view(rest).substr(at, end - at);
    if (value == text) {
      append_commit_lsn(out);
      marked = true;
    } else {
      out += value;
    }
    at = end;
  }
  rest = std::move(out);
  return marked;
}

Result<std::string> with_commit_lsn(std::string_view rest, Lsn lsn) {
  std::string out;
  out.reserve(rest.size() + 9);
  std::string_view left = rest;
  ValueReader reader(rest);
  // Values are self-delimiting: walk them, copying each as it is unless it is the mark.
  while (!reader.done()) {
    const char first = left.front();
    const std::size_t before = left.size();
    if (!reader.skip()) return Error(ErrorCode::corruption, "metadata: a row of a record is malformed");
    const std::size_t used = before - reader.remaining();
    if (first == kTagCommitLsn) {
      append_integer(out, static_cast<std::int64_t>(lsn));
    } else {
      out += left.substr(0, used);
    }
    left.remove_prefix(used);
  }
  return out;
}

}  // namespace strata::store::metadata
