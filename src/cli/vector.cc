// vector create|alter|drop|list|upsert|get|count|delete|scroll; search, facets, audit, which vectors there are, import and export have files of their own.
#include "cli/arguments.h"
#include "cli/command_line.h"
#include "cli/line_batches.h"
#include "cli/named_vectors.h"
#include "cli/verbs.h"

namespace strata::cli {
namespace {

// How a collection is searched. What is not given stays as it is, or as the defaults say.
struct IndexArguments {
  std::string kind, quantization, range;
  std::optional<std::uint32_t> m, ef_construction, lists, bits, parts;
  std::optional<std::uint64_t> memory_bytes;
  std::optional<float> recall_min;

  Result<void> apply(IndexOptions& index, QuantizationOptions& codes) const {
    if (!kind.empty()) index.kind = STRATA_TRY(parse_index_kind(kind));
    index.m = m.value_or(index.m);
    index.memory_bytes = memory_bytes.value_or(index.memory_bytes);
    index.ef_construction = ef_construction.value_or(index.ef_construction);
    index.lists = lists.value_or(index.lists);
    if (!quantization.empty()) codes = {.kind = STRATA_TRY(parse_quantization_kind(quantization))};
    if (!range.empty()) codes.range = STRATA_TRY(parse_quantization_range(range));
    codes.bits = bits.value_or(codes.bits);
    codes.parts = parts.value_or(codes.parts);
    codes.recall_min = recall_min.value_or(codes.recall_min);
    return {};
  }
};

struct Given {
  std::string collection, id, vector, default_vector, metric = "cosine", filter, file = "-", after, order_by;
  std::vector<std::string> ids, vectors;
  std::uint32_t dimension = 0;
  std::size_t limit = 100, batch = 1'000;
  std::string element = "f32";
  IndexArguments index;
  bool with_words = false, with_vector = false, descending = false, dry_run = false;
};

std::shared_ptr<Given> with_collection(Verb& verb) {
  auto given = std::make_shared<Given>();
  verb.app().add_option("COLLECTION", given->collection, "Its name")->required();
  return given;
}

void add_filter(Verb& verb, Given& given) {
  verb.app()
      .add_option("--filter", given.filter,
                  "A condition on the payload: '{\"lang\": \"en\", \"year\": {\"gte\": 2024}}'")
      ->option_text("JSON");
}

/// Named vectors as they are asked for.
Value names_of(const CollectionOptions& options) {
  Value::List names;
  for (const NamedVector& vector : options.vectors) names.emplace_back(written(vector));
  return names;
}

void add_index_options(Verb& verb, IndexArguments& given) {
  CLI::App& app = verb.app();
  app.add_option(
         "--index", given.kind,
         "hnsw: a search graph over many points; ivf: lists of near ones, cheaper to make; flat: compared with all")
      ->option_text("KIND");
  app.add_option("--m", given.m, "Links a point chooses in the graph, 4 … 128 (32)")->option_text("N");
  app.add_option("--ef-construction", given.ef_construction, "Effort to find them, m … 1024 (128)")->option_text("N");
  app.add_option("--lists", given.lists, "Of ivf, 1 … 65536; 0: about 4 times the root of the points (0)")
      ->option_text("N");
  app.add_option("--memory-bytes", given.memory_bytes,
                 "How much of its files may lie in memory, codes and graphs at least; 0: as the database allows (0)")
      ->option_text("N");
  app.add_option("--quantization", given.quantization,
                 "The codes the graph is walked by: scalar, product, rabitq, none or automatic (scalar)")
      ->option_text("KIND");
  app.add_option("--bits", given.bits, "Of a scalar code 4, 8 or 16 (4), of a product code 4 … 8 (8)")
      ->option_text("N");
  app.add_option("--range", given.range,
                 "Of scalar codes: levels over each point, dimension, or the collection (point)")
      ->option_text("RANGE");
  app.add_option("--parts", given.parts, "Of product codes: groups of dimensions (one for each four)")
      ->option_text("N");
  app.add_option("--recall-min", given.recall_min, "What automatic must find of the ten nearest, 0.5 … 1 (0.95)")
      ->option_text("SHARE");
}

void add_create(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "create", "Create a collection (fine when it is there already); creates the database",
                        "strata vector create notes.strata notes --dimension 384 --metric cosine");
  verb.takes_directory();
  auto given = with_collection(verb);
  verb.app()
      .add_option("-d,--dimension", given->dimension, "1 … 65536; without it, named vectors alone")
      ->option_text("N");
  verb.app().add_option("--metric", given->metric, "cosine, l2 or inner_product")->option_text("NAME");
  verb.app().add_flag("--words", given->with_words, "Index the points' text, too, for search --words");
  verb.app()
      .add_option("--element", given->element,
                  "What vectors are kept as: f32, f16, bf16 (half the space), int8 (whole numbers) or binary (0 and 1)")
      ->option_text("TYPE");
  add_index_options(verb, given->index);
  verb.app()
      .add_option(
          "--vector", given->vectors,
          "A named vector that points may have: title:384, title:384:l2:f16:flat, or splade:sparse; may be repeated")
      ->option_text("NAME:…")
      ->allow_extra_args(false);
  verb.app()
      .add_option("--default-vector", given->default_vector,
                  "Without -d: the named vector that is meant where none is named")
      ->option_text("NAME");
  verb.runs([given](Context& context) -> Result<void> {
    CollectionOptions options;
    for (const std::string& vector : given->vectors) options.vectors.push_back(STRATA_TRY(parse_named_vector(vector)));
    options.dimension = given->dimension;
    options.default_vector = given->default_vector;
    options.metric = STRATA_TRY(parse_metric(given->metric));
    options.words = given->with_words;
    options.element = STRATA_TRY(parse_element_type(given->element));
    STRATA_TRY(given->index.apply(options.index, options.quantization));
    Stores& stores = *STRATA_TRY(context.database.engine(Missing::create));
    STRATA_TRY(stores.vector().create_collection(given->collection, options));
    Record made{{"collection", given->collection},
                {"dimension", options.dimension},
                {"metric", name(options.metric)},
                {"words", options.words},
                {"element", name(options.element)},
                {"index", name(options.index.kind)},
                {"quantization", name(options.quantization.kind)}};
    if (!options.vectors.empty()) made.emplace_back("vectors", names_of(options));
    if (!options.default_vector.empty()) made.emplace_back("default_vector", options.default_vector);
    context.output.record(made);
    return {};
  });
}

void add_alter(CommandLine& line, CLI::App& family) {
  Verb verb =
      line.verb(family, "alter",
                "Change how a collection is searched; what is not given stays. `strata compact` waits until it is done",
                "strata vector alter notes.strata notes --quantization automatic --recall-min 0.98");
  verb.takes_directory();
  auto given = with_collection(verb);
  verb.app().add_option("--vector", given->vector, "The named vector, not the unnamed one")->option_text("NAME");
  add_index_options(verb, given->index);
  verb.runs([given](Context& context) -> Result<void> {
    Stores& stores = *STRATA_TRY(context.database.engine());
    const CollectionOptions options = STRATA_TRY(stores.vector().collection(given->collection)).options;
    IndexOptions index = options.index;
    QuantizationOptions quantization = options.quantization;
    for (const NamedVector& vector : options.vectors) {
      if (vector.name != (given->vector.empty() ? options.default_vector : given->vector)) continue;
      index = vector.index;
      quantization = vector.quantization;
    }
    STRATA_TRY(given->index.apply(index, quantization));
    STRATA_TRY(stores.vector().alter_collection(given->collection, index, quantization, given->vector));
    Record altered{{"altered", given->collection}};
    if (!given->vector.empty()) altered.emplace_back("vector", given->vector);
    altered.emplace_back("index", name(index.kind));
    altered.emplace_back("quantization", name(quantization.kind));
    context.output.record(altered);
    return {};
  });
}

void add_drop(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "drop", "Remove a collection and its points",
                        "strata vector drop notes.strata notes --dry-run");
  verb.takes_directory();
  auto given = with_collection(verb);
  verb.app().add_flag("--dry-run", given->dry_run, "Only say what would be removed");
  verb.runs([given](Context& context) -> Result<void> {
    Stores& stores = *STRATA_TRY(context.database.engine());
    const CollectionInfo info = STRATA_TRY(stores.vector().collection(given->collection));
    if (!given->dry_run) STRATA_TRY(stores.vector().drop_collection(given->collection));
    context.output.record({{given->dry_run ? "would_drop" : "dropped", info.name}, {"points", info.points}});
    return {};
  });
}

