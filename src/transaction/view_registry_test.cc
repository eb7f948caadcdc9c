#include "transaction/view_registry.h"

#include <gtest/gtest.h>

#include <future>
#include <optional>
#include <thread>

namespace strata::transaction {
namespace {

TEST(ViewRegistry, ClosingIsRefusedWithHowManyViewsAndTransactionsAreOpen) {
  ViewRegistry registry;
  const Present present;
  ViewPin view = registry.pin_current(present, Reader::view);
  ViewPin one = registry.pin_current(present, Reader::transaction),
          two = registry.pin_current(present, Reader::transaction);
  EXPECT_EQ(registry.close().error().message(), "1 view and 2 transactions are open; end them, then close");
  EXPECT_TRUE(registry.pin_current(present, Reader::call)) << "nothing is closed";
  view.release();
  one.release();
  EXPECT_EQ(registry.close().error().message(), "1 transaction is open; end it, then close");
  two.release();
  EXPECT_TRUE(registry.close());
}

TEST(ViewRegistry, ClosingWaitsForTheCallsUnderWayAndLaterOnesGetNoView) {
  ViewRegistry registry;
  const Present present;
  std::optional<ViewPin> call = registry.pin_current(present, Reader::call);
  auto closed = std::async(std::launch::async, [&] { return registry.close().has_value(); });
  // It has begun when nobody gets a view any more; it has not ended while the call is under way.
  bool refused = false;
  for (int tries = 0; tries < 1'000'000 && !refused; ++tries) {
    refused = !registry.pin_current(present, Reader::call);
    std::this_thread::yield();
  }
  EXPECT_TRUE(refused);
  EXPECT_EQ(closed.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  call.reset();
  EXPECT_TRUE(closed.get());
  EXPECT_FALSE(registry.pin(0, present, Reader::view));
  EXPECT_EQ(registry.size(), 0U);
}

TEST(ViewRegistry, ACallKnowsTheThreadItIsOf) {
  ViewRegistry registry;
  const Present present;
  EXPECT_FALSE(registry.within_a_call());
  ViewPin view = registry.pin_current(present, Reader::view);
  EXPECT_FALSE(registry.within_a_call()) << "a view is no call";
  std::optional<ViewPin> call = registry.pin_current(present, Reader::call);
  EXPECT_TRUE(registry.within_a_call());
  EXPECT_FALSE(std::async(std::launch::async, [&] { return registry.within_a_call(); }).get());
  call.reset();
  EXPECT_FALSE(registry.within_a_call());
}

}  // namespace
}  // namespace strata::transaction
