// snapshot: names for the present set of memories. tag: names for a past state of the whole database.
#include <algorithm>

#include "cli/arguments.h"
#include "cli/command_line.h"
#include "cli/verbs.h"

namespace strata::cli {
namespace {

void add_snapshot_create(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "create", "Name the present set of memories; --as-of ID shows it later",
                        "strata snapshot create notes.strata before-cleanup --notes \"all of 2025\"");
  verb.takes_directory();
  struct Given {
    std::string id, notes;
  };
  auto given = std::make_shared<Given>();
  verb.app().add_option("ID", given->id, "Its name")->required();
  verb.app().add_option("--notes", given->notes, "What it is for");
  verb.runs([given](Context& context) -> Result<void> {
    Memory* memory = STRATA_TRY(context.database.memory());
    const SnapshotInfo info = STRATA_TRY(memory->snapshot(given->id, given->notes));
    context.output.record({{"id", info.id}, {"lsn", info.lsn}, {"hash", info.hash}, {"parent", info.parent}});
    return {};
  });
}

void add_snapshot_list(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "list", "The snapshots", "strata snapshot list notes.strata");
  verb.takes_directory();
  verb.runs([](Context& context) -> Result<void> {
    Rows rows;
    rows.columns = {"id", "lsn", "created_at", "hash", "parent", "notes"};
    if (STRATA_TRY(context.database.has_memory())) {
      Memory* memory = STRATA_TRY(context.database.memory());
      for (const SnapshotInfo& info : STRATA_TRY(memory->snapshots())) {
        rows.rows.push_back(
            {info.id, info.lsn, core::format_time(info.created_at), info.hash, info.parent, info.notes});
      }
    }
    context.output.rows(rows);
    return {};
  });
}

void add_tag_set(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "set", "Name a state, and keep it readable until the tag is removed",
                        "strata tag set notes.strata before-import");
  verb.takes_directory();
  struct Given {
    std::string name;
    Lsn lsn = 0;
  };
  auto given = std::make_shared<Given>();
  verb.app().add_option("NAME", given->name, "The tag")->required();
  verb.app().add_option("--lsn", given->lsn, "The state; default: the present one");
  verb.runs([given](Context& context) -> Result<void> {
    Engine* engine = STRATA_TRY(context.database.engine());
    context.output.record({{"tag", given->name}, {"lsn", STRATA_TRY(engine->set_tag(given->name, given->lsn))}});
    return {};
  });
}

void add_tag_list(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "list", "The tags", "strata tag list notes.strata");
  verb.takes_directory();
  verb.runs([](Context& context) -> Result<void> {
    Engine* engine = STRATA_TRY(context.database.engine());
    Rows rows;
    rows.columns = {"tag", "lsn", "set_at"};
    for (const Tag& tag : STRATA_TRY(engine->tags()))
      rows.rows.push_back({tag.name, tag.lsn, core::format_time(tag.time)});
    context.output.rows(rows);
    return {};
  });
}

void add_tag_remove(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "remove", "Let a state go; no data of the present is touched",
                        "strata tag remove notes.strata before-import --dry-run");
  verb.takes_directory();
  struct Given {
    std::string name;
    bool dry_run = false;
  };
  auto given = std::make_shared<Given>();
  verb.app().add_option("NAME", given->name, "The tag")->required();
  verb.app().add_flag("--dry-run", given->dry_run, "Only say which state it is");
  verb.runs([given](Context& context) -> Result<void> {
    Engine* engine = STRATA_TRY(context.database.engine());
    const std::vector<Tag> tags = STRATA_TRY(engine->tags());
    const auto tag = std::find_if(tags.begin(), tags.end(), [&](const Tag& each) { return each.name == given->name; });
    if (tag == tags.end()) return Error(ErrorCode::not_found, "no tag \"" + given->name + "\"");
    if (!given->dry_run) STRATA_TRY(engine->remove_tag(given->name));
    context.output.record({{given->dry_run ? "would_remove" : "removed", given->name}, {"lsn", tag->lsn}});
    return {};
  });
}

}  // namespace

void add_snapshot_verbs(CommandLine& line) {
  CLI::App& snapshot = line.family("snapshot", "Named sets of memories");
  add_snapshot_create(line, snapshot);
  add_snapshot_list(line, snapshot);
  CLI::App& tag = line.family("tag", "Names for past states of the whole database");
  add_tag_set(line, tag);
  add_tag_list(line, tag);
  add_tag_remove(line, tag);
}

}  // namespace strata::cli
