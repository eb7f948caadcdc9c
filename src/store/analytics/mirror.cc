#include "store/analytics/mirror.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "core/assert.h"
#include "core/failpoint.h"
#include "store/analytics/duckdb_session.h"
#include "store/analytics/sql_guard.h"

namespace strata::store::analytics {
namespace {

constexpr std::string_view kFile = "analytics/state.duckdb";
constexpr int kLayoutVersion = 2;
constexpr std::size_t kIdleConnectionsMax = 16;
constexpr std::size_t kDamagedFilesKept = 3;
constexpr std::size_t kErasedPerStatement = 1'000;

std::string physical_name(std::uint64_t id) { return std::string("t").append(std::to_string(id)); }

std::string column_list(std::span<const ColumnDefinition> columns) {
  std::string list;
  for (const ColumnDefinition& column : columns) list += (list.empty() ? "" : ", ") + quote(column.name);
  return list;
}

MirrorOptions with_defaults(MirrorOptions options) {
  if (options.memory_bytes_max == 0) {
    const auto pages = static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_PHYS_PAGES)));
    options.memory_bytes_max = pages * static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_PAGESIZE))) / 5;
  }
  options.memory_bytes_max = std::max<std::uint64_t>(options.memory_bytes_max, 64 << 20);
  if (options.threads == 0) options.threads = std::max(1u, std::thread::hardware_concurrency());
  return options;
}

bool no_space(const Error& error) { return classify(error.message()) == DuckFailure::space; }

/// A connection of the pool, and what it is positioned at.
struct PooledConnection {
  struct ViewOf {
    std::uint64_t id = 0;
    std::size_t columns = 0;
    int mode = -1;
    bool operator==(const ViewOf&) const = default;
  };
  std::unique_ptr<DuckConnection> connection;
  std::map<std::string, ViewOf, std::less<>> views;
  Lsn variable = 0;
  bool variable_set = false;
};

}  // namespace

struct Mirror::Instance {
  std::unique_ptr<DuckDatabase> database;
  std::vector<std::unique_ptr<PooledConnection>> idle;  // destroyed before the database: the order of the fields
  std::size_t leased = 0;
  bool closing = false;
};

struct Mirror::Lease {
  Lease(Mirror* owner, std::shared_ptr<Instance> from, std::unique_ptr<PooledConnection> taken)
      : mirror(owner), instance(std::move(from)), pooled(std::move(taken)) {}
  Lease(Lease&& other) noexcept = default;
  Lease& operator=(Lease&&) = delete;
  ~Lease() { give_back(); }
  void give_back() {
    if (!instance) return;
    const core::MutexLock lock(mirror->pool_mutex_);
    if (!instance->closing && instance->idle.size() < kIdleConnectionsMax) instance->idle.push_back(std::move(pooled));
    pooled.reset();
    --instance->leased;
    mirror->returned_.notify_all();
    instance.reset();
  }
  Mirror* mirror;
  std::shared_ptr<Instance> instance;
  std::unique_ptr<PooledConnection> pooled;
};

Mirror::Mirror(io::FileSystem& files, const core::Clock& clock, RecordSource& source, const MirrorOptions& options)
    : files_(files), source_(source), options_(with_defaults(options)), watchdog_(clock) {}

Mirror::~Mirror() { close(); }

// ---- asking -----------------------------------------------------------------------------------------------------

Result<Rows> Mirror::query(Lsn view, const OwnWrites* own, std::string_view sql, std::span<const Value> parameters) {
  return ask<Rows>(view, own, sql, parameters,
                   [&](DuckStatement& statement) { return statement.rows(options_.result_rows_max); });
}

Result<ArrowStream> Mirror::query_arrow(Lsn view, const OwnWrites* own, std::string_view sql,
                                        std::span<const Value> parameters) {
  return ask<ArrowStream>(view, own, sql, parameters,
                          [&](DuckStatement& statement) { return statement.arrow(options_.result_rows_max); });
}

template <typename T>
Result<T> Mirror::ask(Lsn view, const OwnWrites* own, std::string_view sql, std::span<const Value> parameters,
                      const Run<T>& run) {
  STRATA_TRY(check_reading_statement(sql));
  if (own != nullptr) return ask_ahead<T>(view, own, std::string(sql), true, parameters, run);
  return ask_committed<T>(view, std::string(sql), true, parameters, run);
}

