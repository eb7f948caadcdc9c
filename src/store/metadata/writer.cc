#include "store/metadata/writer.h"

#include "core/assert.h"
#include "store/metadata/history.h"
#include "store/metadata/row.h"
#include "store/metadata/sqlite_files.h"

namespace strata::store::metadata {
namespace {

constexpr int kFormat = 2;                           // 1: pages without checksums
constexpr std::size_t kTouchedBytesMax = 512 << 20;  // keys of one statement

// SQLITE_DBCONFIG_ENABLE_FKEY works within a transaction, where the pragma of that name does nothing.
void set_foreign_keys(Connection& connection, bool on) {
  sqlite3_db_config(connection.get(), SQLITE_DBCONFIG_ENABLE_FKEY, on ? 1 : 0, nullptr);
}

// Constraints as users know them, for as long as this lives (W3). Switched only where the schema has any, because
// switching makes SQLite compile every cached statement again.
class Constraints {
 public:
  Constraints(Connection& connection, const Catalog& catalog)
      : connection_(connection), keys_(!catalog.foreign_keys().empty()), checks_(catalog.has_checks()) {
    if (keys_) set_foreign_keys(connection_, true);
    if (checks_) (void)connection_.run("PRAGMA ignore_check_constraints=OFF");
  }
  ~Constraints() {
    if (keys_) set_foreign_keys(connection_, false);
    if (checks_) (void)connection_.run("PRAGMA ignore_check_constraints=ON");
  }
  Constraints(const Constraints&) = delete;
  Constraints& operator=(const Constraints&) = delete;

 private:
  Connection& connection_;
  const bool keys_, checks_;
};

void append_value(std::string& out, sqlite3_value* value) {
  switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER: append_integer(out, sqlite3_value_int64(value)); return;
    case SQLITE_FLOAT: append_key_real(out, sqlite3_value_double(value)); return;
    case SQLITE_TEXT: {
      const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
      append_text(out, {text, static_cast<std::size_t>(sqlite3_value_bytes(value))});
      return;
    }
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const char*>(sqlite3_value_blob(value));
      append_blob(out, {bytes ? bytes : "", static_cast<std::size_t>(sqlite3_value_bytes(value))});
      return;
    }
    default: append_null(out);
  }
}

// "create … if not exists" of what is there and "drop … if exists" of what is not compile to nothing, and the guard is asked
// about nothing: what is left is how they begin.
bool is_definition(const Statement& statement) {
  std::string_view sql = sqlite3_sql(statement.get());
  const auto skip = [&](std::string_view from, std::string_view to) {
    if (!sql.starts_with(from)) return false;
    const auto end = sql.find(to, from.size());
    sql.remove_prefix(end == std::string_view::npos ? sql.size() : end + to.size());
    return true;
  };
  while (skip(" ", "") || skip("\t", "") || skip("\r", "") || skip("\n", "") || skip("--", "\n") || skip("/*", "*/")) {
  }
  const std::string word = lower(sql.substr(0, sql.find_first_of(" \t\r\n/-")));
  return word == "create" || word == "drop";
}

// Notes the key of every row that a statement touches, cascades included. The images are read afterwards, from the
// table: what SQLite would answer is the only truth about affinity, defaults and generated values.
class TouchedRows {
 public:
  TouchedRows(Connection& connection, const Catalog& catalog) : connection_(connection), catalog_(catalog) {
    sqlite3_preupdate_hook(connection.get(), &TouchedRows::changed, this);
  }
  ~TouchedRows() { stop(); }
  TouchedRows(const TouchedRows&) = delete;
  TouchedRows& operator=(const TouchedRows&) = delete;
  void stop() { sqlite3_preupdate_hook(connection_.get(), nullptr, nullptr); }

  ImageSet images;
  std::string wrong;

