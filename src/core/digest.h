#pragma once
/// SHA-256: the content address of an object; people read it in hexadecimal digits.
#include <array>

#include "core/hex.h"
#include "strata/value.h"

namespace strata::core {

using Digest = std::array<std::byte, 32>;

Digest sha256(ByteView bytes) noexcept;

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
