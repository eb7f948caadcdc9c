// The engine as its users meet it, on a real directory: committing over seven stores, the past, checkpoints, a full disk.
#include <gmock/gmock.h>
#include <sys/mount.h>

#include <algorithm>
#include <fstream>

#include "core/clock.h"
#include "core/failpoint.h"
#include "engine/engine_fixture.h"
#include "engine/local_engine.h"
#include "engine/manifest.h"
#include "io/posix_file_system.h"
#include "testing/faulty_file_system.h"

namespace strata::engine {
namespace {

TEST_F(EngineTest, OneCommitAppearsInAllStoresAtOnce) {
  open();
  prepare();
  auto tx = *db->begin();
  ASSERT_TRUE(write_everywhere(*tx, "n1", 1));
  EXPECT_EQ(stores_with(*tx, "n1"), 6) << "its own writes, inside";
  EXPECT_EQ(stores_with(*db, "n1"), 0) << "nothing outside";
  const auto before = db->view();
  ASSERT_TRUE(before);
  const auto lsn = tx->commit();
  ASSERT_TRUE(lsn) << lsn.error().to_string();
  EXPECT_EQ(db->visible_lsn(), *lsn);
  EXPECT_EQ(stores_with(*db, "n1"), 6);
  EXPECT_EQ(*db->object().count(), 1U);
  EXPECT_EQ(stores_with(**before, "n1"), 0) << "a view keeps its state";
}

TEST_F(EngineTest, ARollbackLeavesNothingAnywhere) {
  open();
  prepare();
  {
    auto tx = *db->begin();
    ASSERT_TRUE(write_everywhere(*tx, "n1", 1));
  }
  EXPECT_EQ(stores_with(*db, "n1"), 0);
  EXPECT_EQ(*db->object().count(), 0U);
}

TEST_F(EngineTest, EverythingIsThereAfterOpeningAgainWithAndWithoutACheckpoint) {
  open();
  prepare();
  for (int i = 0; i < 20; ++i) {
    auto tx = *db->begin();
    ASSERT_TRUE(write_everywhere(*tx, "n" + std::to_string(i), static_cast<float>(i + 1)));
    ASSERT_TRUE(tx->commit());
    if (i == 9) {
      ASSERT_TRUE(db->checkpoint());
    }
  }
  const auto before = *db->summarize();
  open();
  const auto after = *db->summarize();
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(before[i].hash, after[i].hash) << name(before[i].store);
    EXPECT_EQ(before[i].items, after[i].items) << name(before[i].store);
    EXPECT_GT(after[i].items, 0U) << name(before[i].store);
  }
  EXPECT_EQ(stores_with(*db, "n15"), 5) << "all but the cache, which is never on disk";
  EXPECT_EQ(*db->metadata().query("select count(*) from note")->rows[0][0].integer(), 20);
}

TEST_F(EngineTest, ReplayFromTheFirstRecordGivesTheLiveState) {
  open();
  prepare();
  for (int i = 0; i < 50; ++i) {
    auto tx = *db->begin();
    ASSERT_TRUE(write_everywhere(*tx, "n" + std::to_string(i % 17), static_cast<float>(i + 1)));
    if (i % 5 == 4) {
      const std::string gone = "n" + std::to_string((i + 3) % 17);
      const std::string_view ids[] = {gone};
      ASSERT_TRUE(tx->vector().remove("notes", ids));
      ASSERT_TRUE(tx->metadata().execute("delete from note where id = ?", {Value(gone)}));
      ASSERT_TRUE(tx->graph().remove_node(gone));
      ASSERT_TRUE(tx->object().release(gone));
    }
    const auto committed = tx->commit();
    ASSERT_TRUE(committed) << committed.error().to_string();
  }
  const auto live = *db->summarize();
  db.reset();
  // No checkpoint was written (little was journaled), so opening replays everything.
  open();
  const auto replayed = *db->summarize();
  for (std::size_t i = 0; i < live.size(); ++i) EXPECT_EQ(live[i].hash, replayed[i].hash) << name(live[i].store);
}

TEST_F(EngineTest, NothingOfTheCacheIsJournaledOrThereAfterOpeningAgain) {
  open();
  prepare();
  const Lsn before = db->visible_lsn();
  for (int i = 0; i < 3; ++i) {
    auto tx = *db->begin();
    ASSERT_TRUE(tx->cache().set("key " + std::to_string(i), "hot value"));
    const auto committed = tx->commit();
    ASSERT_TRUE(committed) << committed.error().to_string();
  }
  EXPECT_EQ(db->visible_lsn(), before);
  ASSERT_TRUE(write_everywhere(*db, "a", 1));
  EXPECT_TRUE((*db->cache().get("note:a")).has_value());
  open();
  EXPECT_FALSE((*db->cache().get("note:a")).has_value());
  EXPECT_FALSE((*db->cache().get("key 0")).has_value());
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(bytes.find("hot value"), std::string::npos) << entry.path();
  }
}

