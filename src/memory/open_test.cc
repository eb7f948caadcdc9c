// Opening: which embedder a memory has, and tables that are in the way or gone.
#include "memory/memory_fixture.h"

namespace strata {
namespace {

using testing::HasSubstr;

class OpenTest : public MemoryTest {};

TEST_F(OpenTest, AnotherEmbedderIsRefusedAndBothAreNamed) {
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

TEST_F(OpenTest, AnEndpointThatIsDownIsToldByRecall) {
  Atom given = atom("x", "text", {1, 0});
  memory = *Memory::open(*db, {.embedder = "http://127.0.0.1:1/v1#m"});  // nobody listens there
  remember(given);
  EXPECT_EQ(code_of(memory->recall({.text = "text"})), ErrorCode::unavailable);
  EXPECT_EQ(memory->recall({.embedding = {1, 0}})->size(), 1U);
}

TEST_F(OpenTest, WithoutItsEmbedderWhatIsThereCanBeReadAndNothingBeEmbedded) {
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

TEST_F(OpenTest, WithoutANameTheEmbedderIsTheDatabases) {
  open({.embedder = ""});
  EXPECT_THAT(memory->embedder().model(), HasSubstr("lexical"));
  memory = *Memory::open(*db, {.embedder = "none"});
  remember(atom("x", "text", {1, 0}));
  open({.embedder = ""});
  EXPECT_EQ(memory->embedder().model(), "none");
}

TEST_F(OpenTest, ATableOfTheUsersInTheWayIsNamedWithTheWayOut) {
  const std::string elsewhere = directory + "-other";  // beside it, and taken away with it
  const auto other = *Engine::open(elsewhere);
  ASSERT_TRUE(other->metadata().execute("create table tags(name text primary key)"));
  EXPECT_EQ(code_of(Memory::open(*other)), ErrorCode::failed_precondition);
  EXPECT_THAT(message, HasSubstr("\"tags\" is there already"));
  ASSERT_TRUE(other->metadata().execute("alter table tags rename to my_tags"));
  EXPECT_TRUE(Memory::open(*other)) << "as the message says";
}

TEST_F(OpenTest, ATableThatWasDroppedIsMadeAnew) {
  remember(atom("x", "text"));
  ASSERT_TRUE(db->metadata().execute("drop table atoms"));
  open();
  EXPECT_EQ(*memory->count(), 0U);
  const AgreementReport report = *memory->check_agreement(true, {});
  EXPECT_FALSE(report.disagreements.empty());
  remember(atom("y", "another text"));
  EXPECT_EQ(memory->recall({.text = "text"})->size(), 1U) << "what the dropped table named is in the way of nothing";
}

TEST_F(OpenTest, TwoEmbeddersOpenedBeforeTheFirstMemoryDoNotMix) {
  const auto other = Memory::open(*db, {.embedder = "none"});
  ASSERT_TRUE(other);
  remember(atom("x", "text"));
  const Atom given = atom("y", "text", std::vector<float>(384, 0.5F));
  EXPECT_EQ(code_of((*other)->remember(given)), ErrorCode::failed_precondition);
  EXPECT_THAT(message, HasSubstr("lexical"));
  EXPECT_EQ(*memory->count(), 1U);
}

TEST_F(OpenTest, TheFirstEmbeddingMustFitTheEmbedder) {
  refuses(atom("x", "text", {1, 2, 3}), ErrorCode::invalid_argument, "384");
  remember(atom("x", "text"));
}

}  // namespace
}  // namespace strata
