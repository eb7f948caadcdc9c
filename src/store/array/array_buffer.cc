#include "store/array/array_buffer.h"

#include <algorithm>
#include <cstring>

#include "core/checksum.h"
#include "store/array/layout.h"

namespace strata::store::array {

namespace {

// Seeds: the store's number, and one more for each kind of key, so that keys of all stores share one space.
std::uint64_t seed(std::uint64_t kind) { return static_cast<std::uint64_t>(StoreKind::array) + (kind << 8); }

}  // namespace

transaction::KeyHash dataset_key(std::string_view dataset) { return core::xxh3_64(dataset, seed(0)); }
transaction::KeyHash attribute_key(std::string_view dataset, std::string_view name) {
  return core::xxh3_64(name, dataset_key(dataset));
}
transaction::KeyHash attributes_key(std::string_view dataset) { return core::xxh3_64(dataset, seed(3)); }
transaction::KeyHash content_key(std::string_view dataset) { return core::xxh3_64(dataset, seed(1)); }
transaction::KeyHash length_predicate(std::string_view dataset) { return core::xxh3_64(dataset, seed(2)); }
transaction::KeyHash key_predicate(std::string_view dataset, std::string_view key) {
  return core::xxh3_64(key, core::xxh3_64(dataset, seed(4)));
}

void zero_rows(std::span<const RowRange> ranges, std::uint64_t begin, std::uint64_t end, std::uint64_t row_bytes,
               std::span<std::byte> out) {
  for (const RowRange& range : ranges) {
    const std::uint64_t first = std::max(begin, range.begin);
    const std::uint64_t last = std::min(end, range.end);
    if (first < last) std::memset(out.data() + (first - begin) * row_bytes, 0, (last - first) * row_bytes);
  }
}

Result<void> ArrayBuffer::read_own(const OwnDataset& dataset, std::uint64_t begin, std::uint64_t end,
                                   std::span<std::byte> out) {
  const std::uint64_t each = row_bytes(dataset.options);
  for (const OwnAppend& append : dataset.appends) {
    const std::uint64_t first = std::max(begin, append.begin);
    const std::uint64_t last = std::min(end, append.end);
    if (first >= last) continue;
    const auto piece = out.subspan((first - begin) * each, (last - first) * each);
    if (append.file) {
      STRATA_TRY(append.file->read(first - append.begin, last - first, piece));
    } else {
      const ByteView from = section().subspan(append.offset + (first - append.begin) * each, piece.size());
      std::copy(from.begin(), from.end(), piece.begin());
    }
  }
  zero_rows(dataset.own_cleared, begin, end, each, out);
  return {};
}

/// Conflicts were excluded from the last view on; under read committed the view moved between the calls, so the datasets
/// themselves are compared too.
Result<void> ArrayBuffer::validate(transaction::Context& context) {
  for (const auto& [name, own] : own_) {
    if (!own.base) continue;
    if (store_.find_dataset(name, context.view_lsn()) != own.base) {
      return Error(ErrorCode::conflict,
                   "array dataset \"" + name + "\" was dropped while this transaction wrote to it");
    }
  }
  return {};
}

void ArrayBuffer::aborted() {
  own_.clear();  // closes the files
  for (const FileReference& file : files_) store_.remove_written(file);
  files_.clear();
}

std::unique_ptr<ArrayBuffer::Saved> ArrayBuffer::save() {
  return std::make_unique<transaction::SavedCopy<Content>>(Content{section_.size(), files_.size(), own_});
}

void ArrayBuffer::restore(const Saved& saved) {
  const Content& before = transaction::SavedCopy<Content>::of(saved);
  own_ = before.own;  // closes the files written since
  while (files_.size() > before.files) {
    store_.remove_written(files_.back());
    files_.pop_back();
  }
  section_.resize(before.section_bytes);
}

Result<void> ArrayBuffer::affects(transaction::Context&, std::vector<std::uint64_t>& predicates) const {
  bool listed = false;
  for (const auto& [name, own] : own_) {
    listed |= own.dropped || own.base == nullptr;
    if (!own.appends.empty()) predicates.push_back(length_predicate(name));
    for (const OwnAppend& append : own.appends) {
      if (!append.key.empty()) predicates.push_back(key_predicate(name, append.key));
    }
  }
  if (listed) predicates.push_back(kDatasetsPredicate);
  return {};
}

std::string ArrayBuffer::describe(std::uint64_t key) const {
  const auto at = names_.find(key);
  return at == names_.end() ? std::string() : at->second;
}

}  // namespace strata::store::array
