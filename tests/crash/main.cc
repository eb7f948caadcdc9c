// strata_crash: see crash.h. `--seed N` repeats a run's operations, and its crashes as far as a machine can.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "core/random.h"
#include "crash/crash.h"

namespace {

constexpr const char* kUsage =
    "usage: strata_crash [--memories | --vectors] [--kills N | --minutes M] [--writers N] [--lives N]\n"
    "       strata_crash --failpoints [--only PREFIX] [--every N]\n"
    "       strata_crash --errors [--only CALL[/OWNER]] [--every N] [--part I/N]\n"
    "       strata_crash --power-cut [--cuts N | --minutes M] [--file-system ext4|xfs]\n"
    "       strata_crash --rot [--cases N | --minutes M | --exhaustive [--part I/N]] [--only FILE]\n"
    "       strata_crash --simulate [--seeds N | --minutes M]\n"
    "       strata_crash --report --record FILE\n"
    "all:   [--seed N] [--directory DIR] [--record FILE] [--quiet]\n"
    "Takes a writing process's life or its disk away and checks what is left. Exit 1: something acknowledged was "
    "lost,\n"
    "something torn is visible, or the stores disagree; the directory is kept then. --record appends a line of JSON.\n";

}  // namespace

int main(int argc, char** argv) {
  using namespace strata::crash;
  Settings settings;
  ChildSettings child;
  settings.seed = strata::core::random_seed() % 1'000'000;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const std::string value = i + 1 < argc ? argv[i + 1] : "";
    const auto number = [&] { return ++i, std::strtoull(value.c_str(), nullptr, 10); };
    const auto text = [&] { return ++i, value; };
    if (flag == "--memories") {
      settings.what = What::memories;
    } else if (flag == "--vectors") {
      settings.what = What::vectors;
    } else if (flag == "--failpoints") {
      settings.what = What::failpoints;
      settings.count = UINT64_MAX;
    } else if (flag == "--errors") {
      settings.what = What::errors;
      settings.count = UINT64_MAX;
    } else if (flag == "--power-cut") {
      settings.what = What::power_cut;
    } else if (flag == "--rot") {
      settings.what = What::rot;
      settings.count = 1'000;
    } else if (flag == "--simulate") {
      settings.what = What::simulate;
      settings.count = 10'000;
    } else if (flag == "--report") {
      settings.what = What::report;
    } else if (flag == "--seed") {
      settings.seed = child.seed = number();
    } else if (flag == "--writers") {
      settings.writers = child.writers = std::max(1ULL, number());
    } else if (flag == "--kills" || flag == "--cuts" || flag == "--cases" || flag == "--seeds") {
      settings.count = number();
    } else if (flag == "--minutes") {
      settings.minutes = std::strtod(text().c_str(), nullptr);
    } else if (flag == "--lives") {
      settings.lives = std::max(1ULL, number());
    } else if (flag == "--directory") {
      settings.directory = child.directory = text();
    } else if (flag == "--file-system") {
      settings.file_system = text();
    } else if (flag == "--only") {
      settings.only = text();
    } else if (flag == "--every") {
      settings.every = std::max(1ULL, number());
    } else if (flag == "--exhaustive") {
      settings.exhaustive = true;
    } else if (flag == "--part") {
      unsigned long long part = 0, parts = 0;
      if (std::sscanf(text().c_str(), "%llu/%llu", &part, &parts) != 2 || part < 1 || part > parts) {
        std::fputs("--part needs I/N, for example 2/8\n", stdout);
        return 64;
      }
      settings.part = part;
      settings.parts = parts;
    } else if (flag == "--record") {
      settings.record = text();
    } else if (flag == "--quiet") {
      settings.quiet = true;
    } else if (child.take(flag, value)) {
      ++i;
    } else {
      std::fputs(kUsage, stdout);
      return flag == "--help" ? 0 : 64;
    }
  }
  if (!child.mode.empty()) {
    child.first.resize(child.writers, 0);
    return run_child(child);
  }
  switch (settings.what) {
    case What::kills: return run_kills(settings);
    case What::memories: return run_memories(settings);
    case What::vectors: return run_vectors(settings);
    case What::failpoints: return run_failpoints(settings);
    case What::errors: return run_errors(settings);
    case What::power_cut: return run_power_cuts(settings);
    case What::rot: return run_rot(settings);
    case What::simulate: return run_simulation(settings);
    case What::report: return print_report(settings);
  }
  return 64;
}
