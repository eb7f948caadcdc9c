#pragma once
/// The tables that there are and were: what a name means at an LSN, without asking DuckDB.
///
/// A table that is dropped stays listed as long as some view may read it, and a name may be used again: then there are two
/// tables of that name, alive at different LSNs, with different ids. The id names the table within DuckDB. Ids are given in
/// the order of the journal, so that a rebuild gives the same ones.
#include <memory>
#include <string_view>
#include <vector>

#include "store/analytics/mutation.h"

namespace strata::store::analytics {

struct Table {
  std::uint64_t id = 0;
  std::string name;
  std::vector<ColumnDefinition> columns;
  std::vector<Lsn> column_since;  ///< ascending, one per column
  Lsn created = 0;
  Lsn dropped = 0;  ///< 0: not

  bool alive(Lsn view) const { return created <= view && (dropped == 0 || view < dropped); }
  std::size_t columns_at(Lsn view) const;
};

/// Immutable once published: changes make a copy, since they are rare and reads are not.
class Catalog {
 public:
  const std::vector<Table>& tables() const { return tables_; }
  const Table* find(std::string_view name, Lsn view) const;  ///< nullptr: no such table then
  const Table* find_id(std::uint64_t id) const;
  /// The catalog as `view` sees it, for a transaction to put its own tables on. Their ids meet no committed table's.
  Catalog at(Lsn view) const;

  /// Errors  corruption: not what a valid transaction could have asked for
  Result<void> define(std::string_view name, std::vector<ColumnDefinition> columns, Lsn lsn);
  Result<void> drop(std::string_view name, Lsn lsn);
  /// Forgets tables dropped at or before `horizon`.
  void forget_dropped(Lsn horizon);

  void encode(core::Encoder& out) const;
  static Result<Catalog> decode(core::Decoder& in);

 private:
  Table* find_alive(std::string_view name);
  std::vector<Table> tables_;
  std::uint64_t next_id_ = 1;
};

using CatalogPointer = std::shared_ptr<const Catalog>;

/// "boolean a, real b"
std::string to_text(std::span<const ColumnDefinition> columns);
bool same_column(const ColumnDefinition& a, const ColumnDefinition& b);

}  // namespace strata::store::analytics
