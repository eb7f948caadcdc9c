#include "cli/command_line.h"

#include <algorithm>
#include <numeric>

#include "cli/verbs.h"

namespace strata::cli {
namespace {

constexpr std::size_t kHelpColumn = 32;
constexpr std::string_view kNoCache =
    "there is no verb for the cache: it lives in the memory of the process that fills it and ends with that process, "
    "so a "
    "command would always find it empty. Use it from C++ or Python";

// CLI11 takes "[a,b]" among repeated values apart, and what stands after -- for the next verb once it has enough. Here a word
// in brackets, or after --, is one word of the verb: it travels with a mark in front, which every option takes off again.
constexpr char kWordMark = '\x01';

std::string unmarked(std::string word) {
  std::erase(word, kWordMark);
  return word;
}

void finish(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    if (option->get_items_expected_max() > 0) option->transform(unmarked);
    // CLI11 would take -1 for the largest number there is.
    if (option->get_type_name() == "UINT") {
      option->check([](const std::string& given) {
        const std::string word = unmarked(given);
        return word.starts_with('-') ? "a whole number, 0 or more, not " + word : std::string();
      });
    }
    // In the help a positional needs no type after its name.
    if (option->get_positional()) option->option_text(option->get_items_expected_max() > 1 ? "..." : " ");
  }
  for (CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) finish(*sub);
}

/// Edits that turn one word into the other (Levenshtein).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0U);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

std::string nearest(std::string_view word, const std::vector<std::string>& names) {
  std::string best;
  std::size_t best_distance = word.size() / 3 + 2;
  for (const std::string& name : names) {
    if (const std::size_t edits = distance(word, name); edits < best_distance) {
      best_distance = edits;
      best = name;
    }
  }
  return best;
}

/// The verbs below this one.
std::vector<std::string> names_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App* each) { return !each->get_name().empty(); })) {
    names.push_back(sub->get_name());
  }
  return names;
}

/// The deepest verb that the words name.
const CLI::App* named(const CLI::App& root, const std::vector<std::string>& words, std::string& path,
                      std::string& unknown) {
  const CLI::App* app = &root;
  for (const std::string& word : words) {
    const auto subs = app->get_subcommands([&](const CLI::App* sub) { return sub->get_name() == word; });
    if (subs.empty()) {
      if (!word.starts_with('-') && !names_of(*app).empty()) unknown = word;
      break;
    }
    app = subs.front();
    path += " " + word;
  }
  return app;
}

}  // namespace

void Context::note(std::string_view sentence) const {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(sentence.size()), sentence.data());
}

std::unique_ptr<ProgressBar> Context::progress(std::string title, bool bytes) const {
  return std::make_unique<ProgressBar>(std::move(title), clock, show_progress, bytes);
}

Verb& Verb::takes_directory() {
  if (line_.place_ == Place::shell) {
    app_.add_option("DIR", line_.request_.directory, "The database: a directory")->required();
  }
  return *this;
}

Verb& Verb::takes_as_of() {
  app_.add_option("--as-of", line_.request_.as_of,
                  "Read the state at an LSN (1200), a time (2026-11-20T10:00:00Z, 2026-11-20) or a tag")
      ->option_text("STATE");
  return *this;
}

void Verb::runs(Action action) {
  CommandLine& line = line_;
  app_.final_callback([&line, action = std::move(action)] { line.request_.action = action; });
}

CommandLine::CommandLine(Place place) : place_(place), app_("", place == Place::shell ? "strata" : "") {
  app_.get_formatter()->column_width(kHelpColumn);
  app_.get_formatter()->label("REQUIRED", "");
  app_.description(place == Place::shell
                       ? "Strata, a storage engine for AI memory: one directory, seven stores, one journal, one commit."
                       : "Verbs of the shell, without the directory. A line that begins like SQL is SQL.");
  app_.set_help_flag("-h,--help", "Print this help");
  if (place == Place::shell) app_.set_version_flag("--version", "strata " STRATA_VERSION, "As strata version");
  app_.footer(
      place == Place::shell
          ? "Each says more with --help: strata recall --help. Exit codes are those of docs/reference/errors.md; 0 "
            "is success,\n64 a command line that cannot be understood, 130 Ctrl-C."
          : "");
  app_.require_subcommand(0, 1);
  app_.failure_message(CLI::FailureMessage::simple);
  add_verbs(*this);
  finish(app_);
}

