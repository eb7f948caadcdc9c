// The contract of include/strata/metadata.h, once, over whatever transaction the session stands for.
#include "core/excerpt.h"
#include "core/nesting.h"
#include "store/metadata/metadata_store.h"
#include "store/metadata/result_rows.h"
#include "store/metadata/row.h"

namespace strata::store::metadata {
namespace {

using transaction::Context;

constexpr std::string_view kSettings = "strata_settings";
constexpr std::string_view kMigrations = "strata_migrations";
constexpr std::size_t kSettingKeyBytesMax = 1'024;

class MetadataSession final : public MetadataStore {
 public:
  MetadataSession(MetadataParticipant& store, transaction::Session& session) : store_(store), session_(session) {}

  Result<ExecuteResult> execute(std::string_view sql, std::span<const Value> parameters) override {
    return session_.write([&](Context& tx) -> Result<ExecuteResult> {
      const Executed executed = STRATA_TRY(store_.execute(tx, sql, parameters, false));
      return ExecuteResult{executed.rows_changed, executed.last_insert_rowid};
    });
  }

  Result<Rows> query(std::string_view sql, std::span<const Value> parameters) override {
    return session_.read([&](Context& tx) -> Result<Rows> {
      ReadRows read = STRATA_TRY(read_rows(tx, sql, parameters));
      return std::move(read.rows);
    });
  }

  Result<ArrowStream> query_arrow(std::string_view sql, std::span<const Value> parameters) override {
    return session_.read(
        [&](Context& tx) -> Result<ArrowStream> { return to_arrow(STRATA_TRY(read_rows(tx, sql, parameters))); });
  }

  Result<void> put_row(std::string_view table, const Map& row) override {
    return session_.write([&](Context& tx) -> Result<void> {
      if (is_reserved(table)) return reserved(table);
      return put(tx, table, row);
    });
  }

  Result<bool> remove_row(std::string_view table, const Map& key) override {
    return session_.write([&](Context& tx) -> Result<bool> {
      if (is_reserved(table)) return reserved(table);
      return remove(tx, table, key);
    });
  }

  Result<std::optional<Map>> get_row(std::string_view table, const Map& key, Locking locking) override {
    return session_.read([&](Context& tx) -> Result<std::optional<Map>> { return get(tx, table, key, locking); });
  }

  Result<void> migrate(std::string_view component, std::span<const Migration> migrations) override;

  Result<void> set(std::string_view key, const Value& value) override {
    return session_.write([&](Context& tx) -> Result<void> {
      if (key.empty() || key.size() > kSettingKeyBytesMax) {
        return Error(ErrorCode::invalid_argument, "the key of a setting has 1 to 1,024 bytes, not " +
                                                      std::to_string(key.size()) + ": \"" + core::excerpt(key) + "\"");
      }
      if (!core::nests_within(value)) {
        return Error(ErrorCode::invalid_argument,
                     "a setting nests at most " + std::to_string(core::kNestingMax) + " deep: " + core::excerpt(key));
      }
      return put(tx, kSettings, {{"key", std::string(key)}, {"value", to_json(value)}});
    });
  }

  Result<std::optional<Value>> get(std::string_view key) override {
    return session_.read([&](Context& tx) -> Result<std::optional<Value>> {
      const auto row = STRATA_TRY(get(tx, kSettings, {{"key", std::string(key)}}));
      if (!row) return std::optional<Value>();
      return std::optional<Value>(STRATA_TRY(parse_json(*row->find("value")->text())));
    });
  }

 private:
  static Error reserved(std::string_view table) {
    return Error(ErrorCode::permission_denied,
                 "names beginning with strata_ or sqlite_ are reserved: " + core::excerpt(table));
  }
  static const MetadataBuffer* own(Context& tx) { return tx.buffer_if_any<MetadataBuffer>(StoreKind::metadata); }

