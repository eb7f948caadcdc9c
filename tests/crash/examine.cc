// The oracle: see crash.h.
#include <algorithm>
#include <filesystem>
#include <utility>

#include "core/random.h"
#include "crash/crash.h"
#include "crash/model.h"
#include "strata/operations.h"

namespace strata::crash {
namespace {

std::string text(std::uint64_t number) { return std::to_string(number); }

OpenOptions options_of(const Expectation& expected) {
  ChildSettings child;
  child.history = expected.history;
  return strata::crash::options_of(child);
}

/// The ledger against what the writers said. Then the score says what is there.
void compare_with_score(const Expectation& expected, Lsn visible, const std::vector<LedgerLine>& ledger, Score& score,
                        Tally& tally) {
  const auto wrong = [&](const std::string& what) { tally.violation(expected.directory, what); };
  // P3: one line per LSN, without a hole. Lsn 1 set the tables up.
  if (ledger.size() + 1 != std::max<std::size_t>(visible, 1))
    wrong("lsn " + text(visible) + " is the last, and the ledger has " + text(ledger.size()) + " lines");
  std::vector<std::uint64_t> count(score.next.size(), 0);
  for (std::size_t i = 0; i < ledger.size(); ++i) {
    const LedgerLine& line = ledger[i];
    if (line.lsn != i + 2) {
      wrong("after lsn " + text(i + 1) + " comes lsn " + text(line.lsn));
      break;
    }
    if (line.writer >= count.size() || line.number != count[line.writer]) {
      wrong("lsn " + text(line.lsn) + " is operation " + text(line.number) + " of writer " + text(line.writer) +
            ", whose earlier ones are not all there");
      break;
    }
    ++count[line.writer];
    const auto said = score.acknowledged.find({line.writer, line.number});
    if (said != score.acknowledged.end() && said->second.lsn != line.lsn)
      wrong("operation " + text(line.number) + " of writer " + text(line.writer) + " has lsn " + text(line.lsn) +
            " and was acknowledged with lsn " + text(said->second.lsn));
  }
  // Acknowledged ⊆ recovered.
  Lsn promised = 0;
  for (const auto& [operation, said] : score.acknowledged) {
    if (said.durable || !expected.power_cut) promised = std::max(promised, said.lsn);
  }
  if (visible < promised) wrong("lsn " + text(promised) + " was acknowledged; " + text(visible) + " is the last");
  // Recovered ⊆ attempted.
  for (std::uint64_t writer = 0; writer < count.size(); ++writer) {
    const std::uint64_t attempted = score.next[writer] + (score.begun[writer] ? 1 : 0);
    if (count[writer] > attempted)
      wrong("writer " + text(writer) + " began " + text(attempted) + " operations, " + text(count[writer]) +
            " are there");
    if (score.begun[writer]) tally.add(count[writer] > score.next[writer] ? "unknown, done" : "unknown, not done");
    if (count[writer] < score.next[writer]) tally.add("lost with durability off", score.next[writer] - count[writer]);
  }
  tally.add("acknowledged", std::exchange(score.fresh, 0));
  score.next = count;
  std::fill(score.begun.begin(), score.begun.end(), 0);
  score.acknowledged.clear();
  for (const LedgerLine& line : ledger) score.acknowledged[{line.writer, line.number}] = {line.lsn, true};
}

Result<void> compare_with_model(const Expectation& expected, Stores& stores, const std::vector<LedgerLine>& ledger,
                                Lsn up_to, const std::string& where, Tally& tally, bool past = false) {
  if (up_to == 0) return {};
  Model model(expected.seed);
  for (const LedgerLine& line : ledger) {
    if (line.lsn <= up_to) model.apply(line);
  }
  for (const std::string& difference : STRATA_TRY(model.compare(stores, past)))
    tally.violation(expected.directory, where + difference);
  tally.add("states compared");
  return {};
}

Result<std::vector<LedgerLine>> ledger_at(Stores& stores, Lsn lsn) {
  return lsn == 0 ? std::vector<LedgerLine>() : read_ledger(stores);
}

Result<std::string> fingerprint_of(Engine& engine) {
  std::string all = "lsn " + text(engine.visible_lsn());
  for (const StoreSummary& summary : STRATA_TRY(engine.summarize()))
    all += "  " + std::string(name(summary.store)) + " " + text(summary.items) + ":" + summary.hash;
  return all;
}

/// The present, and with `past` a random older state. Views end before the engine does.
Result<void> compare_views(const Expectation& expected, Engine& engine, Score& score, Tally& tally) {
  const auto view = STRATA_TRY(engine.view());
  const auto ledger = STRATA_TRY(ledger_at(*view, view->lsn()));
  compare_with_score(expected, view->lsn(), ledger, score, tally);
  STRATA_TRY(compare_with_model(expected, *view, ledger, view->lsn(), "", tally));
  if (!expected.past || view->lsn() <= 2) return {};
  core::Random random(expected.seed + view->lsn());
  const Lsn past = 2 + random.below(view->lsn() - 1);
  const auto then = STRATA_TRY(engine.view(AsOf::at(past)));
  auto compared = compare_with_model(expected, *then, ledger, past, "as of lsn " + text(past) + ": ", tally, true);
  if (compared || compared.error().code() != ErrorCode::unsupported) return compared;
  tally.add("past states behind a change of tables");  // rows are not shown across one: it says so
  return {};
}

Result<void> examine_open(const Expectation& expected, Score& score, Tally& tally) {
  std::string before;
  {
    const auto engine = STRATA_TRY(open_database(expected.directory, options_of(expected)));
    STRATA_TRY(compare_views(expected, *engine, score, tally));
    if (STRATA_TRY(engine->cache().stats()).entries != 0)
      tally.violation(expected.directory, "the cache holds something after a crash");
    for (const Finding& finding : STRATA_TRY(engine->verify()))
      tally.violation(expected.directory, "verify: " + finding.file + ": " + finding.what);
    before = STRATA_TRY(fingerprint_of(*engine));
    STRATA_TRY(engine->close());
  }
  if (const std::string after = STRATA_TRY(fingerprint(expected.directory)); after != before)
    tally.violation(expected.directory, "opening again changed it:\n  " + before + "\n  " + after);
  return {};
}

}  // namespace

Result<std::string> fingerprint(const std::string& directory) {
  const auto engine = STRATA_TRY(open_database(directory, strata::crash::options_of(ChildSettings())));
  std::string all = STRATA_TRY(fingerprint_of(*engine));
  STRATA_TRY(engine->close());
  return all;
}

void examine(const Expectation& expected, Score& score, Tally& tally) {
  if (auto done = examine_open(expected, score, tally); !done)
    tally.violation(expected.directory, "it cannot be opened or read: " + done.error().to_string());
}

void examine_backup(const Expectation& expected, const std::string& backup, const std::string& scratch, Tally& tally) {
  std::filesystem::remove_all(scratch);
  const auto compared = [&]() -> Result<void> {
    const Lsn lsn = STRATA_TRY(restore(backup, scratch));
    const auto engine = STRATA_TRY(open_database(scratch, options_of(expected)));
    const auto view = STRATA_TRY(engine->view());
    const auto ledger = STRATA_TRY(read_ledger(*view));
    if (ledger.size() + 1 != lsn) tally.violation(backup, "the ledger of the backup has a hole");
    return compare_with_model(expected, *view, ledger, lsn, "restored: ", tally);
  }();
  if (!compared) tally.violation(backup, "it cannot be restored: " + compared.error().to_string());
  std::filesystem::remove_all(scratch);
  tally.add("backups restored");
}

}  // namespace strata::crash
