// A disk that is really full: a small tmpfs of the test's own, which root may mount. It fills during appends, changes of
// segment, schema changes, the checkpoint of each store, analytical queries and a backup. The claim, each time: the answer
// is resource_exhausted and definite, reads go on, nothing acknowledged is lost, and the first call after there is space
// again succeeds, without opening the database anew.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include "core/random.h"
#include "strata/operations.h"

namespace strata {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::uint64_t kDiskBytes = 192 << 20;

class FullDiskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    base_ = fs::temp_directory_path() / ("strata-fulldisk-" + std::to_string(core::random_seed()));
    fs::create_directories(base_);
    // In a mount namespace of its own, so that nothing is left behind whatever becomes of the test.
    const std::string size = "size=" + std::to_string(kDiskBytes);
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", base_.c_str(), "tmpfs", 0, size.c_str()) != 0)
      GTEST_SKIP() << "skipped: mounting a small disk needs root and its capabilities: " << std::strerror(errno);
    mounted_ = true;
    directory_ = (base_ / "db").string();
    ASSERT_NO_FATAL_FAILURE(open());
    ASSERT_TRUE(db->vector().create_collection("notes", {.dimension = 64}));
    ASSERT_TRUE(db->metadata().execute("create table note(id text primary key, title text)"));
    const ColumnDefinition columns[] = {{"id", ColumnType::text}, {"value", ColumnType::real}};
    ASSERT_TRUE(db->analytics().create_table("events", columns));
    DatasetOptions rows;
    rows.row_shape = {64};
    ASSERT_TRUE(db->array().create_dataset("rows", rows));
  }
  void TearDown() override {
    db.reset();
    if (mounted_) ::umount2(base_.c_str(), MNT_DETACH);
    fs::remove_all(base_);
  }

  void open() {
    db.reset();
    OpenOptions options;
    options.journal_segment_bytes = 1 << 20;
    options.checkpoint_journal_bytes = checkpoint_journal_bytes;
    options.history_ms = 0;
    options.analytics_bytes = 64 << 20;
    auto opened = Engine::open(directory_, options);
    ASSERT_TRUE(opened) << opened.error().to_string();
    db = *std::move(opened);
  }

  /// About 4.5 KB that no compression makes smaller, in every store under one id, in one commit.
  Result<Lsn> write(const std::string& id) {
    core::Random random(std::hash<std::string>()(id));
    const auto floats = [&] {
      std::vector<float> values(64);
      for (float& value : values) value = static_cast<float>(random.below(1 << 24));
      return values;
    };
    const auto bytes = [&](std::size_t size) {
      Bytes out(size);
      for (std::byte& each : out) each = static_cast<std::byte>(random.next());
      return out;
    };
    auto tx = STRATA_TRY(db->begin());
    const std::vector<float> vector = floats(), row = floats();
    const Point point{id, vector, {{"id", id}}, {}};
    STRATA_TRY(tx->vector().upsert("notes", {&point, 1}));
    STRATA_TRY(tx->object().put(bytes(1'500), {.owner = id}));
    STRATA_TRY(tx->metadata().put_row("note", {{"id", id}, {"title", title_of(id)}}));
    STRATA_TRY(tx->graph().put_node({id, {"Note"}, {{"noise", Value(bytes(800))}}}));
    STRATA_TRY(tx->analytics().append("events", Map{{"id", id + title_of(id)}, {"value", 1.5}}));
    const std::uint64_t shape[] = {1, 64};
    STRATA_TRY(tx->array().append("rows", DataType::float32, shape, std::as_bytes(std::span(row)), id));
    return tx->commit();
  }
  static std::string title_of(const std::string& id) {
    core::Random random(std::hash<std::string>()(id) + 1);
    std::string title;
    for (int i = 0; i < 500; ++i) title += static_cast<char>('a' + random.below(26));
    return title;
  }
  /// Writes with one number after another until the disk refuses, `most` at the most. The refusal.
  std::optional<Error> write_until_refused(int most) {
    for (int i = 0; i < most; ++i) {
      const std::string id = "n" + std::to_string(written);
      auto lsn = write(id);
      if (!lsn) return std::move(lsn).error();
      ++written;
    }
    return std::nullopt;
  }
  /// What was acknowledged is there, in stores that answer from memory, from their files and through SQL; what was refused
  /// is not.
  void expect_readable() {
    const auto count = db->vector().count("notes");
    ASSERT_TRUE(count) << count.error().to_string();
    EXPECT_EQ(*count, static_cast<std::uint64_t>(written));
    for (const int i : {0, written / 2, written - 1}) {
      const std::string id = "n" + std::to_string(i);
      const auto row = db->metadata().get_row("note", {{"id", id}});
      ASSERT_TRUE(row) << row.error().to_string();
      ASSERT_TRUE(row->has_value()) << id;
      EXPECT_EQ(*(*row)->find("title"), Value(title_of(id)));
      const auto node = db->graph().node(id);
      EXPECT_TRUE(node && node->has_value());
    }
    const auto refused = db->graph().node("n" + std::to_string(written));
    EXPECT_TRUE(refused && !refused->has_value());
    EXPECT_EQ(db->object().count().value(), static_cast<std::uint64_t>(written));
    EXPECT_EQ(db->array().dataset("rows").value().rows, static_cast<std::uint64_t>(written));
  }
  std::vector<std::string> summaries() {
    std::vector<std::string> lines;
    const auto all = db->summarize();
    EXPECT_TRUE(all) << all.error().to_string();
    if (all)
      for (const StoreSummary& each : *all)
        lines.push_back(std::string(name(each.store)) + " " + std::to_string(each.items) + " " + each.hash);
    return lines;
  }
  /// After it all: the same in every store once opened again, and every byte sound.
  void expect_same_after_opening_again() {
    ASSERT_NO_FATAL_FAILURE(expect_readable());
    const auto before = summaries();
    const auto closed = db->close();
    EXPECT_TRUE(closed) << closed.error().to_string();
    ASSERT_NO_FATAL_FAILURE(open());
    EXPECT_EQ(summaries(), before);
    const auto findings = db->verify();
    ASSERT_TRUE(findings) << findings.error().to_string();
    for (const Finding& finding : *findings) ADD_FAILURE() << finding.file << ": " << finding.what;
    ASSERT_NO_FATAL_FAILURE(expect_readable());
  }

  std::uint64_t free_bytes() const {
    struct statvfs status{};
    EXPECT_EQ(::statvfs(base_.c_str(), &status), 0);
    return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
  }
  /// Another program's file takes all but `left` bytes.
  void fill(std::uint64_t left) {
    empty();
    const int file = ::open(filler().c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    ASSERT_GE(file, 0);
    off_t end = 0;
    for (off_t step = 1 << 20; step >= 4096; step /= 2)
      while (free_bytes() >= left + static_cast<std::uint64_t>(step) && ::fallocate(file, 0, end, step) == 0)
        end += step;
    ::close(file);
    ASSERT_LE(free_bytes(), left);
  }
  void empty() { fs::remove(filler()); }
  std::string filler() const { return (base_ / "filler").string(); }
  std::string base() const { return base_.string(); }
  /// Files of the stores, without those that SQLite and DuckDB keep.
  std::set<std::string> store_files() const {
    std::set<std::string> files;
    for (const char* folder : {"vector", "object", "graph", "array", "analytics"})
      for (const auto& entry : fs::recursive_directory_iterator(fs::path(directory_) / folder))
        if (entry.is_regular_file() && !entry.path().filename().string().starts_with("state.duckdb"))
          files.insert(entry.path().string());
    return files;
  }

  std::unique_ptr<Engine> db;
  int written = 0;
  std::uint64_t checkpoint_journal_bytes = 96 << 20;

 private:
  fs::path base_;
  std::string directory_;
  bool mounted_ = false;
};

TEST_F(FullDiskTest, AppendsAndNewSegmentsAreRefusedAndGoOnWithTheFirstCallAfterThereIsSpace) {
  ASSERT_FALSE(write_until_refused(20));
  for (const std::uint64_t left : {0, 4 << 10, 100 << 10, 700 << 10, 1 << 20, 1300 << 10, 3 << 20, 5 << 20}) {
    SCOPED_TRACE("left " + std::to_string(left));
    ASSERT_NO_FATAL_FAILURE(fill(left));
    const auto refused = write_until_refused(100'000);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->code(), ErrorCode::resource_exhausted) << refused->to_string();
    EXPECT_THAT(refused->message(), HasSubstr("are free"));
    ASSERT_NO_FATAL_FAILURE(expect_readable());
    EXPECT_EQ(write_until_refused(1)->code(), ErrorCode::resource_exhausted) << "still full";
    empty();
    const auto again = write_until_refused(50);
    ASSERT_FALSE(again) << again->to_string();
  }
  EXPECT_GT(written, 1'000) << "several segments";
  ASSERT_NO_FATAL_FAILURE(expect_same_after_opening_again());
}

TEST_F(FullDiskTest, ADatabaseClosesAndOpensOnAFullDisk) {
  ASSERT_FALSE(write_until_refused(200));
  ASSERT_TRUE(db->checkpoint());
  ASSERT_NO_FATAL_FAILURE(fill(100 << 10));
  ASSERT_TRUE(write_until_refused(1'000));
  ASSERT_NO_FATAL_FAILURE(fill(0));
  const auto closed = db->close();
  EXPECT_TRUE(closed) << closed.error().to_string();
  ASSERT_NO_FATAL_FAILURE(open()) << "in the space that closing gave back";
  ASSERT_NO_FATAL_FAILURE(expect_readable());
  empty();
  ASSERT_FALSE(write_until_refused(10));
  ASSERT_NO_FATAL_FAILURE(expect_same_after_opening_again());
}

// Rows that SQLite has no space for are known all the same, also to SQL; and what only read ends well.
TEST_F(FullDiskTest, SqlReadsTheRowsThatFindNoSpace) {
  ASSERT_FALSE(write_until_refused(1'200));
  ASSERT_NO_FATAL_FAILURE(fill(0));
  const auto count = [&] {
    const auto rows = db->metadata().query("select count(*), max(length(title)) from note");
    ASSERT_TRUE(rows) << rows.error().to_string();
    EXPECT_EQ(rows->rows.at(0).at(0), Value(written));
    EXPECT_EQ(rows->rows.at(0).at(1), Value(500));
  };
  ASSERT_NO_FATAL_FAILURE(count());
  ASSERT_NO_FATAL_FAILURE(count());
  EXPECT_GT(*db->statistics()->find("stores")->map()->find("metadata")->map()->find("queued_rows")->integer(), 0)
      << "SQLite had space: the test has lost its point";
  const auto tx = db->begin();
  ASSERT_TRUE(tx);
  ASSERT_TRUE((*tx)->metadata().put_row("note", {{"id", "own"}, {"title", "t"}}));
  const auto own = (*tx)->metadata().query("select count(*) from note");
  ASSERT_TRUE(own) << own.error().to_string();
  EXPECT_EQ(own->rows.at(0).at(0), Value(written + 1));
  (*tx)->rollback();
  ASSERT_NO_FATAL_FAILURE(count());
  const auto closed = db->close();
  EXPECT_TRUE(closed) << closed.error().to_string();
  ASSERT_NO_FATAL_FAILURE(open());
  ASSERT_NO_FATAL_FAILURE(count());
  empty();
  ASSERT_FALSE(write_until_refused(10));
  ASSERT_NO_FATAL_FAILURE(count());
  ASSERT_NO_FATAL_FAILURE(expect_same_after_opening_again());
}

TEST_F(FullDiskTest, ACheckpointThatFindsNoSpaceInAnyStoreLeavesTheOldOneAndNoFiles) {
  ASSERT_FALSE(write_until_refused(100));
  ASSERT_TRUE(db->checkpoint());
  ASSERT_FALSE(write_until_refused(600));
  std::set<std::string> failed;  // whose checkpoint did
  const auto files = store_files();
  bool done = false;
  for (std::uint64_t left = 0; !done && left <= 16 << 20; left += 96 << 10) {
    ASSERT_NO_FATAL_FAILURE(fill(left));
    const auto checkpoint = db->checkpoint();
    done = checkpoint.has_value();
    if (done) break;
    ASSERT_EQ(checkpoint.error().code(), ErrorCode::resource_exhausted) << checkpoint.error().to_string();
    for (const char* store : {"vector", "object", "metadata", "graph", "analytics", "array"})
      if (checkpoint.error().message().find("checkpoint of the " + std::string(store)) != std::string::npos)
        failed.insert(store);
    ASSERT_EQ(store_files(), files) << "an attempt left files behind";
    ASSERT_NO_FATAL_FAILURE(expect_readable());
  }
  EXPECT_TRUE(done);
  EXPECT_THAT(failed, testing::UnorderedElementsAre("vector", "object", "metadata", "graph", "analytics", "array"));
  empty();
  ASSERT_FALSE(write_until_refused(10));
  ASSERT_NO_FATAL_FAILURE(expect_same_after_opening_again());
}

TEST_F(FullDiskTest, ACheckpointInTheBackgroundIsTriedAgainByItselfAndTheJournalGivesItsSpaceBack) {
  checkpoint_journal_bytes = 1 << 20;
  ASSERT_NO_FATAL_FAILURE(open());
  // Until a few commits more ask for a checkpoint, which then finds too little space, however fast the stores write.
  const auto behind = [&] {
    std::uint64_t bytes = 0;
    const Map shown = db->transactions().value();
    for (const auto& [store, lag] : *shown.find("lag")->map()) bytes += static_cast<std::uint64_t>(*lag.integer());
    return bytes;
  };
  while (behind() < checkpoint_journal_bytes - (64 << 10)) ASSERT_FALSE(write_until_refused(1));
  ASSERT_NO_FATAL_FAILURE(fill(200 << 10));
  const auto failing = [&] { return db->statistics().value().find("checkpoint_error") != nullptr; };
  const auto first_lsn = [&] { return *db->statistics().value().find("journal")->map()->find("first_lsn")->integer(); };
  bool failed = false;
  for (int i = 0; i < 20'000 && !failed; ++i) {
    (void)write_until_refused(1);
    failed = failing();
  }
  ASSERT_TRUE(failed) << "there was always space: the test has lost its point";
  const auto first = first_lsn();
  empty();
  for (int i = 0; i < 5'000 && failing(); ++i) {
    ASSERT_FALSE(write_until_refused(1));
    ASSERT_TRUE(db->verify()) << "also waits for a checkpoint that is being written";
  }
  EXPECT_FALSE(failing());
  ASSERT_TRUE(db->checkpoint());
  EXPECT_GT(first_lsn(), first) << "two checkpoints later the journal begins later";
  ASSERT_NO_FATAL_FAILURE(expect_same_after_opening_again());
}

TEST_F(FullDiskTest, ASchemaChangeIsRefusedOrWaitsInTheJournalAndTheEngineGoesOn) {
  ASSERT_FALSE(write_until_refused(50));
  int tables = 0, waiting = 0;
  for (int round = 0; round < 30; ++round) {
    // The journal has reserved a little, SQLite has not; it has written what is older than the change.
    ASSERT_TRUE(db->metadata().query("select count(*) from note"));
    ASSERT_NO_FATAL_FAILURE(fill(0));
    const std::string table = "extra" + std::to_string(round);
    const auto created = db->metadata().execute("create table " + table + "(id text primary key, n integer)");
    if (!created) {
      ASSERT_EQ(created.error().code(), ErrorCode::resource_exhausted) << created.error().to_string();
    } else if (const auto row = db->metadata().put_row(table, {{"id", "a"}, {"n", round}}); !row) {
      ASSERT_EQ(row.error().code(), ErrorCode::resource_exhausted) << row.error().to_string();
      ++waiting;
    }
    EXPECT_TRUE(db->vector().count("notes")) << "the other stores answer";
    empty();
    if (!created) {
      ASSERT_TRUE(db->metadata().execute("create table " + table + "(id text primary key, n integer)"));
    }
    const auto row = db->metadata().put_row(table, {{"id", "a"}, {"n", round}});
    ASSERT_TRUE(row) << row.error().to_string();
    ++tables;
    ASSERT_FALSE(write_until_refused(5));
  }
  EXPECT_GT(waiting, 0) << "SQLite never was without space: the test has lost its point";
  const auto count =
      db->metadata().query("select count(*) as c from sqlite_schema where name like 'extra%' and type='table'");
  if (count) {
    EXPECT_EQ(count->rows.at(0).at(0), Value(tables));
  }
  ASSERT_NO_FATAL_FAILURE(expect_same_after_opening_again());
}

// DuckDB's copy has no space for rows that are known all the same: the answer is that of an empty disk.
TEST_F(FullDiskTest, AnAnalyticalQueryIsAnsweredThoughTheCopyHasNoSpace) {
  const auto ask = [&] {
    const auto answer = db->analytics().query("select count(*) as c, sum(value) as s, min(length(id)) from events");
    ASSERT_TRUE(answer) << answer.error().to_string();
    EXPECT_EQ(answer->rows.at(0).at(0), Value(written));
    EXPECT_EQ(answer->rows.at(0).at(1), Value(1.5 * written));
    EXPECT_EQ(answer->rows.at(0).at(2), Value(502));
  };
  const auto failures = [&] {
    return *db->statistics()->find("stores")->map()->find("analytics")->map()->find("engine_failures")->integer();
  };
  ASSERT_FALSE(write_until_refused(100));
  ASSERT_NO_FATAL_FAILURE(ask());
  for (const std::uint64_t left : {0, 16 << 10, 64 << 10, 256 << 10, 512 << 10, 1 << 20}) {
    SCOPED_TRACE("left " + std::to_string(left));
    empty();
    ASSERT_FALSE(write_until_refused(500));
    ASSERT_NO_FATAL_FAILURE(fill(left));
    ASSERT_NO_FATAL_FAILURE(ask());
    ASSERT_NO_FATAL_FAILURE(ask());
    const auto tx = db->begin();
    ASSERT_TRUE(tx);
    ASSERT_TRUE((*tx)->analytics().append("events", Map{{"id", "own"}, {"value", 0.5}}));
    const auto own = (*tx)->analytics().query("select sum(value) from events");
    ASSERT_TRUE(own) << own.error().to_string();
    EXPECT_EQ(own->rows.at(0).at(0), Value(1.5 * written + 0.5));
    (*tx)->rollback();
    ASSERT_NO_FATAL_FAILURE(expect_readable());
    empty();
    ASSERT_NO_FATAL_FAILURE(ask());
  }
  EXPECT_GT(failures(), 0) << "DuckDB never was without space: the test has lost its point";
  ASSERT_NO_FATAL_FAILURE(expect_same_after_opening_again());
}

TEST_F(FullDiskTest, AnalyticalQueriesAreAnsweredThoughThereIsNoSpaceForAnyCopy) {
  ASSERT_FALSE(write_until_refused(300));
  ASSERT_TRUE(db->checkpoint());
  ASSERT_FALSE(write_until_refused(100));
  ASSERT_TRUE(db->close());
  fs::remove(base() + "/db/analytics/state.duckdb");
  fs::remove(base() + "/db/analytics/state.duckdb.wal");
  ASSERT_NO_FATAL_FAILURE(open());
  ASSERT_NO_FATAL_FAILURE(fill(0));
  const auto ask = [&] {
    const auto answer = db->analytics().query("select count(*), sum(value) from events");
    ASSERT_TRUE(answer) << answer.error().to_string();
    EXPECT_EQ(answer->rows.at(0).at(0), Value(written));
    EXPECT_EQ(answer->rows.at(0).at(1), Value(1.5 * written));
  };
  ASSERT_NO_FATAL_FAILURE(ask());
  ASSERT_NO_FATAL_FAILURE(ask());
  EXPECT_EQ(summaries().size(), 6U) << "which reads every row";
  empty();
  ASSERT_NO_FATAL_FAILURE(ask());
  ASSERT_FALSE(write_until_refused(10));
  ASSERT_NO_FATAL_FAILURE(ask());
  ASSERT_NO_FATAL_FAILURE(expect_same_after_opening_again());
}

TEST_F(FullDiskTest, ABackupOntoAFullDiskIsGivenUpAndTheDatabaseGoesOn) {
  ASSERT_FALSE(write_until_refused(500));
  ASSERT_TRUE(db->checkpoint());
  const std::string backups = base() + "/backups";
  fs::create_directories(backups);
  for (const std::uint64_t left : {0, 100 << 10, 1 << 20, 2 << 20}) {
    ASSERT_NO_FATAL_FAILURE(fill(left));
    const auto refused = backup(*db, backups);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::resource_exhausted) << refused.error().to_string();
    EXPECT_TRUE(fs::is_empty(backups)) << "half a backup takes no space";
    ASSERT_NO_FATAL_FAILURE(expect_readable());
  }
  empty();
  ASSERT_FALSE(write_until_refused(10));
  const auto made = backup(*db, backups);
  ASSERT_TRUE(made) << made.error().to_string();
  const auto lsn = restore(made->directory, base() + "/restored");
  ASSERT_TRUE(lsn) << lsn.error().to_string();
  EXPECT_EQ(*lsn, db->visible_lsn());
  ASSERT_NO_FATAL_FAILURE(expect_same_after_opening_again());
}

TEST_F(FullDiskTest, WhatIsWrittenAheadOfTheJournalIsRefusedAndThereOnceThereIsSpace) {
  ASSERT_FALSE(write_until_refused(50));
  core::Random random(4);
  Bytes content(600 << 10);
  for (std::byte& each : content) each = static_cast<std::byte>(random.next());
  constexpr std::uint64_t kRows = 4'000;  // of 256 bytes: a part of its own
  const std::vector<float> rows(kRows * 64, 1.5F);
  const std::uint64_t shape[] = {kRows, 64};
  const auto append = [&] {
    return db->array().append("rows", DataType::float32, shape, std::as_bytes(std::span(rows)), "many");
  };
  const std::uint64_t objects = db->object().count().value();
  for (const std::uint64_t left : {0, 64 << 10, 300 << 10}) {
    ASSERT_NO_FATAL_FAILURE(fill(left));
    const auto object = db->object().put(content);
    ASSERT_FALSE(object) << "left " << left;
    EXPECT_EQ(object.error().code(), ErrorCode::resource_exhausted) << object.error().to_string();
    const auto appended = append();
    ASSERT_FALSE(appended) << "left " << left;
    EXPECT_EQ(appended.error().code(), ErrorCode::resource_exhausted) << appended.error().to_string();
    EXPECT_EQ(db->object().count().value(), objects);
    EXPECT_EQ(db->array().dataset("rows").value().rows, 50U);
    empty();
  }
  const auto address = db->object().put(content);
  ASSERT_TRUE(address) << address.error().to_string();
  ASSERT_TRUE(append());
  EXPECT_EQ(db->object().get(*address).value(), content);
}

TEST_F(FullDiskTest, ARestoreOntoAFullDiskLeavesNothingThatPassesForADatabase) {
  ASSERT_FALSE(write_until_refused(400));
  const std::string backups = base() + "/backups", target = base() + "/restored";
  fs::create_directories(backups);
  const auto made = backup(*db, backups);
  ASSERT_TRUE(made) << made.error().to_string();
  for (const std::uint64_t left : {0, 100 << 10, 1 << 20, 2 << 20}) {
    ASSERT_NO_FATAL_FAILURE(fill(left));
    const auto refused = restore(made->directory, target);
    ASSERT_FALSE(refused) << "left " << left;
    EXPECT_EQ(refused.error().code(), ErrorCode::resource_exhausted) << refused.error().to_string();
    OpenOptions existing;
    existing.create = false;
    EXPECT_FALSE(Engine::open(target, existing));
    empty();
    fs::remove_all(target);
  }
  const auto lsn = restore(made->directory, target);
  ASSERT_TRUE(lsn) << lsn.error().to_string();
  EXPECT_EQ(*lsn, made->lsn);
}

TEST_F(FullDiskTest, ABackupDuringWhichTheDiskFillsIsGivenUpAndBothGoOnOnceThereIsSpace) {
  ASSERT_FALSE(write_until_refused(2'000));
  const std::string backups = base() + "/backups";
  fs::create_directories(backups);
  for (int at = 1; at <= 3; ++at) {  // when so many reports of its progress have come
    int reports = 0;
    const auto refused = backup(*db, backups, [&](std::uint64_t, std::uint64_t) {
      if (++reports == at) fill(0);
      return true;
    });
    ASSERT_FALSE(refused) << "it was finished before the disk was full: the test has lost its point";
    EXPECT_EQ(refused.error().code(), ErrorCode::resource_exhausted) << refused.error().to_string();
    EXPECT_TRUE(fs::is_empty(backups));
    empty();
    const auto again = write_until_refused(5);
    ASSERT_FALSE(again) << again->to_string();
  }
  const auto made = backup(*db, backups);
  ASSERT_TRUE(made) << made.error().to_string();
  ASSERT_NO_FATAL_FAILURE(expect_same_after_opening_again());
}

}  // namespace
}  // namespace strata
