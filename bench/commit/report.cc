#include "commit/report.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

namespace strata::bench {
namespace {

std::string shown(double value) {
  char text[40];
  std::snprintf(text, sizeof text, value >= 1000 ? "%.0f" : value >= 10 ? "%.1f" : "%.2f", value);
  return text;
}

}  // namespace

double cpu_us() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

double quantile(std::vector<double> samples, double q) {
  if (samples.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(q * static_cast<double>(samples.size() - 1));
  std::nth_element(samples.begin(), samples.begin() + at, samples.end());
  return samples[static_cast<std::size_t>(at)];
}

std::uint64_t resident_bytes() {
  unsigned long long all = 0, resident = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%llu %llu", &all, &resident) != 2) resident = 0;
    std::fclose(file);
  }
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

void Report::floor(double p50_us) { floor_us_ = p50_us; }

void Report::say(const std::string& line) {
  std::fprintf(json_ == stdout ? stderr : stdout, "%s\n", line.c_str());
  std::fflush(stdout);
}

void Report::figure(const std::string& name, double value, const std::string& unit, const Map& details) {
  Map line = details;
  line.set("name", name);
  line.set("value", value);
  line.set("unit", unit);
  const double us = unit == "us" ? value : unit == "ms" ? value * 1e3 : 0;
  if (us > 0 && floor_us_ > 0) line.set("floors", us / floor_us_);
  if (json_ != nullptr) {
    std::fprintf(json_, "%s\n", to_json(line).c_str());
    std::fflush(json_);
  }
  std::string text =
      "  " + name + std::string(name.size() < 44 ? 44 - name.size() : 1, ' ') + shown(value) + " " + unit;
  for (const auto& [key, detail] : line) {
    double number = 0;
    if (key == "name" || key == "value" || key == "unit") continue;
    text += "  " + key + " " + (detail.number(number) ? shown(number) : to_json(detail));
  }
  say(text);
}

void Report::latencies(const std::string& name, const std::vector<double>& us, Map details) {
  details.set("p10_us", quantile(us, 0.1));  // on a busy machine: what it would be on a quiet one, nearly
  details.set("p99_us", quantile(us, 0.99));
  details.set("count", us.size());
  figure(name, quantile(us, 0.5), "us", details);
}

}  // namespace strata::bench
