// Named vectors, dense and sparse, against brute force over a model while everything happens to them: points that have some of them,
// changes of one alone, of the payload alone, removals, merges, graphs, restarts, views of the past and open transactions.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "store/vector/brute_force.h"
#include "store/vector/filter/filter.h"
#include "store/vector/store_vector_fixture.h"

namespace strata::store::vector {
namespace {

using Entries = std::map<std::uint32_t, float>;
using Expected = std::map<std::string, std::vector<float>>;

struct ModelPoint {
  std::vector<float> vector;
  std::map<std::string, std::vector<float>> dense;  // by name
  Entries sparse;                                   // empty: it has none
  Map payload;
};
using Model = std::map<std::string, ModelPoint>;

struct Dense {
  std::string name;
  std::size_t dimension;
  Metric metric;
};
const Dense kUnnamed{"", 6, Metric::cosine};
const Dense kTitle{"title", 8, Metric::cosine};
const Dense kBody{"body", 5, Metric::l2};
const Dense kBits{"bits", 11, Metric::inner_product};
const std::vector<Dense> kNamed{kTitle, kBody, kBits};
const VectorOptions kOptions{.segments_max = 3, .past_rows_min = 60, .graph_rows_min = 200};
constexpr std::uint32_t kEf = 4;

CollectionOptions some_options() {
  const IndexOptions graph{.m = 8, .ef_construction = 24};
  return {.dimension = 6,
          .words = true,
          .index = graph,
          .vectors = {{.name = "title", .dimension = 8, .index = graph},
                      {.name = "splade", .kind = VectorKind::sparse},
                      {.name = "body", .dimension = 5, .metric = Metric::l2, .index = {.kind = IndexKind::flat}},
                      {.name = "bits",
                       .dimension = 11,
                       .metric = Metric::inner_product,
                       .element = ElementType::binary,
                       .index = graph}}};
}

float dot_of(const Entries& q, const Entries& x) {
  double sum = 0;
  for (const auto& [index, value] : q) {
    if (const auto found = x.find(index); found != x.end()) sum += double{value} * double{found->second};
  }
  return static_cast<float>(sum);
}

/// What a sparse vector is given as: in no order, with a zero among them.
struct Given {
  std::vector<std::uint32_t> indices;
  std::vector<float> values;
  Given(const Entries& entries, core::Random& random) {
    std::vector<std::pair<std::uint32_t, float>> all(entries.begin(), entries.end());
    if (!all.empty()) all.emplace_back(1'000'000, 0.0F);
    for (std::size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[random.below(i)]);
    for (const auto& [index, value] : all) {
      indices.push_back(index);
      values.push_back(value);
    }
  }
};

class NamedVectorsTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(db.store().create_collection("c", some_options())); }

  static std::string id_of(std::uint64_t i) { return "p" + std::to_string(i); }
  std::vector<float> some_vector(const Dense& of) {
    auto x = random_vector(random, of.dimension);
    if (of.name == "bits") {
      for (float& each : x) each = each > 0 ? 1.0F : 0.0F;
    }
    return x;
  }
  Entries some_entries() {
    Entries entries;
    for (std::uint64_t count = random.below(7); count > 0; --count) {
      const std::uint32_t index = random.chance(0.1) ? UINT32_MAX : static_cast<std::uint32_t>(random.below(40));
      entries[index] = static_cast<float>(random.real()) * (random.chance(0.2) ? -2.0F : 1.0F) + 0.001F;
    }
    return entries;
  }
  Map some_payload() { return {{"tenth", random.below(10)}, {"half", random.chance(0.5)}}; }
  Filter some_filter() {
    switch (random.below(5)) {
      case 0: return {};
      case 1: return {{"tenth", random.below(10)}};
      case 2: return {{"tenth", Map{{"lt", random.below(11)}}}, {"half", true}};
      case 3: return {{"must_not", Value::List{Filter{{"tenth", Map{{"any", Value::List{1, 2, 3}}}}}}}};
      default: {
        Value::List ids;
        for (std::uint64_t i = random.below(40); i > 0; --i) ids.push_back(id_of(random.below(kIds)));
        return {{"has_id", std::move(ids)}};
      }
    }
  }

