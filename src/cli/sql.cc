// sql and analytics: one statement, its parameters, its rows.
#include "cli/sql.h"
#include "cli/arguments.h"
#include "cli/command_line.h"
#include "cli/files.h"
#include "cli/verbs.h"

namespace strata::cli {
namespace {

struct Given {
  std::string statement;
  std::vector<std::string> parameters;
  bool text = false;
};

std::vector<Value> parameters_of(const Given& given) {
  if (!given.text) return parse_parameters(given.parameters);
  return {given.parameters.begin(), given.parameters.end()};
}

Result<std::string> statement_of(const Given& given) {
  if (given.statement != "-") return given.statement;
  return std::string(as_text(STRATA_TRY(read_input("-"))));
}

std::shared_ptr<Given> add_statement(Verb& verb) {
  auto given = std::make_shared<Given>();
  verb.app().add_option("SQL", given->statement, "One statement; - reads it from standard input")->required();
  verb.app()
      .add_option(
          "PARAMETERS", given->parameters,
          "Values for ?, in order: JSON where it reads as JSON (5, null, true, \"5\"), else text. Write -- before a "
          "negative number")
      ->expected(0, -1);
  verb.app().add_flag("--text", given->text, "Take every parameter as text");
  return given;
}

void add_sql(CommandLine& line) {
  Verb verb = line.verb("sql", "Run one SQL statement on the rows (SQLite's dialect)",
                        "strata sql notes.strata \"select id, title from note where year > ?\" 2024 --json");
  verb.takes_directory().takes_as_of();
  const auto given = add_statement(verb);
  verb.runs([given](Context& context) -> Result<void> {
    return run_sql(context, STRATA_TRY(statement_of(*given)), parameters_of(*given));
  });
}

void add_analytics(CommandLine& line) {
  Verb verb = line.verb(
      "analytics", "Run one reading SQL statement on the metrics (DuckDB's dialect)",
      "strata analytics notes.strata \"select date_trunc('day', time), count(*) from memory_metrics group by 1\"");
  verb.takes_directory().takes_as_of();
  const auto given = add_statement(verb);
  verb.runs([given](Context& context) -> Result<void> {
    Stores* stores = STRATA_TRY(context.database.stores());
    const std::string statement = STRATA_TRY(statement_of(*given));
    const auto parameters = parameters_of(*given);
    context.output.rows(
        STRATA_TRY(context.waiting("running", [&] { return stores->analytics().query(statement, parameters); })));
    return {};
  });
}

/// Skips blanks and comments; the first word, in lower case.
std::string first_word(std::string_view sql) {
  for (;;) {
    sql.remove_prefix(std::min(sql.find_first_not_of(" \t\r\n;("), sql.size()));
    if (sql.starts_with("--")) {
      sql.remove_prefix(std::min(sql.find('\n'), sql.size()));
    } else if (sql.starts_with("/*")) {
      const std::size_t end = sql.find("*/");
      sql.remove_prefix(end == std::string_view::npos ? sql.size() : end + 2);
    } else {
      break;
    }
  }
  std::string word;
  for (const char c : sql) {
    const char lower = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    if (lower < 'a' || lower > 'z') break;
    word += lower;
  }
  return word;
}

}  // namespace

bool looks_like_sql(std::string_view line) {
  static constexpr std::string_view words[] = {"select",  "insert",  "update",  "delete", "create",
                                               "drop",    "alter",   "with",    "values", "replace",
                                               "explain", "reindex", "analyze", "vacuum"};
  const std::string word = first_word(line);
  for (const std::string_view known : words) {
    if (word == known) return true;
  }
  return false;
}

Result<void> run_sql(Context& context, std::string_view sql, const std::vector<Value>& parameters) {
  const std::string word = first_word(sql);
  if (word.empty()) return Error(ErrorCode::invalid_argument, "an empty statement");
  if (word == "select" || word == "values" || word == "explain" || word == "with") {
    Stores* stores = STRATA_TRY(context.database.stores());
    auto rows = context.waiting("running", [&] { return stores->metadata().query(sql, parameters); });
    if (rows) {
      context.output.rows(*rows);
      return {};
    }
    // "with … insert": only running it tells.
    if (word != "with" || rows.error().code() != ErrorCode::permission_denied) return std::move(rows).error();
  }
  if (!context.database.as_of_text().empty()) {
    return Error(ErrorCode::failed_precondition, "a past state can be read, not changed");
  }
  Engine* engine = STRATA_TRY(context.database.engine(Missing::create));
  const ExecuteResult result =
      STRATA_TRY(context.waiting("running", [&] { return engine->metadata().execute(sql, parameters); }));
  context.output.record({{"rows_changed", result.rows_changed}, {"lsn", engine->visible_lsn()}});
  return {};
}

void add_sql_verbs(CommandLine& line) {
  add_sql(line);
  add_analytics(line);
}

}  // namespace strata::cli
