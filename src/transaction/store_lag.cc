#include "transaction/store_lag.h"

#include <chrono>

namespace strata::transaction {
namespace {

// tidy: allow clock: how long a thread waits; nothing that is kept depends on it
using Clock = std::chrono::steady_clock;

// A commit that comes to nothing makes room, too, and tells nobody.
constexpr std::chrono::milliseconds kLookAgainEvery{20};

}  // namespace

StoreLag::StoreLag(std::uint64_t bytes_max, std::int64_t wait_ms, const Amounts& behind, LagAccounts& accounts)
    : bytes_max_(bytes_max), wait_ms_(wait_ms), accounts_(accounts) {
  accounts_.bytes_max.store(bytes_max, std::memory_order_relaxed);
  for (std::size_t store = 0; store < kStoreCount; ++store) {
    accounts_.stores[store].admitted.store(behind[store], std::memory_order_relaxed);
    accounts_.stores[store].applied.store(behind[store], std::memory_order_relaxed);
  }
}

std::size_t StoreLag::try_admit(const Amounts& bytes) {
  for (std::size_t store = 0; store < kStoreCount; ++store) {
    if (bytes[store] == 0) continue;
    LagAccounts::Account& account = accounts_.stores[store];
    const std::uint64_t held = account.held.load(std::memory_order_relaxed);  // first: it only grows
    const std::uint64_t before = account.admitted.fetch_add(bytes[store], std::memory_order_relaxed);
    if (before == held || before - held + bytes[store] <= bytes_max_) continue;
    for (std::size_t taken = 0; taken <= store; ++taken) {
      accounts_.stores[taken].admitted.fetch_sub(bytes[taken], std::memory_order_relaxed);
    }
    return store;
  }
  return kStoreCount;
}

Result<void> StoreLag::admit(const Amounts& bytes) {
  std::size_t full = try_admit(bytes);
  if (full == kStoreCount) return {};
  accounts_.waits.fetch_add(1, std::memory_order_relaxed);
  if (catch_up_) catch_up_();
  const auto deadline = Clock::now() + std::chrono::milliseconds(wait_ms_);
  const core::MutexLock lock(mutex_);
  while ((full = try_admit(bytes)) != kStoreCount) {
    const auto left = deadline - Clock::now();
    if (left <= Clock::duration::zero()) {
      accounts_.refusals.fetch_add(1, std::memory_order_relaxed);
      const auto store = static_cast<StoreKind>(full);
      return Error(
          ErrorCode::resource_exhausted,
          "the files of a store are too far behind; run the transaction again later, or see why checkpoints fail. "
          "The " +
              std::string(name(store)) + " store: " + std::to_string(this->bytes(store)) + " bytes behind, at most " +
              std::to_string(bytes_max_));
    }
    moved_.wait_for(mutex_, std::min<Clock::duration>(left, kLookAgainEvery));
  }
  return {};
}

void StoreLag::give_back(const Amounts& bytes) {
  for (std::size_t store = 0; store < kStoreCount; ++store) {
    if (bytes[store] != 0) accounts_.stores[store].admitted.fetch_sub(bytes[store], std::memory_order_relaxed);
  }
}

void StoreLag::applied(const Amounts& bytes) {
  for (std::size_t store = 0; store < kStoreCount; ++store) {
    if (bytes[store] != 0) accounts_.stores[store].applied.fetch_add(bytes[store], std::memory_order_relaxed);
  }
}

StoreLag::Amounts StoreLag::mark() const {
  Amounts mark{};
  for (std::size_t store = 0; store < kStoreCount; ++store) {
    mark[store] = accounts_.stores[store].applied.load(std::memory_order_relaxed);
  }
  return mark;
}

void StoreLag::caught_up(const Amounts& mark) {
  const core::MutexLock lock(mutex_);
  for (std::size_t store = 0; store < kStoreCount; ++store) {
    accounts_.stores[store].held.store(mark[store], std::memory_order_relaxed);
  }
  moved_.notify_all();
}

std::uint64_t StoreLag::bytes(StoreKind store) const {
  const LagAccounts::Account& account = accounts_.stores[static_cast<std::size_t>(store)];
  const std::uint64_t held = account.held.load(std::memory_order_relaxed);
  const std::uint64_t admitted = account.admitted.load(std::memory_order_relaxed);
  return admitted > held ? admitted - held : 0;
}

StoreLag::Stats StoreLag::stats() const {
  Stats stats;
  for (std::size_t store = 0; store < kStoreCount; ++store) stats.bytes[store] = bytes(static_cast<StoreKind>(store));
  stats.bytes_max = bytes_max_;
  stats.waits = accounts_.waits.load(std::memory_order_relaxed);
  stats.refusals = accounts_.refusals.load(std::memory_order_relaxed);
  return stats;
}

}  // namespace strata::transaction
