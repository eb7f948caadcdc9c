#include "cli/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

namespace strata::cli {
namespace {

std::atomic<int> interrupts{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may touch nothing else");

extern "C" void count_interrupt(int signal_number) {
  if (interrupts.fetch_add(1) > 0) ::_exit(128 + signal_number);
}

}  // namespace

void watch_interrupts() {
  struct sigaction action = {};
  action.sa_handler = count_interrupt;  // no SA_RESTART: a read that waits for the user must end
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &action, nullptr);
}

bool interrupted() { return interrupts.load() > 0; }
void forget_interrupt() { interrupts.store(0); }

Result<void> check_interrupt() {
  if (interrupted()) return Error(ErrorCode::cancelled, "interrupted; what was committed stays, nothing is half done");
  return {};
}

}  // namespace strata::cli
