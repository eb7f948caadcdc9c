#include "store/metadata/reader_pool.h"

namespace strata::store::metadata {

Result<void> Reader::stand_at_newest() {
  if (connection_.in_transaction()) STRATA_TRY(STRATA_TRY(connection_.cached("ROLLBACK"))->run());
  STRATA_TRY(STRATA_TRY(connection_.cached("BEGIN"))->run());
  // The first read fixes the state; it also says which one it is.
  Statement* applied = STRATA_TRY(connection_.cached("SELECT value FROM strata_state WHERE name='applied_lsn'"));
  StatementUse use(*applied);
  if (!STRATA_TRY(applied->step())) return Error(ErrorCode::corruption, "state.sqlite: strata_state lacks applied_lsn");
  state_ = static_cast<Lsn>(applied->integer(0));
  return {};
}

Result<std::shared_ptr<const Catalog>> Reader::catalog() {
  Statement* version = STRATA_TRY(connection_.cached("PRAGMA schema_version"));
  StatementUse use(*version);
  STRATA_TRY(version->step());
  if (!catalog_ || schema_version_ != version->integer(0)) {
    schema_version_ = version->integer(0);
    catalog_ = STRATA_TRY(Catalog::load(connection_));
  }
  return catalog_;
}

Result<ReaderPool::Lease> ReaderPool::take(Lsn first, Lsn last) {
  std::unique_ptr<Reader> reader;
  {
    core::MutexLock lock(mutex_);
    for (auto each = idle_.rbegin(); each != idle_.rend(); ++each) {
      if ((*each)->state() < first || (*each)->state() > last) continue;
      reader = std::move(*each);
      idle_.erase(std::next(each).base());
      return Lease(*this, std::move(reader));
    }
    if (idle_.size() >= idle_max_) {
      reader = std::move(idle_.front());
      idle_.pop_front();
    }
  }
  if (!reader) {
    reader = std::make_unique<Reader>(STRATA_TRY(Connection::open(path_, Connection::Role::reader, cache_bytes_)));
  }
  STRATA_TRY(reader->stand_at_newest());
  return Lease(*this, std::move(reader));
}

void ReaderPool::give_back(std::unique_ptr<Reader> reader) {
  std::unique_ptr<Reader> surplus;  // closed after the lock
  core::MutexLock lock(mutex_);
  idle_.push_back(std::move(reader));
  if (idle_.size() > idle_max_) {
    surplus = std::move(idle_.front());
    idle_.pop_front();
  }
}

void ReaderPool::clear() {
  std::deque<std::unique_ptr<Reader>> closed;
  core::MutexLock lock(mutex_);
  closed.swap(idle_);
}

}  // namespace strata::store::metadata
