// Memory as its users meet it, on a real directory: remembering, recalling, forgetting, the past, and every refusal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <limits>
#include <thread>

#include "core/digest.h"
#include "core/random.h"
#include "strata/memory.h"

namespace strata {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

Atom atom(std::string id, std::string text) {
  Atom made;
  made.id = std::move(id);
  made.text = std::move(text);
  return made;
}

Atom atom(std::string id, std::string text, std::vector<float> embedding) {
  Atom made = atom(std::move(id), std::move(text));
  made.embedding = std::move(embedding);
  return made;
}

class MemoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    base_ = fs::temp_directory_path() / ("strata-memory-" + std::to_string(core::random_seed()));
    directory = (base_ / "db").string();
    fs::create_directories(base_);
    open();
  }
  void TearDown() override {
    memory.reset();
    db.reset();
    fs::remove_all(base_);
  }

  void open(const MemoryOptions& options = {}) {
    memory.reset();
    db.reset();
    auto opened = Engine::open(directory);
    ASSERT_TRUE(opened) << opened.error().to_string();
    db = *std::move(opened);
    auto made = Memory::open(*db, options);
    ASSERT_TRUE(made) << made.error().to_string();
    memory = *std::move(made);
  }

  std::string remember(const Atom& given) {
    auto id = memory->remember(given);
    EXPECT_TRUE(id) << id.error().to_string();
    return id ? *id : std::string();
  }
  /// The code of an error; its message goes to `message`.
  template <typename T>
  ErrorCode code_of(const Result<T>& result) {
    message = result ? "no error" : result.error().message();
    return result ? ErrorCode::internal : result.error().code();
  }
  std::vector<std::string> summaries() {
    std::vector<std::string> lines;
    auto all = db->summarize();
    EXPECT_TRUE(all) << all.error().to_string();
    if (!all) return lines;
    for (const StoreSummary& summary : *all) {
      lines.push_back(std::string(name(summary.store)) + " " + std::to_string(summary.items) + " " + summary.hash);
    }
    return lines;
  }
  /// Refused with this code, naming that value, and nothing of it stayed.
  void refuses(const Atom& given, ErrorCode code, const std::string& named) {
    const auto before = summaries();
    const auto refused = memory->remember(given);
    EXPECT_EQ(code_of(refused), code) << message;
    EXPECT_THAT(message, HasSubstr(named));
    EXPECT_EQ(summaries(), before) << "a refused memory left something behind: " << message;
  }
  std::vector<std::string> recall(const RecallOptions& options) {
    std::vector<std::string> ids;
    auto hits = memory->recall(options);
    EXPECT_TRUE(hits) << hits.error().to_string();
    if (hits) {
      for (const Recalled& hit : *hits) ids.push_back(hit.id);
    }
    return ids;
  }
  std::vector<std::string> recall_text(const std::string& text) {
    RecallOptions options;
    options.text = text;
    return recall(options);
  }
  void agrees(std::uint64_t atoms) {
    const auto report = memory->check_agreement();
    ASSERT_TRUE(report) << report.error().to_string();
    EXPECT_EQ(report->atoms, atoms);
    for (const Disagreement& found : report->disagreements) {
      ADD_FAILURE() << found.id << " " << found.store << ": " << found.what;
    }
  }
  std::uint64_t metric_rows(const std::string& id) {
    const auto rows = db->analytics().query("select count(*) from memory_metrics where id = ?", {Value(id)});
    EXPECT_TRUE(rows) << rows.error().to_string();
    return rows ? static_cast<std::uint64_t>(*rows->rows[0][0].integer()) : 0;
  }
  std::uint64_t tag_rows(const std::string& id) {
    const auto rows = db->metadata().query("select count(*) from tags where atom_id = ?", {Value(id)});
    EXPECT_TRUE(rows) << rows.error().to_string();
    return rows ? static_cast<std::uint64_t>(*rows->rows[0][0].integer()) : 0;
  }

  std::string directory, message;
  std::unique_ptr<Engine> db;
  std::unique_ptr<Memory> memory;

 private:
  fs::path base_;
};

// ---- remember and get -------------------------------------------------------------------------------------------

TEST_F(MemoryTest, AMemoryComesBackAsItWasGiven) {
  remember(atom("cause", "The compiler was updated."));
  Atom given = atom("broken", "The build broke because the compiler was updated.");
  given.tags = {{"ci", "nightly", 0.9}, {"urgent", "", 1.0}};
  given.links = {{"caused_by", "cause", {{"sure", 0.8}}}};
  given.valid_from = 1'000'000;
  given.valid_to = 9'000'000;
  given.source = "ci/4711";
  given.metadata = {{"branch", "main"}, {"attempt", 3}};
  given.activation = {1, 2, 3};
  const Timestamp before = (*db->view())->commit_time();
  EXPECT_EQ(remember(given), "broken");

  const auto stored = memory->get("broken");
  ASSERT_TRUE(stored && *stored);
  const StoredAtom& there = **stored;
  EXPECT_EQ(there.atom.text, given.text);
  EXPECT_EQ(there.atom.modality, "text");
  EXPECT_EQ(there.atom.source, "ci/4711");
  EXPECT_EQ(there.atom.metadata, given.metadata);
  EXPECT_EQ(there.atom.valid_from, given.valid_from);
  EXPECT_EQ(there.atom.valid_to, given.valid_to);
  ASSERT_EQ(there.atom.tags.size(), 2U);
  EXPECT_EQ(there.atom.tags[0].key, "ci");
  EXPECT_EQ(there.atom.tags[0].value, "nightly");
  EXPECT_EQ(there.atom.tags[0].weight, 0.9);
  ASSERT_EQ(there.atom.links.size(), 1U);
  EXPECT_EQ(there.atom.links[0].target, "cause");
  EXPECT_EQ(there.atom.links[0].type, "caused_by");
  EXPECT_EQ(there.atom.links[0].properties, (Map{{"sure", 0.8}}));
  EXPECT_EQ(there.version, 1U);
  EXPECT_EQ(there.lsn, db->visible_lsn());
  EXPECT_GE(there.created_at, before);
  EXPECT_FALSE(there.forgotten);
  EXPECT_EQ(db->array().find("activations", "broken")->size(), 1U);
  EXPECT_TRUE(db->cache().get("memory:broken")->has_value());
  EXPECT_EQ(*memory->count(), 2U);
  agrees(2);
}

TEST_F(MemoryTest, WithoutAnIdOneIsMade) {
  const std::string first = remember(atom("", "one")), second = remember(atom("", "two"));
  EXPECT_EQ(first.size(), 36U);
  EXPECT_LT(first, second) << "made ids ascend with time";
  EXPECT_EQ((*memory->get(second))->atom.text, "two");
}

