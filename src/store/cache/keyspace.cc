#include "store/cache/keyspace.h"

#include "core/checksum.h"

namespace strata::store::cache {
namespace {

constexpr std::uint64_t kBytesLeast = 64 << 10;  // below it a shard could not hold its own table
constexpr std::uint64_t kManyShardsFrom = 64 << 20;
constexpr std::int64_t kTtlMsMax = INT64_MAX / 1000 / 4;  // so that a deadline never overflows

}  // namespace

Keyspace::Keyspace(const core::Clock& clock, std::uint64_t bytes_max)
    : clock_(clock),
      bytes_max_(std::max(bytes_max, kBytesLeast)),
      shard_count_(bytes_max >= kManyShardsFrom ? 64 : 16),
      shards_(std::make_unique<Shard[]>(shard_count_)) {
  for (std::size_t i = 0; i < shard_count_; ++i) shards_[i].set_nominal_bytes(bytes_max_ / shard_count_);
}

Result<void> Keyspace::check_size(std::string_view key, std::size_t value_size) {
  if (key.empty()) return Error(ErrorCode::invalid_argument, "a cache key must not be empty");
  if (key.size() > kKeyBytesMax) {
    return Error(ErrorCode::invalid_argument,
                 "a cache key has at most 65536 bytes, this one has " + std::to_string(key.size()));
  }
  const std::uint64_t limit = std::min<std::uint64_t>(kValueBytesMax, bytes_max_ / 4);
  if (value_size > limit || Entry::charge_for(key.size(), value_size) > bytes_max_ / 4 + key.size() + 256) {
    rejected_.fetch_add(1, std::memory_order_relaxed);
    return Error(ErrorCode::resource_exhausted, "a cache value has at most " + std::to_string(limit) +
                                                    " bytes (64 MiB, and a quarter of the cache), this one has " +
                                                    std::to_string(value_size));
  }
  return {};
}

Result<Deadline> Keyspace::deadline_in(std::int64_t ttl_ms) const {
  if (ttl_ms < 0) {
    return Error(ErrorCode::invalid_argument, "a time to live is 0 (none) or positive: " + std::to_string(ttl_ms));
  }
  if (ttl_ms == 0) return kNever;
  return std::max<Deadline>(1, now() + std::min(ttl_ms, kTtlMsMax) * 1000);
}

std::int64_t Keyspace::ttl_until(Deadline deadline) const {
  if (deadline == kNever) return -1;
  return std::max<std::int64_t>(0, (deadline - now() + 999) / 1000);
}

Result<void> Keyspace::set(std::string_view key, ByteView value, Deadline deadline, Stamp stamp) {
  STRATA_TRY(check_size(key, value.size()));
  const std::uint64_t hash = core::xxh3_64(key);
  Shard& shard = shard_of(hash);
  const std::size_t charge = Entry::charge_for(key.size(), value.size());
  const std::size_t growth = shard.growth_bytes();
  if (!reserve(charge + growth, shard)) {
    rejected_.fetch_add(1, std::memory_order_relaxed);
    return Error(ErrorCode::resource_exhausted,
                 "the cache has no room for a value of " + std::to_string(value.size()) + " bytes");
  }
  EntryPointer entry = Entry::make(hash, key, value, deadline);
  Shard::Inserted inserted = shard.insert(std::move(entry), stamp, growth, now());
  if (growth > inserted.grown_bytes) bytes_.fetch_sub(growth - inserted.grown_bytes, std::memory_order_relaxed);
  give_back(std::move(inserted.replaced));
  for (EntryPointer& expired : inserted.expired) give_back(std::move(expired));
  return {};
}

std::optional<Bytes> Keyspace::get(std::string_view key, Horizon view) {
  const std::uint64_t hash = core::xxh3_64(key);
  EntryPointer dead;
  std::optional<Bytes> value = shard_of(hash).get(hash, key, view, [this] { return now(); }, dead);
  give_back(std::move(dead));
  return value;
}

bool Keyspace::remove(std::string_view key) {
  const std::uint64_t hash = core::xxh3_64(key);
  EntryPointer entry = shard_of(hash).remove(hash, key);
  const bool was_there = entry != nullptr && !entry->expired(now());
  give_back(std::move(entry));
  return was_there;
}

std::optional<Deadline> Keyspace::deadline(std::string_view key, Horizon view) {
  const std::uint64_t hash = core::xxh3_64(key);
  return shard_of(hash).deadline(hash, key, view, now());
}

bool Keyspace::set_deadline(std::string_view key, Stamp stamp, Deadline deadline) {
  const std::uint64_t hash = core::xxh3_64(key);
  return shard_of(hash).set_deadline(hash, key, stamp, deadline, now());
}

void Keyspace::clear() {
  for (std::size_t i = 0; i < shard_count_; ++i) {
    for (EntryPointer& entry : shards_[i].take_all()) give_back(std::move(entry));
  }
}

std::uint64_t Keyspace::clear_expired() {
  std::uint64_t removed = 0;
  for (std::size_t i = 0; i < shard_count_; ++i) {
    for (EntryPointer& entry : shards_[i].take_expired(now())) {
      give_back(std::move(entry));
      ++removed;
    }
  }
  return removed;
}

CacheStats Keyspace::stats() {
  CacheStats stats;
  stats.bytes = bytes_.load(std::memory_order_relaxed);
  stats.bytes_max = bytes_max_;
  stats.rejected = rejected_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < shard_count_; ++i) {
    const ShardCounters counters = shards_[i].counters();
    stats.entries += counters.entries;
    stats.hits += counters.hits;
    stats.misses += counters.misses;
    stats.evictions += counters.evictions;
    stats.expirations += counters.expirations;
  }
  return stats;
}

// ---- the budget -------------------------------------------------------------------------------------------------

bool Keyspace::reserve(std::size_t bytes, Shard& preferred) {
  if (bytes > bytes_max_) return false;
  for (;;) {
    std::uint64_t used = bytes_.load(std::memory_order_relaxed);
    while (used + bytes <= bytes_max_) {
      if (bytes_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed)) return true;
    }
    if (!evict_somewhere(preferred)) return false;
  }
}

/// The shard that wants to grow pays, unless it holds less than its share: then one that holds more does.
bool Keyspace::evict_somewhere(Shard& preferred) {
  const std::size_t share = bytes_max_ / shard_count_;
  if (preferred.bytes() >= share / 8 * 7) {
    if (EntryPointer entry = preferred.evict(); entry != nullptr) {
      give_back(std::move(entry));
      return true;
    }
  }
  // The tables count too, so that no shard's entries may reach its share: the second round takes from any.
  for (const std::size_t least : {share, std::size_t{0}}) {
    const std::size_t from = cursor_.fetch_add(1, std::memory_order_relaxed);
    for (std::size_t i = 0; i < shard_count_; ++i) {
      Shard& shard = shards_[(from + i) & (shard_count_ - 1)];
      if (shard.bytes() < least) continue;
      if (EntryPointer entry = shard.evict(); entry != nullptr) {
        give_back(std::move(entry));
        return true;
      }
    }
  }
  return false;
}

void Keyspace::give_back(EntryPointer entry) {
  if (entry == nullptr) return;
  const std::size_t charge = entry->charge();
  entry.reset();  // freed first: the budget never promises memory that is still in use
  bytes_.fetch_sub(charge, std::memory_order_relaxed);
}

}  // namespace strata::store::cache
