#pragma once
/// Records of one width, sorted by the bytes they begin with, read in place from a mapped file.
///
///     pages of 64 records │ first 8 key bytes of each page │ CRC-32C of each page
///                           └── the directory: all that opening reads
///
/// A lookup searches the directory (8 bytes per page, in cache) and then one page. A page's checksum is verified when it
/// is first touched; after that the mapping is trusted.
#include <atomic>
#include <memory>

#include "store/object/sealed_file.h"

namespace strata::store::object {

inline constexpr std::size_t kRecordsPerPage = 64;

/// Where a table lies in its file; part of the file's footer.
struct TableDescriptor {
  std::uint64_t offset = 0;
  std::uint64_t count = 0;
  std::uint32_t record_bytes = 0;
  std::uint32_t directory_crc = 0;
};
void encode(const TableDescriptor& table, core::Encoder& out);
TableDescriptor decode_table_descriptor(core::Decoder& in);

/// Appends a table to a file that is being written.
class SortedTableWriter {
 public:
  static Result<SortedTableWriter> begin(SealedFileWriter& out, std::uint32_t record_bytes);
  Result<void> append(ByteView record);
  Result<TableDescriptor> finish();

 private:
  SortedTableWriter(SealedFileWriter& out, std::uint32_t record_bytes);
  Result<void> flush_page();

  SealedFileWriter* out_;
  TableDescriptor table_;
  Bytes page_;
  std::vector<std::uint64_t> prefixes_;
  std::vector<std::uint32_t> checksums_;
};

/// Threads: any.
class SortedTable {
 public:
  /// key_bytes   how many bytes at the front of a record are its key
  /// Errors  corruption naming `file_name`
  static Result<std::unique_ptr<SortedTable>> open(ByteView file, const TableDescriptor& table,
                                                   std::uint32_t record_bytes, std::size_t key_bytes,
                                                   std::string file_name);
  std::uint64_t size() const { return table_.count; }
  /// The position of the first record whose key is ≥ `key`. Errors  corruption
  Result<std::uint64_t> lower_bound(ByteView key) const;
  /// Errors  corruption (the page's checksum)
  Result<const std::byte*> record(std::uint64_t position) const;
  Result<void> check_page(std::uint64_t page) const;
  std::uint64_t pages() const { return (table_.count + kRecordsPerPage - 1) / kRecordsPerPage; }
  std::uint64_t page_offset(std::uint64_t page) const {
    return table_.offset + page * kRecordsPerPage * table_.record_bytes;
  }

 private:
  SortedTable() = default;
  ByteView page(std::uint64_t page) const;

  ByteView file_;
  TableDescriptor table_;
  std::size_t key_bytes_ = 0;
  std::string file_name_;
  std::span<const std::uint64_t> prefixes_;
  const std::byte* checksums_ = nullptr;
  std::unique_ptr<std::atomic<bool>[]> verified_;
};

}  // namespace strata::store::object
