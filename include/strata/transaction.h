#pragma once
/// One transaction over all seven stores, one read view over all seven stores.
///
///     auto tx = STRATA_TRY(db->begin());
///     STRATA_TRY(tx->vector("notes").upsert("n1", embedding, {{"lang", "en"}}));
///     STRATA_TRY(tx->metadata().execute("insert into note(id, title) values (?, ?)", {"n1", "Why the build broke"}));
///     Lsn lsn = STRATA_TRY(tx->commit());          // durable and visible everywhere; or the destructor rolls back
#include <memory>
#include <string>

#include "strata/analytics.h"
#include "strata/array.h"
#include "strata/cache.h"
#include "strata/error.h"
#include "strata/graph.h"
#include "strata/metadata.h"
#include "strata/object.h"
#include "strata/value.h"
#include "strata/vector.h"

namespace [[gnu::visibility("default")]] strata {

/// The seven stores, in the order of every table and file of ours.
enum class StoreKind : std::uint8_t { vector = 0, object, metadata, graph, analytics, cache, array };
inline constexpr int kStoreCount = 7;
std::string_view name(StoreKind store) noexcept;
/// Errors  invalid_argument naming the text
Result<StoreKind> parse_store_kind(std::string_view text);

/// What a transaction is protected from. The table of anomalies: docs/guides/transactions.md.
enum class Isolation : std::uint8_t {
  read_uncommitted,  ///< behaves as read_committed
  read_committed,    ///< every call sees the latest commit
  repeatable_read,   ///< one view for the whole transaction; conflicts on written keys and on items read
  serializable,      ///< as if run alone at its commit: every read is checked, what queries did not find too
};

enum class Durability : std::uint8_t {
  off,    ///< acknowledged once the operating system has it: a power cut may take the last 50 ms, never a middle part
  batch,  ///< acknowledged after a sync shared with the others that wait
  each,   ///< acknowledged after a sync of its own
};

struct TransactionOptions {
  Isolation isolation = Isolation::repeatable_read;
  Durability durability = Durability::batch;
  std::int64_t timeout_ms = 60'000;  ///< 1 … 3,600,000; a transaction older than this can only roll back
  /// How long a call waits for a key that another transaction has locked; 0 … 3,600,000
  std::int64_t lock_timeout_ms = 10'000;
  std::string idempotency_key =
      {};  ///< up to 256 bytes; a commit with a key committed before returns that LSN and does nothing
};

/// The seven stores through one door. On the database every call is a transaction of its own; on a transaction the calls
/// join it and see its own writes; on a view they read one past or present state and writes are failed_precondition.
/// Threads  the database and a view: any; a transaction: one at a time
class Stores {
 public:
  virtual ~Stores() = default;
  virtual VectorStore& vector() = 0;
  virtual ObjectStore& object() = 0;
  virtual MetadataStore& metadata() = 0;
  virtual GraphStore& graph() = 0;
  virtual AnalyticsStore& analytics() = 0;
  virtual CacheStore& cache() = 0;
  virtual ArrayStore& array() = 0;

  Collection vector(std::string name) { return {vector(), std::move(name)}; }
  Dataset array(std::string name) { return {array(), std::move(name)}; }
};

class Transaction : public Stores {
 public:
  using Stores::array;
  using Stores::vector;
  /// Everything or nothing, over all seven stores. Returns the LSN of the commit, or the view's LSN when nothing was written.
  /// Errors  conflict (run it again), timeout, resource_exhausted (run it again later), failed_precondition (already
  ///         ended), commit_unknown (ask again with the same idempotency key once the database is open again)
  /// Cost    one sync shared with the other committers
  virtual Result<Lsn> commit() = 0;
  virtual void rollback() = 0;  ///< also what the destructor does; fine when already ended
  /// Marks what is written so far, in all seven stores, under a name; of several of one name the last counts.
  /// Errors  invalid_argument (1 to 128 bytes), resource_exhausted (100 of them), failed_precondition (ended)
  /// Cost    a copy of what this transaction holds (of SQL rows: nothing)
  virtual Result<void> savepoint(std::string_view name) = 0;
  /// Takes back what was written since; the savepoint stays. Locks stay, and what was read still counts for conflicts.
  /// Errors  not_found (no such savepoint), failed_precondition
  virtual Result<void> rollback_to(std::string_view name) = 0;
  /// Forgets the savepoint and those after it; what was written stays. Errors  as rollback_to
  virtual Result<void> release(std::string_view name) = 0;
  virtual Lsn view_lsn() const = 0;  ///< what it reads
  virtual bool active() const = 0;
};

/// One state of all stores at once. Keeps what it needs from being removed, as long as it lives.
class View : public Stores {
 public:
  using Stores::array;
  using Stores::vector;
  virtual Lsn lsn() const = 0;
  virtual Timestamp commit_time() const = 0;  ///< of that LSN, as far as it is known; else of the one before it
};

}  // namespace strata
