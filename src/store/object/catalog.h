#pragma once
/// The catalog on disk: immutable segments of facts, newest first, merged as they grow.
///
///     object/catalog/<n>    facts sorted by (address, subject, LSN) │ owners sorted by (subject, address) │ footer
///
/// A lookup asks the segments from the newest to the oldest; the first version ≤ view decides, because a newer segment
/// holds only later LSNs. A merge drops versions that no view ≥ horizon can see (I2, I7).
#include <functional>

#include "store/object/fact.h"
#include "store/object/sorted_table.h"

namespace strata::store::object {

inline constexpr std::string_view kCatalogDirectory = "object/catalog";

/// Threads: any; immutable.
class CatalogSegment {
 public:
  /// Maps the file; reads header, footer and directory. Errors  corruption, unsupported, not_found
  static Result<std::shared_ptr<const CatalogSegment>> open(io::FileSystem& files,
                                                            const transaction::CheckpointFile& file);

  std::uint64_t size() const { return facts_->size(); }
  const transaction::CheckpointFile& file() const { return file_; }
  Result<std::optional<bool>> find(const FactKey& key, Lsn view) const;
  Result<void> gather(const AddressRange& range, std::vector<Fact>& out) const;
  /// Every version of one fact, ascending by LSN.
  Result<void> gather_key(const FactKey& key, std::vector<Fact>& out) const;
  Result<void> gather_owned(const Subject& owner, std::vector<Address>& out) const;
  Result<Fact> fact(std::uint64_t position) const;
  /// Every page's checksum; `found` gets offset and message of each that is wrong.
  void verify(const std::function<void(std::uint64_t offset, std::string what)>& found) const;

 private:
  CatalogSegment() = default;
  transaction::CheckpointFile file_;
  std::unique_ptr<io::Mapping> mapping_;
  std::unique_ptr<SortedTable> facts_;
  std::unique_ptr<SortedTable> owners_;
};

/// Writes the facts of `fresh` (sorted) and `segments` into one new segment.
/// bottom   nothing older than `segments` exists: an object's end needs no trace once it lies before the horizon
/// Null when nothing was left to write. Errors  io, resource_exhausted, corruption (in an input)
Result<std::shared_ptr<const CatalogSegment>> merge_catalog(
    io::FileSystem& files, const std::string& name, const std::vector<Fact>& fresh,
    const std::vector<std::shared_ptr<const CatalogSegment>>& segments, Lsn horizon, bool bottom);

}  // namespace strata::store::object
