#pragma once
/// The checksums over the pages of state.sqlite, and over the frames of its log.
///
///     page of state.sqlite     4,080 bytes of SQLite's · u64 its number · u64 XXH3-64 of the 4,088 bytes before
///     frame of the log         u32 page, u32 pages after the commit, u64 salt · u64 SQLite's sum over all frames up to it · a page
///
/// SQLite leaves 16 bytes free at the end of each page. They are filled when the page reaches the file itself; in the log, where
/// SQLite has a sum of its own, they are whatever they were.
#include <cstddef>
#include <cstdint>
#include <span>

namespace strata::store::metadata {

constexpr int kPageBytes = 4096;
constexpr int kReservedBytes = 16;
constexpr int kLogHeaderBytes = 32;
constexpr int kFrameHeaderBytes = 24;

using Page = std::span<std::byte, kPageBytes>;
using ConstPage = std::span<const std::byte, kPageBytes>;

/// Fills the last 16 bytes.
void seal_page(Page page, std::uint32_t number) noexcept;
/// What is wrong with the page, in words; nullptr: nothing.
const char* damage_of_page(ConstPage page, std::uint32_t number) noexcept;

/// The sum that SQLite put at `at` of a header in the log: two big-endian numbers.
struct LogSum {
  std::uint32_t first = 0, second = 0;
  bool operator==(const LogSum&) const = default;
  static LogSum read(const std::byte* at) noexcept;
};
/// Whether the sum in a frame's header is that of what was before, the header and the page.
bool is_sound_frame(LogSum before, std::span<const std::byte, kFrameHeaderBytes> header, ConstPage page) noexcept;

}  // namespace strata::store::metadata
