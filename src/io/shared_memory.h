#pragma once
/// Memory that this process writes with plain stores and others look at while it lives. It is no file: nothing of it is on a
/// disk, a full or failing disk cannot take it away under a store to it (as it can a mapped file: SIGBUS), and it goes
/// with its process, however that ends.
///
/// It is found through the process: each shared memory is a descriptor of its owner, listed in /proc/<process>/fd under the
/// name it was given. Its user and root may look, nobody may write or cut it short.
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "strata/error.h"
#include "strata/value.h"

namespace strata::io {

/// Threads: any; whoever writes orders the stores.
class SharedMemory {
 public:
  virtual ~SharedMemory() = default;
  virtual std::span<std::byte> bytes() noexcept = 0;  ///< zeros at first, aligned to a page
  virtual void hide() noexcept = 0;  ///< nobody finds it from here on; its bytes stay. Once, by one thread
};

/// name  at most 200 bytes, no '/'
/// Errors  unsupported (the system has none), resource_exhausted (memory, descriptors)
Result<std::unique_ptr<SharedMemory>> make_shared_memory(std::string_view name, std::size_t bytes);

/// What the shared memory of that name in another process, or in this one, holds now: two copies, one after the other, so that
/// what is the same in both was not half-way written. At most `bytes_max` of each.
/// Errors  not_found (the process has none of that name, or is none that can be seen from here), permission_denied
///         (another user's), io
struct SharedMemoryCopies {
  Bytes first, second;
};
Result<SharedMemoryCopies> read_shared_memory(int process, std::string_view name, std::size_t bytes_max);

}  // namespace strata::io
