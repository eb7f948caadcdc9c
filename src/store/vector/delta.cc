#include "store/vector/delta.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

#include "core/assert.h"
#include "core/checksum.h"
#include "store/vector/coding.h"
#include "store/vector/elements.h"
#include "store/vector/words.h"

namespace strata::store::vector {
namespace {

constexpr Row kFirstChunkRows = 64;
constexpr std::size_t kArenaBytes = 256 << 10;
constexpr Row kUnindexedWordsMax = 64;  // fewer are read through at each word search
// A new graph is due when one row in so many is outside of the last one: links are then copied about eight times in all.
constexpr Row kGraphGrowth = 8;

std::size_t round_up(std::size_t size) { return (size + 63) / 64 * 64; }

}  // namespace

std::uint64_t hash_of_id(std::string_view id) { return core::xxh3_64(id); }

/// Columns of one run of rows, in one allocation. Memory that no row has touched costs address space alone.
struct Delta::Chunk {
  Chunk(Row capacity_rows, std::size_t code_bytes, std::size_t row_bytes) : capacity(capacity_rows) {
    const std::size_t n = capacity;
    std::size_t size = 0;
    const auto column = [&size](std::size_t bytes) {
      const std::size_t at = size;
      size += round_up(bytes);
      return at;
    };
    const std::size_t codes_at = column(n * code_bytes);
    const std::size_t elements_at = column(n * row_bytes);
    const std::size_t scale_at = column(n * 4), residual_at = column(n * 4), length_at = column(n * 4),
                      square_at = column(n * 4), words_at = column(n * 4), previous_at = column(n * 4),
                      created_at = column(n * 8), deleted_at = column(n * 8), hash_at = column(n * 8),
                      blob_at = column(n * 8);
    memory = static_cast<std::byte*>(std::aligned_alloc(64, size));
    STRATA_ASSERT(memory != nullptr);
    codes = reinterpret_cast<std::uint8_t*>(memory + codes_at);
    elements = memory + elements_at;
    scale = reinterpret_cast<float*>(memory + scale_at);
    residual = reinterpret_cast<float*>(memory + residual_at);
    code_length = reinterpret_cast<float*>(memory + length_at);
    square = reinterpret_cast<float*>(memory + square_at);
    words = reinterpret_cast<std::uint32_t*>(memory + words_at);
    previous = reinterpret_cast<std::uint32_t*>(memory + previous_at);
    created = reinterpret_cast<Lsn*>(memory + created_at);
    deleted = reinterpret_cast<std::atomic<Lsn>*>(memory + deleted_at);
    hash = reinterpret_cast<std::uint64_t*>(memory + hash_at);
    blob = reinterpret_cast<const Blob**>(memory + blob_at);
  }
  ~Chunk() { std::free(memory); }
  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;

