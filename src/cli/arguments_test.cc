#include "cli/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command_line.h"
#include "cli/sql.h"

namespace strata::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Arguments, AParameterIsJsonWhereItReadsAsJson) {
  EXPECT_EQ(parse_parameter("5"), Value(5));
  EXPECT_EQ(parse_parameter("1.5"), Value(1.5));
  EXPECT_EQ(parse_parameter("null"), Value());
  EXPECT_EQ(parse_parameter("\"5\""), Value("5"));
  EXPECT_EQ(parse_parameter("n1"), Value("n1"));
  EXPECT_EQ(parse_parameter(""), Value(""));
  EXPECT_EQ(parse_parameter("it's {"), Value("it's {"));
}

TEST(Arguments, ATagHasAKeyAndPerhapsAValueAndAWeight) {
  auto check = [](const char* text, const char* key, const char* value, double weight) {
    const MemoryTag tag = *parse_tag(text);
    EXPECT_EQ(tag.key, key);
    EXPECT_EQ(tag.value, value);
    EXPECT_EQ(tag.weight, weight);
  };
  check("ci", "ci", "", 1);
  check("ci:0.9", "ci", "", 0.9);
  check("lang=en", "lang", "en", 1);
  check("lang=en:2", "lang", "en", 2);
  check("url=http://x", "url", "http://x", 1);
  EXPECT_FALSE(parse_tag("=x"));
  EXPECT_FALSE(parse_tag(":0.5"));
  check("a:b:1", "a:b", "", 1);
  EXPECT_EQ(parse_tag("ci:heavy").error().code(), ErrorCode::invalid_argument);
  EXPECT_NE(parse_tag("ci:heavy").error().message().find("\"heavy\""), std::string::npos);
}

TEST(Arguments, ALinkHasATypeAndATarget) {
  EXPECT_EQ(parse_link("caused_by:a:b")->target, "a:b");
  for (const char* wrong : {"x", ":x", "x:", ""}) EXPECT_FALSE(parse_link(wrong)) << wrong;
}

TEST(Arguments, ShapesAndRows) {
  EXPECT_THAT(*parse_shape("3x224x224"), ElementsAre(3, 224, 224));
  EXPECT_TRUE(parse_shape("")->empty());
  EXPECT_FALSE(parse_shape("3xx4"));
  EXPECT_EQ(*parse_rows("10:20"), (RowRange{10, 20}));
  EXPECT_EQ(*parse_rows(":20"), (RowRange{0, 20}));
  EXPECT_EQ(*parse_rows("10"), (RowRange{10, 11}));
  EXPECT_EQ(*parse_rows("10:"), (RowRange{10, UINT64_MAX}));
  for (const char* wrong : {"a", "5:1", "1:2:3", "-1"}) EXPECT_FALSE(parse_rows(wrong)) << wrong;
}

TEST(Arguments, VectorsAreListsOfNumbers) {
  EXPECT_THAT(*parse_vector("[1, 0.5]"), ElementsAre(1, 0.5F));
  for (const char* wrong : {"1", "[[1],[2]]", "[\"a\"]", "@/no/such/file", "x"})
    EXPECT_FALSE(parse_vector(wrong)) << wrong;
}

TEST(Settings, TakeUnits) {
  EXPECT_EQ(*parse_bytes("64"), 64U);
  EXPECT_EQ(*parse_bytes("64KiB"), 65'536U);
  EXPECT_EQ(*parse_bytes("1.5 G"), 1'610'612'736U);
  EXPECT_EQ(*parse_bytes("2MB"), 2'000'000U);
  for (const char* wrong : {"", "x", "-1", "1 parsec", "1e30"}) EXPECT_FALSE(parse_bytes(wrong)) << wrong;
  EXPECT_EQ(*parse_duration_ms("7d"), 604'800'000);
  EXPECT_EQ(*parse_duration_ms("1500"), 1'500);
  EXPECT_FALSE(parse_duration_ms("1y"));
  Settings settings;
  EXPECT_TRUE(apply_setting(settings, "durability=each"));
  EXPECT_EQ(settings.open.durability, Durability::each);
  EXPECT_THAT(apply_setting(settings, "cache=1").error().message(), HasSubstr("cache_bytes"));
  EXPECT_THAT(apply_setting(settings, "durability=never").error().message(), HasSubstr("off, batch or each"));
}

TEST(Sql, IsKnownByItsFirstWord) {
  for (const char* line : {"select 1", "  SELECT 1", "-- note\ninsert into t values (1)",
                           "/* x */ with a as (select 1) select 1", "(select 1)", "create table t(a)"}) {
    EXPECT_TRUE(looks_like_sql(line)) << line;
  }
  for (const char* line : {"recall select", "selection 1", "", "/* select", "vector list"}) {
    EXPECT_FALSE(looks_like_sql(line)) << line;
  }
}

std::string refusal(std::vector<std::string> words, Place place = Place::shell) {
  auto request = CommandLine(place).parse(std::move(words));
  return request ? "no error" : request.error().to_string();
}

TEST(CommandLine, HelpsWhereItDoesNotUnderstand) {
  EXPECT_THAT(refusal({"recal", "x"}),
              HasSubstr("there is no verb \"recal\". Did you mean recall?; see strata --help"));
  EXPECT_THAT(refusal({"vector", "serch"}), HasSubstr("there is no verb \"serch\" in vector. Did you mean search?"));
  EXPECT_THAT(refusal({"vector"}), HasSubstr("a verb is missing: one of create, list"));
  EXPECT_THAT(refusal({"sql", "d", "select 1", "--jsno"}),
              HasSubstr("not expected here: --jsno; see strata sql --help"));
  EXPECT_THAT(refusal({"sql"}), HasSubstr("DIR"));
  EXPECT_THAT(refusal({"cache"}), HasSubstr("lives in the memory of the process"));
  EXPECT_THAT(refusal({"serve", "x"}), HasSubstr("no verb \"serve\""));
  EXPECT_THAT(refusal({"sql", "d", "q", "--json", "--csv"}), HasSubstr("one format at a time"));
}

TEST(CommandLine, KnowsEveryVerbWithoutADirectoryAtThePrompt) {
  const auto at_prompt = CommandLine(Place::prompt).verb_names();
  EXPECT_THAT(at_prompt, testing::Contains("recall"));
  EXPECT_THAT(at_prompt, testing::Contains("search"));
  EXPECT_THAT(at_prompt, testing::Not(testing::Contains("open")));
  EXPECT_EQ(refusal({"vector", "list"}, Place::prompt), "no error");
  EXPECT_EQ(refusal({"sql", "d", "select ?", "[1,2]", "--", "-5"}), "no error");
}

/// Every verb, with a first line, an example of itself, and each option explained.
void check_help(const CLI::App& app, const std::string& path) {
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App* each) { return !each->get_name().empty(); })) {
    const std::string name = path + " " + sub->get_name();
    EXPECT_FALSE(sub->get_description().empty()) << name;
    if (!sub->get_subcommands([](const CLI::App* each) { return !each->get_name().empty(); }).empty()) {
      check_help(*sub, name);
      continue;
    }
    EXPECT_THAT(sub->get_footer(), HasSubstr(name)) << "an example";
    for (const CLI::Option* option : sub->get_options()) {
      EXPECT_FALSE(option->get_description().empty()) << name << " " << option->get_name();
    }
  }
}

TEST(CommandLine, ExplainsEveryVerb) {
  CommandLine line(Place::shell);
  check_help(line.root(), "strata");
}

}  // namespace
}  // namespace strata::cli
