// strata_isolation: histories of random transactions on a real database, checked; a third of them by clients that are
// killed. And the table of scripted cases. `--seed N` repeats what clients try, not how their threads interleave.
#include <poll.h>
#include <signal.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <thread>

#include "core/random.h"
#include "isolation/cases.h"
#include "isolation/history.h"
#include "isolation/recorder.h"

namespace strata::isolation {
namespace {

struct Settings {
  std::uint64_t seed = 1;
  double minutes = 0;  ///< 0: as many as `histories`
  std::uint64_t histories = 9;
  std::uint64_t transactions = 300;  ///< of one history
  std::uint64_t clients = 4;
  std::optional<Isolation> level = {};  ///< none: each in turn
  std::string what = "histories";       ///< or "cases"
  std::string report = {}, directory = {};
  bool quiet = false;
};

struct Tally {
  std::uint64_t histories = 0, crashes = 0, committed = 0, failed = 0, unknown = 0, operations = 0, violations = 0;
  std::map<Isolation, std::map<std::string, std::uint64_t>> found = {};  ///< allowed or not, by level
};

using Number = unsigned long long;

void violation(Tally& tally, const Settings& settings, Isolation level, const std::string& what) {
  ++tally.violations;
  std::printf("VIOLATION (seed %llu, %s): %s\n", static_cast<Number>(settings.seed), std::string(name(level)).c_str(),
              what.c_str());
  std::fflush(stdout);
}

OpenOptions small_files() {
  OpenOptions options;
  options.checkpoint_journal_bytes = 1 << 20;  // many checkpoints beside the transactions
  options.journal_segment_bytes = 1 << 20;
  return options;
}

// ---- without a crash --------------------------------------------------------------------------------------------

Result<History> record_here(const std::string& directory, const Workload& workload) {
  History history;
  const auto engine = STRATA_TRY(Engine::open(directory, small_files()));
  Listener listener;
  listener.after = [&](const Attempt& attempt) { history.push_back(attempt); };
  STRATA_TRY(run_clients(*engine, workload, listener));
  history.push_back(STRATA_TRY(read_everything(*engine, history)));
  STRATA_TRY(engine->close());
  return history;
}

// ---- with crashes -----------------------------------------------------------------------------------------------

void say(const std::string& line) {
  const char* at = line.data();
  for (std::size_t left = line.size(); left > 0;) {
    const ssize_t wrote = ::write(STDOUT_FILENO, at, left);
    if (wrote < 0) _exit(3);
    at += wrote;
    left -= static_cast<std::size_t>(wrote);
  }
}

/// The child's work: "C" and an attempt whose commit comes next, "E" and the same attempt when it is over, "X" and an error.
int work(const std::string& directory, const Workload& workload) {
  Listener listener;
  listener.before = [](const Attempt& attempt) { say("C " + describe(attempt) + "\n"); };
  listener.after = [](const Attempt& attempt) { say("E " + describe(attempt) + "\n"); };
  const auto worked = [&]() -> Result<void> {
    const auto engine = STRATA_TRY(Engine::open(directory, small_files()));
    return run_clients(*engine, workload, listener);
  }();
  if (!worked) say("X " + worked.error().to_string() + "\n");
  return worked ? 0 : 2;
}

/// What one life of the clients left in the pipe.
struct Life {
  std::map<std::uint64_t, Attempt> open;  // by process: said before the commit, and nothing after it
  History ended;
};

Result<void> hear(const std::string& line, Life& life) {
  if (line.starts_with("X ")) return Error(ErrorCode::internal, "a client got an error: " + line.substr(2));
  if (line.size() < 2) return Error(ErrorCode::internal, "a client said: " + line);
  Attempt attempt = STRATA_TRY(parse(std::string_view(line).substr(2)));
  if (line[0] == 'C') {
    attempt.outcome = Outcome::unknown;
    life.open[attempt.process] = std::move(attempt);
  } else {
    life.open.erase(attempt.process);
    life.ended.push_back(std::move(attempt));
  }
  return {};
}

/// A child works on the database and is killed after it has ended `kill_after` transactions, wherever it is then.
Result<Life> live_and_die(const std::string& directory, const Workload& workload, std::uint64_t kill_after) {
  int pipe_ends[2];
  if (::pipe(pipe_ends) != 0) return Error(ErrorCode::io, "no pipe");
  std::string appended;
  for (const std::uint64_t count : workload.appended) appended += (appended.empty() ? "" : ",") + std::to_string(count);
  const std::vector<std::string> arguments = {"strata_isolation",
                                              "--child",
                                              appended,
                                              "--directory",
                                              directory,
                                              "--seed",
                                              std::to_string(workload.seed),
                                              "--level",
                                              std::string(name(workload.level)),
                                              "--clients",
                                              std::to_string(workload.clients),
                                              "--transactions",
                                              std::to_string(workload.transactions),
                                              "--first",
                                              std::to_string(workload.first_process) + "," +
                                                  std::to_string(workload.first_element) + "," +
                                                  std::to_string(workload.first_tick)};
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(pipe_ends[1], STDOUT_FILENO);
    ::close(pipe_ends[0]);
    ::close(pipe_ends[1]);
    std::vector<char*> argv;
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    ::execv("/proc/self/exe", argv.data());
    _exit(127);
  }
  ::close(pipe_ends[1]);
  Life life;
  std::string heard;
  std::vector<char> buffer(1 << 16);
  std::optional<Error> error;
  bool killed = false;
  for (;;) {
    const ssize_t got = ::read(pipe_ends[0], buffer.data(), buffer.size());
    if (got <= 0) break;
    heard.append(buffer.data(), static_cast<std::size_t>(got));
    std::size_t begin = 0;
    for (std::size_t end = heard.find('\n'); end != std::string::npos; end = heard.find('\n', begin)) {
      auto understood = hear(heard.substr(begin, end - begin), life);
      if (!understood && !error) error.emplace(std::move(understood).error());
      begin = end + 1;
      if (!killed && life.ended.size() >= kill_after) {
        ::kill(child, SIGKILL);
        killed = true;
      }
    }
    heard.erase(0, begin);  // the rest is half a line: its commit was not begun
  }
  ::close(pipe_ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (error) return std::move(*error);
  if (!killed && status != 0) {
    return Error(ErrorCode::internal, "the clients ended with status " + std::to_string(status));
  }
  return life;
}

Result<History> record_with_crashes(const std::string& directory, Workload workload, core::Random& random,
                                    Tally& tally) {
  History history;
  const std::uint64_t lives = 1 + random.below(3);
  const std::uint64_t wanted = workload.transactions;
  for (std::uint64_t n = 0; n < lives && history.size() < wanted; ++n) {
    workload.transactions = wanted;  // more than it will live for
    const std::uint64_t kill_after = 1 + random.below(std::max<std::uint64_t>(1, 2 * wanted / lives));
    Life life = STRATA_TRY(live_and_die(directory, workload, kill_after));
    ++tally.crashes;
    for (auto& entry : life.open) life.ended.push_back(std::move(entry.second));
    for (Attempt& attempt : life.ended) {
      workload.first_tick = std::max({workload.first_tick, attempt.begin, attempt.end});
      for (const Operation& operation : attempt.operations) {
        if (operation.kind != Operation::Kind::append) continue;
        const std::size_t slot = slot_of(operation.key);
        ++workload.appended[slot];
      }
      history.push_back(std::move(attempt));
    }
    workload.first_process += workload.clients;
    workload.first_element += 1'000'000;
    ++workload.seed;
  }
  const auto engine = STRATA_TRY(Engine::open(directory, small_files()));
  history.push_back(STRATA_TRY(read_everything(*engine, history)));
  STRATA_TRY(engine->close());
  return history;
}

// ---- the run ----------------------------------------------------------------------------------------------------

void count(Tally& tally, const History& history) {
  ++tally.histories;
  for (const Attempt& attempt : history) {
    ++(attempt.outcome == Outcome::ok       ? tally.committed
       : attempt.outcome == Outcome::failed ? tally.failed
                                            : tally.unknown);
    tally.operations += attempt.operations.size();
  }
}

void run_histories(const Settings& settings, Tally& tally, const std::filesystem::path& base) {
  core::Random random(settings.seed);
  const auto began = std::chrono::steady_clock::now();
  const auto minutes = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count() / 60;
  };
  for (std::uint64_t n = 0; settings.minutes > 0 ? minutes() < settings.minutes : n < settings.histories; ++n) {
    Workload workload;
    workload.seed = settings.seed + n * 1'000;
    workload.level = settings.level.value_or(kLevels[n % kLevels.size()]);
    workload.clients = settings.clients;
    workload.transactions = settings.transactions;
    const std::string directory = (base / std::to_string(n)).string();
    std::filesystem::create_directories(directory);
    const std::uint64_t before = tally.violations;
    const bool crash = n % 3 == 2;
    auto history = crash ? record_with_crashes(directory, workload, random, tally) : record_here(directory, workload);
    if (history) {
      count(tally, *history);
      const std::vector<Finding> findings = check(*history);
      for (const Finding& finding : findings) {
        ++tally.found[workload.level]
                     [std::string(name(finding.phenomenon)) + (finding.real_time ? " in real time" : "")];
      }
      for (const Finding& finding : violations_of(findings, workload.level)) {
        violation(tally, settings, workload.level,
                  "history " + std::to_string(n) + (crash ? " with crashes, " : ", ") +
                      std::string(name(finding.phenomenon)) + (finding.real_time ? " in real time: " : ": ") +
                      finding.text);
      }
    } else {
      violation(tally, settings, workload.level, "history " + std::to_string(n) + ": " + history.error().to_string());
    }
    if (tally.violations == before) {
      std::filesystem::remove_all(directory);
    } else if (history) {
      // The evidence, in words that `parse` reads, beside the database that is kept.
      if (std::FILE* file =
              std::fopen((directory + ".history").c_str(), "w")) {  // tidy: allow raw-file: a test's notes
        for (const Attempt& attempt : *history) std::fprintf(file, "%s\n", describe(attempt).c_str());
        std::fclose(file);
      }
    }
    if (tally.violations > 20) break;
  }
}

std::string utc_today() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d", &parts);
  return text;
}

