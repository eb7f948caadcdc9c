#include "io/posix_file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/random.h"

namespace strata::io {
namespace {

class PosixFileSystemTest : public ::testing::Test {
 protected:
  PosixFileSystemTest() : root_(::testing::TempDir() + "strata_posix_" + core::uuid_v7(0)) {
    std::filesystem::create_directories(root_ + "/data");
    std::ofstream(root_ + "/outside") << "secret";
    files_ = open_posix_file_system(root_ + "/data").value();
  }
  ~PosixFileSystemTest() override { std::filesystem::remove_all(root_); }

  std::string root_;
  std::unique_ptr<FileSystem> files_;
};

TEST_F(PosixFileSystemTest, ASymbolicLinkIsNeverFollowed) {
  std::filesystem::create_symlink(root_ + "/outside", root_ + "/data/link");
  std::filesystem::create_directory_symlink(root_, root_ + "/data/up");
  EXPECT_EQ(files_->open("link", OpenMode::read).error().code(), ErrorCode::permission_denied);
  EXPECT_FALSE(files_->open("up/outside", OpenMode::read));
  EXPECT_FALSE(files_->open("up/new", OpenMode::create));
  EXPECT_FALSE(files_->remove("up/outside"));
  EXPECT_FALSE(files_->rename("up/outside", "x"));
  EXPECT_TRUE(files_->create_directory("a/b"));
  std::filesystem::create_directory_symlink(root_, root_ + "/data/a/b/up");
  EXPECT_TRUE(files_->remove_directory("a"));
  EXPECT_TRUE(std::filesystem::exists(root_ + "/outside"));
}

TEST_F(PosixFileSystemTest, FilesAndFoldersArePrivateToTheirUser) {
  ASSERT_TRUE(files_->create_directory("folder"));
  ASSERT_TRUE(files_->open("folder/file", OpenMode::create));
  using std::filesystem::perms;
  const auto others = perms::group_all | perms::others_all;
  EXPECT_EQ(std::filesystem::status(root_ + "/data/folder").permissions() & others, perms::none);
  EXPECT_EQ(std::filesystem::status(root_ + "/data/folder/file").permissions() & others, perms::none);
}

TEST_F(PosixFileSystemTest, ReservedSpaceIsTakenFromTheDiskAtOnce) {
  auto file = files_->open("a", OpenMode::create).value();
  ASSERT_TRUE(file->reserve(0, 1 << 20));
  struct stat status{};
  ASSERT_EQ(::stat((root_ + "/data/a").c_str(), &status), 0);
  EXPECT_EQ(status.st_size, 1 << 20);
  EXPECT_GE(status.st_blocks * 512, 1 << 20);
}

TEST_F(PosixFileSystemTest, PathLeadsToTheRealFile) {
  ASSERT_TRUE(write_file_atomically(*files_, "a", as_bytes("x")));
  EXPECT_EQ(std::filesystem::file_size(files_->path("a").value()), 1U);
  EXPECT_FALSE(files_->path("../outside"));
}

TEST_F(PosixFileSystemTest, AMissingRootIsNotFound) {
  EXPECT_EQ(open_posix_file_system(root_ + "/missing").error().code(), ErrorCode::not_found);
}

TEST_F(PosixFileSystemTest, AFullDiskIsResourceExhausted) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  auto devices = open_posix_file_system("/dev").value();
  auto file = devices->open("full", OpenMode::read_write);
  if (!file) GTEST_SKIP() << file.error().to_string();
  const auto result = file.value()->write(0, as_bytes("x"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::resource_exhausted);
  EXPECT_THAT(result.error().message(), ::testing::HasSubstr("No space left on device: full"));
}

TEST_F(PosixFileSystemTest, TheLockOfAProcessThatDiedIsFree) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto lock = files_->lock("LOCK", "pid 77 (child)");
    (void)!::write(ready[1], "x", 1);
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  const auto refused = files_->lock("LOCK", "me");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), "the database is open in process 77 (child)");
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(files_->lock("LOCK", "me"));
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace strata::io
