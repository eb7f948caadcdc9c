#pragma once
/// The cache store: hot values under a byte limit, with time to live; never on disk. In a transaction, sets and removals
/// take effect at the commit, with everything else.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "strata/error.h"
#include "strata/value.h"

namespace [[gnu::visibility("default")]] strata {

struct CacheStats {
  std::uint64_t entries = 0, bytes = 0, bytes_max = 0;
  std::uint64_t hits = 0, misses = 0, evictions = 0, expirations = 0, rejected = 0;
};

class CacheStore {
 public:
  virtual ~CacheStore() = default;
  /// key     1 … 64 KiB     value  up to 64 MiB and at most a quarter of the limit     ttl_ms  0: none; else > 0
  /// Errors  invalid_argument (empty key, negative ttl), resource_exhausted (value too large)
  virtual Result<void> set(std::string_view key, ByteView value, std::int64_t ttl_ms = 0) = 0;
  Result<void> set(std::string_view key, std::string_view value, std::int64_t ttl_ms = 0) {
    return set(key, as_bytes(value), ttl_ms);
  }
  /// nullopt: not there, expired, evicted, or newer than the view (a cache may always miss).
  virtual Result<std::optional<Bytes>> get(std::string_view key) = 0;
  virtual Result<bool> remove(std::string_view key) = 0;
  /// Milliseconds left; −1: no time to live; nullopt: not there.
  virtual Result<std::optional<std::int64_t>> ttl(std::string_view key) = 0;
  /// Sets the time to live of an entry that is there; false when it is not.
  virtual Result<bool> expire(std::string_view key, std::int64_t ttl_ms) = 0;
  virtual Result<void> clear() = 0;
  virtual Result<std::uint64_t> clear_expired() = 0;  ///< how many were removed
  virtual Result<CacheStats> stats() = 0;
};

}  // namespace strata