TEST_F(MemoryTest, AnUnknownIdIsNoErrorToGetAndOneToAskAbout) {
  EXPECT_FALSE(memory->get("nobody")->has_value());
  EXPECT_EQ(code_of(memory->history("nobody")), ErrorCode::not_found);
  EXPECT_THAT(message, HasSubstr("nobody"));
  EXPECT_EQ(code_of(memory->forget("nobody")), ErrorCode::not_found);
  EXPECT_EQ(code_of(memory->why("nobody", {.text = "x"})), ErrorCode::not_found);
}

TEST_F(MemoryTest, BeforeTheFirstMemoryEverythingAnswersAndIsEmpty) {
  EXPECT_TRUE(recall_text("anything").empty());
  EXPECT_FALSE(memory->get("x")->has_value());
  EXPECT_EQ(*memory->count(), 0U);
  EXPECT_TRUE(memory->snapshots()->empty());
  agrees(0);
  const auto at_nothing = memory->get("x", AsOf::at(0));
  ASSERT_TRUE(at_nothing) << at_nothing.error().to_string();
  EXPECT_FALSE(at_nothing->has_value());
}

TEST_F(MemoryTest, AnIdOfTheGreatestLengthReachesEveryStore) {
  const std::string id(1024, 'i');
  Atom given = atom(id, "text");
  given.activation = {1, 2};
  EXPECT_EQ(remember(given), id);
  EXPECT_EQ((*memory->get(id))->atom.text, "text");
  agrees(1);
  EXPECT_TRUE(memory->forget(id));
  agrees(0);
}

// ---- versions ---------------------------------------------------------------------------------------------------

TEST_F(MemoryTest, ANewVersionReplacesTagsAndContentAndKeepsLinks) {
  remember(atom("a", "alpha"));
  remember(atom("b", "beta"));
  Atom first = atom("x", "the first text");
  first.tags = {{"draft", "", 1}, {"lang", "en", 1}};
  first.links = {{"about", "a", {}}};
  remember(first);
  Atom second = atom("x", "the second text");
  second.tags = {{"final", "", 1}};
  second.links = {{"about", "b", {}}};
  remember(second);

  const auto now = *memory->get("x");
  EXPECT_EQ(now->version, 2U);
  ASSERT_EQ(now->atom.tags.size(), 1U);
  EXPECT_EQ(now->atom.tags[0].key, "final");
  EXPECT_EQ(now->atom.links.size(), 2U) << "links stay";
  EXPECT_EQ(tag_rows("x"), 1U);
  const auto versions = *memory->history("x");
  ASSERT_EQ(versions.size(), 2U);
  EXPECT_EQ(versions[0].atom.text, "the second text");
  EXPECT_EQ(versions[1].atom.text, "the first text");
  EXPECT_GT(versions[0].lsn, versions[1].lsn);
  EXPECT_TRUE(recall({.text = "text", .tags = {"draft"}}).empty());
  EXPECT_THAT(recall({.text = "text", .tags = {"final"}}), ElementsAre("x"));
  agrees(3);
}

TEST_F(MemoryTest, ATagWhoseValueHoldsAnEqualsSignIsReplacedToo) {
  Atom given = atom("x", "text");
  given.tags = {{"query", "a=b", 1}};
  remember(given);
  EXPECT_THAT(recall({.text = "text", .tags = {"query=a=b"}}), ElementsAre("x"));
  remember(atom("x", "other"));
  EXPECT_EQ(tag_rows("x"), 0U);
}

TEST_F(MemoryTest, ATagWhoseKeyHoldsAnEqualsSignIsRefused) {
  Atom given = atom("x", "text");
  given.tags = {{"a=b", "", 1}};
  refuses(given, ErrorCode::invalid_argument, "a=b");
}

TEST_F(MemoryTest, TheSameIdTwiceInOneBatchIsTwoVersionsOfOneCommit) {
  const Atom both[] = {atom("x", "one"), atom("x", "two")};
  ASSERT_TRUE(memory->remember(both));
  const auto versions = *memory->history("x");
  ASSERT_EQ(versions.size(), 2U);
  EXPECT_EQ(versions[0].atom.text, "two");
  EXPECT_EQ(versions[1].atom.text, "one");
  EXPECT_EQ(versions[0].lsn, db->visible_lsn());
  EXPECT_EQ(versions[1].lsn, db->visible_lsn());
  EXPECT_EQ(*memory->count(), 1U);
  agrees(1);
}

// ---- batches, links, transactions -------------------------------------------------------------------------------

TEST_F(MemoryTest, MemoriesOfOneBatchMayPointAtEachOther) {
  Atom first = atom("first", "one thing"), second = atom("second", "another thing");
  first.links = {{"before", "second", {}}};
  second.links = {{"after", "first", {}}};
  first.activation = second.activation = {1, 2};
  const Atom batch[] = {first, second};
  const Lsn before = db->visible_lsn();
  const auto ids = memory->remember(batch);
  ASSERT_TRUE(ids) << ids.error().to_string();
  EXPECT_THAT(*ids, ElementsAre("first", "second"));
  EXPECT_EQ(db->visible_lsn(), before + 1) << "one commit, also for the first ones";
  EXPECT_EQ(db->graph().counts()->edges, 2U);
  agrees(2);
}

TEST_F(MemoryTest, ADanglingLinkRefusesTheWholeBatch) {
  Atom good = atom("good", "fine"), bad = atom("bad", "not fine");
  bad.links = {{"about", "nobody", {}}};
  const auto before = summaries();
  const Atom batch[] = {good, bad};
  EXPECT_EQ(code_of(memory->remember(batch)), ErrorCode::not_found);
  EXPECT_THAT(message, HasSubstr("nobody"));
  EXPECT_EQ(summaries(), before);
  EXPECT_FALSE(memory->get("good")->has_value());
}

TEST_F(MemoryTest, InsideACallersTransactionItIsSeenThereAndRollsBackWithIt) {
  const auto before = summaries();
  {
    auto tx = *db->begin();
    Atom given = atom("x", "text");
    given.activation = {1, 2, 3};
    const Atom batch[] = {given};
    const auto ids = memory->remember(*tx, batch);
    ASSERT_TRUE(ids) << ids.error().to_string();
    EXPECT_TRUE(tx->graph().node("x")->has_value());
    EXPECT_FALSE(memory->get("x")->has_value()) << "nothing outside";
    tx->rollback();
  }
  EXPECT_EQ(summaries(), before);
  EXPECT_EQ(*memory->count(), 0U);
  EXPECT_FALSE(db->cache().get("memory:x")->has_value());
  EXPECT_EQ(code_of(db->vector().collection("memory")), ErrorCode::not_found);
  Atom other = atom("x", "text", std::vector<float>(384, 0.5F));
  other.activation = {1, 2};
  remember(other);  // the rolled-back row length binds nobody
  agrees(1);
}

