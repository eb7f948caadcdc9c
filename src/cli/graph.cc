// graph node …|edge …|neighbours|reach|path|find|index|counts.
#include "cli/arguments.h"
#include "cli/command_line.h"
#include "cli/dry_run.h"
#include "cli/verbs.h"

namespace strata::cli {
namespace {

struct Given {
  std::string id, target, type, properties, label, key, value, after, direction = "out";
  std::vector<std::string> labels, types;
  EdgeId edge = 0;
  std::size_t limit = 1'000;
  std::uint32_t hops_min = 1, hops_max = 0;
  bool keep_edges = false, merge = false, dry_run = false;
};

void add_id(Verb& verb, Given& given, const std::string& what = "The node") {
  verb.app().add_option("ID", given.id, what)->required();
}

void add_properties(Verb& verb, Given& given) {
  verb.app().add_option("--properties", given.properties, "A JSON object")->option_text("JSON");
}

void add_traversal(Verb& verb, Given& given) {
  verb.app()
      .add_option("--direction", given.direction, "out, in or both")
      ->check(CLI::IsMember({"out", "in", "both"}))
      ->option_text("WAY");
  verb.app()
      .add_option("--type", given.types, "Only edges of this type; may be repeated")
      ->option_text("TYPE")
      ->allow_extra_args(false);
  verb.app().add_option("--limit", given.limit, "How many at most")->option_text("N");
}

TraversalOptions traversal(const Given& given) {
  const Direction direction = given.direction == "in"     ? Direction::in
                              : given.direction == "both" ? Direction::both
                                                          : Direction::out;
  return {direction, given.types, given.limit};
}

std::string_view direction_name(Direction direction) {
  return direction == Direction::out ? "out" : direction == Direction::in ? "in" : "both";
}

Value list_of(const std::vector<std::string>& texts) { return Value::List(texts.begin(), texts.end()); }

Record record_of(const Node& node) {
  return {{"id", node.id}, {"labels", list_of(node.labels)}, {"properties", node.properties}};
}

void add_node_verbs(CommandLine& line, CLI::App& graph) {
  CLI::App& family = *graph.add_subcommand("node", "One node: put, get, delete");
  family.require_subcommand(1, 1);
  {
    Verb verb = line.verb(family, "put", "Create a node, or replace its labels and properties; creates the database",
                          "strata graph node put notes.strata n1 --label Note --properties '{\"lang\": \"en\"}'");
    verb.takes_directory();
    auto given = std::make_shared<Given>();
    add_id(verb, *given);
    verb.app().add_option("--label", given->labels, "May be repeated")->option_text("LABEL")->allow_extra_args(false);
    add_properties(verb, *given);
    verb.runs([given](Context& context) -> Result<void> {
      const Node node{given->id, given->labels, STRATA_TRY(parse_map(given->properties, "--properties"))};
      Stores& stores = *STRATA_TRY(context.database.engine(Missing::create));
      STRATA_TRY(stores.graph().put_node(node));
      context.output.record(record_of(node));
      return {};
    });
  }
  {
    Verb verb =
        line.verb(family, "get", "A node's labels and properties", "strata graph node get notes.strata n1 --json");
    verb.takes_directory().takes_as_of();
    auto given = std::make_shared<Given>();
    add_id(verb, *given);
    verb.runs([given](Context& context) -> Result<void> {
      Stores* stores = STRATA_TRY(context.database.stores());
      const auto node = STRATA_TRY(stores->graph().node(given->id));
      if (!node) return Error(ErrorCode::not_found, "no node \"" + given->id + "\"");
      context.output.record(record_of(*node));
      return {};
    });
  }
  {
    Verb verb = line.verb(family, "delete", "Remove a node and its edges",
                          "strata graph node delete notes.strata n1 --dry-run");
    verb.takes_directory();
    auto given = std::make_shared<Given>();
    add_id(verb, *given);
    verb.app().add_flag("--keep-edges", given->keep_edges, "Refuse when the node has edges");
    verb.app().add_flag("--dry-run", given->dry_run, "Only say what would be removed");
    verb.runs([given](Context& context) -> Result<void> {
      Engine& engine = *STRATA_TRY(context.database.engine());
      const auto node = STRATA_TRY(engine.graph().node(given->id));
      if (!node) return Error(ErrorCode::not_found, "no node \"" + given->id + "\"");
      const std::uint64_t edges = STRATA_TRY(engine.graph().degree(given->id, {Direction::both, {}, 1'000'000}));
      const auto remove = [&](Stores& stores) { return stores.graph().remove_node(given->id, !given->keep_edges); };
      STRATA_TRY(given->dry_run ? tried(engine, remove) : remove(engine));
      context.output.record({{given->dry_run ? "would_delete" : "deleted", given->id}, {"edges", edges}});
      return {};
    });
  }
}

Record record_of(const Edge& edge) {
  return {{"id", edge.id},
          {"source", edge.source},
          {"type", edge.type},
          {"target", edge.target},
          {"properties", edge.properties}};
}

void add_edge_verbs(CommandLine& line, CLI::App& graph) {
  CLI::App& family = *graph.add_subcommand("edge", "One edge: add, get, delete");
  family.require_subcommand(1, 1);
  {
    Verb verb = line.verb(family, "add", "Add an edge between two nodes",
                          "strata graph edge add notes.strata n1 FOLLOWS n0 --merge");
    verb.takes_directory();
    auto given = std::make_shared<Given>();
    verb.app().add_option("SOURCE", given->id, "The node it leaves")->required();
    verb.app().add_option("TYPE", given->type, "Its type")->required();
    verb.app().add_option("TARGET", given->target, "The node it leads to")->required();
    add_properties(verb, *given);
    verb.app().add_flag("--merge", given->merge, "If there is such an edge, replace its properties instead");
    verb.runs([given](Context& context) -> Result<void> {
      const Map properties = STRATA_TRY(parse_map(given->properties, "--properties"));
      GraphStore& graph_store = STRATA_TRY(context.database.engine())->graph();
      const EdgeId id = given->merge
                            ? STRATA_TRY(graph_store.merge_edge(given->id, given->type, given->target, properties))
                            : STRATA_TRY(graph_store.add_edge(given->id, given->type, given->target, properties));
      context.output.record(record_of(Edge{id, given->id, given->target, given->type, properties}));
      return {};
    });
  }
  {
    Verb verb = line.verb(family, "get", "An edge by its number", "strata graph edge get notes.strata 17");
    verb.takes_directory().takes_as_of();
    auto given = std::make_shared<Given>();
    verb.app().add_option("EDGE", given->edge, "Its number, as neighbours prints it")->required();
    verb.runs([given](Context& context) -> Result<void> {
      Stores* stores = STRATA_TRY(context.database.stores());
      const auto edge = STRATA_TRY(stores->graph().edge(given->edge));
      if (!edge) return Error(ErrorCode::not_found, "no edge " + std::to_string(given->edge));
      context.output.record(record_of(*edge));
      return {};
    });
  }
  {
    Verb verb = line.verb(family, "delete", "Remove an edge", "strata graph edge delete notes.strata 17 --dry-run");
    verb.takes_directory();
    auto given = std::make_shared<Given>();
    verb.app().add_option("EDGE", given->edge, "Its number")->required();
    verb.app().add_flag("--dry-run", given->dry_run, "Only say what it is");
    verb.runs([given](Context& context) -> Result<void> {
      Stores& stores = *STRATA_TRY(context.database.engine());
      const auto edge = STRATA_TRY(stores.graph().edge(given->edge));
      if (!edge) return Error(ErrorCode::not_found, "no edge " + std::to_string(given->edge));
      if (!given->dry_run) STRATA_TRY(stores.graph().remove_edge(given->edge));
      Record record = record_of(*edge);
      record.insert(record.begin(), {given->dry_run ? "would_delete" : "deleted", true});
      context.output.record(record);
      return {};
    });
  }
}

void add_neighbours(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "neighbours", "The edges at a node, and the nodes at their other ends",
                        "strata graph neighbours notes.strata n1 --direction both --type FOLLOWS");
  verb.takes_directory().takes_as_of();
  auto given = std::make_shared<Given>();
  add_id(verb, *given);
  add_traversal(verb, *given);
  verb.runs([given](Context& context) -> Result<void> {
    Stores* stores = STRATA_TRY(context.database.stores());
    Rows rows;
    rows.columns = {"edge", "direction", "type", "node"};
    for (const Neighbour& item : STRATA_TRY(stores->graph().neighbours(given->id, traversal(*given)))) {
      rows.rows.push_back({item.edge, direction_name(item.direction), item.type, item.node});
    }
    context.output.rows(rows);
    return {};
  });
}

void add_reach(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "reach", "Every node within some hops, nearest first",
                        "strata graph reach notes.strata n1 --hops 3");
  verb.takes_directory().takes_as_of();
  auto given = std::make_shared<Given>();
  given->hops_max = 2;
  add_id(verb, *given);
  verb.app().add_option("--hops", given->hops_max, "At most this many")->option_text("N");
  verb.app().add_option("--hops-min", given->hops_min, "At least this many")->option_text("N");
  add_traversal(verb, *given);
  verb.runs([given](Context& context) -> Result<void> {
    Stores* stores = STRATA_TRY(context.database.stores());
    Rows rows;
    rows.columns = {"hops", "node"};
    for (const Reached& item :
         STRATA_TRY(stores->graph().reach(given->id, given->hops_min, given->hops_max, traversal(*given)))) {
      rows.rows.push_back({item.hops, item.node});
    }
    context.output.rows(rows);
    return {};
  });
}

