// The k-th call of a kind is refused, once or for ever, k = 1, 2, … until the scenario of refused.cc ends without meeting it:
// for each kind of call, each library whose file it is about, each error that the system may give. One process a case,
// because a library may answer with its end: DuckDB does when one of its threads meets an error, and we do when there is no
// memory (docs/decisions/0012). Such an end is counted, and what it left is examined as after a kill.
//
// Oracle: whoever asked got an error that says what the system said (`io`, `resource_exhausted`, `commit_unknown`), never
// `internal` or `corruption`; what the engine then shows is what its ledger says; once the machine is well, the same process
// writes again, or has said commit_unknown and does so once opened anew; and all that examine.cc asks of what is left.
#include <algorithm>
#include <filesystem>

#include "core/random.h"
#include "crash/crash.h"
#include "crash/system_faults.h"

namespace strata::crash {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kPatienceMs = 120'000;    // a child that takes longer hangs
constexpr std::uint64_t kAllocationsTried = 400;  // of each library, once and for ever: they are too many for all

struct Kind {
  SystemCall call;
  Owner owner;
  const char* error;
  bool forever;
  std::string name() const { return std::string(crash::name(call)) + "/" + std::string(crash::name(owner)); }
  std::string spec(std::uint64_t k) const {
    return name() + "=" + error + "@" + std::to_string(k) + (forever ? "+" : "");
  }
};

std::vector<const char*> errors_of(SystemCall call) {
  switch (call) {
    case SystemCall::open: return {"EIO", "EMFILE"};
    case SystemCall::write: return {"EIO", "ENOSPC"};
    case SystemCall::reserve: return {"ENOSPC"};
    case SystemCall::make_directory: return {"ENOSPC"};
    case SystemCall::map: return {"ENOMEM"};
    case SystemCall::allocation: return {"ENOMEM"};
    default: return {"EIO"};
  }
}

/// Where a process may end of it: see above.
bool may_end(const Kind& kind) { return kind.call == SystemCall::allocation || kind.owner == Owner::duckdb; }

bool explained(const std::string& refusal) {
  for (const char* code : {"io: ", "resource_exhausted: ", "commit_unknown: ", "unavailable: "}) {
    if (refusal.starts_with(code)) return true;
  }
  return false;
}

class Cases {
 public:
  Cases(const Settings& settings, const Scratch& scratch, Tally& tally)
      : settings_(settings), scratch_(scratch), tally_(tally) {}

  /// Runs the scenario with one fault and examines what it left. Whether the fault was met.
  bool run(const Kind* kind, std::uint64_t k) {
    const std::string spec = kind != nullptr ? kind->spec(k) : "", directory = scratch_.path("case");
    for (const char* suffix : {"", ".restored", ".backups"}) fs::remove_all(directory + suffix);
    fs::create_directories(directory + ".backups");
    ChildSettings child;
    child.mode = "errors";
    child.seed = settings_.seed;
    child.directory = directory;
    child.writers = 2;
    child.first = {0, 0};
    child.backups = directory + ".backups";
    child.fault = spec;
    Score score(child.writers);
    const std::uint64_t before = tally_.violations();
    const Ended ended = live({.child = child, .delay_ms = kPatienceMs}, score);
    if (ended.struck) tally_.violation(directory, spec + ": it hangs");
    if (!ended.struck && !score.done) {
      tally_.add(kind != nullptr ? "processes ended, " + kind->name() : "processes ended");
      if (kind == nullptr || !may_end(*kind))
        tally_.violation(directory, spec + ": the process died: " + ended.to_string());
    }
    for (const std::string& error : score.errors) tally_.violation(directory, spec + ": the child said: " + error);
    score.errors.clear();
    for (const std::string& refusal : score.refusals) {
      if (!explained(refusal)) tally_.violation(directory, spec + ": it was answered with " + refusal);
    }
    tally_.add("errors given", score.refusals.size());
    const bool met = !score.done || score.refused > 0;
    if (kind == nullptr && !score.refusals.empty())
      tally_.violation(directory, "something failed though nothing was refused");
    if (kind == nullptr) calls_ = score.calls;
    examine({.directory = directory, .seed = child.seed}, score, tally_);
    if (met && !score.backups.empty()) {
      examine_backup({.directory = directory, .seed = child.seed}, score.backups.back().second, directory + ".restored",
                     tally_);
    }
    if (tally_.violations() != before) {
      tally_.violation(directory, "… this was with " + spec);
      fs::remove_all(scratch_.path("violated-" + std::to_string(kept_)));
      fs::rename(directory, scratch_.path("violated-" + std::to_string(kept_++)));
    }
    return met;
  }

  std::uint64_t calls(const Kind& kind) const {
    const auto found = calls_.find(kind.name());
    return found == calls_.end() ? 0 : found->second;
  }

 private:
  const Settings& settings_;
  const Scratch& scratch_;
  Tally& tally_;
  std::map<std::string, std::uint64_t> calls_;  // without a fault
  int kept_ = 0;
};

}  // namespace

int run_errors(const Settings& settings) {
  Tally tally(settings);
  Scratch scratch(settings);
  const Budget budget(settings);
  if (!system_faults_available()) {
    std::printf("errors: skipped, a sanitizer stands in front of libc in this build\n");
    return 0;
  }
  Cases cases(settings, scratch, tally);
  cases.run(nullptr, 0);
  std::vector<Kind> kinds;
  for (int call = 0; call < kSystemCalls; ++call) {
    for (int owner = 0; owner < kOwners; ++owner) {
      for (const char* error : errors_of(static_cast<SystemCall>(call))) {
        for (const bool forever : {false, true}) {
          kinds.push_back({static_cast<SystemCall>(call), static_cast<Owner>(owner), error, forever});
        }
      }
    }
  }
  core::Random random(settings.seed);
  std::uint64_t skip = settings.seed % settings.every;
  for (std::size_t at = 0; at < kinds.size(); ++at) {
    const Kind& kind = kinds[at];
    const std::uint64_t calls = cases.calls(kind);
    if (!kind.name().starts_with(settings.only) || calls == 0) continue;
    const bool sampled = kind.call == SystemCall::allocation && calls > kAllocationsTried;
    const std::uint64_t step = sampled ? calls / kAllocationsTried : 1;
    std::uint64_t k = sampled ? 1 + random.below(step) : 1;
    // Which k a part tries depends on the kind alone: other parts, that may have counted fewer calls, try the others.
    k += step * ((at + settings.part - 1) % settings.parts);
    bool met = true;
    // Threads take turns, and what failed is tried again: there may be more or fewer calls than without a fault.
    for (; sampled || settings.every > 1 ? k <= calls : met; k += step * settings.parts) {
      if (skip-- > 0) continue;
      skip = settings.every - 1;
      if (!budget.left(0) || tally.violations() >= 100) break;
      met = cases.run(&kind, k);
      tally.add(met ? "cases" : "not met");
      if (met) tally.add(std::string(name(kind.call)) + "/" + std::string(name(kind.owner)));
      tally.progress();
    }
    if (sampled || settings.every > 1 || met) continue;
    tally.add("kinds until the scenario completed");
  }
  if (settings.parts > 1) tally.add("part " + std::to_string(settings.part) + " of " + std::to_string(settings.parts));
  if (tally.violations() > 0) scratch.keep();
  return finish(settings, "errors", "cases", tally, budget.minutes());
}

}  // namespace strata::crash
