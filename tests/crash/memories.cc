// Memories: the load of an application. Writers remember, revise and forget through Memory; every memory is whole in all
// stores or in none, and the stores agree about it. The mixed load of plan.h knows more about LSNs; this one knows what a
// memory is.
#include <thread>

#include "crash/child.h"
#include "crash/killed_load.h"
#include "crash/workload.h"
#include "strata/strata.h"

namespace strata::crash {
namespace {

std::string text(std::uint64_t number) { return std::to_string(number); }

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
  return expect_unchanged_by_opening(child.directory, tally);
}

}  // namespace

int run_rememberers(const ChildSettings& settings) {
  auto opened = open_database(settings.directory, options_of(settings));
  if (!opened) {
    say("E open: " + one_line(opened.error().to_string()));
    return 2;
  }
  auto memory = Memory::open(**opened);
  if (!memory) {
    say("E memory: " + one_line(memory.error().to_string()));
    return 2;
  }
  say("O");
  auto threads = write_until_killed(settings, [&](std::uint64_t writer, std::uint64_t number) {
    return perform(**memory, settings.seed, writer, number);
  });
  for (std::thread& thread : threads) thread.join();
  return 0;
}

int run_memories(const Settings& settings) {
  return run_killed_load(settings, {.mode = "remember",
                                    .folder = "memories",
                                    .what = "kills of a memory",
                                    .writers = 4,
                                    .soon_ms = 25,
                                    .least_ms = 20,
                                    .most_ms = 800,
                                    .examine = [](const ChildSettings& child, std::uint64_t, Score& score,
                                                  Tally& tally) { return examine_memories(child, score, tally); }});
}

}  // namespace strata::crash
