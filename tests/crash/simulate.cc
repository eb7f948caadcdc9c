// The simulated disk: the journal, with manifest and superblock as the engine writes them, on a disk in memory with sectors
// of 512 bytes. A life appends, waits, makes checkpoints, truncates, closes; at a random call to the disk everything fails
// from there on, and the power goes: what was not synced is lost, kept, torn sector by sector, cut to a prefix or garbled;
// names likewise. Recovery is itself cut short now and then. Thousands of seeds a second, and one seed is one history.
//
// The exhaustive part takes short traces and tries every crash point with every single lost call and every torn boundary of
// every write that was not synced.
//
// Oracle: every record read back is the one that was appended under its LSN; none that was acknowledged durably is missing;
// none comes that was not appended; a cut is never taken for damage; opening again reads the same.
#include <cstdio>
#include <cstring>
#include <memory>

#include "core/checksum.h"
#include "core/clock.h"
#include "core/random.h"
#include "crash/crash.h"
#include "crash/damage.h"
#include "crash/simulate_engine.h"
#include "engine/manifest.h"
#include "engine/superblock.h"
#include "io/memory_file_system.h"
#include "journal/journal.h"
#include "testing/faulty_file_system.h"
#include "testing/recording_file_system.h"

namespace strata::crash {
namespace {

using journal::Journal;
using journal::Record;

std::string text(std::uint64_t number) { return std::to_string(number); }

/// A record's bytes follow from these, so that nothing has to be kept.
Bytes payload_of(std::uint64_t seed, Lsn lsn, std::uint64_t bytes) {
  core::Random random(seed * 1'000'003 + lsn);
  Bytes payload(bytes);
  for (std::size_t at = 0; at < payload.size(); at += 8) {
    const std::uint64_t word = random.next();
    std::memcpy(payload.data() + at, &word, std::min<std::size_t>(8, payload.size() - at));
  }
  return payload;
}

journal::JournalIdentity identity() {
  journal::JournalIdentity made;
  made.database.fill(std::byte{0x6c});
  return made;
}

/// What was appended and what was promised, over all lives of one seed.
struct History {
  explicit History(std::uint64_t of) : seed(of) {}
  const std::uint64_t seed;
  std::vector<core::Hash128> hashes;  ///< of the records appended, by LSN
  Lsn durable = 0;                    ///< everything up to here was acknowledged after a sync
  std::string wrong;

