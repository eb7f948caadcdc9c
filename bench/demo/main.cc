// strata_demo: the machine's own package index, remembered. Every figure it prints was measured while it ran.
//
//     read the index → remember each package in all seven stores → recall → pull the plug → open again → a read as of an
//     earlier LSN → a backup while writing, restored elsewhere → do all stores agree?
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <thread>

#include "demo/ingest.h"
#include "demo/workplace.h"

namespace strata::demo {
namespace {

namespace fs = std::filesystem;

struct Settings {
  std::string directory = "demo.strata";
  std::string sample = STRATA_DEMO_SAMPLE;
  std::size_t batch = 50;
  std::size_t limit = 0;  ///< packages; 0: all
};

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count(); }

 private:
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return digits;
}

void draw_progress(std::size_t done, std::size_t total, double seconds, Lsn lsn, bool last) {
  static const bool terminal = ::isatty(STDOUT_FILENO) != 0;
  if (!terminal && !last) return;
  constexpr std::size_t kWidth = 24;
  std::string bar;
  for (std::size_t i = 0; i < kWidth; ++i) bar += i * total < done * kWidth ? "━" : "─";
  std::printf("%sremembering %s %s/%s  %s/s  seven stores, one journal, lsn %s%s", terminal ? "\r" : "", bar.c_str(),
              grouped(done).c_str(), grouped(total).c_str(),
              grouped(static_cast<std::uint64_t>(static_cast<double>(done) / std::max(seconds, 1e-9))).c_str(),
              grouped(lsn).c_str(), last ? "\n" : "");
  std::fflush(stdout);
}

/// The child of the power-cut act: remembers packages from `begin` on and tells how many are acknowledged, until killed.
int remember_until_killed(const Settings& settings, const PackageIndex& index, std::size_t begin) {
  auto engine = Engine::open(settings.directory);
  if (!engine) return 2;
  auto memory = Memory::open(**engine);
  if (!memory) return 2;
  std::unordered_set<std::string> known = names_before(index, begin);
  for (std::size_t at = begin; at < index.packages.size(); at += settings.batch) {
    const std::size_t end = std::min(at + settings.batch, index.packages.size());
    if (auto done = remember_packages(**engine, **memory, index, at, end, known); !done) {
      std::fprintf(stderr, "%s\n", done.error().to_string().c_str());
      return 2;
    }
    const std::uint64_t acknowledged = end;
    if (::write(STDOUT_FILENO, &acknowledged, sizeof acknowledged) != sizeof acknowledged) return 3;
  }
  return 0;
}

Result<void> show_recall(Memory& memory, const RecallOptions& options, const std::string& title) {
  Stopwatch watch;
  std::vector<Recalled> hits = STRATA_TRY(memory.recall(options));
  const double first_ms = watch.seconds() * 1e3;
  Stopwatch again;
  hits = STRATA_TRY(memory.recall(options));
  std::printf("%s   (%.2f ms, first time %.1f ms)\n", title.c_str(), again.seconds() * 1e3, first_ms);
  for (const Recalled& hit : hits) {
    std::string why;
    const auto add = [&why](const std::string& part) { why += (why.empty() ? "" : " · ") + part; };
    if (hit.why.vector_rank) add("vector #" + std::to_string(hit.why.vector_rank));
    if (hit.why.words_rank) add("words #" + std::to_string(hit.why.words_rank));
    if (hit.why.path.size() > 1) {
      std::string path;
      for (const std::string& id : hit.why.path) path += (path.empty() ? "" : " → ") + id;
      add(path);
    }
    std::printf("  %.2f  %-24s %-58.58s %s\n", hit.score, hit.id.c_str(),
                hit.text.substr(hit.id.size() + 2, hit.text.find('\n') - hit.id.size() - 2).c_str(), why.c_str());
  }
  if (hits.empty()) std::printf("  nothing: no package meets all of it\n");
  return {};
}

Result<std::uint64_t> packages_in(Stores& stores) {
  const Rows rows = STRATA_TRY(stores.metadata().query("select count(*) from package"));
  return static_cast<std::uint64_t>(*rows.rows[0][0].integer());
}

