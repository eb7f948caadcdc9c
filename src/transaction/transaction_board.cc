#include "transaction/transaction_board.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <new>

#include "core/assert.h"
#include "core/endian.h"
#include "core/utf8.h"

namespace strata::transaction {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// The numbers of docs/formats/transaction-board.md: another process may be of another build.
static_assert(sizeof(ActiveTransaction) == 64 && sizeof(ShownWait) == 128 && sizeof(ShownConflict) == 384);
static_assert(offsetof(BoardLayout, counters) == 64 && offsetof(BoardLayout, lag) == 128 &&
              offsetof(BoardLayout, slots) == 320 && offsetof(BoardLayout, waits) == 16'704 &&
              offsetof(BoardLayout, conflicts) == 24'896 && sizeof(BoardLayout) == 37'184);

/// A copy of a board as numbers. Threads: any.
class Copy {
 public:
  explicit Copy(ByteView bytes) : bytes_(bytes) {}
  std::uint64_t word(std::size_t offset) const {
    STRATA_ASSERT(offset + 8 <= bytes_.size());
    return core::load<std::uint64_t>(bytes_.data() + offset);
  }
  std::string_view text(std::size_t offset, std::size_t size) const {
    STRATA_ASSERT(offset + size <= bytes_.size());
    return {reinterpret_cast<const char*>(bytes_.data()) + offset, size};
  }

 private:
  const ByteView bytes_;
};

/// What can be shown of a text from elsewhere: its longest beginning, of at most `bytes_max`, that is UTF-8.
std::string_view beginning(std::string_view text, std::size_t bytes_max) {
  text = text.substr(0, bytes_max);
  for (int cut = 0; cut < 4 && !text.empty() && !core::is_utf8(text); ++cut) text.remove_suffix(1);
  return core::is_utf8(text) ? text : std::string_view();
}

std::int64_t passed_us(std::uint64_t since_us, std::int64_t now_us) {
  const auto since = static_cast<std::int64_t>(since_us);
  return since < 0 || since > now_us ? 0 : now_us - since;
}

Result<void> check_header(const Copy& copy, std::size_t size) {
  const std::uint64_t bytes = copy.word(offsetof(BoardLayout, bytes));
  if (bytes == 0) return Error(ErrorCode::unavailable, "it is being opened, and nothing is under way yet");
  if (copy.word(offsetof(BoardLayout, magic)) != BoardLayout::kMagic) {
    return Error(ErrorCode::corruption, "this is no board of transactions: its first bytes are others");
  }
  const std::uint64_t version = copy.word(offsetof(BoardLayout, version));
  if (version > BoardLayout::kVersion) {
    return Error(ErrorCode::unsupported, "the board of transactions has version " + std::to_string(version) +
                                             ", and this program reads up to " + std::to_string(BoardLayout::kVersion));
  }
  if (version == 0 || bytes != size) {
    return Error(ErrorCode::corruption, "the board of transactions does not hold together");
  }
  return {};
}

void read_counters(const Copy& now, TransactionsStatus& told) {
  const auto counter = [&](std::size_t offset) { return now.word(offsetof(BoardLayout, counters) + offset); };
  told.committed = counter(offsetof(BoardCounters, committed));
  told.rolled_back = counter(offsetof(BoardCounters, rolled_back));
  told.conflicted = counter(offsetof(BoardCounters, conflicts));
  told.timeouts = counter(offsetof(BoardCounters, timeouts));
  told.lock_waits = counter(offsetof(BoardCounters, lock_waits));
  told.deadlocks = counter(offsetof(BoardCounters, deadlocks));
  told.lock_timeouts = counter(offsetof(BoardCounters, lock_timeouts));
  told.unshown = counter(offsetof(BoardCounters, unshown));
  const auto lag = [&](std::size_t offset) { return now.word(offsetof(BoardLayout, lag) + offset); };
  for (std::size_t store = 0; store < kStoreCount; ++store) {
    const std::size_t account = store * sizeof(LagAccounts::Account);
    const std::uint64_t admitted = lag(account + offsetof(LagAccounts::Account, admitted));
    const std::uint64_t held = lag(account + offsetof(LagAccounts::Account, held));
    told.lag[store] = admitted > held ? admitted - held : 0;
  }
  told.lag_bytes_max = lag(offsetof(LagAccounts, bytes_max));
  told.lag_waits = lag(offsetof(LagAccounts, waits));
  told.lag_refusals = lag(offsetof(LagAccounts, refusals));
}

void read_slots(const Copy& before, const Copy& now, std::int64_t now_us,
                std::map<std::uint64_t, TransactionStatus>& found, std::uint64_t& locks) {
  for (std::size_t i = 0; i < BoardLayout::kSlots; ++i) {
    const std::size_t at = offsetof(BoardLayout, slots) + i * sizeof(ActiveTransaction);
    const std::uint64_t id = now.word(at);
    if (id == 0 || id != before.word(at)) continue;  // B1
    const auto field = [&](std::size_t offset) { return now.word(at + offset); };
    TransactionStatus status;
    status.id = id;
    status.isolation = static_cast<Isolation>(std::min<std::uint64_t>(
        field(offsetof(ActiveTransaction, isolation)), static_cast<std::uint64_t>(Isolation::serializable)));
    status.age_us = passed_us(field(offsetof(ActiveTransaction, began_us)), now_us);
    status.view = field(offsetof(ActiveTransaction, view));
    status.bytes = field(offsetof(ActiveTransaction, bytes));
    status.keys = field(offsetof(ActiveTransaction, keys));
    status.writes = field(offsetof(ActiveTransaction, writes));
    locks += field(offsetof(ActiveTransaction, locks));
    found.insert_or_assign(id, std::move(status));
  }
}

void read_waits(const Copy& before, const Copy& now, std::int64_t now_us,
                std::map<std::uint64_t, TransactionStatus>& found) {
  for (std::size_t i = 0; i < BoardLayout::kWaits; ++i) {
    const std::size_t at = offsetof(BoardLayout, waits) + i * sizeof(ShownWait);
    const std::uint64_t version = now.word(at);
    if (version % 2 != 0 || version != before.word(at)) continue;  // B2
    const auto field = [&](std::size_t offset) { return now.word(at + offset); };
    const std::uint64_t waiter = field(offsetof(ShownWait, waiter));
    if (waiter == 0) continue;
    const auto [place, fresh] = found.try_emplace(waiter);
    TransactionStatus& status = place->second;
    status.id = waiter;
    status.call = fresh;
    status.waiting_us = passed_us(field(offsetof(ShownWait, since_us)), now_us);
    const auto store = std::min<std::uint64_t>(field(offsetof(ShownWait, store)), kStoreCount);
    status.waits_on = waits_on(static_cast<StoreKind>(store), field(offsetof(ShownWait, key)));
    const auto named =
        static_cast<std::size_t>(std::min<std::uint64_t>(field(offsetof(ShownWait, holders)), ShownWait::kHoldersMax));
    status.waits_for.clear();
    for (std::size_t k = 0; k < named; ++k) {
      status.waits_for.push_back(field(offsetof(ShownWait, holder) + k * sizeof(Word)));
    }
  }
}

void read_conflicts(const Copy& before, const Copy& now, std::vector<RecentConflict>& conflicts) {
  for (std::size_t i = 0; i < BoardLayout::kConflicts; ++i) {
    const std::size_t at = offsetof(BoardLayout, conflicts) + i * sizeof(ShownConflict);
    const std::uint64_t version = now.word(at);
    if (version == 0 || version % 2 != 0 || version != before.word(at)) continue;  // B2; 0: never written
    const auto bytes = static_cast<std::size_t>(
        std::min<std::uint64_t>(now.word(at + offsetof(ShownConflict, bytes)), ShownConflict::kTextBytesMax));
    conflicts.push_back({static_cast<Timestamp>(now.word(at + offsetof(ShownConflict, time))),
                         std::string(beginning(now.text(at + offsetof(ShownConflict, text), bytes), bytes))});
  }
  std::sort(conflicts.begin(), conflicts.end(),
            [](const RecentConflict& a, const RecentConflict& b) { return a.time < b.time; });
}

}  // namespace

