#pragma once
/// What was measured, as it is told: one JSON line a figure, and a line a human reads.
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "strata/value.h"

namespace strata::bench {

class Stopwatch {
 public:
  double us() const {
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - began_).count();
  }
  double seconds() const { return us() / 1e6; }

 private:
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

double cpu_us();                                         ///< of this process, all threads, user and system
double quantile(std::vector<double> samples, double q);  ///< 0 when there are none
std::uint64_t resident_bytes();                          ///< of this process, now

/// Threads: one at a time.
class Report {
 public:
  explicit Report(std::FILE* json) : json_(json) {}
  /// A figure in `unit` ("us", "ms", "/s", "bytes", "MB"); `details` join it in the JSON line and behind the text.
  void figure(const std::string& name, double value, const std::string& unit, const Map& details = {});
  void latencies(const std::string& name, const std::vector<double>& us, Map details = {});
  void floor(double p50_us);          ///< later times are told as a ratio to the last floor
  void say(const std::string& line);  ///< for the reader alone

 private:
  std::FILE* json_;  ///< null: none
  double floor_us_ = 0;
};

}  // namespace strata::bench