/// Do the stores agree? Prints one line; false when they do not.
Result<bool> show_agreement(Memory& memory, const std::string& prefix) {
  Stopwatch watch;
  const AgreementReport report = STRATA_TRY(memory.check_agreement());
  std::string counts;
  for (const char* store : {"metadata", "vector", "object", "graph", "analytics", "array"}) {
    const auto present = report.present.find(store);
    const std::uint64_t count = present == report.present.end() ? 0 : present->second;
    counts += (counts.empty() ? "" : ", ") + std::string(store) + " " + grouped(count);
  }
  const auto cached = report.present.find("cache");
  std::printf("%s%s memories in every store (%s; cache holds %s): %s  (%.1f s)\n", prefix.c_str(),
              grouped(report.atoms).c_str(), counts.c_str(),
              grouped(cached == report.present.end() ? 0 : cached->second).c_str(),
              report.disagreements.empty() ? "they agree" : "THEY DISAGREE", watch.seconds());
  for (std::size_t i = 0; i < std::min<std::size_t>(5, report.disagreements.size()); ++i) {
    const Disagreement& finding = report.disagreements[i];
    std::printf("    %s about %s: %s\n", finding.store.c_str(), finding.id.c_str(), finding.what.c_str());
  }
  return report.disagreements.empty();
}

/// Lets a child remember the rest, kills it on the way, opens again. Returns how many packages are remembered then.
Result<std::size_t> pull_the_plug(const Settings& settings, const PackageIndex& index, std::size_t begin,
                                  std::size_t kill_at, std::unique_ptr<Engine>& engine,
                                  std::unique_ptr<Memory>& memory) {
  int ends[2];
  if (::pipe(ends) != 0) return Error(ErrorCode::io, "no pipe for the child");
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    _exit(remember_until_killed(settings, index, begin));
  }
  ::close(ends[1]);
  std::uint64_t acknowledged = begin;
  std::uint64_t heard = 0;
  bool killed = false;
  while (::read(ends[0], &heard, sizeof heard) == sizeof heard) {
    acknowledged = heard;
    if (!killed && acknowledged >= kill_at) {
      ::kill(child, SIGKILL);
      killed = true;
    }
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!killed && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
    return Error(ErrorCode::internal, "the child could not remember the packages");
  }
  Stopwatch watch;
  engine = STRATA_TRY(Engine::open(settings.directory));
  const double opened = watch.seconds();
  memory = STRATA_TRY(Memory::open(*engine));
  const std::uint64_t there = STRATA_TRY(memory->count());
  std::printf(
      "%s memory %s%s: opened again in %.2f s, %s of %s acknowledged memories are there%s\n",
      killed ? "pulling the plug at" : "all remembered before the plug was pulled at", grouped(acknowledged).c_str(),
      killed ? " (SIGKILL)" : "", opened, grouped(std::min(there, acknowledged)).c_str(), grouped(acknowledged).c_str(),
      there > acknowledged ? (", and " + grouped(there - acknowledged) + " of a batch not yet acknowledged").c_str()
                           : "");
  if (there < acknowledged) return Error(ErrorCode::internal, "acknowledged memories are missing");
  return static_cast<std::size_t>(there);
}

