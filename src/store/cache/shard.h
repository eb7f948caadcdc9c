#pragma once
/// One of the independent parts of the cache: a chained hash table, and three queues that say what goes first.
///
///            new ──► window (1 %) ──► probation ◄──► protected (80 % of the rest)
///                        │                │  asked for again: up; protected full: its oldest down
///                        └── contest ─────┘  who was asked for more often stays, the other is evicted
///
/// Each queue is ordered by last use. The window lets a burst of new keys show what they are; the contest, decided by the
/// frequency sketch, keeps a scan of keys that nobody asks for twice from washing out the ones in use.
/// Source  W-TinyLFU: Einziger, Friedman, Manes, arXiv:1512.00727, section 4. Departure: the queues' shares are counted in
///         bytes, since values differ in size, and an eviction is started by the budget that all shards share.
///
/// Time to live: an expired entry is gone for every call from its deadline on. Its memory comes back when it is asked for,
/// evicted, or found by the sweep: every insertion looks at the next two buckets, so that a shard that is written to is
/// swept once per (buckets / 2) insertions and dead entries cannot pile up.
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/mutex.h"
#include "store/cache/frequency_sketch.h"
#include "strata/value.h"

namespace strata::store::cache {

/// Microseconds of the monotonic clock at which an entry ends.
using Deadline = std::int64_t;
inline constexpr Deadline kNever = 0;

/// When an entry was written, and what a view sees: entries whose LSN and moment are not later than its own. Moments
/// count the commits that touch the cache alone; a caller without any leaves them out.
struct Stamp {
  Lsn lsn = 0;
  std::uint64_t moment = 0;
  Stamp() = default;
  Stamp(Lsn at_lsn) : lsn(at_lsn) {}  // NOLINT: implicit on purpose, and the next
  Stamp(Lsn at_lsn, std::uint64_t at_moment) : lsn(at_lsn), moment(at_moment) {}
};
struct Horizon {
  Lsn lsn = 0;
  std::uint64_t moment = ~std::uint64_t{0};
  Horizon(Lsn at_lsn) : lsn(at_lsn) {}  // NOLINT
  Horizon(Lsn at_lsn, std::uint64_t at_moment) : lsn(at_lsn), moment(at_moment) {}
  bool sees(const Stamp& stamp) const { return stamp.lsn <= lsn && stamp.moment <= moment; }
};

/// An entry with its key and value behind it, in one allocation.
struct Entry {
  Entry* chain;  // next in the bucket
  Entry* newer;  // in its queue
  Entry* older;
  std::uint64_t hash;
  Stamp stamp;
  Deadline deadline;
  std::uint32_t key_size;
  std::uint32_t value_size;
  std::uint8_t queue;

  std::byte* data() { return reinterpret_cast<std::byte*>(this + 1); }
  std::string_view key() { return {reinterpret_cast<const char*>(data()), key_size}; }
  ByteView value() { return {data() + key_size, value_size}; }
  bool expired(Deadline now) const { return deadline != kNever && deadline <= now; }
  /// What it takes from the heap, with the allocator's own header and rounding.
  std::size_t charge() const { return charge_for(key_size, value_size); }
  static std::size_t charge_for(std::size_t key_size, std::size_t value_size) {
    return (sizeof(Entry) + key_size + value_size + 8 + 15) & ~std::size_t{15};
  }

  struct Free {
    void operator()(Entry* entry) const { ::operator delete(entry); }
  };
  static std::unique_ptr<Entry, Free> make(std::uint64_t hash, std::string_view key, ByteView value, Deadline deadline);
};
using EntryPointer = std::unique_ptr<Entry, Entry::Free>;

struct ShardCounters {
  std::uint64_t entries = 0, hits = 0, misses = 0, evictions = 0, expirations = 0;
};

/// Entries handed back are no longer in the shard: their charge is to be given back to the budget and their memory is
/// freed outside of the lock.
/// Threads: any.
class Shard {
 public:
  Shard() = default;
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  /// The share of the budget by which the queues are divided.
  void set_nominal_bytes(std::size_t bytes) { nominal_bytes_ = bytes; }

