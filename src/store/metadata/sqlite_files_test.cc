// What SQLite tells of a disk that refuses. It stands on a layer of this test that refuses on demand, as the system would.
#include "store/metadata/sqlite_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <mutex>

#include "core/random.h"
#include "store/metadata/sqlite.h"

namespace strata::store::metadata {
namespace {

bool reads_fail = false, opens_to_write_fail = false;
sqlite3_vfs* below = nullptr;
sqlite3_vfs refusing;
sqlite3_io_methods methods;
const sqlite3_io_methods* methods_below = nullptr;
std::once_flag known_below;  // every test of this program opens its databases through this layer, some on many threads

/// As SQLite's own layer answers EIO.
int read(sqlite3_file* file, void* out, int bytes, sqlite3_int64 offset) {
  return reads_fail ? SQLITE_IOERR_CORRUPTFS : methods_below->xRead(file, out, bytes, offset);
}

/// As SQLite's own layer does when the file cannot be opened for writing, whatever the reason was.
int open(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags, int* out_flags) {
  const bool main_file = (flags & SQLITE_OPEN_MAIN_DB) != 0;
  if (opens_to_write_fail && main_file)
    flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
  const int code = below->xOpen(below, name, file, flags, out_flags);
  if (main_file && file->pMethods != nullptr) {
    std::call_once(known_below, [&] {
      methods_below = file->pMethods;
      methods = *methods_below;
      methods.xRead = read;
    });
    if (file->pMethods == methods_below) file->pMethods = &methods;
  }
  return code;
}

/// Before anything opens a database: sqlite_files() stands on what is the default when it is first asked.
const bool registered = [] {
  below = sqlite3_vfs_find(nullptr);
  refusing = *below;
  refusing.zName = "refusing";
  refusing.xOpen = open;
  return sqlite3_vfs_register(&refusing, 1) == SQLITE_OK;
}();

class SqliteFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(registered);
    fs_ = std::filesystem::temp_directory_path() / ("strata-sqlite-" + std::to_string(core::random_seed()));
    std::filesystem::create_directories(fs_);
    auto made = Connection::open(path(), Connection::Role::writer, 1 << 20);
    ASSERT_TRUE(made) << made.error().to_string();
    ASSERT_TRUE(made->run("create table t(a)"));
    ASSERT_TRUE(made->run("insert into t values (1)"));
  }
  void TearDown() override {
    reads_fail = opens_to_write_fail = false;
    std::filesystem::remove_all(fs_);
  }
  std::string path() const { return (fs_ / "state.sqlite").string(); }

 private:
  std::filesystem::path fs_;
};

TEST_F(SqliteFilesTest, AnErrorOfTheDiskIsIoAndNotCorruption) {
  auto connection = Connection::open(path(), Connection::Role::reader, 1 << 20);
  ASSERT_TRUE(connection) << connection.error().to_string();
  reads_fail = true;
  const auto failed = connection->run("select * from t");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), ErrorCode::io) << failed.error().to_string();
  reads_fail = false;
  EXPECT_TRUE(connection->run("select * from t")) << "the file is sound";
}

TEST_F(SqliteFilesTest, AFileThatCannotBeOpenedForWritingNowIsNotOpenedForReadingInstead) {
  opens_to_write_fail = true;
  const auto refused = Connection::open(path(), Connection::Role::writer, 1 << 20);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::io) << refused.error().to_string();
  opens_to_write_fail = false;
  auto again = Connection::open(path(), Connection::Role::writer, 1 << 20);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->run("insert into t values (2)"));
}

void flip(const std::string& file, std::uintmax_t offset) {
  std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekg(static_cast<std::streamoff>(offset));
  const int byte = bytes.get();
  bytes.seekp(static_cast<std::streamoff>(offset));
  bytes.put(static_cast<char>(byte ^ 4));
}

