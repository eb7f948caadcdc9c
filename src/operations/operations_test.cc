// Backup, restore and rebuild on real directories: while others write, to the past, damaged, interrupted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "core/clock.h"
#include "core/failpoint.h"
#include "core/random.h"
#include "engine/local_engine.h"
#include "engine/superblock.h"
#include "io/posix_file_system.h"
#include "strata/operations.h"

namespace strata {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class OperationsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    base = fs::temp_directory_path() / ("strata-operations-" + std::to_string(core::random_seed()));
    fs::create_directories(base / "backups");
    backups = (base / "backups").string();
    directory = (base / "db").string();
    restored = (base / "restored").string();
    open();
    ASSERT_TRUE(db->vector().create_collection("notes", {.dimension = 3, .words = true}));
    ASSERT_TRUE(db->metadata().execute("create table note(id text primary key, title text)"));
    const ColumnDefinition columns[] = {{"id", ColumnType::text}, {"value", ColumnType::real}};
    ASSERT_TRUE(db->analytics().create_table("events", columns));
    DatasetOptions rows;
    rows.row_shape = {2};
    ASSERT_TRUE(db->array().create_dataset("rows", rows));
  }
  void TearDown() override {
    db.reset();
    fs::remove_all(base);
  }
  void open(const OpenOptions& options = {}) {
    db.reset();
    auto opened = Engine::open(directory, options);
    ASSERT_TRUE(opened) << opened.error().to_string();
    db = *std::move(opened);
  }

  /// Opens the database with a clock that stands: whatever is made is made in one second.
  void open_in_one_second() {
    db.reset();
    engine::Environment environment;
    environment.files = *io::open_posix_file_system(directory);
    environment.clock = &standing;
    auto opened = engine::LocalEngine::open(directory, {}, std::move(environment));
    ASSERT_TRUE(opened) << opened.error().to_string();
    db = *std::move(opened);
  }

  /// One thing in every store under one id, in one commit.
  static Result<Lsn> write(Engine& engine, const std::string& id) {
    auto tx = STRATA_TRY(engine.begin());
    Stores& stores = *tx;
    const float vector[] = {static_cast<float>(id.size()), 1.0F, 0.5F};
    const std::string words = "words of " + id;
    const Point point{id, vector, {{"id", id}}, words};
    STRATA_TRY(stores.vector().upsert("notes", {&point, 1}));
    STRATA_TRY(stores.object().put(as_bytes("content of " + id), {.owner = id}));
    STRATA_TRY(stores.metadata().put_row("note", {{"id", id}, {"title", "Title " + id}}));
    STRATA_TRY(stores.graph().put_node({id, {"Note"}, {}}));
    STRATA_TRY(stores.analytics().append("events", Map{{"id", id}, {"value", 1.5}}));
    const float row[] = {1, 2};
    const std::uint64_t shape[] = {1, 2};
    STRATA_TRY(stores.array().append("rows", DataType::float32, shape, std::as_bytes(std::span(row)), id));
    return tx->commit();
  }
  Lsn write(const std::string& id) {
    auto lsn = write(*db, id);
    EXPECT_TRUE(lsn) << lsn.error().to_string();
    return lsn ? *lsn : 0;
  }
  static std::vector<std::string> summaries(Engine& engine, const AsOf& as_of = {}) {
    std::vector<std::string> lines;
    auto all = engine.summarize(as_of);
    EXPECT_TRUE(all) << all.error().to_string();
    if (!all) return lines;
    for (const StoreSummary& summary : *all) {
      lines.push_back(std::string(name(summary.store)) + " " + std::to_string(summary.items) + " " + summary.hash);
    }
    return lines;
  }
  template <typename T>
  ErrorCode code_of(const Result<T>& result) {
    message = result ? "no error" : result.error().message();
    return result ? ErrorCode::internal : result.error().code();
  }
  std::unique_ptr<Engine> open_restored() {
    auto opened = Engine::open(restored, {.create = false});
    EXPECT_TRUE(opened) << opened.error().to_string();
    return opened ? *std::move(opened) : nullptr;
  }
  std::vector<fs::path> files_of(const fs::path& folder) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file() && entry.path().filename() != "BACKUP" && entry.file_size() > 0) {
        files.push_back(entry.path());
      }
    }
    return files;
  }
  static void flip(const fs::path& file, std::uintmax_t at) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(stream.get() ^ 0x20);
    stream.seekp(static_cast<std::streamoff>(at));
    stream.put(byte);
  }

  core::ManualClock standing;
  fs::path base;
  std::string backups, directory, restored, message;
  std::unique_ptr<Engine> db;
};

