// The checker itself: histories written by hand, one for each phenomenon with its innocent twin, and engines that are
// broken on purpose.
#include "isolation/history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <set>

#include "isolation/simulated_engine.h"

namespace strata::isolation {
namespace {

Operation r(std::string key, List list) { return {Operation::Kind::read, "g/" + std::move(key), 0, std::move(list)}; }
Operation a(std::string key, std::int64_t element) { return {Operation::Kind::append, "g/" + std::move(key), element}; }
Operation query(std::string key, List list) {
  Operation operation = r(std::move(key), std::move(list));
  operation.by_predicate = true;
  return operation;
}
Operation scan(std::vector<std::pair<std::string, List>> members) {
  Operation operation{Operation::Kind::scan, "g"};
  for (auto& [key, list] : members) operation.members["g/" + key] = std::move(list);
  return operation;
}

/// Attempts that all overlap one another, of a client each.
History together(std::vector<std::vector<Operation>> all) {
  History history;
  for (auto& operations : all) {
    const std::uint64_t n = history.size();
    history.push_back({n, n + 1, 1000 + n, Outcome::ok, 0, std::move(operations)});
  }
  return history;
}

History in_turn(std::vector<std::vector<Operation>> all) {
  History history = together(std::move(all));
  for (std::size_t i = 0; i < history.size(); ++i) {
    history[i].begin = 10 * i + 1;
    history[i].end = 10 * i + 2;
  }
  return history;
}

std::string all_of(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) text += std::string(name(finding.phenomenon)) + ": " + finding.text + "\n";
  return text;
}

void expect_only(Phenomenon phenomenon, const History& history, bool real_time = false) {
  const std::vector<Finding> findings = check(history);
  ASSERT_FALSE(findings.empty()) << "not found: " << name(phenomenon);
  for (const Finding& finding : findings) {
    EXPECT_EQ(finding.phenomenon, phenomenon) << all_of(findings);
    EXPECT_EQ(finding.real_time, real_time) << all_of(findings);
  }
}

bool finds(const History& history, Phenomenon phenomenon) {
  const std::vector<Finding> findings = check(history);
  return std::any_of(findings.begin(), findings.end(), [&](const Finding& f) { return f.phenomenon == phenomenon; });
}

void expect_clean(const History& history) {
  const std::vector<Finding> findings = check(history);
  EXPECT_TRUE(findings.empty()) << all_of(findings);
}

TEST(History, NothingIsWrongWithSerialTransactions) {
  expect_clean({});
  expect_clean(
      in_turn({{r("x", {}), a("x", 1)}, {r("x", {1}), a("x", 2), a("y", 3)}, {scan({{"x", {1, 2}}, {"y", {3}}})}}));
}

TEST(History, FindsWhatNobodyWrote) {
  EXPECT_TRUE(finds(together({{a("x", 1)}, {r("x", {1, 9})}}), Phenomenon::invented));
  EXPECT_TRUE(finds(together({{a("x", 1)}, {scan({{"x", {9}}})}}), Phenomenon::invented));
}

TEST(History, FindsDuplicates) { expect_only(Phenomenon::duplicate, together({{a("x", 1)}, {r("x", {1, 1})}})); }

TEST(History, FindsThatATransactionMissesItsOwnWrites) {
  expect_only(Phenomenon::internal, together({{a("x", 1), r("x", {})}, {r("x", {1})}}));
  expect_only(Phenomenon::internal, together({{a("x", 1), a("x", 2), r("x", {2, 1})}, {r("x", {1, 2})}}));
  expect_clean(together({{a("x", 1), r("x", {1}), a("x", 2), r("x", {1, 2})}, {r("x", {1, 2})}}));
}

TEST(History, FindsReadsOfWhatFailed) {
  History history = together({{a("x", 1)}, {r("x", {1})}});
  expect_clean(history);
  history[0].outcome = Outcome::failed;
  expect_only(Phenomenon::g1a, history);
  history[0].outcome = Outcome::unknown;  // then it has happened
  expect_clean(history);
}

TEST(History, FindsIntermediateReads) {
  expect_only(Phenomenon::g1b, together({{a("x", 1), a("x", 2)}, {r("x", {1})}}));
  // With the whole list known, it is a G-single as well: the reader saw one append and missed the other.
  EXPECT_TRUE(finds(together({{a("x", 1), a("x", 2)}, {r("x", {1})}, {r("x", {1, 2})}}), Phenomenon::g1b));
  expect_clean(together({{a("x", 1), a("x", 2)}, {r("x", {1, 2})}}));
}

TEST(History, FindsCommitsOnTopOfWhatFailed) {
  History history = together({{a("x", 1)}, {a("x", 2)}, {r("x", {1, 2})}});
  history[0].outcome = Outcome::failed;
  EXPECT_TRUE(finds(history, Phenomenon::dirty_update));
  history = together({{a("x", 1)}, {a("x", 2)}, {r("x", {2})}});
  history[0].outcome = Outcome::failed;
  expect_clean(history);
}

TEST(History, ComparesTheOrderWithTheLsns) {
  History history = together({{a("x", 1)}, {a("x", 2)}, {r("x", {1, 2})}});
  history[0].lsn = 7, history[1].lsn = 8;
  expect_clean(history);
  history[0].lsn = 9;
  expect_only(Phenomenon::commit_order, history);
}

TEST(History, FindsWriteCycles) {
  expect_only(Phenomenon::g0,
              together({{a("x", 1), a("y", 1)}, {a("x", 2), a("y", 2)}, {r("x", {1, 2})}, {r("y", {2, 1})}}));
  expect_clean(together({{a("x", 1), a("y", 1)}, {a("x", 2), a("y", 2)}, {r("x", {1, 2})}, {r("y", {1, 2})}}));
}

TEST(History, FindsCirclesOfInformation) {
  expect_only(Phenomenon::g1c, together({{a("x", 1), r("y", {2})}, {a("y", 2), r("x", {1})}}));
  expect_only(Phenomenon::g1c,
              together({{a("x", 1), r("z", {3})}, {a("x", 2), a("y", 2)}, {r("y", {2}), a("z", 3)}, {r("x", {1, 2})}}));
  expect_clean(together({{a("x", 1), r("y", {})}, {a("y", 2), r("x", {1})}}));
}

TEST(History, FindsIncompatibleOrders) {
  expect_only(Phenomenon::incompatible_order, together({{a("x", 1)}, {a("x", 2)}, {r("x", {1, 2})}, {r("x", {2})}}));
}

TEST(History, FindsLostUpdates) {
  EXPECT_TRUE(finds(together({{r("x", {}), a("x", 1)}, {r("x", {}), a("x", 2)}}), Phenomenon::lost_update));
  expect_clean(together({{r("x", {}), a("x", 1)}, {r("x", {1}), a("x", 2)}}));
  // Acknowledged, and later gone.
  EXPECT_TRUE(finds(in_turn({{a("x", 1)}, {a("x", 2)}, {r("x", {1})}}), Phenomenon::lost_update));
}

TEST(History, FindsReadSkew) {
  expect_only(Phenomenon::g_single, together({{r("x", {}), r("y", {1})}, {a("x", 1), a("y", 1)}, {r("x", {1})}}));
  expect_only(Phenomenon::g_single, together({{scan({{"y", {1}}})}, {a("x", 1), a("y", 1)}, {r("x", {1})}}));
  expect_clean(together({{r("x", {}), r("y", {})}, {a("x", 1), a("y", 1)}, {r("x", {1}), r("y", {1})}}));
}

TEST(History, FindsLongForks) {
  expect_only(Phenomenon::g_nonadjacent,
              together({{a("x", 1)}, {a("y", 1)}, {r("x", {1}), r("y", {})}, {r("x", {}), r("y", {1})}}));
  expect_clean(together(
      {{a("x", 1)}, {a("y", 1)}, {r("x", {1}), r("y", {})}, {r("x", {}), r("y", {})}, {r("x", {1}), r("y", {1})}}));
}

TEST(History, FindsWriteSkewAndTellsItemsFromPredicates) {
  const std::vector<Operation> later{r("x", {1}), r("y", {2})};
  expect_only(Phenomenon::g2_item, together({{r("y", {}), a("x", 1)}, {r("x", {}), a("y", 2)}, later}));
  expect_only(Phenomenon::g2, together({{scan({}), a("x", 1)}, {scan({}), a("y", 2)}, later}));
  expect_only(Phenomenon::g2, together({{query("y", {}), a("x", 1)}, {r("x", {}), a("y", 2)}, later}));
  expect_clean(together({{r("y", {}), a("x", 1)}, {r("x", {1}), a("y", 2)}, later}));
}

TEST(History, FindsStaleReadsInRealTime) {
  expect_only(Phenomenon::g_single, in_turn({{a("x", 1)}, {r("x", {})}, {r("x", {1})}}), true);
  expect_clean(together({{a("x", 1)}, {r("x", {})}, {r("x", {1})}}));
  expect_only(Phenomenon::g0, in_turn({{a("x", 1)}, {a("x", 2)}, {r("x", {2, 1})}}), true);
}

TEST(History, FindsThatAClientGoesBackInTime) {
  History history = together({{a("x", 1)}, {r("x", {1})}, {r("x", {})}});
  expect_clean(history);
  history[1].process = history[2].process =
      5;  // its two transactions overlap on no real clock: order them by their begin
  expect_only(Phenomenon::g_single, history, true);
}

TEST(History, UnknownOutcomesExcuseNothingElse) {
  // Neither is acknowledged; what is seen of them has to be explained all the same.
  History history = together({{a("x", 1), a("y", 1)}, {r("x", {1}), r("y", {})}, {r("y", {1})}});
  history[0].outcome = Outcome::unknown;
  expect_only(Phenomenon::g_single, history);
}

TEST(History, LevelsForbidWhatTheyPromise) {
  for (const Isolation level : {Isolation::read_uncommitted, Isolation::read_committed}) {
    EXPECT_TRUE(forbidden(Phenomenon::g1c, level));
    EXPECT_FALSE(forbidden(Phenomenon::lost_update, level));
    EXPECT_FALSE(forbidden(Phenomenon::g_single, level));
  }
  EXPECT_TRUE(forbidden(Phenomenon::g2_item, Isolation::repeatable_read));
  EXPECT_FALSE(forbidden(Phenomenon::g2, Isolation::repeatable_read));
  EXPECT_TRUE(forbidden(Phenomenon::g2, Isolation::serializable));
}

// ---- simulated engines ------------------------------------------------------------------------------------------

TEST(SimulatedEngine, ASoundOneIsAcceptedAtEveryLevel) {
  for (const Isolation level : {Isolation::read_committed, Isolation::repeatable_read, Isolation::serializable}) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      const auto violations = violations_of(check(simulate(seed, level, Defect::none)), level);
      ASSERT_TRUE(violations.empty()) << "seed " << seed << ", level " << static_cast<int>(level) << "\n"
                                      << all_of(violations);
    }
  }
}

