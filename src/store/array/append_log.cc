#include "store/array/append_log.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "core/assert.h"
#include "core/checksum.h"
#include "core/codec.h"
#include "core/digest.h"
#include "core/endian.h"

namespace strata::store::array {
namespace {

constexpr std::string_view kMagic = "STRAIDX1";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeaderBytes = 64;
constexpr std::size_t kTrailerBytes = 16;
constexpr std::size_t kDigestBytes = sizeof(KeyDigest);

std::uint32_t hash_of(std::string_view key) { return static_cast<std::uint32_t>(core::xxh3_64(key)); }

/// The first i in [0, size) for which `above(i)`; size if there is none. `above` is monotonic.
template <typename Above>
std::size_t first_where(std::size_t size, Above above) {
  std::size_t begin = 0;
  while (begin < size) {
    const std::size_t middle = begin + (size - begin) / 2;
    if (above(middle)) {
      size = middle;
    } else {
      begin = middle + 1;
    }
  }
  return begin;
}

}  // namespace

KeyDigest digest_of(std::string_view key) {
  const core::Digest whole = core::sha256(as_bytes(key));
  KeyDigest digest;
  std::copy_n(whole.begin(), digest.size(), digest.begin());
  return digest;
}

// ---- in memory ---------------------------------------------------------------------------------------------------

void AppendLog::add(Lsn lsn, std::uint64_t rows, std::string_view key) {
  STRATA_DEBUG_ASSERT(entries_.empty() || entries_.back().lsn <= lsn);
  Entry entry{lsn, this->rows() + rows, keys_.size() + key.size(), 0, 0};
  if (!key.empty()) {
    if (++keyed_ > buckets_.size()) grow_buckets();
    keys_.append(key);
    entry.hash = hash_of(key);
    std::uint32_t& newest = buckets_[entry.hash & (buckets_.size() - 1)];
    entry.previous = newest;
    newest = static_cast<std::uint32_t>(entries_.size() + 1);
  }
  entries_.push_back(entry);
}

void AppendLog::grow_buckets() {
  buckets_.assign(std::max<std::size_t>(16, buckets_.size() * 2), 0);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (key(i).empty()) continue;
    std::uint32_t& newest = buckets_[entries_[i].hash & (buckets_.size() - 1)];
    entries_[i].previous = newest;
    newest = static_cast<std::uint32_t>(i + 1);
  }
}

void AppendLog::add_all(const AppendLog& later) {
  for (std::size_t i = 0; i < later.size(); ++i) {
    const Append each = later.append(i);
    add(each.lsn, each.end - each.begin, later.key(i));
  }
}

Append AppendLog::append(std::size_t i) const {
  return {entries_[i].lsn, i == 0 ? 0 : entries_[i - 1].end, entries_[i].end};
}

std::string_view AppendLog::key(std::size_t i) const {
  const std::uint64_t begin = i == 0 ? 0 : entries_[i - 1].key_end;
  return std::string_view(keys_).substr(begin, entries_[i].key_end - begin);
}

std::uint64_t AppendLog::rows_at(Lsn view) const {
  if (entries_.empty() || entries_.back().lsn <= view) return rows();
  const std::size_t count = first_where(entries_.size(), [&](std::size_t i) { return entries_[i].lsn > view; });
  return count == 0 ? 0 : entries_[count - 1].end;
}

std::vector<Append> AppendLog::find(std::string_view key, Lsn view) const {
  std::vector<Append> found;
  if (key.empty() || buckets_.empty()) return found;
  const std::uint32_t hash = hash_of(key);
  for (std::uint32_t at = buckets_[hash & (buckets_.size() - 1)]; at != 0; at = entries_[at - 1].previous) {
    const Entry& entry = entries_[at - 1];
    if (entry.hash == hash && entry.lsn <= view && this->key(at - 1) == key) found.push_back(append(at - 1));
  }
  std::reverse(found.begin(), found.end());  // the chain goes from the newest to the oldest
  return found;
}

std::size_t AppendLog::bytes_in_memory() const {
  return entries_.capacity() * sizeof(Entry) + keys_.capacity() + buckets_.capacity() * sizeof(std::uint32_t);
}

// ---- on disk -----------------------------------------------------------------------------------------------------
//
// header (64 bytes)  0 magic "STRAIDX1"   8 version u32   12 lsn_bytes u8, end_bytes u8, 2 zero bytes   16 appends u64
//                    24 keyed u64   32 first_lsn u64   40 rows u64   48 rows_each u64   56 zero u64
// then               lsn − first_lsn of each append; end of each; digests, sorted; their appends (u32)
// trailer            XXH3-128 of everything before it

