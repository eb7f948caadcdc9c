// The commit path against a journal on a disk in memory, with one toy store: a map from text to text that keeps every
// version, so that what is visible at which LSN can be asked.
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include "core/checksum.h"
#include "io/memory_file_system.h"
#include "testing/faulty_file_system.h"
#include "transaction/record.h"
#include "transaction/sessions.h"

namespace strata::transaction {
namespace {

constexpr StoreKind kToy = StoreKind::object;
constexpr KeyHash kAnyKey = 99;  // what counting all keys depends on

class ToyBuffer final : public WriteBuffer {
 public:
  bool empty() const override { return writes.empty(); }
  Result<void> prepare(Context&) override {
    if (preparing) preparing();
    return {};
  }
  Result<void> validate(Context&) override {
    if (refuse) return Error(ErrorCode::invalid_argument, "the toy refuses");
    return {};
  }
  void encode(core::Encoder& out) const override {
    for (const auto& [key, value] : writes) {
      out.text(key);
      out.text(value);
    }
  }
  Result<void> affects(Context&, std::vector<std::uint64_t>& predicates) const override {
    if (!writes.empty()) predicates.push_back(kAnyKey);
    return {};
  }
  std::unique_ptr<Saved> save() override { return std::make_unique<SavedCopy<decltype(writes)>>(writes); }
  void restore(const Saved& saved) override { writes = SavedCopy<decltype(writes)>::of(saved); }
  void committed(const Commit& commit) override { committed_at = commit.lsn; }
  void aborted() override { ++aborts; }
  std::string describe(KeyHash hash) const override {
    for (const auto& [key, value] : writes) {
      if (core::xxh3_64(key) == hash) return key;
    }
    return {};
  }
  std::map<std::string, std::string> writes;
  bool refuse = false;
  std::function<void()> preparing = {};
  Lsn committed_at = 0;
  static inline std::atomic<int> aborts{0};
};

class Toy final : public Participant {
 public:
  StoreKind kind() const override { return kToy; }
  Result<void> open(const Checkpoint*) override { return {}; }
  Lsn applied_lsn() const override { return applied_; }
  Result<void> apply(const Commit& commit, ByteView section) override {
    EXPECT_GT(commit.lsn, applied_) << "records arrive in order, once each";
    if (fail_next_apply || std::exchange(fail_one_apply, false)) {
      return Error(ErrorCode::internal, "the toy cannot apply");
    }
    applied_ = commit.lsn;
    core::Decoder in(section);
    const core::MutexLock lock(mutex_);
    while (in.remaining() > 0) {
      std::string key(in.text());
      versions_[key][commit.lsn] = std::string(in.text());
    }
    return in.finish("toy");
  }
  std::string get(const std::string& key, Lsn view) {
    const core::MutexLock lock(mutex_);
    const auto found = versions_.find(key);
    if (found == versions_.end()) return {};
    const auto after = found->second.upper_bound(view);
    return after == found->second.begin() ? std::string() : std::prev(after)->second;
  }
  Result<void> recovered(Lsn) override { return {}; }
  Result<void> freeze(Lsn) override { return {}; }
  Result<Checkpoint> write_checkpoint(Lsn) override { return Checkpoint{}; }
  Result<void> installed(const Checkpoint&) override { return {}; }
  Result<Lsn> durable_lsn() override { return Lsn{0}; }
  Result<Summary> summarize(Lsn) override { return Summary{}; }
  Result<std::vector<Damage>> verify() override { return std::vector<Damage>{}; }
  Statistics statistics() override { return {}; }
  Result<void> close() override { return {}; }
  bool fail_next_apply = false;
  bool fail_one_apply = false;

 private:
  core::Mutex mutex_;
  std::map<std::string, std::map<Lsn, std::string>> versions_ STRATA_GUARDED_BY(mutex_);
  Lsn applied_ = 0;
};

class TransactionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    files.set_hook([this](testing::Call call, std::string_view) {
      if (hook) hook(call);
    });
    open();
  }

  void open() {
    manager.reset();
    journal.reset();
    toy = std::make_unique<Toy>();
    stores.fill(toy.get());
    std::vector<IdempotencyEntry> keys;
    Lsn last = 0;
    auto opened =
        journal::Journal::open(files, clock, "journal", {}, {.segment_bytes = 1 << 20, .zero_ahead_bytes = 64 << 10}, 0,
                               0, [&](const journal::Record& record) -> Result<void> {
                                 last = record.lsn;
                                 if (record.idempotency != 0)
                                   keys.push_back({record.idempotency, record.lsn, record.commit_time});
                                 return for_each_section(record.payload, [&](std::uint8_t, ByteView section) {
                                   return toy->apply({record.lsn, record.commit_time}, section);
                                 });
                               });
    ASSERT_TRUE(opened) << opened.error().to_string();
    journal = *std::move(opened);
    manager =
        std::make_unique<TransactionManager>(*journal, clock, stores,
                                             ManagerOptions{.transaction_bytes_max = 4096,
                                                            .noted_keys_max = 100,
                                                            .store_lag_bytes_max = lag_max,
                                                            .store_lag_wait_ms = 0},
                                             last, 0, keys, [](const Commit&, ByteView) { return Result<void>(); });
  }

