#include "transaction/store_lag.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace strata::transaction {
namespace {

StoreLag::Amounts only(StoreKind store, std::uint64_t bytes) {
  StoreLag::Amounts amounts{};
  amounts[static_cast<std::size_t>(store)] = bytes;
  return amounts;
}

TEST(StoreLag, AStoreBeyondTheLimitIsNamedWithItsLagAndTheLimit) {
  LagAccounts accounts;
  StoreLag lag(100, 0, {}, accounts);
  ASSERT_TRUE(lag.admit(only(StoreKind::graph, 60)));
  ASSERT_TRUE(lag.admit(only(StoreKind::graph, 40)));
  ASSERT_TRUE(lag.admit(only(StoreKind::vector, 100))) << "each store has its own";
  const auto refused = lag.admit(only(StoreKind::graph, 1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::resource_exhausted);
  EXPECT_EQ(retry(refused.error().code()), Retry::call);
  EXPECT_NE(refused.error().message().find("The graph store: 100 bytes behind, at most 100"), std::string::npos)
      << refused.error().message();
  EXPECT_EQ(lag.stats().waits, 1U);
  EXPECT_EQ(lag.stats().refusals, 1U);
}

TEST(StoreLag, WhatIsRefusedForOneStoreTakesNoRoomInAnother) {
  LagAccounts accounts;
  StoreLag lag(100, 0, {}, accounts);
  ASSERT_TRUE(lag.admit(only(StoreKind::graph, 100)));
  StoreLag::Amounts both = only(StoreKind::graph, 1);
  both[static_cast<std::size_t>(StoreKind::vector)] = 50;
  ASSERT_FALSE(lag.admit(both));
  EXPECT_EQ(lag.bytes(StoreKind::vector), 0U);
  EXPECT_EQ(lag.bytes(StoreKind::graph), 100U);
}

TEST(StoreLag, AStoreThatIsNotBehindTakesACommitOfAnySize) {
  LagAccounts accounts;
  StoreLag lag(100, 0, {}, accounts);
  ASSERT_TRUE(lag.admit(only(StoreKind::array, 1'000)));
  ASSERT_FALSE(lag.admit(only(StoreKind::array, 1)));
}

TEST(StoreLag, ACheckpointCountsForWhatWasAppliedWhenItWasFrozen) {
  LagAccounts accounts;
  StoreLag lag(100, 0, only(StoreKind::object, 30), accounts);
  EXPECT_EQ(lag.bytes(StoreKind::object), 30U) << "recovery's";
  ASSERT_TRUE(lag.admit(only(StoreKind::object, 20)));
  ASSERT_TRUE(lag.admit(only(StoreKind::object, 40)));
  lag.applied(only(StoreKind::object, 20));
  const StoreLag::Amounts frozen = lag.mark();
  lag.applied(only(StoreKind::object, 40));
  EXPECT_EQ(lag.bytes(StoreKind::object), 90U) << "frozen is not yet there";
  lag.caught_up(frozen);
  EXPECT_EQ(lag.bytes(StoreKind::object), 40U);
  ASSERT_TRUE(lag.admit(only(StoreKind::object, 60)));
  ASSERT_FALSE(lag.admit(only(StoreKind::object, 1)));
  lag.give_back(only(StoreKind::object, 60));
  EXPECT_TRUE(lag.admit(only(StoreKind::object, 1)));
}

TEST(StoreLag, WhoWaitsHasTheStoresCatchUpAndGoesOnWhenTheyHave) {
  LagAccounts accounts;
  StoreLag lag(100, 60'000, {}, accounts);
  int asked = 0;
  lag.set_catch_up([&] {
    ++asked;
    lag.applied(only(StoreKind::graph, 100));
    lag.caught_up(lag.mark());
  });
  ASSERT_TRUE(lag.admit(only(StoreKind::graph, 100)));
  ASSERT_TRUE(lag.admit(only(StoreKind::graph, 30)));
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(lag.bytes(StoreKind::graph), 30U);
  EXPECT_EQ(lag.stats().refusals, 0U);
}

TEST(StoreLag, ManyAtOnceNeverPassTheLimitTogetherAndAllGetThrough) {
  LagAccounts accounts;
  StoreLag lag(100, 60'000, {}, accounts);
  std::atomic<std::uint64_t> under_way{0}, most{0};
  core::Mutex apply_lock;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        ASSERT_TRUE(lag.admit(only(StoreKind::graph, 30)));
        const std::uint64_t now = under_way.fetch_add(30) + 30;
        for (std::uint64_t before = most; before < now && !most.compare_exchange_weak(before, now);) {
        }
        const core::MutexLock lock(apply_lock);
        under_way.fetch_sub(30);
        lag.applied(only(StoreKind::graph, 30));
        lag.caught_up(lag.mark());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most.load(), 100U);
  EXPECT_EQ(lag.bytes(StoreKind::graph), 0U) << "nothing is left over from those who were turned away for a moment";
}

}  // namespace
}  // namespace strata::transaction
