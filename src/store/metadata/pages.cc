#include "store/metadata/pages.h"

#include <cstring>

#include "core/checksum.h"
#include "core/endian.h"

namespace strata::store::metadata {
namespace {

constexpr std::size_t kNumberAt = kPageBytes - kReservedBytes;
constexpr std::size_t kHashAt = kPageBytes - 8;
constexpr std::size_t kReservedBytesAt = 20;  // in page 1, which begins with SQLite's header

/// SQLite's checksum over a log: it runs on from frame to frame, in the byte order of the machine that made the log.
template <bool kSwapped>
LogSum continued(LogSum sum, std::span<const std::byte> bytes) {
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    std::uint32_t words[2];
    std::memcpy(words, bytes.data() + at, sizeof words);
    if constexpr (kSwapped) {
      words[0] = __builtin_bswap32(words[0]);
      words[1] = __builtin_bswap32(words[1]);
    }
    sum.first += words[0] + sum.second;
    sum.second += words[1] + sum.first;
  }
  return sum;
}

}  // namespace

void seal_page(Page page, std::uint32_t number) noexcept {
  core::store<std::uint64_t>(page.data() + kNumberAt, number);
  core::store(page.data() + kHashAt, core::xxh3_64(page.first<kHashAt>()));
}

const char* damage_of_page(ConstPage page, std::uint32_t number) noexcept {
  if (core::load<std::uint64_t>(page.data() + kHashAt) != core::xxh3_64(page.first<kHashAt>())) {
    const bool has_none = number == 1 && page[kReservedBytesAt] != std::byte{kReservedBytes};
    return has_none ? "it has no checksums" : "the checksum is wrong";
  }
  return core::load<std::uint64_t>(page.data() + kNumberAt) != number ? "another page is in its place" : nullptr;
}

LogSum LogSum::read(const std::byte* at) noexcept {
  std::uint32_t words[2];
  std::memcpy(words, at, sizeof words);
  return {__builtin_bswap32(words[0]), __builtin_bswap32(words[1])};
}

bool is_sound_frame(LogSum before, std::span<const std::byte, kFrameHeaderBytes> header, ConstPage page) noexcept {
  const LogSum said = LogSum::read(header.data() + 16);
  const auto about = header.first<8>();  // the salt is not summed: SQLite compares it when it finds the frame
  return continued<false>(continued<false>(before, about), page) == said ||
         continued<true>(continued<true>(before, about), page) == said;
}

}  // namespace strata::store::metadata
