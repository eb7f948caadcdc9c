// Embeddings that are made anew while the old ones serve: vectors are added to, named in, made the default of and dropped from a collection
// while points change, checkpoints merge, processes end and views of the past stay open. Every read is the model's.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "store/vector/brute_force.h"
#include "store/vector/store_vector_fixture.h"

namespace strata::store::vector {
namespace {

struct ModelPoint {
  std::map<std::string, std::vector<float>> vectors;  // "": the unnamed one
  std::int64_t payload = 0;
};

/// A collection at one LSN: which vectors it has, what each point has of them.
struct Model {
  std::map<std::string, std::uint32_t> dimensions{{"", 6}};
  std::string used;  // where none is named
  std::map<std::string, ModelPoint> points;
};

class EmbeddingVersionsTest : public testing::Test {
 protected:
  static constexpr IndexOptions kGraph{.m = 8, .ef_construction = 24};

  void SetUp() override {
    ASSERT_TRUE(store().create_collection("c", {.dimension = 6, .words = true, .index = kGraph}));
  }
  strata::VectorStore& store() { return db.store(); }

  static NamedVector named(const std::string& name, std::uint32_t dimension) {
    return {.name = name, .dimension = dimension, .index = kGraph};
  }
  std::string some_id() { return "p" + std::to_string(random.below(kIds)); }
  /// Any of the vectors, or none.
  std::string some_vector() {
    auto at = model.dimensions.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random.below(model.dimensions.size())));
    return at->first;
  }

  void upsert(const std::string& id) {
    ModelPoint point{{}, static_cast<std::int64_t>(random.below(10))};
    std::vector<PointVector> given;
    std::vector<float> own;
    for (const auto& [name, dimension] : model.dimensions) {
      if (!name.empty() && random.chance(0.4)) continue;
      const auto& x = point.vectors[name] = random_vector(random, dimension);
      if (name == model.used && random.chance(0.7)) {
        own = x;  // by no name
      } else if (name.empty()) {
        own = x;
      } else {
        given.push_back({name, x});
      }
    }
    const Point whole{id, own, {{"n", point.payload}}, "alpha", given};
    ASSERT_TRUE(store().upsert("c", {&whole, 1}));
    model.points[id] = std::move(point);
  }

  void set_vector(const std::string& id, const std::string& name, bool away) {
    std::vector<float> x = away ? std::vector<float>() : random_vector(random, model.dimensions[name]);
    const PointVector given{name, x};
    ASSERT_TRUE(store().set_vectors("c", id, {&given, 1}));
    if (away) {
      model.points[id].vectors.erase(name);
    } else {
      model.points[id].vectors[name] = std::move(x);
    }
  }

  void change_points(std::uint64_t changes) {
    for (; changes > 0; --changes) {
      const std::string id = some_id();
      const bool there = model.points.contains(id);
      const double which = random.real();
      if (which < 0.15) {
        const std::string_view gone[] = {id};
        ASSERT_EQ(*store().remove("c", gone), model.points.erase(id));
      } else if (which < 0.4 && there) {
        model.points[id].payload = static_cast<std::int64_t>(random.below(10));
        ASSERT_TRUE(store().set_payload("c", id, {{"n", model.points[id].payload}}));
      } else if (const std::string vector = some_vector(); which < 0.7 && there && !vector.empty()) {
        set_vector(id, vector, random.chance(0.3));
      } else {
        upsert(id);
      }
      if (HasFatalFailure()) return;
    }
  }

  void add(const std::string& name, std::uint32_t dimension) {
    ASSERT_TRUE(store().add_vector("c", named(name, dimension)));
    model.dimensions[name] = dimension;
  }
  void drop(const std::string& name) {
    ASSERT_TRUE(store().drop_vector("c", name));
    model.dimensions.erase(name);
    for (auto& [id, point] : model.points) point.vectors.erase(name);
  }
  void name_unnamed(const std::string& name) {
    const auto done = store().name_vector("c", name);
    ASSERT_TRUE(done) << done.error().to_string();
    auto dimension = model.dimensions.extract("");
    dimension.key() = name;
    model.dimensions.insert(std::move(dimension));
    for (auto& [id, point] : model.points) {
      auto vector = point.vectors.extract("");
      vector.key() = name;
      point.vectors.insert(std::move(vector));
    }
    model.used = name;
  }
  void use(const std::string& name, bool incomplete) {
    const auto done = store().set_default_vector("c", name, incomplete);
    ASSERT_TRUE(done) << done.error().to_string();
    model.used = name;
  }
  /// What a program that embeds anew does, in steps that may end at any time.
  void embed_missing(const std::string& name, std::size_t at_once, std::size_t steps = SIZE_MAX) {
    for (; steps > 0; --steps) {
      const auto missing = store().points_without("c", name, "", at_once);
      ASSERT_TRUE(missing) << missing.error().to_string();
      if (missing->empty()) return;
      for (const StoredPoint& point : *missing) set_vector(point.id, name, false);
    }
  }

