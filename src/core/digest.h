#pragma once
/// SHA-256: the content address of an object.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "strata/error.h"
#include "strata/value.h"

namespace strata::core {

using Digest = std::array<std::byte, 32>;

Digest sha256(ByteView bytes) noexcept;
std::string to_hex(ByteView bytes);
/// Errors  invalid_argument (odd length, a character that is not a hexadecimal digit)
Result<Bytes> from_hex(std::string_view text);

/// SHA-256 of a long input, piece by piece. One thread at a time.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void update(ByteView bytes) noexcept;
  Digest finish() noexcept;  ///< once

 private:
  void* context_;
};

}  // namespace strata::core
