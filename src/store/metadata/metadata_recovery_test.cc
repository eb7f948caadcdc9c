// What survives: restarts, lost and damaged state files, archives, checkpoints, and the order of durability.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "core/random.h"
#include "store/metadata/archive.h"
#include "store/metadata/metadata_fixture.h"
#include "store/metadata/sqlite.h"

namespace strata::store::metadata {
namespace {

// Tables with every feature that a rebuild must bring back.
void fill(World& world, int rounds, std::uint64_t seed) {
  core::Random random(seed);
  if (world.visible() == 0) {
    ASSERT_OK(world.db()->execute("create table t(k text primary key, n integer, x) without rowid"));
    ASSERT_OK(world.db()->execute("create table u(id integer primary key autoincrement, e text unique)"));
    ASSERT_OK(world.db()->execute("create view tv as select k from t"));
    ASSERT_OK(world.db()->execute("create index tn on t(n) where n > 3"));
  }
  for (int i = 0; i < rounds; ++i) {
    auto tx = world.begin();
    const std::string key = "k" + std::to_string(random.below(30));
    ASSERT_OK((*tx)->put_row("t", {{"k", key}, {"n", i}, {"x", std::string(random.below(200), 'x')}}));
    if (random.chance(0.3)) {
      ASSERT_OK((*tx)->execute("insert into u(e) values (?)", {seed * 100'000 + static_cast<std::uint64_t>(i)}));
    }
    if (random.chance(0.2)) {
      ASSERT_OK((*tx)->execute("delete from t where n < ?", {i - 20}));
    }
    ASSERT_OK(tx->commit());
  }
}

transaction::Summary summary(World& world) {
  auto summed = world.store().summarize(world.visible());
  EXPECT_OK(summed);
  return summed.has_value() ? *summed : transaction::Summary{};
}

void overwrite(const std::string& file, std::size_t offset, std::string_view bytes) {
  std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
  out.seekp(static_cast<std::streamoff>(offset));
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

TEST(MetadataRecovery, ReplaysTheJournalWithoutACheckpoint) {
  World world;
  fill(world, 40, 1);
  const auto before = summary(world);
  world.reopen();
  EXPECT_EQ(summary(world), before);
  world.close();
  std::filesystem::remove_all(world.root() + "/metadata");
  world.open();
  EXPECT_EQ(summary(world), before);
}

TEST(MetadataRecovery, RebuildsALostStateFromArchivesAndJournal) {
  World world;
  for (int part = 0; part < 3; ++part) {
    fill(world, 30, static_cast<std::uint64_t>(part) + 1);
    ASSERT_OK(world.checkpoint(0));
  }
  fill(world, 10, 9);
  const auto before = summary(world);
  const auto past = world.store().summarize(50);
  ASSERT_OK(past);
  world.close();
  std::filesystem::remove(world.file("state.sqlite"));
  world.open();
  EXPECT_EQ(summary(world), before);
  EXPECT_EQ(*world.store().summarize(50), *past);  // the past comes back too
  EXPECT_EQ(*world.store().statistics().find("rebuilds"), Value(1));
  ASSERT_OK(world.db()->execute("insert into u(e) values ('after')"));
  world.reopen();
  EXPECT_EQ(*world.store().statistics().find("rebuilds"), Value(0));
}

TEST(MetadataRecovery, PutsADamagedStateAsideAndGoesOn) {
  for (const int kind : {0, 1, 2}) {
    World world;
    fill(world, 60, 2);
    ASSERT_OK(world.checkpoint());
    fill(world, 5, 3);
    const auto before = summary(world);
    world.close();
    if (kind == 0) overwrite(world.file("state.sqlite"), 0, "this is no database ");
    if (kind == 1) overwrite(world.file("state.sqlite"), 8192, std::string(8192, '\x5a'));
    if (kind == 2) std::filesystem::resize_file(world.file("state.sqlite"), 4096);
    world.open();
    EXPECT_EQ(summary(world), before) << kind;
    EXPECT_TRUE(std::filesystem::exists(world.file("state.sqlite.damaged-1"))) << kind;
    EXPECT_TRUE(world.store().statistics().find("rebuilt_because") != nullptr);
  }
}

TEST(MetadataRecovery, RebuildsWhenTheStateIsOlderThanTheCheckpoint) {
  World world;
  fill(world, 20, 2);
  ASSERT_OK(world.checkpoint());
  world.close();
  std::filesystem::copy_file(world.file("state.sqlite"), world.file("old"));
  world.open();
  fill(world, 20, 3);
  ASSERT_OK(world.checkpoint());
  const auto before = summary(world);
  world.close();
  std::filesystem::rename(world.file("old"), world.file("state.sqlite"));
  world.open();
  EXPECT_EQ(summary(world), before);
  EXPECT_EQ(*world.store().statistics().find("rebuilds"), Value(1));
}

TEST(MetadataRecovery, RefusesAStateThatIsAheadOfTheJournal) {
  World world;
  fill(world, 10, 1);
  summary(world);
  world.close();
  world.journal_.pop_back();
  --world.visible_;
  EXPECT_CODE(world.try_open(), corruption);
}

TEST(MetadataRecovery, OpensWithAWriteAheadLogLeftByAKill) {
  World world;
  fill(world, 30, 4);
  const auto before = summary(world);  // everything is in SQLite, most of it in the WAL
  const std::string aside = world.root() + "/aside";
  std::filesystem::copy(world.root() + "/metadata", aside, std::filesystem::copy_options::recursive);
  ASSERT_TRUE(std::filesystem::exists(aside + "/state.sqlite-wal"));
  world.close();
  std::filesystem::remove_all(world.root() + "/metadata");
  std::filesystem::rename(aside, world.root() + "/metadata");
  world.open();
  EXPECT_EQ(summary(world), before);
  // A WAL cut anywhere is an older state, which the journal completes.
  world.close();
  world.open();
  fill(world, 30, 5);
  const auto after = summary(world);
  std::filesystem::copy(world.root() + "/metadata", aside, std::filesystem::copy_options::recursive);
  world.close();
  for (const double part : {0.9, 0.5, 0.1}) {
    std::filesystem::remove_all(world.root() + "/metadata");
    std::filesystem::copy(aside, world.root() + "/metadata", std::filesystem::copy_options::recursive);
    const auto size = std::filesystem::file_size(world.file("state.sqlite-wal"));
    std::filesystem::resize_file(world.file("state.sqlite-wal"),
                                 static_cast<std::uintmax_t>(static_cast<double>(size) * part));
    std::filesystem::remove(world.file("state.sqlite-shm"));
    world.open();
    EXPECT_EQ(summary(world), after) << part;
    world.close();
  }
}

TEST(MetadataRecovery, WhateverACrashLeavesOfSqlitesLogHoldsRowsAndTheirLsnTogether) {
  World world;
  ASSERT_OK(world.db()->execute("create table t(id integer primary key, lsn integer)"));
  for (int i = 0; i < 8; ++i) {
    ASSERT_OK(world.db()->put_row("t", {{"id", 1}, {"lsn", static_cast<std::int64_t>(world.visible() + 1)}}));
    (void)summary(world);  // now SQLite has it
  }
  // A process that dies leaves any number of the log's pages: as many tries as there are.
  const std::string state = world.file("state.sqlite"), copy = world.file("copy.sqlite");
  std::ifstream log(state + "-wal", std::ios::binary);
  std::array<unsigned char, 32> head{};
  log.read(reinterpret_cast<char*>(head.data()), head.size());
  const std::size_t page_bytes = head[8] << 24 | head[9] << 16 | head[10] << 8 | head[11];
  ASSERT_GE(page_bytes, 512U);
  const std::size_t size = std::filesystem::file_size(state + "-wal");
  int with_a_row = 0;
  for (std::size_t end = head.size(); end <= size; end += 24 + page_bytes) {
    for (const char* ending : {"", "-wal", "-shm"}) std::filesystem::remove(copy + ending);
    std::filesystem::copy_file(state, copy);
    std::filesystem::copy_file(state + "-wal", copy + "-wal");
    std::filesystem::resize_file(copy + "-wal", end);
    auto connection = Connection::open(copy, Connection::Role::writer, 1 << 20);
    ASSERT_OK(connection);
    auto both = connection->prepare("select value, (select lsn from t) from strata_state where name = 'applied_lsn'");
    if (!both.has_value()) continue;  // before the table
    if (!*both->step() || both->integer(1) == 0) continue;
    EXPECT_EQ(both->integer(0), both->integer(1)) << "cut at byte " << end;
    ++with_a_row;
  }
  EXPECT_GT(with_a_row, 8);
}

TEST(MetadataRecovery, AsksForADurableJournalBeforeSqliteGetsAnything) {
  World world;
  fill(world, 5, 1);
  ASSERT_OK(world.db()->put_row("t", {{"k", "late"}}));
  EXPECT_LT(world.asked_durable_, world.visible());
  world.durable_error_ = true;
  EXPECT_CODE(world.db()->query("select * from t"), io);
  EXPECT_TRUE(world.db()->get_row("t", {{"k", "late"}})->has_value());  // by key needs no SQLite
  world.durable_error_ = false;
  EXPECT_OK(world.db()->query("select * from t"));
  EXPECT_EQ(world.asked_durable_, world.visible());
}

TEST(MetadataRecovery, WritesInTheBackgroundWhenTheQueueIsLong) {
  MetadataOptions options;
  options.queue_rows_max = 100;
  World world(options);
  ASSERT_OK(world.db()->execute("create table t(k integer primary key, v text)"));
  for (int i = 0; i < 1'000; ++i) ASSERT_OK(world.db()->put_row("t", {{"k", i % 700}, {"v", "v" + std::to_string(i)}}));
  EXPECT_LE(*world.store().statistics().find("queued_rows")->integer(), 401);
  EXPECT_EQ(world.db()->query("select count(*) from t")->rows[0][0], Value(700));
  EXPECT_EQ(*(*world.db()->get_row("t", {{"k", 299}}).value()).find("v"), Value("v999"));
}

TEST(MetadataRecovery, ForgetsThePastBelowTheHorizonOnly) {
  World world;
  ASSERT_OK(world.db()->execute("create table t(k integer primary key, v)"));
  for (int i = 0; i < 10; ++i) ASSERT_OK(world.db()->put_row("t", {{"k", 1}, {"v", i}}));
  world.skip();
  const Lsn horizon = world.visible() - 4;
  ASSERT_OK(world.checkpoint(horizon));
  for (int again = 0; again < 2; ++again) {
    EXPECT_CODE((*world.view(2))->query("select v from t"), failed_precondition);
    for (Lsn lsn = horizon; lsn <= world.visible(); ++lsn) {
      const auto row = (*world.view(lsn))->query("select v from t");
      ASSERT_OK(row);
      EXPECT_EQ(row->rows[0][0], Value(std::min<std::int64_t>(static_cast<std::int64_t>(lsn) - 2, 9)));
    }
    world.reopen();
  }
}

TEST(MetadataRecovery, ReplacesLargeArchivesByADump) {
  MetadataOptions options;
  World world(options);
  fill(world, 10, 1);
  for (int part = 0; part < 6; ++part) {
    for (int i = 0; i < 12; ++i)
      ASSERT_OK(world.db()->put_row("t", {{"k", "big"}, {"n", i}, {"x", std::string(60'000, 'y')}}));
    ASSERT_OK(world.checkpoint(world.visible()));
  }
  ASSERT_OK(world.db()->execute("delete from u where id = (select max(id) from u)"));
  const auto files = std::count_if(world.last_->files.begin(), world.last_->files.end(),
                                   [](const auto& file) { return file.name.find("archive") != std::string::npos; });
  EXPECT_LT(files, 6);
  const auto before = summary(world);
  const Value sequence = world.db()->query("select seq from sqlite_sequence")->rows[0][0];
  world.close();
  std::filesystem::remove(world.file("state.sqlite"));
  world.open();
  EXPECT_EQ(summary(world), before);
  EXPECT_EQ(world.db()->query("select seq from sqlite_sequence")->rows[0][0], sequence);
  EXPECT_OK(world.db()->query("select * from tv"));
  for (const auto& file : world.last_->files)
    EXPECT_TRUE(std::filesystem::exists(world.root() + "/" + file.name)) << file.name;
}

// A checkpoint that failed after its dump was written: the dump replaces the archives before it in the next checkpoint, too.
TEST(MetadataRecovery, ADumpOfACheckpointThatFailedReplacesTheArchivesBeforeIt) {
  World world;
  fill(world, 10, 1);
  bool dumped = false;
  for (int part = 0; part < 6; ++part) {
    for (int i = 0; i < 12; ++i) {
      ASSERT_OK(world.db()->put_row("t", {{"k", "big"}, {"n", i}, {"x", std::string(60'000, 'y')}}));
    }
    ASSERT_OK(world.store().freeze(world.visible()));
    ASSERT_OK(world.store().write_checkpoint(world.visible()));  // and its manifest could not be written
    ASSERT_OK(world.db()->put_row("t", {{"k", "after"}, {"n", part}, {"x", ""}}));
    ASSERT_OK(world.checkpoint(world.visible()));
    dumped |= std::none_of(world.last_->files.begin(), world.last_->files.end(),
                           [](const auto& file) { return file.name == archive_name(1); });
  }
  ASSERT_TRUE(dumped);
  const auto before = summary(world);
  world.close();
  std::filesystem::remove(world.file("state.sqlite"));
  world.open();
  EXPECT_EQ(summary(world), before);
}

TEST(MetadataRecovery, NamesADamagedArchiveAndDoesNotTrustIt) {
  World world;
  fill(world, 30, 1);
  ASSERT_OK(world.checkpoint());
  EXPECT_TRUE(world.store().verify()->empty());
  overwrite(world.file("archive-1.sections"), 200, "\xff\xff");
  const auto damage = world.store().verify();
  ASSERT_OK(damage);
  ASSERT_FALSE(damage->empty());
  EXPECT_EQ((*damage)[0].file, "metadata/archive-1.sections");
  world.close();
  std::filesystem::remove(world.file("state.sqlite"));
  const auto opened = world.try_open();
  EXPECT_CODE(opened, corruption);
  EXPECT_NE(opened.error().message().find("archive-1.sections"), std::string::npos);
}

std::size_t damaged_files(const World& world) {
  const auto folder = std::filesystem::path(world.file("state.sqlite")).parent_path();
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    files += entry.path().filename().string().starts_with("state.sqlite.damaged-") ? 1 : 0;
  }
  return files;
}

// Each open took the file that the one before had begun to make for one more damaged one.
TEST(MetadataRecovery, OpeningInVainKeepsTheDamagedFileOnce) {
  World world;
  fill(world, 30, 1);
  ASSERT_OK(world.checkpoint());
  fill(world, 5, 2);
  ASSERT_OK(world.checkpoint());
  world.close();
  overwrite(world.file("state.sqlite"), 0, "this is no database ");
  overwrite(world.file("archive-2.sections"), 40, "\xff\xff");
  for (int i = 0; i < 3; ++i) {
    EXPECT_CODE(world.try_open(), corruption);
    world.close();
    EXPECT_EQ(damaged_files(world), 1U);
  }
}

TEST(MetadataRecovery, KeepsTheLastThreeDamagedFiles) {
  World world;
  fill(world, 30, 1);
  ASSERT_OK(world.checkpoint());
  for (int i = 0; i < 5; ++i) {
    const auto before = summary(world);
    world.close();
    overwrite(world.file("state.sqlite"), 0, "this is no database ");
    world.open();
    EXPECT_EQ(summary(world), before);
  }
  EXPECT_EQ(damaged_files(world), 3U);
  EXPECT_TRUE(std::filesystem::exists(world.file("state.sqlite.damaged-5")));
}

TEST(MetadataRecovery, RemovesUnfinishedArchives) {
  World world;
  fill(world, 3, 1);
  world.close();
  std::ofstream(world.file("archive-77.sections.tmp")) << "half";
  std::ofstream(world.file("archive-78.sections")) << "named by no manifest";
  world.open();
  EXPECT_FALSE(std::filesystem::exists(world.file("archive-77.sections.tmp")));
  EXPECT_FALSE(std::filesystem::exists(world.file("archive-78.sections")));
}

TEST(MetadataRecovery, ACheckpointThatWasNotInstalledIsMadeAgain) {
  World world;
  fill(world, 10, 1);
  ASSERT_OK(world.store().freeze(world.visible()));
  ASSERT_OK(world.store().write_checkpoint(0));  // the manifest was never written
  fill(world, 10, 2);
  const auto written = world.checkpoint();
  ASSERT_OK(written);
  EXPECT_EQ(written->files.size(), 3u);
  EXPECT_EQ(*world.store().durable_lsn(), world.visible());
  const auto before = summary(world);
  world.close();
  std::filesystem::remove(world.file("state.sqlite"));
  world.open();
  EXPECT_EQ(summary(world), before);
}

TEST(MetadataRecovery, RefusesSectionsThatAreCutOrChanged) {
  World world;
  fill(world, 3, 1);
  for (const World::Record& record : world.journal_) {
    for (std::size_t size = 0; size < record.section.size(); ++size) {
      const Bytes cut(record.section.begin(), record.section.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_CODE(decode_steps(cut, 1), corruption);
    }
    core::Random random(3);
    for (int i = 0; i < 500; ++i) {
      Bytes changed = record.section;
      changed[random.below(changed.size())] = static_cast<std::byte>(random.next());
      (void)decode_steps(changed, 1);  // any answer, no crash
    }
  }
  Bytes newer = world.journal_[0].section;
  newer[0] = std::byte{9};
  EXPECT_CODE(decode_steps(newer, 1), unsupported);
}

// ---- rot

std::string content_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void flip_bit(const std::string& file, std::size_t offset) {
  const std::string byte(1, static_cast<char>(content_of(file).at(offset) ^ 4));
  overwrite(file, offset, byte);
}

// A database with a text that can be found in its file, closed.
void write_needle(World& world) {
  fill(world, 60, 2);
  ASSERT_OK(world.db()->put_row("t", {{"k", "hay"}, {"n", 1}, {"x", "needle in a row"}}));
  ASSERT_OK(world.checkpoint());
  world.close();
}

std::string rebuilt_because(World& world) {
  const Map statistics = world.store().statistics();
  const Value* why = statistics.find("rebuilt_because");
  return why != nullptr && why->text() != nullptr ? *why->text() : "";
}

Result<Value> needle(World& world) {
  const auto found = STRATA_TRY(world.db()->query("select x from t where k = 'hay'"));
  return found.rows.at(0)[0];
}

TEST(MetadataRot, ABitThatTurnsInARowIsNoAnswerAndTheFileIsMadeAnew) {
  World world;
  write_needle(world);
  const std::string state = world.file("state.sqlite");
  flip_bit(state, content_of(state).find("needle"));
  world.open();
  const auto found = needle(world);
  ASSERT_OK(found);
  EXPECT_EQ(*found, Value("needle in a row"));
  EXPECT_EQ(rebuilt_because(world).find("state.sqlite, page "), 0U) << rebuilt_because(world);
}

TEST(MetadataRot, WhatIsNotReadAtOpeningIsRefusedWhenItIsReadAndMadeAnewAtTheNext) {
  MetadataOptions options;
  options.check_bytes_max = 0;
  World world(options);
  write_needle(world);
  const std::string state = world.file("state.sqlite");
  const std::size_t at = content_of(state).find("needle");
  const std::string page = "state.sqlite, page " + std::to_string(at / 4096 + 1);
  flip_bit(state, at);
  world.open();
  for (int again = 0; again < 2; ++again) {
    const auto refused = needle(world);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::corruption);
    EXPECT_NE(refused.error().message().find(page), std::string::npos) << refused.error().to_string();
  }
  const std::string mark = world.file("state.damaged");
  EXPECT_TRUE(std::filesystem::remove(mark));
  EXPECT_CODE(world.db()->get_row("t", {{"k", "hay"}}), corruption);
  EXPECT_TRUE(std::filesystem::exists(mark));
  world.reopen();
  const auto found = needle(world);
  ASSERT_OK(found);
  EXPECT_EQ(*found, Value("needle in a row"));
}

TEST(MetadataRot, VerifyNamesThePageAlsoOneThatNoTableUses) {
  MetadataOptions options;
  options.check_bytes_max = 0;
  World world(options);
  ASSERT_OK(world.db()->execute("create table t(k integer primary key, x)"));
  for (int i = 0; i < 500; ++i) ASSERT_OK(world.db()->put_row("t", {{"k", i}, {"x", std::string(4'000, 'x')}}));
  ASSERT_OK(world.db()->execute("delete from t"));
  (void)summary(world);
  world.close();
  const std::string state = world.file("state.sqlite");
  const std::string bytes = content_of(state);
  const auto number_at = [&](std::size_t at) {
    std::size_t number = 0;
    for (std::size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<unsigned char>(bytes.at(at + i));
    return number;
  };
  const std::size_t trunk = number_at(32);  // of SQLite's header: the first page that lists free ones
  ASSERT_GT(trunk, 0U);
  ASSERT_GT(number_at((trunk - 1) * 4096 + 4), 0U);
  const std::size_t unused = number_at((trunk - 1) * 4096 + 8);
  flip_bit(state, (unused - 1) * 4096 + 100);
  world.open();
  const auto damage = world.store().verify();
  ASSERT_OK(damage);
  ASSERT_EQ(damage->size(), 1U);
  EXPECT_EQ((*damage)[0].file, "metadata/state.sqlite");
  EXPECT_EQ((*damage)[0].offset, (unused - 1) * 4096);
  EXPECT_TRUE((*damage)[0].rebuilt_by_itself);
  EXPECT_NE((*damage)[0].what.find("page " + std::to_string(unused)), std::string::npos) << (*damage)[0].what;
}

// What a transaction takes and gives back is never written: it is zeros in the file, and says nothing about damage. In a page that
// is in use zeros are damage all the same.
TEST(MetadataRot, APageThatWasNeverWrittenIsAHole) {
  World world;
  {
    auto tx = world.begin();
    for (const char* table : {"brief", "lasting"}) {
      ASSERT_OK((*tx)->execute("create table " + std::string(table) + "(k integer primary key, x)"));
      for (int i = 0; i < 40; ++i) ASSERT_OK((*tx)->put_row(table, {{"k", i}, {"x", std::string(4'000, 'x')}}));
    }
    ASSERT_OK((*tx)->execute("drop table brief"));
    ASSERT_OK(tx->commit());
  }
  const auto rows = summary(world);
  world.close();
  const std::string state = world.file("state.sqlite");
  const auto is_hole = [&](const std::string& bytes, std::size_t page) {
    return bytes.find_first_not_of('\0', page * 4096) >= (page + 1) * 4096;
  };
  std::string bytes = content_of(state);
  std::size_t holes = 0, used = 0;
  for (std::size_t page = 0; page < bytes.size() / 4096; ++page) {
    holes += is_hole(bytes, page) ? 1 : 0;
    if (bytes.compare(page * 4096 + 2'000, 8, "xxxxxxxx") == 0) used = page;
  }
  ASSERT_GT(holes, 0U);
  ASSERT_GT(used, 0U);
  world.open();
  EXPECT_EQ(rebuilt_because(world), "");
  EXPECT_TRUE(world.store().verify()->empty());
  EXPECT_EQ(summary(world), rows);
  world.close();

  overwrite(state, used * 4096, std::string(4096, '\0'));
  world.open();
  EXPECT_NE(rebuilt_because(world), "");
  EXPECT_EQ(summary(world), rows);
}

TEST(MetadataRot, APageInThePlaceOfAnotherIsNoticed) {
  World world;
  write_needle(world);
  const auto before = content_of(world.file("state.sqlite"));
  world.open();
  const auto rows = summary(world);
  world.close();
  for (std::size_t page = 2; page < 5; ++page) {
    std::filesystem::remove(world.file("state.sqlite-wal"));
    overwrite(world.file("state.sqlite"), 0, before);
    overwrite(world.file("state.sqlite"), page * 4096, before.substr(4096, 4096));
    world.open();
    EXPECT_EQ(summary(world), rows) << page;
    EXPECT_EQ(*world.store().statistics().find("rebuilds"), Value(1)) << page;
    world.close();
  }
}

// A file of before there were checksums: its rows may be anything.
TEST(MetadataRot, AFileWithoutChecksumsIsMadeAnew) {
  World world;
  write_needle(world);
  sqlite3* plain = nullptr;
  ASSERT_EQ(sqlite3_open(world.file("plain").c_str(), &plain), SQLITE_OK);
  const std::string copy = "attach '" + world.file("state.sqlite") +
                           "' as ours;"
                           "create table strata_state(name text primary key, value integer not null) without rowid;"
                           "insert into strata_state select * from ours.strata_state;"
                           "update strata_state set value = 1 where name = 'format';"
                           "create table t(k text primary key, n integer, x) without rowid;"
                           "insert into t select k, n, x || ' of hay' from ours.t; detach ours";
  ASSERT_EQ(sqlite3_exec(plain, copy.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(plain);
  sqlite3_close(plain);
  std::filesystem::rename(world.file("plain"), world.file("state.sqlite"));
  world.open();
  const auto found = needle(world);
  ASSERT_OK(found);
  EXPECT_EQ(*found, Value("needle in a row"));
  EXPECT_EQ(rebuilt_because(world), "state.sqlite, page 1: it has no checksums");
  world.reopen();
  EXPECT_EQ(*world.store().statistics().find("rebuilds"), Value(0));
}

// SQLite's log is copied as far as a reader allows, and the process dies: only the whole log completes such a file.
TEST(MetadataRot, ADamagedLogDoesNotLeavePagesOfDifferentAgesTogether) {
  MetadataOptions options;
  options.check_bytes_max = 0;
  options.log_pages_max = 50;
  World world(options);
  fill(world, 60, 1);
  ASSERT_OK(world.checkpoint());
  fill(world, 20, 2);
  (void)summary(world);
  {
    auto reader = Connection::open(world.file("state.sqlite"), Connection::Role::reader, 1 << 20);
    ASSERT_OK(reader);
    ASSERT_OK(reader->run("begin; select * from strata_state"));
    fill(world, 60, 3);
    (void)summary(world);
    std::filesystem::copy(world.root() + "/metadata", world.root() + "/aside",
                          std::filesystem::copy_options::recursive);
  }
  const auto before = summary(world);
  const auto past = world.store().summarize(90);
  ASSERT_OK(past);
  world.close();
  const std::size_t size = std::filesystem::file_size(world.root() + "/aside/state.sqlite-wal");
  ASSERT_GT(size, 50 * 4120U);
  bool rebuilt = false;
  for (std::size_t at = 32 + 2000; at < size; at += 10 * 4120) {
    std::filesystem::remove_all(world.root() + "/metadata");
    std::filesystem::copy(world.root() + "/aside", world.root() + "/metadata",
                          std::filesystem::copy_options::recursive);
    flip_bit(world.file("state.sqlite-wal"), at);
    world.open();
    ASSERT_EQ(summary(world), before) << at;
    const auto then = world.store().summarize(90);
    ASSERT_OK(then);
    ASSERT_EQ(*then, *past) << at;
    ASSERT_TRUE(world.store().verify()->empty()) << at << world.store().verify()->front().what;
    rebuilt |= rebuilt_because(world).starts_with("its log ends at lsn ");
    world.close();
  }
  EXPECT_TRUE(rebuilt);
}

}  // namespace
}  // namespace strata::store::metadata
