#include "store/metadata/images.h"

#include <algorithm>

#include "store/metadata/row.h"

namespace strata::store::metadata {
namespace {

Error missing_table(std::string_view table) {
  return Error(ErrorCode::corruption, "a metadata record writes a table that is not there: " + std::string(table));
}

Result<void> bind_all(Statement& statement, std::string_view values, int& index, std::size_t count) {
  ValueReader reader(values);
  for (std::size_t i = 0; i < count; ++i) reader.bind_next(statement.get(), index++);
  if (reader.failed() || !reader.done()) {
    return Error(ErrorCode::corruption, "a metadata record does not fit its table's columns");
  }
  return {};
}

Result<void> insert(Connection& connection, const Table& table, const Image& image) {
  Statement* statement = STRATA_TRY(connection.cached(table.insert_sql));
  int index = 1;
  STRATA_TRY(bind_all(*statement, image.key, index, table.key_columns.size()));
  STRATA_TRY(bind_all(*statement, image.rest, index, table.rest_columns.size()));
  return statement->run();
}

Result<void> update(Connection& connection, const Table& table, const Image& image) {
  if (table.update_sql.empty()) return {};
  Statement* statement = STRATA_TRY(connection.cached(table.update_sql));
  int index = 1;
  STRATA_TRY(bind_all(*statement, image.rest, index, table.rest_columns.size()));
  STRATA_TRY(bind_all(*statement, image.key, index, table.key_columns.size()));
  return statement->run();
}

Result<void> remove(Connection& connection, const Table& table, const Image& image) {
  Statement* statement = STRATA_TRY(connection.cached(table.delete_sql));
  int index = 1;
  STRATA_TRY(bind_all(*statement, image.key, index, table.key_columns.size()));
  return statement->run();
}

// Neighbours in the table are written one after another: a batch then walks the B-tree instead of jumping in it.
std::vector<const Image*> in_key_order(const TableImages& images) {
  std::vector<const Image*> order;
  order.reserve(images.rows.size());
  for (const Image& image : images.rows) order.push_back(&image);
  std::sort(order.begin(), order.end(), [](const Image* a, const Image* b) { return a->key < b->key; });
  return order;
}

}  // namespace

Result<bool> read_row(Connection& connection, const Table& table, std::string_view key, std::string& rest) {
  Statement* statement = STRATA_TRY(connection.cached(table.select_sql));
  StatementUse use(*statement);
  int index = 1;
  STRATA_TRY(bind_all(*statement, key, index, table.key_columns.size()));
  if (!STRATA_TRY(statement->step())) return false;
  rest.clear();
  for (std::size_t i = 0; i < table.rest_columns.size(); ++i) {
    append_column(rest, statement->get(), static_cast<int>(i), false);
  }
  return true;
}

Result<void> load_old(Connection& connection, const Catalog& catalog, ImageSet& images) {
  std::string rest;
  for (TableImages& each : images.tables) {
    const Table* table = catalog.find(each.table);
    if (table == nullptr) return missing_table(each.table);
    for (Image& image : each.rows) {
      if (image.old_known) continue;
      image.old_present = STRATA_TRY(read_row(connection, *table, image.key, rest));
      image.old_rest = image.old_present ? images.arena.keep(rest) : std::string_view();
      image.old_known = true;
    }
  }
  return {};
}

Result<void> write_images(Connection& connection, const Catalog& catalog, ImageSet& images) {
  STRATA_TRY(load_old(connection, catalog, images));
  for (const TableImages& each : images.tables) {
    const Table* table = catalog.find(each.table);
    if (table == nullptr) return missing_table(each.table);
    if (table->unique_besides_key) {
      for (const Image& image : each.rows) {
        if (image.old_present && (!image.present || image.rest != image.old_rest)) {
          STRATA_TRY(remove(connection, *table, image));
        }
      }
      for (const Image& image : each.rows) {
        if (image.present && (!image.old_present || image.rest != image.old_rest)) {
          STRATA_TRY(insert(connection, *table, image));
        }
      }
      continue;
    }
    for (const Image* next : in_key_order(each)) {
      const Image& image = *next;
      if (image.present && !image.old_present) {
        STRATA_TRY(insert(connection, *table, image));
      } else if (image.present && image.rest != image.old_rest) {
        STRATA_TRY(update(connection, *table, image));
      } else if (!image.present && image.old_present) {
        STRATA_TRY(remove(connection, *table, image));
      }
    }
  }
  return {};
}

Result<void> run_steps(Connection& connection, std::shared_ptr<const Catalog>& catalog,
                       const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    switch (step.kind) {
      case Step::Kind::ddl:
        STRATA_TRY(connection.run(step.sql.c_str()));
        catalog = STRATA_TRY(Catalog::load(connection));
        break;
      case Step::Kind::sequence: {
        Statement* remove_old = STRATA_TRY(connection.cached("DELETE FROM sqlite_sequence WHERE name=?1"));
        remove_old->bind_text(1, step.sql);
        STRATA_TRY(remove_old->run());
        Statement* set = STRATA_TRY(connection.cached("INSERT INTO sqlite_sequence(name, seq) VALUES(?1, ?2)"));
        set->bind_text(1, step.sql);
        set->bind(2, step.sequence);
        STRATA_TRY(set->run());
        break;
      }
      case Step::Kind::rows: {
        // What was there before depends on the connection, so it is looked up in a copy of the set's index.
        ImageSet images;
        for (const TableImages& from : step.images->tables) {
          TableImages& to = images.at(from.table);
          for (const Image& row : from.rows) {
            Image& image = to.at(row.key);
            image.rest = row.rest;
            image.present = row.present;
          }
        }
        STRATA_TRY(write_images(connection, *catalog, images));
        break;
      }
    }
  }
  return {};
}

