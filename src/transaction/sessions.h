#pragma once
/// The three doors to the stores: a transaction, the database itself (a transaction per call), and a view.
#include "transaction/transaction_manager.h"

namespace strata::transaction {

/// The session of one transaction. Threads: one at a time.
class TransactionSession final : public Session {
 public:
  /// Errors  commit_unknown (serializable, and a commit that is under way failed)
  static Result<std::unique_ptr<TransactionSession>> begin(TransactionManager& manager,
                                                           const TransactionOptions& options);
  /// As begin; of a serializable one `manager.begin_scans()` was called before, and its end ends them.
  TransactionSession(TransactionManager& manager, const TransactionOptions& options);
  ~TransactionSession() override;
  TransactionSession(const TransactionSession&) = delete;
  TransactionSession& operator=(const TransactionSession&) = delete;

  Result<Lsn> commit();
  void roll_back();
  Lsn view_lsn() const { return context_.view_lsn(); }
  bool active() const { return state_ == State::active; }

 private:
  enum class State : std::uint8_t { active, committed, rolled_back };
  Result<Context*> enter(Access access) override;
  Result<void> leave(Context&, bool) override { return {}; }
  Result<void> check_active();
  void end(State state);

  TransactionManager& manager_;
  const TransactionOptions options_;
  const std::int64_t deadline_us_;
  ViewPin pin_;         // of the view under which the first key was noted
  ViewPin latest_pin_;  // of the present view, where that is a later one
  Context context_;
  std::vector<ViewMove> moves_;
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

  TransactionManager& manager_;
  const Durability durability_;
};

/// Reads one state. Threads: any (its context is never written to).
class ViewSession final : public Session {
 public:
  explicit ViewSession(ViewPin pin) : pin_(std::move(pin)), context_(pin_.lsn(), true, Tracking::none, 0) {}
  Lsn lsn() const { return context_.view_lsn(); }

 private:
  Result<Context*> enter(Access access) override;
  Result<void> leave(Context&, bool) override { return {}; }

  ViewPin pin_;
  Context context_;
};

/// Errors  invalid_argument (timeout, key length)
Result<void> check_options(const TransactionOptions& options);

}  // namespace strata::transaction
