#include "cli/progress_bar.h"

#include <algorithm>

#include "cli/interrupt.h"

namespace strata::cli {
namespace {

constexpr std::int64_t kAppearsAfterUs = 1'000'000;
constexpr std::int64_t kRedrawUs = 100'000;
constexpr std::size_t kBarColumns = 24;

std::string amount(std::uint64_t number, bool bytes) {
  return bytes ? with_commas(number / 1'000'000) + " MB" : with_commas(number);
}

}  // namespace

std::string with_commas(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string progress_line(std::string_view title, std::uint64_t done, std::uint64_t total, double seconds, bool bytes) {
  std::string line = std::string(title) + "  ";
  if (total > 0) {
    const std::size_t full = static_cast<std::size_t>(static_cast<double>(std::min(done, total)) /
                                                      static_cast<double>(total) * static_cast<double>(kBarColumns));
    for (std::size_t i = 0; i < kBarColumns; ++i) line += i < full ? "━" : "─";
    line += "  " + amount(done, bytes) + "/" + amount(total, bytes);
  } else {
    line += amount(done, bytes);
  }
  if (seconds > 0) {
    line += "  " + amount(static_cast<std::uint64_t>(static_cast<double>(done) / seconds), bytes) + "/s";
  }
  return line;
}

ProgressBar::ProgressBar(std::string title, const core::Clock& clock, bool enabled, bool bytes, std::FILE* file)
    : title_(std::move(title)),
      clock_(clock),
      enabled_(enabled),
      bytes_(bytes),
      file_(file),
      began_us_(clock.monotonic_us()) {}

ProgressBar::~ProgressBar() {
  if (drawn_us_ == 0) return;
  std::fputs("\r\x1b[K", file_);
  std::fflush(file_);
}

void ProgressBar::update(std::uint64_t done, std::uint64_t total) {
  if (!enabled_) return;
  const std::int64_t now = clock_.monotonic_us();
  if (now - began_us_ < kAppearsAfterUs || now - drawn_us_ < kRedrawUs) return;
  drawn_us_ = now;
  const std::string line = progress_line(title_, done, total, static_cast<double>(now - began_us_) / 1e6, bytes_);
  std::fputs(("\r\x1b[K" + line).c_str(), file_);
  std::fflush(file_);
}

Progress ProgressBar::callback() {
  return [this](std::uint64_t done, std::uint64_t total) {
    update(done, total);
    return !interrupted();
  };
}

}  // namespace strata::cli