TEST_F(MemoryTest, InsideACallersTransactionItCommitsWithEverythingElse) {
  auto tx = *db->begin();
  const Atom batch[] = {atom("x", "text")};
  ASSERT_TRUE(memory->remember(*tx, batch));
  ASSERT_TRUE(tx->metadata().execute("create table mine(id text primary key)"));
  const auto lsn = tx->commit();
  ASSERT_TRUE(lsn) << lsn.error().to_string();
  EXPECT_EQ((*memory->get("x"))->lsn, *lsn);
  agrees(1);
}

TEST_F(MemoryTest, ThreadsThatRememberTheSameIdEachAddAVersion) {
  constexpr int kThreads = 6, kEach = 8;
  std::vector<std::thread> threads;
  std::vector<std::string> errors(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        Atom given = atom("same", "text " + std::to_string(t) + " " + std::to_string(i));
        given.activation = {1, 2};
        given.tags = {{"t" + std::to_string(t), "", 1}};
        if (auto done = memory->remember(given); !done) errors[t] = done.error().to_string();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& error : errors) EXPECT_EQ(error, "");
  const auto now = *memory->get("same");
  EXPECT_EQ(now->version, static_cast<std::uint64_t>(kThreads * kEach));
  EXPECT_EQ(now->atom.tags.size(), 1U);
  EXPECT_EQ(memory->history("same")->size(), static_cast<std::size_t>(kThreads * kEach));
  agrees(1);
}

