#include "store/vector/segment_writer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <utility>

#include "core/assert.h"
#include "core/checksum.h"
#include "store/vector/coding.h"
#include "store/vector/words.h"

namespace strata::store::vector {
namespace {

std::string_view directory_of(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : name.substr(0, slash);
}

// An append-only file that hashes its pages and itself on the way.
class PagedFile {
 public:
  explicit PagedFile(io::File& file) : file_(file) { page_.reserve(kPageBytes); }

  std::uint64_t size() const { return size_; }
  Result<void> append(ByteView bytes) {
    while (!bytes.empty()) {
      const std::size_t now = std::min(bytes.size(), kPageBytes - page_.size());
      page_.insert(page_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(now));
      bytes = bytes.subspan(now);
      size_ += now;
      if (page_.size() == kPageBytes) STRATA_TRY(flush());
    }
    return {};
  }
  template <typename T>
  Result<void> append_value(T value) {
    return append({reinterpret_cast<const std::byte*>(&value), sizeof value});
  }
  Result<void> pad_to(std::size_t multiple) {
    static constexpr std::byte kZeros[64] = {};
    while (size_ % multiple != 0) {
      STRATA_TRY(append({kZeros, std::min<std::size_t>(64, multiple - size_ % multiple)}));
    }
    return {};
  }
  /// Ends the last page, however full. The page hashes are complete then; what follows is not paged.
  Result<void> flush() {
    if (page_.empty()) return {};
    pages_.push_back(core::xxh3_64(ByteView(page_)));
    STRATA_TRY(append_unpaged(page_));
    page_.clear();
    return {};
  }
  Result<void> append_unpaged(ByteView bytes) {
    whole_.update(bytes);
    written_ += bytes.size();
    return file_.append(bytes);
  }
  const std::vector<std::uint64_t>& pages() const { return pages_; }
  std::uint64_t written() const { return written_; }
  core::Hash128 hash() const { return whole_.digest(); }

 private:
  io::File& file_;
  Bytes page_;
  std::uint64_t size_ = 0;
  std::uint64_t written_ = 0;
  std::vector<std::uint64_t> pages_;
  core::Hasher128 whole_;
};

// A word of a row, on its way into the postings.
struct RowTerm {
  std::uint32_t hash;
  std::uint32_t row;
  std::uint32_t count;
};

// All term lists at once, by hash and then by row. The lists ascend by hash, so each is read once, a range of hashes at a
// time over all rows: memory is a place in each list and one range, whatever the words of all rows come to.
class TermMerge {
 public:
  Result<void> open(const std::vector<SourceRow>& rows) {
    std::uint64_t words = 0;
    lists_.reserve(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      words += rows[i].part->length(rows[i].row);
      List list{static_cast<std::uint32_t>(i), STRATA_TRY(rows[i].part->terms(rows[i].row)), {}};
      if (list.reader.next(list.term)) lists_.push_back(list);
    }
    ranges_ = words / kRangeTerms + 1;
    return {};
  }

  // The terms of the next range of hashes; nullptr behind the last. Valid until the next call.
  const std::vector<RowTerm>* next_range() {
    if (range_ == ranges_) return nullptr;
    const std::uint64_t end = (++range_ << 32) / ranges_;
    terms_.clear();
    for (List& list : lists_) {
      while (!list.ended && list.term.hash < end) {
        terms_.push_back({list.term.hash, list.row, list.term.count});
        list.ended = !list.reader.next(list.term);
      }
    }
    sort_by_hash();
    return &terms_;
  }

 private:
  static constexpr std::uint64_t kRangeTerms = 1 << 20;

  struct List {
    std::uint32_t row;
    RowTerms reader;
    Term term;  // the next one
    bool ended = false;
  };

  // By digits from the last: each pass keeps the order of the ones before, so rows stay ascending within a hash.
  void sort_by_hash() {
    constexpr int kDigit = 11;
    constexpr std::uint32_t kMask = (1U << kDigit) - 1;
    sorted_.resize(terms_.size());
    for (int shift = 0; shift < 32; shift += kDigit) {
      std::array<std::size_t, kMask + 1> at{};
      for (const RowTerm& term : terms_) ++at[term.hash >> shift & kMask];
      std::size_t before = 0;
      for (std::size_t& place : at) before += std::exchange(place, before);
      for (const RowTerm& term : terms_) sorted_[at[term.hash >> shift & kMask]++] = term;
      terms_.swap(sorted_);
    }
  }

  std::vector<List> lists_;
  std::uint64_t ranges_ = 1;
  std::uint64_t range_ = 0;
  std::vector<RowTerm> terms_;
  std::vector<RowTerm> sorted_;
};

// Writes the blocks in their order and notes where each is.
class Blocks {
 public:
  Blocks(PagedFile& out, SegmentDirectory& directory, const std::vector<SourceRow>& rows)
      : out_(out), directory_(directory), rows_(rows) {}

  Result<void> write() {
    STRATA_TRY(primary());
    STRATA_TRY(out_.pad_to(kPageBytes));
    directory_.derived_begin = out_.size();
    STRATA_TRY(codes());
    STRATA_TRY(id_table());
    STRATA_TRY(words());
    STRATA_TRY(out_.flush());
    directory_.data_end = out_.size();
    return {};
  }

