#include "transaction/transaction_manager.h"

#include <algorithm>
#include <bit>
#include <map>

#include "core/checksum.h"
#include "core/failpoint.h"
#include "transaction/record.h"

namespace strata::transaction {
namespace {

constexpr std::int64_t kIdempotencyKeptUs = 25LL * 3600 * 1'000'000;  // promised: at least 24 h
constexpr std::size_t kIdempotencyKeysMax = 1'000'000;                // 24 MB; the oldest go first beyond it
constexpr std::uint64_t kCommitsPerPrune = 64;
constexpr std::size_t kRecentConflicts = 32;

void abort_all(Context& context) {
  for (auto& buffer : context.buffers()) {
    if (buffer) buffer->aborted();
  }
}

}  // namespace

/// A commit between its append and its becoming visible. Lives on the stack of the committing thread, which does not
/// return before it is applied or given up.
struct TransactionManager::Pending {
  Commit commit;
  std::shared_ptr<const Bytes> payload;  // the journal's, too
  Context* context;
  std::span<const ViewMove> moves;
  StoreLag::Amounts section_bytes = {};
  bool changes_memory = false;
  std::vector<KeyHash> predicates = {};  // affected, if a serializable transaction runs
  bool predicates_known = false;
};

TransactionManager::TransactionManager(journal::Journal& journal, const core::Clock& clock, const Stores& stores,
                                       const ManagerOptions& options, Lsn visible, Timestamp visible_time,
                                       std::vector<IdempotencyEntry> idempotency,
                                       std::function<Result<void>(const Commit&, ByteView)> engine_section)
    : journal_(journal),
      clock_(clock),
      stores_(stores),
      options_(options),
      engine_section_(std::move(engine_section)),
      board_(options.board),
      locks_(clock, board_.layout()),
      store_lag_(options.store_lag_bytes_max, options.store_lag_wait_ms, options.behind, board_.layout().lag),
      visible_time_(visible_time),
      last_commit_time_(visible_time) {
  free_slots_.fill(~std::uint64_t{0});
  present_.lsn.store(visible, std::memory_order_release);
  journal_.set_durable_observer([this](Lsn durable) { publish_durable(durable); });
  for (const IdempotencyEntry& entry : idempotency) {
    // A key may come twice, when it was used again after its time: the later use counts.
    if (idempotency_.insert_or_assign(entry.hash, entry).second) idempotency_order_.push_back(entry.hash);
  }
}

TransactionManager::~TransactionManager() { journal_.set_durable_observer({}); }

// ---- the commit path, top to bottom -----------------------------------------------------------------------------

Result<Lsn> TransactionManager::commit(Context& context, Durability durability, std::string_view idempotency_key,
                                       ByteView engine_section, std::span<const ViewMove> moves) {
  const auto give_up = [&](Error error) -> Error {
    abort_all(context);
    counters_.rolled_back.fetch_add(1, std::memory_order_relaxed);
    return error;
  };
  if (auto healthy = check_healthy(); !healthy) return give_up(std::move(healthy).error());

  // 1. What may fail or take time, without a lock.
  bool anything = !engine_section.empty();
  for (auto& buffer : context.buffers()) {
    if (!buffer) continue;
    if (auto prepared = buffer->prepare(context); !prepared) return give_up(std::move(prepared).error());
    anything = anything || !buffer->empty();
  }
  if (!anything) {
    auto done = commit_volatile(context, moves);
    if (done) return done;
    if (done.error().code() == ErrorCode::conflict) {
      if (auto caught_up = catch_up(); !caught_up) return give_up(std::move(caught_up).error());
    }
    return give_up(std::move(done).error());
  }

  // 2. The record: resolved effects, one section per store. What was charged is about what they take.
  std::shared_ptr<Bytes> record = records_.take();
  Bytes& payload = *record;
  StoreLag::Amounts section_bytes{};
  payload.reserve(static_cast<std::size_t>(std::min(context.charged_bytes(), options_.transaction_bytes_max)));
  for (std::size_t store = 0; store < kStoreCount; ++store) {
    WriteBuffer* buffer = context.buffers()[store].get();
    if (buffer == nullptr || buffer->empty()) continue;
    const std::size_t begun = begin_section(payload, static_cast<std::uint8_t>(store));
    core::Encoder out(payload);
    buffer->encode(out);
    end_section(payload, begun);
    section_bytes[store] = payload.size() - begun;
  }
  if (!engine_section.empty()) {
    const std::size_t begun = begin_section(payload, kEngineSection);
    core::Encoder(payload).raw(engine_section.data(), engine_section.size());
    end_section(payload, begun);
  }
  if (payload.size() > options_.transaction_bytes_max) {
    return give_up(Error(ErrorCode::resource_exhausted, "the transaction's record is over " +
                                                            std::to_string(options_.transaction_bytes_max) +
                                                            " bytes: " + std::to_string(payload.size())));
  }

  if (auto room = store_lag_.admit(section_bytes); !room) return give_up(std::move(room).error());

  // 3. The commit lock: from here on the order is decided.
  const std::uint64_t idempotency =
      idempotency_key.empty() ? 0 : std::max<std::uint64_t>(1, core::xxh3_64(idempotency_key));
  Pending pending{{}, std::move(record), &context, moves, section_bytes};
  for (auto& buffer : context.buffers()) pending.changes_memory |= buffer && buffer->changes_memory();
  if (scanning_.load(std::memory_order_acquire) > 0) {  // most of the time known before the lock is taken
    if (auto known = collect_predicates(context, pending.predicates); !known) {
      store_lag_.give_back(section_bytes);
      return give_up(std::move(known).error());
    }
    pending.predicates_known = true;
  }
  auto enqueued = enqueue(pending, idempotency);
  if (!enqueued || *enqueued != pending.commit.lsn) store_lag_.give_back(section_bytes);
  if (!enqueued) {
    // The winner may still be on its way to the disk. Once it is visible, running again can succeed; before, never.
    if (enqueued.error().code() == ErrorCode::conflict) {
      if (auto caught_up = catch_up(); !caught_up) return give_up(std::move(caught_up).error());
    }
    return give_up(std::move(enqueued).error());
  }
  const bool repeated = *enqueued != pending.commit.lsn;
  if (repeated) abort_all(context);  // the same key again: the first commit, perhaps still under way, is the answer

  // 4. Durable, then visible in every store, then acknowledged.
  Result<void> done = journal_.wait(*enqueued, durability);
  STRATA_CRASHPOINT("manager.commit.durable");
  if (done) done = publish(*enqueued);
  if (!done) {
    // Whether the record will be found after a restart is not known, so the files it refers to must stay: no abort.
    fail(done.error());
    const core::MutexLock apply_lock(apply_mutex_);  // nobody may be applying from this stack frame
    const core::MutexLock lock(pending_mutex_);
    std::erase(pending_, &pending);
    return std::move(done).error();
  }
  if (!repeated) counters_.committed.fetch_add(1, std::memory_order_relaxed);
  STRATA_CRASHPOINT("manager.commit.acknowledged");
  return *enqueued;
}

Result<Lsn> TransactionManager::enqueue(Pending& pending, std::uint64_t idempotency) {
  STRATA_FAILPOINT("manager.enqueue.begin");
  Context& context = *pending.context;
  const core::MutexLock lock(commit_mutex_);
  if (idempotency != 0) {
    if (const auto used = idempotency_.find(idempotency); used != idempotency_.end()) return used->second.lsn;
  }
  STRATA_TRY(check_healthy());  // of the commits that failed some are no longer pending
  STRATA_TRY(check_conflicts(context, pending.moves));
  for (auto& buffer : context.buffers()) {
    if (buffer && !buffer->empty()) STRATA_TRY(buffer->validate(context));
  }
  if (!pending.predicates_known && scanning_.load(std::memory_order_acquire) > 0) {
    STRATA_TRY(collect_predicates(context, pending.predicates));
  }
  STRATA_FAILPOINT("manager.enqueue.validated");
  pending.commit.time = std::max(last_commit_time_ + 1, clock_.now());  // commit times ascend with the LSN
  pending.commit.lsn = STRATA_TRY(journal_.append(pending.payload, pending.commit.time, idempotency));
  last_commit_time_ = pending.commit.time;
  const auto of_cache = [](const Context::Key& key) { return key.store == StoreKind::cache; };
  if (std::any_of(context.reads().begin(), context.reads().end(), of_cache) ||
      std::any_of(context.effects().begin(), context.effects().end(), of_cache)) {
    last_cache_lsn_ = pending.commit.lsn;
  }
  conflict_index_.record(pending.commit.lsn, context.writes(), context.effects(), pending.predicates);
  if (++commits_since_prune_ >= kCommitsPerPrune) {
    commits_since_prune_ = 0;
    conflict_index_.prune(views_.oldest(visible_lsn(), clock_.monotonic_us()));
  }
  if (idempotency != 0) {
    idempotency_[idempotency] = {idempotency, pending.commit.lsn, pending.commit.time};
    idempotency_order_.push_back(idempotency);
    forget_old_idempotency_keys(pending.commit.time);
  }
  const core::MutexLock pending_lock(pending_mutex_);
  STRATA_ASSERT(pending_.empty() || pending_.back()->commit.lsn + 1 == pending.commit.lsn ||
                failed_.load(std::memory_order_acquire));  // I1
  pending_.push_back(&pending);
  STRATA_CRASHPOINT("manager.enqueue.appended");
  return pending.commit.lsn;
}

Result<void> TransactionManager::collect_predicates(Context& context, std::vector<KeyHash>& predicates) {
  for (auto& buffer : context.buffers()) {
    if (buffer && !buffer->empty()) STRATA_TRY(buffer->affects(context, predicates));
  }
  return {};
}

Result<void> TransactionManager::begin_scans() {
  Lsn silent = 0;
  {
    const core::MutexLock lock(commit_mutex_);
    if (scanning_.fetch_add(1, std::memory_order_acq_rel) == 0) last_silent_ = journal_.last_lsn();
    silent = last_silent_;
  }
  if (visible_lsn() >= silent) return {};
  Result<void> visible = journal_.wait(silent, Durability::batch);
  if (visible) visible = publish(silent);
  if (!visible) end_scans();
  return visible;
}

Result<void> TransactionManager::check_conflicts(Context& context, std::span<const ViewMove> moves) {
  const auto conflict = [&](const Context::Key& key, Lsn by, Lsn view) -> Error {
    const auto& buffer = context.buffers()[static_cast<std::size_t>(key.store)];
    const std::string what = buffer ? buffer->describe(key.hash) : std::string();
    const std::string named =
        what.empty() ? "something read from the " + std::string(name(key.store)) + " store" : "\"" + what + "\"";
    Error error(ErrorCode::conflict, named + " was changed by lsn " + std::to_string(by) +
                                         " after this transaction's view (lsn " + std::to_string(view) +
                                         "). Run the transaction again.");
    note_conflict(error);
    return error;
  };
  if (clock_.monotonic_us() >= context.deadline_us()) {  // while it was committing: the index may have been pruned
    count_timeout();
    return Error(ErrorCode::timeout, "the transaction was rolled back: its timeout passed while it was committing");
  }
  // Each key against the view it was noted under.
  const auto check = [&](const ConflictIndex& index, const std::vector<Context::Key>& keys,
                         std::size_t ViewMove::* noted) -> Result<void> {
    std::size_t move = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      while (move < moves.size() && moves[move].*noted <= i) ++move;
      const Lsn view = move < moves.size() ? moves[move].view : context.view_lsn();
      if (const Lsn by = index.changed_after(keys[i].hash, view)) return conflict(keys[i], by, view);
    }
    return {};
  };
  STRATA_TRY(check(conflict_index_, context.writes(), &ViewMove::writes));
  STRATA_TRY(check(conflict_index_, context.reads(), &ViewMove::reads));
  if (moment_index_.size() == 0) return {};
  for (const Context::Key& key : context.reads()) {
    if (key.store != StoreKind::cache || moment_index_.changed_after(key.hash, context.view_moment()) == 0) continue;
    Error error(ErrorCode::conflict,
                "something read from the cache was changed after this transaction's view. Run the "
                "transaction again.");
    note_conflict(error);
    return error;
  }
  return {};
}

