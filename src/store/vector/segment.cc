#include "store/vector/segment.h"

#include <algorithm>
#include <cstring>

#include "core/checksum.h"
#include "core/endian.h"
#include "store/vector/elements.h"
#include "store/vector/split_vector.h"
#include "store/vector/words.h"

namespace strata::store::vector {
namespace {

// Of fewer rows each is asked for itself.
constexpr Row kIndexedRowsMin = 256;

}  // namespace

std::string segment_name(std::string_view directory, std::uint64_t number) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string name(directory);
  name += '/';
  for (int shift = 60; shift >= 0; shift -= 4) name += kDigits[(number >> shift) & 15];
  return name + ".seg";
}

Segment::Segment(std::string name, std::uint64_t number, std::unique_ptr<io::Mapping> mapping)
    : name_(std::move(name)), number_(number), mapping_(std::move(mapping)), bytes_(mapping_->bytes()) {}

Segment::~Segment() {
  if (store_budget_) store_budget_->remove(*this);
  if (collection_budget_) collection_budget_->remove(*this);
  std::unique_ptr<std::atomic<Lsn>[]>(later_.load());
}

Result<std::shared_ptr<Segment>> Segment::open(io::FileSystem& files, std::string name, std::uint64_t number) {
  auto mapping = files.map(name);
  if (!mapping) return std::move(mapping.error()).with_context("vector segment " + name);
  std::shared_ptr<Segment> segment(new Segment(std::move(name), number, std::move(*mapping)));
  STRATA_TRY(segment->read_directory());
  return segment;
}

Result<void> Segment::read_directory() {
  const auto corrupt = [&](std::string_view what) {
    return Error(ErrorCode::corruption, "vector segment: " + std::string(what) + ": " + name_);
  };
  const auto [offset, directory, root] =
      STRATA_TRY(read_paged_directory(bytes_, kTrailerMagic, "vector segment", name_));
  root_ = root;
  core::Decoder in(directory);
  if (core::Decoder version(directory); version.u32() > kSegmentVersion) {
    return Error(ErrorCode::unsupported, "vector segment of a newer format: " + name_);
  }
  if (!SegmentDirectory::decode(in, directory_) || directory_.data_end != offset) {
    return corrupt("a directory that contradicts itself");
  }
  const auto pages = Pages::of(bytes_, offset, directory.subspan(in.position()));
  if (!pages) return corrupt("not one hash for each page");
  pages_ = *pages;
  if (directory_[Block::square].bytes == 0) no_squares_.resize(directory_.rows);
  intact_pages_ = std::vector<std::atomic<std::uint64_t>>((pages_.count() + 63) / 64);
  return {};
}

bool Segment::intact(std::uint64_t offset, std::uint64_t size) const {
  if (size == 0) return true;
  for (std::uint64_t page = offset / kPageBytes; page <= (offset + size - 1) / kPageBytes; ++page) {
    std::atomic<std::uint64_t>& word = intact_pages_[page / 64];
    const std::uint64_t bit = std::uint64_t{1} << (page % 64);
    if ((word.load(std::memory_order_relaxed) & bit) != 0) continue;
    if (!pages_.intact(page)) return false;
    word.fetch_or(bit, std::memory_order_relaxed);
  }
  return true;
}

Error Segment::damaged(std::uint64_t offset) const {
  return Error(ErrorCode::corruption, "vector segment: damaged page of primary data: " + name_ + " offset " +
                                          std::to_string(offset / kPageBytes * kPageBytes));
}

bool Segment::offsets_ascend(Block offsets, Block content) const {
  if (directory_[offsets].bytes == 0) return true;
  const auto* at = column<std::uint64_t>(offsets);
  for (Row row = 0; row < rows(); ++row) {
    if (at[row] > at[row + 1]) return false;
  }
  return at[0] == 0 && at[rows()] == directory_[content].bytes;
}