template <typename T>
Result<T> Mirror::ask_committed(Lsn view, const std::string& sql, bool users, std::span<const Value> parameters,
                                const Run<T>& run) {
  for (int attempt = 0;; ++attempt) {
    if (!is_open() || applied_.load(std::memory_order_acquire) < std::min(view, source_.last_lsn())) {
      Result<void> flushed = flush(view);
      if (!flushed && no_space(flushed.error())) return ask_ahead<T>(view, nullptr, sql, users, parameters, run);
      if (!flushed) return std::move(flushed).error();
    }
    auto leased = lease();
    if (!leased) {
      if (attempt < 2) continue;  // lost to one who replaces the file just now
      return std::move(leased).error();
    }
    const std::shared_ptr<Instance> used = leased->instance;
    Result<T> result = ask_leased<T>(*leased, view, sql, users, parameters, run);
    if (result) return result;
    // A query that found no space to spill is over, and that is all, unless the instance gave up with it.
    const bool gave_up = no_space(result.error()) && result.error().message().starts_with("FATAL");
    const bool damaged = attempt == 0 && classify(result.error().message()) == DuckFailure::damage;
    if (!gave_up && !damaged) return result;
    // The file or the instance is not to be trusted: one new copy, one more try; or none before there is space.
    leased->give_back();
    const core::MutexLock lock(writer_mutex_);
    bool same = false;
    {
      const core::MutexLock pool_lock(pool_mutex_);
      same = instance_ == used;
    }
    if (gave_up) {
      if (same) close_locked();
      return result;
    }
    if (same) STRATA_TRY(start_over());
  }
}

template <typename T>
Result<T> Mirror::ask_leased(Lease& lease, Lsn view, const std::string& sql, bool users,
                             std::span<const Value> parameters, const Run<T>& run) {
  DuckConnection& connection = *lease.pooled->connection;
  const Watchdog::Guard guard(watchdog_, options_.query_timeout_ms, [&connection] { connection.interrupt(); });
  const auto explain = [&](Result<T> result) -> Result<T> {
    if (result || classify(result.error().message()) != DuckFailure::interrupted) return result;
    if (guard.interrupted()) {
      return Error(ErrorCode::timeout, "the query took longer than " + std::to_string(options_.query_timeout_ms) +
                                           " ms and was interrupted");
    }
    return Error(ErrorCode::cancelled, "the query was interrupted");
  };
  const auto work = [&]() -> Result<T> {
    if (!users) {
      DuckStatement statement = STRATA_TRY(connection.prepare(sql));
      STRATA_TRY(statement.bind_all(parameters));
      return run(statement);
    }
    DuckStatement statement = STRATA_TRY(prepare_positioned(lease, view, sql));
    STRATA_TRY(statement.bind_all(parameters));
    return run(statement);
  };
  Result<T> result = explain(work());
  if (users) (void)connection.execute("ROLLBACK");  // fails where nothing was begun
  return result;
}

/// The snapshot is taken by binding the statement to its tables, and the views fit the state at that moment: no flush can
/// end in between.
Result<DuckStatement> Mirror::prepare_positioned(Lease& lease, Lsn view, const std::string& sql) {
  const core::ReaderLock lock(snapshot_mutex_);
  STRATA_TRY(position(lease, view));
  STRATA_TRY(lease.pooled->connection->execute("BEGIN TRANSACTION READ ONLY"));
  return lease.pooled->connection->prepare_reading(sql);
}

/// Rows that the file does not have are put into DuckDB within a transaction of the writer's connection that is always
/// rolled back: those that a transaction has written and asks for, and those that the disk has no space for. Commits wait
/// for it, so this is for the few queries of a writing transaction, and for a full disk.
template <typename T>
Result<T> Mirror::ask_ahead(Lsn view, const OwnWrites* own, const std::string& sql, bool users,
                            std::span<const Value> parameters, const Run<T>& run) {
  const core::MutexLock lock(writer_mutex_);
  STRATA_TRY(open_ahead(view, own != nullptr));
  DuckConnection& connection = *writer_;
  const Watchdog::Guard guard(watchdog_, options_.query_timeout_ms, [&connection] { connection.interrupt(); });
  STRATA_TRY(connection.execute("BEGIN"));
  PhysicalTables tables = written_;
  const CatalogPointer catalog = own != nullptr ? own->catalog : source_.catalog();
  const auto work = [&]() -> Result<T> {
    STRATA_TRY(put_missing(connection, view, *catalog, tables));
    if (own != nullptr) {
      Record record{kOwnLsn, 0, 0, std::make_shared<const Bytes>(own->section)};
      STRATA_TRY(put_records(connection, {record}, *catalog, tables));
    }
    if (users) STRATA_TRY(show_tables(connection, view, *catalog, own != nullptr));
    DuckStatement statement = STRATA_TRY(users ? connection.prepare_reading(sql) : connection.prepare(sql));
    STRATA_TRY(statement.bind_all(parameters));
    return run(statement);
  };
  Result<T> result = work();
  Result<void> undone = connection.execute("ROLLBACK");
  if (!undone && no_space(undone.error())) {
    close_locked();
    return std::move(undone).error();
  }
  if (in_memory_) {
    close_locked();  // the next one looks for space again
  } else if (!undone) {
    STRATA_TRY(start_over());
  }
  if (!result && guard.interrupted()) {
    return Error(ErrorCode::timeout,
                 "the query took longer than " + std::to_string(options_.query_timeout_ms) + " ms and was interrupted");
  }
  return result;
}

