#include "store/object/sorted_table.h"

#include <algorithm>
#include <cstring>

#include "core/assert.h"
#include "core/endian.h"

namespace strata::store::object {
namespace {

/// The first 8 bytes as a number that orders as the bytes do.
std::uint64_t prefix_of(const std::byte* key) { return __builtin_bswap64(core::load<std::uint64_t>(key)); }

}  // namespace

void encode(const TableDescriptor& table, core::Encoder& out) {
  out.u64(table.offset);
  out.u64(table.count);
  out.u32(table.record_bytes);
  out.u32(table.directory_crc);
}

TableDescriptor decode_table_descriptor(core::Decoder& in) {
  TableDescriptor table;
  table.offset = in.u64();
  table.count = in.u64();
  table.record_bytes = in.u32();
  table.directory_crc = in.u32();
  return table;
}

SortedTableWriter::SortedTableWriter(SealedFileWriter& out, std::uint32_t record_bytes) : out_(&out) {
  table_.offset = out.position();
  table_.record_bytes = record_bytes;
}

Result<SortedTableWriter> SortedTableWriter::begin(SealedFileWriter& out, std::uint32_t record_bytes) {
  STRATA_ASSERT(record_bytes % 8 == 0);  // so that the directory after the records is aligned
  STRATA_TRY(out.pad_to(64));
  return SortedTableWriter(out, record_bytes);
}

Result<void> SortedTableWriter::append(ByteView record) {
  STRATA_DEBUG_ASSERT(record.size() == table_.record_bytes);
  if (page_.empty()) prefixes_.push_back(prefix_of(record.data()));
  page_.insert(page_.end(), record.begin(), record.end());
  ++table_.count;
  return table_.count % kRecordsPerPage == 0 ? flush_page() : Result<void>();
}

Result<void> SortedTableWriter::flush_page() {
  if (page_.empty()) return {};
  checksums_.push_back(core::crc32c(page_));
  STRATA_TRY(out_->append(page_));
  page_.clear();
  return {};
}

Result<TableDescriptor> SortedTableWriter::finish() {
  STRATA_TRY(flush_page());
  const auto prefixes = std::as_bytes(std::span(prefixes_));
  const auto checksums = std::as_bytes(std::span(checksums_));
  table_.directory_crc = core::crc32c(checksums, core::crc32c(prefixes));
  STRATA_TRY(out_->append(prefixes));
  STRATA_TRY(out_->append(checksums));
  return table_;
}

Result<std::unique_ptr<SortedTable>> SortedTable::open(ByteView file, const TableDescriptor& table,
                                                       std::uint32_t record_bytes, std::size_t key_bytes,
                                                       std::string file_name) {
  STRATA_ASSERT(key_bytes >= 8 && key_bytes <= record_bytes);
  const auto damaged = [&](const char* what) {
    return Error(ErrorCode::corruption, file_name + ", offset " + std::to_string(table.offset) + ": " + what);
  };
  std::unique_ptr<SortedTable> opened(new SortedTable());
  opened->table_ = table;
  if (table.record_bytes != record_bytes || table.offset % 8 != 0 || table.offset > file.size() ||
      table.count > (file.size() - table.offset) / record_bytes) {
    return damaged("a table that does not fit into its file");
  }
  const std::uint64_t pages = opened->pages();
  const std::uint64_t directory = table.offset + table.count * record_bytes;
  if (pages * 12 > file.size() - directory) return damaged("a table directory that does not fit into its file");
  const ByteView prefixes = file.subspan(directory, pages * 8);
  const ByteView checksums = file.subspan(directory + pages * 8, pages * 4);
  if (core::crc32c(checksums, core::crc32c(prefixes)) != table.directory_crc) {
    return damaged("the table directory's checksum is wrong");
  }
  opened->file_ = file;
  opened->key_bytes_ = key_bytes;
  opened->file_name_ = std::move(file_name);
  opened->prefixes_ = {reinterpret_cast<const std::uint64_t*>(prefixes.data()), pages};
  opened->checksums_ = checksums.data();
  opened->verified_ = std::make_unique<std::atomic<bool>[]>(pages);
  return opened;
}

ByteView SortedTable::page(std::uint64_t page) const {
  const std::uint64_t first = page * kRecordsPerPage;
  const std::uint64_t records = std::min<std::uint64_t>(kRecordsPerPage, table_.count - first);
  return file_.subspan(page_offset(page), records * table_.record_bytes);
}

Result<void> SortedTable::check_page(std::uint64_t page) const {
  if (core::crc32c(this->page(page)) != core::load<std::uint32_t>(checksums_ + page * 4)) {
    return Error(ErrorCode::corruption, file_name_ + ", offset " + std::to_string(page_offset(page)) +
                                            ": the checksum of an index page is wrong");
  }
  verified_[page].store(true, std::memory_order_relaxed);  // the bytes themselves never change: no order needed
  return {};
}

Result<const std::byte*> SortedTable::record(std::uint64_t position) const {
  STRATA_DEBUG_ASSERT(position < table_.count);
  const std::uint64_t page = position / kRecordsPerPage;
  if (!verified_[page].load(std::memory_order_relaxed)) STRATA_TRY(check_page(page));
  return file_.data() + table_.offset + position * table_.record_bytes;
}

Result<std::uint64_t> SortedTable::lower_bound(ByteView key) const {
  STRATA_DEBUG_ASSERT(key.size() == key_bytes_);
  // Pages before the last one whose first prefix is below the key's hold only smaller keys.
  const auto found = std::lower_bound(prefixes_.begin(), prefixes_.end(), prefix_of(key.data()));
  std::uint64_t page = static_cast<std::uint64_t>(found - prefixes_.begin());
  if (page > 0) --page;
  for (; page < prefixes_.size(); ++page) {
    std::uint64_t low = page * kRecordsPerPage;
    const std::uint64_t end = std::min<std::uint64_t>(low + kRecordsPerPage, table_.count);
    const std::byte* first = STRATA_TRY(record(low));
    std::uint64_t high = end;
    const std::uint64_t begin = low;
    while (low < high) {
      const std::uint64_t middle = low + (high - low) / 2;
      const std::byte* at = first + (middle - begin) * table_.record_bytes;
      if (std::memcmp(at, key.data(), key_bytes_) < 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    if (low < end) return low;
  }
  return table_.count;
}

}  // namespace strata::store::object