  void appended(Lsn lsn, const Bytes& payload) {
    if (lsn != hashes.size() + 1) wrong = "lsn " + text(lsn) + " was given after lsn " + text(hashes.size());
    hashes.push_back(core::xxh3_128(payload));
  }
  void recovered(Lsn last) {
    if (last < durable) wrong = "lsn " + text(durable) + " was acknowledged, the journal ends at " + text(last);
    if (last > hashes.size()) wrong = "lsn " + text(last) + " was never appended";
    hashes.resize(std::min<std::size_t>(hashes.size(), last));
    durable = std::max(durable, last);  // it was read from the disk, and recovery pins it
  }
};

/// Manifest and superblock as the engine has them, without stores.
struct Head {
  Lsn lsn = 0;
  std::uint64_t number = 0, sequence = 0;
};

Result<void> write_head(io::FileSystem& files, const Head& head) {
  engine::Manifest manifest;
  manifest.number = head.number;
  manifest.database = identity().database;
  manifest.lsn = head.lsn;
  STRATA_TRY(io::write_file_atomically(files, engine::manifest_name(head.number), engine::encode(manifest)));
  return engine::write_superblock(files, {head.sequence, manifest.database, 1, head.number, head.lsn});
}

/// The newest head that can be read; as LocalEngine::load_manifest does.
Result<Head> read_head(io::FileSystem& files) {
  if (!STRATA_TRY(files.exists(engine::kSuperblockName))) return Head{};
  std::optional<Error> first_error;
  const auto blocks = STRATA_TRY(engine::read_superblock(files));
  for (const auto& block : blocks) {
    auto manifest = engine::read_manifest(files, block.manifest);
    if (manifest) return Head{manifest->lsn, manifest->number, blocks.front().sequence};
    if (!first_error) first_error = std::move(manifest).error();
  }
  if (first_error->code() == ErrorCode::not_found) return Error(ErrorCode::corruption, first_error->message());
  return std::move(*first_error);
}

struct Opened {
  std::unique_ptr<Journal> journal;
  Head head;
};

/// Opens, reads every record from the checkpoint on and holds it against the history.
Result<Opened> open(io::FileSystem& files, const journal::JournalOptions& options, History& history) {
  static const core::ManualClock clock;
  Opened opened;
  opened.head = STRATA_TRY(read_head(files));
  Lsn last = opened.head.lsn;
  journal::RecoveryReport report;
  opened.journal = STRATA_TRY(Journal::open(
      files, clock, "journal", identity(), options, opened.head.lsn, opened.head.lsn,
      [&](const Record& record) -> Result<void> {
        if (record.lsn != last + 1) history.wrong = "after lsn " + text(last) + " came lsn " + text(record.lsn);
        last = record.lsn;
        if (record.lsn > history.hashes.size() || core::xxh3_128(record.payload) != history.hashes[record.lsn - 1])
          history.wrong = "lsn " + text(record.lsn) + " holds something else than was appended";
        if (record.commit_time != static_cast<Timestamp>(record.lsn * 10) || record.idempotency != record.lsn * 3)
          history.wrong = "lsn " + text(record.lsn) + " has another time or key";
        return {};
      },
      &report));
  history.recovered(report.last_lsn);
  return opened;
}

Durability any_durability(core::Random& random) {
  constexpr Durability kAll[] = {Durability::batch, Durability::batch, Durability::each, Durability::off};
  return kAll[random.below(4)];
}

/// One step of a life. An error: the disk has failed.
Result<void> step(Opened& opened, io::FileSystem& files, core::Random& random, History& history) {
  Journal& journal = *opened.journal;
  const std::uint64_t kind = random.below(20);
  if (kind == 0) return journal.sync();
  if (kind == 1) {  // a checkpoint: sync, manifest, superblock, and the segments before the one before go
    STRATA_TRY(journal.sync());
    history.durable = std::max(history.durable, journal.durable_lsn());
    const Lsn before = opened.head.lsn;
    opened.head = {journal.durable_lsn(), opened.head.number + 1, opened.head.sequence + 1};
    STRATA_TRY(write_head(files, opened.head));
    return journal.truncate_below(before);
  }
  const std::uint64_t records = 1 + random.below(4);
  Lsn last = 0;
  for (std::uint64_t i = 0; i < records; ++i) {
    const std::uint64_t bytes = random.chance(0.05)   ? 6'000 + random.below(20'000)
                                : random.chance(0.05) ? 0
                                                      : random.below(700);
    const Lsn next = journal.last_lsn() + 1;
    const Bytes payload = payload_of(history.seed, next, bytes);
    history.appended(next, payload);
    last = STRATA_TRY(journal.append(Bytes(payload), static_cast<Timestamp>(next * 10), next * 3));
  }
  if (random.chance(0.15)) return {};  // nobody waits for these yet
  const Durability durability = any_durability(random);
  STRATA_TRY(journal.wait(last, durability));
  if (durability != Durability::off) history.durable = std::max(history.durable, last);
  return {};
}

io::PowerCut any_cut(core::Random& random) {
  using enum io::PowerCut::Unsynced;
  constexpr io::PowerCut::Unsynced kAll[] = {lost, kept, torn, torn, prefix, garbled};
  return {kAll[random.below(std::size(kAll))], kAll[random.below(std::size(kAll))]};
}

testing::Fault any_fault(core::Random& random, std::uint64_t within) {
  using Effect = testing::Fault::Effect;
  constexpr Effect kAll[] = {Effect::none, Effect::half, Effect::all};
  return {.call = testing::Call::change,
          .nth = 1 + random.below(within),
          .forever = true,
          .error = random.chance(0.2) ? ErrorCode::resource_exhausted : ErrorCode::io,
          .effect = kAll[random.below(3)]};
}

/// One seed: some lives on one disk. Returns what was wrong; empty: nothing.
std::string simulate_journal(std::uint64_t seed, Tally& tally) {
  core::Random random(seed);
  const auto disk = io::make_memory_file_system();
  History history(seed);
  journal::JournalOptions options{.segment_bytes = 64 << 10,
                                  .reserve_bytes = random.chance(0.5) ? 0U : 16U << 10,
                                  .zero_ahead_bytes = 0,
                                  .batch_bytes_max = std::uint64_t{8 << 10} << random.below(3),
                                  .gather = false,
                                  .flush_us_max = 0};
  const std::uint64_t lives = 2 + random.below(3);
  for (std::uint64_t life = 0; life < lives; ++life) {
    testing::FaultyFileSystem files(*disk);
    // Of the faults some strike while it opens.
    files.fail(any_fault(random, random.chance(0.25) ? 12 : 60));
    auto opened = open(files, options, history);
    if (opened) {
      for (std::uint64_t steps = random.below(25); steps > 0; --steps) {
        if (!step(*opened, files, random, history)) break;
      }
      if (random.chance(0.2)) (void)opened->journal->close().has_value();
    } else if (files.failures() == 0) {
      return "it was refused: " + opened.error().to_string();
    }
    if (!history.wrong.empty()) return history.wrong;
    opened = Error(ErrorCode::cancelled, "the power is gone");
    disk->power_cut(random, any_cut(random));
    tally.add("simulated cuts");
  }
  auto whole = open(*disk, options, history);
  if (!whole) return "it was refused: " + whole.error().to_string();
  const Lsn last = whole->journal->last_lsn();
  whole = Error(ErrorCode::cancelled, "once more");
  auto again = open(*disk, options, history);
  if (!again) return "opened again, it was refused: " + again.error().to_string();
  if (again->journal->last_lsn() != last) return "opened again, it ends at another lsn";
  return history.wrong;
}

/// Rot: something durable changes behind everyone's back. It may be refused; wrong answers it may not give.
std::string simulate_rot(std::uint64_t seed, Tally& tally) {
  core::Random random(seed);
  const auto disk = io::make_memory_file_system();
  History history(seed);
  const journal::JournalOptions options{.segment_bytes = 64 << 10,
                                        .zero_ahead_bytes = 0,
                                        .batch_bytes_max = 16 << 10,
                                        .gather = false,
                                        .flush_us_max = 0};
  {
    auto opened = open(*disk, options, history);
    if (!opened) return opened.error().to_string();
    for (int steps = 0; steps < 15; ++steps) {
      if (auto done = step(*opened, *disk, random, history); !done) return done.error().to_string();
    }
  }
  std::vector<std::string> names;
  const auto segments = disk->list("journal"), heads = disk->list("");
  if (!segments || !heads) return "the disk cannot be listed";
  for (const std::string& name : *segments) names.push_back("journal/" + name);
  for (const std::string& name : *heads) {
    if (name != "journal") names.push_back(name);
  }
  const std::string& name = names[random.below(names.size())];
  const auto damaged = disk->damage(name, [&](Bytes& bytes) {
    if (bytes.empty()) return;
    const std::size_t at = random.below(bytes.size());
    const std::size_t sector = at / kSector * kSector, size = std::min(kSector, bytes.size() - sector);
    switch (random.below(4)) {
      case 0: bytes[at] ^= static_cast<std::byte>(1U << random.below(8)); break;
      case 1: std::memset(bytes.data() + sector, 0, size); break;
      case 2: {  // a write that went elsewhere
        const std::size_t from = random.below(bytes.size()) / kSector * kSector;
        std::memmove(bytes.data() + sector, bytes.data() + from, std::min(size, bytes.size() - from));
        break;
      }
      default: bytes.resize(at); break;
    }
  });
  if (!damaged) return damaged.error().to_string();
  History after = history;
  after.durable = 0;  // the end of the newest segment, with no proof behind it, may pass for torn
  const auto opened = open(*disk, options, after);
  tally.add(opened ? "rot that changed nothing" : "rot refused");
  if (opened) return after.wrong;
  const ErrorCode code = opened.error().code();
  if (code == ErrorCode::corruption || code == ErrorCode::unsupported) return "";
  return "damage was answered with " + opened.error().to_string();
}

// ---- exhaustive ----------------------------------------------------------------------------------------------------------

/// A short history on a recording disk: what was promised when how many calls had been made.
struct Trace {
  testing::RecordingFileSystem files;
  History history;
  std::vector<std::pair<std::size_t, Lsn>> promised;  ///< calls made, durable from there on
  explicit Trace(std::uint64_t seed) : history(seed) {}