TEST_F(EngineTest, ThePastIsReadableByLsnTimeAndTag) {
  open();
  prepare();
  std::vector<Lsn> lsns;
  for (int i = 0; i < 5; ++i) {
    auto tx = *db->begin();
    ASSERT_TRUE(write_everywhere(*tx, "n" + std::to_string(i), static_cast<float>(i + 1)));
    lsns.push_back(*tx->commit());
  }
  ASSERT_TRUE(db->set_tag("two notes", lsns[1]));
  ASSERT_TRUE(db->checkpoint());
  for (int reopened = 0; reopened < 2; ++reopened) {
    for (std::size_t i = 0; i < lsns.size(); ++i) {
      const auto view = db->view(AsOf::at(lsns[i]));
      ASSERT_TRUE(view) << view.error().to_string();
      EXPECT_EQ(*(*view)->metadata().query("select count(*) from note")->rows[0][0].integer(),
                static_cast<std::int64_t>(i + 1));
      EXPECT_EQ(*(*view)->vector().count("notes"), i + 1);
      EXPECT_EQ((*view)->graph().counts()->nodes, i + 1);
      EXPECT_EQ(*(*view)->analytics().query("select count(*) from events")->rows[0][0].integer(),
                static_cast<std::int64_t>(i + 1));
      EXPECT_EQ(*(*view)->object().count(), i + 1);
      EXPECT_EQ((*view)->array().dataset("rows")->rows, i + 1);
      EXPECT_EQ((*view)->metadata().put_row("note", {{"id", "x"}}).error().code(), ErrorCode::failed_precondition);
      const auto by_time = db->view(AsOf::at_time((*view)->commit_time()));
      ASSERT_TRUE(by_time);
      EXPECT_EQ((*by_time)->lsn(), lsns[i]);
    }
    EXPECT_EQ((*db->view(AsOf::at_tag("two notes")))->lsn(), lsns[1]);
    open();
  }
  EXPECT_EQ(db->view(AsOf::at_tag("nothing")).error().code(), ErrorCode::not_found);
  EXPECT_EQ(db->view(AsOf::at(1'000'000)).error().code(), ErrorCode::invalid_argument);
  EXPECT_TRUE(*db->remove_tag("two notes"));
  EXPECT_FALSE(*db->remove_tag("two notes"));
  for (const char* no_tag : {"", "123", "2026-11-20", "2026-11-20T10:00:00Z"}) {
    const auto refused = db->set_tag(no_tag);
    ASSERT_FALSE(refused) << no_tag;
    EXPECT_EQ(refused.error().code(), ErrorCode::invalid_argument);
  }
}

TEST_F(EngineTest, HistoryBeyondWhatIsKeptIsRefusedByName) {
  OpenOptions options;
  options.history_ms = 0;
  open(options);
  prepare();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(write_everywhere(*db, "n" + std::to_string(i), 1));
  ASSERT_TRUE(db->checkpoint());
  const auto view = db->view(AsOf::at(2));
  ASSERT_FALSE(view);
  EXPECT_EQ(view.error().code(), ErrorCode::failed_precondition);
  EXPECT_NE(view.error().message().find("the oldest is lsn"), std::string::npos);
}

