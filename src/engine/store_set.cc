#include "engine/store_set.h"

#include "store/analytics/analytics_store.h"
#include "store/array/array_store.h"
#include "store/cache/cache_store.h"
#include "store/graph/graph_store.h"
#include "store/metadata/metadata_store.h"
#include "store/object/object_store.h"
#include "store/vector/vector_store.h"

namespace strata::engine {
}  // namespace strata::engine