  static Result<void> put(Session& session, const std::string& key, const std::string& value) {
    return session.write([&](Context& tx) -> Result<void> {
      STRATA_TRY(tx.note_write(kToy, core::xxh3_64(key)));
      STRATA_TRY(tx.charge(key.size() + value.size()));
      tx.buffer<ToyBuffer>(kToy, [] { return std::make_unique<ToyBuffer>(); }).writes[key] = value;
      return {};
    });
  }
  /// As put, without a lock: the one that commits later fails.
  static Result<void> claim(Session& session, const std::string& key, const std::string& value) {
    return session.write([&](Context& tx) -> Result<void> {
      tx.note_claim(kToy, core::xxh3_64(key));
      tx.buffer<ToyBuffer>(kToy, [] { return std::make_unique<ToyBuffer>(); }).writes[key] = value;
      return {};
    });
  }
  /// Reads, adds one, writes, in one call.
  Result<void> increment(Session& session, const std::string& key) {
    return session.write([&](Context& tx) -> Result<void> {
      const std::string before = toy->get(key, tx.view_lsn());
      STRATA_TRY(tx.note_write(kToy, core::xxh3_64(key)));
      tx.buffer<ToyBuffer>(kToy, [] { return std::make_unique<ToyBuffer>(); }).writes[key] =
          std::to_string(before.empty() ? 1 : std::stoi(before) + 1);
      return {};
    });
  }
  Result<std::string> get_for_update(Session& session, const std::string& key) {
    return session.read([&](Context& tx) -> Result<std::string> {
      STRATA_TRY(tx.lock_for_update(kToy, core::xxh3_64(key)));
      return toy->get(key, tx.view_lsn());
    });
  }
  /// Starts a call that has to wait, and returns when it does.
  template <typename Call>
  std::thread waiting(Call call) {
    const std::size_t before = manager->locks().waits().size();
    std::thread thread(std::move(call));
    while (manager->locks().waits().size() == before) std::this_thread::yield();
    return thread;
  }

  Result<std::string> get(Session& session, const std::string& key) {
    return session.read([&](Context& tx) -> Result<std::string> {
      tx.note_read(kToy, core::xxh3_64(key));
      if (const auto* own = tx.buffer_if_any<ToyBuffer>(kToy)) {
        if (const auto found = own->writes.find(key); found != own->writes.end()) return found->second;
      }
      return toy->get(key, tx.view_lsn());
    });
  }

  /// An answer that any key may change.
  static Result<void> scan(Session& session) {
    return session.read([&](Context& tx) -> Result<void> {
      tx.note_scan(kToy, kAnyKey);
      return {};
    });
  }

  std::uint64_t lag_max = 1 << 30;
  std::function<void(testing::Call)> hook;  // set before a thread is started, called from the file system
  core::ManualClock clock;
  std::unique_ptr<io::MemoryFileSystem> disk = io::make_memory_file_system();
  testing::FaultyFileSystem files{*disk};
  std::unique_ptr<Toy> toy;
  TransactionManager::Stores stores{};
  std::unique_ptr<journal::Journal> journal;
  std::unique_ptr<TransactionManager> manager;
};

TEST_F(TransactionTest, WritesAppearAtTheCommitAndNotBefore) {
  TransactionSession writer(*manager, {});
  TransactionSession reader(*manager, {});
  ASSERT_TRUE(put(writer, "a", "1"));
  EXPECT_EQ(*get(writer, "a"), "1") << "its own writes are visible inside";
  EXPECT_EQ(*get(reader, "a"), "");
  EXPECT_EQ(*writer.commit(), 1U);
  EXPECT_EQ(*get(reader, "a"), "") << "the reader's view was taken before";
  TransactionSession later(*manager, {});
  EXPECT_EQ(*get(later, "a"), "1");
}

TEST_F(TransactionTest, TheFirstCommitterWins) {
  TransactionSession first(*manager, {}), second(*manager, {});
  ASSERT_TRUE(put(first, "note:n1", "1"));
  ASSERT_TRUE(first.commit());
  ASSERT_TRUE(put(second, "note:n1", "2"));
  const auto lost = second.commit();
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code(), ErrorCode::conflict);
  EXPECT_NE(lost.error().message().find("\"note:n1\" was changed by lsn 1"), std::string::npos);
  TransactionSession reader(*manager, {});
  EXPECT_EQ(*get(reader, "note:n1"), "1");
}

TEST_F(TransactionTest, RepeatableReadRefusesWriteSkewOnItemsAndReadCommittedAllowsIt) {
  for (const auto isolation : {Isolation::repeatable_read, Isolation::read_committed}) {
    TransactionSession one(*manager, {.isolation = isolation}), two(*manager, {.isolation = isolation});
    ASSERT_TRUE(get(one, "x") && get(one, "y") && get(two, "x") && get(two, "y"));
    ASSERT_TRUE(put(one, "x", "1") && put(two, "y", "1"));
    ASSERT_TRUE(one.commit());
    EXPECT_EQ(two.commit().has_value(), isolation == Isolation::read_committed);
  }
}

TEST_F(TransactionTest, ReadCommittedSeesEachCommitAtTheNextCall) {
  TransactionSession reader(*manager, {.isolation = Isolation::read_committed});
  EXPECT_EQ(*get(reader, "a"), "");
  DatabaseSession database(*manager, Durability::batch);
  ASSERT_TRUE(put(database, "a", "1"));
  EXPECT_EQ(*get(reader, "a"), "1");
}

