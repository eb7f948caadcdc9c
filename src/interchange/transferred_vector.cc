#include "interchange/transferred_vector.h"

namespace strata::interchange {
namespace {

std::string_view meant(const CollectionOptions& options, std::string_view vector) {
  return vector.empty() ? std::string_view(options.default_vector) : vector;
}

}  // namespace

Result<CollectionOptions> by_vector(std::string_view collection, const CollectionOptions& options,
                                    std::string_view vector) {
  const std::string subject = "collection \"" + std::string(collection) + "\"";
  const std::string_view name = meant(options, vector);
  if (name.empty()) {
    if (options.dimension > 0) return options;
    return Error(ErrorCode::failed_precondition, subject + " has no unnamed vector, and no default one; name one");
  }
  for (const NamedVector& each : options.vectors) {
    if (each.name != name) continue;
    if (each.kind == VectorKind::sparse) {
      return Error(ErrorCode::invalid_argument,
                   "vector \"" + each.name + "\" of " + subject + " is sparse; files hold dense ones");
    }
    CollectionOptions by = options;
    by.dimension = each.dimension;
    by.metric = each.metric;
    by.element = each.element;
    return by;
  }
  return Error(ErrorCode::invalid_argument, subject + " has no vector \"" + std::string(name) + "\"");
}

const std::vector<float>* transferred(const StoredPoint& point, const CollectionOptions& options,
                                      std::string_view vector) {
  const std::string_view name = meant(options, vector);
  if (name == options.default_vector) return point.vector.empty() ? nullptr : &point.vector;
  for (const StoredVector& each : point.vectors) {
    if (each.name == name) return &each.values;
  }
  return nullptr;
}

}  // namespace strata::interchange
