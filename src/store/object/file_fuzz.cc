// Any bytes as a file of the object store: a pack, a segment of the catalog, or a large object, each with valid checksums of
// header, footer and index where the first byte says so. What opens is read through.
#include "core/assert.h"
#include "core/endian.h"
#include "io/memory_file_system.h"
#include "store/object/catalog.h"
#include "store/object/large_object.h"
#include "store/object/pack.h"

using namespace strata;
using namespace strata::store::object;

namespace {

constexpr std::size_t kDescriptorBytes = 24;

/// Checksums of a table's pages and of its directory.
void seal_table(Bytes& file, std::byte* descriptor) {
  core::Decoder in(ByteView(descriptor, kDescriptorBytes));
  TableDescriptor table = decode_table_descriptor(in);
  const std::uint64_t record_bytes = std::max<std::uint32_t>(table.record_bytes, 1);
  if (table.offset > file.size() || table.count > (file.size() - table.offset) / record_bytes) return;
  const std::uint64_t pages = (table.count + kRecordsPerPage - 1) / kRecordsPerPage;
  const std::uint64_t directory = table.offset + table.count * record_bytes;
  if (pages * 12 > file.size() - directory) return;
  for (std::uint64_t page = 0; page < pages; ++page) {
    const std::uint64_t begin = table.offset + page * kRecordsPerPage * record_bytes;
    const std::uint64_t end = std::min(begin + kRecordsPerPage * record_bytes, directory);
    core::store(&file[directory + pages * 8 + page * 4], core::crc32c(ByteView(file).subspan(begin, end - begin)));
  }
  table.directory_crc = core::crc32c(ByteView(file).subspan(directory, pages * 12));
  Bytes encoded;
  core::Encoder out(encoded);
  encode(table, out);
  std::copy(encoded.begin(), encoded.end(), descriptor);
}

void seal(Bytes& file, std::size_t tables) {
  if (file.size() < kHeaderBytes + kTrailerBytes) return;
  core::store(&file[12], core::crc32c(ByteView(file).first(12)));
  std::byte* trailer = file.data() + file.size() - kTrailerBytes;
  const std::uint64_t footer_bytes = core::load<std::uint32_t>(trailer);
  if (footer_bytes > file.size() - kHeaderBytes - kTrailerBytes) return;
  const std::size_t footer = file.size() - kTrailerBytes - footer_bytes;
  for (std::size_t i = 0; i < tables && (i + 1) * kDescriptorBytes <= footer_bytes; ++i) {
    seal_table(file, &file[footer + i * kDescriptorBytes]);
  }
  core::store(trailer + 4, core::crc32c(ByteView(file).subspan(footer, footer_bytes)));
  std::copy_n(file.begin(), 8, trailer + 8);
}

void read_pack(io::FileSystem& files, const transaction::CheckpointFile& file) {
  const auto pack = Pack::open(files, file);
  if (!pack) return;
  (*pack)->verify([](std::uint64_t, const std::string&) {});
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>((*pack)->size(), 32); ++i) {
    const auto entry = (*pack)->entry(i);
    if (!entry) continue;
    (void)(*pack)->find(entry->address).has_value();
    if (const auto content = (*pack)->read(*entry)) STRATA_ASSERT(content->size() == entry->bytes);
  }
}

void read_catalog(io::FileSystem& files, const transaction::CheckpointFile& file) {
  const auto segment = CatalogSegment::open(files, file);
  if (!segment) return;
  (*segment)->verify([](std::uint64_t, const std::string&) {});
  std::vector<Fact> facts;
  (void)(*segment)->gather({}, facts).has_value();
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>((*segment)->size(), 32); ++i) {
    if (const auto fact = (*segment)->fact(i)) (void)(*segment)->find(fact->key, 7).has_value();
  }
}

void read_large(io::FileSystem& files, ByteView content) {
  LargeFile file;
  file.compression =
      content.empty() ? Compression::none : static_cast<Compression>(std::to_integer<int>(content[0]) % 4);
  file.bytes = content.size() > 4 ? core::load<std::uint32_t>(content.data() + content.size() - 4) % (4U << 20) : 0;
  file.stored_bytes = content.size();
  (void)read_large_object(files, Address(), file, [](ByteView) { return Result<void>(); }).has_value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Bytes content(reinterpret_cast<const std::byte*>(data) + 1, reinterpret_cast<const std::byte*>(data) + size);
  const int kind = data[0] / 2 % 3;
  if (data[0] % 2 == 1) seal(content, kind == 0 ? 1 : kind == 1 ? 2 : 0);
  const auto files = io::make_memory_file_system();
  const transaction::CheckpointFile file{"file", content.size(), {}};
  switch (kind) {
    case 0:
      STRATA_ASSERT(io::write_file_atomically(*files, "file", content).has_value());
      read_pack(*files, file);
      break;
    case 1:
      STRATA_ASSERT(io::write_file_atomically(*files, "file", content).has_value());
      read_catalog(*files, file);
      break;
    case 2: {
      const std::string name = large_file_name(Address(), 0);
      STRATA_ASSERT(files->create_directory(name.substr(0, name.rfind('/'))).has_value());
      STRATA_ASSERT(io::write_file_atomically(*files, name, content).has_value());
      read_large(*files, content);
      break;
    }
  }
  return 0;
}
