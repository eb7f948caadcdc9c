// Rebuild: throw away what a store derived, open the database again, and compare with what it was.
#include "core/failpoint.h"
#include "engine/local_engine.h"
#include "io/posix_file_system.h"
#include "strata/operations.h"

namespace strata::operations {
namespace {

/// Files that SQLite and DuckDB keep; their stores make them again from checkpoint files and journal when missing. The
/// other stores derive nothing that outlives a process: opening them is rebuilding them.
std::vector<std::string> derived_files(StoreKind store) {
  switch (store) {
    case StoreKind::metadata:
      return {"metadata/state.sqlite", "metadata/state.sqlite-wal", "metadata/state.sqlite-shm"};
    case StoreKind::analytics: return {"analytics/state.duckdb", "analytics/state.duckdb.wal"};
    case StoreKind::array: return {"array/index.h5"};
    default: return {};
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

}  // namespace
}  // namespace strata::operations

namespace strata {

Result<StoreSummary> rebuild(const std::string& directory, StoreKind store) noexcept {
  using namespace operations;
  STRATA_FAILPOINT("rebuild.begin");
  // A store that cannot even be opened any more has nothing to compare with; then the rebuilt state is all there is.
  std::optional<StoreSummary> before;
  if (auto opened = open_existing(directory)) {
    if (auto summary = summary_of(**opened, store)) before = *std::move(summary);
    STRATA_TRY((*opened)->checkpoint());
    STRATA_TRY((*opened)->close());
  } else if (opened.error().code() != ErrorCode::corruption) {
    return std::move(opened).error();  // open elsewhere, of a newer format, no database: nothing is ours to remove
  }
  {
    const auto files = STRATA_TRY(io::open_posix_file_system(directory));
    const auto lock = STRATA_TRY(files->lock("lock", "strata rebuild"));
    for (const std::string& name : derived_files(store)) {
      if (STRATA_TRY(files->exists(name))) STRATA_TRY(files->remove(name));
    }
  }
  STRATA_FAILPOINT("rebuild.removed");
  const auto engine = STRATA_TRY(open_existing(directory));
  STRATA_FAILPOINT("rebuild.opened");
  StoreSummary after = STRATA_TRY(summary_of(*engine, store));
  if (before && (before->hash != after.hash || before->items != after.items)) {
    return Error(ErrorCode::internal, "the rebuilt " + std::string(name(store)) +
                                          " store differs: " + std::to_string(before->items) + " items before, " +
                                          std::to_string(after.items) + " after");
  }
  STRATA_TRY(engine->checkpoint());
  STRATA_TRY(engine->close());
  return after;
}

}  // namespace strata
