#include "store/cache/keyspace.h"

#include <gtest/gtest.h>

#include <cmath>
#include <list>
#include <thread>
#include <unordered_map>

#include "core/random.h"

namespace strata::store::cache {
namespace {

constexpr Lsn kView = 100;

std::string text_of(const std::optional<Bytes>& value) {
  return value ? std::string(as_text(*value)) : std::string("(none)");
}

class KeyspaceTest : public testing::Test {
 protected:
  Result<void> set(Keyspace& keyspace, std::string_view key, std::string_view value, std::int64_t ttl_ms = 0,
                   Lsn lsn = 1) {
    const Deadline deadline = STRATA_TRY(keyspace.deadline_in(ttl_ms));
    return keyspace.set(key, as_bytes(value), deadline, lsn);
  }
  core::ManualClock clock_;
  Keyspace keyspace_{clock_, 8 << 20};
};

TEST_F(KeyspaceTest, GivesBackWhatWasSetAndReplacesIt) {
  EXPECT_EQ(text_of(keyspace_.get("a", kView)), "(none)");
  ASSERT_TRUE(set(keyspace_, "a", "one"));
  EXPECT_EQ(text_of(keyspace_.get("a", kView)), "one");
  ASSERT_TRUE(set(keyspace_, "a", ""));
  EXPECT_EQ(text_of(keyspace_.get("a", kView)), "");
  EXPECT_TRUE(keyspace_.remove("a"));
  EXPECT_FALSE(keyspace_.remove("a"));
  EXPECT_EQ(keyspace_.stats().entries, 0u);
  EXPECT_EQ(keyspace_.stats().hits, 2u);
  EXPECT_EQ(keyspace_.stats().misses, 1u);
}

TEST_F(KeyspaceTest, KeysAreBytesUpTo64KiB) {
  const std::string with_nul("a\0b", 3), longest(kKeyBytesMax, 'k');
  ASSERT_TRUE(set(keyspace_, with_nul, "x"));
  ASSERT_TRUE(set(keyspace_, longest, "y"));
  EXPECT_EQ(text_of(keyspace_.get("a", kView)), "(none)");
  EXPECT_EQ(text_of(keyspace_.get(with_nul, kView)), "x");
  EXPECT_EQ(text_of(keyspace_.get(longest, kView)), "y");
  EXPECT_EQ(set(keyspace_, longest + "k", "y").error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(set(keyspace_, "", "y").error().code(), ErrorCode::invalid_argument);
}

TEST_F(KeyspaceTest, AValueHasAtMostAQuarterOfTheLimit) {
  EXPECT_TRUE(set(keyspace_, "k", std::string(2 << 20, 'v')));
  const auto refused = set(keyspace_, "k", std::string((2 << 20) + 1, 'v'));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::resource_exhausted);
  EXPECT_EQ(keyspace_.stats().rejected, 1u);
}

TEST_F(KeyspaceTest, TimeToLiveEndsOnTheMillisecond) {
  ASSERT_TRUE(set(keyspace_, "k", "v", 10));
  EXPECT_EQ(keyspace_.ttl_until(*keyspace_.deadline("k", kView)), 10);
  clock_.advance(9'999);
  EXPECT_EQ(text_of(keyspace_.get("k", kView)), "v");
  EXPECT_EQ(keyspace_.ttl_until(*keyspace_.deadline("k", kView)), 1);
  clock_.advance(1);
  EXPECT_FALSE(keyspace_.deadline("k", kView));
  EXPECT_FALSE(keyspace_.set_deadline("k", kView, kNever));
  EXPECT_EQ(text_of(keyspace_.get("k", kView)), "(none)");
  EXPECT_EQ(keyspace_.stats().expirations, 1u);
  EXPECT_EQ(keyspace_.stats().entries, 0u);
}

TEST_F(KeyspaceTest, AHugeTimeToLiveDoesNotOverflow) {
  ASSERT_TRUE(set(keyspace_, "k", "v", INT64_MAX));
  EXPECT_EQ(text_of(keyspace_.get("k", kView)), "v");
  EXPECT_EQ(keyspace_.deadline_in(-1).error().code(), ErrorCode::invalid_argument);
}

TEST_F(KeyspaceTest, ClearExpiredRemovesExactlyTheDead) {
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(set(keyspace_, "k" + std::to_string(i), "v", i % 2 == 0 ? 5 : 0));
  clock_.advance(5'000);
  EXPECT_EQ(keyspace_.clear_expired(), 500u);
  EXPECT_EQ(keyspace_.clear_expired(), 0u);
  EXPECT_EQ(keyspace_.stats().entries, 500u);
}

TEST_F(KeyspaceTest, DeadEntriesAreSweptByLaterInsertions) {
  for (int i = 0; i < 4'000; ++i) ASSERT_TRUE(set(keyspace_, "dead" + std::to_string(i), "v", 1));
  clock_.advance(1'000);
  for (int i = 0; i < 8'000; ++i) ASSERT_TRUE(set(keyspace_, "k" + std::to_string(i), "v"));
  EXPECT_EQ(keyspace_.stats().entries, 8'000u);
  EXPECT_EQ(keyspace_.stats().expirations, 4'000u);
}

TEST_F(KeyspaceTest, AViewOlderThanTheEntryMisses) {
  ASSERT_TRUE(set(keyspace_, "k", "v", 0, 7));
  EXPECT_EQ(text_of(keyspace_.get("k", 6)), "(none)");
  EXPECT_EQ(text_of(keyspace_.get("k", 7)), "v");
  EXPECT_FALSE(keyspace_.deadline("k", 6));
  // A set that took its LSN before the commit at 7 finished does not make the key look older.
  ASSERT_TRUE(set(keyspace_, "k", "w", 0, 5));
  EXPECT_EQ(text_of(keyspace_.get("k", 6)), "(none)");
  EXPECT_EQ(text_of(keyspace_.get("k", 7)), "w");
}

TEST_F(KeyspaceTest, ClearReturnsTheMemoryOfAllEntries) {
  for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(set(keyspace_, "k" + std::to_string(i), "value"));
  const std::uint64_t full = keyspace_.stats().bytes;
  keyspace_.clear();
  const CacheStats stats = keyspace_.stats();
  EXPECT_EQ(stats.entries, 0u);
  EXPECT_LT(stats.bytes, full / 4);  // the tables stay
  keyspace_.clear();
  EXPECT_EQ(keyspace_.stats().bytes, stats.bytes);
}

TEST_F(KeyspaceTest, NeverHoldsMoreThanTheLimit) {
  core::Random random(42);
  Keyspace small(clock_, 1 << 20);
  for (int i = 0; i < 30'000; ++i) {
    const std::string key = "k" + std::to_string(random.below(5'000));
    const std::size_t size = random.chance(0.01) ? random.below(200'000) : random.below(300);
    const auto done = set(small, key, std::string(size, 'v'), random.chance(0.1) ? 1 + random.below(50) : 0);
    ASSERT_TRUE(done) << done.error().to_string();
    ASSERT_LE(small.stats().bytes, std::uint64_t{1} << 20) << "after " << i << " sets (seed 42)";
    clock_.advance(100);
  }
  EXPECT_GT(small.stats().evictions, 0u);
  EXPECT_GT(small.stats().bytes, std::uint64_t{700} << 10) << "the room is used";
}

TEST_F(KeyspaceTest, TheBudgetIsTheSumOfItsParts) {
  core::Random random(7);
  for (int i = 0; i < 20'000; ++i) {
    const std::string key = "k" + std::to_string(random.below(3'000));
    if (random.chance(0.3)) {
      keyspace_.remove(key);
    } else {
      ASSERT_TRUE(set(keyspace_, key, std::string(random.below(100), 'v'), random.chance(0.2) ? 3 : 0));
    }
    clock_.advance(50);
  }
  const std::uint64_t before = keyspace_.stats().bytes;
  std::uint64_t charged = 0, entries = 0;
  for (int i = 0; i < 3'000; ++i) {
    const std::string key = "k" + std::to_string(i);
    if (const auto value = keyspace_.get(key, kView)) {
      charged += Entry::charge_for(key.size(), value->size());
      ++entries;
    }
  }
  keyspace_.clear_expired();
  EXPECT_EQ(keyspace_.stats().entries, entries);
  const std::uint64_t with = keyspace_.stats().bytes;
  EXPECT_LE(with, before);
  keyspace_.clear();
  EXPECT_EQ(with - keyspace_.stats().bytes, charged);
}

/// Plain LRU over the same budget, to compare with.
class PlainLru {
 public:
  explicit PlainLru(std::size_t entries_max) : entries_max_(entries_max) {}
  bool touch(std::uint64_t key) {
    if (const auto found = places_.find(key); found != places_.end()) {
      order_.splice(order_.begin(), order_, found->second);
      return true;
    }
    order_.push_front(key);
    places_[key] = order_.begin();
    if (order_.size() > entries_max_) {
      places_.erase(order_.back());
      order_.pop_back();
    }
    return false;
  }

 private:
  std::size_t entries_max_;
  std::list<std::uint64_t> order_;
  std::unordered_map<std::uint64_t, std::list<std::uint64_t>::iterator> places_;
};

/// Zipf by the inverse of the distribution function over a table.
class Zipf {
 public:
  Zipf(std::size_t items, double exponent) : sums_(items) {
    double sum = 0;
    for (std::size_t i = 0; i < items; ++i) sums_[i] = sum += 1.0 / std::pow(static_cast<double>(i + 1), exponent);
  }
  std::uint64_t next(core::Random& random) const {
    const auto at = std::lower_bound(sums_.begin(), sums_.end(), random.real() * sums_.back());
    return static_cast<std::uint64_t>(at - sums_.begin());
  }

 private:
  std::vector<double> sums_;
};

/// A trace of `requests` keys, with a scan of keys used once mixed in; the two hit rates.
std::pair<double, double> hit_rates(double exponent, double scan_share) {
  core::ManualClock clock;
  Keyspace keyspace(clock, 4 << 20);
  core::Random random(11);
  const Zipf zipf(100'000, exponent);
  const std::string value(256, 'v');
  constexpr int kRequests = 400'000;
  // The number of entries that the byte limit allows, found by filling it.
  for (int i = 0; i < 40'000; ++i) EXPECT_TRUE(keyspace.set("fill" + std::to_string(i), as_bytes(value), kNever, 1));
  PlainLru lru(keyspace.stats().entries);
  keyspace.clear();
  int ours = 0, plain = 0;
  std::uint64_t scanned = 1'000'000;
  for (int i = 0; i < kRequests; ++i) {
    const std::uint64_t item = random.chance(scan_share) ? ++scanned : zipf.next(random);
    const std::string key = std::to_string(item);
    if (keyspace.get(key, kView)) {
      ++ours;
    } else {
      EXPECT_TRUE(keyspace.set(key, as_bytes(value), kNever, 1));
    }
    plain += lru.touch(item) ? 1 : 0;
  }
  return {static_cast<double>(ours) / kRequests, static_cast<double>(plain) / kRequests};
}

TEST(Eviction, HitsAtLeastAsOftenAsPlainLru) {
  for (const double exponent : {0.8, 1.0, 1.2}) {
    const auto [ours, plain] = hit_rates(exponent, 0);
    RecordProperty("zipf_" + std::to_string(exponent), std::to_string(ours) + " against " + std::to_string(plain));
    EXPECT_GE(ours, plain) << "zipf exponent " << exponent;
  }
}

TEST(Eviction, AScanDoesNotWashOutWhatIsUsed) {
  const auto [ours, plain] = hit_rates(1.0, 0.5);
  EXPECT_GT(ours, plain * 1.05);
}

TEST(Concurrency, ThreadsShareOneBudget) {
  core::SystemClock clock;
  Keyspace keyspace(clock, 1 << 20);
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      core::Random random(t);
      for (int i = 0; i < 6'000; ++i) {
        const std::string key = "k" + std::to_string(random.below(2'000));
        const std::uint64_t what = random.below(100);
        if (what < 50) {
          const std::string value(random.below(2'000), static_cast<char>('a' + key.size()));
          EXPECT_TRUE(keyspace.set(key, as_bytes(value), *keyspace.deadline_in(what < 5 ? 1 : 0), 1));
        } else if (what < 90) {
          if (const auto value = keyspace.get(key, kView); value && !value->empty()) {
            EXPECT_EQ(static_cast<char>(value->front()), static_cast<char>('a' + key.size()));
          }
        } else if (what < 97) {
          keyspace.remove(key);
        } else if (what < 99) {
          keyspace.clear_expired();
        } else {
          keyspace.set_deadline(key, kView, *keyspace.deadline_in(1));
        }
        if (i % 64 == 0 && keyspace.stats().bytes > (1u << 20)) over = true;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(over);
  const std::uint64_t with_tables = keyspace.stats().bytes;
  keyspace.clear();
  EXPECT_LE(keyspace.stats().bytes, with_tables);
  EXPECT_EQ(keyspace.stats().entries, 0u);
}

}  // namespace
}  // namespace strata::store::cache
