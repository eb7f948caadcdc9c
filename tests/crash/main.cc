// strata_crash: see crash.h. `--seed N` repeats a run's operations and its kill times as far as a machine can.
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "crash/crash.h"
#include "strata/strata.h"

namespace strata::crash {
namespace {

/// What one writer has said: everything below `next` was acknowledged; `next` itself may have been begun.
struct WriterScore {
  std::uint64_t next = 0;
  bool begun = false;
};

struct Tally {
  std::uint64_t kills = 0, kills_while_opening = 0, acknowledged = 0, unknown = 0, memories_checked = 0, violations = 0;
};

void violation(Tally& tally, const Settings& settings, const std::string& what) {
  ++tally.violations;
  std::printf("VIOLATION (seed %llu, %s): %s\n", static_cast<unsigned long long>(settings.seed),
              settings.directory.c_str(), what.c_str());
  std::fflush(stdout);
}

/// The number of the operation whose text each memory of a writer should hold, after `count` operations.
std::map<std::uint64_t, std::uint64_t> expected_after(std::uint64_t count) {
  std::map<std::uint64_t, std::uint64_t> memories;
  for (std::uint64_t number = 0; number < count; ++number) {
    const Operation operation = operation_of(number);
    if (operation.action == Action::remember) {
      memories[operation.target] = number;
    } else if (memories.contains(operation.target)) {
      if (operation.action == Action::forget) {
        memories.erase(operation.target);
      } else {
        memories[operation.target] = number;
      }
    }
  }
  return memories;
}

/// One life: a child works and is killed after `delay_ms`. Returns false when the child could not work.
bool live_and_die(const Settings& settings, std::vector<WriterScore>& scores, std::uint64_t delay_ms, Tally& tally) {
  int pipe_ends[2];
  if (::pipe(pipe_ends) != 0) return false;
  std::vector<std::uint64_t> first;
  for (const WriterScore& score : scores) first.push_back(score.next);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(pipe_ends[1], STDOUT_FILENO);
    ::close(pipe_ends[0]);
    ::close(pipe_ends[1]);
    std::string numbers;
    for (const std::uint64_t number : first) numbers += (numbers.empty() ? "" : ",") + std::to_string(number);
    const std::string seed = std::to_string(settings.seed);
    const std::string writers = std::to_string(settings.writers);
    // A fresh process image: a forked copy of a program that had a database open is not what users kill.
    ::execl("/proc/self/exe", "strata_crash", "--child", numbers.c_str(), "--seed", seed.c_str(), "--writers",
            writers.c_str(), "--directory", settings.directory.c_str(), nullptr);
    _exit(127);
  }
  ::close(pipe_ends[1]);
  std::string heard;
  bool spoke = false;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(delay_ms);
  char buffer[1 << 16];
  bool killed = false;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (!killed && left.count() <= 0) {
      ::kill(child, SIGKILL);
      killed = true;
    }
    pollfd waiting{pipe_ends[0], POLLIN, 0};
    ::poll(&waiting, 1, killed ? 1000 : static_cast<int>(left.count()));
    if ((waiting.revents & (POLLIN | POLLHUP)) == 0) continue;
    const ssize_t got = ::read(pipe_ends[0], buffer, sizeof buffer);
    if (got <= 0) break;
    heard.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(pipe_ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  ++tally.kills;

  std::size_t begin = 0;
  for (std::size_t end = heard.find('\n'); end != std::string::npos; begin = end + 1, end = heard.find('\n', begin)) {
    const std::string line = heard.substr(begin, end - begin);
    unsigned long long writer = 0, number = 0;
    if (line.starts_with("E ")) {
      violation(tally, settings, "the child reported an error: " + line.substr(2));
      return false;
    }
    if (std::sscanf(line.c_str() + 2, "%llu %llu", &writer, &number) != 2 || writer >= scores.size()) continue;
    spoke = true;
    WriterScore& score = scores[writer];
    if (line[0] == 'B') {
      score.begun = true;
    } else {
      score.next = number + 1;
      score.begun = false;
      ++tally.acknowledged;
    }
  }
  if (!spoke) ++tally.kills_while_opening;
  if (!killed) violation(tally, settings, "the child ended by itself with status " + std::to_string(status));
  return killed;
}

/// Opens what was left and compares. Settles the operations whose outcome was not known.
Result<void> examine(const Settings& settings, std::vector<WriterScore>& scores, Tally& tally) {
  OpenOptions options;
  options.create = true;
  const auto engine = STRATA_TRY(Engine::open(settings.directory, options));
  const auto memory = STRATA_TRY(Memory::open(*engine));
  const auto matches = [&](std::uint64_t writer, const std::map<std::uint64_t, std::uint64_t>& expected,
                           std::uint64_t count, std::string& difference) -> Result<bool> {
    // The last memories one by one, all of them by their number below.
    for (std::uint64_t target = count > 60 ? count - 60 : 0; target < count + 1; ++target) {
      if (!was_remembered(target)) continue;
      const auto stored = STRATA_TRY(memory->get(id_of(writer, target)));
      const auto wanted = expected.find(target);
      ++tally.memories_checked;
      if (stored.has_value() != (wanted != expected.end())) {
        difference = id_of(writer, target) + (stored ? " is there and should not be" : " is missing");
        return false;
      }
      if (stored && stored->atom.text != text_of(settings.seed, writer, wanted->second)) {
        difference = id_of(writer, target) + " holds the text of another operation";
        return false;
      }
    }
    return true;
  };
  std::uint64_t memories = 0;
  for (std::uint64_t writer = 0; writer < scores.size(); ++writer) {
    WriterScore& score = scores[writer];
    std::string difference, other;
    const auto acknowledged = expected_after(score.next);
    if (STRATA_TRY(matches(writer, acknowledged, score.next, difference))) {
      memories += acknowledged.size();
    } else if (score.begun) {
      const auto with_unknown = expected_after(score.next + 1);
      if (!STRATA_TRY(matches(writer, with_unknown, score.next + 1, other))) {
        violation(tally, settings, difference + "; and with the unacknowledged operation: " + other);
      }
      memories += with_unknown.size();
      ++score.next;  // it had happened
      ++tally.unknown;
    } else {
      violation(tally, settings, difference);
    }
    score.begun = false;
  }
  if (const std::uint64_t count = STRATA_TRY(memory->count()); count != memories) {
    violation(tally, settings,
              std::to_string(count) + " memories are there, " + std::to_string(memories) + " should be");
  }
  const AgreementReport report = STRATA_TRY(memory->check_agreement());
  for (const Disagreement& finding : report.disagreements) {
    violation(tally, settings, finding.store + " about " + finding.id + ": " + finding.what);
  }
  for (const char* store : {"vector", "object", "graph", "analytics", "array"}) {
    const auto present = report.present.find(store);
    const std::uint64_t count = present == report.present.end() ? 0 : present->second;
    if (count != report.atoms)
      violation(tally, settings,
                std::string(store) + " holds " + std::to_string(count) + " of " + std::to_string(report.atoms));
  }
  const auto before = STRATA_TRY(engine->summarize());
  STRATA_TRY(engine->close());
  const auto again = STRATA_TRY(Engine::open(settings.directory, options));
  const auto after = STRATA_TRY(again->summarize());
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i].hash != after[i].hash) {
      violation(tally, settings, "opening again changed the " + std::string(name(before[i].store)) + " store");
    }
  }
  return again->close();
}

