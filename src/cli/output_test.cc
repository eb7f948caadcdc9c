#include "cli/output.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>

#include "cli/progress_bar.h"
#include "cli/waiting_line.h"

namespace strata::cli {
namespace {

Rows sample() {
  Rows rows;
  rows.columns = {"id", "title", "n"};
  rows.rows = {{"n1", "Why the build broke", 5}, {"n2", Value(), 1234}, {"naïve", "日本\nx", 1.5}};
  return rows;
}

TEST(Output, PrintsATableForPeople) {
  EXPECT_EQ(print_rows(sample(), Format::table, 0),
            "id     title                   n\n"
            "─────  ───────────────────  ────\n"
            "n1     Why the build broke     5\n"
            "n2                          1234\n"
            "naïve  日本↵x                1.5\n");
  EXPECT_EQ(print_rows({{"a"}, {}}, Format::table, 0), "a\n─\n");
}

TEST(Output, CutsTheWidestColumnToTheTerminal) {
  EXPECT_EQ(print_rows(sample(), Format::table, 24),
            "id     title           n\n"
            "─────  ───────────  ────\n"
            "n1     Why the bu…     5\n"
            "n2                  1234\n"
            "naïve  日本↵x        1.5\n");
  Rows wide{{"text"}, {{Value("日本語日本語")}}};
  EXPECT_EQ(print_rows(wide, Format::table, 9), "text\n─────────\n日本語日…\n");
}

TEST(Output, KeepsControlCharactersOffTheTerminal) {
  const Rows rows{{"a"}, {{Value("\x1b[31mred\tx\r")}}};
  EXPECT_EQ(print_rows(rows, Format::table, 0), "a\n───────────\n·[31mred x·\n");
}

TEST(Output, PrintsTabsForPrograms) {
  const Rows rows{{"a", "b"}, {{Value("x\ty\\z\n"), Value()}, {Value(true), Value(Bytes{std::byte{0xAB}})}}};
  EXPECT_EQ(print_rows(rows, Format::tsv, 0), "x\\ty\\\\z\\n\t\ntrue\tx'ab'\n");
}

TEST(Output, QuotesCsvWhereItMust) {
  const Rows rows{{"a", "b,c"},
                  {{Value("x\"y"), Value("")}, {Value("line\nbreak"), Value()}, {Value(std::nan("")), 7}}};
  EXPECT_EQ(print_rows(rows, Format::csv, 0), "a,\"b,c\"\n\"x\"\"y\",\"\"\n\"line\nbreak\",\nNaN,7\n");
}

TEST(Output, PrintsJsonInTheOrderOfTheColumns) {
  const Rows rows{{"b", "a", "a"},
                  {{Value(1), Value("x"), Value()}, {Value(1.0), Value(Value::List{1, "y"}), Value(Map{{"k", 2}})}}};
  EXPECT_EQ(print_rows(rows, Format::json, 0),
            "[\n{\"b\": 1, \"a\": \"x\", \"a:2\": null},\n{\"b\": 1.0, \"a\": [1,\"y\"], \"a:2\": {\"k\":2}}\n]\n");
  EXPECT_EQ(print_rows({{"a"}, {}}, Format::json, 0), "[]\n");
}

TEST(Output, PrintsARecordInEachFormat) {
  const Record record{{"id", "n1"}, {"lsn", 12}};
  EXPECT_EQ(print_record(record, Format::table, 0), "id   n1\nlsn  12\n");
  EXPECT_EQ(print_record(record, Format::tsv, 0), "id\tn1\nlsn\t12\n");
  EXPECT_EQ(print_record(record, Format::csv, 0), "name,value\nid,n1\nlsn,12\n");
  EXPECT_EQ(print_record(record, Format::json, 0), "{\"id\": \"n1\", \"lsn\": 12}\n");
}

TEST(Output, ShowsAFloatAsShortAsItIs) {
  EXPECT_EQ(to_json(shortest(0.1F)), "0.1");
  EXPECT_EQ(to_json(shortest(std::vector<float>{1.0F, -2.5F})), "[1.0,-2.5]");
}

TEST(Output, SaysWhenItCannotWrite) {
  std::FILE* full = std::fopen("/dev/full", "w");
  ASSERT_NE(full, nullptr);
  Output output(full, Format::tsv, 0);
  output.write("x");
  auto flushed = output.flush();
  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.error().code(), ErrorCode::io);
  EXPECT_FALSE(output.reader_gone());
  std::fclose(full);
}

TEST(ProgressBar, SaysHowFarItIs) {
  EXPECT_EQ(progress_line("remembering", 31'833, 63'666, 2, false),
            "remembering  ━━━━━━━━━━━━────────────  31,833/63,666  15,916/s");
  EXPECT_EQ(progress_line("storing", 5'000'000, 0, 0, true), "storing  5 MB");
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(1'000), "1,000");
  EXPECT_EQ(with_commas(1'234'567), "1,234,567");
}

TEST(ProgressBar, AppearsAfterASecondAndGoesAway) {
  std::FILE* screen = std::tmpfile();
  ASSERT_NE(screen, nullptr);
  core::ManualClock clock;
  auto shown = [&] {
    std::fflush(screen);
    std::string text(static_cast<std::size_t>(std::ftell(screen)), ' ');
    std::rewind(screen);
    EXPECT_EQ(std::fread(text.data(), 1, text.size(), screen), text.size());
    return text;
  };
  {
    ProgressBar bar("working", clock, true, false, screen);
    clock.advance(900'000);
    bar.update(1, 2);
    EXPECT_EQ(shown(), "");
    clock.advance(200'000);
    EXPECT_TRUE(bar.callback()(2, 2));
    EXPECT_NE(shown().find("2/2"), std::string::npos);
  }
  EXPECT_TRUE(shown().ends_with("\r\x1b[K"));
  std::fclose(screen);
}

TEST(WaitingLine, CountsSecondsAndGoesAway) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  std::FILE* screen = ::fdopen(ends[1], "w");
  ASSERT_NE(screen, nullptr);
  std::string text;
  const auto read_more = [&] {
    char piece[256];
    const ssize_t got = ::read(ends[0], piece, sizeof piece);
    if (got > 0) text.append(piece, static_cast<std::size_t>(got));
    return got > 0;
  };
  {
    const WaitingLine line("verifying", true, screen, std::chrono::milliseconds(1));
    while (text.find("verifying  2 s") == std::string::npos) ASSERT_TRUE(read_more());
  }
  {
    const WaitingLine quiet("nothing", false, screen, std::chrono::milliseconds(0));
  }
  std::fclose(screen);
  while (read_more()) continue;
  ::close(ends[0]);
  EXPECT_TRUE(text.starts_with("\r\x1b[Kverifying  1 s")) << text;
  EXPECT_TRUE(text.ends_with("\r\x1b[K")) << text;
  EXPECT_EQ(text.find("nothing"), std::string::npos);
}

}  // namespace
}  // namespace strata::cli