TEST_F(SqliteFilesTest, APageOfTheLogThatIsDamagedIsNeitherReadNorCopied) {
  auto writer = Connection::open(path(), Connection::Role::writer, 1 << 20);
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->run("insert into t values (2)"));
  const std::string log = path() + "-wal";
  const auto end = std::filesystem::file_size(log);
  flip(log, end - 4);  // at the end of the last page, in which nothing is
  auto reader = Connection::open(path(), Connection::Role::reader, 1 << 20);
  ASSERT_TRUE(reader);
  const auto read = reader->run("select * from t");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), ErrorCode::corruption);
  EXPECT_EQ(read.error().message(), "state.sqlite-wal, page 3: the checksum is wrong");
  EXPECT_NE(sqlite3_wal_checkpoint_v2(writer->get(), "main", SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr), SQLITE_OK);
  flip(log, end - 4);
  EXPECT_TRUE(reader->run("select * from t"));
  EXPECT_EQ(sqlite3_wal_checkpoint_v2(writer->get(), "main", SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr), SQLITE_OK);
}

// A page that is changed again after it had to leave a small cache takes the place of its first frame, whose sum is put right at
// the end of the transaction.
TEST_F(SqliteFilesTest, PagesThatLeaveTheCacheAndAreChangedAgainAreNoDamage) {
  auto writer = Connection::open(path(), Connection::Role::writer, 1 << 10);
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->run("pragma cache_size=5; create table large(id integer primary key, a, b)"));
  core::Random random(1);
  for (int round = 0; round < 6; ++round) {
    ASSERT_TRUE(writer->run("begin"));
    for (int i = 0; i < 400; ++i) {
      const std::string id = std::to_string(random.below(200));
      const auto put =
          writer->run(("insert or replace into large values (" + id + ", randomblob(900), " + id + ")").c_str());
      ASSERT_TRUE(put) << put.error().to_string();
      const char* const between = i == 200 ? "savepoint s" : i == 300 && round % 2 == 0 ? "rollback to s" : "";
      ASSERT_TRUE(writer->run(between));
    }
    const auto read = writer->run("select sum(length(a)) from large");
    ASSERT_TRUE(read) << read.error().to_string();
    ASSERT_TRUE(writer->run(round % 3 == 2 ? "rollback" : "commit"));
    auto reader = Connection::open(path(), Connection::Role::reader, 1 << 20);
    ASSERT_TRUE(reader);
    const auto seen = reader->run("select sum(length(a)) from large; pragma integrity_check");
    ASSERT_TRUE(seen) << seen.error().to_string();
    if (round < 3) continue;
    EXPECT_EQ(sqlite3_wal_checkpoint_v2(writer->get(), "main", SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr), SQLITE_OK);
  }
}

// Every bit, read as SQLite reads: each page by itself.
TEST_F(SqliteFilesTest, EveryBitOfTheFileIsCovered) {
  auto reader = Connection::open(path(), Connection::Role::reader, 1 << 20);
  ASSERT_TRUE(reader);
  ASSERT_TRUE(reader->run("select * from t"));
  const auto pages = count_pages(reader->get());
  ASSERT_TRUE(pages);
  ASSERT_GE(*pages, 3U);
  const int file = ::open(path().c_str(), O_RDWR);
  ASSERT_GE(file, 0);
  for (std::uint32_t at = 0; at < *pages * 4096; ++at) {
    unsigned char byte = 0;
    ASSERT_EQ(::pread(file, &byte, 1, at), 1);
    for (int bit = 0; bit < 8; ++bit) {
      const auto changed = static_cast<unsigned char>(byte ^ 1 << bit);
      ASSERT_EQ(::pwrite(file, &changed, 1, at), 1);
      const auto checked = check_page(reader->get(), at / 4096 + 1);
      ASSERT_FALSE(checked) << at;
      ASSERT_EQ(checked.error().code(), ErrorCode::corruption);
    }
    ASSERT_EQ(::pwrite(file, &byte, 1, at), 1);
  }
  ::close(file);
}

}  // namespace
}  // namespace strata::store::metadata
