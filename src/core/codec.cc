#include "core/codec.h"

#include <cstring>
#include <iterator>

namespace strata::core {
namespace {

constexpr int kDepthMax = 64;

}  // namespace

void Encoder::raw(const void* from, std::size_t size) {
  const auto* bytes = static_cast<const std::byte*>(from);
  out_.insert(out_.end(), bytes, bytes + size);
}

void Encoder::long_varint(std::uint64_t value) {
  std::byte buffer[kVarintBytesMax];
  raw(buffer, static_cast<std::size_t>(store_varint(buffer, value) - buffer));
}

void Encoder::zigzag(std::int64_t value) {
  varint((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
}

void Encoder::bytes(ByteView value) {
  varint(value.size());
  raw(value.data(), value.size());
}

void Encoder::text(std::string_view value) { bytes(as_bytes(value)); }

void Encoder::value(const Value& value) {
  u8(static_cast<std::uint8_t>(value.kind()));
  switch (value.kind()) {
    case Value::Kind::null: break;
    case Value::Kind::boolean: u8(*value.boolean() ? 1 : 0); break;
    case Value::Kind::integer: zigzag(*value.integer()); break;
    case Value::Kind::real: f64(*value.real()); break;
    case Value::Kind::text: text(*value.text()); break;
    case Value::Kind::bytes: bytes(*value.bytes()); break;
    case Value::Kind::list:
      varint(value.list()->size());
      for (const Value& item : *value.list()) this->value(item);
      break;
    case Value::Kind::map: map(*value.map()); break;
  }
}

void Encoder::map(const Map& map) {
  varint(map.size());
  for (const auto& [name, value] : map) {
    text(name);
    this->value(value);
  }
}

std::uint64_t Decoder::long_varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = u8();
    if (failed_) return 0;
    if (shift == 63 && byte > 1) break;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  fail();
  return 0;
}

std::int64_t Decoder::zigzag() {
  const std::uint64_t value = varint();
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

ByteView Decoder::raw(std::size_t size) {
  const std::byte* from = take(size);
  return from ? ByteView(from, size) : ByteView();
}

ByteView Decoder::bytes() {
  const std::uint64_t size = varint();
  if (size > remaining()) {
    fail();
    return {};
  }
  return raw(static_cast<std::size_t>(size));
}

std::string_view Decoder::text() { return as_text(bytes()); }

std::size_t Decoder::count(std::size_t bytes_each_min) {
  const std::uint64_t count = varint();
  if (bytes_each_min != 0 && count > remaining() / bytes_each_min) {
    fail();
    return 0;
  }
  return static_cast<std::size_t>(count);
}

Value Decoder::value() { return value_at(0); }
Map Decoder::map() { return map_at(0); }

Value Decoder::value_at(int depth) {
  if (depth > kDepthMax) {
    fail();
    return {};
  }
  switch (static_cast<Value::Kind>(u8())) {
    case Value::Kind::null: return {};
    case Value::Kind::boolean: return Value(u8() != 0);
    case Value::Kind::integer: return Value(zigzag());
    case Value::Kind::real: return Value(f64());
    case Value::Kind::text: return Value(std::string(text()));
    case Value::Kind::bytes: {
      const ByteView view = bytes();
      return Value(Bytes(view.begin(), view.end()));
    }
    case Value::Kind::list: {
      const std::size_t items = count(1);
      Value::List list;
      list.reserve(items);
      for (std::size_t i = 0; i < items && ok(); ++i) list.push_back(value_at(depth + 1));
      return Value(std::move(list));
    }
    case Value::Kind::map: return Value(map_at(depth + 1));
  }
  fail();
  return {};
}

Map Decoder::map_at(int depth) {
  const std::size_t entries = count(2);
  Map map;
  for (std::size_t i = 0; i < entries && ok(); ++i) {
    std::string name(text());
    // As the encoder writes them: so equal maps are equal bytes, and a hostile order costs nothing.
    if (i > 0 && name <= std::prev(map.end())->first) fail();
    map.set(std::move(name), value_at(depth));
  }
  return map;
}

Result<void> Decoder::finish(std::string_view what) const {
  if (failed_) return Error(ErrorCode::corruption, std::string(what) + ": the bytes end too early or are malformed");
  if (at_ != end_) {
    return Error(ErrorCode::corruption,
                 std::string(what) + ": unexpected bytes after the end, at offset " + std::to_string(position()));
  }
  return {};
}

}  // namespace strata::core