/// Afterwards there is a connection of the writer's: to a file that has what there is space for, or, where no file finds
/// space, to memory.
Result<void> Mirror::open_ahead(Lsn view, bool flush) {
  Result<void> opened;
  if (flush) opened = flush_locked(view);
  if (!opened && !no_space(opened.error())) return opened;
  if (!writer_) opened = open_locked();
  if (writer_) return {};
  if (!no_space(opened.error())) return opened;
  STRATA_TRY(open_file(""));
  in_memory_ = true;
  return {};
}

/// The records up to `view` that the file does not have.
Result<void> Mirror::put_missing(DuckConnection& connection, Lsn view, const Catalog& catalog, PhysicalTables& tables) {
  for (Lsn after = applied_.load(std::memory_order_relaxed); after < view;) {
    const std::vector<Record> records = STRATA_TRY(source_.records_after(after));
    if (records.empty() || records.front().lsn > view) return {};
    STRATA_TRY(put_records(connection, records, catalog, tables));
    after = records.back().lsn;
  }
  return {};
}

/// The tables as `view` and, where it asks, the transaction that has written see them.
Result<void> Mirror::show_tables(DuckConnection& connection, Lsn view, const Catalog& catalog, bool own) {
  const std::string at = std::to_string(view), mine = std::to_string(kOwnLsn);
  for (const Table& table : catalog.tables()) {
    if (own ? table.dropped != 0 : !table.alive(view)) continue;
    const std::size_t columns = own ? table.columns.size() : table.columns_at(view);
    const std::string seen = own ? "(_lsn <= " + at + " OR _lsn = " + mine +
                                       ") AND (_erased_lsn IS NULL OR (_erased_lsn > " + at + " AND _erased_lsn <> " +
                                       mine + "))"
                                 : visible(Mode::exact, view);
    STRATA_TRY(connection.execute("CREATE OR REPLACE TEMP VIEW " + quote(table.name) + " AS SELECT " +
                                  column_list(std::span(table.columns).first(columns)) + " FROM strata." +
                                  physical_name(table.id) + " WHERE " + seen));
  }
  return {};
}

Result<std::vector<RowId>> Mirror::find_rows(Lsn view, const Table& table, const ColumnDefinition& column,
                                             const Value& value) {
  const std::string sql = "SELECT _lsn, _ordinal FROM strata." + physical_name(table.id) + " WHERE " +
                          visible(Mode::exact, view) + " AND " + quote(column.name) +
                          (value.is_null() ? " IS NULL" : " = ?::" + std::string(sql_type(column.type)));
  // A bound integer becomes a time by its own function; a plain cast from BIGINT to TIMESTAMP does not exist.
  const bool time = column.type == ColumnType::timestamp && !value.is_null();
  const std::string exact = time ? sql.substr(0, sql.rfind(" = ?")) + " = make_timestamp(?::BIGINT)" : sql;
  const std::span<const Value> parameters(&value, value.is_null() ? 0 : 1);
  return ask_committed<std::vector<RowId>>(
      view, exact, false, parameters, [&](DuckStatement& statement) -> Result<std::vector<RowId>> {
        std::vector<RowId> ids;
        STRATA_TRY(statement.for_each_chunk([&](duckdb_result&, duckdb_data_chunk chunk) -> Result<void> {
          if (chunk == nullptr) return {};
          const auto* lsns = static_cast<std::int64_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0)));
          const auto* ordinals =
              static_cast<std::int32_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 1)));
          for (idx_t i = 0; i < duckdb_data_chunk_get_size(chunk); ++i) {
            ids.push_back({static_cast<Lsn>(lsns[i]), static_cast<std::uint32_t>(ordinals[i])});
          }
          return {};
        }));
        std::sort(ids.begin(), ids.end());
        return ids;
      });
}

