#pragma once
/// Which rows came with which append: its LSN, where its rows end, and its key. Two forms of one thing:
///
///     AppendLog     in memory, growing; also what a part's companion datasets hold (append_lsn, append_end, key_end, keys)
///     AppendIndex   the bytes of array/<number>.idx: the same, made to be searched in a mapping
///
///     lsn of append i           4 or 8 bytes each                       rows visible at a view: binary search
///     end of append i           0 (all of one size), 4 or 8 bytes each
///     digests of keys, sorted   16 bytes each                           find: binary search, < 1 µs
///     append of digest k        4 bytes each
///
/// An index is derived from the companion datasets: a damaged one is computed anew and must come out with the same hash.
/// A key is known in it by 16 bytes of its SHA-256, so that a find needs no text and nobody can make two keys meet.
/// Cost: 24 bytes a keyed append on disk, 28 bytes and the key in memory.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "strata/error.h"
#include "strata/value.h"

namespace strata::store::array {

using KeyDigest = std::array<std::byte, 16>;
KeyDigest digest_of(std::string_view key);

/// One append; rows are counted from the first row of its segment.
struct Append {
  Lsn lsn = 0;
  std::uint64_t begin = 0, end = 0;
};

/// Threads: as a std::vector.
class AppendLog {
 public:
  /// `lsn` not below the last one.
  void add(Lsn lsn, std::uint64_t rows, std::string_view key);
  void add_all(const AppendLog& later);

  std::size_t size() const { return entries_.size(); }
  std::uint64_t rows() const { return entries_.empty() ? 0 : entries_.back().end; }
  Append append(std::size_t i) const;
  std::string_view key(std::size_t i) const;  ///< empty: it has none
  std::uint64_t rows_at(Lsn view) const;      ///< rows with lsn ≤ view
  /// The appends under `key` with lsn ≤ view, ascending.
  std::vector<Append> find(std::string_view key, Lsn view) const;
  std::size_t bytes_in_memory() const;

 private:
  struct Entry {
    Lsn lsn;
    std::uint64_t end;
    std::uint64_t key_end;
    std::uint32_t hash;      // of the key; meaningless without one
    std::uint32_t previous;  // the append before in the same bucket, plus 1; 0: none
  };
  void grow_buckets();

  std::vector<Entry> entries_;
  std::string keys_;                    // one behind the other
  std::vector<std::uint32_t> buckets_;  // hash → newest append of the bucket, plus 1; a power of two of them
  std::size_t keyed_ = 0;
};

/// The bytes of the index file of a log: a pure function of it.
Bytes encode_append_index(const AppendLog& log);

/// Searches such bytes, which the caller keeps alive. Threads: any.
class AppendIndex {
 public:
  /// Errors  corruption (size, checksum), unsupported (newer version)
  static Result<AppendIndex> open(ByteView bytes);

  std::size_t size() const { return appends_; }
  Append append(std::size_t i) const;
  std::uint64_t rows_at(Lsn view) const;
  std::vector<Append> find(const KeyDigest& key, Lsn view) const;

  std::size_t keyed() const { return keyed_; }
  KeyDigest digest(std::size_t k) const;  ///< the k-th in their order
  std::size_t append_of(std::size_t k) const;

 private:
  AppendIndex() = default;
  Lsn lsn(std::size_t i) const;
  std::uint64_t end(std::size_t i) const;

  std::size_t appends_ = 0, keyed_ = 0;
  std::size_t lsn_bytes_ = 4, end_bytes_ = 0;
  std::uint64_t rows_each_ = 0;
  Lsn first_lsn_ = 0;
  const std::byte* lsns_ = nullptr;
  const std::byte* ends_ = nullptr;
  const std::byte* digests_ = nullptr;
  const std::byte* ordinals_ = nullptr;
};

}  // namespace strata::store::array
