// The prompt: the verbs of the shell without the directory, SQL as it is, and a few words with a dot.
#include "cli/prompt.h"

#include <editline/readline.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>

#include "cli/command_line.h"
#include "cli/interrupt.h"
#include "cli/sql.h"
#include "cli/verbs.h"
#include "memory/command_embedder.h"

namespace strata::cli {
namespace {

constexpr int kHistoryLines = 10'000;
constexpr std::string_view kDotHelp =
    "Every verb of the shell, without the directory: recall why did it break --tag ci · vector list · stats --json\n"
    "A line that begins like SQL is SQL:           select id, title from note\n"
    "sql … and analytics … take the rest of the line as one statement: analytics select count(*) from memory_metrics\n"
    "search … is recall …\n"
    "\n"
    ".stores          what each store holds\n"
    ".stats           numbers of the engine\n"
    ".tags            names of past states\n"
    ".asof [STATE]    read as of an LSN, a time or a tag from now on; without one: the present again\n"
    ".mode [FORMAT]   table, tsv, csv or json\n"
    ".help [VERB]     this, or what a verb takes\n"
    ".quit            also Ctrl-D\n";

std::string trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1));
}

/// Where lines come from.
class LineSource {
 public:
  virtual ~LineSource() = default;
  virtual bool next(const std::string& prompt, std::string& line) = 0;
};

class PlainLines final : public LineSource {
 public:
  bool next(const std::string&, std::string& line) override { return static_cast<bool>(std::getline(std::cin, line)); }
};

/// Words that Tab completes. libedit's completion is a function without a context, so there is one list.
std::vector<std::string>& completions() {
  static std::vector<std::string> words;
  return words;
}

char* next_completion(const char* text, int state) {
  static std::size_t index;
  if (state == 0) index = 0;
  const std::size_t length = std::strlen(text);
  while (index < completions().size()) {
    const std::string& word = completions()[index++];
    if (word.compare(0, length, text) == 0) return ::strdup(word.c_str());
  }
  return nullptr;
}

char** complete(const char* text, int, int) {
  rl_attempted_completion_over = 1;  // no file names
  return rl_completion_matches(text, next_completion);
}

/// Line editing on a terminal.
class EditedLines final : public LineSource {
 public:
  EditedLines() {
    static char name[] = "strata";
    rl_readline_name = name;
    rl_initialize();
    rl_attempted_completion_function = complete;
    stifle_history(kHistoryLines);
    if (const char* file = std::getenv("STRATA_HISTORY_FILE")) {
      history_file_ = file;  // empty: no history is kept
    } else {
      const char* state = std::getenv("XDG_STATE_HOME");
      const char* home = std::getenv("HOME");
      if (state != nullptr && *state != 0)
        history_file_ = std::string(state) + "/strata/history";
      else if (home != nullptr && *home != 0)
        history_file_ = std::string(home) + "/.local/state/strata/history";
    }
    if (!history_file_.empty()) read_history(history_file_.c_str());
  }
  ~EditedLines() override {
    if (history_file_.empty()) return;
    // What was typed may be private: nobody else reads it.
    const mode_t before = ::umask(077);
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(history_file_).parent_path(), ignored);
    write_history(history_file_.c_str());
    ::umask(before);
  }
  bool next(const std::string& prompt, std::string& line) override {
    char* typed = ::readline(prompt.c_str());
    while (typed == nullptr && interrupted()) {  // Ctrl-C takes back the line, not the session
      forget_interrupt();
      std::fputs("\n", stdout);
      typed = ::readline(prompt.c_str());
    }
    if (typed == nullptr) return false;
    line = typed;
    std::free(typed);
    if (!trimmed(line).empty() && line != last_) add_history(line.c_str());
    last_ = line;
    return true;
  }

 private:
  std::string history_file_, last_;
};

class Prompt {
 public:
  Prompt(Context& context, bool interactive) : context_(context), interactive_(interactive) {}

  Result<void> run(LineSource& lines) {
    std::string line;
    while (!quit_ && lines.next(prompt_text(), line)) {
      line = trimmed(line);
      if (line.empty()) continue;
      auto result = obey(line);
      STRATA_TRY(context_.output.flush());
      if (!result && !interactive_) return result;
      if (!result) context_.note(result.error().to_string());
      if (interactive_) forget_interrupt();
      if (context_.output.reader_gone()) break;
    }
    return interactive_ ? Result<void>() : check_interrupt();
  }

  std::vector<std::string> words() {
    std::vector<std::string> words = CommandLine(Place::prompt).verb_names();
    for (const char* word :
         {".stores", ".stats", ".tags", ".asof", ".mode", ".help", ".quit", "select", "insert into", "update",
          "delete from", "create table", "from", "where", "order by", "group by", "limit"}) {
      words.emplace_back(word);
    }
    Engine& engine = **context_.database.engine();
    if (auto collections = engine.vector().collections()) {
      for (const CollectionInfo& info : *collections) words.push_back(info.name);
    }
    if (auto tables = engine.metadata().query("select name from sqlite_schema where type in ('table', 'view')")) {
      for (const auto& row : tables->rows) words.push_back(*row[0].text());
    }
    if (auto datasets = engine.array().datasets()) {
      for (const DatasetInfo& info : *datasets) words.push_back(info.name);
    }
    return words;
  }

 private:
  std::string prompt_text() const {
    const std::string& as_of = context_.database.as_of_text();
    return "strata" + (as_of.empty() ? "" : "@" + as_of) + "> ";
  }

