#include "core/thread_priority.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <thread>

namespace strata::core {
namespace {

#if defined(__linux__)
TEST(ThreadPriority, OneThreadGivesWayAndTheOthersDoNot) {
  const int before = ::getpriority(PRIO_PROCESS, 0);
  int there = 0;
  std::thread([&there] {
    give_way();
    there = ::getpriority(PRIO_PROCESS, 0);
  }).join();
  EXPECT_EQ(there, std::max(before, 10));
  EXPECT_EQ(::getpriority(PRIO_PROCESS, 0), before);
}
#endif

}  // namespace
}  // namespace strata::core