Lsn TransactionManager::changed_after(KeyHash key, Lsn view) {
  const core::MutexLock lock(commit_mutex_);
  return conflict_index_.changed_after(key, view);
}

Result<void> TransactionManager::publish(Lsn lsn) {
  if (visible_lsn() >= lsn) return {};  // whoever synced the record has shown it already
  const core::MutexLock lock(apply_mutex_);
  STRATA_CRASHPOINT("manager.publish.begin");
  while (visible_lsn() < lsn) {
    STRATA_TRY(check_healthy());
    // Everything up to lsn is durable (the journal is a prefix), so commits of other threads may be applied here too.
    Pending* next = next_pending();
    STRATA_ASSERT(next != nullptr);
    STRATA_TRY(show(*next));
  }
  return {};
}

/// On the thread that has just synced, for all that wait: one passage through the apply lock for a batch, and whoever wakes
/// finds the work done. What cannot be shown is told to each when it asks for itself.
void TransactionManager::publish_durable(Lsn durable) {
  const core::MutexLock lock(apply_mutex_);
  while (visible_lsn() < durable && check_healthy()) {
    // A commit that is durable already may still be on its way from the journal into the list.
    Pending* next = next_pending();
    if (next == nullptr || next->commit.lsn > durable || !show(*next)) return;
  }
}