 private:
  template <typename Body>
  Result<void> block(Block which, Body&& body) {
    STRATA_TRY(out_.pad_to(64));
    const std::uint64_t begin = out_.size();
    STRATA_TRY(body());
    directory_[which] = {begin, out_.size() - begin};
    return {};
  }
  template <typename ValueOf>
  Result<void> each_row(Block which, ValueOf&& value_of) {
    return block(which, [&]() -> Result<void> {
      for (const SourceRow& row : rows_) STRATA_TRY(out_.append_value(value_of(row)));
      return {};
    });
  }
  template <typename BytesOf>
  Result<void> offsets(Block which, BytesOf&& bytes_of) {
    return block(which, [&]() -> Result<void> {
      std::uint64_t at = 0;
      STRATA_TRY(out_.append_value(at));
      for (const SourceRow& row : rows_) {
        at += STRATA_TRY(bytes_of(row)).size();
        STRATA_TRY(out_.append_value(at));
      }
      return {};
    });
  }
  template <typename BytesOf>
  Result<void> contents(Block which, BytesOf&& bytes_of) {
    return block(which, [&]() -> Result<void> {
      for (const SourceRow& row : rows_) STRATA_TRY(out_.append(STRATA_TRY(bytes_of(row))));
      return {};
    });
  }

  Result<void> primary() {
    const auto id = [](const SourceRow& s) -> Result<ByteView> { return as_bytes(STRATA_TRY(s.part->id(s.row))); };
    const auto payload = [](const SourceRow& s) { return s.part->payload(s.row); };
    STRATA_TRY(each_row(Block::created, [](const SourceRow& s) { return s.part->created(s.row); }));
    STRATA_TRY(each_row(Block::deleted, [](const SourceRow& s) { return s.deleted; }));
    STRATA_TRY(each_row(Block::lengths, [](const SourceRow& s) { return s.part->length(s.row); }));
    STRATA_TRY(offsets(Block::id_offsets, id));
    STRATA_TRY(offsets(Block::payload_offsets, payload));
    STRATA_TRY(contents(Block::ids, id));
    STRATA_TRY(contents(Block::payloads, payload));
    STRATA_TRY(terms());
    return contents(Block::vectors, [](const SourceRow& s) -> Result<ByteView> {
      return std::as_bytes(STRATA_TRY(s.part->vector(s.row)));
    });
  }

  // The hashes of all words, then each row's by their numbers.
  Result<void> terms() {
    TermMerge all;
    STRATA_TRY(all.open(rows_));
    while (const std::vector<RowTerm>* range = all.next_range()) {
      for (const RowTerm& term : *range) {
        if (hashes_.empty() || hashes_.back() != term.hash) hashes_.push_back(term.hash);
      }
    }
    STRATA_TRY(block(Block::term_hashes, [&] { return out_.append(std::as_bytes(std::span(hashes_))); }));

    // Numbers by hash: open addressing, at most half full; the hashes are as good as random already.
    std::vector<std::uint32_t> slots(std::bit_ceil(hashes_.size() * 2 + 2));
    const auto slot_of = [&](std::uint32_t hash) {
      std::size_t at = hash & (slots.size() - 1);
      while (slots[at] != 0 && hashes_[slots[at] - 1] != hash) at = (at + 1) & (slots.size() - 1);
      return at;
    };
    for (std::uint32_t number = 0; number < hashes_.size(); ++number) slots[slot_of(hashes_[number])] = number + 1;
    const auto number_of = [&](std::uint32_t hash) { return slots[slot_of(hash)] - 1; };

    std::vector<std::uint64_t> ends{0};
    ends.reserve(rows_.size() + 1);
    STRATA_TRY(block(Block::terms, [&]() -> Result<void> {
      Bytes encoded;
      for (const SourceRow& s : rows_) {
        encoded.clear();
        encode_numbered(STRATA_TRY(s.part->terms(s.row)), number_of, encoded);
        ends.push_back(ends.back() + encoded.size());
        STRATA_TRY(out_.append(encoded));
      }
      return {};
    }));
    return block(Block::term_offsets, [&] { return out_.append(std::as_bytes(std::span(ends))); });
  }

  Result<void> codes() {
    const std::size_t stride = distance::code_stride(directory_.options.dimension);
    std::vector<std::uint8_t> code(stride);
    std::vector<RowCode> columns;
    columns.reserve(rows_.size());
    STRATA_TRY(block(Block::codes, [&]() -> Result<void> {
      for (const SourceRow& s : rows_) {
        columns.push_back(encode_row(directory_.options.metric, STRATA_TRY(s.part->vector(s.row)), code.data()));
        STRATA_TRY(out_.append(std::as_bytes(std::span(code))));
      }
      return {};
    }));
    const auto column = [&](Block which, float RowCode::* field) {
      return block(which, [&]() -> Result<void> {
        for (const RowCode& row : columns) STRATA_TRY(out_.append_value(row.*field));
        return {};
      });
    };
    STRATA_TRY(column(Block::scale, &RowCode::scale));
    STRATA_TRY(column(Block::residual, &RowCode::residual));
    STRATA_TRY(column(Block::code_length, &RowCode::length));
    return column(Block::square, &RowCode::square);
  }