  Result<ReadRows> read_rows(Context& tx, std::string_view sql, std::span<const Value> parameters) {
    ReadRows rows;
    tx.note_scan(StoreKind::metadata, kSchemaKey);
    Result<void> read = store_.read_at(tx.view_lsn(), own(tx), [&](Connection& connection) -> Result<void> {
      rows = STRATA_TRY(metadata::read_rows(connection, sql, parameters, store_.limits(), store_.clock()));
      return {};
    });
    if (!read) {
      tx.note_scan(StoreKind::metadata, kAnyTablePredicate);  // an answer, too: a sum that overflows
      return std::move(read).error();
    }
    for (const std::string& table : rows.tables) tx.note_scan(StoreKind::metadata, table_predicate(table));
    return rows;
  }

  // The table, from a catalog that `keep` keeps alive.
  Result<const Table*> table_of(Context& tx, std::string_view name, std::shared_ptr<const Catalog>& keep) {
    STRATA_TRY(store_.know_tables());
    tx.note_read_once(StoreKind::metadata, kSchemaKey);
    keep = store_.catalog(own(tx));
    const Table* table = keep->find(name);
    if (table != nullptr && !is_hidden(name)) return table;
    // The catalog is the newest one. Who looks from before a definition is told so, as SQL tells it.
    STRATA_TRY(store_.read_at(tx.view_lsn(), own(tx), [](Connection&) { return Result<void>(); }));
    return Error(ErrorCode::not_found, "no such table: " + core::excerpt(name));
  }

  Result<void> put(Context& tx, std::string_view name, const Map& row);
  Result<void> put_by_sql(Context& tx, const Table& table, std::string_view key, const Map& row);
  Result<bool> remove(Context& tx, std::string_view name, const Map& key);
  Result<std::optional<Map>> get(Context& tx, std::string_view name, const Map& key, Locking locking = Locking::none);
  Result<MetadataParticipant::FoundRow> find(Context& tx, const Table& table, std::string_view key);

