// What a collection can be asked beside its two searches, against brute force over a model: points in segments with field indexes,
// in the delta, overwritten, removed, and in an open transaction on top.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "store/vector/filter/filter.h"
#include "store/vector/query/field_value.h"
#include "store/vector/store_vector_fixture.h"

namespace strata::store::vector {
namespace {

constexpr std::size_t kDimension = 6;

struct ModelPoint {
  std::vector<float> vector;
  Map payload;
};
using Scored = std::vector<std::pair<std::string, double>>;

void sort_best_first(Scored& scores) {
  std::sort(scores.begin(), scores.end(), [](const auto& a, const auto& b) {
    return static_cast<float>(a.second) != static_cast<float>(b.second) ? a.second > b.second : a.first < b.first;
  });
}

template <typename Hits>
std::vector<std::string> ids_of(const Hits& hits) {
  std::vector<std::string> ids;
  for (const auto& hit : hits) ids.push_back(hit.id);
  return ids;
}

std::vector<std::string> first_ids(const Scored& scores, std::size_t k) {
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < std::min(k, scores.size()); ++i) ids.push_back(scores[i].first);
  return ids;
}

class QueryTest : public testing::TestWithParam<Metric> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(db.store().create_collection("c", {.dimension = kDimension, .metric = GetParam(), .words = true}));
    for (int i = 0; i < 500; ++i) put("p" + std::to_string(i));
    ASSERT_TRUE(db.checkpoint(db.lsn()));
    for (int i = 0; i < 150; ++i) put("p" + std::to_string(random.below(700)));
    for (int i = 0; i < 30; ++i) remove("p" + std::to_string(random.below(700)));
  }

  // The rest is asked twice: as it is committed, and with an open transaction on top.
  void begin_and_write() {
    db.session().begin();
    for (int i = 0; i < 40; ++i) put("p" + std::to_string(random.below(800)));
    for (int i = 0; i < 10; ++i) remove("p" + std::to_string(random.below(800)));
  }

  void put(const std::string& id) {
    static const char* const kWords[] = {"alpha", "beta", "gamma", "delta"};
    std::string text;
    for (std::uint64_t words = random.below(4); words > 0; --words) text += std::string(kWords[random.below(4)]) + " ";
    Map payload{{"few", random.below(5)}, {"many", "v" + std::to_string(random.below(300))}};
    switch (random.below(8)) {
      case 0: payload.set("mixed", random.below(6)); break;
      case 1: payload.set("mixed", static_cast<double>(random.below(12)) / 2); break;
      case 2: payload.set("mixed", std::string(1, static_cast<char>('a' + random.below(4)))); break;
      case 3: payload.set("mixed", random.chance(0.5)); break;
      case 4: payload.set("mixed", Value::List{random.below(6), "a", random.below(6), nullptr}); break;
      case 5: payload.set("mixed", random.chance(0.5) ? Value(Map{{"x", 1}}) : Value(nullptr)); break;
      case 6: payload.set("mixed", Value(std::numeric_limits<double>::quiet_NaN())); break;
      default: break;
    }
    if (random.chance(0.5)) payload.set("deep", Map{{"one", random.below(3)}});
    points[id] = {random_vector(random, kDimension), payload};
    if (random.chance(0.1)) points[id].vector.assign(kDimension, 0.5F);  // ties
    const Point point{id, points[id].vector, points[id].payload, text};
    ASSERT_TRUE(db.store().upsert("c", {&point, 1}));
  }
  void remove(const std::string& id) {
    const std::string_view ids[] = {id};
    ASSERT_EQ(*db.store().remove("c", ids), points.erase(id));
  }

  double score(const std::vector<float>& q, const std::vector<float>& x) const {
    const auto& k = distance::kScalarKernels;
    if (GetParam() == Metric::l2) return static_cast<float>(-k.squared_l2(q.data(), x.data(), x.size()));
    const double dot = k.dot(q.data(), x.data(), x.size());
    if (GetParam() == Metric::inner_product) return static_cast<float>(dot);
    return static_cast<float>(
        dot / (std::sqrt(k.dot(q.data(), q.data(), q.size())) * std::sqrt(k.dot(x.data(), x.data(), x.size()))));
  }
  bool matches(const std::string& id, const Filter& filter) const {
    Bytes payload;
    core::Encoder(payload).map(points.at(id).payload);
    return CompiledFilter::compile(filter)->matches(id, payload);
  }
  template <typename Score>
  Scored ranking(const Filter& filter, const std::set<std::string>& but, Score&& score_of) const {
    Scored all;
    for (const auto& [id, point] : points) {
      if (!but.contains(id) && matches(id, filter)) all.emplace_back(id, score_of(point.vector));
    }
    sort_best_first(all);
    return all;
  }
  Filter some_filter() {
    switch (random.below(5)) {
      case 0: return {};
      case 1: return {{"few", random.below(5)}};
      case 2: return {{"few", Map{{"gte", 1}}}};
      case 3: return {{"mixed", Map{{"is_null", false}}}};
      default: {
        Value::List ids;
        for (int i = 0; i < 12; ++i) ids.push_back("p" + std::to_string(random.below(700)));
        return {{"has_id", std::move(ids)}};
      }
    }
  }
  std::vector<std::string> some_ids(std::size_t count) {
    std::vector<std::string> ids;
    while (ids.size() < count) {
      const auto at = std::next(points.begin(), static_cast<std::ptrdiff_t>(random.below(points.size())));
      if (std::find(ids.begin(), ids.end(), at->first) == ids.end()) ids.push_back(at->first);
    }
    return ids;
  }
  std::vector<FieldValue> values_of(const std::string& id, const std::string& field) const {
    Bytes payload;
    core::Encoder(payload).map(points.at(id).payload);
    return values_of_field(EncodedMap::of_payload(payload).find(field));
  }

  core::Random random{41};
  std::unique_ptr<io::MemoryFileSystem> files = io::make_memory_file_system();
  TestDatabase db{*files};
  std::map<std::string, ModelPoint> points;
};
INSTANTIATE_TEST_SUITE_P(, QueryTest, testing::Values(Metric::cosine, Metric::l2, Metric::inner_product),
                         [](const auto& each) { return std::string(name(each.param)); });

