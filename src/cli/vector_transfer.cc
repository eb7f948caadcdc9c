// vector import and vector export: what other vector stores hold, in and out.
#include "cli/arguments.h"
#include "cli/command_line.h"
#include "cli/progress_bar.h"
#include "cli/verbs.h"
#include "strata/interchange.h"

namespace strata::cli {
namespace {

Value remarks_value(const std::vector<TransferRemark>& remarks) {
  Value::List list;
  for (const TransferRemark& remark : remarks) {
    list.push_back(Map{{"what", remark.what}, {"points", remark.points}, {"example", remark.example}});
  }
  return list;
}

/// People read them as sentences beside the result; for programs they are a part of it.
void tell_remarks(const Context& context, const std::vector<TransferRemark>& remarks, Record& record) {
  if (context.output.format() != Format::table) {
    record.emplace_back("remarks", remarks_value(remarks));
    return;
  }
  for (const TransferRemark& remark : remarks) {
    context.note(with_commas(remark.points) + (remark.points == 1 ? " point: " : " points: ") + remark.what +
                 " (first: " + remark.example + ")");
  }
}

void add_import(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(
      family, "import",
      "Take in what another vector store holds: npy, faiss, hnswlib, Parquet, Qdrant's JSON, Chroma; makes the "
      "collection, and the database",
      "strata vector import notes.strata notes index.faiss --points ids.jsonl --metric cosine");
  verb.takes_directory();
  struct Given {
    std::string collection, format, metric;
    VectorImportOptions options;
  };
  auto given = std::make_shared<Given>();
  verb.app().add_option("COLLECTION", given->collection, "Its name")->required();
  verb.app()
      .add_option("PATH", given->options.path, "A file, or a folder: with vectors.npy and points.jsonl, or Chroma's")
      ->required();
  verb.app()
      .add_option("--format", given->format,
                  "npy, faiss, hnswlib, parquet, qdrant or chroma; default: what the content says")
      ->option_text("NAME");
  verb.app()
      .add_option("--points", given->options.points,
                  "Ids and payloads for rows or integer labels: .npy, or JSON lines {\"id\", \"payload\", \"label\"}; "
                  "default: PATH.points.jsonl")
      ->option_text("FILE");
  verb.app()
      .add_option("--id-field", given->options.id_field,
                  "Of the payload or the columns the one that is the id (qdrant, parquet)")
      ->option_text("NAME");
  verb.app()
      .add_option("--vector-field", given->options.vector_field, "Which of several named vectors (qdrant, parquet)")
      ->option_text("NAME");
  verb.app()
      .add_option("--from", given->options.source_collection, "Which of its collections (chroma)")
      ->option_text("NAME");
  verb.app()
      .add_option("--text-field", given->options.text_field,
                  "The payload's field whose words search --words finds the point by")
      ->option_text("NAME");
  verb.app()
      .add_option("--metric", given->metric, "cosine, l2 or inner_product; default: the file's, else the collection's")
      ->option_text("NAME");
  verb.app().add_option("--batch", given->options.batch, "Points in one commit")->option_text("N");
  verb.app().add_flag("--resume", given->options.resume,
                      "Pass over points that are there, as after an import that was interrupted");
  verb.app().add_flag("--dry-run", given->options.dry_run, "Read and check everything, write nothing");
  verb.runs([given](Context& context) -> Result<void> {
    VectorImportOptions& options = given->options;
    if (!given->format.empty()) options.format = STRATA_TRY(parse_vector_format(given->format));
    if (!given->metric.empty()) options.metric = STRATA_TRY(parse_metric(given->metric));
    Engine* engine = STRATA_TRY(context.database.engine(options.dry_run ? Missing::refuse : Missing::create));
    const auto bar = context.progress("importing");
    const VectorImportReport report = STRATA_TRY(import_vectors(*engine, given->collection, options, bar->callback()));
    Record record{{"format", report.format},
                  {"collection", given->collection},
                  {"dimension", report.collection.dimension},
                  {"metric", name(report.collection.metric)},
                  {options.dry_run ? "would_create" : "created", report.created},
                  {"read", report.read},
                  {options.dry_run ? "would_upsert" : "upserted", report.upserted},
                  {"skipped", report.skipped},
                  {"lsn", report.lsn}};
    tell_remarks(context, report.remarks, record);
    context.output.record(record);
    return {};
  });
}

void add_export(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "export",
                        "Write a collection as files that other vector stores read: npy, faiss, Parquet, Qdrant's JSON",
                        "strata vector export notes.strata notes notes.faiss --format faiss");
  verb.takes_directory().takes_as_of();
  struct Given {
    std::string collection, format = "npy", filter;
    VectorExportOptions options;
  };
  auto given = std::make_shared<Given>();
  verb.app().add_option("COLLECTION", given->collection, "Its name")->required();
  verb.app()
      .add_option("PATH", given->options.path, "A file that is replaced when it is whole; npy: a new folder")
      ->required();
  verb.app().add_option("--format", given->format, "npy (default), faiss, parquet or qdrant")->option_text("NAME");
  verb.app()
      .add_option("--filter", given->filter, "Only points that meet this condition: '{\"lang\": \"en\"}'")
      ->option_text("JSON");
  verb.app()
      .add_option("--vector", given->options.vector, "The named vector, of the points that have it")
      ->option_text("NAME");
  verb.runs([given](Context& context) -> Result<void> {
    VectorExportOptions& options = given->options;
    options.format = STRATA_TRY(parse_vector_format(given->format));
    options.filter = STRATA_TRY(parse_map(given->filter, "--filter"));
    Engine* engine = STRATA_TRY(context.database.engine());
    const auto view = STRATA_TRY(engine->view(STRATA_TRY(context.database.as_of())));
    const auto bar = context.progress("exporting");
    const VectorExportReport report = STRATA_TRY(export_vectors(*view, given->collection, options, bar->callback()));
    Value::List files;
    for (const std::string& file : report.files) files.emplace_back(file);
    Record record{{"files", std::move(files)}, {"exported", report.points}, {"lsn", view->lsn()}};
    tell_remarks(context, report.remarks, record);
    context.output.record(record);
    return {};
  });
}

}  // namespace

void add_vector_transfer(CommandLine& line, CLI::App& family) {
  add_import(line, family);
  add_export(line, family);
}

}  // namespace strata::cli
