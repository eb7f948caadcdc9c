#pragma once
/// Named places at which a test makes this process die, an operation fail or a thread wait: every step of a commit, of
/// applying, of a checkpoint, of recovery, of a backup. tests/crash drives them and proves that each is reached.
///
///     STRATA_FAILPOINT("journal.batch.write");      in a function that returns a Result; `error` returns `io` from here
///     STRATA_CRASHPOINT("manager.publish.visible"); where nothing can fail: there is no `error` at it
///
/// Without the definition STRATA_FAILPOINTS (presets dev, clang, asan and tsan have it, release has not) both are nothing:
/// no branch, no symbol. With it they read an atomic and count. What is armed is a text, from the environment variable
/// STRATA_FAILPOINTS when the process first passes a point, or given to `arm_failpoints`:
///
///     journal.batch.write=kill@3; checkpoint.manifest_written=delay(20)@1+
///
///     kill   SIGKILL to this process          abort   std::abort
///     error  the point returns `io`           delay(ms)
///     call   the function given to arm_failpoints, on the thread that passes
///     @n     at the n-th passing (1 when left out); @n+: at every one from there on
#ifdef STRATA_FAILPOINTS

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "strata/error.h"

namespace strata::core {

struct Failpoint {
  std::string_view name;
  bool fails;  ///< STRATA_FAILPOINT; else STRATA_CRASHPOINT
};

/// All there are. A point in the code that is not listed does not compile; a listed one that is nowhere in the code, or on
/// no path, fails the crash test.
inline constexpr Failpoint kFailpoints[] = {
    // The journal: queue, batch, sync, segments, zeros ahead, its own end and beginning.
    {"journal.append.begin", true},
    {"journal.append.queued", false},
    {"journal.batch.taken", false},
    {"journal.batch.write", true},
    {"journal.batch.written", true},
    {"journal.part.written", true},
    {"journal.sync.before", true},
    {"journal.sync.after", true},
    {"journal.sync.durable", false},
    {"journal.watermark.before", true},
    {"journal.rotate.begin", true},
    {"journal.rotate.end", false},
    {"journal.segment.opened", true},
    {"journal.segment.written", true},
    {"journal.segment.synced", true},
    {"journal.segment.renamed", true},
    {"journal.segment.ready", true},
    {"journal.zero.begin", true},
    {"journal.zero.filled", true},
    {"journal.truncate.begin", true},
    {"journal.truncate.removed", true},
    {"journal.close.begin", true},
    {"journal.close.marked", true},
    {"journal.recover.begin", true},
    {"journal.recover.scanned", true},
    {"journal.recover.torn_copied", true},
    {"journal.recover.tidied", true},
    // A commit.
    {"manager.enqueue.begin", true},
    {"manager.enqueue.validated", true},
    {"manager.enqueue.appended", false},
    {"manager.commit.durable", false},
    {"manager.publish.begin", false},
    {"manager.publish.applied", false},
    {"manager.publish.visible", false},
    {"manager.commit.acknowledged", false},
    // Each store takes a record.
    {"vector.apply.begin", true},
    {"vector.apply.end", false},
    {"object.apply.begin", true},
    {"object.apply.end", false},
    {"metadata.apply.begin", true},
    {"metadata.apply.end", false},
    {"graph.apply.begin", true},
    {"graph.apply.end", false},
    {"analytics.apply.begin", true},
    {"analytics.apply.end", false},
    {"cache.apply", false},
    {"array.apply.begin", true},
    {"array.apply.end", false},
    // What stores write beside the journal.
    {"object.large.written", true},
    {"metadata.flush.begin", true},
    {"metadata.flush.applied", false},
    {"metadata.rebuild.aside", true},
    {"metadata.rebuild.replayed", true},
    {"analytics.mirror.flush", true},
    {"analytics.mirror.flushed", true},
    {"array.part.written", true},
    // A checkpoint, the engine's part and each store's.
    {"checkpoint.begin", true},
    {"checkpoint.frozen", true},
    {"checkpoint.journal_synced", true},
    {"checkpoint.stores_written", true},
    {"checkpoint.manifest_written", true},
    {"checkpoint.superblock_written", true},
    {"checkpoint.installed", true},
    {"checkpoint.files_removed", true},
    {"checkpoint.end", true},
    {"superblock.written", true},
    {"vector.freeze", false},
    {"vector.checkpoint.begin", true},
    {"vector.checkpoint.end", true},
    {"vector.installed", false},
    {"object.freeze", false},
    {"object.checkpoint.begin", true},
    {"object.checkpoint.catalog", true},
    {"object.checkpoint.end", true},
    {"object.installed", false},
    {"metadata.freeze", false},
    {"metadata.checkpoint.begin", true},
    {"metadata.checkpoint.archived", true},
    {"metadata.checkpoint.durable", true},
    {"metadata.checkpoint.end", true},
    {"metadata.installed", true},
    {"graph.freeze", false},
    {"graph.checkpoint.begin", true},
    {"graph.checkpoint.end", true},
    {"graph.installed", false},
    {"analytics.freeze", false},
    {"analytics.checkpoint.begin", true},
    {"analytics.checkpoint.part", true},
    {"analytics.checkpoint.end", true},
    {"analytics.installed", true},
    {"array.freeze", false},
    {"array.checkpoint.begin", true},
    {"array.checkpoint.index", true},
    {"array.checkpoint.end", true},
    {"array.installed", true},
    {"array.installed.renamed", true},
    // A file written under another name and renamed: manifests, heads, lists.
    {"file.written", true},
    {"file.synced", true},
    {"file.renamed", true},
    // Making, opening, recovering and closing a database.
    {"engine.create.begin", true},
    {"engine.create.manifest", true},
    {"engine.create.superblock", true},
    {"engine.create.end", true},
    {"engine.open.locked", true},
    {"engine.open.manifest", true},
    {"engine.open.stores", true},
    {"engine.replay.record", true},
    {"engine.replay.applied", true},
    {"engine.open.journal", true},
    {"engine.open.recovered", true},
    {"engine.close.begin", false},
    {"engine.close.stores", false},
    {"engine.close.journal", false},
    // Operations.
    {"backup.begin", true},
    {"backup.copied", true},
    {"backup.checked", true},
    {"backup.listed", true},
    {"backup.renamed", true},
    {"restore.copied", true},
    {"restore.cut", true},
    {"restore.superblock", true},
    {"restore.opened", true},
    {"rebuild.begin", true},
    {"rebuild.made", true},
    {"rebuild.aside", true},
    {"rebuild.exchanged", true},
    {"rebuild.opened", true},
};
inline constexpr int kFailpointCount = static_cast<int>(std::size(kFailpoints));

/// Its place in kFailpoints; −1 when there is none of this name and kind.
constexpr int failpoint_index(std::string_view name, bool fails) {
  for (int i = 0; i < kFailpointCount; ++i) {
    if (kFailpoints[i].name == name && kFailpoints[i].fails == fails) return i;
  }
  return -1;
}

/// Replaces what was armed; "" disarms; counting begins anew. `call` is what the action of that name calls.
/// Errors  invalid_argument (syntax, an unknown point, `error` where nothing can fail), then nothing is armed
/// Threads: any, also while others pass; one that is on its way may still do what was armed before
Result<void> arm_failpoints(std::string_view spec, void (*call)() = nullptr);
/// How often each point was passed since it was armed, in the order of kFailpoints.
std::vector<std::uint64_t> failpoint_hits();
/// What the macros call.
Result<void> pass_failpoint(int index);

}  // namespace strata::core

#define STRATA_FAILPOINT(name)                                                                 \
  do {                                                                                         \
    static_assert(::strata::core::failpoint_index(name, true) >= 0, "list it in kFailpoints"); \
    STRATA_TRY(::strata::core::pass_failpoint(::strata::core::failpoint_index(name, true)));   \
  } while (false)
#define STRATA_CRASHPOINT(name)                                                                     \
  do {                                                                                              \
    static_assert(::strata::core::failpoint_index(name, false) >= 0, "list it in kFailpoints");     \
    (void)::strata::core::pass_failpoint(::strata::core::failpoint_index(name, false)).has_value(); \
  } while (false)

#else

#define STRATA_FAILPOINT(name) static_cast<void>(0)
#define STRATA_CRASHPOINT(name) static_cast<void>(0)

#endif
