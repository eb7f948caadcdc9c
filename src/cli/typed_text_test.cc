#include "cli/typed_text.h"

#include <gtest/gtest.h>

#include "cli/output.h"

namespace strata::cli {
namespace {

using Kind = ValueType::Kind;

TEST(TypedText, ShowsMomentsAsIsoText) {
  EXPECT_EQ(text_of(1'763'632'800'123'456, {Kind::timestamp}), "2025-11-20T10:00:00.123456Z");
  EXPECT_EQ(text_of(INT64_MAX, {Kind::timestamp}), "infinity");
  EXPECT_EQ(text_of(-INT64_MAX, {Kind::timestamp}), "-infinity");
  EXPECT_EQ(text_of(20'777, {Kind::date}), "2026-11-20");
  EXPECT_EQ(text_of(-INT32_MAX, {Kind::date}), "-infinity");
  EXPECT_EQ(text_of(36'000'250'000, {Kind::time}), "10:00:00.250000");
  EXPECT_EQ(text_of(Value(), {Kind::timestamp}), "");
  EXPECT_EQ(json_of(Value(), {Kind::timestamp}), "null");
}

TEST(TypedText, ShowsIntervalsAsIsoText) {
  const auto shown = [](std::int64_t months, std::int64_t days, std::int64_t us) {
    return text_of(Value::List{months, days, us}, {Kind::interval});
  };
  EXPECT_EQ(shown(0, 0, 0), "PT0S");
  EXPECT_EQ(shown(14, 0, 0), "P14M");
  EXPECT_EQ(shown(1, -2, 3'500'000), "P1M-2DT3.5S");
  EXPECT_EQ(shown(0, 0, -1), "PT-0.000001S");
}

TEST(TypedText, GoesIntoListsStructuresAndMaps) {
  const ValueType dates{Kind::list, {{Kind::date}}};
  EXPECT_EQ(json_of(Value::List{1, Value()}, dates), R"(["1970-01-02",null])");
  const ValueType structure{Kind::structure, {{Kind::timestamp}, {Kind::decimal}}, {"t", "a"}};
  EXPECT_EQ(json_of(Map{{"a", "1.50"}, {"t", 0}}, structure), R"({"t":"1970-01-01T00:00:00.000000Z","a":1.50})");
  const ValueType row{Kind::structure, {{Kind::date}, {Kind::text}}};
  EXPECT_EQ(json_of(Value::List{0, "x"}, row), R"(["1970-01-01","x"])");
  const ValueType map{Kind::map, {{Kind::date}, dates}};
  EXPECT_EQ(json_of(Map{{"1", Value::List{0}}}, map), R"({"1970-01-02":["1970-01-01"]})");
}

TEST(TypedText, IsInEveryFormatOfAnAnswer) {
  const Rows rows{{"day", "price", "wide"},
                  {{1, "12.50", "18446744073709551615"}, {Value(), "0.05", 7}},
                  {{Kind::date}, {Kind::decimal}, {Kind::integer}}};
  EXPECT_EQ(print_rows(rows, Format::table, 0),
            "day         price                  wide\n"
            "──────────  ─────  ────────────────────\n"
            "1970-01-02  12.50  18446744073709551615\n"
            "             0.05                     7\n");
  EXPECT_EQ(print_rows(rows, Format::tsv, 0), "1970-01-02\t12.50\t18446744073709551615\n\t0.05\t7\n");
  EXPECT_EQ(print_rows(rows, Format::csv, 0), "day,price,wide\n1970-01-02,12.50,18446744073709551615\n,0.05,7\n");
  EXPECT_EQ(print_rows(rows, Format::json, 0),
            "[\n{\"day\": \"1970-01-02\", \"price\": 12.50, \"wide\": 18446744073709551615},\n"
            "{\"day\": null, \"price\": 0.05, \"wide\": 7}\n]\n");
}

}  // namespace
}  // namespace strata::cli
