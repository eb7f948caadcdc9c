#pragma once
/// What one transaction has written to the vector store so far: per collection the last word on each point.
#include <map>
#include <optional>
#include <string>

#include "store/vector/reading.h"
#include "transaction/session.h"

namespace strata::store::vector {

struct BufferedCollection {
  bool dropped = false;                      ///< what the view has is gone
  std::optional<CollectionOptions> created;  ///< and this stands in its place
  Overlay points;
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

 private:
  std::map<std::string, BufferedCollection, std::less<>> collections_;
};

/// The conflict keys: of a point, and of a collection's existence.
transaction::KeyHash point_key(std::string_view collection, std::string_view id);
transaction::KeyHash collection_key(std::string_view collection);

}  // namespace strata::store::vector
