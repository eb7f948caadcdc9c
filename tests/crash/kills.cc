// Kills at any moment: a child writes with 1, 4 or 16 threads while checkpoints and backups are made; it dies after 20 to
// 800 ms, one in five while it opens; what it left is examined, and it lives on. Now and then its recovery dies, too.
#include <filesystem>

#include "core/random.h"
#include "crash/crash.h"

namespace strata::crash {
namespace {

namespace fs = std::filesystem;

/// A copy of what a crash left, whose recovery is killed a few times and then left in peace: it must end as the original.
void repeat_recovery(const Expectation& expected, const std::string& copy, const std::string& wanted,
                     core::Random& random, Tally& tally) {
  ChildSettings child;
  child.mode = "open";
  child.directory = copy;
  child.history = expected.history;
  for (std::uint64_t i = 0; i < 3; ++i) {
    Score ignored(1);
    Life life{.child = child, .delay_ms = random.below(30)};
    const Ended ended = live(life, ignored);
    if (ended.struck) tally.add("recoveries killed");
    for (const std::string& error : ignored.errors) tally.violation(copy, "recovery repeated: " + error);
  }
  auto found = fingerprint(copy);
  if (!found) {
    tally.violation(copy, "after killed recoveries: " + found.error().to_string());
  } else if (*found != wanted) {
    tally.violation(copy, "killed recoveries ended differently:\n  " + wanted + "\n  " + *found);
  }
}

}  // namespace

int run_kills(const Settings& settings) {
  Tally tally(settings);
  Scratch scratch(settings);
  const Budget budget(settings);
  core::Random random(settings.seed);
  constexpr std::uint64_t kWriters[] = {4, 16, 1};
  for (std::uint64_t round = 0; budget.left(tally.count("kills")) && tally.violations() < 10; ++round) {
    ChildSettings child;
    child.mode = "write";
    child.seed = settings.seed * 1'000 + round;
    child.writers = settings.writers != 0 ? settings.writers : kWriters[round % 3];
    child.directory = scratch.path(std::to_string(round));
    child.history = random.chance(0.5);
    if (random.chance(0.4)) child.backups = child.directory + ".backups";
    if (!child.backups.empty()) fs::create_directories(child.backups);
    Score score(child.writers);
    const Expectation expected{
        .directory = child.directory, .seed = child.seed, .history = child.history, .past = child.history};
    for (std::uint64_t i = 0; i < settings.lives && budget.left(tally.count("kills")); ++i) {
      score.opened = false;
      child.first = score.next;
      // A commit whose answer got lost, asked for again: the same key must give the same LSN and do nothing.
      if (random.chance(0.3) && child.first[0] > 0) --child.first[0];
      Life life{.child = child, .delay_ms = random.chance(0.2) ? random.below(25) : 20 + random.below(780)};
      const Ended ended = live(life, score);
      tally.add("kills");
      if (!score.opened) tally.add("kills before it was open");
      if (!ended.struck) tally.violation(child.directory, "the child ended by itself: " + ended.to_string());
      for (const std::string& error : score.errors) tally.violation(child.directory, "the child said: " + error);
      score.errors.clear();

      const std::string copy = child.directory + ".copy";
      const bool repeated = random.chance(0.25) && fs::exists(child.directory);
      if (repeated) fs::copy(child.directory, copy, fs::copy_options::recursive);
      const std::uint64_t before = tally.violations();
      examine(expected, score, tally);
      if (repeated && tally.violations() == before) {
        auto wanted = fingerprint(child.directory);
        if (wanted) repeat_recovery(expected, copy, *wanted, random, tally);
      }
      if (tally.violations() == before) fs::remove_all(copy);
      // The newest that was finished; older ones the child removes.
      if (!score.backups.empty() && random.chance(0.5) && fs::exists(score.backups.back().second))
        examine_backup(expected, score.backups.back().second, child.directory + ".restored", tally);
      tally.progress();
      if (tally.violations() != before) break;
    }
    if (tally.violations() == 0) {
      fs::remove_all(child.directory);
      if (!child.backups.empty()) fs::remove_all(child.backups);
    }
  }
  if (tally.violations() > 0) scratch.keep();
  return finish(settings, "kills", "kills", tally, budget.minutes());
}

}  // namespace strata::crash