CLI::App& CommandLine::family(const std::string& name, const std::string& description) {
  CLI::App* app = app_.add_subcommand(name, description);
  app->require_subcommand(1, 1);
  app->set_help_flag("-h,--help", "Print this help");
  return *app;
}

Verb CommandLine::verb(CLI::App& parent, const std::string& name, const std::string& description,
                       const std::string& example) {
  CLI::App* app = parent.add_subcommand(name, description);
  app->set_help_flag("-h,--help", "Print this help");
  app->footer("Example:\n  " + example);
  app->add_flag("--json", json_, "JSON; an error is JSON on standard error, too")->group("Output");
  app->add_flag("--csv", csv_, "CSV with headings")->group("Output");
  app->add_flag("--table", table_, "Aligned columns; the default on a terminal")->group("Output");
  app->add_flag("--tsv", tsv_, "Fields parted by tabs, no headings; the default elsewhere")->group("Output");
  if (place_ == Place::shell) {
    app->add_flag("-q,--quiet", request_.quiet, "No progress and no notes on standard error");
    app->add_option("-O,--option", request_.options, "A setting for this run, as `strata config` lists them")
        ->option_text("NAME=VALUE")
        ->allow_extra_args(false);
  }
  return {*this, *app};
}

Error CommandLine::explain(const CLI::ParseError& error, const std::vector<std::string>& words) const {
  std::string path = place_ == Place::shell ? "strata" : "";
  std::string unknown;
  const CLI::App* app = named(app_, words, path, unknown);
  const std::string help = "; see " + (place_ == Place::shell ? path + " --help"
                                       : path.empty()         ? ".help"
                                                              : path.substr(1) + " --help");
  if (!unknown.empty()) {
    if (app == &app_ && unknown == "cache") return Error(ErrorCode::invalid_argument, std::string(kNoCache));
    const std::string guess = nearest(unknown, names_of(*app));
    return Error(ErrorCode::invalid_argument, "there is no verb \"" + unknown + "\"" +
                                                  (app == &app_ ? "" : " in" + path.substr(path.rfind(' '))) +
                                                  (guess.empty() ? "" : ". Did you mean " + guess + "?") + help);
  }
  std::string what = unmarked(error.what());
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    const std::size_t colon = what.rfind(": ");
    what = "not expected here: " + (colon == std::string::npos ? what : what.substr(colon + 2));
  } else if (what == "A subcommand is required") {
    what = "a verb is missing: one of ";
    for (const std::string& name : names_of(*app)) what += name + (name == names_of(*app).back() ? "" : ", ");
  }
  return Error(ErrorCode::invalid_argument, what + help);
}

Result<Request> CommandLine::parse(std::vector<std::string> words) {
  const std::vector<std::string> given = words;
  const auto dashes = std::find(words.begin(), words.end(), "--");
  for (auto word = words.begin(); word != words.end(); ++word) {
    if (word->starts_with('[') || word > dashes) word->insert(word->begin(), kWordMark);
  }
  if (dashes != words.end()) words.erase(dashes);
  std::reverse(words.begin(), words.end());  // as CLI11 takes them
  try {
    app_.parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    request_.action = nullptr;
    request_.text = app_.help();
    return std::move(request_);
  } catch (const CLI::CallForVersion& version) {
    request_.action = nullptr;
    request_.text = std::string(version.what()) + "\n";
    return std::move(request_);
  } catch (const CLI::ParseError& error) {
    return explain(error, given);
  }
  if (!request_.action) request_.text = app_.help();
  if (json_ + csv_ + table_ + tsv_ > 1) {
    return Error(ErrorCode::invalid_argument, "one format at a time: --json, --csv, --table or --tsv");
  }
  if (json_) request_.format = Format::json;
  if (csv_) request_.format = Format::csv;
  if (table_) request_.format = Format::table;
  if (tsv_) request_.format = Format::tsv;
  return std::move(request_);
}

std::vector<std::string> CommandLine::verb_names() const { return names_of(app_); }

}  // namespace strata::cli
