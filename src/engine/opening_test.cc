// Opening: what is a database, what is none, what keeps one from opening, and what a first open that was cut off leaves.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "engine/engine_fixture.h"
#include "engine/manifest.h"
#include "engine/superblock.h"
#include "io/posix_file_system.h"

namespace strata::engine {
namespace {

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

}  // namespace
}  // namespace strata::engine
