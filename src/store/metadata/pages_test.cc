#include "store/metadata/pages.h"

#include <gtest/gtest.h>

#include <array>
#include <string_view>

#include "core/random.h"

namespace strata::store::metadata {
namespace {

std::array<std::byte, kPageBytes> some_page() {
  core::Random random(1);
  std::array<std::byte, kPageBytes> page;
  for (std::byte& byte : page) byte = static_cast<std::byte>(random.next());
  return page;
}

void flip(std::span<std::byte> bytes, std::size_t bit) { bytes[bit / 8] ^= std::byte{1} << static_cast<int>(bit % 8); }

TEST(Pages, EveryBitOfAPageIsCovered) {
  auto page = some_page();
  seal_page(page, 7);
  ASSERT_EQ(damage_of_page(page, 7), nullptr);
  for (std::size_t bit = 0; bit < kPageBytes * 8; ++bit) {
    flip(page, bit);
    ASSERT_NE(damage_of_page(page, 7), nullptr) << bit;
    flip(page, bit);
  }
  EXPECT_EQ(damage_of_page(page, 7), nullptr);
}

TEST(Pages, APageInThePlaceOfAnotherIsNoticed) {
  auto page = some_page();
  seal_page(page, 7);
  EXPECT_EQ(std::string_view(damage_of_page(page, 8)), "another page is in its place");
}

TEST(Pages, APageOfNothingButZerosIsDamaged) {
  const std::array<std::byte, kPageBytes> page{};
  EXPECT_NE(damage_of_page(page, 1), nullptr);
}

TEST(Pages, EveryBitOfAFrameThatSqliteSumsIsCovered) {
  auto page = some_page();
  std::array<std::byte, kFrameHeaderBytes> header{};
  header[3] = std::byte{9};
  const LogSum before{1, 2};
  // The sum by the words of the file format: "s0 += x(0) + s1; s1 += x(1) + s0", over 8 bytes of header and the page.
  std::uint32_t first = before.first, second = before.second;
  const auto add = [&](std::span<const std::byte> bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += 8) {
      const auto word = [&](std::size_t from) {
        std::uint32_t value = 0;
        for (std::size_t i = 0; i < 4; ++i) value |= std::to_integer<std::uint32_t>(bytes[from + i]) << 8 * i;
        return value;
      };
      first += word(at) + second;
      second += word(at + 4) + first;
    }
  };
  add(std::span(header).first(8));
  add(page);
  for (std::size_t i = 0; i < 4; ++i) {
    header[16 + i] = static_cast<std::byte>(first >> (24 - 8 * i));
    header[20 + i] = static_cast<std::byte>(second >> (24 - 8 * i));
  }
  ASSERT_TRUE(is_sound_frame(before, header, page));
  EXPECT_FALSE(is_sound_frame({1, 3}, header, page));
  for (std::size_t bit = 0; bit < kPageBytes * 8; ++bit) {
    flip(page, bit);
    ASSERT_FALSE(is_sound_frame(before, header, page)) << bit;
    flip(page, bit);
  }
  for (std::size_t bit = 0; bit < kFrameHeaderBytes * 8; ++bit) {
    if (bit / 8 >= 8 && bit / 8 < 16) continue;  // the salt
    flip(header, bit);
    ASSERT_FALSE(is_sound_frame(before, header, page)) << bit;
    flip(header, bit);
  }
}

}  // namespace
}  // namespace strata::store::metadata
