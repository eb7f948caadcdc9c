// Indexes of fields against the filter itself, asked row by row.
#include "store/vector/filter/field_index.h"

#include <gtest/gtest.h>

#include <limits>
#include <thread>

#include "store/vector/filter/filter.h"
#include "store/vector/store_vector_fixture.h"

namespace strata::store::vector {
namespace {

// Places on a grid, some instants that are written in two ways, some texts of a few words.
Value some_place(core::Random& random) {
  return Map{{"lat", static_cast<double>(random.below(9)) - 4},
             {"lon", static_cast<double>(random.below(9)) * 40 - 160}};
}

std::string some_time(core::Random& random) {
  const std::string hour = std::to_string(10 + random.below(4));
  const std::string day = "2026-11-2" + std::to_string(random.below(4));
  switch (random.below(4)) {
    case 0: return day;
    case 1: return day + "T" + hour + ":00:00Z";
    case 2: return day + "T" + hour + ":00:00.5+02:00";
    default: return day + "T" + hour + ":00:00";
  }
}

std::string some_words(core::Random& random) {
  static const char* const kWords[] = {"Red", "red", "fox", "über", "Bär", "bear"};
  std::string text;
  for (std::uint64_t words = 1 + random.below(3); words > 0; --words) {
    text += std::string(kWords[random.below(std::size(kWords))]) + (random.chance(0.5) ? " " : ", ");
  }
  return text;
}

Value some_value(core::Random& random, int depth = 0) {
  switch (random.below(depth == 0 ? 14 : 10)) {
    case 0: return static_cast<std::int64_t>(random.below(20)) - 10;
    case 1: return static_cast<double>(random.below(40)) / 2 - 10;  // some equal an integer
    case 2: return std::string(1, static_cast<char>('a' + random.below(5)));
    case 3: return random.chance(0.5);
    case 4: return nullptr;
    case 5: return random.chance(0.5) ? Value(std::int64_t{9'007'199'254'740'993}) : Value(9'007'199'254'740'992.0);
    case 6:
      return random.chance(0.5) ? Value(std::numeric_limits<double>::quiet_NaN()) : Value(Bytes(2, std::byte{97}));
    case 7: return some_place(random);
    case 8: return some_time(random);
    case 9: return some_words(random);
    case 10: return Map{{"a", some_value(random, 1)}};
    case 11: {
      Value::List maps;
      for (std::size_t items = random.below(4); items > 0; --items) {
        maps.push_back(Map{{"kind", random.below(3)}, {"n", some_value(random, 1)}});
      }
      return maps;
    }
    default: {
      Value::List list;
      for (std::size_t items = random.below(4); items > 0; --items) list.push_back(some_value(random, 1));
      return list;
    }
  }
}

Value some_bound(core::Random& random) {
  for (;;) {
    Value value = some_value(random, 1);
    if (value.text() != nullptr || value.integer() != nullptr || value.real() != nullptr) return value;
  }
}

Filter some_filter(core::Random& random, int depth = 0);

// What looks inside a value.
void set_some_operator(core::Random& random, Map& operators) {
  switch (random.below(6)) {
    case 0: {
      Map bounds;
      if (random.chance(0.6)) bounds.set(random.chance(0.5) ? "gt" : "gte", some_time(random));
      if (bounds.empty() || random.chance(0.5)) bounds.set(random.chance(0.5) ? "lt" : "lte", some_time(random));
      operators.set("time", std::move(bounds));
      return;
    }
    case 1: {
      Map circle = *some_place(random).map();
      circle.set("meters", static_cast<double>(random.below(8'000'000)));
      operators.set("geo_radius", std::move(circle));
      return;
    }
    case 2: {
      const auto side = [&random] { return static_cast<double>(random.below(9)) * 40 - 160; };
      operators.set("geo_box", Map{{"north", random.below(4)}, {"south", -3}, {"west", side()}, {"east", side()}});
      return;
    }
    case 3:
      operators.set("geo_polygon", Value::List{Map{{"lat", 4}, {"lon", -80}}, Map{{"lat", -2}, {"lon", 80}},
                                               Map{{"lat", -4}, {"lon", -static_cast<double>(random.below(80))}}});
      return;
    case 4: operators.set(random.chance(0.5) ? "all_words" : "any_word", some_words(random)); return;
    default: {
      Filter of_element = some_filter(random, 2);
      of_element.erase("has_id");
      if (random.chance(0.5)) of_element.set("kind", random.below(3));
      if (random.chance(0.5)) of_element.set("n", Map{{"gte", static_cast<double>(random.below(20)) - 10}});
      operators.set("nested", std::move(of_element));
    }
  }
}

Filter some_filter(core::Random& random, int depth) {
  static const char* const kFields[] = {"f", "g", "h.a", "nowhere"};
  Filter filter;
  for (std::size_t entries = 1 + random.below(2); entries > 0; --entries) {
    if (depth < 2 && random.chance(0.3)) {
      Value::List list;
      for (std::size_t items = random.below(3); items > 0; --items) list.push_back(some_filter(random, depth + 1));
      static const char* const kLists[] = {"must", "should", "must_not"};
      filter.set(kLists[random.below(3)], std::move(list));
      continue;
    }
    if (random.chance(0.1)) {
      filter.set("has_id", Value::List{"p" + std::to_string(random.below(600)), "p7", "nobody"});
      continue;
    }
    const char* const field = kFields[random.below(std::size(kFields))];
    if (random.chance(0.4)) {
      Value value = some_value(random);
      if (value.map() == nullptr) filter.set(field, std::move(value));
      continue;
    }
    Map operators;
    if (random.chance(0.3)) operators.set(random.chance(0.5) ? "gt" : "gte", some_bound(random));
    if (random.chance(0.3)) operators.set(random.chance(0.5) ? "lt" : "lte", some_bound(random));
    if (random.chance(0.2)) operators.set("is_null", random.chance(0.5));
    if (random.chance(0.3)) set_some_operator(random, operators);
    if (operators.empty() || random.chance(0.3)) {
      Value::List list;
      for (std::size_t items = random.below(4); items > 0; --items) list.push_back(some_value(random));
      operators.set(random.chance(0.6) ? "any" : "except", std::move(list));
    }
    filter.set(field, std::move(operators));
  }
  return filter;
}

class FieldIndexTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(db.store().create_collection("c", {.dimension = 4}));
    std::vector<Point> points;
    std::vector<std::string> ids;
    for (int i = 0; i < 600; ++i) ids.push_back("p" + std::to_string(i));
    for (const std::string& id : ids) {
      Map payload;
      if (random.chance(0.9)) payload.set("f", some_value(random));
      if (random.chance(0.7)) payload.set("g", some_value(random));
      payload.set("h", Map{{"a", some_value(random)}});
      if (random.chance(0.1)) payload.set("h.a", some_value(random));
      points.push_back({id, vector, std::move(payload)});
    }
    ASSERT_TRUE(db.store().upsert("c", points));
    ASSERT_TRUE(db.checkpoint(db.lsn()));
  }
  std::shared_ptr<Segment> segment() { return db.participant().find("c", db.lsn())->unchecked_parts()->segments.at(0); }