  Lsn promised_at(std::size_t calls) const {
    Lsn durable = 0;
    for (const auto& [at, lsn] : promised) durable = at <= calls ? std::max(durable, lsn) : durable;
    return durable;
  }
};

constexpr journal::JournalOptions kTraceOptions{.segment_bytes = 64 << 10,
                                                .reserve_bytes = 0,
                                                .zero_ahead_bytes = 0,
                                                .batch_bytes_max = 8 << 10,
                                                .gather = false,
                                                .flush_us_max = 0};

std::string record_trace(Trace& trace, std::uint64_t seed) {
  core::Random random(seed);
  for (int life = 0; life < 2; ++life) {
    auto opened = open(trace.files, kTraceOptions, trace.history);
    if (!opened) return opened.error().to_string();
    const std::uint64_t steps = 4 + random.below(5);
    for (std::uint64_t i = 0; i < steps; ++i) {
      if (auto done = step(*opened, trace.files, random, trace.history); !done) return done.error().to_string();
      trace.promised.emplace_back(trace.files.calls().size(), trace.history.durable);
    }
    if (life == 0 && random.chance(0.5)) {
      if (auto closed = opened->journal->close(); !closed) return closed.error().to_string();
      trace.promised.emplace_back(trace.files.calls().size(), trace.history.hashes.size());
    }
  }
  return trace.history.wrong;
}

std::string try_outcome(const Trace& trace, const testing::Outcome& outcome) {
  const auto disk = trace.files.disk_after(outcome);
  History history(trace.history.seed);
  history.hashes = trace.history.hashes;
  history.durable = trace.promised_at(outcome.crash);
  const auto opened = open(*disk, kTraceOptions, history);
  std::string wrong = !opened ? "it was refused: " + opened.error().to_string() : history.wrong;
  if (wrong.empty()) return wrong;
  return wrong + " (crash after call " + text(outcome.crash) +
         (outcome.lost ? ", call " + text(*outcome.lost) + " lost" : "") +
         (outcome.torn ? ", call " + text(*outcome.torn) + " torn at " + text(outcome.kept) : "") + ")";
}

/// Every crash point × nothing more, everything pending lost, each single pending call lost, each pending write torn at each
/// of its sectors while what came after it is there.
std::string simulate_every_outcome(std::uint64_t seed, Tally& tally) {
  Trace trace(seed);
  if (std::string wrong = record_trace(trace, seed); !wrong.empty()) return wrong;
  const auto attempt = [&](const testing::Outcome& outcome) {
    tally.add("exhaustive cases");
    return try_outcome(trace, outcome);
  };
  for (std::size_t crash = 0; crash <= trace.files.calls().size(); ++crash) {
    std::string wrong = attempt({.crash = crash});
    if (wrong.empty()) wrong = attempt({.crash = crash, .nothing_pending = true});
    const std::vector<std::size_t> pending = trace.files.pending(crash);
    for (std::size_t i = 0; wrong.empty() && i < pending.size(); ++i)
      wrong = attempt({.crash = crash, .lost = pending[i]});
    for (std::size_t i = 0; wrong.empty() && i < pending.size(); ++i) {
      const std::uint64_t bytes = trace.files.calls()[pending[i]].bytes.size();
      for (std::uint64_t kept = kSector; wrong.empty() && kept < bytes; kept += kSector)
        wrong = attempt({.crash = crash, .torn = pending[i], .kept = kept});
    }
    if (!wrong.empty()) return wrong;
  }
  tally.add("exhaustive traces");
  return "";
}

}  // namespace

int run_simulation(const Settings& settings) {
  Tally tally(settings);
  const Budget budget(settings);
  SimulatedEngines engines(settings);
  const auto check = [&](const char* what, std::uint64_t seed, const std::string& wrong) {
    if (!wrong.empty()) tally.violation(std::string(what) + ", seed " + text(seed), wrong);
  };
  for (std::uint64_t i = 0; budget.left(i) && tally.violations() < 10; ++i) {
    const std::uint64_t seed = settings.seed * 1'000'000'000 + i;
    check("journal", seed, simulate_journal(seed, tally));
    tally.add("seeds");
    if (i % 10 == 3) check("rot", seed, simulate_rot(seed, tally));
    if (i % 2'000 == 7) check("exhaustive", seed, simulate_every_outcome(seed, tally));
    if (i % 2'000 == 11) check("engine", seed, engines.simulate(seed, tally));
    if (i % 500 == 0) tally.progress();
  }
  return finish(settings, "simulated disk", "seeds", tally, budget.minutes());
}

}  // namespace strata::crash
