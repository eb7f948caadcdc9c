// The engine as its users meet it, on a real directory: opening, refusing, committing over seven stores, the past, checkpoints.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "core/random.h"
#include "engine/local_engine.h"
#include "engine/manifest.h"
#include "engine/superblock.h"
#include "io/posix_file_system.h"
#include "strata/engine.h"

namespace strata::engine {
namespace {

namespace fs = std::filesystem;

class EngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    base_ = fs::temp_directory_path() / ("strata-engine-" + std::to_string(core::random_seed()));
    directory = (base_ / "db").string();
    fs::create_directories(base_);
  }
  void TearDown() override {
    db.reset();
    fs::remove_all(base_);
  }

  void open(const OpenOptions& options = {}) {
    db.reset();
    auto opened = Engine::open(directory, options);
    ASSERT_TRUE(opened) << opened.error().to_string();
    db = *std::move(opened);
  }
  ErrorCode open_error(const OpenOptions& options = {}) {
    auto opened = Engine::open(directory, options);
    if (opened) return ErrorCode::internal;
    message = opened.error().message();
    return opened.error().code();
  }

  /// One thing in every store under one id.
  static Result<void> write_everywhere(Stores& stores, const std::string& id, float x) {
    const float vector[] = {x, 1.0F, 0.5F};
    const std::string words = "words of " + id;
    const Point point{id, vector, {{"n", static_cast<std::int64_t>(x)}}, words};
    STRATA_TRY(stores.vector().upsert("notes", {&point, 1}));
    STRATA_TRY(stores.object().put(as_bytes("content of " + id), {.owner = id}));
    STRATA_TRY(stores.metadata().put_row("note", {{"id", id}, {"title", "Title " + id}}));
    STRATA_TRY(stores.graph().put_node({id, {"Note"}, {{"x", x}}}));
    STRATA_TRY(stores.analytics().append("events", Map{{"id", id}, {"value", static_cast<double>(x)}}));
    const float row[] = {x, x};
    const std::uint64_t shape[] = {1, 2};
    STRATA_TRY(stores.array().append("rows", DataType::float32, shape, std::as_bytes(std::span(row)), id));
    return stores.cache().set("note:" + id, "hot " + id);
  }
  void prepare() {
    ASSERT_TRUE(db->vector().create_collection("notes", {.dimension = 3, .words = true}));
    ASSERT_TRUE(db->metadata().execute("create table note(id text primary key, title text)"));
    const ColumnDefinition columns[] = {{"id", ColumnType::text}, {"value", ColumnType::real}};
    ASSERT_TRUE(db->analytics().create_table("events", columns));
    DatasetOptions rows;
    rows.row_shape = {2};
    ASSERT_TRUE(db->array().create_dataset("rows", rows));
  }
  /// How many of the seven stores show this id.
  static int stores_with(Stores& stores, const std::string& id) {
    int count = 0;
    const auto is_true = [&](auto result) {
      EXPECT_TRUE(result) << result.error().to_string();
      return result && *result;
    };
    const auto present = [&](auto result) {
      EXPECT_TRUE(result) << result.error().to_string();
      return result && result->has_value();
    };
    count += present(stores.vector().get("notes", id));
    const auto objects = stores.object().count();
    EXPECT_TRUE(objects);
    count += present(stores.metadata().get_row("note", {{"id", id}}));
    count += present(stores.graph().node(id));
    const auto events = stores.analytics().query("select count(*) from events where id = ?", {Value(id)});
    EXPECT_TRUE(events) << events.error().to_string();
    count += events && *events->rows[0][0].integer() > 0;
    const auto rows = stores.array().find("rows", id);
    EXPECT_TRUE(rows) << rows.error().to_string();
    count += rows && !rows->empty();
    count += present(stores.cache().get("note:" + id));
    (void)is_true;
    return count;
  }

  std::string directory, message;
  std::unique_ptr<Engine> db;

 private:
  fs::path base_;
};

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

TEST_F(EngineTest, ASecondProcessIsToldWhoHasTheDatabase) {
  open();
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto second = Engine::open(directory);
    const std::string text = second ? "opened" : second.error().to_string();
    (void)!::write(ends[1], text.data(), text.size());
    _exit(0);
  }
  char buffer[512] = {};
  ASSERT_GT(::read(ends[0], buffer, sizeof buffer - 1), 0);
  ::waitpid(child, nullptr, 0);
  EXPECT_NE(std::string(buffer).find("unavailable"), std::string::npos) << buffer;
  EXPECT_NE(std::string(buffer).find(std::to_string(::getpid())), std::string::npos) << buffer;
  EXPECT_EQ(open_error(), ErrorCode::unavailable) << "and in the same process";
}

