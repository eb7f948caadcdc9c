#pragma once
/// Read-only connections, each standing in a read transaction at one applied LSN.
///
/// A connection that was used stays in its read transaction and is found again by the LSN it stands at: a view that asks
/// again later gets the state it had, although the writer has moved on (that is what SQLite's WAL gives for free). A few
/// idle ones are kept, least recently used first out. A checkpoint lets go of all idle ones, so that the WAL can shrink.
#include <deque>
#include <memory>
#include <string>

#include "core/mutex.h"
#include "store/metadata/schema.h"
#include "store/metadata/sqlite.h"
#include "strata/error.h"

namespace strata::store::metadata {

class Reader {
 public:
  explicit Reader(Connection connection) : connection_(std::move(connection)) {}
  Connection& connection() { return connection_; }
  Lsn state() const { return state_; }
  /// The tables as of this state.
  Result<std::shared_ptr<const Catalog>> catalog();

 private:
  friend class ReaderPool;
  Result<void> stand_at_newest();

  Connection connection_;
  Lsn state_ = 0;
  std::shared_ptr<const Catalog> catalog_;
  std::int64_t schema_version_ = -1;
};

/// Threads: any.
class ReaderPool {
 public:
  ReaderPool(std::string path, std::int64_t cache_bytes, std::size_t idle_max)
      : path_(std::move(path)), cache_bytes_(cache_bytes), idle_max_(idle_max) {}

  /// A reader from the pool; it goes back when this ends.
  class Lease {
   public:
    Lease(ReaderPool& pool, std::unique_ptr<Reader> reader) : pool_(&pool), reader_(std::move(reader)) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (reader_) pool_->give_back(std::move(reader_));
    }
    Reader* operator->() const { return reader_.get(); }
    Reader& operator*() const { return *reader_; }

   private:
    ReaderPool* pool_;
    std::unique_ptr<Reader> reader_;
  };

  /// A reader that stands at exactly `state`, if one is idle; otherwise one at the newest state SQLite has.
  Result<Lease> at(Lsn state) { return take(state, state); }
  /// A reader at any state ≥ `state`.
  Result<Lease> at_least(Lsn state) { return take(state, ~Lsn{0}); }
  /// Closes the idle ones.
  void clear();

 private:
  Result<Lease> take(Lsn first, Lsn last);
  void give_back(std::unique_ptr<Reader> reader);

  const std::string path_;
  const std::int64_t cache_bytes_;
  const std::size_t idle_max_;
  core::Mutex mutex_;
  std::deque<std::unique_ptr<Reader>> idle_ STRATA_GUARDED_BY(mutex_);  // most recently used last
};

}  // namespace strata::store::metadata