TEST_F(MemoryTest, ThreadsThatForgetAndRememberTheSameIdAgreeInTheEnd) {
  std::vector<std::thread> threads;
  std::vector<std::string> errors(4);
  for (std::size_t t = 0; t < errors.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        if (t % 2 == 0) {
          auto done = memory->remember(atom("same", "text " + std::to_string(i)));
          if (!done) errors[t] = done.error().to_string();
        } else if (auto gone = memory->forget("same"); !gone && gone.error().code() != ErrorCode::not_found) {
          errors[t] = gone.error().to_string();
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& error : errors) EXPECT_EQ(error, "");
  agrees(memory->get("same")->has_value() ? 1 : 0);
}

// ---- recall -----------------------------------------------------------------------------------------------------

class RecallTest : public MemoryTest {
 protected:
  void SetUp() override {
    MemoryTest::SetUp();
    Atom build = atom("build", "The nightly build broke after the compiler update");
    build.tags = {{"ci", "nightly", 1}};
    build.metadata = {{"branch", "main"}};
    build.source = "ci/1";
    Atom compiler = atom("compiler", "The compiler was updated to version fourteen");
    compiler.valid_from = 1'000;
    compiler.valid_to = 2'000;
    Atom lunch = atom("lunch", "Lunch was soup with bread");
    lunch.metadata = {{"branch", "kitchen"}};
    build.links = {{"caused_by", "compiler", {}}};
    compiler.links = {{"seen_at", "lunch", {}}};
    const Atom batch[] = {build, compiler, lunch};
    const auto ids = memory->remember(batch);
    ASSERT_TRUE(ids) << ids.error().to_string();
  }
};

TEST_F(RecallTest, TheBestAnswerComesFirstWithItsReasons) {
  const auto hits = memory->recall({.text = "why did the nightly build break?"});
  ASSERT_TRUE(hits) << hits.error().to_string();
  ASSERT_FALSE(hits->empty());
  const Recalled& best = hits->front();
  EXPECT_EQ(best.id, "build");
  EXPECT_THAT(best.text, HasSubstr("nightly build"));
  EXPECT_EQ(best.why.vector_rank, 1U);
  EXPECT_EQ(best.why.words_rank, 1U);
  EXPECT_GT(best.score, 0.9);
  EXPECT_LE(best.score, 1.0);
  EXPECT_EQ(*best.metadata.find("branch")->text(), "main");
}

TEST_F(RecallTest, KLimitsHowManyComeBack) {
  EXPECT_EQ(recall({.text = "the compiler", .k = 1}).size(), 1U);
  EXPECT_EQ(code_of(memory->recall({.text = "x", .k = 0})), ErrorCode::invalid_argument);
  EXPECT_THAT(message, HasSubstr("0"));
  EXPECT_EQ(code_of(memory->recall({.text = "x", .k = 1001})), ErrorCode::invalid_argument);
  EXPECT_THAT(message, HasSubstr("1001"));
}

TEST_F(RecallTest, TagsAndFiltersMustHold) {
  EXPECT_THAT(recall({.text = "compiler", .tags = {"ci"}}), ElementsAre("build"));
  EXPECT_THAT(recall({.text = "compiler", .tags = {"ci=nightly"}}), ElementsAre("build"));
  EXPECT_TRUE(recall({.text = "compiler", .tags = {"ci=weekly"}}).empty());
  EXPECT_THAT(recall({.text = "compiler", .filter = {{"branch", "kitchen"}}}), ElementsAre("lunch"));
  EXPECT_THAT(recall({.text = "compiler", .filter = {{"source", "ci/1"}}}), ElementsAre("build"));
  const Filter unknown{{"branch", Map{{"like", "m%"}}}};
  EXPECT_EQ(code_of(memory->recall({.text = "x", .filter = unknown})), ErrorCode::invalid_argument);
  EXPECT_THAT(message, HasSubstr("like"));
}

TEST_F(RecallTest, NearTakesOnlyWhatIsWithinReach) {
  RecallOptions near{.text = "soup"};
  near.near = "build";
  near.hops = 1;
  EXPECT_THAT(recall(near), ElementsAre("compiler"));
  near.hops = 2;
  EXPECT_THAT(recall(near), UnorderedElementsAre("compiler", "lunch"));
  const auto hits = *memory->recall(near);
  const auto lunch = std::find_if(hits.begin(), hits.end(), [](const Recalled& hit) { return hit.id == "lunch"; });
  ASSERT_NE(lunch, hits.end());
  EXPECT_EQ(lunch->why.hops, 2U);
  EXPECT_THAT(lunch->why.path, ElementsAre("build", "compiler", "lunch"));
  near.text.clear();
  EXPECT_THAT(recall(near), ElementsAre("compiler", "lunch")) << "only the graph speaks";
  near.link_types = {"caused_by"};
  EXPECT_THAT(recall(near), ElementsAre("compiler"));
  near.near = "nobody";
  EXPECT_EQ(code_of(memory->recall(near)), ErrorCode::not_found);
  EXPECT_THAT(message, HasSubstr("nobody"));
}

TEST_F(RecallTest, NearAloneKeepsToTagsAndFiltersToo) {
  RecallOptions near;
  near.near = "build";
  near.hops = 2;
  EXPECT_THAT(recall(near), ElementsAre("compiler", "lunch"));
  near.filter = {{"branch", "kitchen"}};
  EXPECT_THAT(recall(near), ElementsAre("lunch"));
  near.tags = {"ci"};
  EXPECT_THAT(recall(near), IsEmpty());
}

TEST_F(RecallTest, ANeighbourThatJoinsMeetsTheFilterToo) {
  RecallOptions options;
  options.text = "soup";
  options.hops = 1;
  options.filter = {{"branch", "kitchen"}};
  EXPECT_THAT(recall(options), ElementsAre("lunch"));
}

TEST_F(RecallTest, WithoutNearTheNeighboursOfTheBestJoinIn) {
  RecallOptions options;
  options.text = "soup";
  options.hops = 1;
  const auto hits = memory->recall(options);
  ASSERT_TRUE(hits) << hits.error().to_string();
  const auto joined =
      std::find_if(hits->begin(), hits->end(), [](const Recalled& hit) { return hit.id == "compiler"; });
  ASSERT_NE(joined, hits->end());
  EXPECT_EQ(joined->why.hops, 1U);
  EXPECT_THAT(joined->why.path, ElementsAre("lunch", "compiler"));
}

TEST_F(RecallTest, ValidAtTakesWhatWasTrueThen) {
  RecallOptions options;
  options.text = "compiler";
  options.valid_at = 1'500;
  EXPECT_THAT(recall(options), Contains("compiler"));
  options.valid_at = 2'000;
  EXPECT_THAT(recall(options), testing::Not(Contains("compiler"))) << "valid_to is exclusive";
  EXPECT_THAT(recall(options), Contains("build")) << "without a validity it is always true";
  options.valid_at = 999;
  EXPECT_THAT(recall(options), testing::Not(Contains("compiler")));
}

TEST_F(RecallTest, AsOfRecallsTheDatabaseAsItWas) {
  const Lsn then = db->visible_lsn();
  remember(atom("later", "another compiler story"));
  remember(atom("build", "something else entirely"));
  RecallOptions options;
  options.text = "compiler nightly build";
  options.as_of = AsOf::at(then);
  const auto past = memory->recall(options);
  ASSERT_TRUE(past) << past.error().to_string();
  ASSERT_FALSE(past->empty());
  EXPECT_EQ(past->front().id, "build");
  EXPECT_THAT(past->front().text, HasSubstr("nightly"));
  for (const Recalled& hit : *past) EXPECT_NE(hit.id, "later");
  EXPECT_THAT(recall_text("another compiler story"), Contains("later"));
  EXPECT_EQ((*memory->get("build", AsOf::at(then)))->version, 1U);
  options.as_of = AsOf::at(db->visible_lsn() + 1);
  EXPECT_EQ(code_of(memory->recall(options)), ErrorCode::invalid_argument);
  options.as_of = AsOf::at(0);
  EXPECT_TRUE(recall(options).empty());
}

TEST_F(RecallTest, AnEmbeddingAloneIsEnough) {
  const auto point = db->vector().get("memory", "lunch");
  ASSERT_TRUE(point && *point);
  RecallOptions options;
  options.embedding = (*point)->vector;
  const auto hits = memory->recall(options);
  ASSERT_TRUE(hits) << hits.error().to_string();
  EXPECT_EQ(hits->front().id, "lunch");
  EXPECT_EQ(hits->front().why.words_rank, 0U);
  options.embedding = {1, 2, 3};
  EXPECT_EQ(code_of(memory->recall(options)), ErrorCode::invalid_argument);
  options.embedding.assign(384, std::nanf(""));
  EXPECT_EQ(code_of(memory->recall(options)), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(memory->recall({})), ErrorCode::invalid_argument) << "nothing to recall by";
}

TEST_F(RecallTest, WhyExplainsAMemoryWhateverItsRank) {
  const auto lunch = memory->why("lunch", {.text = "the compiler update", .k = 1});
  ASSERT_TRUE(lunch) << lunch.error().to_string();
  EXPECT_EQ(lunch->id, "lunch");
  EXPECT_GT(lunch->why.vector_rank, 1U);
  EXPECT_EQ(lunch->why.words_rank, 0U);
  const auto filtered = memory->why("lunch", {.text = "compiler", .tags = {"ci"}});
  ASSERT_TRUE(filtered) << filtered.error().to_string();
  EXPECT_EQ(filtered->score, 0.0);
}

TEST(MemoryWithoutEmbedderTest, WordsAndGivenEmbeddingsAreAllThereIs) {
  const fs::path base = fs::temp_directory_path() / ("strata-memory-" + std::to_string(core::random_seed()));
  fs::create_directories(base);
  {
    const auto db = Engine::open((base / "db").string());
    ASSERT_TRUE(db);
    const auto memory = Memory::open(**db, {.embedder = "none"});
    ASSERT_TRUE(memory);
    const auto without = (*memory)->remember(atom("x", "text"));
    ASSERT_FALSE(without);
    EXPECT_EQ(without.error().code(), ErrorCode::unsupported);
    ASSERT_TRUE((*memory)->remember(atom("x", "words to find", {1, 0, 0})));
    ASSERT_TRUE((*memory)->remember(atom("y", "something else", {0, 1, 0})));
    const auto by_words = (*memory)->recall({.text = "words"});
    ASSERT_TRUE(by_words) << by_words.error().to_string();
    ASSERT_EQ(by_words->size(), 1U);
    EXPECT_EQ(by_words->front().id, "x");
    EXPECT_EQ(by_words->front().why.vector_rank, 0U);
    const auto wrong = (*memory)->remember(atom("z", "text", {1, 0}));
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code(), ErrorCode::invalid_argument);
    EXPECT_THAT(wrong.error().message(), HasSubstr("3"));
  }
  fs::remove_all(base);
}

// ---- forget -----------------------------------------------------------------------------------------------------

