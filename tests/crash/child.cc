// The child: opens the database and works until it is killed, or once through a scenario. Says on standard output what it
// is about to do and what was acknowledged; one write a line, so that lines of several threads do not mix:
//
//     O            opened             B w n   begun              A w n lsn d   acknowledged, with durability d
//     F w n why    failed for sure    U w n why   outcome unknown    K lsn path   a backup is finished
//     P phase      a checkpoint or a backup begins                 E why   an error that nothing explains
//     X step: why  a step failed, as it may    C   it cuts the power of its own disk now
//     H n          how often the next failpoint was passed         D   done
//     T call n     how many calls of the system there were         S n calls that were refused
#include <sys/ioctl.h>
#include <unistd.h>

#include <fcntl.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "core/clock.h"
#include "core/failpoint.h"
#include "core/random.h"
#include "crash/child.h"
#include "crash/crash.h"
#include "crash/plan.h"
#include "crash/shutdown.h"
#include "engine/local_engine.h"
#include "io/posix_file_system.h"
#include "strata/operations.h"

namespace strata::crash {

void say(const std::string& line) {
  const std::string whole = line + "\n";
  if (::write(STDOUT_FILENO, whole.data(), whole.size()) < 0) _exit(3);  // tidy: allow raw-file: a pipe to the parent
}

std::string one_line(std::string text) {
  for (char& each : text) each = each == '\n' ? ' ' : each;
  return text;
}

std::uint64_t write_operations(Engine& engine, const ChildSettings& settings, std::uint64_t writer, std::uint64_t first,
                               std::uint64_t count) {
  for (std::uint64_t number = first; count == 0 || number < first + count; ++number) {
    const std::string name = std::to_string(writer) + " " + std::to_string(number);
    for (int failures = 0;;) {
      say("B " + name);
      const auto done = perform(engine, settings.seed, writer, number);
      if (done) {
        const auto durability = plan_of(settings.seed, writer, number).durability;
        say("A " + name + " " + std::to_string(*done) + " " + std::to_string(static_cast<int>(durability)));
        break;
      }
      const bool unknown = done.error().code() == ErrorCode::commit_unknown;
      say((unknown ? "U " : "F ") + name + " " + one_line(done.error().to_string()));
      if (unknown || ++failures == 3) return number;
    }
  }
  return first + count;
}

namespace {

/// Where `call` leads: the disk is gone at exactly this point, and this process with it.
std::string& cut_directory() {
  static std::string directory;
  return directory;
}
[[maybe_unused]] void cut_the_power() {
  say("C");
  shut_down(cut_directory());
  _exit(9);
}

/// All writers at once; moves `next` on. False when one of them had to stop.
bool write_all(Engine& engine, const ChildSettings& settings, std::vector<std::uint64_t>& next, std::uint64_t count) {
  std::atomic<bool> well{true};
  std::vector<std::thread> threads;
  for (std::uint64_t writer = 0; writer < settings.writers; ++writer) {
    threads.emplace_back([&, writer] {
      const std::uint64_t end = next[writer] + count;
      next[writer] = write_operations(engine, settings, writer, next[writer], count);
      if (next[writer] != end) well = false;
    });
  }
  for (std::thread& thread : threads) thread.join();
  return well;
}

/// A finished backup.
struct Made {
  Lsn lsn;
  std::string directory;
};

void back_up(Engine& engine, const ChildSettings& settings, std::vector<Made>& made) {
  say("P backup");
  const auto report = backup(engine, settings.backups);
  if (!report) {
    say("X backup: " + one_line(report.error().to_string()));
    return;
  }
  say("K " + std::to_string(report->lsn) + " " + report->directory);
  made.push_back({report->lsn, report->directory});
  if (made.size() > 2) {
    std::filesystem::remove_all(made.front().directory);
    made.erase(made.begin());
  }
}

int run_writers(const ChildSettings& settings) {
  auto opened = open_database(settings.directory, options_of(settings));
  if (!opened) {
    say("E open: " + one_line(opened.error().to_string()));
    return 2;
  }
  Engine& engine = **opened;
  say("O");
  if (const auto ready = set_up(engine); !ready) {
    say("E set-up: " + one_line(ready.error().to_string()));
    return 2;
  }
  std::atomic<bool> ends{false};
  std::vector<std::thread> others;
  others.emplace_back([&] {
    core::Random random(settings.seed + settings.first[0]);
    while (!ends) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5 + random.below(60)));
      say("P checkpoint");
      if (const auto done = engine.checkpoint(); !done) say("X checkpoint: " + one_line(done.error().to_string()));
    }
  });
  if (!settings.backups.empty()) {
    others.emplace_back([&] {
      std::vector<Made> made;
      while (!ends) back_up(engine, settings, made);
    });
  }
  std::vector<std::uint64_t> next = settings.first;
  const bool well = write_all(engine, settings, next, settings.operations);
  ends = true;
  for (std::thread& thread : others) thread.join();
  if (const auto closed = engine.close(); well && !closed) say("E close: " + one_line(closed.error().to_string()));
  say("D");
  return well ? 0 : 4;
}

int run_open(const ChildSettings& settings) {
  auto opened = open_database(settings.directory, options_of(settings));
  if (!opened) {
    say("E open: " + one_line(opened.error().to_string()));
    return 2;
  }
  say("O");
  if (const auto closed = (*opened)->close(); !closed) say("E close: " + one_line(closed.error().to_string()));
  say("D");
  return 0;
}

// ---- the scenario: once past every failpoint -------------------------------------------------------------------------

