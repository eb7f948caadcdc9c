#pragma once
/// The tree of verbs. Each file of this folder declares its verbs here (verbs.h); a verb is a CLI11 subcommand, the values
/// it was given, and what it does with them. The same tree, without the directory, is what the prompt understands.
#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/database.h"
#include "cli/output.h"
#include "cli/progress_bar.h"
#include "cli/waiting_line.h"

namespace strata::cli {

/// What a verb works with.
struct Context {
  Database& database;
  Output& output;
  const core::Clock& clock;
  bool show_progress = false;

  /// A sentence for the person who is there; on standard error, so that it is never in a result.
  void note(std::string_view sentence) const;
  std::unique_ptr<ProgressBar> progress(std::string title, bool bytes = false) const;
  /// What `work` answers, which cannot say how far it has come.
  template <typename Work>
  auto waiting(std::string title, Work work) const {
    const WaitingLine line(std::move(title), show_progress);
    return work();
  }
};

using Action = std::function<Result<void>(Context&)>;

/// What a line of arguments asks for.
struct Request {
  Action action;  ///< empty: `text` is all there is to say (help)
  std::string text;
  std::string directory;  ///< empty: the verb needs no database
  std::string as_of;
  std::vector<std::string> options;  ///< name=value
  std::optional<Format> format;
  bool quiet = false;
};

enum class Place : std::uint8_t { shell, prompt };

class CommandLine;

/// One verb while it is declared.
class Verb {
 public:
  Verb(CommandLine& line, CLI::App& app) : line_(line), app_(app) {}
  CLI::App& app() { return app_; }
  /// The first argument is the directory (not at the prompt, which has one).
  Verb& takes_directory();
  Verb& takes_as_of();
  void runs(Action action);

 private:
  CommandLine& line_;
  CLI::App& app_;
};

class CommandLine {
 public:
  explicit CommandLine(Place place);
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  Place place() const { return place_; }
  CLI::App& root() { return app_; }
  /// A noun with verbs of its own: vector, object …
  CLI::App& family(const std::string& name, const std::string& description);
  /// example  a whole command line, without the $
  Verb verb(CLI::App& parent, const std::string& name, const std::string& description, const std::string& example);
  Verb verb(const std::string& name, const std::string& description, const std::string& example) {
    return verb(app_, name, description, example);
  }

  /// words  without the program's name. Errors  invalid_argument, with a hint; once per object
  Result<Request> parse(std::vector<std::string> words);
  std::vector<std::string> verb_names() const;

 private:
  friend class Verb;
  Error explain(const CLI::ParseError& error, const std::vector<std::string>& words) const;

  const Place place_;
  CLI::App app_;
  Request request_;
  bool table_ = false, tsv_ = false, csv_ = false, json_ = false;
};

}  // namespace strata::cli