TEST_P(QueryTest, OneSideIsItsSearch) {
  begin_and_write();
  for (int round = 0; round < 20; ++round) {
    const auto q = random_vector(random, kDimension);
    const SearchOptions options{.k = 7, .filter = some_filter(), .with_vector = true};
    const auto near = *db.store().search("c", q, options);
    const auto asked = db.store().query("c", {.vector = q}, options);
    ASSERT_TRUE(asked) << asked.error().to_string();
    ASSERT_EQ(ids_of(*asked), ids_of(near));
    for (std::size_t i = 0; i < near.size(); ++i) {
      const QueryHit& hit = (*asked)[i];
      EXPECT_EQ(hit.score, near[i].score);
      EXPECT_EQ(hit.payload, near[i].payload);
      EXPECT_EQ(hit.vector, near[i].vector);
      EXPECT_EQ(hit.by_vector.rank, i + 1);
      EXPECT_EQ(hit.by_vector.score, near[i].score);
      EXPECT_EQ(hit.by_words.rank, 0U);
    }
    const auto words = *db.store().search_words("c", "alpha gamma", options);
    const auto by_words = *db.store().query("c", {.words = "alpha gamma"}, options);
    ASSERT_EQ(ids_of(by_words), ids_of(words));
    for (std::size_t i = 0; i < words.size(); ++i) {
      EXPECT_EQ(by_words[i].by_words.rank, i + 1);
      EXPECT_EQ(by_words[i].by_vector.rank, 0U);
    }
  }
}

