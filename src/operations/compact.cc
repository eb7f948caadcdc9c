// Compact: what a running database does by and by, now and to its end.
#include <algorithm>
#include <chrono>
#include <thread>

#include "engine/local_engine.h"
#include "strata/operations.h"

namespace strata {
namespace {

constexpr auto kAskEvery = std::chrono::milliseconds(10);

Result<void> confirm(const Progress& progress, std::uint64_t done, std::uint64_t total) {
  if (progress && !progress(done, total)) return Error(ErrorCode::cancelled, "compacting was cancelled");
  return {};
}

Result<void> wait_for_graphs(Engine& engine, const Progress& progress) {
  std::uint64_t total = 0;
  for (;;) {
    const Map statistics = STRATA_TRY(engine.statistics());
    const Map& vector = *statistics.find("stores")->map()->find("vector")->map();
    const auto waiting = static_cast<std::uint64_t>(*vector.find("rows_waiting_for_graphs")->integer());
    total = std::max(total, waiting);  // others write meanwhile
    STRATA_TRY(confirm(progress, total - waiting, total));
    if (waiting == 0) {
      const Value* error = vector.find("graph_error");
      return error == nullptr ? Result<void>() : Error(ErrorCode::io, "a search graph is missing: " + *error->text());
    }
    std::this_thread::sleep_for(kAskEvery);
  }
}

Result<CompactReport> compact_now(Engine& engine, const Progress& progress) {
  CompactReport report;
  const CollectReport collected = STRATA_TRY(engine.object().collect());
  report.objects = collected.objects;
  report.bytes = collected.bytes;
  STRATA_TRY(confirm(progress, 0, 0));
  if (auto* local = dynamic_cast<engine::LocalEngine*>(&engine)) local->compact();
  STRATA_TRY(engine.checkpoint());
  STRATA_TRY(wait_for_graphs(engine, progress));
  // Files that the first checkpoint replaced are removed by the second, which also names the graphs.
  report.lsn = STRATA_TRY(engine.checkpoint());
  return report;
}

}  // namespace

Result<CompactReport> compact(Engine& engine, const Progress& progress) noexcept {
  return compact_now(engine, progress);
}

}  // namespace strata