void add_list(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "list", "The collections", "strata vector list notes.strata");
  verb.takes_directory().takes_as_of();
  verb.runs([](Context& context) -> Result<void> {
    Stores* stores = STRATA_TRY(context.database.stores());
    Rows rows;
    rows.columns = {"collection", "dimension",    "metric", "words",   "element",
                    "index",      "quantization", "points", "vectors", "default_vector"};
    for (const CollectionInfo& info : STRATA_TRY(stores->vector().collections())) {
      rows.rows.push_back({info.name, info.options.dimension, name(info.options.metric), info.options.words,
                           name(info.options.element), name(info.options.index.kind),
                           name(info.options.quantization.kind), info.points, names_of(info.options),
                           info.options.default_vector});
    }
    context.output.rows(rows);
    return {};
  });
}

/// One line of upsert's input, with what its point borrows.
struct PointLine {
  std::string id, text;
  std::vector<float> vector;
  Map payload;
  std::vector<GivenVector> vectors;
};

Result<PointLine> parse_point(std::string_view line) {
  const Value value = STRATA_TRY(parse_json(line));
  const Map* map = value.map();
  if (map == nullptr) return Error(ErrorCode::invalid_argument, "not a JSON object");
  PointLine point;
  for (const auto& [key, item] : *map) {
    if (key == "id" && item.text()) {
      point.id = *item.text();
    } else if (key == "vector" && item.list()) {
      point.vector = STRATA_TRY(parse_vector(to_json(item)));
    } else if (key == "vectors" && item.map()) {
      point.vectors = STRATA_TRY(vectors_from(*item.map()));
    } else if (key == "payload" && item.map()) {
      point.payload = *item.map();
    } else if (key == "text" && item.text()) {
      point.text = *item.text();
    } else {
      return Error(ErrorCode::invalid_argument, "\"" + key +
                                                    "\" is not expected, or of another kind; a point is {\"id\": text, "
                                                    "\"vector\": list, \"payload\": object, \"text\": text, "
                                                    "\"vectors\": object}");
    }
  }
  return point;
}