TEST_F(EngineTest, WhatIsNotADatabaseIsLeftAlone) {
  fs::create_directories(directory);
  std::ofstream(directory + "/thesis.txt") << "years of work";
  EXPECT_EQ(open_error(), ErrorCode::invalid_argument);
  EXPECT_NE(message.find("thesis.txt"), std::string::npos);
  EXPECT_EQ(std::distance(fs::directory_iterator(directory), {}), 1);
}

TEST_F(EngineTest, APathWithANulByteIsRefusedAndNotCutThere) {
  const auto opened = Engine::open(directory + std::string("\0y", 2));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::invalid_argument);
  EXPECT_FALSE(std::filesystem::exists(directory));
}

TEST_F(EngineTest, AFileAMissingParentAndAMissingDatabaseEachHaveTheirError) {
  OpenOptions existing;
  existing.create = false;
  EXPECT_EQ(open_error(existing), ErrorCode::not_found);
  std::ofstream(directory) << "a file";
  EXPECT_EQ(open_error(), ErrorCode::invalid_argument);
  directory += "/below/it";
  EXPECT_EQ(open_error(), ErrorCode::not_found);
}

TEST_F(EngineTest, OptionsOutOfRangeAreNamed) {
  OpenOptions options;
  options.journal_segment_bytes = 5;
  EXPECT_EQ(open_error(options), ErrorCode::invalid_argument);
  EXPECT_NE(message.find("journal_segment_bytes"), std::string::npos);
  EXPECT_EQ(open_error({.store_lag_bytes_max = 5}), ErrorCode::invalid_argument);
  EXPECT_NE(message.find("store_lag_bytes_max"), std::string::npos);
}

// A torn end and a cut one look alike, until the close says how far the journal went.
TEST_F(EngineTest, AJournalThatIsShorterThanAtItsCloseIsRefused) {
  open();
  ASSERT_TRUE(db->metadata().execute("create table note(id text primary key, value text)"));
  ASSERT_TRUE(db->checkpoint());
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(db->metadata().put_row("note", {{"id", std::to_string(i)}, {"value", std::string(900, 'v')}}));
  }
  ASSERT_TRUE(db->close());
  db.reset();
  std::vector<fs::path> segments;
  for (const auto& entry : fs::directory_iterator(directory + "/journal")) segments.push_back(entry.path());
  const fs::path newest = *std::max_element(segments.begin(), segments.end());
  fs::remove(directory + "/metadata/state.sqlite");  // which has the rows, too
  const std::uintmax_t size = fs::file_size(newest);
  fs::copy_file(newest, directory + "-whole");
  fs::resize_file(newest, 12'288);
  const auto refused = Engine::open(directory);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::corruption);
  EXPECT_NE(refused.error().message().find(newest.filename().string()), std::string::npos) << refused.error().message();
  fs::copy_file(directory + "-whole", newest, fs::copy_options::overwrite_existing);
  ASSERT_EQ(fs::file_size(newest), size);
  open();
  EXPECT_EQ(db->metadata().query("select count(*) from note")->rows[0][0], Value(20));
}

TEST_F(EngineTest, WhatKeepsADatabaseFromOpeningNamesItAndWhatHelps) {
  open();
  prepare();
  ASSERT_TRUE(write_everywhere(*db, "n1", 1));
  db.reset();
  const auto refusal = [&] {
    const auto refused = Engine::open(directory);
    return refused ? std::string() : refused.error().to_string();
  };
  fs::remove(directory + "/lock");
  fs::create_directory(directory + "/lock");
  EXPECT_TRUE(refusal().starts_with("io: " + directory + ": lock failed: ")) << refusal();
  fs::remove(directory + "/lock");
  for (const auto& segment : fs::directory_iterator(directory + "/journal")) fs::resize_file(segment.path(), 100);
  EXPECT_TRUE(refusal().starts_with("corruption: " + directory + ": journal segment ")) << refusal();
  EXPECT_TRUE(refusal().ends_with(". Restore from a backup (strata restore).")) << refusal();
  EXPECT_FALSE(Engine::open(directory + "-new", {.cache_bytes = 5}));
  EXPECT_FALSE(fs::exists(directory + "-new"));
  const auto nowhere = Engine::open("");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code(), ErrorCode::invalid_argument);
}