#ifdef STRATA_FAILPOINTS
Engine* writes_meanwhile = nullptr;

// What is large travels beside the journal, in a file that the next manifest names; the backup ends before there is one.
TEST_F(OperationsTest, ABackupHoldsTheLargeContentsOfCommitsAfterItsCheckpoint) {
  write("before");
  writes_meanwhile = db.get();
  ASSERT_TRUE(core::arm_failpoints("checkpoint.end=call", [] {
    const std::string content(300'000, 'x');
    EXPECT_TRUE(writes_meanwhile->object().put(as_bytes(content), {.compression = Compression::none}));
    const Bytes rows(4 << 20);
    const std::uint64_t shape[] = {rows.size() / 8, 2};
    EXPECT_TRUE(writes_meanwhile->array().append("rows", DataType::float32, shape, rows));
  }));
  const auto report = backup(*db, backups);
  ASSERT_TRUE(core::arm_failpoints(""));
  ASSERT_TRUE(report) << report.error().to_string();
  ASSERT_EQ(report->lsn, db->visible_lsn());
  const auto wanted = summaries(*db);
  const auto reached = restore(report->directory, restored);
  ASSERT_TRUE(reached) << reached.error().to_string();
  EXPECT_EQ(*reached, report->lsn);
  const auto copy = open_restored();
  ASSERT_NE(copy, nullptr);
  EXPECT_EQ(summaries(*copy), wanted);
  const auto findings = copy->verify();
  ASSERT_TRUE(findings) << findings.error().to_string();
  EXPECT_TRUE(findings->empty()) << findings->front().file << ": " << findings->front().what;
}
#endif

TEST_F(OperationsTest, ABackupTakenWhileOthersWriteIsTheStateAtItsLsn) {
  for (int i = 0; i < 20; ++i) write("early-" + std::to_string(i));
  ASSERT_TRUE(db->checkpoint());
  std::atomic<bool> stop = false;
  std::vector<std::thread> writers;
  for (int w = 0; w < 2; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; !stop; ++i) {
        auto lsn = write(*db, "w" + std::to_string(w) + "-" + std::to_string(i));
        EXPECT_TRUE(lsn) << lsn.error().to_string();
      }
    });
  }
  std::vector<BackupReport> reports;
  for (int i = 0; i < 3; ++i) {
    auto report = backup(*db, backups);
    EXPECT_TRUE(report) << report.error().to_string();
    if (report) reports.push_back(*report);
  }
  stop = true;
  for (auto& writer : writers) writer.join();
  ASSERT_EQ(reports.size(), 3U);
  for (std::size_t i = 0; i < reports.size(); ++i) {
    EXPECT_GT(reports[i].lsn, 0U);
    EXPECT_GT(reports[i].files, 0U);
    restored = (base / ("restored-" + std::to_string(i))).string();
    const auto lsn = restore(reports[i].directory, restored);
    ASSERT_TRUE(lsn) << lsn.error().to_string();
    EXPECT_GE(*lsn, reports[i].lsn);
    const auto copy = open_restored();
    ASSERT_TRUE(copy);
    EXPECT_EQ(summaries(*copy), summaries(*db, AsOf::at(*lsn)));
    EXPECT_TRUE(copy->verify()->empty());
    ASSERT_TRUE(write(*copy, "after")) << "and it goes on";
  }
}

