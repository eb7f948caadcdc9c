#include "store/vector/segment_writer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <utility>

#include "core/assert.h"
#include "core/checksum.h"
#include "store/vector/coding.h"
#include "store/vector/elements.h"
#include "store/vector/paged_file.h"
#include "store/vector/split_vector.h"
#include "store/vector/words.h"

namespace strata::store::vector {
namespace {

// The words of all rows, numbered in the order of their hashes, and how many rows have each.
class Vocabulary {
 public:
  Result<void> collect(const std::vector<SourceRow>& rows) {
    for (const SourceRow& row : rows) {
      RowTerms terms = STRATA_TRY(row.part->terms(row.row));
      for (Term term; terms.next(term);) insert(term.hash);
    }
    std::sort(hashes_.begin(), hashes_.end());
    std::fill(slots_.begin(), slots_.end(), 0);
    for (std::uint32_t number = 0; number < hashes_.size(); ++number) slots_[slot_of(hashes_[number])] = number + 1;
    rows_.assign(hashes_.size(), 0);
    return {};
  }
  /// Ascending: a hash's place is its number.
  const std::vector<std::uint32_t>& hashes() const { return hashes_; }
  std::uint32_t number(std::uint32_t hash) const { return slots_[slot_of(hash)] - 1; }
  void count_row(std::uint32_t number) { ++rows_[number]; }
  std::uint32_t rows_with(std::uint32_t number) const { return rows_[number]; }

 private:
  void insert(std::uint32_t hash) {
    const std::size_t slot = slot_of(hash);
    if (slots_[slot] != 0) return;
    hashes_.push_back(hash);
    slots_[slot] = static_cast<std::uint32_t>(hashes_.size());
    if (hashes_.size() * 2 < slots_.size()) return;
    slots_.assign(slots_.size() * 2, 0);
    for (std::uint32_t i = 0; i < hashes_.size(); ++i) slots_[slot_of(hashes_[i])] = i + 1;
  }
  // Open addressing, at most half full; the hashes are as good as random already.
  std::size_t slot_of(std::uint32_t hash) const {
    std::size_t at = hash & (slots_.size() - 1);
    while (slots_[at] != 0 && hashes_[slots_[at] - 1] != hash) at = (at + 1) & (slots_.size() - 1);
    return at;
  }

