#pragma once
/// Checksums against accidental damage: CRC32C for small headers, XXH3 for volume. Neither resists an attacker.
#include <array>
#include <cstdint>

#include "strata/value.h"

namespace strata::core {

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4), of `bytes` continued from `seed` (0 to begin).
std::uint32_t crc32c(ByteView bytes, std::uint32_t seed = 0) noexcept;

/// A 128-bit XXH3 hash. Files hold low, then high, each little-endian.
struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const Hash128&) const = default;
};

Hash128 xxh3_128(ByteView bytes) noexcept;
std::uint64_t xxh3_64(ByteView bytes, std::uint64_t seed = 0) noexcept;
inline std::uint64_t xxh3_64(std::string_view text, std::uint64_t seed = 0) noexcept {
  return xxh3_64(as_bytes(text), seed);
}

/// Hashes a long input piece by piece; the same result as xxh3_128 over the whole. One thread at a time.
class Hasher128 {
 public:
  Hasher128();
  ~Hasher128();
  Hasher128(const Hasher128&) = delete;
  Hasher128& operator=(const Hasher128&) = delete;
  void update(ByteView bytes) noexcept;
  Hash128 digest() const noexcept;

 private:
  void* state_;
};

}  // namespace strata::core
