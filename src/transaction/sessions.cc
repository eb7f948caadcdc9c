#include "transaction/sessions.h"

namespace strata::transaction {
namespace {

constexpr std::int64_t kTimeoutMsMax = 3'600'000;
constexpr std::size_t kIdempotencyKeyBytesMax = 256;

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
  if (options.idempotency_key.size() > kIdempotencyKeyBytesMax) {
    return Error(ErrorCode::invalid_argument, "an idempotency key has at most 256 bytes, this one " +
                                                  std::to_string(options.idempotency_key.size()));
  }
  return {};
}

// ---- transaction ------------------------------------------------------------------------------------------------

Result<std::unique_ptr<TransactionSession>> TransactionSession::begin(TransactionManager& manager,
                                                                      const TransactionOptions& options) {
  if (options.isolation == Isolation::serializable) STRATA_TRY(manager.begin_scans());
  return std::make_unique<TransactionSession>(manager, options);
}

TransactionSession::TransactionSession(TransactionManager& manager, const TransactionOptions& options)
    : manager_(manager),
      options_(options),
      deadline_us_(manager.clock().monotonic_us() + options.timeout_ms * 1000),
      pin_(manager.views().pin_current(manager.visible(), deadline_us_)),
      context_(pin_.lsn(), false, tracking_of(options.isolation), manager.options().transaction_bytes_max) {
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
  if (reads_latest(options_.isolation)) {
    // The pin of what was noted stays: the conflict index must know every commit since then.
    ViewPin latest = manager_.views().pin_current(manager_.visible(), deadline_us_);
    const std::size_t writes = context_.writes().size(), reads = context_.reads().size();
    const bool noted = writes + reads > 0;
    if (latest.lsn() != context_.view_lsn()) {
      const bool more = moves_.empty() || writes > moves_.back().writes || reads > moves_.back().reads;
      if (noted && more) moves_.push_back({writes, reads, context_.view_lsn()});
      context_.set_view_lsn(latest.lsn());
    }
    if (noted) {
      latest_pin_ = std::move(latest);
    } else {
      pin_ = std::move(latest);
    }
  }
  return &context_;
}

Result<Lsn> TransactionSession::commit() {
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

void TransactionSession::end(State state) {
  state_ = state;
  pin_.release();
  latest_pin_.release();
  for (auto& buffer : context_.buffers()) buffer.reset();
  if (options_.isolation == Isolation::serializable) manager_.end_scans();
  manager_.count_active(-1);
}

// ---- database ---------------------------------------------------------------------------------------------------

struct DatabaseSession::Call : Context {
  Call(ViewPin view, Access call_access, std::uint64_t bytes_max)
      : Context(view.lsn(), call_access == Access::read, call_access == Access::read ? Tracking::none : Tracking::items,
                bytes_max),
        pin(std::move(view)),
        access(call_access) {}
  ViewPin pin;
  Access access;
};

Result<Context*> DatabaseSession::enter(Access access) {
  if (access == Access::write) STRATA_TRY(manager_.check_healthy());
  return new Call(manager_.views().pin_current(manager_.visible()), access, manager_.options().transaction_bytes_max);
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