  void upsert(Model& model, const std::string& id) {
    ModelPoint& point = model[id] = {some_vector(kUnnamed), {}, {}, some_payload()};
    std::vector<PointVector> given;
    for (const Dense& each : kNamed) {
      if (random.chance(0.3)) continue;
      point.dense[each.name] = some_vector(each);
      given.push_back({each.name, point.dense[each.name]});
    }
    if (random.chance(0.7)) point.sparse = some_entries();
    const Given sparse(point.sparse, random);
    given.push_back({"splade", sparse.values, sparse.indices});
    const Point whole{id, point.vector, point.payload, "alpha", given};
    ASSERT_TRUE(db.store().upsert("c", {&whole, 1}));
  }
  void set_vectors(Model& model, const std::string& id) {
    ModelPoint& point = model[id];
    std::vector<PointVector> given;
    for (const Dense& each : kNamed) {
      if (random.chance(0.5)) continue;
      if (random.chance(0.3)) {
        point.dense.erase(each.name);
        given.push_back({each.name, {}});
      } else {
        point.dense[each.name] = some_vector(each);
        given.push_back({each.name, point.dense[each.name]});
      }
    }
    if (random.chance(0.5)) {
      point.sparse = some_entries();
      const Given sparse(point.sparse, random);
      given.push_back({"splade", sparse.values, sparse.indices});
      ASSERT_TRUE(db.store().set_vectors("c", id, given));
      return;
    }
    ASSERT_TRUE(db.store().set_vectors("c", id, given));
  }
  void change(Model& model, std::uint64_t changes) {
    for (std::uint64_t i = 0; i < changes; ++i) {
      const std::string id = id_of(random.below(kIds));
      if (random.chance(0.15)) {
        const std::string_view gone[] = {id};
        ASSERT_EQ(*db.store().remove("c", gone), model.erase(id));
      } else if (random.chance(0.2) && model.contains(id)) {
        model[id].payload = some_payload();
        ASSERT_TRUE(db.store().set_payload("c", id, model[id].payload));
      } else if (random.chance(0.3) && model.contains(id)) {
        set_vectors(model, id);
      } else {
        upsert(model, id);
      }
    }
  }

  template <typename ScoreOf>
  Scores ranking(const Model& model, const Filter& filter, ScoreOf&& score) {
    const CompiledFilter compiled = *CompiledFilter::compile(filter);
    Scores found;
    for (const auto& [id, point] : model) {
      Bytes payload;
      core::Encoder(payload).map(point.payload);
      if (!compiled.matches(id, payload)) continue;
      if (const std::optional<float> own = score(point)) found.emplace_back(id, *own);
    }
    sort_best_first(found);
    return found;
  }

  template <typename Hits>
  void expect_equal(const Hits& hits, const Scores& all, std::size_t k, const Model& model) {
    ASSERT_TRUE(hits) << hits.error().to_string();
    ASSERT_EQ(hits->size(), std::min(k, all.size()));
    for (std::size_t i = 0; i < hits->size(); ++i) {
      ASSERT_EQ((*hits)[i].id, all[i].first) << "rank " << i;
      ASSERT_FLOAT_EQ((*hits)[i].score, all[i].second);
      ASSERT_EQ((*hits)[i].payload, model.at(all[i].first).payload);
    }
  }

  static const std::vector<float>* vector_of(const ModelPoint& point, const Dense& of) {
    if (of.name.empty()) return &point.vector;
    const auto found = point.dense.find(of.name);
    return found == point.dense.end() ? nullptr : &found->second;
  }
  Scores nearest(const Model& model, const Dense& by, const std::vector<float>& query, const Filter& filter) {
    return ranking(model, filter, [&](const ModelPoint& point) -> std::optional<float> {
      const auto* x = vector_of(point, by);
      return x != nullptr ? std::optional(score_of(by.metric, query, *x)) : std::nullopt;
    });
  }
  Scores best_sparse(const Model& model, const Entries& query, const Filter& filter) {
    return ranking(model, filter, [&](const ModelPoint& point) -> std::optional<float> {
      const float score = dot_of(query, point.sparse);
      return score != 0 ? std::optional(score) : std::nullopt;
    });
  }

