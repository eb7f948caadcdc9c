// remember, recall, why, history, forget.
#include "cli/arguments.h"
#include "cli/command_line.h"
#include "cli/files.h"
#include "cli/verbs.h"

namespace strata::cli {
namespace {

Value time_value(Timestamp time) { return core::format_time(time); }
Value optional_time(const std::optional<Timestamp>& time) { return time ? time_value(*time) : Value(); }

struct RememberGiven {
  std::vector<std::string> text;
  std::string id, metadata, source, modality = "text", snapshot, valid_from, valid_to, embedding;
  std::vector<std::string> tags, links;
};

Result<Atom> atom_of(const RememberGiven& given) {
  Atom atom;
  atom.id = given.id;
  atom.text = joined(given.text);
  if (atom.text == "-") atom.text = as_text(STRATA_TRY(read_input("-")));
  atom.modality = given.modality;
  atom.source = given.source;
  atom.snapshot = given.snapshot;
  for (const std::string& tag : given.tags) atom.tags.push_back(STRATA_TRY(parse_tag(tag)));
  for (const std::string& link : given.links) atom.links.push_back(STRATA_TRY(parse_link(link)));
  if (!given.embedding.empty()) atom.embedding = STRATA_TRY(parse_vector("@" + given.embedding));
  atom.valid_from = STRATA_TRY(parse_optional_time(given.valid_from, "--valid-from"));
  atom.valid_to = STRATA_TRY(parse_optional_time(given.valid_to, "--valid-to"));
  atom.metadata = STRATA_TRY(parse_map(given.metadata, "--metadata"));
  return atom;
}

void add_remember(CommandLine& line) {
  Verb verb = line.verb("remember", "Remember a text: one commit over all seven stores; creates the database",
                        "strata remember notes.strata \"The build broke because the header moved.\" --tag ci:0.9 "
                        "--link caused_by:n0 --source ci/4711");
  verb.takes_directory();
  auto given = std::make_shared<RememberGiven>();
  CLI::App& app = verb.app();
  app.add_option("TEXT", given->text, "What to remember; - reads it from standard input")->required();
  app.add_option("--id", given->id, "Its id; one that exists gets a new version. Default: a new UUIDv7");
  app.add_option("--tag", given->tags, "key, key=value or key=value:weight; may be repeated")
      ->option_text("TAG")
      ->allow_extra_args(false);
  app.add_option("--link", given->links, "type:id of a memory that it points at; may be repeated")
      ->option_text("LINK")
      ->allow_extra_args(false);
  app.add_option("--metadata", given->metadata, "A JSON object of your own; recall filters by it")->option_text("JSON");
  app.add_option("--source", given->source, "Where it comes from: ci/4711");
  app.add_option("--modality", given->modality, "text, image, …; a word of your own");
  app.add_option("--snapshot", given->snapshot, "Id of the snapshot it belongs to");
  app.add_option("--valid-from", given->valid_from, "Since when it was true in the world")->option_text("TIME");
  app.add_option("--valid-to", given->valid_to, "Until when")->option_text("TIME");
  app.add_option("--embedding-file", given->embedding, "Its embedding: JSON list or .npy, instead of the embedder's")
      ->option_text("FILE");
  verb.runs([given](Context& context) -> Result<void> {
    const Atom atom = STRATA_TRY(atom_of(*given));
    Memory* memory = STRATA_TRY(context.database.memory(Missing::create));
    const std::string id = STRATA_TRY(memory->remember(atom));
    Engine* engine = STRATA_TRY(context.database.engine());
    context.output.record({{"id", id}, {"lsn", engine->visible_lsn()}});
    return {};
  });
}

struct RecallGiven {
  std::string id;  // of why
  std::vector<std::string> text;
  std::string filter, near, valid_at, embedding;
  std::vector<std::string> tags, link_types;
  std::size_t k = 10;
  std::uint32_t hops = 0;
};

void add_question(CLI::App& app, RecallGiven& given) {
  app.add_option("TEXT", given.text, "What to look for, by meaning and by words")->expected(0, -1);
  app.add_option("-k", given.k, "How many at most")->option_text("N");
  app.add_option("--tag", given.tags, "Only with this tag, key or key=value; may be repeated")
      ->option_text("TAG")
      ->allow_extra_args(false);
  app.add_option("--filter", given.filter, "A condition on metadata, source, modality: '{\"size\": {\"lt\": 1000}}'")
      ->option_text("JSON");
  app.add_option("--near", given.near, "Only what --hops links lead to from this memory")->option_text("ID");
  app.add_option("--hops", given.hops, "Links to follow: from --near, else from the best hits")->option_text("N");
  app.add_option("--link-type", given.link_types, "Follow only links of this type; may be repeated")
      ->option_text("TYPE")
      ->allow_extra_args(false);
  app.add_option("--valid-at", given.valid_at, "Only what was true then")->option_text("TIME");
  app.add_option("--embedding-file", given.embedding, "Look for this embedding, instead of the text's")
      ->option_text("FILE");
}

Result<RecallOptions> options_of(const RecallGiven& given, const Context& context) {
  RecallOptions options;
  options.text = joined(given.text);
  options.k = given.k;
  options.tags = given.tags;
  options.filter = STRATA_TRY(parse_map(given.filter, "--filter"));
  options.near = given.near;
  options.hops = given.hops;
  options.link_types = given.link_types;
  options.valid_at = STRATA_TRY(parse_optional_time(given.valid_at, "--valid-at"));
  if (!given.embedding.empty()) options.embedding = STRATA_TRY(parse_vector("@" + given.embedding));
  options.as_of = STRATA_TRY(context.database.as_of());
  return options;
}

std::string path_text(const std::vector<std::string>& path) {
  std::string text;
  for (const std::string& id : path) text += (text.empty() ? "" : " → ") + id;
  return text;
}

/// "vector #1 0.8123 · words #3 2.1 · 2 hops a → b → c"
std::string why_text(const Why& why, const Output& output) {
  std::string text;
  auto add = [&](const std::string& part) { text += (text.empty() ? "" : " · ") + part; };
  auto ranked = [&](const char* store, std::uint32_t rank, float score) {
    if (rank > 0)
      add(std::string(store) + " #" + std::to_string(rank) + " " + to_json(output.score(static_cast<double>(score))));
  };
  ranked("vector", why.vector_rank, why.vector_score);
  ranked("words", why.words_rank, why.words_score);
  if (!why.path.empty() || why.hops > 0) {
    add(std::to_string(why.hops) + (why.hops == 1 ? " hop " : " hops ") + path_text(why.path));
  }
  return text;
}

Value why_value(const Why& why, const Output& output) {
  if (!output.json()) return why_text(why, output);
  return Map{{"vector_rank", why.vector_rank},
             {"vector_score", shortest(why.vector_score)},
             {"words_rank", why.words_rank},
             {"words_score", shortest(why.words_score)},
             {"hops", why.hops},
             {"path", Value::List(why.path.begin(), why.path.end())}};
}

void add_recall(CommandLine& line, const std::string& name) {
  Verb verb = line.verb(name, "Find memories by meaning, words, links, tags and time, and say why",
                        "strata " + name + " notes.strata \"why did the build break?\" --tag ci --hops 2 -k 5");
  verb.takes_directory().takes_as_of();
  auto given = std::make_shared<RecallGiven>();
  add_question(verb.app(), *given);
  verb.runs([given](Context& context) -> Result<void> {
    Output& output = context.output;
    const RecallOptions options = STRATA_TRY(options_of(*given, context));
    Memory* memory = STRATA_TRY(context.database.memory());
    Rows rows;
    rows.columns = {"score", "id", "text", "why"};
    if (output.json()) rows.columns.emplace_back("metadata");
    for (const Recalled& hit : STRATA_TRY(memory->recall(options))) {
      auto& row = rows.rows.emplace_back(
          std::vector<Value>{output.score(hit.score), hit.id, hit.text, why_value(hit.why, output)});
      if (output.json()) row.emplace_back(hit.metadata);
    }
    output.rows(rows);
    return {};
  });
}

void add_why(CommandLine& line) {
  Verb verb = line.verb("why", "Why a memory answers to a question, whatever its rank",
                        "strata why notes.strata n1 \"why did the build break?\"");
  verb.takes_directory().takes_as_of();
  auto given = std::make_shared<RecallGiven>();
  verb.app().add_option("ID", given->id, "The memory")->required();
  add_question(verb.app(), *given);
  verb.runs([given](Context& context) -> Result<void> {
    Output& output = context.output;
    const RecallOptions options = STRATA_TRY(options_of(*given, context));
    Memory* memory = STRATA_TRY(context.database.memory());
    const Recalled hit = STRATA_TRY(memory->why(given->id, options));
    Record record{{"id", hit.id},
                  {"score", output.score(hit.score)},
                  {"why", why_value(hit.why, output)},
                  {"text", hit.text},
                  {"metadata", hit.metadata}};
    output.record(record);
    return {};
  });
}

Value tags_value(const std::vector<MemoryTag>& tags) {
  Value::List list;
  for (const MemoryTag& tag : tags) list.push_back(Map{{"key", tag.key}, {"value", tag.value}, {"weight", tag.weight}});
  return list;
}

void add_history(CommandLine& line) {
  Verb verb = line.verb("history", "Every version of a memory, newest first", "strata history notes.strata n1 --json");
  verb.takes_directory();
  auto id = std::make_shared<std::string>();
  verb.app().add_option("ID", *id, "The memory")->required();
  verb.runs([id](Context& context) -> Result<void> {
    Output& output = context.output;
    Memory* memory = STRATA_TRY(context.database.memory());
    Rows rows;
    rows.columns = {"version", "lsn", "created_at", "valid_from", "valid_to", "forgotten", "text"};
    if (output.json()) rows.columns.insert(rows.columns.end(), {"source", "modality", "snapshot", "metadata", "tags"});
    for (const StoredAtom& stored : STRATA_TRY(memory->history(*id))) {
      const Atom& atom = stored.atom;
      auto& row = rows.rows.emplace_back(std::vector<Value>{stored.version, stored.lsn, time_value(stored.created_at),
                                                            optional_time(atom.valid_from),
                                                            optional_time(atom.valid_to), stored.forgotten, atom.text});
      if (output.json()) {
        row.insert(row.end(), {atom.source, atom.modality, atom.snapshot, atom.metadata, tags_value(atom.tags)});
      }
    }
    output.rows(rows);
    return {};
  });
}

Result<void> show_what_forget_would_remove(Context& context, const std::string& id) {
  Memory* memory = STRATA_TRY(context.database.memory());
  const auto stored = STRATA_TRY(memory->get(id));
  if (!stored) return Error(ErrorCode::not_found, "no memory \"" + id + "\"");
  const std::size_t versions = STRATA_TRY(memory->history(id)).size();
  Stores& stores = *STRATA_TRY(context.database.engine());
  const std::uint64_t edges = STRATA_TRY(stores.graph().degree(id, {Direction::both, {}, 1'000'000}));
  context.output.record({{"would_forget", id},
                         {"versions", versions},
                         {"tags", stored->atom.tags.size()},
                         {"links", edges},
                         {"text", stored->atom.text}});
  return {};
}

void add_forget(CommandLine& line) {
  Verb verb = line.verb("forget", "Remove a memory from every store, and print a receipt",
                        "strata forget notes.strata n1 --dry-run");
  verb.takes_directory();
  struct Given {
    std::string id;
    bool dry_run = false;
  };
  auto given = std::make_shared<Given>();
  verb.app().add_option("ID", given->id, "The memory")->required();
  verb.app().add_flag("--dry-run", given->dry_run, "Only say what would be removed");
  verb.runs([given](Context& context) -> Result<void> {
    if (given->dry_run) return show_what_forget_would_remove(context, given->id);
    Memory* memory = STRATA_TRY(context.database.memory());
    const ForgetReceipt receipt = STRATA_TRY(memory->forget(given->id));
    Map removed;
    for (const auto& [store, count] : receipt.removed) removed.set(store, count);
    context.output.record({{"id", receipt.id},
                           {"lsn", receipt.lsn},
                           {"time", time_value(receipt.time)},
                           {"removed", removed},
                           {"hash", receipt.hash}});
    return {};
  });
}

}  // namespace

void add_memory_verbs(CommandLine& line) {
  add_remember(line);
  add_recall(line, "recall");
  if (line.place() == Place::prompt) add_recall(line, "search");
  add_why(line);
  add_history(line);
  add_forget(line);
}

}  // namespace strata::cli
