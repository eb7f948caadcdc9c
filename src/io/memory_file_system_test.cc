#include "io/memory_file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata::io {
namespace {

using enum PowerCut::Unsynced;

std::string text_of(FileSystem& files, std::string_view name) {
  const auto bytes = read_file(files, name, 1 << 20);
  return bytes ? std::string(as_text(*bytes)) : std::string(strata::name(bytes.error().code()));
}

TEST(MemoryFileSystem, APowerCutTakesWhatWasNotSyncedAndLeavesWhatWas) {
  auto files = make_memory_file_system();
  core::Random random(1);
  auto file = files->open("a", OpenMode::create).value();
  ASSERT_TRUE(files->sync_directory(""));
  ASSERT_TRUE(file->write(0, as_bytes("kept")));
  ASSERT_TRUE(file->sync());
  ASSERT_TRUE(file->write(0, as_bytes("lost and longer")));
  files->power_cut(random, {lost, lost});
  EXPECT_EQ(text_of(*files, "a"), "kept");
  EXPECT_EQ(file->write(0, as_bytes("x")).error().code(), ErrorCode::io);
}

TEST(MemoryFileSystem, ANameIsPromisedByItsFolderNotByItsFile) {
  auto files = make_memory_file_system();
  core::Random random(1);
  ASSERT_TRUE(files->create_directory("folder"));
  auto file = files->open("folder/a", OpenMode::create).value();
  ASSERT_TRUE(file->sync());
  ASSERT_TRUE(files->sync_directory("folder"));
  {
    auto copy = files->clone();
    copy->power_cut(random, {lost, lost});
    EXPECT_FALSE(copy->exists("folder").value()) << "the folder's own name was never synced";
  }
  ASSERT_TRUE(files->sync_directory(""));
  ASSERT_TRUE(files->rename("folder/a", "folder/b"));
  files->power_cut(random, {lost, lost});
  EXPECT_TRUE(files->exists("folder/a").value());
  EXPECT_FALSE(files->exists("folder/b").value());
}

TEST(MemoryFileSystem, ARenameHappensWholeOrNotAtAll) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    auto files = make_memory_file_system();
    core::Random random(seed);
    ASSERT_TRUE(write_file_atomically(*files, "a", as_bytes("old")));
    auto file = files->open("a.tmp", OpenMode::create).value();
    ASSERT_TRUE(file->write(0, as_bytes("new")));
    ASSERT_TRUE(file->sync());
    ASSERT_TRUE(files->rename("a.tmp", "a"));
    files->power_cut(random, {torn, torn});
    EXPECT_THAT(text_of(*files, "a"), ::testing::AnyOf("old", "new"));
  }
}

TEST(MemoryFileSystem, UnsyncedSectorsMayGoAndStayInAnyCombination) {
  bool first_without_second = false;
  bool second_without_first = false;
  for (std::uint64_t seed = 0; seed < 64; ++seed) {
    auto files = make_memory_file_system();
    core::Random random(seed);
    auto file = files->open("a", OpenMode::create).value();
    ASSERT_TRUE(files->sync_directory(""));
    ASSERT_TRUE(file->zero_fill(0, 1024));
    ASSERT_TRUE(file->sync());
    ASSERT_TRUE(file->write(0, as_bytes(std::string(1024, 'x'))));
    files->power_cut(random, {torn, lost});
    const std::string text = text_of(*files, "a");
    ASSERT_EQ(text.size(), 1024U);
    for (std::size_t sector = 0; sector < 2; ++sector)
      EXPECT_EQ(text.find_first_not_of(text[sector * 512], sector * 512), text[0] == text[512] ? std::string::npos
                                                                          : sector == 0        ? 512
                                                                                               : std::string::npos);
    first_without_second |= text[0] == 'x' && text[512] == '\0';
    second_without_first |= text[0] == '\0' && text[512] == 'x';
  }
  EXPECT_TRUE(first_without_second && second_without_first);
}

TEST(MemoryFileSystem, AFullDiskRefusesToGrow) {
  auto files = make_memory_file_system();
  files->set_capacity(1000);
  auto file = files->open("a", OpenMode::create).value();
  ASSERT_TRUE(file->write(0, Bytes(1000)));
  EXPECT_EQ(file->append(Bytes(1)).error().code(), ErrorCode::resource_exhausted);
  EXPECT_TRUE(file->write(500, Bytes(500)));
  EXPECT_EQ(files->free_bytes().value(), 0U);
}

TEST(MemoryFileSystem, DamageChangesWhatIsDurable) {
  auto files = make_memory_file_system();
  core::Random random(1);
  ASSERT_TRUE(write_file_atomically(*files, "a", as_bytes("abc")));
  ASSERT_TRUE(files->damage("a", [](Bytes& bytes) { bytes[1] ^= std::byte{1}; }));
  files->power_cut(random, {lost, lost});
  EXPECT_EQ(text_of(*files, "a"), "acc");
}

}  // namespace
}  // namespace strata::io
