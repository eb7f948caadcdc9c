#pragma once
/// A database of this one store, for its tests: a journal in a vector, first-committer-wins on keys, checkpoints, crashes.
#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "core/assert.h"
#include "core/random.h"
#include "io/memory_file_system.h"
#include "store/object/object_store.h"

namespace strata::store::object {

using transaction::Context;

/// Sessions of the three kinds (transaction, call, view) over one Context.
class TestSession final : public transaction::Session {
 public:
  class Database;
  TestSession(Database& database, Lsn view, bool one_call, bool read_only)
      : database_(database), one_call_(one_call), context_(make(view, read_only)), read_only_(read_only) {}
  Result<Lsn> commit();
  void roll_back();
  Context& context() { return *context_; }

 private:
  static std::unique_ptr<Context> make(Lsn view, bool read_only) {
    return std::make_unique<Context>(view, read_only, transaction::Tracking::items, std::uint64_t{240} << 20);
  }
  Result<Context*> enter(Access access) override;
  Result<void> leave(Context& context, bool succeeded) override;

  Database& database_;
  const bool one_call_;
  std::unique_ptr<Context> context_;
  const bool read_only_;
};

class TestSession::Database {
 public:
  explicit Database(io::FileSystem& files) : files_(files), store_(std::make_unique<Store>(files)) {
    STRATA_ASSERT(store_->open(nullptr));
    STRATA_ASSERT(store_->recovered(0));
  }

  Store& store() { return *store_; }
  Lsn lsn() const { return lsn_; }
  const std::vector<std::pair<Lsn, Bytes>>& journal() const { return journal_; }

  Result<Lsn> commit(Context& context) {
    transaction::WriteBuffer* buffer = context.buffers()[static_cast<std::size_t>(StoreKind::object)].get();
    if (buffer == nullptr || buffer->empty()) return context.view_lsn();
    const auto give_up = [&](Error error) {
      buffer->aborted();
      return error;
    };
    if (auto done = buffer->prepare(context); !done) return give_up(std::move(done).error());
    Bytes section;
    core::Encoder out(section);
    buffer->encode(out);
    for (const auto* keys : {&context.writes(), &context.reads()}) {
      for (const Context::Key& key : *keys) {
        const auto found = writes_.find(key.hash);
        if (found != writes_.end() && found->second > context.view_lsn()) {
          return give_up(Error(ErrorCode::conflict, buffer->describe(key.hash) + " was changed"));
        }
      }
    }
    if (auto done = buffer->validate(context); !done) return give_up(std::move(done).error());
    const Lsn lsn = ++lsn_;
    for (const Context::Key& key : context.writes()) writes_[key.hash] = lsn;
    journal_.emplace_back(lsn, section);
    STRATA_TRY(store_->apply({lsn, static_cast<Timestamp>(lsn)}, section));
    buffer->committed({lsn, static_cast<Timestamp>(lsn)});
    return lsn;
  }

  /// A checkpoint from freeze to installed; between them `meanwhile` may commit.
  Result<void> checkpoint(Lsn horizon, const std::function<void()>& meanwhile = [] {}) {
    STRATA_TRY(store_->freeze(lsn_));
    meanwhile();
    const transaction::Checkpoint written = STRATA_TRY(store_->write_checkpoint(horizon));
    STRATA_TRY(store_->installed(written));
    checkpoint_ = written;
    return {};
  }
  const std::optional<transaction::Checkpoint>& last_checkpoint() const { return checkpoint_; }

  /// As after a crash: the last checkpoint, and the journal after it.
  Result<void> reopen() {
    store_ = std::make_unique<Store>(files_);
    STRATA_TRY(store_->open(checkpoint_ ? &*checkpoint_ : nullptr));
    for (const auto& [lsn, section] : journal_) {
      if (lsn > store_->applied_lsn()) STRATA_TRY(store_->apply({lsn, static_cast<Timestamp>(lsn)}, section));
    }
    return store_->recovered(lsn_);
  }

 private:
  io::FileSystem& files_;
  std::unique_ptr<Store> store_;
  Lsn lsn_ = 0;
  std::vector<std::pair<Lsn, Bytes>> journal_;
  std::unordered_map<transaction::KeyHash, Lsn> writes_;
  std::optional<transaction::Checkpoint> checkpoint_;
};
using TestDatabase = TestSession::Database;

inline Result<Context*> TestSession::enter(Access access) {
  if (read_only_ && access == Access::write) return Error(ErrorCode::failed_precondition, "a view is read only");
  if (one_call_) context_ = make(database_.lsn(), false);
  return context_.get();
}

inline Result<void> TestSession::leave(Context& context, bool succeeded) {
  if (!one_call_) return {};
  if (!succeeded) {
    roll_back();
    return {};
  }
  STRATA_TRY(database_.commit(context));
  return {};
}

inline Result<Lsn> TestSession::commit() { return database_.commit(*context_); }

inline void TestSession::roll_back() {
  for (auto& buffer : context_->buffers()) {
    if (buffer) buffer->aborted();
  }
}

/// A session together with the contract on it.
struct TestStores {
  explicit TestStores(TestDatabase& database, bool one_call = true)
      : session(std::make_unique<TestSession>(database, database.lsn(), one_call, false)),
        objects(database.store().session(*session)) {}
  /// A view.
  TestStores(TestDatabase& database, Lsn view)
      : session(std::make_unique<TestSession>(database, view, false, true)),
        objects(database.store().session(*session)) {}
  ObjectStore* operator->() { return objects.get(); }
  std::unique_ptr<TestSession> session;
  std::unique_ptr<ObjectStore> objects;
};
inline TestStores calls(TestDatabase& database) { return TestStores(database, true); }

/// Text that compresses like descriptions of software packages: the same field names, repeated words, some hashes.
inline std::string description(core::Random& random, std::size_t bytes) {
  static constexpr const char* kWords[] = {"library",       "development", "files",    "shared",  "the",     "for",
                                           "provides",      "tool",        "package",  "and",     "support", "Python",
                                           "runtime",       "debug",       "graphics", "network", "server",  "client",
                                           "documentation", "interface",   "of",       "with",    "command", "line",
                                           "this",          "contains",    "a",        "modules", "data",    "system"};
  std::string text = "Package: lib" + std::to_string(random.below(100'000)) +
                     "-dev\nMaintainer: Debian Developers "
                     "<pkg-devel@lists.debian.org>\nArchitecture: amd64\nInstalled-Size: " +
                     std::to_string(random.below(10'000)) + "\nSection: libdevel\nPriority: optional\nDescription:";
  while (text.size() < bytes) {
    text += ' ';
    text += kWords[random.below(std::size(kWords))];
  }
  text.resize(bytes);
  return text;
}

inline Bytes noise(core::Random& random, std::size_t bytes) {
  Bytes out(bytes);
  for (std::byte& byte : out) byte = static_cast<std::byte>(random.next());
  return out;
}

}  // namespace strata::store::object
