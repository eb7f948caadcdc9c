#pragma once
/// One collection: its parts, and how a commit changes them.
///
///     apply      upsert      → the live version of the id is marked deleted, a row is appended to the active delta
///                set_payload → the same, with vector and terms of the version before
///                remove      → the live version is marked deleted
///                set_vectors → named vectors alone
///     a named vector   is a collection beside this one, of the points that have it: ids and payloads again, and the vector
///     a layout         says which vectors there are from an LSN on: views of the past see the one of then
///     naming           the unnamed vector of the rows that there are gets a name: they stay as they are, new rows are without, and a
///                      collection beside this one keeps the vector of that name from then on; when a row is written anew its vector moves there
///     freeze     the active delta is closed; the next row opens another
///     installed  a written segment takes the place of the closed deltas and small segments it was made from
///
/// Readers take a snapshot of the part list and keep it; what is replaced lives until the last of them lets go.
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/mutex.h"
#include "store/vector/delta.h"
#include "store/vector/graph/inheritance.h"
#include "store/vector/mutation.h"
#include "store/vector/segment.h"
#include "store/vector/segment_writer.h"

namespace strata::store::vector {

/// The parts at one moment. Immutable; the parts are not.
struct PartList {
  std::vector<std::shared_ptr<Segment>> segments;
  std::vector<std::shared_ptr<Delta>> deltas;
  std::vector<Part*> all;  ///< newest first: where a live version is most likely
};

/// What vectors a collection has, from an LSN on.
struct Layout {
  Lsn since = 0;
  CollectionOptions options;  ///< with all of its named vectors
  std::string in_rows = {};   ///< the named vector that older rows of the collection itself hold; empty: none does
};

/// What the visible points come to, at one LSN.
struct Totals {
  std::uint64_t points = 0;
  std::uint64_t texts = 0;  ///< points with at least one word
  std::uint64_t words = 0;  ///< the lengths of those
  bool operator==(const Totals&) const = default;
};

/// Finished segments that wait to be installed.
struct Replacement {
  struct Made {
    std::shared_ptr<Segment> segment;
    std::vector<SourceRow> sources;          ///< row i of it was made from sources[i]
    std::optional<Inheritance> inheritance;  ///< what its graph can begin with
  };
  std::vector<Made> made;  ///< none: nothing was left to write
  std::vector<const Part*> replaced;
};

/// Threads: apply functions, freeze and install one at a time; everything else any, beside it.
class Collection {
 public:
  /// of_store  what segments count in, beside the collection's own
  /// options   with its named vectors
  /// vectors   what keeps those, in their order
  Collection(std::uint64_t id, std::string name, const CollectionOptions& options, Lsn created,
             std::shared_ptr<MemoryBudget> of_store, std::vector<std::shared_ptr<Collection>> vectors = {});

  std::uint64_t id() const { return id_; }
  const std::string& name() const { return name_; }
  /// What the rows of this collection itself were made with first: no named vectors; what never changes.
  const CollectionOptions& options() const { return options_; }
  /// The vectors that `view` sees, indexed and quantized as they are now.
  Layout layout(Lsn view) const STRATA_EXCLUDES(layout_mutex_);
  CollectionOptions present_options() const { return layout(kLive - 1).options; }
  IndexOptions index() const STRATA_EXCLUDES(layout_mutex_);
  QuantizationOptions quantization() const STRATA_EXCLUDES(layout_mutex_);
  /// What keeps the named vectors of a layout, in the order of its options.
  std::vector<std::shared_ptr<Collection>> vectors(const Layout& layout) const STRATA_EXCLUDES(layout_mutex_);
  /// Those that views of the past alone see, too.
  std::vector<std::shared_ptr<Collection>> all_vectors() const STRATA_EXCLUDES(layout_mutex_);
  /// The LSN from which on nobody can ask for the vectors that its own rows hold; kLive: there is none.
  Lsn rows_vector_gone() const STRATA_EXCLUDES(layout_mutex_);
  /// What keeps the vectors of the last layout. Of the applying thread.
  const std::vector<std::shared_ptr<Collection>>& live_vectors() const { return live_vectors_; }
  Lsn created() const { return created_; }
  Lsn deleted() const { return deleted_.load(std::memory_order_relaxed); }
  bool visible(Lsn view) const { return created_ <= view && deleted() > view; }

  /// The parts, each checked so far that it can be read; `all` holds those of which `view` may see a row.
  /// Errors  corruption naming the file
  Result<std::shared_ptr<const PartList>> parts(Lsn view) const;
  /// Of those, the ones whose rows hold a vector.
  Result<std::shared_ptr<const PartList>> parts_with_vectors(Lsn view) const;
  /// The same without the check: for figures.
  std::shared_ptr<const PartList> unchecked_parts() const STRATA_EXCLUDES(parts_mutex_);
  /// Exact at any view; O(1) at or after the last change, else a pass over the rows. Errors  as parts
  Result<Totals> totals(Lsn view) const;

