// Do the stores agree? One id in every store makes the question answerable: for each memory its part must be there and say
// what its row says, and no store may hold a part of a memory that does not exist. All of it is read from one view, so a
// running writer cannot look like a disagreement.
//
//     row, tags     ↔ payload of the point: modality, source, snapshot, valid times, tags, the user's metadata
//     row, versions ↔ objects: there, and kept by this id
//     row           ↔ node with the label, metric rows: one a version
//     ids of points, nodes, metric rows, tags and versions that have no row: what is left of them, objects included
//
// Not compared, for nothing else knows them: the vector itself, the words, links, the weights of tags, activations.
#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "core/clock.h"
#include "memory/local_memory.h"

namespace strata::memory {
namespace {

constexpr std::size_t kPage = 5'000;
const core::SystemClock kClock;

Address address_of(const Value& value) {
  Address address;
  if (value.bytes() != nullptr && value.bytes()->size() == address.digest.size()) {
    std::copy(value.bytes()->begin(), value.bytes()->end(), address.digest.begin());
  }
  return address;
}

bool is_ours(const Node& node) {
  return std::find(node.labels.begin(), node.labels.end(), kLabel) != node.labels.end();
}

/// The names under which two payloads say different things: "source, tags".
std::string differing(const Map& expected, const Map& found) {
  std::set<std::string> names;
  for (const auto& [name, value] : expected) names.insert(name);
  for (const auto& [name, value] : found) names.insert(name);
  const auto said = [](const Value* value, bool as_set) -> std::string {
    if (value == nullptr) return {};
    if (!as_set || value->list() == nullptr) return to_json(*value);  // the row kept it as JSON
    std::set<std::string> all;                                        // rows are in no order, and hold a tag once
    for (const Value& each : *value->list()) all.insert(to_json(each));
    std::string text;
    for (const std::string& each : all) text += each + ",";
    return text;
  };
  std::string list;
  for (const std::string& name : names) {
    if (said(expected.find(name), name == "tags") == said(found.find(name), name == "tags")) continue;
    list += (list.empty() ? "" : ", ") + name;
  }
  return list;
}

}  // namespace

class LocalMemory::Agreement {
 public:
  Agreement(LocalMemory& memory, Stores& view, bool repair) : memory_(memory), view_(view), repair_(repair) {}

  Result<AgreementReport> check(const Progress& progress) {
    if (const auto there = view_.vector().collection(kCollection)) {
      has_vectors_ = true;
    } else if (there.error().code() != ErrorCode::not_found) {
      return there.error().clone();
    }
    has_activations_ = view_.array().dataset(kDataset).has_value();
    STRATA_TRY(count_metrics());
    STRATA_TRY(check_memories(progress));
    STRATA_TRY(check_remains());
    return std::move(report_);
  }

 private:
  using Now = std::optional<Map>;  // the memory's row, in the transaction of a repair

  Disagreement& differs(const std::string& id, const char* store, std::string what) {
    return report_.disagreements.emplace_back(Disagreement{id, store, std::move(what), false});
  }

  /// Others may have written since the view: a repair is a transaction that looks again.
  template <typename Body>
  Result<void> mend(Disagreement& finding, Body&& body) {
    if (!repair_) return {};
    STRATA_TRY(retrying([&]() -> Result<Lsn> {
      const auto transaction = STRATA_TRY(memory_.engine_.begin());
      STRATA_TRY(body(*transaction, STRATA_TRY(transaction->metadata().get_row("atoms", {{"id", finding.id}}))));
      return transaction->commit();
    }));
    finding.repaired = true;
    return {};
  }

