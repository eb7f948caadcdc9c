#include "engine/local_engine.h"

#include <algorithm>

#include "core/digest.h"
#include "engine/tag_change.h"
#include "transaction/record.h"

namespace strata::engine {
namespace {

constexpr std::size_t kTagBytesMax = 128;

class LocalTransaction final : public Transaction {
 public:
  LocalTransaction(StoreSet& stores, std::unique_ptr<transaction::TransactionSession> session)
      : session_(std::move(session)), handles_(stores, *session_) {}
  VectorStore& vector() override { return handles_.vector(); }
  ObjectStore& object() override { return handles_.object(); }
  MetadataStore& metadata() override { return handles_.metadata(); }
  GraphStore& graph() override { return handles_.graph(); }
  AnalyticsStore& analytics() override { return handles_.analytics(); }
  CacheStore& cache() override { return handles_.cache(); }
  ArrayStore& array() override { return handles_.array(); }
  Result<Lsn> commit() override { return session_->commit(); }
  void rollback() override { session_->roll_back(); }
  Result<void> savepoint(std::string_view name) override { return session_->savepoint(name); }
  Result<void> rollback_to(std::string_view name) override { return session_->roll_back_to(name); }
  Result<void> release(std::string_view name) override { return session_->release(name); }
  Lsn view_lsn() const override { return session_->view_lsn(); }
  bool active() const override { return session_->active(); }

 private:
  std::unique_ptr<transaction::TransactionSession> session_;
  StoreHandles handles_;
};

class LocalView final : public View {
 public:
  LocalView(StoreSet& stores, transaction::ViewPin pin, Timestamp time)
      : session_(std::move(pin)), handles_(stores, session_), time_(time) {}
  VectorStore& vector() override { return handles_.vector(); }
  ObjectStore& object() override { return handles_.object(); }
  MetadataStore& metadata() override { return handles_.metadata(); }
  GraphStore& graph() override { return handles_.graph(); }
  AnalyticsStore& analytics() override { return handles_.analytics(); }
  CacheStore& cache() override { return handles_.cache(); }
  ArrayStore& array() override { return handles_.array(); }
  Lsn lsn() const override { return session_.lsn(); }
  Timestamp commit_time() const override { return time_; }