  /// The LSN of the last change of its own rows.
  Lsn last_change() const STRATA_EXCLUDES(totals_mutex_) {
    const core::MutexLock lock(totals_mutex_);
    return totals_lsn_;
  }

  /// Errors  corruption: a change of a point that does not exist, a damaged segment
  Result<void> apply(Lsn lsn, const PointChange& change);
  /// `added` keep the vectors that are new (is_added), in the order of the options, and the one that gets a name.
  void reshape(Lsn lsn, const Reshape& reshape, std::vector<std::shared_ptr<Collection>> added)
      STRATA_EXCLUDES(layout_mutex_);
  void drop(Lsn lsn);
  /// Of what its parts have now.
  IndexFigures index_figures() const;
  /// The active delta when a graph of it is due (Delta::claim_graph), else nullptr. Of the applying thread.
  std::shared_ptr<Delta> delta_that_needs_a_graph(Row rows_min) const;

  // Checkpoints.
  std::vector<Layout> layouts() const STRATA_EXCLUDES(layout_mutex_);  ///< ascending by LSN, indexed as they are now
  void restore_layouts(std::vector<Layout> layouts) STRATA_EXCLUDES(layout_mutex_);
  /// Nobody looks further back: layouts that came to an end, and what kept vectors that are gone, are forgotten.
  void forget_before(Lsn horizon) STRATA_EXCLUDES(layout_mutex_);
  void restore(std::vector<std::shared_ptr<Segment>> segments, const Totals& totals, Lsn lsn, Lsn deleted);
  void freeze();
  Totals latest_totals() const;
  void install(const Replacement& replacement);

 private:
  struct Live {
    Part* part = nullptr;
    Row row = 0;
  };
  Result<Live> find_live(const PartList& parts, std::string_view id, std::uint64_t hash) const;
  /// `carried`: the elements of the named vector that the row of the version before held and the new one does not.
  Result<void> apply_to_vectors(Lsn lsn, const PointChange& change, ByteView payload, ByteView carried);
  /// How this collection itself is searched.
  void alter(const IndexOptions& index, const QuantizationOptions& quantization) STRATA_EXCLUDES(layout_mutex_);
  void index_as(const CollectionOptions& options) STRATA_EXCLUDES(layout_mutex_);
  void index_rows_as_now(CollectionOptions& options) const STRATA_REQUIRES(layout_mutex_);
  void index_vectors_as_now(Layout& layout) const STRATA_EXCLUDES(layout_mutex_);
  std::shared_ptr<Collection> vector(std::string_view name, Lsn view) const STRATA_EXCLUDES(layout_mutex_);
  void take_live_layout() STRATA_EXCLUDES(layout_mutex_);
  Delta& active();
  void publish(std::shared_ptr<PartList> parts) STRATA_EXCLUDES(parts_mutex_);
  void count(Lsn lsn, int sign, std::uint32_t length);

  const std::uint64_t id_;
  const std::string name_;
  const CollectionOptions options_;
  const Lsn created_;
  std::atomic<Lsn> deleted_{kLive};
  const std::shared_ptr<MemoryBudget> store_budget_, budget_;

  // Of the applying thread.
  Delta* active_ = nullptr;                                // in parts_
  Layout live_;                                            // the last layout
  std::vector<std::shared_ptr<Collection>> live_vectors_;  // what keeps its vectors

  mutable core::Mutex layout_mutex_;
  IndexOptions index_ STRATA_GUARDED_BY(layout_mutex_) = options_.index;
  QuantizationOptions quantization_ STRATA_GUARDED_BY(layout_mutex_) = options_.quantization;
  std::vector<Layout> layouts_ STRATA_GUARDED_BY(layout_mutex_);  // ascending; never empty
  /// Every incarnation of a vector, oldest first among those of a name.
  std::vector<std::shared_ptr<Collection>> vectors_ STRATA_GUARDED_BY(layout_mutex_);

  mutable core::Mutex parts_mutex_;
  std::shared_ptr<const PartList> parts_ STRATA_GUARDED_BY(parts_mutex_) = std::make_shared<PartList>();
  mutable core::Mutex totals_mutex_;
  Totals totals_ STRATA_GUARDED_BY(totals_mutex_);
  Lsn totals_lsn_ STRATA_GUARDED_BY(totals_mutex_) = 0;  // of the last change in them
};

}  // namespace strata::store::vector