  Result<void> count_metrics() {
    const Rows counted =
        STRATA_TRY(view_.analytics().query("select id, count(*) from " + std::string(kMetricsTable) + " group by id"));
    for (const auto& row : counted.rows) {
      if (row[0].text() != nullptr) metric_rows_[*row[0].text()] = *row[1].integer();
    }
    // A memory that was forgotten and came back counts its versions on; the metrics of the forgotten ones are gone.
    const Rows gone = STRATA_TRY(view_.metadata().query(
        "select id, max(version) from atom_versions where forgotten_at is not null group by id"));
    for (const auto& row : gone.rows) forgotten_[*row[0].text()] = *row[1].integer();
    return {};
  }

  // ---- every memory has its part in every store -----------------------------------------------------------------

  Result<void> check_memories(const Progress& progress) {
    const Rows counted = STRATA_TRY(view_.metadata().query("select count(*) from atoms"));
    const auto total = static_cast<std::uint64_t>(*counted.rows[0][0].integer());
    std::string after;
    for (;;) {
      const Rows page = STRATA_TRY(view_.metadata().query(
          "select id, object, version, modality, source, snapshot_id, valid_from, valid_to, metadata from atoms "
          "where id > ? order by id limit " +
              std::to_string(kPage),
          {Value(after)}));
      if (page.rows.empty()) return {};
      for (const auto& row : page.rows) {
        const std::string& id = *row[0].text();
        atoms_.insert(id);
        ++report_.atoms;
        ++report_.present["metadata"];
        const std::int64_t version = *row[2].integer();
        const bool has_object = STRATA_TRY(check_objects(id, address_of(row[1]), version));
        STRATA_TRY(check_point(id, row, has_object));
        STRATA_TRY(check_node(id));
        STRATA_TRY(check_metrics(id, version));
        if (has_activations_ && !STRATA_TRY(view_.array().find(kDataset, id)).empty()) ++report_.present["array"];
        if (STRATA_TRY(memory_.engine_.cache().get(std::string(kCachePrefix) + id))) ++report_.present["cache"];
      }
      after = *page.rows.back()[0].text();
      if (progress && !progress(report_.atoms, total)) return Error(ErrorCode::cancelled, "the check was cancelled");
    }
  }

  /// The text of this and of earlier versions. Whether the present one is there.
  Result<bool> check_objects(const std::string& id, const Address& address, std::int64_t version) {
    const std::vector<Address> owned = STRATA_TRY(view_.object().owned(id));
    const auto check = [&](const Address& text, const std::string& whose) -> Result<bool> {
      if (!STRATA_TRY(view_.object().exists(text))) {
        differs(id, "object", whose + " " + text.to_string() + " is missing");
        return false;
      }
      if (std::binary_search(owned.begin(), owned.end(), text)) return true;
      STRATA_TRY(
          mend(differs(id, "object", whose + " " + text.to_string() + " is not kept by it: compact may remove it"),
               [&](Stores& tx, const Now& now) -> Result<void> {
                 if (!now) return {};
                 const Bytes content = STRATA_TRY(tx.object().get(text));
                 STRATA_TRY(tx.object().put(content, {.owner = id}));
                 return {};
               }));
      return true;
    };
    const bool there = STRATA_TRY(check(address, "its text"));
    if (there) ++report_.present["object"];
    if (version == 1) return there;
    const Rows earlier = STRATA_TRY(view_.metadata().query(
        "select version, object from atom_versions where id = ? and object is not null", {Value(id)}));
    for (const auto& row : earlier.rows) {
      STRATA_TRY(check(address_of(row[1]), "the text of version " + std::to_string(*row[0].integer())));
    }
    return there;
  }

