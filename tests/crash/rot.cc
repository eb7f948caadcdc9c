// Rot: one bit, one cut, one sector of one file of a whole database changes while nobody looks. Two databases are made to be
// damaged, one closed and one whose process was killed. A case is a copy of one, a damage, and a process that opens it and reads
// everything. What it may say:
//
//     refused     a typed error, at opening or at reading
//     found       every answer is right, and verify names the damage
//     whole       every answer is right: dead space, or a derived file that was made anew
//     torn tail   the end of the journal of the killed one is missing: what never was acknowledged looks the same
//
// Anything else is a violation: a wrong or missing answer, `internal`, a process that dies or hangs.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <set>
#include <thread>

#include "core/random.h"
#include "crash/crash.h"
#include "crash/damage.h"
#include "crash/model.h"
#include "crash/pool.h"
#include "strata/operations.h"

namespace strata::crash {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kWriters = 2;

struct Specimen {
  std::string name = {};
  std::uint64_t seed = 0;
  bool killed = false;
  std::string directory = {};
  std::vector<LedgerLine> ledger = {};
  std::vector<std::string> files = {};  // relative, those with any bytes
  std::vector<std::string> folders = {};
  std::set<std::string> contents = {};  // all files
};

/// The files of one format are counted together: metadata/archive, journal, MANIFEST, analytics/part …
std::string kind_of(const std::string& file) {
  for (const char* folder : {"journal", "object/large"}) {  // whose names say nothing about the format
    if (file.starts_with(std::string(folder) + "/")) return folder;
  }
  std::string kind;
  for (const char c : file) {
    if (c >= '0' && c <= '9') break;
    kind += c;
  }
  while (!kind.empty() && (kind.back() == '-' || kind.back() == '/')) kind.pop_back();
  const std::string extension = fs::path(file).extension();
  return kind == file || kind.ends_with(extension) ? kind : kind + " " + extension;
}

// ---- one case ----------------------------------------------------------------------------------------------------------

/// In the process of its own: one line, a letter and what there is to say.
std::string judge(const Specimen& specimen, const Damage& damage, const std::string& directory) {
  const auto refused = [](const Error& error) {
    const bool typed = error.code() == ErrorCode::corruption || error.code() == ErrorCode::unsupported ||
                       error.code() == ErrorCode::failed_precondition;
    return (typed ? "R " : "V an error of another kind: ") + error.to_string();
  };
  ChildSettings child;
  auto opened = open_database(directory, options_of(child));
  if (!opened) return refused(opened.error());
  Engine& engine = **opened;
  std::string said;
  {
    auto view = engine.view();
    if (!view) return refused(view.error());
    const auto ledger = read_ledger(**view);
    if (!ledger) return refused(ledger.error());
    const bool prefix = ledger->size() <= specimen.ledger.size() &&
                        std::equal(ledger->begin(), ledger->end(), specimen.ledger.begin(),
                                   [](const LedgerLine& a, const LedgerLine& b) {
                                     return a.lsn == b.lsn && a.writer == b.writer && a.number == b.number;
                                   });
    if (!prefix) return "V the ledger is another";
    Model model(specimen.seed);
    for (const LedgerLine& line : *ledger) model.apply(line);
    const auto differences = model.compare(**view);
    if (!differences) return refused(differences.error());
    if (!differences->empty()) return "V " + differences->front();
    if (ledger->size() < specimen.ledger.size()) {
      const std::string missing = std::to_string(specimen.ledger.size() - ledger->size()) + " commits are missing";
      if (!specimen.killed || !damage.file.starts_with("journal/")) return "V " + missing;
      said = "T " + missing;
    }
  }
  const auto findings = engine.verify();
  if (!findings) return refused(findings.error());
  if (said.empty()) said = findings->empty() ? "W" : "F " + findings->front().file + ": " + findings->front().what;
  if (const auto closed = engine.close(); !closed) return refused(closed.error());
  return said;
}

// ---- the specimens -----------------------------------------------------------------------------------------------------

/// Writes a database, and takes the life of the process that does unless it is to be closed.
bool write(const Settings& settings, const Specimen& specimen, const std::string& directory, Tally& tally) {
  Life life;
  life.child.mode = "write";
  life.child.seed = specimen.seed;
  life.child.writers = kWriters;
  life.child.directory = directory;
  life.child.first.assign(kWriters, 0);
  life.child.operations = specimen.killed ? 0 : settings.exhaustive ? 8 : 25;
  if (specimen.killed) {
    life.delay_ms = 0;
    life.when = [left = settings.exhaustive ? 16 : 60](const std::string& line) mutable {
      return line.starts_with("A ") && --left == 0;
    };
  }
  Score score(kWriters);
  const Ended ended = live(life, score);
  if (specimen.killed ? !ended.struck : !score.done) {
    tally.violation(directory, "the specimen was not made: " + ended.to_string());
    return false;
  }
  // Opening changes files: what was killed is examined on a copy. What was closed has read everything then, and so has all its
  // derived files.
  const std::string examined = specimen.killed ? directory + ".copy" : directory;
  if (specimen.killed) fs::copy(directory, examined, fs::copy_options::recursive);
  examine({.directory = examined, .seed = specimen.seed}, score, tally);
  if (specimen.killed) {
    fs::remove_all(examined);
    return tally.violations() == 0;
  }
  // Its points in one segment, which has a search graph; those of the killed one lie in several.
  const auto compacted = [&]() -> Result<void> {
    const auto engine = STRATA_TRY(open_database(directory, options_of({})));
    STRATA_TRY(compact(*engine));
    return engine->close();
  }();
  if (!compacted) tally.violation(directory, "compact: " + compacted.error().to_string());
  return tally.violations() == 0;
}

/// Makes the specimen, or finds it: the parts of an exhaustive run go through the cases of the same ones.
bool make(const Scratch& scratch, const Settings& settings, Specimen& out, Tally& tally) {
  out.directory = scratch.path(out.name);
  if (!fs::exists(out.directory)) {
    const std::string unfinished = out.directory + ".unfinished";
    fs::remove_all(unfinished);
    if (!write(settings, out, unfinished, tally)) return false;
    fs::rename(unfinished, out.directory);
  }
  for (const auto& entry : fs::recursive_directory_iterator(out.directory)) {
    const std::string name = fs::relative(entry.path(), out.directory).string();
    if (entry.is_directory()) out.folders.push_back(name);
    if (entry.is_regular_file()) out.contents.insert(name);
    if (entry.is_regular_file() && entry.file_size() > 0) out.files.push_back(name);
  }
  const auto is_graph = [](const std::string& file) { return file.ends_with(".graph"); };
  if (!out.killed && std::none_of(out.files.begin(), out.files.end(), is_graph))
    tally.violation(out.directory, "the specimen has no search graph");
  std::sort(out.files.begin(), out.files.end());
  std::sort(out.folders.begin(), out.folders.end());
  const std::string copy = scratch.path(out.name + ".copy-" + std::to_string(::getpid()));
  fs::copy(out.directory, copy, fs::copy_options::recursive);
  const auto read = [&]() -> Result<void> {
    const auto engine = STRATA_TRY(open_database(copy, options_of({})));
    {
      const auto view = STRATA_TRY(engine->view());
      out.ledger = STRATA_TRY(read_ledger(*view));
    }
    return engine->close();
  }();
  if (read) {
    const std::string said = judge(out, {}, copy);
    if (said != "W") tally.violation(copy, "the specimen, without any damage (another seed?): " + said);
  } else {
    tally.violation(copy, "the specimen cannot be read: " + read.error().to_string());
  }
  fs::remove_all(copy);
  return tally.violations() == 0;
}

// ---- a copy, used again ------------------------------------------------------------------------------------------------

/// A copy of a specimen that is damaged, opened, and made again: of its files those that something wrote to. A file that nothing
/// wrote to is known by a time of change that lies far back.
class Copy {
 public:
  Copy(const Specimen& specimen, std::string directory) : specimen_(specimen), directory_(std::move(directory)) {}
  const std::string& directory() const { return directory_; }

