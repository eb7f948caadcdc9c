#include "store/vector/filter/encoded_value.h"

namespace strata::store::vector {
namespace {

constexpr int kDepthMax = 64;  // as core::Decoder reads

// The bytes of `count` entries; the decoder stands behind them afterwards.
std::optional<ByteView> entries(core::Decoder& in, bool named, int depth, ByteView from_here) {
  const std::size_t count = in.count(1);
  const std::size_t begin = in.position();
  for (std::size_t i = 0; i < count; ++i) {
    if (named) (void)in.text();
    if (!EncodedValue::read(in, depth + 1)) return std::nullopt;
  }
  if (!in.ok()) return std::nullopt;
  return from_here.subspan(begin, in.position() - begin);
}

}  // namespace

std::optional<EncodedValue> EncodedValue::read(core::Decoder& in, int depth) {
  if (depth > kDepthMax) {
    in.fail();
    return std::nullopt;
  }
  EncodedValue value;
  value.kind_ = static_cast<Value::Kind>(in.u8());
  switch (value.kind_) {
    case Value::Kind::null: break;
    case Value::Kind::boolean: value.integer_ = in.u8() != 0 ? 1 : 0; break;
    case Value::Kind::integer: value.integer_ = in.zigzag(); break;
    case Value::Kind::real: value.real_ = in.f64(); break;
    case Value::Kind::text:
    case Value::Kind::bytes: value.content_ = in.bytes(); break;
    case Value::Kind::list:
    case Value::Kind::map: {
      // A second decoder over what is left knows positions relative to a span we hold.
      core::Decoder ahead = in;
      const ByteView rest = ahead.raw(ahead.remaining());
      core::Decoder inner(rest);
      const auto content = entries(inner, value.kind_ == Value::Kind::map, depth, rest);
      if (!content) {
        in.fail();
        return std::nullopt;
      }
      value.content_ = *content;
      (void)in.raw(inner.position());
      break;
    }
    default: in.fail(); break;
  }
  if (!in.ok()) return std::nullopt;
  return value;
}

EncodedMap EncodedMap::of_payload(ByteView payload) {
  core::Decoder in(payload);
  (void)in.count(1);
  return in.ok() ? EncodedMap(payload.subspan(in.position())) : EncodedMap({});
}

std::optional<ByteView> EncodedMap::bytes_of(std::string_view path) const {
  // The whole path as one name comes first: a payload may have a field called "a.b".
  core::Decoder in(entries_);
  std::optional<ByteView> below;
  while (in.remaining() > 0) {
    const std::string_view name = in.text();
    const std::size_t begin = in.position();
    const auto value = EncodedValue::read(in, 1);
    if (!value) return std::nullopt;
    if (name == path) return entries_.subspan(begin, in.position() - begin);
    const bool leads_there = value->kind() == Value::Kind::map && path.size() > name.size() + 1 &&
                             path[name.size()] == '.' && path.starts_with(name);
    if (leads_there) {
      if (auto deeper = of_entries(value->content()).bytes_of(path.substr(name.size() + 1))) below = deeper;
    }
  }
  return below;
}

std::optional<EncodedValue> EncodedMap::find(std::string_view path) const {
  const auto bytes = bytes_of(path);
  if (!bytes) return std::nullopt;
  core::Decoder in(*bytes);
  return EncodedValue::read(in, 1);
}

bool is_encoded_map(ByteView payload) {
  core::Decoder in(payload);
  const std::size_t count = in.count(2);
  for (std::size_t i = 0; i < count; ++i) {
    (void)in.text();
    if (!EncodedValue::read(in, 1)) return false;
  }
  return in.ok() && in.remaining() == 0;
}

}  // namespace strata::store::vector
