// The lock table alone: modes, queues, deadlocks. Threads are ordered by what the table itself says of who waits.
#include "transaction/lock_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include "core/random.h"

namespace strata::transaction {
namespace {

constexpr std::int64_t kNever = INT64_MAX;
constexpr LockMode kModes[] = {LockMode::intend_shared, LockMode::intend_exclusive, LockMode::shared,
                               LockMode::exclusive};

/// One owner on a thread of its own, which does one thing after another when it is told to.
class Agent {
 public:
  Agent(LockTable& table, std::uint64_t id) : table_(table), owner(id) {}
  ~Agent() { finish(); }

  void start(std::uint64_t key, LockMode mode, std::int64_t deadline = kNever) {
    finish();
    done = false;
    thread_ = std::thread([this, key, mode, deadline] {
      auto granted = table_.acquire(owner, StoreKind::metadata, key, mode, deadline);
      if (granted) {
        outcome = *granted == LockTable::Granted::at_once ? "at once" : "after waiting";
      } else {
        outcome = std::string(name(granted.error().code()));
        message = granted.error().message();
      }
      done = true;
    });
  }
  /// Returns once the request is granted, refused, or in a queue.
  void start_and_settle(std::uint64_t key, LockMode mode) {
    start(key, mode);
    while (!done && !waiting()) std::this_thread::yield();
  }
  bool waiting() {
    const auto waits = table_.waits();
    return std::any_of(waits.begin(), waits.end(), [&](const LockWait& each) { return each.waiter == owner.id(); });
  }
  void finish() {
    if (thread_.joinable()) thread_.join();
  }

  LockTable& table_;
  LockOwner owner;
  std::atomic<bool> done{true};
  std::string outcome, message;

