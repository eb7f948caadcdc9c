#include "engine/retaining_file_system.h"

namespace strata::engine {

void RetainingFileSystem::retain(std::set<std::string, std::less<>> names) {
  const core::MutexLock lock(mutex_);
  retained_ = std::move(names);
}

Result<void> RetainingFileSystem::remove(std::string_view name) {
  {
    const core::MutexLock lock(mutex_);
    if (retained_.contains(name)) return {};
  }
  return base_.remove(name);
}

}  // namespace strata::engine