namespace {

// The coded value of a column of a row given as key and rest.
std::string_view value_of(const Table& table, int column, std::string_view key, std::string_view rest) {
  const auto pick = [&](const std::vector<int>& columns, std::string_view values) {
    ValueReader reader(values);
    for (const int each : columns) {
      const std::size_t before = reader.remaining();
      if (!reader.skip()) return std::string_view();
      if (each == column) return values.substr(values.size() - before, before - reader.remaining());
    }
    return std::string_view();
  };
  const bool in_key = table.columns[static_cast<std::size_t>(column)].key_position > 0;
  return in_key ? pick(table.key_columns, key) : pick(table.rest_columns, rest);
}

// The values of several columns of a row; nothing when one of them is NULL (then the foreign key does not count).
std::optional<std::vector<std::string_view>> values_of(const Table& table, const std::vector<std::string>& columns,
                                                       std::string_view key, std::string_view rest) {
  std::vector<std::string_view> out;
  for (const std::string& name : columns) {
    const int column = table.index_of(name);
    if (column < 0) return std::nullopt;
    const std::string_view value = value_of(table, column, key, rest);
    if (value.empty() || value.front() == static_cast<char>(Value::Kind::null)) return std::nullopt;
    out.push_back(value);
  }
  return out;
}

Result<bool> any_row(Connection& connection, std::string_view table, const std::vector<std::string>& columns,
                     const std::vector<std::string_view>& values) {
  std::string sql = "SELECT 1 FROM " + quoted(table) + " WHERE ";
  for (std::size_t i = 0; i < columns.size(); ++i)
    sql += (i > 0 ? " AND " : "") + quoted(columns[i]) + "=?" + std::to_string(i + 1);
  sql += " LIMIT 1";
  Statement* statement = STRATA_TRY(connection.cached(sql));
  StatementUse use(*statement);
  for (std::size_t i = 0; i < values.size(); ++i)
    ValueReader(values[i]).bind_next(statement->get(), static_cast<int>(i + 1));
  return statement->step();
}

Error dangling(const ForeignKey& key) {
  return Error(ErrorCode::invalid_argument,
               "FOREIGN KEY constraint failed: " + key.child + " references " + key.parent);
}

}  // namespace

Result<void> check_foreign_keys(Connection& connection, const Catalog& catalog, const ImageSet& images) {
  for (const TableImages& each : images.tables) {
    const Table* table = catalog.find(each.table);
    if (table == nullptr || !table->in_foreign_key) continue;
    for (const ForeignKey& key : catalog.foreign_keys()) {
      const bool is_child = lower(key.child) == lower(each.table);
      const bool is_parent = lower(key.parent) == lower(each.table);
      if (!is_child && !is_parent) continue;
      for (const Image& row : each.rows) {
        if (is_child && row.present) {
          const auto values = values_of(*table, key.child_columns, row.key, row.rest);
          if (values && !STRATA_TRY(any_row(connection, key.parent, key.parent_columns, *values))) return dangling(key);
        }
        if (is_parent && row.old_present) {
          // Whoever pointed to the old values must still find a parent with them.
          const auto values = values_of(*table, key.parent_columns, row.key, row.old_rest);
          if (values && !STRATA_TRY(any_row(connection, key.parent, key.parent_columns, *values)) &&
              STRATA_TRY(any_row(connection, key.child, key.child_columns, *values))) {
            return dangling(key);
          }
        }
      }
    }
  }
  return {};
}

}  // namespace strata::store::metadata