TransactionManager::Pending* TransactionManager::next_pending() {
  const core::MutexLock lock(pending_mutex_);
  return pending_.empty() ? nullptr : pending_.front();
}

Result<void> TransactionManager::show(Pending& next) {
  STRATA_ASSERT(next.commit.lsn == visible_lsn() + 1);                        // I3, I4
  const Moment moment = present_.moment.load(std::memory_order_relaxed) + 1;  // moves under the apply lock only
  const bool changes_memory = next.changes_memory;
  next.commit.moment = moment;
  if (auto applied = apply_one(next); !applied) {
    // The record is durable but this process cannot show it: nothing more may be acknowledged from here.
    Error error(ErrorCode::commit_unknown, "lsn " + std::to_string(next.commit.lsn) +
                                               " is in the journal but could not be applied: " +
                                               applied.error().to_string() + ". Open the database again.");
    fail(error);
    return error;
  }
  {
    const core::MutexLock pending_lock(pending_mutex_);
    pending_.pop_front();
  }
  // Once it is visible its thread may return, and with it goes `next`.
  const Commit commit = next.commit;
  const std::size_t payload_bytes = next.payload->size();
  STRATA_CRASHPOINT("manager.publish.applied");
  visible_time_.store(commit.time, std::memory_order_release);
  present_.lsn.store(commit.lsn, std::memory_order_release);
  if (changes_memory) present_.moment.store(moment, std::memory_order_release);
  STRATA_CRASHPOINT("manager.publish.visible");
  if (observer_) observer_(commit, payload_bytes);
  return {};
}

