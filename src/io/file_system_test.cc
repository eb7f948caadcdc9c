// One examination for every file system: what the contract says must hold on the real disk, in memory and through the
// fault injector alike.
#include "io/file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/random.h"
#include "io/memory_file_system.h"
#include "io/posix_file_system.h"
#include "testing/faulty_file_system.h"

namespace strata::io {
namespace {

enum class Disk { posix, memory, faulty };

class FileSystemTest : public ::testing::TestWithParam<Disk> {
 protected:
  void SetUp() override {
    if (GetParam() == Disk::posix) {
      root_ = ::testing::TempDir() + "strata_io_" + core::uuid_v7(0);
      ASSERT_TRUE(std::filesystem::create_directories(root_));
      files_ = open_posix_file_system(root_).value();
      return;
    }
    files_ = make_memory_file_system();
    if (GetParam() == Disk::memory) return;
    base_ = std::move(files_);
    files_ = std::make_unique<testing::FaultyFileSystem>(*base_);
  }
  void TearDown() override {
    files_.reset();
    if (!root_.empty()) std::filesystem::remove_all(root_);
  }
  FileSystem& files() { return *files_; }

 private:
  std::string root_;
  std::unique_ptr<FileSystem> base_;
  std::unique_ptr<FileSystem> files_;
};

std::string text_of(FileSystem& files, std::string_view name) {
  const auto bytes = read_file(files, name, 1 << 20);
  return bytes ? std::string(as_text(*bytes)) : std::string(strata::name(bytes.error().code()));
}

TEST_P(FileSystemTest, AFileReadsBackWhatWasWritten) {
  auto file = files().open("a", OpenMode::create).value();
  ASSERT_TRUE(file->write(0, as_bytes("hello world")));
  ASSERT_TRUE(file->write(6, as_bytes("W")));
  ASSERT_TRUE(file->append(as_bytes("!")));
  ASSERT_TRUE(file->sync());
  ASSERT_TRUE(file->sync_data());
  EXPECT_EQ(text_of(files(), "a"), "hello World!");
  EXPECT_EQ(files().file_size("a").value(), 12U);
  Bytes part(5);
  ASSERT_TRUE(file->read_durable(6, part));
  EXPECT_EQ(as_text(part), "World");
  ASSERT_TRUE(file->truncate(5));
  EXPECT_EQ(text_of(files(), "a"), "hello");
}

TEST_P(FileSystemTest, AWriteBeyondTheEndLeavesZerosBetween) {
  auto file = files().open("a", OpenMode::create).value();
  ASSERT_TRUE(file->write(3, as_bytes("x")));
  EXPECT_EQ(text_of(files(), "a"), std::string("\0\0\0x", 4));
  ASSERT_TRUE(file->zero_fill(2, 4));
  EXPECT_EQ(text_of(files(), "a"), std::string(6, '\0'));
}

TEST_P(FileSystemTest, ReservingGrowsAFileByZerosAndKeepsWhatIsThere) {
  auto file = files().open("a", OpenMode::create).value();
  ASSERT_TRUE(file->reserve(0, 8));
  EXPECT_EQ(text_of(files(), "a"), std::string(8, '\0'));
  ASSERT_TRUE(file->write(2, as_bytes("hello")));
  ASSERT_TRUE(file->reserve(0, 4));
  ASSERT_TRUE(file->reserve(4, 6));
  EXPECT_EQ(text_of(files(), "a"), std::string("\0\0hello\0\0\0", 10));
  ASSERT_TRUE(file->truncate(3));
  ASSERT_TRUE(file->reserve(4, 2));
  EXPECT_EQ(text_of(files(), "a"), std::string("\0\0h\0\0\0", 6));
}

TEST_P(FileSystemTest, ReadingPastTheEndIsCorruptionNamingFileAndOffset) {
  auto file = files().open("a", OpenMode::create).value();
  ASSERT_TRUE(file->write(0, as_bytes("12345")));
  Bytes out(8);
  const auto result = file->read(1, out);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::corruption);
  EXPECT_THAT(result.error().message(), ::testing::AllOf(::testing::HasSubstr("a"), ::testing::HasSubstr("offset 5")));
}

TEST_P(FileSystemTest, OpenModesDoWhatTheySay) {
  EXPECT_EQ(files().open("a", OpenMode::read).error().code(), ErrorCode::not_found);
  EXPECT_EQ(files().open("a", OpenMode::read_write).error().code(), ErrorCode::not_found);
  ASSERT_TRUE(files().open("a", OpenMode::create));
  EXPECT_EQ(files().open("a", OpenMode::create).error().code(), ErrorCode::already_exists);
  ASSERT_TRUE(files().open("a", OpenMode::create_or_open));
  ASSERT_TRUE(files().open("b", OpenMode::create_or_open));
  EXPECT_FALSE(files().open("a", OpenMode::read).value()->write(0, as_bytes("x")));
  EXPECT_EQ(files().open("missing/a", OpenMode::create).error().code(), ErrorCode::not_found);
}

TEST_P(FileSystemTest, NamesThatLeaveTheRootAreRefused) {
  const std::string long_part(300, 'x');
  for (const std::string_view bad :
       {std::string_view(""), std::string_view("/etc/passwd"), std::string_view("../a"), std::string_view("a/../../b"),
        std::string_view("a/.."), std::string_view("."), std::string_view("./a"), std::string_view("a//b"),
        std::string_view("a/"), std::string_view("a\0b", 3), std::string_view(long_part)}) {
    SCOPED_TRACE(bad);
    EXPECT_EQ(files().open(bad, OpenMode::create_or_open).error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(files().map(bad).error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(files().rename(bad, "x").error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(files().remove(bad).error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(files().create_directory(bad).error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(files().remove_directory(bad).error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(files().exists(bad).error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(files().lock(bad, "me").error().code(), ErrorCode::invalid_argument);
  }
  ASSERT_TRUE(files().open("x", OpenMode::create));
  EXPECT_EQ(files().rename("x", "../y").error().code(), ErrorCode::invalid_argument);
  EXPECT_TRUE(files().exists("x").value());
}

TEST_P(FileSystemTest, FoldersHoldFilesAndAreListedSorted) {
  ASSERT_TRUE(files().create_directory("a/b/c"));
  ASSERT_TRUE(files().create_directory("a/b/c"));
  ASSERT_TRUE(files().open("a/b/2", OpenMode::create));
  ASSERT_TRUE(files().open("a/b/1", OpenMode::create));
  ASSERT_TRUE(files().open("a.x", OpenMode::create));
  EXPECT_THAT(files().list("a/b").value(), ::testing::ElementsAre("1", "2", "c"));
  EXPECT_THAT(files().list("").value(), ::testing::ElementsAre("a", "a.x"));
  EXPECT_EQ(files().list("missing").error().code(), ErrorCode::not_found);
  ASSERT_TRUE(files().sync_directory("a/b"));
  ASSERT_TRUE(files().sync_directory(""));
  EXPECT_FALSE(files().sync_directory("missing"));
  ASSERT_TRUE(files().remove_directory("a"));
  EXPECT_THAT(files().list("").value(), ::testing::ElementsAre("a.x"));
  EXPECT_EQ(files().remove_directory("a").error().code(), ErrorCode::not_found);
  EXPECT_FALSE(files().create_directory("a.x/y"));
}

TEST_P(FileSystemTest, RenameReplacesAndRemoveRemoves) {
  ASSERT_TRUE(write_file_atomically(files(), "a", as_bytes("A")));
  ASSERT_TRUE(write_file_atomically(files(), "b", as_bytes("B")));
  ASSERT_TRUE(files().rename("a", "b"));
  EXPECT_EQ(text_of(files(), "b"), "A");
  EXPECT_FALSE(files().exists("a").value());
  EXPECT_EQ(files().rename("a", "b").error().code(), ErrorCode::not_found);
  ASSERT_TRUE(files().remove("b"));
  EXPECT_EQ(files().remove("b").error().code(), ErrorCode::not_found);
}

TEST_P(FileSystemTest, AMappingShowsTheFileAndOutlivesItsName) {
  ASSERT_TRUE(write_file_atomically(files(), "a", as_bytes("mapped")));
  auto mapping = files().map("a").value();
  mapping->advise(Mapping::Advice::random);
  ASSERT_TRUE(files().remove("a"));
  EXPECT_EQ(as_text(mapping->bytes()), "mapped");
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(mapping->bytes().data()) % 4096, 0U);
  ASSERT_TRUE(files().open("empty", OpenMode::create));
  EXPECT_TRUE(files().map("empty").value()->bytes().empty());
  EXPECT_EQ(files().map("a").error().code(), ErrorCode::not_found);
}

TEST_P(FileSystemTest, TheSecondLockIsRefusedAtOnceAndNamesTheOwner) {
  auto held = files().lock("LOCK", "pid 123 (strata)");
  ASSERT_TRUE(held);
  const auto refused = files().lock("LOCK", "pid 124 (other)");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::unavailable);
  EXPECT_EQ(refused.error().message(), "the database is open in process 123 (strata)");
  EXPECT_EQ(text_of(files(), "LOCK"), "pid 123 (strata)");
  held.value().reset();
  EXPECT_TRUE(files().lock("LOCK", "pid 124 (other)"));
  EXPECT_EQ(text_of(files(), "LOCK"), "pid 124 (other)");
}

TEST_P(FileSystemTest, ReadFileRefusesWhatIsTooLarge) {
  ASSERT_TRUE(write_file_atomically(files(), "a", as_bytes("12345")));
  EXPECT_EQ(read_file(files(), "a", 4).error().code(), ErrorCode::resource_exhausted);
  EXPECT_EQ(read_file(files(), "a", 5).value().size(), 5U);
  EXPECT_EQ(read_file(files(), "b", 5).error().code(), ErrorCode::not_found);
}

TEST_P(FileSystemTest, WriteAtomicallyReplacesALeftoverAndTheOldContent) {
  ASSERT_TRUE(files().open("a.tmp", OpenMode::create).value()->write(0, as_bytes("a long leftover")));
  ASSERT_TRUE(write_file_atomically(files(), "a", as_bytes("one")));
  ASSERT_TRUE(write_file_atomically(files(), "a", as_bytes("2")));
  EXPECT_EQ(text_of(files(), "a"), "2");
  EXPECT_THAT(files().list("").value(), ::testing::ElementsAre("a"));
  EXPECT_GT(files().free_bytes().value(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Disks, FileSystemTest, ::testing::Values(Disk::posix, Disk::memory, Disk::faulty),
                         [](const ::testing::TestParamInfo<Disk>& disk) {
                           return std::string(disk.param == Disk::posix    ? "Posix"
                                              : disk.param == Disk::memory ? "Memory"
                                                                           : "Faulty");
                         });

TEST(MemoryFileSystem, AWriteIntoReservedSpaceSucceedsOnAFullDisk) {
  const auto files = make_memory_file_system();
  files->set_capacity(100);
  auto file = files->open("a", OpenMode::create).value();
  ASSERT_TRUE(file->reserve(0, 60));
  EXPECT_EQ(files->free_bytes().value(), 40U);
  EXPECT_EQ(file->reserve(60, 41).error().code(), ErrorCode::resource_exhausted);
  files->set_capacity(60);
  EXPECT_TRUE(file->write(50, Bytes(10)));
  EXPECT_EQ(file->write(51, Bytes(10)).error().code(), ErrorCode::resource_exhausted);
}

TEST(FaultyFileSystem, TheKthCallFailsOnceOrForEver) {
  auto disk = make_memory_file_system();
  testing::FaultyFileSystem files(*disk);
  auto file = files.open("a", OpenMode::create).value();
  files.fail({.call = testing::Call::write,
              .nth = 2,
              .error = ErrorCode::resource_exhausted,
              .effect = testing::Fault::Effect::half});
  EXPECT_TRUE(file->write(0, as_bytes("1234")));
  EXPECT_EQ(file->write(0, as_bytes("abcd")).error().code(), ErrorCode::resource_exhausted);
  EXPECT_EQ(text_of(*disk, "a"), "ab34");
  EXPECT_TRUE(file->write(0, as_bytes("ABCD")));
  files.fail({.call = testing::Call::change, .nth = 2, .forever = true});
  EXPECT_TRUE(file->sync());
  EXPECT_EQ(file->sync().error().code(), ErrorCode::io);
  EXPECT_EQ(files.rename("a", "b").error().code(), ErrorCode::io);
  EXPECT_EQ(files.failures(), 3U);
  files.heal();
  EXPECT_TRUE(files.rename("a", "b"));
  EXPECT_EQ(files.calls(testing::Call::write), 3U);
}

TEST(WriteFileAtomically, WithoutSpaceNothingIsLeftBehind) {
  const auto files = make_memory_file_system();
  files->set_capacity(10);
  EXPECT_EQ(write_file_atomically(*files, "a", Bytes(11)).error().code(), ErrorCode::resource_exhausted);
  EXPECT_THAT(files->list("").value(), ::testing::IsEmpty());
  EXPECT_TRUE(write_file_atomically(*files, "a", Bytes(10)));
}

TEST(WriteFileAtomically, AnyFailedCallLeavesTheOldContentOrTheNew) {
  for (std::uint64_t k = 1;; ++k) {
    auto disk = make_memory_file_system();
    ASSERT_TRUE(write_file_atomically(*disk, "a", as_bytes("old")));
    testing::FaultyFileSystem files(*disk);
    files.fail({.call = testing::Call::any, .nth = k, .forever = true});
    const bool done = write_file_atomically(files, "a", as_bytes("new")).has_value();
    core::Random random(k);
    disk->power_cut(random, {PowerCut::Unsynced::torn, PowerCut::Unsynced::torn});
    const std::string after = text_of(*disk, "a");
    EXPECT_TRUE(after == "new" || (!done && after == "old")) << k << " " << after;
    if (done) break;
  }
}

}  // namespace
}  // namespace strata::io