  void expect_model(const Model& model, const Filter& filter) {
    SCOPED_TRACE(to_json(filter));
    const std::size_t k = 1 + random.below(random.chance(0.2) ? 400 : 6);
    for (const Dense& by : {kUnnamed, kTitle, kBody, kBits}) {
      SCOPED_TRACE(by.name);
      const auto query = some_vector(by);
      if (by.metric == Metric::cosine && std::all_of(query.begin(), query.end(), [](float x) { return x == 0; }))
        continue;
      const Scores all = nearest(model, by, query, filter);
      const SearchOptions exact{.k = k, .filter = filter, .with_vector = true, .exact = true, .using_vector = by.name};
      const auto hits = db.store().search("c", query, exact);
      expect_equal(hits, all, k, model);
      if (HasFatalFailure()) return;
      for (const Hit& hit : *hits) ASSERT_EQ(hit.vector, *vector_of(model.at(hit.id), by));
      const auto walked = db.store().search("c", query, {.k = k, .filter = filter, .ef = kEf, .using_vector = by.name});
      ASSERT_TRUE(walked) << walked.error().to_string();
      ASSERT_EQ(walked->size(), std::min(k, all.size()));
      const std::map<std::string, float> scores(all.begin(), all.end());
      for (const Hit& hit : *walked) {
        ASSERT_TRUE(scores.contains(hit.id)) << hit.id;
        ASSERT_FLOAT_EQ(hit.score, scores.at(hit.id));
      }
    }
    const Entries asked = some_entries();
    const Given given(asked, random);
    const auto sparse = db.store().search_sparse(
        "c", {given.indices, given.values}, {.k = k, .filter = filter, .with_vector = true, .using_vector = "splade"});
    expect_equal(sparse, best_sparse(model, asked, filter), k, model);
    if (HasFatalFailure()) return;
    for (const Hit& hit : *sparse) ASSERT_EQ(entries_of(hit.indices, hit.vector), model.at(hit.id).sparse);
    expect_points(model, filter, k);
    expect_fused(filter, k, asked);
  }

  static Entries entries_of(const std::vector<std::uint32_t>& indices, const std::vector<float>& values) {
    Entries entries;
    EXPECT_EQ(indices.size(), values.size());
    for (std::size_t i = 0; i < indices.size(); ++i) entries[indices[i]] = values[i];
    return entries;
  }
  static void expect_point(const StoredPoint& point, const ModelPoint& expected) {
    ASSERT_EQ(point.vector, expected.vector);
    ASSERT_EQ(point.payload, expected.payload);
    ASSERT_EQ(point.vectors.size(), expected.dense.size() + (expected.sparse.empty() ? 0 : 1)) << point.id;
    for (const StoredVector& each : point.vectors) {
      if (each.name == "splade") {
        ASSERT_EQ(entries_of(each.indices, each.values), expected.sparse);
      } else {
        ASSERT_TRUE(expected.dense.contains(each.name)) << each.name;
        ASSERT_EQ(each.values, expected.dense.at(each.name));
      }
    }
  }
  void expect_points(const Model& model, const Filter& filter, std::size_t k) {
    ASSERT_EQ(*db.store().count("c"), model.size());
    const auto page = db.store().scroll("c", "", k, filter, true);
    ASSERT_TRUE(page) << page.error().to_string();
    for (const StoredPoint& point : *page) expect_point(point, model.at(point.id));
    const std::string id = id_of(random.below(kIds));
    const auto got = db.store().get("c", id);
    ASSERT_TRUE(got);
    ASSERT_EQ(got->has_value(), model.contains(id));
    if (*got) expect_point(**got, model.at(id));
  }