Result<void> TransactionManager::catch_up() {
  Lsn last = 0;
  {
    const core::MutexLock lock(commit_mutex_);  // so that what is appended is pending, too
    last = journal_.last_lsn();
  }
  if (visible_lsn() >= last) return {};
  STRATA_TRY(journal_.wait(last, Durability::batch));
  return publish(last);
}

Result<void> TransactionManager::apply_one(const Pending& pending) {
  STRATA_TRY(for_each_section(*pending.payload, [&](std::uint8_t store, ByteView section) -> Result<void> {
    if (store == kEngineSection) return engine_section_(pending.commit, section);
    return stores_[store]->apply(pending.commit, section);
  }));
  store_lag_.applied(pending.section_bytes);
  for (auto& buffer : pending.context->buffers()) {
    if (buffer) buffer->committed(pending.commit);
  }
  return {};
}

/// Nothing to journal: a reader, or writes that live in memory only (the cache). They take effect between two commits.
Result<Lsn> TransactionManager::commit_volatile(Context& context, std::span<const ViewMove> moves) {
  const bool changes = std::any_of(context.buffers().begin(), context.buffers().end(),
                                   [](const auto& buffer) { return buffer && buffer->changes_memory(); });
  const auto finish = [&](const Commit& commit) {
    for (auto& buffer : context.buffers()) {
      if (buffer) buffer->committed(commit);
    }
    counters_.committed.fetch_add(1, std::memory_order_relaxed);
    return context.view_lsn();
  };
  if (!changes) return finish({visible_lsn(), visible_time(), 0});
  for (;;) {
    Lsn passed = 0;
    {
      const core::MutexLock lock(commit_mutex_);
      const core::MutexLock apply_lock(apply_mutex_);
      // A commit that is decided and not yet visible may have read what this one changes: it comes first.
      passed = last_cache_lsn_ > visible_lsn() ? last_cache_lsn_ : 0;
      if (passed == 0) {
        STRATA_TRY(check_conflicts(context, moves));
        const Moment moment = present_.moment.load(std::memory_order_relaxed) + 1;
        moment_index_.record(moment, {}, context.effects());
        if (moment % kCommitsPerPrune == 0) {  // a view of this very moment may still be taken
          moment_index_.prune(views_.oldest_moment(moment - 1, clock_.monotonic_us()));
        }
        const Lsn view = finish({visible_lsn(), visible_time(), moment});
        present_.moment.store(moment, std::memory_order_release);
        return view;
      }
    }
    STRATA_TRY(journal_.wait(passed, Durability::batch));
    STRATA_TRY(publish(passed));
  }
}

