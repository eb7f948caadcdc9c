// checkpoint, compact, backup, restore, rebuild.
#include <filesystem>

#include "cli/command_line.h"
#include "cli/dry_run.h"
#include "cli/interrupt.h"
#include "cli/verbs.h"
#include "strata/operations.h"

namespace strata::cli {
namespace {

void add_checkpoint(CommandLine& line) {
  Verb verb = line.verb("checkpoint", "Write what memory holds into files, and give journal files back",
                        "strata checkpoint notes.strata");
  verb.takes_directory();
  verb.runs([](Context& context) -> Result<void> {
    Engine* engine = STRATA_TRY(context.database.engine());
    const Lsn lsn = STRATA_TRY(context.waiting("writing", [&] { return engine->checkpoint(); }));
    context.output.record({{"lsn", lsn}});
    return {};
  });
}

void add_compact(CommandLine& line) {
  Verb verb = line.verb("compact",
                        "Remove what nothing refers to, give back its space, and make the search graphs that are due",
                        "strata compact notes.strata");
  verb.takes_directory();
  auto dry_run = std::make_shared<bool>(false);
  verb.app().add_flag("--dry-run", *dry_run, "Only say how many objects would be removed");
  verb.runs([dry_run](Context& context) -> Result<void> {
    Engine* engine = STRATA_TRY(context.database.engine());
    if (*dry_run) {
      const CollectReport report = STRATA_TRY(tried(*engine, [](Stores& stores) { return stores.object().collect(); }));
      context.output.record({{"would_remove", report.objects}, {"bytes", report.bytes}});
      return {};
    }
    const auto bar = context.progress("making search graphs");
    const CompactReport report = STRATA_TRY(compact(*engine, bar->callback()));
    context.output.record({{"objects_removed", report.objects}, {"bytes_removed", report.bytes}, {"lsn", report.lsn}});
    return {};
  });
}

void add_backup(CommandLine& line) {
  Verb verb = line.verb("backup", "Copy everything into a new, timestamped folder, checked on the way",
                        "strata backup notes.strata to/");
  verb.takes_directory();
  auto to = std::make_shared<std::string>();
  verb.app().add_option("TO", *to, "The folder that backups are collected in; made when it is not there")->required();
  verb.runs([to](Context& context) -> Result<void> {
    Engine* engine = STRATA_TRY(context.database.engine());
    std::error_code failed;
    const bool made = std::filesystem::create_directories(*to, failed);
    if (failed) return Error(ErrorCode::io, "the folder \"" + *to + "\" cannot be made: " + failed.message());
    const auto bar = context.progress("backing up", true);
    auto done = backup(*engine, *to, bar->callback());
    if (!done && made) std::filesystem::remove(*to, failed);
    const BackupReport report = STRATA_TRY(std::move(done));
    context.output.record({{"backup", report.directory},
                           {"lsn", report.lsn},
                           {"bytes", report.bytes},
                           {"files", report.files},
                           {"seconds", context.output.score(report.seconds)}});
    return {};
  });
}

void add_restore(CommandLine& line) {
  Verb verb = line.verb("restore", "Make a new database from a backup",
                        "strata restore to/2026-11-20T10:00:00Z elsewhere.strata --lsn 1200");
  struct Given {
    std::string from, directory;
    Lsn lsn = 0;
  };
  auto given = std::make_shared<Given>();
  verb.app().add_option("FROM", given->from, "A backup, as backup printed it")->required();
  verb.app().add_option("DIR", given->directory, "The new database; must not exist, or be empty")->required();
  verb.app().add_option("--lsn", given->lsn, "Only up to this commit; default: all");
  verb.runs([given](Context& context) -> Result<void> {
    const auto bar = context.progress("restoring", true);
    const Lsn lsn = STRATA_TRY(restore(given->from, given->directory, given->lsn, bar->callback()));
    context.output.record({{"directory", given->directory}, {"lsn", lsn}});
    return {};
  });
}

void add_rebuild(CommandLine& line) {
  Verb verb = line.verb(
      "rebuild", "Make again what one store derived, check it, then replace what is there; a failure changes nothing",
      "strata rebuild notes.strata graph --dry-run");
  struct Given {
    std::string directory, store;
    bool dry_run = false;
  };
  auto given = std::make_shared<Given>();
  verb.app().add_option("DIR", given->directory, "The database; nobody may have it open")->required();
  verb.app()
      .add_option("STORE", given->store,
                  "metadata, analytics: made again from checkpoint and journal; vector, object, graph, cache, array: "
                  "derive nothing, are opened again and checked")
      ->required();
  verb.app().add_flag("--dry-run", given->dry_run, "Only say what the store holds now");
  verb.runs([given](Context& context) -> Result<void> {
    const StoreKind store = STRATA_TRY(parse_store_kind(given->store));
    RebuildReport summary;
    if (given->dry_run) {
      Database database(given->directory, context.database.settings());
      Engine* engine = STRATA_TRY(database.engine());
      for (const StoreSummary& each : STRATA_TRY(context.waiting("reading", [&] { return engine->summarize(); }))) {
        if (each.store == store) static_cast<StoreSummary&>(summary) = each;  // the cache has none
      }
      STRATA_TRY(database.close());
    } else {
      summary = STRATA_TRY(context.waiting("rebuilding", [&] { return rebuild(given->directory, store); }));
    }
    Record record{
        {given->dry_run ? "would_rebuild" : "rebuilt", name(store)}, {"items", summary.items}, {"hash", summary.hash}};
    if (!given->dry_run) record.emplace_back("changed", summary.changed);
    context.output.record(record);
    return {};
  });
}

}  // namespace

void add_maintenance_verbs(CommandLine& line) {
  add_checkpoint(line);
  add_compact(line);
  add_backup(line);
  if (line.place() == Place::shell) {
    add_restore(line);
    add_rebuild(line);
  }
}

}  // namespace strata::cli
