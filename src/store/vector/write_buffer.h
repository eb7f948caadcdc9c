#pragma once
/// What one transaction has written to the vector store so far: per collection the last word on each point.
#include <map>
#include <optional>
#include <string>

#include "store/vector/reading.h"
#include "transaction/session.h"

namespace strata::store::vector {

/// A named vector of the points that were written: what its collection is overlaid with.
struct BufferedVector {
  std::string name;
  CollectionOptions options;  ///< of the collection that keeps it
  Overlay points;             ///< upsert: given; remove: taken away, or not there; set_payload: under another payload
};

struct BufferedCollection {
  bool dropped = false;                      ///< what the view has is gone
  std::optional<CollectionOptions> created;  ///< and this stands in its place
  std::optional<Reshape> altered;            ///< or what the view has gets, and loses, vectors and indexes
  Overlay points;
  std::vector<BufferedVector> vectors;  ///< of each named vector of the collection; empty until a point is written

  /// `vectors`, made when there are none. `options`: of the collection.
  std::vector<BufferedVector>& vectors_of(const CollectionOptions& options);
  /// The vectors that are there from now on: what was written of those that stay is kept.
  void keep_vectors_of(const CollectionOptions& options);
};

/// Threads: one at a time.
class WriteBuffer final : public transaction::WriteBuffer {
 public:
  std::map<std::string, BufferedCollection, std::less<>>& collections() { return collections_; }
  const BufferedCollection* find(std::string_view collection) const;
  BufferedCollection& at(std::string_view collection);

  bool empty() const override;
  void encode(core::Encoder& out) const override;
  std::string describe(std::uint64_t key) const override;
  std::unique_ptr<Saved> save() override;
  void restore(const Saved& saved) override;
  Result<void> affects(transaction::Context& context, std::vector<std::uint64_t>& predicates) const override;

 private:
  std::map<std::string, BufferedCollection, std::less<>> collections_;
};

/// The conflict keys: of a point, and of a collection's existence. `get` reads both; dropping writes the second alone.
transaction::KeyHash point_key(std::string_view collection, std::string_view id);
transaction::KeyHash collection_key(std::string_view collection);
/// What searches, counts and scrolls depend on: any point of the collection. One predicate for the whole of it, because a
/// point anywhere may be the nearest, and changes how rare its words are.
transaction::KeyHash points_predicate(std::string_view collection);
/// And the list of collections: creating and dropping one.
inline constexpr transaction::KeyHash kCollectionsPredicate = 0x7665'6374'6f72'0004;

}  // namespace strata::store::vector