Result<int> run(const Settings& settings) {
  // Backups and what is restored from them are beside the database while the demo runs.
  const std::string aside = settings.directory + ".aside";
  STRATA_TRY(check_ours(settings.directory));
  STRATA_TRY(check_ours(aside));
  PackageIndex index = STRATA_TRY(read_package_index(settings.sample));
  if (settings.limit != 0 && index.packages.size() > settings.limit)
    index = first_packages(std::move(index), settings.limit);
  const std::size_t total = index.packages.size();
  std::printf("reading %s: %s packages, %s dependencies\n",
              index.sample ? "a small sample (this machine has no package index)" : "this machine's package index",
              grouped(total).c_str(), grouped(index.dependencies).c_str());
  fs::remove_all(settings.directory);
  fs::remove_all(aside);

  // Act 1: remember two thirds here, then let a child go on and kill it.
  auto engine = STRATA_TRY(Engine::open(settings.directory));
  STRATA_TRY(mark_ours(settings.directory));
  auto memory = STRATA_TRY(Memory::open(*engine));
  STRATA_TRY(prepare(*engine));
  std::unordered_set<std::string> known;
  Stopwatch watch;
  Lsn lsn = 0;
  Lsn early = 0;
  std::size_t early_packages = 0;
  const std::size_t here = total * 6 / 10;
  std::size_t at = 0;
  double seconds = 0;
  const auto remember_until = [&](std::size_t until) -> Result<void> {
    Stopwatch part;
    while (at < until) {
      const std::size_t end = std::min(at + settings.batch, until);
      lsn = STRATA_TRY(remember_packages(*engine, *memory, index, at, end, known));
      at = end;
      if (early == 0 && at >= total / 3) {
        early = lsn;
        early_packages = at;
      }
      draw_progress(at, total, seconds + part.seconds(), lsn, false);
    }
    seconds += part.seconds();
    return {};
  };
  STRATA_TRY(remember_until(here));
  draw_progress(at, total, seconds, lsn, true);
  memory.reset();
  STRATA_TRY(engine->close());
  engine.reset();

  at = STRATA_TRY(pull_the_plug(settings, index, here, here + total / 30, engine, memory));
  bool agreed = STRATA_TRY(show_agreement(*memory, "  "));
  const Stopwatch rest;
  const std::size_t before_rest = at;
  const double seconds_before = seconds;
  seconds = 0;
  known = names_before(index, at);
  STRATA_TRY(remember_until(total));
  std::printf("remembering the rest: %s in %.1f s, lsn %s\n", grouped(total - before_rest).c_str(), rest.seconds(),
              grouped(lsn).c_str());
  seconds += seconds_before;

  // Act 2: recall over all stores at once.
  RecallOptions options;
  options.text = "lossless image compression";
  options.k = 5;
  STRATA_TRY(show_recall(*memory, options, "recall \"lossless image compression\""));
  options.near = "gimp";
  options.hops = 2;
  options.direction = Direction::out;
  options.link_types = {"depends", "recommends", "suggests"};
  options.filter = {{"section", "libs"}, {"installed_kib", Map{{"lt", 1024}}}};
  if (known.contains("gimp")) {
    STRATA_TRY(show_recall(
        *memory, options,
        "recall \"lossless image compression\", at most 2 hops from \"gimp\", section libs, smaller than 1 MB"));
  }

  // Act 3: the past.
  {
    const auto then = STRATA_TRY(engine->view(AsOf::at(early)));
    Stopwatch past;
    const std::uint64_t rows_then = STRATA_TRY(packages_in(*then));
    const std::uint64_t vectors_then = STRATA_TRY(then->vector().count("memory"));
    const GraphCounts graph_then = STRATA_TRY(then->graph().counts());
    const GraphCounts graph_now = STRATA_TRY(engine->graph().counts());
    std::printf("as of lsn %s: %s rows, %s vectors, %s edges (%.2f s); now %s rows, %s vectors, %s edges\n",
                grouped(early).c_str(), grouped(rows_then).c_str(), grouped(vectors_then).c_str(),
                grouped(graph_then.edges).c_str(), past.seconds(), grouped(STRATA_TRY(packages_in(*engine))).c_str(),
                grouped(STRATA_TRY(engine->vector().count("memory"))).c_str(), grouped(graph_now.edges).c_str());
    if (rows_then != early_packages || vectors_then != early_packages) agreed = false;
  }

  // Act 4: a backup while somebody writes, restored elsewhere.
  const std::string backups = aside + "/backups";
  const std::string elsewhere = aside + "/restored";
  STRATA_TRY(mark_ours(aside));
  fs::create_directories(backups);
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> written{0};
  std::thread writer([&] {
    while (!stop.load()) {
      if (!engine->metadata().set("demo.heartbeat", static_cast<std::int64_t>(written.load()))) break;
      ++written;
    }
  });
  auto report = backup(*engine, backups);
  stop.store(true);
  writer.join();
  if (!report) return std::move(report).error();
  std::printf("backup %.0f MB in %.1f s while %s commits went on", static_cast<double>(report->bytes) / 1e6,
              report->seconds, grouped(written.load()).c_str());
  std::fflush(stdout);
  Stopwatch restoring;
  STRATA_TRY(restore(report->directory, elsewhere));
  const double restored_seconds = restoring.seconds();
  {
    const auto restored = STRATA_TRY(Engine::open(elsewhere));
    const auto restored_memory = STRATA_TRY(Memory::open(*restored));
    std::printf(" · restored elsewhere in %.1f s\n", restored_seconds);
    agreed = STRATA_TRY(show_agreement(*restored_memory, "  there: ")) && agreed;
    // The same view of both, store by store.
    const Lsn both = restored->visible_lsn();
    const auto here_summary = STRATA_TRY(engine->summarize(AsOf::at(both)));
    const auto there_summary = STRATA_TRY(restored->summarize(AsOf::at(both)));
    bool equal = here_summary.size() == there_summary.size();
    for (std::size_t i = 0; equal && i < here_summary.size(); ++i) {
      equal = here_summary[i].hash == there_summary[i].hash && here_summary[i].items == there_summary[i].items;
      if (!equal)
        std::printf("    %s differs at lsn %s\n", std::string(name(here_summary[i].store)).c_str(),
                    grouped(both).c_str());
    }
    std::printf("  every store's content at lsn %s is %s in both\n", grouped(both).c_str(),
                equal ? "the same" : "NOT the same");
    agreed = agreed && equal;
    STRATA_TRY(restored->close());
  }
  fs::remove_all(aside);
  const std::uint64_t lsn_end = engine->visible_lsn();
  STRATA_TRY(engine->checkpoint());
  memory.reset();
  STRATA_TRY(engine->close());
  std::uint64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(settings.directory)) {
    if (entry.is_regular_file()) bytes += entry.file_size();
  }
  std::printf("%s on disk: %.0f MB, %.1f kB a memory, lsn %s; %s memories a second on the way in\n",
              settings.directory.c_str(), static_cast<double>(bytes) / 1e6,
              static_cast<double>(bytes) / 1e3 / static_cast<double>(total), grouped(lsn_end).c_str(),
              grouped(static_cast<std::uint64_t>(static_cast<double>(total) / seconds)).c_str());
  std::printf("next: ./build/strata open %s   ·   ./build/strata recall %s \"...\"   ·   docs/guides/first-steps.md\n",
              settings.directory.c_str(), settings.directory.c_str());
  return agreed ? 0 : 1;
}