TEST_F(MemoryTest, ForgettingLeavesNothingInAnyStoreButTheTimes) {
  remember(atom("other", "another one"));
  Atom given = atom("secret", "a secret text that must go");
  given.tags = {{"private", "yes", 1}, {"urgent", "", 1}};
  given.links = {{"about", "other", {}}};
  given.activation = {1, 2};
  given.source = "mail/1";
  given.metadata = {{"who", "me"}};
  remember(given);
  given.text = "the secret text changed";
  remember(given);
  Atom pointing = atom("pointing", "points there");
  pointing.links = {{"sees", "secret", {}}};
  remember(pointing);

  const auto receipt = memory->forget("secret");
  ASSERT_TRUE(receipt) << receipt.error().to_string();
  EXPECT_EQ(receipt->lsn, db->visible_lsn());
  EXPECT_EQ(receipt->hash.size(), 64U);
  EXPECT_EQ(receipt->removed.at("metadata"), 3U);
  EXPECT_EQ(receipt->removed.at("vector"), 1U);
  EXPECT_EQ(receipt->removed.at("object"), 2U) << "both versions' texts";
  EXPECT_EQ(receipt->removed.at("graph"), 3U) << "the node and two edges";
  EXPECT_EQ(receipt->removed.at("analytics"), 2U);
  EXPECT_EQ(receipt->removed.at("array"), 2U);
  EXPECT_EQ(receipt->removed.at("cache"), 1U);

  EXPECT_FALSE(memory->get("secret")->has_value());
  EXPECT_FALSE(db->vector().get("memory", "secret")->has_value());
  EXPECT_FALSE(db->graph().node("secret")->has_value());
  EXPECT_EQ(db->graph().counts()->edges, 0U);
  EXPECT_EQ(metric_rows("secret"), 0U);
  EXPECT_EQ(tag_rows("secret"), 0U);
  const auto cleared = *db->array().find("activations", "secret");  // the indexes stay, their rows are zeros
  for (const RowRange& range : cleared) {
    const auto rows = *db->array().read("activations", range.begin, range.end);
    EXPECT_THAT(rows.bytes, testing::Each(std::byte{0}));
  }
  EXPECT_FALSE(db->cache().get("memory:secret")->has_value());
  EXPECT_THAT(recall_text("secret text"), testing::Not(Contains("secret")));
  const auto collected = db->object().collect();
  ASSERT_TRUE(collected);
  EXPECT_EQ(collected->objects, 2U);
  EXPECT_EQ(*db->object().count(), 2U);

  const auto versions = *memory->history("secret");
  ASSERT_EQ(versions.size(), 2U);
  for (const StoredAtom& version : versions) {
    EXPECT_TRUE(version.forgotten);
    EXPECT_EQ(version.atom.text, "");
    EXPECT_EQ(version.atom.source, "");
    EXPECT_TRUE(version.atom.metadata.empty());
    EXPECT_GT(version.created_at, 0);
  }
  agrees(2);
  EXPECT_EQ(code_of(memory->forget("secret")), ErrorCode::not_found) << "it is forgotten already";
}

TEST_F(MemoryTest, WhatIsRememberedAgainAfterForgettingGoesOnCounting) {
  remember(atom("x", "one"));
  remember(atom("x", "two"));
  ASSERT_TRUE(memory->forget("x"));
  remember(atom("x", "three"));
  remember(atom("x", "four"));
  const auto versions = *memory->history("x");
  ASSERT_EQ(versions.size(), 4U) << "forgotten versions keep their times";
  for (std::size_t i = 0; i < versions.size(); ++i) EXPECT_EQ(versions[i].version, versions.size() - i);
  EXPECT_EQ(versions[0].atom.text, "four");
  EXPECT_EQ(versions[1].atom.text, "three");
  EXPECT_TRUE(versions[2].forgotten);
  EXPECT_TRUE(versions[3].forgotten);
  agrees(1);
  ASSERT_TRUE(memory->forget("x"));
  EXPECT_EQ(memory->history("x")->size(), 4U);
  agrees(0);
}

TEST_F(MemoryTest, ATextThatTwoMemoriesShareSurvivesForgettingOne) {
  remember(atom("x", "the same text"));
  remember(atom("y", "the same text"));
  ASSERT_TRUE(memory->forget("x"));
  ASSERT_TRUE(db->object().collect());
  EXPECT_EQ((*memory->get("y"))->atom.text, "the same text");
  agrees(1);
}

// ---- snapshots --------------------------------------------------------------------------------------------------

TEST_F(MemoryTest, ASnapshotNamesTheMemoriesAndStaysReadable) {
  remember(atom("x", "one"));
  const auto first = memory->snapshot("monday", "before the change");
  ASSERT_TRUE(first) << first.error().to_string();
  EXPECT_EQ(first->hash.size(), 64U);
  EXPECT_EQ(first->parent, "");
  Atom changed = atom("x", "two");
  changed.snapshot = "monday";
  remember(changed);
  const auto second = memory->snapshot("tuesday");
  ASSERT_TRUE(second) << second.error().to_string();
  EXPECT_EQ(second->parent, "monday");
  EXPECT_NE(second->hash, first->hash);
  EXPECT_EQ((*memory->get("x", AsOf::at_tag("monday")))->atom.text, "one");
  EXPECT_EQ((*memory->get("x", AsOf::at_tag("tuesday")))->atom.text, "two");
  EXPECT_EQ((*memory->get("x"))->atom.snapshot, "monday");
  const auto all = *memory->snapshots();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].id, "monday");
  EXPECT_EQ(all[0].notes, "before the change");
  EXPECT_EQ(all[0].lsn, first->lsn);
  EXPECT_EQ(code_of(memory->snapshot("monday")), ErrorCode::already_exists);
  Atom nowhere = atom("y", "text");
  nowhere.snapshot = "friday";
  refuses(nowhere, ErrorCode::not_found, "friday");
}

TEST_F(MemoryTest, ASnapshotThatCannotBeATagIsRefusedWhole) {
  remember(atom("x", "one"));
  const auto before = summaries();
  for (const std::string& id : {std::string(), std::string("4711"), std::string(129, 's')}) {
    EXPECT_EQ(code_of(memory->snapshot(id)), ErrorCode::invalid_argument) << id;
    EXPECT_EQ(summaries(), before) << id;
    EXPECT_TRUE(memory->snapshots()->empty()) << id;
  }
}

TEST_F(MemoryTest, ASnapshotBesideWritersHoldsWhatItsTagShows) {
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) (void)memory->remember(atom("w" + std::to_string(i), "text")).has_value();
  });
  std::vector<SnapshotInfo> taken;
  for (int i = 0; i < 8; ++i) {
    auto info = memory->snapshot("s" + std::to_string(i));
    EXPECT_TRUE(info) << info.error().to_string();
    if (info) taken.push_back(*info);
  }
  stop = true;
  writer.join();
  std::string parent_hash;
  for (const SnapshotInfo& info : taken) {
    const auto at = db->view(AsOf::at_tag(info.id));
    ASSERT_TRUE(at) << at.error().to_string();
    EXPECT_EQ((*at)->lsn(), info.lsn);
    const auto rows = (*at)->metadata().query("select id, version from atoms order by id");
    ASSERT_TRUE(rows) << rows.error().to_string();
    std::string proof = parent_hash + "\n" + info.id + "\n";
    for (const auto& row : rows->rows) proof += *row[0].text() + "\n" + std::to_string(*row[1].integer()) + "\n";
    EXPECT_EQ(core::to_hex(core::sha256(as_bytes(proof))), info.hash) << "somebody came in between";
    parent_hash = info.hash;
  }
}

