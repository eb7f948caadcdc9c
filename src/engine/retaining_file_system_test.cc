#include "engine/retaining_file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "io/memory_file_system.h"

namespace strata::engine {
namespace {

using ::testing::ElementsAre;

TEST(RetainingFileSystem, AnAttemptThatFailedTakesItsNewFilesWithItAndNothingElse) {
  const auto disk = io::make_memory_file_system();
  RetainingFileSystem files(*disk);
  ASSERT_TRUE(io::write_file_atomically(files, "before", Bytes(1)));
  ASSERT_TRUE(io::write_file_atomically(files, "replaced", Bytes(1)));
  {
    RetainingFileSystem::Attempt attempt(files);
    ASSERT_TRUE(io::write_file_atomically(files, "unasked", Bytes(1)));
    attempt.note(true);
    ASSERT_TRUE(io::write_file_atomically(files, "finished", Bytes(1)));
    ASSERT_TRUE(files.open("unfinished.tmp", io::OpenMode::create));
    ASSERT_TRUE(files.open("before", io::OpenMode::create_or_open));
    ASSERT_TRUE(io::write_file_atomically(files, "replaced", Bytes(2)));
    std::thread([&] { ASSERT_TRUE(io::write_file_atomically(files, "of another thread", Bytes(1))); }).join();
    attempt.note(false);
    ASSERT_TRUE(io::write_file_atomically(files, "unasked too", Bytes(1)));
  }
  EXPECT_THAT(disk->list("").value(), ElementsAre("before", "of another thread", "replaced", "unasked", "unasked too"));
  EXPECT_EQ(disk->file_size("replaced").value(), 2U);
}

TEST(RetainingFileSystem, AnAttemptThatAManifestMayNameKeepsItsFiles) {
  const auto disk = io::make_memory_file_system();
  RetainingFileSystem files(*disk);
  {
    RetainingFileSystem::Attempt attempt(files);
    attempt.note(true);
    ASSERT_TRUE(io::write_file_atomically(files, "a", Bytes(1)));
    attempt.keep();
    ASSERT_TRUE(io::write_file_atomically(files, "b", Bytes(1)));
  }
  EXPECT_THAT(disk->list("").value(), ElementsAre("a", "b"));
}

TEST(RetainingFileSystem, AfterItsEndNothingChanges) {
  const auto disk = io::make_memory_file_system();
  RetainingFileSystem files(*disk);
  ASSERT_TRUE(io::write_file_atomically(files, "a", Bytes(1)));
  ASSERT_TRUE(files.create_directory("folder"));
  files.end();
  EXPECT_EQ(files.remove("a").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(files.rename("a", "b").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(files.create_directory("another").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(files.remove_directory("folder").error().code(), ErrorCode::failed_precondition);
  for (const auto mode : {io::OpenMode::create, io::OpenMode::create_or_open, io::OpenMode::read_write}) {
    EXPECT_EQ(files.open("a", mode).error().code(), ErrorCode::failed_precondition);
  }
  EXPECT_TRUE(files.open("a", io::OpenMode::read));
  EXPECT_EQ(disk->file_size("a").value(), 1U);
}

}  // namespace
}  // namespace strata::engine
