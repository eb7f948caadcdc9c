#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "strata/value.h"

namespace strata {
namespace {

Value read(std::string_view text) {
  auto value = parse_json(text);
  EXPECT_TRUE(value.has_value()) << text << ": " << (value ? "" : value.error().to_string());
  return value ? *std::move(value) : Value();
}

std::string refusal(std::string_view text) {
  const auto value = parse_json(text);
  if (value) return "accepted as " + to_json(*value);
  EXPECT_EQ(value.error().code(), ErrorCode::invalid_argument) << text;
  return value.error().message();
}

TEST(Json, ReadsWhatItPrints) {
  const Value value(Map{{"null", nullptr},
                        {"no", false},
                        {"least", std::numeric_limits<std::int64_t>::min()},
                        {"real", 1.0},
                        {"text", "a \"b\" \\ \n \x01 \xf0\x9f\x98\x80"},
                        {"bytes", Bytes{std::byte{1}, std::byte{255}}},
                        {"list", Value::List{1, Value::List{}, Map{}}},
                        {"nan", std::nan("")},
                        {"endless", Value::List{HUGE_VAL, -HUGE_VAL}}});
  EXPECT_EQ(read(to_json(value)), value);
}

// Found by fuzzing: the library's own conversion is off by the last bit for some.
TEST(Json, EveryRealComesBackAsItWas) {
  for (const double real : {-9223333700089223333700081.0, 0.1, 1e22, 1e23, 5e-324, 1.7976931348623157e308, -0.0,
                            2.2250738585072011e-308, 123456789012345678e5, 7.2057594037927933e16}) {
    const Value back = read(to_json(Value(real)));
    ASSERT_NE(back.real(), nullptr) << to_json(Value(real));
    EXPECT_EQ(std::signbit(*back.real()), std::signbit(real));
    EXPECT_EQ(*back.real(), real) << to_json(Value(real));
  }
  EXPECT_EQ(*read("-9.223333700089223333700081e24").real(), -9.223333700089223333700081e24);
}

TEST(Json, NumbersOutOfRangeAreRefused) {
  for (const std::string_view text : {"9223372036854775808", "-9223372036854775809", "18446744073709551616",
                                      "[100000000000000000000000000]", "1e400", "-1e400", R"({"a":1e-400})"}) {
    EXPECT_NE(refusal(text).find("a number out of range"), std::string::npos) << refusal(text);
  }
  EXPECT_EQ(read("9223372036854775807"), Value(std::numeric_limits<std::int64_t>::max()));
}

TEST(Json, ANameGivenTwiceIsRefused) {
  EXPECT_NE(refusal(R"({"a":1,"b":2,"a":3})").find("\"a\" is given twice"), std::string::npos);
  EXPECT_NE(refusal(R"([{"x":{"\u0061":1,"a":1}}])").find("\"a\" is given twice"), std::string::npos);
  EXPECT_EQ(read(R"([{"a":1},{"a":2}])"), Value(Value::List{Map{{"a", 1}}, Map{{"a", 2}}}));
}

TEST(Json, NestsAsDeepAsItSaysAndNoDeeper) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(to_json(read(nested(64))), nested(64));
  EXPECT_NE(refusal(nested(65)).find("not JSON at byte"), std::string::npos);
}

TEST(Json, RefusesWhatIsNoJson) {
  for (const std::string_view text : {"", " ", "{", "[1,]", "1 2", "nul", "\"\xff\"", "\"\\ud800\"", "01", "{\"a\":1}}",
                                      "// 1\n1", "-", "NaN", R"({"$bytes":"*"})", R"({"$real":"nan"})"}) {
    EXPECT_NE(refusal(text).substr(0, 8), "accepted") << text;
  }
}

TEST(Json, BytesAndSpecialRealsStandAlone) {
  EXPECT_EQ(read(R"({"$bytes":"QUJD"})"), Value(Bytes{std::byte{65}, std::byte{66}, std::byte{67}}));
  EXPECT_EQ(read(R"({"$bytes":"QUJD","x":1})"), Value(Map{{"$bytes", "QUJD"}, {"x", 1}}));
  EXPECT_EQ(read(R"({"$bytes":1})"), Value(Map{{"$bytes", 1}}));
}

}  // namespace
}  // namespace strata
