#include "engine/store_set.h"

#include "store/analytics/analytics_store.h"
#include "store/array/array_store.h"
#include "store/cache/cache_store.h"
#include "store/graph/graph_store.h"
#include "store/metadata/metadata_store.h"
#include "store/object/object_store.h"
#include "store/vector/vector_store.h"

namespace strata::engine {
namespace {

store::metadata::MetadataOptions metadata_options(const OpenOptions& options, std::uint64_t database) {
  store::metadata::MetadataOptions metadata;
  metadata.database = database;
  metadata.cache_bytes = options.metadata_cache_bytes;
  return metadata;
}

store::analytics::AnalyticsOptions analytics_options(const OpenOptions& options, std::uint64_t database) {
  store::analytics::AnalyticsOptions analytics;
  analytics.database = database;
  analytics.memory_bytes = options.analytics_bytes;
  return analytics;
}

store::vector::VectorOptions vector_options(const OpenOptions& options, std::uint32_t graph_rows_min) {
  store::vector::VectorOptions vector;
  vector.memory_bytes = options.vector_bytes;
  if (graph_rows_min != 0) vector.graph_rows_min = graph_rows_min;
  return vector;
}

}  // namespace

struct StoreSet::Stores {
  Stores(io::FileSystem& files, const core::Clock& clock, const OpenOptions& options, std::uint64_t database,
         std::uint32_t graph_rows_min)
      : vector(files, "vector", vector_options(options, graph_rows_min)),
        object(files),
        metadata(files, clock, metadata_options(options, database)),
        graph(files),
        analytics(files, clock, analytics_options(options, database)),
        cache(clock, {.bytes_max = options.cache_bytes}),
        array(files) {}

  store::vector::VectorParticipant vector;
  store::object::Store object;
  store::metadata::MetadataParticipant metadata;
  store::graph::Store graph;
  store::analytics::AnalyticsParticipant analytics;
  store::cache::CacheParticipant cache;
  store::array::ArrayParticipant array;
};

StoreSet::StoreSet(io::FileSystem& files, const core::Clock& clock, const OpenOptions& options, std::uint64_t database,
                   std::uint32_t graph_rows_min)
    : stores_(std::make_unique<Stores>(files, clock, options, database, graph_rows_min)),
      participants_{&stores_->vector,    &stores_->object, &stores_->metadata, &stores_->graph,
                    &stores_->analytics, &stores_->cache,  &stores_->array} {
  for (std::size_t i = 0; i < participants_.size(); ++i) {
    STRATA_ASSERT(static_cast<std::size_t>(participants_[i]->kind()) == i);
  }
}

StoreSet::~StoreSet() = default;

void StoreSet::set_durable_source(std::function<Result<void>(Lsn)> make_durable) {
  stores_->metadata.set_durable_source(make_durable);
  stores_->analytics.set_durable_source(std::move(make_durable));
}

std::unique_ptr<VectorStore> StoreSet::vector(transaction::Session& session) {
  return stores_->vector.session(session);
}
std::unique_ptr<ObjectStore> StoreSet::object(transaction::Session& session) {
  return stores_->object.session(session);
}
std::unique_ptr<MetadataStore> StoreSet::metadata(transaction::Session& session) {
  return stores_->metadata.session(session);
}
std::unique_ptr<GraphStore> StoreSet::graph(transaction::Session& session) { return stores_->graph.session(session); }
std::unique_ptr<AnalyticsStore> StoreSet::analytics(transaction::Session& session) {
  return stores_->analytics.session(session);
}
std::unique_ptr<CacheStore> StoreSet::cache(transaction::Session& session) { return stores_->cache.session(session); }
std::unique_ptr<ArrayStore> StoreSet::array(transaction::Session& session) { return stores_->array.session(session); }

}  // namespace strata::engine
