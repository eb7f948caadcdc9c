#include "core/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>

#include "core/assert.h"
#include "core/endian.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#endif

namespace strata::core {
namespace {

constexpr std::uint32_t kPolynomial = 0x82f63b78;  // Castagnoli, reflected

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? kPolynomial : 0);
    table[i] = crc;
  }
  return table;
}
constexpr auto kTable = make_table();

std::uint32_t crc32c_table(ByteView bytes, std::uint32_t crc) noexcept {
  for (const std::byte byte : bytes) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<std::uint32_t>(byte)) & 0xff];
  return crc;
}

#if defined(__x86_64__)
bool have_crc_instruction() noexcept { return __builtin_cpu_supports("sse4.2"); }

__attribute__((target("sse4.2"))) std::uint32_t crc32c_instruction(ByteView bytes, std::uint32_t seed) noexcept {
  std::uint64_t crc = seed;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) crc = _mm_crc32_u64(crc, load<std::uint64_t>(at));
  for (; left > 0; --left, ++at) crc = _mm_crc32_u8(static_cast<std::uint32_t>(crc), static_cast<std::uint8_t>(*at));
  return static_cast<std::uint32_t>(crc);
}
#elif defined(__aarch64__)
bool have_crc_instruction() noexcept { return (getauxval(AT_HWCAP) & (1 << 7)) != 0; }

__attribute__((target("+crc"))) std::uint32_t crc32c_instruction(ByteView bytes, std::uint32_t crc) noexcept {
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) crc = __crc32cd(crc, load<std::uint64_t>(at));
  for (; left > 0; --left, ++at) crc = __crc32cb(crc, static_cast<std::uint8_t>(*at));
  return crc;
}
#endif

}  // namespace

std::uint32_t crc32c(ByteView bytes, std::uint32_t seed) noexcept {
  const std::uint32_t crc = ~seed;
#if defined(__x86_64__) || defined(__aarch64__)
  static const bool fast = have_crc_instruction();
  if (fast) return ~crc32c_instruction(bytes, crc);
#endif
  return ~crc32c_table(bytes, crc);
}

Hash128 xxh3_128(ByteView bytes) noexcept {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.low64, hash.high64};
}

std::uint64_t xxh3_64(ByteView bytes, std::uint64_t seed) noexcept {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

Hasher128::Hasher128() : state_(XXH3_createState()) {
  STRATA_ASSERT(state_ != nullptr);
  XXH3_128bits_reset(static_cast<XXH3_state_t*>(state_));
}
Hasher128::~Hasher128() { XXH3_freeState(static_cast<XXH3_state_t*>(state_)); }
void Hasher128::update(ByteView bytes) noexcept {
  XXH3_128bits_update(static_cast<XXH3_state_t*>(state_), bytes.data(), bytes.size());
}
Hash128 Hasher128::digest() const noexcept {
  const XXH128_hash_t hash = XXH3_128bits_digest(static_cast<const XXH3_state_t*>(state_));
  return {hash.low64, hash.high64};
}

}  // namespace strata::core