 private:
  std::thread thread_;
};

class LockTableTest : public ::testing::Test {
 protected:
  core::ManualClock clock;
  BoardLayout board;
  LockTable table{clock, board};
};

TEST_F(LockTableTest, ModesMeetAsTheTableSays) {
  for (const LockMode held : kModes) {
    for (const LockMode wanted : kModes) {
      LockOwner one(1), two(2);
      ASSERT_TRUE(table.try_acquire(one, 7, held));
      EXPECT_EQ(table.try_acquire(two, 7, wanted), compatible(held, wanted));
      table.release_all(one);
      EXPECT_TRUE(table.try_acquire(two, 7, wanted));
      table.release_all(two);
    }
  }
  EXPECT_EQ(table.size(), 0U);
}

TEST_F(LockTableTest, AnOwnerIsNotInItsOwnWayAndKeepsTheStrongest) {
  LockOwner one(1), two(2);
  ASSERT_TRUE(table.try_acquire(one, 7, LockMode::intend_exclusive));
  ASSERT_TRUE(table.try_acquire(one, 7, LockMode::shared));
  EXPECT_FALSE(table.try_acquire(two, 7, LockMode::intend_shared)) << "both together are exclusive";
  EXPECT_EQ(one.held(), 1U);
  table.release_all(one);
  EXPECT_EQ(table.size(), 0U);
}

TEST_F(LockTableTest, ManyKeysComeAndGoInAnyOrder) {
  core::Random random(11);
  std::map<std::uint64_t, std::uint64_t> model;  // key → owner
  std::vector<std::unique_ptr<LockOwner>> owners;
  for (std::uint64_t id = 1; id <= 8; ++id) owners.push_back(std::make_unique<LockOwner>(id));
  for (int step = 0; step < 20'000; ++step) {
    LockOwner& owner = *owners[random.below(owners.size())];
    if (random.below(40) == 0) {
      table.release_all(owner);
      std::erase_if(model, [&](const auto& entry) { return entry.second == owner.id(); });
      continue;
    }
    // Few shards and close homes, so that runs of slots form and close again.
    const std::uint64_t key = (random.below(3) << 58) | (random.below(5) << 20) | random.below(40);
    const bool granted = table.try_acquire(owner, key, LockMode::exclusive);
    const auto [holder, fresh] = model.try_emplace(key, owner.id());
    ASSERT_EQ(granted, fresh || holder->second == owner.id());
    ASSERT_EQ(table.size(), model.size());
  }
  for (const auto& owner : owners) table.release_all(*owner);
  EXPECT_EQ(table.size(), 0U);
}

TEST_F(LockTableTest, WaitersAreServedInOrderAndSharedOnesTogether) {
  LockOwner first(1);
  ASSERT_TRUE(table.try_acquire(first, 7, LockMode::exclusive));
  Agent two(table, 2), three(table, 3), four(table, 4), five(table, 5);
  two.start_and_settle(7, LockMode::shared);
  three.start_and_settle(7, LockMode::shared);
  four.start_and_settle(7, LockMode::exclusive);
  five.start_and_settle(7, LockMode::shared);
  const auto waits = table.waits();
  ASSERT_EQ(waits.size(), 4U);
  EXPECT_EQ(waits[0].holders, std::vector<std::uint64_t>{1});
  EXPECT_EQ(waits[3].holders, (std::vector<std::uint64_t>{1, 2, 3, 4})) << "who came before is served before";
  table.release_all(first);
  two.finish();
  three.finish();
  EXPECT_EQ(two.outcome, "after waiting");
  EXPECT_TRUE(four.waiting());
  EXPECT_TRUE(five.waiting()) << "no overtaking, although it would fit";
  table.release_all(two.owner);
  table.release_all(three.owner);
  four.finish();
  EXPECT_TRUE(five.waiting());
  table.release_all(four.owner);
  five.finish();
  table.release_all(five.owner);
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(table.stats().waits, 4U);
}

TEST_F(LockTableTest, TheBoardFollowsWhoWaitsForWhom) {
  // By waiter, as another process reads it.
  const auto shown = [&] {
    Bytes bytes(kBoardBytes);
    std::memcpy(bytes.data(), &board, kBoardBytes);
    std::map<std::uint64_t, std::vector<std::uint64_t>> waits;
    const auto told = read_board(bytes, bytes, 0);
    for (const TransactionStatus& each : told->active) {
      EXPECT_EQ(each.waits_on, "metadata:0000000000000007");
      waits[each.id] = each.waits_for;
    }
    return waits;
  };
  using Waits = std::map<std::uint64_t, std::vector<std::uint64_t>>;
  board.bytes = kBoardBytes;
  LockOwner first(1);
  ASSERT_TRUE(table.try_acquire(first, 7, LockMode::shared));
  ASSERT_TRUE(table.try_acquire(first, 8, LockMode::exclusive));
  Agent two(table, 2), three(table, 3), four(table, 4);
  two.start_and_settle(7, LockMode::exclusive);
  three.start_and_settle(7, LockMode::exclusive);
  four.start_and_settle(7, LockMode::shared);
  EXPECT_EQ(shown(), (Waits{{2, {1}}, {3, {1, 2}}, {4, {2, 3}}}));
  table.release_all(first);
  two.finish();
  EXPECT_EQ(shown(), (Waits{{3, {2}}, {4, {2, 3}}})) << "they wait for who holds it now";
  table.release_all(two.owner);
  three.finish();
  table.release_all(three.owner);
  four.finish();
  table.release_all(four.owner);
  EXPECT_EQ(shown(), Waits{});
  EXPECT_EQ(board.counters.lock_waits, 3U);
}

TEST_F(LockTableTest, MoreThatWaitThanTheBoardHasRoomForAreCounted) {
  LockOwner first(1);
  ASSERT_TRUE(table.try_acquire(first, 7, LockMode::exclusive));
  std::vector<std::unique_ptr<Agent>> agents;
  for (std::uint64_t id = 2; id < 2 + BoardLayout::kWaits + 3; ++id) {
    agents.push_back(std::make_unique<Agent>(table, id));
    agents.back()->start_and_settle(7, LockMode::shared);
  }
  EXPECT_EQ(board.counters.unshown, 3U);
  table.release_all(first);
  for (const auto& each : agents) each->finish();
  for (const auto& each : agents) table.release_all(each->owner);
  EXPECT_EQ(board.counters.unshown, 0U);
  for (const ShownWait& each : board.waits) EXPECT_EQ(each.waiter, 0U);
}

TEST_F(LockTableTest, WhoWantsMoreOfWhatItHoldsGoesFirst) {
  LockOwner one(1), two(2);
  ASSERT_TRUE(table.try_acquire(one, 7, LockMode::shared));
  ASSERT_TRUE(table.try_acquire(two, 7, LockMode::shared));
  Agent three(table, 3);
  three.start_and_settle(7, LockMode::exclusive);
  std::atomic<bool> upgraded{false};
  std::thread upgrade(
      [&] { upgraded = table.acquire(two, StoreKind::metadata, 7, LockMode::exclusive, kNever).has_value(); });
  while (table.waits().size() < 2) std::this_thread::yield();
  table.release_all(one);
  upgrade.join();
  EXPECT_TRUE(upgraded);
  EXPECT_TRUE(three.waiting());
  table.release_all(two);
  three.finish();
  table.release_all(three.owner);
}

TEST_F(LockTableTest, ADeadlockCostsTheYoungestInItWhoeverClosesIt) {
  for (const bool the_youngest_closes_it : {true, false}) {
    Agent old(table, 10), young(table, 20);
    ASSERT_TRUE(table.try_acquire(old.owner, 1, LockMode::exclusive));
    ASSERT_TRUE(table.try_acquire(young.owner, 2, LockMode::exclusive));
    Agent& before = the_youngest_closes_it ? old : young;
    Agent& closes = the_youngest_closes_it ? young : old;
    before.start_and_settle(&before == &old ? 2 : 1, LockMode::exclusive);
    closes.start(&closes == &old ? 2 : 1, LockMode::exclusive);
    young.finish();
    EXPECT_EQ(young.outcome, "conflict");
    EXPECT_NE(young.message.find("transaction 10 waits for transaction 20"), std::string::npos) << young.message;
    EXPECT_NE(young.message.find("transaction 20 waits for transaction 10"), std::string::npos) << young.message;
    EXPECT_FALSE(old.done) << "it waits until the victim has given its locks back";
    table.release_all(young.owner);
    old.finish();
    EXPECT_EQ(old.outcome, "after waiting");
    table.release_all(old.owner);
  }
  EXPECT_EQ(table.stats().deadlocks, 2U);
  EXPECT_EQ(table.size(), 0U);
}

TEST_F(LockTableTest, AWaitEndsAtItsDeadlineAndNamesTheHolder) {
  LockOwner holder(1);
  ASSERT_TRUE(table.try_acquire(holder, 7, LockMode::exclusive));
  Agent waiter(table, 2);
  waiter.start(7, LockMode::exclusive, clock.monotonic_us() + 5'000);
  while (!waiter.waiting()) std::this_thread::yield();
  clock.advance(5'001);
  waiter.finish();
  EXPECT_EQ(waiter.outcome, "timeout");
  EXPECT_NE(waiter.message.find("waited 5 ms for transaction 1"), std::string::npos) << waiter.message;
  Agent behind(table, 3);
  behind.start_and_settle(7, LockMode::exclusive);
  table.release_all(holder);
  behind.finish();
  EXPECT_EQ(behind.outcome, "after waiting") << "who gave up is not in anybody's way";
  table.release_all(behind.owner);
}

/// Who waits for whom, worked out anew from scratch each time: holders by key, queues by key.
class Model {
 public:
  struct Wait {
    int owner;
    LockMode mode;
  };
  std::map<std::uint64_t, std::map<int, LockMode>> holders;
  std::map<std::uint64_t, std::vector<Wait>> queues;

  bool blocked(int owner) const {
    for (const auto& [key, queue] : queues) {
      for (const Wait& wait : queue) {
        if (wait.owner == owner) return true;
      }
    }
    return false;
  }
  std::set<int> waits_for(int owner) const {
    std::set<int> others;
    for (const auto& [key, queue] : queues) {
      for (std::size_t i = 0; i < queue.size(); ++i) {
        if (queue[i].owner != owner) continue;
        const auto& held = holders.at(key);
        const auto mine = held.find(owner);
        const LockMode wanted = mine == held.end() ? queue[i].mode : both(mine->second, queue[i].mode);
        for (const auto& [holder, mode] : held) {
          if (holder != owner && !compatible(mode, wanted)) others.insert(holder);
        }
        for (std::size_t before = 0; before < i; ++before) others.insert(queue[before].owner);
      }
    }
    return others;
  }
  /// By brute force: every owner on some cycle through `start`, found by following all simple paths.
  bool on_cycle(int start, int at, std::set<int>& path, std::set<int>& members) const {
    bool found = false;
    for (const int next : waits_for(at)) {
      if (next == start) {
        members.insert(path.begin(), path.end());
        found = true;
      } else if (path.insert(next).second) {
        found |= on_cycle(start, next, path, members);
        path.erase(next);
      }
    }
    return found;
  }
};

TEST_F(LockTableTest, FindsExactlyTheDeadlocksThatBruteForceFinds) {
  const std::uint64_t seed = core::random_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  core::Random random(seed);
  constexpr int kOwners = 6, kKeys = 4;
  int deadlocks = 0;
  for (int round = 0; round < 60; ++round) {
    BoardLayout board_of_fresh;
    LockTable fresh(clock, board_of_fresh);
    std::vector<std::unique_ptr<Agent>> agents;
    for (int i = 0; i < kOwners; ++i)
      agents.push_back(std::make_unique<Agent>(fresh, static_cast<std::uint64_t>(i + 1)));
    Model model;
    std::set<int> victims;
    const auto release = [&](int owner) {
      Agent& through = *agents[static_cast<std::size_t>(owner)];
      through.finish();  // granted, it may not have returned yet
      fresh.release_all(through.owner);
      for (auto& [key, held] : model.holders) held.erase(owner);
      for (auto& [key, queue] : model.queues) {  // serve, in order
        while (!queue.empty()) {
          auto& held = model.holders[key];
          const Model::Wait next = queue.front();
          const LockMode wanted = held.contains(next.owner) ? both(held[next.owner], next.mode) : next.mode;
          const bool free = std::all_of(held.begin(), held.end(), [&](const auto& each) {
            return each.first == next.owner || compatible(each.second, wanted);
          });
          if (!free) break;
          held[next.owner] = wanted;
          queue.erase(queue.begin());
        }
      }
    };
    for (int step = 0; step < 40; ++step) {
      std::vector<int> idle;
      for (int i = 0; i < kOwners; ++i) {
        if (!model.blocked(i)) idle.push_back(i);
      }
      ASSERT_FALSE(idle.empty()) << "all of them wait: a deadlock was missed";
      const int owner = idle[random.below(idle.size())];
      Agent& agent = *agents[static_cast<std::size_t>(owner)];
      if (random.below(6) == 0) {
        release(owner);
        continue;
      }
      const std::uint64_t key = 1 + random.below(kKeys);
      const LockMode mode = kModes[random.below(4)];
      // What the model says.
      auto& held = model.holders[key];
      auto& queue = model.queues[key];
      const bool holds = held.contains(owner);
      const LockMode wanted = holds ? both(held[owner], mode) : mode;
      const bool free = std::all_of(held.begin(), held.end(), [&](const auto& each) {
        return each.first == owner || compatible(each.second, wanted);
      });
      const bool grant = (holds && wanted == held[owner]) || (free && (holds || queue.empty()));
      agent.start_and_settle(key, mode);
      if (grant) {
        agent.finish();
        ASSERT_EQ(agent.outcome, "at once");
        held[owner] = wanted;
        continue;
      }
      auto place = queue.end();
      if (holds)
        place = std::find_if(queue.begin(), queue.end(), [&](const auto& each) { return !held.contains(each.owner); });
      queue.insert(place, {owner, mode});
      std::set<int> path{owner}, members;
      if (!model.on_cycle(owner, owner, path, members)) {
        ASSERT_TRUE(agent.waiting()) << agent.outcome << " " << agent.message;
        continue;
      }
      // A cycle: somebody on one gives up. The table decides who; it has to be the youngest of a cycle, so never an
      // owner that is on none, and afterwards no cycle is left.
      ++deadlocks;
      // With several cycles there are several victims at once: all have left their queues before one gives its locks back.
      std::vector<int> gave_up;
      for (int i = 0; i < kOwners; ++i) {
        Agent& each = *agents[static_cast<std::size_t>(i)];
        if (!model.blocked(i)) continue;
        while (!each.done && !each.waiting()) std::this_thread::yield();
        if (!each.done || each.outcome != "conflict") continue;
        EXPECT_TRUE(members.contains(i)) << "owner " << i + 1 << " was on no cycle";
        each.finish();
        each.outcome.clear();
        for (auto& [other, waiting] : model.queues)
          std::erase_if(waiting, [&](const auto& wait) { return wait.owner == i; });
        gave_up.push_back(i);
      }
      for (const int victim : gave_up) release(victim);
      std::set<int> again{owner}, left;
      EXPECT_FALSE(model.on_cycle(owner, owner, again, left));
    }
    for (int i = 0; i < kOwners; ++i) {  // wind up: whoever is not blocked lets go until all are through
      for (int owner = 0; owner < kOwners; ++owner) {
        if (!model.blocked(owner)) {
          agents[static_cast<std::size_t>(owner)]->finish();
          release(owner);
        }
      }
    }
    for (const auto& agent : agents) {
      agent->finish();
      fresh.release_all(agent->owner);
    }
    ASSERT_EQ(fresh.size(), 0U);
  }
  EXPECT_GT(deadlocks, 0);
}

TEST_F(LockTableTest, ManyThreadsExcludeEachOther) {
  constexpr int kThreads = 6, kRounds = 300;
  std::atomic<std::uint64_t> ids{1};
  std::array<std::uint64_t, 4> inside{};  // each guarded by the lock of its key
  std::atomic<int> done{0}, refused{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      core::Random random(static_cast<std::uint64_t>(t + 1));
      for (int i = 0; i < kRounds; ++i) {
        LockOwner owner(ids.fetch_add(1));
        const std::size_t a = random.below(4), b = random.below(4);
        bool ok = true;
        for (const std::size_t key : {a, b}) {
          if (!ok) break;
          ok = table.acquire(owner, StoreKind::metadata, key, LockMode::exclusive, kNever).has_value();
          if (ok) inside[key] = owner.id();
        }
        std::this_thread::yield();
        if (ok) {
          EXPECT_EQ(inside[a], owner.id());
          EXPECT_EQ(inside[b], owner.id());
        }
        ok ? ++done : ++refused;
        table.release_all(owner);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(done + refused, kThreads * kRounds);
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(static_cast<int>(table.stats().deadlocks), refused.load());
}

}  // namespace
}  // namespace strata::transaction
