#include "crash/killed_load.h"

#include <unistd.h>

#include <filesystem>
#include <utility>

#include "core/random.h"
#include "crash/child.h"

namespace strata::crash {

int run_killed_load(const Settings& settings, const KilledLoad& load) {
  Tally tally(settings);
  Scratch scratch(settings);
  const Budget budget(settings);
  core::Random random(settings.seed);
  for (std::uint64_t round = 0; budget.left(tally.count("kills")) && tally.violations() < 10; ++round) {
    ChildSettings child;
    child.mode = load.mode;
    child.seed = settings.seed * 1'000 + round;
    child.writers = settings.writers != 0 ? settings.writers : load.writers;
    child.directory = scratch.path(load.folder + "-" + std::to_string(round));
    Score score(child.writers);
    const std::uint64_t before = tally.violations();
    for (std::uint64_t i = 0; i < settings.lives && budget.left(tally.count("kills")); ++i) {
      child.first = score.next;
      const Life life{.child = child,
                      .delay_ms = random.chance(0.2) ? random.below(load.soon_ms)
                                                     : load.least_ms + random.below(load.most_ms - load.least_ms)};
      const Ended ended = live(life, score);
      tally.add("kills");
      if (!ended.struck) tally.violation(child.directory, "the child ended by itself: " + ended.to_string());
      for (const std::string& error : score.errors) tally.violation(child.directory, "the child said: " + error);
      score.errors.clear();
      tally.add("acknowledged", std::exchange(score.fresh, 0));
      if (auto done = load.examine(child, i, score, tally); !done)
        tally.violation(child.directory, "it cannot be opened or read: " + done.error().to_string());
      tally.progress();
      if (tally.violations() != before) break;
    }
    if (tally.violations() == before) std::filesystem::remove_all(child.directory);
  }
  if (tally.violations() > 0) scratch.keep();
  return finish(settings, load.what, "kills", tally, budget.minutes());
}

std::vector<std::thread> write_until_killed(
    const ChildSettings& settings,
    const std::function<Result<void>(std::uint64_t writer, std::uint64_t number)>& perform) {
  std::vector<std::thread> threads;
  for (std::uint64_t writer = 0; writer < settings.writers; ++writer) {
    threads.emplace_back([perform, writer, number = settings.first[writer]]() mutable {
      for (;; ++number) {
        const std::string name = std::to_string(writer) + " " + std::to_string(number);
        say("B " + name);
        if (const auto done = perform(writer, number); !done) {
          say("E " + one_line(done.error().to_string()));
          _exit(2);
        }
        say("A " + name + " 0 1");
      }
    });
  }
  return threads;
}

Result<void> expect_unchanged_by_opening(const std::string& directory, Tally& tally) {
  const std::string once = STRATA_TRY(fingerprint(directory));
  if (once != STRATA_TRY(fingerprint(directory))) tally.violation(directory, "opening again changed it");
  return {};
}

}  // namespace strata::crash