TEST_F(OperationsTest, RestoringToAnEarlierLsnDropsWhatCameLaterForGood) {
  write("a");
  ASSERT_TRUE(db->checkpoint());
  const Lsn b = write("b");
  write("c");
  ASSERT_TRUE(db->set_tag("at-b", b));
  const Lsn d = write("d");
  ASSERT_TRUE(db->set_tag("at-d", d));
  const auto report = backup(*db, backups);
  ASSERT_TRUE(report) << report.error().to_string();
  const auto of_checkpoint = restore(report->directory, restored, 1);
  EXPECT_EQ(code_of(of_checkpoint), ErrorCode::invalid_argument) << "older than the backup's files";
  EXPECT_THAT(message, HasSubstr("cannot be restored to 1"));
  EXPECT_EQ(code_of(restore(report->directory, restored, report->lsn + 1)), ErrorCode::invalid_argument);
  EXPECT_THAT(message, HasSubstr(std::to_string(report->lsn + 1)));
}

TEST_F(OperationsTest, TheJournalAfterTheBackupsFilesCanBeCutAnywhere) {
  write("a");
  // A backup's journal reaches past its checkpoint only by what is committed between the two: keep writing meanwhile.
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      auto lsn = write(*db, "w" + std::to_string(i));
      EXPECT_TRUE(lsn) << lsn.error().to_string();
    }
  });
  auto report = backup(*db, backups);
  for (int i = 0; i < 10 && report && summaries(*db).empty(); ++i) report = backup(*db, backups);
  stop = true;
  writer.join();
  ASSERT_TRUE(report) << report.error().to_string();
  const auto whole = restore(report->directory, restored);
  ASSERT_TRUE(whole) << whole.error().to_string();
  // The first LSN that it can be cut to is the one it names when it refuses.
  const std::string elsewhere = (base / "cut").string();
  EXPECT_EQ(code_of(restore(report->directory, elsewhere, 1)), ErrorCode::invalid_argument);
  const Lsn first = std::stoull(message.substr(message.find("from lsn ") + 9));
  for (const Lsn lsn : {first, first + 1, (first + report->lsn) / 2, report->lsn}) {
    if (lsn > report->lsn) continue;
    restored = (base / ("cut-" + std::to_string(lsn))).string();
    if (fs::exists(restored)) continue;
    const auto cut = restore(report->directory, restored, lsn);
    ASSERT_TRUE(cut) << cut.error().to_string();
    EXPECT_TRUE(lsn == report->lsn || *cut == lsn) << *cut;
    auto copy = open_restored();
    ASSERT_TRUE(copy);
    EXPECT_EQ(summaries(*copy), summaries(*db, AsOf::at(*cut)));
    const auto next = write(*copy, "another future");
    ASSERT_TRUE(next) << next.error().to_string();
    EXPECT_EQ(*next, *cut + 1);
    const auto then = summaries(*copy);
    copy.reset();
    copy = open_restored();
    ASSERT_TRUE(copy);
    EXPECT_EQ(summaries(*copy), then) << "nothing of the old timeline is taken for its continuation";
    const auto files = *io::open_posix_file_system(restored);
    EXPECT_EQ(engine::read_superblock(*files)->front().timeline, lsn < report->lsn ? 2U : 1U);
    EXPECT_FALSE(copy->graph().node("w100000")->has_value());
  }
}

