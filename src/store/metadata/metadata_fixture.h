#pragma once
/// A database of one store, for tests: a list of records is the journal, and may be lost, kept and replayed.
///
///     World world;                         a new directory
///     auto tx = world.begin();             several at once; commit() finds conflicts as the transaction manager does
///     world.checkpoint(); world.reopen();  recovery: open with the last checkpoint, then every later record
#include <unistd.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/posix_file_system.h"
#include "store/metadata/metadata_store.h"

namespace strata::store::metadata {

using transaction::Checkpoint;
using transaction::Commit;
using transaction::Context;

class World {
 public:
  explicit World(MetadataOptions options = {}) : options_(options) {
    char name[] = "/tmp/strata-metadata-XXXXXX";
    root_ = ::mkdtemp(name);
    files_ = io::open_posix_file_system(root_).value();
    open();
  }
  ~World() {
    store_.reset();
    std::filesystem::remove_all(root_);
  }

  class Tx final : public transaction::Session {
   public:
    Tx(World& world, Lsn view, bool read_only)
        : world_(world),
          context_(view, read_only, transaction::Tracking::items, 1 << 28),
          store_(world.store_->session(*this)) {}
    MetadataStore& operator*() { return *store_; }
    MetadataStore* operator->() { return store_.get(); }
    Context& context() { return context_; }
    Result<Lsn> commit() { return world_.commit(context_); }
    void rollback() {
      for (auto& buffer : context_.buffers()) {
        if (buffer) buffer->aborted();
        buffer.reset();
      }
    }

   private:
    Result<Context*> enter(Access access) override {
      if (access == Access::write && context_.read_only()) return Error(ErrorCode::failed_precondition, "a view");
      return &context_;
    }
    Result<void> leave(Context&, bool) override { return {}; }
    World& world_;
    Context context_;
    std::unique_ptr<MetadataStore> store_;
  };

  // Each call a transaction of its own.
  class Direct final : public transaction::Session {
   public:
    explicit Direct(World& world) : world_(world), store_(world.store_->session(*this)) {}
    MetadataStore* operator->() { return store_.get(); }

   private:
    Result<Context*> enter(Access) override {
      return new Context(world_.visible(), false, transaction::Tracking::none, 1 << 28);
    }
    Result<void> leave(Context& context, bool succeeded) override {
      const std::unique_ptr<Context> owned(&context);
      if (!succeeded) return {};
      STRATA_TRY(world_.commit(context));
      return {};
    }
    World& world_;
    std::unique_ptr<MetadataStore> store_;
  };

  std::unique_ptr<Tx> begin() { return std::make_unique<Tx>(*this, visible(), false); }
  std::unique_ptr<Tx> view(Lsn lsn) { return std::make_unique<Tx>(*this, lsn, true); }
  Direct db() { return Direct(*this); }
  MetadataParticipant& store() { return *store_; }
  io::FileSystem& files() { return *files_; }
  const std::string& root() const { return root_; }
  std::string file(std::string_view name) const { return root_ + "/metadata/" + std::string(name); }
  Lsn visible() {
    const core::MutexLock lock(mutex_);
    return visible_;
  }

  /// As the transaction manager: prepare and encode, then conflicts, validate, journal, apply.
  Result<Lsn> commit(Context& context) {
    auto& buffer = context.buffers()[static_cast<std::size_t>(StoreKind::metadata)];
    if (!buffer || buffer->empty()) return context.view_lsn();
    Result<Lsn> done = commit_buffer(context, *buffer);
    if (!done.has_value()) buffer->aborted();
    buffer.reset();
    return done;
  }
  /// A commit of another store: the LSN moves, this store sees nothing.
  void skip() {
    const core::MutexLock lock(mutex_);
    ++visible_;
  }

