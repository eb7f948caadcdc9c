#pragma once
/// The building blocks of every record and file of ours: little-endian integers, LEB128 varints, length-prefixed
/// strings, `Value`s.
///
/// An `Encoder` appends to a byte buffer. A `Decoder` reads one and never runs past its end: reading too far returns
/// zero values and sets a flag, so that a decoding function reads all its fields straight and asks once, at the end,
/// with `finish()`.
#include <string>
#include <string_view>

#include "core/endian.h"
#include "strata/error.h"
#include "strata/value.h"

namespace strata::core {

inline constexpr std::size_t kVarintBytesMax = 10;

/// Writes a varint (LEB128) where there is room for kVarintBytesMax, or for as many as the value takes; returns its end.
inline std::byte* store_varint(std::byte* to, std::uint64_t value) noexcept {
  while (value >= 0x80) {
    *to++ = static_cast<std::byte>(value | 0x80);
    value >>= 7;
  }
  *to++ = static_cast<std::byte>(value);
  return to;
}

class Encoder {
 public:
  /// A buffer that has no memory yet gets some: grown from nothing, a short encoding would take it five times.
  explicit Encoder(Bytes& out) : out_(out) {
    constexpr std::size_t kFirstBytes = 64;
    if (out.capacity() == 0) out.reserve(kFirstBytes);
  }

  void u8(std::uint8_t value) { out_.push_back(static_cast<std::byte>(value)); }
  void u16(std::uint16_t value) { fixed(value); }
  void u32(std::uint32_t value) { fixed(value); }
  void u64(std::uint64_t value) { fixed(value); }
  void i64(std::int64_t value) { fixed(value); }
  void f32(float value) { fixed(value); }
  void f64(double value) { fixed(value); }
  /// LEB128, 1 to 10 bytes
  void varint(std::uint64_t value) {
    if (value < 0x80) {
      out_.push_back(static_cast<std::byte>(value));
    } else {
      long_varint(value);
    }
  }
  void zigzag(std::int64_t value);    ///< signed as LEB128
  void bytes(ByteView value);         ///< varint length, then the bytes
  void text(std::string_view value);  ///< varint length, then UTF-8
  void value(const Value& value);     ///< one tag byte, then the content; lists and maps with a count in front
  void map(const Map& map);
  void raw(const void* from, std::size_t size);

  Bytes& out() { return out_; }

 private:
  template <typename T>
  void fixed(T value) {
    const std::size_t before = out_.size();
    out_.resize(before + sizeof value);
    store(out_.data() + before, value);
  }
  void long_varint(std::uint64_t value);

  Bytes& out_;
};

class Decoder {
 public:
  explicit Decoder(ByteView in) : at_(in.data()), end_(in.data() + in.size()), begin_(in.data()) {}

  std::uint8_t u8() { return fixed<std::uint8_t>(); }
  std::uint16_t u16() { return fixed<std::uint16_t>(); }
  std::uint32_t u32() { return fixed<std::uint32_t>(); }
  std::uint64_t u64() { return fixed<std::uint64_t>(); }
  std::int64_t i64() { return fixed<std::int64_t>(); }
  float f32() { return fixed<float>(); }
  double f64() { return fixed<double>(); }
  std::uint64_t varint() {
    if (at_ != end_ && static_cast<std::uint8_t>(*at_) < 0x80) return static_cast<std::uint8_t>(*at_++);
    return long_varint();
  }
  std::int64_t zigzag();
  ByteView bytes();         ///< a view into the input
  std::string_view text();  ///< a view into the input; UTF-8 is not checked
  Value value();            ///< depth at most 64
  Map map();
  ByteView raw(std::size_t size);  ///< `size` bytes without a length in front

  /// A count that is about to be reserved: fails when fewer than count × bytes_each_min bytes are left.
  std::size_t count(std::size_t bytes_each_min);
  std::size_t remaining() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  std::size_t position() const noexcept { return static_cast<std::size_t>(at_ - begin_); }
  bool ok() const noexcept { return !failed_; }
  void fail() noexcept {
    failed_ = true;
    at_ = end_;
  }

  /// Ok when nothing was read past the end and nothing is left; else `corruption` naming `what` and the offset.
  Result<void> finish(std::string_view what) const;

 private:
  Value value_at(int depth);
  Map map_at(int depth);
  const std::byte* take(std::size_t size) noexcept {  // nullptr, and failed_, if fewer are left
    if (size > remaining()) {
      fail();
      return nullptr;
    }
    const std::byte* from = at_;
    at_ += size;
    return from;
  }
  template <typename T>
  T fixed() noexcept {
    const std::byte* from = take(sizeof(T));
    return from ? load<T>(from) : T{};
  }
  std::uint64_t long_varint();

  const std::byte* at_;
  const std::byte* end_;
  const std::byte* begin_;
  bool failed_ = false;
};

}  // namespace strata::core
