#include "store/object/catalog.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/endian.h"

namespace strata::store::object {
namespace {

constexpr std::string_view kMagic = "STRATAOC";
constexpr std::uint32_t kFactBytes = 56;   // key 48, stamp 8
constexpr std::uint32_t kOwnerBytes = 48;  // subject 16, address 32

Fact read_fact(const std::byte* record) {
  Fact fact;
  std::memcpy(&fact.key, record, sizeof fact.key);
  fact.stamp = Stamp::from_word(core::load<std::uint64_t>(record + sizeof fact.key));
  return fact;
}

ByteView key_bytes(const FactKey& key) { return {reinterpret_cast<const std::byte*>(&key), sizeof key}; }

/// One input of a merge: either sorted facts in RAM, or a segment.
class Cursor {
 public:
  explicit Cursor(const std::vector<Fact>& facts) : facts_(&facts), size_(facts.size()) {}
  explicit Cursor(const CatalogSegment& segment) : segment_(&segment), size_(segment.size()) {}
  Result<void> load() {
    if (done()) return {};
    now_ = segment_ ? STRATA_TRY(segment_->fact(at_)) : (*facts_)[at_];
    return {};
  }
  Result<void> advance() {
    ++at_;
    return load();
  }
  bool done() const { return at_ == size_; }
  const Fact& now() const { return now_; }