Result<std::uint64_t> Mirror::count_rows(Lsn view, const Table& table) {
  const std::string sql =
      "SELECT count(*) FROM strata." + physical_name(table.id) + " WHERE " + visible(Mode::exact, view);
  Rows rows =
      STRATA_TRY(ask_committed<Rows>(view, sql, false, {}, [](DuckStatement& statement) { return statement.rows(1); }));
  return static_cast<std::uint64_t>(*rows.rows.at(0).at(0).integer());
}

Result<void> Mirror::for_each_row(Lsn view, const Table& table, const RowVisitor& visit) {
  const std::size_t columns = table.columns_at(view);
  const std::string sql = "SELECT _lsn, _ordinal, " + column_list(std::span(table.columns).first(columns)) +
                          " FROM strata." + physical_name(table.id) + " WHERE " + visible(Mode::exact, view);
  auto done = ask_committed<bool>(view, sql, false, {}, [&](DuckStatement& statement) -> Result<bool> {
    Row row(columns);
    STRATA_TRY(statement.for_each_chunk([&](duckdb_result&, duckdb_data_chunk chunk) -> Result<void> {
      if (chunk == nullptr) return {};
      const idx_t size = duckdb_data_chunk_get_size(chunk);
      std::vector<duckdb_vector> vectors;
      std::vector<duckdb_logical_type> types;
      for (std::size_t c = 0; c < columns + 2; ++c) {
        vectors.push_back(duckdb_data_chunk_get_vector(chunk, c));
        types.push_back(duckdb_vector_get_column_type(vectors.back()));
      }
      for (idx_t i = 0; i < size; ++i) {
        const RowId id{static_cast<Lsn>(*to_value(vectors[0], types[0], i).integer()),
                       static_cast<std::uint32_t>(*to_value(vectors[1], types[1], i).integer())};
        for (std::size_t c = 0; c < columns; ++c) row[c] = to_value(vectors[c + 2], types[c + 2], i);
        visit(id, row);
      }
      for (duckdb_logical_type& type : types) duckdb_destroy_logical_type(&type);
      return {};
    }));
    return true;
  });
  if (!done) return std::move(done).error();
  return {};
}

Result<Mirror::Lease> Mirror::lease() {
  const core::MutexLock lock(pool_mutex_);
  if (!instance_ || instance_->closing) {
    return Error(ErrorCode::unavailable, "analytics/state.duckdb is being opened anew; ask again");
  }
  std::unique_ptr<PooledConnection> pooled;
  if (!instance_->idle.empty()) {
    pooled = std::move(instance_->idle.back());
    instance_->idle.pop_back();
  } else {
    pooled = std::make_unique<PooledConnection>();
    pooled->connection = STRATA_TRY(instance_->database->connect());
  }
  ++instance_->leased;
  return Lease(this, instance_, std::move(pooled));
}

std::string Mirror::visible(Mode mode, Lsn view) {
  // view kOwnLsn stands for the connection's variable.
  const std::string at = view == kOwnLsn ? "getvariable('strata_view')" : std::to_string(view);
  switch (mode) {
    case Mode::all: return "true";
    case Mode::alive: return "_erased_lsn IS NULL";
    case Mode::exact: break;
  }
  return "_lsn <= " + at + " AND (_erased_lsn IS NULL OR _erased_lsn > " + at + ")";
}

Mirror::Mode Mirror::mode_of(const Physical& table, Lsn view) const {
  if (table.last_append > view) return Mode::exact;
  if (table.erased == 0) return Mode::all;
  return table.last_erase <= view ? Mode::alive : Mode::exact;
}

Result<void> Mirror::position(Lease& lease, Lsn view) {
  PooledConnection& pooled = *lease.pooled;
  DuckConnection& connection = *pooled.connection;
  const CatalogPointer catalog = source_.catalog();
  std::size_t alive = 0;
  bool exact = false;
  for (const Table& table : catalog->tables()) {
    if (!table.alive(view)) continue;
    const auto physical = physical_.find(table.id);
    if (physical == physical_.end()) continue;
    ++alive;
    const Mode mode = mode_of(physical->second, view);
    exact = exact || mode == Mode::exact;
    const PooledConnection::ViewOf wanted{table.id, table.columns_at(view), static_cast<int>(mode)};
    auto& present = pooled.views[table.name];
    if (present == wanted) continue;
    const std::string filter = mode == Mode::all ? std::string() : " WHERE " + visible(mode, kOwnLsn);
    STRATA_TRY(connection.execute("CREATE OR REPLACE TEMP VIEW " + quote(table.name) + " AS SELECT " +
                                  column_list(std::span(table.columns).first(wanted.columns)) + " FROM strata." +
                                  physical_name(table.id) + filter));
    present = wanted;
  }
  if (alive < pooled.views.size()) {
    for (auto at = pooled.views.begin(); at != pooled.views.end();) {
      const Table* table = catalog->find(at->first, view);
      if (table != nullptr && physical_.contains(table->id)) {
        ++at;
        continue;
      }
      STRATA_TRY(connection.execute("DROP VIEW IF EXISTS temp." + quote(at->first)));
      at = pooled.views.erase(at);
    }
  }
  if (exact && (!pooled.variable_set || pooled.variable != view)) {
    STRATA_TRY(connection.execute("SET VARIABLE strata_view = " + std::to_string(view) + "::BIGINT"));
    pooled.variable = view;
    pooled.variable_set = true;
  }
  return {};
}