  void restore() {
    std::set<std::string> there;
    if (fs::exists(directory_)) {
      for (const auto& entry : fs::recursive_directory_iterator(directory_)) {
        if (entry.is_regular_file()) there.insert(fs::relative(entry.path(), directory_).string());
      }
    }
    for (const std::string& file : there) {
      const std::string path = directory_ + "/" + file;
      struct stat now{};
      if (::stat(path.c_str(), &now) == 0 && now.st_mtim.tv_sec == kLongAgo && specimen_.contents.contains(file))
        continue;
      fs::remove(path);
    }
    for (const std::string& folder : specimen_.folders) fs::create_directories(directory_ + "/" + folder);
    for (const std::string& file : specimen_.contents) {
      const std::string path = directory_ + "/" + file;
      if (fs::exists(path)) continue;
      fs::copy_file(specimen_.directory + "/" + file, path);
      const std::array<timespec, 2> times{{{kLongAgo, 0}, {kLongAgo, 0}}};
      ::utimensat(AT_FDCWD, path.c_str(), times.data(), 0);
    }
  }

 private:
  static constexpr time_t kLongAgo = 1'000'000'000;
  const Specimen& specimen_;
  const std::string directory_;
};

/// A case, by its number the same in each process.
struct Case {
  std::size_t specimen = 0;
  Damage damage;
};

/// What is gone through, or nothing where cases are drawn.
std::vector<Case> every_case(const Settings& settings, const std::array<Specimen, 2>& specimens) {
  std::vector<Case> cases;
  core::Random random(settings.seed);
  for (std::size_t i = 0; i < specimens.size(); ++i) {
    for (const std::string& file : specimens[i].files) {
      std::vector<Damage> damages;
      every_damage(specimens[i].directory, file, random, damages);
      for (Damage& damage : damages) cases.push_back({i, std::move(damage)});
    }
  }
  // Which part a case is in has nothing to do with its file.
  std::erase_if(cases,
                [&, at = std::uint64_t{0}](const Case&) mutable { return at++ % settings.parts != settings.part - 1; });
  return cases;
}

}  // namespace

