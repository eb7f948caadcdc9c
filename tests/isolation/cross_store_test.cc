// Hermitage across stores: see script.h for the anomalies and cases.h for what a case is.
#include <gtest/gtest.h>

#include <cstdio>

#include "isolation/cases.h"

namespace strata::isolation {
namespace {

std::string listed(const std::vector<std::string>& lines) {
  std::string text;
  for (std::size_t i = 0; i < lines.size() && i < 60; ++i) text += lines[i] + "\n";
  if (lines.size() > 60) text += "… and " + std::to_string(lines.size() - 60) + " more\n";
  return text;
}

class CrossStore : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = CaseRoom::open();
    ASSERT_TRUE(opened) << opened.error().to_string();
    room_ = std::move(*opened);
  }
  CaseTally run(std::span<const Isolation> levels, Door door = Door::transactions,
                std::optional<Isolation> expected = {}, Variation variation = Variation::replace) {
    auto tally = run_cases(*room_, levels, door, expected, variation);
    EXPECT_TRUE(tally) << tally.error().to_string();
    return tally ? std::move(*tally) : CaseTally{};
  }
  static std::uint64_t happened(const CaseTally& tally, Isolation level, Anomaly anomaly) {
    const auto found = tally.happened.find({level, anomaly});
    return found == tally.happened.end() ? 0 : found->second;
  }

  std::unique_ptr<CaseRoom> room_;
};

constexpr std::uint64_t kPairs = 42;

TEST_F(CrossStore, NoForbiddenAnomalyInAnyPairAtAnyLevel) {
  const CaseTally tally = run(kLevels);
  std::printf("%s%llu cases, %llu plays, %llu transactions refused, %zu violations\n", table_of(tally).c_str(),
              static_cast<unsigned long long>(tally.cases), static_cast<unsigned long long>(tally.plays),
              static_cast<unsigned long long>(tally.refused), tally.violations.size());
  EXPECT_EQ(tally.cases, 1'680U);
  EXPECT_EQ(tally.violations.size(), 0U) << listed(tally.violations);
}

// What is missing is read like what is there. Only where missing it decides; strata_isolation --what cases plays the rest.
TEST_F(CrossStore, NoForbiddenAnomalyWhereItemsAreMissingAtFirstOrRemoved) {
  const Isolation levels[] = {Isolation::repeatable_read, Isolation::serializable};
  for (const Variation variation : {Variation::both_missing, Variation::remove}) {
    const CaseTally tally = run(levels, Door::transactions, {}, variation);
    std::printf("%s: %s%llu cases, %llu plays, %llu transactions refused, %zu violations\n",
                std::string(name(variation)).c_str(), table_of(tally).c_str(),
                static_cast<unsigned long long>(tally.cases), static_cast<unsigned long long>(tally.plays),
                static_cast<unsigned long long>(tally.refused), tally.violations.size());
    EXPECT_EQ(tally.violations.size(), 0U) << listed(tally.violations);
  }
}

TEST_F(CrossStore, TheSuiteNoticesCallsWithoutTransactionsWhereItemsAreMissingOrRemoved) {
  const Isolation level[] = {Isolation::serializable};
  for (const Variation variation : {Variation::both_missing, Variation::remove}) {
    const CaseTally tally = run(level, Door::calls, {}, variation);
    for (std::size_t a = 0; a < kAnomalyCount; ++a) {
      const auto anomaly = static_cast<Anomaly>(a);
      if (scripts_of(anomaly, variation).empty()) continue;
      const auto seen = happened(tally, level[0], anomaly);
      // Where a miss in the cache would say nothing, pairs with the cache are not played.
      EXPECT_TRUE(seen == kPairs || (variation == Variation::remove && seen == kPairs - 12))
          << name(variation) << " " << name(anomaly) << " " << seen;
    }
  }
}

TEST_F(CrossStore, TheSameTransactionsInTurnAllCommit) {
  const auto tally = run_controls(*room_, kLevels);
  ASSERT_TRUE(tally) << tally.error().to_string();
  EXPECT_EQ(tally->cases, 1'680U);
  EXPECT_EQ(tally->violations.size(), 0U) << listed(tally->violations);
}

// Without transactions everything happens, in every pair: no script is blind.
TEST_F(CrossStore, TheSuiteNoticesCallsWithoutTransactions) {
  const Isolation level[] = {Isolation::serializable};
  const CaseTally tally = run(level, Door::calls);
  for (std::size_t a = 0; a < kAnomalyCount; ++a) {
    const auto anomaly = static_cast<Anomaly>(a);
    EXPECT_EQ(happened(tally, level[0], anomaly), kPairs) << name(anomaly);
  }
  EXPECT_EQ(tally.violations.size(), kAnomalyCount * kPairs);
}

// A level that is silently one lower than asked for.
TEST_F(CrossStore, TheSuiteNoticesADowngradedLevel) {
  const Isolation level[] = {Isolation::read_committed};
  const CaseTally tally = run(level, Door::transactions, Isolation::serializable);
  for (const Anomaly anomaly : {Anomaly::pmp, Anomaly::p4, Anomaly::g_single, Anomaly::g2_item, Anomaly::g2}) {
    EXPECT_EQ(happened(tally, level[0], anomaly), kPairs) << name(anomaly);
  }
  EXPECT_EQ(tally.violations.size(), 5 * kPairs) << listed(tally.violations);
}

TEST_F(CrossStore, TheSuiteNoticesThatRepeatableReadIsNotSerializable) {
  const Isolation level[] = {Isolation::repeatable_read};
  const CaseTally tally = run(level, Door::transactions, Isolation::serializable);
  EXPECT_GT(happened(tally, level[0], Anomaly::g2), 0U);
  EXPECT_FALSE(tally.violations.empty());
}

}  // namespace
}  // namespace strata::isolation
