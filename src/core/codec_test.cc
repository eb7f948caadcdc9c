#include "core/codec.h"

#include <gtest/gtest.h>

namespace strata::core {
namespace {

TEST(Codec, ReadsBackWhatItWrote) {
  const Value value(Map{{"a", 1}, {"b", 2.5}, {"c", "text"}, {"d", Value::List{Value(), true, Bytes{std::byte{7}}}}});
  Bytes bytes;
  Encoder out(bytes);
  out.varint(300);
  out.zigzag(-5);
  out.value(value);
  Decoder in(bytes);
  EXPECT_EQ(in.varint(), 300U);
  EXPECT_EQ(in.zigzag(), -5);
  EXPECT_EQ(in.value(), value);
  EXPECT_TRUE(in.finish("test"));
}

TEST(Codec, EveryTruncationIsReportedAndNoneReadsPastTheEnd) {
  Bytes bytes;
  Encoder(bytes).value(Value(Map{{"a", Value::List{1, "two", 3.0}}, {"b", Map{{"c", 4}}}}));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    Decoder in(cut);
    (void)in.value();
    EXPECT_FALSE(in.finish("cut")) << size;
  }
}

TEST(Codec, ACountLargerThanTheInputIsRefusedBeforeMemoryIsReserved) {
  Bytes bytes;
  Encoder(bytes).varint(std::uint64_t{1} << 60);
  Decoder in(bytes);
  EXPECT_EQ(in.count(1), 0U);
  EXPECT_FALSE(in.ok());
}

TEST(Codec, AMapWhoseNamesDoNotAscendIsRefused) {
  const auto map_of = [](std::string_view first, std::string_view second) {
    Bytes bytes;
    Encoder out(bytes);
    out.varint(2);
    for (const std::string_view name : {first, second}) {
      out.text(name);
      out.value({});
    }
    return bytes;
  };
  const auto good = map_of("a", "b");
  Decoder in(good);
  EXPECT_EQ(in.map(), (Map{{"a", nullptr}, {"b", nullptr}}));
  EXPECT_TRUE(in.finish("map"));
  for (const Bytes& bad : {map_of("b", "a"), map_of("a", "a")}) {
    Decoder reversed(bad);
    (void)reversed.map();
    EXPECT_FALSE(reversed.finish("map"));
  }
}

}  // namespace
}  // namespace strata::core