TEST_P(QueryTest, BothSidesAreFusedAsTheFormulasSay) {
  for (const bool on_top : {false, true}) {
    if (on_top) begin_and_write();
    for (int round = 0; round < 30; ++round) {
      const auto q = random_vector(random, kDimension);
      const std::size_t candidates = 20 + random.below(100);
      const double weight = random.chance(0.5) ? 1 : 0.3;
      const Filter filter = some_filter();
      const auto near = *db.store().search("c", q, {.k = candidates, .filter = filter});
      const auto words = *db.store().search_words("c", "alpha delta", {.k = candidates, .filter = filter});
      for (const Fusion fusion : {Fusion::rrf, Fusion::dbsf, Fusion::weighted}) {
        std::map<std::string, double> fused;
        const auto add = [&](const std::vector<Hit>& hits, double side_weight) {
          double sum = 0, squares = 0;
          for (const Hit& hit : hits) sum += double{hit.score};
          const double mean = sum / static_cast<double>(hits.size());
          for (const Hit& hit : hits) squares += std::pow(double{hit.score} - mean, 2);
          const double sigma = std::sqrt(squares / static_cast<double>(hits.size() - 1));
          const double least = hits.empty() ? 0 : double{hits.back().score};
          const double greatest = hits.empty() ? 0 : double{hits.front().score};
          for (std::size_t i = 0; i < hits.size(); ++i) {
            const double own = double{hits[i].score};
            double share = 1.0 / (60.0 + static_cast<double>(i) + 1);
            if (fusion == Fusion::dbsf)
              share = hits.size() > 1 && sigma > 0 ? (own - mean + 3 * sigma) / (6 * sigma) : 0.5;
            if (fusion == Fusion::weighted) share = greatest > least ? (own - least) / (greatest - least) : 1;
            fused[hits[i].id] += side_weight * share;
          }
        };
        add(near, weight);
        add(words, 1);
        std::map<std::string, std::size_t> rank_near, rank_words;
        for (std::size_t i = 0; i < near.size(); ++i) rank_near[near[i].id] = i + 1;
        for (std::size_t i = 0; i < words.size(); ++i) rank_words[words[i].id] = i + 1;
        const Query query{.vector = q,
                          .words = "alpha delta",
                          .fusion = fusion,
                          .vector_weight = static_cast<float>(weight),
                          .candidates = candidates};
        const auto hits = db.store().query("c", query, {.k = 15, .filter = filter});
        ASSERT_TRUE(hits) << hits.error().to_string();
        ASSERT_EQ(hits->size(), std::min<std::size_t>(15, fused.size()));
        std::set<std::string> brought;
        for (std::size_t i = 0; i < hits->size(); ++i) {
          const QueryHit& hit = (*hits)[i];
          ASSERT_NEAR(hit.score, fused.at(hit.id), 1e-5) << name(fusion) << " rank " << i;
          ASSERT_TRUE(i == 0 || hit.score <= (*hits)[i - 1].score);
          ASSERT_EQ(hit.by_vector.rank, rank_near[hit.id]);
          ASSERT_EQ(hit.by_words.rank, rank_words[hit.id]);
          if (hit.by_vector.rank > 0) {
            ASSERT_EQ(hit.by_vector.score, near[hit.by_vector.rank - 1].score);
          }
          if (hit.by_words.rank > 0) {
            ASSERT_EQ(hit.by_words.score, words[hit.by_words.rank - 1].score);
          }
          brought.insert(hit.id);
        }
        for (const auto& [id, total] : fused) {
          ASSERT_TRUE(brought.contains(id) || hits->size() < 15 || total <= double{hits->back().score} + 1e-5) << id;
        }
        // The least score is of what was fused.
        if (hits->size() < 3) continue;
        const float least = (*hits)[2].score;
        const auto enough = *db.store().query("c", query, {.k = 15, .filter = filter, .min_score = least});
        ASSERT_GE(enough.size(), 3U);
        for (const QueryHit& hit : enough) ASSERT_GE(hit.score, least);
        ASSERT_EQ(ids_of(enough), first_ids(
                                      [&] {
                                        Scored first;
                                        for (const QueryHit& hit : *hits) {
                                          if (hit.score >= least) first.emplace_back(hit.id, 0);
                                        }
                                        return first;
                                      }(),
                                      15));
      }
    }
  }
}

TEST(Query, ReciprocalRanksAreThoseOfThePaper) {
  const auto files_of_two = io::make_memory_file_system();
  TestDatabase two(*files_of_two);
  ASSERT_TRUE(two.store().create_collection("c", {.dimension = 1, .metric = Metric::l2, .words = true}));
  const std::vector<float> zero{0}, one{1}, nine{9};
  const Point points_of_two[] = {{"a", zero, {}, ""}, {"b", one, {}, "fox"}, {"c", nine, {}, "fox fox"}};
  ASSERT_TRUE(two.store().upsert("c", points_of_two));
  const auto hits = *two.store().query("c", {.vector = zero, .words = "fox"}, {});
  ASSERT_EQ(ids_of(hits), (std::vector<std::string>{"c", "b", "a"}));
  EXPECT_FLOAT_EQ(hits[0].score, 1.0F / 63 + 1.0F / 61);
  EXPECT_FLOAT_EQ(hits[1].score, 1.0F / 62 + 1.0F / 62);
  EXPECT_FLOAT_EQ(hits[2].score, 1.0F / 61);
}

