// Codes in the store: chosen, changed while searches go on, kept over restarts, and what a change leaves behind.
#include "store/vector/graph/graph_store_fixture.h"

namespace strata::store::vector {
namespace {

using enum QuantizationKind;

class QuantizationStoreTest : public GraphStoreTest {
 protected:
  Result<void> alter(const QuantizationOptions& quantization, const IndexOptions& index = kIndex) {
    return db.store().alter_collection("c", index, quantization);
  }
  IndexFigures figures() { return db.store().collection("c")->index; }
};

TEST_F(QuantizationStoreTest, EveryKindFindsNearlyAllAndScoresExactly) {
  put(0, kPoints);
  checkpoint();
  for (const QuantizationOptions& quantization : {QuantizationOptions{.kind = scalar, .bits = 8},
                                                  {.kind = scalar, .bits = 16},
                                                  {.kind = scalar, .bits = 4, .range = QuantizationRange::dimension},
                                                  {.kind = scalar, .bits = 8, .range = QuantizationRange::collection},
                                                  {.kind = product, .parts = 16},
                                                  {.kind = rabitq},
                                                  {.kind = none},
                                                  {.kind = automatic}}) {
    ASSERT_TRUE(alter(quantization));
    ASSERT_TRUE(db.participant().settle({}));
    EXPECT_GT(recall(), quantization.kind == rabitq || quantization.kind == automatic ? 0.6 : 0.93)
        << name(quantization.kind) << " " << quantization.bits;
    const auto query = some_vector();
    const auto near = *db.store().search("c", query, {.k = 5, .with_vector = true, .ef = kEf});
    for (const Hit& hit : near) EXPECT_EQ(hit.score, QueryCode(Metric::cosine, query).score(hit.vector));
    const IndexFigures now = figures();
    EXPECT_EQ(now.rows, static_cast<std::uint64_t>(kPoints));
    if (quantization.kind != automatic) {
      EXPECT_EQ(now.quantization.kind, quantization.kind);
    }
    EXPECT_GE(now.recall, 0.8F);
    EXPECT_GT(recall({{"tenth", 3}}), 0.9);  // few match: they are ranked without a walk
  }
}

TEST_F(QuantizationStoreTest, AnotherCodeKeepsTheLinks) {
  put(0, kPoints);
  checkpoint();
  const std::uint64_t linked = figure("rows_linked");
  EXPECT_EQ(figures().quantization, (QuantizationOptions{.kind = scalar, .bits = 4}));
  ASSERT_TRUE(alter({.kind = rabitq}));
  ASSERT_TRUE(db.participant().settle({}));
  EXPECT_EQ(figures().quantization.kind, rabitq);
  EXPECT_EQ(figures().code_bytes, 16U);
  EXPECT_EQ(figure("rows_linked"), linked);
  ASSERT_TRUE(alter({.kind = rabitq}, {.m = 8, .ef_construction = 32}));
  ASSERT_TRUE(db.participant().settle({}));
  EXPECT_EQ(figure("rows_linked"), linked + kPoints) << "another graph is another graph";
}

TEST_F(QuantizationStoreTest, AChangeIsKeptOverARestartAndLeavesNoFileBehind) {
  put(0, kPoints);
  checkpoint();
  checkpoint();
  ASSERT_TRUE(alter({.kind = scalar, .bits = 8}));
  ASSERT_TRUE(db.participant().settle({}));
  ASSERT_TRUE(db.restart());  // replayed
  ASSERT_TRUE(db.participant().settle({}));
  EXPECT_EQ(db.store().collection("c")->options.quantization.bits, 8U);
  EXPECT_EQ(figures().quantization.bits, 8U);
  ASSERT_TRUE(alter({.kind = rabitq}));
  ASSERT_TRUE(db.participant().settle({}));
  checkpoint();
  // The graph of 8 bits was in no checkpoint and is gone; that of 4 was in the last but one, whose files the engine removes.
  EXPECT_EQ(files_ending(".graph").size(), 2U);
  ASSERT_TRUE(db.restart());  // from the checkpoint
  EXPECT_EQ(db.store().collection("c")->options.quantization.kind, rabitq);
  EXPECT_EQ(figures().quantization.kind, rabitq);
  EXPECT_EQ(files_ending(".graph").size(), 1U);
  EXPECT_GT(recall(), 0.6);
}

TEST_F(QuantizationStoreTest, FlatTakesTheGraphAwayAndHnswBringsAnother) {
  put(0, kPoints);
  checkpoint();
  ASSERT_TRUE(alter({}, {.kind = IndexKind::flat}));
  EXPECT_EQ(figures().rows, 0U);
  EXPECT_EQ(recall({}, 10), 1.0);
  checkpoint();
  EXPECT_TRUE(files_ending(".graph").empty());
  ASSERT_TRUE(alter({}));
  ASSERT_TRUE(db.participant().settle({}));
  EXPECT_EQ(figures().rows, static_cast<std::uint64_t>(kPoints));
}

TEST_F(QuantizationStoreTest, AChangeIsOfItsTransaction) {
  put(0, 10);
  db.session().begin();
  ASSERT_TRUE(alter({.kind = product, .bits = 6, .parts = 8}));
  EXPECT_EQ(db.store().collection("c")->options.quantization.kind, product);
  db.session().roll_back();
  EXPECT_EQ(db.store().collection("c")->options.quantization.kind, scalar);
  db.session().begin();
  ASSERT_TRUE(alter({.kind = product, .bits = 6, .parts = 8}));
  ASSERT_TRUE(db.session().commit());
  EXPECT_EQ(db.store().collection("c")->options.quantization.bits, 6U);
  // The same options again are nothing; others than it has now are refused by create_collection.
  const Lsn lsn = db.lsn();
  ASSERT_TRUE(alter({.kind = product, .bits = 6, .parts = 8}));
  EXPECT_EQ(db.lsn(), lsn);
  EXPECT_FALSE(db.store().create_collection("c", {.dimension = kDimension, .index = kIndex}));
}

TEST_F(QuantizationStoreTest, ANamedVectorIsAlteredByItself) {
  const CollectionOptions options{
      .dimension = 4, .vectors = {{.name = "s", .kind = VectorKind::sparse}, {.name = "t", .dimension = 8}}};
  ASSERT_TRUE(db.store().create_collection("n", options));
  core::Random random(5);
  for (int i = 0; i < 2'000; ++i) {
    const auto x = random_vector(random, 4), t = random_vector(random, 8);
    const PointVector named{"t", t};
    const std::string id = id_of(i);
    const Point point{.id = id, .vector = x, .vectors = {&named, 1}};
    ASSERT_TRUE(db.store().upsert("n", {&point, 1}));
  }
  checkpoint();
  ASSERT_TRUE(db.store().alter_collection("n", {.m = 8, .ef_construction = 20}, {.kind = rabitq}, "t"));
  ASSERT_TRUE(db.participant().settle({}));
  CollectionOptions expected = options;
  expected.vectors[1].index = {.m = 8, .ef_construction = 20};
  expected.vectors[1].quantization = {.kind = rabitq};
  EXPECT_EQ(db.store().collection("n")->options, expected);
  checkpoint();
  ASSERT_TRUE(db.restart());
  EXPECT_EQ(db.store().collection("n")->options, expected);
  const auto query = random_vector(random, 8);
  EXPECT_EQ(db.store().search("n", query, {.k = 10, .ef = 20, .using_vector = "t"})->size(), 10U);
  for (const std::string_view wrong : {"s", "u"}) {
    const auto refused = db.store().alter_collection("n", {.m = 8, .ef_construction = 20}, {}, wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().code(), ErrorCode::invalid_argument) << wrong;
    EXPECT_NE(refused.error().message().find(wrong), std::string::npos);
  }
}

TEST_F(QuantizationStoreTest, WhatCannotBeIsRefusedByName) {
  const auto refused = [&](const QuantizationOptions& quantization, std::string_view words) {
    const auto result = alter(quantization);
    ASSERT_FALSE(result) << words;
    EXPECT_EQ(result.error().code(), ErrorCode::invalid_argument);
    EXPECT_NE(result.error().message().find(words), std::string::npos) << result.error().message();
  };
  refused({.kind = scalar, .bits = 5}, "4, 8 or 16 bits, not 5");
  refused({.kind = product, .bits = 9}, "4 to 8 bits, not 9");
  refused({.kind = product, .parts = 33}, "1 to 32 parts");
  refused({.kind = automatic, .recall_min = 0.2F}, "recall_min is 0.5 to 1, not 0.2");
  const auto nowhere = db.store().alter_collection("d", {}, {});
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code(), ErrorCode::not_found);
}

TEST_F(QuantizationStoreTest, SearchesGoOnWhileCodesChange) {
  put(0, kPoints);
  checkpoint();
  for (const QuantizationKind kind : {rabitq, none, scalar, rabitq}) {
    ASSERT_TRUE(alter({.kind = kind}));
    for (int i = 0; i < 20; ++i) EXPECT_EQ(db.store().search("c", some_vector(), {.k = 10, .ef = kEf})->size(), 10U);
  }
  ASSERT_TRUE(db.participant().settle({}));
  EXPECT_EQ(figures().quantization.kind, rabitq);
}

}  // namespace
}  // namespace strata::store::vector
