#pragma once
/// A part that does not grow: an immutable, mapped file, plus which of its rows were deleted after it was written.
///
/// Opening reads the directory alone. Every page of 64 KiB is checked against its XXH3 the first time something in it is
/// needed, so damage is met as an error or an exact fallback and never as a wrong answer:
///
///     primary page bad   → corruption, naming file and offset
///     codes bad          → rows are compared exactly        (I5 holds without codes; of a split segment they are primary, for its
///                          vectors are codes and rests)
///     id table bad       → ids are searched by halving      (rows ascend by id)
///     dictionary or postings bad → term lists are read through
///     graph or lists missing or bad → rows are scanned      (index_file.h: a file of its own, made later)
///
/// A segment that fell back asks to be written anew at the next checkpoint (`wants_rewrite`).
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core/mutex.h"
#include "io/file_system.h"
#include "store/vector/filter/field_index.h"
#include "store/vector/graph/graph_file.h"
#include "store/vector/lists/lists_file.h"
#include "store/vector/memory_budget.h"
#include "store/vector/part.h"
#include "store/vector/segment_format.h"
#include "transaction/participant.h"

namespace strata::store::vector {

/// Threads: as Part.
class Segment final : public Part, public MemoryBudget::Member {
 public:
  /// `number` is the file's (segment_name). Errors  not_found, corruption, unsupported (a newer format); all name the file
  static Result<std::shared_ptr<Segment>> open(io::FileSystem& files, std::string name, std::uint64_t number);
  ~Segment() override;

  const std::string& name() const { return name_; }
  std::uint64_t number() const { return number_; }
  /// The hash of the directory, which holds the hash of each page: all of the file in a number.
  std::uint64_t root() const { return root_; }
  std::uint64_t file_bytes() const { return bytes_.size(); }
  const SegmentDirectory& directory() const { return directory_; }
  bool wants_rewrite() const;
  /// Of its field indexes, and of what was deleted after the file was written.
  std::uint64_t bytes_in_memory() const;
  /// Rows that were deleted after the file was written.
  std::uint32_t deleted_later() const { return deleted_later_.load(std::memory_order_relaxed); }
  /// The LSN at which `row` was deleted after the file was written, or kLive.
  Lsn deleted_later(Row row) const;
  /// Reads and checks every page.
  std::vector<transaction::Damage> verify() const;

  Result<void> prepare() const override;
  std::uint32_t dimension() const override { return directory_.options.dimension; }
  Row rows() const override { return directory_.rows; }
  Lsn created(Row row) const override { return column<Lsn>(Block::created)[row]; }
  Lsn deleted(Row row) const override;
  bool all_visible(Lsn view) const override {
    return view >= all_live_from_.load(std::memory_order_acquire) && deleted_later() == 0;
  }
  bool none_visible(Lsn view) const override { return view >= none_live_from_.load(std::memory_order_acquire); }
  /// Only views of the past see anything of it: every row was deleted when it was written.
  bool of_the_past() const { return none_visible(kLive - 1); }
  std::uint32_t length(Row row) const override {
    return directory_[Block::lengths].bytes == 0 ? 0 : column<std::uint32_t>(Block::lengths)[row];
  }
  Result<std::string_view> id(Row row) const override;
  Result<ByteView> elements(Row row, std::vector<float>& room) const override;
  void ask_for_elements(Row row) const override;
  Result<ByteView> payload(Row row) const override;
  Result<RowTerms> terms(Row row) const override;
  Result<std::optional<Row>> find(std::string_view id, std::uint64_t hash, Lsn view) const override;
  Result<std::optional<Row>> first_above(std::string_view after) const override;
  std::optional<Run> codes(Row row) const override;
  PartGraph graph() const override;
  const ListsView* lists() const override;
  Result<std::shared_ptr<const RowSet>> rows_where(const Condition& condition) const override;
  Result<std::shared_ptr<const FieldIndex>> field_index(std::string_view field) const override {
    return field_indexes_.index_of(*this, field);
  }
  Result<void> postings(std::uint32_t term, std::vector<Posting>& out) const override;
  void mark_deleted(Row row, Lsn lsn) override;

  /// Its pages count in these from now on; nullptr: in none.
  void keep_within(std::shared_ptr<MemoryBudget> of_store, std::shared_ptr<MemoryBudget> of_collection);
  /// Its index is another one now.
  void measure_again() const;
  std::uint64_t hot_bytes() const override;
  std::uint64_t cold_bytes() const override;
  void release_cold() const noexcept override;

