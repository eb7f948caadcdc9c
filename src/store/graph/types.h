#pragma once
/// The words that every file of this folder uses.
#include <cstdint>
#include <limits>
#include <string_view>

#include "core/checksum.h"
#include "strata/graph.h"
#include "strata/value.h"

namespace strata::store::graph {

/// A node inside: the n-th text id this store has seen. A number belongs to its text for ever, whether or not a node of
/// that id exists at some view. Numbers near the top are lent to ids that a transaction has not committed yet.
using Number = std::uint32_t;
inline constexpr Number kNumberMax = 0xEFFF'FFFF;
inline constexpr Number kFirstLent = 0xF000'0000;
inline constexpr Lsn kLatest = std::numeric_limits<Lsn>::max();

inline constexpr std::size_t kIdBytesMax = 1'024;
inline constexpr std::size_t kNameBytesMax = 255;
inline constexpr std::size_t kLabelsMax = 1'000;
inline constexpr std::size_t kPropertiesBytesMax = 1 << 20;
inline constexpr std::size_t kResultsMax = 1'000'000;

/// One edge as seen from one of its ends.
struct Link {
  EdgeId edge;
  Number neighbour;
  std::uint32_t type;
};

/// SplitMix64's finisher: integers as hash keys.
inline std::uint64_t mix(std::uint64_t key) {
  key = (key ^ (key >> 30)) * 0xbf58476d1ce4e5b9ULL;
  key = (key ^ (key >> 27)) * 0x94d049bb133111ebULL;
  return key ^ (key >> 31);
}

/// The index entry of a value under (label, key). Values that are equal (Value::operator==) have equal hashes.
std::uint64_t index_hash(std::string_view label, std::string_view key, const Value& value);

}  // namespace strata::store::graph
