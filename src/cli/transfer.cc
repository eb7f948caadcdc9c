// import and export: memories as JSON lines (atom_line.h). A link may point at a memory that comes later in the file: links
// that find no target in their batch are kept and made at the end.
#include <algorithm>
#include <optional>

#include "cli/arguments.h"
#include "cli/atom_line.h"
#include "cli/command_line.h"
#include "cli/files.h"
#include "cli/interrupt.h"
#include "cli/verbs.h"
#include "memory/schema.h"

namespace strata::cli {
namespace {

Error invalid(std::string what) { return Error(ErrorCode::invalid_argument, std::move(what)); }

struct ImportGiven {
  std::string file = "-";
  std::size_t batch = 500;
  bool resume = false, embed_anew = false;
};

/// A file of memories on its way in. Each batch is one commit.
class Importer {
 public:
  Importer(Engine& engine, Memory& memory, const ImportGiven& given)
      : engine_(engine), memory_(memory), given_(given) {}

  Result<void> run(LineReader& reader, ProgressBar& bar) {
    std::string line;
    while (STRATA_TRY(reader.next(line))) {
      if (line.empty()) continue;
      auto added = add(line);
      if (!added)
        return std::move(added).error().with_context("line " + std::to_string(reader.line_number()) + progress_text());
      if (batch_.size() < std::max<std::size_t>(given_.batch, 1)) continue;
      STRATA_TRY(commit());
      bar.update(reader.bytes_read(), reader.bytes_total());
    }
    STRATA_TRY(commit());
    return link_late();
  }

  Record report() const {
    return {
        {"remembered", remembered_}, {"skipped", skipped_}, {"late_links", linked_}, {"lsn", engine_.visible_lsn()}};
  }

 private:
  std::string progress_text() const {
    return remembered_ == 0 ? "" : " (" + std::to_string(remembered_) + " memories before it are in)";
  }

  Result<void> add(const std::string& line) {
    AtomLine imported = STRATA_TRY(parse_atom_line(line));
    Atom& atom = imported.atom;
    if (given_.embed_anew) atom.embedding.clear();
    if (!atom.embedding.empty() && !imported.model.empty() && imported.model != memory_.embedder().model()) {
      return Error(ErrorCode::failed_precondition, "its embedding was made by \"" + imported.model +
                                                       "\", this database embeds with \"" + memory_.embedder().model() +
                                                       "\"; --embed-anew makes new ones");
    }
    if (given_.resume) {
      if (atom.id.empty()) return invalid("--resume needs an \"id\" in every line");
      if (STRATA_TRY(memory_.get(atom.id))) {
        ++skipped_;
        // The links of what is there may be what the last run did not reach.
        for (MemoryLink& link : atom.links) late_.push_back({atom.id, std::move(link)});
        return {};
      }
    }
    batch_.push_back(std::move(atom));
    return {};
  }

  Result<void> commit() {
    if (batch_.empty()) return {};
    std::vector<std::string_view> ids;
    for (const Atom& atom : batch_) ids.push_back(atom.id);
    std::sort(ids.begin(), ids.end());
    for (Atom& atom : batch_) {
      std::vector<MemoryLink> now;
      for (MemoryLink& link : atom.links) {
        const bool here = std::binary_search(ids.begin(), ids.end(), link.target) ||
                          STRATA_TRY(engine_.graph().node(link.target)).has_value();
        if (here) {
          now.push_back(std::move(link));
        } else if (atom.id.empty()) {
          return Error(ErrorCode::not_found,
                       "a memory without an id links to \"" + link.target + "\", which is not there yet");
        } else {
          late_.push_back({atom.id, std::move(link)});
        }
      }
      atom.links = std::move(now);
    }
    remembered_ += STRATA_TRY(memory_.remember(batch_)).size();
    batch_.clear();
    return {};
  }

  Result<void> link_late() {
    if (late_.empty()) return {};
    auto transaction = STRATA_TRY(engine_.begin());
    std::uint64_t missing = 0;
    std::string first_missing;
    for (const LateLink& late : late_) {
      if (!STRATA_TRY(transaction->graph().node(late.link.target))) {
        if (missing++ == 0) first_missing = "\"" + late.source + "\" to \"" + late.link.target + "\"";
        continue;
      }
      STRATA_TRY(transaction->graph().merge_edge(late.source, late.link.type, late.link.target, late.link.properties));
      ++linked_;
    }
    STRATA_TRY(transaction->commit());
    if (missing == 0) return {};
    return Error(ErrorCode::not_found, std::to_string(missing) +
                                           " links lead to memories that are not there, the first from " +
                                           first_missing + "; everything else is in");
  }