// ---- agreement --------------------------------------------------------------------------------------------------

TEST_F(MemoryTest, InjectedDisagreementIsFoundAndRepaired) {
  Atom given = atom("novector", "its vector goes");
  given.tags = {{"kept", "", 1}};
  remember(given);
  remember(atom("nonode", "its node goes"));
  remember(atom("whole", "stays whole"));
  const std::string_view gone[] = {"novector"};
  ASSERT_EQ(*db->vector().remove("memory", gone), 1U);
  ASSERT_TRUE(*db->graph().remove_node("nonode"));
  const std::vector<float> direction(384, 0.1F);
  ASSERT_TRUE(db->vector("memory").upsert("orphan", direction, {}, "an orphan"));
  ASSERT_TRUE(db->graph().put_node({"lonely", {"Atom"}, {}}));
  ASSERT_TRUE(db->graph().put_node({"mine", {"Person"}, {}}));  // the user's own: none of memory's business

  const auto found = memory->check_agreement();
  ASSERT_TRUE(found) << found.error().to_string();
  std::vector<std::string> what;
  for (const Disagreement& each : found->disagreements) {
    what.push_back(each.store + " " + each.id);
    EXPECT_FALSE(each.repaired);
  }
  EXPECT_THAT(what, UnorderedElementsAre("vector novector", "graph nonode", "vector orphan", "graph lonely"));
  EXPECT_EQ(found->present.at("vector"), 2U);
  EXPECT_EQ(found->present.at("metadata"), 3U);

  const auto repaired = memory->check_agreement(true);
  ASSERT_TRUE(repaired) << repaired.error().to_string();
  for (const Disagreement& each : repaired->disagreements) EXPECT_TRUE(each.repaired) << each.id << each.what;
  agrees(3);
  EXPECT_TRUE(db->graph().node("mine")->has_value());
  const auto back = *memory->get("novector");
  EXPECT_EQ(back->atom.text, "its vector goes");
  EXPECT_EQ(back->atom.tags.size(), 1U);
  EXPECT_THAT(recall_text("its vector goes"), Contains("novector"));
}

TEST_F(MemoryTest, AMemoryThatLostVectorAndNodeIsRepaired) {
  remember(atom("a", "alpha"));
  Atom given = atom("x", "text");
  given.links = {{"about", "a", {}}};
  remember(given);
  const std::string_view gone[] = {"x"};
  ASSERT_TRUE(db->vector().remove("memory", gone));
  ASSERT_TRUE(*db->graph().remove_node("x"));
  const auto repaired = memory->check_agreement(true);
  ASSERT_TRUE(repaired) << repaired.error().to_string();
  EXPECT_EQ(repaired->disagreements.size(), 2U);
  agrees(2);
}

TEST_F(MemoryTest, WhatAnyStoreSaysOtherwiseIsFound) {
  Atom given = atom("x", "first");
  remember(given);
  given.text = "text";
  given.tags = {{"ci", "red", 0.5}, {"plain", "", 1}};
  given.source = "ci/1";
  given.metadata = {{"count", 3}, {"ratio", 1.0}, {"deep", Map{{"a", Value::List{1, "b"}}}}};
  given.valid_from = 1'000'000;
  remember(given);
  agrees(1);
  const auto found = [&](const std::string& store, const std::string& what) {
    const auto report = memory->check_agreement(true);
    ASSERT_TRUE(report) << report.error().to_string();
    ASSERT_EQ(report->disagreements.size(), 1U) << store << " " << what;
    EXPECT_EQ(report->disagreements[0].id, "x");
    EXPECT_EQ(report->disagreements[0].store, store);
    EXPECT_THAT(report->disagreements[0].what, HasSubstr(what));
    EXPECT_TRUE(report->disagreements[0].repaired);
    agrees(1);
  };
  ASSERT_TRUE(db->metadata().execute("update tags set value = 'green' where key = 'ci'"));
  found("vector", "in: tags");
  EXPECT_EQ(db->vector().get("memory", "x").value()->payload.find("tags")->list()->at(1), Value("ci=green"));
  ASSERT_TRUE(db->metadata().execute("delete from tags"));
  found("vector", "in: tags");
  ASSERT_TRUE(db->metadata().execute("update atoms set source = 'elsewhere'"));
  found("vector", "in: source");
  const std::vector<float> direction(384, 0.1F);
  ASSERT_TRUE(db->vector("memory").upsert("x", direction, {}, "text"));
  found("vector", "in: count, deep, modality, ratio, source, valid_from");
  ASSERT_TRUE(db->metadata().execute("update atoms set valid_to = 5000000, metadata = null"));
  found("vector", "in: count, deep, ratio, valid_to");
  ASSERT_TRUE(db->object().release("x"));
  const auto released = memory->check_agreement(true);
  ASSERT_TRUE(released) << released.error().to_string();
  EXPECT_EQ(released->disagreements.size(), 2U) << "the text of this version and of the one before";
  agrees(1);
  ASSERT_TRUE(db->object().collect());
  const auto back = memory->get("x");
  ASSERT_TRUE(back) << back.error().to_string();
  ASSERT_TRUE(back->has_value());
  EXPECT_EQ((*back)->atom.text, "text");
}

// The collection was taken for the proof that nothing was ever remembered.
TEST_F(MemoryTest, WithoutItsCollectionEveryMemoryLacksItsVector) {
  for (const char* id : {"m1", "m2", "m3"}) remember(atom(id, "text of " + std::string(id)));
  ASSERT_TRUE(db->vector().drop_collection("memory"));
  const auto found = memory->check_agreement();
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ(found->atoms, 3U);
  EXPECT_EQ(found->disagreements.size(), 3U);
  const auto repaired = memory->check_agreement(true);
  ASSERT_TRUE(repaired) << repaired.error().to_string();
  agrees(3);
  EXPECT_THAT(recall_text("text of m2"), Contains("m2"));
}

