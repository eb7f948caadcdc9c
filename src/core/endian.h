#pragma once
/// Little-endian loads and stores on unaligned bytes: the byte order of every Strata file.
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>

namespace strata::core {

static_assert(std::endian::native == std::endian::little,
              "the mapped file formats are read in place; a big-endian port needs swapping loads here and there");

template <typename T>
  requires std::is_trivially_copyable_v<T>
T load(const std::byte* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

template <typename T>
  requires std::is_trivially_copyable_v<T>
void store(std::byte* to, T value) noexcept {
  std::memcpy(to, &value, sizeof(T));
}

}  // namespace strata::core
