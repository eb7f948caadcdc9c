#include "store/analytics/analytics_session.h"

#include <algorithm>
#include <iterator>

#include "core/checksum.h"
#include "core/excerpt.h"

namespace strata::store::analytics {
namespace {

constexpr std::size_t kRowsPerCommitMax = INT32_MAX;  // an ordinal is 31 bits

transaction::KeyHash table_key(std::string_view table) { return core::xxh3_64(table, 0x7461626c65); }

/// What a query depends on: any row of a table, and its columns. And the list of tables.
transaction::KeyHash rows_predicate(std::string_view table) { return core::xxh3_64(table, 0x726f7773); }
constexpr transaction::KeyHash kTablesPredicate = 0x616e616c'79740001;

transaction::KeyHash row_key(const RowId& row) {
  return core::xxh3_64(std::string_view(reinterpret_cast<const char*>(&row.lsn), sizeof row.lsn), row.ordinal + 1);
}

std::uint64_t bytes_of(const Value& value) {
  if (value.text()) return sizeof(Value) + value.text()->size();
  if (value.bytes()) return sizeof(Value) + value.bytes()->size();
  return sizeof(Value);
}

Error no_table(std::string_view table) {
  return Error(ErrorCode::not_found, "there is no analytics table \"" + core::excerpt(table) + "\"");
}

const ColumnDefinition* find_column(const std::vector<ColumnDefinition>& columns, std::string_view name) {
  const auto found =
      std::find_if(columns.begin(), columns.end(), [&](const ColumnDefinition& column) { return column.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

Error no_column(std::string_view table, std::string_view column) {
  return Error(ErrorCode::invalid_argument,
               "table \"" + core::excerpt(table) + "\" has no column \"" + core::excerpt(column) + "\"");
}

}  // namespace

// ---- the buffer -------------------------------------------------------------------------------------------------

bool AnalyticsBuffer::empty() const {
  return std::all_of(tables_.begin(), tables_.end(), [](const auto& entry) { return entry.second.empty(); });
}

void AnalyticsBuffer::encode(core::Encoder& out) const {
  out.u8(kSectionVersion);
  std::uint32_t ordinal = 0;
  for (const auto& [table, writes] : tables_) {
    if (writes.dropped) encode_drop(out, table);
    if (writes.defined) encode_define(out, table, *writes.defined);
    if (!writes.rows.empty()) {
      encode_append(out, table, writes.columns, writes.rows, ordinal);
      ordinal += static_cast<std::uint32_t>(writes.rows.size());
    }
    if (!writes.erased.empty()) encode_erase(out, table, writes.erased);
  }
}

std::unique_ptr<AnalyticsBuffer::Saved> AnalyticsBuffer::save() {
  return std::make_unique<transaction::SavedCopy<decltype(tables_)>>(tables_);
}

void AnalyticsBuffer::restore(const Saved& saved) { tables_ = transaction::SavedCopy<decltype(tables_)>::of(saved); }

std::string AnalyticsBuffer::describe(std::uint64_t key) const {
  for (const auto& [table, writes] : tables_) {
    if (table_key(table) == key) return "analytics:" + table;
    for (const RowId& row : writes.erased) {
      if (row_key(row) == key) return "a row of analytics:" + table;
    }
  }
  return "analytics";
}

Result<void> AnalyticsBuffer::affects(transaction::Context&, std::vector<std::uint64_t>& predicates) const {
  bool listed = false;
  for (const auto& [table, writes] : tables_) {
    if (writes.empty()) continue;
    predicates.push_back(rows_predicate(table));
    listed |= writes.dropped || writes.defined;
  }
  if (listed) predicates.push_back(kTablesPredicate);
  return {};
}

AnalyticsBuffer::TableWrites* AnalyticsBuffer::find(std::string_view table) {
  const auto found = tables_.find(table);
  return found == tables_.end() ? nullptr : &found->second;
}

// ---- what is there ----------------------------------------------------------------------------------------------

AnalyticsBuffer& AnalyticsSession::buffer(Context& tx) {
  return tx.buffer<AnalyticsBuffer>(StoreKind::analytics, [] { return std::make_unique<AnalyticsBuffer>(); });
}

AnalyticsBuffer* AnalyticsSession::buffer_if_any(Context& tx) {
  return tx.buffer_if_any<AnalyticsBuffer>(StoreKind::analytics);
}

Result<std::vector<ColumnDefinition>> AnalyticsSession::columns_of(Context& tx, std::string_view table) {
  if (AnalyticsBuffer* own = buffer_if_any(tx); own != nullptr) {
    if (const auto* writes = own->find(table); writes != nullptr) {
      if (writes->defined) return *writes->defined;
      if (writes->dropped) return no_table(table);
    }
  }
  const CatalogPointer catalog = store_.catalog();
  const Table* found = catalog->find(table, tx.view_lsn());
  tx.note_read_once(StoreKind::analytics, table_key(table));
  if (found == nullptr) return no_table(table);
  return std::vector<ColumnDefinition>(
      found->columns.begin(), found->columns.begin() + static_cast<std::ptrdiff_t>(found->columns_at(tx.view_lsn())));
}

Result<void> AnalyticsSession::create_table(std::string_view table, std::span<const ColumnDefinition> columns) {
  STRATA_TRY(check_table_name(table));
  STRATA_TRY(check_columns(columns));
  return session_.write([&](Context& tx) -> Result<void> {
    auto present = columns_of(tx, table);
    if (present) {
      const bool same_start = columns.size() >= present->size() &&
                              std::equal(present->begin(), present->end(), columns.begin(), same_column);
      if (!same_start) {
        return Error(ErrorCode::already_exists, "table \"" + core::excerpt(table) + "\" has the columns (" +
                                                    to_text(*present) + "), not (" + to_text(columns) +
                                                    "); only further columns at the end may be added");
      }
      if (columns.size() == present->size()) return {};
    }
    STRATA_TRY(tx.note_write(StoreKind::analytics, table_key(table)));
    STRATA_TRY(tx.charge(64 * columns.size() + 64));
    AnalyticsBuffer::TableWrites& writes = buffer(tx).writes(table);
    writes.defined.emplace(columns.begin(), columns.end());
    writes.columns = *writes.defined;
    for (Row& row : writes.rows) row.resize(columns.size());  // appended before the column came
    return {};
  });
}

Result<void> AnalyticsSession::drop_table(std::string_view table) {
  return session_.write([&](Context& tx) -> Result<void> {
    (void)STRATA_TRY(columns_of(tx, table));
    STRATA_TRY(tx.note_write(StoreKind::analytics, table_key(table)));
    AnalyticsBuffer::TableWrites& writes = buffer(tx).writes(table);
    const bool committed = store_.catalog()->find(table, tx.view_lsn()) != nullptr;
    writes = {};
    writes.dropped = committed;
    return {};
  });
}

Result<std::vector<TableInfo>> AnalyticsSession::tables() {
  return session_.read([&](Context& tx) -> Result<std::vector<TableInfo>> {
    std::vector<TableInfo> infos = STRATA_TRY(store_.tables(tx.view_lsn()));
    tx.note_scan(StoreKind::analytics, kTablesPredicate);
    for (const TableInfo& info : infos) tx.note_scan(StoreKind::analytics, rows_predicate(info.name));
    AnalyticsBuffer* own = buffer_if_any(tx);
    if (own == nullptr) return infos;
    std::erase_if(infos, [&](const TableInfo& info) {
      const auto* writes = own->find(info.name);
      return writes != nullptr && writes->dropped;
    });
    own->for_each([&](const std::string& table, const AnalyticsBuffer::TableWrites& writes) {
      auto info = std::find_if(infos.begin(), infos.end(), [&](const TableInfo& known) { return known.name == table; });
      if (info == infos.end()) {
        if (!writes.defined) return;
        info = infos.insert(infos.end(), {table, {}, 0});
      }
      if (writes.defined) info->columns = *writes.defined;
      info->rows += writes.rows.size();
      info->rows -= std::min<std::uint64_t>(info->rows, writes.erased.size());
    });
    std::sort(infos.begin(), infos.end(), [](const TableInfo& a, const TableInfo& b) { return a.name < b.name; });
    return infos;
  });
}

// ---- rows -------------------------------------------------------------------------------------------------------

Result<void> AnalyticsSession::append(std::string_view table, std::span<const std::vector<Value>> rows) {
  return session_.write([&](Context& tx) -> Result<void> {
    const std::vector<ColumnDefinition> columns = STRATA_TRY(columns_of(tx, table));
    return append_checked(tx, table, columns, rows);
  });
}

Result<void> AnalyticsSession::append(std::string_view table, const Map& row) {
  return session_.write([&](Context& tx) -> Result<void> {
    const std::vector<ColumnDefinition> columns = STRATA_TRY(columns_of(tx, table));
    std::vector<Value> values(columns.size());
    for (const auto& [name, value] : row) {
      const ColumnDefinition* column = find_column(columns, name);
      if (column == nullptr) return no_column(table, name);
      values[static_cast<std::size_t>(column - columns.data())] = value;
    }
    return append_checked(tx, table, columns, {&values, 1});
  });
}

Result<void> AnalyticsSession::append_checked(Context& tx, std::string_view table,
                                              const std::vector<ColumnDefinition>& columns,
                                              std::span<const std::vector<Value>> rows) {
  std::vector<Row> checked;
  checked.reserve(rows.size());
  std::uint64_t bytes = 0;
  for (const std::vector<Value>& row : rows) {
    if (row.size() != columns.size()) {
      return Error(ErrorCode::invalid_argument, "table \"" + core::excerpt(table) + "\" has " +
                                                    std::to_string(columns.size()) + " columns, the row has " +
                                                    std::to_string(row.size()) + " values");
    }
    Row& values = checked.emplace_back();
    values.reserve(row.size());
    for (std::size_t c = 0; c < row.size(); ++c) {
      values.push_back(STRATA_TRY(to_column(columns[c], row[c])));
      bytes += bytes_of(values.back());
    }
  }
  if (checked.empty()) return {};
  STRATA_TRY(tx.intend(StoreKind::analytics, table_key(table)));
  STRATA_TRY(tx.charge(bytes));
  tx.note_dependency(StoreKind::analytics, table_key(table));
  AnalyticsBuffer::TableWrites& writes = buffer(tx).writes(table);
  if (writes.rows.size() + checked.size() > kRowsPerCommitMax) {
    return Error(ErrorCode::resource_exhausted, "a transaction appends at most 2147483647 rows");
  }
  writes.columns = columns;
  std::move(checked.begin(), checked.end(), std::back_inserter(writes.rows));
  return {};
}

Result<std::uint64_t> AnalyticsSession::erase(std::string_view table, std::string_view column, const Value& value) {
  return session_.write([&](Context& tx) -> Result<std::uint64_t> {
    const std::vector<ColumnDefinition> columns = STRATA_TRY(columns_of(tx, table));
    const ColumnDefinition* by = find_column(columns, column);
    if (by == nullptr) return no_column(table, column);
    const Value wanted = STRATA_TRY(to_column(*by, value));
    tx.note_scan(StoreKind::analytics, rows_predicate(table));
    AnalyticsBuffer* own = buffer_if_any(tx);
    AnalyticsBuffer::TableWrites* writes = own != nullptr ? own->find(table) : nullptr;

    // Committed rows, found now and named by identity: the record must not depend on when it is applied.
    std::vector<RowId> found;
    const CatalogPointer catalog = store_.catalog();
    const Table* committed = catalog->find(table, tx.view_lsn());
    const bool column_committed =
        committed != nullptr && static_cast<std::size_t>(by - columns.data()) < committed->columns_at(tx.view_lsn());
    if (column_committed && (writes == nullptr || !writes->dropped)) {
      found = STRATA_TRY(store_.mirror_.find_rows(tx.view_lsn(), *committed, *by, wanted));
    }
    if (writes != nullptr) {
      std::vector<RowId> further;
      std::set_difference(found.begin(), found.end(), writes->erased.begin(), writes->erased.end(),
                          std::back_inserter(further));
      found = std::move(further);
    }
    std::uint64_t erased = found.size();
    if (!found.empty()) {
      STRATA_TRY(tx.intend(StoreKind::analytics, table_key(table)));
      for (const RowId& row : found) STRATA_TRY(tx.note_write(StoreKind::analytics, row_key(row)));
      STRATA_TRY(tx.charge(found.size() * sizeof(RowId)));
      tx.note_dependency(StoreKind::analytics, table_key(table));
      std::vector<RowId>& all = buffer(tx).writes(table).erased;
      all.insert(all.end(), found.begin(), found.end());
      std::sort(all.begin(), all.end());
    }
    if (writes != nullptr) {  // rows of this very transaction just go
      const auto index = static_cast<std::size_t>(by - columns.data());
      erased += std::erase_if(
          writes->rows, [&](const Row& row) { return index < row.size() ? row[index] == wanted : wanted.is_null(); });
    }
    return erased;
  });
}

// ---- queries ----------------------------------------------------------------------------------------------------

Result<std::optional<OwnWrites>> AnalyticsSession::own_writes(Context& tx) {
  AnalyticsBuffer* buffer = buffer_if_any(tx);
  if (buffer == nullptr || buffer->empty()) return std::optional<OwnWrites>();
  OwnWrites own;
  core::Encoder out(own.section);
  buffer->encode(out);
  auto catalog = std::make_shared<Catalog>(store_.catalog()->at(tx.view_lsn()));
  STRATA_TRY(for_each_operation(own.section, [&](const Operation& operation) -> Result<void> {
    if (operation.kind == Operation::Kind::drop) return catalog->drop(operation.table, kOwnLsn);
    if (operation.kind != Operation::Kind::define) return {};
    return catalog->define(operation.table, STRATA_TRY(decode_define(operation)), kOwnLsn);
  }));
  own.catalog = std::move(catalog);
  return std::optional<OwnWrites>(std::move(own));
}

// A table is read by its name, so the tables whose names come up anywhere in the text are enough. Naming none, a statement
// may still ask DuckDB about all of them; and escapes can spell a name in another way.
void AnalyticsSession::note_tables(Context& tx, std::string_view sql) {
  if (!tx.tracks_scans()) return;
  std::string text(sql);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  tx.note_scan(StoreKind::analytics, kTablesPredicate);
  const Catalog catalog = store_.catalog()->at(tx.view_lsn());
  // DuckDB's own lists of tables say how many rows each has.
  const auto has = [&](std::string_view word) { return text.find(word) != std::string::npos; };
  const bool all = has("u&") || has("\\") || has("duckdb_tables") || has("pg_");
  std::size_t named = 0;
  const auto note = [&](bool every) {
    for (const Table& table : catalog.tables()) {
      if (!every && text.find(table.name) == std::string::npos) continue;
      tx.note_scan(StoreKind::analytics, rows_predicate(table.name));
      ++named;
    }
  };
  note(all);
  if (named == 0) note(true);
}

Result<Rows> AnalyticsSession::query(std::string_view sql, std::span<const Value> parameters) {
  return session_.read([&](Context& tx) -> Result<Rows> {
    note_tables(tx, sql);
    const std::optional<OwnWrites> own = STRATA_TRY(own_writes(tx));
    return store_.mirror_.query(tx.view_lsn(), own ? &*own : nullptr, sql, parameters);
  });
}

Result<ArrowStream> AnalyticsSession::query_arrow(std::string_view sql, std::span<const Value> parameters) {
  return session_.read([&](Context& tx) -> Result<ArrowStream> {
    note_tables(tx, sql);
    const std::optional<OwnWrites> own = STRATA_TRY(own_writes(tx));
    return store_.mirror_.query_arrow(tx.view_lsn(), own ? &*own : nullptr, sql, parameters);
  });
}

std::unique_ptr<AnalyticsStore> AnalyticsParticipant::session(transaction::Session& session) {
  return std::make_unique<AnalyticsSession>(*this, session);
}

}  // namespace strata::store::analytics
