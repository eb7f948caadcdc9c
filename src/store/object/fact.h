#pragma once
/// The one kind of thing the catalog knows: "this became true, or stopped being true, at this LSN".
///
///     (address, the object itself)   the object is there
///     (address, pin)                 `put` without an owner refers to it
///     (address, owner)               that owner refers to it
///
/// An object's life and its references are versioned in the same way, so one sorted set of facts answers existence,
/// reference counts, listing and time travel alike: the newest version with lsn ≤ view decides (I2).
#include <compare>
#include <cstring>
#include <optional>
#include <vector>

#include "core/digest.h"
#include "strata/object.h"

namespace strata::store::object {

/// Who refers to an object: 0 is the object itself, 1 the pin, else the first 16 bytes of SHA-256 of the owner's name:
/// names of any length in fixed-width records, and no two names that anybody can find share one.
struct Subject {
  std::array<std::byte, 16> id{};
  bool operator==(const Subject&) const = default;
};
inline constexpr Subject kObject{};
inline constexpr Subject kPin{{std::byte{1}}};
inline constexpr std::size_t kOwnerBytesMax = 1024;

inline Subject subject_of(std::string_view owner) {
  if (owner.empty()) return kPin;
  const core::Digest digest = core::sha256(as_bytes(owner));
  Subject subject;
  std::memcpy(subject.id.data(), digest.data(), subject.id.size());
  return subject;
}

struct FactKey {
  Address address;
  Subject subject;
};
static_assert(sizeof(FactKey) == 48, "compared and stored as 48 bytes");

inline std::strong_ordering operator<=>(const FactKey& a, const FactKey& b) {
  return std::memcmp(&a, &b, sizeof(FactKey)) <=> 0;
}
inline bool operator==(const FactKey& a, const FactKey& b) { return std::memcmp(&a, &b, sizeof(FactKey)) == 0; }

/// LSN and truth in one word: ordered by LSN.
class Stamp {
 public:
  Stamp() = default;
  Stamp(Lsn lsn, bool alive) : word_(lsn << 1 | (alive ? 1U : 0U)) {}
  static Stamp from_word(std::uint64_t word) {
    Stamp stamp;
    stamp.word_ = word;
    return stamp;
  }
  Lsn lsn() const { return word_ >> 1; }
  bool alive() const { return (word_ & 1U) != 0; }
  std::uint64_t word() const { return word_; }
  auto operator<=>(const Stamp&) const = default;

 private:
  std::uint64_t word_ = 0;
};

struct Fact {
  FactKey key;
  Stamp stamp;
  friend auto operator<=>(const Fact& a, const Fact& b) {
    const auto by_key = a.key <=> b.key;
    return by_key != 0 ? by_key : a.stamp <=> b.stamp;
  }
  friend bool operator==(const Fact&, const Fact&) = default;
};

/// A half-open range of addresses; no end: to the last one.
struct AddressRange {
  Address begin;
  std::optional<Address> end;
};

struct AddressHash {
  std::size_t operator()(const Address& address) const noexcept {
    std::size_t hash = 0;  // a digest is already as random as a hash
    std::memcpy(&hash, address.digest.data() + 8, sizeof hash);
    return hash;
  }
};

}  // namespace strata::store::object