void add_path(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "path", "A path with the fewest edges",
                        "strata graph path notes.strata n1 n9 --direction both");
  verb.takes_directory().takes_as_of();
  auto given = std::make_shared<Given>();
  given->hops_max = 15;
  verb.app().add_option("SOURCE", given->id, "Where it begins")->required();
  verb.app().add_option("TARGET", given->target, "Where it ends")->required();
  verb.app().add_option("--hops", given->hops_max, "At most this many edges")->option_text("N");
  add_traversal(verb, *given);
  verb.runs([given](Context& context) -> Result<void> {
    Stores* stores = STRATA_TRY(context.database.stores());
    const Path path =
        STRATA_TRY(stores->graph().shortest_path(given->id, given->target, given->hops_max, traversal(*given)));
    if (path.nodes.empty()) {
      return Error(ErrorCode::not_found, "no path of at most " + std::to_string(given->hops_max) + " edges from \"" +
                                             given->id + "\" to \"" + given->target + "\"");
    }
    Rows rows;
    rows.columns = {"hop", "node", "edge", "type"};
    for (std::size_t i = 0; i < path.nodes.size(); ++i) {
      std::vector<Value> row{i, path.nodes[i], Value(), Value()};
      if (i > 0) {
        const auto edge = STRATA_TRY(stores->graph().edge(path.edges[i - 1]));
        row[2] = path.edges[i - 1];
        row[3] = edge ? Value(edge->type) : Value();
      }
      rows.rows.push_back(std::move(row));
    }
    context.output.rows(rows);
    return {};
  });
}

