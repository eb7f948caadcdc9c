#pragma once
/// How a store's session (its implementation of the public contract) reaches the transaction it works in.
///
/// Every public call goes through `Session::read` or `Session::write`. On a transaction they check that it is active and
/// hand out its Context; on the database they begin a transaction for the one call and commit it; on a view writing is
/// refused. So a store implements each operation once. No exception passes them: without memory the process ends
/// (docs/decisions/0012).
///
///     Result<void> upsert(…) override {
///       return session_.write([&](Context& tx) -> Result<void> { … });
///     }
#include <array>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/assert.h"
#include "transaction/lock_table.h"
#include "transaction/participant.h"

namespace strata::transaction {

/// 64 bits that stand for one key of one store: xxh3_64 over store, collection and key. Two keys that meet in one hash
/// cost a needless conflict, never a missed one.
using KeyHash = std::uint64_t;

/// Which reads a commit has to find unchanged.
enum class Tracking : std::uint8_t {
  none,   ///< only those that an effect depends on (`note_dependency`)
  items,  ///< and what was read by key (repeatable read)
  scans,  ///< and what decided the answer of every scan, search and query (serializable)
};

class Context;

/// The locks of one transaction, as its Context asks for them.
class KeyLocks {
 public:
  virtual ~KeyLocks() = default;
  virtual bool try_lock(KeyHash key, LockMode mode) = 0;
  /// Waits for the key. What was read before may be old by then: under read committed, and for a call on the database, the
  /// call is run anew (Context::ask_to_run_again), else a key that was written meanwhile is a conflict at once.
  /// Errors  conflict, timeout
  virtual Result<void> lock(Context& context, StoreKind store, KeyHash key, LockMode mode) = 0;
};

/// One transaction, view or single call, as the stores see it. Threads: one at a time.
///
/// A call locks the keys it writes before it changes its buffer, because waiting for one may have it run anew.
///
/// What a commit is checked against, and what it is checked by:
///
///     note_write        a key        checked, recorded     locked: of two that write it, one waits; the first to commit wins
///     note_claim        a key        checked, recorded     as note_write, without a lock: one of two fails at its commit
///     note_effect       a key        recorded              blind writes that commute: no conflict with each other
///     note_read         a key        checked (items)
///     note_dependency   a key        checked (always)
///     note_scan         a predicate  checked (scans)       recorded by WriteBuffer::affects, of every commit at any level while some
///                                                          transaction tracks scans: a dependency on a predicate is no substitute
class Context {
 public:
  Context(Lsn view_lsn, bool read_only, Tracking tracking, std::uint64_t bytes_max)
      : view_lsn_(view_lsn), read_only_(read_only), tracking_(tracking), bytes_max_(bytes_max) {}

  /// Reads see every effect with lsn ≤ this, and the own buffer on top.
  Lsn view_lsn() const { return view_lsn_; }
  void set_view_lsn(Lsn lsn) { view_lsn_ = lsn; }  ///< read committed moves it before each call
  bool read_only() const { return read_only_; }
  /// Monotonic. Past it the view is held for nobody, so what it has missed is not known any more.
  std::int64_t deadline_us() const { return deadline_us_; }
  void set_deadline_us(std::int64_t deadline_us) { deadline_us_ = deadline_us; }

  /// The buffer of this store, made on first use.
  template <typename Buffer, typename Make>
  Buffer& buffer(StoreKind store, Make&& make) {
    auto& slot = buffers_[static_cast<std::size_t>(store)];
    if (!slot) slot = make();
    return static_cast<Buffer&>(*slot);
  }
  /// The buffer if there is one: for reads, which must not make it.
  template <typename Buffer>
  Buffer* buffer_if_any(StoreKind store) const {
    return static_cast<Buffer*>(buffers_[static_cast<std::size_t>(store)].get());
  }
  std::array<std::unique_ptr<WriteBuffer>, kStoreCount>& buffers() { return buffers_; }