  struct LateLink {
    std::string source;
    MemoryLink link;
  };
  Engine& engine_;
  Memory& memory_;
  const ImportGiven& given_;
  std::vector<Atom> batch_;
  std::vector<LateLink> late_;
  std::uint64_t remembered_ = 0, skipped_ = 0, linked_ = 0;
};

void add_import(CommandLine& line) {
  Verb verb = line.verb("import", "Remember what is in a file of JSON lines, as export writes it; creates the database",
                        "strata import notes.strata memories.jsonl --resume");
  verb.takes_directory();
  auto given = std::make_shared<ImportGiven>();
  verb.app().add_option("FILE", given->file, "JSON lines; - (the default) is standard input");
  verb.app().add_option("--batch", given->batch, "Memories in one commit")->option_text("N");
  verb.app().add_flag("--resume", given->resume,
                      "Pass over ids that are there, as after an import that was interrupted");
  verb.app().add_flag("--embed-anew", given->embed_anew, "Do not take the file's embeddings");
  verb.runs([given](Context& context) -> Result<void> {
    LineReader reader = STRATA_TRY(LineReader::open(given->file));
    Memory* memory = STRATA_TRY(context.database.memory(Missing::create));
    Importer importer(*STRATA_TRY(context.database.engine()), *memory, *given);
    const auto bar = context.progress("remembering", true);
    auto result = importer.run(reader, *bar);
    if (!result) return result;
    context.output.record(importer.report());
    return {};
  });
}

Value floats_value(const ArrayData& array) {
  std::vector<float> floats(array.bytes.size() / sizeof(float));
  std::copy(array.bytes.begin(), array.bytes.end(), reinterpret_cast<std::byte*>(floats.data()));
  return shortest(floats);
}

/// One memory as a line, read from one view.
Result<Map> exported(View& view, Memory& memory, const std::string& id, bool with_embeddings) {
  const auto stored = STRATA_TRY(memory.get(id, AsOf::at(view.lsn())));
  Map map{{"id", id}};
  if (!stored) return map;
  const Atom& atom = stored->atom;
  map.set("text", atom.text);
  if (atom.modality != "text") map.set("modality", atom.modality);
  if (!atom.source.empty()) map.set("source", atom.source);
  if (!atom.metadata.empty()) map.set("metadata", atom.metadata);
  if (atom.valid_from) map.set("valid_from", core::format_time(*atom.valid_from));
  if (atom.valid_to) map.set("valid_to", core::format_time(*atom.valid_to));
  Value::List tags;
  for (const MemoryTag& tag : atom.tags)
    tags.push_back(Map{{"key", tag.key}, {"value", tag.value}, {"weight", tag.weight}});
  if (!tags.empty()) map.set("tags", std::move(tags));
  Value::List links;
  for (const MemoryLink& link : atom.links) {
    links.push_back(Map{{"type", link.type}, {"target", link.target}, {"properties", link.properties}});
  }
  if (!links.empty()) map.set("links", std::move(links));
  if (with_embeddings) {
    Stores& stores = view;
    if (const auto point = STRATA_TRY(stores.vector().get(memory::kCollection, id))) {
      map.set("embedding", shortest(point->vector));
      map.set("model", memory.embedder().model());
    }
  }
  if (auto rows = view.array().find(memory::kDataset, id); rows && !rows->empty()) {
    const RowRange last = rows->back();
    map.set("activation", floats_value(STRATA_TRY(view.array().read(memory::kDataset, last.begin, last.end))));
  }
  return map;
}

/// Where export's lines go: a file that appears when it is whole, or standard output.
class LineSink {
 public:
  LineSink(Output& output, std::optional<FileWriter> file) : output_(output), file_(std::move(file)) {}
  Result<void> write(const std::string& line) {
    if (file_) return file_->append(as_bytes(line));
    output_.write(line);
    return output_.flush();
  }
  bool closed() const { return output_.reader_gone(); }
  Result<void> finish() { return file_ ? file_->finish() : Result<void>(); }
  bool is_file() const { return file_.has_value(); }

 private:
  Output& output_;
  std::optional<FileWriter> file_;
};

void add_export(CommandLine& line) {
  Verb verb = line.verb("export", "Print the present version of every memory as JSON lines, from one state",
                        "strata export notes.strata memories.jsonl");
  verb.takes_directory().takes_as_of();
  struct Given {
    std::string file = "-";
    bool without_embeddings = false;
  };
  auto given = std::make_shared<Given>();
  verb.app().add_option("FILE", given->file, "Written whole or not at all; - (the default) is standard output");
  verb.app().add_flag("--without-embeddings", given->without_embeddings, "Smaller; import makes them again");
  verb.runs([given](Context& context) -> Result<void> {
    Memory* memory = STRATA_TRY(context.database.memory());
    Engine* engine = STRATA_TRY(context.database.engine());
    const auto view = STRATA_TRY(engine->view(STRATA_TRY(context.database.as_of())));
    std::optional<FileWriter> file;
    if (given->file != "-") file.emplace(STRATA_TRY(FileWriter::open(given->file)));
    LineSink sink(context.output, std::move(file));
    const auto bar = context.progress("exporting");
    const Rows total = STRATA_TRY(view->metadata().query("select count(*) from atoms"));
    std::string after;
    std::uint64_t done = 0;
    for (;;) {
      const Rows page =
          STRATA_TRY(view->metadata().query("select id from atoms where id > ? order by id limit 500", {after}));
      for (const auto& row : page.rows) {
        STRATA_TRY(check_interrupt());
        after = *row[0].text();
        STRATA_TRY(sink.write(to_json(STRATA_TRY(exported(*view, *memory, after, !given->without_embeddings))) + "\n"));
        if (sink.closed()) return {};
        bar->update(++done, static_cast<std::uint64_t>(*total.rows[0][0].integer()));
      }
      if (page.rows.empty()) break;
    }
    STRATA_TRY(sink.finish());
    if (sink.is_file()) context.output.record({{"file", given->file}, {"exported", done}, {"lsn", view->lsn()}});
    return {};
  });
}

}  // namespace

void add_transfer_verbs(CommandLine& line) {
  add_import(line);
  add_export(line);
}

}  // namespace strata::cli