  /// What a graph or lists of these rows say of themselves.
  IndexSubject index_subject() const {
    const CollectionOptions& options = directory_.options;
    return {root_, directory_.rows, {options.metric, options.element, options.dimension}};
  }
  /// The graph, or the lists, are used from now on and nothing else. False when the segment was retired meanwhile: then nobody needs it.
  bool attach(std::shared_ptr<GraphFile> graph) STRATA_EXCLUDES(index_mutex_);
  bool attach(std::shared_ptr<ListsFile> lists) STRATA_EXCLUDES(index_mutex_);
  /// No index is used from now on.
  void detach() STRATA_EXCLUDES(index_mutex_);
  /// Those that others took the place of, or none, and whose files are not known to be gone: they may be named by a checkpoint.
  std::vector<std::shared_ptr<IndexFile>> replaced_indexes() const STRATA_EXCLUDES(index_mutex_);
  /// The file of that number is gone, or will be with the checkpoints that name it.
  void forget_index(std::uint64_t number) STRATA_EXCLUDES(index_mutex_);
  /// Another segment has taken its place; returns its index.
  std::shared_ptr<IndexFile> retire() STRATA_EXCLUDES(index_mutex_);
  bool retired() const STRATA_EXCLUDES(index_mutex_);
  /// nullptr: none yet, or one of the other kind.
  std::shared_ptr<IndexFile> index_file() const STRATA_EXCLUDES(index_mutex_);
  std::shared_ptr<GraphFile> graph_file() const { return std::dynamic_pointer_cast<GraphFile>(index_file()); }
  std::shared_ptr<ListsFile> lists_file() const { return std::dynamic_pointer_cast<ListsFile>(index_file()); }

 private:
  enum class State : std::uint8_t { unknown, good, damaged };
  Segment(std::string name, std::uint64_t number, std::unique_ptr<io::Mapping> mapping);
  Result<void> read_directory();

  template <typename T>
  const T* column(Block block) const {
    return reinterpret_cast<const T*>(bytes_.data() + directory_[block].offset);
  }
  /// Whether the pages under [offset, offset + size) are as they were written; remembers what it found good.
  bool intact(std::uint64_t offset, std::uint64_t size) const;
  bool block_intact(Block block) const { return intact(directory_[block].offset, directory_[block].bytes); }
  Error damaged(std::uint64_t offset) const;
  Result<ByteView> slice(Block offsets, Block content, Row row) const;
  /// A row's bytes of a block in which all rows have as many. Errors  corruption
  Result<const std::byte*> fixed(Block block, std::uint64_t size, Row row) const;
  /// From here on lies what every search reads.
  std::uint64_t hot_begin() const {
    return directory_.splits() ? directory_[Block::codes].offset : directory_.derived_begin;
  }
  std::span<const std::uint32_t> term_hashes() const;
  bool offsets_ascend(Block offsets, Block content) const;
  Result<Row> first_row_not_below(std::string_view id) const;
  Result<std::optional<Row>> version_at(Row row, std::string_view id, Lsn view) const;
  Result<void> read_through_terms(std::uint32_t term, std::vector<Posting>& out) const;
  std::optional<ByteView> posting_list(std::uint32_t term) const;

  const std::string name_;
  const std::uint64_t number_;
  const std::unique_ptr<io::Mapping> mapping_;
  const ByteView bytes_;
  SegmentDirectory directory_;
  std::uint64_t root_ = 0;
  Pages pages_;

  mutable std::vector<std::atomic<std::uint64_t>> intact_pages_;  // a bit per page
  mutable std::atomic<State> primary_{State::unknown};            // the columns that prepare() checks
  mutable std::atomic<Lsn> all_live_from_{kLive};   // views from here on see all that was not deleted later
  mutable std::atomic<Lsn> none_live_from_{kLive};  // views from here on see nothing
  mutable std::atomic<State> codes_{State::unknown};
  std::vector<float> no_squares_;  // where the file keeps none
  mutable std::atomic<State> id_table_{State::unknown};
  mutable std::atomic<State> words_{State::unknown};
  mutable core::Mutex prepare_mutex_;

  mutable FieldIndexes field_indexes_;

  bool attached(std::shared_ptr<IndexFile> index) STRATA_REQUIRES(index_mutex_);
  mutable core::Mutex index_mutex_;
  std::vector<std::shared_ptr<IndexFile>> indexes_
      STRATA_GUARDED_BY(index_mutex_);  // searches may still use an older one
  bool retired_ STRATA_GUARDED_BY(index_mutex_) = false;
  bool indexed_ STRATA_GUARDED_BY(index_mutex_) = false;                              // by the newest of them
  std::vector<std::shared_ptr<IndexFile>> replaced_ STRATA_GUARDED_BY(index_mutex_);  // of them
  std::atomic<const GraphFile*> graph_{nullptr};  // the newest of them, when it is one, unless it was detached
  std::atomic<const ListsFile*> lists_{nullptr};

  std::shared_ptr<MemoryBudget> store_budget_, collection_budget_;

  std::atomic<std::atomic<Lsn>*> later_{nullptr};  // owned; per row: 0, or when it was deleted
  std::atomic<std::uint32_t> deleted_later_{0};
};

std::string segment_name(std::string_view directory, std::uint64_t number);  ///< "vector/000000000000002a.seg"

}  // namespace strata::store::vector
