#include "store/vector/target.h"

#include "store/vector/collection_options.h"
#include "store/vector/mutation.h"

namespace strata::store::vector {

using transaction::Context;

namespace {

Error refuse(std::string message) { return Error(ErrorCode::invalid_argument, std::move(message)); }

std::shared_ptr<const PartList> together(std::shared_ptr<const PartList> some,
                                         const std::shared_ptr<const PartList>& others) {
  auto all = std::make_shared<PartList>(*some);
  all->segments.insert(all->segments.end(), others->segments.begin(), others->segments.end());
  all->deltas.insert(all->deltas.end(), others->deltas.begin(), others->deltas.end());
  all->all.insert(all->all.end(), others->all.begin(), others->all.end());
  return all;
}

std::shared_ptr<const PartList> no_parts() {
  static const auto kNone = std::make_shared<const PartList>();
  return kNone;
}

}  // namespace

std::optional<Target> find_target(std::shared_ptr<Collection> base, const BufferedCollection* buffered, Lsn view) {
  if (buffered != nullptr && buffered->created) {
    Target target{nullptr, *buffered->created, {}, {}, buffered};
    target.kept.resize(target.options.vectors.size());
    return target;
  }
  if (base == nullptr || (buffered != nullptr && buffered->dropped)) return std::nullopt;
  Layout layout = base->layout(view);
  auto kept = base->vectors(layout);
  if (buffered == nullptr || !buffered->altered) {
    return Target{std::move(base), std::move(layout.options), std::move(kept), std::move(layout.in_rows), buffered};
  }
  const Reshape& altered = *buffered->altered;
  Target target{std::move(base), altered.options, {}, altered.named.empty() ? layout.in_rows : altered.named, buffered};
  for (const NamedVector& vector : altered.options.vectors) {
    const auto place = place_of_vector(layout.options, vector.name);
    const bool is_new = !place || is_added(layout.options, altered, vector.name);
    target.kept.push_back(is_new ? nullptr : kept[*place]);
    if (is_new && vector.name == layout.in_rows) target.in_rows.clear();
  }
  return target;
}

std::string quoted(std::string_view text) {
  return "\"" + std::string(text.substr(0, 64)) + (text.size() > 64 ? "…\"" : "\"");
}

Result<Reading> read(Context& tx, const Target& target, const CompiledFilter* filter) {
  auto parts = no_parts();
  if (target.base && target.options.dimension > 0) {
    // Rows without a vector came after it got a name: this view sees none of them, and a scan cannot look at them.
    parts = STRATA_TRY(target.base->parts_with_vectors(tx.view_lsn()));
  } else if (target.base) {
    parts = STRATA_TRY(target.base->parts(tx.view_lsn()));
  }
  const Overlay* overlay = target.buffered != nullptr ? &target.buffered->points : nullptr;
  return Reading{std::move(parts), tx.view_lsn(), &target.options, filter, overlay};
}

Result<Reading> read_vector(Context& tx, const Target& target, std::size_t place, const CompiledFilter* filter) {
  const Collection* kept = target.kept[place].get();
  auto parts = kept != nullptr ? STRATA_TRY(kept->parts(tx.view_lsn())) : no_parts();
  if (target.base && target.options.vectors[place].name == target.in_rows) {
    parts = together(std::move(parts), STRATA_TRY(target.base->parts_with_vectors(tx.view_lsn())));
  }
  const bool written = target.buffered != nullptr && !target.buffered->vectors.empty();
  const BufferedVector* own = written ? &target.buffered->vectors[place] : nullptr;
  // What the transaction has made itself has its options in the buffer.
  const CollectionOptions* options = kept != nullptr ? &kept->options() : &own->options;
  return Reading{std::move(parts), tx.view_lsn(), options, filter, own != nullptr ? &own->points : nullptr};
}

Result<VectorRows> read_rows(Context& tx, std::string_view collection, const Target& target, std::string_view given,
                             const CompiledFilter* filter) {
  const std::string_view vector = meant(target.options, given);
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
    const std::string name = vector.name == target.options.default_vector ? std::string() : vector.name;
    all.push_back({name, STRATA_TRY(read_vector(tx, target, place, nullptr)), vector.kind == VectorKind::sparse});
  }
  return all;
}

Result<std::size_t> place_of(std::string_view collection, const CollectionOptions& options, std::string_view vector) {
  if (const auto place = place_of_vector(options, vector)) return *place;
  return refuse("collection " + quoted(collection) + " has no vector " + quoted(vector) + "; its vectors are " +
                names_of_vectors(options));
}

}  // namespace strata::store::vector
