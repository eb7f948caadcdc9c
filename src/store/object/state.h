#pragma once
/// Everything readable at one moment, as one immutable value: deltas in front of catalog segments and packs.
///
///     facts      deltas[0] … deltas[n], then segments[0] … segments[m]     newest first; the first answer counts
///     contents   deltas, then packs, then large files                     any copy of an address is the right one
///
/// A reader takes a shared pointer and works on it undisturbed; freeze and installed put a new State in its place. What is
/// applied meanwhile goes to deltas[0], which every State since the last freeze shares, and has an LSN above the view.
#include <functional>
#include <variant>

#include "store/object/catalog.h"
#include "store/object/delta.h"
#include "store/object/pack.h"

namespace strata::store::object {

/// The large files that may still be read, by address. They are few (each over 64 KiB), so they stay in RAM. Threads: any.
class LargeFiles {
 public:
  std::optional<LargeFile> find(const Address& address) const;
  /// Returns the file that was there before.
  std::optional<LargeFile> put(const Address& address, const LargeFile& file);
  /// Forgets it, unless another file took its place meanwhile.
  void erase(const Address& address, std::uint64_t sequence);
  std::vector<std::pair<Address, LargeFile>> all() const;

 private:
  std::atomic<std::uint64_t> count_{0};
  mutable core::Mutex mutex_;
  std::map<Address, LargeFile> files_ STRATA_GUARDED_BY(mutex_);
};

/// Where a content can be read: in RAM, in a pack, or in a file of its own.
struct PackLocation {
  std::shared_ptr<const Pack> pack;
  PackEntry entry;
};
using Location = std::variant<std::monostate, Delta::ContentPointer, PackLocation, LargeFile>;

/// Threads: any; immutable but for the deltas, which lock for themselves.
class State {
 public:
  std::vector<std::shared_ptr<Delta>> deltas;                   // newest first, never empty; applied to: the first
  std::vector<std::shared_ptr<const CatalogSegment>> segments;  // newest first
  std::vector<std::shared_ptr<const Pack>> packs;
  std::shared_ptr<LargeFiles> large;
  Lsn base_lsn = 0;              // of the segments
  std::uint64_t base_count = 0;  // objects at base_lsn

  /// Errors of all: corruption (a damaged index page, named)
  Result<bool> alive(const FactKey& key, Lsn view) const;
  Result<bool> exists(const Address& address, Lsn view) const { return alive({address, kObject}, view); }
  /// Who refers to the object at `view`.
  Result<std::vector<Subject>> references(const Address& address, Lsn view) const;
  /// The addresses this owner refers to at `view`, sorted.
  Result<std::vector<Address>> owned(const Subject& owner, Lsn view) const;
  /// O(1) from the last checkpoint's LSN on; a scan before it.
  Result<std::uint64_t> count(Lsn view) const;

  using Visit = std::function<Result<bool>(const Address& address, const std::vector<Subject>& references)>;
  /// The objects that exist at `view`, after `after`, in order of address, until `visit` says false.
  Result<void> scan(Lsn view, const std::optional<Address>& after, const Visit& visit) const;

  Result<Location> locate(const Address& address) const;

 private:
  Result<void> gather(const AddressRange& range, std::vector<Fact>& out) const;
  std::uint64_t facts() const;
};

}  // namespace strata::store::object
