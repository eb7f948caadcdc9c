#pragma once
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "core/mutex.h"

namespace strata::cli {

/// A line on standard error while work runs that cannot say how far it has come:
///
///     verifying  12 s
///
/// Drawn by a thread of its own, from the first second on, on a terminal only; it takes itself away at the end. Nothing else
/// may write to the terminal meanwhile.
class WaitingLine {
 public:
  WaitingLine(std::string title, bool enabled, std::FILE* file = stderr,
              std::chrono::milliseconds second = std::chrono::seconds(1));
  ~WaitingLine();
  WaitingLine(const WaitingLine&) = delete;
  WaitingLine& operator=(const WaitingLine&) = delete;

 private:
  void draw_each_second();

  const std::string title_;
  std::FILE* const file_;
  const std::chrono::milliseconds second_;
  core::Mutex mutex_;
  core::Condition wake_;
  bool done_ STRATA_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace strata::cli
