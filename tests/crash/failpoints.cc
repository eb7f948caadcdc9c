// Every named point × kill, error, delay × several passings. One scenario goes past all of them, which is asserted; it runs
// on a copy of a database that a killed process left with a torn journal, so that recovery has everything to do.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "core/failpoint.h"
#include "core/random.h"
#include "crash/crash.h"

namespace strata::crash {

#ifndef STRATA_FAILPOINTS

int run_failpoints(const Settings&) {
  std::printf("failpoints: skipped, this build has none (the presets dev, clang, asan and tsan do)\n");
  return 0;
}

#else

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kWriters = 3;

/// A write that was under way when the power went: rubbish on the block after the newest segment's last one.
bool tear_journal(const std::string& directory) {
  std::vector<fs::path> segments;
  for (const auto& entry : fs::directory_iterator(directory + "/journal")) {
    if (entry.path().extension() == ".journal") segments.push_back(entry.path());
  }
  if (segments.empty()) return false;
  const fs::path newest = *std::max_element(segments.begin(), segments.end());
  const int file = ::open(newest.c_str(), O_RDWR);
  if (file < 0) return false;
  constexpr off_t kBlock = 4096;
  off_t end = 0;
  char block[kBlock];
  for (off_t at = 0; ::pread(file, block, kBlock, at) == kBlock; at += kBlock) {
    if (std::any_of(block, block + kBlock, [](char byte) { return byte != 0; })) end = at + kBlock;
  }
  const std::string rubbish(700, 'x');
  const bool written = ::pwrite(file, rubbish.data(), rubbish.size(), end) == static_cast<ssize_t>(rubbish.size());
  ::close(file);
  return written;
}

struct Template {
  std::string directory;
  ChildSettings child;
  Score score{kWriters};
};

bool make_template(const Settings& settings, const Scratch& scratch, Template& out, Tally& tally) {
  out.directory = scratch.path("template");
  out.child.mode = "write";
  out.child.seed = settings.seed;
  out.child.writers = kWriters;
  out.child.directory = out.directory;
  out.child.first.assign(kWriters, 0);
  out.child.failpoints = "manager.commit.acknowledged=kill@60";
  const Ended ended = live({.child = out.child}, out.score);
  if (ended.by_itself() || !tear_journal(out.directory)) {
    tally.violation(out.directory, "the template was not made: " + ended.to_string());
    return false;
  }
  // What is in it, found on a copy: the template keeps its torn journal.
  const std::string copy = out.directory + ".copy";
  fs::copy(out.directory, copy, fs::copy_options::recursive);
  examine({.directory = copy, .seed = settings.seed}, out.score, tally);
  fs::remove_all(copy);
  out.child.mode = "scenario";
  return tally.violations() == 0;
}

struct Case {
  int point;
  std::string action;
  std::uint64_t hit;
  std::string spec() const {
    return std::string(core::kFailpoints[point].name) + "=" + action + "@" + std::to_string(hit);
  }
};

/// Runs the scenario once on a copy of the template, with `spec` armed, and examines what it left.
Ended run_case(const Template& from, const Scratch& scratch, const std::string& spec, Score& score, Tally& tally) {
  const std::string directory = scratch.path("case");
  for (const char* suffix : {"", ".another", ".restored", ".backups"}) fs::remove_all(directory + suffix);
  fs::copy(from.directory, directory, fs::copy_options::recursive);
  fs::create_directories(directory + ".backups");
  ChildSettings child = from.child;
  child.directory = directory;
  child.backups = directory + ".backups";
  child.first = from.score.next;
  child.failpoints = spec;
  score = from.score;
  const std::uint64_t before = tally.violations();
  const Ended ended = live({.child = child}, score);
  for (const std::string& error : score.errors) tally.violation(directory, spec + ": the child said: " + error);
  score.errors.clear();
  // Not the past: the scenario makes the rows anew, and with them their history begins again.
  examine({.directory = directory, .seed = child.seed}, score, tally);
  // The database that was being made: it opens, whatever happened.
  if (fs::exists(directory + ".another")) {
    if (auto opened = fingerprint(directory + ".another"); !opened)
      tally.violation(directory + ".another", spec + ": " + opened.error().to_string());
  }
  if (tally.violations() != before) tally.violation(directory, "… this was with " + spec);
  return ended;
}

}  // namespace

int run_failpoints(const Settings& settings) {
  Tally tally(settings);
  Scratch scratch(settings);
  const Budget budget(settings);
  core::Random random(settings.seed);
  Template from;
  if (!make_template(settings, scratch, from, tally)) {
    scratch.keep();
    return finish(settings, "failpoints", "cases", tally, budget.minutes());
  }

  // Nothing armed: each point must be passed.
  Score score(kWriters);
  const Ended whole = run_case(from, scratch, "", score, tally);
  if (!whole.by_itself() || score.hits.size() != static_cast<std::size_t>(core::kFailpointCount))
    tally.violation(from.directory, "the scenario did not end: " + whole.to_string());
  const std::vector<std::uint64_t> passed = score.hits;
  for (int i = 0; i < core::kFailpointCount && i < static_cast<int>(passed.size()); ++i) {
    if (passed[static_cast<std::size_t>(i)] == 0)
      tally.violation(from.directory, "no path led past the failpoint " + std::string(core::kFailpoints[i].name));
  }
  tally.add("points", static_cast<std::uint64_t>(core::kFailpointCount));

  std::vector<Case> cases;
  for (int point = 0; tally.violations() == 0 && point < core::kFailpointCount; ++point) {
    if (!core::kFailpoints[point].name.starts_with(settings.only)) continue;
    const std::uint64_t times = passed[static_cast<std::size_t>(point)];
    std::vector<std::uint64_t> hits{1, 1 + times / 2, times};
    hits.erase(std::unique(hits.begin(), hits.end()), hits.end());
    for (const std::uint64_t hit : hits) {
      cases.push_back({point, "kill", hit});
      if (core::kFailpoints[point].fails) cases.push_back({point, "error", hit});
      cases.push_back({point, "delay(" + std::to_string(1 + random.below(30)) + ")", hit});
    }
  }
  for (std::size_t i = settings.seed % settings.every; i < cases.size(); i += settings.every) {
    if (!budget.left(0) || tally.violations() >= 10) break;
    const Case& each = cases[i];
    const std::uint64_t before = tally.violations();
    const Ended ended = run_case(from, scratch, each.spec(), score, tally);
    tally.add("cases");
    if (each.action == "kill") {
      // Threads take turns: the last passing of one run may not come in the next.
      tally.add(ended.by_itself() ? "not passed so often" : "killed");
    } else if (!ended.by_itself()) {
      tally.violation(scratch.path("case"), each.spec() + ": the child died: " + ended.to_string());
    }
    tally.progress();
    if (tally.violations() != before) fs::rename(scratch.path("case"), scratch.path("case-" + std::to_string(i)));
  }
  if (tally.violations() > 0) scratch.keep();
  return finish(settings, "failpoints", "cases", tally, budget.minutes());
}

#endif

}  // namespace strata::crash
