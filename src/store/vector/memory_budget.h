#pragma once
/// How much of what segments map may lie in the memory of the process.
///
///     hot    codes, graphs, what every search reads     stays, whatever the budget
///     cold   vectors, read for the few rows that are scored in full, and payloads, ids
///
/// As long as everything fits, nothing is counted. Beyond that each vector that is read counts as a piece of 64 KiB, which is what the
/// kernel maps around it and what a checksum covers; when the pieces come to what hot parts leave of the budget, all cold pages are
/// given back. They stay in the system's page cache while that has room, so that the next read costs a fault, not a disk's time.
#include <atomic>
#include <cstdint>
#include <vector>

#include "core/mutex.h"

namespace strata::store::vector {

/// Threads: any. It outlives what is in it.
class MemoryBudget {
 public:
  /// Something that maps files.
  class Member {
   public:
    virtual ~Member() = default;
    virtual std::uint64_t hot_bytes() const = 0;
    virtual std::uint64_t cold_bytes() const = 0;
    /// Gives back the pages of what is cold. Threads: beside reads, which bring them again.
    virtual void release_cold() const noexcept = 0;
  };

  explicit MemoryBudget(std::uint64_t bytes) : bytes_(bytes) {}
  /// Also when a member's sizes changed.
  void add(const Member& member) STRATA_EXCLUDES(mutex_);
  void remove(const Member& member) noexcept STRATA_EXCLUDES(mutex_);
  void set_bytes(std::uint64_t bytes) STRATA_EXCLUDES(mutex_);
  std::uint64_t bytes() const STRATA_EXCLUDES(mutex_);
  /// How often cold pages were given back.
  std::uint64_t releases() const { return releases_.load(std::memory_order_relaxed); }

  /// Something cold was read. Cost  a load while everything fits, else an addition; now and then the pages of all members
  void note_read() noexcept {
    const std::uint64_t most = pieces_max_.load(std::memory_order_relaxed);
    if (most != kAll && pieces_.fetch_add(1, std::memory_order_relaxed) >= most) release();
  }

 private:
  static constexpr std::uint64_t kAll = UINT64_MAX;
  void measure() STRATA_REQUIRES(mutex_);
  void release() noexcept STRATA_EXCLUDES(mutex_);

  std::atomic<std::uint64_t> pieces_max_{kAll};  // kAll: everything fits
  std::atomic<std::uint64_t> pieces_{0};
  std::atomic<std::uint64_t> releases_{0};
  mutable core::Mutex mutex_;
  std::uint64_t bytes_ STRATA_GUARDED_BY(mutex_);
  std::vector<const Member*> members_ STRATA_GUARDED_BY(mutex_);
};

/// A quarter of the machine's memory.
std::uint64_t usual_memory_budget();

}  // namespace strata::store::vector