TEST_F(OperationsTest, EveryDamagedFileOfABackupIsRefusedByName) {
  for (int i = 0; i < 5; ++i) write("n" + std::to_string(i));
  ASSERT_TRUE(db->checkpoint());
  write("later");
  const auto report = backup(*db, backups);
  ASSERT_TRUE(report);
  int tried = 0;
  for (const fs::path& file : files_of(report->directory)) {
    const auto at = fs::file_size(file) / 2;
    flip(file, at);
    const std::string target = (base / ("damaged-" + std::to_string(tried++))).string();
    const auto refused = restore(report->directory, target);
    EXPECT_EQ(code_of(refused), ErrorCode::corruption) << file;
    EXPECT_THAT(message, HasSubstr(file.filename().string()));
    const auto opened = Engine::open(target, {.create = false});
    EXPECT_FALSE(opened) << "half a restore is no database";
    EXPECT_FALSE(fs::exists(target)) << "what it had copied is taken away";
    flip(file, at);
  }
  EXPECT_GE(tried, 5);
  const fs::path one = files_of(report->directory).front();
  fs::resize_file(one, fs::file_size(one) - 1);
  fs::create_directory(base / "short");
  EXPECT_EQ(code_of(restore(report->directory, (base / "short").string())), ErrorCode::corruption);
  EXPECT_TRUE(fs::exists(base / "short") && fs::is_empty(base / "short")) << "it was there before";
  EXPECT_THAT(message, HasSubstr(one.filename().string()));
  fs::remove(one);
  const auto missing = restore(report->directory, (base / "missing").string());
  EXPECT_FALSE(missing);
  EXPECT_THAT(missing.error().message(), HasSubstr(one.filename().string()));
  flip(fs::path(report->directory) / "BACKUP", 0);
  EXPECT_EQ(code_of(restore(report->directory, (base / "list").string())), ErrorCode::corruption);
  EXPECT_THAT(message, HasSubstr("BACKUP"));
}

TEST_F(OperationsTest, ABackupListThatPointsOutsideIsRefused) {
  write("a");
  const auto report = backup(*db, backups);
  ASSERT_TRUE(report);
  const fs::path list = fs::path(report->directory) / "BACKUP";
  std::ifstream in(list);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  in.close();
  const std::size_t at = text.find("journal/");
  ASSERT_NE(at, std::string::npos);
  text.replace(at, 8, "../../evil-");
  std::ofstream(list, std::ios::trunc) << text;
  EXPECT_EQ(code_of(restore(report->directory, restored)), ErrorCode::corruption);
  EXPECT_THAT(message, HasSubstr("BACKUP"));
  for (const auto& entry : fs::recursive_directory_iterator(base)) {
    EXPECT_THAT(entry.path().filename().string(), testing::Not(HasSubstr("evil")));
  }
}

TEST_F(OperationsTest, ATargetThatIsNotEmptyIsLeftAsItIs) {
  write("a");
  const auto report = backup(*db, backups);
  ASSERT_TRUE(report);
  fs::create_directories(restored);
  std::ofstream(restored + "/mine.txt") << "mine";
  EXPECT_EQ(code_of(restore(report->directory, restored)), ErrorCode::already_exists);
  EXPECT_THAT(message, HasSubstr(restored));
  EXPECT_EQ(files_of(restored).size(), 1U);
  EXPECT_EQ(code_of(restore(report->directory, directory)), ErrorCode::already_exists) << "not over a database either";
  EXPECT_EQ(code_of(restore(backups, (base / "other").string())), ErrorCode::not_found) << "not a backup";
  EXPECT_EQ(code_of(restore((base / "nowhere").string(), (base / "other").string())), ErrorCode::not_found);
}

TEST_F(OperationsTest, ABackupIntoTheDatabaseItselfIsRefused) {
  write("a");
  const auto before = files_of(directory);
  const fs::path link = base / "link";
  fs::create_directory_symlink(fs::path(directory) / "vector", link);
  for (const std::string& inside :
       {directory, directory + "/vector", directory + "/../" + fs::path(directory).filename().string() + "/journal",
        link.string()}) {
    EXPECT_EQ(code_of(backup(*db, inside)), ErrorCode::invalid_argument) << inside;
    EXPECT_THAT(message, HasSubstr(fs::canonical(inside).string()));
  }
  EXPECT_EQ(files_of(directory), before);
  fs::create_directory(directory + "-beside");
  EXPECT_TRUE(backup(*db, directory + "-beside")) << "a name that begins like the database's";
}

