#include "store/metadata/metadata_store.h"

#include <cctype>

#include <algorithm>

#include "core/failpoint.h"
#include "store/metadata/history.h"
#include "store/metadata/pages.h"
#include "store/metadata/row.h"
#include "store/metadata/sqlite_files.h"

namespace strata::store::metadata {
namespace {

constexpr std::string_view kState = "metadata/state.sqlite";
constexpr std::string_view kDamagedMark = "metadata/state.damaged";
constexpr std::size_t kHardFactor = 4;  // × the queue's bounds: apply writes itself instead of waking the applier

}  // namespace

MetadataParticipant::MetadataParticipant(io::FileSystem& files, const core::Clock& clock,
                                         const MetadataOptions& options)
    : files_(files), clock_(clock), options_(options) {}

MetadataParticipant::~MetadataParticipant() { (void)close(); }

// ------------------------------------------------------------------------------------------------ following the journal

Result<void> MetadataParticipant::apply(const transaction::Commit& commit, ByteView section) {
  STRATA_FAILPOINT("metadata.apply.begin");
  if (commit.lsn > archived_.load(std::memory_order_relaxed)) {
    const core::MutexLock lock(archive_mutex_);
    if (!archive_) archive_ = std::make_unique<ArchiveWriter>(files_, next_archive_++);
    // What cannot be written now stays in the archive's memory; the checkpoint tries again and reports it.
    (void)archive_->append({commit.lsn, commit.time, false, section});
    archived_.store(commit.lsn, std::memory_order_relaxed);
  }
  if (commit.lsn <= recent_.last()) return {};  // recovery: SQLite has it already

  auto queued = std::make_shared<QueuedCommit>();
  queued->lsn = commit.lsn;
  queued->section.assign(section.begin(), section.end());
  queued->steps = STRATA_TRY(decode_steps(queued->section, commit.lsn));
  const auto catalog = recent_.catalog();
  const bool tables_known = tables_waiting_.load(std::memory_order_relaxed) == 0;
  for (const Step& step : queued->steps) {
    if (step.kind != Step::Kind::rows) {
      queued->has_ddl = true;
      continue;
    }
    for (const TableImages& images : step.images->tables) {
      queued->rows += images.rows.size();
      if (!queued->has_ddl && tables_known && catalog->find(images.table) == nullptr) {
        return Error(ErrorCode::corruption,
                     "a metadata record writes the table " + images.table + ", which is not there");
      }
    }
  }
  const bool has_ddl = queued->has_ddl;
  {
    // Together: a trial must see a commit as pending or as recent, never as both.
    const core::MutexLock lock(pending_mutex_);
    if (!pending_.empty() && *pending_.front() == queued->section) pending_.pop_front();
    recent_.push(std::move(queued));
  }
  STRATA_CRASHPOINT("metadata.apply.end");
  if (has_ddl) {
    // The tables must be known before the next row. On a full disk the record, which is durable, waits here, and whoever
    // asks for tables meanwhile learns why they are not known.
    Result<void> flushed = flush(commit.lsn);
    if (!flushed.has_value() && flushed.error().code() == ErrorCode::resource_exhausted) {
      tables_waiting_.store(commit.lsn, std::memory_order_release);
      return {};
    }
    return flushed;
  }
  const std::size_t rows = recent_.rows(), bytes = recent_.bytes();
  if (rows > kHardFactor * options_.queue_rows_max || bytes > kHardFactor * options_.queue_bytes_max) {
    // Slower is all that may happen: the record is durable, so failing to write it now is the applier's to repeat.
    if (Result<void> flushed = flush(commit.lsn); !flushed.has_value()) note_error(flushed.error());
  } else if (rows > options_.queue_rows_max || bytes > options_.queue_bytes_max) {
    const core::MutexLock lock(applier_mutex_);
    applier_wanted_ = true;
    applier_wakes_.notify_one();
  }
  return {};
}

Result<void> MetadataParticipant::flush(Lsn lsn) {
  const core::MutexLock lock(writer_mutex_);
  return flush_locked(lsn);
}

Result<void> MetadataParticipant::flush_locked(Lsn lsn) {
  const auto commits = recent_.upto(lsn);
  if (commits.empty()) return {};
  if (!writer_) return Error(ErrorCode::failed_precondition, "the metadata store is closed");
  STRATA_FAILPOINT("metadata.flush.begin");
  if (make_durable_) STRATA_TRY(make_durable_(commits.back()->lsn));
  Result<void> applied = writer_->apply(commits, true);
  if (!applied.has_value()) {
    note_error(applied.error());
    return applied;
  }
  STRATA_CRASHPOINT("metadata.flush.applied");
  recent_.set_catalog(writer_->catalog());
  recent_.pop(writer_->applied());
  batches_.fetch_add(1, std::memory_order_relaxed);
  return {};
}

void MetadataParticipant::note_error(const Error& error) {
  if (error.code() == ErrorCode::corruption) {
    // The next open believes this mark rather than what it can read, and rebuilds.
    (void)io::write_file_atomically(files_, kDamagedMark, as_bytes(error.message()));
  }
  const core::MutexLock lock(applier_mutex_);
  last_error_ = error.message();
}

void MetadataParticipant::run_applier() {
  for (;;) {
    {
      const core::MutexLock lock(applier_mutex_);
      while (!applier_wanted_ && !applier_ends_) applier_wakes_.wait(applier_mutex_);
      if (applier_ends_) return;
      applier_wanted_ = false;
    }
    (void)flush(recent_.last());  // noted there
  }
}

Result<void> MetadataParticipant::know_tables() {
  Lsn waiting = tables_waiting_.load(std::memory_order_acquire);
  if (waiting == 0) return {};
  STRATA_TRY(flush(waiting));
  tables_waiting_.compare_exchange_strong(waiting, 0);
  return {};
}

Result<void> MetadataParticipant::check_healthy() {
  STRATA_TRY(know_tables());
  const std::size_t bytes = recent_.bytes(), most = 2 * kHardFactor * options_.queue_bytes_max;
  if (bytes <= most) return {};
  const core::MutexLock lock(applier_mutex_);
  return Error(ErrorCode::resource_exhausted,
               "state.sqlite does not take rows any more. The metadata store: " + std::to_string(bytes) +
                   " bytes of rows behind, at most " + std::to_string(most) + ": " + last_error_);
}

// ------------------------------------------------------------------------------------------------ reading

Result<void> MetadataParticipant::read_at(Lsn view, const MetadataBuffer* own,
                                          const std::function<Result<void>(Connection&)>& body) {
  Result<void> done = read_state(view, own, body);
  if (!done.has_value() && done.error().code() == ErrorCode::corruption) note_error(done.error());
  return done;
}

Result<void> MetadataParticipant::read_state(Lsn view, const MetadataBuffer* own,
                                             const std::function<Result<void>(Connection&)>& body) {
  const Lsn state = STRATA_TRY(recent_.state_at(view));
  const bool own_writes = own != nullptr && !own->empty();
  while (!own_writes) {
    if (recent_.applied() < state) {
      Result<void> flushed = flush(state);
      if (!flushed.has_value() && flushed.error().code() == ErrorCode::resource_exhausted) break;
      STRATA_TRY(std::move(flushed));
    }
    auto reader = STRATA_TRY(readers_->at(state));
    if (reader->state() == state) return body(reader->connection());
    if (reader->state() > state) break;
  }
  const core::MutexLock lock(writer_mutex_);
  if (!writer_) return Error(ErrorCode::failed_precondition, "the metadata store is closed");
  static const std::vector<Step> kNoSteps;
  if (Result<void> flushed = flush_locked(state); !flushed.has_value()) {
    if (flushed.error().code() != ErrorCode::resource_exhausted) return flushed;
    // A full disk stops no question: what SQLite has no space for is known here, and need not be on the disk for it.
    STRATA_TRY(writer_->stand_ahead({state, own_writes ? own->id() : 0, own_writes ? own->revision() : 0},
                                    recent_.upto(state), own_writes ? own->steps() : kNoSteps));
    return body(writer_->connection());
  }
  if (writer_->applied() > state) undo_reads_.fetch_add(1, std::memory_order_relaxed);
  STRATA_TRY(own_writes ? writer_->stand_at({state, own->id(), own->revision()}, own->steps())
                        : writer_->stand_at({state, 0, 0}, kNoSteps));
  return body(writer_->connection());
}

Result<MetadataParticipant::FoundRow> MetadataParticipant::committed_row(const Table& table, std::string_view key,
                                                                         Lsn view) {
  Result<FoundRow> found = read_committed(table, key, view);
  if (!found.has_value() && found.error().code() == ErrorCode::corruption) note_error(found.error());
  return found;
}

Result<MetadataParticipant::FoundRow> MetadataParticipant::read_committed(const Table& table, std::string_view key,
                                                                          Lsn view) {
  const Recent::Found recent = recent_.find(table.name, key, view);
  if (recent.known) return FoundRow{recent.present, recent.rest};
  const Lsn state = STRATA_TRY(recent_.state_at(view));
  // Any state that has at least what was missing from Recent; what it has too much is taken back for this one row.
  auto reader = STRATA_TRY(readers_->at_least(recent.applied));
  FoundRow row;
  if (reader->state() > state) {
    OldRow old = STRATA_TRY(old_row(reader->connection(), state, table.name, key));
    if (old.changed_since) return FoundRow{old.present, std::move(old.rest)};
  }
  row.present = STRATA_TRY(read_row(reader->connection(), table, key, row.rest));
  return row;
}

// ------------------------------------------------------------------------------------------------ writing

MetadataBuffer& MetadataParticipant::buffer(transaction::Context& context) {
  return context.buffer<MetadataBuffer>(StoreKind::metadata, [&] {
    return std::make_unique<MetadataBuffer>(*this, next_buffer_.fetch_add(1, std::memory_order_relaxed));
  });
}

std::shared_ptr<const Catalog> MetadataParticipant::catalog(const MetadataBuffer* own) const {
  return own != nullptr && own->has_ddl() ? own->own_catalog() : recent_.catalog();
}

namespace {

bool has_word(std::string_view text, std::string_view word) {
  const auto in_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !in_word(text[at - 1])) && (end == text.size() || !in_word(text[end]))) return true;
  }
  return false;
}