  Row capacity;
  std::byte* memory;
  std::uint8_t* codes;
  std::byte* elements;
  float *scale, *residual, *code_length, *square;
  std::uint32_t* words;
  std::uint32_t* previous;  ///< the version of the same id before it, in this delta
  Lsn* created;
  std::atomic<Lsn>* deleted;
  std::uint64_t* hash;
  const Blob** blob;
};

Delta::Delta(const CollectionOptions& options)
    : options_(options),
      stride_(distance::code_stride(options.dimension)),
      element_bytes_(element_bytes(options.element, options.dimension)) {}

Delta::~Delta() {
  for (auto& chunk : chunks_) std::unique_ptr<Chunk>(chunk.load());
}

// Chunk i begins at row 64 · (2^i − 1).
Delta::Place Delta::place(Row row) const {
  const std::uint64_t shifted = std::uint64_t{row} + kFirstChunkRows;
  const auto index = static_cast<int>(std::bit_width(shifted)) - 7;
  return {chunks_[static_cast<std::size_t>(index)].load(std::memory_order_acquire),
          static_cast<std::size_t>(shifted - (std::uint64_t{kFirstChunkRows} << index))};
}

Delta::Chunk& Delta::chunk_for_append(Row row) {
  const auto index = static_cast<int>(std::bit_width(std::uint64_t{row} + kFirstChunkRows)) - 7;
  auto& slot = chunks_[static_cast<std::size_t>(index)];
  if (slot.load(std::memory_order_relaxed) == nullptr) {
    slot.store(std::make_unique<Chunk>(kFirstChunkRows << index, stride_, element_bytes_).release(),
               std::memory_order_release);
  }
  return *slot.load(std::memory_order_relaxed);
}

const Delta::Blob* Delta::store_blob(std::string_view id, ByteView payload, ByteView terms) {
  const std::size_t size = (sizeof(Blob) + id.size() + payload.size() + terms.size() + 7) / 8 * 8;
  if (size > arena_left_) {
    const std::size_t block = std::max(size, kArenaBytes);
    arena_.push_back(std::make_unique_for_overwrite<std::byte[]>(block));
    arena_next_ = arena_.back().get();
    arena_left_ = block;
  }
  std::byte* to = arena_next_;
  arena_next_ += size;
  arena_left_ -= size;
  auto* blob = new (to) Blob{static_cast<std::uint32_t>(id.size()), static_cast<std::uint32_t>(payload.size()),
                             static_cast<std::uint32_t>(terms.size())};
  to += sizeof(Blob);
  std::memcpy(to, id.data(), id.size());
  if (!payload.empty()) std::memcpy(to + id.size(), payload.data(), payload.size());
  if (!terms.empty()) std::memcpy(to + id.size() + payload.size(), terms.data(), terms.size());
  return blob;
}

Row Delta::append(Lsn created, std::string_view id, std::uint64_t hash, ByteView elements, ByteView payload,
                  ByteView terms, std::uint32_t words) {
  const Row row = rows_.load(std::memory_order_relaxed);
  STRATA_ASSERT(row < UINT32_MAX - 1);
  STRATA_ASSERT(elements.size() == element_bytes_);
  Chunk& chunk = chunk_for_append(row);
  const std::size_t at = place(row).at;
  std::byte* const stored = chunk.elements + at * element_bytes_;
  if (!elements.empty()) std::memcpy(stored, elements.data(), elements.size());
  const RowCode code =
      encode_row(options_.metric, as_floats(options_.element, options_.dimension, {stored, element_bytes_}, room_),
                 chunk.codes + at * stride_);
  chunk.scale[at] = code.scale;
  chunk.residual[at] = code.residual;
  chunk.code_length[at] = code.length;
  chunk.square[at] = code.square;
  chunk.words[at] = words;
  chunk.previous[at] = kNoRow;
  chunk.created[at] = created;
  new (chunk.deleted + at) std::atomic<Lsn>(kLive);
  chunk.hash[at] = hash;
  chunk.blob[at] = store_blob(id, payload, terms);
  rows_.store(row + 1, std::memory_order_release);
  index(row, hash, id);
  bytes_.fetch_add(elements.size() + stride_ + 64 + id.size() + payload.size() + terms.size(),
                   std::memory_order_relaxed);
  return row;
}

Delta::IdTable::IdTable(std::size_t capacity)
    : mask(capacity - 1), slots(std::make_unique<std::atomic<std::uint32_t>[]>(capacity)) {}

void Delta::index(Row row, std::uint64_t hash, std::string_view id) {
  if (tables_.empty() || (std::size_t{row} + 1) * 2 > tables_.back()->mask) grow_index();
  const IdTable& table = *tables_.back();
  std::atomic<std::uint32_t>& slot = table.slots[slot_of(table, id, hash)];
  const std::uint32_t before = slot.load(std::memory_order_relaxed);
  const Place here = place(row);
  here.chunk->previous[here.at] = before == 0 ? kNoRow : before - 1;
  slot.store(row + 1, std::memory_order_release);
}

// The slot that holds the newest row of `id`, or the free one where it belongs.
std::size_t Delta::slot_of(const IdTable& table, std::string_view id, std::uint64_t hash) const {
  for (std::size_t at = hash & table.mask;; at = (at + 1) & table.mask) {
    const std::uint32_t slot = table.slots[at].load(std::memory_order_acquire);
    if (slot == 0) return at;
    const Place held = place(slot - 1);
    if (held.chunk->hash[held.at] == hash && id_at(slot - 1) == id) return at;
  }
}

void Delta::grow_index() {
  const std::size_t before = tables_.empty() ? 0 : tables_.back()->mask + 1;
  auto table = std::make_unique<IdTable>(std::max<std::size_t>(128, before * 4));
  for (std::size_t i = 0; i < before; ++i) {
    const std::uint32_t slot = tables_.back()->slots[i].load(std::memory_order_relaxed);
    if (slot == 0) continue;
    const Place held = place(slot - 1);
    std::size_t at = held.chunk->hash[held.at] & table->mask;
    while (table->slots[at].load(std::memory_order_relaxed) != 0) at = (at + 1) & table->mask;
    table->slots[at].store(slot, std::memory_order_relaxed);
  }
  table_.store(table.get(), std::memory_order_release);
  tables_.push_back(std::move(table));
}

Result<std::optional<Row>> Delta::find(std::string_view id, std::uint64_t hash, Lsn view) const {
  const IdTable* table = table_.load(std::memory_order_acquire);
  if (table == nullptr) return std::optional<Row>();
  const std::uint32_t slot = table->slots[slot_of(*table, id, hash)].load(std::memory_order_acquire);
  for (Row row = slot == 0 ? kNoRow : slot - 1; row != kNoRow;) {
    if (visible(row, view)) return std::optional<Row>(row);
    const Place here = place(row);
    row = here.chunk->previous[here.at];
  }
  return std::optional<Row>();
}

Lsn Delta::created(Row row) const {
  const Place here = place(row);
  return here.chunk->created[here.at];
}

Lsn Delta::deleted(Row row) const {
  const Place here = place(row);
  return here.chunk->deleted[here.at].load(std::memory_order_relaxed);
}

void Delta::mark_deleted(Row row, Lsn lsn) {
  const Place here = place(row);
  here.chunk->deleted[here.at].store(lsn, std::memory_order_relaxed);
}

std::uint32_t Delta::length(Row row) const {
  const Place here = place(row);
  return here.chunk->words[here.at];
}

std::string_view Delta::id_at(Row row) const {
  const Place here = place(row);
  const Blob* blob = here.chunk->blob[here.at];
  return {reinterpret_cast<const char*>(blob + 1), blob->id};
}

ByteView Delta::payload_at(Row row) const {
  const Place here = place(row);
  const Blob* blob = here.chunk->blob[here.at];
  return {reinterpret_cast<const std::byte*>(blob + 1) + blob->id, blob->payload};
}

ByteView Delta::terms_at(Row row) const {
  const Place here = place(row);
  const Blob* blob = here.chunk->blob[here.at];
  return {reinterpret_cast<const std::byte*>(blob + 1) + blob->id + blob->payload, blob->terms};
}

Result<std::string_view> Delta::id(Row row) const { return id_at(row); }
Result<ByteView> Delta::payload(Row row) const { return payload_at(row); }
Result<RowTerms> Delta::terms(Row row) const { return RowTerms(terms_at(row)); }

Result<ByteView> Delta::elements(Row row, std::vector<float>&) const {
  const Place here = place(row);
  return ByteView(here.chunk->elements + here.at * element_bytes_, element_bytes_);
}

void Delta::ask_for_elements(Row row) const {
  const Place here = place(row);
  const std::byte* const begin = here.chunk->elements + here.at * element_bytes_;
  for (std::size_t i = 0; i < std::min<std::size_t>(element_bytes_, 4'096); i += 64) __builtin_prefetch(begin + i);
}

std::optional<Part::Run> Delta::codes(Row row) const {
  const Place here = place(row);
  const Chunk& chunk = *here.chunk;
  const Row first = row - static_cast<Row>(here.at);
  return Run{{chunk.codes, chunk.scale, chunk.residual, chunk.code_length, chunk.square},
             first,
             std::min(first + chunk.capacity, rows())};
}

std::uint64_t Delta::bytes_in_memory() const {
  const core::MutexLock lock(graph_mutex_);
  return bytes_.load(std::memory_order_relaxed) + (graph_ ? graph_->bytes() : 0);
}

bool Delta::claim_graph(Row rows_min) {
  const Row rows = this->rows();
  const Row covered = graph_rows_.load(std::memory_order_relaxed);
  if (covered == kNoRow || rows < rows_min) return false;
  if (rows - covered < std::max(rows_min / 2, covered / kGraphGrowth)) return false;
  return !graph_claimed_.exchange(true, std::memory_order_relaxed);
}

void Delta::attach(std::shared_ptr<const DeltaGraph> graph) {
  {
    const core::MutexLock lock(graph_mutex_);
    if (graph_rows_.load(std::memory_order_relaxed) != kNoRow) {
      graph_rows_.store(graph ? graph->view.rows : kNoRow, std::memory_order_relaxed);
      if (graph) graph_ = std::move(graph);
    }
  }
  graph_claimed_.store(false, std::memory_order_relaxed);
}

void Delta::detach() {
  const core::MutexLock lock(graph_mutex_);
  graph_rows_.store(kNoRow, std::memory_order_relaxed);
  graph_ = nullptr;
}

PartGraph Delta::graph() const {
  if (graph_rows_.load(std::memory_order_relaxed) == 0) return {};
  const core::MutexLock lock(graph_mutex_);
  if (!graph_) return {};
  return {&graph_->view, graph_->columns(), graph_};
}

void Delta::index_words(Row rows) const {
  core::WriterLock lock(words_mutex_);
  for (Row row = words_indexed_; row < rows; ++row) {
    TermReader reader(terms_at(row));
    for (Term term; reader.next(term);) words_[term.hash].push_back({row, term.count});
  }
  words_indexed_ = std::max(words_indexed_, rows);
}

Result<void> Delta::postings(std::uint32_t term, std::vector<Posting>& out) const {
  const Row all = rows();
  Row indexed = 0;
  {
    core::ReaderLock lock(words_mutex_);
    indexed = words_indexed_;
  }
  if (all > indexed + kUnindexedWordsMax) index_words(all);
  core::ReaderLock lock(words_mutex_);
  if (const auto found = words_.find(term); found != words_.end()) {
    out.insert(out.end(), found->second.begin(), found->second.end());
  }
  for (Row row = words_indexed_; row < all; ++row) {
    TermReader reader(terms_at(row));
    for (Term each; reader.next(each) && each.hash <= term;) {
      if (each.hash == term) out.push_back({row, each.count});
    }
  }
  return {};
}

}  // namespace strata::store::vector