 private:
  const std::vector<Fact>* facts_ = nullptr;
  const CatalogSegment* segment_ = nullptr;
  std::uint64_t size_;
  std::uint64_t at_ = 0;
  Fact now_;
};

/// Leaves the versions that a view ≥ horizon can tell apart. `stamps` ascends.
void drop_unseen(std::vector<Stamp>& stamps, Lsn horizon, bool bottom) {
  std::size_t first = 0;
  while (first + 1 < stamps.size() && stamps[first + 1].lsn() <= horizon) ++first;
  stamps.erase(stamps.begin(), stamps.begin() + static_cast<std::ptrdiff_t>(first));
  // Saying the same again changes nothing.
  const auto repeated = [](const Stamp& a, const Stamp& b) { return a.alive() == b.alive(); };
  stamps.erase(std::unique(stamps.begin(), stamps.end(), repeated), stamps.end());
  // With nothing below, "absent" needs saying to nobody: not even before the horizon.
  if (bottom && !stamps.empty() && !stamps.front().alive()) stamps.erase(stamps.begin());
}

}  // namespace

Result<std::shared_ptr<const CatalogSegment>> CatalogSegment::open(io::FileSystem& files,
                                                                   const transaction::CheckpointFile& file) {
  std::shared_ptr<CatalogSegment> segment(new CatalogSegment());
  segment->file_ = file;
  segment->mapping_ = STRATA_TRY(files.map(file.name));
  segment->mapping_->advise(io::Mapping::Advice::random);
  const ByteView bytes = segment->mapping_->bytes();
  const ByteView footer = STRATA_TRY(open_sealed(bytes, kMagic, file.name));
  core::Decoder in(footer);
  const TableDescriptor facts = decode_table_descriptor(in);
  const TableDescriptor owners = decode_table_descriptor(in);
  STRATA_TRY(in.finish(file.name));
  segment->facts_ = STRATA_TRY(SortedTable::open(bytes, facts, kFactBytes, sizeof(FactKey), file.name));
  segment->owners_ = STRATA_TRY(SortedTable::open(bytes, owners, kOwnerBytes, kOwnerBytes, file.name));
  return std::shared_ptr<const CatalogSegment>(std::move(segment));
}

Result<Fact> CatalogSegment::fact(std::uint64_t position) const {
  return read_fact(STRATA_TRY(facts_->record(position)));
}

Result<std::optional<bool>> CatalogSegment::find(const FactKey& key, Lsn view) const {
  std::optional<bool> state;
  std::uint64_t at = STRATA_TRY(facts_->lower_bound(key_bytes(key)));
  for (; at < facts_->size(); ++at) {
    const Fact fact = STRATA_TRY(this->fact(at));
    if (fact.key != key || fact.stamp.lsn() > view) break;
    state = fact.stamp.alive();
  }
  return state;
}

Result<void> CatalogSegment::gather(const AddressRange& range, std::vector<Fact>& out) const {
  std::uint64_t at = STRATA_TRY(facts_->lower_bound(key_bytes({range.begin, kObject})));
  for (; at < facts_->size(); ++at) {
    const Fact fact = STRATA_TRY(this->fact(at));
    if (range.end && fact.key.address >= *range.end) break;
    out.push_back(fact);
  }
  return {};
}

Result<void> CatalogSegment::gather_key(const FactKey& key, std::vector<Fact>& out) const {
  std::uint64_t at = STRATA_TRY(facts_->lower_bound(key_bytes(key)));
  for (; at < facts_->size(); ++at) {
    const Fact fact = STRATA_TRY(this->fact(at));
    if (fact.key != key) break;
    out.push_back(fact);
  }
  return {};
}

Result<void> CatalogSegment::gather_owned(const Subject& owner, std::vector<Address>& out) const {
  std::array<std::byte, kOwnerBytes> key{};
  std::copy(owner.id.begin(), owner.id.end(), key.begin());
  std::uint64_t at = STRATA_TRY(owners_->lower_bound(key));
  for (; at < owners_->size(); ++at) {
    const std::byte* record = STRATA_TRY(owners_->record(at));
    if (std::memcmp(record, owner.id.data(), owner.id.size()) != 0) break;
    Address address;
    std::memcpy(address.digest.data(), record + owner.id.size(), address.digest.size());
    out.push_back(address);
  }
  return {};
}

void CatalogSegment::verify(const std::function<void(std::uint64_t, std::string)>& found) const {
  for (const SortedTable* table : {facts_.get(), owners_.get()}) {
    for (std::uint64_t page = 0; page < table->pages(); ++page) {
      if (auto good = table->check_page(page); !good) found(table->page_offset(page), good.error().message());
    }
  }
}

Result<std::shared_ptr<const CatalogSegment>> merge_catalog(
    io::FileSystem& files, const std::string& name, const std::vector<Fact>& fresh,
    const std::vector<std::shared_ptr<const CatalogSegment>>& segments, Lsn horizon, bool bottom) {
  std::vector<Cursor> inputs;
  inputs.emplace_back(fresh);
  for (const auto& segment : segments) inputs.emplace_back(*segment);
  for (Cursor& input : inputs) STRATA_TRY(input.load());

  auto out = STRATA_TRY(SealedFileWriter::create(files, name + ".tmp", kMagic));
  SortedTableWriter facts = STRATA_TRY(SortedTableWriter::begin(*out, kFactBytes));
  std::vector<std::array<std::byte, kOwnerBytes>> owners;
  std::vector<Stamp> stamps;
  std::uint64_t written = 0;
  while (true) {
    // 1. The smallest key among the inputs, and all its versions.
    const FactKey* smallest = nullptr;
    for (const Cursor& input : inputs) {
      if (!input.done() && (smallest == nullptr || input.now().key < *smallest)) smallest = &input.now().key;
    }
    if (smallest == nullptr) break;
    const FactKey key = *smallest;
    stamps.clear();
    for (Cursor& input : inputs) {
      while (!input.done() && input.now().key == key) {
        stamps.push_back(input.now().stamp);
        STRATA_TRY(input.advance());
      }
    }
    std::sort(stamps.begin(), stamps.end());
    // 2. Those that count.
    drop_unseen(stamps, horizon, bottom);
    for (const Stamp stamp : stamps) {
      std::array<std::byte, kFactBytes> record;
      std::memcpy(record.data(), &key, sizeof key);
      core::store(record.data() + sizeof key, stamp.word());
      STRATA_TRY(facts.append(record));
      ++written;
    }
    if (!stamps.empty() && key.subject != kObject && key.subject != kPin) {
      std::array<std::byte, kOwnerBytes> record;
      std::memcpy(record.data(), key.subject.id.data(), 16);
      std::memcpy(record.data() + 16, key.address.digest.data(), 32);
      owners.push_back(record);
    }
  }
  if (written == 0) return std::shared_ptr<const CatalogSegment>();

  const TableDescriptor fact_table = STRATA_TRY(facts.finish());
  std::sort(owners.begin(), owners.end(),
            [](const auto& a, const auto& b) { return std::memcmp(a.data(), b.data(), kOwnerBytes) < 0; });
  SortedTableWriter by_owner = STRATA_TRY(SortedTableWriter::begin(*out, kOwnerBytes));
  for (const auto& record : owners) STRATA_TRY(by_owner.append(record));
  const TableDescriptor owner_table = STRATA_TRY(by_owner.finish());
  Bytes footer;
  core::Encoder encoder(footer);
  encode(fact_table, encoder);
  encode(owner_table, encoder);
  const auto file = STRATA_TRY(out->finish(name, footer));
  return CatalogSegment::open(files, file);
}

}  // namespace strata::store::object