constexpr std::string_view kUsage =
    "usage: strata_demo [--batch N] [--packages N] [--directory DIR] [--sample FILE]\n"
    "Remembers this machine's package index in all seven stores, N packages a transaction (50), then recalls,\n"
    "kills itself, reads the past, backs up and restores. DIR (demo.strata) is made anew when the demo made it.\n";

Result<std::size_t> count_of(const std::string& option, const std::string& value) {
  std::size_t count = 0;
  const char* end = value.data() + value.size();
  const auto read = std::from_chars(value.data(), end, count);
  if (read.ec == std::errc() && read.ptr == end && count > 0) return count;
  return Error(ErrorCode::invalid_argument, option + " is a number from 1 on, not \"" + value + "\"");
}

Result<Settings> settings_of(std::span<const char* const> arguments) {
  Settings settings;
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    const std::string option = arguments[i];
    const bool known = option == "--batch" || option == "--packages" || option == "--directory" || option == "--sample";
    if (!known) return Error(ErrorCode::invalid_argument, "there is no option " + option + "; --help lists them");
    if (i + 1 == arguments.size()) return Error(ErrorCode::invalid_argument, option + " needs a value");
    const std::string value = arguments[i + 1];
    if (option == "--batch") settings.batch = STRATA_TRY(count_of(option, value));
    if (option == "--packages") settings.limit = STRATA_TRY(count_of(option, value));
    if (option == "--directory") settings.directory = value;
    if (option == "--sample") {
      if (::access(value.c_str(), R_OK) != 0 || fs::is_directory(value)) {
        return Error(ErrorCode::invalid_argument, "--sample \"" + value + "\" cannot be read");
      }
      settings.sample = value;
    }
  }
  while (settings.directory.size() > 1 && settings.directory.back() == '/') settings.directory.pop_back();
  if (settings.directory.empty()) return Error(ErrorCode::invalid_argument, "--directory is empty");
  return settings;
}

}  // namespace
}  // namespace strata::demo

int main(int argc, char** argv) {
  using namespace strata;
  const std::span<const char* const> arguments(argv + 1, static_cast<std::size_t>(argc - 1));
  if (std::ranges::any_of(arguments, [](std::string_view each) { return each == "--help"; })) {
    std::fputs(demo::kUsage.data(), stdout);
    return 0;
  }
  const auto done = [&]() -> Result<int> { return demo::run(STRATA_TRY(demo::settings_of(arguments))); }();
  if (!done) {
    std::fprintf(stderr, "%s\n", done.error().to_string().c_str());
    return exit_code(done.error().code());
  }
  return *done;
}
