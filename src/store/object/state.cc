#include "store/object/state.h"

#include <algorithm>
#include <limits>

namespace strata::store::object {
namespace {

constexpr std::uint64_t kFactsPerBucket = 512;  // what a scan sorts at a time
constexpr unsigned kBucketBitsMax = 16;

Address address_at(std::uint64_t bucket, unsigned bits) {
  const std::uint64_t top = bucket << (kBucketBitsMax - bits);
  Address address;
  address.digest[0] = static_cast<std::byte>(top >> 8);
  address.digest[1] = static_cast<std::byte>(top & 0xff);
  return address;
}

std::uint64_t bucket_of(const Address& address, unsigned bits) {
  const std::uint64_t top =
      static_cast<std::uint64_t>(address.digest[0]) << 8 | static_cast<std::uint64_t>(address.digest[1]);
  return top >> (kBucketBitsMax - bits);
}

/// The first address after this one; none after the last.
std::optional<Address> next_of(Address address) {
  for (std::size_t i = address.digest.size(); i-- > 0;) {
    address.digest[i] = static_cast<std::byte>(static_cast<unsigned>(address.digest[i]) + 1);
    if (address.digest[i] != std::byte{0}) return address;
  }
  return std::nullopt;
}

/// Walks sorted facts: for each address that exists at `view`, its living references. False: `visit` had enough.
Result<bool> visit_objects(const std::vector<Fact>& facts, Lsn view, const State::Visit& visit) {
  std::vector<Subject> references;
  for (std::size_t i = 0; i < facts.size();) {
    const Address address = facts[i].key.address;
    bool exists = false;
    references.clear();
    while (i < facts.size() && facts[i].key.address == address) {
      const FactKey key = facts[i].key;
      bool alive = false;
      for (; i < facts.size() && facts[i].key == key; ++i) {
        if (facts[i].stamp.lsn() <= view) alive = facts[i].stamp.alive();
      }
      if (!alive) continue;
      if (key.subject == kObject) {
        exists = true;
      } else {
        references.push_back(key.subject);
      }
    }
    if (exists && !STRATA_TRY(visit(address, references))) return false;
  }
  return true;
}

}  // namespace

std::optional<LargeFile> LargeFiles::find(const Address& address) const {
  if (count_.load(std::memory_order_acquire) == 0) return std::nullopt;
  const core::MutexLock lock(mutex_);
  const auto found = files_.find(address);
  return found == files_.end() ? std::nullopt : std::optional<LargeFile>(found->second);
}

std::optional<LargeFile> LargeFiles::put(const Address& address, const LargeFile& file) {
  const core::MutexLock lock(mutex_);
  auto [entry, inserted] = files_.try_emplace(address, file);
  count_.store(files_.size(), std::memory_order_release);
  if (inserted) return std::nullopt;
  return std::exchange(entry->second, file);
}

void LargeFiles::erase(const Address& address, std::uint64_t sequence) {
  const core::MutexLock lock(mutex_);
  const auto found = files_.find(address);
  if (found != files_.end() && found->second.sequence == sequence) files_.erase(found);
  count_.store(files_.size(), std::memory_order_release);
}

std::vector<std::pair<Address, LargeFile>> LargeFiles::all() const {
  const core::MutexLock lock(mutex_);
  return {files_.begin(), files_.end()};
}

Result<bool> State::alive(const FactKey& key, Lsn view) const {
  for (const auto& delta : deltas) {
    if (const auto known = delta->find(key, view)) return *known;
  }
  for (const auto& segment : segments) {
    if (const auto known = STRATA_TRY(segment->find(key, view))) return *known;
  }
  return false;
}

std::uint64_t State::facts() const {
  std::uint64_t total = 0;
  for (const auto& delta : deltas) total += delta->facts();
  for (const auto& segment : segments) total += segment->size();
  return total;
}

Result<void> State::gather(const AddressRange& range, std::vector<Fact>& out) const {
  out.clear();
  for (const auto& delta : deltas) delta->gather(range, out);
  for (const auto& segment : segments) STRATA_TRY(segment->gather(range, out));
  std::sort(out.begin(), out.end());
  return {};
}

Result<std::vector<Subject>> State::references(const Address& address, Lsn view) const {
  std::vector<Fact> facts;
  STRATA_TRY(gather({address, next_of(address)}, facts));
  std::vector<Subject> found;
  STRATA_TRY(visit_objects(facts, view, [&](const Address&, const std::vector<Subject>& references) -> Result<bool> {
    found = references;
    return false;
  }));
  return found;
}

Result<std::vector<Address>> State::owned(const Subject& owner, Lsn view) const {
  std::vector<Address> candidates;
  for (const auto& delta : deltas) delta->gather_owned(owner, candidates);
  for (const auto& segment : segments) STRATA_TRY(segment->gather_owned(owner, candidates));
  std::sort(candidates.begin(), candidates.end());
  candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
  std::vector<Address> found;
  for (const Address& address : candidates) {
    if (STRATA_TRY(alive({address, owner}, view))) found.push_back(address);
  }
  return found;
}

Result<std::uint64_t> State::count(Lsn view) const {
  for (const auto& delta : deltas) {
    if (const auto known = delta->count_at(view)) return *known;
  }
  if (view >= base_lsn) return base_count;
  std::uint64_t objects = 0;
  STRATA_TRY(scan(view, std::nullopt, [&](const Address&, const std::vector<Subject>&) -> Result<bool> {
    ++objects;
    return true;
  }));
  return objects;
}

Result<void> State::scan(Lsn view, const std::optional<Address>& after, const Visit& visit) const {
  const std::uint64_t total = facts();
  unsigned bits = 0;
  while (bits < kBucketBitsMax && (total >> bits) > kFactsPerBucket) ++bits;
  const std::uint64_t buckets = std::uint64_t{1} << bits;
  std::optional<Address> begin = after ? next_of(*after) : Address();
  if (!begin) return {};
  std::vector<Fact> facts;
  for (std::uint64_t bucket = bucket_of(*begin, bits); bucket < buckets; ++bucket) {
    AddressRange range{std::max(*begin, address_at(bucket, bits)), std::nullopt};
    if (bucket + 1 < buckets) range.end = address_at(bucket + 1, bits);
    STRATA_TRY(gather(range, facts));
    if (!STRATA_TRY(visit_objects(facts, view, visit))) return {};
  }
  return {};
}

Result<Location> State::locate(const Address& address) const {
  for (const auto& delta : deltas) {
    if (auto content = delta->content(address)) return Location(std::move(content));
  }
  for (const auto& pack : packs) {
    if (const auto entry = STRATA_TRY(pack->find(address))) return Location(PackLocation{pack, *entry});
  }
  if (const auto file = large->find(address)) return Location(*file);
  return Location();
}

}  // namespace strata::store::object
