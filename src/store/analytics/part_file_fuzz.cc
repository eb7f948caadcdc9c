// Any bytes as the content of a part file. They become one block: compressed, with valid header, checksum and footer (first
// byte odd), or are the blocks as they stand. What is read ascends and is written as a part that reads as the same.
#include "core/assert.h"
#include "core/codec.h"
#include "io/memory_file_system.h"
#include "store/analytics/compression.h"
#include "store/analytics/part_file.h"

using namespace strata;
using namespace strata::store::analytics;

namespace {

/// Header and footer of a part with one record, as the writer makes them; `content` in between.
Bytes wrapped(io::FileSystem& files, ByteView content, PartInfo& info) {
  auto writer = PartWriter::create(files, 1);
  STRATA_ASSERT(writer.has_value());
  STRATA_ASSERT(writer->add({1, 0, 0, std::make_shared<const Bytes>()}).has_value());
  info = writer->finish().value();
  const Bytes part = io::read_file(files, info.name(), UINT32_MAX).value();
  constexpr std::ptrdiff_t kHead = 16, kFoot = 64;
  Bytes file(part.begin(), part.begin() + kHead);
  file.insert(file.end(), content.begin(), content.end());
  file.insert(file.end(), part.end() - kFoot, part.end());
  info.bytes = file.size();
  return file;
}

Bytes as_block(ByteView frames) {
  const Bytes stored = compress(frames).value();
  Bytes block;
  core::Encoder out(block);
  out.u32(static_cast<std::uint32_t>(frames.size()));
  out.u32(static_cast<std::uint32_t>(stored.size()));
  out.u64(0);
  out.u64(UINT64_MAX);
  out.u64(core::xxh3_64(ByteView(stored), core::xxh3_64(ByteView(block))));
  out.raw(stored.data(), stored.size());
  return block;
}

std::vector<Record> read_all(io::FileSystem& files, const PartInfo& info) {
  std::vector<Record> all;
  auto reader = PartReader::open(files, info);
  for (Lsn after = 0; reader;) {
    auto records = reader->next(after);
    if (!records || records->empty()) return all;
    for (Record& record : *records) {
      STRATA_ASSERT(record.lsn > after);
      after = record.lsn;
      all.push_back(std::move(record));
    }
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView rest(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  const auto files = io::make_memory_file_system();
  STRATA_ASSERT(files->create_directory("analytics").has_value());
  PartInfo info;
  const Bytes file = wrapped(*files, data[0] % 2 == 1 ? as_block(rest) : Bytes(rest.begin(), rest.end()), info);
  STRATA_ASSERT(io::write_file_atomically(*files, info.name(), file).has_value());
  const std::vector<Record> records = read_all(*files, info);
  if (records.empty()) return 0;
  auto writer = PartWriter::create(*files, 2);
  STRATA_ASSERT(writer.has_value());
  for (const Record& record : records) STRATA_ASSERT(writer->add(record).has_value());
  const std::vector<Record> again = read_all(*files, writer->finish().value());
  STRATA_ASSERT(again.size() == records.size());
  for (std::size_t i = 0; i < again.size(); ++i) {
    STRATA_ASSERT(again[i].lsn == records[i].lsn && again[i].time == records[i].time &&
                  again[i].chain == records[i].chain && *again[i].section == *records[i].section);
  }
  return 0;
}
