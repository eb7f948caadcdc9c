#include "store/metadata/schema.h"

#include <algorithm>
#include <cmath>

#include "core/checksum.h"
#include "store/metadata/row.h"

namespace strata::store::metadata {
namespace {

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// https://www.sqlite.org/datatype3.html section 3.1, in its order.
Affinity affinity_of(std::string_view declared, bool strict) {
  const std::string type = lower(declared);
  if (strict && type == "any") return Affinity::blob;
  if (contains(type, "int")) return Affinity::integer;
  if (contains(type, "char") || contains(type, "clob") || contains(type, "text")) return Affinity::text;
  if (contains(type, "blob") || type.empty()) return Affinity::blob;
  if (contains(type, "real") || contains(type, "floa") || contains(type, "doub")) return Affinity::real;
  return Affinity::numeric;
}

// A default that is one literal can be known now; an expression (CURRENT_TIMESTAMP, (random())) only at each insert.
bool is_literal(std::string_view text) {
  if (text.empty()) return false;
  const std::string word = lower(text);
  if (word == "null" || word == "true" || word == "false") return true;
  if (text.front() == '\'' || ((text.front() == 'x' || text.front() == 'X') && text.size() > 1 && text[1] == '\'')) {
    return true;
  }
  return text.find_first_not_of("0123456789+-.eE") == std::string_view::npos &&
         text.find_first_of("0123456789") != std::string_view::npos;
}

std::string joined(const Table& table, const std::vector<int>& columns, std::string_view between,
                   std::string_view after, int first_parameter) {
  std::string out;
  for (const int index : columns) {
    if (!out.empty()) out += between;
    out += quoted(table.columns[static_cast<std::size_t>(index)].name);
    out += after;
    if (!after.empty()) out += std::to_string(first_parameter++);
  }
  return out;
}

void write_statements(Table& table) {
  const std::string name = quoted(table.name);
  const int keys = static_cast<int>(table.key_columns.size());
  const int rests = static_cast<int>(table.rest_columns.size());
  const std::string rest_list = table.rest_columns.empty() ? "1" : joined(table, table.rest_columns, ",", "", 0);
  const std::string where = " WHERE " + joined(table, table.key_columns, " AND ", "=?", 1);
  std::string both = joined(table, table.key_columns, ",", "", 0);
  if (rests > 0) both += "," + joined(table, table.rest_columns, ",", "", 0);
  std::string marks;
  for (int i = 1; i <= keys + rests; ++i) marks += (i > 1 ? ",?" : "?") + std::to_string(i);
  table.select_sql = "SELECT " + rest_list + " FROM " + name + where;
  table.insert_sql = "INSERT INTO " + name + "(" + both + ") VALUES(" + marks + ")";
  table.delete_sql = "DELETE FROM " + name + where;
  table.scan_sql = "SELECT " + both + " FROM " + name;
  if (rests > 0) {
    table.update_sql = "UPDATE " + name + " SET " + joined(table, table.rest_columns, ",", "=?", 1) + " WHERE " +
                       joined(table, table.key_columns, " AND ", "=?", rests + 1);
  }
}

}  // namespace

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool is_reserved(std::string_view table) {
  const std::string name = lower(table);
  return name.starts_with("strata_") || name.starts_with("sqlite_");
}

bool is_hidden(std::string_view table) {
  const std::string name = lower(table);
  return name == "strata_state" || name == "strata_history";
}

int Table::index_of(std::string_view column) const {
  const auto found = std::lower_bound(by_name.begin(), by_name.end(), column, [&](int index, std::string_view wanted) {
    return columns[static_cast<std::size_t>(index)].name < wanted;
  });
  if (found != by_name.end() && columns[static_cast<std::size_t>(*found)].name == column) return *found;
  const std::string wanted = lower(column);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (lower(columns[i].name) == wanted) return static_cast<int>(i);
  }
  return -1;
}

