// Real power cuts: ext4 and XFS in a file on a loop device, shut down with FS_IOC_SHUTDOWN while a child writes. Everything
// that was synced is kept, everything else is gone, directory entries included; the file system's own log is not flushed.
// (It tears no sectors: the simulated disk does.) A quarter of the cuts come exactly at a named point of recovery,
// checkpoint, rotation or backup, where this build has them; the others at any moment.
//
// A real cut ends the process with the disk; here threads run on for a moment, and a sync that is under way while the file
// system goes down can return success for bytes that are lost: of 8,000 files on XFS and ext4 that plain threads wrote and
// synced, 209 lost what was acknowledged in that moment, none what was acknowledged before. So only what the parent heard
// before the cut counts as promised.
//
// All mounts live in a mount namespace of this process: when it ends, however it ends, the kernel unmounts and frees the
// loop devices.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "core/failpoint.h"
#include "core/random.h"
#include "crash/crash.h"
#include "crash/shutdown.h"

namespace strata::crash {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kImageBytes = 1ULL << 30;  // a sparse file; XFS wants 300 MiB at least

/// Runs a program and waits; what it says goes nowhere.
bool run(std::vector<std::string> words) {
  const pid_t process = ::fork();
  if (process == 0) {
    const int nowhere = ::open("/dev/null", O_RDWR);
    for (const int end : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nowhere, end);
    std::vector<char*> raw;
    for (std::string& word : words) raw.push_back(word.data());
    raw.push_back(nullptr);
    ::execvp(raw[0], raw.data());
    _exit(127);
  }
  int status = 0;
  return ::waitpid(process, &status, 0) == process && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// A file system of its own, in a file.
class Disk {
 public:
  Disk(std::string kind, std::string image, std::string at)
      : kind_(std::move(kind)), image_(std::move(image)), at_(std::move(at)) {}
  ~Disk() {
    unmount();
    std::error_code ignored;
    fs::remove(image_, ignored);
  }

  bool make() {
    fs::create_directories(at_);
    {
      const int file = ::open(image_.c_str(), O_CREAT | O_RDWR | O_TRUNC, 0600);
      if (file < 0) return false;
      ::close(file);
    }
    fs::resize_file(image_, kImageBytes);
    const bool made = kind_ == "xfs" ? run({"mkfs.xfs", "-q", "-f", image_}) : run({"mkfs.ext4", "-q", "-F", image_});
    return made && mount();
  }
  bool mount() {
    mounted_ = run({"mount", "-o", "loop", "-t", kind_, image_, at_});
    return mounted_;
  }
  /// After a cut: the last files of the dead process may be closed a moment later.
  bool unmount() {
    for (int tries = 0; mounted_ && tries < 200; ++tries) {
      if (::umount(at_.c_str()) == 0)
        mounted_ = false;
      else
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return !mounted_;
  }
  const std::string& kind() const { return kind_; }
  const std::string& at() const { return at_; }

 private:
  const std::string kind_, image_, at_;
  bool mounted_ = false;
};

/// Why there can be no power cut here; empty: there can.
std::string refusal() {
  if (::geteuid() != 0) return "it needs root to mount";
  if (::access("/dev/loop-control", F_OK) != 0) return "there are no loop devices";
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return "this process may not have mounts of its own";
  return "";
}

#ifdef STRATA_FAILPOINTS
/// Points that a child passes between opening and the next checkpoint: where a cut at a random moment seldom falls.
std::string point_of(core::Random& random) {
  constexpr std::string_view kPrefixes[] = {"journal.recover.",
                                            "engine.replay.",
                                            "engine.open.",
                                            "checkpoint.",
                                            "journal.rotate.",
                                            "journal.segment.",
                                            "journal.truncate.",
                                            "backup.",
                                            "vector.checkpoint.",
                                            "object.checkpoint.",
                                            "metadata.checkpoint.",
                                            "graph.checkpoint.",
                                            "analytics.checkpoint.",
                                            "array.checkpoint.",
                                            "array.installed",
                                            "superblock.",
                                            "file.",
                                            "journal.zero."};
  for (;;) {
    const auto& point = core::kFailpoints[random.below(core::kFailpointCount)];
    for (const std::string_view prefix : kPrefixes) {
      if (point.name.starts_with(prefix))
        return std::string(point.name) + "=call@" + std::to_string(random.chance(0.6) ? 1 : 1 + random.below(4));
    }
  }
}
#endif

/// Several lives of one database on one disk. False when the disk does not do what it is asked.
bool live_on(Disk& disk, const Settings& settings, std::uint64_t round, core::Random& random, const Budget& budget,
             Tally& tally) {
  constexpr std::uint64_t kWriters[] = {4, 16, 1};
  ChildSettings child;
  child.mode = "write";
  child.seed = settings.seed * 1'000 + round;
  child.writers = settings.writers != 0 ? settings.writers : kWriters[round % 3];
  child.directory = disk.at() + "/db-" + std::to_string(round);
  child.history = random.chance(0.5);
  if (random.chance(0.4)) child.backups = disk.at() + "/backups-" + std::to_string(round);
  if (!child.backups.empty()) {
    fs::create_directories(child.backups);
    ::sync();
  }
  Score score(child.writers);
  for (std::uint64_t i = 0; i < settings.lives && budget.left(tally.count("cuts")); ++i) {
    child.first = score.next;
    child.failpoints.clear();
    child.cut = disk.at();
    Life life{.child = child, .delay_ms = random.chance(0.2) ? random.below(40) : 20 + random.below(500)};
#ifdef STRATA_FAILPOINTS
    if (random.chance(0.5)) {
      life.child.failpoints = point_of(random);
      life.delay_ms = 2'000;  // in case the point is not passed so often
    }
#endif
    life.strike = [&](int process) {
      score.cut = true;
      shut_down(disk.at());
      ::kill(process, SIGKILL);
    };
    const Ended ended = live(life, score);
    tally.add("cuts");
    tally.add("cuts on " + disk.kind());
    const bool at_point = !ended.struck && score.cut;
    if (at_point) tally.add("cuts at a named point");
    // What a child says after its disk is gone is no news; before, it is.
    if (!ended.struck && !at_point) {
      tally.violation(child.directory, "the child ended by itself: " + ended.to_string());
      for (const std::string& error : score.errors) tally.violation(child.directory, "the child said: " + error);
    }
    score.errors.clear();
    score.cut = false;
    if (!disk.unmount() || !disk.mount()) return false;
    const std::uint64_t before = tally.violations();
    examine({.directory = child.directory,
             .seed = child.seed,
             .power_cut = true,
             .history = child.history,
             .past = child.history},
            score, tally);
    if (!score.backups.empty() && random.chance(0.5) && fs::exists(score.backups.back().second))
      examine_backup({.directory = child.directory, .seed = child.seed, .history = child.history},
                     score.backups.back().second, child.directory + ".restored", tally);
    score.backups.clear();
    tally.progress();
    if (tally.violations() != before) break;
  }
  return true;
}

}  // namespace

int run_power_cuts(const Settings& settings) {
  if (const std::string why = refusal(); !why.empty()) {
    std::printf("power cuts: skipped, %s\n", why.c_str());
    return 0;
  }
  Tally tally(settings);
  Scratch scratch(settings);
  const Budget budget(settings);
  core::Random random(settings.seed);
  std::vector<std::string> kinds{"ext4", "xfs"};
  if (settings.file_system != "both") kinds = {settings.file_system};
  std::uint64_t round = 0, refused = 0;
  while (budget.left(tally.count("cuts")) && tally.violations() < 10 && refused < kinds.size()) {
    const std::string& kind = kinds[round % kinds.size()];
    Disk disk(kind, scratch.path(kind + ".image"), scratch.path(kind));
    if (!disk.make()) {
      std::printf("power cuts on %s: skipped, no such file system can be made and mounted here\n", kind.c_str());
      ++refused;
      ++round;
      continue;
    }
    refused = 0;
    // Several databases on one disk: making it anew costs more than a life.
    for (int i = 0; i < 4 && budget.left(tally.count("cuts")); ++i) {
      const std::uint64_t before = tally.violations();
      if (!live_on(disk, settings, round * 10 + static_cast<std::uint64_t>(i), random, budget, tally)) {
        tally.violation(disk.at(), "the disk could not be mounted again");
        break;
      }
      if (tally.violations() == before) {
        for (const auto& entry : fs::directory_iterator(disk.at())) {
          if (entry.path().filename() != "lost+found") fs::remove_all(entry.path());
        }
        continue;
      }
      const std::string kept = scratch.path("kept-" + std::to_string(round));
      fs::copy(disk.at(), kept, fs::copy_options::recursive);
      scratch.keep();
      std::printf("kept: %s\n", kept.c_str());
      break;
    }
    ++round;
  }
  if (tally.count("cuts") == 0 && tally.violations() == 0) return 0;
  return finish(settings, "power cuts", "cuts", tally, budget.minutes());
}

}  // namespace strata::crash
