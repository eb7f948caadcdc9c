#include "transaction/sessions.h"

#include <algorithm>
#include <optional>

namespace strata::transaction {
namespace {

constexpr std::int64_t kTimeoutMsMax = 3'600'000;
constexpr std::size_t kIdempotencyKeyBytesMax = 256;
constexpr std::size_t kSavepointsMax = 100;  // each holds a copy of what is buffered
constexpr std::size_t kSavepointNameBytesMax = 128;
constexpr std::int64_t kCallLockTimeoutMs = 10'000;  // of a call on the database

bool reads_latest(Isolation isolation) {
  return isolation == Isolation::read_committed || isolation == Isolation::read_uncommitted;
}

Tracking tracking_of(Isolation isolation) {
  switch (isolation) {
    case Isolation::serializable: return Tracking::scans;
    case Isolation::repeatable_read: return Tracking::items;
    case Isolation::read_committed:
    case Isolation::read_uncommitted: break;
  }
  return Tracking::none;
}

}  // namespace

Result<void> check_options(const TransactionOptions& options) {
  if (options.timeout_ms < 1 || options.timeout_ms > kTimeoutMsMax) {
    return Error(ErrorCode::invalid_argument,
                 "timeout_ms is 1 to 3,600,000, not " + std::to_string(options.timeout_ms));
  }
  if (options.lock_timeout_ms < 0 || options.lock_timeout_ms > kTimeoutMsMax) {
    return Error(ErrorCode::invalid_argument,
                 "lock_timeout_ms is 0 to 3,600,000, not " + std::to_string(options.lock_timeout_ms));
  }
  if (options.idempotency_key.size() > kIdempotencyKeyBytesMax) {
    return Error(ErrorCode::invalid_argument, "an idempotency key has at most 256 bytes, this one " +
                                                  std::to_string(options.idempotency_key.size()));
  }
  return {};
}

// ---- locks ------------------------------------------------------------------------------------------------------

Result<void> HeldLocks::lock(Context& context, StoreKind store, KeyHash key, LockMode mode) {
  if (try_lock(key, mode)) return {};
  const std::int64_t until = std::min(deadline_us_, manager_.clock().monotonic_us() + timeout_us_);
  auto granted = manager_.locks().acquire(owner_, store, key, mode, until);
  if (!granted) {
    // A victim lets the others go on at once; who waited too long may try something else.
    if (granted.error().code() == ErrorCode::conflict) {
      manager_.note_conflict(granted.error());
      context.doom();
    }
    return std::move(granted).error().with_context("waiting for a key of the " + std::string(name(store)) + " store");
  }
  if (*granted == LockTable::Granted::at_once) return {};
  if (latest_) {
    context.ask_to_run_again();
    return Error(ErrorCode::conflict, "the view moves before the call goes on");
  }
  if (const Lsn by = manager_.changed_after(key, context.view_lsn())) {
    Error error(ErrorCode::conflict, "a key of the " + std::string(name(store)) +
                                         " store that this transaction waited for was changed by lsn " +
                                         std::to_string(by) + " after its view (lsn " +
                                         std::to_string(context.view_lsn()) + "). Run the transaction again.");
    manager_.note_conflict(error);
    return error;
  }
  return {};
}

// ---- transaction ------------------------------------------------------------------------------------------------

Error closed_error() { return Error(ErrorCode::failed_precondition, "the database is closed"); }

Result<std::unique_ptr<TransactionSession>> TransactionSession::begin(TransactionManager& manager,
                                                                      const TransactionOptions& options) noexcept {
  if (options.isolation == Isolation::serializable) STRATA_TRY(manager.begin_scans());
  auto session = std::make_unique<TransactionSession>(manager, options);
  if (!session->pin_) return closed_error();
  return session;
}

TransactionSession::TransactionSession(TransactionManager& manager, const TransactionOptions& options)
    : manager_(manager),
      options_(options),
      deadline_us_(manager.clock().monotonic_us() + options.timeout_ms * 1000),
      pin_(manager.views().pin_current(manager.present(), Reader::transaction, deadline_us_)),
      context_(pin_.lsn(), false, tracking_of(options.isolation), manager.options().transaction_bytes_max),
      locks_(manager, options.lock_timeout_ms, deadline_us_, reads_latest(options.isolation)),
      shown_(manager.enter(locks_.id(), options.isolation, context_.view_lsn())) {
  context_.set_view_moment(pin_.moment());
  context_.set_deadline_us(deadline_us_);
  context_.use_locks(locks_, true);
  manager_.count_active(1);
}

TransactionSession::~TransactionSession() { roll_back(); }

Result<void> TransactionSession::check_active() {
  if (state_ != State::active) {
    return Error(ErrorCode::failed_precondition, state_ == State::committed
                                                     ? "the transaction is committed; begin another"
                                                     : "the transaction is rolled back; begin another");
  }
  if (manager_.clock().monotonic_us() > deadline_us_) {
    manager_.count_timeout();
    roll_back();
    return Error(ErrorCode::timeout, "the transaction was rolled back: it is older than its timeout of " +
                                         std::to_string(options_.timeout_ms) + " ms");
  }
  return {};
}

Result<Context*> TransactionSession::enter(Access) {
  STRATA_TRY(check_active());
  if (reads_latest(options_.isolation)) move_view(context_);
  return &context_;
}

void TransactionSession::move_view(Context&) {
  // The pin of what was noted stays: the conflict index must know every commit since then.
  ViewPin latest = manager_.views().pin_current(manager_.present(), Reader::transaction, deadline_us_);
  const std::size_t writes = context_.writes().size(), reads = context_.reads().size();
  const bool noted = writes + reads > 0;
  if (latest.lsn() != context_.view_lsn()) {
    const bool more = moves_.empty() || writes > moves_.back().writes || reads > moves_.back().reads;
    if (noted && more) moves_.push_back({writes, reads, context_.view_lsn()});
    context_.set_view_lsn(latest.lsn());
  }
  context_.set_view_moment(latest.moment());
  if (noted) {
    latest_pin_ = std::move(latest);
  } else {
    pin_ = std::move(latest);
  }
}

Result<void> TransactionSession::leave(Context& context, bool) {
  if (context.doomed()) {
    roll_back();
    return {};
  }
  const std::size_t noted = context.reads().size() + context.writes().size() + context.effects().size();
  shown_.view.store(context.view_lsn(), std::memory_order_relaxed);
  shown_.bytes.store(context.charged_bytes(), std::memory_order_relaxed);
  shown_.keys.store(noted, std::memory_order_relaxed);
  shown_.writes.store(context.writes().size() + context.effects().size(), std::memory_order_relaxed);
  shown_.locks.store(locks_.held(), std::memory_order_relaxed);
  const std::size_t most = manager_.options().noted_keys_max;
  if (noted <= most) return {};
  roll_back();
  return Error(ErrorCode::resource_exhausted, "the transaction was rolled back: it has read and written more than " +
                                                  std::to_string(most) +
                                                  " keys; use smaller ones, or a lower isolation");
}

Result<Lsn> TransactionSession::commit() noexcept {
  STRATA_TRY(check_active());
  auto committed = manager_.commit(context_, options_.durability, options_.idempotency_key, {}, moves_);
  end(committed ? State::committed : State::rolled_back);
  return committed;
}

void TransactionSession::roll_back() {
  if (state_ != State::active) return;
  manager_.roll_back(context_);
  end(State::rolled_back);
}

Result<void> TransactionSession::savepoint(std::string_view name) noexcept {
  STRATA_TRY(check_active());
  if (name.empty() || name.size() > kSavepointNameBytesMax) {
    return Error(ErrorCode::invalid_argument,
                 "a savepoint's name has 1 to 128 bytes, this one " + std::to_string(name.size()));
  }
  if (savepoints_.size() >= kSavepointsMax) {
    return Error(ErrorCode::resource_exhausted, "a transaction has at most 100 savepoints; release some");
  }
  Savepoint& point = savepoints_.emplace_back(Savepoint{std::string(name), context_.mark(), {}});
  for (std::size_t store = 0; store < kStoreCount; ++store) {
    if (auto& buffer = context_.buffers()[store]) point.saved[store] = buffer->save();
  }
  return {};
}

Result<void> TransactionSession::roll_back_to(std::string_view name) noexcept {
  STRATA_TRY(check_active());
  const std::size_t at = STRATA_TRY(find_savepoint(name));
  savepoints_.erase(savepoints_.begin() + static_cast<std::ptrdiff_t>(at) + 1, savepoints_.end());
  const Savepoint& point = savepoints_.back();
  for (std::size_t store = 0; store < kStoreCount; ++store) {
    auto& buffer = context_.buffers()[store];
    if (!buffer) continue;
    if (point.saved[store]) {
      buffer->restore(*point.saved[store]);
    } else {
      buffer->aborted();
      buffer.reset();
    }
  }
  // What was read stays noted: the caller knows it. Locks stay, too.
  Context::Mark mark = point.mark;
  mark.reads = context_.reads().size();
  context_.forget_after(mark);
  for (ViewMove& move : moves_) move.writes = std::min(move.writes, mark.writes);
  return {};
}

Result<void> TransactionSession::release(std::string_view name) noexcept {
  STRATA_TRY(check_active());
  const std::size_t at = STRATA_TRY(find_savepoint(name));
  savepoints_.erase(savepoints_.begin() + static_cast<std::ptrdiff_t>(at), savepoints_.end());
  return {};
}

Result<std::size_t> TransactionSession::find_savepoint(std::string_view name) const {
  for (std::size_t i = savepoints_.size(); i > 0; --i) {
    if (savepoints_[i - 1].name == name) return i - 1;
  }
  return Error(ErrorCode::not_found,
               "this transaction has no savepoint \"" + std::string(name.substr(0, kSavepointNameBytesMax)) + "\"");
}

void TransactionSession::end(State state) {
  state_ = state;
  pin_.release();
  latest_pin_.release();
  savepoints_.clear();
  for (auto& buffer : context_.buffers()) buffer.reset();
  locks_.release();  // what others waited for is visible now, or will never be
  if (options_.isolation == Isolation::serializable) manager_.end_scans();
  manager_.leave(shown_);
  manager_.count_active(-1);
}

// ---- database ---------------------------------------------------------------------------------------------------

struct DatabaseSession::Call : Context {
  Call(TransactionManager& manager, ViewPin view, Access call_access, std::uint64_t bytes_max)
      : Context(view.lsn(), call_access == Access::read, call_access == Access::read ? Tracking::none : Tracking::items,
                bytes_max),
        pin(std::move(view)),
        access(call_access) {
    set_view_moment(pin.moment());
    if (access == Access::read) return;
    locks.emplace(manager, kCallLockTimeoutMs, ViewRegistry::kNoDeadline, true);
    use_locks(*locks, false);
  }
  ViewPin pin;
  Access access;
  std::optional<HeldLocks> locks;
};

Result<Context*> DatabaseSession::enter(Access access) {
  if (access == Access::write) STRATA_TRY(manager_.check_healthy());
  ViewPin view = manager_.views().pin_current(manager_.present(), Reader::call);
  if (!view) return closed_error();
  return new Call(manager_, std::move(view), access, manager_.options().transaction_bytes_max);
}

void DatabaseSession::move_view(Context& context) {
  auto& call = static_cast<Call&>(context);
  call.pin = manager_.views().pin_current(manager_.present(), Reader::call);
  call.set_view_lsn(call.pin.lsn());
  call.set_view_moment(call.pin.moment());
}

Result<void> DatabaseSession::leave(Context& context, bool succeeded) {
  const std::unique_ptr<Call> call(static_cast<Call*>(&context));
  if (call->access == Access::read) return {};
  if (!succeeded) {
    manager_.roll_back(*call);
    return {};
  }
  STRATA_TRY(manager_.commit(*call, durability_, {}));
  return {};
}

// ---- view -------------------------------------------------------------------------------------------------------

Result<Context*> ViewSession::enter(Access access) {
  if (access == Access::write) {
    return Error(ErrorCode::failed_precondition, "a view only reads; write through the database or a transaction");
  }
  return &context_;
}

}  // namespace strata::transaction