const Column* Table::find(std::string_view column) const {
  const int index = index_of(column);
  return index < 0 ? nullptr : &columns[static_cast<std::size_t>(index)];
}

const Table* Catalog::find(std::string_view table) const {
  const auto found = tables_.find(lower(table));
  return found == tables_.end() ? nullptr : &found->second;
}

namespace {

Result<void> read_columns(Connection& connection, Table& table, bool without_rowid) {
  Statement columns = STRATA_TRY(connection.prepare(
      "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1) ORDER BY cid"));
  columns.bind_text(1, table.name);
  std::vector<std::pair<int, int>> key;
  while (STRATA_TRY(columns.step())) {
    Column column;
    column.name = columns.text(0);
    column.declared_type = columns.text(1);
    column.affinity = affinity_of(column.declared_type, table.strict);
    column.not_null = columns.integer(2) != 0;
    column.key_position = static_cast<int>(columns.integer(4));
    if (columns.integer(5) != 0) table.why_refused = "it has a generated column (" + column.name + ")";
    const bool has_default = sqlite3_column_type(columns.get(), 3) != SQLITE_NULL;
    if (!has_default) {
      column.default_bytes.emplace();
      append_null(*column.default_bytes);
    } else if (const std::string text(columns.text(3)); is_literal(text)) {
      Statement literal = STRATA_TRY(connection.prepare("SELECT " + text));
      if (STRATA_TRY(literal.step())) {
        // As the column would store it: an integer default of a REAL column is a real.
        std::string coded;
        if (column.affinity == Affinity::real && sqlite3_column_type(literal.get(), 0) == SQLITE_INTEGER) {
          append_real(coded, sqlite3_column_double(literal.get(), 0));
        } else if (column.affinity == Affinity::text && sqlite3_column_type(literal.get(), 0) != SQLITE_BLOB &&
                   sqlite3_column_type(literal.get(), 0) != SQLITE_NULL) {
          append_text(coded, literal.text(0));
        } else {
          append_column(coded, literal.get(), 0, false);
        }
        const bool needs_conversion =
            (column.affinity == Affinity::integer || column.affinity == Affinity::numeric ||
             column.affinity == Affinity::real) &&
            (coded.front() == static_cast<char>(Value::Kind::text) ||
             (column.affinity != Affinity::real && coded.front() == static_cast<char>(Value::Kind::real)));
        if (!needs_conversion) column.default_bytes = std::move(coded);
      }
    }
    if (column.key_position > 0) key.emplace_back(column.key_position, static_cast<int>(table.columns.size()));
    table.columns.push_back(std::move(column));
  }
  std::sort(key.begin(), key.end());
  for (const auto& [position, index] : key) table.key_columns.push_back(index);
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].key_position == 0) table.rest_columns.push_back(static_cast<int>(i));
    table.by_name.push_back(static_cast<int>(i));
  }
  std::sort(table.by_name.begin(), table.by_name.end(), [&](int a, int b) {
    return table.columns[static_cast<std::size_t>(a)].name < table.columns[static_cast<std::size_t>(b)].name;
  });
  if (table.key_columns.empty())
    table.why_refused = "it has no primary key; declare one, for example id INTEGER PRIMARY KEY";
  // Equal keys must be equal bytes, which other collations do not give.
  for (const int index : table.key_columns) {
    const Column& column = table.columns[static_cast<std::size_t>(index)];
    const char* collation = nullptr;
    sqlite3_table_column_metadata(connection.get(), "main", table.name.c_str(), column.name.c_str(), nullptr,
                                  &collation, nullptr, nullptr, nullptr);
    if (collation != nullptr && lower(collation) != "binary") {
      table.why_refused = "its key column " + column.name + " has the collation " + collation;
    }
  }
  if (table.key_columns.size() == 1) {
    const Column& column = table.columns[static_cast<std::size_t>(table.key_columns[0])];
    table.rowid_key = !without_rowid && lower(column.declared_type) == "integer";
  }
  return {};
}

