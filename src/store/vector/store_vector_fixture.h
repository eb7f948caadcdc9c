#pragma once
/// A database of one store, for this folder's tests and benches: commits are applied at once, without a journal, and kept so
/// that a restart can replay what came after the last checkpoint.
#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core/assert.h"
#include "core/random.h"
#include "io/memory_file_system.h"
#include "store/vector/vector_store.h"

namespace strata::store::vector {

/// Threads: one writes, any read (each with a Reader of its own).
class TestDatabase {
 public:
  explicit TestDatabase(io::FileSystem& files, const VectorOptions& options = {}) : files_(files), options_(options) {
    STRATA_ASSERT(start(nullptr));
    STRATA_ASSERT(participant_->recovered(0));
  }

  /// Autocommit when no transaction is open, else the transaction's.
  class Session final : public transaction::Session {
   public:
    explicit Session(TestDatabase& database) : database_(database) {}
    void begin() { transaction_ = database_.context(); }
    Result<Lsn> commit() {
      auto context = std::move(transaction_);
      return database_.commit(*context);
    }
    void roll_back() { transaction_.reset(); }
    void view_at(Lsn lsn) { view_ = lsn; }
    void view_latest() { view_ = 0; }
    transaction::Context& context() { return *transaction_; }

   protected:
    Result<transaction::Context*> enter(Access) override {
      if (transaction_) return transaction_.get();
      single_ = database_.context();
      if (view_ != 0) single_->set_view_lsn(view_);
      return single_.get();
    }
    Result<void> leave(transaction::Context& context, bool succeeded) override {
      if (transaction_ || !succeeded || view_ != 0) return {};
      STRATA_TRY(database_.commit(context));
      return {};
    }

   private:
    TestDatabase& database_;
    std::unique_ptr<transaction::Context> transaction_, single_;
    Lsn view_ = 0;
  };

  VectorParticipant& participant() { return *participant_; }
  strata::VectorStore& store() { return *store_; }
  Session& session() { return *session_; }
  Lsn lsn() const { return visible_.load(std::memory_order_acquire); }

  std::unique_ptr<transaction::Context> context() {
    return std::make_unique<transaction::Context>(lsn(), false, transaction::Tracking::items, std::uint64_t{1} << 40);
  }

  Result<Lsn> commit(transaction::Context& context) {
    auto* buffer = context.buffers()[static_cast<std::size_t>(StoreKind::vector)].get();
    if (buffer == nullptr || buffer->empty()) return lsn();
    Record record{lsn() + 1, {}};
    core::Encoder out(record.section);
    buffer->encode(out);
    STRATA_TRY(participant_->apply({record.lsn, 0}, record.section));
    if (keep_records_) records_.push_back(record);
    visible_.store(record.lsn, std::memory_order_release);
    return record.lsn;
  }

  Result<transaction::Checkpoint> checkpoint(Lsn horizon) {
    STRATA_TRY(participant_->freeze(lsn()));
    auto written = STRATA_TRY(participant_->write_checkpoint(horizon));
    STRATA_TRY(participant_->installed(written));
    last_ = written;
    has_last_ = true;
    return written;
  }

  /// Opens anew from the last checkpoint and replays the rest; `from_nothing` replays all.
  Result<void> restart(bool from_nothing = false) {
    const Lsn end = lsn();
    STRATA_TRY(start(from_nothing || !has_last_ ? nullptr : &last_));
    for (const Record& record : records_) {
      if (record.lsn > participant_->applied_lsn()) STRATA_TRY(participant_->apply({record.lsn, 0}, record.section));
    }
    visible_.store(end, std::memory_order_release);
    return participant_->recovered(end);
  }
  const transaction::Checkpoint& last() const { return last_; }
  /// What `restart` opens from: a checkpoint that another program wrote.
  void adopt(transaction::Checkpoint last) {
    visible_.store(last.lsn, std::memory_order_release);
    last_ = std::move(last);
    has_last_ = true;
  }
  void keep_records(bool keep) { keep_records_ = keep; }

 private:
  struct Record {
    Lsn lsn;
    Bytes section;
  };
  Result<void> start(const transaction::Checkpoint* last) {
    store_.reset();
    participant_ = std::make_unique<VectorParticipant>(files_, "vector", options_);
    session_ = std::make_unique<Session>(*this);
    store_ = participant_->session(*session_);
    return participant_->open(last);
  }

  io::FileSystem& files_;
  const VectorOptions options_;
  std::unique_ptr<VectorParticipant> participant_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<strata::VectorStore> store_;
  std::atomic<Lsn> visible_{0};
  std::vector<Record> records_;
  bool keep_records_ = true;
  transaction::Checkpoint last_;
  bool has_last_ = false;
};

inline std::vector<float> random_vector(core::Random& random, std::size_t dimension) {
  std::vector<float> x(dimension);
  // A sum of uniforms is round enough to look like an embedding.
  for (float& value : x) {
    value = static_cast<float>(random.real() + random.real() + random.real() + random.real() - 2.0);
  }
  return x;
}

}  // namespace strata::store::vector
