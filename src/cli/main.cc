// The command `strata`.
#include <locale.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "cli/command_line.h"
#include "cli/interrupt.h"

namespace strata::cli {
namespace {

constexpr int kReaderGone = 141;  // as if SIGPIPE had ended it
constexpr std::size_t kColumnsMin = 40;

std::size_t terminal_width() {
  winsize size = {};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 0;
  return std::max<std::size_t>(size.ws_col, kColumnsMin);
}

int fail(const Error& error, bool json) {
  const std::string text =
      json ? to_json(Map{{"code", name(error.code())}, {"message", error.message()}}) : error.to_string();
  std::fprintf(stderr, "%s\n", text.c_str());
  return exit_code(error.code());
}

Result<void> run(const Request& request, Output& output, Settings settings) {
  const core::SystemClock clock;
  for (const std::string& option : request.options) STRATA_TRY(apply_setting(settings, option));
  Database database(request.directory, std::move(settings));
  database.set_as_of(request.as_of);
  Context context{database, output, clock, !request.quiet && ::isatty(STDERR_FILENO) != 0};
  auto done = request.action(context);
  // What was found out is told even if closing fails, and the other way round.
  auto flushed = output.flush();
  auto closed = done ? database.close() : database.close_after_failure();
  if (!done && !output.reader_gone()) return done;
  STRATA_TRY(std::move(flushed));
  STRATA_TRY(std::move(closed));
  return {};
}

int main_of(const std::vector<std::string>& words) {
  const bool terminal = ::isatty(STDOUT_FILENO) != 0;
  Output output(stdout, terminal ? Format::table : Format::tsv, terminal ? terminal_width() : 0);
  const bool json = std::find(words.begin(), words.end(), "--json") != words.end();  // known even when the rest is not
  CommandLine line(Place::shell);
  auto request = line.parse(words);
  if (!request) return fail(request.error(), json);
  if (!request->action) {
    output.write(request->text);
    auto flushed = output.flush();
    return flushed ? 0 : fail(flushed.error(), json);
  }
  if (request->format) output.set_format(*request->format);
  Settings settings;
  if (auto read = read_environment(settings); !read) return fail(read.error(), json);
  auto done = run(*request, output, std::move(settings));
  if (output.reader_gone()) return kReaderGone;
  return done ? 0 : fail(done.error(), json);
}

}  // namespace
}  // namespace strata::cli

int main(int count, char** words) {
  ::setlocale(LC_CTYPE, "");  // the line editor asks it how wide a character is
  strata::cli::watch_interrupts();
  return strata::cli::main_of({words + 1, words + count});
}
