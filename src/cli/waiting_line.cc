#include "cli/waiting_line.h"

#include "cli/progress_bar.h"

namespace strata::cli {

WaitingLine::WaitingLine(std::string title, bool enabled, std::FILE* file, std::chrono::milliseconds second)
    : title_(std::move(title)), file_(file), second_(second) {
  if (enabled) thread_ = std::thread([this] { draw_each_second(); });
}

WaitingLine::~WaitingLine() {
  if (!thread_.joinable()) return;
  {
    const core::MutexLock lock(mutex_);
    done_ = true;
    wake_.notify_one();
  }
  thread_.join();
}

void WaitingLine::draw_each_second() {
  std::uint64_t seconds = 0;
  const core::MutexLock lock(mutex_);
  while (!done_) {
    if (wake_.wait_for(mutex_, second_)) continue;
    ++seconds;
    std::fputs(("\r\x1b[K" + title_ + "  " + with_commas(seconds) + " s").c_str(), file_);
    std::fflush(file_);
  }
  if (seconds == 0) return;
  std::fputs("\r\x1b[K", file_);
  std::fflush(file_);
}

}  // namespace strata::cli
