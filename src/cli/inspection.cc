// stats, transactions, verify, doctor, config, version.
#include "cli/command_line.h"
#include "cli/interrupt.h"
#include "cli/verbs.h"

namespace strata::cli {
namespace {

/// {"journal": {"bytes": 1}} → journal.bytes  1
void flatten(const std::string& prefix, const Map& map, Record& record) {
  for (const auto& [key, value] : map) {
    const std::string name = prefix.empty() ? key : prefix + "." + key;
    if (value.map() != nullptr && !value.map()->empty()) {
      flatten(name, *value.map(), record);
    } else {
      record.emplace_back(name, value);
    }
  }
}

void add_stats(CommandLine& line) {
  Verb verb = line.verb("stats", "What the stores hold and what the engine has done since it was opened",
                        "strata stats notes.strata --json");
  verb.takes_directory().takes_as_of();
  struct Given {
    bool content = false;
  };
  auto given = std::make_shared<Given>();
  verb.app().add_flag("--content", given->content,
                      "Instead: items and hash of every store, equal where the content is (reads everything)");
  verb.runs([given](Context& context) -> Result<void> {
    Engine* engine = STRATA_TRY(context.database.engine());
    if (given->content) {
      Rows rows;
      rows.columns = {"store", "items", "hash"};
      const AsOf as_of = STRATA_TRY(context.database.as_of());
      for (const StoreSummary& summary :
           STRATA_TRY(context.waiting("reading", [&] { return engine->summarize(as_of); }))) {
        rows.rows.push_back({name(summary.store), summary.items, summary.hash});
      }
      context.output.rows(rows);
      return {};
    }
    const Map statistics = STRATA_TRY(engine->statistics());
    Record record{{"directory", engine->directory()}, {"lsn", engine->visible_lsn()}};
    if (context.output.json()) {
      for (const auto& [key, value] : statistics) record.emplace_back(key, value);
    } else {
      flatten("", statistics, record);
    }
    context.output.record(record);
    return {};
  });
}

void add_transactions(CommandLine& line) {
  Verb verb = line.verb("transactions",
                        "What is under way in the process that has it open, who waits for whom, and what conflicted",
                        "strata transactions notes.strata --json");
  verb.takes_directory();
  verb.runs([](Context& context) -> Result<void> {
    Record record;
    const Map transactions = STRATA_TRY(context.database.transactions());
    if (context.output.json()) {
      for (const auto& [key, value] : transactions) record.emplace_back(key, value);
    } else {
      flatten("", transactions, record);
    }
    context.output.record(record);
    return {};
  });
}

std::vector<Value> row_of(const Finding& finding) {
  return {finding.store, finding.file, finding.offset, finding.what, finding.repaired};
}

constexpr std::string_view kDamagedPlaces = "places are damaged; strata restore makes a database from a backup";

Error damaged(std::uint64_t count, std::string_view what) {
  return Error(ErrorCode::corruption, std::to_string(count) + " " + std::string(what));
}

void add_verify(CommandLine& line) {
  Verb verb =
      line.verb("verify", "Read every live byte and check it against its checksum; exit code 65 if anything is wrong",
                "strata verify notes.strata");
  verb.takes_directory();
  verb.runs([](Context& context) -> Result<void> {
    Engine* engine = STRATA_TRY(context.database.engine());
    Rows rows;
    rows.columns = {"store", "file", "offset", "what", "repaired"};
    std::uint64_t damage = 0;
    for (const Finding& finding : STRATA_TRY(context.waiting("verifying", [&] { return engine->verify(); }))) {
      rows.rows.push_back(row_of(finding));
      if (!finding.repaired) ++damage;
    }
    if (rows.rows.empty() && context.output.format() == Format::table) {
      context.output.write("every byte is as it was written\n");
    } else {
      context.output.rows(rows);
    }
    if (damage > 0) return damaged(damage, kDamagedPlaces);
    return {};
  });
}

/// The same columns for both kinds of finding.
struct Diagnosis {
  Rows rows;
  std::uint64_t open = 0;  // not repaired
  void add(Value store, Value where, Value what, bool repaired) {
    rows.rows.push_back({std::move(store), std::move(where), std::move(what), repaired});
    if (!repaired) ++open;
  }
};

Result<void> check_memories(Context& context, bool repair, Diagnosis& diagnosis, Record& summary) {
  if (!STRATA_TRY(context.database.has_memory())) {
    summary.emplace_back("memories", 0);
    return {};
  }
  Memory* memory = STRATA_TRY(context.database.memory());
  const auto bar = context.progress("comparing the stores");
  const AgreementReport report = STRATA_TRY(memory->check_agreement(repair, bar->callback()));
  summary.emplace_back("memories", report.atoms);
  for (const auto& [store, count] : report.present) summary.emplace_back(store, count);
  for (const Disagreement& item : report.disagreements) diagnosis.add(item.store, item.id, item.what, item.repaired);
  return {};
}

void add_doctor(CommandLine& line) {
  Verb verb = line.verb(
      "doctor", "Do the seven stores agree, memory by memory, and is every byte as it was written? Exit code 65 if not",
      "strata doctor notes.strata --repair");
  verb.takes_directory();
  struct Given {
    bool repair = false;
  };
  auto given = std::make_shared<Given>();
  verb.app().add_flag("--repair", given->repair, "Make again from the other stores what can be");
  verb.runs([given](Context& context) -> Result<void> {
    Engine* engine = STRATA_TRY(context.database.engine());
    Diagnosis diagnosis;
    diagnosis.rows.columns = {"store", "where", "what", "repaired"};
    Record summary;
    for (const Finding& finding : STRATA_TRY(context.waiting("verifying", [&] { return engine->verify(); }))) {
      diagnosis.add(finding.store, finding.file + " at " + std::to_string(finding.offset), finding.what,
                    finding.repaired);
    }
    const std::uint64_t damage = diagnosis.open;
    STRATA_TRY(check_interrupt());
    STRATA_TRY(check_memories(context, given->repair, diagnosis, summary));
    summary.emplace_back("findings", diagnosis.rows.rows.size());
    summary.emplace_back("agree", diagnosis.open == 0);
    if (context.output.json()) {
      Value::List findings;
      for (const auto& row : diagnosis.rows.rows) {
        findings.push_back(Map{{"store", row[0]}, {"where", row[1]}, {"what", row[2]}, {"repaired", row[3]}});
      }
      summary.emplace_back("details", std::move(findings));
      context.output.record(summary);
    } else {
      context.output.record(summary);
      if (!diagnosis.rows.rows.empty()) context.output.rows(diagnosis.rows);
    }
    if (damage > 0) return damaged(damage, kDamagedPlaces);  // no store can make bytes of files again for another
    if (diagnosis.open > 0)
      return damaged(diagnosis.open, given->repair ? "findings could not be repaired" : "findings; try --repair");
    return {};
  });
}

void add_config(CommandLine& line) {
  Verb verb = line.verb("config", "Every setting, its value in this run, and how to set it",
                        "STRATA_CACHE_BYTES=256MiB strata config");
  verb.runs([](Context& context) -> Result<void> {
    const Settings defaults;
    Rows rows;
    rows.columns = {"name", "value", "default", "variable", "meaning"};
    for (const SettingInfo& info : setting_infos()) {
      rows.rows.push_back(
          {info.name, info.get(context.database.settings()), info.get(defaults), info.variable(), info.meaning});
    }
    context.output.rows(rows);
    return {};
  });
}

void add_version(CommandLine& line) {
  Verb verb = line.verb("version", "The version of this command", "strata version --json");
  verb.runs([](Context& context) -> Result<void> {
    if (context.output.json()) {
      context.output.record({{"version", STRATA_VERSION}, {"compiler", __VERSION__}});
    } else {
      context.output.write("strata " STRATA_VERSION "\n");
    }
    return {};
  });
}

}  // namespace

void add_inspection_verbs(CommandLine& line) {
  add_stats(line);
  add_transactions(line);
  add_verify(line);
  add_doctor(line);
  add_config(line);
  add_version(line);
}

}  // namespace strata::cli
