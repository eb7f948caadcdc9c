// The store against a model while everything happens to it: payload changes, removals, merges, graphs, lists, field indexes, views of the
// past and open transactions, over segments so large that searches walk. What is exact must equal brute force; what walks must
// be whole, true and nearly the nearest.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "store/vector/brute_force.h"
#include "store/vector/filter/filter.h"
#include "store/vector/store_vector_fixture.h"
#include "store/vector/words.h"

namespace strata::store::vector {
namespace {

constexpr std::size_t kDimension = 8;
// Walks among rows that match begin at 192 of them a place, so that few places must do.
constexpr std::uint32_t kEf = 4;
const IndexOptions kIndex{.m = 8, .ef_construction = 24};
const VectorOptions kOptions{.segments_max = 3, .past_rows_min = 60, .graph_rows_min = 300};

struct ModelPoint {
  std::vector<float> vector;
  Map payload;
  std::string text;
};
using Model = std::map<std::string, ModelPoint>;
Scores matching(const Model& model, const Filter& filter) {
  const CompiledFilter compiled = *CompiledFilter::compile(filter);
  Scores found;
  for (const auto& [id, point] : model) {
    Bytes payload;
    core::Encoder(payload).map(point.payload);
    if (compiled.matches(id, payload)) found.emplace_back(id, 0.0F);
  }
  return found;
}

Scores nearest(const Model& model, Metric metric, const std::vector<float>& query, const Filter& filter) {
  Scores found = matching(model, filter);
  for (auto& [id, score] : found) score = score_of(metric, query, model.at(id).vector);
  sort_best_first(found);
  return found;
}

Scores best_by_words(const Model& model, std::string_view query, const Filter& filter) {
  std::uint64_t texts = 0, words = 0;
  std::map<std::string, std::vector<Term>> terms;
  for (const auto& [id, point] : model) {
    std::uint64_t length = 0;
    for (const Term& term : terms[id] = terms_of(point.text)) length += term.count;
    texts += length > 0 ? 1 : 0;
    words += length;
  }
  const auto count_of = [](const std::vector<Term>& all, std::uint32_t hash) {
    for (const Term& term : all) {
      if (term.hash == hash) return term.count;
    }
    return 0U;
  };
  const Bm25 bm25(texts, words);
  std::map<std::string, double> scores;
  for (const Term& asked : terms_of(query)) {
    std::uint64_t with_term = 0;
    for (const auto& [id, all] : terms) with_term += count_of(all, asked.hash) > 0 ? 1 : 0;
    for (const auto& [id, all] : terms) {
      std::uint64_t length = 0;
      for (const Term& term : all) length += term.count;
      const std::uint32_t count = count_of(all, asked.hash);
      if (count > 0) scores[id] += bm25.term(bm25.idf(with_term), count, length);
    }
  }
  Scores found;
  for (const auto& [id, score] : matching(model, filter)) {
    if (scores[id] > 0) found.emplace_back(id, static_cast<float>(scores[id]));
  }
  sort_best_first(found);
  return found;
}

class ModelTest : public testing::TestWithParam<Metric> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(db.store().create_collection(
        "c", {.dimension = kDimension, .metric = GetParam(), .words = true, .index = kIndex}));
  }

