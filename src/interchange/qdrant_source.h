#pragma once
/// Points as Qdrant's HTTP API gives and takes them (json_items.h):
///
///     {"id": 7 or "a uuid", "vector": [0.1, …] or {"name": [0.1, …], …}, "payload": {…} or null}
#include "interchange/point_names.h"

namespace strata::interchange {

/// Where an export keeps an id that Qdrant cannot have; its UUID is uuid_of_text of it.
inline constexpr std::string_view kKeptId = "strata_id";

struct QdrantFields {
  std::string
      id;  ///< the field of the payload that is the id, and leaves it; empty: Qdrant's own id, or `kKeptId` where that is its UUID
  std::string vector;  ///< which of several named vectors; empty: the only one
};

/// Of each point one dense vector is kept; sparse vectors, several vectors a point and points without one are remarked.
/// Errors  invalid_argument (no such JSON; several vectors and none named: they are listed), corruption (the file ends early)
Result<std::unique_ptr<PointSource>> open_qdrant(io::FileSystem& files, const std::string& name, QdrantFields fields);

}  // namespace strata::interchange
