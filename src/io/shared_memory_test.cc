#include "io/shared_memory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "io/posix_file_system.h"

namespace strata::io {
namespace {

TEST(SharedMemory, IsReadByAnotherProcessAndGoesWithItsOwn) {
  const std::string name = "strata-test-" + std::to_string(::getpid());
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto memory = make_shared_memory(name, 5'000);
    if (memory) std::memcpy((*memory)->bytes().data() + 100, "here", 4);
    (void)!::write(ready[1], memory ? "x" : "-", 1);
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'x');
  const auto copies = read_shared_memory(child, name, 10'000);
  ASSERT_TRUE(copies) << copies.error().to_string();
  EXPECT_EQ(copies->first.size(), 5'000U);
  EXPECT_EQ(std::memcmp(copies->second.data() + 100, "here", 4), 0);
  EXPECT_EQ(copies->first[0], std::byte{0});
  EXPECT_EQ(read_shared_memory(child, name, 100)->first.size(), 100U);
  EXPECT_EQ(read_shared_memory(child, name + "x", 100).error().code(), ErrorCode::not_found);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(read_shared_memory(child, name, 100).error().code(), ErrorCode::not_found);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(SharedMemory, CannotBeCutShortUnderItsOwner) {
  const auto memory = make_shared_memory("strata-test-seals", 4'096);
  ASSERT_TRUE(memory);
  int found = 0;
  for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(each.path(), gone) != "/memfd:strata-test-seals (deleted)") continue;
    ++found;
    const int descriptor = ::open(each.path().c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_GE(descriptor, 0);
    EXPECT_NE(::ftruncate(descriptor, 0), 0);
    EXPECT_NE(::ftruncate(descriptor, 8'192), 0);
    ::close(descriptor);
  }
  EXPECT_EQ(found, 1);
  memory.value()->hide();
  memory.value()->bytes()[4'095] = std::byte{1};
  EXPECT_EQ(read_shared_memory(::getpid(), "strata-test-seals", 100).error().code(), ErrorCode::not_found);
}

TEST(LockOwner, IsToldWithoutTheLock) {
  const std::string root = ::testing::TempDir() + "strata_lock_owner_" + std::to_string(::getpid());
  std::filesystem::create_directories(root);
  EXPECT_EQ(lock_owner(root, "lock").error().code(), ErrorCode::not_found);
  const auto files = *open_posix_file_system(root);
  {
    const auto lock = *files->lock("lock", "process 7 (x)");
    EXPECT_EQ(*lock_owner(root, "lock"), "process 7 (x)");
    EXPECT_EQ(*lock_owner(root, "lock"), "process 7 (x)") << "to ask changes nothing";
  }
  EXPECT_EQ(*lock_owner(root, "lock"), std::nullopt) << "its text is still there, its holder is not";
  EXPECT_TRUE(files->lock("lock", "process 8 (y)"));
  EXPECT_EQ(directory_identity(root).value(), directory_identity(root + "/.").value());
  EXPECT_NE(directory_identity(root).value(), directory_identity(root + "/..").value());
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace strata::io