  // One query of all sides is what its searches are, fused by reciprocal rank.
  void expect_fused(const Filter& filter, std::size_t k, const Entries& asked) {
    const auto title = some_vector(kTitle), body = some_vector(kBody);
    const Given sparse(asked, random);
    const std::size_t candidates = k + 30;
    const SearchOptions side{.k = candidates, .filter = filter, .exact = true};
    const auto by = [&side](std::string_view name) {
      SearchOptions options = side;
      options.using_vector = name;
      return options;
    };
    std::vector<std::vector<Hit>> sides;
    sides.push_back(*db.store().search("c", title, by("title")));
    sides.push_back(*db.store().search_words("c", "alpha", side));
    sides.push_back(*db.store().search("c", body, by("body")));
    sides.push_back(*db.store().search_sparse("c", {sparse.indices, sparse.values}, by("splade")));
    const double weights[] = {1, 0.25, 2, 0.5};
    std::map<std::string, double> fused;
    std::vector<std::map<std::string, std::uint32_t>> ranks(sides.size());
    for (std::size_t i = 0; i < sides.size(); ++i) {
      for (std::uint32_t rank = 1; rank <= sides[i].size(); ++rank) {
        fused[sides[i][rank - 1].id] += weights[i] / (60.0 + rank);
        ranks[i][sides[i][rank - 1].id] = rank;
      }
    }
    const Query query{.vector = title,
                      .words = "alpha",
                      .words_weight = 0.25F,
                      .candidates = candidates,
                      .also = {{"body", body, {}, 2}, {"splade", sparse.values, sparse.indices, 0.5F}}};
    const auto hits = db.store().query("c", query, {.k = k, .filter = filter, .exact = true, .using_vector = "title"});
    ASSERT_TRUE(hits) << hits.error().to_string();
    ASSERT_EQ(hits->size(), std::min(k, fused.size()));
    for (const QueryHit& hit : *hits) {
      ASSERT_NEAR(hit.score, fused.at(hit.id), 1e-6);
      ASSERT_EQ(hit.by_vector.rank, ranks[0][hit.id]);
      ASSERT_EQ(hit.by_words.rank, ranks[1][hit.id]);
      ASSERT_EQ(hit.by_also.size(), 2U);
      ASSERT_EQ(hit.by_also[0].rank, ranks[2][hit.id]);
      ASSERT_EQ(hit.by_also[1].rank, ranks[3][hit.id]);
      fused.erase(hit.id);
    }
    for (const auto& [id, score] : fused) ASSERT_LE(score, hits->empty() ? 0 : hits->back().score + 1e-6F);
  }

  static constexpr std::uint64_t kIds = 900;
  core::Random random{71};
  std::unique_ptr<io::MemoryFileSystem> files = io::make_memory_file_system();
  TestDatabase db{*files, kOptions};
};

TEST_F(NamedVectorsTest, EveryReadIsTheModelsWhateverHappenedToThePoints) {
  std::map<Lsn, Model> history;
  Lsn horizon = 1;
  std::int64_t graphs = 0;
  for (int step = 0; step < 14; ++step) {
    Model model = history.empty() ? Model() : history.rbegin()->second;
    db.session().begin();
    change(model, step == 0 ? 2 * kIds : 1 + random.below(80));
    if (HasFatalFailure()) return;
    expect_model(model, some_filter());  // own writes, on top
    if (HasFatalFailure()) return;
    if (random.chance(0.2)) {
      db.session().roll_back();
      model = history.empty() ? Model() : history.rbegin()->second;
    } else {
      ASSERT_TRUE(db.session().commit());
      history[db.lsn()] = model;
    }
    if (history.empty()) continue;
    if (step == 0 || random.chance(0.4)) {
      if (random.chance(0.5)) horizon = std::max(horizon, db.lsn() - std::min<Lsn>(db.lsn(), random.below(6)));
      if (random.chance(0.3)) db.participant().compact();
      ASSERT_TRUE(db.checkpoint(horizon));
      if (random.chance(0.8)) (void)db.participant().settle({});
      graphs = std::max(graphs, *db.participant().statistics().find("graphs")->integer());
    }
    if (random.chance(0.2)) {
      const auto before = *db.participant().summarize(db.lsn());
      ASSERT_TRUE(db.restart());
      ASSERT_EQ(*db.participant().summarize(db.lsn()), before);
    }
    for (int i = 0; i < 4; ++i) expect_model(model, i == 0 ? Filter{} : some_filter());
    const Lsn oldest = std::max(horizon, history.begin()->first);
    const auto past = std::prev(history.upper_bound(oldest + random.below(db.lsn() - oldest + 1)));
    db.session().view_at(past->first);
    for (int i = 0; i < 2; ++i) expect_model(past->second, i == 0 ? Filter{} : some_filter());
    db.session().view_latest();
    if (HasFatalFailure()) return;
  }
  EXPECT_GE(graphs, 3);  // of the unnamed one, title and bits
  const auto state = *db.participant().summarize(db.lsn());
  ASSERT_TRUE(db.restart(true));  // from the journal alone
  EXPECT_EQ(*db.participant().summarize(db.lsn()), state);
}