TEST_F(MemoryTest, WhatIsLeftOfAMemoryWithoutARowIsFoundAndRemoved) {
  remember(atom("m1", "stays"));
  Atom given = atom("m2", "first");
  given.tags = {{"ci", "", 1}};
  remember(given);
  given.text = "second";
  remember(given);
  ASSERT_TRUE(db->metadata().execute("delete from atoms where id = 'm2'"));
  const auto found = memory->check_agreement();
  ASSERT_TRUE(found) << found.error().to_string();
  std::vector<std::string> stores;
  for (const Disagreement& each : found->disagreements) {
    EXPECT_EQ(each.id, "m2");
    stores.push_back(each.store);
  }
  EXPECT_THAT(stores, UnorderedElementsAre("vector", "graph", "analytics", "metadata", "metadata", "object"));
  const auto repaired = memory->check_agreement(true);
  ASSERT_TRUE(repaired) << repaired.error().to_string();
  for (const Disagreement& each : repaired->disagreements) EXPECT_TRUE(each.repaired) << each.store << each.what;
  agrees(1);
  EXPECT_TRUE(db->object().owned("m2")->empty());
  EXPECT_EQ(metric_rows("m2"), 0U);
  EXPECT_EQ(tag_rows("m2"), 0U);
}

TEST_F(MemoryTest, MetricRowsThatDoNotFitTheVersionsAreMadeAgain) {
  remember(atom("x", "one"));
  remember(atom("x", "two and more"));
  ASSERT_TRUE(db->analytics().erase("memory_metrics", "version", Value(1)));
  const auto found = memory->check_agreement(true);
  ASSERT_TRUE(found) << found.error().to_string();
  ASSERT_EQ(found->disagreements.size(), 1U);
  EXPECT_TRUE(found->disagreements[0].repaired);
  agrees(1);
  const auto rows = db->analytics().query("select text_bytes from memory_metrics order by version");
  ASSERT_TRUE(rows) << rows.error().to_string();
  ASSERT_EQ(rows->rows.size(), 2U);
  EXPECT_EQ(rows->rows[0][0], Value(3));
  EXPECT_EQ(rows->rows[1][0], Value(12));
}

TEST_F(MemoryTest, AgreementCanBeCancelled) {
  remember(atom("x", "text"));
  const auto cancelled = memory->check_agreement(false, [](std::uint64_t, std::uint64_t) { return false; });
  EXPECT_EQ(code_of(cancelled), ErrorCode::cancelled);
}

// ---- embedders --------------------------------------------------------------------------------------------------

TEST_F(MemoryTest, AnotherEmbedderIsRefusedAndBothAreNamed) {
  remember(atom("x", "text"));
  const auto other = Memory::open(*db, {.embedder = "none"});
  EXPECT_EQ(code_of(other), ErrorCode::failed_precondition);
  EXPECT_THAT(message, HasSubstr("384"));
  EXPECT_THAT(message, HasSubstr("none"));
  EXPECT_EQ(code_of(Memory::open(*db, {.embedder = "psychic"})), ErrorCode::invalid_argument);
  EXPECT_THAT(message, HasSubstr("psychic"));
  open();
  EXPECT_EQ((*memory->get("x"))->atom.text, "text");
}

TEST_F(MemoryTest, AnEndpointThatIsDownIsToldByRecall) {
  Atom given = atom("x", "text", {1, 0});
  memory = *Memory::open(*db, {.embedder = "http://127.0.0.1:1/v1#m"});  // nobody listens there
  remember(given);
  EXPECT_EQ(code_of(memory->recall({.text = "text"})), ErrorCode::unavailable);
  EXPECT_EQ(memory->recall({.embedding = {1, 0}})->size(), 1U);
}

TEST_F(MemoryTest, WithoutItsEmbedderWhatIsThereCanBeReadAndNothingBeEmbedded) {
  memory = *Memory::open(*db, {.embedder = "http://127.0.0.1:1/v1#m"});
  remember(atom("x", "text", {1, 0}));
  open({.embedder = ""});
  EXPECT_EQ(memory->embedder().model(), "http:m");
  EXPECT_EQ((*memory->get("x"))->atom.text, "text");
  EXPECT_EQ(memory->history("x")->size(), 1U);
  EXPECT_TRUE(memory->check_agreement(false, {})->disagreements.empty());
  EXPECT_EQ(code_of(memory->recall({.text = "text"})), ErrorCode::failed_precondition);
  EXPECT_THAT(message, HasSubstr("http:m"));
  EXPECT_EQ(code_of(memory->remember(atom("y", "text"))), ErrorCode::failed_precondition);
  EXPECT_TRUE(memory->forget("x"));
}

TEST_F(MemoryTest, WithoutANameTheEmbedderIsTheDatabases) {
  open({.embedder = ""});
  EXPECT_THAT(memory->embedder().model(), HasSubstr("lexical"));
  memory = *Memory::open(*db, {.embedder = "none"});
  remember(atom("x", "text", {1, 0}));
  open({.embedder = ""});
  EXPECT_EQ(memory->embedder().model(), "none");
}

TEST_F(MemoryTest, ATableOfTheUsersInTheWayIsNamedWithTheWayOut) {
  const std::string elsewhere = directory + "-other";  // beside it, and taken away with it
  const auto other = *Engine::open(elsewhere);
  ASSERT_TRUE(other->metadata().execute("create table tags(name text primary key)"));
  EXPECT_EQ(code_of(Memory::open(*other)), ErrorCode::failed_precondition);
  EXPECT_THAT(message, HasSubstr("\"tags\" is there already"));
  ASSERT_TRUE(other->metadata().execute("alter table tags rename to my_tags"));
  EXPECT_TRUE(Memory::open(*other)) << "as the message says";
}

TEST_F(MemoryTest, ATableThatWasDroppedIsMadeAnew) {
  remember(atom("x", "text"));
  ASSERT_TRUE(db->metadata().execute("drop table atoms"));
  open();
  EXPECT_EQ(*memory->count(), 0U);
  const AgreementReport report = *memory->check_agreement(true, {});
  EXPECT_FALSE(report.disagreements.empty());
  remember(atom("y", "another text"));
  EXPECT_EQ(memory->recall({.text = "text"})->size(), 1U) << "what the dropped table named is in the way of nothing";
}

TEST_F(MemoryTest, TwoEmbeddersOpenedBeforeTheFirstMemoryDoNotMix) {
  const auto other = Memory::open(*db, {.embedder = "none"});
  ASSERT_TRUE(other);
  remember(atom("x", "text"));
  const Atom given = atom("y", "text", std::vector<float>(384, 0.5F));
  EXPECT_EQ(code_of((*other)->remember(given)), ErrorCode::failed_precondition);
  EXPECT_THAT(message, HasSubstr("lexical"));
  EXPECT_EQ(*memory->count(), 1U);
}

TEST_F(MemoryTest, TheFirstEmbeddingMustFitTheEmbedder) {
  refuses(atom("x", "text", {1, 2, 3}), ErrorCode::invalid_argument, "384");
  remember(atom("x", "text"));
}

