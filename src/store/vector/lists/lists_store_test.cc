// Collections of index kind ivf: what their lists find, when they are taken over, and that answers are whole meanwhile.
#include <gtest/gtest.h>

#include "store/vector/graph/graph_store_fixture.h"

namespace strata::store::vector {
namespace {

class ListsStoreTest : public GraphStoreTest {
 protected:
  void SetUp() override {
    GraphStoreTest::SetUp();
    create({.dimension = kDimension, .index = kLists});
  }
  /// Of the only segment.
  const ListsView* lists() {
    segments_ = db.participant().find("c", kLive - 1)->unchecked_parts()->segments;
    EXPECT_EQ(segments_.size(), 1U);
    return segments_.front()->lists();
  }
  /// The share of the exact answer, and whether both are whole.
  double found_with(std::uint32_t probes, std::size_t k = 10, std::uint32_t ef = kEf) {
    double found = 0;
    constexpr int kQueries = 40;
    for (int i = 0; i < kQueries; ++i) {
      const auto query = some_vector();
      const auto exact = *db.store().search("c", query, {.k = k, .exact = true});
      const auto near = *db.store().search("c", query, {.k = k, .ef = ef, .probes = probes});
      EXPECT_EQ(near.size(), exact.size());
      std::set<std::string> ids;
      for (const Hit& hit : exact) ids.insert(hit.id);
      for (const Hit& hit : near) found += static_cast<double>(ids.count(hit.id));
    }
    return found / (kQueries * static_cast<double>(k));
  }