TEST_F(EngineTest, TheManifestBeforeTheNewestKeepsItsFilesAndTheJournalAfterIt) {
  OpenOptions options;
  options.journal_segment_bytes = 1 << 20;
  options.history_ms = 0;
  options.durability = Durability::off;
  open(options);
  prepare();
  const std::string text(20'000, 'x');
  for (int round = 0; round < 4; ++round) {
    // Each round makes the files of the one before superfluous, and fills a few segments of the journal.
    for (int i = 0; i < 60; ++i) {
      ASSERT_TRUE(write_everywhere(*db, "n" + std::to_string(i), static_cast<float>(round + 1)));
      ASSERT_TRUE(db->metadata().set("key " + std::to_string(i), text + std::to_string(round)));
      ASSERT_TRUE(db->object().put(as_bytes(text + std::to_string(round * 60 + i)), {.owner = "n"}));
    }
    ASSERT_TRUE(*db->object().release("n"));
    ASSERT_TRUE(db->checkpoint());
  }
  const auto before = *db->summarize();
  db.reset();
  const auto files = *io::open_posix_file_system(directory);
  const std::uint64_t newest = read_superblock(*files)->front().manifest;
  const Manifest previous = *read_manifest(*files, newest - 1);
  for (const auto& file : files_of(previous)) EXPECT_TRUE(*files->exists(file.name)) << file.name;
  ASSERT_TRUE(files->open(manifest_name(newest), io::OpenMode::read_write).value()->write(100, as_bytes("damage")));
  open(options);
  if (::testing::Test::HasFatalFailure()) return;
  const auto after = *db->summarize();
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(before[i].hash, after[i].hash) << name(before[i].store);
  EXPECT_TRUE(db->verify()->empty());
}

TEST_F(EngineTest, ACheckpointOfUnsyncedCommitsSyncsThemFirst) {
  OpenOptions options;
  options.durability = Durability::off;
  open(options);
  prepare();
  for (int round = 0; round < 20; ++round) {
    ASSERT_TRUE(db->metadata().set("key", "value " + std::to_string(round)));
    const auto lsn = db->checkpoint();
    ASSERT_TRUE(lsn) << lsn.error().to_string();
    const auto statistics = *db->statistics();
    EXPECT_GE(*statistics.find("journal")->map()->find("durable_lsn")->integer(), static_cast<std::int64_t>(*lsn));
  }
}

TEST_F(EngineTest, AnIdempotencyKeyOutlivesCheckpointsAndRestarts) {
  open();
  prepare();
  const auto commit = [&]() -> Result<Lsn> {
    TransactionOptions options;
    options.idempotency_key = "request-1";
    auto tx = STRATA_TRY(db->begin(options));
    STRATA_TRY(write_everywhere(*tx, "n1", 1));
    return tx->commit();
  };
  const auto first = commit();
  ASSERT_TRUE(first);
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(write_everywhere(*db, "other", static_cast<float>(round)));
    ASSERT_TRUE(db->checkpoint());
    open();
    EXPECT_EQ(*commit(), *first) << round;
  }
}

TEST_F(EngineTest, WhatATagNamesOrAViewSeesStaysReadableWithoutAnyHistory) {
  OpenOptions options;
  options.history_ms = 0;
  for (const bool tagged : {true, false}) {
    fs::remove_all(directory);
    open(options);
    prepare();
    ASSERT_TRUE(write_everywhere(*db, "n1", 1));
    const Lsn lsn = db->visible_lsn();
    auto view = *db->view();
    if (tagged) {
      ASSERT_TRUE(db->set_tag("then"));
      view.reset();
    }
    for (int round = 0; round < 3; ++round) {
      ASSERT_TRUE(write_everywhere(*db, "n1", 2));
      ASSERT_TRUE(*db->graph().remove_node("n1"));
      ASSERT_TRUE(db->metadata().execute("delete from note"));
      ASSERT_TRUE(db->checkpoint());
    }
    if (tagged) {
      auto again = db->view(AsOf::at_tag("then"));
      ASSERT_TRUE(again) << again.error().to_string();
      view = *std::move(again);
    }
    EXPECT_EQ(view->lsn(), lsn);
    EXPECT_TRUE((*view->graph().node("n1")).has_value());
    EXPECT_TRUE((*view->metadata().get_row("note", {{"id", "n1"}})).has_value());
    EXPECT_EQ((*view->vector().get("notes", "n1"))->payload, (Map{{"n", 1}}));
    view.reset();
    db.reset();
  }
}