TEST_P(QueryTest, ExamplesAreAveragedAndLeftOut) {
  for (const bool on_top : {false, true}) {
    if (on_top) begin_and_write();
    for (int round = 0; round < 30; ++round) {
      const auto like = some_ids(1 + random.below(3)), unlike = some_ids(random.below(3));
      const auto loose = random_vector(random, kDimension);
      Query query;
      for (const std::string& id : like) query.like.push_back({.id = id});
      query.like.push_back({.vector = loose});
      for (const std::string& id : unlike) query.unlike.push_back({.id = id});
      std::vector<double> average(kDimension);
      const auto add = [&](const std::vector<float>& x, double weight) {
        double length = 1;
        if (GetParam() == Metric::cosine)
          length = std::sqrt(distance::kScalarKernels.dot(x.data(), x.data(), x.size()));
        for (std::size_t i = 0; i < kDimension; ++i) average[i] += weight * double{x[i]} / length;
      };
      const double of_like = (unlike.empty() ? 1.0 : 2.0) / static_cast<double>(query.like.size());
      for (const std::string& id : like) add(points.at(id).vector, of_like);
      add(loose, of_like);
      for (const std::string& id : unlike) add(points.at(id).vector, -1.0 / static_cast<double>(unlike.size()));
      const std::vector<float> target(average.begin(), average.end());
      std::set<std::string> but(like.begin(), like.end());
      but.insert(unlike.begin(), unlike.end());
      const Filter filter = some_filter();
      const Scored expected = ranking(filter, but, [&](const std::vector<float>& x) { return score(target, x); });
      const auto hits = db.store().query("c", query, {.k = 9, .filter = filter});
      ASSERT_TRUE(hits) << hits.error().to_string();
      ASSERT_EQ(hits->size(), std::min<std::size_t>(9, expected.size()));
      for (std::size_t i = 0; i < hits->size(); ++i) {
        ASSERT_NEAR((*hits)[i].score, expected[i].second, 1e-4);
        ASSERT_FALSE(but.contains((*hits)[i].id));
      }
    }
  }
}

TEST_P(QueryTest, BestScoreGoesByTheNearestExample) {
  const auto squeeze = [](double x) { return (1 + x / (1 + std::abs(x))) / 2; };
  for (const bool on_top : {false, true}) {
    if (on_top) begin_and_write();
    for (int round = 0; round < 60; ++round) {
      const auto like = some_ids(random.below(3)),
                 unlike = some_ids(like.empty() ? 1 + random.below(2) : random.below(4));
      Query query{.recommend = Recommend::best_score};
      for (const std::string& id : like) query.like.push_back({.id = id});
      for (const std::string& id : unlike) query.unlike.push_back({.id = id});
      std::set<std::string> but(like.begin(), like.end());
      but.insert(unlike.begin(), unlike.end());
      const Filter filter = some_filter();
      const Scored expected = ranking(filter, but, [&](const std::vector<float>& x) {
        double p = -std::numeric_limits<double>::infinity(), n = p;
        for (const std::string& id : like) p = std::max(p, score(points.at(id).vector, x));
        for (const std::string& id : unlike) n = std::max(n, score(points.at(id).vector, x));
        return p > n ? squeeze(p) : -squeeze(n);
      });
      const std::size_t k = 1 + random.below(30);
      const auto hits = db.store().query("c", query, {.k = k, .filter = filter});
      ASSERT_TRUE(hits) << hits.error().to_string();
      ASSERT_EQ(hits->size(), std::min(k, expected.size()));
      for (std::size_t i = 0; i < hits->size(); ++i) ASSERT_NEAR((*hits)[i].score, expected[i].second, 1e-5) << i;
      ASSERT_EQ(ids_of(*hits), first_ids(expected, k));
    }
  }
}