void add_find(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "find", "Nodes by label and by the value of a property",
                        "strata graph find notes.strata Note lang en");
  verb.takes_directory().takes_as_of();
  auto given = std::make_shared<Given>();
  verb.app().add_option("LABEL", given->label, "The label; '' for any");
  verb.app().add_option("KEY", given->key, "A property");
  verb.app().add_option("VALUE", given->value, "Its value: JSON where it reads as JSON, else text");
  verb.app().add_option("--limit", given->limit, "How many at most")->option_text("N");
  verb.app().add_option("--after", given->after, "Begin after this id")->option_text("ID");
  verb.runs([given](Context& context) -> Result<void> {
    Stores* stores = STRATA_TRY(context.database.stores());
    Rows rows;
    rows.columns = {"id", "labels", "properties"};
    const Value value = given->key.empty() ? Value() : parse_parameter(given->value);
    for (const Node& node :
         STRATA_TRY(stores->graph().find_nodes(given->label, given->key, value, given->limit, given->after))) {
      rows.rows.push_back({node.id, list_of(node.labels), node.properties});
    }
    context.output.rows(rows);
    return {};
  });
}

void add_index(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "index", "Keep an index of a property over nodes with a label",
                        "strata graph index notes.strata Note lang");
  verb.takes_directory();
  auto given = std::make_shared<Given>();
  verb.app().add_option("LABEL", given->label, "The label")->required();
  verb.app().add_option("KEY", given->key, "The property")->required();
  verb.runs([given](Context& context) -> Result<void> {
    Stores& stores = *STRATA_TRY(context.database.engine());
    STRATA_TRY(stores.graph().create_index(given->label, given->key));
    context.output.record({{"label", given->label}, {"key", given->key}});
    return {};
  });
}

void add_counts(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "counts", "How many nodes and edges there are", "strata graph counts notes.strata");
  verb.takes_directory().takes_as_of();
  verb.runs([](Context& context) -> Result<void> {
    Stores* stores = STRATA_TRY(context.database.stores());
    const GraphCounts counts = STRATA_TRY(stores->graph().counts());
    context.output.record({{"nodes", counts.nodes}, {"edges", counts.edges}});
    return {};
  });
}

}  // namespace

void add_graph_verbs(CommandLine& line) {
  CLI::App& family = line.family("graph", "Nodes and edges");
  add_node_verbs(line, family);
  add_edge_verbs(line, family);
  add_neighbours(line, family);
  add_reach(line, family);
  add_path(line, family);
  add_find(line, family);
  add_index(line, family);
  add_counts(line, family);
}

}  // namespace strata::cli
