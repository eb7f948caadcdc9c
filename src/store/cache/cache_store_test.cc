// The cache within transactions. The session of these tests is the smallest one that keeps the promises of
// transaction/session.h: it hands out one context and commits at the LSN it is told.
#include "store/cache/cache_store.h"

#include <gtest/gtest.h>

namespace strata::store::cache {
namespace {

using transaction::Context;

class TestSession final : public transaction::Session {
 public:
  explicit TestSession(Lsn view, bool read_only = false)
      : context_(view, read_only, transaction::Tracking::items, 64 << 20) {}
  void commit(Lsn lsn) {
    for (auto& buffer : context_.buffers()) {
      if (!buffer) continue;
      EXPECT_TRUE(buffer->empty());
      buffer->committed({lsn, 0});
    }
  }
  void roll_back() {
    for (auto& buffer : context_.buffers()) {
      if (buffer) buffer->aborted();
    }
  }
  Context& context() { return context_; }

 protected:
  Result<Context*> enter(Access access) override {
    if (access == Access::write && context_.read_only()) {
      return Error(ErrorCode::failed_precondition, "a view is read only");
    }
    return &context_;
  }
  Result<void> leave(Context&, bool) override { return {}; }

 private:
  Context context_;
};

class CacheTest : public testing::Test {
 protected:
  static std::string get(CacheStore& cache, std::string_view key) {
    const auto value = cache.get(key);
    if (!value) return value.error().to_string();
    return *value ? std::string(as_text(**value)) : std::string("(none)");
  }