/// One line for the table of what was tried.
void append_report(const Settings& settings, const std::string& what, std::uint64_t count, std::uint64_t violations,
                   Map details) {
  if (settings.report.empty()) return;
  utsname system{};
  ::uname(&system);
  const std::string machine =
      std::to_string(std::thread::hardware_concurrency()) + " cores, Linux " + system.release + ", " + system.machine;
  const Map line{{"date", utc_today()},          {"what", what},   {"machine", machine},
                 {"seed", settings.seed},        {"count", count}, {"violations", violations},
                 {"details", std::move(details)}};
  if (std::FILE* file = std::fopen(settings.report.c_str(), "a")) {
    std::fprintf(file, "%s\n", to_json(line).c_str());
    std::fclose(file);
  }
}

int run_history_command(const Settings& settings) {
  namespace fs = std::filesystem;
  const bool own_directory = settings.directory.empty();
  const fs::path base = own_directory ? fs::temp_directory_path() / ("strata-isolation-" + std::to_string(::getpid()))
                                      : fs::path(settings.directory);
  fs::create_directories(base);
  Tally tally;
  run_histories(settings, tally, base);
  if (own_directory && tally.violations == 0) fs::remove_all(base);
  Map found;
  for (const auto& [level, counts] : tally.found) {
    Map of_level;
    for (const auto& [what, times] : counts) {
      of_level.set(what, times);
      if (!settings.quiet)
        std::printf("%s: %s %llu\n", std::string(name(level)).c_str(), what.c_str(), static_cast<Number>(times));
    }
    found.set(std::string(name(level)), std::move(of_level));
  }
  std::printf(
      "seed %llu, %llu clients: %llu histories with %llu crashes, %llu transactions committed, %llu failed, %llu "
      "unknown, "
      "%llu operations, %llu violations\n",
      static_cast<Number>(settings.seed), static_cast<Number>(settings.clients), static_cast<Number>(tally.histories),
      static_cast<Number>(tally.crashes), static_cast<Number>(tally.committed), static_cast<Number>(tally.failed),
      static_cast<Number>(tally.unknown), static_cast<Number>(tally.operations), static_cast<Number>(tally.violations));
  if (tally.violations > 0) std::printf("what they left is in %s\n", base.c_str());
  append_report(settings, "isolation histories", tally.histories, tally.violations,
                {{"crashes", tally.crashes},
                 {"committed", tally.committed},
                 {"failed", tally.failed},
                 {"unknown", tally.unknown},
                 {"operations", tally.operations},
                 {"anomalies", std::move(found)}});
  return tally.violations == 0 ? 0 : 1;
}