// What the statement's outcome depends on, beside the rows that it writes.
void note_scans(transaction::Context& context, std::string_view sql, const Result<Executed>& result) {
  if (!context.tracks_scans()) return;
  context.note_scan(StoreKind::metadata, kSchemaKey);
  if (!result.has_value()) return context.note_scan(StoreKind::metadata, kAnyTablePredicate);
  const auto note = [&](const std::vector<std::string>& tables) {
    for (const std::string& table : tables) context.note_scan(StoreKind::metadata, table_predicate(table));
  };
  note(result->analysis.tables_read);
  // Inserting rows into a table that nothing was read from depends on their keys alone, and those are written. Unless it
  // says what to do when they are there ("or ignore", "on conflict", "replace"); looking for these words may find them
  // in a text by mistake, which costs precision only.
  const std::string words = lower(sql);
  const bool plain = result->analysis.tables_read.empty() && has_word(words, "insert") && !has_word(words, "or") &&
                     !has_word(words, "conflict") && !has_word(words, "replace");
  if (!plain) note(result->analysis.tables_written);
}

}  // namespace

Result<Executed> MetadataParticipant::execute(transaction::Context& context, std::string_view sql,
                                              std::span<const Value> parameters, bool several_allowed, Reads reads) {
  for (;;) {
    std::optional<Blocked> blocked;
    auto executed = execute_once(context, sql, parameters, several_allowed, reads, blocked);
    if (!blocked) return executed;
    // Waited for without the writer, which others need in order to come to an end; then the statement is run again.
    STRATA_TRY(context.lock(StoreKind::metadata, blocked->key, blocked->mode));
  }
}