// A partial index whose condition calls nothing can refuse no row. From the first "where" on, a parenthesis is taken for a call.
Result<bool> calls_functions(Connection& connection, std::string_view index) {
  Statement definition = STRATA_TRY(connection.prepare("SELECT sql FROM sqlite_schema WHERE type='index' AND name=?1"));
  definition.bind_text(1, index);
  if (!STRATA_TRY(definition.step())) return true;
  const std::string sql = lower(definition.text(0));
  const std::size_t where = sql.find("where");
  return where == std::string::npos || contains(std::string_view(sql).substr(where), "(");
}

// Sets what an index says of its columns. One that computes may fail at an insert (malformed JSON, say), so its
// table takes the careful path.
Result<void> read_indexes(Connection& connection, Table& table, bool& careful) {
  Statement indexes =
      STRATA_TRY(connection.prepare("SELECT name, \"unique\", origin, partial FROM pragma_index_list(?1)"));
  indexes.bind_text(1, table.name);
  while (STRATA_TRY(indexes.step())) {
    const std::string index(indexes.text(0));
    const bool unique = indexes.integer(1) != 0 && indexes.text(2) != "pk";
    if (unique) table.unique_besides_key = true;
    if (unique || (indexes.integer(3) != 0 && STRATA_TRY(calls_functions(connection, index)))) careful = true;
    Statement parts = STRATA_TRY(connection.prepare("SELECT cid, name, coll FROM pragma_index_xinfo(?1) WHERE key"));
    parts.bind_text(1, index);
    while (STRATA_TRY(parts.step())) {
      const std::int64_t column = parts.integer(0);
      if (column < 0) {  // an expression (−2): any column may be in it
        careful = true;
        for (Column& each : table.columns) each.unique_or_referenced = true;
      } else if (unique) {
        table.columns[static_cast<std::size_t>(column)].unique_or_referenced = true;
      }
      // "PRIMARY KEY (name COLLATE NOCASE)" puts the collation on the index, not on the column.
      if (indexes.text(2) == "pk" && lower(parts.text(2)) != "binary") {
        table.why_refused = "its primary key has the collation " + std::string(parts.text(2));
      }
    }
  }
  return {};
}

