#include "store/vector/target.h"

#include "store/vector/collection_options.h"
#include "store/vector/mutation.h"

namespace strata::store::vector {

using transaction::Context;

namespace {

Error refuse(std::string message) { return Error(ErrorCode::invalid_argument, std::move(message)); }

std::shared_ptr<const PartList> no_parts() {
  static const auto kNone = std::make_shared<const PartList>();
  return kNone;
}

}  // namespace

std::string quoted(std::string_view text) {
  return "\"" + std::string(text.substr(0, 64)) + (text.size() > 64 ? "…\"" : "\"");
}

Result<Reading> read(Context& tx, const Target& target, const CompiledFilter* filter) {
  auto parts = target.base ? STRATA_TRY(target.base->parts(tx.view_lsn())) : no_parts();
  const Overlay* overlay = target.buffered != nullptr ? &target.buffered->points : nullptr;
  return Reading{std::move(parts), tx.view_lsn(), &target.options, filter, overlay};
}

Result<Reading> read_vector(Context& tx, const Target& target, std::size_t place, const CompiledFilter* filter) {
  const Collection* kept = target.base ? target.base->vectors()[place].get() : nullptr;
  auto parts = kept != nullptr ? STRATA_TRY(kept->parts(tx.view_lsn())) : no_parts();
  const bool written = target.buffered != nullptr && !target.buffered->vectors.empty();
  const BufferedVector* own = written ? &target.buffered->vectors[place] : nullptr;
  // What the transaction has created has its vectors in the buffer.
  const CollectionOptions* options = kept != nullptr ? &kept->options() : &own->options;
  return Reading{std::move(parts), tx.view_lsn(), options, filter, own != nullptr ? &own->points : nullptr};
}

Result<VectorRows> read_rows(Context& tx, std::string_view collection, const Target& target, std::string_view vector,
                             const CompiledFilter* filter) {
  if (vector.empty()) return VectorRows{std::string(collection), STRATA_TRY(read(tx, target, filter))};
  const std::size_t place = STRATA_TRY(place_of(collection, target.options, vector));
  return VectorRows{name_of_vector(collection, vector), STRATA_TRY(read_vector(tx, target, place, filter)),
                    target.options.vectors[place].kind == VectorKind::sparse};
}

Result<VectorRows> read_dense(Context& tx, std::string_view collection, const Target& target, std::string_view vector,
                              const CompiledFilter* filter) {
  VectorRows rows = STRATA_TRY(read_rows(tx, collection, target, vector, filter));
  if (rows.sparse) return refuse(subject_of(rows.collection) + " is sparse; search_sparse searches it");
  STRATA_TRY(check_searched(rows.collection, *rows.reading.options));
  return rows;
}

Result<std::vector<VectorRows>> read_vectors(Context& tx, const Target& target, bool wanted) {
  std::vector<VectorRows> all;
  for (std::size_t place = 0; wanted && place < target.options.vectors.size(); ++place) {
    const NamedVector& vector = target.options.vectors[place];
    all.push_back(
        {vector.name, STRATA_TRY(read_vector(tx, target, place, nullptr)), vector.kind == VectorKind::sparse});
  }
  return all;
}

Result<std::size_t> place_of(std::string_view collection, const CollectionOptions& options, std::string_view vector) {
  if (const auto place = place_of_vector(options, vector)) return *place;
  return refuse("collection " + quoted(collection) + " has no vector " + quoted(vector) + "; its vectors are " +
                names_of_vectors(options));
}

}  // namespace strata::store::vector
