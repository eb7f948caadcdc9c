// Do the stores agree? One id in every store makes the question answerable: for each memory its part must be there, and
// no store may hold a part of a memory that does not exist. All of it is read from one view, so a running writer cannot
// look like a disagreement.
#include <unordered_map>
#include <unordered_set>

#include "memory/local_memory.h"

namespace strata::memory {
namespace {

constexpr std::size_t kPage = 5'000;

Address address_of(const Value& value) {
  Address address;
  if (value.bytes() != nullptr && value.bytes()->size() == address.digest.size()) {
    std::copy(value.bytes()->begin(), value.bytes()->end(), address.digest.begin());
  }
  return address;
}

}  // namespace

Result<AgreementReport> LocalMemory::check_agreement(bool repair, const Progress& progress) noexcept {
  AgreementReport report;
  const auto view_owner = STRATA_TRY(engine_.view());
  Stores& view = *view_owner;
  if (const auto there = view.vector().collection(kCollection); !there) {
    if (there.error().code() == ErrorCode::not_found) return report;  // nothing was ever remembered
    return there.error().clone();
  }
  const bool has_activations = view.array().dataset(kDataset).has_value();
  const Rows counted = STRATA_TRY(view.metadata().query("select count(*) from atoms"));
  const auto total = static_cast<std::uint64_t>(*counted.rows[0][0].integer());
  const auto differs = [&](const std::string& id, const char* store, std::string what) -> Disagreement& {
    return report.disagreements.emplace_back(Disagreement{id, store, std::move(what), false});
  };

  std::unordered_map<std::string, std::int64_t> metric_rows;
  for (const auto& row :
       STRATA_TRY(view.analytics().query("select id, count(*) from " + std::string(kMetricsTable) + " group by id"))
           .rows) {
    if (row[0].text() != nullptr) metric_rows[*row[0].text()] = *row[1].integer();
  }

  // A memory that was forgotten and came back counts its versions on; the metrics of the forgotten ones are gone.
  std::unordered_map<std::string, std::int64_t> forgotten;
  const Rows gone_versions = STRATA_TRY(
      view.metadata().query("select id, max(version) from atom_versions where forgotten_at is not null group by id"));
  for (const auto& row : gone_versions.rows) {
    forgotten[*row[0].text()] = *row[1].integer();
  }
  // Others may have written since the view: a repair is a transaction that looks again.
  using Now = std::optional<Map>;  // the memory's row
  const auto repair_of = [&](const std::string& id, auto&& body) -> Result<bool> {
    STRATA_TRY(retrying([&]() -> Result<Lsn> {
      const auto transaction = STRATA_TRY(engine_.begin());
      STRATA_TRY(body(*transaction, STRATA_TRY(transaction->metadata().get_row("atoms", {{"id", id}}))));
      return transaction->commit();
    }));
    return true;
  };

  // Every memory has its part in every store.
  std::unordered_set<std::string> atoms;
  std::string after;
  for (;;) {
    const Rows page = STRATA_TRY(view.metadata().query(
        "select id, object, version from atoms where id > ? order by id limit " + std::to_string(kPage),
        {Value(after)}));
    if (page.rows.empty()) break;
    for (const auto& row : page.rows) {
      const std::string& id = *row[0].text();
      atoms.insert(id);
      ++report.atoms;
      ++report.present["metadata"];
      const Address address = address_of(row[1]);
      const bool has_object = STRATA_TRY(view.object().exists(address));
      if (has_object) {
        ++report.present["object"];
      } else {
        differs(id, "object", "its text " + address.to_string() + " is missing");
      }
      if (STRATA_TRY(view.vector().get(kCollection, id, false))) {
        ++report.present["vector"];
      } else {
        Disagreement& finding = differs(id, "vector", "its vector is missing");
        if (repair && has_object && embedder_->dimension() != 0) {
          finding.repaired = STRATA_TRY(repair_of(id, [&](Transaction& tx, const Now& now) -> Result<void> {
            Stores& stores = tx;
            if (!now || STRATA_TRY(stores.vector().get(kCollection, id, false))) return {};
            if (!STRATA_TRY(stores.graph().node(id))) {
              STRATA_TRY(stores.graph().put_node({id, {std::string(kLabel)}, {}}));
            }
            const StoredAtom stored = STRATA_TRY(read_atom(stores, *now, true));
            STRATA_TRY(remember(tx, std::span(&stored.atom, 1)));  // a new version with the same content
            return {};
          }));
        }
      }
      if (STRATA_TRY(view.graph().node(id))) {
        ++report.present["graph"];
      } else {
        Disagreement& finding = differs(id, "graph", "its node is missing");
        if (repair) {
          finding.repaired = STRATA_TRY(repair_of(id, [&](Transaction& tx, const Now& now) -> Result<void> {
            if (!now || STRATA_TRY(tx.graph().node(id))) return {};
            return tx.graph().put_node({id, {std::string(kLabel)}, {}});
          }));
        }
      }
      const auto metrics = metric_rows.find(id);
      const auto gone = forgotten.find(id);
      const std::int64_t expected = *row[2].integer() - (gone == forgotten.end() ? 0 : gone->second);
      if (metrics != metric_rows.end() && metrics->second == expected) {
        ++report.present["analytics"];
      } else {
        differs(id, "analytics",
                "version " + std::to_string(*row[2].integer()) + " has " +
                    std::to_string(metrics == metric_rows.end() ? 0 : metrics->second) + " metric rows");
      }
      if (has_activations && !STRATA_TRY(view.array().find(kDataset, id)).empty()) ++report.present["array"];
      if (STRATA_TRY(engine_.cache().get(std::string(kCachePrefix) + id))) ++report.present["cache"];
    }
    after = *page.rows.back()[0].text();
    if (progress && !progress(report.atoms, total)) return Error(ErrorCode::cancelled, "the check was cancelled");
  }

  // No store holds a part of a memory that is not there.
  after.clear();
  for (;;) {
    const auto page = STRATA_TRY(view.vector().scroll(kCollection, after, kPage));
    if (page.empty()) break;
    for (const StoredPoint& point : page) {
      if (atoms.contains(point.id)) continue;
      Disagreement& finding = differs(point.id, "vector", "a vector without a row");
      if (repair) {
        finding.repaired = STRATA_TRY(repair_of(point.id, [&](Stores& tx, const Now& now) -> Result<void> {
          const std::string_view ids[] = {point.id};
          if (!now) STRATA_TRY(tx.vector().remove(kCollection, ids));
          return {};
        }));
      }
    }
    after = page.back().id;
  }
  after.clear();
  for (;;) {
    const auto page = STRATA_TRY(view.graph().find_nodes(kLabel, {}, {}, kPage, after));
    if (page.empty()) break;
    for (const Node& node : page) {
      if (atoms.contains(node.id)) continue;
      Disagreement& finding = differs(node.id, "graph", "a node of a memory without a row");
      if (repair) {
        finding.repaired = STRATA_TRY(repair_of(node.id, [&](Stores& tx, const Now& now) -> Result<void> {
          if (!now) STRATA_TRY(tx.graph().remove_node(node.id, true));
          return {};
        }));
      }
    }
    after = page.back().id;
  }
  for (const auto& [id, rows] : metric_rows) {
    if (!atoms.contains(id)) differs(id, "analytics", std::to_string(rows) + " metric rows without a row");
  }
  return report;
}

}  // namespace strata::memory