TEST_F(NamedVectorsTest, ACollectionNeedsNoUnnamedVector) {
  const CollectionOptions options{.vectors = {{.name = "title", .dimension = 2, .metric = Metric::l2}}};
  ASSERT_TRUE(db.store().create_collection("n", options));
  const std::vector<float> near{0, 0}, far{9, 9};
  const PointVector a[] = {{"title", near}}, b[] = {{"title", far}};
  const Point points[] = {{"a", {}, {{"n", 1}}, "", a}, {"b", {}, {{"n", 2}}, "", b}, {"none", {}, {{"n", 3}}}};
  ASSERT_TRUE(db.store().upsert("n", points));
  for (const bool again : {false, true}) {
    if (again) {
      ASSERT_TRUE(db.checkpoint(db.lsn()));
      ASSERT_TRUE(db.restart());
    }
    const auto hits = db.store().search("n", far, {.using_vector = "title"});
    ASSERT_TRUE(hits) << hits.error().to_string();
    ASSERT_EQ(hits->size(), 2U);
    EXPECT_EQ((*hits)[0].id, "b");
    const auto got = *db.store().get("n", "a");
    EXPECT_TRUE(got->vector.empty());
    ASSERT_EQ(got->vectors.size(), 1U);
    EXPECT_EQ(got->vectors[0].values, near);
    EXPECT_EQ(*db.store().count("n"), 3U);
    EXPECT_EQ(db.store().collection("n")->options, options);
    EXPECT_EQ(db.store().collections()->size(), 2U);
    EXPECT_EQ(*db.participant().statistics().find("collections")->integer(), 2);
    EXPECT_EQ(*db.participant().statistics().find("items")->integer(), 3);
    const auto unnamed = db.store().search("n", far, {});
    ASSERT_FALSE(unnamed);
    EXPECT_EQ(unnamed.error().message(),
              "collection \"n\" has no unnamed vector to search by; its vectors are \"title\"");
  }
}

TEST_F(NamedVectorsTest, AnUpsertReplacesThePointWholeAndSetVectorsThoseAlone) {
  const std::vector<float> unnamed{1, 2, 3, 4, 5, 6}, title{1, 0, 0, 0, 0, 0, 0, 0}, body{1, 2, 3, 4, 5};
  const PointVector both[] = {{"title", title}, {"body", body}};
  const Point whole{"p", unnamed, {{"v", 1}}, "alpha", both};
  const auto names = [&] {
    std::vector<std::string> all;
    const auto point = *db.store().get("c", "p");
    for (const StoredVector& each : point->vectors) all.push_back(each.name);
    return all;
  };
  ASSERT_TRUE(db.store().upsert("c", {&whole, 1}));
  EXPECT_EQ(names(), (std::vector<std::string>{"body", "title"}));
  const PointVector gone[] = {{"title", {}}};
  ASSERT_TRUE(db.store().set_vectors("c", "p", gone));
  EXPECT_EQ(names(), std::vector<std::string>{"body"});
  EXPECT_EQ(db.store().search_words("c", "alpha", {})->size(), 1U);
  const Point bare{"p", unnamed, {{"v", 2}}};
  ASSERT_TRUE(db.store().upsert("c", {&bare, 1}));
  EXPECT_TRUE(names().empty());
  EXPECT_TRUE(db.store().search("c", body, {.using_vector = "body"})->empty());
}

TEST_F(NamedVectorsTest, DropsThemWithTheirCollectionForTheFutureAndKeepsThemForThePast) {
  Model model;
  change(model, 50);
  const Lsn before = db.lsn();
  ASSERT_TRUE(db.store().drop_collection("c"));
  const auto title = some_vector(kTitle);
  EXPECT_EQ(db.store().search("c", title, {.using_vector = "title"}).error().code(), ErrorCode::not_found);
  ASSERT_TRUE(db.checkpoint(before));
  ASSERT_TRUE(db.restart());
  db.session().view_at(before);
  expect_model(model, {});
  db.session().view_latest();
  ASSERT_TRUE(db.checkpoint(db.lsn()));
  EXPECT_EQ(*db.participant().statistics().find("rows")->integer(), 0);
  ASSERT_TRUE(db.store().create_collection("c", some_options()));
  EXPECT_TRUE(db.store().search("c", title, {.using_vector = "title"})->empty());
}