Result<Executed> MetadataParticipant::execute_once(transaction::Context& context, std::string_view sql,
                                                   std::span<const Value> parameters, bool several_allowed, Reads reads,
                                                   std::optional<Blocked>& blocked) {
  MetadataBuffer& own = buffer(context);
  const core::MutexLock lock(writer_mutex_);
  if (!writer_) return Error(ErrorCode::failed_precondition, "the metadata store is closed");
  const Lsn state = STRATA_TRY(recent_.state_at(context.view_lsn()));
  STRATA_TRY(flush_locked(state));
  STRATA_TRY(writer_->stand_at({state, own.id(), own.revision()}, own.steps()));
  auto result = writer_->execute(sql, parameters, options_.limits, clock_, several_allowed);
  if (reads == Reads::what_it_says || !result.has_value()) note_scans(context, sql, result);
  if (!result.has_value()) {
    if (result.error().code() == ErrorCode::corruption) note_error(result.error());
    return result;
  }
  Executed executed = std::move(result).value();
  if (executed.empty) return executed;
  const auto catalog = writer_->place_catalog();
  const bool defines = executed.analysis.kind != StatementKind::writes_rows;

  // 1. The locks of what it changed, or of the first that another transaction has.
  const auto take = [&](transaction::KeyHash key, transaction::LockMode mode) {
    if (!context.try_lock(key, mode)) blocked = Blocked{key, mode};
    return !blocked;
  };
  using transaction::LockMode;
  bool taken = take(kSchemaKey, defines ? LockMode::exclusive : LockMode::intend_exclusive);
  std::uint64_t bytes = sql.size();
  for (const TableImages& images : executed.images.tables) {
    const Table& table = *catalog->find(images.table);
    for (const Image& row : images.rows) {
      taken = taken && take(key_hash(table, row.key), LockMode::exclusive);
      bytes += row.key.size() + row.rest.size() + 32;
    }
  }
  Result<void> charged = taken ? context.charge(bytes) : Result<void>();
  if (!taken || !charged.has_value()) {
    writer_->leave();  // it holds effects that the buffer will not have
    if (!taken) return executed;
    return std::move(charged).error();
  }

  // 2. The buffer.
  STRATA_TRY(own.depend_on_schema(context));
  if (defines) {
    const std::string_view statement = sql.substr(0, sql.size() - executed.tail.size());
    own.define(statement, catalog);
    context.note_claim(StoreKind::metadata, kSchemaKey);
  }
  for (const TableImages& images : executed.images.tables) {
    const Table& table = *catalog->find(images.table);
    for (const Image& row : images.rows) {
      row.present ? own.put(table, row.key, row.rest, row.marked) : own.remove(table, row.key);
      context.note_claim(StoreKind::metadata, key_hash(table, row.key));
      // That it could be inserted is an answer, also when it is taken back to a savepoint.
      if (context.tracks_scans()) context.note_read(StoreKind::metadata, key_hash(table, row.key));
    }
  }
  writer_->renumber(own.revision());
  return executed;
}

