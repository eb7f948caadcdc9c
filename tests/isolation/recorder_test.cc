// The clients of the histories: on a real database, below what is promised, they must find that it is less.
#include "isolation/recorder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace strata::isolation {
namespace {

class Recorder : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = (std::filesystem::temp_directory_path() / "strata-recorder-XXXXXX").string();
    ASSERT_NE(::mkdtemp(directory_.data()), nullptr);
    open();
  }
  void TearDown() override {
    engine_.reset();
    std::filesystem::remove_all(directory_);
  }
  void open() {
    engine_.reset();
    auto opened = Engine::open(directory_);
    ASSERT_TRUE(opened) << opened.error().to_string();
    engine_ = std::move(*opened);
  }
  History record(Isolation level, std::uint64_t seed) {
    Workload workload;
    workload.seed = seed;
    workload.level = level;
    workload.transactions = 200;
    workload.name = "h" + std::to_string(seed);
    History history;
    Listener listener;
    listener.after = [&](const Attempt& attempt) { history.push_back(attempt); };
    const auto ran = run_clients(*engine_, workload, listener);
    EXPECT_TRUE(ran) << ran.error().to_string();
    auto last = read_everything(*engine_, history);
    EXPECT_TRUE(last) << last.error().to_string();
    if (last) history.push_back(std::move(*last));
    return history;
  }

  std::string directory_;
  std::unique_ptr<Engine> engine_;
};

// Threads meet by chance, so it may take more than one history; never this many.
TEST_F(Recorder, ReadCommittedIsNotMistakenForRepeatableRead) {
  bool noticed = false;
  for (std::uint64_t seed = 1; seed <= 30 && !noticed; ++seed) {
    const auto findings = check(record(Isolation::read_committed, seed));
    EXPECT_TRUE(violations_of(findings, Isolation::read_committed).empty());
    noticed = !violations_of(findings, Isolation::repeatable_read).empty();
  }
  EXPECT_TRUE(noticed);
}

TEST_F(Recorder, RepeatableReadIsNotMistakenForSerializable) {
  bool noticed = false;
  for (std::uint64_t seed = 1; seed <= 30 && !noticed; ++seed) {
    const auto findings = check(record(Isolation::repeatable_read, seed));
    EXPECT_TRUE(violations_of(findings, Isolation::repeatable_read).empty());
    noticed = !violations_of(findings, Isolation::serializable).empty();
  }
  EXPECT_TRUE(noticed);
}

// Every store is written to and read, alone and by a scan. Which transactions fail is chance, so one history may lack one of the 21.
TEST_F(Recorder, TheClientsTouchEveryStore) {
  std::array<std::array<int, 3>, kStoreCount> touched{};
  const auto lacks_some = [&] {
    return std::any_of(touched.begin(), touched.end(),
                       [](const auto& kinds) { return std::find(kinds.begin(), kinds.end(), 0) != kinds.end(); });
  };
  for (std::uint64_t seed = 1; seed <= 30 && lacks_some(); ++seed) {
    for (const Attempt& attempt : record(Isolation::serializable, seed)) {
      if (attempt.outcome != Outcome::ok) continue;
      for (const Operation& operation : attempt.operations) {
        const std::string key = operation.kind == Operation::Kind::scan ? operation.key + "/s0" : operation.key;
        ++touched[slot_of(key) / kSlotsPerStore][static_cast<std::size_t>(operation.kind)];
      }
    }
  }
  EXPECT_FALSE(lacks_some());
}

TEST_F(Recorder, AnAttemptIsTheSameAfterThePipe) {
  for (const Attempt& attempt : record(Isolation::repeatable_read, 1)) {
    const auto parsed = parse(describe(attempt));
    ASSERT_TRUE(parsed) << parsed.error().to_string();
    EXPECT_EQ(describe(*parsed), describe(attempt));
    EXPECT_EQ(parsed->operations.size(), attempt.operations.size());
    EXPECT_EQ(parsed->outcome, attempt.outcome);
    EXPECT_EQ(parsed->lsn, attempt.lsn);
  }
  for (const char* line : {"", "1 2 3", "1 2 3 9 5", "1 2 3 0 5|x k 1", "1 2 3 0 5|a k 1,2", "1 2 3 0 5|r k 1,b"}) {
    EXPECT_FALSE(parse(line)) << line;
  }
}

// What is set in the cache alone is not journaled: it has no LSN of its own, and yet comes after every view taken before it.
TEST_F(Recorder, ACommitToTheCacheAloneIsAPlaceInTheOrder) {
  const auto before = engine_->begin();
  ASSERT_TRUE(before);
  ASSERT_TRUE((*before)->cache().get("k"));
  const auto transaction = engine_->begin();
  ASSERT_TRUE(transaction);
  ASSERT_TRUE((*transaction)->cache().set("k", "v"));
  const Lsn visible = engine_->visible_lsn();
  const auto committed = (*transaction)->commit();
  ASSERT_TRUE(committed) << committed.error().to_string();
  EXPECT_EQ(engine_->visible_lsn(), visible);
  EXPECT_TRUE((*engine_->begin())->cache().get("k")->has_value());
  const auto again = (*before)->cache().get("k");
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->has_value()) << "newer than its view";
  ASSERT_TRUE((*before)->metadata().set("rests on", "k"));
  EXPECT_EQ((*before)->commit().error().code(), ErrorCode::conflict) << "it had missed what is there now";
}

}  // namespace
}  // namespace strata::isolation
