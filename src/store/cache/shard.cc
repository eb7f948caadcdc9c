#include "store/cache/shard.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "core/assert.h"

namespace strata::store::cache {
namespace {

constexpr std::size_t kBucketsFirst = 16;
constexpr std::size_t kBucketsSwept = 2;  // per insertion

std::size_t table_bytes(std::size_t buckets) {
  return buckets == 0 ? 0 : buckets * sizeof(Entry*) + FrequencySketch::bytes_for(buckets);
}

}  // namespace

EntryPointer Entry::make(std::uint64_t hash, std::string_view key, ByteView value, Deadline deadline) {
  void* memory = ::operator new(sizeof(Entry) + key.size() + value.size());
  EntryPointer entry(new (memory) Entry{});
  entry->hash = hash;
  entry->deadline = deadline;
  entry->key_size = static_cast<std::uint32_t>(key.size());
  entry->value_size = static_cast<std::uint32_t>(value.size());
  std::memcpy(entry->data(), key.data(), key.size());
  if (!value.empty()) std::memcpy(entry->data() + key.size(), value.data(), value.size());
  return entry;
}

namespace {

Stamp later(const Stamp& a, const Stamp& b) { return {std::max(a.lsn, b.lsn), std::max(a.moment, b.moment)}; }

}  // namespace

Shard::~Shard() { take_all(); }

std::optional<Deadline> Shard::deadline(std::uint64_t hash, std::string_view key, Horizon view, Deadline now) {
  const core::MutexLock lock(mutex_);
  const Entry* entry = find(hash, key);
  if (entry == nullptr || !view.sees(entry->stamp) || entry->expired(now)) return std::nullopt;
  return entry->deadline;
}

bool Shard::set_deadline(std::uint64_t hash, std::string_view key, Stamp stamp, Deadline deadline, Deadline now) {
  const core::MutexLock lock(mutex_);
  Entry* entry = find(hash, key);
  if (entry == nullptr || entry->stamp.lsn > stamp.lsn || entry->expired(now)) return false;
  mortal_ += (deadline != kNever ? 1 : 0) - (entry->deadline != kNever ? 1 : 0);
  entry->deadline = deadline;
  entry->stamp = later(entry->stamp, stamp);
  return true;
}

std::size_t Shard::growth_bytes() const {
  const std::size_t buckets = buckets_hint_.load(std::memory_order_relaxed);
  if (entries_hint_.load(std::memory_order_relaxed) < buckets) return 0;
  return table_bytes(buckets == 0 ? kBucketsFirst : buckets * 2) - table_bytes(buckets);
}

Shard::Inserted Shard::insert(EntryPointer entry, Stamp stamp, std::size_t growth_allowed, Deadline now) {
  Inserted inserted;
  const core::MutexLock lock(mutex_);
  entry->stamp = stamp;
  if (Entry* before = find(entry->hash, entry->key()); before != nullptr) {
    entry->stamp = later(before->stamp, stamp);
    inserted.replaced = take(before);
  }
  const std::size_t growth = growth_bytes();
  if (growth != 0 && growth <= growth_allowed) {
    grow();
    inserted.grown_bytes = growth;
  }
  STRATA_ASSERT(!buckets_.empty());

  sketch_.count(entry->hash);
  Entry*& head = bucket(entry->hash);
  entry->chain = head;
  head = entry.get();
  // A key that was there before and was asked for often goes back to where it was.
  const Queue queue = inserted.replaced ? static_cast<Queue>(inserted.replaced->queue) : kWindow;
  ++counters_.entries;
  if (entry->deadline != kNever) ++mortal_;
  entries_hint_.store(counters_.entries, std::memory_order_relaxed);
  push(entry.release(), queue);
  balance();
  if (mortal_ > 0) sweep(now, inserted.expired);
  return inserted;
}

EntryPointer Shard::remove(std::uint64_t hash, std::string_view key) {
  const core::MutexLock lock(mutex_);
  Entry* entry = find(hash, key);
  return entry == nullptr ? nullptr : take(entry);
}

EntryPointer Shard::evict() {
  const core::MutexLock lock(mutex_);
  Entry* candidate = queues_[kWindow].oldest;
  Entry* victim = queues_[kProbation].oldest != nullptr ? queues_[kProbation].oldest : queues_[kProtected].oldest;
  if (candidate == nullptr && victim == nullptr) return nullptr;
  ++counters_.evictions;
  if (victim == nullptr) return take(candidate);
  // A window that grew while there was room gives its surplus to probation; what is left over its share is judged below.
  while (candidate != nullptr && queues_[kWindow].bytes - candidate->charge() > 2 * window_bytes_max()) {
    unlink_queue(candidate);
    push(candidate, kProbation);
    candidate = queues_[kWindow].oldest;
  }
  // A window within its share keeps what it has: its entries have not been there long enough to be judged.
  if (candidate == nullptr || queues_[kWindow].bytes + candidate->charge() < window_bytes_max()) return take(victim);
  if (sketch_.estimate(candidate->hash) <= sketch_.estimate(victim->hash)) return take(candidate);
  unlink_queue(candidate);
  push(candidate, kProbation);
  return take(victim);
}

std::vector<EntryPointer> Shard::take_expired(Deadline now) {
  const core::MutexLock lock(mutex_);
  std::vector<EntryPointer> expired;
  for (const List& queue : queues_) {
    for (Entry* entry = queue.oldest; entry != nullptr;) {
      Entry* next = entry->newer;
      if (entry->expired(now)) expired.push_back(take(entry));
      entry = next;
    }
  }
  counters_.expirations += expired.size();
  return expired;
}

std::vector<EntryPointer> Shard::take_all() {
  const core::MutexLock lock(mutex_);
  std::vector<EntryPointer> all;
  all.reserve(counters_.entries);
  for (const List& queue : queues_) {
    while (queue.oldest != nullptr) all.push_back(take(queue.oldest));
  }
  return all;
}

ShardCounters Shard::counters() {
  const core::MutexLock lock(mutex_);
  return counters_;
}

// ---- under the lock ---------------------------------------------------------------------------------------------

// The low bits of the hash choose the shard, the high ones the bucket.
Entry*& Shard::bucket(std::uint64_t hash) { return buckets_[(hash >> 16) & (buckets_.size() - 1)]; }

Entry* Shard::find(std::uint64_t hash, std::string_view key) {
  if (buckets_.empty()) return nullptr;
  for (Entry* entry = bucket(hash); entry != nullptr; entry = entry->chain) {
    if (entry->hash == hash && entry->key() == key) return entry;
  }
  return nullptr;
}

void Shard::push(Entry* entry, Queue queue) {
  List& list = queues_[queue];
  entry->queue = queue;
  entry->newer = nullptr;
  entry->older = list.newest;
  (list.newest != nullptr ? list.newest->newer : list.oldest) = entry;
  list.newest = entry;
  list.bytes += entry->charge();
  bytes_hint_.fetch_add(entry->charge(), std::memory_order_relaxed);
}

void Shard::unlink_queue(Entry* entry) {
  List& list = queues_[entry->queue];
  (entry->newer != nullptr ? entry->newer->older : list.newest) = entry->older;
  (entry->older != nullptr ? entry->older->newer : list.oldest) = entry->newer;
  list.bytes -= entry->charge();
  bytes_hint_.fetch_sub(entry->charge(), std::memory_order_relaxed);
}

EntryPointer Shard::take(Entry* entry) {
  Entry** link = &bucket(entry->hash);
  while (*link != entry) {
    STRATA_DEBUG_ASSERT(*link != nullptr);
    link = &(*link)->chain;
  }
  *link = entry->chain;
  unlink_queue(entry);
  --counters_.entries;
  if (entry->deadline != kNever) --mortal_;
  entries_hint_.store(counters_.entries, std::memory_order_relaxed);
  return EntryPointer(entry);
}

void Shard::touch(Entry* entry) {
  if (queues_[entry->queue].newest == entry && entry->queue != kProbation) return;
  const Queue to = entry->queue == kWindow ? kWindow : kProtected;
  unlink_queue(entry);
  push(entry, to);
  if (to == kProtected) balance();
}

void Shard::balance() {
  while (queues_[kWindow].bytes > window_bytes_max() && queues_[kWindow].oldest != queues_[kWindow].newest &&
         queues_[kProbation].bytes + queues_[kProtected].bytes < nominal_bytes_ - nominal_bytes_ / 8) {
    // Room is left in the shard: no contest, the oldest of the window moves on.
    Entry* entry = queues_[kWindow].oldest;
    unlink_queue(entry);
    push(entry, kProbation);
  }
  while (queues_[kProtected].bytes > protected_bytes_max()) {
    Entry* entry = queues_[kProtected].oldest;
    unlink_queue(entry);
    push(entry, kProbation);
  }
}

void Shard::grow() {
  const std::size_t size = buckets_.empty() ? kBucketsFirst : buckets_.size() * 2;
  std::vector<Entry*> before(size, nullptr);
  before.swap(buckets_);
  for (Entry* entry : before) {
    while (entry != nullptr) {
      Entry* next = entry->chain;
      Entry*& head = bucket(entry->hash);
      entry->chain = head;
      head = entry;
      entry = next;
    }
  }
  sketch_.resize(size);
  hand_ = 0;
  buckets_hint_.store(size, std::memory_order_relaxed);
}

void Shard::sweep(Deadline now, std::vector<EntryPointer>& expired) {
  for (std::size_t i = 0; i < kBucketsSwept; ++i) {
    hand_ = (hand_ + 1) & (buckets_.size() - 1);
    for (Entry* entry = buckets_[hand_]; entry != nullptr;) {
      Entry* next = entry->chain;
      if (entry->expired(now)) {
        ++counters_.expirations;
        expired.push_back(take(entry));
      }
      entry = next;
    }
  }
}

}  // namespace strata::store::cache
