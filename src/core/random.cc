#include "core/random.h"

#include <sys/random.h>

#include <bit>
#include <cerrno>

#include "core/assert.h"
#include "core/digest.h"

namespace strata::core {

Random::Random(std::uint64_t seed) {
  for (auto& word : state_) {
    seed += 0x9e3779b97f4a7c15;
    std::uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    word = z ^ (z >> 31);
  }
}

std::uint64_t Random::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t Random::below(std::uint64_t bound) {
  STRATA_ASSERT(bound > 0);
  const std::uint64_t threshold = -bound % bound;  // rejects the uneven rest
  for (;;) {
    const std::uint64_t value = next();
    if (value >= threshold) return value % bound;
  }
}

double Random::real() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

void fill_random(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    STRATA_ASSERT(got > 0);
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  fill_random(std::as_writable_bytes(std::span(&seed, 1)));
  return seed;
}

std::string uuid_v7(Timestamp now) {
  std::byte bytes[16];
  fill_random(bytes);
  const auto milliseconds = static_cast<std::uint64_t>(now / 1000);
  for (int i = 0; i < 6; ++i) bytes[i] = static_cast<std::byte>(milliseconds >> (40 - 8 * i));
  const auto fraction = static_cast<std::uint64_t>(now % 1000) * 4096 / 1000;  // of the millisecond
  bytes[6] = static_cast<std::byte>(0x70 | fraction >> 8);
  bytes[7] = static_cast<std::byte>(fraction);
  bytes[8] = (bytes[8] & std::byte{0x3f}) | std::byte{0x80};
  std::string text = to_hex(bytes);
  for (const std::size_t position : {8U, 13U, 18U, 23U}) text.insert(position, 1, '-');
  return text;
}

}  // namespace strata::core
