// Against a model: random transactions, checkpoints with readers of the past, and crashes; after each step the store must
// answer as a std::map of every version does. And readers beside the applying thread.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "store/object/test_database.h"

namespace strata::store::object {
namespace {

/// The state of everything at one LSN.
struct Model {
  std::map<Address, std::set<std::string>> objects;  // to their references; "" is the pin
};

class AgainstAModel : public testing::TestWithParam<std::uint64_t> {
 protected:
  /// A small universe of contents, so that they meet again and again.
  Bytes content(std::uint64_t i) const {
    core::Random fixed(i);
    if (i % 10 == 0) return noise(fixed, 70'000 + i);
    const std::string text = description(fixed, 40 + i * 13);
    return Bytes(as_bytes(text).begin(), as_bytes(text).end());
  }
  std::string owner() { return random.chance(0.4) ? "" : "owner " + std::to_string(random.below(5)); }

  void change(ObjectStore& objects, Model& model) {
    const Address address{core::sha256(content(random.below(40)))};
    switch (random.below(10)) {
      case 0: {
        const bool there = model.objects.contains(address) && model.objects[address].erase("") > 0;
        EXPECT_EQ(objects.remove(address).has_value(), there);
        break;
      }
      case 1: {
        const std::string name = "owner " + std::to_string(random.below(5));
        std::uint64_t ended = 0;
        for (auto& [object, references] : model.objects) ended += references.erase(name);
        EXPECT_EQ(*objects.release(name), ended);
        break;
      }
      case 2: {
        const auto report = objects.collect();
        ASSERT_TRUE(report) << report.error().to_string();
        std::erase_if(model.objects, [](const auto& object) { return object.second.empty(); });
        break;
      }
      default: {
        const Bytes bytes = content(random.below(40));
        const std::string name = owner();
        const auto put = objects.put(bytes, {.owner = name});
        ASSERT_TRUE(put) << put.error().to_string();
        model.objects[*put].insert(name);
      }
    }
  }

  void expect_equal(ObjectStore& objects, const Model& model, const std::string& where) {
    EXPECT_EQ(*objects.count(), model.objects.size()) << where;
    const auto listed = objects.list(std::nullopt, 1000);
    ASSERT_TRUE(listed) << listed.error().to_string();
    ASSERT_EQ(listed->size(), model.objects.size()) << where;
    auto expected = model.objects.begin();
    for (const ObjectInfo& info : *listed) {
      EXPECT_EQ(info.address, expected->first) << where;
      EXPECT_EQ(info.references, expected->second.size()) << where;
      ++expected;
    }
    for (std::uint64_t i = 0; i < 40; ++i) {
      const Bytes bytes = content(i);
      const Address address{core::sha256(bytes)};
      const auto read = objects.get(address);
      EXPECT_EQ(read.has_value(), model.objects.contains(address)) << where << ", content " << i;
      if (read) {
        EXPECT_EQ(*read, bytes);
      } else {
        EXPECT_EQ(read.error().code(), ErrorCode::not_found) << read.error().to_string();
      }
    }
  }

  core::Random random{GetParam()};
};

TEST_P(AgainstAModel, EveryStateInsideTheHorizonIsAsItWas) {
  const auto files = io::make_memory_file_system();
  TestDatabase database(*files);
  std::map<Lsn, Model> history{{0, {}}};
  Lsn horizon = 0;
  for (int step = 0; step < 40; ++step) {
    const std::string where = "seed " + std::to_string(GetParam()) + ", step " + std::to_string(step);
    // 1. A transaction: a few changes, own writes checked, then committed or not.
    Model model = history.rbegin()->second;
    TestStores tx(database, false);
    for (std::uint64_t i = 0, n = 1 + random.below(6); i < n; ++i) change(*tx.objects, model);
    if (random.chance(0.2)) expect_equal(*tx.objects, model, where + ", own writes");
    if (random.chance(0.15)) {
      tx.session->roll_back();
    } else {
      ASSERT_TRUE(tx.session->commit());
      history[database.lsn()] = std::move(model);
    }
    // 2. Sometimes a checkpoint, with commits beside it; sometimes a crash.
    if (random.chance(0.25)) {
      horizon = std::max(horizon, database.lsn() - std::min<Lsn>(database.lsn(), random.below(6)));
      const auto written = database.checkpoint(horizon, [&] {
        Model beside = history.rbegin()->second;
        TestStores other(database, false);
        change(*other.objects, beside);
        ASSERT_TRUE(other.session->commit());
        history[database.lsn()] = std::move(beside);
      });
      ASSERT_TRUE(written) << written.error().to_string();
    }
    if (random.chance(0.1)) {
      const auto reopened = database.reopen();
      ASSERT_TRUE(reopened) << reopened.error().to_string();
    }
    // 3. The present, and one state of the past.
    expect_equal(*calls(database).objects, history.rbegin()->second, where);
    const Lsn past = horizon + random.below(database.lsn() - horizon + 1);
    expect_equal(*TestStores(database, past).objects, std::prev(history.upper_bound(past))->second,
                 where + ", as of " + std::to_string(past));
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_TRUE(database.store().verify()->empty());
  // 4. Rebuilt from the first record it is the same (P6).
  Store rebuilt(*files);
  ASSERT_TRUE(rebuilt.open(nullptr));
  for (const auto& [lsn, section] : database.journal()) ASSERT_TRUE(rebuilt.apply({lsn, 0}, section));
  EXPECT_EQ(*rebuilt.summarize(database.lsn()), *database.store().summarize(database.lsn()));
}

INSTANTIATE_TEST_SUITE_P(Seeds, AgainstAModel, testing::Range<std::uint64_t>(1, 9));

TEST(Concurrency, ReadersSeeOneStateWhileOthersAreAppliedAndCheckpointed) {
  const auto files = io::make_memory_file_system();
  TestDatabase database(*files);
  core::Random random(5);
  std::vector<Address> addresses;
  std::vector<Bytes> contents;
  for (int i = 0; i < 200; ++i) {
    contents.push_back(noise(random, 200));
    addresses.push_back(*calls(database)->put(contents.back()));
  }
  const Lsn view = database.lsn();
  const Address last = *std::max_element(addresses.begin(), addresses.end());
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  const auto read = [&](std::uint64_t seed) {
    core::Random own(seed);
    TestStores past(database, view);
    while (!done.load()) {
      const std::size_t i = own.below(addresses.size());
      const auto content = past->get(addresses[i]);
      if (!content || *content != contents[i]) ++wrong;
      if (*past->count() != addresses.size()) ++wrong;
      if (own.chance(0.02) && addresses[i] != last && past->list(addresses[i], 20)->empty()) ++wrong;
    }
  };
  std::thread first(read, 1);
  std::thread second(read, 2);
  for (int round = 0; round < 20; ++round) {
    const Address gone = addresses[static_cast<std::size_t>(round)];
    ASSERT_TRUE(calls(database)->remove(gone));
    ASSERT_TRUE(calls(database)->collect());
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(calls(database)->put(noise(random, 100)));
    ASSERT_TRUE(database.checkpoint(view));
  }
  done = true;
  first.join();
  second.join();
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace strata::store::object
