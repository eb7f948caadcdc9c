#include "store/object/delta.h"

#include <algorithm>

namespace strata::store::object {

void Delta::record(const FactKey& key, Lsn lsn, bool alive) {
  bool is_new_key = false;
  {
    Shard& shard = shard_of(key.address);
    const core::MutexLock lock(shard.mutex);
    auto [entry, inserted] = shard.facts.try_emplace(key);
    entry->second.add(Stamp(lsn, alive));
    is_new_key = inserted;
  }
  facts_.fetch_add(1, std::memory_order_relaxed);
  if (is_new_key && key.subject != kObject && key.subject != kPin) {
    OwnerShard& shard = owners_[owner_shard_of(key.subject)];
    const core::MutexLock lock(shard.mutex);
    shard.owned[key.subject.id].push_back(key.address);
  }
}

void Delta::add_content(const Address& address, ContentPointer content) {
  content_bytes_.fetch_add(content->bytes, std::memory_order_relaxed);
  stored_bytes_.fetch_add(content->stored.size(), std::memory_order_relaxed);
  Shard& shard = shard_of(address);
  const core::MutexLock lock(shard.mutex);
  shard.contents[address] = std::move(content);
}

void Delta::record_count(Lsn lsn, std::uint64_t objects) {
  const core::MutexLock lock(counts_mutex_);
  if (!counts_.empty() && counts_.back().first == lsn) {
    counts_.back().second = objects;
  } else {
    counts_.emplace_back(lsn, objects);
  }
}

std::optional<bool> Delta::find(const FactKey& key, Lsn view) const {
  const Shard& shard = shard_of(key.address);
  const core::MutexLock lock(shard.mutex);
  const auto found = shard.facts.find(key);
  return found == shard.facts.end() ? std::nullopt : found->second.at(view);
}

Delta::ContentPointer Delta::content(const Address& address) const {
  const Shard& shard = shard_of(address);
  const core::MutexLock lock(shard.mutex);
  const auto found = shard.contents.find(address);
  return found == shard.contents.end() ? nullptr : found->second;
}

void Delta::gather(const AddressRange& range, std::vector<Fact>& out) const {
  const auto first = static_cast<std::size_t>(range.begin.digest[0]);
  const std::size_t last = range.end ? static_cast<std::size_t>(range.end->digest[0]) : 255;
  for (std::size_t i = first; i <= last; ++i) {
    const core::MutexLock lock(shards_[i].mutex);
    const auto& facts = shards_[i].facts;
    for (auto entry = facts.lower_bound({range.begin, kObject}); entry != facts.end(); ++entry) {
      if (range.end && entry->first.address >= *range.end) break;
      entry->second.append_to(entry->first, out);
    }
  }
}

void Delta::gather_owned(const Subject& owner, std::vector<Address>& out) const {
  const OwnerShard& shard = owners_[owner_shard_of(owner)];
  const core::MutexLock lock(shard.mutex);
  const auto found = shard.owned.find(owner.id);
  if (found != shard.owned.end()) out.insert(out.end(), found->second.begin(), found->second.end());
}

std::optional<std::uint64_t> Delta::count_at(Lsn view) const {
  const core::MutexLock lock(counts_mutex_);
  const auto after = std::upper_bound(counts_.begin(), counts_.end(), view,
                                      [](Lsn lsn, const auto& entry) { return lsn < entry.first; });
  if (after == counts_.begin()) return std::nullopt;
  return std::prev(after)->second;
}

std::vector<std::pair<Address, Delta::ContentPointer>> Delta::contents() const {
  std::vector<std::pair<Address, ContentPointer>> all;
  for (const Shard& shard : shards_) {
    const core::MutexLock lock(shard.mutex);
    all.insert(all.end(), shard.contents.begin(), shard.contents.end());
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return all;
}

}  // namespace strata::store::object