  // The first row of each id, by the id's hash; linear probing.
  Result<void> id_table() {
    std::vector<std::uint64_t> slots(id_table_slots(directory_.rows));
    const std::uint64_t mask = slots.size() - 1;
    std::string_view last;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const std::string_view id = STRATA_TRY(rows_[i].part->id(rows_[i].row));
      if (i > 0 && id == last) continue;
      last = id;
      const std::uint64_t hash = hash_of_id(id);
      std::uint64_t at = hash & mask;
      while (slots[at] != 0) at = (at + 1) & mask;
      slots[at] = (hash >> 32 << 32) | (i + 1);
    }
    return block(Block::id_table, [&] { return out_.append(std::as_bytes(std::span(slots))); });
  }

  // Postings first, a range of hashes after the other; where each begins, behind them.
  Result<void> words() {
    TermMerge all;
    STRATA_TRY(all.open(rows_));
    std::vector<std::uint64_t> begins;
    begins.reserve(hashes_.size());
    STRATA_TRY(block(Block::postings, [&]() -> Result<void> {
      std::uint64_t offset = 0;
      Bytes list;
      core::Encoder out(list);
      while (const std::vector<RowTerm>* range = all.next_range()) {
        for (std::size_t at = 0; at < range->size();) {
          const std::uint32_t hash = (*range)[at].hash;
          list.clear();
          for (std::uint64_t last = 0; at < range->size() && (*range)[at].hash == hash; ++at) {
            const RowTerm& term = (*range)[at];
            out.varint((term.row - last) << 1 | (term.count > 1 ? 1 : 0));
            if (term.count > 1) out.varint(term.count);
            last = term.row;
          }
          begins.push_back(offset);
          offset += list.size();
          STRATA_TRY(out_.append(list));
        }
      }
      return {};
    }));
    STRATA_ASSERT(begins.size() == hashes_.size());
    return block(Block::dictionary, [&] { return out_.append(std::as_bytes(std::span(begins))); });
  }

  PagedFile& out_;
  SegmentDirectory& directory_;
  const std::vector<SourceRow>& rows_;
  std::vector<std::uint32_t> hashes_;  // of all words, ascending
};

Result<void> write_trailer(PagedFile& out, const SegmentDirectory& directory) {
  Bytes bytes;
  core::Encoder encoder(bytes);
  directory.encode(encoder);
  for (const std::uint64_t page : out.pages()) encoder.u64(page);
  Bytes trailer;
  core::Encoder end(trailer);
  end.raw(kTrailerMagic.data(), kTrailerMagic.size());
  end.u64(directory.data_end);
  end.u64(bytes.size());
  end.u64(core::xxh3_64(ByteView(bytes)));
  end.u32(core::crc32c(trailer));
  trailer.resize(kTrailerBytes);
  STRATA_TRY(out.append_unpaged(bytes));
  return out.append_unpaged(trailer);
}

}  // namespace

Result<void> sort_sources(std::vector<SourceRow>& sources) {
  struct Keyed {
    std::string_view id;
    Lsn created;
    SourceRow source;
  };
  std::vector<Keyed> keyed;
  keyed.reserve(sources.size());
  for (const SourceRow& source : sources) {
    keyed.push_back({STRATA_TRY(source.part->id(source.row)), source.part->created(source.row), source});
  }
  std::sort(keyed.begin(), keyed.end(),
            [](const Keyed& a, const Keyed& b) { return a.id != b.id ? a.id < b.id : a.created < b.created; });
  for (std::size_t i = 0; i < keyed.size(); ++i) sources[i] = keyed[i].source;
  return {};
}

Result<transaction::CheckpointFile> write_segment(io::FileSystem& files, const std::string& name,
                                                  const SegmentDirectory& header,
                                                  const std::vector<SourceRow>& sources) {
  STRATA_ASSERT(header.rows == sources.size());
  const std::string unfinished = name + ".tmp";
  if (STRATA_TRY(files.exists(unfinished))) STRATA_TRY(files.remove(unfinished));
  core::Hash128 hash;
  std::uint64_t size = 0;
  {
    const std::unique_ptr<io::File> file = STRATA_TRY(files.open(unfinished, io::OpenMode::create));
    PagedFile out(*file);
    SegmentDirectory directory = header;
    Bytes head(kHeadBytes);
    std::copy_n(as_bytes(kSegmentMagic).begin(), kSegmentMagic.size(), head.begin());
    STRATA_TRY(out.append(head));
    Blocks blocks(out, directory, sources);
    STRATA_TRY(blocks.write());
    STRATA_TRY(write_trailer(out, directory));
    STRATA_TRY(file->sync());
    hash = out.hash();
    size = out.written();
  }
  STRATA_TRY(files.rename(unfinished, name));
  STRATA_TRY(files.sync_directory(directory_of(name)));
  return transaction::CheckpointFile{name, size, hash};
}

}  // namespace strata::store::vector
