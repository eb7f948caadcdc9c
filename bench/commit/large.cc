// A database of some size: bytes on disk, opening after a kill and after a close, resident memory when idle. Filling and
// opening happen in processes of their own: one is killed, the other tells what opening cost it.
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <thread>

#include "commit/cases.h"

namespace strata::bench {
namespace {

namespace fs = std::filesystem;

/// Bytes that the file system gave out, by the first folder below `directory`.
std::map<std::string, std::uint64_t> disk_bytes(const std::string& directory) {
  std::map<std::string, std::uint64_t> bytes;
  std::error_code ignored;
  for (const auto& entry : fs::recursive_directory_iterator(directory, ignored)) {
    struct stat status{};
    if (::stat(entry.path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    const fs::path relative = entry.path().lexically_relative(directory);
    bytes[relative.has_parent_path() ? relative.begin()->string() : "files"] +=
        static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
  return bytes;
}

/// Starts this program again with these arguments; returns its process and the end of the pipe it prints to.
Result<std::pair<pid_t, std::FILE*>> start_child(const Settings& settings, std::vector<std::string> arguments) {
  int ends[2];
  if (::pipe(ends) != 0) return Error(ErrorCode::io, "no pipe for the child");
  arguments.insert(arguments.begin(), settings.program);
  std::vector<char*> raw;
  for (std::string& argument : arguments) raw.push_back(argument.data());
  raw.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0) return Error(ErrorCode::io, "no child process");
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    ::execv(raw[0], raw.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  return std::pair(child, ::fdopen(ends[0], "r"));
}

std::string read_line(std::FILE* file) {
  char line[512] = {};
  return std::fgets(line, sizeof line, file) != nullptr ? line : "";
}

Result<Map> open_in_child(const Settings& settings, const std::string& directory) {
  auto [child, out] = STRATA_TRY(start_child(settings, {"--directory", directory, "--child-open"}));
  const std::string line = read_line(out);
  std::fclose(out);
  int status = 0;
  ::waitpid(child, &status, 0);
  const Value told = STRATA_TRY(parse_json(line));
  if (told.map() == nullptr) return Error(ErrorCode::internal, "the child told nothing about " + directory);
  return *told.map();
}

double number_of(const Map& map, const char* name) {
  double number = 0;
  if (const Value* value = map.find(name)) value->number(number);
  return number;
}

Result<void> measure_size(Context& context, std::size_t count) {
  const std::string directory = context.settings.directory + "/large-" + std::to_string(count);
  const std::string memories = " " + std::to_string(count) + " memories";
  fs::remove_all(directory);
  auto [child, out] =
      STRATA_TRY(start_child(context.settings, {"--directory", directory, "--child-fill", std::to_string(count)}));
  const std::string filled = read_line(out);
  ::kill(child, SIGKILL);
  std::fclose(out);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (filled != "filled\n") return Error(ErrorCode::internal, "the child could not fill " + directory + ": " + filled);

  const Map killed = STRATA_TRY(open_in_child(context.settings, directory));
  const Map clean = STRATA_TRY(open_in_child(context.settings, directory));
  for (const auto& [name, told] : {std::pair("after SIGKILL", &killed), std::pair("after a close", &clean)}) {
    context.report.figure("open" + memories + " " + name, number_of(*told, "open_ms"), "ms",
                          {{"cpu_ms", number_of(*told, "cpu_ms")}, {"found", number_of(*told, "found")}});
  }
  context.report.figure("resident after opening" + memories, number_of(clean, "resident") / 1e6, "MB",
                        {{"after_one_recall_mb", number_of(clean, "resident_after_recall") / 1e6}});

  Database database = STRATA_TRY(open_database(directory, false));
  for (int i = 0; i < 2; ++i) STRATA_TRY(database.engine->checkpoint());
  const auto note = [&](const std::string& when) {
    Map details;
    double all = 0;
    for (const auto& [folder, bytes] : disk_bytes(directory)) {
      details.set(folder, static_cast<double>(bytes) / static_cast<double>(count));
      all += static_cast<double>(bytes);
    }
    context.report.figure("disk a memory," + memories + ", " + when, all / static_cast<double>(count), "bytes",
                          details);
  };
  note("two checkpoints");
  STRATA_TRY(database.engine->close());
  database = {};
  note("closed");
  fs::remove_all(directory);
  return {};
}

}  // namespace

Result<void> child_fill(const Settings& settings, std::size_t count) {
  Database database = STRATA_TRY(open_database(settings.directory, true));
  STRATA_TRY(fill(*database.memory, Data(), 0, count));
  std::puts("filled");
  std::fflush(stdout);
  for (;;) ::pause();
}

Result<void> child_open(const Settings& settings) {
  const double cpu = cpu_us();
  Stopwatch watch;
  Database database = STRATA_TRY(open_database(settings.directory, false));
  const double open_ms = watch.us() / 1e3;
  const double cpu_ms = (cpu_us() - cpu) / 1e3;
  const std::uint64_t found = STRATA_TRY(database.memory->count());
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  const std::uint64_t resident = resident_bytes();
  const Data data;
  RecallOptions recall;
  recall.text = data.question(1);
  recall.embedding = data.atom(1).embedding;
  STRATA_TRY(database.memory->recall(recall));
  const Map told{{"open_ms", open_ms},
                 {"cpu_ms", cpu_ms},
                 {"found", found},
                 {"resident", resident},
                 {"resident_after_recall", resident_bytes()}};
  std::printf("%s\n", to_json(told).c_str());
  std::fflush(stdout);
  return database.engine->close();
}

Result<void> measure_large(Context& context) {
  for (const std::size_t count : {context.settings.small, context.settings.large}) {
    if (count > 0) STRATA_TRY(measure_size(context, count));
  }
  return {};
}

}  // namespace strata::bench