TEST_F(TransactionTest, AClaimUnderReadCommittedConflictsWithWhatCameAfterItAlsoOnceTheViewMoved) {
  DatabaseSession database(*manager, Durability::batch);
  TransactionSession session(*manager, {.isolation = Isolation::read_committed});
  ASSERT_TRUE(claim(session, "a", "mine"));
  ASSERT_TRUE(claim(database, "a", "theirs"));
  ASSERT_TRUE(claim(database, "b", "theirs"));
  for (int i = 0; i < 200; ++i)
    ASSERT_TRUE(put(database, "noise", std::to_string(i)));  // the index is pruned meanwhile
  EXPECT_EQ(*get(session, "b"), "theirs") << "each call sees the latest";
  ASSERT_TRUE(claim(session, "b", "mine, knowing theirs"));
  const auto lost = session.commit();
  ASSERT_FALSE(lost) << "their \"a\" would be lost";
  EXPECT_EQ(lost.error().code(), ErrorCode::conflict);
  EXPECT_NE(lost.error().message().find("\"a\" was changed by lsn 1"), std::string::npos) << lost.error().message();

  TransactionSession again(*manager, {.isolation = Isolation::read_committed});
  ASSERT_TRUE(put(again, "c", "mine"));
  ASSERT_TRUE(claim(database, "b", "theirs again"));
  EXPECT_EQ(*get(again, "b"), "theirs again");
  ASSERT_TRUE(claim(again, "b", "mine, knowing theirs"));
  EXPECT_TRUE(again.commit()) << "what was written knowing the other's write is no conflict";
}

TEST_F(TransactionTest, SerializableRefusesWriteSkewOnWhatAScanDidNotFind) {
  for (const auto isolation : {Isolation::serializable, Isolation::repeatable_read}) {
    auto one = *TransactionSession::begin(*manager, {.isolation = isolation});
    auto two = *TransactionSession::begin(*manager, {.isolation = isolation});
    ASSERT_TRUE(scan(*one) && scan(*two));
    ASSERT_TRUE(put(*one, std::to_string(static_cast<int>(isolation)) + "x", "1") &&
                put(*two, std::to_string(static_cast<int>(isolation)) + "y", "1"));
    ASSERT_TRUE(one->commit());
    EXPECT_EQ(two->commit().has_value(), isolation == Isolation::repeatable_read);
  }
  EXPECT_EQ(manager->stats().serializable, 0U);
}

TEST_F(TransactionTest, ASerializableTransactionThatOnlyReadsCommitsWhateverHappened) {
  auto reader = *TransactionSession::begin(*manager, {.isolation = Isolation::serializable});
  ASSERT_TRUE(scan(*reader));
  DatabaseSession database(*manager, Durability::batch);
  ASSERT_TRUE(put(database, "a", "1"));
  EXPECT_EQ(*reader->commit(), 0U);
}

TEST_F(TransactionTest, TheFirstSerializableTransactionWaitsForTheCommitsUnderWay) {
  // A commit is held in its sync; it did not say what it affects, as nobody needed that. Who begins now must see it.
  std::atomic<bool> syncing{false}, go_on{false}, begun{false};
  hook = [&](testing::Call call) {
    if (call != testing::Call::sync || syncing.exchange(true)) return;
    while (!go_on) std::this_thread::yield();
  };
  std::thread writer([&] {
    DatabaseSession database(*manager, Durability::batch);
    ASSERT_TRUE(put(database, "a", "1"));
  });
  while (!syncing) std::this_thread::yield();
  std::unique_ptr<TransactionSession> session;
  std::thread beginner([&] {
    session = *TransactionSession::begin(*manager, {.isolation = Isolation::serializable});
    begun = true;
  });
  while (manager->stats().serializable == 0) std::this_thread::yield();
  for (int i = 0; i < 300 && !begun; ++i) std::this_thread::yield();
  EXPECT_FALSE(begun);
  go_on = true;
  beginner.join();
  writer.join();
  EXPECT_EQ(session->view_lsn(), 1U);
  session.reset();
  hook = nullptr;
}

TEST_F(TransactionTest, ASecondWriterOfAKeyWaitsAndUnderRepeatableReadLosesOnceTheFirstHasCommitted) {
  for (const bool the_first_commits : {true, false}) {
    TransactionSession first(*manager, {}), second(*manager, {});
    ASSERT_TRUE(put(first, "a", "1"));
    std::optional<Result<void>> second_put;
    std::thread waiter = waiting([&] { second_put.emplace(put(second, "a", "2")); });
    if (the_first_commits) {
      ASSERT_TRUE(first.commit());
    } else {
      first.roll_back();
    }
    waiter.join();
    ASSERT_EQ(second_put->has_value(), !the_first_commits);
    if (the_first_commits) {
      EXPECT_EQ(second_put->error().code(), ErrorCode::conflict) << second_put->error().to_string();
      second.roll_back();
    } else {
      EXPECT_TRUE(second.commit());
    }
  }
  EXPECT_EQ(manager->locks().size(), 0U);
}

