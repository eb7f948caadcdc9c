#include "store/vector/filter/filter.h"

#include <gtest/gtest.h>

#include <cmath>

namespace strata::store::vector {
namespace {

bool matches(std::string_view filter, std::string_view payload, std::string_view id = "n1") {
  const auto compiled = CompiledFilter::compile(*parse_json(filter)->map());
  EXPECT_TRUE(compiled) << filter;
  Bytes bytes;
  core::Encoder(bytes).map(*parse_json(payload)->map());
  return compiled && compiled->matches(id, bytes);
}

TEST(Filter, HoldsAsItsDocumentationSays) {
  struct Case {
    std::string_view filter, payload;
    bool expected;
  };
  const Case cases[] = {
      {R"({})", R"({})", true},
      {R"({"lang": "en"})", R"({"lang": "en", "a": 1})", true},
      {R"({"lang": "en"})", R"({"lang": "de"})", false},
      {R"({"lang": "en"})", R"({})", false},
      {R"({"lang": "en"})", R"({"lang": ["de", "en"]})", true},
      {R"({"tags": ["a", "b"]})", R"({"tags": ["a", "b"]})", true},
      {R"({"tags": ["a", "b"]})", R"({"tags": ["a"]})", false},
      {R"({"tags": ["a"]})", R"({"tags": ["a", "b"]})", false},
      {R"({"n": 1})", R"({"n": 1.0})", true},
      {R"({"n": 1.0})", R"({"n": 1})", true},
      {R"({"n": 1})", R"({"n": "1"})", false},
      {R"({"n": true})", R"({"n": true})", true},
      {R"({"n": true})", R"({"n": 1})", false},
      {R"({"n": null})", R"({"n": null})", true},
      {R"({"n": null})", R"({})", false},
      {R"({"year": {"gte": 2020, "lt": 2024}})", R"({"year": 2020})", true},
      {R"({"year": {"gte": 2020, "lt": 2024}})", R"({"year": 2024})", false},
      {R"({"year": {"gte": 2020, "lt": 2024}})", R"({"year": 2023.9})", true},
      {R"({"year": {"gt": 2020}})", R"({"year": "2021"})", false},
      {R"({"year": {"gte": 5, "lte": 6}})", R"({"year": [1, 10]})", false},
      {R"({"year": {"gte": 5, "lte": 6}})", R"({"year": [1, 5.5]})", true},
      {R"({"n": {"gt": 9007199254740992.0}})", R"({"n": 9007199254740993})", true},
      {R"({"n": {"lt": 9223372036854775807}})", R"({"n": 9223372036854775806})", true},
      {R"({"name": {"gte": "b"}})", R"({"name": "abc"})", false},
      {R"({"name": {"gte": "b"}})", R"({"name": "bc"})", true},
      {R"({"lang": {"any": ["en", "de", 3]}})", R"({"lang": "de"})", true},
      {R"({"lang": {"any": ["en", "de", 3]}})", R"({"lang": 3.0})", true},
      {R"({"lang": {"any": ["en", "de", 3]}})", R"({"lang": "fr"})", false},
      {R"({"lang": {"any": []}})", R"({"lang": "fr"})", false},
      {R"({"lang": {"any": ["en"]}})", R"({"lang": ["fr", "en"]})", true},
      {R"({"lang": {"except": ["fr"]}})", R"({"lang": "de"})", true},
      {R"({"lang": {"except": ["fr"]}})", R"({"lang": "fr"})", false},
      {R"({"lang": {"except": ["fr"]}})", R"({"lang": ["de", "fr"]})", false},
      {R"({"lang": {"except": ["fr"]}})", R"({})", false},
      {R"({"lang": {"is_null": true}})", R"({})", true},
      {R"({"lang": {"is_null": true}})", R"({"lang": null})", true},
      {R"({"lang": {"is_null": true}})", R"({"lang": "en"})", false},
      {R"({"lang": {"is_null": false}})", R"({"lang": "en"})", true},
      {R"({"lang": {"is_null": false}})", R"({"lang": ["en"]})", true},
      {R"({"lang": {"is_null": false}})", R"({})", false},
      {R"({"a.b": 1})", R"({"a": {"b": 1}})", true},
      {R"({"a.b": 1})", R"({"a.b": 1})", true},
      {R"({"a.b.c": 1})", R"({"a": {"b": {"c": 1}}})", true},
      {R"({"a.b.c": 1})", R"({"a.b": {"c": 1}})", true},
      {R"({"a.b": 1})", R"({"a": 1})", false},
      {R"({"must": [{"a": 1}, {"b": 2}]})", R"({"a": 1, "b": 2})", true},
      {R"({"must": [{"a": 1}, {"b": 2}]})", R"({"a": 1})", false},
      {R"({"should": [{"a": 1}, {"b": 2}]})", R"({"b": 2})", true},
      {R"({"should": []})", R"({})", false},
      {R"({"must_not": [{"a": 1}]})", R"({"a": 1})", false},
      {R"({"must_not": [{"a": 1}]})", R"({})", true},
      {R"({"a": 1, "should": [{"b": 1}, {"c": 1}]})", R"({"a": 1, "c": 1})", true},
      {R"({"has_id": ["n0", "n1"]})", R"({})", true},
      {R"({"has_id": ["n0"]})", R"({})", false},
      {R"({"must_not": [{"has_id": ["n1"]}]})", R"({})", false},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(matches(each.filter, each.payload), each.expected) << each.filter << " on " << each.payload;
  }
}

TEST(Filter, RefusesWhatItDoesNotKnowAndSaysWhere) {
  const auto error = [](std::string_view filter) {
    const auto compiled = CompiledFilter::compile(*parse_json(filter)->map());
    return compiled ? std::string() : compiled.error().to_string();
  };
  EXPECT_NE(error(R"({"year": {"near": 3}})").find("\"near\""), std::string::npos);
  EXPECT_NE(error(R"({"year": {}})").find("\"year\""), std::string::npos);
  EXPECT_NE(error(R"({"year": {"gt": true}})").find("\"year\""), std::string::npos);
  EXPECT_NE(error(R"({"year": {"any": 3}})").find("\"any\""), std::string::npos);
  EXPECT_NE(error(R"({"must": {"a": 1}})").find("\"must\""), std::string::npos);
  EXPECT_NE(error(R"({"should": [3]})").find("\"should\""), std::string::npos);
  EXPECT_NE(error(R"({"has_id": [3]})").find("\"has_id\""), std::string::npos);
  Map deep{{"a", 1}};
  for (int i = 0; i < 100; ++i) deep = Map{{"must", Value::List{deep}}};
  EXPECT_EQ(CompiledFilter::compile(deep).error().code(), ErrorCode::invalid_argument);
}

TEST(Filter, NamesTheIdsThatEveryMatchMustHave) {
  const auto required = [](std::string_view filter) -> std::optional<std::vector<std::string>> {
    const auto compiled = CompiledFilter::compile(*parse_json(filter)->map());
    const auto ids = compiled->required_ids();
    if (!ids) return std::nullopt;
    return std::vector<std::string>(ids->begin(), ids->end());
  };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(required(R"({"has_id": ["b", "a", "b"]})"), (Ids{"a", "b"}));
  EXPECT_EQ(required(R"({"x": 1, "has_id": []})"), Ids());
  EXPECT_EQ(required(R"({"must": [{"x": 1}, {"must": [{"has_id": ["a"]}]}]})"), Ids{"a"});
  EXPECT_EQ(required(R"({"has_id": ["a", "b"], "must": [{"has_id": ["c"]}]})"), Ids{"c"}) << "the shorter one";
  EXPECT_EQ(required(R"({})"), std::nullopt);
  EXPECT_EQ(required(R"({"x": 1})"), std::nullopt);
  EXPECT_EQ(required(R"({"should": [{"has_id": ["a"]}, {"x": 1}]})"), std::nullopt);
  EXPECT_EQ(required(R"({"must_not": [{"has_id": ["a"]}]})"), std::nullopt);
}

TEST(Filter, DamagedPayloadsMatchNothingAndCrashNothing) {
  Bytes bytes;
  core::Encoder(bytes).map({{"a", Value::List{1, "two", Map{{"x", 3}}}}, {"b", Map{{"c", "text"}}}});
  const auto filter = CompiledFilter::compile({{"b.c", "text"}, {"a", "two"}});
  ASSERT_TRUE(filter->matches("", bytes));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_FALSE(filter->matches("", ByteView(bytes).first(i))) << i;
    for (int bit = 0; bit < 8; ++bit) {
      Bytes flipped = bytes;
      flipped[i] ^= static_cast<std::byte>(1 << bit);
      (void)filter->matches("", flipped);
      (void)is_encoded_map(flipped);
    }
  }
}

}  // namespace
}  // namespace strata::store::vector
