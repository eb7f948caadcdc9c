// What other programs' data needs: half precision, UTF-8 of strangers, names as UUIDs.
#include <gtest/gtest.h>

#include <cmath>

#include "core/half.h"
#include "core/utf8.h"
#include "core/uuid.h"

namespace strata::core {
namespace {

TEST(Half, ReadsEveryNumberThatItWrites) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float number = from_half(half);
    if (std::isnan(number)) continue;
    ASSERT_EQ(to_half(static_cast<double>(number)), half) << bits;
  }
  EXPECT_EQ(from_half(0x3C00), 1.0F);
  EXPECT_EQ(from_half(0x0001), std::ldexp(1.0F, -24));
  EXPECT_EQ(to_half(65519.9), 0x7BFF);
  EXPECT_EQ(to_half(65520.0), 0x7C00);
  EXPECT_EQ(to_half(-1e300), 0xFC00);
  EXPECT_EQ(to_half(std::nan("")), 0x7E00);
  EXPECT_EQ(to_half(1 + 0x1p-11 + 0x1p-40), 0x3C01);  // a float would lose the last bit, and round the other way
}

TEST(Half, ABfloat16IsTheUpperHalfOfAFloat) {
  EXPECT_EQ(from_bfloat16(0x3F80), 1.0F);
  EXPECT_EQ(from_bfloat16(0xC020), -2.5F);
  EXPECT_EQ(to_bfloat16(-2.5F), 0xC020);
  EXPECT_EQ(to_bfloat16(3.4e38F), 0x7F80);
}

TEST(Utf8, TakesTextAndRefusesWhatIsNone) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("n\xC3\xA4her \xE2\x82\xAC \xF0\x9F\x98\x80"));
  for (const std::string_view bad :
       {"\xFF", "\xC3", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "a\x80", "\xE2\x28\xA1"}) {
    EXPECT_FALSE(is_utf8(bad)) << bad;
  }
}

TEST(Uuid, IsThatOfEveryOtherProgram) {
  // python3 -c 'import uuid; print(uuid.uuid5(uuid.NAMESPACE_OID, "n1"))'
  EXPECT_EQ(uuid_of_text("n1"), "c3de3f83-2929-5cd4-bdd5-4491ec0a46b9");
  EXPECT_TRUE(is_uuid(uuid_of_text("")));
  EXPECT_TRUE(is_uuid("6BA7B812-9DAD-11D1-80B4-00C04FD430C8"));
  for (const std::string_view no : {"", "6ba7b812-9dad-11d1-80b4-00c04fd430c", "6ba7b812x9dad-11d1-80b4-00c04fd430c8",
                                    "6ba7b8129dad11d180b400c04fd430c8----"}) {
    EXPECT_FALSE(is_uuid(no)) << no;
  }
}

}  // namespace
}  // namespace strata::core