TEST_F(EngineTest, CheckpointsGiveJournalAndFilesBack) {
  OpenOptions options;
  options.journal_segment_bytes = 1 << 20;
  options.history_ms = 0;
  open(options);
  prepare();
  const std::string text(2'000, 'x');
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 400; ++i) {
      ASSERT_TRUE(db->metadata().set("key " + std::to_string(i), text + std::to_string(round)));
    }
    ASSERT_TRUE(db->checkpoint());
  }
  const auto statistics = *db->statistics();
  EXPECT_LE(*statistics.find("journal")->map()->find("segments")->integer(), 3);
  int manifests = 0;
  for (const auto& entry : fs::directory_iterator(directory))
    manifests += entry.path().filename().string().starts_with("MANIFEST-");
  EXPECT_EQ(manifests, 2);
  EXPECT_TRUE(db->verify()->empty());
}

TEST_F(EngineTest, BackgroundCheckpointsHappenByThemselves) {
  OpenOptions options;
  options.checkpoint_journal_bytes = 1 << 20;
  open(options);
  prepare();
  const std::string text(8'000, 'x');
  for (int i = 0; i < 400; ++i) ASSERT_TRUE(db->metadata().set("key " + std::to_string(i), text));
  db.reset();
  const auto files = *io::open_posix_file_system(directory);
  EXPECT_GT(read_superblock(*files)->front().manifest, 1U);
}

// Only the store's lag starts a checkpoint here.
TEST_F(EngineTest, ACommitThatWouldTakeAStoreTooFarBehindWaitsForACheckpointAndGoesOn) {
  constexpr std::int64_t kMost = 1 << 20;
  const OpenOptions options{.checkpoint_journal_bytes = 1ULL << 30, .store_lag_bytes_max = kMost};
  open(options);
  prepare();
  core::Random random(1);
  const auto put = [&] {
    Bytes content(60'000);
    for (std::byte& byte : content) byte = static_cast<std::byte>(random.next());
    return db->object().put(content);
  };
  const auto lag = [&] { return *db->transactions()->find("lag")->map()->find("object")->integer(); };
  for (int i = 0; i < 60; ++i) {
    const auto stored = put();
    ASSERT_TRUE(stored) << stored.error().to_string();
    EXPECT_LE(lag(), kMost);
  }
  const Map counters = *db->transactions()->find("counters")->map();
  EXPECT_GE(*counters.find("lag_waits")->integer(), 2);
  EXPECT_EQ(*counters.find("lag_refusals")->integer(), 0);
  EXPECT_EQ(*db->transactions()->find("lag_bytes_max")->integer(), kMost);
  EXPECT_EQ(*db->statistics()->find("stores")->map()->find("object")->map()->find("lag_bytes")->integer(), lag());
  // The files are as far behind after opening again as they were before.
  ASSERT_TRUE(put());
  const std::int64_t before = lag();
  EXPECT_GT(before, 0);
  open(options);
  EXPECT_EQ(lag(), before);

  // While a backup holds the checkpoint's files, no other is written.
  auto& local = static_cast<LocalEngine&>(*db);
  ASSERT_TRUE(local.with_checkpoint([&](const Manifest&, const auto&, Lsn) -> Result<void> {
    Result<Address> stored = put();
    for (int i = 0; i < 40 && stored; ++i) stored = put();
    EXPECT_FALSE(stored);
    if (stored) return {};
    EXPECT_EQ(stored.error().code(), ErrorCode::resource_exhausted);
    EXPECT_NE(stored.error().message().find("object store"), std::string::npos) << stored.error().message();
    EXPECT_TRUE(db->graph().put_node({"n", {}, {}})) << "the other stores have room";
    return {};
  }));
  EXPECT_EQ(*db->transactions()->find("counters")->map()->find("lag_refusals")->integer(), 1);
  EXPECT_TRUE(put()) << "the checkpoint that was asked for";
}

TEST_F(EngineTest, AFailedCheckpointLeavesTheStoresAsFarBehindAsTheyWere) {
  open();
  prepare();
  ASSERT_TRUE(write_everywhere(*db, "a", 1));
  const auto lag = [&] { return *db->transactions()->find("lag"); };
  const Value before = lag();
  EXPECT_GT(*before.map()->find("graph")->integer(), 0);
  // Where the manifest is to be, something else is.
  auto& local = static_cast<LocalEngine&>(*db);
  std::uint64_t number = 0;
  while (fs::exists(fs::path(directory) / manifest_name(number)) || number == 0) ++number;
  const fs::path in_the_way = fs::path(directory) / manifest_name(number);
  fs::create_directories(in_the_way / "full");
  ASSERT_FALSE(local.checkpoint());
  EXPECT_EQ(lag(), before);
  fs::remove_all(in_the_way);
  ASSERT_TRUE(local.checkpoint());
  const Value after = lag();
  for (const auto& [store, bytes] : *after.map()) EXPECT_EQ(*bytes.integer(), 0) << store;
}

/// Of the root folder, in order.
std::vector<std::string> manifests_in(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("MANIFEST-")) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

#ifdef STRATA_FAILPOINTS
TEST_F(EngineTest, AStoreThatWasNotToldOfACheckpointHindersNoLaterOne) {
  open();
  prepare();
  for (const char* point : {"metadata.installed", "analytics.installed", "array.installed"}) {
    for (int i = 0; i < 7; ++i) {
      const std::string id = std::string(point) + std::to_string(i);
      ASSERT_TRUE(write_everywhere(*db, id, 1));
      const bool fails = i == 3;  // the first in which analytics merges its parts
      ASSERT_TRUE(core::arm_failpoints(fails ? std::string(point) + "=error" : ""));
      const auto done = static_cast<LocalEngine&>(*db).checkpoint();
      ASSERT_EQ(done.has_value(), !fails) << id << (done ? "" : ": " + done.error().to_string());
      EXPECT_EQ(stores_with(*db, id), 6);
    }
  }
  EXPECT_EQ(manifests_in(directory).size(), 2U) << "what stayed because of an error has gone with the next checkpoint";
  EXPECT_TRUE(db->verify()->empty());
}
#endif

TEST_F(EngineTest, AFileThatCannotBeRemovedWaitsForTheNextCheckpoint) {
  fs::create_directories(directory);
  const auto disk = *io::open_posix_file_system(directory);
  auto faulty = std::make_unique<testing::FaultyFileSystem>(*disk);
  testing::FaultyFileSystem& faults = *faulty;
  const core::SystemClock clock;
  const std::shared_ptr<void> closed_before_them(nullptr, [&](void*) { db.reset(); });
  auto opened = LocalEngine::open(directory, {}, {std::move(faulty), &clock});
  ASSERT_TRUE(opened) << opened.error().to_string();
  db = *std::move(opened);
  prepare();
  const auto checkpoint = [&](const std::string& id) {
    EXPECT_TRUE(write_everywhere(*db, id, 1));
    return static_cast<LocalEngine&>(*db).checkpoint();
  };
  ASSERT_TRUE(checkpoint("a"));
  ASSERT_TRUE(checkpoint("b"));
  const fs::path kept = directory + ".kept";
  fs::copy(directory, kept, fs::copy_options::recursive);
  faults.fail({.call = testing::Call::remove, .forever = true});
  const auto refused = checkpoint("c");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::io);
  faults.heal();
  ASSERT_TRUE(checkpoint("d"));
  const std::vector<std::string> newest = manifests_in(directory);
  ASSERT_EQ(newest.size(), 2U);
  // As processes leave it that died before they removed what was obsolete.
  ASSERT_TRUE(db->close());
  std::vector<fs::path> obsolete;
  for (const char* folder : {".", "vector"}) {
    for (const auto& entry : fs::directory_iterator(kept / folder)) {
      const fs::path path = directory / fs::path(folder) / entry.path().filename();
      if (fs::exists(path) || !entry.is_regular_file()) continue;
      fs::copy_file(entry.path(), path);
      obsolete.push_back(path);
    }
  }
  EXPECT_GE(obsolete.size(), 4U) << "two manifests, and their segments";
  open();
  ASSERT_TRUE(checkpoint("e"));
  EXPECT_THAT(manifests_in(directory), ::testing::ElementsAre(newest[1], ::testing::Gt(newest[1])));
  for (const fs::path& path : obsolete) EXPECT_FALSE(fs::exists(path)) << path;
}

TEST_F(EngineTest, WhatWasJournaledBeforeOpeningCountsTowardsTheNextCheckpoint) {
  OpenOptions options;
  options.checkpoint_journal_bytes = 64 << 20;
  open(options);
  prepare();
  const std::string text(8'000, 'x');
  for (int i = 0; i < 400; ++i) ASSERT_TRUE(db->metadata().set("key " + std::to_string(i), text));
  db.reset();  // below what is worth a checkpoint at close
  options.checkpoint_journal_bytes = 1 << 20;
  open(options);
  ASSERT_TRUE(db->metadata().set("one more", text));
  const auto files = *io::open_posix_file_system(directory);
  for (int waited = 0; waited < 200 && read_superblock(*files)->front().manifest == 1; ++waited) ::usleep(50'000);
  EXPECT_GT(read_superblock(*files)->front().manifest, 1U);
}

TEST_F(EngineTest, AnEdgeUnderReadCommittedNeverLeadsToANodeThatWentMeanwhile) {
  open();
  for (const char* id : {"a", "b"}) ASSERT_TRUE(db->graph().put_node({id, {}, {}}));
  TransactionOptions options;
  options.isolation = Isolation::read_committed;
  auto tx = *db->begin(options);
  ASSERT_TRUE(tx->graph().add_edge("a", "knows", "b"));
  ASSERT_TRUE(*db->graph().remove_node("b"));
  EXPECT_FALSE(tx->graph().node("b")->has_value()) << "the view moved";
  const auto committed = tx->commit();
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code(), ErrorCode::conflict) << committed.error().to_string();
  ASSERT_TRUE(db->graph().put_node({"c", {}, {}})) << "and it goes on";
  tx.reset();
  open();
  EXPECT_EQ(db->graph().counts()->edges, 0U);
}

TEST_F(EngineTest, AValueThatNestsTooDeepIsRefusedBeforeItIsJournaled) {
  open();
  prepare();
  for (const int depth : {20, 32, 33, 64, 65, 100, 5'000}) {
    Value deep = 1;
    for (int i = 0; i < depth; ++i) {  // moved in: an initializer list would copy all that is below, at every depth
      if (i % 2 == 0) {
        Map map;
        map.set("in", std::move(deep));
        deep = std::move(map);
      } else {
        Value::List list;
        list.push_back(std::move(deep));
        deep = std::move(list);
      }
    }
    const Map map{{"deep", deep}};
    const float vector[] = {1, 2, 3};
    const Point point{"p", vector, map, "words"};
    const auto check = [&](const Result<void>& done, const char* where) {
      EXPECT_EQ(done.has_value(), depth <= 32) << where << " " << depth;
      EXPECT_TRUE(done || done.error().code() == ErrorCode::invalid_argument) << where << " " << depth;
    };
    check(db->vector().upsert("notes", {&point, 1}), "vector");
    check(db->graph().put_node({"n", {}, map}), "graph");
    check(db->array().set_attribute("rows", "deep", deep), "array");
    check(db->metadata().set("deep", deep), "metadata");
    if (depth > 32) continue;
    EXPECT_EQ((*db->vector().get("notes", "p"))->payload, map);
    EXPECT_EQ((*db->graph().node("n"))->properties, map);
    EXPECT_EQ(**db->metadata().get("deep"), deep);
  }
  open();
  EXPECT_TRUE(db->verify()->empty());
}

/// A small file system of its own, where the test may mount one.
class FullDiskTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    place = fs::path(directory).parent_path() / "small";
    fs::create_directories(place);
    if (::mount("none", place.c_str(), "tmpfs", 0, "size=48m") != 0) GTEST_SKIP() << "mounting needs root";
    mounted = true;
    directory = (place / "db").string();
  }
  void TearDown() override {
    db.reset();
    if (mounted) ::umount2(place.c_str(), MNT_DETACH);
    EngineTest::TearDown();
  }
  void fill(std::uintmax_t leave) {
    const auto free = fs::space(place).available;
    if (free <= leave) return;
    std::ofstream filler(place / "filler", std::ios::binary);
    const std::string block(64 << 10, 'f');
    for (std::uintmax_t left = free - leave; left > 0; left -= std::min<std::uintmax_t>(left, block.size())) {
      filler.write(block.data(), static_cast<std::streamsize>(std::min<std::uintmax_t>(left, block.size())));
    }
  }
  void make_room() { fs::remove(place / "filler"); }

  fs::path place;
  bool mounted = false;
};

TEST_F(FullDiskTest, ACheckpointThatFindsNoSpaceFailsAndTheNextOneHoldsEverything) {
  open();
  prepare();
  for (int i = 0; i < 200; ++i) {
    auto tx = *db->begin();
    ASSERT_TRUE(write_everywhere(*tx, "n" + std::to_string(i), static_cast<float>(i + 1)));
    ASSERT_TRUE(tx->commit());
  }
  const auto before = *db->summarize();
  fill(0);
  const auto full = db->checkpoint();
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), ErrorCode::resource_exhausted) << full.error().to_string();
  const auto again = db->checkpoint();
  ASSERT_FALSE(again) << "still full";
  const auto still = *db->summarize();
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(before[i].hash, still[i].hash) << name(before[i].store);
  make_room();
  const auto room = db->checkpoint();
  ASSERT_TRUE(room) << room.error().to_string();
  ASSERT_TRUE(write_everywhere(*db, "after", 1));
  open();
  EXPECT_EQ(stores_with(*db, "n199"), 5);
  EXPECT_EQ(stores_with(*db, "after"), 5);
  EXPECT_TRUE(db->verify()->empty());
}