// ---- bad input --------------------------------------------------------------------------------------------------

TEST_F(MemoryTest, ARefusedFirstMemoryLeavesNothingBehind) {
  std::vector<float> nan(384, 0.5F);
  nan[7] = std::nanf("");
  refuses(atom("first", "text", nan), ErrorCode::invalid_argument, "first");
  Atom dangling = atom("first", "text");
  dangling.links = {{"about", "nobody", {}}};
  dangling.activation = {1, 2};
  refuses(dangling, ErrorCode::not_found, "nobody");
  EXPECT_EQ(code_of(db->vector().collection("memory")), ErrorCode::not_found);
  EXPECT_EQ(code_of(db->array().dataset("activations")), ErrorCode::not_found);
}

TEST_F(MemoryTest, BadInputIsRefusedByNameAndChangesNothing) {
  remember(atom("there", "a memory that is there"));
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  refuses(atom("empty", ""), ErrorCode::invalid_argument, "empty");
  refuses(atom(std::string("a\0b", 3), "text"), ErrorCode::invalid_argument, "NUL");
  refuses(atom(std::string(1 << 20, 'i'), "text"), ErrorCode::invalid_argument, "1048576");
  std::vector<float> embedding(384, 0.5F);
  embedding[3] = std::nanf("");
  refuses(atom("nan", "text", embedding), ErrorCode::invalid_argument, "nan");
  embedding[3] = kInfinity;
  refuses(atom("infinite", "text", embedding), ErrorCode::invalid_argument, "infinite");
  refuses(atom("zero", "text", std::vector<float>(384, 0.0F)), ErrorCode::invalid_argument, "zero");
  refuses(atom("short", "text", {1, 2, 3}), ErrorCode::invalid_argument, "384");

  Atom given = atom("bad", "text");
  given.valid_from = 2'000'000;
  given.valid_to = 1'000'000;
  refuses(given, ErrorCode::invalid_argument, "valid_to");
  given.valid_to = 2'000'000;
  refuses(given, ErrorCode::invalid_argument, "valid_to");

  given = atom("bad", "text");
  given.metadata = {{"tags", "mine"}};
  refuses(given, ErrorCode::invalid_argument, "\"tags\"");
  Value deep = 1;
  for (int i = 0; i < 100; ++i) deep = Value(Map{{"deeper", deep}});
  given.metadata = {{"deep", deep}};
  refuses(given, ErrorCode::invalid_argument, "bad");
  given.metadata = {{"huge", std::string(2 << 20, 'h')}};
  refuses(given, ErrorCode::invalid_argument, "bad");

  given = atom("bad", "text");
  given.tags.assign(1'001, {"t", "v", 1});
  refuses(given, ErrorCode::invalid_argument, "1001");
  given.tags = {{"", "v", 1}};
  refuses(given, ErrorCode::invalid_argument, "bad");
  given.tags = {{"key", std::string(1'025, 'v'), 1}};
  refuses(given, ErrorCode::invalid_argument, "1,024");
  given.tags = {{"heavy", "", std::nan("")}};
  refuses(given, ErrorCode::invalid_argument, "heavy");
  given.tags = {{std::string(2 << 20, 'k'), "", 1}};
  refuses(given, ErrorCode::invalid_argument, "bad");

  given = atom("bad", "text");
  given.source.assign(4'097, 's');
  refuses(given, ErrorCode::invalid_argument, "4,096");

  given = atom("bad", "text");
  given.links = {{"about", "bad", {}}};
  refuses(given, ErrorCode::invalid_argument, "bad");
  given.links = {{"", "there", {}}};
  refuses(given, ErrorCode::invalid_argument, "there");
  given.links = {{"about", "nobody", {}}};
  refuses(given, ErrorCode::not_found, "nobody");
  given.links = {{"about", "", {}}};
  refuses(given, ErrorCode::invalid_argument, "bad");
  given.links = {{std::string(300, 't'), "there", {}}};
  refuses(given, ErrorCode::invalid_argument, "bad");

  given = atom("bad", "text");
  given.activation = {1, kInfinity};
  refuses(given, ErrorCode::invalid_argument, "activation");
  given.activation = {1, 2};
  given.id = "row";
  remember(given);
  given.id = "bad";
  given.activation = {1, 2, 3};
  refuses(given, ErrorCode::invalid_argument, "3");

  EXPECT_EQ(code_of(memory->recall({.text = "x", .hops = 99})), ErrorCode::invalid_argument);
  EXPECT_THAT(message, HasSubstr("99"));
  RecallOptions near{.text = "x"};
  near.near = "there";
  EXPECT_EQ(code_of(memory->recall(near)), ErrorCode::invalid_argument) << "near without hops";
  agrees(2);
}

TEST_F(MemoryTest, TextsThatAreHardToHandleComeBackByteForByte) {
  const std::string texts[] = {std::string("a\0b", 3), "\xff\xfe not UTF-8", std::string(200'000, 'x'), "   ",
                               "ünïcödé ✓"};
  for (std::size_t i = 0; i < std::size(texts); ++i) {
    const std::string id = "t" + std::to_string(i);
    remember(atom(id, texts[i]));
    EXPECT_EQ((*memory->get(id))->atom.text, texts[i]) << i;
  }
  Atom odd = atom("odd\"'\n/../✓", "text");
  odd.source = "\x01strata:commit_lsn is only text here";
  odd.tags = {{"sp ace", "va lue", -2.5}};
  remember(odd);
  EXPECT_EQ((*memory->get(odd.id))->atom.source, odd.source);
  agrees(std::size(texts) + 1);
}

// ---- it stays ---------------------------------------------------------------------------------------------------

TEST_F(MemoryTest, EverythingSurvivesACheckpointAndOpeningAgain) {
  Atom given = atom("x", "the first text");
  given.tags = {{"a", "b", 1}};
  given.activation = {1, 2};
  remember(given);
  given.text = "the second text";
  remember(given);
  remember(atom("gone", "forgotten"));
  ASSERT_TRUE(memory->forget("gone"));
  ASSERT_TRUE(memory->snapshot("s"));
  ASSERT_TRUE(db->checkpoint());
  remember(atom("later", "after the checkpoint"));
  const auto before = summaries();
  open();
  EXPECT_EQ(summaries(), before);
  ASSERT_TRUE(db->object().collect());
  ASSERT_TRUE(db->checkpoint());
  const auto versions = *memory->history("x");
  ASSERT_EQ(versions.size(), 2U);
  EXPECT_EQ(versions[1].atom.text, "the first text") << "an earlier version's text is not garbage";
  EXPECT_EQ((*memory->history("gone"))[0].forgotten, true);
  agrees(2);
}

}  // namespace
}  // namespace strata