// ---- following --------------------------------------------------------------------------------------------------

Result<void> Mirror::flush(Lsn lsn) {
  const core::MutexLock lock(writer_mutex_);
  return flush_locked(lsn);
}

Result<void> Mirror::flush_locked(Lsn lsn) {
  if (!writer_) STRATA_TRY(open_locked());
  for (bool started_over = false;;) {
    if (applied_.load(std::memory_order_relaxed) >= lsn) return {};
    const std::vector<Record> records = STRATA_TRY(source_.records_after(applied_.load(std::memory_order_relaxed)));
    if (records.empty() || records.front().lsn > lsn) return {};
    STRATA_TRY(source_.make_durable(records.back().lsn));
    Result<void> written = write_batch(records);
    if (written) continue;
    failures_.fetch_add(1, std::memory_order_relaxed);
    (void)writer_->execute("ROLLBACK");  // best effort: what is wrong is already in `written`
    if (no_space(written.error()) || classify(written.error().message()) == DuckFailure::memory) {
      close_locked();  // opened again when there is room
      return Error(ErrorCode::resource_exhausted, written.error().message());
    }
    if (started_over) return std::move(written).error();
    STRATA_TRY(start_over());
    started_over = true;
  }
}

Result<void> Mirror::write_batch(const std::vector<Record>& records) {
  STRATA_FAILPOINT("analytics.mirror.flush");
  STRATA_TRY(writer_->execute("BEGIN"));
  PhysicalTables tables = written_;
  const CatalogPointer catalog = source_.catalog();
  const std::uint64_t rows = STRATA_TRY(put_records(*writer_, records, *catalog, tables));
  const Record& last = records.back();
  STRATA_TRY(writer_->execute("UPDATE strata.applied SET lsn = " + std::to_string(last.lsn) +
                              ", chain = " + std::to_string(static_cast<std::int64_t>(last.chain))));
  const core::WriterLock snapshot(snapshot_mutex_);
  STRATA_TRY(writer_->execute("COMMIT"));
  STRATA_FAILPOINT("analytics.mirror.flushed");
  written_ = tables;
  physical_ = std::move(tables);
  applied_.store(last.lsn, std::memory_order_release);
  flushes_.fetch_add(1, std::memory_order_relaxed);
  rows_flushed_.fetch_add(rows, std::memory_order_relaxed);
  return {};
}

Result<void> Mirror::make_tables(DuckConnection& connection, const Catalog& catalog, PhysicalTables& tables) {
  for (const Table& table : catalog.tables()) {
    const auto found = tables.find(table.id);
    if (found != tables.end() && found->second.columns >= table.columns.size()) continue;
    const std::string name = "strata." + physical_name(table.id);
    if (found == tables.end()) {
      std::string sql = "CREATE TABLE " + name + "(_lsn BIGINT, _ordinal INTEGER, _erased_lsn BIGINT";
      for (const ColumnDefinition& column : table.columns) {
        sql += ", " + quote(column.name) + " " + std::string(sql_type(column.type));
      }
      STRATA_TRY(connection.execute(sql + ")"));
    } else {
      for (std::size_t c = found->second.columns; c < table.columns.size(); ++c) {
        STRATA_TRY(connection.execute("ALTER TABLE " + name + " ADD COLUMN " + quote(table.columns[c].name) + " " +
                                      std::string(sql_type(table.columns[c].type))));
      }
    }
    tables[table.id].columns = table.columns.size();
  }
  return {};
}