void TransactionManager::roll_back(Context& context) {
  abort_all(context);
  counters_.rolled_back.fetch_add(1, std::memory_order_relaxed);
}

// ---- around it --------------------------------------------------------------------------------------------------

Result<void> TransactionManager::between_commits(const std::function<Result<void>(Lsn)>& body) {
  const core::MutexLock lock(apply_mutex_);
  return body(visible_lsn());
}

void TransactionManager::set_observer(std::function<void(const Commit&, std::size_t)> observer) {
  const core::MutexLock lock(apply_mutex_);
  observer_ = std::move(observer);
}

void TransactionManager::fail(const Error& error) {
  {
    const core::MutexLock lock(failure_mutex_);
    if (failure_.empty()) failure_ = error.message();
  }
  failed_.store(true, std::memory_order_release);
}

Result<void> TransactionManager::check_healthy() const {
  if (!failed_.load(std::memory_order_acquire) && !journal_.poisoned()) return {};
  const core::MutexLock lock(failure_mutex_);
  return Error(ErrorCode::commit_unknown, "the engine has stopped accepting writes" +
                                              (failure_.empty() ? "" : " (" + failure_ + ")") +
                                              ". Ask again with the same idempotency key after it is open again.");
}

void TransactionManager::forget_old_idempotency_keys(Timestamp now) {
  while (!idempotency_order_.empty()) {
    const auto oldest = idempotency_.find(idempotency_order_.front());
    const bool gone = oldest == idempotency_.end();
    if (!gone && oldest->second.time > now - kIdempotencyKeptUs && idempotency_order_.size() <= kIdempotencyKeysMax) {
      return;
    }
    if (!gone) idempotency_.erase(oldest);
    idempotency_order_.pop_front();
  }
}

std::vector<IdempotencyEntry> TransactionManager::idempotency_entries() {
  const core::MutexLock lock(commit_mutex_);
  std::vector<IdempotencyEntry> entries;
  entries.reserve(idempotency_order_.size());
  for (const std::uint64_t hash : idempotency_order_) {
    const auto found = idempotency_.find(hash);
    // One that is not visible yet may still fail; its record carries it to the next start.
    if (found != idempotency_.end() && found->second.lsn <= visible_lsn()) entries.push_back(found->second);
  }
  return entries;
}

void TransactionManager::note_conflict(const Error& error) {
  counters_.conflicts.fetch_add(1, std::memory_order_relaxed);
  const core::MutexLock lock(look_mutex_);
  if (recent_conflicts_.size() == kRecentConflicts) recent_conflicts_.pop_front();
  board_.show(recent_conflicts_.emplace_back(RecentConflict{clock_.now(), error.message()}));
}

ActiveTransaction& TransactionManager::enter(std::uint64_t id, Isolation isolation, Lsn view) {
  const core::MutexLock lock(look_mutex_);
  ActiveTransaction* place = nullptr;
  for (std::size_t i = 0; i < free_slots_.size() && place == nullptr; ++i) {
    if (free_slots_[i] == 0) continue;
    place = &board_.layout().slots[i * 64 + static_cast<std::size_t>(std::countr_zero(free_slots_[i]))];
    free_slots_[i] &= free_slots_[i] - 1;
  }
  if (place == nullptr) {
    place = unshown_.emplace_back(std::make_unique<ActiveTransaction>()).get();
    counters_.unshown.fetch_add(1, std::memory_order_relaxed);
  }
  place->isolation.store(static_cast<std::uint64_t>(isolation), std::memory_order_relaxed);
  place->began_us.store(static_cast<std::uint64_t>(clock_.monotonic_us()), std::memory_order_relaxed);
  place->view.store(view, std::memory_order_relaxed);
  for (Word* word : {&place->bytes, &place->keys, &place->writes, &place->locks}) {
    word->store(0, std::memory_order_relaxed);
  }
  place->id.store(id, std::memory_order_release);  // B1
  return *place;
}

