#include "core/thread_priority.h"

#if defined(__linux__)
#include <sys/resource.h>
#endif

namespace strata::core {

void give_way() {
#if defined(__linux__)
  // Linux takes 0 for the calling thread, not for its process. It is a wish: refused, the thread goes on as it is.
  constexpr int kNice = 10;
  const int now = ::getpriority(PRIO_PROCESS, 0);
  if (now < kNice) (void)::setpriority(PRIO_PROCESS, 0, kNice);
#endif
}

}  // namespace strata::core