int run_rot(const Settings& settings) {
  Tally tally(settings);
  Scratch scratch(settings);
  const Budget budget(settings);
  std::array<Specimen, 2> specimens;
  specimens[0] = {.name = "closed", .seed = settings.seed};
  specimens[1] = {.name = "killed", .seed = settings.seed + 1, .killed = true};
  Specimen another{.name = "another", .seed = settings.seed + 2};
  if (!make(scratch, settings, specimens[0], tally) || !make(scratch, settings, specimens[1], tally) ||
      !make(scratch, settings, another, tally)) {
    scratch.keep();
    return finish(settings, "rot", "cases", tally, budget.minutes());
  }
  for (Specimen& specimen : specimens) {
    std::erase_if(specimen.files, [&](const std::string& file) {
      // The lock says who has it open, README.txt is for people: nothing is read from either.
      return file == "lock" || file == "README.txt" || !file.starts_with(settings.only);
    });
  }
  const std::vector<Case> all = settings.exhaustive ? every_case(settings, specimens) : std::vector<Case>();
  const auto case_of = [&](std::uint64_t index) -> Case {
    if (settings.exhaustive) return all[index];
    core::Random random(settings.seed * 1'000'003 + index);
    std::size_t which = random.below(specimens.size());
    if (specimens[which].files.empty()) which = 1 - which;
    return {which, choose(specimens[which].directory, specimens[which].files, random)};
  };
  const std::size_t workers = std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::array<Copy, 2>> copies;
  for (std::size_t i = 0; i < workers; ++i) {
    const std::string name = "case-" + std::to_string(::getpid()) + "-" + std::to_string(i) + "-";
    copies.push_back({Copy(specimens[0], scratch.path(name + specimens[0].name)),
                      Copy(specimens[1], scratch.path(name + specimens[1].name))});
  }
  std::uint64_t index = 0;
  Cases cases;
  cases.next = [&](std::uint64_t& next) {
    if (settings.exhaustive ? index == all.size() || !budget.left(0) : !budget.left(index)) return false;
    if (tally.violations() > 50 || (specimens[0].files.empty() && specimens[1].files.empty())) return false;
    next = index++;
    return true;
  };
  cases.run = [&](std::size_t worker, std::uint64_t number) -> std::string {
    const Case it = case_of(number);
    Copy& copy = copies[worker][it.specimen];
    copy.restore();
    if (!strike(copy.directory(), another.directory, it.damage)) return "N";
    return judge(specimens[it.specimen], it.damage, copy.directory());
  };
  cases.ended = [&](std::uint64_t number, const std::string& said) {
    static const std::map<char, std::string> kNames{
        {'N', "no change"}, {'R', "refused"}, {'F', "found"}, {'W', "whole"}, {'T', "torn tail"}};
    const Case it = case_of(number);
    const auto name = kNames.find(said[0]);
    if (name == kNames.end()) {
      const Specimen& specimen = specimens[it.specimen];
      Copy damaged(specimen, scratch.path("violation-" + std::to_string(tally.violations() + 1)));
      damaged.restore();
      strike(damaged.directory(), another.directory, it.damage);
      tally.violation(damaged.directory(), specimen.name + ", " + it.damage.to_string() + ": " + said);
      scratch.keep();
      return;
    }
    if (said[0] != 'N') tally.add("cases");
    tally.add(name->second);
    if (said[0] != 'N') tally.add(kind_of(it.damage.file) + ": " + name->second);
    if (!settings.quiet && number % 100 == 0) tally.progress();
  };
  run_pool(workers, cases);
  for (const auto& pair : copies) {
    for (const Copy& copy : pair) fs::remove_all(copy.directory());
  }
  const std::string mode = settings.exhaustive ? "rot, every case" : "rot";
  if (settings.parts > 1) tally.add("part " + std::to_string(settings.part) + " of " + std::to_string(settings.parts));
  if (settings.exhaustive && index < all.size()) tally.add("left", all.size() - index);
  return finish(settings, mode, "cases", tally, budget.minutes());
}

}  // namespace strata::crash
