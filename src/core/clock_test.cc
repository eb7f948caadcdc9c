#include "core/clock.h"

#include <gtest/gtest.h>

#include "core/random.h"

namespace strata::core {
namespace {

TEST(Time, ReadsWhatItPrints) {
  for (const Timestamp time : {Timestamp{0}, Timestamp{-1}, Timestamp{1'763'632'800'123'456},
                               Timestamp{-62'167'219'200'000'000}, Timestamp{253'402'300'799'999'999}}) {
    const auto back = parse_time(format_time(time));
    ASSERT_TRUE(back) << format_time(time);
    EXPECT_EQ(*back, time) << format_time(time);
  }
}

TEST(Time, PrintsYearsOfMoreThanFourDigitsAndNegativeOnes) {
  EXPECT_EQ(format_time(INT64_MAX), "+294247-01-10T04:00:54.775807Z");
  EXPECT_EQ(format_time(INT64_MIN), "-290308-12-21T19:59:05.224192Z");
  EXPECT_EQ(format_time(-62'167'219'200'000'001), "-000001-12-31T23:59:59.999999Z");
  EXPECT_EQ(format_date(-1), "1969-12-31");
  EXPECT_EQ(format_date(INT32_MAX), "+5881580-07-11");
  EXPECT_EQ(format_time_of_day(86'399'999'999), "23:59:59.999999");
}

TEST(Time, ReadsDatesZonesAndFractions) {
  EXPECT_EQ(parse_time("1970-01-02").value(), 86'400'000'000);
  EXPECT_EQ(parse_time("1970-01-01T00:00:00.5z").value(), 500'000);
  EXPECT_EQ(parse_time("1970-01-01 01:00:00+01:00").value(), 0);
  EXPECT_EQ(parse_time("1969-12-31T23:30:00-00:30").value(), 0);
  EXPECT_EQ(parse_time("1970-01-01T00:00:00.0000019Z").value(), 1);
  EXPECT_EQ(parse_time("2016-12-31T23:59:60Z").value(), 1'483'228'800'000'000);  // a leap second
}

// Found by fuzzing: signs and blanks were read where only digits belong, and an offset led beyond years of four digits.
TEST(Time, RefusesWhatIsNotWrittenSo) {
  for (const std::string_view text : {"",
                                      "2026",
                                      "2026-11-2",
                                      "2026-11-20T10:00:00",
                                      "2026-02-30",
                                      "2023-02-29",
                                      "2026-13-01",
                                      "2026-00-01",
                                      "2026-11-20T24:00:00Z",
                                      "2026-11-20T10:60:00Z",
                                      "2026-11-20T10:00:61Z",
                                      "2026-11-20T10:00:00.Z",
                                      "2026-11-20T-1:00:00Z",
                                      "2026- 1- 1",
                                      "+202-01-01",
                                      "-001-01-01",
                                      "2026-11-20T10:00:00+-1:-1",
                                      "2026-11-20T10:00:00+24:00",
                                      "2026-11-20T10:00:00ZZ",
                                      "2026-11-20x10:00:00Z",
                                      "9999-12-31T23:59:00-00:01",
                                      "0000-01-01T00:00:00+00:01"}) {
    const auto time = parse_time(text);
    ASSERT_FALSE(time) << text << " was read as " << format_time(*time);
    EXPECT_EQ(time.error().code(), ErrorCode::invalid_argument);
  }
}

TEST(Uuid, AscendsByMicrosecond) {
  std::string before;
  for (Timestamp now = 1'700'000'000'123'400; now < 1'700'000'000'125'600; ++now) {  // over two milliseconds
    const std::string made = uuid_v7(now);
    ASSERT_EQ(made.size(), 36U);
    EXPECT_EQ(made[14], '7');
    EXPECT_GT(made, before);
    before = made;
  }
}

}  // namespace
}  // namespace strata::core
