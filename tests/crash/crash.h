#pragma once
/// The crash laboratory: lets a process write, takes its life or its disk away, opens what is left, and compares.
///
///     kills       SIGKILL at any moment, also while opening, with checkpoints and backups under way
///     failpoints  every named point (core/failpoint.h) × kill, error, delay × several passings
///     power cuts  a real file system on a loop device that is shut down without writing anything more
///     errors      the k-th call to the system of each kind refused, once or for ever: ours, SQLite's, DuckDB's
///     rot         a bit, a sector, the end of a file changed while nobody looks
///     simulate    the journal, and the engine around it, on a disk in memory that forgets, tears and garbles
///
/// The oracle, everywhere: acknowledged ⊆ recovered ⊆ attempted (P1, P2); what is recovered is a prefix in LSN order (P3);
/// every store holds what the transactions up to that LSN put there; opening again changes nothing (P5); a recovery that
/// dies half-way and is repeated ends the same. A parent that survives keeps the score.
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "strata/engine.h"

namespace strata::crash {

enum class What : std::uint8_t { kills, memories, vectors, failpoints, errors, power_cut, rot, simulate, report };

struct Settings {
  What what = What::kills;
  std::uint64_t seed = 1;
  std::uint64_t writers = 0;          ///< 0: 1, 4 and 16 in turns
  std::uint64_t count = 20;           ///< kills, power cuts or seeds
  double minutes = 0;                 ///< 0: no limit beside count
  std::uint64_t lives = 5;            ///< kills per directory, then a fresh one
  std::string directory;              ///< empty: one below the temporary directory, removed at the end
  std::string file_system = "both";   ///< of power cuts: ext4, xfs
  std::string only;                   ///< of failpoints, errors and files to rot: those whose name begins so
  std::uint64_t every = 1;            ///< of these: each n-th case, beginning with one that the seed chooses
  bool exhaustive = false;            ///< of rot: every case, instead of drawn ones
  std::uint64_t part = 1, parts = 1;  ///< of every case of rot and of the errors, one part
  std::string record;                 ///< the file that gets a line about this run; empty: none
  bool quiet = false;
};

// ---- a run and what it found ---------------------------------------------------------------------------------------

class Tally {
 public:
  explicit Tally(const Settings& settings) : settings_(settings) {}
  void violation(const std::string& where, const std::string& what);
  void add(const std::string& name, std::uint64_t count = 1) { counts_[name] += count; }
  std::uint64_t count(const std::string& name) const;
  std::uint64_t violations() const { return violations_; }
  const std::map<std::string, std::uint64_t>& counts() const { return counts_; }
  void progress() const;  ///< one line that is written over, unless quiet

 private:
  const Settings& settings_;
  std::map<std::string, std::uint64_t> counts_;
  std::uint64_t violations_ = 0;
};

/// Prints what was counted and appends it to the record. Returns the exit code: 1 when something was violated.
int finish(const Settings& settings, std::string_view what, std::string_view counted, const Tally& tally,
           double minutes);
int print_report(const Settings& settings);

/// Runs until the count or the minutes are reached, or too much is wrong.
class Budget {
 public:
  explicit Budget(const Settings& settings);
  bool left(std::uint64_t done) const;
  double minutes() const;

 private:
  const Settings& settings_;
  std::int64_t began_us_;
};

// ---- the child -------------------------------------------------------------------------------------------------------

struct ChildSettings {
  std::string mode;  ///< write, remember, index, open, scenario, errors
  std::uint64_t seed = 1, writers = 1;
  std::string directory;
  std::vector<std::uint64_t> first;  ///< the next number of each writer
  std::uint64_t operations = 0;      ///< of each writer; 0: until it is killed
  std::string backups;               ///< where backups are made all the time; empty: none
  std::string failpoints;            ///< what is armed
  std::string fault;                 ///< which call to the system is refused (system_faults.h)
  std::string cut;                   ///< a directory whose file system is shut down when a point says `call`
  bool history = true;               ///< keep all of it; else none