Result<void> read_foreign_keys(Connection& connection, const Table& table, std::vector<ForeignKey>& out) {
  Statement keys = STRATA_TRY(
      connection.prepare("SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1) ORDER BY id, seq"));
  keys.bind_text(1, table.name);
  std::int64_t current = -1;
  while (STRATA_TRY(keys.step())) {
    if (keys.integer(0) != current) {
      current = keys.integer(0);
      out.push_back({table.name, std::string(keys.text(1)), {}, {}});
    }
    out.back().child_columns.emplace_back(keys.text(2));
    if (!keys.text(3).empty()) out.back().parent_columns.emplace_back(keys.text(3));
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const Catalog>> Catalog::load(Connection& connection) {
  auto catalog = std::make_shared<Catalog>();
  Statement tables =
      STRATA_TRY(connection.prepare("SELECT s.name, s.sql, l.strict, l.wr FROM sqlite_schema s JOIN pragma_table_list "
                                    "l ON l.name = s.name AND l.schema = 'main' "
                                    "WHERE s.type = 'table' AND s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"));
  std::map<std::string, bool> careful;
  while (STRATA_TRY(tables.step())) {
    Table table;
    table.name = tables.text(0);
    if (is_hidden(table.name)) continue;
    const std::string sql = lower(tables.text(1));
    table.hash = core::xxh3_64(lower(table.name));
    table.strict = tables.integer(2) != 0;
    table.has_check = contains(sql, "check");
    catalog->has_checks_ |= table.has_check;
    bool& is_careful = careful[lower(table.name)];
    is_careful = table.has_check;
    STRATA_TRY(read_columns(connection, table, tables.integer(3) != 0));
    STRATA_TRY(read_indexes(connection, table, is_careful));
    STRATA_TRY(read_foreign_keys(connection, table, catalog->foreign_keys_));
    write_statements(table);
    catalog->tables_.emplace(lower(table.name), std::move(table));
  }
  for (ForeignKey& key : catalog->foreign_keys_) {
    const auto child = catalog->tables_.find(lower(key.child));
    const auto parent = catalog->tables_.find(lower(key.parent));
    const auto mark = [&](auto found, const std::vector<std::string>& columns) {
      if (found == catalog->tables_.end()) return;
      found->second.in_foreign_key = true;
      careful[found->first] = true;
      for (const std::string& name : columns) {
        const int index = found->second.index_of(name);
        if (index >= 0) found->second.columns[static_cast<std::size_t>(index)].unique_or_referenced = true;
      }
    };
    if (key.parent_columns.empty() && parent != catalog->tables_.end()) {  // REFERENCES t: its primary key
      for (const int index : parent->second.key_columns) {
        key.parent_columns.push_back(parent->second.columns[static_cast<std::size_t>(index)].name);
      }
    }
    mark(child, key.child_columns);
    mark(parent, key.parent_columns);
  }
  for (auto& [name, table] : catalog->tables_) table.simple = !careful[name] && table.why_refused.empty();
  return std::shared_ptr<const Catalog>(std::move(catalog));
}

// ------------------------------------------------------------------------------------------------ values

Result<std::unique_ptr<Converter>> Converter::create() {
  auto converter = std::make_unique<Converter>();
  core::MutexLock lock(converter->mutex_);
  converter->connection_ = STRATA_TRY(Connection::open("", Connection::Role::scratch, 256 << 10));
  STRATA_TRY(
      converter->connection_.run("CREATE TABLE c(blob BLOB, text TEXT, numeric NUMERIC, integer INTEGER, real REAL); "
                                 "INSERT INTO c DEFAULT VALUES"));
  return converter;
}

Result<Value> Converter::convert(const Value& value, Affinity affinity) {
  core::MutexLock lock(mutex_);
  Statement* store = STRATA_TRY(connection_.cached("UPDATE c SET blob=?1, text=?1, numeric=?1, integer=?1, real=?1"));
  STRATA_TRY(store->bind_value(1, value));
  STRATA_TRY(store->run());
  Statement* load = STRATA_TRY(connection_.cached("SELECT blob, text, numeric, integer, real FROM c"));
  StatementUse use(*load);
  STRATA_TRY(load->step());
  return load->value(static_cast<int>(affinity));
}

namespace {

Error not_null(const Table& table, const Column& column) {
  return Error(ErrorCode::invalid_argument, "NOT NULL constraint failed: " + table.name + "." + column.name);
}

// The kinds a column of a STRICT table holds after conversion, https://www.sqlite.org/stricttables.html section 2.
bool fits_strict(const Column& column, Value::Kind kind) {
  switch (column.affinity) {
    case Affinity::integer: return kind == Value::Kind::integer;
    case Affinity::real: return kind == Value::Kind::real;
    case Affinity::text: return kind == Value::Kind::text;
    case Affinity::numeric: return true;
    case Affinity::blob: return lower(column.declared_type) == "any" || kind == Value::Kind::bytes;
  }
  return false;
}

bool exact_as_real(std::int64_t value) {
  constexpr std::int64_t kLimit = std::int64_t{1} << 53;
  return value >= -kLimit && value <= kLimit;
}

bool keeps_kind(Affinity affinity, Value::Kind kind) {
  switch (kind) {
    case Value::Kind::integer:
      return affinity == Affinity::integer || affinity == Affinity::numeric || affinity == Affinity::blob;
    case Value::Kind::real: return affinity == Affinity::real || affinity == Affinity::blob;
    case Value::Kind::text: return affinity == Affinity::text || affinity == Affinity::blob;
    default: return true;
  }
}

}  // namespace

Result<void> append_for_column(std::string& out, const Value& value, const Table& table, const Column& column,
                               Converter& converter) {
  const bool in_key = column.key_position > 0;
  const Value* stored = &value;
  Value converted;
  switch (value.kind()) {
    case Value::Kind::boolean: converted = Value(*value.boolean() ? 1 : 0); break;
    case Value::Kind::list:
    case Value::Kind::map: converted = Value(to_json(value)); break;
    case Value::Kind::real:
      if (std::isnan(*value.real()))
        converted = Value();  // SQLite has no NaN: it stores NULL
      else
        converted = value;
      break;
    default: break;
  }
  if (value.kind() == Value::Kind::boolean || value.kind() == Value::Kind::list || value.kind() == Value::Kind::map ||
      value.kind() == Value::Kind::real) {
    stored = &converted;
  }
  if (column.affinity == Affinity::real && stored->integer() && exact_as_real(*stored->integer())) {
    converted = Value(static_cast<double>(*stored->integer()));
    stored = &converted;
  } else if (!keeps_kind(column.affinity, stored->kind())) {
    converted = STRATA_TRY(converter.convert(*stored, column.affinity));
    stored = &converted;
  }
  if (stored->is_null()) {
    if (in_key)
      return Error(ErrorCode::invalid_argument, "the key column " + column.name + " of " + table.name + " is NULL");
    if (column.not_null) return not_null(table, column);
    append_null(out);
    return {};
  }
  if (table.strict && !fits_strict(column, stored->kind())) {
    return Error(ErrorCode::invalid_argument, "cannot store " + std::string(name(stored->kind())) + " value in " +
                                                  column.declared_type + " column " + table.name + "." + column.name);
  }
  if (in_key && table.rowid_key && stored->kind() != Value::Kind::integer) {
    return Error(ErrorCode::invalid_argument, "datatype mismatch: the key of " + table.name + " is an integer");
  }
  switch (stored->kind()) {
    case Value::Kind::integer: append_integer(out, *stored->integer()); break;
    case Value::Kind::real: {
      in_key ? append_key_real(out, *stored->real()) : append_real(out, *stored->real());
      break;
    }
    case Value::Kind::text: append_text(out, *stored->text()); break;
    case Value::Kind::bytes: append_blob(out, as_text(*stored->bytes())); break;
    default: append_null(out);
  }
  return {};
}

Result<std::string> key_from_map(const Table& table, const Map& key, Converter& converter) {
  std::string out;
  std::size_t used = 0;
  for (const int index : table.key_columns) {
    const Column& column = table.columns[static_cast<std::size_t>(index)];
    const Value* value = key.find(column.name);
    if (value == nullptr) {
      return Error(ErrorCode::invalid_argument, "the key column " + column.name + " of " + table.name + " is missing");
    }
    ++used;
    STRATA_TRY(append_for_column(out, *value, table, column, converter));
  }
  if (used != key.size()) {
    for (const auto& [name, value] : key) {
      const Column* column = table.find(name);
      if (column == nullptr || column->key_position == 0) {
        return Error(ErrorCode::invalid_argument, name + " is not a key column of " + table.name);
      }
    }
  }
  return out;
}

Map row_to_map(const Table& table, std::string_view key, std::string_view rest) {
  Map row;
  ValueReader keys(key), rests(rest);
  for (const int index : table.key_columns) {
    const Column& column = table.columns[static_cast<std::size_t>(index)];
    Value value = keys.next();
    if (column.affinity == Affinity::real && value.integer()) value = Value(static_cast<double>(*value.integer()));
    row.set(column.name, std::move(value));
  }
  for (const int index : table.rest_columns) row.set(table.columns[static_cast<std::size_t>(index)].name, rests.next());
  return row;
}

std::string describe_key(const Table& table, std::string_view key) {
  std::string out = table.name;
  ValueReader reader(key);
  while (!reader.done()) {
    const Value value = reader.next();
    out += ':';
    out += value.text() ? *value.text() : to_json(value);
  }
  return out;
}

}  // namespace strata::store::metadata