std::string waits_on(StoreKind store, std::uint64_t key) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = static_cast<int>(store) < kStoreCount ? std::string(name(store)) + ":" : std::string();
  for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[key >> shift & 15];
  return text;
}

std::string board_name(std::string_view identity) { return "strata-transactions-" + std::string(identity); }

TransactionBoard::TransactionBoard(std::shared_ptr<io::SharedMemory> shared)
    : shared_(std::move(shared)),
      private_(shared_ ? nullptr : std::make_unique<BoardLayout>()),
      // Words of shared memory need no end.
      layout_(shared_ ? new(shared_->bytes().data()) BoardLayout : private_.get()) {
  STRATA_ASSERT(!shared_ || shared_->bytes().size() >= kBoardBytes);
  layout_->bytes.store(kBoardBytes, std::memory_order_release);  // last: before, it says that it is being opened
}

void TransactionBoard::show(const RecentConflict& conflict) {
  ShownConflict& place = layout_->conflicts[next_conflict_++ % BoardLayout::kConflicts];
  const ShownConflict::Change change(place);
  const std::string_view text = beginning(conflict.message, ShownConflict::kTextBytesMax);
  place.time.store(static_cast<std::uint64_t>(conflict.time), kRelaxed);
  place.bytes.store(text.size(), kRelaxed);
  for (std::size_t at = 0; at < text.size(); at += sizeof(Word)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, std::min(sizeof word, text.size() - at));
    place.text[at / sizeof(Word)].store(word, kRelaxed);
  }
}

Result<TransactionsStatus> read_board(ByteView first, ByteView second, std::int64_t now_us) {
  if (first.size() != kBoardBytes || second.size() != kBoardBytes) {
    return Error(ErrorCode::corruption, "a board of transactions has " + std::to_string(kBoardBytes) +
                                            " bytes, this one " + std::to_string(second.size()));
  }
  const Copy before(first), now(second);
  STRATA_TRY(check_header(now, second.size()));
  TransactionsStatus told;
  read_counters(now, told);
  std::map<std::uint64_t, TransactionStatus> found;
  read_slots(before, now, now_us, found, told.locks);
  read_waits(before, now, now_us, found);
  for (auto& [id, status] : found) told.active.push_back(std::move(status));
  read_conflicts(before, now, told.conflicts);
  return told;
}

}  // namespace strata::transaction
