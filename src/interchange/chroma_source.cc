#include "interchange/chroma_source.h"

#include <algorithm>

#include "core/uuid.h"
#include "interchange/hnswlib_source.h"
#include "interchange/pickle_labels.h"
#include "store/metadata/sqlite.h"

namespace strata::interchange {
namespace {

using store::metadata::Connection;
using store::metadata::Statement;

constexpr std::int64_t kCacheBytes = 16 << 20;
constexpr std::string_view kOwnPrefix = "chroma:";  // of the metadata that Chroma keeps itself: the document, a URI
constexpr const char* kIndexHeader = "header.bin";
constexpr const char* kIndexData = "data_level0.bin";
constexpr const char* kIndexLabels = "index_metadata.pickle";

/// What a path of keys leads to in JSON; nullptr: nowhere.
const Value* at_path(const Value* value, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    if (value == nullptr || value->map() == nullptr) return nullptr;
    value = value->map()->find(key);
  }
  return value;
}

std::optional<Metric> metric_of(std::string_view space) {
  if (space == "l2") return Metric::l2;
  if (space == "cosine") return Metric::cosine;
  if (space == "ip") return Metric::inner_product;
  return {};
}

/// An hnswlib index as Chroma lays it out: found by label, not read through.
class ChromaIndex {
 public:
  static Result<ChromaIndex> open(io::FileSystem& files, const std::string& folder) {
    const InputFile front = STRATA_TRY(InputFile::open(files, folder + "/" + kIndexHeader));
    std::byte header[4 + kHnswlibHeaderBytes];
    STRATA_TRY(front.read(0, header));
    ChromaIndex index(STRATA_TRY(InputFile::open(files, folder + "/" + kIndexData)), parse_hnswlib_header(header + 4));
    if (core::load<std::int32_t>(header) != 1)
      return front.wrong(0, "an index of another version than 1", ErrorCode::unsupported);
    if (const std::string why = objection(index.header_); !why.empty())
      return front.wrong(4, "not the header of an hnswlib index: " + why);
    if (index.header_.elements > index.data_.size() / index.header_.element_bytes) {
      return index.data_.wrong(0,
                               std::to_string(index.header_.elements) + " elements of " +
                                   std::to_string(index.header_.element_bytes) +
                                   " bytes should be here; the file has " + std::to_string(index.data_.size()),
                               ErrorCode::corruption);
    }
    FieldReader reader(index.data_);
    index.rows_.reserve(index.header_.elements);
    for (std::uint64_t row = 0; row < index.header_.elements; ++row) {
      STRATA_TRY(reader.skip(index.header_.label_offset));
      index.rows_.push_back({STRATA_TRY(reader.field<std::uint64_t>()), row});
    }
    std::sort(index.rows_.begin(), index.rows_.end(), [](const Row& a, const Row& b) { return a.label < b.label; });
    PickledLabels pickled =
        STRATA_TRY(read_pickled_labels(STRATA_TRY(InputFile::open(files, folder + "/" + kIndexLabels))));
    index.labels_ = std::move(pickled.labels);
    index.max_seq_id_ = pickled.max_seq_id.value_or(0);
    return index;
  }

  std::int64_t max_seq_id() const { return max_seq_id_; }

  /// False: it has none for this id.
  Result<bool> read(const std::string& id, std::vector<float>& vector) const {
    const auto label = labels_.find(id);
    if (label == labels_.end()) return false;
    const auto row = std::lower_bound(rows_.begin(), rows_.end(), label->second,
                                      [](const Row& a, std::uint64_t b) { return a.label < b; });
    if (row == rows_.end() || row->label != label->second) return false;
    vector.resize((header_.label_offset - header_.vector_offset) / 4);
    STRATA_TRY(data_.read(row->row * header_.element_bytes + header_.vector_offset,
                          std::as_writable_bytes(std::span(vector))));
    return true;
  }