  /// What a past moment or the present has of the cache (view_registry.h).
  std::uint64_t view_moment() const { return view_moment_; }
  void set_view_moment(std::uint64_t moment) { view_moment_ = moment; }

  /// This key is written: others who want to write it wait until this transaction has ended, and one that wrote it after
  /// our view is a conflict (first committer wins). Errors  conflict, timeout
  Result<void> note_write(StoreKind store, KeyHash key) {
    if (locks_ != nullptr) STRATA_TRY(locks_->lock(*this, store, key, LockMode::exclusive));
    note_claim(store, key);
    return {};
  }
  void note_claim(StoreKind store, KeyHash key) { note(writes_, {key, store}); }
  /// Something within `key` (a collection, a table) is written: who defines or drops it waits, and we for him.
  Result<void> intend(StoreKind store, KeyHash key) {
    if (locks_ == nullptr) return {};
    return locks_->lock(*this, store, key, LockMode::intend_exclusive);
  }
  /// For a read whose answer nobody may change until the transaction has ended.
  /// Errors  failed_precondition (a single call, a view: they hold no locks), conflict, timeout
  Result<void> lock_for_update(StoreKind store, KeyHash key) {
    if (locks_ == nullptr || !in_transaction_) {
      return Error(ErrorCode::failed_precondition, "a read for update needs a transaction to hold its lock");
    }
    STRATA_TRY(locks_->lock(*this, store, key, LockMode::exclusive));
    // A lock that was free may have been given back by a commit after our view: then what is read now is old.
    note_dependency(store, key);
    return {};
  }
  /// For who holds a mutex, and must not wait with it: false, and then `lock` without the mutex.
  bool try_lock(KeyHash key, LockMode mode) { return locks_ == nullptr || locks_->try_lock(key, mode); }
  Result<void> lock(StoreKind store, KeyHash key, LockMode mode) { return locks_->lock(*this, store, key, mode); }
  void use_locks(KeyLocks& locks, bool in_transaction) {
    locks_ = &locks;
    in_transaction_ = in_transaction;
  }

  /// The view has to move before this call can go on: its error is not the caller's.
  void ask_to_run_again() { run_again_ = true; }
  bool take_run_again() { return std::exchange(run_again_, false); }
  /// The transaction can only roll back: others wait for its locks.
  void doom() { doomed_ = true; }
  bool doomed() const { return doomed_; }
  /// This key was read (found or found missing): if another transaction writes it after our view and before our commit,
  /// that is a conflict under repeatable read. Commuting effects (an edge at a hub) read the node's existence key only.
  void note_read(StoreKind store, KeyHash key) {
    if (tracking_ != Tracking::none) note(reads_, {key, store});
  }
  /// As note_read, for what many reads in a row share (a table's columns, the schema): noted once.
  void note_read_once(StoreKind store, KeyHash key) {
    std::size_t& at = noted_once_[static_cast<std::size_t>(store)];
    if (tracking_ == Tracking::none || (at < reads_.size() && reads_[at].hash == key)) return;
    at = reads_.size();
    note(reads_, {key, store});
  }
  /// An answer depends on everything that meets `predicate`: a table, a label, the edges at a node. A commit that may
  /// change such an answer (WriteBuffer::affects), phantoms included, is a conflict under serializable.
  void note_scan(StoreKind store, KeyHash predicate) {
    if (tracks_scans()) reads_.push_back({predicate, store});
  }
  /// Whether note_scan does anything: where finding the predicates is work.
  bool tracks_scans() const { return tracking_ == Tracking::scans; }
  /// This key changes, whatever it was before: who read it and commits later has a conflict, who changes it too has not.
  void note_effect(StoreKind store, KeyHash key) { note(effects_, {key, store}); }
  /// A read whose outcome the effect depends on whatever the isolation level: the ends of a new edge.
  void note_dependency(StoreKind store, KeyHash key) { note(reads_, {key, store}); }