TEST_F(NamedVectorsTest, ACollectionOfAnOpenTransactionHasThemAtOnce) {
  db.session().begin();
  const CollectionOptions options{
      .vectors = {{.name = "t", .dimension = 1, .metric = Metric::l2}, {.name = "s", .kind = VectorKind::sparse}}};
  ASSERT_TRUE(db.store().create_collection("fresh", options));
  const std::vector<float> one{1};
  EXPECT_TRUE(db.store().search("fresh", one, {.using_vector = "t"})->empty());
  const std::vector<std::uint32_t> index{7};
  const PointVector given[] = {{"t", one}, {"s", one, index}};
  const Point point{"a", {}, {}, "", given};
  ASSERT_TRUE(db.store().upsert("fresh", {&point, 1}));
  EXPECT_EQ(db.store().search("fresh", one, {.using_vector = "t"})->size(), 1U);
  EXPECT_EQ(db.store().search_sparse("fresh", {index, one}, {.using_vector = "s"})->size(), 1U);
  ASSERT_TRUE(db.store().drop_collection("fresh"));
  ASSERT_TRUE(db.store().create_collection("fresh", options));
  EXPECT_TRUE(db.store().search_sparse("fresh", {index, one}, {.using_vector = "s"})->empty());
  ASSERT_TRUE(db.store().upsert("fresh", {&point, 1}));
  ASSERT_TRUE(db.session().commit());
  EXPECT_EQ(db.store().search("fresh", one, {.using_vector = "t"})->size(), 1U);
  ASSERT_TRUE(db.restart());
  EXPECT_EQ(db.store().search_sparse("fresh", {index, one}, {.using_vector = "s"})->size(), 1U);
}