void TransactionManager::leave(ActiveTransaction& transaction) {
  const core::MutexLock lock(look_mutex_);
  transaction.id.store(0, std::memory_order_release);  // B1
  const auto& slots = board_.layout().slots;
  if (&transaction >= slots.data() && &transaction < slots.data() + slots.size()) {
    const auto slot = static_cast<std::size_t>(&transaction - slots.data());
    free_slots_[slot / 64] |= std::uint64_t{1} << slot % 64;
    return;
  }
  std::erase_if(unshown_, [&](const auto& each) { return each.get() == &transaction; });
  counters_.unshown.fetch_sub(1, std::memory_order_relaxed);
}

std::vector<TransactionStatus> TransactionManager::active() {
  std::map<std::uint64_t, TransactionStatus> found;
  const std::int64_t now = clock_.monotonic_us();
  const auto add = [&](const ActiveTransaction& each) {
    constexpr auto kRelaxed = std::memory_order_relaxed;
    const std::uint64_t id = each.id.load(kRelaxed);
    if (id == 0) return;
    TransactionStatus& status = found[id];
    status.id = id;
    status.isolation = static_cast<Isolation>(each.isolation.load(kRelaxed));
    status.age_us = now - static_cast<std::int64_t>(each.began_us.load(kRelaxed));
    status.view = each.view.load(kRelaxed);
    status.bytes = each.bytes.load(kRelaxed);
    status.keys = each.keys.load(kRelaxed);
    status.writes = each.writes.load(kRelaxed);
  };
  {
    const core::MutexLock lock(look_mutex_);
    for (const ActiveTransaction& each : board_.layout().slots) add(each);
    for (const auto& each : unshown_) add(*each);
  }
  for (LockWait& wait : locks_.waits()) {
    const auto [place, fresh] = found.try_emplace(wait.waiter);
    TransactionStatus& status = place->second;
    status.id = wait.waiter;
    status.call = fresh;
    status.waits_for = std::move(wait.holders);
    status.waiting_us = now - wait.since_us;
    status.waits_on = waits_on(wait.store, wait.key);
  }
  std::vector<TransactionStatus> active;
  active.reserve(found.size());
  for (auto& [id, status] : found) active.push_back(std::move(status));
  return active;
}

TransactionsStatus TransactionManager::transactions() {
  TransactionsStatus told;
  told.active = active();
  {
    const core::MutexLock lock(look_mutex_);
    told.conflicts.assign(recent_conflicts_.begin(), recent_conflicts_.end());
  }
  told.locks = locks_.size();
  const StoreLag::Stats lag = store_lag_.stats();
  told.lag = lag.bytes;
  told.lag_bytes_max = lag.bytes_max;
  told.lag_waits = lag.waits;
  told.lag_refusals = lag.refusals;
  const ManagerStats manager = stats();
  told.committed = manager.committed;
  told.rolled_back = manager.rolled_back;
  told.conflicted = manager.conflicts;
  told.timeouts = manager.timeouts;
  const LockStats locks = locks_.stats();
  told.lock_waits = locks.waits;
  told.deadlocks = locks.deadlocks;
  told.lock_timeouts = locks.timeouts;
  return told;
}

ManagerStats TransactionManager::stats() {
  ManagerStats stats;
  stats.committed = counters_.committed.load(std::memory_order_relaxed);
  stats.rolled_back = counters_.rolled_back.load(std::memory_order_relaxed);
  stats.conflicts = counters_.conflicts.load(std::memory_order_relaxed);
  stats.timeouts = counters_.timeouts.load(std::memory_order_relaxed);
  stats.active = static_cast<std::uint64_t>(std::max<std::int64_t>(0, active_.load(std::memory_order_relaxed)));
  stats.serializable = static_cast<std::uint64_t>(std::max<std::int64_t>(0, scanning_.load(std::memory_order_relaxed)));
  stats.visible_lsn = visible_lsn();
  stats.oldest_view = views_.oldest(stats.visible_lsn, clock_.monotonic_us());
  return stats;
}

}  // namespace strata::transaction