// Three hundred points lie nearer to the example to be like than any that is to be recommended, and nearer still to the other one.
TEST(Query, BestScoreLooksBehindWhatIsUnlike) {
  const auto files = io::make_memory_file_system();
  TestDatabase db(*files);
  ASSERT_TRUE(db.store().create_collection("c", {.dimension = 1, .metric = Metric::l2}));
  const auto put = [&](const std::string& id, float x) {
    const Point point{id, {&x, 1}, {}};
    ASSERT_TRUE(db.store().upsert("c", {&point, 1}));
  };
  db.session().begin();
  put("like", 0);
  put("unlike", 1);
  for (int i = 0; i < 300; ++i) put("crowd" + std::to_string(i), 0.6F + 0.001F * static_cast<float>(i));
  for (int i = 0; i < 2'000; ++i) put("far" + std::to_string(i), -2.0F - 0.01F * static_cast<float>(i));
  ASSERT_TRUE(db.session().commit());
  ASSERT_TRUE(db.checkpoint(db.lsn()));
  const Query query{.like = {{.id = "like"}}, .unlike = {{.id = "unlike"}}, .recommend = Recommend::best_score};
  EXPECT_EQ(ids_of(*db.store().query("c", query, {.k = 3})), (std::vector<std::string>{"far0", "far1", "far2"}));
  // All of the far ones, and then the crowd, what is furthest from `unlike` first.
  const auto all = *db.store().query("c", query, {.k = 2'002});
  ASSERT_EQ(all.size(), 2'002U);
  EXPECT_EQ(all[1'999].id, "far1999");
  EXPECT_EQ(all[2'000].id, "crowd0");
  EXPECT_EQ(all[2'001].id, "crowd1");
}

TEST_P(QueryTest, DiversityChoosesByMarginalRelevance) {
  begin_and_write();
  for (int round = 0; round < 20; ++round) {
    const auto q = random_vector(random, kDimension);
    const Filter filter = some_filter();
    for (const float diversity : {0.0F, 0.3F, 0.7F, 1.0F}) {
      const auto near = *db.store().search("c", q, {.k = 40, .filter = filter});
      std::vector<std::string> expected;
      std::set<std::string> left;
      for (const Hit& hit : near) left.insert(hit.id);
      while (!left.empty() && expected.size() < 12) {
        std::string best;
        double greatest = -std::numeric_limits<double>::infinity();
        for (const Hit& hit : near) {  // best first: ties go to the better score
          if (!left.contains(hit.id)) continue;
          double likeness = expected.empty() ? 0 : -std::numeric_limits<double>::infinity();
          for (const std::string& id : expected) {
            likeness = std::max(likeness, score(points.at(id).vector, points.at(hit.id).vector));
          }
          const double marginal = expected.empty()
                                      ? double{hit.score}
                                      : (1 - double{diversity}) * double{hit.score} - double{diversity} * likeness;
          if (marginal <= greatest) continue;
          greatest = marginal;
          best = hit.id;
        }
        expected.push_back(best);
        left.erase(best);
      }
      const auto hits =
          db.store().query("c", {.vector = q, .diversity = diversity, .candidates = 40}, {.k = 12, .filter = filter});
      ASSERT_TRUE(hits) << hits.error().to_string();
      ASSERT_EQ(ids_of(*hits), expected) << diversity;
    }
  }
}

// What is ranked on another scale keeps its order without diversity, and a repetition goes back with it.
TEST_P(QueryTest, DiversityWorksOnEveryRanking) {
  const std::vector<float> near{1, 0.1F, 0, 0, 0, 0}, far{0.2F, 1, 0, 0, 0, 0};
  const char* const texts[] = {"unique unique unique", "unique unique", "unique"};
  const std::vector<float>* const vectors[] = {&near, &near, &far};
  for (int i = 0; i < 3; ++i) {
    const std::string id = "u" + std::to_string(i);
    const Point point{id, *vectors[i], {}, texts[i]};
    ASSERT_TRUE(db.store().upsert("c", {&point, 1}));
  }
  for (const bool both : {false, true}) {
    Query query{.words = "unique"};
    if (both) query.vector = near;
    const Filter filter{{"has_id", Value::List{"u0", "u1", "u2"}}};
    const auto plain = *db.store().query("c", query, {.k = 3, .filter = filter});
    query.diversity = 1e-6F;
    const auto hardly = *db.store().query("c", query, {.k = 3, .filter = filter});
    EXPECT_EQ(ids_of(hardly), ids_of(plain));
    query.diversity = 0.2F;  // a fifth of the span of likeness: less than what the second is better than the third
    EXPECT_EQ(ids_of(*db.store().query("c", query, {.k = 3, .filter = filter})), ids_of(plain));
    query.diversity = 0.9F;
    const auto diverse = *db.store().query("c", query, {.k = 3, .filter = filter});
    EXPECT_EQ(ids_of(diverse), (std::vector<std::string>{"u0", "u2", "u1"}));
    EXPECT_EQ(diverse[1].score, plain[2].score);
  }
}

TEST_P(QueryTest, GroupsAreTheBestOfEachValue) {
  for (const bool on_top : {false, true}) {
    if (on_top) begin_and_write();
    for (int round = 0; round < 60; ++round) {
      static const char* const kFields[] = {"few", "many", "mixed", "deep.one", "nowhere"};
      const std::string field = kFields[random.below(std::size(kFields))];
      const Filter filter = some_filter();
      const Grouping grouping{field, 1 + random.below(12), 1 + random.below(6)};
      const auto q = random_vector(random, kDimension);
      const Scored all = ranking(filter, {}, [&](const std::vector<float>& x) { return score(q, x); });
      std::vector<std::pair<std::string, std::vector<std::string>>> expected;  // key, ids
      for (const auto& [id, score_of_it] : all) {
        for (const FieldValue& value : values_of(id, field)) {
          auto group =
              std::find_if(expected.begin(), expected.end(), [&](const auto& g) { return g.first == value.key; });
          if (group == expected.end()) group = expected.insert(expected.end(), {value.key, {}});
          group->second.push_back(id);
        }
      }
      const auto groups = db.store().query_groups("c", {.vector = q}, grouping, {.filter = filter});
      ASSERT_TRUE(groups) << groups.error().to_string();
      ASSERT_EQ(groups->size(), std::min(grouping.groups, expected.size())) << field << " " << to_json(filter);
      for (std::size_t i = 0; i < groups->size(); ++i) {
        const Group& group = (*groups)[i];
        auto ids = expected[i].second;
        if (ids.size() > grouping.size) ids.resize(grouping.size);
        ASSERT_EQ(ids_of(group.hits), ids) << field << " group " << i << " " << to_json(group.value);
        Bytes key;
        core::Encoder(key).value(group.value);
        ASSERT_EQ(as_text(key), expected[i].first);
        for (std::size_t rank = 0; rank < group.hits.size(); ++rank) {
          ASSERT_EQ(group.hits[rank].by_vector.rank, rank + 1);
        }
      }
    }
  }
}

TEST(Query, GroupsAreFoundBehindTheFirstHits) {
  const auto files = io::make_memory_file_system();
  TestDatabase db(*files);
  ASSERT_TRUE(db.store().create_collection("c", {.dimension = 1, .metric = Metric::l2}));
  for (int i = 0; i < 1'000; ++i) {
    const auto x = static_cast<float>(i);
    const std::string id = "p" + std::to_string(i);
    const Point point{id, {&x, 1}, {{"by", i < 500 ? 7 : i < 900 ? 8 : 9}}};
    ASSERT_TRUE(db.store().upsert("c", {&point, 1}));
  }
  const std::vector<float> zero{0};
  const auto groups = *db.store().query_groups("c", {.vector = zero}, {"by", 3, 2}, {});
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(*groups[1].value.integer(), 8);
  EXPECT_EQ(ids_of(groups[1].hits), (std::vector<std::string>{"p500", "p501"}));
  EXPECT_EQ(*groups[2].value.integer(), 9);
  EXPECT_EQ(ids_of(groups[2].hits), (std::vector<std::string>{"p900", "p901"}));
}

// A value that only points hold which also hold the value of all the nearest.
TEST(Query, AGroupIsFoundBehindOneThatHoldsItsPoints) {
  const auto files = io::make_memory_file_system();
  TestDatabase db(*files);
  ASSERT_TRUE(db.store().create_collection("c", {.dimension = 1, .metric = Metric::l2}));
  for (int i = 0; i < 400; ++i) {
    const auto x = static_cast<float>(i);
    const Value by = i == 300 ? Value(Value::List{"common", "rare"}) : i == 350 ? Value("single") : Value("common");
    const std::string id = "p" + std::to_string(i);
    const Point point{id, {&x, 1}, {{"by", by}}};
    ASSERT_TRUE(db.store().upsert("c", {&point, 1}));
  }
  const std::vector<float> zero{0};
  const auto groups = *db.store().query_groups("c", {.vector = zero}, {"by", 2, 1}, {});
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(*groups[0].value.text(), "common");
  EXPECT_EQ(*groups[1].value.text(), "rare");
  EXPECT_EQ(groups[1].hits[0].id, "p300");
  EXPECT_EQ(db.store().query_groups("c", {.vector = zero}, {"by", 9, 1}, {})->size(), 3U);
}

TEST_P(QueryTest, GroupsOfBothSidesAreThoseOfTheFusedRanking) {
  for (int round = 0; round < 20; ++round) {
    const auto q = random_vector(random, kDimension);
    const Query query{.vector = q, .words = "alpha beta", .candidates = 200};
    const auto ranked = *db.store().query("c", query, {.k = 200, .filter = {{"few", Map{{"is_null", false}}}}});
    std::vector<std::pair<std::int64_t, std::vector<std::string>>> expected;
    for (const QueryHit& hit : ranked) {
      const std::int64_t value = *hit.payload.find("few")->integer();
      auto group = std::find_if(expected.begin(), expected.end(), [&](const auto& g) { return g.first == value; });
      if (group == expected.end()) group = expected.insert(expected.end(), {value, {}});
      if (group->second.size() < 4) group->second.push_back(hit.id);
    }
    const auto groups = *db.store().query_groups("c", query, {"few", 3, 4}, {});
    ASSERT_EQ(groups.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(*groups[i].value.integer(), expected[i].first);
      EXPECT_EQ(ids_of(groups[i].hits), expected[i].second);
    }
  }
}

TEST_P(QueryTest, FacetsCountTheValuesThatMatch) {
  for (const bool on_top : {false, true}) {
    if (on_top) begin_and_write();
    for (int round = 0; round < 30; ++round) {
      for (const std::string field : {"few", "many", "mixed", "deep.one", "nowhere"}) {
        const Filter filter = some_filter();
        std::map<std::string, std::uint64_t> expected;  // by key
        for (const auto& [id, point] : points) {
          if (!matches(id, filter)) continue;
          for (const FieldValue& value : values_of(id, field)) ++expected[value.key];
        }
        const auto facets = db.store().facets("c", field, filter, 1'000);
        ASSERT_TRUE(facets) << facets.error().to_string();
        ASSERT_EQ(facets->size(), expected.size()) << field << " " << to_json(filter);
        for (std::size_t i = 0; i < facets->size(); ++i) {
          Bytes key;
          core::Encoder(key).value((*facets)[i].value);
          ASSERT_EQ((*facets)[i].points, expected[std::string(as_text(key))]) << to_json((*facets)[i].value);
          ASSERT_TRUE(i == 0 || (*facets)[i].points <= (*facets)[i - 1].points);
        }
        const auto two = *db.store().facets("c", field, filter, 2);
        ASSERT_EQ(two.size(), std::min<std::size_t>(2, expected.size()));
        for (std::size_t i = 0; i < two.size(); ++i) ASSERT_EQ(two[i].value, (*facets)[i].value);
      }
    }
  }
}

TEST_P(QueryTest, PagesInTheOrderOfAFieldGiveEveryPointOnce) {
  const auto order_key = [](const Value* value) {  // 0 numbers, 1 texts, 2 the rest
    double number = 0;
    if (value != nullptr && value->number(number) && !std::isnan(number)) return std::tuple(0, number, std::string());
    if (value != nullptr && value->text() != nullptr) return std::tuple(1, 0.0, *value->text());
    return std::tuple(2, 0.0, std::string());
  };
  for (const bool on_top : {false, true}) {
    if (on_top) begin_and_write();
    for (int round = 0; round < 25; ++round) {
      for (const std::string field : {"few", "many", "mixed", "nowhere"}) {
        const bool descending = random.chance(0.5);
        const Filter filter = some_filter();
        std::vector<std::string> expected;
        for (const auto& [id, point] : points) {
          if (matches(id, filter)) expected.push_back(id);
        }
        std::sort(expected.begin(), expected.end(), [&](const std::string& a, const std::string& b) {
          const auto of_a = order_key(points.at(a).payload.find(field)),
                     of_b = order_key(points.at(b).payload.find(field));
          const bool a_has = std::get<0>(of_a) < 2, b_has = std::get<0>(of_b) < 2;
          if (of_a == of_b || (!a_has && !b_has)) return a < b;
          if (!a_has || !b_has) return a_has;
          return descending ? of_b < of_a : of_a < of_b;
        });
        std::vector<std::string> scrolled;
        ScrollOrder order{.field = field, .descending = descending};
        const std::size_t limit = 1 + random.below(60);
        for (;;) {
          const auto page = db.store().scroll_by("c", order, limit, filter);
          ASSERT_TRUE(page) << page.error().to_string();
          for (const OrderedPoint& point : *page) {
            scrolled.push_back(point.id);
            ASSERT_EQ(point.payload, points.at(point.id).payload);
            ASSERT_LE(scrolled.size(), expected.size());
          }
          if (page->size() < limit) break;
          order.after_value = page->back().at;
          order.after = page->back().id;
        }
        ASSERT_EQ(scrolled, expected) << field << (descending ? " descending " : " ") << limit << to_json(filter);
      }
    }
  }
}

TEST_P(QueryTest, WhatDoesNotSuitIsRefusedByName) {
  const std::vector<float> q(kDimension, 1.0F), minus(kDimension, -1.0F), short_one(2, 1.0F);
  const auto refusal = [&](const Query& query, const SearchOptions& options = {}) {
    const auto hits = db.store().query("c", query, options);
    return hits ? std::string("nothing") : hits.error().to_string();
  };
  const auto expect = [](const std::string& refused, std::string_view words) {
    EXPECT_NE(refused.find(words), std::string::npos) << refused;
  };
  expect(refusal({}), "needs a vector, examples (like, unlike) or words");
  expect(refusal({.vector = q, .like = {{.vector = q}}}), "not by both");
  expect(refusal({.vector = short_one}), "the query has 2");
  expect(refusal({.like = {{.vector = short_one}}}), "an example has 2");
  expect(refusal({.like = {{}}}), "an example has 0");
  expect(refusal({.like = {{.id = "nobody"}}}), "no point \"nobody\"");
  expect(refusal({.like = {{.id = "nobody", .vector = q}}}), "is both");
  expect(refusal({.unlike = {{.vector = q}}}), "best_score");
  expect(refusal({.vector = q, .words = "x", .vector_weight = -1}), "vector_weight");
  expect(refusal({.vector = q, .words = "x", .words_weight = std::nanf("")}), "words_weight");
  expect(refusal({.vector = q, .words = "x", .vector_weight = 0, .words_weight = 0}), "both 0");
  expect(refusal({.vector = q, .diversity = 1.5F}), "diversity is 0 to 1");
  expect(refusal({.vector = q, .candidates = 5}), "candidates are 10");
  expect(refusal({.vector = q, .candidates = 10'001}), "to 10000");
  expect(refusal({.vector = q}, {.k = 0}), "k is 1 to 10000");
  expect(refusal({.vector = q}, {.filter = {{"a", Map{{"near", 1}}}}}), "near");
  Filter deepest{{"few", 1}};
  for (int depth = 0; depth < 32; ++depth) deepest = Filter{{"must", Value::List{deepest}}};
  const SearchOptions deep{.filter = deepest};
  EXPECT_TRUE(db.store().query("c", {.like = {{.id = points.begin()->first}}}, deep));
  EXPECT_TRUE(db.store().query_groups("c", {.vector = q}, {"few", 9, 9}, deep));
  expect(refusal({.vector = q}, {.filter = {{"must", Value::List{deepest}}}}), "deeper than: \"32\"");
  std::vector<Example> many(1'001, Example{.vector = q});
  expect(refusal({.like = many}), "up to 1000 examples, not 1001");
  if (GetParam() == Metric::cosine) expect(refusal({.like = {{.vector = q}, {.vector = minus}}}), "cancel out");
  const std::vector<float> huge(kDimension, std::numeric_limits<float>::max());
  if (GetParam() != Metric::cosine) {
    expect(refusal({.like = {{.vector = huge}}, .unlike = {{.vector = minus}}}), "not finite");
  }
  const auto groups = [&](const Grouping& grouping, const Query& query) {
    const auto found = db.store().query_groups("c", query, grouping, {});
    return found ? std::string("nothing") : found.error().to_string();
  };
  expect(groups({"few", 0, 1}, {.vector = q}), "groups is 1 to 1000");
  expect(groups({"few", 1, 0}, {.vector = q}), "size is 1 to 1000");
  expect(groups({"few", 1'000, 1'000}, {.vector = q}), "1000 times 1000");
  expect(groups({"few", 2, 2}, {.vector = q, .diversity = 0.5F}), "diversity is 0");
  EXPECT_FALSE(db.store().facets("c", "few", {}, 0));
  EXPECT_FALSE(db.store().facets("nothing", "few"));
  EXPECT_FALSE(db.store().scroll_by("c", {.field = "few"}, 0));
  ASSERT_TRUE(db.store().create_collection("wordless", {.dimension = 1}));
  const auto words = db.store().query("wordless", {.words = "x"}, {});
  ASSERT_FALSE(words);
  EXPECT_EQ(words.error().code(), ErrorCode::failed_precondition);
}

}  // namespace
}  // namespace strata::store::vector
