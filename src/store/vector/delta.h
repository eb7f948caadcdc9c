#pragma once
/// The part that grows: what was applied since the last checkpoint, in memory, readable at once.
///
/// Rows lie in chunks of 64, 128, 256 … rows that never move, so that searches run while one thread appends. A row is
/// written in full and then published by one store of `rows_`; readers load it first. Only `deleted` changes afterwards,
/// and it is atomic. The id index is probed without a lock: a full table is replaced by a larger copy and kept for those who
/// still read it; a row that such a reader misses is newer than its view.
///
/// Words are indexed when someone searches for them, not when they are applied: appending keeps the term list alone. Of many rows
/// a graph is made beside everything (graph/delta_graph.h).
#include <array>
#include <atomic>
#include <memory>
#include <unordered_map>
#include <vector>

#include "core/mutex.h"
#include "store/vector/graph/delta_graph.h"
#include "store/vector/part.h"
#include "strata/vector.h"

namespace strata::store::vector {

/// Threads: append and mark_deleted one thread at a time; everything else any, beside it.
class Delta final : public Part {
 public:
  explicit Delta(const CollectionOptions& options);
  ~Delta() override;

  /// Adds one version, live from `created` on. The bytes are copied; `elements` lie at any address.
  Row append(Lsn created, std::string_view id, std::uint64_t hash, ByteView elements, ByteView payload, ByteView terms,
             std::uint32_t words);
  std::uint64_t bytes_in_memory() const;
  const CollectionOptions& options() const { return options_; }

  /// Whether it has `rows_min` rows and so many outside its graph that the next one is due, and nobody was told so before. Whoever is
  /// told calls `attach`.
  bool claim_graph(Row rows_min);
  /// Searches use it from now on; nullptr: it is not to be had, now or later.
  void attach(std::shared_ptr<const DeltaGraph> graph) STRATA_EXCLUDES(graph_mutex_);
  /// It has no graph from now on.
  void detach() STRATA_EXCLUDES(graph_mutex_);
  /// A segment has taken its place.
  void retire() { retired_.store(true, std::memory_order_relaxed); }
  bool retired() const { return retired_.load(std::memory_order_relaxed); }

  std::uint32_t dimension() const override { return options_.dimension; }
  Row rows() const override { return rows_.load(std::memory_order_acquire); }
  Lsn created(Row row) const override;
  Lsn deleted(Row row) const override;
  std::uint32_t length(Row row) const override;
  Result<std::string_view> id(Row row) const override;
  Result<ByteView> elements(Row row, std::vector<float>& room) const override;
  void ask_for_elements(Row row) const override;
  Result<ByteView> payload(Row row) const override;
  Result<RowTerms> terms(Row row) const override;
  Result<std::optional<Row>> find(std::string_view id, std::uint64_t hash, Lsn view) const override;
  std::optional<Run> codes(Row row) const override;
  PartGraph graph() const override STRATA_EXCLUDES(graph_mutex_);
  Result<void> postings(std::uint32_t term, std::vector<Posting>& out) const override;
  void mark_deleted(Row row, Lsn lsn) override;

 private:
  struct Chunk;
  struct Place {
    const Chunk* chunk;
    std::size_t at;
  };
  /// Sizes in front of a row's id, payload and terms, which follow it.
  struct Blob {
    std::uint32_t id;
    std::uint32_t payload;
    std::uint32_t terms;
  };
  Place place(Row row) const;
  Chunk& chunk_for_append(Row row);
  const Blob* store_blob(std::string_view id, ByteView payload, ByteView terms);
  std::string_view id_at(Row row) const;
  ByteView payload_at(Row row) const;
  ByteView terms_at(Row row) const;
  /// Open addressing: each slot the newest row of an id, plus 1; 0 is free. At most half full.
  struct IdTable {
    explicit IdTable(std::size_t capacity);
    std::size_t mask;
    std::unique_ptr<std::atomic<std::uint32_t>[]> slots;
  };
  void index(Row row, std::uint64_t hash, std::string_view id);
  std::size_t slot_of(const IdTable& table, std::string_view id, std::uint64_t hash) const;
  void grow_index();
  void index_words(Row rows) const STRATA_EXCLUDES(words_mutex_);

  const CollectionOptions options_;
  const std::size_t stride_;
  const std::size_t element_bytes_;  // of a row
  std::vector<float> room_;          // of the appending thread

  std::array<std::atomic<Chunk*>, 27> chunks_{};  // owned; chunk i holds 64 · 2^i rows
  std::atomic<Row> rows_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::vector<std::unique_ptr<std::byte[]>> arena_;  // of the appending thread
  std::size_t arena_left_ = 0;
  std::byte* arena_next_ = nullptr;

  std::vector<std::unique_ptr<IdTable>> tables_;  // of the appending thread; the last one is in use
  std::atomic<const IdTable*> table_{nullptr};

  mutable core::Mutex graph_mutex_;
  std::shared_ptr<const DeltaGraph> graph_ STRATA_GUARDED_BY(graph_mutex_);
  std::atomic<Row> graph_rows_{0};          // kNoRow: there will be none
  std::atomic<bool> graph_claimed_{false};  // it is being made
  std::atomic<bool> retired_{false};

  mutable core::SharedMutex words_mutex_;
  mutable std::unordered_map<std::uint32_t, std::vector<Posting>> words_ STRATA_GUARDED_BY(words_mutex_);
  mutable Row words_indexed_ STRATA_GUARDED_BY(words_mutex_) = 0;
};

}  // namespace strata::store::vector
