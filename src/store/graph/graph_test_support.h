#pragma once
/// A database that consists of one graph store: commits as the transaction manager does, without journal or threads.
/// Included by tests alone, after GoogleTest.
#include <memory>

#include "io/memory_file_system.h"
#include "store/graph/graph_store.h"
#include "transaction/session.h"

namespace strata::store::graph {

template <typename T>
T expect_value(Result<T> result, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  if (!result.has_value()) {
    ADD_FAILURE_AT(file, line) << result.error().to_string();
    return T{};
  }
  return std::move(result).value();
}
inline void expect_value(Result<void> result, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  if (!result.has_value()) ADD_FAILURE_AT(file, line) << result.error().to_string();
}
template <typename T>
std::string code_of(Result<T> result) {
  return result.has_value() ? "ok" : std::string(name(result.error().code()));
}

/// A session with one context for as long as it lives: a transaction or a view.
class TestSession final : public transaction::Session {
 public:
  TestSession(Lsn view, bool read_only) : context(view, read_only, transaction::Tracking::items, 1ULL << 32) {}
  transaction::Context context;

 protected:
  Result<transaction::Context*> enter(Access access) override {
    if (access == Access::write && context.read_only()) return Error(ErrorCode::failed_precondition, "a view");
    return &context;
  }
  Result<void> leave(transaction::Context&, bool) override { return {}; }
};

class TestTransaction {
 public:
  TestTransaction(Store& store, Lsn view, bool read_only) : session(view, read_only), graph(store.session(session)) {}
  strata::GraphStore* operator->() { return graph.get(); }
  TestSession session;
  std::unique_ptr<strata::GraphStore> graph;
};

class TestDatabase {
 public:
  TestDatabase() : files(io::make_memory_file_system()) { open(nullptr); }

  void open(const transaction::Checkpoint* checkpoint) {
    store.reset();
    store = std::make_unique<Store>(*files);
    expect_value(store->open(checkpoint));
  }
  std::unique_ptr<TestTransaction> begin() { return std::make_unique<TestTransaction>(*store, visible, false); }
  std::unique_ptr<TestTransaction> at(Lsn view) { return std::make_unique<TestTransaction>(*store, view, true); }
  std::unique_ptr<TestTransaction> now() { return at(visible); }

  /// The first half of a commit: conflicts, validation, the record. Nothing is visible yet.
  Result<Lsn> enqueue(TestTransaction& tx) {
    auto* buffer = write_buffer(tx);
    if (buffer == nullptr) return last_lsn;
    auto done = try_enqueue(tx, *buffer);
    if (!done) buffer->aborted();
    return done;
  }
  /// The second half, for the oldest commit that waits.
  void apply_next() {
    auto [lsn, section, tx] = std::move(waiting.front());
    waiting.erase(waiting.begin());
    expect_value(store->apply({lsn, static_cast<Timestamp>(lsn)}, section));
    if (tx != nullptr) write_buffer(*tx)->committed({lsn, 0});
    visible = lsn;
  }
  Result<Lsn> commit(TestTransaction& tx) {
    const Lsn lsn = STRATA_TRY(enqueue(tx));
    while (!waiting.empty()) apply_next();
    return lsn;
  }
  template <typename Body>
  Lsn commit_with(Body&& body) {
    auto tx = begin();
    body(*tx->graph);
    return expect_value(commit(*tx));
  }

  transaction::Checkpoint checkpoint(Lsn horizon) {
    expect_value(store->freeze(visible));
    auto fresh = expect_value(store->write_checkpoint(horizon));
    expect_value(store->installed(fresh));
    while (!journal.empty() && journal.front().first <= fresh.lsn) journal.erase(journal.begin());
    last_checkpoint = fresh;
    return fresh;
  }
  /// Closes without a checkpoint and opens from the last one and the journal.
  void reopen() {
    open(last_checkpoint ? &*last_checkpoint : nullptr);
    for (const auto& [lsn, section] : journal) expect_value(store->apply({lsn, 0}, section));
    expect_value(store->recovered(visible));
  }

  std::unique_ptr<io::MemoryFileSystem> files;
  std::unique_ptr<Store> store;
  Lsn visible = 0, last_lsn = 0;
  std::optional<transaction::Checkpoint> last_checkpoint;
  std::vector<std::pair<Lsn, Bytes>> journal;

 private:
  struct Waiting {
    Lsn lsn;
    Bytes section;
    TestTransaction* tx;
  };
  static transaction::WriteBuffer* write_buffer(TestTransaction& tx) {
    return tx.session.context.buffers()[static_cast<std::size_t>(StoreKind::graph)].get();
  }
  Result<Lsn> try_enqueue(TestTransaction& tx, transaction::WriteBuffer& buffer) {
    auto& context = tx.session.context;
    for (const auto* keys : {&context.writes(), &context.reads()}) {
      for (const auto& key : *keys) {
        const auto found = written.find(key.hash);
        if (found != written.end() && found->second > context.view_lsn()) {
          return Error(ErrorCode::conflict, buffer.describe(key.hash));
        }
      }
    }
    STRATA_TRY(buffer.validate(context));
    if (buffer.empty()) return last_lsn;
    Bytes section;
    core::Encoder out(section);
    buffer.encode(out);
    ++last_lsn;
    for (const auto& key : context.writes()) written[key.hash] = last_lsn;
    journal.emplace_back(last_lsn, section);
    waiting.push_back({last_lsn, std::move(section), &tx});
    return last_lsn;
  }
  std::unordered_map<std::uint64_t, Lsn> written;
  std::vector<Waiting> waiting;
};

}  // namespace strata::store::graph