  std::vector<std::uint32_t> hashes_;
  std::vector<std::uint32_t> slots_ = std::vector<std::uint32_t>(1024);
  std::vector<std::uint32_t> rows_;
};

// A row among those that have a word.
struct RowCount {
  std::uint32_t row;
  std::uint32_t count;
};

// All term lists turned over: word by word the rows that have it, ascending. The lists ascend by number, so each is read once, a
// range of words at a time over all rows: memory is a place in each list and one range, whatever the words of all rows come to.
class PostingsMerge {
 public:
  explicit PostingsMerge(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  Result<void> open(const std::vector<SourceRow>& rows) {
    lists_.reserve(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      List list{static_cast<std::uint32_t>(i), STRATA_TRY(rows[i].part->terms(rows[i].row)), {}};
      advance(list);
      if (!list.ended) lists_.push_back(list);
    }
    return {};
  }

  /// The next words, at least one; none behind the last.
  bool next_range() {
    first_ = last_;
    const std::size_t words = vocabulary_.hashes().size();
    if (first_ == words) return false;
    std::uint64_t total = 0;
    ends_.clear();
    // An end is where the word begins until its rows have been put there.
    do {
      ends_.push_back(total);
      total += vocabulary_.rows_with(last_++);
    } while (last_ < words && total + vocabulary_.rows_with(last_) <= kRangeRows);
    rows_.resize(total);
    for (List& list : lists_) {
      for (; !list.ended && list.number < last_; advance(list)) {
        rows_[ends_[list.number - first_]++] = {list.row, list.term.count};
      }
    }
    return true;
  }
  std::size_t words() const { return ends_.size(); }
  /// The rows of one word of the range. Valid until the next range.
  std::span<const RowCount> rows_of(std::size_t word) const {
    const std::uint64_t begin = word == 0 ? 0 : ends_[word - 1];
    return {rows_.data() + begin, ends_[word] - begin};
  }

 private:
  static constexpr std::uint64_t kRangeRows = 1 << 20;

  struct List {
    std::uint32_t row;
    RowTerms reader;
    Term term;  // the next one
    std::uint32_t number = 0;
    bool ended = false;
  };
  void advance(List& list) const {
    list.ended = !list.reader.next(list.term);
    if (!list.ended) list.number = vocabulary_.number(list.term.hash);
  }

  const Vocabulary& vocabulary_;
  std::vector<List> lists_;
  std::uint32_t first_ = 0, last_ = 0;  // of the range
  std::vector<std::uint64_t> ends_;
  std::vector<RowCount> rows_;
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
  /// No bytes when it is `usual` for every row.
  template <typename Value, typename ValueOf>
  Result<void> each_row_unless_all(Value usual, Block which, ValueOf&& value_of) {
    const auto is_usual = [&](const SourceRow& row) { return value_of(row) == usual; };
    if (std::all_of(rows_.begin(), rows_.end(), is_usual)) return block(which, [] { return Result<void>(); });
    return each_row(which, value_of);
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
    STRATA_TRY(each_row_unless_all(kLive, Block::deleted, [](const SourceRow& s) { return s.deleted; }));
    STRATA_TRY(each_row_unless_all(0U, Block::lengths, [](const SourceRow& s) { return s.part->length(s.row); }));
    STRATA_TRY(offsets(Block::id_offsets, id));
    STRATA_TRY(offsets(Block::payload_offsets, payload));
    STRATA_TRY(contents(Block::ids, id));
    STRATA_TRY(contents(Block::payloads, payload));
    STRATA_TRY(terms());
    if (directory_.splits()) return split_vectors();
    const bool none = directory_.options.dimension == 0;
    std::vector<float> room;
    return contents(Block::vectors, [none, &room](const SourceRow& s) -> Result<ByteView> {
      return none ? Result<ByteView>(ByteView()) : s.part->elements(s.row, room);
    });
  }

  // What is coded twice is not kept meanwhile: a microsecond a row, beside memory for all codes. Codes come last, beside what is derived:
  // every search reads them.
  Result<void> split_vectors() {
    const CollectionOptions& options = directory_.options;
    std::vector<std::uint8_t> code(distance::code_stride(options.dimension));
    std::vector<std::uint8_t> rests(rest_bytes(options.dimension));
    std::vector<float> room;
    columns_.reserve(rows_.size());
    std::vector<std::uint64_t> ends{0};
    ends.reserve(rows_.size() + 1);
    Bytes exceptions;
    STRATA_TRY(block(Block::rests, [&]() -> Result<void> {
      for (const SourceRow& s : rows_) {
        const auto x = STRATA_TRY(vector_of(s, room));
        columns_.push_back(encode_row(options.metric, x, code.data()));
        split_vector(x, columns_.back().step, code.data(), rests.data(), exceptions);
        ends.push_back(exceptions.size());
        STRATA_TRY(out_.append(std::as_bytes(std::span(rests))));
      }
      return {};
    }));
    STRATA_TRY(block(Block::exception_offsets, [&] { return out_.append(std::as_bytes(std::span(ends))); }));
    STRATA_TRY(block(Block::exceptions, [&] { return out_.append(exceptions); }));
    STRATA_TRY(column(Block::steps, &RowCode::step));
    return block(Block::codes, [&]() -> Result<void> {
      for (const SourceRow& s : rows_) {
        encode_row(options.metric, STRATA_TRY(vector_of(s, room)), code.data());
        STRATA_TRY(out_.append(std::as_bytes(std::span(code))));
      }
      return {};
    });
  }

  // Rows may hold a vector that nobody asks for any more: it stays behind.
  Result<std::span<const float>> vector_of(const SourceRow& s, std::vector<float>& room) {
    const CollectionOptions& options = directory_.options;
    if (options.dimension == 0) return std::span<const float>();
    return as_floats(options.element, options.dimension, STRATA_TRY(s.part->elements(s.row, room)), room);
  }

  // The hashes of all words, then each row's by their numbers.
  Result<void> terms() {
    STRATA_TRY(words_.collect(rows_));
    const std::vector<std::uint32_t>& hashes = words_.hashes();
    STRATA_TRY(block(Block::term_hashes, [&] { return out_.append(std::as_bytes(std::span(hashes))); }));

    const auto number_of = [&](std::uint32_t hash) {
      const std::uint32_t number = words_.number(hash);
      words_.count_row(number);
      return number;
    };
    if (hashes.empty()) {
      STRATA_TRY(block(Block::terms, [] { return Result<void>(); }));
      return block(Block::term_offsets, [] { return Result<void>(); });
    }
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
    if (!directory_.splits()) {
      const CollectionOptions& options = directory_.options;
      std::vector<std::uint8_t> code(distance::code_stride(options.dimension));
      std::vector<float> room;
      columns_.reserve(rows_.size());
      STRATA_TRY(block(Block::codes, [&]() -> Result<void> {
        for (const SourceRow& s : rows_) {
          columns_.push_back(encode_row(options.metric, STRATA_TRY(vector_of(s, room)), code.data()));
          STRATA_TRY(out_.append(std::as_bytes(std::span(code))));
        }
        return {};
      }));
    }
    STRATA_TRY(column(Block::scale, &RowCode::scale));
    STRATA_TRY(column(Block::residual, &RowCode::residual));
    STRATA_TRY(column(Block::code_length, &RowCode::length));
    const auto flat = [](const RowCode& row) { return row.square == 0; };
    if (std::all_of(columns_.begin(), columns_.end(), flat)) return block(Block::square, [] { return Result<void>(); });
    return column(Block::square, &RowCode::square);
  }
  Result<void> column(Block which, float RowCode::* field) {
    return block(which, [&]() -> Result<void> {
      for (const RowCode& row : columns_) STRATA_TRY(out_.append_value(row.*field));
      return {};
    });
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
    PostingsMerge merge(words_);
    STRATA_TRY(merge.open(rows_));
    std::vector<std::uint64_t> begins;
    begins.reserve(words_.hashes().size());
    STRATA_TRY(block(Block::postings, [&]() -> Result<void> {
      std::uint64_t offset = 0;
      Bytes list;
      core::Encoder out(list);
      while (merge.next_range()) {
        for (std::size_t word = 0; word < merge.words(); ++word) {
          list.clear();
          std::uint64_t last = 0;
          for (const RowCount& each : merge.rows_of(word)) {
            out.varint((each.row - last) << 1 | (each.count > 1 ? 1 : 0));
            if (each.count > 1) out.varint(each.count);
            last = each.row;
          }
          begins.push_back(offset);
          offset += list.size();
          STRATA_TRY(out_.append(list));
        }
      }
      return {};
    }));
    return block(Block::dictionary, [&] { return out_.append(std::as_bytes(std::span(begins))); });
  }

  PagedFile& out_;
  SegmentDirectory& directory_;
  const std::vector<SourceRow>& rows_;
  Vocabulary words_;
  std::vector<RowCode> columns_;
};

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
  return write_paged_file(files, name, [&](PagedFile& out) -> Result<void> {
    SegmentDirectory directory = header;
    directory.blocks.fill({kHeadBytes, 0});  // where those lie that are not written
    STRATA_TRY(out.begin(kSegmentMagic));
    Blocks blocks(out, directory, sources);
    STRATA_TRY(blocks.write());
    Bytes encoded;
    core::Encoder encoder(encoded);
    directory.encode(encoder);
    return out.finish(kTrailerMagic, std::move(encoded));
  });
}

}  // namespace strata::store::vector
