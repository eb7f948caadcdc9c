// Opening: from a directory's name to seven stores at one LSN, and closing again.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "core/checksum.h"
#include "core/failpoint.h"
#include "core/random.h"
#include "engine/local_engine.h"
#include "io/posix_file_system.h"
#include "transaction/record.h"

namespace strata::engine {
namespace {

constexpr std::string_view kReadmeName = "README.txt";

constexpr std::string_view kReadme =
    "This directory is a Strata database, written by Strata 0.1.0 (format 1).\n"
    "\n"
    "Change nothing in it by hand and do not copy it while a program has it open:\n"
    "  strata backup THIS to/            a consistent copy while it is in use\n"
    "  strata verify THIS                reads everything and checks it\n"
    "\n"
    "  SUPERBLOCK, MANIFEST-*   which files make up the database\n"
    "  journal/                 every commit; what the stores do not hold yet\n"
    "  vector/ object/ graph/   files of Strata (docs/formats)\n"
    "  metadata/state.sqlite    rows: sqlite3 -readonly opens it\n"
    "  analytics/state.duckdb   metrics: duckdb -readonly opens it; made again when missing\n"
    "  array/index.h5           arrays: h5py opens it\n"
    "  lock                     the process that has it open\n";

/// Files that an interrupted first open may leave behind.
bool ours_before_the_superblock(std::string_view name) {
  return name == kLockName || name == kReadmeName || name.starts_with(kManifestPrefix) || name.ends_with(".tmp");
}

Result<void> check_range(std::string_view option, std::uint64_t value, std::uint64_t min, std::uint64_t max) {
  if (value >= min && value <= max) return {};
  return Error(ErrorCode::invalid_argument, std::string(option) + " is " + std::to_string(min) + " to " +
                                                std::to_string(max) + ", not " + std::to_string(value));
}

Result<void> check_options(const OpenOptions& options) {
  constexpr std::uint64_t kMiB = 1 << 20;
  STRATA_TRY(check_range("checkpoint_journal_bytes", options.checkpoint_journal_bytes, kMiB, 4096 * kMiB));
  STRATA_TRY(check_range("journal_segment_bytes", options.journal_segment_bytes, kMiB, 1024 * kMiB));
  STRATA_TRY(check_range("cache_bytes", options.cache_bytes, kMiB, std::uint64_t{1} << 46));
  STRATA_TRY(check_range("metadata_cache_bytes", options.metadata_cache_bytes, kMiB, std::uint64_t{1} << 40));
  STRATA_TRY(check_range("transaction_bytes_max", options.transaction_bytes_max, kMiB, 240 * kMiB));
  STRATA_TRY(check_range("store_lag_bytes_max", options.store_lag_bytes_max, kMiB, std::uint64_t{1} << 40));
  if (options.history_ms < 0) {
    return Error(ErrorCode::invalid_argument, "history_ms is 0 or more, not " + std::to_string(options.history_ms));
  }
  return {};
}

/// What the database names and what is not there was lost; "not found" says that there is no database at all.
Error lost(const std::string& what) {
  return Error(ErrorCode::corruption, what + ". Nothing was changed. Restore from a backup (strata restore).");
}

std::string owner_text() {
  std::string name = "?";
  if (FILE* file = std::fopen("/proc/self/comm", "r")) {
    char buffer[64] = {};
    if (std::fgets(buffer, sizeof buffer, file) != nullptr) name = buffer;
    std::fclose(file);
    while (!name.empty() && name.back() == '\n') name.pop_back();
  }
  return "process " + std::to_string(getpid()) + " (" + name + ")";
}

/// Which database could not be opened, and what helps a damaged one, where the message does not say so itself.
Error told(const Error& error, const std::string& directory) {
  std::string message = error.message();
  if (!message.starts_with(directory)) message = directory + ": " + message;
  if (error.code() == ErrorCode::corruption && message.find("strata restore") == std::string::npos) {
    message += ". Restore from a backup (strata restore).";
  }
  return Error(error.code(), std::move(message), error.file(), error.line());
}

}  // namespace

Result<std::unique_ptr<LocalEngine>> LocalEngine::open(const std::string& directory, const OpenOptions& options,
                                                       Environment environment) noexcept {
  STRATA_TRY(check_options(options));
  std::unique_ptr<LocalEngine> engine(new LocalEngine(directory, options, std::move(environment)));
  if (auto started = engine->start(); !started) return told(started.error(), directory);
  return engine;
}

Result<void> LocalEngine::start() {
  const std::int64_t began = clock_.monotonic_us();
  const bool exists = STRATA_TRY(files_->exists(kSuperblockName));
  if (!exists) {
    const std::vector<std::string> entries = STRATA_TRY(files_->list(""));
    if (std::find(entries.begin(), entries.end(), "journal") != entries.end()) {
      return Error(ErrorCode::corruption, directory_ +
                                              ": there is a journal but no SUPERBLOCK. Nothing was changed. "
                                              "Restore from a backup (strata restore).");
    }
    const auto foreign = std::find_if_not(entries.begin(), entries.end(), ours_before_the_superblock);
    if (foreign != entries.end()) {
      return Error(ErrorCode::invalid_argument,
                   directory_ + " is not a Strata database: it holds \"" + *foreign + "\" and no SUPERBLOCK");
    }
    if (!options_.create) return Error(ErrorCode::not_found, directory_ + " is not a Strata database (it is empty)");
  }
  lock_ = STRATA_TRY(files_->lock(kLockName, owner_text()));
  STRATA_FAILPOINT("engine.open.locked");
  // Another process may have made it, and closed it, before we had the lock.
  if (!exists && !STRATA_TRY(files_->exists(kSuperblockName))) STRATA_TRY(create_database());
  STRATA_TRY(load_manifest());
  const core::MutexLock lock(checkpoint_mutex_);
  const bool created = superblock_sequence_ > 1;
  STRATA_FAILPOINT("engine.open.manifest");
  if (created && (!STRATA_TRY(files_->exists("journal")) || STRATA_TRY(files_->list("journal")).empty())) {
    return Error(ErrorCode::corruption, directory_ +
                                            ": the journal is missing. Nothing was changed. Restore from a "
                                            "backup (strata restore).");
  }
  STRATA_TRY(recover());
  if (!created) {
    STRATA_TRY(write_superblock(*files_, {2, manifest_.database, manifest_.timeline, manifest_.number, manifest_.lsn}));
    superblock_sequence_ = 2;
    STRATA_FAILPOINT("engine.create.end");
  }
  open_us_ = clock_.monotonic_us() - began;
  background_ = std::thread([this] { run_background(); });
  return {};
}

Result<void> LocalEngine::create_database() {
  Manifest manifest;
  manifest.number = 1;
  core::fill_random(manifest.database);
  manifest.database[6] = (manifest.database[6] & std::byte{0x0f}) | std::byte{0x40};  // a UUIDv4
  manifest.database[8] = (manifest.database[8] & std::byte{0x3f}) | std::byte{0x80};
  manifest.time = clock_.now();
  STRATA_FAILPOINT("engine.create.begin");
  STRATA_TRY(io::write_file_atomically(*files_, kReadmeName, as_bytes(kReadme)));
  STRATA_TRY(io::write_file_atomically(*files_, manifest_name(1), encode(manifest)));
  STRATA_FAILPOINT("engine.create.manifest");
  // With the superblock the directory is a database; its second writing says that there is a journal, too.
  STRATA_TRY(write_superblock(*files_, {1, manifest.database, manifest.timeline, manifest.number, 0}));
  STRATA_FAILPOINT("engine.create.superblock");
  return {};
}

Result<void> LocalEngine::load_manifest() {
  const core::MutexLock lock(checkpoint_mutex_);
  const std::vector<Superblock> blocks = STRATA_TRY(read_superblock(*files_));
  superblock_sequence_ = blocks.front().sequence;
  // The newest slot whose manifest verifies. The one before it is as good: its files and the journal after it are kept.
  std::optional<Error> first_error;
  for (const Superblock& block : blocks) {
    auto manifest = read_manifest(*files_, block.manifest);
    if (!manifest) {
      if (manifest.error().code() == ErrorCode::unsupported) return std::move(manifest).error();
      if (first_error) continue;
      first_error = std::move(manifest).error();
      if (first_error->code() == ErrorCode::not_found)
        first_error = lost(manifest_name(block.manifest) + " is missing");
      continue;
    }
    if (manifest->database != block.database) {
      return Error(ErrorCode::corruption, manifest_name(block.manifest) + ": belongs to another database");
    }
    manifest_ = *std::move(manifest);
    superblock_lsn_ = block.lsn;
    if (auto previous = read_manifest(*files_, manifest_.number - 1)) previous_files_ = files_of(*previous);
    // A process that died had not come to remove them.
    for (std::string& name : STRATA_TRY(files_->list(""))) {
      if (!name.starts_with(kManifestPrefix) || name >= manifest_name(manifest_.number - 1)) continue;
      const std::uint64_t number = std::strtoull(name.c_str() + kManifestPrefix.size(), nullptr, 10);
      if (const auto older = read_manifest(*files_, number)) {
        for (const auto& file : files_of(*older)) obsolete_files_.insert(file.name);
      }
      obsolete_files_.insert(std::move(name));
    }
    retain_files();
    return {};
  }
  return std::move(*first_error).with_context("no manifest that the superblock names can be read");
}

Error LocalEngine::missing_is_damage(Error error, const transaction::Checkpoint& checkpoint) {
  if (error.code() != ErrorCode::not_found) return error;
  std::string what = error.message();
  for (const transaction::CheckpointFile& file : checkpoint.files) {
    if (const auto there = files_->exists(file.name); there && !*there) {
      what = file.name + " is missing";
      break;
    }
  }
  return lost(what);
}

Result<void> LocalEngine::recover() {
  // Restored to an earlier LSN, a database goes on as another.
  const std::uint64_t identity = core::xxh3_64(manifest_.database, manifest_.timeline);
  stores_ = std::make_unique<StoreSet>(store_files_, clock_, options_, identity, graph_rows_min_);
  // What a store makes durable on its own must be durable in the journal first; while recovering, it is.
  stores_->set_durable_source([this](Lsn lsn) -> Result<void> {
    if (!journal_ || journal_->durable_lsn() >= lsn) return {};
    return journal_->sync();
  });

  Lsn replay_after = UINT64_MAX;
  Lsn known_durable = std::max(manifest_.lsn, superblock_lsn_);
  std::array<Lsn, kStoreCount> applied{};
  for (std::size_t i = 0; i < kStoreCount; ++i) {
    transaction::Participant& store = *stores_->participants()[i];
    const transaction::Checkpoint& last = manifest_.stores[i];
    if (auto opened = store.open(last.lsn == 0 ? nullptr : &last); !opened) {
      return missing_is_damage(std::move(opened).error(), last);
    }
    if (store.kind() == StoreKind::cache) continue;  // holds nothing that a record could restore
    applied[i] = store.applied_lsn();
    replay_after = std::min(replay_after, applied[i]);
    known_durable = std::max(known_durable, applied[i]);
  }
  STRATA_FAILPOINT("engine.open.stores");
  replay_after = std::min(replay_after, manifest_.lsn);

  commit_clock_.load(manifest_.commit_times);
  std::vector<transaction::IdempotencyEntry> idempotency = manifest_.idempotency;
  {
    const core::MutexLock history_lock(history_mutex_);
    horizon_ = manifest_.horizon;
    for (const Tag& tag : manifest_.tags) tags_[tag.name] = tag;
  }
  Lsn last = manifest_.lsn;
  Timestamp last_time = manifest_.time;
  std::uint64_t replayed_bytes = 0;
  transaction::ManagerOptions manager_options;
  const Lsn manifest_lsn = manifest_.lsn;
  const auto apply = [&](const journal::Record& record) -> Result<void> {
    STRATA_FAILPOINT("engine.replay.record");
    const transaction::Commit commit{record.lsn, record.commit_time};
    replayed_bytes += record.payload.size();
    if (record.lsn > manifest_lsn) {
      commit_clock_.add({record.lsn, record.commit_time});
      if (record.idempotency != 0) idempotency.push_back({record.idempotency, record.lsn, record.commit_time});
    }
    STRATA_TRY(transaction::for_each_section(record.payload, [&](std::uint8_t store, ByteView section) -> Result<void> {
      if (store == transaction::kEngineSection) {
        return record.lsn > manifest_lsn ? apply_engine_section(commit, section) : Result<void>();
      }
      if (record.lsn <= applied[store]) return {};  // the store has it already (I4: each record once)
      manager_options.behind[store] += section.size();
      auto done = stores_->participants()[store]->apply(commit, section);
      if (!done) {
        return std::move(done).error().with_context("replaying lsn " + std::to_string(record.lsn) + " into the " +
                                                    std::string(name(static_cast<StoreKind>(store))) + " store");
      }
      return done;
    }));
    last = std::max(last, record.lsn);
    last_time = std::max(last_time, record.commit_time);
    STRATA_FAILPOINT("engine.replay.applied");
    return {};
  };
  journal::JournalOptions journal_options;
  journal_options.segment_bytes = options_.journal_segment_bytes;
  journal_ = STRATA_TRY(journal::Journal::open(*files_, clock_, "journal", {manifest_.database, manifest_.timeline},
                                               journal_options, replay_after, known_durable, apply, &recovery_));
  STRATA_FAILPOINT("engine.open.journal");
  last = std::max(last, recovery_.last_lsn);
  for (transaction::Participant* store : stores_->participants()) STRATA_TRY(store->recovered(last));
  STRATA_FAILPOINT("engine.open.recovered");
  journaled_bytes_ = replayed_bytes;

  manager_options.transaction_bytes_max = options_.transaction_bytes_max;
  manager_options.store_lag_bytes_max = options_.store_lag_bytes_max;
  manager_options.board = board_;
  manager_ = std::make_unique<transaction::TransactionManager>(
      *journal_, clock_, stores_->participants(), manager_options, last, last_time, std::move(idempotency),
      [this](const transaction::Commit& commit, ByteView section) { return apply_engine_section(commit, section); });
  manager_->set_observer([this](const transaction::Commit& commit, std::size_t bytes) {
    commit_clock_.add({commit.lsn, commit.time});
    const std::uint64_t total = journaled_bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    // Asked for once: what came meanwhile, or was there at the start, may be over the limit already.
    if (total >= options_.checkpoint_journal_bytes && !checkpoint_asked_.exchange(true, std::memory_order_relaxed)) {
      want_checkpoint();
    }
  });
  manager_->store_lag().set_catch_up([this] { want_checkpoint(); });
  session_ = std::make_unique<transaction::DatabaseSession>(*manager_, options_.durability);
  handles_ = std::make_unique<StoreHandles>(*stores_, *session_);
  return {};
}

void LocalEngine::want_checkpoint() {
  const core::MutexLock lock(background_mutex_);
  checkpoint_wanted_ = true;
  background_wake_.notify_one();
}

Result<void> LocalEngine::close() noexcept {
  // Before any lock: a close on another thread may hold it, and wait for the call that we are within.
  STRATA_TRY(check_not_lent("close"));
  if (manager_ && manager_->views().within_a_call()) {
    return Error(ErrorCode::failed_precondition, "a call of this thread is under way; let it end, then close");
  }
  const core::MutexLock close_lock(close_mutex_);
  if (closed_) return {};
  if (manager_) STRATA_TRY(manager_->views().close());
  {
    const core::MutexLock lock(background_mutex_);
    stopping_ = true;
    background_wake_.notify_all();
  }
  if (background_.joinable()) background_.join();
  STRATA_CRASHPOINT("engine.close.begin");
  Result<void> outcome;
  const auto keep_first = [&outcome](Result<void> step) {
    if (outcome && !step) outcome = std::move(step);
  };
  // A checkpoint now saves the next open the replay; a few records are replayed faster than they are written out.
  constexpr std::uint64_t kWorthACheckpoint = 4 << 20;
  if (manager_ && manager_->check_healthy() && journaled_bytes_.load() >= kWorthACheckpoint) {
    const core::MutexLock lock(checkpoint_mutex_);
    auto lsn = checkpoint_locked(false);
    // On a full disk the journal has it all, and the next open replays it.
    if (!lsn && lsn.error().code() != ErrorCode::resource_exhausted) keep_first(std::move(lsn).error());
  }
  const core::MutexLock lock(checkpoint_mutex_);  // who verifies or makes a backup comes to its end
  closed_ = true;
  if (stores_) {
    for (transaction::Participant* store : stores_->participants()) keep_first(store->close());
  }
  STRATA_CRASHPOINT("engine.close.stores");
  if (journal_ && !journal_->poisoned()) {
    Result<void> closed = journal_->close();
    // Whatever is missing at its end from here on was there: no tear of a crash looks like this.
    if (const Lsn last = journal_->durable_lsn(); closed && last > superblock_lsn_ && superblock_sequence_ > 1) {
      closed = write_superblock(
          *files_, {superblock_sequence_ + 1, manifest_.database, manifest_.timeline, manifest_.number, last});
    }
    keep_first(std::move(closed));
  }
  STRATA_CRASHPOINT("engine.close.journal");
  store_files_.end();
  if (board_) board_->hide();  // the next one that opens the directory, perhaps in this process, has its own
  lock_.reset();
  return outcome;
}

}  // namespace strata::engine

namespace strata {

Result<std::unique_ptr<Engine>> Engine::open(const std::string& directory, const OpenOptions& options) noexcept {
  static const core::SystemClock clock;
  STRATA_TRY(engine::check_options(options));  // before there is a directory
  if (options.create) STRATA_TRY(io::make_root_directory(directory));
  engine::Environment environment;
  environment.files = STRATA_TRY(io::open_posix_file_system(directory));
  environment.clock = &clock;
  // Nobody misses it who does not look: a system without it, or without a descriptor to spare, is no reason not to open.
  const std::string board = transaction::board_name(STRATA_TRY(io::directory_identity(directory)));
  if (auto shared = io::make_shared_memory(board, transaction::kBoardBytes)) environment.board = *std::move(shared);
  auto opened = engine::LocalEngine::open(directory, options, std::move(environment));
  if (!opened) return std::move(opened).error();
  return std::unique_ptr<Engine>(std::move(opened).value());
}

}  // namespace strata
