#pragma once
/// For this folder's tests: the smallest thing that drives a participant as the transaction manager does. Its journal is a
/// vector; a restart makes a new participant from the last checkpoint and the records after it.
#include <filesystem>
#include <map>

#include "core/assert.h"
#include "core/random.h"
#include "io/memory_file_system.h"
#include "io/posix_file_system.h"
#include "store/analytics/analytics_session.h"

namespace strata::store::analytics {

class TestDatabase {
 public:
  /// On a real disk in a folder of its own, or in memory, where DuckDB keeps its copy in memory too.
  enum class Disk { real, memory };

  explicit TestDatabase(Disk disk = Disk::memory, AnalyticsOptions options = small_options()) : options_(options) {
    if (disk == Disk::real) {
      // A disk without latency where there is one: what these tests look at is not the disk.
      const std::filesystem::path fast = "/dev/shm";
      const auto base = std::filesystem::exists(fast) ? fast : std::filesystem::temp_directory_path();
      root_ = (base / ("strata-analytics-" + std::to_string(core::random_seed()))).string();
      std::filesystem::create_directory(root_);
      files_ = io::open_posix_file_system(root_).value();
    } else {
      files_ = io::make_memory_file_system();
    }
    start();
  }
  ~TestDatabase() {
    store_.reset();
    if (!root_.empty()) std::filesystem::remove_all(root_);
  }

  static AnalyticsOptions small_options() {
    AnalyticsOptions options;
    options.memory_bytes = 256 << 20;
    options.threads = 2;
    return options;
  }

  /// One transaction, or a view. Rolled back unless committed.
  class Session final : public transaction::Session {
   public:
    Session(TestDatabase& database, Lsn view, bool read_only)
        : database_(database),
          context_(view, read_only, transaction::Tracking::items, 1 << 30),
          contract_(database.store().session(*this)) {}
    AnalyticsStore* operator->() { return contract_.get(); }
    transaction::Context& context() { return context_; }
    Result<Lsn> commit() {
      Bytes section;
      core::Encoder out(section);
      auto& buffer = context_.buffers()[static_cast<std::size_t>(StoreKind::analytics)];
      if (!buffer) return context_.view_lsn();
      STRATA_TRY(buffer->prepare(context_));
      if (buffer->empty()) return context_.view_lsn();
      STRATA_TRY(buffer->validate(context_));
      buffer->encode(out);
      const transaction::Commit commit{database_.lsn_ + 1, static_cast<Timestamp>(database_.lsn_ + 1) * 1000};
      STRATA_TRY(database_.apply(commit, section));
      buffer->committed(commit);
      return commit.lsn;
    }

   protected:
    Result<transaction::Context*> enter(Access access) override {
      if (access == Access::write && context_.read_only()) {
        return Error(ErrorCode::failed_precondition, "a view is read only");
      }
      return &context_;
    }
    Result<void> leave(transaction::Context&, bool) override { return {}; }

   private:
    TestDatabase& database_;
    transaction::Context context_;
    std::unique_ptr<AnalyticsStore> contract_;
  };

  Session begin() { return Session(*this, lsn_, false); }
  Session view(Lsn lsn) { return Session(*this, lsn, true); }
  Session view() { return view(lsn_); }

  Result<void> apply(const transaction::Commit& commit, ByteView section) {
    STRATA_TRY(store_->apply(commit, section));
    journal_[commit.lsn] = Bytes(section.begin(), section.end());
    lsn_ = commit.lsn;
    return {};
  }
  /// A commit of another store: the LSN moves on.
  void skip(Lsn lsns = 1) { lsn_ += lsns; }

  Result<void> checkpoint(Lsn horizon = 0, bool install = true) {
    STRATA_TRY(store_->freeze(lsn_));
    transaction::Checkpoint checkpoint = STRATA_TRY(store_->write_checkpoint(horizon));
    if (!install) return {};
    checkpoint_ = checkpoint;
    STRATA_TRY(store_->installed(checkpoint));
    return {};
  }

  /// As after a crash: nothing is closed in order, memory is gone.
  void restart() {
    store_.reset();
    start();
  }
  void start() {
    store_ = std::make_unique<AnalyticsParticipant>(*files_, clock_, options_);
    must(store_->open(checkpoint_ ? &*checkpoint_ : nullptr));
    for (const auto& [lsn, section] : journal_) {
      if (lsn <= store_->applied_lsn()) continue;
      must(store_->apply({lsn, static_cast<Timestamp>(lsn) * 1000}, section));
    }
    must(store_->recovered(lsn_));
  }

  AnalyticsParticipant& store() { return *store_; }
  void close_store() { store_.reset(); }
  io::FileSystem& files() { return *files_; }
  const std::string& root() const { return root_; }
  Lsn lsn() const { return lsn_; }
  std::map<Lsn, Bytes>& journal() { return journal_; }
  std::optional<transaction::Checkpoint>& last_checkpoint() { return checkpoint_; }
  void set_lsn(Lsn lsn) { lsn_ = lsn; }
  std::int64_t statistic(std::string_view name) { return number(*store_->statistics().find(name)); }

 private:
  static void must(const Result<void>& result) { STRATA_ASSERT(result.has_value()); }
  static std::int64_t number(const Value& value) { return value.integer() ? *value.integer() : *value.boolean(); }

  core::SystemClock clock_;
  AnalyticsOptions options_;
  std::string root_;
  std::unique_ptr<io::FileSystem> files_;
  std::unique_ptr<AnalyticsParticipant> store_;
  std::map<Lsn, Bytes> journal_;
  std::optional<transaction::Checkpoint> checkpoint_;
  Lsn lsn_ = 0;
};

/// "a=1 b=x; a=2 b=null", or the error.
inline std::string show(const Result<Rows>& rows) {
  if (!rows) return rows.error().to_string();
  std::string text;
  for (const auto& row : rows->rows) {
    if (!text.empty()) text += "; ";
    for (std::size_t c = 0; c < row.size(); ++c) {
      text += (c > 0 ? " " : "") + rows->columns[c] + "=" + to_json(row[c]);
    }
  }
  return text;
}

inline const std::vector<ColumnDefinition> kMetricColumns = {{"ts", ColumnType::timestamp},
                                                             {"agent", ColumnType::text},
                                                             {"latency_ms", ColumnType::real},
                                                             {"n", ColumnType::integer}};

}  // namespace strata::store::analytics
