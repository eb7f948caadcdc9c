#pragma once
/// What the store knows of the tables, so that a row can be written and read by key without SQL.
///
/// A catalog is read from a connection, is immutable, and is replaced as a whole when DDL ran. It also answers the one
/// question the hot path asks: is this table `simple`, that is, can a row that passed the checks made here (columns,
/// NOT NULL, types) be refused by nothing else? Then a put needs no trial before the journal has it.
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/mutex.h"
#include "store/metadata/sqlite.h"
#include "strata/error.h"
#include "strata/value.h"

namespace strata::store::metadata {

/// Column affinity, https://www.sqlite.org/datatype3.html section 3.1, and the types of STRICT tables.
enum class Affinity : std::uint8_t { blob, text, numeric, integer, real };

struct Column {
  std::string name;
  std::string declared_type;
  Affinity affinity = Affinity::blob;
  bool not_null = false;
  int key_position = 0;                      ///< 1, 2, … in the primary key; 0 outside
  bool unique_or_referenced = false;         ///< in a UNIQUE index, a foreign key, or an expression
  std::optional<std::string> default_bytes;  ///< the coded default; absent: an expression evaluated at insert
};

struct ForeignKey {
  std::string child, parent;
  std::vector<std::string> child_columns, parent_columns;
};

struct Table {
  std::string name;
  std::uint64_t hash = 0;        ///< seeds the hashes of its keys
  std::vector<Column> columns;   ///< in the order of the table
  std::vector<int> key_columns;  ///< in the order of the key; empty: no primary key
  std::vector<int> rest_columns;
  std::vector<int> by_name;  ///< columns in ascending byte order of their names
  bool rowid_key = false;    ///< INTEGER PRIMARY KEY: the key is the rowid
  bool strict = false;
  bool simple = false;
  bool unique_besides_key = false;  ///< rows of one change must be removed before they are inserted
  bool has_check = false;
  bool in_foreign_key = false;  ///< as child or parent
  std::string why_refused;      ///< not empty: the table cannot be followed, and why

  std::string select_sql;  ///< rest columns by key
  std::string insert_sql;  ///< key columns, then rest columns
  std::string update_sql;  ///< rest columns, then key columns; empty when there is no rest
  std::string delete_sql;
  std::string scan_sql;  ///< key columns, then rest columns, of every row

  const Column* find(std::string_view column) const;  ///< ASCII case does not matter
  int index_of(std::string_view column) const;        ///< −1 if absent
};

class Catalog {
 public:
  /// Reads the schema of `connection`, its open transaction included.
  static Result<std::shared_ptr<const Catalog>> load(Connection& connection);

  const Table* find(std::string_view table) const;  ///< ASCII case does not matter; nullptr if absent
  const std::map<std::string, Table>& tables() const { return tables_; }
  const std::vector<ForeignKey>& foreign_keys() const { return foreign_keys_; }
  bool has_checks() const { return has_checks_; }

 private:
  std::map<std::string, Table> tables_;  // by lower-case name
  std::vector<ForeignKey> foreign_keys_;
  bool has_checks_ = false;
};

/// Names of ours: not for users to write, some not to read.
bool is_reserved(std::string_view table);
bool is_hidden(std::string_view table);  ///< strata_state, strata_history
std::string lower(std::string_view text);

/// Converts a value as SQLite would when storing it in a column: exactly, because SQLite does it, in a database in
/// memory. For the rare value that does not have the column's kind already. Threads: any.
class Converter {
 public:
  static Result<std::unique_ptr<Converter>> create();
  /// The value as `affinity` stores it.
  Result<Value> convert(const Value& value, Affinity affinity);

 private:
  core::Mutex mutex_;
  Connection connection_ STRATA_GUARDED_BY(mutex_);
};

/// Appends `value` coded as column `column` of `table` stores it.
/// Errors  invalid_argument (NOT NULL, the type of a STRICT table, a key that is NULL)
Result<void> append_for_column(std::string& out, const Value& value, const Table& table, const Column& column,
                               Converter& converter);

/// The key of a row from a map that names exactly the key columns. Errors  invalid_argument naming the column
Result<std::string> key_from_map(const Table& table, const Map& key, Converter& converter);
/// A row as a map, from its coded key and rest.
Map row_to_map(const Table& table, std::string_view key, std::string_view rest);
/// "note:n1": what a user reads of a key.
std::string describe_key(const Table& table, std::string_view key);

}  // namespace strata::store::metadata
