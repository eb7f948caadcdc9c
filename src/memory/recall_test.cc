// Recall: what comes back, in which order, with which reasons; and why.
#include <algorithm>

#include "memory/memory_fixture.h"

namespace strata {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

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
  const std::filesystem::path base =
      std::filesystem::temp_directory_path() / ("strata-memory-" + std::to_string(core::random_seed()));
  std::filesystem::create_directories(base);
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
  std::filesystem::remove_all(base);
}

}  // namespace
}  // namespace strata