  /// Accounts for buffered bytes. Errors  resource_exhausted naming the limit
  Result<void> charge(std::uint64_t bytes) {
    bytes_ += bytes;
    if (bytes_ > bytes_max_) {
      return Error(ErrorCode::resource_exhausted,
                   "the transaction holds more than " + std::to_string(bytes_max_) + " bytes; commit in smaller parts");
    }
    return {};
  }

  std::uint64_t charged_bytes() const { return bytes_; }

  struct Key {
    KeyHash hash = 0;
    StoreKind store = StoreKind::vector;
  };
  const std::vector<Key>& writes() const { return writes_; }
  const std::vector<Key>& reads() const { return reads_; }
  const std::vector<Key>& effects() const { return effects_; }

  /// How much was noted and charged, to forget what came after.
  struct Mark {
    std::size_t writes = 0, reads = 0, effects = 0;
    std::uint64_t bytes = 0;
  };
  Mark mark() const { return {writes_.size(), reads_.size(), effects_.size(), bytes_}; }
  void forget_after(const Mark& mark) {
    writes_.resize(mark.writes);
    reads_.resize(mark.reads);
    effects_.resize(mark.effects);
    bytes_ = mark.bytes;
  }

 private:
  static void note(std::vector<Key>& keys, const Key& key) {
    if (keys.empty()) keys.reserve(kKeysAtFirst);
    keys.push_back(key);
  }
  static constexpr std::size_t kKeysAtFirst = 16;  // about what one memory writes, and as many as LockOwner

  Lsn view_lsn_;
  const bool read_only_;
  const Tracking tracking_;
  const std::uint64_t bytes_max_;
  std::uint64_t bytes_ = 0;
  std::array<std::unique_ptr<WriteBuffer>, kStoreCount> buffers_;
  std::vector<Key> writes_;
  std::vector<Key> reads_;
  std::vector<Key> effects_;
  std::array<std::size_t, kStoreCount> noted_once_{};  // where in reads_, if that is still what is there
  std::uint64_t view_moment_ = ~std::uint64_t{0};
  std::int64_t deadline_us_ = INT64_MAX;
  KeyLocks* locks_ = nullptr;
  bool in_transaction_ = false;
  bool run_again_ = false;
  bool doomed_ = false;
};

class Session {
 public:
  virtual ~Session() = default;

  template <typename Body>
  auto read(Body&& body) -> std::invoke_result_t<Body, Context&> {
    return run(Access::read, body);
  }
  template <typename Body>
  auto write(Body&& body) -> std::invoke_result_t<Body, Context&> {
    return run(Access::write, body);
  }

 protected:
  enum class Access : std::uint8_t { read, write };
  /// Errors  failed_precondition (ended; a view), timeout, commit_unknown (poisoned)
  virtual Result<Context*> enter(Access access) = 0;
  /// The call is over; `succeeded` says how. On the database this commits or rolls back. The context may be gone after it.
  virtual Result<void> leave(Context& context, bool succeeded) = 0;
  /// How often a call that lost against another committer is run anew. The database does it for its one-call
  /// transactions, because nobody else could; therefore a body must not consume what it captures.
  virtual int conflict_retries() const { return 0; }
  /// Moves the view to the present, for a call that had to wait for a lock.
  virtual void move_view(Context&) {}

 private:
  template <typename Body>
  auto run(Access access, Body& body) noexcept -> std::invoke_result_t<Body, Context&> {
    for (int retries = conflict_retries();; --retries) {
      Context* context = STRATA_TRY(enter(access));
      const Context::Mark before = context->mark();
      auto result = body(*context);
      while (!result.has_value() && context->take_run_again()) {
        context->forget_after(before);
        move_view(*context);
        result = body(*context);
      }
      Result<void> left = leave(*context, result.has_value());
      if (result.has_value() && left.has_value()) return result;
      const bool lost = (result.has_value() ? left.error() : result.error()).code() == ErrorCode::conflict;
      if (lost && retries > 0) continue;
      if (!result.has_value()) return result;
      return std::move(left).error();
    }
  }
};

}  // namespace strata::transaction