 private:
  struct Row {
    std::uint64_t label, row;
  };
  ChromaIndex(InputFile data, const HnswlibHeader& header) : data_(std::move(data)), header_(header) {}
  InputFile data_;
  HnswlibHeader header_;
  std::vector<Row> rows_;  // by label
  std::unordered_map<std::string, std::uint64_t> labels_;
  std::int64_t max_seq_id_ = 0;
};

class ChromaSource final : public PointSource {
 public:
  explicit ChromaSource(Connection connection) : connection_(std::move(connection)) {}

  Result<void> begin(io::FileSystem& files, const std::string& collection) {
    STRATA_TRY(check_tables());
    // One state for all that follows.
    if (auto begun = connection_.run("BEGIN"); !begun) return std::move(begun).error().with_context(kChromaFile);
    STRATA_TRY(find_collection(collection));
    const std::string vector_segment = STRATA_TRY(segment("VECTOR"));
    const std::string metadata_segment = STRATA_TRY(segment("METADATA"));
    std::int64_t in_index = 0;
    if (STRATA_TRY(files.exists(vector_segment + "/" + kIndexHeader))) {
      index_ = STRATA_TRY(ChromaIndex::open(files, vector_segment));
      in_index = std::max(index_->max_seq_id(), STRATA_TRY(max_seq_id(vector_segment)));
    }
    STRATA_TRY(read_queue(in_index));
    Statement count = STRATA_TRY(prepare("SELECT count(*) FROM embeddings WHERE segment_id = ?1"));
    count.bind_text(1, metadata_segment);
    if (STRATA_TRY(step(count))) info_.points = static_cast<std::uint64_t>(count.integer(0));
    segment_ = metadata_segment;
    points_ = STRATA_TRY(prepare("SELECT id, embedding_id FROM embeddings WHERE segment_id = ?1 ORDER BY id"));
    points_.bind_text(1, segment_);
    fields_ = STRATA_TRY(
        prepare("SELECT key, string_value, int_value, float_value, bool_value FROM embedding_metadata WHERE id = ?1"));
    if (has_lists_) {
      lists_ =
          STRATA_TRY(prepare("SELECT key, string_value, int_value, float_value, bool_value FROM "
                             "embedding_metadata_array WHERE id = ?1 ORDER BY rowid"));
    }
    queued_vector_ = STRATA_TRY(prepare("SELECT vector, encoding FROM embeddings_queue WHERE seq_id = ?1"));
    return {};
  }

  const SourceInfo& info() const override { return info_; }

  Result<bool> next(IncomingPoint& point, Remarks& remarks) override {
    while (STRATA_TRY(step(points_))) {
      const std::int64_t number = points_.integer(0);
      point.id = points_.text(1);
      point.place = "id " + point.id;
      if (!STRATA_TRY(read_vector(point, remarks))) continue;
      point.payload = STRATA_TRY(read_payload(number));
      return true;
    }
    return false;
  }

 private:
  Result<Statement> prepare(std::string_view sql) {
    auto statement = connection_.prepare(sql);
    if (!statement) return std::move(statement).error().with_context(kChromaFile);
    return statement;
  }
  static Result<bool> step(Statement& statement) {
    auto row = statement.step();
    if (!row) return std::move(row).error().with_context(kChromaFile);
    return row;
  }