  std::vector<std::string> to_arguments() const;
  /// False when it is none of the child's flags.
  bool take(const std::string& flag, const std::string& value);
};

inline constexpr std::uint32_t kGraphRowsMin = 3;  ///< of segments of vectors: as many as each own collection has
OpenOptions options_of(const ChildSettings& child);
/// As Engine::open, but segments of kGraphRowsMin points have search graphs: in databases as small as these none would.
Result<std::unique_ptr<Engine>> open_database(const std::string& directory, const OpenOptions& options);
int run_child(const ChildSettings& settings);
int run_rememberers(const ChildSettings& settings);  ///< run_child's mode `remember`; until it is killed
int run_indexers(const ChildSettings& settings);     ///< run_child's mode `index`; until it is killed
int run_refused(const ChildSettings& settings);      ///< run_child's mode `errors`

// ---- what the parent knows -------------------------------------------------------------------------------------------

struct Acknowledged {
  Lsn lsn = 0;
  bool durable = true;  ///< Durability::off is acknowledged before
};

/// What the writers of one directory have said so far.
struct Score {
  explicit Score(std::uint64_t writers) : next(writers, 0), begun(writers, 0) {}
  std::vector<std::uint64_t> next;                                               ///< everything below was done
  std::vector<char> begun;                                                       ///< `next` itself may have been done
  std::map<std::pair<std::uint64_t, std::uint64_t>, Acknowledged> acknowledged;  ///< by writer and number
  std::uint64_t fresh = 0;                           ///< acknowledged since the last examination
  std::vector<std::pair<Lsn, std::string>> backups;  ///< finished ones
  std::vector<std::string> errors;                   ///< that the child reported
  std::vector<std::uint64_t> hits;                   ///< of the failpoints
  std::vector<std::string> refusals;                 ///< what failed, as it may: the texts of its errors
  std::map<std::string, std::uint64_t> calls;        ///< to the system, by kind and owner
  std::uint64_t refused = 0;                         ///< of these
  bool opened = false, done = false;
  bool cut = false;  ///< its disk is gone: what is heard from here on promises nothing

  void hear(const std::string& line);
};

/// How a child ended.
struct Ended {
  bool struck = false;  ///< by us
  int status = 0;       ///< as waitpid gives it
  bool by_itself() const;
  std::string to_string() const;
};

/// One life of a child. `strike` is called once: after `delay_ms`, or delay_ms after a line for which `when` says so.
struct Life {
  ChildSettings child;
  std::optional<std::uint64_t> delay_ms = {};
  std::function<bool(const std::string& line)> when = {};
  std::function<void(int process)> strike = {};  ///< empty: SIGKILL
};
Ended live(const Life& life, Score& score);

// ---- the oracle --------------------------------------------------------------------------------------------------------

struct Expectation {
  std::string directory;
  std::uint64_t seed = 1;
  bool power_cut = false;  ///< what was acknowledged with Durability::off may be missing at the end
  bool history = true;
  bool past = false;  ///< compare also what an older view shows
};

/// Opens what was left, compares, opens it again. The score then says what is there.
void examine(const Expectation& expected, Score& score, Tally& tally);
/// The summaries of all stores, and the LSN in front: equal texts, equal databases.
Result<std::string> fingerprint(const std::string& directory);
/// Restores a backup into `scratch` and compares it with the transactions up to its LSN.
void examine_backup(const Expectation& expected, const std::string& backup, const std::string& scratch, Tally& tally);

// ---- the laboratory --------------------------------------------------------------------------------------------------------------

int run_kills(const Settings& settings);
int run_memories(const Settings& settings);
int run_vectors(const Settings& settings);
int run_failpoints(const Settings& settings);
int run_errors(const Settings& settings);
int run_power_cuts(const Settings& settings);
int run_rot(const Settings& settings);
int run_simulation(const Settings& settings);

/// A directory that is gone at the end, unless something was violated in it.
class Scratch {
 public:
  explicit Scratch(const Settings& settings);
  ~Scratch();
  std::string path(const std::string& name) const;
  void keep() { keep_ = true; }

 private:
  std::string base_;
  bool own_, keep_ = false;
};

}  // namespace strata::crash
