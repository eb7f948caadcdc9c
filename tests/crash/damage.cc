#include "crash/damage.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>

namespace strata::crash {
namespace {

namespace fs = std::filesystem;

bool flip(int file, std::uint64_t bit) {
  char byte = 0;
  const auto at = static_cast<off_t>(bit / 8);
  if (::pread(file, &byte, 1, at) != 1) return false;
  byte = static_cast<char>(byte ^ (1 << bit % 8));
  return ::pwrite(file, &byte, 1, at) == 1;
}

/// Writes `two` at the place of `one`, and one at the place of two when they change places.
bool replace(int file, const Damage& damage) {
  std::array<char, kSector> one{}, two{};
  const auto at = static_cast<off_t>(damage.at), other = static_cast<off_t>(damage.other);
  const ssize_t first = ::pread(file, one.data(), kSector, at);
  const bool swap = damage.kind == Damage::Kind::swapped;
  const ssize_t second = swap ? ::pread(file, two.data(), kSector, other) : first;
  const auto bytes = static_cast<std::size_t>(first);
  if (first != second || first <= 0 || std::memcmp(one.data(), two.data(), bytes) == 0) return false;
  if (::pwrite(file, two.data(), bytes, at) != first) return false;
  return !swap || ::pwrite(file, one.data(), bytes, other) == first;
}

}  // namespace

std::string Damage::to_string() const {
  static constexpr const char* kNames[] = {"bit flipped", "cut", "sector zeroed", "sectors swapped",
                                           "file of another database"};
  return file + ": " + kNames[static_cast<std::size_t>(kind)] + " at " + std::to_string(at) +
         (kind == Kind::swapped ? " and " + std::to_string(other) : "");
}

bool strike(const std::string& directory, const std::string& another, const Damage& damage) {
  const std::string path = directory + "/" + damage.file;
  if (damage.kind == Damage::Kind::cut) {
    fs::resize_file(path, damage.at);
    return true;
  }
  if (damage.kind == Damage::Kind::foreign) {
    const std::string from = another + "/" + damage.file;
    if (!fs::exists(from)) return false;
    fs::copy_file(from, path, fs::copy_options::overwrite_existing);
    return true;
  }
  const int file = ::open(path.c_str(), O_RDWR);
  if (file < 0) return false;
  const bool changed = damage.kind == Damage::Kind::bit ? flip(file, damage.at) : replace(file, damage);
  ::close(file);
  return changed;
}

Damage choose(const std::string& directory, const std::vector<std::string>& files, core::Random& random) {
  Damage damage;
  damage.file = files[random.below(files.size())];
  const std::uint64_t size = fs::file_size(directory + "/" + damage.file);
  const std::uint64_t sectors = (size + kSector - 1) / kSector;
  const std::uint64_t dice = random.below(20);
  if (dice == 0) {
    damage.kind = Damage::Kind::foreign;
  } else if (dice < 4) {
    damage.kind = Damage::Kind::cut;
    damage.at = random.below(size);
  } else if (dice < 6) {
    damage.kind = Damage::Kind::zeroed;
    damage.at = random.below(sectors) * kSector;
  } else if (dice < 8) {
    damage.kind = Damage::Kind::swapped;
    damage.at = random.below(sectors) * kSector;
    damage.other = random.below(sectors) * kSector;
  } else {
    damage.at = random.below(size * 8);
  }
  return damage;
}

void every_damage(const std::string& directory, const std::string& file, core::Random& random,
                  std::vector<Damage>& out) {
  using Kind = Damage::Kind;
  const std::uint64_t size = fs::file_size(directory + "/" + file);
  const bool small = size <= kSmallFile;
  const auto add = [&](Kind kind, std::uint64_t at, std::uint64_t other = 0) {
    out.push_back({kind, at, other, file});
  };
  if (small) {
    for (std::uint64_t bit = 0; bit < size * 8; ++bit) add(Kind::bit, bit);
    for (std::uint64_t end = 0; end < size; ++end) add(Kind::cut, end);
  }
  const std::uint64_t sectors = (size + kSector - 1) / kSector;
  for (std::uint64_t at = 0; at < size; at += kSector) {
    add(Kind::zeroed, at);
    if (small) {
      for (std::uint64_t other = at + kSector; other < size; other += kSector) add(Kind::swapped, at, other);
      continue;
    }
    add(Kind::bit, at * 8 + random.below(std::min(kSector, size - at) * 8));
    if (at > 0) add(Kind::cut, at - 1);
    add(Kind::cut, at);
    add(Kind::cut, at + 1);
    if (at + kSector < size) add(Kind::swapped, at, at + kSector);
    add(Kind::swapped, at, random.below(sectors) * kSector);
  }
  if (!small) add(Kind::cut, size - 1);
  add(Kind::foreign, 0);
}

}  // namespace strata::crash