int run(Settings settings) {
  namespace fs = std::filesystem;
  const bool own_directory = settings.directory.empty();
  const fs::path base = own_directory ? fs::temp_directory_path() / ("strata-crash-" + std::to_string(::getpid()))
                                      : fs::path(settings.directory);
  core::Random random(settings.seed);
  Tally tally;
  const auto began = std::chrono::steady_clock::now();
  const auto minutes = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count() / 60;
  };
  std::uint64_t round = 0;
  while (tally.kills < settings.kills && (settings.minutes == 0 || minutes() < settings.minutes)) {
    Settings life = settings;
    life.seed = settings.seed + round;
    life.directory = (base / std::to_string(round++)).string();
    fs::create_directories(base);
    fs::remove_all(life.directory);
    std::vector<WriterScore> scores(settings.writers);
    for (std::uint64_t i = 0; i < settings.lives && tally.kills < settings.kills; ++i) {
      const std::uint64_t delay_ms = random.chance(0.2) ? random.below(25) : 20 + random.below(780);
      if (!live_and_die(life, scores, delay_ms, tally)) break;
      if (auto examined = examine(life, scores, tally); !examined) {
        violation(tally, life, "it cannot be opened or read: " + examined.error().to_string());
        break;
      }
      if (!settings.quiet) {
        std::printf("\rkills %llu  acknowledged %llu  violations %llu ", static_cast<unsigned long long>(tally.kills),
                    static_cast<unsigned long long>(tally.acknowledged),
                    static_cast<unsigned long long>(tally.violations));
        std::fflush(stdout);
      }
    }
    if (tally.violations == 0) fs::remove_all(life.directory);
    if (tally.violations > 10) break;
  }
  if (own_directory && tally.violations == 0) fs::remove_all(base);
  std::printf(
      "\rseed %llu, %llu writers: %llu kills (%llu before the first write), %llu acknowledged operations, %llu unknown "
      "outcomes "
      "settled, %llu memories read back, %llu violations, %.1f minutes\n",
      static_cast<unsigned long long>(settings.seed), static_cast<unsigned long long>(settings.writers),
      static_cast<unsigned long long>(tally.kills), static_cast<unsigned long long>(tally.kills_while_opening),
      static_cast<unsigned long long>(tally.acknowledged), static_cast<unsigned long long>(tally.unknown),
      static_cast<unsigned long long>(tally.memories_checked), static_cast<unsigned long long>(tally.violations),
      minutes());
  return tally.violations == 0 ? 0 : 1;
}

}  // namespace
}  // namespace strata::crash