 private:
  transaction::ViewSession session_;
  StoreHandles handles_;
  const Timestamp time_;
};

Result<void> check_tag_name(std::string_view name) {
  const bool digits = !name.empty() && name.find_first_not_of("0123456789") == std::string_view::npos;
  if (name.empty() || name.size() > kTagBytesMax || digits || core::parse_time(name)) {  // AsOf::parse tells them apart
    return Error(ErrorCode::invalid_argument, "a tag has 1 to 128 bytes and is neither a number nor a time: \"" +
                                                  std::string(name.substr(0, kTagBytesMax)) + "\"");
  }
  return {};
}

}  // namespace

LocalEngine::LocalEngine(std::string directory, const OpenOptions& options, Environment environment)
    : directory_(std::move(directory)),
      options_(options),
      files_(std::move(environment.files)),
      clock_(*environment.clock),
      graph_rows_min_(environment.graph_rows_min),
      board_(std::move(environment.board)) {}

LocalEngine::~LocalEngine() {
  const auto closed = close();
  if (closed_) return;
  // Whoever holds what is open would read freed memory: better a clear end here than an unclear one later.
  core::misused("the engine ends before what it gave out: " + closed.error().message());
}

Result<void> LocalEngine::check_not_lent(std::string_view wanted) const {
  if (lent_to_.load(std::memory_order_relaxed) != std::this_thread::get_id()) return {};
  return Error(ErrorCode::failed_precondition,
               "a backup is under way in this thread; let it end, then " + std::string(wanted));
}

// ---- transactions and views -------------------------------------------------------------------------------------

Result<void> LocalEngine::check_open() const {
  if (!closed_) return {};
  return Error(ErrorCode::failed_precondition, "the database is closed: " + directory_);
}

Result<std::unique_ptr<Transaction>> LocalEngine::begin(const TransactionOptions& options) noexcept {
  STRATA_TRY(check_open());
  STRATA_TRY(transaction::check_options(options));
  STRATA_TRY(manager_->check_healthy());
  const auto stats_active = manager_->views().size();
  if (stats_active >= manager_->options().active_transactions_max) {
    return Error(ErrorCode::resource_exhausted,
                 "too many open transactions and views: " + std::to_string(stats_active));
  }
  return std::unique_ptr<Transaction>(
      new LocalTransaction(*stores_, STRATA_TRY(transaction::TransactionSession::begin(*manager_, options))));
}

Result<std::unique_ptr<View>> LocalEngine::view(const AsOf& as_of) noexcept {
  auto pin = STRATA_TRY(this->pin(as_of, transaction::Reader::view));
  const Timestamp time = commit_clock_.at_lsn(pin.lsn()).time;
  return std::unique_ptr<View>(new LocalView(*stores_, std::move(pin), time));
}

Result<transaction::ViewPin> LocalEngine::pin(const AsOf& as_of, transaction::Reader reader) {
  STRATA_TRY(check_open());
  const auto unless_closed = [](transaction::ViewPin pin) -> Result<transaction::ViewPin> {
    if (!pin) return transaction::closed_error();
    return pin;
  };
  if (!as_of.lsn && !as_of.time && as_of.tag.empty())
    return unless_closed(manager_->views().pin_current(manager_->present(), reader));
  const Lsn lsn = STRATA_TRY(resolve(as_of));
  const core::MutexLock lock(history_mutex_);  // the horizon cannot move past us between the check and the pin
  if (lsn < horizon_) {
    return Error(ErrorCode::failed_precondition, "lsn " + std::to_string(lsn) +
                                                     " is older than the history that is kept; the oldest is lsn " +
                                                     std::to_string(horizon_));
  }
  return unless_closed(manager_->views().pin(lsn, manager_->present(), reader));
}

Result<Lsn> LocalEngine::resolve(const AsOf& as_of) {
  const Lsn visible = manager_->visible_lsn();
  if (as_of.lsn) {
    if (*as_of.lsn > visible) {
      return Error(ErrorCode::invalid_argument, "lsn " + std::to_string(*as_of.lsn) +
                                                    " is in the future; the latest is lsn " + std::to_string(visible));
    }
    return *as_of.lsn;
  }
  if (as_of.time) {
    if (*as_of.time > clock_.now()) {
      return Error(ErrorCode::invalid_argument, "the time is in the future: " + core::format_time(*as_of.time));
    }
    return std::min(visible, commit_clock_.at_time(*as_of.time).lsn);
  }
  const core::MutexLock lock(history_mutex_);
  const auto tag = tags_.find(as_of.tag);
  if (tag == tags_.end()) return Error(ErrorCode::not_found, "no tag \"" + as_of.tag.substr(0, kTagBytesMax) + "\"");
  return tag->second.lsn;
}

// ---- tags -------------------------------------------------------------------------------------------------------

Result<Lsn> LocalEngine::set_tag(std::string_view name, Lsn lsn) noexcept {
  STRATA_TRY(check_tag_name(name));
  const auto pin = STRATA_TRY(this->pin(lsn == 0 ? AsOf::now() : AsOf::at(lsn)));  // it must still be readable
  const Bytes section = encode(TagChange{TagChange::Kind::set, std::string(name), pin.lsn()});
  transaction::Context context(pin.lsn(), false, transaction::Tracking::none, 0);
  STRATA_TRY(manager_->commit(context, options_.durability, {}, section));
  return pin.lsn();
}

Result<bool> LocalEngine::remove_tag(std::string_view name) noexcept {
  const auto pin = STRATA_TRY(this->pin(AsOf::now()));  // no close in between
  {
    const core::MutexLock lock(history_mutex_);
    if (tags_.find(name) == tags_.end()) return false;
  }
  const Bytes section = encode(TagChange{TagChange::Kind::remove, std::string(name), 0});
  transaction::Context context(pin.lsn(), false, transaction::Tracking::none, 0);
  STRATA_TRY(manager_->commit(context, options_.durability, {}, section));
  return true;
}

Result<void> LocalEngine::apply_engine_section(const transaction::Commit& commit, ByteView section) {
  const TagChange change = STRATA_TRY(decode_tag_change(section));
  const core::MutexLock lock(history_mutex_);
  if (change.kind == TagChange::Kind::set) {
    tags_[change.name] = Tag{change.name, change.lsn, commit.time};
  } else {
    tags_.erase(change.name);
  }
  return {};
}

Result<std::vector<Tag>> LocalEngine::tags() noexcept {
  const core::MutexLock lock(history_mutex_);
  std::vector<Tag> tags;
  for (const auto& [name, tag] : tags_) tags.push_back(tag);
  return tags;
}

// ---- what it can tell about itself ------------------------------------------------------------------------------

Result<std::vector<StoreSummary>> LocalEngine::summarize(const AsOf& as_of) noexcept {
  const auto pin = STRATA_TRY(this->pin(as_of));
  std::vector<StoreSummary> summaries;
  for (transaction::Participant* store : stores_->participants()) {
    if (store->kind() == StoreKind::cache) continue;  // it may forget at any time: nothing to compare
    const auto summary = STRATA_TRY(store->summarize(pin.lsn()));
    const std::uint64_t words[2] = {summary.hash.high, summary.hash.low};
    summaries.push_back({store->kind(), summary.items, core::to_hex(std::as_bytes(std::span(words)))});
  }
  return summaries;
}

Result<std::vector<Finding>> LocalEngine::verify() noexcept {
  std::vector<Finding> findings;
  STRATA_TRY(check_not_lent("verify"));
  const core::MutexLock lock(checkpoint_mutex_);  // no file goes away while it is read
  STRATA_TRY(check_open());
  if (auto manifest = read_manifest(*files_, manifest_.number); !manifest) {
    findings.push_back({"manifest", manifest_name(manifest_.number), 0, manifest.error().message(), false});
  }
  for (transaction::Participant* store : stores_->participants()) {
    for (auto& damage : STRATA_TRY(store->verify())) {
      findings.push_back({std::string(name(store->kind())), std::move(damage.file), damage.offset,
                          std::move(damage.what), damage.rebuilt_by_itself});
    }
  }
  const Lsn last = journal_->durable_lsn();
  if (auto read = journal_->read(manifest_.lsn, last, [](const journal::Record&) { return Result<void>(); }); !read) {
    findings.push_back({"journal", "journal", 0, read.error().message(), false});
  }
  return findings;
}

Result<Map> LocalEngine::statistics() noexcept {
  STRATA_TRY(check_open());
  Map statistics;
  Map stores;
  const transaction::StoreLag& lag = manager_->store_lag();
  for (transaction::Participant* store : stores_->participants()) {
    transaction::Statistics figures = store->statistics();
    figures.set("lag_bytes", lag.bytes(store->kind()));
    stores.set(std::string(name(store->kind())), std::move(figures));
  }
  statistics.set("stores", std::move(stores));

  const journal::JournalStats journal = journal_->stats();
  statistics.set("journal", Map{{"last_lsn", journal.last_lsn},
                                {"durable_lsn", journal.durable_lsn},
                                {"first_lsn", journal.first_lsn},
                                {"epoch", journal.epoch},
                                {"segments", journal.segments},
                                {"bytes", journal.bytes},
                                {"batches", journal.batches},
                                {"syncs", journal.syncs},
                                {"records", journal.records},
                                {"sync_us_mean", journal.syncs ? static_cast<double>(journal.sync_us_total) /
                                                                     static_cast<double>(journal.syncs)
                                                               : 0.0},
                                {"poisoned", journal.poisoned}});

  const transaction::ManagerStats manager = manager_->stats();
  statistics.set("transactions", Map{{"committed", manager.committed},
                                     {"rolled_back", manager.rolled_back},
                                     {"conflicts", manager.conflicts},
                                     {"timeouts", manager.timeouts},
                                     {"active", manager.active},
                                     {"visible_lsn", manager.visible_lsn},
                                     {"oldest_view_lsn", manager.oldest_view}});
  Map recovery{{"open_us", open_us_.load()},
               {"clean_shutdown", recovery_.clean_shutdown},
               {"torn_tail", recovery_.torn_tail},
               {"journal_bytes_read", recovery_.bytes_read}};
  if (!recovery_.torn_copy.empty()) recovery.set("torn_copy", recovery_.torn_copy);
  statistics.set("recovery", std::move(recovery));
  {
    const core::MutexLock lock(history_mutex_);
    statistics.set("history", Map{{"oldest_lsn", horizon_}, {"tags", tags_.size()}});
  }
  {
    const core::MutexLock lock(background_mutex_);
    if (!background_error_.empty()) statistics.set("checkpoint_error", background_error_);
  }
  return statistics;
}

}  // namespace strata::engine

namespace strata {

Result<AsOf> AsOf::parse(std::string_view text) {
  if (text.empty())
    return Error(ErrorCode::invalid_argument, "an empty text names no state: give an LSN, a time or a tag");
  if (text.find_first_not_of("0123456789") == std::string_view::npos) {
    if (text.size() > 18) return Error(ErrorCode::invalid_argument, "not an LSN: " + std::string(text.substr(0, 40)));
    return AsOf::at(std::stoull(std::string(text)));
  }
  if (auto time = core::parse_time(text)) return AsOf::at_time(*time);
  return AsOf::at_tag(std::string(text));
}

}  // namespace strata
