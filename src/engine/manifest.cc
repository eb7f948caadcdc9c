#include "engine/manifest.h"

#include <cstdio>

#include "core/assert.h"

namespace strata::engine {
namespace {

constexpr std::uint64_t kMagic = 0x3154464e4d525453;  // "STRMNFT1" in the file's byte order
constexpr std::size_t kHeaderBytes = 32;              // magic, versions, body size, header CRC
constexpr std::uint64_t kManifestBytesMax = 256 << 20;

// Times in a file may be anything: they add up without overflow, and come back as they were.
Timestamp wrapping_sum(Timestamp a, Timestamp b) {
  return static_cast<Timestamp>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
Timestamp wrapping_difference(Timestamp a, Timestamp b) {
  return static_cast<Timestamp>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

void encode_store(core::Encoder& out, const transaction::Checkpoint& store) {
  out.u64(store.lsn);
  out.bytes(store.state);
  out.varint(store.files.size());
  for (const auto& file : store.files) {
    out.text(file.name);
    out.varint(file.bytes);
    out.u64(file.hash.low);
    out.u64(file.hash.high);
  }
}

transaction::Checkpoint decode_store(core::Decoder& in) {
  transaction::Checkpoint store;
  store.lsn = in.u64();
  const ByteView state = in.bytes();
  store.state.assign(state.begin(), state.end());
  const std::size_t files = in.count(18);
  for (std::size_t i = 0; i < files && in.ok(); ++i) {
    transaction::CheckpointFile file;
    file.name = in.text();
    file.bytes = in.varint();
    file.hash.low = in.u64();
    file.hash.high = in.u64();
    store.files.push_back(std::move(file));
  }
  return store;
}

}  // namespace

std::string manifest_name(std::uint64_t number) {
  char name[40];
  std::snprintf(name, sizeof name, "MANIFEST-%012llu", static_cast<unsigned long long>(number));
  return name;
}

Bytes encode(const Manifest& manifest) {
  Bytes body;
  core::Encoder out(body);
  out.u64(manifest.number);
  out.raw(manifest.database.data(), manifest.database.size());
  out.u64(manifest.timeline);
  out.u64(manifest.lsn);
  out.i64(manifest.time);
  out.u64(manifest.horizon);
  out.u64(manifest.previous.low);
  out.u64(manifest.previous.high);
  for (const auto& store : manifest.stores) encode_store(out, store);
  out.varint(manifest.idempotency.size());
  for (const auto& entry : manifest.idempotency) {
    out.u64(entry.hash);
    out.varint(entry.lsn);
    out.i64(entry.time);
  }
  out.varint(manifest.commit_times.size());
  CommitTime last;
  for (const CommitTime& point : manifest.commit_times) {
    out.varint(point.lsn - last.lsn);
    out.zigzag(wrapping_difference(point.time, last.time));
    last = point;
  }
  out.varint(manifest.tags.size());
  for (const Tag& tag : manifest.tags) {
    out.text(tag.name);
    out.varint(tag.lsn);
    out.i64(tag.time);
  }

  Bytes file;
  core::Encoder head(file);
  head.u64(kMagic);
  head.u32(kFormatVersion);
  head.u32(kReaderVersionMin);
  head.u64(body.size());
  head.u32(0);
  head.u32(core::crc32c(file));
  STRATA_ASSERT(file.size() == kHeaderBytes);
  head.raw(body.data(), body.size());
  const core::Hash128 hash = core::xxh3_128(file);
  head.u64(hash.low);
  head.u64(hash.high);
  return file;
}

Result<Manifest> decode_manifest(ByteView bytes, std::string_view file) {
  const auto corrupt = [&](const std::string& what) {
    return Error(ErrorCode::corruption, std::string(file) + ": " + what);
  };
  if (bytes.size() < kHeaderBytes + sizeof(core::Hash128)) return corrupt("too short for a manifest");
  core::Decoder head(bytes.first(kHeaderBytes));
  const std::uint64_t magic = head.u64();
  head.u32();
  const std::uint32_t reader_min = head.u32();
  const std::uint64_t body_bytes = head.u64();
  head.u32();
  const std::uint32_t crc = head.u32();
  if (magic != kMagic) return corrupt("not a manifest");
  if (crc != core::crc32c(bytes.first(kHeaderBytes - 4))) return corrupt("header checksum differs");
  if (reader_min > kFormatVersion) {
    return Error(ErrorCode::unsupported, std::string(file) + ": needs a program that reads format " +
                                             std::to_string(reader_min) + "; this one reads " +
                                             std::to_string(kFormatVersion));
  }
  if (body_bytes != bytes.size() - kHeaderBytes - sizeof(core::Hash128)) return corrupt("length differs");
  core::Decoder tail(bytes.last(sizeof(core::Hash128)));
  core::Hash128 hash;
  hash.low = tail.u64();
  hash.high = tail.u64();
  if (hash != core::xxh3_128(bytes.first(bytes.size() - sizeof(core::Hash128)))) return corrupt("content hash differs");

  core::Decoder in(bytes.subspan(kHeaderBytes, body_bytes));
  Manifest manifest;
  manifest.number = in.u64();
  const ByteView database = in.raw(manifest.database.size());
  std::copy(database.begin(), database.end(), manifest.database.begin());
  manifest.timeline = in.u64();
  manifest.lsn = in.u64();
  manifest.time = in.i64();
  manifest.horizon = in.u64();
  manifest.previous.low = in.u64();
  manifest.previous.high = in.u64();
  for (auto& store : manifest.stores) store = decode_store(in);
  const std::size_t keys = in.count(17);
  for (std::size_t i = 0; i < keys && in.ok(); ++i) {
    transaction::IdempotencyEntry entry;
    entry.hash = in.u64();
    entry.lsn = in.varint();
    entry.time = in.i64();
    manifest.idempotency.push_back(entry);
  }
  const std::size_t points = in.count(2);
  CommitTime last;
  for (std::size_t i = 0; i < points && in.ok(); ++i) {
    last.lsn += in.varint();
    last.time = wrapping_sum(last.time, in.zigzag());
    manifest.commit_times.push_back(last);
  }
  const std::size_t tags = in.count(10);
  for (std::size_t i = 0; i < tags && in.ok(); ++i) {
    Tag tag;
    tag.name = in.text();
    tag.lsn = in.varint();
    tag.time = in.i64();
    manifest.tags.push_back(std::move(tag));
  }
  STRATA_TRY(in.finish(file));
  return manifest;
}

Result<Manifest> read_manifest(io::FileSystem& files, std::uint64_t number) {
  const std::string name = manifest_name(number);
  const Bytes bytes = STRATA_TRY(io::read_file(files, name, kManifestBytesMax));
  Manifest manifest = STRATA_TRY(decode_manifest(bytes, name));
  if (manifest.number != number) {
    return Error(ErrorCode::corruption, name + ": holds manifest " + std::to_string(manifest.number));
  }
  return manifest;
}

std::vector<transaction::CheckpointFile> files_of(const Manifest& manifest) {
  std::vector<transaction::CheckpointFile> files;
  for (const auto& store : manifest.stores) files.insert(files.end(), store.files.begin(), store.files.end());
  return files;
}

}  // namespace strata::engine