int main(int argc, char** argv) {
  using namespace strata::crash;
  Settings settings;
  settings.seed = strata::core::random_seed() % 1'000'000;
  std::string child;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const std::string value = i + 1 < argc ? argv[i + 1] : "";
    if (flag == "--seed")
      settings.seed = std::strtoull(value.c_str(), nullptr, 10), ++i;
    else if (flag == "--writers")
      settings.writers = std::max(1ULL, std::strtoull(value.c_str(), nullptr, 10)), ++i;
    else if (flag == "--kills")
      settings.kills = std::strtoull(value.c_str(), nullptr, 10), ++i;
    else if (flag == "--minutes")
      settings.minutes = std::atof(value.c_str()), settings.kills = UINT64_MAX, ++i;
    else if (flag == "--directory")
      settings.directory = value, ++i;
    else if (flag == "--child")
      child = value, ++i;
    else if (flag == "--quiet")
      settings.quiet = true;
    else {
      std::printf(
          "usage: strata_crash [--seed N] [--kills N | --minutes M] [--writers N] [--directory DIR] [--quiet]\n"
          "Kills a writing process at random moments and checks what it left. Exit 1: something acknowledged was\n"
          "lost, something torn is visible, or the stores disagree; the directory is kept then.\n");
      return flag == "--help" ? 0 : 64;
    }
  }
  if (!child.empty()) {
    std::vector<std::uint64_t> first;
    for (const char* at = child.c_str(); *at != '\0';) {
      char* end = nullptr;
      first.push_back(std::strtoull(at, &end, 10));
      at = *end == ',' ? end + 1 : end;
    }
    first.resize(settings.writers, 0);
    return run_writers(settings, first);
  }
  return run(settings);
}