TEST_F(TransactionTest, UnderReadCommittedAndOnTheDatabaseAWriterThatWaitedGoesOnFromWhatItWaitedFor) {
  TransactionSession first(*manager, {.isolation = Isolation::read_committed});
  ASSERT_TRUE(increment(first, "a"));
  TransactionSession second(*manager, {.isolation = Isolation::read_committed});
  DatabaseSession database(*manager, Durability::batch);
  std::thread two = waiting([&] {
    ASSERT_TRUE(increment(second, "a"));
    ASSERT_TRUE(second.commit());
  });
  std::thread three = waiting([&] { ASSERT_TRUE(increment(database, "a")); });
  ASSERT_TRUE(first.commit());
  two.join();
  three.join();
  EXPECT_EQ(*get(database, "a"), "3");
}

TEST_F(TransactionTest, NoIncrementIsLostAmongManyThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      DatabaseSession database(*manager, Durability::batch);
      for (int i = 0; i < 30; ++i) {
        if (t % 2 == 0) {
          const auto done = increment(database, "a");
          ASSERT_TRUE(done) << done.error().to_string();
          continue;
        }
        for (;;) {  // a view that ended between the beginning of the call and the lock: once more
          TransactionSession session(*manager, {.isolation = Isolation::read_committed});
          ASSERT_TRUE(increment(session, "a"));
          if (session.commit()) break;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  DatabaseSession database(*manager, Durability::batch);
  EXPECT_EQ(*get(database, "a"), "180");
  EXPECT_EQ(manager->locks().size(), 0U);
}

TEST_F(TransactionTest, AReadForUpdateKeepsOthersFromWritingUntilTheEnd) {
  DatabaseSession database(*manager, Durability::batch);
  ASSERT_TRUE(put(database, "a", "1"));
  TransactionSession session(*manager, {.isolation = Isolation::read_committed});
  EXPECT_EQ(*get_for_update(session, "a"), "1");
  std::thread other = waiting([&] { ASSERT_TRUE(put(database, "a", "theirs")); });
  EXPECT_EQ(*get(session, "a"), "1");
  ASSERT_TRUE(put(session, "a", "2"));
  const Lsn mine = *session.commit();
  other.join();
  EXPECT_EQ(*get(database, "a"), "theirs");
  EXPECT_EQ(toy->get("a", mine), "2");
  EXPECT_EQ(get_for_update(database, "a").error().code(), ErrorCode::failed_precondition);
}

// Between the call's view and a lock that is free another may have committed and given it back: what is read under the lock
// is then old, and the view of the call that writes is not.
TEST_F(TransactionTest, AnUpdateAfterAReadForUpdateOfWhatHadJustChangedIsNotLost) {
  DatabaseSession database(*manager, Durability::batch);
  ASSERT_TRUE(put(database, "a", "1"));
  TransactionSession session(*manager, {.isolation = Isolation::read_committed});
  const auto old = session.read([&](Context& tx) -> Result<std::string> {
    EXPECT_TRUE(put(database, "a", "2"));
    STRATA_TRY(tx.lock_for_update(kToy, core::xxh3_64(std::string_view("a"))));
    return toy->get("a", tx.view_lsn());
  });
  ASSERT_TRUE(old) << old.error().to_string();
  ASSERT_EQ(*old, "1");
  ASSERT_TRUE(put(session, "a", *old + " and one"));
  const auto lost = session.commit();
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code(), ErrorCode::conflict);
}

TEST_F(TransactionTest, ADeadlockRollsTheYoungestBackAndLetsTheOtherGoOn) {
  TransactionSession old(*manager, {}), young(*manager, {});
  ASSERT_TRUE(put(old, "a", "old"));
  ASSERT_TRUE(put(young, "b", "young"));
  std::thread waiter = waiting([&] { ASSERT_TRUE(put(old, "b", "old")); });
  const auto lost = put(young, "a", "young");
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code(), ErrorCode::conflict);
  EXPECT_NE(lost.error().message().find("deadlock"), std::string::npos) << lost.error().message();
  EXPECT_FALSE(young.active()) << "the other need not wait for its caller to notice";
  waiter.join();
  EXPECT_TRUE(old.commit());
  EXPECT_EQ(manager->locks().size(), 0U);
}

TEST_F(TransactionTest, AWaitForALockEndsAtItsTimeout) {
  TransactionSession first(*manager, {}), second(*manager, {.lock_timeout_ms = 50});
  ASSERT_TRUE(put(first, "a", "1"));
  std::thread waiter = waiting([&] {
    const auto late = put(second, "a", "2");
    EXPECT_EQ(late.error().code(), ErrorCode::timeout) << late.error().to_string();
  });
  clock.advance(50'001);
  waiter.join();
  EXPECT_TRUE(second.active()) << "it may do something else";
  EXPECT_TRUE(put(second, "b", "2"));
  EXPECT_TRUE(second.commit());
}

TEST_F(TransactionTest, WhoDropsAWholeWaitsForThoseWhoWriteInIt) {
  const auto intend = [](Session& session) {
    return session.write([](Context& tx) -> Result<void> { return tx.intend(kToy, 5); });
  };
  TransactionSession one(*manager, {}), two(*manager, {}), dropping(*manager, {});
  ASSERT_TRUE(intend(one));
  ASSERT_TRUE(intend(two));
  std::thread waiter =
      waiting([&] { ASSERT_TRUE(dropping.write([](Context& tx) -> Result<void> { return tx.note_write(kToy, 5); })); });
  one.roll_back();
  EXPECT_EQ(manager->locks().waits().size(), 1U);
  two.roll_back();
  waiter.join();
}

TEST_F(TransactionTest, ATransactionThatNotesMoreKeysThanAllowedIsRolledBack) {
  TransactionSession session(*manager, {});
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(get(session, std::to_string(i))) << i;
  const auto refused = get(session, "one more");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::resource_exhausted);
  EXPECT_FALSE(session.active());
}