Result<std::uint64_t> Mirror::put_records(DuckConnection& connection, const std::vector<Record>& records,
                                          const Catalog& catalog, PhysicalTables& tables) {
  STRATA_TRY(make_tables(connection, catalog, tables));
  struct Erased {
    RowId row;
    Lsn by;
  };
  std::map<std::uint64_t, DuckAppender> appenders;
  std::map<std::uint64_t, std::vector<Erased>> erased;
  RowBlock block;
  std::uint64_t rows = 0;
  for (const Record& record : records) {
    STRATA_TRY(for_each_operation(*record.section, [&](const Operation& operation) -> Result<void> {
      if (operation.kind != Operation::Kind::append && operation.kind != Operation::Kind::erase) return {};
      const Table* table = catalog.find(operation.table, record.lsn);
      if (table == nullptr) return {};  // dropped before the history that is kept
      Physical& physical = tables[table->id];
      if (operation.kind == Operation::Kind::erase) {
        for (const RowId& row : STRATA_TRY(decode_erase(operation))) erased[table->id].push_back({row, record.lsn});
        physical.last_erase = record.lsn;
        return {};
      }
      STRATA_TRY(decode_append(operation, table->columns, block));
      auto appender = appenders.find(table->id);
      if (appender == appenders.end()) {
        appender = appenders
                       .emplace(table->id, STRATA_TRY(DuckAppender::open(connection, physical_name(table->id),
                                                                         table->columns, physical.columns)))
                       .first;
      }
      physical.last_append = record.lsn;
      rows += block.rows;
      return appender->second.append(record.lsn, block);
    }));
  }
  for (auto& [id, appender] : appenders) STRATA_TRY(appender.close());
  for (const auto& [id, list] : erased) {
    for (std::size_t begin = 0; begin < list.size(); begin += kErasedPerStatement) {
      std::string values;
      Lsn least = UINT64_MAX, most = 0;
      for (std::size_t i = begin; i < std::min(list.size(), begin + kErasedPerStatement); ++i) {
        values += (values.empty() ? "(" : ", (") + std::to_string(list[i].row.lsn) + ", " +
                  std::to_string(list[i].row.ordinal) + ", " + std::to_string(list[i].by) + ")";
        least = std::min(least, list[i].row.lsn);
        most = std::max(most, list[i].row.lsn);
      }
      STRATA_TRY(connection.execute("UPDATE strata." + physical_name(id) + " SET _erased_lsn = e.by_lsn FROM (VALUES " +
                                    values +
                                    ") AS e(lsn, ordinal, by_lsn) WHERE _lsn = e.lsn AND _ordinal = e.ordinal "
                                    "AND _lsn BETWEEN " +
                                    std::to_string(least) + " AND " + std::to_string(most)));
    }
    tables[id].erased += list.size();
  }
  return rows;
}

Result<void> Mirror::maintain(Lsn lsn, Lsn horizon) {
  const core::MutexLock lock(writer_mutex_);
  if (!writer_) return {};
  Result<void> done = maintain_locked(lsn, horizon);
  if (done) return done;
  failures_.fetch_add(1, std::memory_order_relaxed);
  if (writer_) (void)writer_->execute("ROLLBACK");
  if (classify(done.error().message()) == DuckFailure::damage) return start_over();
  if (no_space(done.error())) close_locked();  // opened again when somebody asks
  return done;
}

Result<void> Mirror::maintain_locked(Lsn lsn, Lsn horizon) {
  STRATA_TRY(flush_locked(lsn));
  const CatalogPointer catalog = source_.catalog();
  STRATA_TRY(writer_->execute("BEGIN"));
  PhysicalTables tables = written_;
  for (auto at = tables.begin(); at != tables.end();) {
    const std::string name = "strata." + physical_name(at->first);
    if (catalog->find_id(at->first) == nullptr) {
      STRATA_TRY(writer_->execute("DROP TABLE " + name));
      at = tables.erase(at);
      continue;
    }
    if (at->second.erased > 0) {
      STRATA_TRY(writer_->execute("DELETE FROM " + name + " WHERE _erased_lsn <= " + std::to_string(horizon)));
      DuckStatement count = STRATA_TRY(writer_->prepare("SELECT count(_erased_lsn) FROM " + name));
      const Rows rows = STRATA_TRY(count.rows(1));
      at->second.erased = static_cast<std::uint64_t>(*rows.rows.at(0).at(0).integer());
    }
    ++at;
  }
  {
    const core::WriterLock snapshot(snapshot_mutex_);
    STRATA_TRY(writer_->execute("COMMIT"));
    written_ = tables;
    physical_ = std::move(tables);
  }
  // DuckDB 1.4 lost rows when the disk filled during its checkpoint. The file is a copy, but a rebuild costs minutes.
  const std::uint64_t bytes = bytes_on_disk();
  if (bytes > 0 && STRATA_TRY(files_.free_bytes()) < 2 * bytes) return {};
  Result<void> checkpointed = writer_->execute("CHECKPOINT");
  if (!checkpointed && classify(checkpointed.error().message()) == DuckFailure::damage) return checkpointed;
  if (!checkpointed && no_space(checkpointed.error())) return checkpointed;
  return {};  // otherwise a reader is in the way: the next time will do
}

