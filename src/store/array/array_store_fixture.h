#pragma once
/// The array store with a journal that is a vector: transactions, views, checkpoints, crashes, without the engine.
#include <cstring>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/assert.h"
#include "io/memory_file_system.h"
#include "store/array/array_store.h"

namespace strata::store::array {

class TestDatabase;

/// A transaction (commit or roll back by hand), or a view.
class TestSession final : public transaction::Session {
 public:
  TestSession(TestDatabase& database, Lsn view, bool read_only);
  ~TestSession() override { roll_back(); }
  ArrayStore& array() { return *array_; }
  Result<Lsn> commit();
  void roll_back();
  void abandon() { ended_ = true; }  ///< as when the process dies

 private:
  Result<transaction::Context*> enter(Access access) override {
    if (access == Access::write && context_.read_only()) return Error(ErrorCode::failed_precondition, "a view");
    return &context_;
  }
  Result<void> leave(transaction::Context&, bool) override { return {}; }

  TestDatabase& database_;
  transaction::Context context_;
  bool ended_ = false;
  std::unique_ptr<ArrayStore> array_;
};

class TestDatabase {
 public:
  explicit TestDatabase(io::FileSystem& disk, ArrayOptions options = {}) : disk_(disk), options_(std::move(options)) {
    reopen();
  }

  ArrayParticipant& store() { return *store_; }
  Lsn lsn() const { return lsn_; }
  std::unique_ptr<TestSession> begin() { return std::make_unique<TestSession>(*this, lsn_, false); }
  std::unique_ptr<TestSession> view(Lsn lsn) { return std::make_unique<TestSession>(*this, lsn, true); }
  std::unique_ptr<TestSession> view() { return view(lsn_); }

  /// One call as a transaction of its own.
  template <typename Body>
  auto once(Body body) -> decltype(body(std::declval<ArrayStore&>())) {
    auto tx = begin();
    auto result = body(tx->array());
    if (result.has_value()) STRATA_ASSERT(tx->commit().has_value());
    return result;
  }

  Result<Lsn> commit(transaction::Context& context) {
    auto& buffer = context.buffers()[static_cast<std::size_t>(StoreKind::array)];
    if (!buffer || buffer->empty()) return lsn_;
    STRATA_TRY(buffer->prepare(context));
    Bytes section;
    core::Encoder out(section);
    buffer->encode(out);
    STRATA_TRY(buffer->validate(context));
    const transaction::Commit commit{lsn_ + 1, 1000};
    records_.emplace_back(commit, std::move(section));
    STRATA_TRY(store_->apply(commit, records_.back().second));
    buffer->committed(commit);
    lsn_ = commit.lsn;
    return commit.lsn;
  }

  /// freeze, write, install. `horizon`: the oldest view that still may read.
  Result<void> checkpoint(std::optional<Lsn> horizon = {}) {
    STRATA_TRY(store_->freeze(lsn_));
    auto written = STRATA_TRY(store_->write_checkpoint(horizon.value_or(lsn_)));
    checkpoint_ = std::move(written);
    return store_->installed(*checkpoint_);
  }
  void set_checkpoint(transaction::Checkpoint checkpoint) { checkpoint_ = std::move(checkpoint); }
  const std::optional<transaction::Checkpoint>& last_checkpoint() const { return checkpoint_; }
  void forget_checkpoint() { checkpoint_.reset(); }  ///< reopen then applies every record

  /// As after a crash: the last checkpoint and the records behind it.
  void reopen() { STRATA_ASSERT(try_reopen().has_value()); }
  Result<void> try_reopen() {
    store_ = std::make_unique<ArrayParticipant>(disk_, options_);
    STRATA_TRY(store_->open(checkpoint_ ? &*checkpoint_ : nullptr));
    for (const auto& [commit, section] : records_) {
      if (commit.lsn > store_->applied_lsn()) STRATA_TRY(store_->apply(commit, section));
    }
    return store_->recovered(lsn_);
  }

 private:
  io::FileSystem& disk_;
  const ArrayOptions options_;
  std::unique_ptr<ArrayParticipant> store_;
  std::vector<std::pair<transaction::Commit, Bytes>> records_;
  std::optional<transaction::Checkpoint> checkpoint_;
  Lsn lsn_ = 0;
};

inline TestSession::TestSession(TestDatabase& database, Lsn view, bool read_only)
    : database_(database),
      context_(view, read_only, transaction::Tracking::items, 1 << 30),
      array_(database.store().session(*this)) {}

inline Result<Lsn> TestSession::commit() {
  auto committed = database_.commit(context_);
  if (committed.has_value()) ended_ = true;
  return committed;
}

inline void TestSession::roll_back() {
  if (std::exchange(ended_, true)) return;
  auto& buffer = context_.buffers()[static_cast<std::size_t>(StoreKind::array)];
  if (buffer) buffer->aborted();
}

/// `count` rows of `width` floats: first, first + 1, …
inline std::vector<float> ramp(std::uint64_t first, std::uint64_t count, std::uint64_t width) {
  std::vector<float> values(count * width);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(first + i / width) + 0.001F * static_cast<float>(i % width);
  return values;
}

inline Result<std::uint64_t> append_floats(ArrayStore& store, std::string_view dataset,
                                           const std::vector<float>& values, std::uint64_t width,
                                           std::string_view key = {}) {
  const std::uint64_t shape[] = {values.size() / width, width};
  return store.append(dataset, DataType::float32, shape, std::as_bytes(std::span(values)), key);
}

inline std::vector<float> floats(const ArrayData& data) {
  std::vector<float> values(data.bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), data.bytes.data(), data.bytes.size());
  return values;
}

/// Rows of a float dataset as this door sees them.
inline std::vector<float> read_floats(ArrayStore& store, std::string_view dataset, std::uint64_t begin = 0,
                                      std::uint64_t end = ~std::uint64_t{0}) {
  auto data = store.read(dataset, begin, end);
  return data.has_value() ? floats(*data) : std::vector<float>{-1.0F};  // which no test writes
}

inline DatasetOptions float_rows(std::uint64_t width) {
  DatasetOptions options;
  options.row_shape = {width};
  return options;
}

}  // namespace strata::store::array