  Result<void> check_point(const std::string& id, const std::vector<Value>& row, bool has_object) {
    const auto point = has_vectors_ ? STRATA_TRY(view_.vector().get(kCollection, id, false)) : std::nullopt;
    if (point) {
      ++report_.present["vector"];
      const std::string names = differing(STRATA_TRY(expected_payload(id, row)), point->payload);
      if (names.empty()) return {};
      Disagreement& finding = differs(id, "vector", "its payload differs from its row in: " + names);
      if (!has_object) return {};
      return mend(finding, [&](Stores& tx, const Now& now) -> Result<void> {  // rows are what a user sees and changes
        const auto present = STRATA_TRY(tx.vector().get(kCollection, id));
        if (!now || !present) return {};
        const StoredAtom stored = STRATA_TRY(memory_.read_atom(tx, *now, true));
        const Point told{id, present->vector, payload_of(stored.atom), stored.atom.text};
        return tx.vector().upsert(kCollection, {&told, 1});
      });
    }
    Disagreement& finding = differs(id, "vector", "its vector is missing");
    if (!has_object || memory_.embedder_->dimension() == 0) return {};
    return mend(finding, [&](Transaction& tx, const Now& now) -> Result<void> {
      Stores& stores = tx;
      if (!now) return {};
      if (stores.vector().collection(kCollection) && STRATA_TRY(stores.vector().get(kCollection, id, false))) return {};
      if (!STRATA_TRY(stores.graph().node(id))) STRATA_TRY(stores.graph().put_node({id, {std::string(kLabel)}, {}}));
      const StoredAtom stored = STRATA_TRY(memory_.read_atom(stores, *now, true));
      STRATA_TRY(memory_.remember(tx, std::span(&stored.atom, 1)));  // a new version with the same content
      return {};
    });
  }

  Result<Map> expected_payload(const std::string& id, const std::vector<Value>& row) {
    const auto text = [](const Value& value) { return value.text() ? *value.text() : std::string(); };
    Atom atom;
    atom.modality = text(row[3]);
    atom.source = text(row[4]);
    atom.snapshot = text(row[5]);
    if (row[6].integer()) atom.valid_from = *row[6].integer();
    if (row[7].integer()) atom.valid_to = *row[7].integer();
    if (const std::string metadata = text(row[8]); !metadata.empty()) {
      const auto parsed = parse_json(metadata);
      if (parsed && parsed->map() != nullptr) {
        atom.metadata = *parsed->map();
      } else {
        differs(id, "metadata", "its metadata is no JSON object");
      }
    }
    const Rows tags = STRATA_TRY(view_.metadata().query("select key, value from tags where atom_id = ?", {Value(id)}));
    for (const auto& tag : tags.rows) atom.tags.push_back({text(tag[0]), text(tag[1])});
    return payload_of(atom);
  }

  Result<void> check_node(const std::string& id) {
    const auto node = STRATA_TRY(view_.graph().node(id));
    if (node && is_ours(*node)) {
      ++report_.present["graph"];
      return {};
    }
    return mend(differs(id, "graph", node ? "its node lacks the label Atom" : "its node is missing"),
                [&](Stores& tx, const Now& now) -> Result<void> {
                  auto present = STRATA_TRY(tx.graph().node(id));
                  if (!now || (present && is_ours(*present))) return {};
                  Node made = present ? *std::move(present) : Node{id, {}, {}};
                  made.labels.emplace_back(kLabel);
                  return tx.graph().put_node(made);
                });
  }

  Result<void> check_metrics(const std::string& id, std::int64_t version) {
    const auto metrics = metric_rows_.find(id);
    const std::int64_t rows = metrics == metric_rows_.end() ? 0 : metrics->second;
    const auto gone = forgotten_.find(id);
    if (rows == version - (gone == forgotten_.end() ? 0 : gone->second)) {
      ++report_.present["analytics"];
      return {};
    }
    return mend(differs(id, "analytics",
                        "version " + std::to_string(version) + " has " + std::to_string(rows) + " metric rows"),
                [&](Stores& tx, const Now& now) -> Result<void> {
                  if (!now) return {};
                  STRATA_TRY(tx.analytics().erase(kMetricsTable, "id", Value(id)));
                  const Rows versions = STRATA_TRY(tx.metadata().query(
                      "select version, created_at, object from atom_versions where id = ? and object is not null "
                      "union select version, created_at, object from atoms where id = ? order by version",
                      {Value(id), Value(id)}));
                  std::vector<std::vector<Value>> made;
                  for (const auto& row : versions.rows) {
                    const auto info = tx.object().info(address_of(row[2]));
                    if (!info && info.error().code() != ErrorCode::not_found) return info.error().clone();
                    made.push_back({id, row[1], row[0], info ? Value(info->bytes) : Value()});
                  }
                  STRATA_TRY(tx.analytics().append(kMetricsTable, made));
                  return {};
                });
  }

