// Rebuild: make what a store derived again, beside what is there, and put it in its place when it is whole.
//
//     1  open; are the sources (checkpoint files, manifest, journal) sound? what does the store hold?    nothing changes
//     2  open once more, with the derived files under other names: the store makes them; check them      nothing changes
//     3  the old ones go aside, the new ones get their names                                             the replacement
//
// Whatever fails before 3 leaves the database as it was. Between the two renames of 3 the derived file is missing; the next
// open makes it again from sources that 2 has read in full. Where the two differ though each is sound, the sources are right, and
// the old file stays aside.
#include "core/clock.h"
#include "core/failpoint.h"
#include "engine/local_engine.h"
#include "io/posix_file_system.h"
#include "operations/beside_file_system.h"
#include "strata/operations.h"

namespace strata::operations {
namespace {

/// Files that SQLite and DuckDB keep. The other stores derive nothing that outlives a process (array/index.h5 is written by
/// every checkpoint): opening them is rebuilding them.
struct Derived {
  std::string_view folder;
  std::vector<std::string_view> files;  ///< after "state." or "rebuilt.": the log last
  std::string_view note;  ///< how far the log was copied: goes with the new files, the old one is not kept
  std::string_view mark;  ///< says that the present file is damaged
};

std::optional<Derived> derived_of(StoreKind store) {
  switch (store) {
    case StoreKind::metadata: return Derived{"metadata", {"sqlite", "sqlite-shm", "sqlite-wal"}, "copied", "damaged"};
    case StoreKind::analytics: return Derived{"analytics", {"duckdb", "duckdb.wal"}, "", ""};
    default: return std::nullopt;
  }
}

Result<StoreSummary> summary_of(Engine& engine, StoreKind store) {
  for (StoreSummary& summary : STRATA_TRY(engine.summarize())) {
    if (summary.store == store) return std::move(summary);
  }
  return StoreSummary{store, 0, {}};
}

Result<std::unique_ptr<Engine>> open_existing(const std::string& directory) {
  OpenOptions options;
  options.create = false;
  return Engine::open(directory, options);
}

Result<std::unique_ptr<engine::LocalEngine>> open_beside(const std::string& directory, std::string_view folder) {
  static const core::SystemClock clock;
  OpenOptions options;
  options.create = false;
  engine::Environment environment;
  environment.files = std::make_unique<BesideFileSystem>(STRATA_TRY(io::open_posix_file_system(directory)), folder);
  environment.clock = &clock;
  return engine::LocalEngine::open(directory, options, std::move(environment));
}

/// What a store is made from must be sound: else what can still be read would be exchanged for nothing.
Result<void> check_sources(Engine& engine, StoreKind store) {
  for (const Finding& finding : STRATA_TRY(engine.verify())) {
    const bool concerns = finding.store == name(store) || finding.store == "journal" || finding.store == "manifest";
    if (finding.repaired || !concerns) continue;
    return Error(ErrorCode::corruption, "what the " + std::string(name(store)) +
                                            " store is made from is damaged, and nothing was changed; strata restore "
                                            "takes a backup: " +
                                            finding.file + " at " + std::to_string(finding.offset) + ": " +
                                            finding.what);
  }
  return {};
}

/// The old files go aside, the new ones take their names. Returns what the old ones are called now.
Result<std::vector<std::string>> exchange(io::FileSystem& files, const Derived& derived) {
  const auto named = [&](std::string_view prefix, std::string_view file) {
    return std::string(derived.folder) + "/" + std::string(prefix) + std::string(file);
  };
  int number = 1;
  // The names that the stores give to damaged files themselves: state.sqlite.damaged-1, state.sqlite.damaged-1-wal.
  const auto aside = [&](std::string_view file) {
    const std::string_view main = derived.files.front();
    return named(BesideFileSystem::kPresent, main) + ".damaged-" + std::to_string(number) +
           std::string(file.substr(main.size()));
  };
  while (STRATA_TRY(files.exists(aside(derived.files.front())))) ++number;
  for (const std::string_view file : derived.files) {  // on the disk before it is relied on
    const std::string name = named(BesideFileSystem::kBeside, file);
    if (STRATA_TRY(files.exists(name))) {
      STRATA_TRY(STRATA_TRY(files.open(name, io::OpenMode::read_write))->sync());
    }
  }
  std::vector<std::string> old;
  for (const std::string_view file : derived.files) {
    const std::string name = named(BesideFileSystem::kPresent, file);
    if (!STRATA_TRY(files.exists(name))) continue;
    STRATA_TRY(files.rename(name, aside(file)));
    old.push_back(aside(file));
  }
  STRATA_FAILPOINT("rebuild.aside");
  for (auto file = derived.files.rbegin(); file != derived.files.rend(); ++file) {  // a log before the file it is for
    const std::string name = named(BesideFileSystem::kBeside, *file);
    if (STRATA_TRY(files.exists(name))) STRATA_TRY(files.rename(name, named(BesideFileSystem::kPresent, *file)));
  }
  if (const std::string note = named(BesideFileSystem::kBeside, derived.note);
      !derived.note.empty() && STRATA_TRY(files.exists(note))) {
    STRATA_TRY(files.rename(note, named(BesideFileSystem::kPresent, derived.note)));
  }
  const std::string mark = derived.mark.empty() ? "" : named(BesideFileSystem::kPresent, derived.mark);
  if (!mark.empty() && STRATA_TRY(files.exists(mark))) STRATA_TRY(files.remove(mark));
  STRATA_TRY(files.sync_directory(derived.folder));
  return old;
}

/// Makes the derived files anew and lets them replace what is there.
Result<RebuildReport> replace(const std::string& directory, StoreKind store, const Derived& derived,
                              const std::optional<StoreSummary>& before) {
  const auto files = STRATA_TRY(io::open_posix_file_system(directory));
  {
    const auto lock = STRATA_TRY(files->lock("lock", "strata rebuild"));
    STRATA_TRY(BesideFileSystem::remove_all(*files, derived.folder));  // of a rebuild that died
  }
  const auto make = [&]() -> Result<RebuildReport> {
    const auto engine = STRATA_TRY(open_beside(directory, derived.folder));
    RebuildReport made;
    static_cast<StoreSummary&>(made) = STRATA_TRY(summary_of(*engine, store));
    STRATA_TRY(check_sources(*engine, store));
    STRATA_TRY(engine->close());
    made.changed = !before || before->hash != made.hash || before->items != made.items;
    return made;
  };
  Result<RebuildReport> made = make();
  if (!made) {
    (void)BesideFileSystem::remove_all(*files, derived.folder);  // the next one does it otherwise
    return std::move(made).error().with_context("nothing was changed");
  }
  STRATA_FAILPOINT("rebuild.made");
  const auto lock = STRATA_TRY(files->lock("lock", "strata rebuild"));
  const std::vector<std::string> old = STRATA_TRY(exchange(*files, derived));
  STRATA_FAILPOINT("rebuild.exchanged");
  if (made->changed) return made;
  for (const std::string& name : old) STRATA_TRY(files->remove(name));
  return made;
}

}  // namespace
}  // namespace strata::operations