int run_case_command(const Settings& settings) {
  const auto tally = [&]() -> Result<CaseTally> {
    const auto room = STRATA_TRY(CaseRoom::open());
    const auto levels = settings.level ? std::span(&*settings.level, 1) : std::span(kLevels);
    CaseTally all;
    for (const Variation variation : kVariations) {
      all.add(STRATA_TRY(run_cases(*room, levels, Door::transactions, {}, variation)));
    }
    return all;
  }();
  if (!tally) {
    std::printf("%s\n", tally.error().to_string().c_str());
    return 2;
  }
  for (const std::string& each : tally->violations) std::printf("VIOLATION %s\n", each.c_str());
  std::printf("%s%llu cases, %llu plays, %llu transactions refused, %zu violations\n", table_of(*tally).c_str(),
              static_cast<Number>(tally->cases), static_cast<Number>(tally->plays), static_cast<Number>(tally->refused),
              tally->violations.size());
  append_report(settings, "isolation cases", tally->cases, tally->violations.size(),
                {{"plays", tally->plays}, {"refused", tally->refused}});
  return tally->violations.empty() ? 0 : 1;
}

int usage(int status) {
  std::printf(
      "usage: strata_isolation [--what histories|cases] [--seed N] [--histories K | --minutes M] [--level L]\n"
      "                        [--transactions N] [--clients N] [--directory DIR] [--report FILE] [--quiet]\n"
      "Lets clients run random transactions over all seven stores, kills them in every third history, and checks what\n"
      "they saw against the isolation level (default: each level in turn). Exit 1: something that the level excludes\n"
      "happened; the database and the history are kept then. --report appends a line of JSON.\n");
  return status;
}