TEST(SimulatedEngine, LowerLevelsAreNotMistakenForHigherOnes) {
  const auto found = [](Isolation level, Isolation promised) {
    return !violations_of(check(simulate(1, level, Defect::none)), promised).empty();
  };
  EXPECT_TRUE(found(Isolation::read_committed, Isolation::repeatable_read));
  EXPECT_TRUE(found(Isolation::repeatable_read, Isolation::serializable));
}

class BrokenEngine : public testing::TestWithParam<int> {};

TEST_P(BrokenEngine, IsFlagged) {
  const auto defect = static_cast<Defect>(GetParam());
  int flagged = 0;
  std::set<std::string> as;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const auto violations =
        violations_of(check(simulate(seed, Isolation::serializable, defect)), Isolation::serializable);
    flagged += violations.empty() ? 0 : 1;
    for (const Finding& finding : violations) {
      as.insert(std::string(name(finding.phenomenon)) + (finding.real_time ? " in real time" : ""));
    }
  }
  std::string text;
  for (const std::string& each : as) text += (text.empty() ? "" : ", ") + each;
  std::printf("%s: %d of 10 histories flagged: %s\n", std::string(name(defect)).c_str(), flagged, text.c_str());
  EXPECT_GE(flagged, 5);
}

INSTANTIATE_TEST_SUITE_P(Defects, BrokenEngine, testing::Range(1, static_cast<int>(kDefectCount)),
                         [](const auto& defect) { return std::string(name(static_cast<Defect>(defect.param))); });

}  // namespace
}  // namespace strata::isolation