// Each open in vain put the half file of the one before aside, and the fourth threw the rows away that could still be read.
TEST_F(EngineTest, OpeningInVainKeepsTheDamagedRows) {
  open();
  prepare();
  ASSERT_TRUE(write_everywhere(*db, "n1", 1));
  ASSERT_TRUE(db->checkpoint());
  db.reset();
  const auto content = [](const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  const auto overwrite = [](const fs::path& file, std::streamoff at) {
    std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(at) << "damage";
  };
  const fs::path folder = directory + "/metadata";
  overwrite(folder / "state.sqlite", 0);
  for (const auto& file : fs::directory_iterator(folder)) {
    if (file.path().filename().string().starts_with("archive-")) overwrite(file.path(), 40);
  }
  const std::string rows = content(folder / "state.sqlite");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(open_error(), ErrorCode::corruption);
  std::vector<std::string> kept;
  for (const auto& file : fs::directory_iterator(folder)) {
    if (file.path().filename().string().starts_with("state.")) kept.push_back(file.path().filename().string());
  }
  EXPECT_EQ(kept, std::vector<std::string>{"state.sqlite.damaged-1"});
  EXPECT_TRUE(content(folder / "state.sqlite.damaged-1") == rows);
}

// What SQLite and DuckDB change in place no manifest can vouch for, so these files say whose they are.
TEST_F(EngineTest, TheRowsOfAnotherDatabaseAreNotBelieved) {
  const auto make = [](const std::string& where, const std::string& text) {
    const auto made = *Engine::open(where);
    const ColumnDefinition columns[] = {{"value", ColumnType::text}};
    ASSERT_TRUE(made->metadata().execute("create table note(id text primary key, value text)"));
    ASSERT_TRUE(made->analytics().create_table("events", columns));
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(made->metadata().put_row("note", {{"id", std::to_string(i)}, {"value", text}}));
      ASSERT_TRUE(made->analytics().append("events", Map{{"value", text}}));
    }
    ASSERT_TRUE(made->analytics().query("select count(*) from events"));  // has DuckDB write its file
    ASSERT_TRUE(made->checkpoint());
    ASSERT_TRUE(made->close());
  };
  const std::string mine = directory + "-mine", other = directory + "-other";
  make(mine, "mine");
  make(other, "another's");
  for (const char* file : {"/metadata/state.sqlite", "/analytics/state.duckdb"}) {
    fs::copy_file(other + file, mine + file, fs::copy_options::overwrite_existing);
  }
  db = *Engine::open(mine);
  EXPECT_EQ(db->metadata().query("select distinct value from note")->rows[0][0], Value("mine"));
  EXPECT_EQ(db->analytics().query("select distinct value from events")->rows[0][0], Value("mine"));
}

TEST_F(EngineTest, ANewerFormatIsRefusedAndUntouched) {
  open();
  db.reset();
  const auto files = *io::open_posix_file_system(directory);
  {
    const auto file = *files->open(kSuperblockName, io::OpenMode::read_write);
    for (std::uint64_t slot = 0; slot < 4; ++slot) {
      Bytes bytes(4096);
      ASSERT_TRUE(file->read(slot * 4096, bytes));
      bytes[12] = std::byte{99};  // the oldest program that may read it
      const core::Hash128 hash = core::xxh3_128(ByteView(bytes).first(4080));
      std::memcpy(bytes.data() + 4080, &hash.low, 8);
      std::memcpy(bytes.data() + 4088, &hash.high, 8);
      ASSERT_TRUE(file->write(slot * 4096, bytes));
    }
  }
  EXPECT_EQ(open_error(), ErrorCode::unsupported);
}

