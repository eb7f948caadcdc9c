#pragma once
/// How a store's session (its implementation of the public contract) reaches the transaction it works in.
///
/// Every public call goes through `Session::read` or `Session::write`. On a transaction they check that it is active and
/// hand out its Context; on the database they begin a transaction for the one call and commit it; on a view writing is
/// refused. So a store implements each operation once.
///
///     Result<void> upsert(…) override {
///       return session_.write([&](Context& tx) -> Result<void> { … });
///     }
#include <array>
#include <memory>
#include <type_traits>
#include <unordered_set>
#include <vector>

#include "core/assert.h"
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

/// One transaction, view or single call, as the stores see it. Threads: one at a time.
///
/// What a commit is checked against, and what it is checked by:
///
///     note_write        a key        checked, recorded     of two that write it, the first to commit wins
///     note_effect       a key        recorded              blind writes that commute: no conflict with each other
///     note_read         a key        checked (items)
///     note_dependency   a key        checked (always)
///     note_scan         a predicate  checked (scans)       recorded by WriteBuffer::affects, of every commit at any level
class Context {
 public:
  Context(Lsn view_lsn, bool read_only, Tracking tracking, std::uint64_t bytes_max)
      : view_lsn_(view_lsn), read_only_(read_only), tracking_(tracking), bytes_max_(bytes_max) {}

  /// Reads see every effect with lsn ≤ this, and the own buffer on top.
  Lsn view_lsn() const { return view_lsn_; }
  void set_view_lsn(Lsn lsn) { view_lsn_ = lsn; }  ///< read committed moves it before each call
  bool read_only() const { return read_only_; }

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

  /// This key is written: another transaction that wrote it after our view is a conflict (first committer wins).
  void note_write(StoreKind store, KeyHash key) { writes_.push_back({key, store}); }
  /// This key was read (found or found missing): if another transaction writes it after our view and before our commit,
  /// that is a conflict under repeatable read. Commuting effects (an edge at a hub) read the node's existence key only.
  void note_read(StoreKind store, KeyHash key) {
    if (tracking_ != Tracking::none) reads_.push_back({key, store});
  }
  /// An answer depends on everything that meets `predicate`: a table, a label, the edges at a node. A commit that may
  /// change such an answer (WriteBuffer::affects), phantoms included, is a conflict under serializable.
  void note_scan(StoreKind store, KeyHash predicate) {
    if (tracks_scans()) reads_.push_back({predicate, store});
  }
  /// Whether note_scan does anything: where finding the predicates is work.
  bool tracks_scans() const { return tracking_ == Tracking::scans; }
  /// This key changes, whatever it was before: who read it and commits later has a conflict, who changes it too has not.
  void note_effect(StoreKind store, KeyHash key) { effects_.push_back({key, store}); }
  /// A read whose outcome the effect depends on whatever the isolation level: the ends of a new edge.
  void note_dependency(StoreKind store, KeyHash key) { reads_.push_back({key, store}); }

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
    KeyHash hash;
    StoreKind store;
  };
  const std::vector<Key>& writes() const { return writes_; }
  const std::vector<Key>& reads() const { return reads_; }
  const std::vector<Key>& effects() const { return effects_; }

 private:
  Lsn view_lsn_;
  const bool read_only_;
  const Tracking tracking_;
  const std::uint64_t bytes_max_;
  std::uint64_t bytes_ = 0;
  std::array<std::unique_ptr<WriteBuffer>, kStoreCount> buffers_;
  std::vector<Key> writes_;
  std::vector<Key> reads_;
  std::vector<Key> effects_;
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

 private:
  template <typename Body>
  auto run(Access access, Body& body) -> std::invoke_result_t<Body, Context&> {
    for (int retries = conflict_retries();; --retries) {
      Context* context = STRATA_TRY(enter(access));
      auto result = body(*context);
      Result<void> left = leave(*context, result.has_value());
      if (!result.has_value() || left.has_value()) return result;
      if (left.error().code() != ErrorCode::conflict || retries == 0) return std::move(left).error();
    }
  }
};

}  // namespace strata::transaction