Result<void> upsert_batch(Stores& stores, const Given& given, const std::vector<PointLine>& lines) {
  std::vector<Point> points;
  std::vector<std::vector<PointVector>> vectors;
  points.reserve(lines.size());
  vectors.reserve(lines.size());
  for (const PointLine& line : lines) {
    vectors.push_back(point_vectors(line.vectors));
    points.push_back({line.id, line.vector, line.payload, line.text, vectors.back()});
  }
  return stores.vector().upsert(given.collection, points);
}

void add_upsert(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(
      family, "upsert",
      "Insert points, or replace those whose id is there: JSON lines {\"id\", \"vector\", \"payload\", \"text\", "
      "\"vectors\": {name: list, or {\"indices\", \"values\"}}}",
      "strata vector upsert notes.strata notes points.jsonl");
  verb.takes_directory();
  auto given = with_collection(verb);
  verb.app().add_option("FILE", given->file, "JSON lines; - (the default) is standard input");
  verb.app().add_option("--batch", given->batch, "Points in one commit")->option_text("N");
  verb.runs([given](Context& context) -> Result<void> {
    Stores& stores = *STRATA_TRY(context.database.engine());
    const std::uint64_t points =
        STRATA_TRY(commit_lines(context, given->file, "upserting", given->batch, parse_point,
                                [&](const auto& lines) { return upsert_batch(stores, *given, lines); }));
    context.output.record({{"upserted", points}, {"lsn", STRATA_TRY(context.database.engine())->visible_lsn()}});
    return {};
  });
}

void add_get(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "get", "One point by its id", "strata vector get notes.strata notes n1 --json");
  verb.takes_directory().takes_as_of();
  auto given = with_collection(verb);
  verb.app().add_option("ID", given->id, "The point")->required();
  verb.runs([given](Context& context) -> Result<void> {
    Stores* stores = STRATA_TRY(context.database.stores());
    const auto point = STRATA_TRY(stores->vector().get(given->collection, given->id));
    if (!point) return Error(ErrorCode::not_found, "no point \"" + given->id + "\" in \"" + given->collection + "\"");
    Record record{{"id", point->id}, {"payload", point->payload}, {"vector", shortest(point->vector)}};
    if (!point->vectors.empty()) record.emplace_back("vectors", printed(point->vectors));
    context.output.record(record);
    return {};
  });
}

void add_count(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "count", "How many points there are, or match a filter",
                        "strata vector count notes.strata notes --filter '{\"lang\": \"en\"}'");
  verb.takes_directory().takes_as_of();
  auto given = with_collection(verb);
  add_filter(verb, *given);
  verb.runs([given](Context& context) -> Result<void> {
    Stores* stores = STRATA_TRY(context.database.stores());
    const Filter filter = STRATA_TRY(parse_map(given->filter, "--filter"));
    context.output.record({{"points", STRATA_TRY(stores->vector().count(given->collection, filter))}});
    return {};
  });
}