TEST_F(EngineTest, ADamagedNewestManifestFallsBackToTheOneBefore) {
  open();
  prepare();
  ASSERT_TRUE(write_everywhere(*db, "n1", 1));
  ASSERT_TRUE(db->checkpoint());
  ASSERT_TRUE(write_everywhere(*db, "n2", 2));
  ASSERT_TRUE(db->checkpoint());
  ASSERT_TRUE(write_everywhere(*db, "n3", 3));
  const auto before = *db->summarize();
  db.reset();
  const auto files = *io::open_posix_file_system(directory);
  const auto newest = read_superblock(*files)->front().manifest;
  {
    const auto file = *files->open(manifest_name(newest), io::OpenMode::read_write);
    ASSERT_TRUE(file->write(100, as_bytes("damage")));
  }
  open();
  const auto after = *db->summarize();
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(before[i].hash, after[i].hash) << name(before[i].store);
  ASSERT_TRUE(write_everywhere(*db, "n4", 4));
  ASSERT_TRUE(db->checkpoint());
  open();
  EXPECT_EQ(stores_with(*db, "n4"), 5);
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

TEST_F(EngineTest, AMissingJournalOrSuperblockIsCorruptionNotANewDatabase) {
  open();
  prepare();
  db.reset();
  fs::rename(directory + "/journal", directory + "/../journal");
  EXPECT_EQ(open_error(), ErrorCode::corruption);
  fs::rename(directory + "/../journal", directory + "/journal");
  fs::remove(directory + "/SUPERBLOCK");
  EXPECT_EQ(open_error(), ErrorCode::corruption);
}

// What is left of a superblock that was cut off may name manifests that gave way to newer ones.
TEST_F(EngineTest, ASuperblockWhoseManifestsAreGoneIsCorruptionNotANewDatabase) {
  open();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(db->checkpoint());
  db.reset();
  const auto files = *io::open_posix_file_system(directory);
  const auto blocks = *read_superblock(*files);
  ASSERT_EQ(blocks.size(), 4U);
  for (const Superblock& block : {blocks[0], blocks[1], blocks[2]}) {
    const auto file = *files->open(kSuperblockName, io::OpenMode::read_write);
    ASSERT_TRUE(file->write(block.sequence % 4 * 4096, as_bytes("damage")));
  }
  const auto refused = Engine::open(directory);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::corruption) << refused.error().to_string();
  EXPECT_NE(refused.error().message().find(manifest_name(blocks[3].manifest) + " is missing"), std::string::npos)
      << refused.error().to_string();
}

