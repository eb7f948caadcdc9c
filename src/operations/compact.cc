// Compact: what a running database does by and by, now and to its end.
#include "engine/local_engine.h"
#include "strata/operations.h"

namespace strata {
namespace {

Result<void> confirm(const Progress& progress, std::uint64_t done, std::uint64_t total) {
  if (progress && !progress(done, total)) return Error(ErrorCode::cancelled, "compacting was cancelled");
  return {};
}

Result<CompactReport> compact_now(engine::LocalEngine& engine, const Progress& progress) {
  CompactReport report;
  const CollectReport collected = STRATA_TRY(engine.object().collect());
  report.objects = collected.objects;
  report.bytes = collected.bytes;
  STRATA_TRY(confirm(progress, 0, 0));
  STRATA_TRY(engine.compact_next());
  STRATA_TRY(engine.checkpoint());
  STRATA_TRY(engine.settle(progress));
  // Files that the first checkpoint replaced are removed by the second, which also names the graphs and gives the journal before
  // the first one back.
  report.lsn = STRATA_TRY(engine.checkpoint());
  return report;
}

}  // namespace

Result<CompactReport> compact(Engine& engine, const Progress& progress) noexcept {
  auto* local = dynamic_cast<engine::LocalEngine*>(&engine);
  if (local == nullptr) {
    return Error(ErrorCode::unsupported, "a database is compacted by the process that has it open");
  }
  return compact_now(*local, progress);
}

}  // namespace strata