Result<void> MetadataParticipant::validate(MetadataBuffer& own, Lsn view) {
  bool careful = own.has_ddl();
  const auto tables = catalog(&own);
  for (const Step& step : own.steps()) {
    if (careful || step.kind != Step::Kind::rows) continue;
    for (const TableImages& images : step.images->tables) {
      const Table* table = tables->find(images.table);
      careful |= table == nullptr || !table->simple;
    }
  }
  if (careful) {
    const core::MutexLock lock(writer_mutex_);
    STRATA_TRY(try_out_locked(own, view));
  }
  const core::MutexLock lock(pending_mutex_);
  pending_.push_back(own.section());
  return {};
}

// What another transaction committed since the view may contradict this one, although no row is common: a UNIQUE value,
// a parent row. Found here, before the journal has the record; afterwards nothing can refuse it.
Result<void> MetadataParticipant::try_out_locked(MetadataBuffer& own, Lsn view) {
  if (!writer_) return Error(ErrorCode::failed_precondition, "the metadata store is closed");
  Lsn latest;
  std::vector<std::shared_ptr<const Bytes>> pending;
  {
    const core::MutexLock lock(pending_mutex_);
    latest = recent_.last();
    pending.assign(pending_.begin(), pending_.end());
  }
  const bool raced = !pending.empty() || latest > view;
  const auto tables = catalog(&own);
  bool foreign_keys = false;
  for (const Step& step : own.steps()) {
    if (step.kind != Step::Kind::rows) continue;
    for (const TableImages& images : step.images->tables) {
      const Table* table = tables->find(images.table);
      foreign_keys |= table != nullptr && table->in_foreign_key;
    }
  }
  // The writer stands exactly where this commit leads: SQLite has checked every constraint while it went there, except
  // deferred foreign keys.
  if (!foreign_keys && pending.empty() && writer_->stands_at({latest, own.id(), own.revision()})) return {};
  trials_.fetch_add(1, std::memory_order_relaxed);
  STRATA_TRY(flush_locked(latest));
  std::vector<std::vector<Step>> earlier;
  earlier.reserve(pending.size());
  for (const auto& section : pending) earlier.push_back(STRATA_TRY(decode_steps(*section, latest + 1)));
  Result<void> tried = writer_->try_out(earlier, own.steps());
  if (tried.has_value()) return {};
  if (raced && tried.error().code() == ErrorCode::invalid_argument) {
    return Error(ErrorCode::conflict, "another transaction came first: " + tried.error().message());
  }
  return tried;
}