  core::Random random{29};
  std::unique_ptr<io::MemoryFileSystem> files = io::make_memory_file_system();
  TestDatabase db{*files};
  const std::vector<float> vector{1, 2, 3, 4};
};

TEST_F(FieldIndexTest, TellsTheRowsThatTheFilterTellsOneByOne) {
  const auto part = segment();
  ASSERT_TRUE(part->prepare());
  std::size_t found = 0;
  for (int round = 0; round < 3'000; ++round) {
    const Filter filter = some_filter(random);
    const CompiledFilter compiled = *CompiledFilter::compile(filter);
    const Told told = *compiled.rows_of(*part, db.lsn());
    ASSERT_TRUE(told.rows && told.exact);
    const auto& rows = told.rows;
    Row expected = 0;
    for (Row row = 0; row < part->rows(); ++row) {
      const bool matches = compiled.matches(*part->id(row), *part->payload(row));
      ASSERT_EQ(rows->contains(row), matches) << to_json(filter) << " row " << row;
      expected += matches ? 1 : 0;
    }
    ASSERT_EQ(rows->count(), expected);
    Row visited = 0;
    for (Row row = rows->next(0); row < rows->rows(); row = rows->next(row + 1)) ++visited;
    ASSERT_EQ(visited, expected);
    found += expected;
    EXPECT_EQ(*db.store().count("c", filter), expected) << to_json(filter);
  }
  EXPECT_GT(found, 100'000U);  // the filters let something through
}

// Long lists of ids are not looked up: what the rest of the filter tells is then more than matches, never less.
TEST_F(FieldIndexTest, WhatTellsOnlyAPartOfAFilterNarrowsIt) {
  const auto part = segment();
  ASSERT_TRUE(part->prepare());
  Value::List many;
  for (int i = 0; i < 400; ++i) many.push_back("p" + std::to_string(random.below(700)));
  const Filter listed{{"has_id", many}};
  const Filter not_listed{{"must_not", Value::List{listed}}};
  const CompiledFilter ids_alone = *CompiledFilter::compile(not_listed);
  EXPECT_FALSE(ids_alone.rows_of(*part, db.lsn())->rows);
  int narrowed = 0;
  for (int round = 0; round < 100; ++round) {
    const Filter some = some_filter(random, 2);
    const Filter filters[] = {
        {{"must", Value::List{some, not_listed}}},
        {{"should", Value::List{some, listed}}},
        {{"must_not", Value::List{some, listed}}},
        {{"must_not", Value::List{Map{{"must_not", Value::List{some, not_listed}}}}}},
        {{"should", Value::List{Map{{"must", Value::List{some, not_listed}}}, some_filter(random, 2)}}},
    };
    for (const Filter& filter : filters) {
      const CompiledFilter compiled = *CompiledFilter::compile(filter);
      const Told told = *compiled.rows_of(*part, db.lsn());
      EXPECT_FALSE(told.exact) << to_json(filter);
      Row matches = 0;
      for (Row row = 0; row < part->rows(); ++row) {
        const bool here = compiled.matches(*part->id(row), *part->payload(row));
        ASSERT_TRUE(!here || !told.rows || told.rows->contains(row)) << to_json(filter) << " row " << row;
        matches += here ? 1 : 0;
      }
      narrowed += told.rows && told.rows->count() < part->rows() ? 1 : 0;
      ASSERT_EQ(*db.store().count("c", filter), matches) << to_json(filter);
      for (const bool exact : {false, true}) {
        const auto hits = db.store().search("c", vector, {.k = 600, .filter = filter, .exact = exact});
        ASSERT_TRUE(hits);
        ASSERT_EQ(hits->size(), matches) << to_json(filter);
      }
    }
  }
  EXPECT_GT(narrowed, 150);
}

// Payloads of a part, and how often they were read.
class Payloads final : public Part {
 public:
  explicit Payloads(int rows) {
    for (std::int64_t row = 0; row < rows; ++row) {
      Map payload;
      for (int field = 0; field < 8; ++field)
        payload.set("f" + std::to_string(field), (row * 1'000'003 + field) % rows);
      core::Encoder(payloads_.emplace_back()).map(payload);
    }
  }
  std::size_t passes() const { return read_ / payloads_.size(); }
  void damage(Row row) { damaged_ = row; }

  std::uint32_t dimension() const override { return 0; }
  Row rows() const override { return static_cast<Row>(payloads_.size()); }
  Result<ByteView> payload(Row row) const override {
    ++read_;
    if (row == damaged_) return Error(ErrorCode::corruption, "a damaged page");
    return ByteView(payloads_[row]);
  }
  Lsn created(Row) const override { return 1; }
  Lsn deleted(Row) const override { return kLive; }
  std::uint32_t length(Row) const override { return 0; }
  Result<std::string_view> id(Row) const override { return std::string_view(); }
  Result<ByteView> elements(Row, std::vector<float>&) const override { return ByteView(); }
  Result<RowTerms> terms(Row) const override { return RowTerms({}); }
  Result<std::optional<Row>> find(std::string_view, std::uint64_t, Lsn) const override { return std::optional<Row>(); }
  std::optional<Run> codes(Row) const override { return std::nullopt; }
  Result<void> postings(std::uint32_t, std::vector<Posting>&) const override { return {}; }
  void mark_deleted(Row, Lsn) override {}

 private:
  std::vector<Bytes> payloads_;
  mutable std::size_t read_ = 0;
  std::optional<Row> damaged_;
};

TEST(FieldIndexes, OfADamagedPartAreNotThereAndRowsAreAsked) {
  Payloads part(1'000);
  part.damage(500);
  FieldIndexes indexes;
  Condition condition;
  condition.field = condition.key = "f1";
  condition.equal = 7;
  for (int i = 0; i < 50; ++i) {
    const auto rows = indexes.rows_where(part, condition);
    ASSERT_TRUE(rows) << rows.error().to_string();
    EXPECT_EQ(*rows, nullptr);
  }
  EXPECT_LE(part.passes(), 1U);
}

TEST(FieldIndexes, AreNotMadeOverAndOverWhereThereIsNoRoomForAll) {
  const Payloads part(1'000);
  FieldIndexes indexes;
  const auto tells = [&](int field, int least) {
    Condition condition;
    condition.field = "f" + std::to_string(field);
    condition.key = condition.field + ":" + std::to_string(least);
    condition.greater_equal = least;
    const auto rows = *indexes.rows_where(part, condition);
    EXPECT_TRUE(!rows || rows->count() == static_cast<Row>(1'000 - least)) << field;
    return rows != nullptr;
  };
  for (int round = 0; round < 500; ++round) {
    for (int field = 0; field < 8; ++field) tells(field, round);
  }
  EXPECT_LT(part.passes(), 8U + 500 * 8 / kAsksADrop);
  int asked = 0;
  for (; !tells(7, asked); ++asked) ASSERT_LE(asked, 200);  // what is asked for now gets its turn
}

TEST_F(FieldIndexTest, TheirMemoryIsBoundedByTheRows) {
  const auto part = segment();
  const auto rows_where = [&](const std::string& field, int least) {
    const CompiledFilter filter = *CompiledFilter::compile({{field, Map{{"gte", least}}}});
    const auto rows = filter.rows_of(*part, db.lsn())->rows;
    EXPECT_TRUE(rows || field != "f");  // that of a field that is asked for all the time stays
    return rows;
  };
  for (int i = 0; i < 1'000; ++i) {
    rows_where("field " + std::to_string(i), 0);
    rows_where("f", i);
    EXPECT_LE(part->bytes_in_memory(), (kIndexBytesARow + kAnswerBytesARow) * part->rows());
  }
  EXPECT_EQ(rows_where("f", 999), rows_where("f", 999));  // what was asked last is kept
  EXPECT_NE(rows_where("f", 1)->count(), rows_where("f", -5)->count());
  EXPECT_GE(static_cast<std::uint64_t>(*db.participant().statistics().find("bytes_in_memory")->integer()),
            part->bytes_in_memory());
}

TEST_F(FieldIndexTest, OneThreadMakesAnIndexAndTheOthersDoNotWait) {
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0}, told{0};
  const auto expected = *db.store().count("c", {{"f", Map{{"gte", 0}}}});
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const auto part = segment();
      for (int i = 0; i < 50; ++i) {
        for (const Filter& asked : {Filter{{"f", Map{{"gte", 0}}}}, Filter{{"g", i % 7}},
                                    Filter{{"field " + std::to_string(t * 100 + i), 1}}}) {
          const CompiledFilter filter = *CompiledFilter::compile(asked);
          const auto answer = filter.rows_of(*part, db.lsn());
          wrong += !answer || (answer->rows && asked.find("f") && answer->rows->count() != expected) ? 1 : 0;
          told += answer && answer->rows ? 1 : 0;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_GT(told.load(), 50);
}

TEST(RowSet, TurnsAroundWhatItHolds) {
  for (const Row rows : {0U, 1U, 63U, 64U, 65U, 200U}) {
    RowSet set(rows);
    EXPECT_EQ(set.next(0), rows);
    set.invert();
    EXPECT_EQ(set.count(), rows);
    EXPECT_FALSE(set.contains(rows));
    if (rows == 0) continue;
    RowSet last(rows);
    last.add(rows - 1);
    EXPECT_EQ(last.next(0), rows - 1);
    set.keep(last);
    EXPECT_EQ(set.count(), 1U);
    set.invert();
    set.add(last);
    EXPECT_EQ(set.count(), rows);
  }
}

}  // namespace
}  // namespace strata::store::vector