  void expect_model(const Model& expected) {
    ASSERT_EQ(*store().count("c"), expected.points.size());
    const auto info = store().collection("c");
    ASSERT_TRUE(info) << info.error().to_string();
    ASSERT_EQ(info->options.default_vector, expected.used);
    ASSERT_EQ(info->vectors.size(), expected.dimensions.size() - expected.dimensions.count(""));
    for (const VectorInfo& vector : info->vectors) {
      ASSERT_TRUE(expected.dimensions.contains(vector.name)) << vector.name;
      const auto having = std::count_if(expected.points.begin(), expected.points.end(),
                                        [&](const auto& each) { return each.second.vectors.contains(vector.name); });
      ASSERT_EQ(vector.points, static_cast<std::uint64_t>(having)) << vector.name;
      expect_without(expected, vector.name);
    }
    for (const auto& [name, dimension] : expected.dimensions) {
      expect_search(expected, name, name);
      if (name == expected.used) expect_search(expected, name, "");
      if (HasFatalFailure()) return;
    }
    const auto words = store().search_words("c", "alpha", {.k = 1'000});
    ASSERT_TRUE(words);
    ASSERT_EQ(words->size(), expected.points.size());
    expect_points(expected);
  }

  void expect_search(const Model& expected, const std::string& name, const std::string& by) {
    SCOPED_TRACE("by \"" + by + "\"");
    const auto query = random_vector(random, expected.dimensions.at(name));
    const bool filtered = random.chance(0.4);
    const Filter filter = filtered ? Filter{{"n", Map{{"lt", 5}}}} : Filter{};
    Scores all;
    for (const auto& [id, point] : expected.points) {
      const auto x = point.vectors.find(name);
      if (x == point.vectors.end() || (filtered && point.payload >= 5)) continue;
      all.emplace_back(id, score_of(Metric::cosine, query, x->second));
    }
    sort_best_first(all);
    const std::size_t k = 1 + random.below(12);
    const auto hits =
        store().search("c", query, {.k = k, .filter = filter, .with_vector = true, .exact = true, .using_vector = by});
    ASSERT_TRUE(hits) << hits.error().to_string();
    ASSERT_EQ(hits->size(), std::min(k, all.size()));
    for (std::size_t i = 0; i < hits->size(); ++i) {
      ASSERT_EQ((*hits)[i].id, all[i].first) << i;
      ASSERT_FLOAT_EQ((*hits)[i].score, all[i].second);
      ASSERT_EQ((*hits)[i].vector, expected.points.at((*hits)[i].id).vectors.at(name));
    }
    const std::map<std::string, float> scores(all.begin(), all.end());
    const auto walked = store().search("c", query, {.k = k, .filter = filter, .ef = 4, .using_vector = by});
    ASSERT_TRUE(walked);
    ASSERT_EQ(walked->size(), std::min(k, all.size()));
    for (const Hit& hit : *walked) ASSERT_FLOAT_EQ(hit.score, scores.at(hit.id));
  }

  void expect_without(const Model& expected, const std::string& name) {
    std::vector<std::string> lacking;
    for (const auto& [id, point] : expected.points) {
      if (!point.vectors.contains(name)) lacking.push_back(id);
    }
    const std::string after = random.chance(0.5) ? "" : some_id();
    std::erase_if(lacking, [&](const std::string& id) { return id <= after; });
    if (lacking.size() > 20) lacking.resize(20);
    const auto found = store().points_without("c", name, after, 20);
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), lacking.size());
    for (std::size_t i = 0; i < lacking.size(); ++i) ASSERT_EQ((*found)[i].id, lacking[i]);
  }