  Result<Checkpoint> checkpoint(Lsn horizon = 0) {
    STRATA_TRY(store_->freeze(visible()));
    Checkpoint written = STRATA_TRY(store_->write_checkpoint(horizon));
    last_ = written;
    STRATA_TRY(store_->installed(written));
    return written;
  }
  void close() { store_.reset(); }
  Result<void> try_open() {
    store_ = std::make_unique<MetadataParticipant>(*files_, clock_, options_);
    store_->set_durable_source([this](Lsn lsn) -> Result<void> {
      asked_durable_ = std::max(asked_durable_, lsn);
      return durable_error_ ? Result<void>(Error(ErrorCode::io, "no sync")) : Result<void>();
    });
    STRATA_TRY(store_->open(last_ ? &*last_ : nullptr));
    for (const Record& record : journal_) {
      if (record.commit.lsn > store_->applied_lsn()) STRATA_TRY(store_->apply(record.commit, record.section));
    }
    return store_->recovered(visible_);
  }
  void open() {
    Result<void> opened = try_open();
    if (!opened.has_value()) core::assertion_failed(opened.error().to_string().c_str(), __FILE__, __LINE__);
  }
  void reopen() {
    close();
    open();
  }

  struct Record {
    Commit commit;
    Bytes section;
  };
  std::vector<Record> journal_;
  std::optional<Checkpoint> last_;
  Lsn asked_durable_ = 0;
  bool durable_error_ = false;
  Lsn visible_ = 0;

 private:
  Result<Lsn> commit_buffer(Context& context, transaction::WriteBuffer& buffer) {
    STRATA_TRY(buffer.prepare(context));
    Record record;
    core::Encoder out(record.section);
    buffer.encode(out);
    const core::MutexLock commit_lock(commit_mutex_);
    for (const auto* keys : {&context.writes(), &context.reads()}) {
      for (const Context::Key& key : *keys) {
        const auto written = written_.find(key.hash);
        if (written != written_.end() && written->second > context.view_lsn()) {
          return Error(ErrorCode::conflict,
                       buffer.describe(key.hash) + " was changed by lsn " + std::to_string(written->second));
        }
      }
    }
    STRATA_TRY(buffer.validate(context));
    record.commit = {visible() + 1, 1'700'000'000'000'000 + static_cast<Timestamp>(journal_.size())};
    for (const Context::Key& key : context.writes()) written_[key.hash] = record.commit.lsn;
    STRATA_TRY(store_->apply(record.commit, record.section));
    buffer.committed(record.commit);
    const core::MutexLock lock(mutex_);
    visible_ = record.commit.lsn;
    journal_.push_back(std::move(record));
    return visible_;
  }

  const MetadataOptions options_;
  core::SystemClock clock_;
  std::string root_;
  std::unique_ptr<io::FileSystem> files_;
  std::unique_ptr<MetadataParticipant> store_;
  core::Mutex mutex_, commit_mutex_;
  std::map<std::uint64_t, Lsn> written_;
};

// For tests, which include gtest.
#define EXPECT_OK(expression)                                                                           \
  do {                                                                                                  \
    const auto& ok_result = (expression);                                                               \
    EXPECT_TRUE(ok_result.has_value()) << (ok_result.has_value() ? "" : ok_result.error().to_string()); \
  } while (0)
#define ASSERT_OK(expression)                                                                           \
  do {                                                                                                  \
    const auto& ok_result = (expression);                                                               \
    ASSERT_TRUE(ok_result.has_value()) << (ok_result.has_value() ? "" : ok_result.error().to_string()); \
  } while (0)
#define EXPECT_CODE(expression, expected)                                                            \
  do {                                                                                               \
    const auto& code_result = (expression);                                                          \
    EXPECT_FALSE(code_result.has_value()) << "succeeded";                                            \
    if (!code_result.has_value()) {                                                                  \
      EXPECT_EQ(code_result.error().code(), ErrorCode::expected) << code_result.error().to_string(); \
    }                                                                                                \
  } while (0)

}  // namespace strata::store::metadata