void MetadataParticipant::forget_pending(const std::shared_ptr<const Bytes>& section) {
  const core::MutexLock lock(pending_mutex_);
  std::erase(pending_, section);
}

// ------------------------------------------------------------------------------------------------ looking

Result<transaction::Summary> MetadataParticipant::summarize(Lsn view) {
  transaction::Summary summary;
  STRATA_TRY(read_at(view, nullptr, [&](Connection& connection) -> Result<void> {
    const auto tables = STRATA_TRY(Catalog::load(connection));
    std::string item;
    for (const auto& [name, table] : tables->tables()) {
      Statement rows = STRATA_TRY(connection.prepare(table.scan_sql));
      const int keys = static_cast<int>(table.key_columns.size());
      const int columns = keys + static_cast<int>(table.rest_columns.size());
      while (STRATA_TRY(rows.step())) {
        item = name;
        item += '\0';
        for (int i = 0; i < columns; ++i) append_column(item, rows.get(), i, i < keys);
        summary.add(core::xxh3_128(as_bytes(item)));
      }
    }
    return {};
  }));
  return summary;
}

// Every page of the file, also those that no table uses now. A few at a time: the writer is needed elsewhere.
Result<void> MetadataParticipant::verify_pages(std::vector<transaction::Damage>& damage) {
  constexpr std::uint32_t kPagesAtOnce = 1'000;
  readers_->clear();
  for (std::uint32_t page = 1, pages = 1; page <= pages;) {
    const core::MutexLock lock(writer_mutex_);
    if (!writer_) return Error(ErrorCode::failed_precondition, "the metadata store is closed");
    // After a crash a page of the file may be there by half, and whole in the log.
    if (page == 1 && !STRATA_TRY(writer_->copy_log())) return {};
    pages = STRATA_TRY(count_pages(writer_->connection().get()));
    for (const std::uint32_t end = std::min(page + kPagesAtOnce, pages + 1); page < end; ++page) {
      Result<void> checked = check_page(writer_->connection().get(), page);
      if (checked.has_value()) continue;
      if (checked.error().code() != ErrorCode::corruption) return checked;
      damage.push_back({std::string(kState), std::uint64_t{page - 1} * kPageBytes, checked.error().message(), true});
    }
  }
  return {};
}

