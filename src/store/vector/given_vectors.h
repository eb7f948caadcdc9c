#pragma once
/// Named vectors on their way into a transaction's buffer: checked, put beside their point, taken away with it.
#include <span>
#include <string_view>
#include <vector>

#include "store/vector/target.h"

namespace strata::store::vector {

/// What one entry of the buffer costs beside its bytes.
inline constexpr std::size_t kPointOverheadBytes = 96;

/// A vector that was given, ready to be put into the buffer.
struct TakenVector {
  std::size_t place = 0;  ///< among the options' vectors
  BufferedPoint point;    ///< without payload; remove: it has no values
};

/// Errors  invalid_argument: as strata::VectorStore::upsert says of vectors
Result<std::vector<TakenVector>> take_vectors(std::string_view outer, const CollectionOptions& options,
                                              std::string_view id, std::span<const PointVector> given);
/// All that a point brings beside the unnamed vector: where there is a default one, also what it brings without a name.
Result<std::vector<TakenVector>> take_vectors(std::string_view outer, const CollectionOptions& options,
                                              const Point& point);
/// Those that a point has, to be put under another payload. Errors  corruption
Result<std::vector<TakenVector>> under_payload(transaction::Context& tx, const Target& target, std::string_view id);
/// What they take in the buffer; `entries`: in how many overlays the point gets one.
std::uint64_t bytes_of(const std::vector<TakenVector>& vectors, std::size_t entries, std::string_view id,
                       const Bytes& payload);
/// Into a buffer whose vectors are made.
void put(BufferedCollection& buffered, std::string_view id, std::vector<TakenVector> vectors, const Bytes& payload);

/// What was found, as an entry of the buffer. Errors  corruption
Result<BufferedPoint> as_it_is(const Found& found, PointChange::Kind kind);
/// Out of the view; `was`: the view has it without the own transaction.
void take_away(Overlay& points, std::string_view id, bool was);

}  // namespace strata::store::vector
