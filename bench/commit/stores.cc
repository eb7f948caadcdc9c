// Where do the microseconds go? The same memory, one store's part of it at a time, without waiting for the disk. A
// transaction that only sets one byte in the cache is what beginning and ending one costs; it is subtracted. It journals
// nothing, so each part below holds what journaling a record by itself costs (about what `analytics` shows), which the
// parts of a whole memory share.
#include <filesystem>

#include "commit/cases.h"

namespace strata::bench {
namespace {

using Write = std::function<Result<void>(Stores&, const Atom&, const std::vector<Value>&)>;

struct Part {
  std::string name;
  Write write;
};

Result<void> write_vector(Stores& stores, const Atom& atom, const std::vector<Value>&) {
  Map payload = atom.metadata;
  payload.set("source", atom.source);
  Value::List tags;
  for (const MemoryTag& tag : atom.tags) {
    tags.emplace_back(tag.key);
    tags.emplace_back(tag.key + "=" + tag.value);
  }
  payload.set("tags", std::move(tags));
  const Point point{atom.id, atom.embedding, std::move(payload), atom.text};
  return stores.vector().upsert("part", {&point, 1});
}

Result<void> write_vector_alone(Stores& stores, const Atom& atom, const std::vector<Value>&) {
  const Point point{atom.id, atom.embedding, {}, {}};
  return stores.vector().upsert("bare", {&point, 1});
}

Result<void> write_object(Stores& stores, const Atom& atom, const std::vector<Value>&) {
  STRATA_TRY(stores.object().put(as_bytes(atom.text), {.owner = atom.id}));
  return {};
}

Result<void> write_row(Stores& stores, const Atom& atom, const std::vector<Value>& metrics) {
  Map row;
  row.set("created_at", metrics[1]);
  row.set("id", atom.id);
  row.set("lsn", kCommitLsn);
  row.set("metadata", to_json(atom.metadata));
  row.set("modality", atom.modality);
  row.set("object", Bytes(32));
  row.set("source", atom.source);
  row.set("version", 1);
  return stores.metadata().put_row("part", row);
}

Result<void> write_tags(Stores& stores, const Atom& atom, const std::vector<Value>&) {
  for (const MemoryTag& tag : atom.tags) {
    STRATA_TRY(stores.metadata().put_row(
        "part_tags", {{"atom_id", atom.id}, {"key", tag.key}, {"value", tag.value}, {"weight", tag.weight}}));
  }
  return {};
}

Result<void> write_graph(Stores& stores, const Atom& atom, const std::vector<Value>&) {
  STRATA_TRY(stores.graph().put_node({atom.id, {"Part"}, {}}));
  for (const MemoryLink& link : atom.links) STRATA_TRY(stores.graph().merge_edge(atom.id, link.type, link.target));
  return {};
}

Result<void> write_metrics(Stores& stores, const Atom&, const std::vector<Value>& metrics) {
  return stores.analytics().append("part", {&metrics, 1});
}

Result<void> write_cache(Stores& stores, const Atom& atom, const std::vector<Value>&) {
  return stores.cache().set("part:" + atom.id, std::string_view(atom.text).substr(0, 200), 3'600'000);
}

Result<void> write_array(Stores& stores, const Atom& atom, const std::vector<Value>&) {
  const std::uint64_t shape[] = {1, atom.activation.size()};
  STRATA_TRY(
      stores.array().append("part", DataType::float32, shape, std::as_bytes(std::span(atom.activation)), atom.id));
  return {};
}

Result<void> write_nothing(Stores& stores, const Atom&, const std::vector<Value>&) {
  return stores.cache().set("k", std::string_view("v"));
}

Result<void> prepare(Engine& engine) {
  Stores& stores = engine;
  const CollectionOptions with_words{.dimension = kDimension, .metric = Metric::cosine, .words = true};
  const CollectionOptions bare{.dimension = kDimension, .metric = Metric::cosine};
  STRATA_TRY(stores.vector().create_collection("part", with_words));
  STRATA_TRY(stores.vector().create_collection("bare", bare));
  STRATA_TRY(stores.metadata().execute(
      "create table part(id text not null primary key, version integer not null, modality text not null, object blob "
      "not null, created_at integer not null, source text, metadata text, lsn integer not null) without rowid"));
  STRATA_TRY(stores.metadata().execute("create index part_created on part(created_at)"));
  STRATA_TRY(stores.metadata().execute(
      "create table part_tags(atom_id text not null, key text not null, value text not null, weight real not null, "
      "primary key(atom_id, key, value)) without rowid"));
  STRATA_TRY(stores.metadata().execute("create index part_tags_key on part_tags(key, value)"));
  const std::vector<ColumnDefinition> columns{{"id", ColumnType::text},
                                              {"time", ColumnType::timestamp},
                                              {"version", ColumnType::integer},
                                              {"text_bytes", ColumnType::integer}};
  STRATA_TRY(stores.analytics().create_table("part", columns));
  DatasetOptions dataset;
  dataset.row_shape = {kActivation};
  return stores.array().create_dataset("part", dataset);
}

struct Cost {
  double calls_us = 0, commit_us = 0, cpu_us = 0;  ///< a memory
};

Result<Cost> cost_of(Engine& engine, const Write& write, const std::vector<Atom>& atoms, std::size_t batch,
                     Durability durability) {
  std::vector<double> calls, commits;
  const double cpu = cpu_us();
  for (std::size_t at = 0; at + batch <= atoms.size(); at += batch) {
    TransactionOptions options;
    options.durability = durability;
    Stopwatch watch;
    auto transaction = STRATA_TRY(engine.begin(options));
    for (std::size_t i = at; i < at + batch; ++i) {
      const std::vector<Value> metrics{atoms[i].id, static_cast<std::int64_t>(1'700'000'000'000'000 + i), 1,
                                       atoms[i].text.size()};
      STRATA_TRY(write(*transaction, atoms[i], metrics));
    }
    const double called = watch.us();
    STRATA_TRY(transaction->commit());
    calls.push_back(called / static_cast<double>(batch));
    commits.push_back((watch.us() - called) / static_cast<double>(batch));
  }
  return Cost{quantile(calls, 0.5), quantile(commits, 0.5), (cpu_us() - cpu) / static_cast<double>(atoms.size())};
}

Result<void> put_nodes(Engine& engine, const std::vector<Atom>& atoms) {
  auto transaction = STRATA_TRY(engine.begin());
  for (const Atom& atom : atoms) {
    for (const MemoryLink& link : atom.links) STRATA_TRY(transaction->graph().put_node({link.target, {"Part"}, {}}));
  }
  STRATA_TRY(transaction->commit());
  return {};
}

}  // namespace

Result<void> measure_stores(Context& context) {
  const std::vector<Part> parts{{"vector and words", write_vector},
                                {"vector alone", write_vector_alone},
                                {"object", write_object},
                                {"metadata: row", write_row},
                                {"metadata: 3 tags", write_tags},
                                {"graph: node, 2 edges", write_graph},
                                {"analytics", write_metrics},
                                {"cache", write_cache},
                                {"array", write_array}};
  const std::string directory = context.settings.directory + "/stores";
  Database database = STRATA_TRY(open_database(directory, true));
  Engine& engine = *database.engine;
  STRATA_TRY(prepare(engine));
  const std::size_t singles = std::min<std::size_t>(context.settings.singles, 1'000);
  const std::size_t bulk = std::min<std::size_t>(4'000, std::max<std::size_t>(1'000, context.settings.bulk / 5));
  const std::vector<Atom> one_each = context.data.atoms(0, singles);
  const std::vector<Atom> in_batches = context.data.atoms(singles, singles + bulk);
  STRATA_TRY(put_nodes(engine, one_each));
  STRATA_TRY(put_nodes(engine, in_batches));
  const Cost empty = STRATA_TRY(cost_of(engine, write_nothing, one_each, 1, Durability::off));
  context.report.figure(
      "commit: nothing but a byte in the cache", empty.calls_us + empty.commit_us, "us",
      {{"begin_and_calls_us", empty.calls_us}, {"commit_us", empty.commit_us}, {"cpu_us", empty.cpu_us}});
  for (const Part& part : parts) {
    const Cost one = STRATA_TRY(cost_of(engine, part.write, one_each, 1, Durability::off));
    const Cost many = STRATA_TRY(cost_of(engine, part.write, in_batches, 1'000, Durability::off));
    context.report.figure("commit part: " + part.name, one.calls_us + one.commit_us - empty.calls_us - empty.commit_us,
                          "us",
                          {{"calls_us", one.calls_us - empty.calls_us},
                           {"commit_us", one.commit_us - empty.commit_us},
                           {"cpu_us", one.cpu_us - empty.cpu_us},
                           {"of_1000_calls_us", many.calls_us},
                           {"of_1000_commit_us", many.commit_us},
                           {"of_1000_cpu_us", many.cpu_us}});
  }
  const Memory& memory = *database.memory;
  const Write remember = [&](Stores& stores, const Atom& atom, const std::vector<Value>&) -> Result<void> {
    Atom linkless = atom;
    linkless.links.clear();
    STRATA_TRY(const_cast<Memory&>(memory).remember(static_cast<Transaction&>(stores), std::span(&linkless, 1)));
    return {};
  };
  for (const Durability durability : {Durability::off, Durability::batch}) {
    const Cost one = STRATA_TRY(cost_of(engine, remember, one_each, 1, durability));
    context.report.figure(
        std::string("commit: remember without links, ") + (durability == Durability::off ? "not synced" : "synced"),
        one.calls_us + one.commit_us, "us",
        {{"calls_us", one.calls_us}, {"commit_us", one.commit_us}, {"cpu_us", one.cpu_us}});
  }
  STRATA_TRY(engine.close());
  database = {};
  std::filesystem::remove_all(directory);
  return {};
}

}  // namespace strata::bench