 private:
  static void changed(void* self, sqlite3*, int operation, const char*, const char* table, sqlite3_int64,
                      sqlite3_int64) {
    static_cast<TouchedRows*>(self)->note(operation, table);
  }
  void note(int operation, const char* name) {
    const Table* table = catalog_.find(name);
    if (table == nullptr) return;  // of our own, or of ALTER TABLE, which is journaled as text
    if (images.arena.bytes() > kTouchedBytesMax) {
      wrong = "one statement changes too many rows";
      sqlite3_interrupt(connection_.get());
      return;
    }
    if (operation != SQLITE_INSERT) note_key(*table, &sqlite3_preupdate_old);
    if (operation != SQLITE_DELETE) note_key(*table, &sqlite3_preupdate_new);
  }
  void note_key(const Table& table, int (*value_of)(sqlite3*, int, sqlite3_value**)) {
    key_.clear();
    for (const int column : table.key_columns) {
      sqlite3_value* value = nullptr;
      if (value_of(connection_.get(), column, &value) != SQLITE_OK || value == nullptr ||
          sqlite3_value_type(value) == SQLITE_NULL) {
        if (wrong.empty())
          wrong = "the key column " + table.columns[static_cast<std::size_t>(column)].name + " of " + table.name +
                  " is NULL";
        return;
      }
      append_value(key_, value);
    }
    images.remove(table.name, key_);
  }

  Connection& connection_;
  const Catalog& catalog_;
  std::string key_;
};

}  // namespace

Result<void> bind_parameters(Statement& statement, std::span<const Value> parameters) {
  const int wanted = sqlite3_bind_parameter_count(statement.get());
  const Map* names = parameters.size() == 1 ? parameters[0].map() : nullptr;
  bool named = false;
  for (int i = 1; i <= wanted; ++i) {
    const char* name = sqlite3_bind_parameter_name(statement.get(), i);
    named |= name != nullptr && *name != '?';
  }
  if (names != nullptr && named) {
    std::size_t used = 0;
    for (int i = 1; i <= wanted; ++i) {
      const char* name = sqlite3_bind_parameter_name(statement.get(), i);
      const Value* value = name != nullptr ? names->find(name + 1) : nullptr;
      if (value == nullptr) {
        return Error(ErrorCode::invalid_argument, "no value for the parameter " + std::string(name ? name : "?"));
      }
      ++used;
      STRATA_TRY(statement.bind_value(i, *value));
    }
    if (used < names->size()) {
      return Error(ErrorCode::invalid_argument, "the statement has " + std::to_string(used) + " named parameters, " +
                                                    std::to_string(names->size()) + " were given");
    }
    return {};
  }
  if (static_cast<std::size_t>(wanted) != parameters.size()) {
    return Error(ErrorCode::invalid_argument, "the statement has " + std::to_string(wanted) + " parameters, " +
                                                  std::to_string(parameters.size()) + " were given");
  }
  for (int i = 1; i <= wanted; ++i) STRATA_TRY(statement.bind_value(i, parameters[static_cast<std::size_t>(i - 1)]));
  return {};
}

// ------------------------------------------------------------------------------------------------ the file

Result<std::unique_ptr<Writer>> Writer::open(const std::string& path, std::int64_t cache_bytes, std::uint64_t database,
                                             bool check) {
  auto writer = std::unique_ptr<Writer>(new Writer());
  writer->connection_ = STRATA_TRY(Connection::open(path, Connection::Role::writer, cache_bytes));
  STRATA_TRY(writer->connection_.run("PRAGMA ignore_check_constraints=ON"));
  if (check) {
    STRATA_TRY(writer->check_all());
  }
  STRATA_TRY(writer->prepare_tables(database));
  writer->catalog_ = STRATA_TRY(Catalog::load(writer->connection_));
  return writer;
}

Result<void> Writer::check_all() {
  {
    Statement quick = STRATA_TRY(connection_.prepare("PRAGMA quick_check(1)"));
    if (!STRATA_TRY(quick.step()) || quick.text(0) != "ok") {
      const std::string damage = damage_met(connection_.get());
      return Error(ErrorCode::corruption, damage.empty() ? "state.sqlite: " + std::string(quick.text(0)) : damage);
    }
  }
  // And the pages that no table uses now, before rows are put into them. After a crash the log may have what a page of the file
  // has only half.
  if (!STRATA_TRY(is_log_empty(connection_.get()))) return {};
  const std::uint32_t pages = STRATA_TRY(count_pages(connection_.get()));
  for (std::uint32_t page = 1; page <= pages; ++page) STRATA_TRY(check_page(connection_.get(), page));
  return {};
}