Result<void> MetadataParticipant::verify_state(std::vector<transaction::Damage>& damage) {
  STRATA_TRY(verify_pages(damage));
  if (!damage.empty()) return {};
  auto reader = STRATA_TRY(readers_->at_least(recent_.applied()));
  Connection& connection = reader->connection();
  Statement check = STRATA_TRY(connection.prepare("PRAGMA integrity_check(100)"));
  while (STRATA_TRY(check.step())) {
    if (check.text(0) == "ok") continue;
    const std::string met = damage_met(connection.get());
    damage.push_back({std::string(kState), 0, met.empty() ? std::string(check.text(0)) : met, true});
  }
  return {};
}

Result<std::vector<transaction::Damage>> MetadataParticipant::verify() {
  std::vector<transaction::Damage> damage;
  const Result<void> looked = verify_state(damage);
  if (!looked.has_value()) damage.push_back({std::string(kState), 0, looked.error().message(), true});
  if (!damage.empty()) note_error(Error(ErrorCode::corruption, damage.front().what));
  std::vector<Archive> archives;
  {
    const core::MutexLock lock(archive_mutex_);
    archives = archives_;
  }
  for (const Archive& archive : archives) {
    core::Hasher128 hasher;
    auto mapping = files_.map(archive.file.name);
    if (!mapping.has_value()) {
      damage.push_back({archive.file.name, 0, mapping.error().message(), false});
      continue;
    }
    if (core::xxh3_128((*mapping)->bytes()) != archive.file.hash) {
      damage.push_back({archive.file.name, 0, "the checksum is wrong", false});
    }
    Result<void> read = read_archive(files_, archive.file.name, [](const ArchiveRecord&) { return Result<void>(); });
    if (!read.has_value()) damage.push_back({archive.file.name, 0, read.error().message(), false});
  }
  return damage;
}

transaction::Statistics MetadataParticipant::statistics() {
  transaction::Statistics out;
  std::uint64_t archive_bytes = 0;
  {
    const core::MutexLock lock(archive_mutex_);
    for (const Archive& archive : archives_) archive_bytes += archive.file.bytes;
    out.set("archives", Value(archives_.size()));
  }
  const auto size_of = [&](std::string_view name) {
    auto size = files_.file_size(name);
    return size.has_value() ? *size : 0;
  };
  const std::uint64_t wal = size_of(std::string(kState) + "-wal");
  out.set("tables", Value(recent_.catalog() ? recent_.catalog()->tables().size() : 0));
  out.set("bytes_on_disk", Value(size_of(kState) + wal + archive_bytes));
  out.set("wal_bytes", Value(wal));
  out.set("archive_bytes", Value(archive_bytes));
  out.set("bytes_in_memory", Value(recent_.bytes()));
  out.set("queued_rows", Value(recent_.rows()));
  out.set("applied_lsn", Value(recent_.applied()));
  out.set("history_from_lsn", Value(recent_.history_from()));
  out.set("batches", Value(batches_.load()));
  out.set("trials", Value(trials_.load()));
  out.set("undo_reads", Value(undo_reads_.load()));
  out.set("rebuilds", Value(rebuilds_.load()));
  const core::MutexLock lock(applier_mutex_);
  if (!last_error_.empty()) out.set("last_error", Value(last_error_));
  if (!rebuilt_because_.empty()) out.set("rebuilt_because", Value(rebuilt_because_));
  return out;
}

}  // namespace strata::store::metadata
