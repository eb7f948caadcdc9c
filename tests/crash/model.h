#pragma once
/// What the seven stores should hold after the transactions that the ledger names, in its order.
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "crash/plan.h"

namespace strata::crash {

/// One line of the ledger: this transaction is there, with this LSN.
struct LedgerLine {
  Lsn lsn = 0;
  std::uint64_t writer = 0, number = 0;
};

class Model {
 public:
  explicit Model(std::uint64_t seed) : seed_(seed) {}
  void apply(const LedgerLine& line);
  /// Reads all of every store and says what differs; few and short. In the past a table may stand there empty that was
  /// made later: a definition is not taken back, its rows are.
  Result<std::vector<std::string>> compare(Stores& stores, bool past = false) const;

 private:
  struct Row {
    std::uint64_t writer, op;
    std::string body;
  };
  struct LogRow {
    std::uint64_t writer, number, row;
    bool cleared = false;
  };
  using EdgeName = std::tuple<std::string, std::string, std::string>;  // source, type, target

  void apply(std::uint64_t writer, std::uint64_t number, const Planned& planned);
  void append_rows(std::uint64_t writer, std::uint64_t number, std::uint64_t rows);
  Result<void> compare_vector(VectorStore& store, std::vector<std::string>& out) const;
  Result<void> compare_searches(VectorStore& store, std::vector<std::string>& out) const;
  Result<void> compare_object(ObjectStore& store, std::vector<std::string>& out) const;
  Result<void> compare_metadata(MetadataStore& store, bool past, std::vector<std::string>& out) const;
  Result<void> compare_graph(GraphStore& store, std::vector<std::string>& out) const;
  Result<void> compare_analytics(AnalyticsStore& store, std::vector<std::string>& out) const;
  Result<void> compare_array(ArrayStore& store, std::vector<std::string>& out) const;

  std::uint64_t seed_;
  std::set<std::uint64_t> writers_;
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> points_;              // id → writer, number
  std::map<std::uint64_t, std::uint64_t> own_collections_, own_tables_, own_metrics_;  // writer → number
  std::map<std::uint64_t, std::set<std::string>> references_;                          // content → owners
  std::set<std::uint64_t> contents_;                                                   // that were ever put
  std::map<std::string, Row> items_;
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> large_;  // id → writer, number
  std::map<std::string, std::uint64_t> nodes_;
  std::map<EdgeName, std::multiset<std::uint64_t>> edges_;
  std::map<std::uint64_t, std::pair<std::uint64_t, std::uint64_t>> metrics_;  // mark → writer, number
  std::vector<LogRow> log_;
  std::map<std::string, std::vector<RowRange>> log_keys_;
  std::map<std::string, std::uint64_t> attributes_;
};

/// The ledger as a view shows it, by LSN.
Result<std::vector<LedgerLine>> read_ledger(Stores& stores);

}  // namespace strata::crash