void Writer::copy_log_beyond(std::size_t pages, std::function<Result<void>(Lsn)> before) {
  log_pages_max_ = pages;
  before_copy_ = std::move(before);
  sqlite3_wal_hook(
      connection_.get(),
      [](void* self, sqlite3*, const char*, int log_pages) {
        static_cast<Writer*>(self)->log_pages_ = static_cast<std::size_t>(log_pages);
        return SQLITE_OK;
      },
      this);
}

Result<bool> Writer::copy_log(int mode) {
  leave();
  if (before_copy_) STRATA_TRY(before_copy_(applied_));
  int pages = 0, copied = 0;
  const int code = sqlite3_wal_checkpoint_v2(connection_.get(), "main", mode, &pages, &copied);
  if (code != SQLITE_OK) return error_of(connection_.get(), code, "");
  log_pages_ = 0;
  return pages == copied;
}

void Writer::close() {
  leave();
  // SQLite copies what is left of the log when the last connection closes, and nobody is told before.
  const Result<bool> empty = is_log_empty(connection_.get());
  if (!(empty.has_value() && *empty) && !copy_log().has_value()) {
    sqlite3_db_config(connection_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  }
  connection_.close();
}

Result<void> Writer::prepare_tables(std::uint64_t database) {
  STRATA_TRY(connection_.run("BEGIN IMMEDIATE"));
  const auto prepared = [&]() -> Result<void> {
    STRATA_TRY(connection_.run(
        "CREATE TABLE IF NOT EXISTS strata_state(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE IF NOT EXISTS strata_history(last_lsn INTEGER NOT NULL, lsns BLOB NOT NULL, undo BLOB NOT NULL);"
        "CREATE INDEX IF NOT EXISTS strata_history_by_lsn ON strata_history(last_lsn);"
        "CREATE TABLE IF NOT EXISTS strata_settings(key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE IF NOT EXISTS strata_migrations(component TEXT NOT NULL, version INTEGER NOT NULL, sql TEXT NOT "
        "NULL,"
        " PRIMARY KEY(component, version)) WITHOUT ROWID"));
    const auto format = STRATA_TRY(read_state("format"));
    if (format && *format > kFormat) {
      return Error(ErrorCode::unsupported, "state.sqlite has format " + std::to_string(*format) +
                                               "; this program reads up to " + std::to_string(kFormat));
    }
    if (!format) {
      STRATA_TRY(write_state("format", kFormat));
      STRATA_TRY(write_state("applied_lsn", 0));
      STRATA_TRY(write_state("history_from", 0));
    }
    // Files of before it was noted have none, and are of the database that they are found in.
    const auto noted = STRATA_TRY(read_state("database"));
    if (noted && *noted != database) return Error(ErrorCode::corruption, "state.sqlite belongs to another database");
    if (!noted) STRATA_TRY(write_state("database", database));
    const auto applied = STRATA_TRY(read_state("applied_lsn"));
    const auto history_from = STRATA_TRY(read_state("history_from"));
    if (!applied || !history_from) return Error(ErrorCode::corruption, "state.sqlite: strata_state lacks applied_lsn");
    applied_ = *applied;
    history_from_ = *history_from;
    return connection_.run("COMMIT");
  }();
  if (!prepared.has_value() && connection_.in_transaction()) (void)connection_.run("ROLLBACK");
  return prepared.has_value() ? Result<void>() : Result<void>(Error(prepared.error().clone()));
}

Result<std::optional<Lsn>> Writer::read_state(std::string_view name) {
  Statement* read = STRATA_TRY(connection_.cached("SELECT value FROM strata_state WHERE name=?1"));
  StatementUse use(*read);
  read->bind_text(1, name);
  if (!STRATA_TRY(read->step())) return std::optional<Lsn>();
  return std::optional<Lsn>(static_cast<Lsn>(read->integer(0)));
}

Result<void> Writer::write_state(std::string_view name, Lsn value) {
  Statement* write = STRATA_TRY(connection_.cached("INSERT OR REPLACE INTO strata_state(name, value) VALUES(?1, ?2)"));
  write->bind_text(1, name);
  write->bind(2, static_cast<std::int64_t>(value));
  return write->run();
}

// ------------------------------------------------------------------------------------------------ for good

Result<void> Writer::apply(std::span<const std::shared_ptr<const QueuedCommit>> commits, bool history) {
  if (commits.empty()) return {};
  leave();
  STRATA_ASSERT(commits.front()->lsn >= applied_);
  STRATA_TRY(connection_.run("BEGIN IMMEDIATE"));
  std::shared_ptr<const Catalog> catalog = catalog_;
  Result<void> done = apply_in_transaction(commits, history, catalog);
  if (done.has_value()) done = connection_.run("COMMIT");
  if (!done.has_value()) {
    if (connection_.in_transaction()) (void)connection_.run("ROLLBACK");
    return std::move(done).error().with_context("applying to state.sqlite");
  }
  applied_ = commits.back()->lsn;
  catalog_ = std::move(catalog);
  if (before_copy_ && log_pages_ > log_pages_max_) (void)copy_log();  // what failed is tried again after the next batch
  return {};
}

Result<void> Writer::apply_in_transaction(std::span<const std::shared_ptr<const QueuedCommit>> commits, bool history,
                                          std::shared_ptr<const Catalog>& catalog) {
  HistoryWriter past(connection_);
  ImageSet batch;  // of all commits since the last DDL: a key that changed ten times is written once
  std::string rest;
  const auto write_batch = [&]() -> Result<void> {
    STRATA_TRY(write_images(connection_, *catalog, batch));
    batch = ImageSet();
    return {};
  };
  for (const auto& commit : commits) {
    for (const Step& step : commit->steps) {
      if (step.kind != Step::Kind::rows) {
        STRATA_TRY(write_batch());
        std::vector<Step> one;
        one.push_back({step.kind, step.sql, step.sequence, nullptr});
        STRATA_TRY(run_steps(connection_, catalog, one));
        if (history && step.kind == Step::Kind::ddl) past.ddl(commit->lsn, step.sql);
        continue;
      }
      for (const TableImages& from : step.images->tables) {
        const Table* table = catalog->find(from.table);
        if (table == nullptr)
          return Error(ErrorCode::corruption,
                       "a metadata record writes the table " + from.table + ", which is not there");
        TableImages& to = batch.at(from.table);
        for (const Image& row : from.rows) {
          Image& image = to.at(row.key);
          if (!image.old_known) {
            image.old_present = STRATA_TRY(read_row(connection_, *table, row.key, rest));
            if (image.old_present) image.old_rest = batch.arena.keep(rest);
            image.old_known = true;
            image.present = image.old_present;
            image.rest = image.old_rest;
          }
          if (history) past.row(commit->lsn, from.table, row, image.present, image.rest);
          image.present = row.present;
          image.rest = row.rest;
        }
      }
    }
    if (history) STRATA_TRY(past.end_commit(commit->lsn));
  }
  STRATA_TRY(write_batch());
  STRATA_TRY(past.flush());
  return write_state("applied_lsn", commits.back()->lsn);  // W1
}

Result<void> Writer::begin_history_at(Lsn lsn) {
  leave();
  STRATA_TRY(prune_history(connection_, lsn));
  STRATA_TRY(write_state("history_from", lsn));
  history_from_ = lsn;
  return {};
}

Result<void> Writer::make_durable(Lsn horizon) {
  leave();
  // A commit with synchronous=FULL syncs the WAL, and with it every earlier commit.
  STRATA_TRY(connection_.run("PRAGMA synchronous=FULL"));
  const auto cut = [&]() -> Result<void> {
    STRATA_TRY(connection_.run("BEGIN IMMEDIATE"));
    STRATA_TRY(prune_history(connection_, horizon));
    STRATA_TRY(write_state("history_from", std::max(horizon, history_from_)));
    STRATA_TRY(write_state("applied_lsn", applied_));
    STRATA_TRY(connection_.run("COMMIT"));
    Statement vacuum = STRATA_TRY(connection_.prepare("PRAGMA incremental_vacuum(2000)"));
    STRATA_TRY(vacuum.run());
    // Readers that still stand at an old state keep the WAL long; durable it is all the same.
    sqlite3_busy_timeout(connection_.get(), 50);
    (void)copy_log(SQLITE_CHECKPOINT_TRUNCATE);
    sqlite3_busy_timeout(connection_.get(), 5'000);
    return {};
  };
  Result<void> done = cut();
  if (connection_.in_transaction()) (void)connection_.run("ROLLBACK");
  STRATA_TRY(connection_.run("PRAGMA synchronous=NORMAL"));
  if (done.has_value()) history_from_ = std::max(horizon, history_from_);
  return done;
}

// ------------------------------------------------------------------------------------------------ trying out

void Writer::leave() {
  if (connection_.in_transaction()) (void)connection_.run("ROLLBACK");
  if (!spills_) spills_ = connection_.run("PRAGMA cache_spill=ON").has_value();
  place_.reset();
  place_catalog_.reset();
}

Result<void> Writer::stand_at(const Place& place, const std::vector<Step>& steps) {
  if (stands_at(place)) return {};
  leave();
  STRATA_ASSERT(applied_ >= place.state);
  return go_to(place, [&]() -> Result<void> {
    if (applied_ > place.state) {
      ImageSet undo = STRATA_TRY(undo_images(connection_, place.state));
      STRATA_TRY(write_images(connection_, *place_catalog_, undo));
    }
    return run_steps(connection_, place_catalog_, steps);
  });
}

Result<void> Writer::stand_ahead(const Place& place, std::span<const std::shared_ptr<const QueuedCommit>> missing,
                                 const std::vector<Step>& steps) {
  if (stands_at(place)) return {};
  leave();
  STRATA_TRY(connection_.run("PRAGMA cache_spill=OFF"));
  spills_ = false;
  return go_to(place, [&]() -> Result<void> {
    STRATA_TRY(apply_in_transaction(missing, false, place_catalog_));
    return run_steps(connection_, place_catalog_, steps);
  });
}

Result<void> Writer::go_to(const Place& place, const std::function<Result<void>()>& way) {
  STRATA_TRY(connection_.run("BEGIN IMMEDIATE"));
  place_catalog_ = catalog_;
  Result<void> arrived = way();
  if (!arrived.has_value()) {
    leave();
    return arrived;
  }
  place_ = place;
  return {};
}

Result<Executed> Writer::execute(std::string_view sql, std::span<const Value> parameters, const Limits& limits,
                                 const core::Clock& clock, bool several_allowed) {
  STRATA_ASSERT(place_.has_value());
  STRATA_TRY(connection_.run("SAVEPOINT statement"));
  Result<Executed> executed = execute_in_savepoint(sql, parameters, limits, clock, several_allowed);
  if (!executed.has_value()) {
    // Some errors (a full disk) make SQLite roll back by itself; then the place is gone.
    if (!connection_.in_transaction() || !connection_.run("ROLLBACK TO statement").has_value()) leave();
  }
  if (place_) STRATA_TRY(connection_.run("RELEASE statement"));
  return executed;
}

Result<Executed> Writer::execute_in_savepoint(std::string_view sql, std::span<const Value> parameters,
                                              const Limits& limits, const core::Clock& clock, bool several_allowed) {
  Executed out;
  TouchedRows touched(connection_,
                      *place_catalog_);  // before compiling: it turns off the bulk delete that tells nobody
  {
    const Constraints constraints(connection_, *place_catalog_);
    Guard guard(connection_, limits, clock, true);
    Statement statement =
        several_allowed ? STRATA_TRY(guard.compile(sql, out.tail)) : STRATA_TRY(guard.compile_one(sql));
    if (!statement) {
      out.empty = true;
      return out;
    }
    out.analysis = guard.analysis();
    if (out.analysis.kind == StatementKind::reads && is_definition(statement)) {
      out.analysis.kind = StatementKind::writes_rows;  // of none
      return out;
    }
    if (out.analysis.kind == StatementKind::reads || sqlite3_stmt_readonly(statement.get()) != 0) {
      return Error(ErrorCode::invalid_argument, sqlite3_stmt_readonly(statement.get()) != 0
                                                    ? "the statement only reads; use query"
                                                    : "this statement is not supported");
    }
    if (out.analysis.kind != StatementKind::writes_rows) {
      // DDL runs as replay will run it.
      if (!place_catalog_->foreign_keys().empty()) set_foreign_keys(connection_, false);
      STRATA_TRY(check_definition(out.analysis));
    }
    STRATA_TRY(bind_parameters(statement, parameters));
    const std::int64_t before = sqlite3_total_changes64(connection_.get());
    sqlite3_set_last_insert_rowid(connection_.get(), 0);  // SQLite keeps that of the insert before, also one of our own
    int code;
    do code = sqlite3_step(statement.get());
    while (code == SQLITE_ROW);
    if (!touched.wrong.empty()) return Error(ErrorCode::invalid_argument, touched.wrong);
    if (code != SQLITE_DONE) return guard.explain(code, "");
    if (sqlite3_total_changes64(connection_.get()) != before) {
      out.rows_changed = static_cast<std::uint64_t>(sqlite3_changes64(connection_.get()));
    }
    if (out.analysis.kind == StatementKind::writes_rows)
      out.last_insert_rowid = sqlite3_last_insert_rowid(connection_.get());
  }
  touched.stop();
  if (out.analysis.kind == StatementKind::writes_rows) {
    out.images = std::move(touched.images);
    std::string rest;
    for (TableImages& each : out.images.tables) {
      const Table* table = place_catalog_->find(each.table);
      for (Image& image : each.rows) {
        image.present = STRATA_TRY(read_row(connection_, *table, image.key, rest));
        image.marked = image.present && mark_commit_lsn(rest);
        image.rest = image.present ? out.images.arena.keep(rest) : std::string_view();
      }
    }
    return out;
  }
  auto catalog = STRATA_TRY(Catalog::load(connection_));
  for (const auto& [name, table] : catalog->tables()) {
    if (!table.why_refused.empty()) {
      return Error(ErrorCode::unsupported, "the table " + table.name + " cannot be kept: " + table.why_refused);
    }
  }
  if (out.analysis.creates_table && !touched.images.empty()) {
    return Error(ErrorCode::unsupported, "create table … as select is not supported: create the table, then insert");
  }
  place_catalog_ = std::move(catalog);
  out.rows_changed = 0;
  return out;
}

Result<void> Writer::check_definition(const Analysis& analysis) {
  if (analysis.kind != StatementKind::drop) return {};
  for (const ForeignKey& key : place_catalog_->foreign_keys()) {
    if (lower(key.parent) == lower(analysis.table) && lower(key.child) != lower(analysis.table)) {
      return Error(ErrorCode::invalid_argument,
                   "the table " + analysis.table + " is referenced by " + key.child + "; drop that first");
    }
  }
  return {};
}

Result<void> Writer::try_out(const std::vector<std::vector<Step>>& earlier, const std::vector<Step>& steps) {
  STRATA_TRY(stand_at({applied_, 0, 0}, {}));
  place_.reset();  // from here it is no place to come back to
  const auto attempt = [&]() -> Result<void> {
    for (const auto& each : earlier) STRATA_TRY(run_steps(connection_, place_catalog_, each));
    ImageSet touched;
    for (const Step& step : steps) {
      std::vector<Step> one;
      if (step.kind != Step::Kind::rows) {
        one.push_back({step.kind, step.sql, step.sequence, nullptr});
        STRATA_TRY(run_steps(connection_, place_catalog_, one));
        continue;
      }
      ImageSet images;
      for (const TableImages& from : step.images->tables) {
        TableImages& to = images.at(from.table);
        for (const Image& row : from.rows) {
          Image& image = to.at(row.key);
          image.present = row.present;
          image.rest = row.rest;
        }
      }
      STRATA_TRY(write_images(connection_, *place_catalog_, images));
      for (TableImages& from : images.tables) {  // old: before the first step; new: after the last
        TableImages& to = touched.at(from.table);
        for (const Image& row : from.rows) {
          Image& image = to.at(touched.arena.keep(row.key));
          if (!image.old_known) {
            image.old_known = true;
            image.old_present = row.old_present;
            image.old_rest = touched.arena.keep(row.old_rest);
          }
          image.present = row.present;
          image.rest = touched.arena.keep(row.rest);
        }
      }
    }
    return check_foreign_keys(connection_, *place_catalog_, touched);
  };
  Result<void> tried = attempt();
  leave();
  return tried;
}

}  // namespace strata::store::metadata