 private:
  std::vector<std::shared_ptr<Segment>> segments_;
};

TEST_F(ListsStoreTest, FiguresTellWhatTheListsHold) {
  put(0, kPoints);
  checkpoint();
  EXPECT_EQ(figure("graphs"), 0U);
  const IndexFigures figures = db.store().collection("c")->index;
  EXPECT_EQ(figures.rows, static_cast<std::uint64_t>(kPoints));
  EXPECT_EQ(figures.code_bytes, 64U);  // half codes come in lines of 128 dimensions
}

TEST_F(ListsStoreTest, MoreProbesFindMore) {
  put(0, kPoints);
  checkpoint();
  EXPECT_EQ(lists()->count, 219U);
  const double few = found_with(2);
  const double usual = found_with(0);
  EXPECT_LT(few, 0.9);  // the lists are asked: a scan would miss none
  EXPECT_LT(few, usual);
  EXPECT_GT(found_with(219, 10, 40), 0.99);
}

TEST_F(ListsStoreTest, AnswersAreWholeHoweverFewListsAreAskedFor) {
  put(0, kPoints);
  checkpoint();
  EXPECT_GT(found_with(1, 25), 0.1);  // found_with compares how many there are
}

TEST_F(ListsStoreTest, UnderAFilterAsManyPointsAreLookedAt) {
  put(0, kPoints);
  checkpoint();
  // Two rows in ten match, enough for lists to be asked rather than all of them: a beam of 5 stands for 320 rows.
  const Filter filter{{"tenth", Map{{"lt", 2}}}};
  constexpr std::size_t k = 5;
  double found = 0;
  for (int i = 0; i < 100; ++i) {
    const auto query = some_vector();
    const auto exact = *db.store().search("c", query, {.k = k, .filter = filter, .exact = true});
    const auto near = *db.store().search("c", query, {.k = k, .filter = filter, .ef = k, .probes = 4});
    ASSERT_EQ(near.size(), k);
    for (const Hit& hit : near) {
      found += std::any_of(exact.begin(), exact.end(), [&](const Hit& each) { return each.id == hit.id; }) ? 1 : 0;
    }
  }
  // Four lists hold a fifth of what they would without a filter: of twenty are most of the nearest, of four are few.
  EXPECT_GT(found / (100 * k), 0.9);
}

TEST_F(ListsStoreTest, WhatIsRemovedOrReplacedIsNotFoundAndWhatIsNewIs) {
  put(0, kPoints);
  checkpoint();
  const auto before = db.lsn();
  const auto query = some_vector();
  const auto first = *db.store().search("c", query, {.k = 200, .exact = true});
  std::set<std::string> gone;
  for (const Hit& hit : first) {
    const std::string_view id[] = {hit.id};
    ASSERT_TRUE(db.store().remove("c", id));
    gone.insert(hit.id);
  }
  const Point exactly{"new", query};
  ASSERT_TRUE(db.store().upsert("c", {&exactly, 1}));
  const auto now = *db.store().search("c", query, {.k = 30, .ef = kEf});
  ASSERT_EQ(now.size(), 30U);
  EXPECT_EQ(now[0].id, "new");
  for (const Hit& hit : now) EXPECT_FALSE(gone.contains(hit.id)) << hit.id;
  EXPECT_GT(recall(), 0.95);
  db.session().view_at(before);
  const auto past = *db.store().search("c", query, {.k = 30, .ef = kEf});
  db.session().view_latest();
  for (std::size_t i = 0; i < 20; ++i) EXPECT_TRUE(gone.contains(past[i].id));
}

TEST_F(ListsStoreTest, EveryMetricAndElementType) {
  for (const Metric metric : {Metric::cosine, Metric::l2, Metric::inner_product}) {
    for (const ElementType element : {ElementType::f32, ElementType::f16, ElementType::bf16}) {
      create({.dimension = kDimension, .metric = metric, .element = element, .index = kLists});
      put(0, kPoints);
      checkpoint();
      ASSERT_NE(lists(), nullptr);
      EXPECT_GT(found_with(0), metric == Metric::inner_product ? 0.85 : 0.93) << name(metric) << name(element);
    }
  }
}

TEST_F(ListsStoreTest, SearchesOfManyAndQueriesGoThroughListsToo) {
  put(0, kPoints);
  checkpoint();
  int missed = 0;
  for (int i = 0; i < 100; ++i) {
    const auto query = some_vector();
    const std::span<const float> both[] = {query, query};
    const SearchOptions few{.k = 1, .ef = 1, .probes = 1};
    const auto one = *db.store().search("c", query, few);
    const auto many = *db.store().search_many("c", both, few);
    Query asked;
    asked.vector = query;
    const auto queried = *db.store().query("c", asked, few);
    EXPECT_EQ(many[0][0].id, one[0].id);
    EXPECT_EQ(many[1][0].id, one[0].id);
    EXPECT_EQ(queried[0].id, one[0].id);
    missed += one[0].id != db.store().search("c", query, {.k = 1, .exact = true})->front().id ? 1 : 0;
  }
  EXPECT_GT(missed, 0);
}

TEST_F(ListsStoreTest, WhatNoCheckpointHasSealedIsScanned) {
  put(0, kPoints);
  ASSERT_TRUE(db.participant().settle({}));
  EXPECT_EQ(figure("graphs"), 0U);
  EXPECT_EQ(recall(), 1);
}

TEST_F(ListsStoreTest, AMergeTakesCentroidsOverUntilTheRowsHaveDoubled) {
  put(0, 1'500);
  checkpoint();
  EXPECT_EQ(lists()->trained, 1'500U);
  put(1'500, 2'900);
  checkpoint();
  EXPECT_EQ(lists()->rows, 2'900U);
  EXPECT_EQ(lists()->trained, 1'500U);
  EXPECT_EQ(files_ending(".lists").size(), 1U);
  EXPECT_GT(recall(), 0.95);
  put(2'900, 5'000);
  checkpoint();
  EXPECT_EQ(lists()->trained, 5'000U);
  EXPECT_GT(recall(), 0.95);
}

TEST_F(ListsStoreTest, RecallStaysWhenPointsComeAndGo) {
  put(0, kPoints);
  checkpoint();
  for (int round = 0; round < 6; ++round) {
    for (int i = round; i < kPoints; i += 3) {
      const std::string id = id_of(i);
      const std::string_view gone[] = {id};
      ASSERT_TRUE(db.store().remove("c", gone));
    }
    put(0, 1'000);
    checkpoint();
    EXPECT_GT(recall(), 0.94) << round;
  }
}

TEST_F(ListsStoreTest, AnIndexOfAnotherKindTakesItsPlaceWhenItStands) {
  put(0, kPoints);
  checkpoint();
  const auto alter = [&](const IndexOptions& index) {
    ASSERT_TRUE(db.store().alter_collection("c", index, {}));
    ASSERT_TRUE(db.participant().settle({}));
  };
  alter(kIndex);
  EXPECT_EQ(figure("graphs"), 1U);
  EXPECT_EQ(figure("segments_in_lists"), 0U);
  EXPECT_GT(recall(), 0.95);
  checkpoint();
  checkpoint();
  EXPECT_TRUE(files_ending(".lists").empty());
  ASSERT_EQ(files_ending(".graph").size(), 1U);
  alter({.kind = IndexKind::ivf, .lists = 50});
  EXPECT_EQ(lists()->count, 50U);
  EXPECT_EQ(figure("graphs"), 0U);
  alter(kLists);
  EXPECT_EQ(lists()->count, 219U);
  ASSERT_TRUE(db.restart());
  ASSERT_TRUE(db.participant().settle({}));
  EXPECT_EQ(lists()->count, 219U);
  alter({.kind = IndexKind::flat});
  EXPECT_EQ(lists(), nullptr);
  EXPECT_EQ(recall(), 1);
  checkpoint();
  EXPECT_TRUE(files_ending(".lists").empty());
  for (const auto& file : db.last().files) {  // the graph was named by a checkpoint: who drops that drops the file
    EXPECT_FALSE(file.name.ends_with(".graph") || file.name.ends_with(".lists")) << file.name;
  }
}

TEST_F(ListsStoreTest, OptionsOutOfRangeAreNamed) {
  const auto refused = [&](const CollectionOptions& options) {
    const auto made = db.store().create_collection("d", options);
    EXPECT_FALSE(made);
    EXPECT_EQ(made.error().code(), ErrorCode::invalid_argument);
    return std::string(made.error().message());
  };
  EXPECT_NE(refused({.dimension = 4, .index = {.kind = IndexKind::ivf, .lists = 65'537}}).find("not 65537"),
            std::string::npos);
  EXPECT_NE(
      refused({.dimension = 4, .index = kLists, .quantization = {.kind = QuantizationKind::rabitq}}).find("not rabitq"),
      std::string::npos);
  const auto searched = db.store().search("c", std::vector<float>(kDimension, 1), {.probes = 65'537});
  ASSERT_FALSE(searched);
  EXPECT_EQ(searched.error().code(), ErrorCode::invalid_argument);
  EXPECT_NE(searched.error().message().find("not 65537"), std::string::npos);
}

}  // namespace
}  // namespace strata::store::vector
