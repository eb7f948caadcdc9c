#pragma once
/// What happened since the last checkpoint, in RAM: facts, the small contents, who owns what, how many objects there are.
///
/// One thread applies, any number read. 256 shards by the first byte of the address, each a sorted map behind its own
/// mutex: a reader holds one for a lookup, so writer and readers rarely meet, and listing goes in order of address.
/// What a reader must not see yet has a larger LSN than its view (I2); no lock spans two shards.
#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <unordered_map>

#include "core/mutex.h"
#include "store/object/mutation.h"

namespace strata::store::object {

/// The versions of one fact. Nearly always one or two.
class Versions {
 public:
  void add(Stamp stamp) {
    if (last_.word() != 0) earlier_.push_back(last_);
    last_ = stamp;
  }
  std::optional<bool> at(Lsn view) const {
    if (last_.lsn() <= view) return last_.alive();
    for (auto stamp = earlier_.rbegin(); stamp != earlier_.rend(); ++stamp) {
      if (stamp->lsn() <= view) return stamp->alive();
    }
    return std::nullopt;
  }
  void append_to(const FactKey& key, std::vector<Fact>& out) const {
    for (const Stamp stamp : earlier_) out.push_back({key, stamp});
    out.push_back({key, last_});
  }

 private:
  Stamp last_;
  std::vector<Stamp> earlier_;  // ascending
};

/// Threads: record_…, add_… from one thread; the rest from any.
class Delta {
 public:
  using ContentPointer = std::shared_ptr<const Content>;

  void record(const FactKey& key, Lsn lsn, bool alive);
  void add_content(const Address& address, ContentPointer content);
  /// From this LSN on there are `objects`.
  void record_count(Lsn lsn, std::uint64_t objects);

  std::optional<bool> find(const FactKey& key, Lsn view) const;
  ContentPointer content(const Address& address) const;
  /// Every version of every fact in the range, in order of key.
  void gather(const AddressRange& range, std::vector<Fact>& out) const;
  /// Addresses that this owner has referred to, at whatever LSN; may repeat.
  void gather_owned(const Subject& owner, std::vector<Address>& out) const;
  /// The number of objects at `view`, if the delta knows it.
  std::optional<std::uint64_t> count_at(Lsn view) const;
  /// All contents, in order of address.
  std::vector<std::pair<Address, ContentPointer>> contents() const;

  std::uint64_t facts() const { return facts_.load(std::memory_order_relaxed); }
  std::uint64_t content_bytes() const { return content_bytes_.load(std::memory_order_relaxed); }
  std::uint64_t stored_bytes() const { return stored_bytes_.load(std::memory_order_relaxed); }
  bool empty() const { return facts() == 0; }

 private:
  struct Shard {
    mutable core::Mutex mutex;
    std::map<FactKey, Versions> facts STRATA_GUARDED_BY(mutex);
    std::unordered_map<Address, ContentPointer, AddressHash> contents STRATA_GUARDED_BY(mutex);
  };
  struct OwnerShard {
    mutable core::Mutex mutex;
    std::map<std::array<std::byte, 16>, std::vector<Address>> owned STRATA_GUARDED_BY(mutex);
  };
  const Shard& shard_of(const Address& address) const { return shards_[static_cast<std::size_t>(address.digest[0])]; }
  Shard& shard_of(const Address& address) { return shards_[static_cast<std::size_t>(address.digest[0])]; }
  std::size_t owner_shard_of(const Subject& owner) const { return static_cast<std::size_t>(owner.id[0]) % 16; }

  std::array<Shard, 256> shards_;
  std::array<OwnerShard, 16> owners_;
  std::atomic<std::uint64_t> facts_{0}, content_bytes_{0}, stored_bytes_{0};

  mutable core::Mutex counts_mutex_;
  std::vector<std::pair<Lsn, std::uint64_t>> counts_ STRATA_GUARDED_BY(counts_mutex_);  // ascending by LSN
};

}  // namespace strata::store::object