  MetadataParticipant& store_;
  transaction::Session& session_;
};

Error unknown_column(const Table& table, std::string_view column) {
  return Error(ErrorCode::invalid_argument, "table " + table.name + " has no column named " + core::excerpt(column));
}

// The values of a row in the order of the table's columns; nullptr where the row names none.
Result<void> match_columns(const Table& table, const Map& row, std::vector<const Value*>& out) {
  out.assign(table.columns.size(), nullptr);
  for (const auto& [name, value] : row) {
    const int index = table.index_of(name);
    if (index < 0) return unknown_column(table, name);
    out[static_cast<std::size_t>(index)] = &value;
  }
  return {};
}

bool is_mark(const Value& value) { return value.text() != nullptr && *value.text() == kCommitLsn; }

// Without SQL: the row is coded, checked as SQLite would check it, and buffered.
Result<void> MetadataSession::put(Context& tx, std::string_view name, const Map& row) {
  std::shared_ptr<const Catalog> keep;
  const Table& table = *STRATA_TRY(table_of(tx, name, keep));
  thread_local std::vector<const Value*> values;
  STRATA_TRY(match_columns(table, row, values));
  bool by_sql = !table.simple;
  for (const int index : table.rest_columns) {
    const auto at = static_cast<std::size_t>(index);
    by_sql |= values[at] == nullptr && !table.columns[at].default_bytes;
  }
  thread_local std::string key, rest;
  key.clear();
  for (const int index : table.key_columns) {
    const Column& column = table.columns[static_cast<std::size_t>(index)];
    const Value* value = values[static_cast<std::size_t>(index)];
    if (value == nullptr) {
      return Error(ErrorCode::invalid_argument, "the key column " + column.name + " of " + table.name + " is missing");
    }
    if (is_mark(*value))
      return Error(ErrorCode::invalid_argument, "the commit LSN cannot be part of a key: " + column.name);
    STRATA_TRY(append_for_column(key, *value, table, column, store_.converter()));
  }
  if (by_sql) return put_by_sql(tx, table, key, row);
  rest.clear();
  bool marked = false;
  for (const int index : table.rest_columns) {
    const Column& column = table.columns[static_cast<std::size_t>(index)];
    const Value* value = values[static_cast<std::size_t>(index)];
    if (value == nullptr) {
      if (column.not_null && (*column.default_bytes)[0] == static_cast<char>(Value::Kind::null)) {
        return Error(ErrorCode::invalid_argument, "NOT NULL constraint failed: " + table.name + "." + column.name);
      }
      rest += *column.default_bytes;
    } else if (is_mark(*value)) {
      if (table.strict)
        return Error(ErrorCode::unsupported, "the commit LSN cannot be written to the STRICT table " + table.name);
      append_commit_lsn(rest);
      marked = true;
    } else {
      STRATA_TRY(append_for_column(rest, *value, table, column, store_.converter()));
    }
  }
  if (key.size() + rest.size() > store_.limits().value_bytes_max) {
    return Error(ErrorCode::invalid_argument,
                 "the row is larger than " + std::to_string(store_.limits().value_bytes_max) + " bytes");
  }
  STRATA_TRY(tx.note_write(StoreKind::metadata, key_hash(table, key)));
  STRATA_TRY(tx.charge(key.size() + rest.size() + 64));
  MetadataBuffer& buffer = store_.buffer(tx);
  STRATA_TRY(buffer.depend_on_schema(tx));
  buffer.put(table, key, rest, marked);
  return {};
}

// A table with constraints: SQLite does it, and says what is wrong with it.
Result<void> MetadataSession::put_by_sql(Context& tx, const Table& table, std::string_view key, const Map& row) {
  // A row that is there already as it is to be is not written: then what was done depends on it.
  tx.note_read(StoreKind::metadata, key_hash(table, key));
  std::string columns, marks, keys, updates;
  std::vector<Value> parameters;
  for (const auto& [name, value] : row) {
    const Column& column = *table.find(name);
    if (is_mark(value) && (column.unique_or_referenced || table.has_check || table.strict)) {
      return Error(ErrorCode::unsupported, "the commit LSN cannot be written to " + table.name + "." + column.name +
                                               ", which has a constraint");
    }
    if (!columns.empty()) columns += ',', marks += ',';
    columns += quoted(column.name);
    parameters.push_back(value);
    marks += '?';
  }
  for (const int index : table.key_columns) {
    if (!keys.empty()) keys += ',';
    keys += quoted(table.columns[static_cast<std::size_t>(index)].name);
  }
  for (const int index : table.rest_columns) {
    const std::string name = quoted(table.columns[static_cast<std::size_t>(index)].name);
    if (!updates.empty()) updates += ',';
    updates += name;
    updates += "=excluded.";
    updates += name;
  }
  const std::string sql = "INSERT INTO " + quoted(table.name) + "(" + columns + ") VALUES(" + marks + ") ON CONFLICT(" +
                          keys + ") DO " + (updates.empty() ? "NOTHING" : "UPDATE SET " + updates);
  STRATA_TRY(store_.execute(tx, sql, parameters, false, MetadataParticipant::Reads::one_key));
  return {};
}

Result<bool> MetadataSession::remove(Context& tx, std::string_view name, const Map& key_map) {
  std::shared_ptr<const Catalog> keep;
  const Table& table = *STRATA_TRY(table_of(tx, name, keep));
  const std::string key = STRATA_TRY(key_from_map(table, key_map, store_.converter()));
  tx.note_read(StoreKind::metadata, key_hash(table, key));
  if (!table.simple) {
    std::string where;
    std::vector<Value> parameters;
    for (const int index : table.key_columns) {
      const std::string& column = table.columns[static_cast<std::size_t>(index)].name;
      parameters.push_back(*key_map.find(column));
      if (!where.empty()) where += " AND ";
      where += quoted(column);
      where += "=?";
    }
    const auto executed = STRATA_TRY(store_.execute(tx, "DELETE FROM " + quoted(table.name) + " WHERE " + where,
                                                    parameters, false, MetadataParticipant::Reads::one_key));
    return executed.rows_changed > 0;
  }
  const auto row = STRATA_TRY(find(tx, table, key));
  if (!row.present) return false;
  STRATA_TRY(tx.note_write(StoreKind::metadata, key_hash(table, key)));
  STRATA_TRY(tx.charge(key.size() + 64));
  MetadataBuffer& buffer = store_.buffer(tx);
  STRATA_TRY(buffer.depend_on_schema(tx));
  buffer.remove(table, key);
  return true;
}

Result<MetadataParticipant::FoundRow> MetadataSession::find(Context& tx, const Table& table, std::string_view key) {
  auto* buffer = tx.buffer_if_any<MetadataBuffer>(StoreKind::metadata);
  if (buffer != nullptr && buffer->has_ddl()) {  // tables may have been renamed or replaced: SQLite knows
    MetadataParticipant::FoundRow row;
    STRATA_TRY(store_.read_at(tx.view_lsn(), buffer, [&](Connection& connection) -> Result<void> {
      row.present = STRATA_TRY(read_row(connection, table, key, row.rest));
      return {};
    }));
    return row;
  }
  if (buffer != nullptr) {
    if (const Image* image = buffer->find(table.name, key)) {
      return MetadataParticipant::FoundRow{image->present, std::string(image->rest)};
    }
  }
  return store_.committed_row(table, key, tx.view_lsn());
}

Result<std::optional<Map>> MetadataSession::get(Context& tx, std::string_view name, const Map& key_map,
                                                Locking locking) {
  std::shared_ptr<const Catalog> keep;
  const Table& table = *STRATA_TRY(table_of(tx, name, keep));
  const std::string key = STRATA_TRY(key_from_map(table, key_map, store_.converter()));
  if (locking == Locking::for_update) STRATA_TRY(tx.lock_for_update(StoreKind::metadata, key_hash(table, key)));
  tx.note_read(StoreKind::metadata, key_hash(table, key));
  const auto row = STRATA_TRY(find(tx, table, key));
  if (!row.present) return std::optional<Map>();
  return std::optional<Map>(row_to_map(table, key, row.rest));
}

Result<void> MetadataSession::migrate(std::string_view component, std::span<const Migration> migrations) {
  std::uint32_t last = 0;
  for (const Migration& migration : migrations) {
    if (migration.version <= last) {
      return Error(ErrorCode::invalid_argument,
                   "migrations of " + std::string(component) + " are not in ascending order");
    }
    last = migration.version;
  }
  const auto version_at = [&](Context& tx) -> Result<std::int64_t> {
    std::int64_t version = 0;
    tx.note_scan(StoreKind::metadata, table_predicate(kMigrations));
    STRATA_TRY(store_.read_at(tx.view_lsn(), own(tx), [&](Connection& connection) -> Result<void> {
      Statement read = STRATA_TRY(connection.prepare("SELECT max(version) FROM strata_migrations WHERE component=?1"));
      read.bind_text(1, component);
      STRATA_TRY(read.step());
      version = read.integer(0);
      return {};
    }));
    if (version > last) {
      return Error(ErrorCode::failed_precondition,
                   std::string(component) + " is at version " + std::to_string(version) +
                       ", newer than the last migration known here, " + std::to_string(last));
    }
    return version;
  };
  // Usually there is nothing to do, and a reader can find that out.
  const std::int64_t before = STRATA_TRY(session_.read(version_at));
  if (before == last) return {};
  return session_.write([&](Context& tx) -> Result<void> {
    const std::int64_t current = STRATA_TRY(version_at(tx));
    MetadataBuffer& buffer = store_.buffer(tx);
    const auto saved = buffer.save();
    auto migrated = [&]() -> Result<void> {
      for (const Migration& migration : migrations) {
        if (migration.version <= current) continue;
        std::string_view left = migration.sql;
        while (!left.empty()) {
          auto executed = store_.execute(tx, left, {}, true);
          if (!executed.has_value()) {
            return std::move(executed).error().with_context("migration " + std::to_string(migration.version) + " of " +
                                                            std::string(component));
          }
          if (executed->empty) break;
          left = executed->tail;
        }
        STRATA_TRY(put(tx, kMigrations,
                       {{"component", std::string(component)},
                        {"version", std::int64_t{migration.version}},
                        {"sql", migration.sql}}));
      }
      return {};
    }();
    if (!migrated.has_value()) buffer.restore(*saved);  // who catches the error may commit the rest of its transaction
    return migrated;
  });
}

}  // namespace

std::unique_ptr<MetadataStore> MetadataParticipant::session(transaction::Session& session) {
  return std::make_unique<MetadataSession>(*this, session);
}

}  // namespace strata::store::metadata
