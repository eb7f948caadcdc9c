#pragma once
/// What rot may do to one file of a database, and which of it is tried.
#include <cstdint>
#include <string>
#include <vector>

#include "core/random.h"

namespace strata::crash {

constexpr std::uint64_t kSector = 512;
/// Of a file up to this size every bit, every truncation and every pair of sectors is tried; of a larger one each sector.
constexpr std::uint64_t kSmallFile = 4096;

struct Damage {
  enum class Kind : std::uint8_t { bit, cut, zeroed, swapped, foreign };
  Kind kind = Kind::bit;
  std::uint64_t at = 0, other = 0;  // bits; bytes
  std::string file;
  std::string to_string() const;
};

/// Damages `directory`'s file; `another` is a directory that has the same files of another database. False: nothing changed.
bool strike(const std::string& directory, const std::string& another, const Damage& damage);

/// One of all that can happen to these files, for `--cases`.
Damage choose(const std::string& directory, const std::vector<std::string>& files, core::Random& random);

/// For `--exhaustive`: of a small file every bit, every truncation, every sector zeroed, every pair of sectors swapped; of a
/// larger one a drawn bit of each sector, every sector zeroed, cut at each sector and a byte before and after, each sector
/// swapped with the next and with a drawn one. And the file of another database in its place.
void every_damage(const std::string& directory, const std::string& file, core::Random& random,
                  std::vector<Damage>& out);

}  // namespace strata::crash