TEST_F(FullDiskTest, WritesAreRefusedByTypeAndEverythingAcknowledgedIsThereOnceThereIsRoom) {
  open();
  prepare();
  fill(6 << 20);
  int acknowledged = 0;
  ErrorCode refused = ErrorCode::internal;
  const std::string text(20'000, 'x');
  for (int i = 0; i < 2'000; ++i) {
    auto tx = db->begin();
    auto done = tx ? write_everywhere(**tx, "n" + std::to_string(i), 1) : Result<void>(std::move(tx).error());
    const Map row{{"id", "t" + std::to_string(i)}, {"title", text + std::to_string(i)}};
    if (done) done = (*tx)->metadata().put_row("note", row);
    Result<Lsn> committed = done ? (*tx)->commit() : Result<Lsn>(std::move(done).error());
    if (!committed) {
      refused = committed.error().code();
      message = committed.error().to_string();
      break;
    }
    acknowledged = i + 1;
  }
  EXPECT_TRUE(refused == ErrorCode::resource_exhausted || refused == ErrorCode::commit_unknown) << message;
  EXPECT_GT(acknowledged, 0);
  EXPECT_TRUE((*db->vector().get("notes", "n0")).has_value()) << "reading goes on";
  EXPECT_TRUE((*db->graph().node("n0")).has_value());
  EXPECT_TRUE((*db->metadata().get_row("note", {{"id", "n0"}})).has_value());
  db.reset();
  make_room();
  open();
  if (::testing::Test::HasFatalFailure()) return;
  EXPECT_GE(*db->metadata().query("select count(*) from note where id like 'n%'")->rows[0][0].integer(), acknowledged);
  EXPECT_EQ(stores_with(*db, "n" + std::to_string(acknowledged - 1)), 5);
  ASSERT_TRUE(write_everywhere(*db, "after", 1));
  ASSERT_TRUE(db->checkpoint());
  EXPECT_TRUE(db->verify()->empty());
}

}  // namespace
}  // namespace strata::engine
