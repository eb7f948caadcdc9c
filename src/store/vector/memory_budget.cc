#include "store/vector/memory_budget.h"

#include <unistd.h>

#include <algorithm>

namespace strata::store::vector {
namespace {

constexpr std::uint64_t kPieceBytes = 64 << 10;
// However little hot parts leave: below, pages would be given back between the reads of one search.
constexpr std::uint64_t kPiecesMin = 128;

}  // namespace

void MemoryBudget::add(const Member& member) {
  const core::MutexLock lock(mutex_);
  if (std::find(members_.begin(), members_.end(), &member) == members_.end()) members_.push_back(&member);
  measure();
}

void MemoryBudget::remove(const Member& member) noexcept {
  const core::MutexLock lock(mutex_);
  std::erase(members_, &member);
  measure();
}

void MemoryBudget::set_bytes(std::uint64_t bytes) {
  const core::MutexLock lock(mutex_);
  bytes_ = bytes;
  measure();
}

std::uint64_t MemoryBudget::bytes() const {
  const core::MutexLock lock(mutex_);
  return bytes_;
}

void MemoryBudget::measure() {
  std::uint64_t hot = 0, cold = 0;
  for (const Member* member : members_) {
    hot += member->hot_bytes();
    cold += member->cold_bytes();
  }
  const std::uint64_t left = bytes_ - std::min(bytes_, hot);
  pieces_max_.store(cold <= left ? kAll : std::max(kPiecesMin, left / kPieceBytes), std::memory_order_relaxed);
}

void MemoryBudget::release() noexcept {
  const core::MutexLock lock(mutex_);
  if (pieces_.load(std::memory_order_relaxed) < pieces_max_.load(std::memory_order_relaxed))
    return;  // another thread did
  for (const Member* member : members_) member->release_cold();
  pieces_.store(0, std::memory_order_relaxed);
  releases_.fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t usual_memory_budget() {
  const auto pages = static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_PHYS_PAGES)));
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) / 4;
}

}  // namespace strata::store::vector