  // ---- no store holds a part of a memory that is not there ------------------------------------------------------

  Result<void> check_remains() {
    std::string after;
    while (has_vectors_) {
      const auto page = STRATA_TRY(view_.vector().scroll(kCollection, after, kPage));
      if (page.empty()) break;
      for (const StoredPoint& point : page) remains(point.id, "vector", "a vector without a row");
      after = page.back().id;
    }
    after.clear();
    for (;;) {
      const auto page = STRATA_TRY(view_.graph().find_nodes(kLabel, {}, {}, kPage, after));
      if (page.empty()) break;
      for (const Node& node : page) remains(node.id, "graph", "a node of a memory without a row");
      after = page.back().id;
    }
    for (const auto& [id, rows] : metric_rows_) {
      remains(id, "analytics", std::to_string(rows) + " metric rows without a row");
    }
    STRATA_TRY(scan_ids("select distinct atom_id from tags where atom_id > ? order by atom_id",
                        [&](const std::string& id) { remains(id, "metadata", "tags of a memory without a row"); }));
    STRATA_TRY(scan_ids("select distinct id from atom_versions where object is not null and id > ? order by id",
                        [&](const std::string& id) { remains(id, "metadata", "versions of a memory without a row"); }));
    // Who was forgotten owns nothing any more.
    STRATA_TRY(scan_ids("select distinct id from atom_versions where id > ? order by id", [&](const std::string& id) {
      if (!atoms_.contains(id)) gone_.try_emplace(id);
    }));
    for (auto& [id, findings] : gone_) {
      if (const auto owned = STRATA_TRY(view_.object().owned(id)); !owned.empty()) {
        remains(id, "object", "keeps " + std::to_string(owned.size()) + " objects and has no row");
      }
      if (findings.empty()) continue;
      // What is found about one memory is removed with one transaction.
      STRATA_TRY(mend(report_.disagreements[findings.front()], [&](Transaction& tx, const Now& now) -> Result<void> {
        if (!now) STRATA_TRY(memory_.remove_parts(tx, id, nullptr, kClock.now()));
        return {};
      }));
      for (const std::size_t finding : findings) report_.disagreements[finding].repaired = repair_;
    }
    return {};
  }

  void remains(const std::string& id, const char* store, std::string what) {
    if (atoms_.contains(id)) return;
    gone_[id].push_back(report_.disagreements.size());
    differs(id, store, std::move(what));
  }

  Result<void> scan_ids(const std::string& sql, const std::function<void(const std::string&)>& visit) {
    std::string after;
    for (;;) {
      const Rows page = STRATA_TRY(view_.metadata().query(sql + " limit " + std::to_string(kPage), {Value(after)}));
      if (page.rows.empty()) return {};
      for (const auto& row : page.rows) visit(*row[0].text());
      after = *page.rows.back()[0].text();
    }
  }

  LocalMemory& memory_;
  Stores& view_;
  const bool repair_;
  AgreementReport report_;
  bool has_vectors_ = false, has_activations_ = false;
  std::unordered_set<std::string> atoms_;
  std::unordered_map<std::string, std::int64_t> metric_rows_, forgotten_;
  std::map<std::string, std::vector<std::size_t>> gone_;  // ids without a row, and their findings
};

Result<AgreementReport> LocalMemory::check_agreement(bool repair, const Progress& progress) noexcept {
  if (repair) STRATA_TRY(replace_dropped_tables());
  const auto view = STRATA_TRY(engine_.view());
  return Agreement(*this, *view, repair).check(progress);
}

}  // namespace strata::memory
