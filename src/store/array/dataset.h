#pragma once
/// One dataset as the journal made it: segments, clears, attributes, each with the LSN that brought it.
///
///     rows   0        4,000     6,000   6,300
///            ├─ part ───┼─ part ──┼─ memory ─┤          segments, in row order = LSN order
///                 ▒▒▒ cleared by lsn 88                 an overlay: zeros for views ≥ 88, the old rows for earlier ones
///
/// A read takes the list of segments under the lock, and copies rows without it. Segments that are not the last one never
/// change; the last one, in memory, grows behind the count that the reader has learned.
///
/// D1  Appends are applied in LSN order, so rows, segments and LSNs ascend together.
/// D2  A clear covers rows that existed at its LSN.
/// D3  A checkpoint replaces a prefix of the segments by others with the same rows, appends and LSNs; rows under a clear
///     that every possible view sees become zeros in them, and that clear goes.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/mutex.h"
#include "store/array/part.h"
#include "store/array/segment.h"

namespace strata::store::array {

struct Clear {
  Lsn lsn = 0;
  std::uint64_t begin = 0, end = 0;
  bool operator==(const Clear&) const = default;
};

struct AttributeVersion {
  Lsn lsn = 0;
  std::string name;
  Value value;  ///< null: taken away
};

/// What a checkpoint wrote in place of the first `replaced` segments.
struct SegmentReplacement {
  std::size_t replaced = 0;
  std::vector<std::shared_ptr<Segment>> segments;
  std::vector<Clear> zeroed;  ///< clears that are in the parts now
  Lsn horizon = 0;            ///< attribute versions that no view from here on can see may go
};

/// Of the versions ≤ horizon the last one of each name, if it is not null; and all later ones.
std::vector<AttributeVersion> without_hidden(const std::vector<AttributeVersion>& versions, Lsn horizon);

/// Threads: one that changes, many that read.
class Dataset {
 public:
  static constexpr Lsn kNever = ~Lsn{0};

  Dataset(std::uint64_t id, std::string name, const DatasetOptions& options, Lsn created);

  std::uint64_t id() const { return id_; }
  const std::string& name() const { return name_; }
  const DatasetOptions& options() const { return options_; }
  std::uint64_t bytes_per_row() const { return row_bytes_; }
  Lsn created() const { return created_; }
  Lsn dropped() const { return dropped_.load(std::memory_order_acquire); }
  bool visible_at(Lsn view) const { return created_ <= view && view < dropped(); }

  // ---- effects, in LSN order
  void append(Lsn lsn, std::uint64_t rows, std::string_view key, ByteView data);
  void adopt(std::shared_ptr<Part> part);
  void clear(Lsn lsn, std::uint64_t begin, std::uint64_t end);
  void set_attribute(Lsn lsn, std::string_view name, Value value);
  void drop(Lsn lsn) { dropped_.store(lsn, std::memory_order_release); }
  std::uint64_t rows_now() const;

  // ---- as a view sees it
  Result<std::uint64_t> rows_at(Lsn view) const;
  /// Rows [begin, end) into `out`; end ≤ rows_at(view).
  Result<void> read(Lsn view, std::uint64_t begin, std::uint64_t end, std::span<std::byte> out) const;
  Result<std::vector<RowRange>> find(Lsn view, std::string_view key) const;
  Map attributes_at(Lsn view) const;
  /// Each append with lsn ≤ view, rows counted from the dataset's first, and the digest of its key (nullptr: none).
  Result<void> visit_appends(Lsn view, const Segment::AppendVisitor& visit) const;
  std::uint64_t parts() const;

  // ---- checkpoints
  void seal();  ///< later appends begin a new segment
  std::vector<std::shared_ptr<Segment>> segments() const;
  std::vector<Clear> clears() const;
  std::vector<AttributeVersion> attribute_versions() const;
  void replace(const SegmentReplacement& replacement);
  void restore(std::vector<std::shared_ptr<Segment>> segments, const std::vector<Clear>& clears,
               std::vector<AttributeVersion> attributes, Lsn dropped);
  std::size_t bytes_in_memory() const;

 private:
  struct Slice {
    std::shared_ptr<Segment> segment;
    std::uint64_t base;  // of its first row
    std::uint64_t rows;  // known under the lock
  };
  std::vector<Slice> slices() const STRATA_REQUIRES_SHARED(mutex_);
  std::vector<Clear> clears_over(Lsn view, std::uint64_t begin, std::uint64_t end) const STRATA_REQUIRES_SHARED(mutex_);
  void add_clear(const Clear& clear) STRATA_REQUIRES(mutex_);

  const std::uint64_t id_;
  const std::string name_;
  const DatasetOptions options_;
  const std::uint64_t row_bytes_;
  const Lsn created_;
  std::atomic<Lsn> dropped_{kNever};

  mutable core::SharedMutex mutex_;
  std::vector<std::shared_ptr<Segment>> segments_ STRATA_GUARDED_BY(mutex_);
  std::shared_ptr<MemorySegment> growing_ STRATA_GUARDED_BY(mutex_);  // the last of segments_, or nullptr
  std::uint64_t rows_ STRATA_GUARDED_BY(mutex_) = 0;
  std::multimap<std::uint64_t, Clear> clears_ STRATA_GUARDED_BY(mutex_);  // by begin
  std::uint64_t clear_rows_max_ STRATA_GUARDED_BY(mutex_) = 0;            // the longest of them
  std::vector<AttributeVersion> attributes_ STRATA_GUARDED_BY(mutex_);
};

}  // namespace strata::store::array