TEST_F(OperationsTest, ACancelledBackupLeavesNothingAndAnInterruptedOneIsInNobodysWay) {
  write("a");
  const auto cancelled = backup(*db, backups, [](std::uint64_t, std::uint64_t) { return false; });
  EXPECT_EQ(code_of(cancelled), ErrorCode::cancelled);
  EXPECT_TRUE(fs::is_empty(backups));
  // What a killed backup left under the names of the next few seconds.
  const Timestamp now = core::SystemClock().now();
  for (int second = 0; second < 10; ++second) {
    const std::string folder = core::format_time(now + second * 1'000'000).substr(0, 19) + ".partial";
    fs::create_directories(fs::path(backups) / folder / "journal");
    std::ofstream(fs::path(backups) / folder / "journal" / "leftover") << "half";
  }
  const auto report = backup(*db, backups);
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_FALSE(fs::exists(report->directory + ".partial"));
  EXPECT_FALSE(fs::exists(fs::path(report->directory) / "journal" / "leftover"));
  EXPECT_TRUE(restore(report->directory, restored));
}

// The backup holds what these would wait for, on the thread that would wait.
TEST_F(OperationsTest, WhatABackupsProgressMayNotDoIsRefusedAndTheBackupGoesOn) {
  write("a");
  int told = 0;
  const auto report = backup(*db, backups, [&](std::uint64_t, std::uint64_t) {
    ++told;
    EXPECT_EQ(code_of(db->close()), ErrorCode::failed_precondition);
    EXPECT_THAT(message, HasSubstr("a backup is under way"));
    EXPECT_EQ(code_of(db->checkpoint()), ErrorCode::failed_precondition);
    EXPECT_EQ(code_of(db->verify()), ErrorCode::failed_precondition);
    EXPECT_EQ(code_of(backup(*db, backups)), ErrorCode::failed_precondition);
    write("during-" + std::to_string(told));
    return true;
  });
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_GT(told, 1);
  EXPECT_TRUE(db->checkpoint());
  EXPECT_TRUE(db->verify());
  EXPECT_TRUE(backup(*db, backups));
  EXPECT_TRUE(db->close());
  EXPECT_TRUE(restore(report->directory, restored));
}

