#include "store/analytics/catalog.h"

#include <algorithm>

namespace strata::store::analytics {

std::size_t Table::columns_at(Lsn view) const {
  return static_cast<std::size_t>(std::upper_bound(column_since.begin(), column_since.end(), view) -
                                  column_since.begin());
}

const Table* Catalog::find(std::string_view name, Lsn view) const {
  for (const Table& table : tables_) {
    if (table.name == name && table.alive(view)) return &table;
  }
  return nullptr;
}

const Table* Catalog::find_id(std::uint64_t id) const {
  for (const Table& table : tables_) {
    if (table.id == id) return &table;
  }
  return nullptr;
}

Catalog Catalog::at(Lsn view) const {
  Catalog seen;
  seen.next_id_ = std::uint64_t{1} << 40;
  for (Table table : tables_) {
    if (!table.alive(view)) continue;
    table.dropped = 0;
    table.column_since.resize(table.columns_at(view));
    table.columns.resize(table.column_since.size());
    seen.tables_.push_back(std::move(table));
  }
  return seen;
}

Table* Catalog::find_alive(std::string_view name) {
  for (Table& table : tables_) {
    if (table.name == name && table.dropped == 0) return &table;
  }
  return nullptr;
}

Result<void> Catalog::define(std::string_view name, std::vector<ColumnDefinition> columns, Lsn lsn) {
  Table* table = find_alive(name);
  if (table == nullptr) {
    const std::vector<Lsn> since(columns.size(), lsn);
    tables_.push_back({next_id_++, std::string(name), std::move(columns), since, lsn, 0});
    return {};
  }
  if (columns.size() < table->columns.size() ||
      !std::equal(table->columns.begin(), table->columns.end(), columns.begin(), same_column)) {
    return Error(ErrorCode::corruption, "the journal redefines table \"" + std::string(name) + "\" from (" +
                                            to_text(table->columns) + ") to (" + to_text(columns) + ")");
  }
  table->column_since.resize(columns.size(), lsn);
  table->columns = std::move(columns);
  return {};
}

Result<void> Catalog::drop(std::string_view name, Lsn lsn) {
  Table* table = find_alive(name);
  if (table == nullptr) {
    return Error(ErrorCode::corruption, "the journal drops a table that is not there: \"" + std::string(name) + "\"");
  }
  table->dropped = lsn;
  return {};
}

void Catalog::forget_dropped(Lsn horizon) {
  std::erase_if(tables_, [&](const Table& table) { return table.dropped != 0 && table.dropped <= horizon; });
}

void Catalog::encode(core::Encoder& out) const {
  out.varint(next_id_);
  out.varint(tables_.size());
  for (const Table& table : tables_) {
    out.varint(table.id);
    out.text(table.name);
    out.varint(table.created);
    out.varint(table.dropped);
    out.varint(table.columns.size());
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      out.text(table.columns[i].name);
      out.u8(static_cast<std::uint8_t>(table.columns[i].type));
      out.varint(table.column_since[i]);
    }
  }
}

Result<Catalog> Catalog::decode(core::Decoder& in) {
  Catalog catalog;
  catalog.next_id_ = in.varint();
  const std::size_t tables = in.count(5);
  for (std::size_t t = 0; t < tables && in.ok(); ++t) {
    Table table;
    table.id = in.varint();
    table.name = std::string(in.text());
    table.created = in.varint();
    table.dropped = in.varint();
    const std::size_t columns = in.count(3);
    for (std::size_t i = 0; i < columns && in.ok(); ++i) {
      std::string name(in.text());
      table.columns.push_back({std::move(name), static_cast<ColumnType>(in.u8())});
      table.column_since.push_back(in.varint());
    }
    if (in.ok() && (!check_table_name(table.name) || !check_columns(table.columns))) in.fail();
    catalog.tables_.push_back(std::move(table));
  }
  if (!in.ok()) return Error(ErrorCode::corruption, "the catalog of analytics tables is malformed");
  return catalog;
}

std::string to_text(std::span<const ColumnDefinition> columns) {
  std::string text;
  for (const ColumnDefinition& column : columns) {
    if (!text.empty()) text += ", ";
    text += std::string(name(column.type)) + " " + column.name;
  }
  return text;
}

bool same_column(const ColumnDefinition& a, const ColumnDefinition& b) { return a.name == b.name && a.type == b.type; }

}  // namespace strata::store::analytics