  Result<void> obey(const std::string& line) {
    if (line.front() == '.') return dot(line);
    if (looks_like_sql(line)) return run_sql(context_, line, {});
    // After these the rest is text, quotes and all, unless options are used.
    for (const std::string_view verb : {"sql ", "analytics "}) {
      if (!line.starts_with(verb)) continue;
      const std::string rest = trimmed(std::string_view(line).substr(verb.size()));
      if (rest.starts_with('-') || rest.starts_with('"') || rest.starts_with('\'')) break;
      return verb == "sql " ? run_sql(context_, rest, {}) : run({"analytics", rest});
    }
    return run(STRATA_TRY(memory::split_command(line)));
  }

  Result<void> run(const std::vector<std::string>& words) {
    CommandLine line(Place::prompt);
    const Request request = STRATA_TRY(line.parse(words));
    if (!request.action) {
      context_.output.write(request.text);
      return {};
    }
    const Format format = context_.output.format();
    const std::string as_of = context_.database.as_of_text();
    if (request.format) context_.output.set_format(*request.format);
    if (!request.as_of.empty()) context_.database.set_as_of(request.as_of);
    auto result = request.action(context_);
    context_.output.set_format(format);
    context_.database.set_as_of(as_of);
    return result;
  }

  Result<void> dot(const std::string& line) {
    const std::size_t blank = std::min(line.find(' '), line.size());
    const std::string word = line.substr(0, blank);
    const std::string rest = trimmed(std::string_view(line).substr(blank));
    if (word == ".quit" || word == ".exit") {
      quit_ = true;
    } else if (word == ".help") {
      if (!rest.empty()) return run({rest, "--help"});
      context_.output.write(kDotHelp);
    } else if (word == ".stats") {
      return run({"stats"});
    } else if (word == ".tags") {
      return run({"tag", "list"});
    } else if (word == ".stores") {
      return stores();
    } else if (word == ".asof") {
      return as_of(rest);
    } else if (word == ".mode") {
      return mode(rest);
    } else {
      return Error(ErrorCode::invalid_argument, "there is no " + word + "; .help lists what there is");
    }
    return {};
  }

  Result<void> as_of(const std::string& state) {
    const std::string before = context_.database.as_of_text();
    context_.database.set_as_of(state);
    auto stores = context_.database.stores();
    if (stores) return {};
    context_.database.set_as_of(before);
    return std::move(stores).error();
  }

  Result<void> mode(const std::string& name) {
    if (name == "table")
      context_.output.set_format(Format::table);
    else if (name == "tsv")
      context_.output.set_format(Format::tsv);
    else if (name == "csv")
      context_.output.set_format(Format::csv);
    else if (name == "json")
      context_.output.set_format(Format::json);
    else
      return Error(ErrorCode::invalid_argument, "a format is table, tsv, csv or json");
    return {};
  }

  Result<void> stores() {
    Stores& stores = *STRATA_TRY(context_.database.stores());
    std::uint64_t points = 0;
    const auto collections = STRATA_TRY(stores.vector().collections());
    for (const CollectionInfo& info : collections) points += info.points;
    std::uint64_t metric_rows = 0;
    const auto tables = STRATA_TRY(stores.analytics().tables());
    for (const TableInfo& info : tables) metric_rows += info.rows;
    std::uint64_t array_rows = 0;
    const auto datasets = STRATA_TRY(stores.array().datasets());
    for (const DatasetInfo& info : datasets) array_rows += info.rows;
    const Rows user_tables =
        STRATA_TRY(stores.metadata().query("select count(*) from sqlite_schema where type = 'table' and name not like "
                                           "'sqlite_%' and name not like 'strata_%'"));
    const GraphCounts graph = STRATA_TRY(stores.graph().counts());
    const auto cache = stores.cache().stats();
    Rows rows;
    rows.columns = {"store", "holds"};
    auto add = [&](const char* store, const std::string& holds) { rows.rows.push_back({store, holds}); };
    auto many = [](std::uint64_t number, const char* things) { return with_commas(number) + " " + things; };
    add("vector", many(points, "points in ") + many(collections.size(), "collections"));
    add("object", many(STRATA_TRY(stores.object().count()), "objects"));
    add("metadata", many(static_cast<std::uint64_t>(*user_tables.rows[0][0].integer()), "tables"));
    add("graph", many(graph.nodes, "nodes, ") + many(graph.edges, "edges"));
    add("analytics", many(metric_rows, "rows in ") + many(tables.size(), "tables"));
    add("cache", cache ? many(cache->entries, "entries of this process") : "only the present");
    add("array", many(array_rows, "rows in ") + many(datasets.size(), "datasets"));
    context_.output.rows(rows);
    return {};
  }

  Context& context_;
  const bool interactive_;
  bool quit_ = false;
};

}  // namespace

Result<void> run_prompt(Context& context) {
  Engine* engine = STRATA_TRY(context.database.engine(Missing::create));
  const bool interactive = ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0;
  Prompt prompt(context, interactive);
  if (!interactive) {
    PlainLines lines;
    return prompt.run(lines);
  }
  context.note(engine->directory() + ", lsn " + with_commas(engine->visible_lsn()) +
               ". .help says what can be asked here.");
  completions() = prompt.words();
  EditedLines lines;
  return prompt.run(lines);
}

void add_prompt_verb(CommandLine& line) {
  Verb verb =
      line.verb("open", "Open a prompt on a database, and create it when there is none", "strata open notes.strata");
  verb.takes_directory().takes_as_of();
  verb.runs([](Context& context) { return run_prompt(context); });
}

}  // namespace strata::cli