TEST_F(NamedVectorsTest, ExamplesGroupsAndDiversityGoByTheVectorThatIsUsed) {
  Model model;
  change(model, 300);
  const auto has_title = std::find_if(model.begin(), model.end(), [](const auto& each) {
    return each.second.dense.contains("title") && each.second.dense.contains("body");
  });
  ASSERT_NE(has_title, model.end());
  const auto& liked = has_title->second.dense.at("title");
  Scores expected = nearest(model, kTitle, liked, {});
  std::erase_if(expected, [&](const auto& each) { return each.first == has_title->first; });
  Query like;
  like.like = {{.id = has_title->first}};
  const auto near = db.store().query("c", like, {.k = 5, .using_vector = "title"});
  ASSERT_TRUE(near) << near.error().to_string();
  ASSERT_EQ(near->size(), 5U);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ((*near)[i].id, expected[i].first);

  const auto without =
      std::find_if(model.begin(), model.end(), [](const auto& each) { return !each.second.dense.contains("title"); });
  like.like = {{.id = without->first}};
  const auto lacks = db.store().query("c", like, {.using_vector = "title"});
  ASSERT_FALSE(lacks);
  EXPECT_EQ(lacks.error().message(),
            "no point \"" + without->first + "\" in vector \"title\" of collection \"c\"; it was given as an example");

  // Groups of one side, the further one alone, are exact.
  const Query only{.also = {{"title", liked}}};
  const auto groups = db.store().query_groups("c", only, {"tenth", 10, 2}, {});
  ASSERT_TRUE(groups) << groups.error().to_string();
  std::map<std::int64_t, std::vector<std::string>> by_value;
  for (const auto& [id, score] : nearest(model, kTitle, liked, {})) {
    auto& ids = by_value[*model.at(id).payload.find("tenth")->integer()];
    if (ids.size() < 2) ids.push_back(id);
  }
  ASSERT_EQ(groups->size(), by_value.size());
  for (const Group& group : *groups) {
    const auto& ids = by_value.at(*group.value.integer());
    ASSERT_EQ(group.hits.size(), ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      EXPECT_EQ(group.hits[i].id, ids[i]);
      EXPECT_EQ(group.hits[i].by_also.at(0).rank, i + 1);
    }
  }

  // Words bring points that have no title; they cannot be compared by it.
  const Query diverse{.words = "alpha", .diversity = 0.5F, .candidates = 1'000};
  const auto chosen = db.store().query("c", diverse, {.k = 1'000, .with_vector = true, .using_vector = "title"});
  ASSERT_TRUE(chosen) << chosen.error().to_string();
  EXPECT_EQ(chosen->size(), nearest(model, kTitle, liked, {}).size());
  for (const QueryHit& hit : *chosen) EXPECT_EQ(hit.vector, model.at(hit.id).dense.at("title"));
}

TEST_F(NamedVectorsTest, WhoeverChangesOneConflictsWithThePoint) {
  const std::vector<float> unnamed(6, 1.0F), body(5, 1.0F);
  const PointVector given[] = {{"body", body}};
  const Point point{"p", unnamed, {}, "", given};
  ASSERT_TRUE(db.store().upsert("c", {&point, 1}));
  const auto writes_of = [&](const auto& work) {
    db.session().begin();
    EXPECT_TRUE(work());
    std::set<transaction::KeyHash> keys;
    for (const auto& key : db.session().context().writes()) keys.insert(key.hash);
    db.session().roll_back();
    return keys;
  };
  EXPECT_EQ(writes_of([&] { return db.store().set_vectors("c", "p", given); }),
            writes_of([&] { return db.store().set_payload("c", "p", {{"x", 1}}); }));
}

TEST_F(NamedVectorsTest, RefusesWhatCannotBeAndNamesTheValue) {
  const std::vector<float> unnamed(6, 1.0F), three{1, 2, 3}, eight(8, 1.0F), nan{std::nanf("")};
  const std::vector<std::uint32_t> indices{4, 9, 4}, two{4, 9}, one{4};
  const auto upsert = [&](const std::vector<PointVector>& given) {
    const Point point{"p", unnamed, {}, "", given};
    const auto done = db.store().upsert("c", {&point, 1});
    return done ? std::string("taken") : std::string(done.error().message());
  };
  EXPECT_EQ(upsert({{"tittle", eight}}),
            "collection \"c\" has no vector \"tittle\"; its vectors are \"bits\", \"body\", \"splade\", \"title\"");
  EXPECT_EQ(upsert({{"title", three}}),
            "vector \"title\" of collection \"c\" holds vectors of 8 dimensions; \"p\" has 3");
  EXPECT_EQ(upsert({{"title", eight}, {"title", eight}}), "\"p\" has two vectors \"title\"");
  EXPECT_EQ(upsert({{"title", three, two}}),
            "vector \"title\" of collection \"c\" is dense; that of \"p\" has indices");
  EXPECT_EQ(upsert({{"title", std::vector<float>(8, 0.0F)}}),
            "vector \"title\" of collection \"c\" compares by angle, and a zero vector has none: \"p\"");
  EXPECT_EQ(upsert({{"bits", std::vector<float>(11, 0.5F)}}),
            "vector \"bits\" of collection \"c\" holds 0 and 1 (binary); \"p\" has 0.500000 at position 0");
  EXPECT_EQ(
      upsert({{"splade", three}}),
      "vector \"splade\" of collection \"c\" is sparse, a value for each index; \"p\" has 0 indices and 3 values");
  EXPECT_EQ(upsert({{"splade", three, indices}}),
            "vector \"splade\" of collection \"c\" holds each index once; \"p\" has 4 twice");
  EXPECT_EQ(upsert({{"splade", nan, one}}),
            "vector \"splade\" of collection \"c\" holds finite numbers; \"p\" has NaN at index 4");
  std::vector<std::uint32_t> many(kSparseEntriesMax + 1);
  for (std::uint32_t i = 0; i < many.size(); ++i) many[i] = i;
  EXPECT_EQ(upsert({{"splade", std::vector<float>(many.size(), 1.0F), many}}),
            "vector \"splade\" of collection \"c\" holds up to 65536 values; \"p\" has 65537");
  EXPECT_EQ(*db.store().count("c"), 0U);

  const auto search = [&](std::span<const float> query, const std::string& name) {
    return db.store().search("c", query, {.using_vector = name}).error().to_string();
  };
  EXPECT_NE(search(three, "nothing").find("has no vector \"nothing\""), std::string::npos);
  EXPECT_NE(search(three, "splade").find("is sparse; search_sparse searches it"), std::string::npos);
  EXPECT_NE(search(three, "title").find("\"title\" of collection \"c\" holds vectors of 8"), std::string::npos);
  const auto sparse = db.store().search_sparse("c", {one, std::span(three).first(1)}, {.using_vector = "title"});
  EXPECT_EQ(sparse.error().message(), "vector \"title\" of collection \"c\" is not of sparse vectors");
  const auto side = db.store().query("c", {.words = "x", .also = {{"body", three}}}, {});
  EXPECT_EQ(side.error().message(),
            "vector \"body\" of collection \"c\" holds vectors of 5 dimensions; side 0 of the query has 3");
  const auto weight = db.store().query("c", {.words = "x", .also = {{"body", three, {}, -1}}}, {});
  EXPECT_NE(weight.error().message().find("the weight of \"body\" is a finite number, 0 or more"), std::string::npos);
  const auto diverse = db.store().query("c", {.words = "x", .diversity = 0.5F}, {.using_vector = "splade"});
  EXPECT_EQ(diverse.error().message(),
            "vector \"splade\" of collection \"c\" is sparse; diversity compares dense vectors");
  EXPECT_EQ(db.store().set_vectors("c", "nobody", {}).error().code(), ErrorCode::not_found);

  const auto create = [&](std::vector<NamedVector> vectors, std::uint32_t dimension = 2) {
    const auto made = db.store().create_collection("x", {.dimension = dimension, .vectors = std::move(vectors)});
    return made ? std::string("created") : made.error().to_string();
  };
  EXPECT_NE(create({}, 0).find("1 to 65536 dimensions, not 0"), std::string::npos);
  EXPECT_NE(create({{.name = "a"}}).find("vector \"a\" has 1 to 65536 dimensions, not 0"), std::string::npos);
  EXPECT_NE(create({{.name = "A b"}}).find("not a vector's name ([a-z0-9][a-z0-9_-]{0,63}): \"A b\""),
            std::string::npos);
  EXPECT_NE(create({{.name = "a", .dimension = 1}, {.name = "a", .dimension = 2}}).find("two vectors are called \"a\""),
            std::string::npos);
  EXPECT_NE(create({{.name = "a", .kind = VectorKind::sparse, .dimension = 5}}).find("\"a\" is sparse"),
            std::string::npos);
  EXPECT_NE(create(std::vector<NamedVector>(65)).find("up to 64 named vectors, not 65"), std::string::npos);
  EXPECT_NE(create({{.name = "a", .dimension = 1, .index = {.m = 2}}}).find("m is 4 to 128, not 2"), std::string::npos);
  ASSERT_EQ(create({{.name = "b", .dimension = 1}, {.name = "a", .dimension = 2}}), "created");
  EXPECT_EQ(create({{.name = "a", .dimension = 2}, {.name = "b", .dimension = 1}}),
            "created");  // their order means nothing
  EXPECT_NE(create({{.name = "a", .dimension = 2}}).find("exists with"), std::string::npos);
}

TEST_F(NamedVectorsTest, ACheckpointWhoseVectorsAreNotItsCollectionsIsRefused) {
  Model model;
  change(model, 20);
  ASSERT_TRUE(db.checkpoint(db.lsn()));
  const transaction::Checkpoint good = db.last();
  const auto opens = [&](std::string_view from, std::string_view to) {
    transaction::Checkpoint changed = good;
    const ByteView needle = as_bytes(from);
    const auto at = std::search(changed.state.begin(), changed.state.end(), needle.begin(), needle.end());
    EXPECT_NE(at, changed.state.end()) << from;
    std::copy(as_bytes(to).begin(), as_bytes(to).end(), at);
    VectorParticipant store(*files, "vector");
    return store.open(&changed);
  };
  ASSERT_TRUE(opens("c/body", "c/body"));
  for (const auto& [from, to] : {std::pair("c/body", "c/bode"), {"c/body", "d/body"}, {"c/body", "c_body"}}) {
    const auto opened = opens(from, to);
    ASSERT_FALSE(opened) << to;
    EXPECT_EQ(opened.error().code(), ErrorCode::corruption);
  }
}

TEST_F(NamedVectorsTest, SparseSearchIsTheSameWhereDerivedDataIsDamaged) {
  Model model;
  change(model, 300);
  ASSERT_TRUE(db.checkpoint(db.lsn()));
  int damaged = 0;
  for (const auto& file : db.last().files) {
    if (!file.name.ends_with(".seg")) continue;
    const auto segment = *Segment::open(*files, file.name, 1);
    if (segment->directory().options.dimension != 0 || segment->directory()[Block::postings].bytes == 0) continue;
    const std::uint64_t at = segment->directory()[Block::postings].offset + 1;
    ASSERT_TRUE(files->damage(file.name, [at](Bytes& bytes) { bytes[at] ^= std::byte{4}; }));
    ++damaged;
  }
  ASSERT_EQ(damaged, 1);
  ASSERT_TRUE(db.restart());
  for (int i = 0; i < 20; ++i) {
    const Entries asked = some_entries();
    const Given given(asked, random);
    const auto hits = db.store().search_sparse("c", {given.indices, given.values}, {.k = 20, .using_vector = "splade"});
    expect_equal(hits, best_sparse(model, asked, {}), 20, model);
  }
}

}  // namespace
}  // namespace strata::store::vector