// ---- opening and losing -----------------------------------------------------------------------------------------

Result<void> Mirror::open_locked() {
  if (closed_) return Error(ErrorCode::failed_precondition, "the database is closed");
  std::string path;
  if (auto real = files_.path(kFile)) {
    path = *real;
    STRATA_TRY(files_.create_directory("analytics"));
  }  // else not on a real disk: DuckDB keeps its copy in memory
  Result<void> opened = open_file(path);
  if (opened || opened.error().code() == ErrorCode::unavailable || no_space(opened.error())) return opened;
  failures_.fetch_add(1, std::memory_order_relaxed);
  STRATA_TRY(quarantine());
  return open_file(path);
}

Result<void> Mirror::open_file(const std::string& path) {
  DuckOptions options;
  options.memory_bytes_max = options_.memory_bytes_max;
  options.temporary_bytes_max = options_.temporary_bytes_max;
  options.threads = options_.threads;
  auto instance = std::make_shared<Instance>();
  auto opened = DuckDatabase::open(path, options);
  if (!opened) {
    if (opened.error().message().find("Could not set lock") != std::string::npos) {
      return Error(ErrorCode::unavailable,
                   "analytics/state.duckdb is held by another process; close it there: " + opened.error().message());
    }
    return std::move(opened).error();
  }
  instance->database = std::move(opened).value();
  Result<void> adopted = adopt(*instance);
  if (!adopted) {
    writer_.reset();
    return adopted;
  }
  const core::MutexLock lock(pool_mutex_);
  instance_ = std::move(instance);
  open_.store(true, std::memory_order_release);
  return {};
}

Result<void> Mirror::create_layout(DuckConnection& connection) {
  STRATA_TRY(connection.execute("BEGIN"));
  STRATA_TRY(connection.execute("CREATE SCHEMA strata"));
  STRATA_TRY(
      connection.execute("CREATE TABLE strata.applied(lsn BIGINT, chain BIGINT, version INTEGER, database BIGINT)"));
  STRATA_TRY(connection.execute("INSERT INTO strata.applied VALUES (0, 0, " + std::to_string(kLayoutVersion) + ", " +
                                std::to_string(static_cast<std::int64_t>(options_.database)) + ")"));
  return connection.execute("COMMIT");
}

