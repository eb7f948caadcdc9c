#include "crash/model.h"

#include <cstring>

#include "core/digest.h"

namespace strata::crash {
namespace {

/// A store that says so does not answer wrongly: the error is the caller's to judge.
template <typename T>
bool is_damage(const Result<T>& result) {
  return !result && result.error().code() == ErrorCode::corruption;
}

std::string text(std::uint64_t number) { return std::to_string(number); }

std::uint64_t number_of(const Value& value) {
  return value.integer() != nullptr ? static_cast<std::uint64_t>(*value.integer()) : UINT64_MAX;
}

std::uint64_t op_of(const Map& properties) {
  const Value* op = properties.find("op");
  return op != nullptr ? number_of(*op) : UINT64_MAX;
}

}  // namespace

void Model::append_rows(std::uint64_t writer, std::uint64_t number, std::uint64_t rows) {
  log_keys_[key_of(writer, number)].push_back({log_.size(), log_.size() + rows});
  for (std::uint64_t row = 0; row < rows; ++row) log_.push_back({writer, number, row});
}

void Model::apply(const LedgerLine& line) {
  writers_.insert(line.writer);
  for (const Planned& planned : plan_of(seed_, line.writer, line.number).effects)
    apply(line.writer, line.number, planned);
}

void Model::apply(std::uint64_t writer, std::uint64_t number, const Planned& planned) {
  const std::string key = key_of(writer, planned.key);
  switch (planned.effect) {
    case Effect::upsert_point: points_[key] = {writer, number}; break;
    case Effect::remove_point: points_.erase(key); break;
    case Effect::create_collection: own_collections_[writer] = number; break;
    case Effect::drop_collection: own_collections_.erase(writer); break;
    case Effect::put_object:
      references_[planned.other].insert(key);
      contents_.insert(planned.other);
      break;
    case Effect::release_owner:
      for (auto& [content, owners] : references_) owners.erase(key);
      break;
    case Effect::collect_objects: break;  // takes away only what nothing refers to, and that is not looked for
    case Effect::put_row: items_[key] = {writer, number, "row " + text(number * 7919)}; break;
    case Effect::remove_row: items_.erase(key); break;
    case Effect::update_rows:
      for (auto& [id, row] : items_) {
        if (row.writer == writer && id <= key) row.op = number;
      }
      break;
    case Effect::create_table: own_tables_[writer] = number; break;
    case Effect::drop_table: own_tables_.erase(writer); break;
    case Effect::put_node:
      nodes_[key] = number;
      edges_[{key, "at", "hub"}] = {number};
      break;
    case Effect::add_edge: {
      const std::string target = key_of(writer, planned.other);
      nodes_[key] = nodes_[target] = number;
      edges_[{key, "next", target}].insert(number);
      break;
    }
    case Effect::remove_node:
      nodes_.erase(key);
      std::erase_if(edges_,
                    [&](const auto& edge) { return std::get<0>(edge.first) == key || std::get<2>(edge.first) == key; });
      break;
    case Effect::append_metrics: metrics_[writer * 1'000'000 + number] = {writer, number}; break;
    case Effect::erase_metrics: metrics_.erase(writer * 1'000'000 + planned.other); break;
    case Effect::create_metrics_table: own_metrics_[writer] = number; break;
    case Effect::drop_metrics_table: own_metrics_.erase(writer); break;
    case Effect::append_rows: append_rows(writer, number, planned.other); break;
    case Effect::append_many_rows: append_rows(writer, number, kManyRows); break;
    case Effect::clear_rows: {
      const auto found = log_keys_.find(key_of(writer, planned.other));
      if (found == log_keys_.end()) break;
      for (const RowRange& range : found->second) {
        for (std::uint64_t row = range.begin; row < range.end; ++row) log_[row].cleared = true;
      }
      break;
    }
    case Effect::set_attribute: attributes_[key] = number; break;
    case Effect::set_cache: break;  // a cache forgets when its process dies
    case Effect::large_record:
      for (std::uint64_t row = 0; row < kLargeRows; ++row) large_["r" + text(row)] = {writer, number};
      break;
  }
}

Result<std::vector<std::string>> Model::compare(Stores& stores, bool past) const {
  std::vector<std::string> out;
  STRATA_TRY(compare_vector(stores.vector(), out));
  STRATA_TRY(compare_object(stores.object(), out));
  STRATA_TRY(compare_graph(stores.graph(), out));
  STRATA_TRY(compare_array(stores.array(), out));
  // After those that refuse most of what is damaged: its first question starts DuckDB, two thirds of a case of rot.
  STRATA_TRY(compare_analytics(stores.analytics(), out));
  // Last: that rows of the past cannot be shown hides no other store then.
  if (auto compared = compare_metadata(stores.metadata(), past, out); !compared && out.empty())
    return compared.error().clone();
  return out;
}

Result<void> Model::compare_vector(VectorStore& store, std::vector<std::string>& out) const {
  const auto stored = STRATA_TRY(store.scroll("points", "", 10'000, {}, true));
  if (stored.size() != points_.size())
    out.push_back("vector: " + text(stored.size()) + " points, not " + text(points_.size()));
  for (const StoredPoint& point : stored) {
    const auto wanted = points_.find(point.id);
    if (wanted == points_.end()) {
      out.push_back("vector: " + point.id + " is there and should not be");
    } else if (op_of(point.payload) != wanted->second.second ||
               point.vector != vector_of(seed_, wanted->second.first, wanted->second.second)) {
      out.push_back("vector: " + point.id + " is of operation " + text(op_of(point.payload)) + ", not " +
                    text(wanted->second.second));
    }
  }
  STRATA_TRY(compare_searches(store, out));
  const auto collections = STRATA_TRY(store.collections());
  if (collections.size() != own_collections_.size() + 1)
    out.push_back("vector: " + text(collections.size()) + " collections, not " + text(own_collections_.size() + 1));
  for (const auto& [writer, number] : own_collections_) {
    const auto points = store.scroll("own-" + text(writer), "", 10, {}, true);
    if (is_damage(points)) return points.error().clone();
    if (!points || points->size() != 3 || op_of((*points)[0].payload) != number ||
        (*points)[2].vector != vector_of(seed_, writer, number + 2))
      out.push_back("vector: the collection of writer " + text(writer) + " is not that of operation " + text(number));
  }
  return {};
}

/// A graph says where to look, never what is true. Words are found by what was written with the point.
Result<void> Model::compare_searches(VectorStore& store, std::vector<std::string>& out) const {
  const std::vector<float> query = vector_of(seed_, 0, 0);
  SearchOptions all{.k = 10'000, .with_payload = false, .exact = true};
  std::map<std::string, float> scores;
  for (const Hit& hit : STRATA_TRY(store.search("points", query, all))) scores[hit.id] = hit.score;
  if (scores.size() != points_.size())
    out.push_back("vector: an exact search finds " + text(scores.size()) + " points, not " + text(points_.size()));
  const auto near = STRATA_TRY(store.search("points", query, {.with_payload = false}));
  if (near.size() != std::min<std::size_t>(10, points_.size()))
    out.push_back("vector: a search for 10 of " + text(points_.size()) + " points finds " + text(near.size()));
  std::set<std::string> found;
  for (const Hit& hit : near) {
    const auto exact = scores.find(hit.id);
    if (exact == scores.end() || exact->second != hit.score || !found.insert(hit.id).second)
      out.push_back("vector: a search finds " + hit.id + " with another score than an exact one, or twice");
  }
  std::uint64_t worded = 0;
  for (const auto& [id, point] : points_) worded += point.second % 7 == 3 ? 1 : 0;
  const auto words = STRATA_TRY(store.search_words("points", "word3", {.k = 10'000, .with_payload = false}));
  for (const Hit& hit : words) {
    const auto point = points_.find(hit.id);
    if (point == points_.end() || point->second.second % 7 != 3)
      out.push_back("vector: the words of " + hit.id + " are not what was searched for");
  }
  if (words.size() != worded)
    out.push_back("vector: " + text(words.size()) + " points have the word, not " + text(worded));
  return {};
}

Result<void> Model::compare_object(ObjectStore& store, std::vector<std::string>& out) const {
  std::map<Address, std::uint64_t> addresses;
  for (const std::uint64_t content : contents_) {
    const std::string bytes = content_of(seed_, content);
    Address address;
    address.digest = core::sha256(as_bytes(bytes));
    addresses[address] = content;
    const auto owners = references_.find(content);
    if (owners == references_.end() || owners->second.empty()) continue;
    const auto info = store.info(address);
    if (is_damage(info)) return info.error().clone();
    if (!info) {
      out.push_back("object: content " + text(content) + " is missing: " + info.error().to_string());
      continue;
    }
    if (info->references != owners->second.size())
      out.push_back("object: content " + text(content) + " has " + text(info->references) + " references, not " +
                    text(owners->second.size()));
    const auto stored = store.get(address);
    if (is_damage(stored)) return stored.error().clone();
    if (!stored || as_text(*stored) != bytes) out.push_back("object: content " + text(content) + " is not readable");
  }
  for (const ObjectInfo& info : STRATA_TRY(store.list(std::nullopt, 10'000))) {
    const auto known = addresses.find(info.address);
    if (known == addresses.end()) {
      out.push_back("object: one is there that nobody put");
    } else if (const auto owners = references_.find(known->second);
               info.references != (owners == references_.end() ? 0 : owners->second.size())) {
      out.push_back("object: content " + text(known->second) + " has " + text(info.references) + " references");
    }
  }
  return {};
}

Result<void> Model::compare_metadata(MetadataStore& store, bool past, std::vector<std::string>& out) const {
  const Rows rows = STRATA_TRY(store.query("select id, writer, op, body from items order by id"));
  if (rows.rows.size() != items_.size())
    out.push_back("metadata: " + text(rows.rows.size()) + " rows, not " + text(items_.size()));
  for (const auto& row : rows.rows) {
    const auto wanted = items_.find(*row[0].text());
    if (wanted == items_.end()) {
      out.push_back("metadata: " + *row[0].text() + " is there and should not be");
    } else if (number_of(row[1]) != wanted->second.writer || number_of(row[2]) != wanted->second.op ||
               *row[3].text() != wanted->second.body) {
      out.push_back("metadata: " + *row[0].text() + " is of operation " + text(number_of(row[2])) + ", not " +
                    text(wanted->second.op));
    }
  }
  const Rows large = STRATA_TRY(store.query("select id, body from large order by id"));
  if (large.rows.size() != large_.size())
    out.push_back("metadata: " + text(large.rows.size()) + " large rows, not " + text(large_.size()));
  for (const auto& row : large.rows) {
    const auto wanted = large_.find(*row[0].text());
    if (wanted == large_.end() ||
        *row[1].text() != large_text(wanted->second.first, wanted->second.second, row[0].text()->back() - '0'))
      out.push_back("metadata: the large row " + *row[0].text() + " differs");
  }
  for (const std::uint64_t writer : writers_) {
    const auto own = own_tables_.find(writer);
    const auto stored = store.query("select op from own_" + text(writer));
    if (past && stored && stored->rows.empty() && own == own_tables_.end()) continue;
    if (is_damage(stored)) return stored.error().clone();
    if (stored.has_value() != (own != own_tables_.end())) {
      out.push_back("metadata: the table of writer " + text(writer) + (stored ? " is there" : " is missing"));
    } else if (stored && (stored->rows.size() != 1 || number_of(stored->rows[0][0]) != own->second)) {
      out.push_back("metadata: the table of writer " + text(writer) + " holds something else");
    }
  }
  return {};
}

Result<void> Model::compare_graph(GraphStore& store, std::vector<std::string>& out) const {
  const auto nodes = STRATA_TRY(store.find_nodes("n", "", {}, 1'000'000));
  if (nodes.size() != nodes_.size())
    out.push_back("graph: " + text(nodes.size()) + " nodes, not " + text(nodes_.size()));
  std::map<EdgeName, std::multiset<std::uint64_t>> edges;
  std::uint64_t edge_count = 0;
  for (const Node& node : nodes) {
    const auto wanted = nodes_.find(node.id);
    if (wanted == nodes_.end() || op_of(node.properties) != wanted->second)
      out.push_back("graph: node " + node.id + " is of operation " + text(op_of(node.properties)));
    for (const Neighbour& neighbour : STRATA_TRY(store.neighbours(node.id))) {
      const auto edge = STRATA_TRY(store.edge(neighbour.edge));
      edges[{node.id, neighbour.type, neighbour.node}].insert(edge ? op_of(edge->properties) : UINT64_MAX);
      ++edge_count;
    }
  }
  if (edges != edges_) out.push_back("graph: the edges differ");
  const GraphCounts counts = STRATA_TRY(store.counts());
  if (counts.nodes != nodes_.size() + 1 || counts.edges != edge_count)
    out.push_back("graph: counts " + text(counts.nodes) + " nodes and " + text(counts.edges) + " edges");
  return {};
}

Result<void> Model::compare_analytics(AnalyticsStore& store, std::vector<std::string>& out) const {
  const Rows rows = STRATA_TRY(store.query("select writer, op, mark, value from metrics order by mark, value"));
  if (rows.rows.size() != 2 * metrics_.size())
    out.push_back("analytics: " + text(rows.rows.size()) + " rows, not " + text(2 * metrics_.size()));
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    const auto& row = rows.rows[i];
    const auto wanted = metrics_.find(number_of(row[2]));
    const double* value = row[3].real();
    if (wanted == metrics_.end() || number_of(row[0]) != wanted->second.first ||
        number_of(row[1]) != wanted->second.second || value == nullptr ||
        *value != metric_of(seed_, wanted->second.first, wanted->second.second) + static_cast<double>(i % 2)) {
      out.push_back("analytics: a row of mark " + text(number_of(row[2])) + " should not be there");
    }
  }
  const auto tables = STRATA_TRY(store.tables());
  if (tables.size() != own_metrics_.size() + 1)
    out.push_back("analytics: " + text(tables.size()) + " tables, not " + text(own_metrics_.size() + 1));
  for (const auto& [writer, number] : own_metrics_) {
    const auto own = store.query("select op from own_" + text(writer));
    if (is_damage(own)) return own.error().clone();
    if (!own || own->rows.size() != 1 || number_of(own->rows[0][0]) != number)
      out.push_back("analytics: the table of writer " + text(writer) + " differs");
  }
  return {};
}

Result<void> Model::compare_array(ArrayStore& store, std::vector<std::string>& out) const {
  const DatasetInfo info = STRATA_TRY(store.dataset("log"));
  if (info.rows != log_.size()) out.push_back("array: " + text(info.rows) + " rows, not " + text(log_.size()));
  const ArrayData data = STRATA_TRY(store.read("log", 0, info.rows));
  std::vector<std::int64_t> values(data.bytes.size() / sizeof(std::int64_t));
  if (!values.empty()) std::memcpy(values.data(), data.bytes.data(), values.size() * sizeof(std::int64_t));
  for (std::size_t i = 0; i < std::min<std::size_t>(log_.size(), values.size() / 3); ++i) {
    const LogRow& row = log_[i];
    const std::uint64_t wanted[] = {row.cleared ? 0 : row.writer, row.cleared ? 0 : row.number,
                                    row.cleared ? 0 : row.row};
    for (std::size_t column = 0; column < 3; ++column) {
      if (static_cast<std::uint64_t>(values[i * 3 + column]) == wanted[column]) continue;
      out.push_back("array: row " + text(i) + " is not that of operation " + text(row.number) + " of writer " +
                    text(row.writer));
      return {};
    }
  }
  std::size_t looked = 0;
  for (auto key = log_keys_.rbegin(); key != log_keys_.rend() && looked < 100; ++key, ++looked) {
    if (STRATA_TRY(store.find("log", key->first)) != key->second)
      out.push_back("array: the rows of " + key->first + " are not where they were appended");
  }
  Map attributes;
  for (const auto& [name, number] : attributes_) attributes.set(name, number);
  if (!(info.attributes == attributes)) out.push_back("array: the attributes differ");
  return {};
}

Result<std::vector<LedgerLine>> read_ledger(Stores& stores) {
  std::vector<LedgerLine> lines;
  for (const auto& row :
       STRATA_TRY(stores.metadata().query("select lsn, writer, number from ledger order by lsn")).rows)
    lines.push_back({number_of(row[0]), number_of(row[1]), number_of(row[2])});
  return lines;
}

}  // namespace strata::crash
