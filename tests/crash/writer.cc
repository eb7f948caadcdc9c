// The child: opens the database and lets its writers work until it is killed. Says on standard output what it is about
// to do and what was acknowledged; one write a line, so that lines of several threads do not mix.
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <thread>

#include "crash/crash.h"
#include "strata/strata.h"

namespace strata::crash {
namespace {

void say(const std::string& line) {
  if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) _exit(3);  // tidy: allow raw-file: a pipe to the parent
}

Result<void> perform(Memory& memory, const Settings& settings, std::uint64_t writer, std::uint64_t number) {
  const Operation operation = operation_of(number);
  const std::string id = id_of(writer, operation.target);
  const bool exists = operation.action == Action::remember || STRATA_TRY(memory.get(id)).has_value();
  if (!exists) return {};
  if (operation.action == Action::forget) {
    STRATA_TRY(memory.forget(id));
    return {};
  }
  Atom atom = atom_of(settings.seed, writer, number);
  if (operation.action == Action::remember && number > 0) {
    const std::string before = id_of(writer, number - 1);
    if (STRATA_TRY(memory.get(before))) atom.links = {{"follows", before, {}}};
  }
  STRATA_TRY(memory.remember(atom));
  return {};
}

}  // namespace

int run_writers(const Settings& settings, const std::vector<std::uint64_t>& first_numbers) {
  OpenOptions options;
  options.checkpoint_journal_bytes = 1 << 20;  // many checkpoints: a kill should often fall into one
  options.journal_segment_bytes = 1 << 20;
  auto opened = Engine::open(settings.directory, options);
  if (!opened) {
    say("E open: " + opened.error().to_string() + "\n");
    return 2;
  }
  auto memory = Memory::open(**opened);
  if (!memory) {
    say("E memory: " + memory.error().to_string() + "\n");
    return 2;
  }
  std::vector<std::thread> threads;
  for (std::uint64_t writer = 0; writer < settings.writers; ++writer) {
    threads.emplace_back([&, writer] {
      for (std::uint64_t number = first_numbers[writer];; ++number) {
        const std::string name = std::to_string(writer) + " " + std::to_string(number) + "\n";
        say("B " + name);
        const Result<void> done = perform(**memory, settings, writer, number);
        if (!done) {
          say("E " + done.error().to_string() + "\n");
          _exit(2);
        }
        say("A " + name);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return 0;
}

}  // namespace strata::crash
