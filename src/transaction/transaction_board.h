#pragma once
/// What is under way, where another process can look at it (docs/formats/transaction-board.md).
///
///     manager, lock table, lag ──plain stores──► board, in memory shared under the directory's identity
///     another process          ──two copies────► read_board: what is the same in both, checked
///
/// The counters and the slots of transactions are the owner's own, not copies: a commit writes them there instead of
/// elsewhere, so that to be looked at costs it nothing. The owner need not answer, so one that hangs can be looked at, too.
/// Without shared memory the board lies in private memory, and everything else is the same.
///
/// Invariants
///   B1  A slot whose id is 0 is free. The id is written last and taken away first, and none comes twice; so a slot whose id
///       is the same in two copies was one transaction's meanwhile.
///   B2  Waits and conflicts have a version that is odd while they are written.
///   B3  The reader believes nothing: every number in the copies may be anything.
#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "io/shared_memory.h"
#include "strata/transaction.h"

namespace strata::transaction {

/// One number that one process writes and others read.
using Word = std::atomic<std::uint64_t>;
static_assert(Word::is_always_lock_free && sizeof(Word) == 8);

/// One transaction that is under way. Threads: written by its own, read by any.
struct ActiveTransaction {
  Word id{0};         // ascends in the order of begin
  Word isolation{0};  // strata::Isolation
  Word began_us{0};   // monotonic
  Word view{0};       // LSN
  Word bytes{0};      // buffered
  Word keys{0};       // noted for conflicts
  Word writes{0};     // of these, written
  Word locks{0};      // held
};

/// As long as it lives, what it was made for says that it is being written (B2). Threads: one at a time for each.
template <typename Shown>
class ShownChange {
 public:
  explicit ShownChange(Shown& shown) : version_(shown.version) {
    version_.store(version_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
  }
  ~ShownChange() { version_.store(version_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
  ShownChange(const ShownChange&) = delete;
  ShownChange& operator=(const ShownChange&) = delete;

 private:
  Word& version_;
};

/// One that waits for a lock. Threads: written under the lock table's wait mutex.
struct ShownWait {
  static constexpr std::size_t kHoldersMax = 9;
  using Change = ShownChange<ShownWait>;
  Word version{0};
  Word waiter{0};    // 0: the place is free
  Word since_us{0};  // monotonic
  Word key{0};
  Word store{0};    // strata::StoreKind; kStoreCount: of none
  Word holders{0};  // how many there are, of which the first are named
  std::array<Word, kHoldersMax> holder{};
  Word reserved{0};
};

struct ShownConflict {
  static constexpr std::size_t kTextBytesMax = 360;
  using Change = ShownChange<ShownConflict>;
  Word version{0};
  Word time{0};   // wall, microseconds
  Word bytes{0};  // of the text
  std::array<Word, kTextBytesMax / 8> text{};
};

/// What StoreLag counts: totals since the start, held <= applied <= admitted.
struct LagAccounts {
  struct Account {
    Word admitted{0}, applied{0}, held{0};
  };
  std::array<Account, kStoreCount> stores{};
  Word bytes_max{0}, waits{0}, refusals{0};
};

struct BoardCounters {
  Word committed{0}, rolled_back{0}, conflicts{0}, timeouts{0};
  Word lock_waits{0}, deadlocks{0}, lock_timeouts{0};
  Word unshown{0};  // transactions and waits, now, that found no place
};

/// The board's bytes as they lie in memory.
struct alignas(64) BoardLayout {
  static constexpr std::uint64_t kMagic = 0x3144524f42525453;  // "STRBORD1"
  static constexpr std::uint64_t kVersion = 1;
  static constexpr std::size_t kSlots = 256, kWaits = 64, kConflicts = 32;

  Word magic{kMagic};
  Word version{kVersion};
  Word bytes{0};
  std::array<Word, 5> reserved{};
  alignas(64) BoardCounters counters;
  alignas(64) LagAccounts lag;
  alignas(64) std::array<ActiveTransaction, kSlots> slots{};
  std::array<ShownWait, kWaits> waits{};
  std::array<ShownConflict, kConflicts> conflicts{};
};

/// What is told of one transaction.
struct TransactionStatus {
  std::uint64_t id = 0;
  Isolation isolation = Isolation::repeatable_read;
  std::int64_t age_us = 0;
  Lsn view = 0;
  std::uint64_t bytes = 0, keys = 0, writes = 0;
  bool call = false;  ///< on the database itself, known because it waits; nothing above but the id is
  std::vector<std::uint64_t> waits_for = {};
  std::int64_t waiting_us = 0;
  std::string waits_on = {};  ///< "metadata:00c5…": store and hash of the key
};

struct RecentConflict {
  Timestamp time = 0;
  std::string message;
};

/// All that is told of what is under way, by the process itself or by another.
struct TransactionsStatus {
  std::vector<TransactionStatus> active = {};  ///< by id; also calls on the database that wait
  std::vector<RecentConflict> conflicts = {};  ///< the newest last
  std::uint64_t unshown = 0;                   ///< transactions and waits that found no place on the board
  std::uint64_t locks = 0;
  std::array<std::uint64_t, kStoreCount> lag{};
  std::uint64_t lag_bytes_max = 0, lag_waits = 0, lag_refusals = 0;
  std::uint64_t committed = 0, rolled_back = 0, conflicted = 0, timeouts = 0;
  std::uint64_t lock_waits = 0, deadlocks = 0, lock_timeouts = 0;
};

/// "metadata:00c5b6a7d8e9f001"
std::string waits_on(StoreKind store, std::uint64_t key);

/// The owner's side.
class TransactionBoard {
 public:
  /// shared  null: in private memory
  explicit TransactionBoard(std::shared_ptr<io::SharedMemory> shared);
  TransactionBoard(const TransactionBoard&) = delete;
  TransactionBoard& operator=(const TransactionBoard&) = delete;

  BoardLayout& layout() { return *layout_; }
  /// Threads: one at a time. A message is cut where it has no room.
  void show(const RecentConflict& conflict);

 private:
  const std::shared_ptr<io::SharedMemory> shared_;
  const std::unique_ptr<BoardLayout> private_;
  BoardLayout* const layout_;
  std::size_t next_conflict_ = 0;
};

inline constexpr std::size_t kBoardBytes = sizeof(BoardLayout);
/// Of the shared memory that has the board of the database in a directory (io::directory_identity).
std::string board_name(std::string_view identity);

/// What two copies of a board, one after the other, tell.
/// Errors  corruption (no board, or one that does not hold together), unsupported (of a newer version), unavailable (the
///         database is still being opened)
Result<TransactionsStatus> read_board(ByteView first, ByteView second, std::int64_t now_us);

}  // namespace strata::transaction
