// Memories: the load of an application. Writers remember, revise and forget through Memory; every memory is whole in all
// stores or in none, and the stores agree about it. The mixed load of plan.h knows more about LSNs; this one knows what a
// memory is.
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "core/random.h"
#include "crash/crash.h"
#include "crash/workload.h"
#include "strata/strata.h"

namespace strata::crash {
namespace {

namespace fs = std::filesystem;

std::string text(std::uint64_t number) { return std::to_string(number); }

void say(const std::string& line) {
  const std::string whole = line + "\n";
  if (::write(STDOUT_FILENO, whole.data(), whole.size()) < 0) _exit(3);  // tidy: allow raw-file: a pipe to the parent
}

Result<void> perform(Memory& memory, std::uint64_t seed, std::uint64_t writer, std::uint64_t number) {
  const Operation operation = operation_of(number);
  const std::string id = id_of(writer, operation.target);
  const bool exists = operation.action == Action::remember || STRATA_TRY(memory.get(id)).has_value();
  if (!exists) return {};
  if (operation.action == Action::forget) {
    STRATA_TRY(memory.forget(id));
    return {};
  }
  Atom atom = atom_of(seed, writer, number);
  if (operation.action == Action::remember && number > 0) {
    const std::string before = id_of(writer, number - 1);
    if (STRATA_TRY(memory.get(before))) atom.links = {{"follows", before, {}}};
  }
  STRATA_TRY(memory.remember(atom));
  return {};
}

/// The number of the operation whose text each memory of a writer should hold, after `count` operations.
std::map<std::uint64_t, std::uint64_t> expected_after(std::uint64_t count) {
  std::map<std::uint64_t, std::uint64_t> memories;
  for (std::uint64_t number = 0; number < count; ++number) {
    const Operation operation = operation_of(number);
    if (operation.action == Action::remember) {
      memories[operation.target] = number;
    } else if (memories.contains(operation.target)) {
      if (operation.action == Action::forget)
        memories.erase(operation.target);
      else
        memories[operation.target] = number;
    }
  }
  return memories;
}

/// What differs from `count` operations of this writer; empty: nothing. The last memories one by one.
Result<std::string> difference(Memory& memory, std::uint64_t seed, std::uint64_t writer, std::uint64_t count) {
  const auto expected = expected_after(count);
  for (std::uint64_t target = count > 60 ? count - 60 : 0; target < count + 1; ++target) {
    if (!was_remembered(target)) continue;
    const auto stored = STRATA_TRY(memory.get(id_of(writer, target)));
    const auto wanted = expected.find(target);
    if (stored.has_value() != (wanted != expected.end()))
      return id_of(writer, target) + (stored ? " is there and should not be" : " is missing");
    if (stored && stored->atom.text != text_of(seed, writer, wanted->second))
      return id_of(writer, target) + " holds the text of another operation";
  }
  return std::string();
}

/// Settles the operations whose outcome was not known, then counts and compares the stores.
Result<void> compare_memories(const ChildSettings& child, Engine& engine, Score& score, Tally& tally) {
  const auto memory = STRATA_TRY(Memory::open(engine));
  std::uint64_t memories = 0;
  for (std::uint64_t writer = 0; writer < score.next.size(); ++writer) {
    const std::string without = STRATA_TRY(difference(*memory, child.seed, writer, score.next[writer]));
    if (!without.empty()) {
      const std::string with = score.begun[writer]
                                   ? STRATA_TRY(difference(*memory, child.seed, writer, score.next[writer] + 1))
                                   : "not begun";
      if (!with.empty()) tally.violation(child.directory, without + "; and with the unacknowledged operation: " + with);
      ++score.next[writer];  // it had happened
      tally.add("unknown, done");
    }
    memories += expected_after(score.next[writer]).size();
    score.begun[writer] = 0;
  }
  if (const std::uint64_t count = STRATA_TRY(memory->count()); count != memories)
    tally.violation(child.directory, text(count) + " memories are there, " + text(memories) + " should be");
  const AgreementReport report = STRATA_TRY(memory->check_agreement());
  for (const Disagreement& finding : report.disagreements)
    tally.violation(child.directory, finding.store + " about " + finding.id + ": " + finding.what);
  for (const char* store : {"vector", "object", "graph", "analytics", "array"}) {
    const auto present = report.present.find(store);
    const std::uint64_t count = present == report.present.end() ? 0 : present->second;
    if (count != report.atoms)
      tally.violation(child.directory, std::string(store) + " holds " + text(count) + " of " + text(report.atoms));
  }
  tally.add("states compared");
  return {};
}

Result<void> examine_memories(const ChildSettings& child, Score& score, Tally& tally) {
  {
    const auto engine = STRATA_TRY(open_database(child.directory, options_of(child)));
    STRATA_TRY(compare_memories(child, *engine, score, tally));
    STRATA_TRY(engine->close());
  }
  const std::string once = STRATA_TRY(fingerprint(child.directory));
  if (once != STRATA_TRY(fingerprint(child.directory))) tally.violation(child.directory, "opening again changed it");
  return {};
}

}  // namespace

int run_rememberers(const ChildSettings& settings) {
  auto opened = open_database(settings.directory, options_of(settings));
  if (!opened) {
    say("E open: " + opened.error().to_string());
    return 2;
  }
  auto memory = Memory::open(**opened);
  if (!memory) {
    say("E memory: " + memory.error().to_string());
    return 2;
  }
  say("O");
  std::vector<std::thread> threads;
  for (std::uint64_t writer = 0; writer < settings.writers; ++writer) {
    threads.emplace_back([&, writer] {
      for (std::uint64_t number = settings.first[writer];; ++number) {
        const std::string name = text(writer) + " " + text(number);
        say("B " + name);
        if (const auto done = perform(**memory, settings.seed, writer, number); !done) {
          say("E " + done.error().to_string());
          _exit(2);
        }
        say("A " + name + " 0 1");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return 0;
}

int run_memories(const Settings& settings) {
  Tally tally(settings);
  Scratch scratch(settings);
  const Budget budget(settings);
  core::Random random(settings.seed);
  for (std::uint64_t round = 0; budget.left(tally.count("kills")) && tally.violations() < 10; ++round) {
    ChildSettings child;
    child.mode = "remember";
    child.seed = settings.seed * 1'000 + round;
    child.writers = settings.writers != 0 ? settings.writers : 4;
    child.directory = scratch.path("memories-" + text(round));
    Score score(child.writers);
    const std::uint64_t before = tally.violations();
    for (std::uint64_t i = 0; i < settings.lives && budget.left(tally.count("kills")); ++i) {
      child.first = score.next;
      const Life life{.child = child, .delay_ms = random.chance(0.2) ? random.below(25) : 20 + random.below(780)};
      const Ended ended = live(life, score);
      tally.add("kills");
      if (!ended.struck) tally.violation(child.directory, "the child ended by itself: " + ended.to_string());
      for (const std::string& error : score.errors) tally.violation(child.directory, "the child said: " + error);
      score.errors.clear();
      tally.add("acknowledged", std::exchange(score.fresh, 0));
      if (auto done = examine_memories(child, score, tally); !done)
        tally.violation(child.directory, "it cannot be opened or read: " + done.error().to_string());
      tally.progress();
      if (tally.violations() != before) break;
    }
    if (tally.violations() == before) fs::remove_all(child.directory);
  }
  if (tally.violations() > 0) scratch.keep();
  return finish(settings, "kills of a memory", "kills", tally, budget.minutes());
}

}  // namespace strata::crash
