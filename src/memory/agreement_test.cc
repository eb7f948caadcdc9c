// Agreement: what one store says otherwise is found, and a repair ends.
#include "memory/memory_fixture.h"

namespace strata {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class AgreementTest : public MemoryTest {};

TEST_F(AgreementTest, InjectedDisagreementIsFoundAndRepaired) {
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

TEST_F(AgreementTest, AMemoryThatLostVectorAndNodeIsRepaired) {
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

TEST_F(AgreementTest, WhatAnyStoreSaysOtherwiseIsFound) {
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
TEST_F(AgreementTest, WithoutItsCollectionEveryMemoryLacksItsVector) {
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

TEST_F(AgreementTest, WhatIsLeftOfAMemoryWithoutARowIsFoundAndRemoved) {
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

// A next version took away the tags that the point told of, and left those that SQL had made of them.
TEST_F(AgreementTest, TagsThatSqlChangedGoWithTheNextVersionAndWithForgetting) {
  const auto change = [&](const std::string& id) {
    ASSERT_TRUE(db->metadata().execute("insert into tags values (?, 'extra', 'x', 1)", {Value(id)}));
    ASSERT_TRUE(
        db->metadata().execute("update tags set value = 'changed' where atom_id = ? and key = 'ci'", {Value(id)}));
  };
  for (const char* id : {"a", "b", "c", "d"}) {
    Atom given = atom(id, "first");
    given.tags = {{"ci", "red", 0.5}, {"plain", "", 1}};
    remember(given);
    if (given.id != "d") {
      ASSERT_NO_FATAL_FAILURE(change(id));
    }
  }
  ASSERT_TRUE(db->metadata().execute("delete from tags where atom_id = 'd' and key = 'plain'"));
  ASSERT_TRUE(db->metadata().execute("insert into tags values ('d', 'extra', 'x', 1)"));
  Atom next = atom("a", "second");
  next.tags = {{"plain", "", 1}, {"new", "", 1}};
  remember(next);
  EXPECT_EQ(tag_rows("a"), 2U);
  const auto transaction = db->begin();
  ASSERT_TRUE(transaction);
  next.id = "b";
  const Atom twice[] = {next, atom("b", "third")};
  ASSERT_TRUE(memory->remember(**transaction, twice));
  ASSERT_TRUE((*transaction)->commit());
  EXPECT_EQ(tag_rows("b"), 0U);
  ASSERT_TRUE(memory->forget("c"));
  EXPECT_EQ(tag_rows("c"), 0U);
  remember(atom("d", "second"));
  EXPECT_EQ(tag_rows("d"), 0U);
  agrees(3);
}

// With the rows of its memories went what named their metrics and objects.
TEST_F(AgreementTest, NothingIsLeftOfTheMemoriesOfATableThatWasDropped) {
  for (const char* id : {"a", "b"}) {
    Atom given = atom(id, "text of " + std::string(id));
    given.activation = {1, 2, 3};
    given.tags = {{"ci", "", 1}};
    remember(given);
  }
  remember(atom("b", "another text of b"));
  ASSERT_TRUE(db->metadata().execute("drop table atoms"));
  const auto repaired = memory->check_agreement(true);
  ASSERT_TRUE(repaired) << repaired.error().to_string();
  for (const Disagreement& each : repaired->disagreements) EXPECT_TRUE(each.repaired) << each.store << each.what;
  agrees(0);
  EXPECT_EQ(db->analytics().query("select count(*) from memory_metrics")->rows[0][0], Value(0));
  for (const char* id : {"a", "b"}) EXPECT_TRUE(db->object().owned(id)->empty()) << id;
  const auto rows = db->array().read("activations", 0, 2);
  ASSERT_TRUE(rows) << rows.error().to_string();
  EXPECT_EQ(rows->bytes, Bytes(2 * 3 * sizeof(float)));
  EXPECT_EQ(*db->vector("memory").count(), 0U);
  ASSERT_TRUE(db->object().collect());
  EXPECT_EQ(*db->object().count(), 0U);
}

TEST_F(AgreementTest, TheTableOfMetricsIsMadeAnewWhenItWasDropped) {
  remember(atom("a", "one"));
  remember(atom("a", "two"));
  ASSERT_TRUE(db->analytics().drop_table("memory_metrics"));
  const auto repaired = memory->check_agreement(true);
  ASSERT_TRUE(repaired) << repaired.error().to_string();
  EXPECT_EQ(metric_rows("a"), 2U);
  agrees(1);
}

TEST_F(AgreementTest, MetricRowsThatDoNotFitTheVersionsAreMadeAgain) {
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

TEST_F(AgreementTest, AgreementCanBeCancelled) {
  remember(atom("x", "text"));
  const auto cancelled = memory->check_agreement(false, [](std::uint64_t, std::uint64_t) { return false; });
  EXPECT_EQ(code_of(cancelled), ErrorCode::cancelled);
}

}  // namespace
}  // namespace strata