std::vector<std::uint64_t> numbers(const std::string& text) {
  std::vector<std::uint64_t> all;
  for (const char* at = text.c_str(); *at != '\0';) {
    char* end = nullptr;
    all.push_back(std::strtoull(at, &end, 10));
    at = *end == ',' ? end + 1 : end;
  }
  return all;
}

int run(int argc, char** argv) {
  Settings settings;
  settings.seed = core::random_seed() % 1'000'000;
  std::string child;
  std::vector<std::uint64_t> first;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--help") return usage(0);
    if (flag == "--quiet") {
      settings.quiet = true;
      continue;
    }
    if (i + 1 >= argc) return usage(64);
    const std::string value = argv[++i];
    if (flag == "--seed") {
      settings.seed = std::strtoull(value.c_str(), nullptr, 10);
    } else if (flag == "--histories") {
      settings.histories = std::strtoull(value.c_str(), nullptr, 10);
    } else if (flag == "--minutes") {
      settings.minutes = std::strtod(value.c_str(), nullptr);
    } else if (flag == "--transactions") {
      settings.transactions = std::strtoull(value.c_str(), nullptr, 10);
    } else if (flag == "--clients") {
      settings.clients = std::max(1ULL, std::strtoull(value.c_str(), nullptr, 10));
    } else if (flag == "--directory") {
      settings.directory = value;
    } else if (flag == "--report") {
      settings.report = value;
    } else if (flag == "--what" && (value == "histories" || value == "cases")) {
      settings.what = value;
    } else if (flag == "--level") {
      const auto level = std::find_if(kLevels.begin(), kLevels.end(), [&](Isolation l) { return name(l) == value; });
      if (level == kLevels.end()) return usage(64);
      settings.level = *level;
    } else if (flag == "--child") {
      child = value;
    } else if (flag == "--first") {
      first = numbers(value);
    } else {
      return usage(64);
    }
  }
  if (child.empty()) return settings.what == "cases" ? run_case_command(settings) : run_history_command(settings);
  Workload workload;
  workload.seed = settings.seed;
  workload.level = settings.level.value_or(Isolation::repeatable_read);
  workload.durability = Durability::batch;
  workload.clients = settings.clients;
  workload.transactions = settings.transactions;
  const std::vector<std::uint64_t> appended = numbers(child);
  std::copy_n(appended.begin(), std::min(appended.size(), workload.appended.size()), workload.appended.begin());
  first.resize(3, 0);
  workload.first_process = first[0];
  workload.first_element = first[1];
  workload.first_tick = first[2];
  return work(settings.directory, workload);
}

}  // namespace
}  // namespace strata::isolation

int main(int argc, char** argv) { return strata::isolation::run(argc, argv); }