  core::ManualClock clock_;
  CacheParticipant store_{clock_, CacheOptions{8 << 20}};
  std::atomic<Lsn> visible_{5};
  std::unique_ptr<CacheStore> database_ = store_.direct_session(visible_);
};

TEST_F(CacheTest, OnTheDatabaseACallTakesEffectAtOnce) {
  ASSERT_TRUE(database_->set("k", "v", 1'000));
  EXPECT_EQ(get(*database_, "k"), "v");
  EXPECT_EQ(database_->ttl("k").value(), 1'000);
  EXPECT_TRUE(database_->expire("k", 0).value());
  EXPECT_EQ(database_->ttl("k").value(), -1);
  EXPECT_FALSE(database_->expire("other", 1).value());
  EXPECT_EQ(database_->ttl("other").value(), std::nullopt);
  EXPECT_TRUE(database_->remove("k").value());
  EXPECT_FALSE(database_->remove("k").value());
  EXPECT_EQ(database_->set("k", "v", -1).error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(database_->expire("k", -1).error().code(), ErrorCode::invalid_argument);
}

TEST_F(CacheTest, ATransactionSeesItsOwnWritesAndOthersDoNot) {
  ASSERT_TRUE(database_->set("old", "1"));
  ASSERT_TRUE(database_->set("gone", "1"));
  TestSession session(5);
  auto tx = store_.session(session);
  ASSERT_TRUE(tx->set("new", "2"));
  ASSERT_TRUE(tx->set("old", "2"));
  EXPECT_TRUE(tx->remove("gone").value());
  EXPECT_FALSE(tx->remove("gone").value());
  EXPECT_EQ(get(*tx, "new"), "2");
  EXPECT_EQ(get(*tx, "old"), "2");
  EXPECT_EQ(get(*tx, "gone"), "(none)");
  EXPECT_EQ(get(*database_, "new"), "(none)");
  EXPECT_EQ(get(*database_, "old"), "1");
  EXPECT_EQ(get(*database_, "gone"), "1");

  session.commit(6);
  EXPECT_EQ(get(*database_, "new"), "(none)") << "lsn 6 is applied but not visible yet";
  visible_ = 6;
  EXPECT_EQ(get(*database_, "new"), "2");
  EXPECT_EQ(get(*database_, "old"), "2");
  EXPECT_EQ(get(*database_, "gone"), "(none)");
}

TEST_F(CacheTest, ARollbackLeavesNothing) {
  ASSERT_TRUE(database_->set("k", "1"));
  TestSession session(5);
  auto tx = store_.session(session);
  ASSERT_TRUE(tx->set("k", "2"));
  ASSERT_TRUE(tx->clear());
  EXPECT_EQ(get(*tx, "k"), "(none)");
  session.roll_back();
  EXPECT_EQ(get(*database_, "k"), "1");
}

TEST_F(CacheTest, ClearInATransactionKeepsWhatIsSetAfterIt) {
  ASSERT_TRUE(database_->set("a", "1"));
  TestSession session(5);
  auto tx = store_.session(session);
  ASSERT_TRUE(tx->set("b", "1"));
  ASSERT_TRUE(tx->clear());
  ASSERT_TRUE(tx->set("c", "1"));
  EXPECT_EQ(get(*tx, "a"), "(none)");
  EXPECT_EQ(get(*tx, "b"), "(none)");
  EXPECT_EQ(get(*tx, "c"), "1");
  EXPECT_EQ(tx->ttl("a").value(), std::nullopt);
  session.commit(5);
  EXPECT_EQ(get(*database_, "a"), "(none)");
  EXPECT_EQ(get(*database_, "c"), "1");
  EXPECT_EQ(database_->stats()->entries, 1u);
}

TEST_F(CacheTest, TimeToLiveRunsFromTheCallAlsoInATransaction) {
  ASSERT_TRUE(database_->set("k", "v"));
  TestSession session(5);
  auto tx = store_.session(session);
  ASSERT_TRUE(tx->set("short", "v", 10));
  ASSERT_TRUE(tx->set("long", "v", 100));
  EXPECT_TRUE(tx->expire("k", 50).value());
  EXPECT_TRUE(tx->expire("long", 200).value());
  EXPECT_FALSE(tx->expire("none", 50).value());
  EXPECT_EQ(tx->ttl("k").value(), 50);
  EXPECT_EQ(database_->ttl("k").value(), -1);
  clock_.advance(10'000);
  EXPECT_EQ(get(*tx, "short"), "(none)");
  EXPECT_EQ(get(*tx, "k"), "v");
  session.commit(5);
  EXPECT_EQ(get(*database_, "short"), "(none)");
  EXPECT_EQ(database_->ttl("k").value(), 40);
  EXPECT_EQ(database_->ttl("long").value(), 190);
  clock_.advance(40'000);
  EXPECT_EQ(database_->clear_expired().value(), 1u);
  EXPECT_EQ(get(*database_, "k"), "(none)");
}

TEST_F(CacheTest, AViewMissesWhatIsNewerAndRefusesWrites) {
  ASSERT_TRUE(database_->set("k", "1"));
  TestSession session(5, true);
  auto view = store_.session(session);
  EXPECT_EQ(get(*view, "k"), "1");
  visible_ = 6;
  ASSERT_TRUE(database_->set("k", "2"));
  EXPECT_EQ(get(*view, "k"), "(none)");
  EXPECT_EQ(get(*database_, "k"), "2");
  EXPECT_EQ(view->set("k", "3").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(view->remove("k").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(view->clear().error().code(), ErrorCode::failed_precondition);
}

TEST_F(CacheTest, AnOversizedValueIsRefusedAtTheCallNotAtTheCommit) {
  TestSession session(5);
  auto tx = store_.session(session);
  const std::string large((2 << 20) + 1, 'v');
  EXPECT_EQ(tx->set("k", large).error().code(), ErrorCode::resource_exhausted);
  EXPECT_EQ(tx->set("", "v").error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(tx->stats()->rejected, 1u);
}

TEST_F(CacheTest, WhatATransactionHoldsIsCharged) {
  TestSession session(5);
  auto tx = store_.session(session);
  const std::string value(2 << 20, 'v');
  Result<void> last;
  for (int i = 0; i < 40 && last; ++i) last = tx->set("k" + std::to_string(i), value);
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code(), ErrorCode::resource_exhausted);
}

TEST_F(CacheTest, HasNothingToReplay) {
  ASSERT_TRUE(database_->set("k", "v"));
  ASSERT_TRUE(store_.freeze(9));
  const auto checkpoint = store_.write_checkpoint(0);
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(checkpoint->lsn, 9u);
  EXPECT_TRUE(checkpoint->files.empty());
  EXPECT_TRUE(checkpoint->state.empty());
  EXPECT_EQ(store_.durable_lsn().value(), 9u);
  ASSERT_TRUE(store_.open(&*checkpoint));
  EXPECT_EQ(store_.applied_lsn(), 9u);
  EXPECT_EQ(get(*database_, "k"), "(none)");
  EXPECT_EQ(store_.summarize(9).value(), transaction::Summary{});
  EXPECT_EQ(store_.apply({10, 0}, as_bytes("x")).error().code(), ErrorCode::corruption);
}

TEST_F(CacheTest, StatisticsCount) {
  ASSERT_TRUE(database_->set("k", "v"));
  (void)get(*database_, "k");
  (void)get(*database_, "x");
  const transaction::Statistics statistics = store_.statistics();
  EXPECT_EQ(*statistics.find("items"), Value(1));
  EXPECT_EQ(*statistics.find("hits"), Value(1));
  EXPECT_EQ(*statistics.find("misses"), Value(1));
  EXPECT_GT(*statistics.find("bytes_in_memory")->integer(), 0);
  EXPECT_LE(default_bytes_max(), std::uint64_t{2} << 30);
}

}  // namespace
}  // namespace strata::store::cache