/// Steps that may fail, because a failpoint makes them. What follows goes on with whatever state that left.
class Scenario {
 public:
  explicit Scenario(const ChildSettings& settings) : settings_(settings), next_(settings.first) {}

  void run() {
    make_another();
    for (int round = 0; round < 2; ++round) {
      if (!open()) continue;
      write(round == 0 ? 12 : 6);
      step("checkpoint", [&] { return engine_->checkpoint(); });
      write_during([&] { back_up(*engine_, settings_, backups_); });
      step("analytics query", [&] { return engine_->analytics().query("select count(*) from metrics"); });
      step("checkpoint", [&] { return engine_->checkpoint(); });
      write(4);
      step("checkpoint", [&] { return engine_->checkpoint(); });
      step("close", [&] { return engine_->close(); });
      engine_.reset();
    }
    restore_backups();
    step("rebuild", [&] { return rebuild(settings_.directory, StoreKind::metadata); });
    if (open()) {
      write(2);
      step("close", [&] { return engine_->close(); });
      engine_.reset();
    }
  }

 private:
  template <typename Function>
  bool step(const char* name, Function function) {
    const auto done = function();
    if (!done) say("X " + std::string(name) + ": " + one_line(done.error().to_string()));
    return done.has_value();
  }

  bool open() {
    for (int tries = 0; tries < 2; ++tries) {
      auto opened = open_database(settings_.directory, options_of(settings_));
      if (opened) {
        engine_ = *std::move(opened);
        if (step("set-up", [&] { return set_up(*engine_); })) return true;
        engine_.reset();
      } else {
        say("X open: " + one_line(opened.error().to_string()));
      }
    }
    return false;
  }

  void write(std::uint64_t count) {
    // What failed, or may have been done, is what its writer begins with next time: with the same idempotency key.
    write_all(*engine_, settings_, next_, count);
  }

  /// Commits while `function` is under way, beside it and after its checkpoint.
  template <typename Function>
  void write_during(Function function) {
    write(1);  // or there would be nothing to checkpoint
    std::atomic<bool> ends{false};
    std::thread other([&] {
      function();
      ends = true;
    });
    for (int rounds = 0; rounds < 30 && !ends; ++rounds) write(2);
    other.join();
  }

  /// A database that begins in this process: the points of its creation.
  void make_another() {
    ChildSettings another = settings_;
    another.directory += ".another";
    auto made = open_database(another.directory, options_of(another));
    if (!made) {
      say("X open another: " + one_line(made.error().to_string()));
      return;
    }
    step("set up another", [&] { return set_up(**made); });
    step("close another", [&] { return (*made)->close(); });
  }

  /// The newest whole; each without its last commit, which cuts its journal unless the backup is nothing but a checkpoint.
  void restore_backups() {
    if (backups_.empty()) return;
    const std::string scratch = settings_.directory + ".restored";
    step("restore", [&] { return restore(backups_.back().directory, scratch); });
    for (const Made& each : backups_) {
      std::filesystem::remove_all(scratch);
      step("restore to an earlier lsn", [&] { return restore(each.directory, scratch, each.lsn - 1); });
    }
    std::filesystem::remove_all(scratch);
  }

  const ChildSettings& settings_;
  std::vector<std::uint64_t> next_;
  std::unique_ptr<Engine> engine_;
  std::vector<Made> backups_;
};

}  // namespace

void shut_down(const std::string& directory) {
  // FS_IOC_SHUTDOWN with NOLOGFLUSH: from here on nothing more reaches the disk, the file system's own journal included.
  constexpr unsigned long kShutdown = _IOR('X', 125, std::uint32_t);
  std::uint32_t how = 2;
  const int at = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY);
  if (at >= 0) (void)::ioctl(at, kShutdown, &how);
  if (at >= 0) ::close(at);
}

OpenOptions options_of(const ChildSettings& child) {
  OpenOptions options;
  options.checkpoint_journal_bytes = 1 << 20;  // many checkpoints: a crash should often fall into one
  options.journal_segment_bytes = 1 << 20;
  options.analytics_bytes = 256 << 20;
  if (!child.history) options.history_ms = 0;
  return options;
}

Result<std::unique_ptr<Engine>> open_database(const std::string& directory, const OpenOptions& options) {
  static const core::SystemClock clock;
  STRATA_TRY(io::make_root_directory(directory));
  engine::Environment environment;
  environment.files = STRATA_TRY(io::open_posix_file_system(directory));
  environment.clock = &clock;
  environment.graph_rows_min = kGraphRowsMin;
  return std::unique_ptr<Engine>(STRATA_TRY(engine::LocalEngine::open(directory, options, std::move(environment))));
}

int run_child(const ChildSettings& settings) {
#ifdef STRATA_FAILPOINTS
  cut_directory() = settings.cut;
  if (const auto armed = core::arm_failpoints(settings.failpoints, cut_the_power); !armed) {
    say("E " + armed.error().to_string());
    return 2;
  }
#endif
  int status = 0;
  if (settings.mode == "open")
    status = run_open(settings);
  else if (settings.mode == "write")
    status = run_writers(settings);
  else if (settings.mode == "remember")
    status = run_rememberers(settings);
  else if (settings.mode == "index")
    status = run_indexers(settings);
  else if (settings.mode == "errors")
    status = run_refused(settings);
  else
    Scenario(settings).run();
#ifdef STRATA_FAILPOINTS
  for (const std::uint64_t hits : core::failpoint_hits()) say("H " + std::to_string(hits));
#endif
  return status;
}

}  // namespace strata::crash