namespace strata {

Result<RebuildReport> rebuild(const std::string& directory, StoreKind store) noexcept {
  using namespace operations;
  STRATA_FAILPOINT("rebuild.begin");
  const auto derived = derived_of(store);
  // A store that cannot be read any more has nothing to compare with; then what is made from the sources is all there is.
  std::optional<StoreSummary> before;
  if (auto opened = open_existing(directory)) {
    STRATA_TRY(check_sources(**opened, store));
    auto summary = summary_of(**opened, store);
    const bool unreadable = !summary && derived && summary.error().code() == ErrorCode::corruption;
    if (!summary && !unreadable) return std::move(summary).error();
    if (summary) before = *std::move(summary);
    if (!derived) STRATA_TRY((*opened)->checkpoint());
    if (auto closed = (*opened)->close(); !closed && !unreadable) return std::move(closed).error();
  } else if (opened.error().code() != ErrorCode::corruption || !derived) {
    return std::move(opened).error();  // open elsewhere, of a newer format, no database: nothing is ours to replace
  }
  RebuildReport report;
  if (derived) report = STRATA_TRY(replace(directory, store, *derived, before));
  const auto engine = STRATA_TRY(open_existing(directory));
  STRATA_FAILPOINT("rebuild.opened");
  if (!derived) {
    static_cast<StoreSummary&>(report) = STRATA_TRY(summary_of(*engine, store));
    STRATA_TRY(check_sources(*engine, store));
    if (before->hash != report.hash || before->items != report.items) {
      return Error(ErrorCode::internal, "the " + std::string(name(store)) +
                                            " store differs when it is opened again: " + std::to_string(before->items) +
                                            " items before, " + std::to_string(report.items) + " after");
    }
  }
  STRATA_TRY(engine->checkpoint());
  STRATA_TRY(engine->close());
  return report;
}

}  // namespace strata
