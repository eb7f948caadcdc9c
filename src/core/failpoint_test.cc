#include "core/failpoint.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#ifdef STRATA_FAILPOINTS

namespace strata::core {
namespace {

constexpr std::string_view kPoint = "journal.append.begin";
int calls = 0;

Result<void> pass() {
  STRATA_FAILPOINT("journal.append.begin");
  return {};
}

class FailpointTest : public testing::Test {
 protected:
  ~FailpointTest() override { (void)arm_failpoints("").has_value(); }
  static Result<void> arm(const std::string& action) {
    return arm_failpoints(std::string(kPoint) + "=" + action, [] { ++calls; });
  }
};

TEST_F(FailpointTest, AnArmedErrorStrikesAtTheHitItWasAskedForAndOnlyThere) {
  ASSERT_TRUE(arm("error@3"));
  EXPECT_TRUE(pass());
  EXPECT_TRUE(pass());
  const auto failed = pass();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), ErrorCode::io);
  EXPECT_NE(failed.error().message().find(kPoint), std::string::npos);
  EXPECT_TRUE(pass());
  EXPECT_EQ(failpoint_hits()[static_cast<std::size_t>(failpoint_index(kPoint, true))], 4u);
}

TEST_F(FailpointTest, WithAPlusItStrikesFromThereOn) {
  ASSERT_TRUE(arm("error@2+"));
  EXPECT_TRUE(pass());
  EXPECT_FALSE(pass());
  EXPECT_FALSE(pass());
  ASSERT_TRUE(arm_failpoints(""));
  EXPECT_TRUE(pass());
}

TEST_F(FailpointTest, CallRunsTheGivenFunctionAndTheCodeGoesOn) {
  calls = 0;
  ASSERT_TRUE(arm("call@2"));
  EXPECT_TRUE(pass());
  EXPECT_EQ(calls, 0);
  EXPECT_TRUE(pass());
  EXPECT_EQ(calls, 1);
}

TEST_F(FailpointTest, ADelayedPointGoesOn) {
  ASSERT_TRUE(arm("delay(0)"));
  EXPECT_TRUE(pass());
}

TEST_F(FailpointTest, WhatIsArmedWhileAThreadIsUnderWayStrikesIt) {
  // Relaxed: they order nothing, so that the thread sanitizer sees whether arming and passing do by themselves.
  std::atomic<bool> passed = false, armed = false;
  std::thread thread([&] {
    EXPECT_TRUE(pass());
    passed.store(true, std::memory_order_relaxed);
    while (!armed.load(std::memory_order_relaxed)) std::this_thread::yield();
    while (pass()) {
    }
  });
  while (!passed.load(std::memory_order_relaxed)) std::this_thread::yield();
  EXPECT_TRUE(arm("error@2+"));
  armed.store(true, std::memory_order_relaxed);
  thread.join();
  EXPECT_EQ(failpoint_hits()[static_cast<std::size_t>(failpoint_index(kPoint, true))], 2u);
}

TEST_F(FailpointTest, WhatCannotBeArmedIsNamedAndNothingIsArmed) {
  for (const char* spec :
       {"no.such.point=kill", "journal.append.begin", "journal.append.begin=explode", "journal.append.begin=delay(x)",
        "journal.append.begin=kill@0", "journal.append.begin=kill@", "journal.append.queued=error"}) {
    ASSERT_TRUE(arm("error@1+"));
    const auto refused = arm_failpoints(spec);
    ASSERT_FALSE(refused) << spec;
    EXPECT_EQ(refused.error().code(), ErrorCode::invalid_argument) << spec;
    EXPECT_TRUE(pass()) << spec;
  }
}

TEST_F(FailpointTest, NamesAreDistinct) {
  for (int i = 0; i < kFailpointCount; ++i) {
    for (int j = 0; j < i; ++j) EXPECT_NE(kFailpoints[i].name, kFailpoints[j].name);
  }
}

using FailpointDeathTest = FailpointTest;

TEST_F(FailpointDeathTest, KillIsNotTheProcessesOwnChoice) {
  EXPECT_EXIT(
      {
        (void)arm("kill@2").has_value();
        (void)pass().has_value();
        (void)pass().has_value();
      },
      testing::KilledBySignal(SIGKILL), "");
}

}  // namespace
}  // namespace strata::core

#endif
