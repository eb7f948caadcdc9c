// Checkpoints: what memory holds becomes files, a manifest names them, the journal gives its oldest segments back.
//
//     between two commits   every store freezes at lsn L                                  (short)
//     beside the commits    the journal is synced up to L, every store writes its files   (long)
//     MANIFEST-n+1, then the superblock slot: from here the checkpoint counts
//     between two commits   the stores drop what the files hold now                       (short)
//     files that neither n nor n + 1 names are removed (I11), journal segments below n too
//
// An error before the superblock leaves manifest n in charge; the next attempt includes what was frozen, and finds the space
// that this one took. After it n + 1 is in charge, whatever fails: a store that was not told goes on with the files of n, and
// those that should have gone stay until a checkpoint has told all of them.
#include <algorithm>
#include <chrono>
#include <set>

#include "core/failpoint.h"
#include "engine/local_engine.h"

namespace strata::engine {

Result<Lsn> LocalEngine::checkpoint() noexcept {
  STRATA_TRY(check_not_lent("checkpoint"));
  const core::MutexLock lock(checkpoint_mutex_);
  return checkpoint_locked(true);
}

Result<Lsn> LocalEngine::checkpoint_locked(bool even_if_unchanged) {
  STRATA_TRY(check_open());
  STRATA_FAILPOINT("checkpoint.begin");
  STRATA_TRY(manager_->check_healthy());
  if (!even_if_unchanged && manager_->visible_lsn() == manifest_.lsn) return manifest_.lsn;

  Manifest next;
  std::uint64_t journaled = 0;
  transaction::StoreLag::Amounts frozen{};
  STRATA_TRY(manager_->between_commits([&](Lsn lsn) -> Result<void> {
    next.lsn = lsn;
    next.time = manager_->visible_time();
    journaled = journaled_bytes_.load(std::memory_order_relaxed);
    frozen = manager_->store_lag().mark();
    for (transaction::Participant* store : stores_->participants()) STRATA_TRY(store->freeze(lsn));
    const core::MutexLock history_lock(history_mutex_);
    for (const auto& [name, tag] : tags_) next.tags.push_back(tag);
    return {};
  }));
  STRATA_FAILPOINT("checkpoint.frozen");
  if (journal_->durable_lsn() < next.lsn) STRATA_TRY(journal_->sync());  // I4: no file holds what the journal may lose
  STRATA_ASSERT(journal_->durable_lsn() >= next.lsn);

  STRATA_FAILPOINT("checkpoint.journal_synced");
  next.horizon = move_horizon(next.lsn);
  if (auto written = write_files(next); !written) {
    for (transaction::Participant* store : stores_->participants()) store->abandoned();
    return std::move(written).error();
  }
  STRATA_FAILPOINT("checkpoint.manifest_written");
  STRATA_TRY(
      write_superblock(*files_, {superblock_sequence_ + 1, next.database, next.timeline, next.number, next.lsn}));
  superblock_lsn_ = next.lsn;
  ++superblock_sequence_;
  STRATA_FAILPOINT("checkpoint.superblock_written");

  for (const auto& file : previous_files_) obsolete_files_.insert(file.name);
  if (manifest_.number > 1) obsolete_files_.insert(manifest_name(manifest_.number - 1));
  const Lsn previous_lsn = manifest_.lsn;
  previous_files_ = files_of(manifest_);
  manifest_ = std::move(next);
  retain_files();
  const std::array<transaction::Checkpoint, kStoreCount> installed = manifest_.stores;
  STRATA_TRY(manager_->between_commits([&](Lsn) -> Result<void> {
    for (std::size_t i = 0; i < kStoreCount; ++i) {
      if (stores_->participants()[i]->kind() == StoreKind::cache) continue;
      STRATA_TRY(stores_->participants()[i]->installed(installed[i]));
    }
    return {};
  }));
  manager_->store_lag().caught_up(frozen);
  STRATA_FAILPOINT("checkpoint.installed");
  journaled_bytes_.fetch_sub(std::min(journaled, journaled_bytes_.load()), std::memory_order_relaxed);
  checkpoint_asked_.store(false, std::memory_order_relaxed);
  STRATA_TRY(remove_obsolete_files());
  STRATA_FAILPOINT("checkpoint.files_removed");

  // The journal must reach back to manifest n (now the previous one) and to what each store holds on disk (I5).
  Lsn needed_after = previous_lsn;
  for (transaction::Participant* store : stores_->participants()) {
    if (store->kind() == StoreKind::cache) continue;
    needed_after = std::min(needed_after, STRATA_TRY(store->durable_lsn()));
  }
  STRATA_TRY(journal_->truncate_below(needed_after));
  STRATA_FAILPOINT("checkpoint.end");
  return manifest_.lsn;
}

/// The stores' files and the manifest that names them. After an error none of them is there.
Result<void> LocalEngine::write_files(Manifest& next) {
  RetainingFileSystem::Attempt attempt(store_files_);
  for (std::size_t i = 0; i < kStoreCount; ++i) {
    transaction::Participant& store = *stores_->participants()[i];
    if (store.kind() == StoreKind::cache) continue;
    attempt.note(store.kind() != StoreKind::metadata);  // whose archives, once finished, serve the next attempt, too
    auto written = store.write_checkpoint(next.horizon);
    attempt.note(false);
    if (!written) {
      return std::move(written).error().with_context("checkpoint of the " + std::string(name(store.kind())) + " store");
    }
    next.stores[i] = *std::move(written);
    STRATA_ASSERT(next.stores[i].lsn == next.lsn);
  }

  STRATA_FAILPOINT("checkpoint.stores_written");
  next.number = manifest_.number + 1;
  next.database = manifest_.database;
  next.timeline = manifest_.timeline;
  next.previous = core::xxh3_128(encode(manifest_));
  next.idempotency = manager_->idempotency_entries();
  // Later ones are told by their records, which a power cut may take: a key must not outlive its commit.
  std::erase_if(next.idempotency, [&](const transaction::IdempotencyEntry& entry) { return entry.lsn > next.lsn; });
  next.commit_times = commit_clock_.points();
  std::erase_if(next.commit_times, [&](const CommitTime& point) { return point.lsn > next.lsn; });
  STRATA_TRY(io::write_file_atomically(*files_, manifest_name(next.number), encode(next)));
  attempt.keep();
  return {};
}

/// The stores may remove nothing that the two newest manifests name.
void LocalEngine::retain_files() {
  std::set<std::string, std::less<>> names;
  for (const auto& file : previous_files_) names.insert(file.name);
  for (const auto& file : files_of(manifest_)) names.insert(file.name);
  store_files_.retain(std::move(names));
}

/// What the two newest manifests do not name any more, older manifests too. One that cannot be removed keeps no other.
Result<void> LocalEngine::remove_obsolete_files() {
  for (const auto& file : previous_files_) obsolete_files_.erase(file.name);
  for (const auto& file : files_of(manifest_)) obsolete_files_.erase(file.name);
  Result<void> all;
  std::erase_if(obsolete_files_, [&](const std::string& name) {
    auto removed = files_->remove(name);
    const bool gone = removed || removed.error().code() == ErrorCode::not_found;
    if (!gone && all) all = std::move(removed);
    return gone;
  });
  return all;
}

/// The oldest state that must stay readable: by an open view, by a tag, by the promised history. Never past the
/// checkpoint that it is moved for: what came after that may not be durable.
Lsn LocalEngine::move_horizon(Lsn at_most) {
  const core::MutexLock lock(history_mutex_);
  Lsn oldest = std::min(at_most, commit_clock_.at_time(clock_.now() - options_.history_ms * 1000).lsn);
  oldest = manager_->views().oldest(oldest, clock_.monotonic_us());
  for (const auto& [name, tag] : tags_) oldest = std::min(oldest, tag.lsn);
  horizon_ = std::max(horizon_, oldest);
  return horizon_;
}

Result<void> LocalEngine::with_checkpoint(
    const std::function<Result<void>(const Manifest&, const std::vector<journal::Journal::SegmentFile>&, Lsn)>&
        body) noexcept {
  STRATA_TRY(check_not_lent("make another"));
  const core::MutexLock lock(checkpoint_mutex_);
  STRATA_TRY(checkpoint_locked(false));
  STRATA_TRY(journal_->sync());
  const Lsn durable = journal_->durable_lsn();
  const auto segments = STRATA_TRY(journal_->segments());
  lent_to_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  Result<void> done = body(manifest_, segments, durable);
  lent_to_.store({}, std::memory_order_relaxed);
  return done;
}

Result<std::vector<std::string>> LocalEngine::written_ahead() {
  std::vector<std::string> names;
  for (transaction::Participant* store : stores_->participants()) {
    for (std::string& name : STRATA_TRY(store->written_ahead())) names.push_back(std::move(name));
  }
  return names;
}

void LocalEngine::run_background() noexcept {
  for (;;) {
    {
      const core::MutexLock lock(background_mutex_);
      while (!stopping_ && !checkpoint_wanted_) background_wake_.wait(background_mutex_);
      if (stopping_) return;
      checkpoint_wanted_ = false;
    }
    Result<Lsn> done = [this]() -> Result<Lsn> {
      const core::MutexLock lock(checkpoint_mutex_);
      return checkpoint_locked(false);
    }();
    const core::MutexLock lock(background_mutex_);
    background_error_ = done ? std::string() : done.error().to_string();
    if (!done) {
      // A full disk or a passing error: the journal keeps everything; try again after a while.
      background_wake_.wait_for(background_mutex_, std::chrono::seconds(2));
      if (!stopping_ && manager_->check_healthy()) checkpoint_wanted_ = true;
    }
  }
}

}  // namespace strata::engine
