// Memory as its users meet it: remembering, forgetting, the past, snapshots, and every refusal.
#include <atomic>
#include <cmath>
#include <limits>
#include <thread>

#include "core/digest.h"
#include "memory/memory_fixture.h"

namespace strata {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

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

TEST_F(MemoryTest, ARefusedCallLeavesNothingInACallersTransaction) {
  remember(atom("m1", "first"));
  Atom dangling = atom("m2", "leads to nobody"), revised = atom("m1", "second"), without_numbers = atom("m3", "third");
  dangling.links = {{"next", "nobody", {}}};
  revised.snapshot = "nothing";
  without_numbers.embedding.assign(384, std::numeric_limits<float>::quiet_NaN());
  auto tx = *db->begin();
  ASSERT_TRUE(tx->graph().put_node({"before", {"X"}, {}}));
  for (const Atom& refused : {dangling, revised, without_numbers}) {
    const Atom both[] = {atom("beside " + refused.id, "sound"), refused};
    EXPECT_FALSE(memory->remember(*tx, both)) << refused.id;
  }
  const Atom sound = atom("m4", "fourth");
  ASSERT_TRUE(memory->remember(*tx, {&sound, 1}));
  ASSERT_TRUE(tx->commit());
  EXPECT_EQ(*memory->count(), 2U);
  EXPECT_EQ(memory->history("m1")->size(), 1U);
  EXPECT_TRUE(*db->graph().node("before"));
  EXPECT_FALSE(*db->graph().node("m2"));
  const AgreementReport report = *memory->check_agreement();
  EXPECT_EQ(report.atoms, 2U);
  EXPECT_TRUE(report.disagreements.empty());
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
