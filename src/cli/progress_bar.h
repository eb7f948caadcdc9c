#pragma once
#include <cstdio>
#include <string>

#include "core/clock.h"
#include "strata/operations.h"

namespace strata::cli {

/// A line on standard error that says how far long work has come:
///
///     remembering  ━━━━━━━━━━━━━━──────────  41,022/63,666  18,400/s
///
/// It appears after a second, on a terminal only, and takes itself away at the end. One thread at a time.
class ProgressBar {
 public:
  /// bytes   done and total are bytes, shown as MB
  ProgressBar(std::string title, const core::Clock& clock, bool enabled, bool bytes = false, std::FILE* file = stderr);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// total 0: not known
  void update(std::uint64_t done, std::uint64_t total);
  /// For operations; answers false after Ctrl-C. Borrows the bar.
  Progress callback();

 private:
  const std::string title_;
  const core::Clock& clock_;
  const bool enabled_, bytes_;
  std::FILE* file_;
  const std::int64_t began_us_;
  std::int64_t drawn_us_ = 0;
};

/// The line itself, without the carriage return.
std::string progress_line(std::string_view title, std::uint64_t done, std::uint64_t total, double seconds, bool bytes);
/// 63666 → "63,666"
std::string with_commas(std::uint64_t number);

}  // namespace strata::cli
