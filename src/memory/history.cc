// One memory over time: get, history, forget; and snapshots, which name the present set of memories.
#include <algorithm>

#include "core/clock.h"
#include "core/digest.h"
#include "memory/local_memory.h"

namespace strata::memory {
namespace {

const core::SystemClock kClock;
constexpr std::size_t kIdShown = 80;

Error no_memory(std::string_view id) {
  return Error(ErrorCode::not_found, "no memory \"" + std::string(id.substr(0, kIdShown)) + "\"");
}

std::string text_of(const Map& row, std::string_view column) {
  const Value* value = row.find(column);
  return value != nullptr && value->text() != nullptr ? *value->text() : std::string();
}

std::optional<std::int64_t> integer_of(const Map& row, std::string_view column) {
  const Value* value = row.find(column);
  if (value == nullptr || value->integer() == nullptr) return std::nullopt;
  return *value->integer();
}

Map to_map(const Rows& rows, std::size_t index) {
  Map map;
  for (std::size_t column = 0; column < rows.columns.size(); ++column) {
    map.set(rows.columns[column], rows.rows[index][column]);
  }
  return map;
}

}  // namespace

Result<std::string> LocalMemory::read_text(Stores& view, const Map& row) {
  const Value* object = row.find("object");
  const Bytes* digest = object ? object->bytes() : nullptr;
  if (digest == nullptr) return std::string();  // forgotten
  Address address;
  if (digest->size() != address.digest.size()) {
    return Error(ErrorCode::corruption, "memory \"" + text_of(row, "id") + "\": its object address has " +
                                            std::to_string(digest->size()) + " bytes");
  }
  std::copy(digest->begin(), digest->end(), address.digest.begin());
  const Bytes bytes = STRATA_TRY(view.object().get(address));
  return std::string(as_text(bytes));
}

Result<StoredAtom> LocalMemory::read_atom(Stores& view, const Map& row, bool with_tags_and_links) {
  StoredAtom stored;
  Atom& atom = stored.atom;
  atom.id = text_of(row, "id");
  atom.modality = text_of(row, "modality");
  atom.source = text_of(row, "source");
  atom.snapshot = text_of(row, "snapshot_id");
  atom.valid_from = integer_of(row, "valid_from");
  atom.valid_to = integer_of(row, "valid_to");
  stored.version = static_cast<std::uint64_t>(integer_of(row, "version").value_or(0));
  stored.lsn = static_cast<Lsn>(integer_of(row, "lsn").value_or(0));
  stored.created_at = integer_of(row, "created_at").value_or(0);
  stored.forgotten = integer_of(row, "forgotten_at").has_value();
  if (const std::string metadata = text_of(row, "metadata"); !metadata.empty()) {
    const Value value = STRATA_TRY(parse_json(metadata));
    if (value.map() != nullptr) atom.metadata = *value.map();
  }
  atom.text = STRATA_TRY(read_text(view, row));
  if (!with_tags_and_links) return stored;
  const Value id(atom.id);
  const Rows tags = STRATA_TRY(
      view.metadata().query("select key, value, weight from tags where atom_id = ? order by key, value", {id}));
  for (const auto& tag : tags.rows) atom.tags.push_back({*tag[0].text(), *tag[1].text(), *tag[2].real()});
  auto neighbours = view.graph().neighbours(atom.id, {Direction::out, {}, 10'000});
  if (!neighbours && neighbours.error().code() != ErrorCode::not_found) return std::move(neighbours).error();
  if (neighbours) {
    for (const Neighbour& neighbour : *neighbours) {
      const auto edge = STRATA_TRY(view.graph().edge(neighbour.edge));
      atom.links.push_back({neighbour.type, neighbour.node, edge ? edge->properties : Map()});
    }
  }
  return stored;
}

Result<std::optional<StoredAtom>> LocalMemory::get(std::string_view id, const AsOf& as_of) noexcept {
  const auto view = STRATA_TRY(engine_.view(as_of));
  const auto row = STRATA_TRY(view->metadata().get_row("atoms", {{"id", std::string(id)}}));
  if (!row) return std::optional<StoredAtom>();
  return std::optional<StoredAtom>(STRATA_TRY(read_atom(*view, *row, true)));
}

Result<std::vector<StoredAtom>> LocalMemory::history(std::string_view id) noexcept {
  const auto view = STRATA_TRY(engine_.view());
  const Value key{std::string(id)};
  std::vector<StoredAtom> versions;
  if (const auto row = STRATA_TRY(view->metadata().get_row("atoms", {{"id", key}}))) {
    versions.push_back(STRATA_TRY(read_atom(*view, *row, true)));
  }
  const Rows earlier =
      STRATA_TRY(view->metadata().query("select * from atom_versions where id = ? order by version desc", {key}));
  for (std::size_t i = 0; i < earlier.rows.size(); ++i) {
    versions.push_back(STRATA_TRY(read_atom(*view, to_map(earlier, i), false)));
  }
  if (versions.empty()) return no_memory(id);
  return versions;
}

Result<ForgetReceipt> LocalMemory::forget(std::string_view id) noexcept {
  return retrying([&, key = std::string(id)] { return forget_once(key); });
}

Result<std::map<std::string, std::uint64_t>> LocalMemory::remove_parts(Transaction& tx, const std::string& id,
                                                                       const Map* row, Timestamp now) {
  std::map<std::string, std::uint64_t> removed;
  // What stays is that there was something, and when; no content.
  const Rows earlier =
      STRATA_TRY(tx.metadata().query("select * from atom_versions where id = ? and object is not null", {Value(id)}));
  std::vector<Map> versions;
  if (row != nullptr) versions.push_back(*row);
  for (std::size_t i = 0; i < earlier.rows.size(); ++i) versions.push_back(to_map(earlier, i));
  for (Map& version : versions) {
    for (const char* column : {"object", "source", "metadata", "snapshot_id", "modality", "valid_from", "valid_to"}) {
      version.set(column, Value());
    }
    version.set("forgotten_at", now);
    STRATA_TRY(tx.metadata().put_row("atom_versions", version));
  }
  const Rows tags = STRATA_TRY(tx.metadata().query("select key, value from tags where atom_id = ?", {Value(id)}));
  for (const auto& tag : tags.rows) {
    STRATA_TRY(tx.metadata().remove_row("tags", {{"atom_id", id}, {"key", tag[0]}, {"value", tag[1]}}));
  }
  if (row != nullptr) STRATA_TRY(tx.metadata().remove_row("atoms", {{"id", id}}));
  removed["metadata"] = (row != nullptr ? 1 : 0) + tags.rows.size();

  Stores& stores = tx;
  const std::string_view ids[] = {id};
  removed["vector"] = 0;
  if (const auto collection = stores.vector().collection(kCollection)) {
    removed["vector"] = STRATA_TRY(stores.vector().remove(kCollection, ids));
  } else if (collection.error().code() != ErrorCode::not_found) {
    return collection.error().clone();
  }
  removed["object"] = STRATA_TRY(tx.object().release(id));
  const auto node = STRATA_TRY(tx.graph().node(id));
  // Without a row, a node of this id is memory's only when it says so.
  const bool ours = node && std::find(node->labels.begin(), node->labels.end(), kLabel) != node->labels.end();
  if (node && (row != nullptr || ours)) {
    removed["graph"] = 1 + STRATA_TRY(tx.graph().degree(id, {Direction::both, {}, 1'000'000}));
    STRATA_TRY(tx.graph().remove_node(id, true));
  }
  removed["analytics"] = STRATA_TRY(tx.analytics().erase(kMetricsTable, "id", Value(id)));
  std::uint64_t rows = 0;
  ArrayStore& arrays = stores.array();
  if (const auto dataset = arrays.dataset(kDataset)) {
    for (const RowRange& range : STRATA_TRY(arrays.find(kDataset, id))) {
      STRATA_TRY(arrays.clear_rows(kDataset, range.begin, range.end));
      rows += range.end - range.begin;
    }
  } else if (dataset.error().code() != ErrorCode::not_found) {
    return dataset.error().clone();
  }
  removed["array"] = rows;
  removed["cache"] = STRATA_TRY(tx.cache().remove(std::string(kCachePrefix) + id)) ? 1 : 0;
  return removed;
}

Result<ForgetReceipt> LocalMemory::forget_once(const std::string& key) {
  auto transaction = STRATA_TRY(engine_.begin());
  Transaction& tx = *transaction;
  auto row = STRATA_TRY(tx.metadata().get_row("atoms", {{"id", key}}));
  if (!row) return no_memory(key);
  ForgetReceipt receipt;
  receipt.id = key;
  receipt.time = kClock.now();
  receipt.removed = STRATA_TRY(remove_parts(tx, key, &*row, receipt.time));
  receipt.lsn = STRATA_TRY(tx.commit());

  std::string proof = receipt.id + "\n" + std::to_string(receipt.lsn) + "\n" + std::to_string(receipt.time);
  for (const auto& [store, items] : receipt.removed) proof += "\n" + store + "=" + std::to_string(items);
  receipt.hash = core::to_hex(core::sha256(as_bytes(proof)));
  return receipt;
}

// ---- snapshots --------------------------------------------------------------------------------------------------

Result<SnapshotInfo> LocalMemory::snapshot(std::string_view id, std::string_view notes) noexcept {
  // It becomes a tag, too, and there must be no snapshot without one.
  constexpr std::size_t kNameBytesMax = 128;
  if (id.empty() || id.size() > kNameBytesMax || id.find_first_not_of("0123456789") == std::string_view::npos) {
    return Error(ErrorCode::invalid_argument, "the name of a snapshot has 1 to 128 bytes and is not a number: \"" +
                                                  std::string(id.substr(0, kNameBytesMax)) + "\"");
  }
  return retrying([&] { return snapshot_once(id, notes); });
}

Result<SnapshotInfo> LocalMemory::snapshot_once(std::string_view id, std::string_view notes) {
  auto transaction = STRATA_TRY(engine_.begin());
  MetadataStore& metadata = transaction->metadata();
  if (STRATA_TRY(metadata.get_row("snapshots", {{"id", std::string(id)}}))) {
    return Error(ErrorCode::already_exists, "there is a snapshot \"" + std::string(id) + "\"");
  }
  SnapshotInfo info;
  info.id = id;
  info.notes = notes;
  info.created_at = kClock.now();
  // The state that is hashed is the one that is named: others may commit before we do.
  info.lsn = transaction->view_lsn();
  const auto named = STRATA_TRY(engine_.view(AsOf::at(info.lsn)));
  const Rows last =
      STRATA_TRY(metadata.query("select id, hash from snapshots order by created_at desc, id desc limit 1"));
  std::string parent_hash;
  if (!last.rows.empty()) {
    info.parent = *last.rows[0][0].text();
    parent_hash = *last.rows[0][1].text();
  }
  core::Sha256 hash;
  hash.update(as_bytes(parent_hash + "\n" + info.id + "\n"));
  std::string after;
  for (;;) {  // in pages: a database may hold more memories than one result may have rows
    const Rows page = STRATA_TRY(
        metadata.query("select id, version from atoms where id > ? order by id limit 10000", {Value(after)}));
    for (const auto& row : page.rows) {
      hash.update(as_bytes(*row[0].text() + "\n" + std::to_string(*row[1].integer()) + "\n"));
    }
    if (page.rows.empty()) break;
    after = *page.rows.back()[0].text();
  }
  info.hash = core::to_hex(hash.finish());
  STRATA_TRY(metadata.put_row("snapshots", {{"id", info.id},
                                            {"hash", info.hash},
                                            {"created_at", info.created_at},
                                            {"parent", info.parent.empty() ? Value() : Value(info.parent)},
                                            {"notes", info.notes.empty() ? Value() : Value(info.notes)},
                                            {"metadata", Value()},
                                            {"lsn", info.lsn}}));
  STRATA_TRY(transaction->commit());
  STRATA_TRY(engine_.set_tag(info.id, info.lsn));
  return info;
}

Result<std::vector<SnapshotInfo>> LocalMemory::snapshots() noexcept {
  const Rows rows = STRATA_TRY(engine_.metadata().query(
      "select id, hash, parent, notes, created_at, lsn from snapshots order by created_at, id"));
  std::vector<SnapshotInfo> snapshots;
  for (const auto& row : rows.rows) {
    const auto text = [&](std::size_t column) { return row[column].text() ? *row[column].text() : std::string(); };
    snapshots.push_back({text(0), text(1), text(2), text(3), *row[4].integer(), static_cast<Lsn>(*row[5].integer())});
  }
  return snapshots;
}

Result<std::uint64_t> LocalMemory::count() noexcept {
  const Rows rows = STRATA_TRY(engine_.metadata().query("select count(*) from atoms"));
  return static_cast<std::uint64_t>(*rows.rows[0][0].integer());
}

}  // namespace strata::memory
