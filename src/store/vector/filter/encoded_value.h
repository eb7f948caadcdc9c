#pragma once
/// Reads a payload where it lies, in the encoding of core::Encoder, without building a Map: a filter looks at one field of
/// ten thousand payloads, and a Map allocates for every field of each.
///
/// Bytes may be damaged: every step stays inside the span and says when it cannot go on.
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/codec.h"
#include "strata/value.h"

namespace strata::store::vector {

/// One value inside an encoded payload. Borrows the bytes.
class EncodedValue {
 public:
  /// Reads the value at the decoder's place and moves behind it; nothing when the bytes do not hold one.
  static std::optional<EncodedValue> read(core::Decoder& in, int depth = 0);

  Value::Kind kind() const { return kind_; }
  bool boolean() const { return integer_ != 0; }
  std::int64_t integer() const { return integer_; }
  double real() const { return real_; }
  std::string_view text() const { return as_text(content_); }  ///< also the content of bytes
  /// Calls `visit(item)` for each item of a list until it returns true; returns whether it did.
  template <typename Visit>
  bool any_item(Visit&& visit) const {
    core::Decoder in(content_);
    while (in.remaining() > 0) {
      const auto item = read(in, 1);
      if (!item) return false;
      if (visit(*item)) return true;
    }
    return false;
  }
  ByteView content() const { return content_; }  ///< of a map or list: its entries; of text and bytes: the bytes

 private:
  Value::Kind kind_ = Value::Kind::null;
  std::int64_t integer_ = 0;
  double real_ = 0;
  ByteView content_;
};

/// An encoded map: a payload, or a map inside one.
class EncodedMap {
 public:
  /// Of a payload as stored, with its count in front. Damaged bytes give an empty map.
  static EncodedMap of_payload(ByteView payload);
  /// Of a value of kind map.
  static EncodedMap of_entries(ByteView entries) { return EncodedMap(entries); }
  /// The field `path`: the name itself, or "a.b" for b in the map a; the longest name wins.
  std::optional<EncodedValue> find(std::string_view path) const;
  /// The same as it is encoded.
  std::optional<ByteView> bytes_of(std::string_view path) const;

 private:
  explicit EncodedMap(ByteView entries) : entries_(entries) {}
  ByteView entries_;
};

/// True when `payload` is one well-formed encoded map and nothing more.
bool is_encoded_map(ByteView payload);

}  // namespace strata::store::vector
