// The store against a model: a map of points per LSN, searched by brute force.
#include "store/vector/vector_store.h"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "store/vector/filter/filter.h"
#include "store/vector/reading.h"
#include "store/vector/store_vector_fixture.h"

namespace strata::store::vector {
namespace {

struct ModelPoint {
  std::vector<float> x;
  Map payload;
};
using Model = std::map<std::string, ModelPoint>;

// As strata::VectorStore defines the scores, in double from first to last, in the order that the scalar oracle adds.
double exact_score(Metric metric, const std::vector<float>& q, const std::vector<float>& x) {
  const auto& k = distance::kScalarKernels;
  if (metric == Metric::l2) return -k.squared_l2(q.data(), x.data(), x.size());
  const double dot = k.dot(q.data(), x.data(), x.size());
  if (metric == Metric::inner_product) return dot;
  return dot / (std::sqrt(k.dot(q.data(), q.data(), q.size())) * std::sqrt(k.dot(x.data(), x.data(), x.size())));
}

std::vector<std::pair<std::string, float>> brute_force(const Model& model, Metric metric, const std::vector<float>& q,
                                                       std::size_t k, const Filter& filter) {
  const auto compiled = CompiledFilter::compile(filter);
  std::vector<std::pair<std::string, float>> all;
  for (const auto& [id, point] : model) {
    Bytes payload;
    core::Encoder(payload).map(point.payload);
    if (compiled->matches(id, payload)) all.emplace_back(id, static_cast<float>(exact_score(metric, q, point.x)));
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  if (all.size() > k) all.resize(k);
  return all;
}

void expect_search_is_brute_force(strata::VectorStore& store, const Model& model, Metric metric,
                                  const std::vector<float>& q, std::size_t k, const Filter& filter) {
  SearchOptions options;
  options.k = k;
  options.filter = filter;
  const auto hits = store.search("c", q, options);
  ASSERT_TRUE(hits) << hits.error().to_string();
  const auto expected = brute_force(model, metric, q, k, filter);
  ASSERT_EQ(hits->size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ((*hits)[i].id, expected[i].first) << "rank " << i;
    EXPECT_FLOAT_EQ((*hits)[i].score, expected[i].second);
    EXPECT_EQ((*hits)[i].payload, model.at(expected[i].first).payload);
  }
}

class EveryMetric : public testing::TestWithParam<Metric> {};
INSTANTIATE_TEST_SUITE_P(, EveryMetric, testing::Values(Metric::cosine, Metric::l2, Metric::inner_product),
                         [](const auto& each) { return std::string(name(each.param)); });

// Random upserts, payload changes, removals, transactions, checkpoints with old and new horizons, restarts; after each step
// searches at the latest state and at a past one.
TEST_P(EveryMetric, SearchEqualsBruteForceAcrossDeltasSegmentsDeletesMergesAndPastViews) {
  const auto files = io::make_memory_file_system();
  TestDatabase db(*files);
  core::Random random(4711);
  const std::size_t dimension = 37;
  ASSERT_TRUE(db.store().create_collection("c", {.dimension = 37, .metric = GetParam()}));
  std::map<Lsn, Model> history{{db.lsn(), {}}};
  Lsn horizon = 1;
  for (int step = 0; step < 60; ++step) {
    Model model = history.rbegin()->second;
    db.session().begin();
    const auto changes = 1 + random.below(40);
    for (std::uint64_t i = 0; i < changes; ++i) {
      const std::string id = "p" + std::to_string(random.below(400));
      if (random.chance(0.15)) {
        const std::string_view ids[] = {id};
        const auto removed = db.store().remove("c", ids);
        ASSERT_TRUE(removed);
        EXPECT_EQ(*removed, model.erase(id));
      } else if (random.chance(0.15) && model.contains(id)) {
        model[id].payload = {{"group", random.below(10)}, {"kept", true}};
        ASSERT_TRUE(db.store().set_payload("c", id, model[id].payload));
      } else {
        model[id] = {random_vector(random, dimension), {{"group", random.below(10)}, {"text", "t" + id}}};
        // Some of them equal, so that ties by id happen.
        if (random.chance(0.2)) model[id].x.assign(dimension, 0.5F);
        const Point point{id, model[id].x, model[id].payload};
        ASSERT_TRUE(db.store().upsert("c", {&point, 1}));
      }
    }
    const auto q = random.chance(0.2) ? std::vector<float>(dimension, 1.0F) : random_vector(random, dimension);
    expect_search_is_brute_force(db.store(), model, GetParam(), q, 7, {});  // own writes, before the commit
    const auto committed = db.session().commit();
    ASSERT_TRUE(committed) << committed.error().to_string();
    history[db.lsn()] = model;

    if (random.chance(0.35)) {
      if (random.chance(0.5)) horizon = std::max(horizon, db.lsn() - std::min<Lsn>(db.lsn(), random.below(10)));
      const auto written = db.checkpoint(horizon);
      ASSERT_TRUE(written) << written.error().to_string();
    }
    if (random.chance(0.15)) {
      const auto restarted = db.restart();
      ASSERT_TRUE(restarted) << restarted.error().to_string();
    }

    const Filter rare{{"group", 3}};
    const Filter range{{"group", Map{{"gte", 4}, {"lt", 7}}}};
    expect_search_is_brute_force(db.store(), model, GetParam(), q, 10, {});
    expect_search_is_brute_force(db.store(), model, GetParam(), q, 1000, {});
    expect_search_is_brute_force(db.store(), model, GetParam(), q, 5, rare);
    expect_search_is_brute_force(db.store(), model, GetParam(), q, 20, range);
    ASSERT_EQ(*db.store().count("c"), model.size());

    auto past = std::prev(history.upper_bound(horizon + random.below(db.lsn() - horizon + 1)));
    db.session().view_at(past->first);
    expect_search_is_brute_force(db.store(), past->second, GetParam(), q, 10, {});
    ASSERT_EQ(*db.store().count("c"), past->second.size());
    const auto scrolled = db.store().scroll("c", "", 10'000);
    ASSERT_TRUE(scrolled);
    ASSERT_EQ(scrolled->size(), past->second.size());
    auto expected = past->second.begin();
    for (const StoredPoint& point : *scrolled) EXPECT_EQ(point.id, (expected++)->first);
    db.session().view_latest();
    for (const auto& [id, point] : model) {
      const auto got = db.store().get("c", id);
      ASSERT_TRUE(got && *got) << id;
      ASSERT_EQ((*got)->vector, point.x);
      ASSERT_EQ((*got)->payload, point.payload);
    }
  }
  EXPECT_LE(*db.participant().statistics().find("segments")->integer(), 9);
  const auto live = db.participant().summarize(db.lsn());
  ASSERT_TRUE(db.restart(true));
  EXPECT_EQ(*db.participant().summarize(db.lsn()), *live);  // rebuilt from the first record: the same
}

// What a filter asks that requires one of `ids`, and the same question in words that only a pass over the rows can answer.
struct SameQuestion {
  Filter by_id;
  Filter by_pass;
};
SameQuestion question(const std::vector<std::string>& ids, std::int64_t below) {
  const Value::List list(ids.begin(), ids.end());
  const Map condition{{"n", Map{{"lt", below}}}};
  return {{{"must", Value::List{condition, Map{{"has_id", list}}}}},
          {{"must", Value::List{condition, Map{{"should", Value::List{Map{{"has_id", list}}}}}}}}};
}

// Every call that takes a filter gives the same answer to both, and it is the model's.
void expect_same_answers(strata::VectorStore& store, const std::map<std::string, std::int64_t>& model,
                         const std::vector<std::string>& ids, const std::string& where) {
  SCOPED_TRACE(where + ", " + std::to_string(ids.size()) + " ids");
  constexpr std::int64_t kBelow = 70;
  const auto [by_id, by_pass] = question(ids, kBelow);
  std::vector<std::string> expected;
  for (const auto& [id, n] : model) {
    if (n < kBelow && std::find(ids.begin(), ids.end(), id) != ids.end()) expected.push_back(id);
  }
  EXPECT_EQ(*store.count("c", by_id), expected.size());
  EXPECT_EQ(*store.count("c", by_pass), expected.size());
  const auto scroll = [&](const Filter& filter, const std::string& after, std::size_t limit) {
    std::vector<std::string> found;
    const auto points = store.scroll("c", after, limit, filter);
    for (const StoredPoint& point : *points) {
      EXPECT_EQ(*point.payload.find("n")->integer(), model.at(point.id));
      found.push_back(point.id);
    }
    return found;
  };
  EXPECT_EQ(scroll(by_id, "", 1000), expected);
  EXPECT_EQ(scroll(by_pass, "", 1000), expected);
  EXPECT_EQ(scroll(by_id, "p2", 3), scroll(by_pass, "p2", 3));
  const std::vector<float> q{0.3F, -0.5F, 0.7F};
  for (const std::size_t k : {1U, 4U, 1000U}) {
    const auto pairs = [](const Result<std::vector<Hit>>& hits) {
      std::vector<std::pair<std::string, float>> found;
      for (const Hit& hit : *hits) found.emplace_back(hit.id, hit.score);
      return found;
    };
    const auto nearest = pairs(store.search("c", q, {.k = k, .filter = by_id}));
    EXPECT_EQ(nearest.size(), std::min(k, expected.size()));
    EXPECT_EQ(nearest, pairs(store.search("c", q, {.k = k, .filter = by_pass})));
    EXPECT_EQ(pairs(store.search_words("c", "even three", {.k = k, .filter = by_id})),
              pairs(store.search_words("c", "even three", {.k = k, .filter = by_pass})));
  }
}

TEST(VectorStore, IdsThatAFilterRequiresAreLookedUpWithTheSameAnswers) {
  const auto files = io::make_memory_file_system();
  TestDatabase db(*files);
  core::Random random(20);
  ASSERT_TRUE(db.store().create_collection("c", {.dimension = 3, .words = true}));
  std::map<std::string, std::int64_t> model;
  const auto put = [&](const std::string& id, std::int64_t n) {
    const auto x = random_vector(random, 3);
    std::string text = n % 2 == 0 ? "even" : "odd";
    if (n % 3 == 0) text += " three three";
    const Point point{id, x, {{"n", n}}, text};
    ASSERT_TRUE(db.store().upsert("c", {&point, 1}));
    model[id] = n;
  };
  const auto remove = [&](const std::string& id) {
    const std::string_view ids[] = {id};
    ASSERT_EQ(*db.store().remove("c", ids), model.erase(id));
  };
  for (int i = 0; i < 300; ++i) {
    put("p" + std::to_string(i), i % 100);
    if (i == 150) {
      ASSERT_TRUE(db.checkpoint(1));
    }
  }
  for (int i = 0; i < 300; i += 7) remove("p" + std::to_string(i));
  for (int i = 0; i < 300; i += 5) put("p" + std::to_string(i), i % 90);
  const Lsn past = db.lsn();
  const auto past_model = model;
  for (int i = 0; i < 300; i += 4) remove("p" + std::to_string(i));
  for (int i = 0; i < 300; i += 6) put("p" + std::to_string(i), i % 80);

  // Few, some not there and some twice; so many that a pass is cheaper; none; none that exists.
  std::vector<std::string> all;
  for (int i = 0; i < 320; ++i) all.push_back("p" + std::to_string(i));
  const std::vector<std::vector<std::string>> lists{
      {"p0", "p4", "p5", "p7", "p13", "p13", "p24", "p250", "p299", "nobody", "new", "p29"},
      all,
      {},
      {"nobody", "p7x"}};
  for (const auto& ids : lists) {
    expect_same_answers(db.store(), model, ids, "latest");
    db.session().view_at(past);
    expect_same_answers(db.store(), past_model, ids, "as of");
    db.session().view_latest();
  }
  db.session().begin();
  put("new", 1);
  put("p13", 2);
  put("p24", 99);
  remove("p299");
  ASSERT_TRUE(db.store().set_payload("c", "p5", {{"n", 3}}));
  model["p5"] = 3;
  for (const auto& ids : lists) expect_same_answers(db.store(), model, ids, "in a transaction");
  ASSERT_TRUE(db.session().commit());
  for (const auto& ids : lists) expect_same_answers(db.store(), model, ids, "after it");
}

TEST(VectorStore, LooksUpFewRequiredIdsAndPassesOverTheRowsForMany) {
  const auto files = io::make_memory_file_system();
  TestDatabase db(*files);
  core::Random random(21);
  ASSERT_TRUE(db.store().create_collection("c", {.dimension = 3}));
  for (int i = 0; i < 300; ++i) {
    const std::string id = "p" + std::to_string(i);
    const auto x = random_vector(random, 3);
    const Point point{id, x, {}};
    ASSERT_TRUE(db.store().upsert("c", {&point, 1}));
  }
  const auto collection = db.participant().find("c", db.lsn());
  const auto looked_up = [&](int count) {
    Value::List ids;
    for (int i = 0; i < count; ++i) ids.emplace_back("p" + std::to_string(i));
    const auto filter = CompiledFilter::compile({{"has_id", std::move(ids)}});
    const Reading reading{*collection->parts(kLive - 1), db.lsn(), &collection->options(), &*filter, nullptr};
    const auto ids_looked_up = ids_to_look_up(reading);
    return ids_looked_up ? static_cast<int>(ids_looked_up->size()) : -1;
  };
  EXPECT_EQ(looked_up(0), 0);
  EXPECT_EQ(looked_up(16), 16);
  EXPECT_EQ(looked_up(75), 75);
  EXPECT_EQ(looked_up(76), -1);
}

TEST(VectorStore, ReopensFromACheckpointWithTheSameSummary) {
  const auto files = io::make_memory_file_system();
  TestDatabase db(*files);
  core::Random random(1);
  ASSERT_TRUE(db.store().create_collection("c", {.dimension = 8, .words = true}));
  for (int i = 0; i < 300; ++i) {
    const std::string id = "p" + std::to_string(i);
    const auto x = random_vector(random, 8);
    const Point point{id, x, {{"i", i}}, i % 3 == 0 ? "one two three" : "two words and Straße"};
    ASSERT_TRUE(db.store().upsert("c", {&point, 1}));
    if (i % 100 == 50) {
      ASSERT_TRUE(db.checkpoint(db.lsn()));
    }
  }
  const std::string_view ids[] = {"p1", "p299", "p77"};
  EXPECT_EQ(*db.store().remove("c", ids), 3U);
  ASSERT_TRUE(db.checkpoint(1));
  const auto before = *db.participant().summarize(db.lsn());
  EXPECT_EQ(before.items, 298U);  // 297 points, one collection
  ASSERT_TRUE(db.restart());
  EXPECT_EQ(*db.participant().summarize(db.lsn()), before);
  EXPECT_EQ(db.participant().durable_lsn().value(), db.lsn());
  EXPECT_TRUE(db.participant().verify().value().empty());
  EXPECT_FALSE(db.store().get("c", "p77")->has_value());
  EXPECT_EQ(db.store().search_words("c", "STRASSE", {.k = 1000})->size(), 197U);
}

// Its own checksums are all right, so what the checkpoint says of it must tell.
TEST(VectorStore, ASegmentOfAnotherDatabaseIsRefused) {
  const auto mine = io::make_memory_file_system(), other = io::make_memory_file_system();
  const auto fill = [](TestDatabase& db, std::uint64_t seed) {
    core::Random random(seed);
    ASSERT_TRUE(db.store().create_collection("c", {.dimension = 8}));
    for (int i = 0; i < 50; ++i) {
      const std::string id = "p" + std::to_string(i);
      const auto x = random_vector(random, 8);
      const Point point{id, x, {{"i", i}}, {}};
      ASSERT_TRUE(db.store().upsert("c", {&point, 1}));
    }
    ASSERT_TRUE(db.checkpoint(db.lsn()));
  };
  TestDatabase db(*mine), another(*other);
  fill(db, 1);
  fill(another, 2);
  ASSERT_EQ(db.last().files.size(), 1U);
  const std::string name = db.last().files[0].name;
  const Bytes foreign = *io::read_file(*other, name, 1 << 20);
  ASSERT_EQ(foreign.size(), db.last().files[0].bytes);
  ASSERT_TRUE(db.restart());
  ASSERT_TRUE(io::write_file_atomically(*mine, name, foreign));
  const auto refused = db.restart();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::corruption);
  EXPECT_NE(refused.error().message().find(name), std::string::npos) << refused.error().message();
}

TEST(VectorStore, DropsACollectionForTheFutureAndKeepsItForThePast) {
  const auto files = io::make_memory_file_system();
  TestDatabase db(*files);
  ASSERT_TRUE(db.store().create_collection("c", {.dimension = 2}));
  const float x[] = {1, 2};
  const Point point{"a", x, {}};
  ASSERT_TRUE(db.store().upsert("c", {&point, 1}));
  const Lsn before = db.lsn();
  ASSERT_TRUE(db.store().drop_collection("c"));
  ASSERT_TRUE(db.store().create_collection("c", {.dimension = 3}));
  EXPECT_EQ(*db.store().count("c"), 0U);
  ASSERT_TRUE(db.checkpoint(before));
  ASSERT_TRUE(db.restart());
  db.session().view_at(before);
  EXPECT_EQ(db.store().collection("c")->options.dimension, 2U);
  EXPECT_EQ(*db.store().count("c"), 1U);
  db.session().view_latest();
  EXPECT_EQ(db.store().collection("c")->options.dimension, 3U);
  ASSERT_TRUE(db.checkpoint(db.lsn()));  // nobody can see the first one now
  EXPECT_EQ(*db.participant().statistics().find("segments")->integer(), 0);
}

TEST(VectorStore, DropAndCreateInOneTransactionTakeEffectInOrder) {
  const auto files = io::make_memory_file_system();
  TestDatabase db(*files);
  const float x2[] = {1, 2};
  const float x3[] = {1, 2, 3};
  ASSERT_TRUE(db.store().create_collection("c", {.dimension = 2}));
  const Point old{"a", x2, {}};
  ASSERT_TRUE(db.store().upsert("c", {&old, 1}));
  db.session().begin();
  ASSERT_TRUE(db.store().drop_collection("c"));
  EXPECT_EQ(db.store().count("c").error().code(), ErrorCode::not_found);
  ASSERT_TRUE(db.store().create_collection("c", {.dimension = 3}));
  const Point point{"b", x3, {}};
  ASSERT_TRUE(db.store().upsert("c", {&point, 1}));
  EXPECT_EQ(*db.store().count("c"), 1U);
  ASSERT_TRUE(db.session().commit());
  EXPECT_EQ(*db.store().count("c"), 1U);
  EXPECT_FALSE(db.store().get("c", "a")->has_value());
  EXPECT_TRUE(db.store().get("c", "b")->has_value());
}

TEST(VectorStore, RefusesWhatCannotBeStoredAndNamesTheValue) {
  const auto files = io::make_memory_file_system();
  TestDatabase db(*files);
  auto& store = db.store();
  ASSERT_TRUE(store.create_collection("notes", {.dimension = 3}));
  const float nan[] = {1, std::nanf(""), 3};
  const float zero[] = {0, 0, 0};
  const float good[] = {1, 2, 3};
  const float two[] = {1, 2};
  const auto error = [&](std::string_view id, std::span<const float> x, Map payload = {}) {
    const Point points[] = {{"fine", good, {}}, {id, x, std::move(payload)}};
    const auto result = store.upsert("notes", points);
    return result ? std::string() : result.error().message();
  };
  EXPECT_EQ(error("n1", two), "collection \"notes\" holds vectors of 3 dimensions; \"n1\" has 2");
  EXPECT_EQ(error("n1", nan), "collection \"notes\" holds finite numbers; \"n1\" has NaN at position 1");
  EXPECT_EQ(error("n1", zero), "collection \"notes\" compares by angle, and a zero vector has none: \"n1\"");
  EXPECT_EQ(error("", good), "an id has 1 to 1024 bytes; \"\" has 0");
  EXPECT_NE(error(std::string(1025, 'x'), good), "");
  EXPECT_NE(error("\xff", good), "");
  EXPECT_NE(error("n1", good, {{"big", std::string(1 << 20, 'x')}}), "");
  EXPECT_EQ(*store.count("notes"), 0U);  // nothing of a refused call is taken
  EXPECT_EQ(store.upsert("other", {}).error().code(), ErrorCode::not_found);
  EXPECT_EQ(store.create_collection("Notes", {.dimension = 3}).error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(store.create_collection("n", {.dimension = 0}).error().code(), ErrorCode::invalid_argument);
  EXPECT_TRUE(store.create_collection("notes", {.dimension = 3}));
  EXPECT_EQ(store.create_collection("notes", {.dimension = 4}).error().code(), ErrorCode::already_exists);
  EXPECT_EQ(store.drop_collection("other").error().code(), ErrorCode::not_found);
  EXPECT_EQ(store.set_payload("notes", "n1", {}).error().code(), ErrorCode::not_found);
  EXPECT_EQ(store.search("notes", two, {}).error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(store.search("notes", good, {.k = 0}).error().code(), ErrorCode::invalid_argument);
  const auto wide = store.search("notes", good, {.ef = kSearchEfMax + 1});
  EXPECT_EQ(wide.error().code(), ErrorCode::invalid_argument);
  EXPECT_NE(wide.error().message().find("100001"), std::string::npos);
  EXPECT_EQ(store.search("notes", good, {.k = 10'001}).error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(store.scroll("notes", "", 10'001).error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(store.search_words("notes", "x", {}).error().code(), ErrorCode::failed_precondition);
}

// Blocks of bounds are put in order piece by piece, judged by a sample: whatever the order of the rows, however many of them the
// filter lets through, and with rows whose bounds are equal, infinite or no number at all.
TEST(VectorStore, SearchIsExactInWhateverOrderTheRowsOfALargeBlockLie) {
  enum class Order { rising, falling, shuffled, all_equal, every_20th_high };
  for (const Order order : {Order::rising, Order::falling, Order::shuffled, Order::all_equal, Order::every_20th_high}) {
    const auto files = io::make_memory_file_system();
    TestDatabase db(*files);
    core::Random random(31);
    Model model;
    ASSERT_TRUE(db.store().create_collection("c", {.dimension = 2, .metric = Metric::inner_product}));
    constexpr int kPoints = 5'000;
    std::vector<Point> points;
    for (int i = 0; i < kPoints; ++i) {
      const int place = order == Order::rising            ? i
                        : order == Order::falling         ? kPoints - i
                        : order == Order::shuffled        ? static_cast<int>(random.below(kPoints))
                        : order == Order::every_20th_high ? i % 20 == 0 ? 10'000 + i : i % 7
                                                          : 0;
      float x = static_cast<float>(place) / 100;
      if (order == Order::shuffled && i % 1'000 == 999) x = 3e38F;  // the bound is infinite, or no number
      const std::string id = "p" + std::to_string(i);
      model[id] = {{x, 1}, {{"n", i}, {"seventh", i % 7}}};
    }
    for (const auto& [id, point] : model) points.push_back({id, point.x, point.payload});
    ASSERT_TRUE(db.store().upsert("c", points));
    ASSERT_TRUE(db.checkpoint(db.lsn()));
    SCOPED_TRACE(static_cast<int>(order));
    for (const std::vector<float>& q : {std::vector<float>{1, 0}, std::vector<float>{-1, 0.5F}}) {
      for (const Filter& filter :
           {Filter{}, Filter{{"seventh", 3}}, Filter{{"n", Map{{"gte", kPoints - 9}}}}, Filter{{"n", Map{{"lt", 9}}}},
            Filter{{"n", 2'500}}, Filter{{"n", -1}}, Filter{{"n", Map{{"gte", 0}}}}}) {
        expect_search_is_brute_force(db.store(), model, Metric::inner_product, q, 10, filter);
      }
    }
  }
}

TEST(VectorStore, SearchIsExactForValuesThatCodesCannotHold) {
  const auto files = io::make_memory_file_system();
  TestDatabase db(*files);
  for (const Metric metric : {Metric::l2, Metric::inner_product, Metric::cosine}) {
    const std::string collection(metric == Metric::inner_product ? "ip" : name(metric));
    ASSERT_TRUE(db.store().create_collection(collection, {.dimension = 4, .metric = metric}));
    const std::vector<std::vector<float>> xs{{1e-40F, 0, 0, 0}, {3e38F, 3e38F, 0, 0},  {1e-20F, 1e-20F, 0, 0},
                                             {1, 1, 1, 1},      {1e20F, -1e20F, 1, 0}, {1e-30F, 1e30F, 1e-3F, 2}};
    for (std::size_t i = 0; i < xs.size(); ++i) {
      const std::string id = "p" + std::to_string(i);
      const Point point{id, xs[i], {}};
      ASSERT_TRUE(db.store().upsert(collection, {&point, 1}));
    }
    for (const auto& q : xs) {
      const auto hits = db.store().search(collection, q, {.k = 2});
      ASSERT_TRUE(hits);
      std::vector<std::pair<double, std::string>> expected;
      constexpr double kMost = std::numeric_limits<float>::max();
      for (std::size_t i = 0; i < xs.size(); ++i) {
        const double score = std::clamp(exact_score(metric, q, xs[i]), -kMost, kMost);
        expected.emplace_back(-static_cast<double>(static_cast<float>(score)), "p" + std::to_string(i));
      }
      std::sort(expected.begin(), expected.end());
      ASSERT_EQ(hits->size(), 2U);
      EXPECT_FLOAT_EQ((*hits)[0].score, static_cast<float>(-expected[0].first));
      EXPECT_FLOAT_EQ((*hits)[1].score, static_cast<float>(-expected[1].first));
    }
  }
}

TEST(VectorStore, ReadersSeeTheirViewWhileAWriterAppliesAndCheckpoints) {
  const auto files = io::make_memory_file_system();
  TestDatabase db(*files);
  db.keep_records(false);
  const std::size_t dimension = 16;
  ASSERT_TRUE(db.store().create_collection("c", {.dimension = 16, .words = true}));
  // Every commit replaces all ten points: a view that sees other than ten of one generation is torn.
  const auto write = [&](int generation) {
    std::vector<std::string> ids;
    std::vector<std::vector<float>> xs;
    std::vector<Point> points;
    for (int i = 0; i < 10; ++i) {
      ids.push_back("p" + std::to_string(i));
      xs.emplace_back(dimension, static_cast<float>(i + 1));
    }
    for (std::size_t i = 0; i < 10; ++i) points.push_back({ids[i], xs[i], {{"generation", generation}}, "word"});
    return db.store().upsert("c", points).has_value();
  };
  ASSERT_TRUE(write(0));
  std::atomic<bool> done{false};
  std::atomic<int> torn{0};
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&] {
      TestDatabase::Session session(db);
      const auto store = db.participant().session(session);
      const std::vector<float> q(dimension, 1.0F);
      while (!done.load()) {
        const Lsn lsn = db.lsn();
        session.view_at(lsn);
        const auto hits = store->search("c", q, {.k = 100});
        const auto words = store->search_words("c", "word", {.k = 100});
        const auto first = store->get("c", "p0");
        const bool good = hits && hits->size() == 10 && words && words->size() == 10 && first && first->has_value() &&
                          *store->count("c") == 10;
        if (!good) ++torn;
        for (std::size_t i = 1; good && i < 10; ++i) torn += (*hits)[i].payload == (*hits)[0].payload ? 0 : 1;
      }
    });
  }
  bool wrote = true;
  for (int generation = 1; generation < 150; ++generation) {
    wrote = wrote && write(generation);
    // Views are not registered here, so the horizon stays at the beginning.
    if (generation % 20 == 0) wrote = wrote && db.checkpoint(2).has_value();
  }
  done.store(true);
  for (std::thread& reader : readers) reader.join();
  EXPECT_TRUE(wrote);
  EXPECT_EQ(torn.load(), 0);
}

TEST(VectorStore, WhatIsDeletedWhileACheckpointIsWrittenStaysDeleted) {
  const auto files = io::make_memory_file_system();
  TestDatabase db(*files);
  ASSERT_TRUE(db.store().create_collection("c", {.dimension = 2}));
  const float x[] = {1, 2};
  for (const std::string_view id : {"a", "b", "c"}) {
    const Point point{id, x, {}};
    ASSERT_TRUE(db.store().upsert("c", {&point, 1}));
  }
  const auto before = *db.participant().summarize(db.lsn());
  const Lsn frozen = db.lsn();
  ASSERT_TRUE(db.participant().freeze(frozen));
  const std::string_view a[] = {"a"};
  ASSERT_EQ(*db.store().remove("c", a), 1U);
  const auto written = db.participant().write_checkpoint(frozen);
  ASSERT_TRUE(written);
  const std::string_view b[] = {"b"};
  ASSERT_EQ(*db.store().remove("c", b), 1U);
  ASSERT_TRUE(db.participant().installed(*written));
  EXPECT_EQ(*db.store().count("c"), 1U);
  EXPECT_FALSE(db.store().get("c", "a")->has_value());
  EXPECT_FALSE(db.store().get("c", "b")->has_value());
  EXPECT_TRUE(db.store().get("c", "c")->has_value());
  EXPECT_EQ(*db.participant().summarize(frozen), before);
  // The checkpoint itself holds all three.
  VectorParticipant other(*files, "vector");
  ASSERT_TRUE(other.open(&*written));
  EXPECT_EQ(*other.summarize(frozen), before);
}

class PastRows : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(db.store().create_collection("c", {.dimension = 8})); }
  void put(int from, int to) {
    for (int i = from; i < to; ++i) {
      const auto x = random_vector(random, 8);
      const std::string id = std::to_string(i);
      const Point point{id, x, {{"round", round}}};
      ASSERT_TRUE(db.store().upsert("c", {&point, 1}));
    }
    ++round;
  }
  std::int64_t figure(std::string_view name) { return *db.participant().statistics().find(name)->integer(); }
  std::size_t parts_seen(Lsn view) { return (*db.participant().find("c", view)->parts(view))->all.size(); }
  std::vector<std::string> nearest() {
    std::vector<std::string> ids;
    const auto hits = *db.store().search("c", std::vector<float>(8, 0.5F), {.k = 50, .exact = true});
    for (const Hit& hit : hits) ids.push_back(hit.id + std::to_string(hit.score) + to_json(hit.payload));
    return ids;
  }

  std::unique_ptr<io::MemoryFileSystem> files = io::make_memory_file_system();
  TestDatabase db{*files, {.past_rows_min = 200, .graph_rows_min = 400}};
  core::Random random{43};
  int round = 0;
};

TEST_F(PastRows, AreKeptApartAndGoWhenNobodyCanAskForThem) {
  put(0, 1'000);
  ASSERT_TRUE(db.checkpoint(0));
  const Lsn first = db.lsn();
  const auto then = nearest();
  put(0, 400);
  const Lsn second = db.lsn();
  ASSERT_TRUE(db.checkpoint(0));  // all of the past is wanted
  EXPECT_EQ(figure("rows"), 1'400);
  EXPECT_EQ(figure("segments"), 2);
  EXPECT_EQ(parts_seen(second), 1U);
  EXPECT_EQ(parts_seen(first), 2U);
  const auto now = nearest();
  for (const bool again : {false, true}) {
    SCOPED_TRACE(again);
    if (again) {
      ASSERT_TRUE(db.restart());
    }
    EXPECT_EQ(nearest(), now);
    EXPECT_EQ(*db.store().count("c", {{"round", 1}}), 400U);
    db.session().view_at(first);
    EXPECT_EQ(nearest(), then);
    EXPECT_EQ(*db.store().count("c"), 1'000U);
    EXPECT_EQ(db.store().scroll("c", "", 5'000)->size(), 1'000U);
    db.session().view_latest();
  }
  ASSERT_TRUE(db.participant().settle({}));
  EXPECT_EQ(figure("rows_in_graphs"), 1'000);  // nobody walks in the past

  put(400, 800);
  const Lsn third = db.lsn();
  ASSERT_TRUE(db.checkpoint(0));  // the past is merged with the past
  EXPECT_EQ(figure("segments"), 2);
  EXPECT_EQ(figure("rows"), 1'800);
  db.session().view_at(first);
  EXPECT_EQ(nearest(), then);
  db.session().view_latest();
  ASSERT_TRUE(db.checkpoint(second));  // the first is asked for no more: half of the past goes
  EXPECT_EQ(figure("rows"), 1'400);
  db.session().view_at(second);
  EXPECT_EQ(nearest(), now);
  db.session().view_latest();
  const auto last = nearest();
  ASSERT_TRUE(db.checkpoint(third));
  EXPECT_EQ(figure("segments"), 1);
  EXPECT_EQ(figure("rows"), 1'000);
  EXPECT_EQ(nearest(), last);
}

TEST_F(PastRows, FewOfThemStayAmongTheLiving) {
  put(0, 1'000);
  ASSERT_TRUE(db.checkpoint(0));
  put(0, 100);
  ASSERT_TRUE(db.checkpoint(0));
  put(100, 200);
  ASSERT_TRUE(db.checkpoint(0));
  EXPECT_EQ(figure("rows"), 1'200);
  for (Lsn view = db.lsn() - 200; view <= db.lsn(); view += 40)
    EXPECT_EQ(parts_seen(view), static_cast<std::size_t>(figure("segments")));
}

TEST(Merging, SegmentsThatComeToTooManyRowsStayApart) {
  const auto files = io::make_memory_file_system();
  TestDatabase db(*files, {.segment_rows_max = 150});
  ASSERT_TRUE(db.store().create_collection("c", {.dimension = 4}));
  core::Random random(41);
  for (int i = 0; i < 300; ++i) {
    const auto x = random_vector(random, 4);
    const std::string id = std::to_string(i);
    const Point point{id, x};
    ASSERT_TRUE(db.store().upsert("c", {&point, 1}));
    if (i % 50 == 49) {
      ASSERT_TRUE(db.checkpoint(db.lsn()));
    }
  }
  db.participant().compact();
  ASSERT_TRUE(db.checkpoint(db.lsn()));
  EXPECT_EQ(*db.participant().statistics().find("segments")->integer(), 2);  // 150 each
  EXPECT_EQ(*db.store().count("c"), 300U);
}

}  // namespace
}  // namespace strata::store::vector