Result<void> Segment::prepare() const {
  if (primary_.load(std::memory_order_acquire) == State::good) return {};
  core::MutexLock lock(prepare_mutex_);
  for (const Block block : {Block::created, Block::deleted, Block::lengths, Block::id_offsets, Block::payload_offsets,
                            Block::term_offsets, Block::term_hashes, Block::exception_offsets}) {
    if (!block_intact(block)) return damaged(directory_[block].offset);
  }
  if (!offsets_ascend(Block::id_offsets, Block::ids) || !offsets_ascend(Block::payload_offsets, Block::payloads) ||
      !offsets_ascend(Block::term_offsets, Block::terms) ||
      !offsets_ascend(Block::exception_offsets, Block::exceptions)) {
    return damaged(directory_[Block::id_offsets].offset);
  }
  const auto* const created = column<Lsn>(Block::created);
  // No bytes: none is deleted.
  const std::span deleted(column<Lsn>(Block::deleted), directory_[Block::deleted].bytes / sizeof(Lsn));
  if (std::all_of(deleted.begin(), deleted.end(), [](Lsn lsn) { return lsn == kLive; })) {
    all_live_from_.store(rows() == 0 ? 0 : *std::max_element(created, created + rows()), std::memory_order_release);
  }
  if (!deleted.empty()) none_live_from_.store(std::ranges::max(deleted), std::memory_order_release);
  primary_.store(State::good, std::memory_order_release);
  return {};
}

Lsn Segment::deleted_later(Row row) const {
  const std::atomic<Lsn>* later = later_.load(std::memory_order_acquire);
  const Lsn lsn = later == nullptr ? 0 : later[row].load(std::memory_order_relaxed);
  return lsn == 0 ? kLive : lsn;
}

Lsn Segment::deleted(Row row) const {
  const Lsn later = deleted_later(row);
  return directory_[Block::deleted].bytes == 0 ? later : std::min(later, column<Lsn>(Block::deleted)[row]);
}

void Segment::mark_deleted(Row row, Lsn lsn) {
  std::atomic<Lsn>* later = later_.load(std::memory_order_relaxed);
  if (later == nullptr) {
    later = std::make_unique<std::atomic<Lsn>[]>(rows()).release();
    later_.store(later, std::memory_order_release);
  }
  if (later[row].exchange(lsn, std::memory_order_relaxed) == 0) deleted_later_.fetch_add(1, std::memory_order_relaxed);
}

Result<ByteView> Segment::slice(Block offsets, Block content, Row row) const {
  if (directory_[offsets].bytes == 0) return ByteView();
  const auto* at = column<std::uint64_t>(offsets);
  const std::uint64_t begin = directory_[content].offset + at[row];
  const std::uint64_t size = at[row + 1] - at[row];
  if (!intact(begin, size)) return damaged(begin);
  return bytes_.subspan(begin, size);
}

Result<std::string_view> Segment::id(Row row) const {
  return as_text(STRATA_TRY(slice(Block::id_offsets, Block::ids, row)));
}
Result<ByteView> Segment::payload(Row row) const { return slice(Block::payload_offsets, Block::payloads, row); }
Result<RowTerms> Segment::terms(Row row) const {
  const ByteView bytes = STRATA_TRY(slice(Block::term_offsets, Block::terms, row));
  return directory_.numbers_terms() ? RowTerms(bytes, term_hashes()) : RowTerms(bytes);
}

std::span<const std::uint32_t> Segment::term_hashes() const {
  return {column<std::uint32_t>(Block::term_hashes), directory_[Block::term_hashes].bytes / 4};
}

Result<const std::byte*> Segment::fixed(Block block, std::uint64_t size, Row row) const {
  const std::uint64_t begin = directory_[block].offset + row * size;
  if (!intact(begin, size)) return damaged(begin);
  return bytes_.data() + begin;
}

