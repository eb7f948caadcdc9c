#pragma once
/// The public contract over a transaction: what it writes is held in a buffer per table until the commit makes a section
/// of it; what it asks is answered by the mirror, with the buffer on top.
#include <map>

#include "store/analytics/analytics_store.h"

namespace strata::store::analytics {

/// One transaction's changes. Within a table the order is: drop what was there, define, append, erase.
class AnalyticsBuffer final : public transaction::WriteBuffer {
 public:
  struct TableWrites {
    bool dropped = false;  // the table that the view has
    std::optional<std::vector<ColumnDefinition>> defined;
    std::vector<ColumnDefinition> columns;  // of the appended rows
    std::vector<Row> rows;
    std::vector<RowId> erased;  // committed rows, ascending
    bool empty() const { return !dropped && !defined && rows.empty() && erased.empty(); }
  };

  bool empty() const override;
  void encode(core::Encoder& out) const override;
  std::string describe(std::uint64_t key) const override;
  std::unique_ptr<Saved> save() override;
  void restore(const Saved& saved) override;
  Result<void> affects(transaction::Context& context, std::vector<std::uint64_t>& predicates) const override;

  TableWrites& writes(std::string_view table) { return tables_[std::string(table)]; }
  TableWrites* find(std::string_view table);
  void for_each(const std::function<void(const std::string&, const TableWrites&)>& visit) const {
    for (const auto& [table, writes] : tables_) visit(table, writes);
  }

 private:
  std::map<std::string, TableWrites, std::less<>> tables_;
};

class AnalyticsSession final : public AnalyticsStore {
 public:
  AnalyticsSession(AnalyticsParticipant& store, transaction::Session& session) : store_(store), session_(session) {}

  Result<void> create_table(std::string_view table, std::span<const ColumnDefinition> columns) override;
  Result<void> drop_table(std::string_view table) override;
  Result<std::vector<TableInfo>> tables() override;
  Result<void> append(std::string_view table, std::span<const std::vector<Value>> rows) override;
  Result<void> append(std::string_view table, const Map& row) override;
  Result<std::uint64_t> erase(std::string_view table, std::string_view column, const Value& value) override;
  Result<Rows> query(std::string_view sql, std::span<const Value> parameters) override;
  Result<ArrowStream> query_arrow(std::string_view sql, std::span<const Value> parameters) override;

 private:
  using Context = transaction::Context;
  /// The columns a table has for this transaction. Errors  not_found
  Result<std::vector<ColumnDefinition>> columns_of(Context& tx, std::string_view table);
  Result<void> append_checked(Context& tx, std::string_view table, const std::vector<ColumnDefinition>& columns,
                              std::span<const std::vector<Value>> rows);
  AnalyticsBuffer& buffer(Context& tx);
  static AnalyticsBuffer* buffer_if_any(Context& tx);
  Result<std::optional<OwnWrites>> own_writes(Context& tx);
  /// Notes that the answer depends on the rows of the tables that the statement may read.
  void note_tables(Context& tx, std::string_view sql);

  AnalyticsParticipant& store_;
  transaction::Session& session_;
};

}  // namespace strata::store::analytics