/// Reads how far a file is, and refuses one that is not a prefix of this history.
Result<void> Mirror::adopt(Instance& instance) {
  writer_ = STRATA_TRY(instance.database->connect());
  DuckConnection& connection = *writer_;
  const auto ask_for = [&connection](const std::string& sql) -> Result<Rows> {
    DuckStatement statement = STRATA_TRY(connection.prepare(sql));
    return statement.rows(100'000);
  };
  const Rows names = STRATA_TRY(
      ask_for("SELECT table_name, column_count FROM duckdb_tables() WHERE schema_name = 'strata' AND NOT temporary"));
  PhysicalTables tables;
  Lsn applied = 0;
  if (names.rows.empty()) {
    STRATA_TRY(create_layout(*writer_));
  } else {
    const Rows layout = STRATA_TRY(ask_for("SELECT version FROM strata.applied"));
    if (layout.rows.size() != 1 || layout.rows[0][0] != Value(kLayoutVersion)) {
      return Error(ErrorCode::corruption, "analytics/state.duckdb has another layout");
    }
    const Rows state = STRATA_TRY(ask_for("SELECT lsn, chain, database FROM strata.applied"));
    // The log beside the file may be ours where the file is not: then lsn and chain are, and this is not.
    if (state.rows[0][2] != Value(static_cast<std::int64_t>(options_.database))) {
      return Error(ErrorCode::corruption, "analytics/state.duckdb belongs to another database");
    }
    applied = static_cast<Lsn>(*state.rows[0][0].integer());
    const auto chain = static_cast<std::uint64_t>(*state.rows[0][1].integer());
    if (!STRATA_TRY(source_.knows(applied, chain))) {
      return Error(ErrorCode::corruption,
                   "analytics/state.duckdb holds rows of another history, up to lsn " + std::to_string(applied));
    }
    for (const std::vector<Value>& row : names.rows) {
      const std::string& name = *row[0].text();
      if (name == "applied") continue;
      const std::uint64_t id = std::strtoull(name.c_str() + 1, nullptr, 10);
      const Rows seen =
          STRATA_TRY(ask_for("SELECT max(_lsn), max(_erased_lsn), count(_erased_lsn) FROM strata." + quote(name)));
      const auto lsn_of = [](const Value& value) { return value.integer() ? static_cast<Lsn>(*value.integer()) : 0; };
      tables[id] = {static_cast<std::size_t>(*row[1].integer()) - 3, lsn_of(seen.rows[0][0]), lsn_of(seen.rows[0][1]),
                    static_cast<std::uint64_t>(*seen.rows[0][2].integer())};
    }
  }
  // A table whose records were all erased or not yet written is made by the next flush; readers need it at once.
  STRATA_TRY(writer_->execute("BEGIN"));
  STRATA_TRY(make_tables(*writer_, *source_.catalog(), tables));
  STRATA_TRY(writer_->execute("COMMIT"));
  const core::WriterLock snapshot(snapshot_mutex_);
  written_ = tables;
  physical_ = std::move(tables);
  applied_.store(applied, std::memory_order_release);
  return {};
}

void Mirror::close_locked() {
  std::shared_ptr<Instance> instance;
  {
    const core::MutexLock lock(pool_mutex_);
    instance = std::move(instance_);
    instance_.reset();
    open_.store(false, std::memory_order_release);
    if (instance) instance->closing = true;
    while (instance && instance->leased > 0) {
      watchdog_.interrupt_all();  // again and again: one that was about to begin has not heard it
      (void)returned_.wait_for(pool_mutex_, std::chrono::milliseconds(10));
    }
    if (instance) instance->idle.clear();
  }
  writer_.reset();
  in_memory_ = false;
  instance.reset();
  applied_.store(0, std::memory_order_release);
  const core::WriterLock snapshot(snapshot_mutex_);
  physical_.clear();
  written_.clear();
}

/// Out of the way, but kept: somebody may want to know what happened to it.
Result<void> Mirror::quarantine() {
  damaged_files_.fetch_add(1, std::memory_order_relaxed);
  if (!files_.path(kFile)) return {};
  std::vector<std::pair<std::uint64_t, std::string>> kept;
  std::uint64_t next = 1;
  for (const std::string& name : STRATA_TRY(files_.list("analytics"))) {
    constexpr std::string_view kPrefix = "state.duckdb.damaged-";
    if (!name.starts_with(kPrefix)) continue;
    const std::uint64_t number = std::strtoull(name.c_str() + kPrefix.size(), nullptr, 10);
    next = std::max(next, number + 1);
    if (!name.ends_with(".wal")) kept.emplace_back(number, "analytics/" + name);
  }
  std::sort(kept.begin(), kept.end());
  for (std::size_t i = 0; i + kDamagedFilesKept <= kept.size(); ++i) {
    STRATA_TRY(files_.remove(kept[i].second));
    if (STRATA_TRY(files_.exists(kept[i].second + ".wal"))) STRATA_TRY(files_.remove(kept[i].second + ".wal"));
  }
  const std::string to = std::string(kFile) + ".damaged-" + std::to_string(next), wal = std::string(kFile) + ".wal";
  if (STRATA_TRY(files_.exists(kFile))) STRATA_TRY(files_.rename(kFile, to));
  if (STRATA_TRY(files_.exists(wal))) STRATA_TRY(files_.rename(wal, to + ".wal"));
  return {};
}

Result<void> Mirror::start_over() {
  rebuilds_.fetch_add(1, std::memory_order_relaxed);
  close_locked();
  STRATA_TRY(quarantine());
  return open_locked();
}

MirrorStatistics Mirror::statistics() const {
  return {is_open(),
          applied_.load(std::memory_order_relaxed),
          rebuilds_.load(std::memory_order_relaxed),
          damaged_files_.load(std::memory_order_relaxed),
          flushes_.load(std::memory_order_relaxed),
          rows_flushed_.load(std::memory_order_relaxed),
          failures_.load(std::memory_order_relaxed)};
}

std::uint64_t Mirror::bytes_on_disk() {
  if (!files_.path(kFile)) return 0;
  std::uint64_t bytes = 0;
  for (const std::string& name : {std::string(kFile), std::string(kFile) + ".wal"}) {
    if (auto size = files_.file_size(name)) bytes += *size;
  }
  return bytes;
}

void Mirror::close() {
  const core::MutexLock lock(writer_mutex_);
  closed_ = true;
  close_locked();
}

}  // namespace strata::store::analytics