void add_delete(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "delete", "Remove points; ids that are not there are fine",
                        "strata vector delete notes.strata notes n1 n2 --dry-run");
  verb.takes_directory();
  auto given = with_collection(verb);
  verb.app().add_option("IDS", given->ids, "The points")->required();
  verb.app().add_flag("--dry-run", given->dry_run, "Only say how many there are");
  verb.runs([given](Context& context) -> Result<void> {
    Stores& stores = *STRATA_TRY(context.database.engine());
    std::uint64_t points = 0;
    if (given->dry_run) {
      for (const std::string& id : given->ids) {
        points += STRATA_TRY(stores.vector().get(given->collection, id, false)).has_value() ? 1 : 0;
      }
    } else {
      const std::vector<std::string_view> ids(given->ids.begin(), given->ids.end());
      points = STRATA_TRY(stores.vector().remove(given->collection, ids));
    }
    context.output.record({{given->dry_run ? "would_delete" : "deleted", points}});
    return {};
  });
}

Result<std::vector<StoredPoint>> scroll(Stores& stores, const Given& given, const Filter& filter) {
  VectorStore& store = stores.vector();
  if (given.order_by.empty()) {
    return store.scroll(given.collection, given.after, given.limit, filter, given.with_vector);
  }
  ScrollOrder order{given.order_by, given.descending, std::nullopt, given.after};
  if (!given.after.empty()) {
    // Where that point stands is what a scroll of it alone says.
    const auto alone = STRATA_TRY(
        store.scroll_by(given.collection, {.field = given.order_by}, 1, {{"has_id", Value::List{given.after}}}));
    if (alone.empty()) {
      return Error(ErrorCode::not_found, "no point \"" + given.after + "\" in \"" + given.collection + "\"");
    }
    order.after_value = alone.front().at;
  }
  std::vector<StoredPoint> points;
  for (OrderedPoint& point :
       STRATA_TRY(store.scroll_by(given.collection, order, given.limit, filter, given.with_vector))) {
    points.push_back(std::move(point));
  }
  return points;
}

void add_scroll(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "scroll", "Points in the order of their ids, or of a field, a page at a time",
                        "strata vector scroll notes.strata notes --after n100 --limit 50");
  verb.takes_directory().takes_as_of();
  auto given = with_collection(verb);
  verb.app().add_option("--after", given->after, "Begin after this id")->option_text("ID");
  verb.app()
      .add_option(
          "--order-by", given->order_by,
          "By this field: numbers, then texts, then what holds neither; with --after, from where that point stands")
      ->option_text("FIELD");
  verb.app().add_flag("--descending", given->descending, "The greatest first");
  verb.app().add_option("--limit", given->limit, "How many at most, up to 10000")->option_text("N");
  add_filter(verb, *given);
  verb.app().add_flag("--with-vector", given->with_vector, "Print the vectors, too");
  verb.runs([given](Context& context) -> Result<void> {
    Stores* stores = STRATA_TRY(context.database.stores());
    const Filter filter = STRATA_TRY(parse_map(given->filter, "--filter"));
    Rows rows;
    rows.columns = {"id", "payload"};
    if (given->with_vector) rows.columns.insert(rows.columns.end(), {"vector", "vectors"});
    for (const StoredPoint& point : STRATA_TRY(scroll(*stores, *given, filter))) {
      auto& row = rows.rows.emplace_back(std::vector<Value>{point.id, point.payload});
      if (given->with_vector) row.insert(row.end(), {shortest(point.vector), printed(point.vectors)});
    }
    context.output.rows(rows);
    return {};
  });
}

}  // namespace

void add_vector_verbs(CommandLine& line) {
  CLI::App& family = line.family("vector", "Collections of embeddings");
  add_create(line, family);
  add_list(line, family);
  add_alter(line, family);
  add_upsert(line, family);
  add_get(line, family);
  add_vector_search(line, family);
  add_vector_facets(line, family);
  add_vector_audit(line, family);
  add_count(line, family);
  add_scroll(line, family);
  add_delete(line, family);
  add_drop(line, family);
  add_vector_versions(line, family);
  add_vector_transfer(line, family);
}

}  // namespace strata::cli
