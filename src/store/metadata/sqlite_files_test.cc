// What SQLite tells of a disk that refuses. It stands on a layer of this test that refuses on demand, as the system would.
#include "store/metadata/sqlite_files.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "core/random.h"
#include "store/metadata/sqlite.h"

namespace strata::store::metadata {
namespace {

bool reads_fail = false, opens_to_write_fail = false;
sqlite3_vfs* below = nullptr;
sqlite3_vfs refusing;
sqlite3_io_methods methods;
const sqlite3_io_methods* methods_below = nullptr;

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
    methods_below = file->pMethods;
    methods = *methods_below;
    methods.xRead = read;
    file->pMethods = &methods;
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

}  // namespace
}  // namespace strata::store::metadata
