#pragma once
/// The seven stores of one database, and the doors to them. The one place that names all seven.
#include <array>
#include <atomic>
#include <functional>
#include <memory>

#include "core/clock.h"
#include "core/mutex.h"
#include "io/file_system.h"
#include "strata/engine.h"
#include "transaction/participant.h"
#include "transaction/session.h"

namespace strata::engine {

class StoreSet {
 public:
  /// Threads: as the stores. `files`, `clock` outlive it.
  /// `database` is a hash of its identity: what SQLite and DuckDB keep of another database is not believed.
  /// `graph_rows_min`: as Environment has it.
  StoreSet(io::FileSystem& files, const core::Clock& clock, const OpenOptions& options, std::uint64_t database,
           std::uint32_t graph_rows_min);
  ~StoreSet();

  const std::array<transaction::Participant*, kStoreCount>& participants() const { return participants_; }
  transaction::Participant& participant(StoreKind kind) { return *participants_[static_cast<std::size_t>(kind)]; }

  /// Stores that another engine keeps (SQLite, DuckDB) write ahead of no journal: they call this before they make an
  /// LSN durable.
  void set_durable_source(std::function<Result<void>(Lsn)> make_durable);

  std::unique_ptr<VectorStore> vector(transaction::Session& session);
  std::unique_ptr<ObjectStore> object(transaction::Session& session);
  std::unique_ptr<MetadataStore> metadata(transaction::Session& session);
  std::unique_ptr<GraphStore> graph(transaction::Session& session);
  std::unique_ptr<AnalyticsStore> analytics(transaction::Session& session);
  std::unique_ptr<CacheStore> cache(transaction::Session& session);
  std::unique_ptr<ArrayStore> array(transaction::Session& session);

 private:
  struct Stores;
  std::unique_ptr<Stores> stores_;
  std::array<transaction::Participant*, kStoreCount> participants_{};
};

/// The contracts of the seven stores over one session, each made when it is first asked for. Threads: any.
class StoreHandles {
 public:
  StoreHandles(StoreSet& set, transaction::Session& session) : set_(set), session_(session) {}
  VectorStore& vector() { return get(vector_, &StoreSet::vector); }
  ObjectStore& object() { return get(object_, &StoreSet::object); }
  MetadataStore& metadata() { return get(metadata_, &StoreSet::metadata); }
  GraphStore& graph() { return get(graph_, &StoreSet::graph); }
  AnalyticsStore& analytics() { return get(analytics_, &StoreSet::analytics); }
  CacheStore& cache() { return get(cache_, &StoreSet::cache); }
  ArrayStore& array() { return get(array_, &StoreSet::array); }

 private:
  template <typename Store>
  struct Slot {
    std::atomic<Store*> ready{nullptr};
    std::unique_ptr<Store> owner;
  };
  template <typename Store>
  Store& get(Slot<Store>& slot, std::unique_ptr<Store> (StoreSet::*make)(transaction::Session&)) {
    if (Store* ready = slot.ready.load(std::memory_order_acquire)) return *ready;
    const core::MutexLock lock(mutex_);
    if (!slot.owner) {
      slot.owner = (set_.*make)(session_);
      slot.ready.store(slot.owner.get(), std::memory_order_release);
    }
    return *slot.owner;
  }

  StoreSet& set_;
  transaction::Session& session_;
  core::Mutex mutex_;
  Slot<VectorStore> vector_;
  Slot<ObjectStore> object_;
  Slot<MetadataStore> metadata_;
  Slot<GraphStore> graph_;
  Slot<AnalyticsStore> analytics_;
  Slot<CacheStore> cache_;
  Slot<ArrayStore> array_;
};

}  // namespace strata::engine