  static std::string id_of(std::uint64_t i) { return "p" + std::to_string(i); }
  std::vector<float> some_vector() {
    return random.chance(0.02) ? std::vector<float>(kDimension, 0.5F) : random_vector(random, kDimension);
  }
  std::string some_text() {
    static const char* const kWords[] = {"alpha", "beta", "gamma", "delta", "epsilon"};
    std::string text;
    for (std::uint64_t words = random.below(5); words > 0; --words) text += std::string(kWords[random.below(5)]) + " ";
    return text;
  }
  Map some_payload() {
    Map payload;
    payload.set("tenth", random.below(10));
    if (random.chance(0.7)) payload.set("half", random.chance(0.5));
    switch (random.below(6)) {
      case 0: payload.set("mixed", static_cast<std::int64_t>(random.below(40))); break;
      case 1: payload.set("mixed", static_cast<double>(random.below(80)) / 2); break;
      case 2: payload.set("mixed", "t" + std::to_string(random.below(30))); break;
      case 3: payload.set("mixed", nullptr); break;
      case 4: payload.set("mixed", Value::List{random.below(40), "t1", random.chance(0.5)}); break;
      default: break;
    }
    if (random.chance(0.5)) payload.set("a", Map{{"b", random.below(4)}});
    if (random.chance(0.1)) payload.set("a.b", random.below(4));
    return payload;
  }
  Filter some_filter(int depth = 0) {
    switch (random.below(depth < 2 ? 12 : 8)) {
      case 0: return {{"tenth", random.below(10)}};
      case 1: return {{"tenth", Map{{"lt", random.below(11)}}}};
      case 2: return {{"half", random.chance(0.5)}};
      case 3: return {{"mixed", Map{{"gte", random.below(40)}}}};
      case 4: return {{"mixed", Map{{"any", Value::List{random.below(40), "t1", true}}}}};
      case 5: return {{"mixed", Map{{"is_null", random.chance(0.5)}}}};
      case 6: return {{"a.b", random.below(4)}};
      case 7: {
        Value::List ids;  // few are looked up, many are not
        for (std::uint64_t count = random.below(random.chance(0.3) ? 1'500 : 40); count > 0; --count) {
          ids.push_back(id_of(random.below(kIds)));
        }
        return {{"has_id", std::move(ids)}};
      }
      case 8: return {{"must", Value::List{some_filter(depth + 1), some_filter(depth + 1)}}};
      case 9: return {{"should", Value::List{some_filter(depth + 1), some_filter(depth + 1)}}};
      case 10: return {{"must_not", Value::List{some_filter(depth + 1)}}};
      default: return {{"tenth", Map{{"gte", 1}}}, {"must_not", Value::List{some_filter(depth + 1)}}};
    }
  }

  void change(Model& model, std::uint64_t changes) {
    std::vector<std::string> ids;
    for (std::uint64_t i = 0; i < changes; ++i) {
      const std::string id = id_of(random.below(kIds));
      if (random.chance(0.15)) {
        const std::string_view gone[] = {id};
        ASSERT_EQ(*db.store().remove("c", gone), model.erase(id));
      } else if (random.chance(0.25) && model.contains(id)) {
        model[id].payload = some_payload();
        ASSERT_TRUE(db.store().set_payload("c", id, model[id].payload));
      } else {
        model[id] = {some_vector(), some_payload(), some_text()};
        const Point point{id, model[id].vector, model[id].payload, model[id].text};
        ASSERT_TRUE(db.store().upsert("c", {&point, 1}));
      }
    }
  }

  void expect_model(const Model& model, const Filter& filter) {
    SCOPED_TRACE(to_json(filter));
    const std::vector<float> query = some_vector();
    const std::size_t k = 1 + random.below(random.chance(0.2) ? 600 : 4);
    Scores expected = nearest(model, GetParam(), query, filter);
    const std::size_t matches = expected.size();
    ASSERT_EQ(*db.store().count("c", filter), matches);
    std::map<std::string, float> all(expected.begin(), expected.end());
    expected.resize(std::min(k, expected.size()));

    const auto exact = db.store().search("c", query, {.k = k, .filter = filter, .exact = true});
    ASSERT_TRUE(exact) << exact.error().to_string();
    ASSERT_EQ(exact->size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ((*exact)[i].id, expected[i].first) << "rank " << i;
      ASSERT_FLOAT_EQ((*exact)[i].score, expected[i].second);
      ASSERT_EQ((*exact)[i].payload, model.at(expected[i].first).payload);
    }
    const auto walked = db.store().search("c", query, {.k = k, .filter = filter, .ef = kEf});
    ASSERT_TRUE(walked) << walked.error().to_string();
    ASSERT_EQ(walked->size(), expected.size()) << "of " << matches;
    std::set<std::string> ids;
    for (std::size_t i = 0; i < walked->size(); ++i) {
      const Hit& hit = (*walked)[i];
      ASSERT_TRUE(ids.insert(hit.id).second) << hit.id << " twice";
      ASSERT_TRUE(all.contains(hit.id)) << hit.id << " is not visible or does not match";
      ASSERT_FLOAT_EQ(hit.score, all.at(hit.id));
      ASSERT_EQ(hit.payload, model.at(hit.id).payload);
      if (i > 0) {
        ASSERT_LE(hit.score, (*walked)[i - 1].score);
      }
    }
    for (const auto& [id, score] : expected) found_ += ids.contains(id) ? 1 : 0;
    wanted_ += expected.size();

    expect_what_scores_enough(model, query, k, filter);
    expect_each_alone(query, k, filter);
    expect_values(model, query, filter);

    const std::string after = random.chance(0.5) ? "" : id_of(random.below(kIds));
    const auto scrolled = db.store().scroll("c", after, k, filter);
    ASSERT_TRUE(scrolled) << scrolled.error().to_string();
    auto next = all.upper_bound(after);
    for (const StoredPoint& point : *scrolled) {
      ASSERT_NE(next, all.end());
      ASSERT_EQ(point.id, next->first);
      ++next;
    }
    ASSERT_TRUE(scrolled->size() == k || next == all.end());

    Scores by_words = best_by_words(model, "alpha delta", filter);
    by_words.resize(std::min(k, by_words.size()));
    const auto words = db.store().search_words("c", "alpha delta", {.k = k, .filter = filter});
    ASSERT_TRUE(words) << words.error().to_string();
    ASSERT_EQ(words->size(), by_words.size());
    for (std::size_t i = 0; i < by_words.size(); ++i) {
      ASSERT_EQ((*words)[i].id, by_words[i].first);
      ASSERT_FLOAT_EQ((*words)[i].score, by_words[i].second);
    }
  }
  // The same searches with a least score, which some point has exactly.
  void expect_what_scores_enough(const Model& model, const std::vector<float>& query, std::size_t k,
                                 const Filter& filter) {
    const auto cut = [&](Scores& scores) {
      const float least = scores.empty() ? 0.5F : scores[random.below(std::min<std::size_t>(scores.size(), 40))].second;
      std::erase_if(scores, [least](const auto& each) { return each.second < least; });
      scores.resize(std::min(k, scores.size()));
      return least;
    };
    const auto expect_equal = [](const Result<std::vector<Hit>>& hits, const Scores& expected) {
      ASSERT_TRUE(hits) << hits.error().to_string();
      ASSERT_EQ(hits->size(), expected.size());
      for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_EQ((*hits)[i].id, expected[i].first);
    };
    Scores near = nearest(model, GetParam(), query, filter);
    const float least = cut(near);
    expect_equal(db.store().search("c", query, {.k = k, .filter = filter, .exact = true, .min_score = least}), near);
    const auto walked = db.store().search("c", query, {.k = k, .filter = filter, .ef = kEf, .min_score = least});
    ASSERT_TRUE(walked);
    ASSERT_LE(walked->size(), near.size());
    for (const Hit& hit : *walked) ASSERT_GE(hit.score, least);
    Scores by_words = best_by_words(model, "alpha delta", filter);
    const float least_words = cut(by_words);
    expect_equal(db.store().search_words("c", "alpha delta", {.k = k, .filter = filter, .min_score = least_words}),
                 by_words);
  }

  // Many at once are many alone, also those of another pass; the same graphs must be there for both.
  void expect_each_alone(const std::vector<float>& first, std::size_t k, const Filter& filter) {
    ASSERT_TRUE(db.participant().settle({}));
    std::vector<std::vector<float>> queries{first};
    for (std::size_t more = random.chance(0.2) ? 40 : 2; more > 0; --more) queries.push_back(some_vector());
    const std::vector<std::span<const float>> spans(queries.begin(), queries.end());
    for (const bool exact : {true, false}) {
      const SearchOptions options{.k = k, .filter = filter, .ef = kEf, .exact = exact};
      const auto all = db.store().search_many("c", spans, options);
      ASSERT_TRUE(all) << all.error().to_string();
      ASSERT_EQ(all->size(), queries.size());
      for (std::size_t i = 0; i < queries.size(); ++i) {
        const auto alone = db.store().search("c", queries[i], options);
        ASSERT_TRUE(alone);
        ASSERT_EQ((*all)[i].size(), alone->size());
        for (std::size_t rank = 0; rank < alone->size(); ++rank) {
          ASSERT_EQ((*all)[i][rank].id, (*alone)[rank].id) << "query " << i;
          ASSERT_EQ((*all)[i][rank].score, (*alone)[rank].score);
        }
      }
    }
  }
  // What is asked of the values of a field: counts, groups (through walks, too: as many as there are values), an order.
  void expect_values(const Model& model, const std::vector<float>& query, const Filter& filter) {
    std::map<std::int64_t, std::vector<std::string>> by_value;
    for (const auto& [id, score] : matching(model, filter)) {
      by_value[*model.at(id).payload.find("tenth")->integer()].push_back(id);
    }
    const auto facets = db.store().facets("c", "tenth", filter, 20);
    ASSERT_TRUE(facets) << facets.error().to_string();
    ASSERT_EQ(facets->size(), by_value.size());
    for (const Facet& facet : *facets) ASSERT_EQ(facet.points, by_value[*facet.value.integer()].size());
    const auto groups =
        db.store().query_groups("c", {.vector = query}, {"tenth", 10, 2}, {.filter = filter, .ef = kEf});
    ASSERT_TRUE(groups) << groups.error().to_string();
    ASSERT_EQ(groups->size(), by_value.size());
    for (const Group& group : *groups) {
      const auto& ids = by_value[*group.value.integer()];
      ASSERT_EQ(group.hits.size(), std::min<std::size_t>(2, ids.size()));
      for (const QueryHit& hit : group.hits) ASSERT_TRUE(std::find(ids.begin(), ids.end(), hit.id) != ids.end());
    }
    const auto ordered = db.store().scroll_by("c", {.field = "tenth"}, 100, filter);
    ASSERT_TRUE(ordered) << ordered.error().to_string();
    std::size_t at = 0;
    for (const auto& [value, ids] : by_value) {
      for (auto id = ids.begin(); id != ids.end() && at < 100; ++id, ++at) {
        ASSERT_LT(at, ordered->size());
        ASSERT_EQ((*ordered)[at].id, *id);
      }
    }
    ASSERT_EQ(ordered->size(), at);
  }
  double recall() const { return static_cast<double>(found_) / static_cast<double>(wanted_); }

  static constexpr std::uint64_t kIds = 2'500;
  core::Random random{97};
  std::unique_ptr<io::MemoryFileSystem> files = io::make_memory_file_system();
  TestDatabase db{*files, kOptions};

 private:
  std::uint64_t found_ = 0, wanted_ = 0;
};
INSTANTIATE_TEST_SUITE_P(, ModelTest, testing::Values(Metric::cosine, Metric::l2, Metric::inner_product),
                         [](const auto& each) { return std::string(name(each.param)); });

TEST_P(ModelTest, EveryReadIsTheModelsWhateverHappenedToTheRows) {
  std::map<Lsn, Model> history;
  Lsn horizon = 1;
  std::uint64_t graphs = 0, in_lists = 0;
  bool lists = false;
  for (int step = 0; step < 25; ++step) {
    Model model = history.empty() ? Model() : history.rbegin()->second;
    db.session().begin();
    change(model, step == 0 ? 2 * kIds : 1 + random.below(150));
    if (HasFatalFailure()) return;
    expect_model(model, random.chance(0.3) ? Filter{} : some_filter());  // own writes, on top
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
      if (step > 0 && random.chance(0.5)) {
        lists = !lists;
        ASSERT_TRUE(db.store().alter_collection("c", lists ? IndexOptions{.kind = IndexKind::ivf} : kIndex, {}));
        history[db.lsn()] = model;
      }
      if (random.chance(0.5)) horizon = std::max(horizon, db.lsn() - std::min<Lsn>(db.lsn(), random.below(10)));
      if (random.chance(0.3)) db.participant().compact();
      ASSERT_TRUE(db.checkpoint(horizon));
      if (random.chance(0.8)) (void)db.participant().settle({});
      const auto statistics = db.participant().statistics();
      graphs += static_cast<std::uint64_t>(*statistics.find("graphs")->integer());
      in_lists += static_cast<std::uint64_t>(*statistics.find("segments_in_lists")->integer());
    }
    if (random.chance(0.1)) {
      ASSERT_TRUE(db.restart());
    }
    for (int i = 0; i < 6; ++i) expect_model(model, i == 0 ? Filter{} : some_filter());
    const Lsn oldest = std::max(horizon, history.begin()->first);
    const auto past = std::prev(history.upper_bound(oldest + random.below(db.lsn() - oldest + 1)));
    db.session().view_at(past->first);
    for (int i = 0; i < 3; ++i) expect_model(past->second, i == 0 ? Filter{} : some_filter());
    db.session().view_latest();
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(graphs, 0U);
  EXPECT_GT(in_lists, 0U);
  EXPECT_GT(recall(), 0.9);
}

// Each commit takes points out of groups and puts as many in, so that every view sees the same number in each.
TEST(ModelTestBesides, SearchesUnderFiltersSeeWholeCommitsBesideMergesAndGraphs) {
  constexpr int kGroups = 5, kInGroup = 200, kReaders = 3;
  const auto files = io::make_memory_file_system();
  TestDatabase db(*files, kOptions);
  ASSERT_TRUE(db.store().create_collection("c", {.dimension = kDimension, .words = true, .index = kIndex}));
  core::Random random(3);
  int next = 0;
  std::vector<std::vector<std::string>> members(kGroups);
  const auto upsert = [&](const std::string& id, int group) {
    const std::vector<float> vector = random_vector(random, kDimension);
    const std::string text = "in " + std::to_string(group);
    const Point point{id, vector, {{"group", group}, {"i", next}}, text};
    ASSERT_TRUE(db.store().upsert("c", {&point, 1}));
  };
  const auto put = [&](int group) {
    const std::string id = "p" + std::to_string(next++);
    upsert(id, group);
    members[static_cast<std::size_t>(group)].push_back(id);
  };
  db.session().begin();
  for (int i = 0; i < kGroups * kInGroup; ++i) put(i % kGroups);
  ASSERT_TRUE(db.session().commit());

  std::mutex views_mutex;
  std::vector<Lsn> views(kReaders, kLive);
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> wrong{0}, searches{0};
  std::vector<std::thread> readers;
  for (int r = 0; r < kReaders; ++r) {
    readers.emplace_back([&, r] {
      TestDatabase::Session session(db);
      const auto store = db.participant().session(session);
      core::Random own(static_cast<std::uint64_t>(r) + 11);
      while (!over.load()) {
        {
          const std::scoped_lock lock(views_mutex);
          views[static_cast<std::size_t>(r)] = db.lsn();
        }
        session.view_at(views[static_cast<std::size_t>(r)]);
        const int group = static_cast<int>(own.below(kGroups));
        const Filter filter{{"group", group}};
        const auto query = random_vector(own, kDimension);
        const auto good = [&](const Result<std::vector<Hit>>& hits, std::size_t count) {
          if (!hits || hits->size() != count) return false;
          std::set<std::string> ids;
          for (const Hit& hit : *hits) ids.insert(hit.id);
          return ids.size() == count && std::all_of(hits->begin(), hits->end(), [&](const Hit& hit) {
                   return *hit.payload.find("group")->integer() == group;
                 });
        };
        wrong += good(store->search("c", query, {.k = 1'000, .filter = filter}), kInGroup) ? 0 : 1;
        wrong += good(store->search("c", query, {.k = 1'000, .filter = filter, .exact = true}), kInGroup) ? 0 : 1;
        wrong += good(store->search("c", query,
                                    {.k = 2, .filter = {{"group", Map{{"gte", group}, {"lt", group + 1}}}}, .ef = 3}),
                      2)
                     ? 0
                     : 1;
        wrong += good(store->search_words("c", std::to_string(group), {.k = 1'000}), kInGroup) ? 0 : 1;
        wrong += good(store->search_words("c", "in", {.k = 1'000, .filter = filter}), kInGroup) ? 0 : 1;
        const auto facets = store->facets("c", "group", {}, 10);
        wrong += facets && facets->size() == kGroups &&
                         std::all_of(facets->begin(), facets->end(),
                                     [&](const Facet& facet) { return facet.points == kInGroup; })
                     ? 0
                     : 1;
        const auto groups = store->query_groups("c", {.vector = query}, {"group", 10, 3}, {});
        wrong +=
            groups && groups->size() == kGroups &&
                    std::all_of(groups->begin(), groups->end(), [](const Group& each) { return each.hits.size() == 3; })
                ? 0
                : 1;
        const auto ordered = store->scroll_by("c", {.field = "i", .descending = true}, 10'000);
        wrong += ordered && ordered->size() == kGroups * kInGroup ? 0 : 1;
        const auto all = store->search("c", query, {.k = 3, .ef = 4});
        wrong += all && all->size() == 3 ? 0 : 1;
        const auto count = store->count("c", {{"must_not", Value::List{filter}}, {"i", Map{{"gte", 0}}}});
        wrong += count && *count == (kGroups - 1) * kInGroup ? 0 : 1;
        ++searches;
      }
      const std::scoped_lock lock(views_mutex);
      views[static_cast<std::size_t>(r)] = kLive;
    });
  }
  for (int round = 0; round < 60; ++round) {
    db.session().begin();
    for (int i = 0; i < 40; ++i) {
      const int group = static_cast<int>(random.below(kGroups));
      auto& of_group = members[static_cast<std::size_t>(group)];
      const std::size_t at = random.below(of_group.size());
      const std::string id = of_group[at];
      of_group[at] = of_group.back();
      of_group.pop_back();
      if (random.chance(0.5)) {  // to another group, and one of that group back
        const int other = (group + 1) % kGroups;
        auto& of_other = members[static_cast<std::size_t>(other)];
        const std::string back = of_other.back();
        of_other.back() = id;
        of_group.push_back(back);
        upsert(id, other);
        upsert(back, group);
      } else {
        const std::string_view gone[] = {id};
        ASSERT_TRUE(db.store().remove("c", gone));
        put(group);
      }
    }
    ASSERT_TRUE(db.session().commit());
    if (round % 4 != 3) continue;
    Lsn horizon = db.lsn();
    {
      const std::scoped_lock lock(views_mutex);
      for (const Lsn view : views) horizon = std::min(horizon, view);
    }
    if (round % 16 == 15) db.participant().compact();
    ASSERT_TRUE(db.checkpoint(horizon));
    if (round % 8 == 7) (void)db.participant().settle({});
  }
  over = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong.load(), 0U);
  EXPECT_GT(searches.load(), 0U);
}

}  // namespace
}  // namespace strata::store::vector