  /// Real tables, all of them: a view could be a computation without an end.
  Result<void> check_tables() {
    Statement statement =
        STRATA_TRY(prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'create virtual%'"));
    std::vector<std::string> tables;
    while (STRATA_TRY(step(statement))) tables.emplace_back(statement.text(0));
    for (const char* needed : {"collections", "collection_metadata", "segments", "embeddings", "embedding_metadata",
                               "embeddings_queue", "max_seq_id"}) {
      if (std::find(tables.begin(), tables.end(), needed) == tables.end()) {
        return Error(ErrorCode::invalid_argument,
                     std::string(kChromaFile) + ": no table " + needed + ", which Chroma's have");
      }
    }
    has_lists_ = std::find(tables.begin(), tables.end(), "embedding_metadata_array") != tables.end();
    return {};
  }

  Result<void> find_collection(const std::string& wanted) {
    // Columns came with Chroma's versions; what is not there is no name, and would be text: so all are taken.
    Statement statement = STRATA_TRY(prepare("SELECT * FROM collections ORDER BY name"));
    std::string names;
    int found = 0;
    while (STRATA_TRY(step(statement))) {
      Map row;
      for (int i = 0; i < statement.columns(); ++i) row.set(std::string(statement.column_name(i)), statement.value(i));
      const Value* name = row.find("name");
      if (name == nullptr || name->text() == nullptr) continue;
      names += (names.empty() ? "" : ", ") + *name->text();
      if (!wanted.empty() && *name->text() != wanted) continue;
      ++found;
      STRATA_TRY(take_collection(row));
    }
    if (found == 0) {
      return Error(ErrorCode::not_found,
                   (wanted.empty() ? "no collection" : "no collection \"" + wanted.substr(0, 64) + "\"") +
                       std::string(" in ") + kChromaFile + "; there are " + (names.empty() ? "none" : names));
    }
    if (found > 1)
      return Error(ErrorCode::invalid_argument,
                   std::string(kChromaFile) + " holds several collections: say which is to be taken, of " + names);
    return {};
  }

  Result<void> take_collection(const Map& row) {
    const auto text_of = [&](std::string_view key) {
      const Value* value = row.find(key);
      return value != nullptr && value->text() != nullptr ? *value->text() : std::string();
    };
    collection_ = text_of("id");
    info_.format = "chroma";
    const Value* dimension = row.find("dimension");
    if (dimension != nullptr && dimension->integer() != nullptr) {
      info_.dimension =
          static_cast<std::uint32_t>(std::clamp<std::int64_t>(*dimension->integer(), 0, kDimensionMax + 1));
    }
    // The metric is where the version that made the collection put it; nowhere: Chroma's default.
    std::string space;
    const auto schema = parse_json(text_of("schema_str")), configuration = parse_json(text_of("config_json_str"));
    for (const Value* place :
         {schema ? at_path(&*schema, {"keys", "#embedding", "float_list", "vector_index", "config", "space"}) : nullptr,
          configuration ? at_path(&*configuration, {"hnsw", "space"}) : nullptr,
          configuration ? at_path(&*configuration, {"hnsw_configuration", "space"}) : nullptr}) {
      if (space.empty() && place != nullptr && place->text() != nullptr) space = *place->text();
    }
    Statement statement = STRATA_TRY(
        prepare("SELECT str_value FROM collection_metadata WHERE collection_id = ?1 AND key = 'hnsw:space'"));
    statement.bind_text(1, collection_);
    if (STRATA_TRY(step(statement)) && !statement.text(0).empty()) space = statement.text(0);
    info_.metric = metric_of(space.empty() ? "l2" : space);
    info_.metric_text =
        "the collection was made for Chroma's space \"" + space.substr(0, 64) + "\", which is none of our metrics";
    return {};
  }

  Result<std::string> segment(std::string_view scope) {
    Statement statement = STRATA_TRY(prepare("SELECT id FROM segments WHERE collection = ?1 AND scope = ?2"));
    statement.bind_text(1, collection_);
    statement.bind_text(2, scope);
    if (!STRATA_TRY(step(statement)))
      return Error(ErrorCode::corruption,
                   std::string(kChromaFile) + ": the collection has no segment " + std::string(scope));
    std::string id(statement.text(0));
    if (!core::is_uuid(id))
      return Error(ErrorCode::corruption, std::string(kChromaFile) + ": a segment's id that is no UUID");
    return id;
  }

  Result<std::int64_t> max_seq_id(const std::string& segment) {
    Statement statement = STRATA_TRY(prepare("SELECT seq_id FROM max_seq_id WHERE segment_id = ?1"));
    statement.bind_text(1, segment);
    return STRATA_TRY(step(statement)) ? statement.integer(0) : 0;
  }

  /// Where in the queue each id's newest vector is that the index has not.
  Result<void> read_queue(std::int64_t after) {
    Statement statement =
        STRATA_TRY(prepare("SELECT id, seq_id FROM embeddings_queue WHERE seq_id > ?1 AND vector IS NOT "
                           "NULL AND substr(topic, -length(?2)) = ?2 ORDER BY seq_id"));
    statement.bind(1, after);
    statement.bind_text(2, collection_);
    while (STRATA_TRY(step(statement))) queued_.insert_or_assign(std::string(statement.text(0)), statement.integer(1));
    return {};
  }

  Result<bool> read_vector(IncomingPoint& point, Remarks& remarks) {
    if (const auto queued = queued_.find(point.id); queued != queued_.end()) {
      const store::metadata::StatementUse use(queued_vector_);
      queued_vector_.bind(1, queued->second);
      if (STRATA_TRY(step(queued_vector_)) && queued_vector_.text(1) == "FLOAT32" &&
          queued_vector_.blob(0).size() % sizeof(float) == 0) {
        const std::string_view bytes = queued_vector_.blob(0);
        point.vector.resize(bytes.size() / sizeof(float));
        std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(point.vector.data()));
        return true;
      }
      remarks.add("a vector in the queue that is no list of 32-bit floats: left out", point.place);
      return false;
    }
    if (index_ && STRATA_TRY(index_->read(point.id, point.vector))) return true;
    remarks.add("no vector in the file: left out", point.place);
    return false;
  }