  /// The value as `view` may see it. `now` is called only if the entry has a deadline.
  template <typename Now>
  std::optional<Bytes> get(std::uint64_t hash, std::string_view key, Horizon view, Now&& now, EntryPointer& dead);
  /// The entry's deadline (kNever: none); nullopt: not there. Counts nothing, moves nothing.
  std::optional<Deadline> deadline(std::uint64_t hash, std::string_view key, Horizon view, Deadline now);
  /// From then on views of before miss it.
  bool set_deadline(std::uint64_t hash, std::string_view key, Stamp stamp, Deadline deadline, Deadline now);

  /// Bytes that the next insertion needs beside its own entry: the table's growth. Without the lock, so a hint (of a shard
  /// without a table it is always right); `insert` takes `grown_bytes` of it and the rest is to be given back.
  std::size_t growth_bytes() const;
  struct Inserted {
    EntryPointer replaced;
    std::vector<EntryPointer> expired;
    std::size_t grown_bytes = 0;
  };
  /// Replaces what the key had. The entry's stamp never goes down: a set that read the visible LSN before a commit finished
  /// must not make a later value look older.
  Inserted insert(EntryPointer entry, Stamp stamp, std::size_t growth_allowed, Deadline now);
  EntryPointer remove(std::uint64_t hash, std::string_view key);

  /// Evicts one entry, the one least worth keeping; null when there is none.
  EntryPointer evict();
  std::vector<EntryPointer> take_expired(Deadline now);
  std::vector<EntryPointer> take_all();

  /// Without the lock: for choosing whom to evict from.
  std::size_t bytes() const { return bytes_hint_.load(std::memory_order_relaxed); }
  ShardCounters counters();

 private:
  enum Queue : std::uint8_t { kWindow = 0, kProbation, kProtected, kQueues };
  struct List {
    Entry* newest = nullptr;
    Entry* oldest = nullptr;
    std::size_t bytes = 0;
  };

  Entry* find(std::uint64_t hash, std::string_view key) STRATA_REQUIRES(mutex_);
  Entry*& bucket(std::uint64_t hash) STRATA_REQUIRES(mutex_);
  void push(Entry* entry, Queue queue) STRATA_REQUIRES(mutex_);
  void unlink_queue(Entry* entry) STRATA_REQUIRES(mutex_);
  EntryPointer take(Entry* entry) STRATA_REQUIRES(mutex_);
  void touch(Entry* entry) STRATA_REQUIRES(mutex_);
  void balance() STRATA_REQUIRES(mutex_);
  void grow() STRATA_REQUIRES(mutex_);
  void sweep(Deadline now, std::vector<EntryPointer>& expired) STRATA_REQUIRES(mutex_);
  std::size_t window_bytes_max() const { return nominal_bytes_ / 100; }
  std::size_t protected_bytes_max() const { return nominal_bytes_ / 100 * 79; }

  std::size_t nominal_bytes_ = 0;  // constant once in use

  std::atomic<std::size_t> bytes_hint_{0};  // what the guarded fields say, for readers without the lock
  std::atomic<std::size_t> entries_hint_{0};
  std::atomic<std::size_t> buckets_hint_{0};

  core::Mutex mutex_;
  std::vector<Entry*> buckets_ STRATA_GUARDED_BY(mutex_);  // a power of two, or none yet
  List queues_[kQueues] STRATA_GUARDED_BY(mutex_);
  FrequencySketch sketch_ STRATA_GUARDED_BY(mutex_);
  ShardCounters counters_ STRATA_GUARDED_BY(mutex_);
  std::size_t mortal_ STRATA_GUARDED_BY(mutex_) = 0;  // entries with a deadline: without any there is nothing to sweep
  std::size_t hand_ STRATA_GUARDED_BY(mutex_) = 0;    // the bucket that the sweep looks at next
};

template <typename Now>
std::optional<Bytes> Shard::get(std::uint64_t hash, std::string_view key, Horizon view, Now&& now, EntryPointer& dead) {
  const core::MutexLock lock(mutex_);
  Entry* entry = find(hash, key);
  if (entry != nullptr && entry->deadline != kNever && entry->expired(now())) {
    ++counters_.expirations;
    dead = take(entry);
    entry = nullptr;
  }
  if (entry == nullptr || !view.sees(entry->stamp)) {
    ++counters_.misses;
    return std::nullopt;
  }
  ++counters_.hits;
  sketch_.count(hash);  // a miss counts when its value is set: one request, one count
  touch(entry);
  const ByteView value = entry->value();
  return Bytes(value.begin(), value.end());
}

}  // namespace strata::store::cache
