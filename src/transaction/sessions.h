#pragma once
/// The three doors to the stores: a transaction, the database itself (a transaction per call), and a view.
#include "transaction/transaction_manager.h"

namespace strata::transaction {

/// The key locks of one transaction or one call, given back with it. Threads: one at a time.
class HeldLocks final : public KeyLocks {
 public:
  /// latest   the view moves: a call that had to wait is run anew
  HeldLocks(TransactionManager& manager, std::int64_t lock_timeout_ms, std::int64_t deadline_us, bool latest)
      : manager_(manager),
        owner_(manager.next_transaction()),
        timeout_us_(lock_timeout_ms * 1000),
        deadline_us_(deadline_us),
        latest_(latest) {}
  ~HeldLocks() override { release(); }
  HeldLocks(const HeldLocks&) = delete;
  HeldLocks& operator=(const HeldLocks&) = delete;

  bool try_lock(KeyHash key, LockMode mode) override { return manager_.locks().try_acquire(owner_, key, mode); }
  Result<void> lock(Context& context, StoreKind store, KeyHash key, LockMode mode) override;
  void release() { manager_.locks().release_all(owner_); }
  std::uint64_t id() const { return owner_.id(); }
  std::size_t held() const { return owner_.held(); }

 private:
  TransactionManager& manager_;
  LockOwner owner_;
  const std::int64_t timeout_us_, deadline_us_;
  const bool latest_;
};

/// The session of one transaction. Threads: one at a time.
class TransactionSession final : public Session {
 public:
  /// Errors  commit_unknown (serializable, and a commit that is under way failed), failed_precondition (closed)
  static Result<std::unique_ptr<TransactionSession>> begin(TransactionManager& manager,
                                                           const TransactionOptions& options) noexcept;
  /// As begin; of a serializable one `manager.begin_scans()` was called before, and its end ends them.
  TransactionSession(TransactionManager& manager, const TransactionOptions& options);
  ~TransactionSession() override;
  TransactionSession(const TransactionSession&) = delete;
  TransactionSession& operator=(const TransactionSession&) = delete;

  Result<Lsn> commit() noexcept;
  void roll_back();
  /// As strata::Transaction says.
  Result<void> savepoint(std::string_view name) noexcept;
  Result<void> roll_back_to(std::string_view name) noexcept;
  Result<void> release(std::string_view name) noexcept;
  Lsn view_lsn() const { return context_.view_lsn(); }
  bool active() const { return state_ == State::active; }
  /// Ascends in the order of begin.
  std::uint64_t id() const { return locks_.id(); }

 private:
  enum class State : std::uint8_t { active, committed, rolled_back };
  Result<Context*> enter(Access access) override;
  Result<void> leave(Context& context, bool succeeded) override;
  void move_view(Context& context) override;
  Result<void> check_active();
  void end(State state);
  /// The last savepoint of this name. Errors  not_found
  Result<std::size_t> find_savepoint(std::string_view name) const;

  struct Savepoint {
    std::string name;
    Context::Mark mark;
    std::array<std::unique_ptr<WriteBuffer::Saved>, kStoreCount> saved;  // nullptr: there was no buffer
  };

  TransactionManager& manager_;
  const TransactionOptions options_;
  const std::int64_t deadline_us_;
  ViewPin pin_;         // of the view under which the first key was noted
  ViewPin latest_pin_;  // of the present view, where that is a later one
  Context context_;
  HeldLocks locks_;
  ActiveTransaction& shown_;
  std::vector<ViewMove> moves_;
  std::vector<Savepoint> savepoints_;
  State state_ = State::active;
};

/// Every call is a transaction of its own. Threads: any.
class DatabaseSession final : public Session {
 public:
  DatabaseSession(TransactionManager& manager, Durability durability) : manager_(manager), durability_(durability) {}

 private:
  struct Call;
  Result<Context*> enter(Access access) override;
  Result<void> leave(Context& context, bool succeeded) override;
  int conflict_retries() const override { return 64; }
  void move_view(Context& context) override;

  TransactionManager& manager_;
  const Durability durability_;
};

/// Reads one state. Threads: any (its context is never written to).
class ViewSession final : public Session {
 public:
  explicit ViewSession(ViewPin pin) : pin_(std::move(pin)), context_(pin_.lsn(), true, Tracking::none, 0) {
    context_.set_view_moment(pin_.moment());
  }
  Lsn lsn() const { return context_.view_lsn(); }

 private:
  Result<Context*> enter(Access access) override;
  Result<void> leave(Context&, bool) override { return {}; }

  ViewPin pin_;
  Context context_;
};

/// What a call meets after the close (ViewRegistry::close).
Error closed_error();
/// Errors  invalid_argument (timeouts, key length)
Result<void> check_options(const TransactionOptions& options);

}  // namespace strata::transaction