  static Value field_value(const Statement& row) {
    for (int column = 1; column <= 3; ++column) {
      if (Value value = row.value(column); !value.is_null()) return value;
    }
    const Value boolean = row.value(4);
    return boolean.integer() != nullptr ? Value(*boolean.integer() != 0) : Value();
  }

  Result<Map> read_payload(std::int64_t number) {
    Map payload, own;
    const store::metadata::StatementUse use(fields_);
    fields_.bind(1, number);
    while (STRATA_TRY(step(fields_))) {
      const std::string key(fields_.text(0));
      (key.starts_with(kOwnPrefix) ? own : payload).set(key, field_value(fields_));
    }
    if (has_lists_) {
      const store::metadata::StatementUse lists_use(lists_);
      lists_.bind(1, number);
      while (STRATA_TRY(step(lists_))) {
        const std::string key(lists_.text(0));
        Value* list = payload.find(key);
        if (list == nullptr || list->list() == nullptr) payload.set(key, Value::List{});
        payload.find(key)->list()->push_back(field_value(lists_));
      }
    }
    for (const auto& [key, value] : own) {
      const std::string name = key.substr(kOwnPrefix.size());
      payload.set(payload.find(name) == nullptr ? name : key, value);
    }
    return payload;
  }

  Connection connection_;
  SourceInfo info_;
  std::string collection_, segment_;  // their ids; statements borrow the second
  std::optional<ChromaIndex> index_;
  std::unordered_map<std::string, std::int64_t> queued_;
  bool has_lists_ = false;
  Statement points_, fields_, lists_, queued_vector_;  // before the connection
};

}  // namespace

Result<std::unique_ptr<PointSource>> open_chroma(io::FileSystem& files, const std::string& collection) {
  auto connection = Connection::open(STRATA_TRY(files.path(kChromaFile)), Connection::Role::foreign, kCacheBytes);
  if (!connection) return std::move(connection).error().with_context(kChromaFile);
  auto source = std::make_unique<ChromaSource>(std::move(*connection));
  STRATA_TRY(source->begin(files, collection));
  return std::unique_ptr<PointSource>(std::move(source));
}

}  // namespace strata::interchange