TEST_F(EngineTest, AnInterruptedFirstOpenIsFinishedByTheNext) {
  fs::create_directories(directory);
  std::ofstream(directory + "/README.txt") << "begun";
  std::ofstream(directory + "/MANIFEST-000000000001.tmp") << "begun";
  open();
  prepare();
  ASSERT_TRUE(write_everywhere(*db, "n1", 1));
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

TEST_F(EngineTest, AfterCloseEveryCallIsRefused) {
  open();
  prepare();
  ASSERT_TRUE(db->close());
  EXPECT_TRUE(db->close()) << "again is fine";
  EXPECT_EQ(db->begin().error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->view().error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->set_tag("t").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->remove_tag("t").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->checkpoint().error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->statistics().error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->summarize().error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->verify().error().code(), ErrorCode::failed_precondition);
}

TEST_F(EngineTest, AStoreThatIsHeldOverTheCloseRefusesItsCalls) {
  open();
  prepare();
  ASSERT_TRUE(write_everywhere(*db, "n1", 1));
  VectorStore& vector = db->vector();
  CacheStore& cache = db->cache();
  const Lsn last = db->visible_lsn();
  ASSERT_TRUE(db->close());
  EXPECT_EQ(vector.count("notes").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(cache.get("n1").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(cache.set("n1", "x").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->graph().node("n1").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->metadata().query("select 1").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->analytics().query("select 1").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->array().dataset("rows").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->object().count().error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->visible_lsn(), last) << "what it showed last";
}

TEST_F(EngineTest, CloseIsRefusedWhileAViewOrATransactionIsOpenAndTheEngineGoesOn) {
  open();
  prepare();
  ASSERT_TRUE(write_everywhere(*db, "n1", 1));
  auto view = *db->view();
  auto second = *db->view();
  auto tx = *db->begin();
  ASSERT_TRUE(write_everywhere(*tx, "n2", 2));
  const auto refused = db->close();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(refused.error().message(), "2 views and 1 transaction are open; end them, then close");
  EXPECT_TRUE((*view->graph().node("n1")).has_value()) << "nothing was taken away";
  ASSERT_TRUE(tx->commit());
  ASSERT_TRUE(write_everywhere(*db, "n3", 3));
  second.reset();
  EXPECT_EQ(db->close().error().message(), "1 view is open; end it, then close")
      << "a committed transaction holds nothing";
  view.reset();
  auto late = *db->begin();
  EXPECT_EQ(db->close().error().message(), "1 transaction is open; end it, then close");
  late->rollback();
  ASSERT_TRUE(db->close());
  EXPECT_FALSE(late->active());
  EXPECT_EQ(late->graph().node("n1").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(tx->commit().error().code(), ErrorCode::failed_precondition);
  tx.reset();
  late.reset();
  open();
  EXPECT_TRUE((*db->graph().node("n2")).has_value());
  EXPECT_TRUE((*db->graph().node("n3")).has_value());
}

TEST_F(EngineTest, CloseWaitsForTheCallsOfOtherThreadsAndRefusesLaterOnes) {
  for (int round = 0; round < 5; ++round) {
    fs::remove_all(directory);
    open();
    prepare();
    ASSERT_TRUE(write_everywhere(*db, "n0", 1));
    std::atomic<int> done{0}, wrong{0};
    std::vector<std::thread> threads;
    for (int each = 0; each < 3; ++each) {
      threads.emplace_back([&, each] {
        for (int i = 0;; ++i) {
          const std::string id = "t" + std::to_string(each) + "-" + std::to_string(i);
          const auto written = db->graph().put_node({id, {"Note"}, {}});
          const auto read = db->metadata().query("select count(*) from note");
          const auto seen = db->view();
          ++done;
          for (const ErrorCode code : {written ? ErrorCode::failed_precondition : written.error().code(),
                                       read ? ErrorCode::failed_precondition : read.error().code(),
                                       seen ? ErrorCode::failed_precondition : seen.error().code()}) {
            if (code != ErrorCode::failed_precondition) ++wrong;
          }
          if (!written) return;
        }
      });
    }
    while (done < 20) std::this_thread::yield();
    while (!db->close()) std::this_thread::yield();  // a view of theirs may be open just now
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
  }
}

// A closed engine may live on beside the next one on its directory: `db = Engine::open(…)` ends it when that is open.
TEST_F(EngineTest, AnEngineThatEndsLongAfterItsCloseTakesNothingFromTheNextOne) {
  open();
  prepare();
  const std::string title(400'000, 't');
  for (int i = 0; i < 4; ++i) {  // more than stores buffer in memory, less than is worth a checkpoint at the close
    ASSERT_TRUE(db->metadata().put_row("note", {{"id", std::to_string(i)}, {"title", title}}));
  }
  ASSERT_TRUE(write_everywhere(*db, "n1", 1));
  ASSERT_TRUE(db->close());
  auto next = Engine::open(directory);
  ASSERT_TRUE(next) << next.error().to_string();
  db = *std::move(next);
  const auto lsn = db->checkpoint();
  ASSERT_TRUE(lsn) << lsn.error().to_string();
  EXPECT_TRUE(db->verify()->empty());
  open();
  EXPECT_EQ(stores_with(*db, "n1"), 5) << "all but the cache";
  EXPECT_EQ(db->metadata().query("select count(*) from note")->rows[0][0], Value(5));
}

// Its pieces are written outside of any transaction, so that a close does not wait for a slow source.
TEST_F(EngineTest, WhatIsPutInPiecesOverTheCloseIsRefusedAndLeavesNothing) {
  open();
  int pieces = 0;
  const auto put = db->object().put_stream([&](std::span<std::byte> into) -> Result<std::size_t> {
    if (++pieces == 10) STRATA_TRY(db->close());
    if (pieces == 20) return 0;
    std::memset(into.data(), pieces, into.size());
    return into.size();
  });
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code(), ErrorCode::failed_precondition) << put.error().to_string();
  db = *Engine::open(directory);
  EXPECT_EQ(*db->object().count(), 0U);
  EXPECT_TRUE(db->verify()->empty());
  for (const auto& entry : fs::recursive_directory_iterator(directory + "/object")) {
    EXPECT_FALSE(entry.path().filename().string().ends_with(".tmp")) << entry.path();
  }
}

TEST_F(EngineTest, ClosingWithinACallIsRefusedAndTheCallGoesOn) {
  open();
  const Bytes content(3 << 20, std::byte{7});  // handed out in pieces
  const auto address = db->object().put(content);
  ASSERT_TRUE(address);
  std::size_t seen = 0;
  const auto read = db->object().get_stream(*address, [&](ByteView piece) -> Result<void> {
    seen += piece.size();
    const auto closed = db->close();
    EXPECT_FALSE(closed);
    if (closed) return {};
    EXPECT_EQ(closed.error().code(), ErrorCode::failed_precondition);
    EXPECT_EQ(closed.error().message(), "a call of this thread is under way; let it end, then close");
    return {};
  });
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(seen, content.size());
  EXPECT_TRUE(db->close());
}

TEST_F(EngineTest, AnEngineThatEndsBeforeItsViewsSaysSoAndEndsTheProcess) {
  open();
  EXPECT_DEATH(
      {
        auto view = *db->view();
        db.reset();
      },
      "the engine ends before what it gave out: 1 view is open");
}

TEST_F(EngineTest, AProcessKilledWhileItOpensForTheFirstTimeLeavesNoRuin) {
  fs::create_directories(directory);
  for (int round = 0; round < 25; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto opened = Engine::open(directory);
      ::_exit(opened ? 0 : 1);
    }
    ::usleep(static_cast<useconds_t>(round * 1'500));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    open();
    if (::testing::Test::HasFatalFailure()) return;
    db.reset();
    if (round % 2 == 0) {
      fs::remove_all(directory);
      fs::create_directories(directory);
    }
  }
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