Bytes encode_append_index(const AppendLog& log) {
  STRATA_ASSERT(log.size() > 0);
  const std::size_t appends = log.size();
  const Lsn first_lsn = log.append(0).lsn;
  const std::uint64_t rows_each = log.append(0).end;
  bool one_size = true;
  std::vector<std::pair<KeyDigest, std::uint32_t>> keyed;
  for (std::size_t i = 0; i < appends; ++i) {
    const Append each = log.append(i);
    one_size = one_size && each.end - each.begin == rows_each;
    if (!log.key(i).empty()) keyed.emplace_back(digest_of(log.key(i)), static_cast<std::uint32_t>(i));
  }
  std::sort(keyed.begin(), keyed.end());
  const bool wide_lsn = log.append(appends - 1).lsn - first_lsn > UINT32_MAX;
  const bool wide_end = log.rows() > UINT32_MAX;

  Bytes bytes;
  core::Encoder out(bytes);
  out.raw(kMagic.data(), kMagic.size());
  out.u32(kVersion);
  out.u8(wide_lsn ? 8 : 4);
  out.u8(one_size ? 0 : wide_end ? 8 : 4);
  out.u16(0);
  out.u64(appends);
  out.u64(keyed.size());
  out.u64(first_lsn);
  out.u64(log.rows());
  out.u64(one_size ? rows_each : 0);
  out.u64(0);
  STRATA_ASSERT(bytes.size() == kHeaderBytes);
  const auto integer = [&](std::uint64_t value, bool wide) {
    wide ? out.u64(value) : out.u32(static_cast<std::uint32_t>(value));
  };
  for (std::size_t i = 0; i < appends; ++i) integer(log.append(i).lsn - first_lsn, wide_lsn);
  for (std::size_t i = 0; !one_size && i < appends; ++i) integer(log.append(i).end, wide_end);
  for (const auto& [digest, ordinal] : keyed) out.raw(digest.data(), digest.size());
  for (const auto& [digest, ordinal] : keyed) out.u32(ordinal);
  const core::Hash128 hash = core::xxh3_128(bytes);
  out.u64(hash.low);
  out.u64(hash.high);
  return bytes;
}

Result<AppendIndex> AppendIndex::open(ByteView bytes) {
  const auto damaged = [](const char* what) {
    return Error(ErrorCode::corruption, std::string("not a sound append index: ") + what);
  };
  if (bytes.size() < kHeaderBytes + kTrailerBytes) return damaged("too short");
  core::Decoder in(bytes);
  if (as_text(in.raw(kMagic.size())) != kMagic) return damaged("no magic");
  const std::uint32_t version = in.u32();
  const ByteView content = bytes.first(bytes.size() - kTrailerBytes);
  const core::Hash128 hash{core::load<std::uint64_t>(content.data() + content.size()),
                           core::load<std::uint64_t>(content.data() + content.size() + 8)};
  if (core::xxh3_128(content) != hash) return damaged("checksum");
  if (version > kVersion) {
    return Error(ErrorCode::unsupported, "an append index of a newer version: " + std::to_string(version));
  }

  AppendIndex index;
  index.lsn_bytes_ = in.u8();
  index.end_bytes_ = in.u8();
  in.u16();
  index.appends_ = in.u64();
  index.keyed_ = in.u64();
  index.first_lsn_ = in.u64();
  const std::uint64_t rows = in.u64();
  index.rows_each_ = in.u64();
  in.u64();
  const auto& i = index;
  const bool widths =
      (i.lsn_bytes_ == 4 || i.lsn_bytes_ == 8) && (i.end_bytes_ == 0 || i.end_bytes_ == 4 || i.end_bytes_ == 8);
  const bool counts = i.appends_ > 0 && i.appends_ <= content.size() / 4 && i.keyed_ <= i.appends_;
  if (!widths || !counts || rows < i.appends_) return damaged("header");
  const std::size_t expected =
      kHeaderBytes + i.appends_ * (i.lsn_bytes_ + i.end_bytes_) + i.keyed_ * (kDigestBytes + 4);
  if (expected != content.size()) return damaged("size");
  index.lsns_ = content.data() + kHeaderBytes;
  index.ends_ = index.lsns_ + i.appends_ * i.lsn_bytes_;
  index.digests_ = index.ends_ + i.appends_ * i.end_bytes_;
  index.ordinals_ = index.digests_ + i.keyed_ * kDigestBytes;
  if (index.end(i.appends_ - 1) != rows) return damaged("rows");
  for (std::size_t k = 0; k < i.keyed_; ++k) {
    if (index.append_of(k) >= i.appends_) return damaged("ordinal");
  }
  return index;
}

Lsn AppendIndex::lsn(std::size_t i) const {
  return first_lsn_ +
         (lsn_bytes_ == 4 ? core::load<std::uint32_t>(lsns_ + i * 4) : core::load<std::uint64_t>(lsns_ + i * 8));
}

std::uint64_t AppendIndex::end(std::size_t i) const {
  if (end_bytes_ == 0) return (i + 1) * rows_each_;
  return end_bytes_ == 4 ? core::load<std::uint32_t>(ends_ + i * 4) : core::load<std::uint64_t>(ends_ + i * 8);
}

Append AppendIndex::append(std::size_t i) const { return {lsn(i), i == 0 ? 0 : end(i - 1), end(i)}; }

std::uint64_t AppendIndex::rows_at(Lsn view) const {
  const std::size_t count = first_where(appends_, [&](std::size_t i) { return lsn(i) > view; });
  return count == 0 ? 0 : end(count - 1);
}

KeyDigest AppendIndex::digest(std::size_t k) const { return core::load<KeyDigest>(digests_ + k * kDigestBytes); }

std::size_t AppendIndex::append_of(std::size_t k) const { return core::load<std::uint32_t>(ordinals_ + k * 4); }

std::vector<Append> AppendIndex::find(const KeyDigest& key, Lsn view) const {
  std::vector<Append> found;
  const std::size_t first = first_where(keyed_, [&](std::size_t k) { return digest(k) >= key; });
  for (std::size_t k = first; k < keyed_ && digest(k) == key; ++k) {
    const Append each = append(append_of(k));
    if (each.lsn <= view) found.push_back(each);
  }
  return found;
}

}  // namespace strata::store::array
