#pragma once
/// A disk in memory that remembers what was promised to survive.
///
///     write ──► content ──File::sync──► durable content          per file, in sectors of 512 bytes
///     create, rename, remove ──► names ──sync_directory──► durable names       per folder
///
/// `power_cut` goes back to the durable side and lets a policy decide, sector by sector and name by name, what of the rest
/// happened to reach the disk: POSIX promises nothing about it, not even an order. A file that was open at the cut answers
/// `io` from then on. Database tests run on it without a directory; crash tests cut its power.
#include <cstdint>
#include <functional>
#include <memory>

#include "core/random.h"
#include "io/file_system.h"

namespace strata::io {

/// What of the unsynced survives a power cut.
struct PowerCut {
  enum class Unsynced {
    lost,    ///< none of it
    kept,    ///< all of it, as after killing the process only
    torn,    ///< each sector by the toss of a coin: torn and reordered writes
    prefix,  ///< the first k of the writes' sectors, in file order: a torn last write
    garbled  ///< as torn, and what was not written may hold anything (the sector was in flight)
  };
  Unsynced content = Unsynced::lost;
  Unsynced names = Unsynced::lost;  ///< torn: each create, rename and remove by the toss of a coin; prefix: the first k
};

/// Threads: any.
class MemoryFileSystem : public FileSystem {
 public:
  /// Drops what was not synced, as far as `cut` says. Locks are gone, open files are dead.
  virtual void power_cut(core::Random& random, const PowerCut& cut) = 0;
  /// A second disk with the same content, names and durable state. No lock or open file goes with it.
  virtual std::unique_ptr<MemoryFileSystem> clone() const = 0;
  /// Changes stored bytes behind everyone's back, durable ones too: bit rot, a misdirected write.
  virtual Result<void> damage(std::string_view name, const std::function<void(Bytes&)>& change) = 0;
  /// From now on at most this much can be stored: writes beyond answer resource_exhausted.
  virtual void set_capacity(std::uint64_t bytes) = 0;
};

std::unique_ptr<MemoryFileSystem> make_memory_file_system();

}  // namespace strata::io
