// Rot: one bit, one cut, one sector of one file of a whole database changes while nobody looks. Two databases are made to be
// damaged, one closed and one whose process was killed. A case is a copy of one, a damage, and a process that opens it and reads
// everything. What it may say:
//
//     refused     a typed error, at opening or at reading
//     found       every answer is right, and verify names the damage
//     whole       every answer is right: dead space, or a derived file that was made anew
//     torn tail   the end of the journal of the killed one is missing: what never was acknowledged looks the same
//
//     unnoticed   a row of SQLite's or DuckDB's file differs: their pages have no checksums of ours (docs/guarantees.md says so);
//                 counted, so that it is seen when that changes. Not for the file of another database.
//
// Anything else is a violation: a wrong or missing answer, `internal`, a process that dies or hangs.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "core/random.h"
#include "crash/crash.h"
#include "crash/model.h"

namespace strata::crash {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kWriters = 2;
constexpr std::uint64_t kSector = 512;
constexpr unsigned kSecondsMax = 120;  // of one case; longer is hanging

struct Specimen {
  std::string name, directory;
  std::uint64_t seed = 0;
  bool killed = false;
  std::vector<LedgerLine> ledger;
  std::vector<std::string> files;  // relative, those with any bytes
};

struct Damage {
  enum class Kind : std::uint8_t { bit, cut, zeroed, swapped, foreign };
  Kind kind = Kind::bit;
  std::uint64_t at = 0, other = 0;
  std::string file;
  std::string to_string() const {
    static constexpr const char* kNames[] = {"bit flipped", "cut", "sector zeroed", "sectors swapped",
                                             "file of another database"};
    return file + ": " + kNames[static_cast<std::size_t>(kind)] + " at " + std::to_string(at) +
           (kind == Kind::swapped ? " and " + std::to_string(other) : "");
  }
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

// ---- the specimens -----------------------------------------------------------------------------------------------------

bool make(const Scratch& scratch, std::uint64_t seed, bool killed, const std::string& name, Specimen& out,
          Tally& tally) {
  out.name = name;
  out.directory = scratch.path(name);
  out.seed = seed;
  out.killed = killed;
  Life life;
  life.child.mode = "write";
  life.child.seed = seed;
  life.child.writers = kWriters;
  life.child.directory = out.directory;
  life.child.first.assign(kWriters, 0);
  life.child.operations = killed ? 0 : 25;
  if (killed) {
    life.delay_ms = 0;
    life.when = [acknowledged = 0](const std::string& line) mutable {
      return line.starts_with("A ") && ++acknowledged == 60;
    };
  }
  Score score(kWriters);
  const Ended ended = live(life, score);
  if (killed ? !ended.struck : !score.done) {
    tally.violation(out.directory, "the specimen was not made: " + ended.to_string());
    return false;
  }
  for (const auto& entry : fs::recursive_directory_iterator(out.directory)) {
    if (entry.is_regular_file() && entry.file_size() > 0)
      out.files.push_back(fs::relative(entry.path(), out.directory).string());
  }
  std::sort(out.files.begin(), out.files.end());
  // What is in it, found on a copy: opening changes files.
  const std::string copy = out.directory + ".copy";
  fs::copy(out.directory, copy, fs::copy_options::recursive);
  examine({.directory = copy, .seed = seed}, score, tally);
  const auto read = [&]() -> Result<void> {
    const auto engine = STRATA_TRY(Engine::open(copy, options_of(life.child)));
    {
      const auto view = STRATA_TRY(engine->view());
      out.ledger = STRATA_TRY(read_ledger(*view));
    }
    return engine->close();
  }();
  if (!read) tally.violation(copy, "the specimen cannot be read: " + read.error().to_string());
  fs::remove_all(copy);
  return tally.violations() == 0;
}

// ---- the damage --------------------------------------------------------------------------------------------------------

/// False when it would change nothing.
bool strike(const std::string& directory, const Specimen& another, const Damage& damage) {
  const std::string path = directory + "/" + damage.file;
  if (damage.kind == Damage::Kind::cut) {
    fs::resize_file(path, damage.at);
    return true;
  }
  if (damage.kind == Damage::Kind::foreign) {
    const std::string from = another.directory + "/" + damage.file;
    if (!fs::exists(from)) return false;
    fs::copy_file(from, path, fs::copy_options::overwrite_existing);
    return true;
  }
  const int file = ::open(path.c_str(), O_RDWR);
  if (file < 0) return false;
  bool changed = false;
  if (damage.kind == Damage::Kind::bit) {
    char byte = 0;
    changed = ::pread(file, &byte, 1, static_cast<off_t>(damage.at / 8)) == 1;
    byte = static_cast<char>(byte ^ (1 << damage.at % 8));
    changed = changed && ::pwrite(file, &byte, 1, static_cast<off_t>(damage.at / 8)) == 1;
  } else {
    std::array<char, kSector> one{}, two{};
    const ssize_t first = ::pread(file, one.data(), kSector, static_cast<off_t>(damage.at));
    const bool swap = damage.kind == Damage::Kind::swapped;
    const ssize_t second = swap ? ::pread(file, two.data(), kSector, static_cast<off_t>(damage.other)) : first;
    if (first == second && first > 0 && std::memcmp(one.data(), two.data(), static_cast<std::size_t>(first)) != 0) {
      changed = ::pwrite(file, two.data(), static_cast<std::size_t>(first), static_cast<off_t>(damage.at)) == first;
      if (swap) {
        changed &=
            ::pwrite(file, one.data(), static_cast<std::size_t>(first), static_cast<off_t>(damage.other)) == first;
      }
    }
  }
  ::close(file);
  return changed;
}

Damage choose(const Specimen& specimen, const std::vector<std::string>& files, core::Random& random) {
  Damage damage;
  damage.file = files[random.below(files.size())];
  const std::uint64_t size = fs::file_size(specimen.directory + "/" + damage.file);
  const std::uint64_t sectors = (size + kSector - 1) / kSector;
  const std::uint64_t dice = random.below(20);
  if (dice == 0) {
    damage.kind = Damage::Kind::foreign;
  } else if (dice < 4) {
    damage.kind = Damage::Kind::cut;
    damage.at = random.below(size);
  } else if (dice < 6) {
    damage.kind = Damage::Kind::zeroed;
    damage.at = random.below(sectors) * kSector;
  } else if (dice < 8) {
    damage.kind = Damage::Kind::swapped;
    damage.at = random.below(sectors) * kSector;
    damage.other = random.below(sectors) * kSector;
  } else {
    damage.at = random.below(size * 8);
  }
  return damage;
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
  auto opened = Engine::open(directory, options_of(child));
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

/// What docs/guarantees.md says is not noticed.
bool is_known_gap(const Damage& damage, const std::string& said) {
  const bool of_a_library = damage.file == "metadata/state.sqlite" || damage.file == "analytics/state.duckdb";
  return of_a_library && damage.kind != Damage::Kind::foreign &&
         (said.starts_with("V metadata: ") || said.starts_with("V analytics: ") || said == "V the ledger is another");
}

std::string judge_apart(const Specimen& specimen, const Damage& damage, const std::string& directory) {
  int ends[2];
  if (::pipe(ends) != 0) return "V no pipe";
  const pid_t process = ::fork();
  if (process == 0) {
    ::close(ends[0]);
    ::alarm(kSecondsMax);
    const std::string said = judge(specimen, damage, directory);
    const ssize_t written = ::write(ends[1], said.data(), said.size());
    ::_exit(written == static_cast<ssize_t>(said.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  std::string said;
  std::array<char, 4096> buffer;
  for (ssize_t got = 0; (got = ::read(ends[0], buffer.data(), buffer.size())) > 0;) {
    said.append(buffer.data(), static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(process, &status, 0);
  if (WIFSIGNALED(status)) return "V the process ended by signal " + std::to_string(WTERMSIG(status));
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || said.empty()) return "V the process said nothing";
  return said;
}

}  // namespace

int run_rot(const Settings& settings) {
  Tally tally(settings);
  Scratch scratch(settings);
  const Budget budget(settings);
  std::array<Specimen, 2> specimens;
  Specimen another;
  if (!make(scratch, settings.seed, false, "closed", specimens[0], tally) ||
      !make(scratch, settings.seed + 1, true, "killed", specimens[1], tally) ||
      !make(scratch, settings.seed + 2, false, "another", another, tally)) {
    scratch.keep();
    return finish(settings, "rot", "cases", tally, budget.minutes());
  }
  core::Random random(settings.seed);
  std::array<std::vector<std::string>, 2> files;
  for (std::size_t i = 0; i < specimens.size(); ++i) {
    for (const std::string& file : specimens[i].files) {
      // The lock says who has it open, README.txt is for people: nothing is read from either.
      if (file != "lock" && file != "README.txt" && file.starts_with(settings.only)) files[i].push_back(file);
    }
  }
  const std::string directory = scratch.path("case");
  for (std::uint64_t done = 0; budget.left(done); ++done) {
    const std::size_t which = random.below(specimens.size());
    if (files[which].empty()) continue;
    const Specimen& specimen = specimens[which];
    const Damage damage = choose(specimen, files[which], random);
    fs::remove_all(directory);
    fs::copy(specimen.directory, directory, fs::copy_options::recursive);
    if (!strike(directory, another, damage)) continue;
    std::string said = judge_apart(specimen, damage, directory);
    if (is_known_gap(damage, said)) said[0] = 'U';
    tally.add("cases");
    const std::string kind = kind_of(damage.file);
    switch (said[0]) {
      case 'R': tally.add("refused"); break;
      case 'F': tally.add("found"); break;
      case 'W': tally.add("whole"); break;
      case 'T': tally.add("torn tail"); break;
      case 'U': tally.add("unnoticed"); break;
      default:
        tally.violation(specimen.name,
                        "seed " + std::to_string(settings.seed) + ", " + damage.to_string() + ": " + said);
        scratch.keep();
    }
    const char* const ended = said[0] == 'R'   ? "refused"
                              : said[0] == 'F' ? "found"
                              : said[0] == 'T' ? "torn tail"
                              : said[0] == 'U' ? "unnoticed"
                                               : "whole";
    tally.add(kind + ": " + ended);
    if (!settings.quiet && done % 20 == 0) tally.progress();
    if (tally.violations() > 50) break;
  }
  return finish(settings, "rot", "cases", tally, budget.minutes());
}

}  // namespace strata::crash
