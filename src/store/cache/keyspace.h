#pragma once
/// The cache proper: keys to values under one byte limit, for any number of threads.
///
///     key ──xxh3──► shard (16 or 64, each with its own lock) ──► table + queues      shard.h
///     bytes ──────► one budget for all shards: taken before an entry is linked, given back after it is unlinked
///
/// Invariants
///   K1  The budget counts every byte on the heap that the number of entries decides: entries with the allocator's header
///       and rounding, hash tables, sketches. It is taken before the memory is in use, so `bytes` ≤ `bytes_max` always.
///   K2  No call holds two shard locks, and none holds one while it allocates a value, copies one in, or frees one.
///   K3  An entry carries the LSN and the moment it was written at. A view older than either misses; no view ever sees a
///       value of its future.
#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string_view>

#include "core/clock.h"
#include "store/cache/shard.h"
#include "strata/cache.h"

namespace strata::store::cache {

inline constexpr std::size_t kKeyBytesMax = 64 << 10;
inline constexpr std::size_t kValueBytesMax = 64 << 20;

/// Threads: any.
class Keyspace {
 public:
  Keyspace(const core::Clock& clock, std::uint64_t bytes_max);

  /// Errors  invalid_argument (empty or long key), resource_exhausted (value over the limit)
  Result<void> check_size(std::string_view key, std::size_t value_size);
  /// The deadline of a time to live that starts now; 0 is kNever. Errors  invalid_argument (negative)
  Result<Deadline> deadline_in(std::int64_t ttl_ms) const;
  /// Milliseconds until then, rounded up; -1 for kNever.
  std::int64_t ttl_until(Deadline deadline) const;

  Result<void> set(std::string_view key, ByteView value, Deadline deadline, Stamp stamp);
  std::optional<Bytes> get(std::string_view key, Horizon view);
  bool remove(std::string_view key);
  std::optional<Deadline> deadline(std::string_view key, Horizon view);
  bool set_deadline(std::string_view key, Stamp stamp, Deadline deadline);
  void clear();
  std::uint64_t clear_expired();
  CacheStats stats();

  Deadline now() const { return clock_.monotonic_us(); }

 private:
  Shard& shard_of(std::uint64_t hash) { return shards_[hash & (shard_count_ - 1)]; }
  bool reserve(std::size_t bytes, Shard& preferred);
  bool evict_somewhere(Shard& preferred);
  void give_back(EntryPointer entry);

  const core::Clock& clock_;
  const std::uint64_t bytes_max_;
  const std::size_t shard_count_;
  std::unique_ptr<Shard[]> shards_;
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> rejected_{0};
  std::atomic<std::size_t> cursor_{0};  // where the search for a shard over its share goes on
};

}  // namespace strata::store::cache
