// vector add-vector|drop-vector|name-vector|set-default-vector|points-without|set-vectors: which vectors a collection has, and the way
// from one embedding to another.
#include "cli/command_line.h"
#include "cli/line_batches.h"
#include "cli/named_vectors.h"
#include "cli/verbs.h"

namespace strata::cli {
namespace {

struct Given {
  std::string collection, vector, file = "-", after;
  std::size_t limit = 100, batch = 1'000;
  bool incomplete = false, with_vector = false, dry_run = false;
};

std::shared_ptr<Given> with_collection(Verb& verb) {
  verb.takes_directory();
  auto given = std::make_shared<Given>();
  verb.app().add_option("COLLECTION", given->collection, "Its name")->required();
  return given;
}

void add_add(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "add-vector", "Add a vector to those that points can have; none has it yet",
                        "strata vector add-vector notes.strata notes bge:768");
  auto given = with_collection(verb);
  verb.app()
      .add_option("VECTOR", given->vector, "title:384, title:384:l2:f16:flat, or splade:sparse")
      ->option_text("NAME:…")
      ->required();
  verb.runs([given](Context& context) -> Result<void> {
    const NamedVector vector = STRATA_TRY(parse_named_vector(given->vector));
    Stores& stores = *STRATA_TRY(context.database.engine());
    STRATA_TRY(stores.vector().add_vector(given->collection, vector));
    context.output.record({{"collection", given->collection}, {"added", written(vector)}});
    return {};
  });
}

Result<std::uint64_t> points_with(const CollectionInfo& info, std::string_view vector) {
  for (const VectorInfo& each : info.vectors) {
    if (each.name == vector) return each.points;
  }
  return Error(ErrorCode::invalid_argument,
               "collection \"" + info.name + "\" has no vector \"" + std::string(vector) + "\"");
}

void add_drop(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "drop-vector", "Take a named vector from the collection and from every point",
                        "strata vector drop-vector notes.strata notes minilm --dry-run");
  auto given = with_collection(verb);
  verb.app().add_option("NAME", given->vector, "The vector")->required();
  verb.app().add_flag("--dry-run", given->dry_run, "Only say what would be removed");
  verb.runs([given](Context& context) -> Result<void> {
    Stores& stores = *STRATA_TRY(context.database.engine());
    const CollectionInfo info = STRATA_TRY(stores.vector().collection(given->collection));
    const std::uint64_t points = STRATA_TRY(points_with(info, given->vector));
    if (!given->dry_run) STRATA_TRY(stores.vector().drop_vector(given->collection, given->vector));
    context.output.record(
        {{"collection", info.name}, {given->dry_run ? "would_drop" : "dropped", given->vector}, {"points", points}});
    return {};
  });
}

void add_name(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "name-vector",
                        "Give the unnamed vector a name; it stays the one that is meant where none is named",
                        "strata vector name-vector notes.strata notes minilm");
  auto given = with_collection(verb);
  verb.app().add_option("NAME", given->vector, "Its name from now on")->required();
  verb.runs([given](Context& context) -> Result<void> {
    Stores& stores = *STRATA_TRY(context.database.engine());
    STRATA_TRY(stores.vector().name_vector(given->collection, given->vector));
    context.output.record({{"collection", given->collection}, {"default_vector", given->vector}});
    return {};
  });
}

void add_default(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "set-default-vector",
                        "From now on mean this vector where none is named; refused while points lack it",
                        "strata vector set-default-vector notes.strata notes bge");
  auto given = with_collection(verb);
  verb.app().add_option("NAME", given->vector, "The vector")->required();
  verb.app().add_flag("--incomplete", given->incomplete, "Also while points lack it, which are then not found");
  verb.runs([given](Context& context) -> Result<void> {
    Stores& stores = *STRATA_TRY(context.database.engine());
    STRATA_TRY(stores.vector().set_default_vector(given->collection, given->vector, given->incomplete));
    context.output.record({{"collection", given->collection}, {"default_vector", given->vector}});
    return {};
  });
}