Result<ByteView> Segment::elements(Row row, std::vector<float>& room) const {
  if (store_budget_) store_budget_->note_read();
  if (collection_budget_) collection_budget_->note_read();
  const std::uint32_t dimension = directory_.options.dimension;
  if (!directory_.splits()) {
    const std::uint64_t size = element_bytes(directory_.options.element, dimension);
    return ByteView(STRATA_TRY(fixed(Block::vectors, size, row)), size);
  }
  const std::byte* const codes = STRATA_TRY(fixed(Block::codes, distance::code_stride(dimension), row));
  const std::byte* const rests = STRATA_TRY(fixed(Block::rests, rest_bytes(dimension), row));
  const auto step = core::load<float>(STRATA_TRY(fixed(Block::steps, sizeof(float), row)));
  const ByteView exceptions = STRATA_TRY(slice(Block::exception_offsets, Block::exceptions, row));
  room.resize(dimension);
  if (!join_vector(reinterpret_cast<const std::uint8_t*>(codes), step, reinterpret_cast<const std::uint8_t*>(rests),
                   exceptions, room)) {
    return damaged(directory_[Block::exceptions].offset);
  }
  return std::as_bytes(std::span(room));
}

void Segment::ask_for_elements(Row row) const {
  const CollectionOptions& options = directory_.options;
  const std::uint64_t size =
      directory_.splits() ? rest_bytes(options.dimension) : element_bytes(options.element, options.dimension);
  const std::byte* const begin =
      bytes_.data() + directory_[directory_.splits() ? Block::rests : Block::vectors].offset + row * size;
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(size, 4'096); i += 64) __builtin_prefetch(begin + i);
}

void Segment::keep_within(std::shared_ptr<MemoryBudget> of_store, std::shared_ptr<MemoryBudget> of_collection) {
  store_budget_ = std::move(of_store);
  collection_budget_ = std::move(of_collection);
  measure_again();
}

std::uint64_t Segment::hot_bytes() const {
  const auto index = index_file();
  return bytes_.size() - hot_begin() + (index ? index->file().bytes : 0);
}

std::uint64_t Segment::cold_bytes() const { return hot_begin(); }

// The columns at the front that every search reads are few beside it, and come again.
void Segment::release_cold() const noexcept { mapping_->release(0, hot_begin()); }

PartGraph Segment::graph() const {
  const GraphFile* file = graph_.load(std::memory_order_acquire);
  const GraphView* view = file == nullptr ? nullptr : file->graph();
  if (view == nullptr) return {};
  const auto run = codes(0);
  return run ? PartGraph{view, run->columns} : PartGraph{};
}

const ListsView* Segment::lists() const {
  const ListsFile* file = lists_.load(std::memory_order_acquire);
  const ListsView* view = file == nullptr ? nullptr : file->lists();
  return view != nullptr && codes(0) ? view : nullptr;
}

Result<std::shared_ptr<const RowSet>> Segment::rows_where(const Condition& condition) const {
  if (rows() < kIndexedRowsMin) return std::shared_ptr<const RowSet>();
  return field_indexes_.rows_where(*this, condition);
}

std::uint64_t Segment::bytes_in_memory() const {
  return field_indexes_.bytes() + (deleted_later() > 0 ? rows() * sizeof(Lsn) : 0);
}

bool Segment::attached(std::shared_ptr<IndexFile> index) {
  if (retired_) return false;
  if (indexed_) replaced_.push_back(indexes_.back());
  indexed_ = true;
  indexes_.push_back(std::move(index));
  return true;
}

bool Segment::attach(std::shared_ptr<GraphFile> graph) {
  const core::MutexLock lock(index_mutex_);
  if (!attached(graph)) return false;
  graph_.store(graph.get(), std::memory_order_release);
  lists_.store(nullptr, std::memory_order_release);
  return true;
}

bool Segment::attach(std::shared_ptr<ListsFile> lists) {
  const core::MutexLock lock(index_mutex_);
  if (!attached(lists)) return false;
  lists_.store(lists.get(), std::memory_order_release);
  graph_.store(nullptr, std::memory_order_release);
  return true;
}

void Segment::measure_again() const {
  if (store_budget_) store_budget_->add(*this);
  if (collection_budget_) collection_budget_->add(*this);
}

void Segment::detach() {
  const core::MutexLock lock(index_mutex_);
  if (indexed_) replaced_.push_back(indexes_.back());
  indexed_ = false;
  graph_.store(nullptr, std::memory_order_release);
  lists_.store(nullptr, std::memory_order_release);
}

std::vector<std::shared_ptr<IndexFile>> Segment::replaced_indexes() const {
  const core::MutexLock lock(index_mutex_);
  return replaced_;
}

void Segment::forget_index(std::uint64_t number) {
  const core::MutexLock lock(index_mutex_);
  std::erase_if(replaced_, [number](const auto& index) { return index->number() == number; });
}

std::shared_ptr<IndexFile> Segment::retire() {
  const core::MutexLock lock(index_mutex_);
  retired_ = true;
  return indexed_ ? indexes_.back() : nullptr;
}

bool Segment::retired() const {
  const core::MutexLock lock(index_mutex_);
  return retired_;
}

std::shared_ptr<IndexFile> Segment::index_file() const {
  const core::MutexLock lock(index_mutex_);
  return indexed_ ? indexes_.back() : nullptr;
}

// Versions of one id lie side by side from `row` on.
Result<std::optional<Row>> Segment::version_at(Row row, std::string_view id, Lsn view) const {
  for (; row < rows(); ++row) {
    if (STRATA_TRY(this->id(row)) != id) break;
    if (visible(row, view)) return std::optional<Row>(row);
  }
  return std::optional<Row>();
}

Result<std::optional<Row>> Segment::find(std::string_view id, std::uint64_t hash, Lsn view) const {
  const auto* slots = column<std::uint64_t>(Block::id_table);
  const std::uint64_t capacity = id_table_slots(rows());
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  std::uint64_t at = hash & (capacity - 1);
  for (std::uint64_t probes = 0; probes < capacity; ++probes, at = (at + 1) & (capacity - 1)) {
    if (!intact(directory_[Block::id_table].offset + at * 8, 8)) {
      id_table_.store(State::damaged, std::memory_order_relaxed);
      break;
    }
    if (slots[at] == 0) return std::optional<Row>();
    const Row row = static_cast<Row>(slots[at]) - 1;
    if (static_cast<std::uint32_t>(slots[at] >> 32) != tag || row >= rows()) continue;
    if (STRATA_TRY(this->id(row)) == id) return version_at(row, id, view);
  }
  return version_at(STRATA_TRY(first_row_not_below(id)), id, view);
}

Result<Row> Segment::first_row_not_below(std::string_view id) const {
  Row first = 0;
  Row last = rows();
  while (first < last) {
    const Row middle = first + (last - first) / 2;
    if (STRATA_TRY(this->id(middle)) < id) {
      first = middle + 1;
    } else {
      last = middle;
    }
  }
  return first;
}

Result<std::optional<Row>> Segment::first_above(std::string_view after) const {
  Row row = STRATA_TRY(first_row_not_below(after));
  while (row < rows() && STRATA_TRY(id(row)) == after) ++row;
  return std::optional<Row>(row);
}

std::optional<Part::Run> Segment::codes(Row) const {
  State state = codes_.load(std::memory_order_acquire);
  if (state == State::unknown) {
    const bool good = block_intact(Block::codes) && block_intact(Block::scale) && block_intact(Block::residual) &&
                      block_intact(Block::code_length) && block_intact(Block::square);
    state = good ? State::good : State::damaged;
    codes_.store(state, std::memory_order_release);
  }
  if (state == State::damaged) return std::nullopt;
  return Run{
      {column<std::uint8_t>(Block::codes), column<float>(Block::scale), column<float>(Block::residual),
       column<float>(Block::code_length), no_squares_.empty() ? column<float>(Block::square) : no_squares_.data()},
      0,
      rows()};
}

// The bytes of the term's postings, checked; nothing when dictionary or postings are damaged.
std::optional<ByteView> Segment::posting_list(std::uint32_t term) const {
  if (words_.load(std::memory_order_relaxed) == State::damaged || !block_intact(Block::dictionary)) return std::nullopt;
  // Format 1 kept hash, rows and offset side by side; since format 2 the hashes are a block of their own.
  const std::byte* dictionary = bytes_.data() + directory_[Block::dictionary].offset;
  const bool numbered = directory_.numbers_terms();
  const std::uint64_t count = numbered ? term_hashes().size() : directory_[Block::dictionary].bytes / 16;
  const auto hash_of = [&](std::uint64_t entry) {
    return numbered ? term_hashes()[entry] : core::load<std::uint32_t>(dictionary + entry * 16);
  };
  const BlockPlace& postings = directory_[Block::postings];
  const auto offset_of = [&](std::uint64_t entry) {
    if (entry == count) return postings.bytes;
    return core::load<std::uint64_t>(numbered ? dictionary + entry * 8 : dictionary + entry * 16 + 8);
  };
  std::uint64_t first = 0;
  std::uint64_t last = count;
  while (first < last) {
    const std::uint64_t middle = first + (last - first) / 2;
    if (hash_of(middle) < term) {
      first = middle + 1;
    } else {
      last = middle;
    }
  }
  if (first == count || hash_of(first) != term) return ByteView();
  const std::uint64_t begin = offset_of(first);
  const std::uint64_t end = offset_of(first + 1);
  if (begin > end || end > postings.bytes || !intact(postings.offset + begin, end - begin)) return std::nullopt;
  return bytes_.subspan(postings.offset + begin, end - begin);
}

Result<void> Segment::postings(std::uint32_t term, std::vector<Posting>& out) const {
  const auto list = posting_list(term);
  if (!list) {
    words_.store(State::damaged, std::memory_order_relaxed);
    return read_through_terms(term, out);
  }
  out.reserve(out.size() + list->size());
  const bool numbered = directory_.numbers_terms();
  const auto* at = reinterpret_cast<const std::uint8_t*>(list->data());
  const auto* const end = at + list->size();
  std::uint64_t row = 0;
  while (at != end) {
    std::uint64_t count = 1;
    if (numbered && (at[0] & 0x81) == 0) {
      // Nearly all: near the row before, and once. A call of the decoder for each would be half of a word search.
      row += *at++ >> 1;
    } else {
      core::Decoder in({reinterpret_cast<const std::byte*>(at), reinterpret_cast<const std::byte*>(end)});
      const std::uint64_t step = in.varint();
      row += numbered ? step >> 1 : step;
      if (!numbered || (step & 1) != 0) count = in.varint();
      if (!in.ok()) return damaged(directory_[Block::postings].offset);
      at += in.position();
    }
    if (row >= rows()) return damaged(directory_[Block::postings].offset);
    out.push_back({static_cast<Row>(row), static_cast<std::uint32_t>(count)});
  }
  return {};
}

Result<void> Segment::read_through_terms(std::uint32_t term, std::vector<Posting>& out) const {
  for (Row row = 0; row < rows(); ++row) {
    RowTerms reader = STRATA_TRY(terms(row));
    for (Term each; reader.next(each) && each.hash <= term;) {
      if (each.hash == term) out.push_back({row, each.count});
    }
  }
  return {};
}

bool Segment::wants_rewrite() const {
  // Codes that are primary are in no other place: to write them anew would fail.
  const bool codes_come_again = !directory_.splits() || block_intact(Block::codes);
  return (codes_.load(std::memory_order_relaxed) == State::damaged && codes_come_again) ||
         id_table_.load(std::memory_order_relaxed) == State::damaged ||
         words_.load(std::memory_order_relaxed) == State::damaged;
}

std::vector<transaction::Damage> Segment::verify() const {
  std::vector<transaction::Damage> found;
  const ByteView directory = bytes_.subspan(directory_.data_end, bytes_.size() - kTrailerBytes - directory_.data_end);
  if (core::xxh3_64(directory) != core::load<std::uint64_t>(bytes_.data() + bytes_.size() - kTrailerBytes + 24)) {
    found.push_back({name_, directory_.data_end, "damaged directory", false});
    return found;
  }
  for (std::uint64_t page = 0; page < pages_.count(); ++page) {
    if (pages_.intact(page)) continue;
    const std::uint64_t offset = page * kPageBytes;
    const bool is_derived = offset >= directory_.derived_begin;
    found.push_back(
        {name_, offset, is_derived ? "damaged page of derived data" : "damaged page of primary data", is_derived});
    if (is_derived) codes_.store(State::damaged, std::memory_order_relaxed);
  }
  return found;
}

}  // namespace strata::store::vector
