#include "store/analytics/mutation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/random.h"
#include "store/analytics/catalog.h"

namespace strata::store::analytics {
namespace {

const std::vector<ColumnDefinition> kAll = {{"b", ColumnType::boolean}, {"i", ColumnType::integer},
                                            {"r", ColumnType::real},    {"t", ColumnType::text},
                                            {"y", ColumnType::bytes},   {"ts", ColumnType::timestamp}};

Bytes to_bytes(std::string_view text) {
  const ByteView view = as_bytes(text);
  return Bytes(view.begin(), view.end());
}

Bytes section_of(std::span<const Row> rows, std::uint32_t first = 0) {
  Bytes bytes;
  core::Encoder out(bytes);
  out.u8(kSectionVersion);
  encode_append(out, "t", kAll, rows, first);
  return bytes;
}

Result<std::vector<Row>> read_back(ByteView section, std::vector<std::uint32_t>* ordinals = nullptr) {
  std::vector<Row> rows;
  STRATA_TRY(for_each_operation(section, [&](const Operation& operation) -> Result<void> {
    RowBlock block;
    STRATA_TRY(decode_append(operation, kAll, block));
    if (ordinals != nullptr) *ordinals = block.ordinals;
    for (std::size_t i = 0; i < block.rows; ++i) {
      Row& row = rows.emplace_back();
      for (std::size_t c = 0; c < block.columns.size(); ++c) row.push_back(block.value(i, c));
    }
    return {};
  }));
  return rows;
}

Row random_row(core::Random& random) {
  const auto maybe = [&](Value value) { return random.chance(0.2) ? Value() : std::move(value); };
  return {maybe(random.chance(0.5)),
          maybe(random.chance(0.1) ? INT64_MIN : static_cast<std::int64_t>(random.next())),
          maybe(random.chance(0.1) ? std::nan("") : random.real()),
          maybe(std::string(random.below(20), 'x') + "ü"),
          maybe(to_bytes(std::string("\0\xff", 2))),
          maybe(static_cast<std::int64_t>(random.below(1'000'000'000)))};
}

TEST(Mutation, RowsComeBackAsTheyWere) {
  core::Random random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<Row> rows;
    for (std::uint64_t i = 0, n = 1 + random.below(40); i < n; ++i) rows.push_back(random_row(random));
    std::vector<std::uint32_t> ordinals;
    const auto back = read_back(section_of(rows, 7), &ordinals);
    ASSERT_TRUE(back) << back.error().to_string();
    EXPECT_EQ(*back, rows) << "seed 1, round " << round;
    EXPECT_EQ(ordinals.front(), 7u);
    EXPECT_EQ(ordinals.back(), 6 + rows.size());
  }
}

TEST(Mutation, FilteringKeepsTheOrdinalsOfWhatIsLeft) {
  core::Random random(2);
  std::vector<Row> rows;
  for (int i = 0; i < 10; ++i) rows.push_back(random_row(random));
  const Bytes section = section_of(rows, 100);
  Bytes filtered;
  core::Encoder out(filtered);
  out.u8(kSectionVersion);
  ASSERT_TRUE(for_each_operation(section, [&](const Operation& operation) -> Result<void> {
    RowBlock block;
    STRATA_TRY(decode_append(operation, kAll, block));
    const auto left =
        STRATA_TRY(encode_filtered(out, operation, block, kAll, [](std::uint32_t o) { return o % 3 == 0; }));
    EXPECT_EQ(left, 7u);
    return {};
  }));
  std::vector<std::uint32_t> ordinals;
  const auto back = read_back(filtered, &ordinals);
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_EQ(ordinals, (std::vector<std::uint32_t>{100, 101, 103, 104, 106, 107, 109}));
  EXPECT_EQ((*back)[2], rows[3]);
  EXPECT_EQ((*back)[6], rows[9]);
}

TEST(Mutation, DefinitionsAndErasuresComeBack) {
  Bytes bytes;
  core::Encoder out(bytes);
  out.u8(kSectionVersion);
  const std::vector<RowId> ids = {{5, 0}, {5, 3}, {900, 1}, {4, 2}};
  encode_drop(out, "old");
  encode_define(out, "t", kAll);
  encode_erase(out, "t", ids);
  int seen = 0;
  ASSERT_TRUE(for_each_operation(bytes, [&](const Operation& operation) -> Result<void> {
    if (seen == 0) {
      EXPECT_EQ(operation.table, "old");
    }
    if (seen == 1) {
      EXPECT_EQ(to_text(STRATA_TRY(decode_define(operation))), to_text(kAll));
    }
    if (seen == 2) {
      EXPECT_EQ(STRATA_TRY(decode_erase(operation)), ids);
    }
    ++seen;
    return {};
  }));
  EXPECT_EQ(seen, 3);
}

TEST(Mutation, DamagedSectionsAreErrorsAndNothingWorse) {
  core::Random random(3);
  std::vector<Row> rows;
  for (int i = 0; i < 6; ++i) rows.push_back(random_row(random));
  const Bytes good = section_of(rows);
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes bad = good;
      bad[i] ^= static_cast<std::byte>(1 << bit);
      (void)read_back(bad);  // may be another valid section: checksums are the file's and the journal's affair
    }
    const auto cut = read_back(ByteView(good).first(i));
    EXPECT_EQ(cut.has_value(), i == 1) << "cut at " << i;
  }
  Bytes later = good;
  later[0] = std::byte{2};
  EXPECT_EQ(read_back(later).error().code(), ErrorCode::unsupported);
}

TEST(Mutation, NamesAndTypesAreChecked) {
  EXPECT_TRUE(check_table_name("query_metrics2"));
  for (const char* bad : {"", "A", "1a", "a-b", "a b", "ä", "a\"", "_a"}) EXPECT_FALSE(check_table_name(bad)) << bad;
  EXPECT_FALSE(check_table_name(std::string(64, 'a')));
  EXPECT_FALSE(check_columns({}));
  EXPECT_FALSE(check_columns(std::vector<ColumnDefinition>{{"a", ColumnType::real}, {"a", ColumnType::text}}));
  EXPECT_EQ(to_column({"r", ColumnType::real}, 3).value(), Value(3.0));
  EXPECT_FALSE(to_column({"i", ColumnType::integer}, 3.0));
  EXPECT_FALSE(to_column({"t", ColumnType::text}, "\xff"));
  EXPECT_FALSE(to_column({"ts", ColumnType::timestamp}, INT64_MAX));
  EXPECT_NE(to_column({"cpu", ColumnType::real}, "x").error().message().find("cpu"), std::string::npos);
  for (const ColumnDefinition& column : kAll) EXPECT_EQ(parse_column_type(name(column.type)).value(), column.type);
  EXPECT_FALSE(parse_column_type("int"));
}

TEST(Mutation, Utf8IsWhatRfc3629Says) {
  for (const char* good : {"", "a", "ü", "€", "\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(valid_utf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "a\xff"}) {
    EXPECT_FALSE(valid_utf8(bad));
  }
}

TEST(CatalogTest, ANameMeansWhatItMeantThen) {
  Catalog catalog;
  ASSERT_TRUE(catalog.define("t", {{"a", ColumnType::real}}, 5));
  ASSERT_TRUE(catalog.define("t", {{"a", ColumnType::real}, {"b", ColumnType::text}}, 7));
  ASSERT_TRUE(catalog.drop("t", 9));
  ASSERT_TRUE(catalog.define("t", {{"c", ColumnType::text}}, 9));
  EXPECT_EQ(catalog.find("t", 4), nullptr);
  EXPECT_EQ(catalog.find("t", 6)->columns_at(6), 1u);
  EXPECT_EQ(catalog.find("t", 8)->columns_at(8), 2u);
  EXPECT_EQ(catalog.find("t", 9)->columns[0].name, "c");
  EXPECT_FALSE(catalog.define("t", {{"d", ColumnType::text}}, 10));
  EXPECT_FALSE(catalog.drop("u", 10));

  Bytes bytes;
  core::Encoder out(bytes);
  catalog.encode(out);
  core::Decoder in(bytes);
  const auto back = Catalog::decode(in);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->find("t", 8)->columns_at(8), 2u);
  EXPECT_EQ(back->find("t", 9)->id, catalog.find("t", 9)->id);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    core::Decoder cut(ByteView(bytes).first(i));
    EXPECT_FALSE(Catalog::decode(cut));
  }
  catalog.forget_dropped(9);
  EXPECT_EQ(catalog.find("t", 8), nullptr);
  EXPECT_NE(catalog.find("t", 9), nullptr);
}

}  // namespace
}  // namespace strata::store::analytics