void add_without(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "points-without", "Points that lack a named vector, by id, a page at a time",
                        "strata vector points-without notes.strata notes bge --limit 10000 --json");
  auto given = with_collection(verb);
  verb.takes_as_of();
  verb.app().add_option("NAME", given->vector, "The vector")->required();
  verb.app().add_option("--after", given->after, "Begin after this id")->option_text("ID");
  verb.app().add_option("--limit", given->limit, "How many at most, up to 10000")->option_text("N");
  verb.app().add_flag("--with-vector", given->with_vector, "Print the vectors that they have, too");
  verb.runs([given](Context& context) -> Result<void> {
    Stores* stores = STRATA_TRY(context.database.stores());
    Rows rows;
    rows.columns = {"id", "payload"};
    if (given->with_vector) rows.columns.insert(rows.columns.end(), {"vector", "vectors"});
    for (const StoredPoint& point : STRATA_TRY(stores->vector().points_without(
             given->collection, given->vector, given->after, given->limit, given->with_vector))) {
      auto& row = rows.rows.emplace_back(std::vector<Value>{point.id, point.payload});
      if (given->with_vector) row.insert(row.end(), {shortest(point.vector), printed(point.vectors)});
    }
    context.output.rows(rows);
    return {};
  });
}

/// One line of set-vectors' input.
struct VectorsLine {
  std::string id;
  std::vector<GivenVector> vectors;
};

Result<VectorsLine> parse_vectors_line(std::string_view text) {
  const Value value = STRATA_TRY(parse_json(text));
  const Map* map = value.map();
  if (map == nullptr) return Error(ErrorCode::invalid_argument, "not a JSON object");
  VectorsLine line;
  for (const auto& [key, item] : *map) {
    if (key == "id" && item.text()) {
      line.id = *item.text();
    } else if (key == "vectors" && item.map()) {
      line.vectors = STRATA_TRY(vectors_from(*item.map()));
    } else {
      return Error(
          ErrorCode::invalid_argument,
          "\"" + key + "\" is not expected, or of another kind; a line is {\"id\": text, \"vectors\": object}");
    }
  }
  return line;
}

Result<void> set_batch(Stores& stores, const Given& given, const std::vector<VectorsLine>& lines) {
  std::vector<std::vector<PointVector>> vectors;
  std::vector<PointVectors> points;
  vectors.reserve(lines.size());
  for (const VectorsLine& line : lines) {
    vectors.push_back(point_vectors(line.vectors));
    points.push_back({line.id, vectors.back()});
  }
  return stores.vector().set_vectors(given.collection, points);
}

void add_set(CommandLine& line, CLI::App& family) {
  Verb verb =
      line.verb(family, "set-vectors",
                "Replace named vectors of points and nothing else: JSON lines {\"id\", \"vectors\": {name: list, or "
                "{\"indices\", \"values\"}}}",
                "strata vector set-vectors notes.strata notes embedded.jsonl");
  auto given = with_collection(verb);
  verb.app().add_option("FILE", given->file, "JSON lines; - (the default) is standard input");
  verb.app().add_option("--batch", given->batch, "Points in one commit")->option_text("N");
  verb.runs([given](Context& context) -> Result<void> {
    Stores& stores = *STRATA_TRY(context.database.engine());
    const std::uint64_t points =
        STRATA_TRY(commit_lines(context, given->file, "setting vectors", given->batch, parse_vectors_line,
                                [&](const auto& lines) { return set_batch(stores, *given, lines); }));
    context.output.record({{"points", points}, {"lsn", STRATA_TRY(context.database.engine())->visible_lsn()}});
    return {};
  });
}

}  // namespace

void add_vector_versions(CommandLine& line, CLI::App& family) {
  add_add(line, family);
  add_drop(line, family);
  add_name(line, family);
  add_default(line, family);
  add_without(line, family);
  add_set(line, family);
}

}  // namespace strata::cli