TEST_F(TransactionTest, WhatCameAfterASavepointIsTakenBackAndWhatCameBeforeStays) {
  DatabaseSession database(*manager, Durability::batch);
  TransactionSession session(*manager, {});
  ASSERT_TRUE(session.savepoint("start"));
  ASSERT_TRUE(put(session, "a", "1"));
  ASSERT_TRUE(session.savepoint("s"));
  ASSERT_TRUE(put(session, "b", "1"));
  ASSERT_TRUE(session.savepoint("s"));
  ASSERT_TRUE(put(session, "b", "2"));
  ASSERT_TRUE(session.roll_back_to("s"));
  EXPECT_EQ(*get(session, "b"), "1") << "the last of the name";
  ASSERT_TRUE(put(session, "b", "3"));
  ASSERT_TRUE(session.roll_back_to("s")) << "again";
  EXPECT_EQ(*get(session, "b"), "1");
  ASSERT_TRUE(session.release("s"));
  ASSERT_TRUE(session.roll_back_to("s"));
  EXPECT_EQ(*get(session, "a"), "1");
  EXPECT_EQ(*get(session, "b"), "");
  ASSERT_TRUE(session.roll_back_to("start"));
  EXPECT_EQ(session.release("s").error().code(), ErrorCode::not_found) << "it came later";
  ASSERT_TRUE(put(session, "c", std::string(3000, 'x')));
  ASSERT_TRUE(session.roll_back_to("start"));
  ASSERT_TRUE(put(session, "c", std::string(3000, 'y'))) << "what was taken back is not charged";
  ASSERT_TRUE(session.commit());
  EXPECT_EQ(*get(database, "a"), "");
  EXPECT_EQ(*get(database, "c"), std::string(3000, 'y'));
  EXPECT_EQ(session.savepoint("late").error().code(), ErrorCode::failed_precondition);
}

TEST_F(TransactionTest, WhatWasTakenBackIsNoConflictAndWhatWasReadStaysOne) {
  for (const bool read : {false, true}) {
    TransactionSession session(*manager, {}), other(*manager, {});
    ASSERT_TRUE(session.savepoint("s"));
    if (read) {
      ASSERT_TRUE(get(session, "a"));
    }
    ASSERT_TRUE(claim(session, "a", "mine"));
    ASSERT_TRUE(session.roll_back_to("s"));
    ASSERT_TRUE(claim(other, "a", "theirs"));
    ASSERT_TRUE(other.commit());
    ASSERT_TRUE(put(session, "b", "1"));
    EXPECT_EQ(session.commit().has_value(), !read);
  }
}

TEST_F(TransactionTest, AHundredSavepointsAreTheMost) {
  TransactionSession session(*manager, {});
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(session.savepoint(std::to_string(i)));
  EXPECT_EQ(session.savepoint("one more").error().code(), ErrorCode::resource_exhausted);
  EXPECT_EQ(session.savepoint("").error().code(), ErrorCode::invalid_argument);
}