// Wherever it is cut off, what a backup leaves is no backup, and what a restore leaves is no database: not even one that an
// interrupted first opening left, which the next opening would finish, empty.
TEST_F(OperationsTest, WhatACutOffBackupOrRestoreLeavesPassesForNothing) {
  for (int i = 0; i < 3; ++i) write("n" + std::to_string(i));
  ASSERT_TRUE(db->object().put(Bytes(100'000, std::byte{7})));
  int steps = 0;
  const auto report = backup(*db, backups, [&](std::uint64_t, std::uint64_t) {
    ++steps;
    for (const auto& entry : fs::directory_iterator(backups)) {
      EXPECT_EQ(entry.path().extension(), ".partial");
      EXPECT_EQ(code_of(restore(entry.path().string(), restored)), ErrorCode::not_found);
    }
    return true;
  });
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_GT(steps, 3);
  steps = 0;
  ASSERT_TRUE(restore(report->directory, restored, 0, [&](std::uint64_t, std::uint64_t) {
    ++steps;
    for (const bool create : {true, false}) {
      const fs::path left = base / "left";
      fs::copy(restored, left, fs::copy_options::recursive);
      const ErrorCode code = code_of(Engine::open(left.string(), {.create = create}));
      EXPECT_TRUE(code == ErrorCode::invalid_argument || code == ErrorCode::corruption)
          << "after " << steps << " files: " << message;
      EXPECT_THAT(message, HasSubstr("no SUPERBLOCK"));
      fs::remove_all(left);
    }
    return true;
  }));
  EXPECT_GT(steps, 3);
}

#ifdef STRATA_FAILPOINTS
Engine* backed_up_meanwhile = nullptr;
std::string backed_up_to, made_meanwhile;

// The second is made, from its first file to its name, while the first has all of its files and not its name yet.
TEST_F(OperationsTest, BackupsAtOnceDoNotDisturbEachOther) {
  open_in_one_second();
  write("a");
  backed_up_meanwhile = db.get();
  backed_up_to = backups;
  ASSERT_TRUE(core::arm_failpoints("backup.checked=call@1", [] {
    const auto other = backup(*backed_up_meanwhile, backed_up_to);
    EXPECT_TRUE(other) << other.error().to_string();
    if (other) made_meanwhile = other->directory;
  }));
  const auto report = backup(*db, backups);
  ASSERT_TRUE(core::arm_failpoints(""));
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_NE(report->directory, made_meanwhile);
  for (const std::string& each : {report->directory, made_meanwhile}) {
    const auto lsn = restore(each, restored);
    EXPECT_TRUE(lsn) << each << ": " << lsn.error().to_string();
    fs::remove_all(restored);
  }
}
#endif

TEST_F(OperationsTest, TwoBackupsInOneSecondAreTwoFolders) {
  open_in_one_second();
  write("a");
  const auto first = backup(*db, backups), second = backup(*db, backups);
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->directory, second->directory);
  EXPECT_TRUE(restore(first->directory, restored));
}

TEST_F(OperationsTest, EveryStoreIsRebuiltToWhatItWas) {
  for (int i = 0; i < 5; ++i) write("n" + std::to_string(i));
  ASSERT_TRUE(db->checkpoint());
  write("later");
  ASSERT_TRUE(db->graph().remove_node("n1"));
  ASSERT_TRUE(db->metadata().execute("update note set title = 'changed' where id = 'n2'"));
  const auto before = summaries(*db);
  EXPECT_EQ(code_of(rebuild(directory, StoreKind::metadata)), ErrorCode::unavailable) << "it is open";
  db.reset();
  for (int kind = 0; kind < kStoreCount; ++kind) {
    const auto store = static_cast<StoreKind>(kind);
    const auto summary = rebuild(directory, store);
    ASSERT_TRUE(summary) << name(store) << ": " << summary.error().to_string();
  }
  open();
  EXPECT_EQ(summaries(*db), before);
  EXPECT_EQ(code_of(rebuild((base / "nowhere").string(), StoreKind::metadata)), ErrorCode::not_found);
}

TEST_F(OperationsTest, RebuildingWhatIsNoDatabaseTouchesNothing) {
  fs::create_directories(restored + "/metadata");
  std::ofstream(restored + "/metadata/state.sqlite") << "somebody's own";
  EXPECT_EQ(code_of(rebuild(restored, StoreKind::metadata)), ErrorCode::invalid_argument);
  EXPECT_TRUE(fs::exists(restored + "/metadata/state.sqlite"));
}

TEST_F(OperationsTest, AStoreWhoseDerivedFileIsGarbageIsRebuilt) {
  write("a");
  ASSERT_TRUE(db->checkpoint());
  const auto before = summaries(*db);
  db.reset();
  for (const char* file : {"metadata/state.sqlite", "analytics/state.duckdb"}) {
    if (!fs::exists(fs::path(directory) / file)) continue;
    std::ofstream(fs::path(directory) / file, std::ios::trunc) << "garbage";
  }
  for (const StoreKind store : {StoreKind::metadata, StoreKind::analytics}) {
    const auto summary = rebuild(directory, store);
    ASSERT_TRUE(summary) << name(store) << ": " << summary.error().to_string();
  }
  open();
  EXPECT_EQ(summaries(*db), before);
}

/// The files of a folder whose names begin like this, in order.
std::vector<fs::path> files_called(const fs::path& folder, std::string_view prefix) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().starts_with(prefix)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string content_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// What can still be read is worth more than what cannot be made any more.
TEST_F(OperationsTest, ARebuildFromDamagedSourcesChangesNothing) {
  for (int i = 0; i < 20; ++i) write("n" + std::to_string(i));
  ASSERT_TRUE(db->checkpoint());
  ASSERT_TRUE(db->analytics().query("select count(*) from events"));
  const auto before = summaries(*db);
  db.reset();
  const struct {
    StoreKind store;
    const char *folder, *source;
  } cases[] = {{StoreKind::metadata, "metadata", "archive-"}, {StoreKind::analytics, "analytics", "part-"}};
  for (const auto& each : cases) {
    const auto sources = files_called(fs::path(directory) / each.folder, each.source);
    ASSERT_FALSE(sources.empty());
    flip(sources.front(), fs::file_size(sources.front()) / 2);
    for (int times = 0; times < 2; ++times) {
      EXPECT_EQ(code_of(rebuild(directory, each.store)), ErrorCode::corruption) << each.folder;
      EXPECT_THAT(message, HasSubstr(sources.front().filename().string()));
      EXPECT_THAT(message, HasSubstr("nothing was changed"));
    }
    flip(sources.front(), fs::file_size(sources.front()) / 2);
  }
  open();
  EXPECT_EQ(summaries(*db), before);
  EXPECT_TRUE(files_called(fs::path(directory) / "metadata", "rebuilt.").empty());
}

// Opening finds the page and makes the file anew; the damaged one stays aside, and a rebuild does not take it away.
TEST_F(OperationsTest, ARowThatRottedInTheDerivedFileIsMadeAgain) {
  for (int i = 0; i < 20; ++i) write("n" + std::to_string(i));
  ASSERT_TRUE(db->checkpoint());
  const auto before = summaries(*db);
  db.reset();
  const auto unchanged = rebuild(directory, StoreKind::metadata);
  ASSERT_TRUE(unchanged) << unchanged.error().to_string();
  EXPECT_FALSE(unchanged->changed);
  const fs::path state = fs::path(directory) / "metadata" / "state.sqlite";
  const std::size_t at = content_of(state).find("Title n7");
  ASSERT_NE(at, std::string::npos);
  flip(state, at);
  const auto changed = rebuild(directory, StoreKind::metadata);  // opening it finds the page's checksum wrong already
  ASSERT_TRUE(changed) << changed.error().to_string();
  EXPECT_EQ(files_called(fs::path(directory) / "metadata", "state.sqlite.damaged-").size(), 1U);
  open();
  EXPECT_EQ(summaries(*db), before);
}

// Whose checksums are right and whose database it is: only what it holds is of another history. Nobody knows what it is good
// for, so it is not thrown away.
TEST_F(OperationsTest, ASoundFileThatDiffersFromItsSourcesIsReplacedAndKept) {
  for (int i = 0; i < 5; ++i) write("n" + std::to_string(i));
  db.reset();
  const std::string fork = (base / "fork").string();
  fs::copy(directory, fork, fs::copy_options::recursive);
  open();
  const Lsn lsn = write("here");
  ASSERT_TRUE(db->checkpoint());
  const auto before = summaries(*db);
  db.reset();
  {
    const auto other = *Engine::open(fork);
    const auto same = write(*other, "there");
    ASSERT_TRUE(same);
    ASSERT_EQ(*same, lsn) << "both say that they are this far";
    ASSERT_TRUE(other->checkpoint());
    ASSERT_TRUE(other->close());
  }
  const fs::path folder = fs::path(directory) / "metadata";
  for (int time = 1; time <= 2; ++time) {
    for (const fs::path& file : files_called(folder, "state.sqlite-")) fs::remove(file);
    for (const fs::path& file : files_called(fs::path(fork) / "metadata", "state.")) {
      fs::copy_file(file, folder / file.filename(), fs::copy_options::overwrite_existing);
    }
    const auto rebuilt = rebuild(directory, StoreKind::metadata);
    ASSERT_TRUE(rebuilt) << rebuilt.error().to_string();
    EXPECT_TRUE(rebuilt->changed);
    for (int kept = 1; kept <= time; ++kept) {
      const fs::path aside = folder / ("state.sqlite.damaged-" + std::to_string(kept));
      ASSERT_TRUE(fs::exists(aside)) << aside << " of " << time;
      EXPECT_THAT(content_of(aside), HasSubstr("Title there"));
    }
    EXPECT_THAT(content_of(folder / "state.sqlite"), HasSubstr("Title here"));
    open();
    EXPECT_EQ(summaries(*db), before);
    EXPECT_TRUE(db->verify()->empty());
    db.reset();
  }
  const auto again = rebuild(directory, StoreKind::metadata);
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_FALSE(again->changed) << "what was kept does not count";
}

// A store that derives nothing is only looked at: that must not pass for a repair.
TEST_F(OperationsTest, ARebuildOverDamageIsNoSuccess) {
  for (int i = 0; i < 20; ++i) write("n" + std::to_string(i));
  ASSERT_TRUE(db->checkpoint());
  db.reset();
  const auto packs = files_called(fs::path(directory) / "object" / "pack", "");
  ASSERT_FALSE(packs.empty());
  flip(packs.front(), fs::file_size(packs.front()) / 2);
  EXPECT_EQ(code_of(rebuild(directory, StoreKind::object)), ErrorCode::corruption);
  EXPECT_THAT(message, HasSubstr("object/pack/" + packs.front().filename().string()));
  open();
}

// "Not found" would say that there is no database, and whoever hears it might make one.
TEST_F(OperationsTest, AFileThatIsMissingIsDamageAndIsNamed) {
  for (int i = 0; i < 5; ++i) write("n" + std::to_string(i));
  ASSERT_TRUE(db->object().put(Bytes(100'000, std::byte{7})));
  ASSERT_TRUE(db->checkpoint());
  db.reset();
  std::set<std::string> tried;
  for (const char* folder : {"vector", "graph", "object", "analytics"}) {
    for (const fs::path& file : files_of(fs::path(directory) / folder)) {
      const fs::path hidden = base / "hidden";
      fs::rename(file, hidden);
      if (const auto opened = Engine::open(directory, {.create = false}); !opened) {
        EXPECT_EQ(code_of(opened), ErrorCode::corruption) << file;
        EXPECT_THAT(message, HasSubstr(fs::relative(file, directory).string() + " is missing"));
        tried.insert(folder);
      }
      fs::rename(hidden, file);
    }
  }
  EXPECT_EQ(tried.size(), 4U);
  open();
}

#ifdef STRATA_FAILPOINTS
TEST_F(OperationsTest, ARebuildThatIsGivenUpAnywhereLosesNothing) {
  for (int i = 0; i < 5; ++i) write("n" + std::to_string(i));
  ASSERT_TRUE(db->checkpoint());
  ASSERT_TRUE(db->analytics().query("select count(*) from events"));
  const auto before = summaries(*db);
  db.reset();
  const fs::path state = fs::path(directory) / "metadata" / "state.sqlite";
  const fs::path there = base / "there";
  fs::create_hard_link(state, there);
  for (const char* point : {"metadata.rebuild.replayed=error", "rebuild.made=error"}) {
    ASSERT_TRUE(core::arm_failpoints(point));
    EXPECT_FALSE(rebuild(directory, StoreKind::metadata)) << point;
    ASSERT_TRUE(core::arm_failpoints(""));
    EXPECT_TRUE(fs::equivalent(state, there)) << point << ": the file of before is the file";
  }
  for (const StoreKind store : {StoreKind::metadata, StoreKind::analytics}) {
    for (const char* point : {"rebuild.made=error", "rebuild.aside=error", "rebuild.exchanged=error"}) {
      ASSERT_TRUE(core::arm_failpoints(point));
      EXPECT_FALSE(rebuild(directory, store)) << point;
      ASSERT_TRUE(core::arm_failpoints(""));
      open();
      EXPECT_EQ(summaries(*db), before) << point;
      db.reset();
    }
    const auto rebuilt = rebuild(directory, store);
    ASSERT_TRUE(rebuilt) << rebuilt.error().to_string();
    EXPECT_FALSE(rebuilt->changed);
    EXPECT_TRUE(files_called(fs::path(directory) / std::string(name(store)), "rebuilt.").empty());
  }
}
#endif

}  // namespace
}  // namespace strata
