// What was counted: printed, and kept as one line of JSON for each run, so that the table of docs/guarantees.md is printed
// and not typed.
#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include "core/clock.h"
#include "crash/crash.h"
#include "strata/value.h"

namespace strata::crash {
namespace {

std::string machine() {
  utsname system{};
  ::uname(&system);
  return std::to_string(std::thread::hardware_concurrency()) + " cores, Linux " + system.release + ", " +
         system.machine;
}

std::int64_t integer_of(const Map& map, std::string_view name) {
  const Value* value = map.find(name);
  return value != nullptr && value->integer() != nullptr ? *value->integer() : 0;
}

std::string text_of(const Map& map, std::string_view name) {
  const Value* value = map.find(name);
  return value != nullptr && value->text() != nullptr ? *value->text() : "?";
}

std::string with_commas(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

}  // namespace

void Tally::violation(const std::string& where, const std::string& what) {
  ++violations_;
  std::printf("\nVIOLATION (seed %llu, %s): %s\n", static_cast<unsigned long long>(settings_.seed), where.c_str(),
              what.c_str());
  std::fflush(stdout);
}

std::uint64_t Tally::count(const std::string& name) const {
  const auto found = counts_.find(name);
  return found == counts_.end() ? 0 : found->second;
}

void Tally::progress() const {
  if (settings_.quiet) return;
  std::string line;
  for (const auto& [name, count] : counts_) line += name + " " + std::to_string(count) + "  ";
  std::printf("\r%sviolations %llu ", line.c_str(), static_cast<unsigned long long>(violations_));
  std::fflush(stdout);
}

int finish(const Settings& settings, std::string_view what, std::string_view counted, const Tally& tally,
           double minutes) {
  std::string line;
  Map details;
  for (const auto& [name, count] : tally.counts()) {
    line += ", " + std::to_string(count) + " " + name;
    details.set(name, count);
  }
  const std::string mode(what);
  std::printf("%s%s, seed %llu%s: %llu violations, %.1f minutes\n", settings.quiet ? "" : "\r", mode.c_str(),
              static_cast<unsigned long long>(settings.seed), line.c_str(),
              static_cast<unsigned long long>(tally.violations()), minutes);
  if (!settings.record.empty()) {
    const core::SystemClock clock;
    const Map entry{{"date", core::format_time(clock.now()).substr(0, 10)},
                    {"what", mode},
                    {"machine", machine()},
                    {"seed", settings.seed},
                    {"count", tally.count(std::string(counted))},
                    {"minutes", minutes},
                    {"violations", tally.violations()},
                    {"details", details}};
    std::ofstream(settings.record, std::ios::app) << to_json(entry) << "\n";
  }
  return tally.violations() == 0 ? 0 : 1;
}

int print_report(const Settings& settings) {
  std::ifstream in(settings.record);
  if (!in) {
    std::printf("no record: %s\n", settings.record.c_str());
    return 66;
  }
  struct Sum {
    std::uint64_t count = 0, runs = 0, violations = 0;
    std::string first, last, machine;
  };
  std::map<std::string, Sum> sums;
  std::string rows, line;
  while (std::getline(in, line)) {
    const auto parsed = parse_json(line);
    if (!parsed || parsed->map() == nullptr) {
      std::printf("not a line of a record: %s\n", line.c_str());
      return 65;
    }
    const Map& entry = *parsed->map();
    const std::string what = text_of(entry, "what"), date = text_of(entry, "date"), machine = text_of(entry, "machine");
    const auto count = static_cast<std::uint64_t>(integer_of(entry, "count"));
    const auto violations = static_cast<std::uint64_t>(integer_of(entry, "violations"));
    Sum& sum = sums[what];
    sum.count += count;
    sum.violations += violations;
    ++sum.runs;
    if (sum.first.empty() || date < sum.first) sum.first = date;
    sum.last = std::max(sum.last, date);
    if (sum.machine.find(machine) == std::string::npos) sum.machine += (sum.machine.empty() ? "" : "; ") + machine;
  }
  std::printf("| what | tried | runs | from | to | machine | violations |\n|---|---|---|---|---|---|---|\n");
  for (const auto& [what, sum] : sums) {
    std::printf("| %s | %s | %s | %s | %s | %s | %s |\n", what.c_str(), with_commas(sum.count).c_str(),
                with_commas(sum.runs).c_str(), sum.first.c_str(), sum.last.c_str(), sum.machine.c_str(),
                with_commas(sum.violations).c_str());
  }
  return 0;
}

Budget::Budget(const Settings& settings) : settings_(settings), began_us_(core::SystemClock().monotonic_us()) {}

double Budget::minutes() const { return static_cast<double>(core::SystemClock().monotonic_us() - began_us_) / 60e6; }

bool Budget::left(std::uint64_t done) const {
  if (settings_.minutes > 0) return minutes() < settings_.minutes;
  return done < settings_.count;
}

Scratch::Scratch(const Settings& settings)
    : base_(settings.directory.empty()
                ? (std::filesystem::temp_directory_path() / ("strata-crash-" + std::to_string(::getpid()))).string()
                : settings.directory),
      own_(settings.directory.empty()) {
  std::filesystem::create_directories(base_);
}

Scratch::~Scratch() {
  std::error_code ignored;
  if (own_ && !keep_) std::filesystem::remove_all(base_, ignored);
}

std::string Scratch::path(const std::string& name) const { return base_ + "/" + name; }

}  // namespace strata::crash