TEST_F(TransactionTest, ARolledBackTransactionLeavesNothingAndRefusesMore) {
  TransactionSession session(*manager, {});
  ASSERT_TRUE(put(session, "a", "1"));
  session.roll_back();
  EXPECT_EQ(put(session, "a", "2").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(session.commit().error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(manager->visible_lsn(), 0U);
}

TEST_F(TransactionTest, ATransactionOlderThanItsTimeoutCanOnlyRollBack) {
  TransactionSession session(*manager, {.timeout_ms = 1000});
  ASSERT_TRUE(put(session, "a", "1"));
  clock.advance(1'000'001);
  EXPECT_EQ(session.commit().error().code(), ErrorCode::timeout);
  EXPECT_FALSE(session.active());
  EXPECT_EQ(manager->views().oldest(99, clock.monotonic_us()), 99U) << "and it holds nothing back";
}

TEST_F(TransactionTest, ATransactionOlderThanItsTimeoutNeitherReadsNorWrites) {
  for (const bool writes : {false, true}) {
    TransactionSession session(*manager, {.timeout_ms = 1000});
    ASSERT_TRUE(put(session, "a", "1"));
    clock.advance(1'000'001);
    if (writes) {
      const auto put_late = put(session, "b", "1");
      ASSERT_FALSE(put_late);
      EXPECT_EQ(put_late.error().code(), ErrorCode::timeout);
    } else {
      const auto got_late = get(session, "a");
      ASSERT_FALSE(got_late);
      EXPECT_EQ(got_late.error().code(), ErrorCode::timeout);
    }
    EXPECT_FALSE(session.active()) << (writes ? "after a write" : "after a read");
  }
}

// Past its deadline a view holds nothing back, so what it has missed may be forgotten: also in the middle of a commit.
TEST_F(TransactionTest, ACommitThatPassesItsDeadlineMissesNoConflict) {
  DatabaseSession database(*manager, Durability::off);
  ASSERT_TRUE(put(database, "a", "1"));
  TransactionSession session(*manager, {.timeout_ms = 1000});
  ASSERT_TRUE(get(session, "a"));
  ASSERT_TRUE(put(session, "b", "1"));
  ASSERT_TRUE(session.write([&](Context& tx) -> Result<void> {
    tx.buffer_if_any<ToyBuffer>(kToy)->preparing = [&] {
      clock.advance(1'000'001);
      for (int i = 0; i < 200; ++i) ASSERT_TRUE(put(database, i == 0 ? "a" : "c", std::to_string(i)));
    };
    return {};
  }));
  const auto late = session.commit();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::timeout) << late.error().to_string();
  EXPECT_EQ(manager->stats().timeouts, 1U);
}

TEST_F(TransactionTest, AStoreMayRefuseUnderTheCommitLockAndNothingIsJournaled) {
  TransactionSession session(*manager, {});
  ASSERT_TRUE(put(session, "a", "1"));
  ASSERT_TRUE(session.write([](Context& tx) -> Result<void> {
    tx.buffer_if_any<ToyBuffer>(kToy)->refuse = true;
    return {};
  }));
  const int aborts = ToyBuffer::aborts;
  EXPECT_EQ(session.commit().error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(ToyBuffer::aborts, aborts + 1);
  EXPECT_EQ(journal->last_lsn(), 0U);
}

TEST_F(TransactionTest, ATransactionLargerThanAllowedIsRefusedWhileItIsWritten) {
  TransactionSession session(*manager, {});
  EXPECT_EQ(put(session, "a", std::string(5000, 'x')).error().code(), ErrorCode::resource_exhausted);
}

TEST_F(TransactionTest, ACommitThatWouldTakeAStoreTooFarBehindIsRefusedBeforeItIsJournaled) {
  lag_max = 1'000;
  open();
  DatabaseSession database(*manager, Durability::off);
  Result<void> put_one;
  std::string last;
  for (int i = 0; i < 100 && put_one; ++i) {
    last = "k" + std::to_string(i);
    put_one = put(database, last, std::string(90, 'x'));
    EXPECT_LE(manager->store_lag().bytes(kToy), 1'000U);
  }
  ASSERT_FALSE(put_one);
  EXPECT_EQ(put_one.error().code(), ErrorCode::resource_exhausted) << put_one.error().to_string();
  EXPECT_NE(put_one.error().message().find("object store"), std::string::npos) << put_one.error().message();
  EXPECT_EQ(*get(database, last), "");
  EXPECT_EQ(journal->last_lsn(), manager->visible_lsn());
  EXPECT_EQ(put(database, "again", std::string(90, 'x')).error().code(), ErrorCode::resource_exhausted);

  // What conflicts or is refused by a store takes no room; what is applied does, until a checkpoint has it.
  const std::uint64_t before = manager->store_lag().bytes(kToy);
  TransactionSession one(*manager, {}), two(*manager, {});
  ASSERT_TRUE(claim(one, "a", ""));
  ASSERT_TRUE(claim(two, "a", ""));
  ASSERT_TRUE(one.commit());
  const std::uint64_t with_one = manager->store_lag().bytes(kToy);
  EXPECT_GT(with_one, before);
  EXPECT_EQ(two.commit().error().code(), ErrorCode::conflict);
  EXPECT_EQ(manager->store_lag().bytes(kToy), with_one);
  manager->store_lag().caught_up(manager->store_lag().mark());
  EXPECT_EQ(manager->store_lag().bytes(kToy), 0U);
  EXPECT_TRUE(put(database, last, "x"));
}

TEST_F(TransactionTest, ARepeatedCommitTakesNoRoomInItsStores) {
  for (int i = 0; i < 2; ++i) {
    TransactionSession session(*manager, {.idempotency_key = "k"});
    ASSERT_TRUE(claim(session, "a", "1"));
    ASSERT_TRUE(session.commit());
  }
  manager->store_lag().caught_up(manager->store_lag().mark());
  EXPECT_EQ(manager->store_lag().bytes(kToy), 0U);
}

TEST_F(TransactionTest, AnIdempotencyKeyMakesARetryExactAlsoAfterARestart) {
  const TransactionOptions options{.idempotency_key = "request-1"};
  {
    TransactionSession session(*manager, options);
    ASSERT_TRUE(put(session, "a", "1"));
    EXPECT_EQ(*session.commit(), 1U);
  }
  {
    TransactionSession again(*manager, options);
    ASSERT_TRUE(put(again, "a", "2"));
    const int aborts = ToyBuffer::aborts;
    EXPECT_EQ(*again.commit(), 1U);
    EXPECT_EQ(ToyBuffer::aborts, aborts + 1) << "what the retry had prepared is given up";
  }
  open();
  TransactionSession after_restart(*manager, options);
  ASSERT_TRUE(put(after_restart, "a", "3"));
  EXPECT_EQ(*after_restart.commit(), 1U);
  TransactionSession reader(*manager, {});
  EXPECT_EQ(*get(reader, "a"), "1");
}

TEST_F(TransactionTest, AnIdempotencyKeyIsKeptForADayAndForgottenAfterIt) {
  constexpr std::int64_t kHour = 3600LL * 1'000'000;
  const auto commit = [&](const std::string& key) {
    TransactionSession session(*manager, {.idempotency_key = key});
    EXPECT_TRUE(put(session, key, "v"));
    return *session.commit();
  };
  EXPECT_EQ(commit("first"), 1U);
  clock.advance(24 * kHour);
  EXPECT_EQ(commit("second"), 2U) << "old keys are looked for when a new one comes";
  EXPECT_EQ(commit("first"), 1U);
  clock.advance(2 * kHour);
  EXPECT_EQ(commit("third"), 3U);
  EXPECT_EQ(commit("first"), 4U) << "what is kept is bounded";
}

TEST_F(TransactionTest, CommitTimesAscendWhateverTheClockDoes) {
  DatabaseSession database(*manager, Durability::batch);
  std::vector<Timestamp> times;
  for (const std::int64_t step : {10LL, 0LL, -5'000'000LL, 1LL, 9'000'000LL}) {
    clock.advance(step);
    ASSERT_TRUE(put(database, "a", "v"));
    times.push_back(manager->visible_time());
  }
  for (std::size_t i = 1; i < times.size(); ++i) EXPECT_GT(times[i], times[i - 1]) << i;
}

TEST_F(TransactionTest, WhatAnEffectDependsOnMustBeUnchangedAtEveryLevel) {
  for (const auto isolation : {Isolation::read_committed, Isolation::repeatable_read, Isolation::serializable}) {
    auto session = *TransactionSession::begin(*manager, {.isolation = isolation});
    ASSERT_TRUE(put(*session, "edge", "to n1"));
    ASSERT_TRUE(session->write([](Context& tx) -> Result<void> {
      tx.note_dependency(kToy, core::xxh3_64("n1"));
      return {};
    }));
    DatabaseSession database(*manager, Durability::batch);
    ASSERT_TRUE(put(database, "n1", "gone"));
    EXPECT_EQ(session->commit().error().code(), ErrorCode::conflict) << static_cast<int>(isolation);
  }
}

TEST_F(TransactionTest, ACommitThatDiedBeforeItsAcknowledgementIsExactWhenItIsAskedAgain) {
  // The process dies after the record was appended: once when the sync had been carried out, once when it had not.
  using Effect = testing::Fault::Effect;
  int round = 0;
  for (const Effect effect : {Effect::all, Effect::none}) {
    const std::string key = "key " + std::to_string(++round);
    const TransactionOptions options{.idempotency_key = "request " + std::to_string(round)};
    const Lsn before = manager->visible_lsn();
    files.fail({.call = testing::Call::sync, .nth = 1, .forever = true, .effect = effect});
    {
      TransactionSession session(*manager, options);
      ASSERT_TRUE(put(session, key, "1"));
      EXPECT_EQ(session.commit().error().code(), ErrorCode::commit_unknown);
    }
    files.heal();
    core::Random random(7);
    disk->power_cut(random, {io::PowerCut::Unsynced::lost, io::PowerCut::Unsynced::lost});
    open();
    EXPECT_EQ(manager->visible_lsn(), effect == Effect::all ? before + 1 : before);
    for (int again = 0; again < 3; ++again) {
      TransactionSession session(*manager, options);
      ASSERT_TRUE(put(session, key, "again"));
      EXPECT_EQ(*session.commit(), before + 1);
      if (again == 1) open();
    }
    EXPECT_EQ(manager->visible_lsn(), before + 1) << "committed once";
    EXPECT_EQ(toy->get(key, before + 1), effect == Effect::all ? "1" : "again");
  }
}

TEST_F(TransactionTest, AnIdempotencyKeyIsKeptForADayAndNotForEver) {
  constexpr std::int64_t kHour = 3'600'000'000;
  const TransactionOptions options{.timeout_ms = 1'000, .idempotency_key = "request"};
  const auto commit = [&](const TransactionOptions& with) {
    TransactionSession session(*manager, with);
    EXPECT_TRUE(put(session, "a", "1"));
    return *session.commit();
  };
  EXPECT_EQ(commit(options), 1U);
  clock.advance(24 * kHour);
  open();
  EXPECT_EQ(commit({.idempotency_key = "other"}), 2U);  // a commit with a key forgets the old ones
  EXPECT_EQ(commit(options), 1U);
  clock.advance(2 * kHour);
  EXPECT_EQ(commit({.idempotency_key = "another"}), 3U);
  EXPECT_EQ(commit(options), 4U);
}

TEST_F(TransactionTest, AfterAFailedSyncNothingIsAcknowledgedAnyMore) {
  DatabaseSession database(*manager, Durability::batch);
  ASSERT_TRUE(put(database, "a", "1"));
  files.fail({.call = testing::Call::sync, .nth = 1, .forever = true});
  TransactionSession session(*manager, {});
  ASSERT_TRUE(put(session, "b", "1"));
  EXPECT_EQ(session.commit().error().code(), ErrorCode::commit_unknown);
  files.heal();
  EXPECT_EQ(put(database, "c", "1").error().code(), ErrorCode::commit_unknown) << "no retry makes it good again";
  EXPECT_EQ(*get(database, "a"), "1") << "reading goes on";
  EXPECT_EQ(*get(database, "b"), "") << "what was not acknowledged is not shown";
}

TEST_F(TransactionTest, WhatWasAcknowledgedSurvivesAPowerCut) {
  DatabaseSession database(*manager, Durability::batch);
  core::Random random(7);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(put(database, std::to_string(i), "value"));
    const auto cut = disk->clone();  // at this moment: a little later the journal would have synced by itself
    cut->power_cut(random, {io::PowerCut::Unsynced::lost, io::PowerCut::Unsynced::lost});
    Lsn last = 0;
    ASSERT_TRUE(journal::Journal::open(*cut, clock, "journal", {}, {}, 0, 0,
                                       [&](const journal::Record& record) -> Result<void> {
                                         last = record.lsn;
                                         return {};
                                       }));
    ASSERT_EQ(last, static_cast<Lsn>(i + 1));
  }
  disk->power_cut(random, {io::PowerCut::Unsynced::torn, io::PowerCut::Unsynced::torn});
  open();
  TransactionSession reader(*manager, {});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(*get(reader, std::to_string(i)), "value") << i;
}

TEST_F(TransactionTest, ADurableRecordThatCannotBeAppliedStopsTheEngine) {
  toy->fail_next_apply = true;
  DatabaseSession database(*manager, Durability::batch);
  EXPECT_EQ(put(database, "a", "1").error().code(), ErrorCode::commit_unknown);
  toy->fail_next_apply = false;
  EXPECT_EQ(put(database, "b", "1").error().code(), ErrorCode::commit_unknown);
  open();
  TransactionSession reader(*manager, {});
  EXPECT_EQ(*get(reader, "a"), "1") << "it was in the journal";
}

TEST_F(TransactionTest, ARecordThatWasPerhapsAppliedInPartIsNotAppliedAgain) {
  toy->fail_one_apply = true;
  DatabaseSession database(*manager, Durability::batch);
  EXPECT_EQ(put(database, "a", "1").error().code(), ErrorCode::commit_unknown);
  EXPECT_EQ(put(database, "b", "1").error().code(), ErrorCode::commit_unknown);
  EXPECT_EQ(*get(database, "a"), "");
}

TEST_F(TransactionTest, ManyWritersCommitInOneOrderAndEachSeesItsOwn) {
  constexpr int kThreads = 8, kCommits = 50;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCommits; ++i) {
        const std::string key = std::to_string(t) + ":" + std::to_string(i);
        TransactionSession session(*manager, {});
        ASSERT_TRUE(put(session, key, "v"));
        ASSERT_TRUE(put(session, "of " + std::to_string(t), std::to_string(i)));
        const auto lsn = session.commit();
        ASSERT_TRUE(lsn) << lsn.error().to_string();
        TransactionSession reader(*manager, {});
        ASSERT_GE(reader.view_lsn(), *lsn);
        ASSERT_EQ(*get(reader, key), "v");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(manager->visible_lsn(), static_cast<Lsn>(kThreads * kCommits));
  EXPECT_EQ(manager->stats().active, 0U);
}

TEST_F(TransactionTest, ACallOnTheDatabaseThatLosesARaceIsRunAgain) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      DatabaseSession database(*manager, Durability::batch);
      for (int i = 0; i < 25; ++i) ASSERT_TRUE(put(database, "hot", "v"));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(manager->visible_lsn(), 100U);
}

TEST(ConflictIndex, ForgetsWhatNoViewCanMissAnyMore) {
  ConflictIndex index;
  index.record(1, {{11, kToy}, {12, kToy}});
  index.record(2, {{11, kToy}});
  EXPECT_EQ(index.changed_after(11, 0), 2U);
  EXPECT_EQ(index.changed_after(11, 2), 0U);
  index.prune(1);
  EXPECT_EQ(index.changed_after(12, 0), 0U);
  EXPECT_EQ(index.changed_after(11, 0), 2U) << "a later commit wrote it again";
  index.prune(2);
  EXPECT_EQ(index.size(), 0U);
}

TEST(Record, RefusesSectionsOutOfOrderAndUnknownStores) {
  const auto ignore = [](std::uint8_t, ByteView) { return Result<void>(); };
  Bytes record;
  end_section(record, begin_section(record, 3));
  end_section(record, begin_section(record, 1));
  EXPECT_EQ(for_each_section(record, ignore).error().code(), ErrorCode::corruption);
  Bytes unknown;
  end_section(unknown, begin_section(unknown, 9));
  EXPECT_EQ(for_each_section(unknown, ignore).error().code(), ErrorCode::corruption);
}

TEST_F(TransactionTest, WithoutMemoryTheProcessEndsAtTheCallAndNoExceptionPassesIt) {
  const auto without_memory = [](Context&) -> Result<void> { throw std::bad_alloc(); };
  const auto call = [&](Session& session) {
    try {
      (void)session.write(without_memory);
    } catch (const std::bad_alloc&) {
      std::_Exit(0);  // whoever catches it goes on with half a change
    }
  };
  EXPECT_DEATH(
      {
        DatabaseSession database(*manager, Durability::batch);
        call(database);
      },
      "bad_alloc");
  EXPECT_DEATH(
      {
        const auto transaction = TransactionSession::begin(*manager, {}).value();
        call(*transaction);
      },
      "bad_alloc");
}

}  // namespace
}  // namespace strata::transaction