  void expect_points(const Model& expected) {
    const auto page = store().scroll("c", "", 1'000, {}, true);
    ASSERT_TRUE(page);
    ASSERT_EQ(page->size(), expected.points.size());
    for (const StoredPoint& point : *page) {
      std::map<std::string, std::vector<float>> found;
      if (!point.vector.empty()) found[expected.used] = point.vector;
      for (const StoredVector& each : point.vectors) ASSERT_TRUE(found.emplace(each.name, each.values).second);
      ASSERT_EQ(found, expected.points.at(point.id).vectors) << point.id;
      ASSERT_EQ(*point.payload.find("n"), expected.points.at(point.id).payload);
    }
  }

  void remember() { history[db.lsn()] = model; }
  void expect_history(Lsn horizon) {
    for (const auto& [lsn, past] : history) {
      if (lsn < horizon) continue;
      SCOPED_TRACE("at " + std::to_string(lsn));
      db.session().view_at(lsn);
      expect_model(past);
      db.session().view_latest();
      if (HasFatalFailure()) return;
    }
  }

  static constexpr std::uint64_t kIds = 400;
  core::Random random{23};
  std::unique_ptr<io::MemoryFileSystem> files = io::make_memory_file_system();
  TestDatabase db{*files, {.segments_max = 3, .past_rows_min = 60, .graph_rows_min = 150}};
  Model model;
  std::map<Lsn, Model> history;
};

TEST_F(EmbeddingVersionsTest, EveryReadIsTheModelsWhileVectorsComeAndGo) {
  Lsn horizon = 1;
  const auto settle = [&](int step) {
    remember();
    ASSERT_NO_FATAL_FAILURE(expect_history(horizon));
    if (random.chance(0.6)) {
      ASSERT_TRUE(db.checkpoint(horizon));
      ASSERT_NO_FATAL_FAILURE(expect_history(horizon));
    }
    if (random.chance(0.4)) {
      const auto before = db.participant().summarize(db.lsn());
      const bool from_nothing = random.chance(0.3);
      ASSERT_TRUE(db.restart(from_nothing)) << step;
      ASSERT_EQ(*db.participant().summarize(db.lsn()), *before);
      // What is made from nothing keeps all of the past.
      ASSERT_NO_FATAL_FAILURE(expect_history(horizon));
    }
    if (random.chance(0.3)) horizon = db.lsn();
  };
  for (int step = 0; step < 3; ++step) {
    ASSERT_NO_FATAL_FAILURE(change_points(250));
    ASSERT_NO_FATAL_FAILURE(settle(step));
  }
  std::string old;  // serves
  for (int version = 1; version <= 5; ++version) {
    SCOPED_TRACE("version " + std::to_string(version));
    const std::string next = version == 4 ? "v1" : "v" + std::to_string(version);  // a name that there was before, too
    ASSERT_NO_FATAL_FAILURE(add(next, 3 + static_cast<std::uint32_t>(version)));
    ASSERT_NO_FATAL_FAILURE(settle(version));
    ASSERT_NO_FATAL_FAILURE(embed_missing(next, 20, 5));
    ASSERT_NO_FATAL_FAILURE(change_points(120));
    ASSERT_NO_FATAL_FAILURE(settle(version));
    if (version == 1) {
      ASSERT_NO_FATAL_FAILURE(name_unnamed("v0"));
      ASSERT_NO_FATAL_FAILURE(settle(version));
      ASSERT_NO_FATAL_FAILURE(change_points(60));
    }
    ASSERT_NO_FATAL_FAILURE(embed_missing(next, 50));
    old = model.used;
    ASSERT_NO_FATAL_FAILURE(use(next, false));
    ASSERT_NO_FATAL_FAILURE(settle(version));
    ASSERT_NO_FATAL_FAILURE(change_points(120));
    if (version == 2) {  // back, and forth
      ASSERT_NO_FATAL_FAILURE(use(old, true));
      ASSERT_NO_FATAL_FAILURE(settle(version));
      ASSERT_NO_FATAL_FAILURE(use(next, true));
    }
    ASSERT_NO_FATAL_FAILURE(settle(version));
    if (version > 1) {
      ASSERT_NO_FATAL_FAILURE(drop(old));
    }
    if (version == 2) {
      ASSERT_NO_FATAL_FAILURE(drop("v0"));
    }
    ASSERT_NO_FATAL_FAILURE(settle(version));
    ASSERT_NO_FATAL_FAILURE(change_points(60));
  }
}

// One transaction adds a vector, gives it to points, names the one that there was and cuts over; nobody sees half of it.
TEST_F(EmbeddingVersionsTest, ATransactionSeesWhatItMadeAndOthersNothingUntilItsCommit) {
  ASSERT_NO_FATAL_FAILURE(change_points(200));
  const Model before = model;
  db.session().begin();
  add("v1", 4);
  ASSERT_NO_FATAL_FAILURE(expect_model(model));
  name_unnamed("v0");
  ASSERT_NO_FATAL_FAILURE(expect_model(model));
  ASSERT_NO_FATAL_FAILURE(change_points(30));
  ASSERT_NO_FATAL_FAILURE(expect_model(model));
  ASSERT_NO_FATAL_FAILURE(embed_missing("v1", 1'000));
  use("v1", false);
  ASSERT_NO_FATAL_FAILURE(expect_model(model));
  add("a0", 2);  // the first by name
  EXPECT_FALSE(store().drop_vector("c", "v0")) << "it got its name just now";
  ASSERT_NO_FATAL_FAILURE(change_points(30));
  ASSERT_NO_FATAL_FAILURE(expect_model(model));
  drop("a0");
  add("a0", 3);  // another
  ASSERT_NO_FATAL_FAILURE(change_points(30));
  ASSERT_NO_FATAL_FAILURE(expect_model(model));

  const Lsn at = db.lsn();
  TestDatabase::Session other(db);
  const auto elsewhere = db.participant().session(other);
  const std::vector<float> query(6, 1);
  EXPECT_EQ(elsewhere->collection("c")->options.dimension, 6U);
  EXPECT_EQ(elsewhere->search("c", query, {.k = 1'000})->size(), before.points.size());

  ASSERT_TRUE(db.session().commit());
  ASSERT_NO_FATAL_FAILURE(expect_model(model));
  ASSERT_TRUE(db.restart());
  ASSERT_NO_FATAL_FAILURE(expect_model(model));
  db.session().view_at(at);
  ASSERT_NO_FATAL_FAILURE(expect_model(before));
}

TEST_F(EmbeddingVersionsTest, WhatIsRolledBackWasNeverThere) {
  ASSERT_NO_FATAL_FAILURE(change_points(50));
  const Model before = model;
  db.session().begin();
  add("v1", 4);
  name_unnamed("v0");
  ASSERT_NO_FATAL_FAILURE(change_points(20));
  db.session().roll_back();
  model = before;
  ASSERT_NO_FATAL_FAILURE(expect_model(model));
  ASSERT_NO_FATAL_FAILURE(add("v1", 5));
  ASSERT_NO_FATAL_FAILURE(expect_model(model));
}

// The rows that the unnamed vector lay in are written anew without it once nobody can ask for it.
TEST_F(EmbeddingVersionsTest, TheSpaceOfADroppedVectorComesBackWhenThePastIsForgotten) {
  ASSERT_TRUE(store().create_collection("wide", {.dimension = 512, .index = kGraph}));
  constexpr std::size_t kPoints = 300;
  for (std::size_t i = 0; i < kPoints; ++i) {
    const std::string id = "p" + std::to_string(i);
    const auto x = random_vector(random, 512);
    const Point point{id, x};
    ASSERT_TRUE(store().upsert("wide", {&point, 1}));
  }
  ASSERT_TRUE(db.checkpoint(1));
  const auto bytes = [&] {
    for (const auto& [name, value] : db.participant().statistics()) {
      if (name == "bytes_on_disk") return *value.integer();
    }
    return std::int64_t{0};
  };
  const std::int64_t whole = bytes();
  EXPECT_GT(whole, std::int64_t{kPoints} * 512 * 4);
  ASSERT_TRUE(store().name_vector("wide", "v0"));
  ASSERT_TRUE(store().add_vector("wide", named("v1", 4)));
  ASSERT_TRUE(store().set_default_vector("wide", "v1", true));
  const Lsn before_drop = db.lsn();
  ASSERT_TRUE(store().drop_vector("wide", "v0"));
  ASSERT_TRUE(db.checkpoint(before_drop));
  EXPECT_GE(bytes(), whole) << "somebody may still look at it";
  db.session().view_at(before_drop);
  const std::vector<float> query(512, 1);
  EXPECT_EQ(store().search("wide", query, {.k = kPoints, .using_vector = "v0"})->size(), kPoints);
  db.session().view_latest();
  ASSERT_TRUE(db.checkpoint(db.lsn()));
  EXPECT_LT(bytes(), std::int64_t{kPoints} * 512);
  EXPECT_EQ(*store().count("wide"), kPoints);
  const auto summary = *db.participant().summarize(db.lsn());
  ASSERT_TRUE(db.restart());
  EXPECT_EQ(*db.participant().summarize(db.lsn()), summary);
  const auto x = random_vector(random, 4);
  const Point point{"p1", x};
  ASSERT_TRUE(store().upsert("wide", {&point, 1}));
  ASSERT_TRUE(db.checkpoint(db.lsn()));
  EXPECT_EQ(store().search("wide", x, {.k = 10})->size(), 1U);
}

TEST_F(EmbeddingVersionsTest, WhatCannotBeIsSaidAndChangesNothing) {
  ASSERT_NO_FATAL_FAILURE(upsert("a"));
  ASSERT_NO_FATAL_FAILURE(upsert("b"));
  const auto refused = [](const Result<void>& result, ErrorCode code, std::string_view what) {
    ASSERT_FALSE(result) << what;
    EXPECT_EQ(result.error().code(), code) << result.error().to_string();
    EXPECT_NE(result.error().message().find(what), std::string::npos) << result.error().to_string();
  };
  using enum ErrorCode;
  refused(store().add_vector("d", named("v1", 4)), not_found, "\"d\"");
  refused(store().add_vector("c", named("V1", 4)), invalid_argument, "V1");
  refused(store().add_vector("c", named("v1", 0)), invalid_argument, "not 0");
  refused(store().drop_vector("c", "v1"), invalid_argument, "\"v1\"");
  refused(store().name_vector("d", "v1"), not_found, "\"d\"");
  refused(store().name_vector("c", ""), invalid_argument, "not a vector's name");
  refused(store().set_default_vector("c", "v1"), invalid_argument, "\"v1\"");
  ASSERT_TRUE(store().add_vector("c", named("v1", 4)));
  model.dimensions["v1"] = 4;
  refused(store().add_vector("c", named("v1", 4)), already_exists, "\"v1\"");
  refused(store().name_vector("c", "v1"), already_exists, "\"v1\"");
  refused(store().set_default_vector("c", "v1"), failed_precondition, "unnamed");
  ASSERT_TRUE(store().add_vector("c", {.name = "s", .kind = VectorKind::sparse}));
  ASSERT_NO_FATAL_FAILURE(name_unnamed("v0"));
  refused(store().name_vector("c", "v2"), failed_precondition, "no unnamed vector");
  refused(store().set_default_vector("c", "s", true), invalid_argument, "sparse");
  refused(store().set_default_vector("c", "v1"), failed_precondition, "2 of 2 points");
  refused(store().drop_vector("c", "v0"), failed_precondition, "set_default_vector");
  ASSERT_NO_FATAL_FAILURE(embed_missing("v1", 1));
  ASSERT_TRUE(store().set_default_vector("c", "v1"));
  const std::vector<float> long_one(6, 1);
  const Point wrong{"n", long_one};
  refused(store().upsert("c", {&wrong, 1}), invalid_argument, "vector \"v1\" of collection \"c\" holds vectors of 4");
  const PointVector again{"v1", std::span(long_one).first(4)};
  const Point twice{"n", std::span(long_one).first(4), {}, {}, {&again, 1}};
  refused(store().upsert("c", {&twice, 1}), invalid_argument, "two vectors \"v1\"");
  EXPECT_FALSE(store().points_without("c", "v9", "", 10));
  EXPECT_FALSE(store().points_without("c", "v1", "", 0));
  db.session().begin();
  ASSERT_TRUE(store().create_collection("e", {.dimension = 2}));
  const std::vector<float> x{1, 2};
  const Point point{"n", x};
  ASSERT_TRUE(store().upsert("e", {&point, 1}));
  refused(store().name_vector("e", "v0"), failed_precondition, "written in this transaction");
  ASSERT_TRUE(store().add_vector("e", named("v1", 2)));
  EXPECT_EQ(store().points_without("e", "v1", "", 10)->size(), 1U);
  ASSERT_TRUE(store().drop_vector("e", "v1"));
  ASSERT_TRUE(db.session().commit());
  ASSERT_TRUE(store().name_vector("e", "v0"));
  refused(store().drop_vector("e", "v0"), failed_precondition, "set_default_vector");
}

}  // namespace
}  // namespace strata::store::vector
