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
      {R"({"at": {"time": {"gte": "2026-11-20T10:00:00Z"}}})", R"({"at": "2026-11-20T11:00:00+01:00"})", true},
      {R"({"at": {"time": {"gt": "2026-11-20T10:00:00Z"}}})", R"({"at": "2026-11-20T11:00:00+01:00"})", false},
      {R"({"at": {"time": {"lte": "2026-11-20T10:00:00Z"}}})", R"({"at": "2026-11-20T11:00:00+01:00"})", true},
      {R"({"at": {"time": {"lt": "2026-11-20T10:00:00Z"}}})", R"({"at": "2026-11-20T11:00:00+01:00"})", false},
      {R"({"at": {"time": {"gte": "2026-11-20", "lt": "2026-11-21"}}})", R"({"at": "2026-11-20T23:59:59.9"})", true},
      {R"({"at": {"time": {"gte": "2026-11-20", "lt": "2026-11-21"}}})", R"({"at": "2026-11-20"})", true},
      {R"({"at": {"time": {"gte": "2026-11-20", "lt": "2026-11-21"}}})", R"({"at": "2026-11-21"})", false},
      {R"({"at": {"time": {"gte": "1970-01-01T00:00:01Z"}}})", R"({"at": 1000000})", true},
      {R"({"at": {"time": {"gte": 1000001}}})", R"({"at": "1970-01-01T00:00:01Z"})", false},
      {R"({"at": {"time": {"gte": "1970-01-01"}}})", R"({"at": "yesterday"})", false},
      {R"({"at": {"time": {"gte": "1970-01-01"}}})", R"({"at": 1.5e300})", false},
      {R"({"at": {"time": {"gte": "1970-01-01"}}})", R"({})", false},
      {R"({"at": {"time": {"gte": "2026-11-20", "lt": "2026-11-21"}}})", R"({"at": ["2026-11-19", "2026-11-22"]})",
       false},
      {R"({"p": {"geo_radius": {"lat": 52.52, "lon": 13.405, "meters": 600000}}})",
       R"({"p": {"lat": 48.1372, "lon": 11.5755}})", true},
      {R"({"p": {"geo_radius": {"lat": 52.52, "lon": 13.405, "meters": 500000}}})",
       R"({"p": {"lat": 48.1372, "lon": 11.5755}})", false},
      {R"({"p": {"geo_radius": {"lat": 0, "lon": 179.5, "meters": 120000}}})", R"({"p": {"lat": 0, "lon": -179.5}})",
       true},
      {R"({"p": {"geo_radius": {"lat": 0, "lon": 0, "meters": 1}}})", R"({"p": {"lat": 91, "lon": 0}})", false},
      {R"({"p": {"geo_radius": {"lat": 0, "lon": 0, "meters": 1}}})", R"({"p": [0, 0]})", false},
      {R"({"p": {"geo_radius": {"lat": 0, "lon": 0, "meters": 1}}})",
       R"({"p": [{"lat": 9, "lon": 9}, {"lat": 0, "lon": 0}]})", true},
      {R"({"p": {"geo_box": {"north": 1, "south": -1, "west": 170, "east": -170}}})",
       R"({"p": {"lat": 0, "lon": 180}})", true},
      {R"({"p": {"geo_box": {"north": 1, "south": -1, "west": 170, "east": -170}}})", R"({"p": {"lat": 0, "lon": 0}})",
       false},
      {R"({"p": {"geo_box": {"north": 1, "south": -1, "west": -1, "east": 1}}})", R"({"p": {"lat": 1, "lon": -1}})",
       true},
      {R"({"p": {"geo_polygon": [{"lat": 0, "lon": 0}, {"lat": 4, "lon": 0}, {"lat": 0, "lon": 4}]}})",
       R"({"p": {"lat": 2, "lon": 2}})", true},
      {R"({"p": {"geo_polygon": [{"lat": 0, "lon": 0}, {"lat": 4, "lon": 0}, {"lat": 0, "lon": 4}]}})",
       R"({"p": {"lat": 2.1, "lon": 2}})", false},
      {R"({"body": {"all_words": "FOX red"}})", R"({"body": "The red fox."})", true},
      {R"({"body": {"all_words": "fox blue"}})", R"({"body": "The red fox."})", false},
      {R"({"body": {"any_word": "fox blue"}})", R"({"body": "The red fox."})", true},
      {R"({"body": {"any_word": "fo"}})", R"({"body": "The red fox."})", false},
      {R"({"body": {"any_word": "über"}})", R"({"body": "ÜBER uns"})", true},
      {R"({"body": {"all_words": "red fox"}})", R"({"body": ["red", "fox"]})", false},
      {R"({"body": {"all_words": "fox", "any_word": "blue"}})", R"({"body": "blue fox"})", true},
      {R"({"body": {"any_word": "7"}})", R"({"body": 7})", false},
      {R"({"parts": {"nested": {"kind": "a", "n": {"gt": 3}}}})",
       R"({"parts": [{"kind": "a", "n": 1}, {"kind": "b", "n": 5}]})", false},
      {R"({"parts": {"nested": {"kind": "a", "n": {"gt": 3}}}})",
       R"({"parts": [{"kind": "b", "n": 5}, {"kind": "a", "n": 5}]})", true},
      {R"({"parts": {"nested": {"kind": "a"}}})", R"({"parts": {"kind": "a"}})", true},
      {R"({"parts": {"nested": {"must_not": [{"kind": "a"}]}}})", R"({"parts": [{"kind": "a"}]})", false},
      {R"({"parts": {"nested": {"must_not": [{"kind": "a"}]}}})", R"({"parts": []})", false},
      {R"({"parts": {"nested": {}}})", R"({"parts": [7]})", false},
      {R"({"parts": {"nested": {"of": {"nested": {"x": 1, "y": 2}}}}})",
       R"({"parts": [{"of": [{"x": 1}, {"x": 1, "y": 2}]}]})", true},
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
  EXPECT_NE(error(R"({"at": {"time": {"gte": "soon"}}})").find("1970): \"soon\""), std::string::npos);
  EXPECT_NE(error(R"({"year": {"gt": true}})").find("\"year\""), std::string::npos);
  EXPECT_NE(error(R"({"year": {"any": 3}})").find("\"any\""), std::string::npos);
  EXPECT_NE(error(R"({"must": {"a": 1}})").find("\"must\""), std::string::npos);
  EXPECT_NE(error(R"({"should": [3]})").find("\"should\""), std::string::npos);
  EXPECT_NE(error(R"({"has_id": [3]})").find("\"has_id\""), std::string::npos);
  const std::pair<std::string_view, std::string_view> within[] = {
      {R"({"at": {"time": {}}})", "\"at\""},
      {R"({"at": {"time": {"eq": "2026-11-20"}}})", "\"eq\""},
      {R"({"at": {"time": {"gt": "20 November"}}})", "20 November"},
      {R"({"at": {"time": {"gt": 1.5}}})", "1.5"},
      {R"({"p": {"geo_radius": {"lat": 0, "lon": 0}}})", "meters"},
      {R"({"p": {"geo_radius": {"lat": 91, "lon": 0, "meters": 1}}})", "91"},
      {R"({"p": {"geo_radius": {"lat": 0, "lon": 0, "meters": -1}}})", "0 meters or more"},
      {R"({"p": {"geo_radius": {"lat": 0, "lon": {"$real": "NaN"}, "meters": 1}}})", "\"p\""},
      {R"({"p": {"geo_box": {"north": 1, "south": 2, "west": 0, "east": 1}}})", "below its south"},
      {R"({"p": {"geo_box": {"north": 1, "south": 0, "west": 0, "east": 181}}})", "181"},
      {R"({"p": {"geo_polygon": [{"lat": 0, "lon": 0}, {"lat": 4, "lon": 0}]}})", "3 to 1000"},
      {R"({"p": {"geo_polygon": [{"lat": 0, "lon": 0}, {"lat": 4, "lon": 0}, [0, 4]]}})", "corners"},
      {R"({"p": {"geo_polygon": [{"lat": 0, "lon": 170}, {"lat": 4, "lon": 170}, {"lat": 0, "lon": -170}]}})",
       "antimeridian"},
      {R"({"body": {"all_words": "..."}})", "\"body\""},
      {R"({"body": {"any_word": 3}})", "\"body\""},
      {R"({"parts": {"nested": 3}})", "\"parts\""},
      {R"({"parts": {"nested": {"has_id": ["a"]}}})", "\"has_id\""},
      {R"({"parts": {"nested": {"must": [{"has_id": ["a"]}]}}})", "\"has_id\""},
      {R"({"parts": {"nested": {"n": {"near": 3}}}})", "\"near\""},
  };
  for (const auto& [filter, words] : within) {
    EXPECT_NE(error(filter).find(words), std::string::npos) << filter << ": " << error(filter);
  }
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
