#pragma once
/// Randomness arrives through constructors, seeded, so that a run can be repeated.
#include <cstdint>
#include <string>

#include "strata/value.h"

namespace strata::core {

/// xoshiro256** (Blackman and Vigna 2018), seeded by SplitMix64. Not for secrets. One thread at a time.
class Random {
 public:
  explicit Random(std::uint64_t seed);
  std::uint64_t next();
  std::uint64_t below(std::uint64_t bound);  ///< 0 … bound − 1, without bias; bound > 0
  double real();                             ///< [0, 1)
  bool chance(double probability) { return real() < probability; }

 private:
  std::uint64_t state_[4];
};

/// Bytes from the operating system: ids, tokens, seeds.
void fill_random(std::span<std::byte> out);
std::uint64_t random_seed();

/// A UUIDv7 (RFC 9562 sections 5.7 and 6.2, method 3): 48 bits of milliseconds, 12 of the fraction, so that ids ascend by
/// microsecond; the rest random; "0193…-7…-…" in lower case.
std::string uuid_v7(Timestamp now);

}  // namespace strata::core
