// strata_bench_commit: what a whole memory costs: to write durably in all seven stores, to read, on disk, to open. Every
// time is told as a multiple of the floor, one 4 KiB write with its sync, measured before, between and after.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "commit/cases.h"

namespace strata::bench {
namespace {

struct Case {
  const char* name;
  const char* what;
  std::function<Result<void>(Context&)> measure;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> kCases{
      {"single", "one memory a commit, one writer", measure_single},
      {"writers16", "one memory a commit, 16 writers", measure_writers},
      {"batch100", "100 memories a commit", [](Context& context) { return measure_batches(context, 100); }},
      {"batch1000", "1,000 memories a commit", [](Context& context) { return measure_batches(context, 1'000); }},
      {"reads", "get, two hops, metric range, combined recall", measure_reads},
      {"stores", "where do the microseconds of a commit go?", measure_stores},
      {"large", "disk bytes, opening clean and after SIGKILL, resident memory", measure_large}};
  return kCases;
}

int usage() {
  std::puts(
      "Usage: strata_bench_commit [options] [case…]        no case: all of them\n"
      "\n"
      "  --directory DIR      where databases and the floor's file are made (default bench-commit.work)\n"
      "  --json FILE          a JSON line a figure; - for standard output\n"
      "  --singles N          memories of the single writer (2000)\n"
      "  --bulk N             memories of writers16 and of each batch case (20000)\n"
      "  --recall-size N      memories of the reads (10000)\n"
      "  --metric-rows N      rows of the metric range (20000)\n"
      "  --small N --large N  the two databases of the case large (20000, 60000; 0: leave out)\n"
      "  --seconds S          a writing case ends after this time (30)\n"
      "  --threads N          writers of writers16 (16)\n"
      "  --quick              small sizes: the whole takes seconds\n"
      "  --write-data FILE N  writes the first N memories for other programs, and ends\n"
      "\n"
      "cases: floor");
  for (const Case& one : cases()) std::printf("       %-10s %s\n", one.name, one.what);
  return 0;
}

int fail(const Error& error) {
  std::fprintf(stderr, "strata_bench_commit: %s\n", error.to_string().c_str());
  return 1;
}

Result<void> run_cases(Context& context, const std::vector<std::string>& names) {
  STRATA_TRY(measure_floor(context, "before"));
  for (const Case& one : cases()) {
    const bool wanted = names.empty() || std::find(names.begin(), names.end(), one.name) != names.end();
    if (!wanted) continue;
    context.report.say(std::string(one.name) + ": " + one.what);
    auto measured = one.measure(context);
    if (!measured) return std::move(measured).error().with_context(one.name);
    STRATA_TRY(measure_floor(context, std::string("after ") + one.name));
  }
  return {};
}

void make_quick(Settings& settings) {
  settings.singles = 300;
  settings.bulk = 3'000;
  settings.recall_size = 2'000;
  settings.small = 2'000;
  settings.large = 0;
  settings.seconds_max = 5;
}

int run(int count, char** arguments) {
  Settings settings;
  std::error_code ignored;
  settings.program = std::filesystem::read_symlink("/proc/self/exe", ignored).string();
  std::vector<std::string> names;
  std::FILE* json = nullptr;
  bool opens = false;
  std::size_t fills = 0;
  const std::vector<std::pair<std::string, std::size_t*>> numbers{
      {"--singles", &settings.singles},         {"--bulk", &settings.bulk},   {"--recall-size", &settings.recall_size},
      {"--metric-rows", &settings.metric_rows}, {"--small", &settings.small}, {"--large", &settings.large},
      {"--threads", &settings.threads},         {"--child-fill", &fills}};
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    const auto number =
        std::find_if(numbers.begin(), numbers.end(), [&](const auto& known) { return known.first == argument; });
    if (argument == "--help" || argument == "-h") return usage();
    if (argument == "--quick") {
      make_quick(settings);
    } else if (argument == "--child-open") {
      opens = true;
    } else if (argument == "--write-data" && i + 2 < count) {
      const auto written = Data().write(arguments[i + 1], std::strtoull(arguments[i + 2], nullptr, 10));
      return written ? 0 : fail(written.error());
    } else if (argument.starts_with("--") && i + 1 < count) {
      const char* value = arguments[++i];
      if (number != numbers.end())
        *number->second = std::strtoull(value, nullptr, 10);
      else if (argument == "--directory")
        settings.directory = value;
      else if (argument == "--seconds")
        settings.seconds_max = std::strtod(value, nullptr);
      else if (argument == "--json")
        json = std::strcmp(value, "-") == 0 ? stdout : std::fopen(value, "a");
      else
        return fail(Error(ErrorCode::invalid_argument, "unknown option " + argument));
    } else {
      names.push_back(argument);
    }
  }
  for (const std::string& name : names) {
    const bool known = name == "floor" ||
                       std::any_of(cases().begin(), cases().end(), [&](const Case& one) { return one.name == name; });
    if (!known) return fail(Error(ErrorCode::invalid_argument, "there is no case " + name + "; --help lists them"));
  }
  if (fills > 0 || opens) {
    const auto done = fills > 0 ? child_fill(settings, fills) : child_open(settings);
    return done ? 0 : fail(done.error());
  }
  std::filesystem::create_directories(settings.directory);
  Report report(json);
  const Data data;
  Context context{settings, data, report};
  const auto done = run_cases(context, names);
  std::filesystem::remove(settings.directory, ignored);  // when nothing was left in it
  if (json != nullptr && json != stdout) std::fclose(json);
  return done ? 0 : fail(done.error());
}

}  // namespace
}  // namespace strata::bench

int main(int count, char** arguments) { return strata::bench::run(count, arguments); }
